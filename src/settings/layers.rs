//! Merges the settings file, the files of accounts.d, and the environment, which overrides them, and keeps where each value
//! came from.
//!
//! The `config` crate merges them. It keeps no places, so a finding looks its value up in the parsed file by the value's path;
//! a value from the environment carries the name of its variable.

use std::ops::Range;

use config::{Config, File, FileFormat, Map, Source as Layer, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::accounts_folder;
use super::environment::{Environment, PREFIX};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Severity, Source};

/// The layers as one tree of values, with the list that takes findings about them.
pub(super) struct Layers<'a> {
    /// The settings file first. No two have the same account.
    files: Vec<Tree<'a>>,
    findings: &'a Findings,
    /// All layers merged; a table.
    pub(super) values: Value,
}

/// A file as it was parsed, with the place of each value.
struct Tree<'a> {
    source: &'a Source,
    root: Spanned<DeTable<'a>>,
}

/// The part of a setting that a finding is about.
#[derive(Clone, Copy)]
pub(super) enum About {
    Key,
    Value,
}

/// The text of a finding: what is wrong, and what to do.
pub(super) struct Words<'w> {
    pub(super) message: &'w str,
    pub(super) label: &'w str,
}

/// One part of a setting's path: a key of a table or an index of a list.
#[derive(Clone, Debug)]
pub(super) enum PathPart {
    Key(String),
    Item(usize),
}

impl<'a> Layers<'a> {
    /// Merges the files' values, the settings file first, and those of the environment. A syntax error is a finding, and the result
    /// `None`; so is an account that two files have.
    pub(super) fn lay(
        sources: &'a [Source],
        environment: &Environment,
        findings: &'a Findings,
    ) -> Option<Self> {
        let files: Vec<_> = sources.iter().map(|source| Tree::parse(source, findings)).collect();
        let files: Vec<_> = files.into_iter().collect::<Option<_>>()?;
        let roots = files.iter().map(|file| (file.source, file.root.get_ref()));
        let accounts = accounts_folder::names(roots, findings)?;
        let mut layers = Config::builder();
        for source in sources {
            layers = layers.add_source(File::from_str(source.text(), FileFormat::Toml));
        }
        match layers.add_source(Variables::new(environment, &accounts, findings)).build() {
            Ok(laid) => Some(Self { files, findings, values: laid.cache }),
            Err(error) => {
                // Only a number that is out of range can still fail here.
                let names: Vec<_> = sources.iter().map(Source::name).collect();
                let name = if names.is_empty() { "the environment".to_owned() } else { names.join(", ") };
                findings.add(Diagnostic::unplaced(format!("{name}: {error}")));
                None
            }
        }
    }

    /// Reports a finding about the value at `path`: at its place in the file, or with the name of its variable.
    pub(super) fn note(
        &self,
        severity: Severity,
        about: About,
        (path, value): (&[PathPart], &Value),
        words: Words<'_>,
    ) {
        let found = self.files.iter().find_map(|file| Some((file.source, file.find(path)?)));
        let mut finding = match found.filter(|_| value.origin().is_none()) {
            Some((source, (key, value))) => {
                let span = match about {
                    About::Key => key,
                    About::Value => value,
                };
                Diagnostic::error(source, span, words.message).label(words.label)
            }
            _ => {
                let named = match origin(value).map(str::to_owned).or_else(|| show(path)) {
                    Some(name) => format!("{name}: {}", words.message),
                    None => words.message.to_owned(),
                };
                let finding = Diagnostic::unplaced(named);
                if words.label.is_empty() { finding } else { finding.help(words.label) }
            }
        };
        finding.severity = severity;
        self.findings.add(finding);
    }
}

impl<'a> Tree<'a> {
    /// Parses a file; `None` where a syntax error, or a key that cannot be one, is a finding.
    fn parse(source: &'a Source, findings: &Findings) -> Option<Self> {
        let text = source.text();
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            findings.add(Diagnostic::error(source, span, error.message().replace('\n', ", ")));
        }
        // config reads a top-level key as a path: `"a[999999999]"` would make a list of that length.
        let odd = root.get_ref().keys().find(|key| !is_plain(key.get_ref()));
        if let Some(odd) = odd {
            findings.add(Diagnostic::error(source, odd.span(), format!("unknown key `{}`", odd.get_ref())));
        }
        (errors.is_empty() && odd.is_none()).then_some(Self { source, root })
    }

    /// The byte ranges of the key and the value at `path`, if the file has them.
    fn find(&self, path: &[PathPart]) -> Option<(Range<usize>, Range<usize>)> {
        let (last, before) = path.split_last()?;
        let mut table = self.root.get_ref();
        let mut list: Option<(&Spanned<_>, &DeArray<'_>)> = None;
        for step in before {
            let (key, value) = match step {
                PathPart::Key(key) => table.iter().find(|(name, _)| name.get_ref() == key)?,
                PathPart::Item(index) => list.and_then(|(key, items)| Some((key, items.get(*index)?)))?,
            };
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                DeValue::Array(items) => list = Some((key, items)),
                _ => return None,
            }
        }
        let (key, value) = match last {
            PathPart::Key(last) => table.iter().find(|(name, _)| name.get_ref() == last)?,
            PathPart::Item(index) => list.and_then(|(key, items)| Some((key, items.get(*index)?)))?,
        };
        // The table of a dotted key has no bytes of its own; use the key's.
        let bytes = if value.span().is_empty() { key.span() } else { value.span() };
        Some((key.span(), bytes))
    }
}

/// The variable that a value comes from; for a table, that of its first value.
fn origin(value: &Value) -> Option<&str> {
    match (value.origin(), &value.kind) {
        (None, ValueKind::Table(table)) => {
            let mut names: Vec<_> = table.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            names.into_iter().find_map(|(_, value)| origin(value))
        }
        (origin, _) => origin,
    }
}

/// A path as text; the top level has none.
fn show(path: &[PathPart]) -> Option<String> {
    let keys = path.iter().filter_map(|step| match step {
        PathPart::Key(key) => Some(key.as_str()),
        PathPart::Item(_) => None,
    });
    let keys: Vec<_> = keys.collect();
    (!keys.is_empty()).then(|| format!("`{}`", keys.join(".")))
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The variables as a layer. config's own environment layer drops their names, and cannot tell a `_` that stands for `-`,
/// which shells do not allow in names, from the `_` of an account's name.
#[derive(Clone, Debug)]
struct Variables(Vec<(String, Value)>);

impl Variables {
    fn new(environment: &Environment, accounts: &[String], findings: &Findings) -> Self {
        let mut variables = Vec::new();
        for (rest, value) in environment.beginning_with(PREFIX) {
            let name = format!("{PREFIX}{rest}");
            let path = rest.to_lowercase();
            let words: Vec<_> = path.split("__").collect();
            if !words.iter().all(|word| is_plain(word)) {
                let finding = Diagnostic::unplaced(format!("{name}: no setting can have this name"));
                findings.add(finding.help("for example FOLLOWSIFT__ACCOUNTS__HOME__HOST"));
                continue;
            }
            let words = words.iter().enumerate().map(|(index, word)| match (index, words.first()) {
                (1, Some(&"accounts")) => account(word, accounts),
                _ => word.replace('_', "-"),
            });
            let path = words.collect::<Vec<_>>().join(".");
            variables.push((path, read_variable(&name, value)));
        }
        Self(variables)
    }
}

/// The value of a variable: a list if it is a TOML list of strings (`["INBOX", "Social"]`) or of tables of strings, else
/// text.
fn read_variable(name: &String, text: String) -> Value {
    let value = |kind| Value::new(Some(name), kind);
    let string = |item: &DeValue<'_>| Some(value(ValueKind::String(item.as_str()?.to_owned())));
    let item = |item: &DeValue<'_>| match item {
        DeValue::Table(table) => {
            let entries =
                table.iter().map(|(key, one)| Some((key.get_ref().to_string(), string(one.get_ref())?)));
            Some(value(ValueKind::Table(entries.collect::<Option<_>>()?)))
        }
        text => string(text),
    };
    let line = format!("list = {text}");
    let list = DeTable::parse(&line).ok().and_then(|table| match table.get_ref().get("list")?.get_ref() {
        DeValue::Array(items) => items.iter().map(|one| item(one.get_ref())).collect::<Option<Vec<_>>>(),
        _ => None,
    });
    match list.filter(|_| text.starts_with('[')) {
        Some(items) => value(ValueKind::Array(items)),
        None => value(ValueKind::String(text)),
    }
}

/// The account in the file that a variable means: the variable has `_` for its `-`.
fn account(word: &str, accounts: &[String]) -> String {
    let meant = accounts.iter().find(|name| name.as_str() == word);
    let meant = meant.or_else(|| accounts.iter().find(|name| name.replace('-', "_") == word));
    meant.map_or_else(|| word.to_owned(), Clone::clone)
}

impl Layer for Variables {
    fn clone_into_box(&self) -> Box<dyn Layer + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.iter().cloned().collect())
    }
}

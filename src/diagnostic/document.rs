//! Reads a TOML file key by key, so that it reports every mistake at once, each with its place.
//!
//! The `toml` crate parses; serde would stop at the first wrong key. The reader of a [`Table`] takes the keys it knows, then
//! calls [`Table::finish`], which reports the rest with the most similar known key. `rules`, `mail` and `settings` use it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Diagnostic, Source, nearest, syntax};

pub use super::findings::Findings;

/// Parses the text of `source` and passes its top table to `read`. Syntax errors are findings, one per block (`[...]` up to the
/// next); all other blocks are still read.
pub fn read<T>(source: &Source, findings: &Findings, read: impl FnOnce(Table<'_>) -> T) -> T {
    let (root, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        return read(Table::new(source, findings, 0..0, root.get_ref()));
    }
    let text = syntax::readable(source, findings);
    // The rest has no errors except those reported already.
    let (root, _) = DeTable::parse_recoverable(&text);
    read(Table { whole: false, ..Table::new(source, findings, 0..0, root.get_ref()) })
}

/// A table whose reader takes the keys one by one.
pub struct Table<'a> {
    source: &'a Source,
    findings: &'a Findings,
    span: Range<usize>,
    left: BTreeMap<&'a str, Value<'a>>,
    known: Vec<&'static str>,
    whole: bool,
}

/// A value, with its key.
#[derive(Clone)]
pub struct Value<'a> {
    source: &'a Source,
    findings: &'a Findings,
    key: &'a str,
    key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

/// A string in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its text, with escapes resolved.
    pub text: String,
    /// Its bytes in the file, with the quotes.
    pub span: Range<usize>,
    /// Whether it is a 'literal' string, so that offsets in the text are offsets in the file.
    pub literal: bool,
}

impl Text {
    /// The place in the file of a range of bytes of the text: exact in a one-line 'literal' string, else the whole string.
    pub fn inside(&self, range: Range<usize>) -> Range<usize> {
        if self.literal {
            let start = self.span.start + 1;
            start + range.start..start + range.end.max(range.start + 1)
        } else {
            self.span.clone()
        }
    }
}

impl<'a> Table<'a> {
    fn new(source: &'a Source, findings: &'a Findings, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        let left = table
            .iter()
            .map(|(key, value)| {
                let name: &'a str = key.get_ref();
                (name, Value { source, findings, key: name, key_span: key.span(), value })
            })
            .collect();
        Self { source, findings, span, left, known: Vec::new(), whole: true }
    }

    /// Where the table begins.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The file.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// Where to report mistakes.
    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// False for the top table of a file with syntax errors: a missing key may be in a block that could not be read.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes an optional key.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.left.remove(key)
    }

    /// Takes a required key; its absence is a finding.
    pub fn require(&mut self, key: &'static str) -> Option<Value<'a>> {
        let value = self.take(key);
        if value.is_none() && self.whole {
            let label = format!("add `{key} = ...`");
            self.error(self.span(), format!("`{key}` is missing"))
                .map(|finding| finding.label(label))
                .report();
        }
        value
    }

    /// Takes all remaining keys, in order: for tables whose keys the user chooses.
    pub fn take_rest(&mut self) -> Vec<Value<'a>> {
        let mut rest: Vec<_> = std::mem::take(&mut self.left).into_values().collect();
        rest.sort_by_key(|value| value.key_span.start);
        rest
    }

    /// Reports all remaining keys as unknown.
    pub fn finish(mut self) {
        for value in self.take_rest() {
            let finding = Diagnostic::error(
                self.source,
                value.key_span.clone(),
                format!("unknown key `{}`", value.key),
            );
            self.findings.add(match nearest(value.key, self.known.iter().copied()) {
                Some(word) => finding.label(format!("did you mean `{word}`?")),
                None => {
                    let mut known = self.known.clone();
                    known.sort_unstable();
                    finding.label(format!("expected one of {}", list(&known)))
                }
            });
        }
    }

    fn error(&self, span: Range<usize>, message: String) -> Pending<'a> {
        Pending { findings: self.findings, finding: Diagnostic::error(self.source, span, message) }
    }
}

struct Pending<'a> {
    findings: &'a Findings,
    finding: Diagnostic,
}

impl Pending<'_> {
    fn map(mut self, change: impl FnOnce(Diagnostic) -> Diagnostic) -> Self {
        self.finding = change(self.finding);
        self
    }

    fn report(self) {
        self.findings.add(self.finding);
    }
}

impl<'a> Value<'a> {
    /// Its key.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The bytes of the key.
    pub fn key_span(&self) -> Range<usize> {
        self.key_span.clone()
    }

    /// The bytes of the value.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// The file.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// Where to report mistakes.
    pub fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// The parsed value.
    pub fn raw(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// Reports an error about the value.
    pub fn error(&self, message: impl Into<String>, label: impl Into<String>) {
        self.findings.add(Diagnostic::error(self.source, self.span(), message).label(label));
    }

    /// Reports a warning about the value.
    pub fn warning(&self, message: impl Into<String>, label: impl Into<String>) {
        self.findings.add(Diagnostic::warning(self.source, self.span(), message).label(label));
    }

    /// A string; anything else is a finding.
    pub fn string(&self) -> Option<Text> {
        match self.raw() {
            DeValue::String(text) => {
                let raw = self.source.text().get(self.span()).unwrap_or_default();
                let literal = raw.starts_with('\'') && !raw.starts_with("'''");
                Some(Text { text: text.to_string(), span: self.span(), literal })
            }
            _ => self.wrong_type("a string"),
        }
    }

    /// `true` or `false`; anything else is a finding.
    pub fn boolean(&self) -> Option<bool> {
        match self.raw() {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type("`true` or `false`"),
        }
    }

    /// A whole number that is not negative; anything else is a finding.
    pub fn whole(&self) -> Option<u64> {
        let DeValue::Integer(number) = self.raw() else { return self.wrong_type("a whole number") };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(number),
            Err(_) => {
                self.error("this number does not fit", "expected a whole number from 0 up");
                None
            }
        }
    }

    /// A number, whole or not; anything else is a finding.
    pub fn number(&self) -> Option<f64> {
        let (digits, fits) = match self.raw() {
            DeValue::Integer(number) => (number.as_str(), number.radix() == 10),
            DeValue::Float(number) => (number.as_str(), true),
            _ => return self.wrong_type("a number"),
        };
        let number = digits.parse::<f64>().ok().filter(|number| fits && number.is_finite());
        if number.is_none() {
            self.error("this number does not fit", "expected an ordinary decimal number");
        }
        number
    }

    /// One string, or a list of strings; anything else is a finding.
    pub fn strings(&self) -> Option<Vec<Text>> {
        match self.raw() {
            DeValue::String(_) => self.string().map(|text| vec![text]),
            DeValue::Array(_) => self.items().map(|items| items.iter().filter_map(Value::string).collect()),
            _ => self.wrong_type("a string or a list of strings"),
        }
    }

    /// The items of a list, each as a value under the same key; anything else is a finding.
    pub fn items(&self) -> Option<Vec<Value<'a>>> {
        match self.raw() {
            DeValue::Array(items) => {
                Some(items.iter().map(|item| Value { value: item, ..self.clone() }).collect())
            }
            _ => self.wrong_type("a list"),
        }
    }

    /// A table; anything else is a finding.
    pub fn table(&self) -> Option<Table<'a>> {
        match self.raw() {
            DeValue::Table(table) => Some(Table::new(self.source, self.findings, self.table_span(), table)),
            _ => self.wrong_type("a table"),
        }
    }

    /// A list of tables (`[[key]]`); anything else is a finding.
    pub fn tables(&self) -> Option<Vec<Table<'a>>> {
        match self.raw() {
            DeValue::Array(_) => self.items().map(|items| items.iter().filter_map(Value::table).collect()),
            _ => self.wrong_type("a list of tables (`[[...]]`)"),
        }
    }

    /// The place of a table; a dotted key creates a table without bytes of its own, so the key stands for it.
    fn table_span(&self) -> Range<usize> {
        let span = self.span();
        if span.is_empty() { self.key_span() } else { span }
    }

    /// Reports that the value should have been `expected`; returns `None` for the caller to return.
    pub fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = match self.raw() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.findings.add(
            Diagnostic::error(self.source, self.table_span(), format!("`{}` cannot be {found}", self.key))
                .label(format!("expected {expected}")),
        );
        None
    }
}

/// "`a`, `b` or `c`".
pub fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => format!("`{word}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str, reader: impl FnOnce(Table<'_>)) -> Vec<String> {
        let source = Source::new("f.toml", text);
        let findings = Findings::default();
        read(&source, &findings, reader);
        findings.into_sorted().iter().map(Diagnostic::plain).collect()
    }

    #[test]
    fn every_mistake_is_found_in_one_go() {
        let found = findings("port = \"x\"\nhots = 1\n", |mut table| {
            assert_eq!(table.take("port").and_then(|value| value.whole()), None);
            assert!(table.require("host").is_none());
            table.finish();
        });
        assert_eq!(found.len(), 3);
        assert!(found.iter().any(|f| f.contains("`host` is missing")));
        assert!(found.iter().any(|f| f.contains("`port` cannot be a string")));
        assert!(found.iter().any(|f| f.contains("did you mean `host`?")));
    }

    #[test]
    fn syntax_errors_are_findings_with_a_place() {
        let found = findings("a = \n", |_| ());
        assert!(found[0].contains("f.toml:1:"), "{found:?}");
    }

    #[test]
    fn an_offset_in_a_literal_string_is_an_offset_in_the_file() {
        let source = Source::new("f.toml", "a = 'x(y'");
        let findings = Findings::default();
        let text = read(&source, &findings, |mut table| table.take("a").and_then(|v| v.string()).unwrap());
        assert_eq!(source.text().get(text.inside(1..2)), Some("("));
    }
}

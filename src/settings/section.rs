//! Reads the merged values key by key, so that all mistakes are reported at once.
//!
//! Does for the settings what `diagnostic::document` does for other files. Values may come from the environment: there all
//! are text, and lists are written as in TOML.

use config::{Map, Value, ValueKind};

use super::layers::{About, Layers, PathPart, Words};
use crate::diagnostic::document::list;
use crate::diagnostic::{Severity, nearest};

/// A table whose keys the caller takes one by one.
pub(super) struct Section<'a> {
    layers: &'a Layers<'a>,
    path: Vec<PathPart>,
    whole: &'a Value,
    left: Vec<(&'a str, &'a Value)>,
    known: Vec<&'static str>,
}

/// One value and its key.
pub(super) struct Setting<'a> {
    layers: &'a Layers<'a>,
    path: Vec<PathPart>,
    key: &'a str,
    value: &'a Value,
}

impl<'a> Section<'a> {
    /// The top level of the settings.
    pub(super) fn top(layers: &'a Layers<'a>) -> Self {
        match &layers.values.kind {
            ValueKind::Table(table) => Self::new(layers, Vec::new(), &layers.values, table),
            _ => {
                Self { layers, path: Vec::new(), whole: &layers.values, left: Vec::new(), known: Vec::new() }
            }
        }
    }

    fn new(
        layers: &'a Layers<'a>,
        path: Vec<PathPart>,
        whole: &'a Value,
        table: &'a Map<String, Value>,
    ) -> Self {
        let mut left: Vec<_> = table.iter().map(|(key, value)| (key.as_str(), value)).collect();
        left.sort_unstable_by_key(|(key, _)| *key);
        Self { layers, path, whole, left, known: Vec::new() }
    }

    /// Takes a key, if it exists.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Setting<'a>> {
        self.known.push(key);
        self.take_forbidden(key)
    }

    /// Takes a key that is not allowed and is never suggested.
    pub(super) fn take_forbidden(&mut self, key: &str) -> Option<Setting<'a>> {
        let index = self.left.iter().position(|(name, _)| *name == key)?;
        let (key, value) = self.left.remove(index);
        Some(self.entry(key, value))
    }

    /// Takes a required key; its absence is a finding.
    pub(super) fn require(&mut self, key: &'static str) -> Option<Setting<'a>> {
        let entry = self.take(key);
        if entry.is_none() {
            self.blame(&format!("`{key}` is missing"), &format!("add `{key} = ...`"));
        }
        entry
    }

    /// Takes all remaining keys: for tables whose keys the user chooses.
    pub(super) fn take_rest(&mut self) -> Vec<Setting<'a>> {
        let left = std::mem::take(&mut self.left);
        left.into_iter().map(|(key, value)| self.entry(key, value)).collect()
    }

    /// Reports every key that was not taken.
    pub(super) fn finish(mut self) {
        for entry in self.take_rest() {
            let label = match nearest(entry.key, self.known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => {
                    self.known.sort_unstable();
                    format!("expected one of {}", list(&self.known))
                }
            };
            entry.key_error(format!("unknown key `{}`", entry.key), label);
        }
    }

    /// Reports an error about the table as a whole.
    pub(super) fn blame(&self, message: &str, label: &str) {
        let words = Words { message, label };
        self.layers.note(Severity::Error, About::Value, (&self.path, self.whole), words);
    }

    fn entry(&self, key: &'a str, value: &'a Value) -> Setting<'a> {
        let mut path = self.path.clone();
        path.push(PathPart::Key(key.to_owned()));
        Setting { layers: self.layers, path, key, value }
    }
}

impl<'a> Setting<'a> {
    /// The value's key.
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// Reports an error about the value.
    pub(super) fn error(&self, message: impl AsRef<str>, label: impl AsRef<str>) {
        self.note(Severity::Error, About::Value, message.as_ref(), label.as_ref());
    }

    /// Reports an error about the key.
    pub(super) fn key_error(&self, message: impl AsRef<str>, label: impl AsRef<str>) {
        self.note(Severity::Error, About::Key, message.as_ref(), label.as_ref());
    }

    /// Reports a warning about the value.
    pub(super) fn warning(&self, message: impl AsRef<str>, label: impl AsRef<str>) {
        self.note(Severity::Warning, About::Value, message.as_ref(), label.as_ref());
    }

    /// A string that is not empty; anything else is a finding.
    pub(super) fn string(&self) -> Option<String> {
        let text = self.text()?;
        if text.is_empty() {
            self.error(format!("`{}` is empty", self.key), "");
        }
        (!text.is_empty()).then_some(text)
    }

    /// A string, perhaps an empty one; anything else is a finding.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => self.wrong_type("a string"),
        }
    }

    /// A number of the settings file, as it is written there: a name of digits without quotation marks.
    pub(super) fn number(&self) -> Option<String> {
        match &self.value.kind {
            ValueKind::I64(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// `true` or `false`; anything else is a finding.
    pub(super) fn boolean(&self) -> Option<bool> {
        match (&self.value.kind, self.is_variable()) {
            (ValueKind::Boolean(value), _) => Some(*value),
            (ValueKind::String(text), true) if text == "true" => Some(true),
            (ValueKind::String(text), true) if text == "false" => Some(false),
            _ => self.wrong_type("`true` or `false`"),
        }
    }

    /// A whole number from `least` to `most`; anything else is a finding.
    pub(super) fn whole(&self, least: u16, most: u16) -> Option<u16> {
        let expected = || format!("a whole number from {least} to {most}");
        let number = match (&self.value.kind, self.is_variable()) {
            (ValueKind::I64(number), _) => Some(*number),
            (ValueKind::String(text), true) => text.parse().ok(),
            _ => return self.wrong_type(&expected()),
        };
        let number = number.and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.error("invalid number", format!("expected {}", expected()));
        }
        number
    }

    /// The items of a list, each under the same key; one string is a list of one. Anything else is a finding.
    pub(super) fn items(&self) -> Option<Vec<Setting<'a>>> {
        match &self.value.kind {
            ValueKind::String(_) => Some(vec![Setting { path: self.path.clone(), ..*self }]),
            ValueKind::Array(items) => {
                let item = |(index, value)| {
                    let mut path = self.path.clone();
                    path.push(PathPart::Item(index));
                    Setting { path, value, ..*self }
                };
                Some(items.iter().enumerate().map(item).collect())
            }
            _ => self.wrong_type("a list of strings"),
        }
    }

    /// Is it a string?
    pub(super) fn is_string(&self) -> bool {
        matches!(self.value.kind, ValueKind::String(_))
    }

    /// Is it a list?
    pub(super) fn is_list(&self) -> bool {
        matches!(self.value.kind, ValueKind::Array(_))
    }

    /// Is it a table?
    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.kind, ValueKind::Table(_))
    }

    /// A table; anything else is a finding.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        match &self.value.kind {
            ValueKind::Table(table) => Some(Section::new(self.layers, self.path.clone(), self.value, table)),
            _ => self.wrong_type("a table"),
        }
    }

    /// Reports that the value should have been `expected`, and returns `None`.
    pub(super) fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = match &self.value.kind {
            ValueKind::String(_) if self.is_variable() => "this text",
            ValueKind::String(_) => "a string",
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::Array(_) => "a list",
            ValueKind::Table(_) => "a table",
            ValueKind::Nil => "nothing",
            ValueKind::Float(_)
            | ValueKind::I64(_)
            | ValueKind::I128(_)
            | ValueKind::U64(_)
            | ValueKind::U128(_) => "a number",
        };
        self.error(format!("`{}` cannot be {found}", self.key), format!("expected {expected}"));
        None
    }

    fn note(&self, severity: Severity, about: About, message: &str, label: &str) {
        self.layers.note(severity, about, (&self.path, self.value), Words { message, label });
    }

    fn is_variable(&self) -> bool {
        self.value.origin().is_some()
    }
}

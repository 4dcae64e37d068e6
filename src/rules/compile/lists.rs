//! `[list.*]`: people that rules may ask for.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::Value;
use crate::place::Folder;
use crate::rules::list::{List, ListSource, Person};

/// What the keys `file`, `vcard` and `from-sent` name.
const SOURCES: [fn(String) -> ListSource; 3] = [ListSource::File, ListSource::Vcard, ListSource::FromSent];

/// Reads the tables.
pub(super) fn read(value: Option<Value<'_>>) -> BTreeMap<String, List> {
    let Some(mut table) = value.and_then(|value| value.table()) else { return BTreeMap::new() };
    table.take_rest().iter().map(|value| (value.key().to_owned(), list(value))).collect()
}

/// One that could not be read is there all the same, so that the rules that ask for it are not blamed.
fn list(value: &Value<'_>) -> List {
    let mut list = List::default();
    let Some(mut table) = value.table() else { return list };
    let before = table.span();
    let mut given = false;
    if let Some(people) = table.take("people") {
        given = true;
        list.people = self::people(&people);
    }
    let sources = ["file", "vcard", "from-sent"].into_iter().zip(SOURCES);
    for (key, source) in sources {
        let Some(value) = table.take(key) else { continue };
        given = true;
        let Some(text) = value.string() else { continue };
        match source(text.text) {
            ListSource::FromSent(folder) if Folder::new(&folder).is_none() => {
                value.error(
                    "this cannot be a folder",
                    "expected the folder of the mails you sent, such as \"Sent\"",
                );
            }
            ListSource::File(path) | ListSource::Vcard(path) if path.trim().is_empty() => {
                value.error("this names no file", "expected a path, relative to this file");
            }
            source => list.sources.push((source, text.span)),
        }
    }
    if !given {
        value.findings().add(
            Diagnostic::error(value.source(), before, format!("nobody is in the list `{}`", value.key()))
                .label("add `people = [\"Ana Lima\", \"@bob@mastodon.example\"]`, `file`, `vcard` or `from-sent`"),
        );
    }
    table.finish();
    list
}

fn people(value: &Value<'_>) -> Vec<Person> {
    let texts = value.strings().unwrap_or_default();
    if matches!(value.raw(), toml::de::DeValue::Array(items) if items.is_empty()) {
        value.error(
            "nobody is in this list",
            "add names or handles: [\"Ana Lima\", \"@bob@mastodon.example\"]",
        );
    }
    let mut people = Vec::new();
    for text in texts {
        if let Some(advice) = Person::advice(&text.text) {
            let message = "this is nobody's name or handle";
            value
                .findings()
                .add(Diagnostic::warning(value.source(), text.span.clone(), message).label(advice));
        }
        match Person::parse(&text.text) {
            Some(person) => people.push(person),
            None => value.findings().add(
                Diagnostic::error(value.source(), text.span, "this names nobody")
                    .label("expected a name or a handle, such as \"Ana Lima\" or \"@bob@mastodon.example\""),
            ),
        }
    }
    people
}

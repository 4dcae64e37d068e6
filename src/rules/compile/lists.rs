//! Compiles `[list.*]`: lists of people for rules.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::Value;
use crate::place::Folder;
use crate::rules::list::{List, ListSource, Person, line};

/// The sources for the keys `file`, `vcard` and `from-sent`.
const SOURCES: [fn(String) -> ListSource; 3] = [ListSource::File, ListSource::Vcard, ListSource::FromSent];

/// Compiles the tables.
pub(super) fn read(value: Option<Value<'_>>) -> BTreeMap<String, List> {
    let Some(mut table) = value.and_then(|value| value.table()) else { return BTreeMap::new() };
    table.take_rest().iter().map(|value| (value.key().to_owned(), list(value))).collect()
}

/// Compiles one list. A list with a mistake is still defined, so that rules that use it get no findings.
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
                    "expected the folder of the messages you sent, such as \"Sent\"",
                );
            }
            ListSource::File(path) | ListSource::Vcard(path) if path.trim().is_empty() => {
                value.error("this path is empty", "expected a path, relative to this file");
            }
            source => list.sources.push((source, text.span)),
        }
    }
    let may_be_empty = table.take("may-be-empty");
    list.may_be_empty = may_be_empty.as_ref().and_then(Value::boolean).unwrap_or(false);
    if let Some(key) = may_be_empty.filter(|_| given && list.sources.is_empty()) {
        key.warning(
            "`may-be-empty` has no effect here",
            "it applies to `file`, `vcard` and `from-sent`; this list has none of them",
        );
    }
    if !given {
        value.findings().add(
            Diagnostic::error(value.source(), before, format!("the list `{}` is empty", value.key())).label(
                "add `people = [\"Ana Lima\", \"@bob@mastodon.example\"]`, `file`, `vcard` or `from-sent`",
            ),
        );
    }
    table.finish();
    list
}

fn people(value: &Value<'_>) -> Vec<Person> {
    let texts = value.strings().unwrap_or_default();
    if matches!(value.raw(), toml::de::DeValue::Array(items) if items.is_empty()) {
        value.error("this list is empty", "add names or handles: [\"Ana Lima\", \"@bob@mastodon.example\"]");
    }
    let mut people = Vec::new();
    for text in texts {
        let named = line::people(&text.text);
        // Accept any name here, however odd, since the user wrote it on purpose; but not a link.
        let odd = Person::parse(&text.text).filter(|_| !text.text.contains("://"));
        match odd {
            _ if !named.is_empty() => people.extend(named),
            Some(person) => people.push(person),
            None => value.findings().add(
                Diagnostic::error(value.source(), text.span, "this is not a name or a handle")
                    .label("expected a name or a handle, such as \"Ana Lima\" or \"@bob@mastodon.example\""),
            ),
        }
    }
    people
}

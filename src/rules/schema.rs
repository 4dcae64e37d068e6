//! The JSON Schema of a rules file, for editors that complete and check while you type (taplo, Even Better TOML).
//!
//! The schema is a file, `config/schema/rules.json`; only the facts, kinds and networks are filled in here. `tests/schema.rs`
//! compares its keys with those that [`compile()`](super::compile()) knows. It checks only the form of a file; `check` also
//! finds rules that make no sense.

use serde_json::{Value, json};

use super::fact::{Fact, Type, Vocabulary};
use crate::mail::{self, Kind};

/// The facts about a message instead of its follower that a `[[test]]` may set, besides network and kind.
const OF_TESTS: [Fact; 6] =
    [Fact::Instance, Fact::Known, Fact::Unwelcome, Fact::TimesFollowed, Fact::LastFollowed, Fact::Wave];

/// The schema, with the networks of `vocabulary` and the facts they show.
#[expect(clippy::indexing_slicing, reason = "the file that is filled in ships, and a test reads it")]
pub fn schema(vocabulary: &Vocabulary) -> Value {
    let file = include_str!("../../config/schema/rules.json");
    let mut schema: Value = serde_json::from_str(file).unwrap_or_default();
    let definitions = &mut schema["definitions"];
    definitions["network"]["enum"] = vocabulary.networks().map(ToString::to_string).collect();
    definitions["kind"]["enum"] = Kind::ALL.into_iter().map(Kind::word).collect();
    for fact in Fact::all() {
        let words = format!("{}{}", says(fact), shown_by(fact, vocabulary));
        definitions["condition"]["properties"][fact.word()] =
            described(&words, &format!("{}-condition", kind_of(fact)));
    }
    let test = &mut definitions["test"]["properties"];
    for fact in OF_TESTS {
        test[fact.word()] = described(&says(fact), kind_of(fact));
    }
    for fact in mail::Fact::ALL.map(Fact::Mail) {
        test["follower"]["properties"][fact.word()] = described(&says(fact), kind_of(fact));
    }
    schema
}

/// The name of the schema's definition for the values of a fact.
fn kind_of(fact: Fact) -> &'static str {
    match fact.type_of() {
        Type::Text => "text",
        Type::Count => "count",
        Type::Quantity => "quantity",
        Type::Duration => "duration",
        Type::Answer => "answer",
        Type::Word => fact.word(),
        Type::People => "people",
    }
}

/// Beside a `$ref`, draft 7 ignores everything; in an `allOf` it does not.
fn described(description: &str, definition: &str) -> Value {
    json!({ "description": description, "allOf": [{ "$ref": format!("#/definitions/{definition}") }] })
}

fn says(fact: Fact) -> String {
    format!("{fact}: {}.", fact.explanation())
}

fn shown_by(fact: Fact, vocabulary: &Vocabulary) -> String {
    let showing: Vec<_> = vocabulary.showing(fact).into_iter().map(|network| network.as_str()).collect();
    match (fact.needs().is_empty(), showing.as_slice()) {
        (true, _) => String::new(),
        (false, []) => " No known message shows it.".to_owned(),
        (false, some) => format!(" Shown by {}.", some.join(", ")),
    }
}

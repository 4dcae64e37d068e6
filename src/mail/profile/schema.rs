//! The JSON Schema of a profile, for editors. A test holds its keys against those that `read` knows.

use serde_json::{Value, json};

use crate::mail::fact::Fact;
use crate::mail::notification::Kind;

/// The schema.
pub(super) fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "How followsift recognises and reads the messages of one network",
        "type": "object",
        "additionalProperties": false,
        "required": ["network", "title", "locale", "layout"],
        "properties": {
            "network": { "description": "The word that rules use.", "type": "string", "pattern": "^[a-z0-9-]{1,64}$" },
            "title": { "description": "The network as people call it.", "type": "string" },
            "about": { "description": "Where the facts of this file are from.", "type": "string" },
            "domains": texts("The domains that the network sends from; a self-hosted network has none."),
            "identified-by": texts("The parameters of a profile link that say whose it is: \"id\". No others are kept."),
            "confidence": {
                "description": "`low`: a guess, tried after all others, and never proven authentic.",
                "enum": ["full", "low"],
            },
            "redirect": {
                "description": "A link of the network's that bears another in a parameter.",
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["link", "parameter"],
                    "properties": { "link": text("The link, without `https://`."), "parameter": text("The parameter.") },
                },
            },
            "locale": {
                "description": "How the network speaks each language: subjects and other phrases by their name, and numbers.",
                "type": "object",
                "additionalProperties": { "$ref": "#/definitions/locale" },
            },
            "layout": {
                "description": "One for each era or kind of its messages.",
                "type": "array",
                "items": { "$ref": "#/definitions/layout" },
            },
        },
        "definitions": {
            "texts": texts("One text or several."),
            "locale": locale(),
            "layout": layout(),
            "mark": probe(false),
            "read": probe(true),
        },
    })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn texts(description: &str) -> Value {
    json!({
        "description": description,
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    })
}

fn locale() -> Value {
    json!({
        "type": "object",
        "properties": {
            "number": {
                "description": "How numbers are printed.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "decimal": { "type": "string", "minLength": 1, "maxLength": 1 },
                    "thousand": texts("What stands for 1,000: \"K\"."),
                    "million": texts("What stands for 1,000,000: \"M\"."),
                    "billion": texts("What stands for 1,000,000,000: \"B\"."),
                },
            },
        },
        "additionalProperties": texts("A phrase; `{name}`, `{handle}`, `{you}` and other holes take what stands there."),
    })
}

fn layout() -> Value {
    let facts = |description: &str| {
        let fact = json!({ "enum": Fact::ALL.map(Fact::word) });
        json!({ "description": description, "anyOf": [fact, { "type": "array", "items": fact }] })
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "kind", "needs"],
        "properties": {
            "name": text("What findings and the ledger call it: usually the era."),
            "kind": { "enum": Kind::ALL.map(Kind::word) },
            "subjects": text("The name of its subjects in the locales [usual: the kind]."),
            "from": texts("Whom it comes from: \"notify@twitter.com\", \"twitter-follow-*@postmaster.twitter.com\"."),
            "signed-by": text("The domain whose DKIM signature has to be there."),
            "names": { "description": "Whether it names everybody it is about [usual: all].", "enum": ["all", "some"] },
            "needs": facts("Without these the message is not read in full, and stays."),
            "shows": facts("Where these are missing, their place is blank."),
            "mark": {
                "description": "What has to be in the message, or must not be.",
                "type": "array",
                "items": { "$ref": "#/definitions/mark" },
            },
            "read": {
                "description": "What is read where.",
                "type": "array",
                "items": { "$ref": "#/definitions/read" },
            },
            "each": text("The element that holds one follower, where there may be several."),
            "picture": {
                "description": "The follower's picture, and how the network's own are called.",
                "type": "object",
                "additionalProperties": false,
                "required": ["html", "default"],
                "properties": { "html": text("The element."), "default": texts("Its address, with `{}` for anything.") },
            },
        },
    })
}

/// A mark, or a read: where to look, and what has to be there.
fn probe(takes: bool) -> Value {
    let places = ["header", "text", "phrase", "link", "html"].map(|place| json!({ "required": [place] }));
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "anyOf": places,
        "properties": {
            "header": text("The name of a header field; `is` says what it reads."),
            "text": texts("A line of the message's text."),
            "phrase": text("The name of a phrase of the locales."),
            "link": text("A link in the message, without `https://`."),
            "html": text("An element: `tag`, `.class`, `#id`, one within another."),
            "is": text("What stands there."),
            "lines": texts("Lines that stand there, one below the other."),
            "only": texts("Its only lines, one after another."),
            "each": texts("What each such element holds, in their order."),
            "query": {
                "description": "Parameters of the link.",
                "type": "object",
                "additionalProperties": { "type": "string" },
            },
        },
    });
    let more = match takes {
        true => ("url", text("The link to the profile, where it is not the link itself.")),
        false => ("not", json!({ "description": "It must not be there.", "type": "boolean" })),
    };
    if let Some(Value::Object(keys)) = schema.get_mut("properties") {
        keys.insert(more.0.to_owned(), more.1);
    }
    schema
}

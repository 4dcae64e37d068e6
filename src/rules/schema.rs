//! The JSON Schema of a rules file, for editors that complete and check while one types (taplo, Even Better TOML).
//!
//! Made from the table of facts and the operators that [`compile()`](super::compile()) reads by; a test holds its keys
//! against those that `compile` knows. It says what can be written, not what makes sense: that is for `check`.

use serde_json::{Map, Value, json};

use super::condition::Relation;
use super::fact::{Fact, Type, Vocabulary};
use crate::mail::{Fact as M, Kind};

/// What a number looks like: `2001`, `1.5k`, `2M`, `1_000`.
const NUMBER: &str = r"[0-9][0-9_]*(\.[0-9]+)?\s*[kKmM]?";
/// What a length of time looks like: `30 days`, `1h 30m`.
const TIME: &str = r"[0-9]+\s*[a-zµ]+(\s*[0-9]+\s*[a-zµ]+)*";
/// What words for verdicts look like.
const WORD: &str = "^[a-z0-9-]{1,64}$";

/// The schema, with the networks of `vocabulary` and what their mails show.
pub fn schema(vocabulary: &Vocabulary) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The rules of followsift",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "verdict": {
                "description": "What happens to a message: a table for each verdict.",
                "type": "object",
                "propertyNames": { "pattern": WORD, "not": { "const": "undecided" } },
                "additionalProperties": { "$ref": "#/definitions/verdict" },
            },
            "list": {
                "description": "People that rules may ask for: a table for each list.",
                "type": "object",
                "additionalProperties": { "$ref": "#/definitions/list" },
            },
            "rule": {
                "description": "From top to bottom, the first rule with a verdict that fires decides.",
                "type": "array",
                "items": { "$ref": "#/definitions/rule" },
            },
            "test": {
                "description": "An invented follower, and what must become of him; run by `check` and before each reload.",
                "type": "array",
                "items": { "$ref": "#/definitions/test" },
            },
        },
        "definitions": {
            "verdict": verdict(),
            "list": list(),
            "rule": rule(),
            "test": test(vocabulary),
            "condition": condition(vocabulary),
            "texts": texts(),
            "text": text(),
            "count": number(Type::Count, NUMBER, "integer"),
            "quantity": number(Type::Quantity, NUMBER, "number"),
            "duration": number(Type::Duration, TIME, ""),
            "answer": answer(),
            "people": people(),
        },
    })
}

fn verdict() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "move-to": {
                "description": "The folder, with `/` between its levels; made and subscribed if it is missing.",
                "type": "string",
                "minLength": 1,
            },
            "points-at": {
                "description": "Points from which on a follower has this verdict. One verdict may have it.",
                "type": "number",
                "exclusiveMinimum": 0,
            },
            "mark-read": { "description": "Also mark the message as read.", "type": "boolean" },
            "flag": {
                "description": "Also star the message, where it is proven to come from the network.",
                "type": "boolean",
            },
        },
    })
}

fn list() -> Value {
    let source = |description: &str| json!({ "description": description, "type": "string", "minLength": 1 });
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": {
            "people": {
                "description": "Names and handles: \"Ana Lima\", \"@bob@mastodon.example\".",
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } },
                ],
            },
            "file": source("A text file, one person a line, # begins a comment; or a CSV that another program exported. \
                            Relative to the rules file."),
            "vcard": source("An address book (vCard). Relative to the rules file."),
            "from-sent": source("The folder of the messages you sent: everybody you have written to."),
            "may-be-empty": {
                "description": "Whether it is right if one of these suddenly names nobody, or fewer than half as many \
                                people. Otherwise the last copy stays in use.",
                "type": "boolean",
            },
        },
    })
}

fn rule() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "oneOf": [{ "required": ["verdict"] }, { "required": ["points"] }],
        "properties": {
            "name": { "description": "What reasons call it.", "type": "string", "minLength": 1, "maxLength": 120 },
            "when": {
                "description": "All of these must hold. Left out, it holds always.",
                "$ref": "#/definitions/condition",
            },
            "verdict": {
                "description": "`real`, or one that a [verdict.*] table declares.",
                "type": "string",
                "pattern": WORD,
            },
            "points": {
                "description": "Added up over all rules that fire, where none decides.",
                "type": "number",
                "not": { "const": 0 },
            },
        },
    })
}

fn test(vocabulary: &Vocabulary) -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let time = json!({ "type": "string", "pattern": format!(r"^\s*{TIME}\s*$") });
    let mut follower = Map::new();
    for fact in M::ALL {
        let mut value = match Fact::Mail(fact).type_of() {
            Type::Text => json!({ "type": "string" }),
            Type::Answer => json!({ "type": "boolean" }),
            Type::Duration => time.clone(),
            _ => count.clone(),
        };
        describe(&mut value, Fact::Mail(fact).explanation());
        follower.insert(fact.word().to_owned(), value);
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["follower", "expect"],
        "properties": {
            "follower": {
                "description": "The facts; one that is left out is not shown.",
                "type": "object",
                "additionalProperties": false,
                "properties": follower,
            },
            "expect": {
                "description": "A verdict, or `undecided`.",
                "type": "string",
                "pattern": WORD,
            },
            "by": { "description": "The rule that must have fired.", "type": "string" },
            "network": { "type": "string", "enum": networks(vocabulary) },
            "kind": { "type": "string", "enum": kinds() },
            "instance": { "description": Fact::Instance.explanation(), "type": "string" },
            "known": { "description": Fact::Known.explanation(), "type": "boolean" },
            "times-followed": { "description": Fact::TimesFollowed.explanation(), "$ref": "#/definitions/count/anyOf/0" },
            "last-followed": { "description": Fact::LastFollowed.explanation(), "type": "string", "pattern": format!(r"^\s*{TIME}\s*$") },
            "wave": { "description": Fact::Wave.explanation(), "$ref": "#/definitions/count/anyOf/0" },
        },
    })
}

fn condition(vocabulary: &Vocabulary) -> Value {
    let part = json!({ "allOf": [{ "$ref": "#/definitions/condition" }, { "minProperties": 1 }] });
    let parts = |description: &str| json!({ "description": description, "type": "array", "minItems": 1, "items": part });
    let mut keys = Map::new();
    for fact in Fact::ALL {
        keys.insert(fact.word().to_owned(), fact_schema(fact, vocabulary));
    }
    keys.insert("any".to_owned(), parts("One of these must hold."));
    keys.insert("all".to_owned(), parts("All of these must hold."));
    let mut not = part.clone();
    describe(&mut not, "This must fail; what cannot be told does not.");
    keys.insert("not".to_owned(), not);
    json!({ "type": "object", "additionalProperties": false, "properties": keys })
}

fn fact_schema(fact: Fact, vocabulary: &Vocabulary) -> Value {
    let mut value = match fact.type_of() {
        Type::Text => json!({ "$ref": "#/definitions/text" }),
        Type::Count => json!({ "$ref": "#/definitions/count" }),
        Type::Quantity => json!({ "$ref": "#/definitions/quantity" }),
        Type::Duration => json!({ "$ref": "#/definitions/duration" }),
        Type::Answer => json!({ "$ref": "#/definitions/answer" }),
        Type::People => json!({ "$ref": "#/definitions/people" }),
        Type::Word => words(if fact == Fact::Network { networks(vocabulary) } else { kinds() }),
    };
    let tellers: Vec<_> = vocabulary.tellers(fact).into_iter().map(|network| network.as_str()).collect();
    let shown_by = match (fact.needs().is_empty(), tellers.as_slice()) {
        (true, _) => String::new(),
        (false, []) => " No known message shows it.".to_owned(),
        (false, some) => format!(" Shown by {}.", some.join(", ")),
    };
    let explanation = fact.explanation();
    // Beside a `$ref`, draft 7 ignores everything; in an `allOf` it does not.
    if value.get("$ref").is_some() {
        value = json!({ "allOf": [value] });
    }
    describe(&mut value, &format!("{fact}: {explanation}.{shown_by}"));
    value
}

fn describe(schema: &mut Value, description: &str) {
    if let Value::Object(schema) = schema {
        schema.insert("description".to_owned(), description.into());
    }
}

/// `{ shown = false }` and `{ empty = true }`.
fn presence() -> Map<String, Value> {
    Map::from_iter([
        (
            "shown".to_owned(),
            json!({ "description": "Whether the message has a place for it.", "type": "boolean" }),
        ),
        (
            "empty".to_owned(),
            json!({ "description": "Whether there is a place for it, and that is blank.", "type": "boolean" }),
        ),
    ])
}

fn operators(more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut keys = presence();
    keys.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": keys })
}

fn texts() -> Value {
    json!({ "anyOf": [
        { "type": "string", "minLength": 1 },
        { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } },
    ] })
}

fn text() -> Value {
    let texts = || json!({ "$ref": "#/definitions/texts" });
    let relations = Relation::ALL.map(|relation| (relation.key(), texts()));
    json!({ "anyOf": [texts(), operators(relations.into_iter().chain([("matches", texts()), ("in", texts())]))] })
}

fn number(unit: Type, amount: &str, plain: &str) -> Value {
    let pattern =
        format!(r"^\s*((>=|<=|>|<|=)?\s*{amount}|{amount}\s*\.\.\s*({amount})?|\.\.\s*{amount})\s*$");
    let written = json!({ "type": "string", "pattern": pattern, "description": format!("expected {}", unit.expects()) });
    let mut ways = vec![written, operators([])];
    if !plain.is_empty() {
        ways.insert(0, json!({ "type": plain, "minimum": 0 }));
    }
    json!({ "anyOf": ways })
}

fn answer() -> Value {
    json!({ "anyOf": [{ "type": "boolean" }, operators([])] })
}

fn people() -> Value {
    let mut schema = operators([("in", json!({ "$ref": "#/definitions/texts" }))]);
    if let Some(Value::Object(keys)) = schema.get_mut("properties") {
        keys.remove("empty");
    }
    schema
}

fn words(words: Vec<String>) -> Value {
    let word = json!({ "type": "string", "enum": words });
    let words = json!({ "anyOf": [word, { "type": "array", "minItems": 1, "items": word }] });
    let ways = operators([("is", words.clone())]);
    json!({ "anyOf": [words, ways] })
}

fn networks(vocabulary: &Vocabulary) -> Vec<String> {
    vocabulary.networks().map(ToString::to_string).collect()
}

fn kinds() -> Vec<String> {
    Kind::ALL.iter().map(ToString::to_string).collect()
}

//! The JSON Schema of the settings file, for editors. A test holds its keys against those that `read` knows.

use serde_json::{Value, json};

/// The schema.
pub fn schema() -> Value {
    let path = |description: &str| json!({ "description": description, "type": "string", "minLength": 1 });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The settings of followsift",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "rules": path("The file of your rules [usual: rules.toml beside this file, else those that ship]."),
            "networks": path("The folder of your own descriptions of networks' messages [usual: networks beside this file]."),
            "state": path("The folder of the ledger [usual: where systemd says, else ~/.local/state/followsift]."),
            "accounts": {
                "description": "A table for each mail account; the name is yours.",
                "type": "object",
                "propertyNames": { "pattern": "^[a-z0-9_-]+$" },
                "additionalProperties": { "$ref": "#/definitions/account" },
            },
        },
        "definitions": { "account": account() },
    })
}

fn account() -> Value {
    let text = |description: &str| json!({ "description": description, "type": "string", "minLength": 1 });
    // As `read` has it, but for names that are not ASCII.
    let host = |description: &str| json!({ "description": description, "type": "string", "pattern": r"^[^\s:/@A-Z]+$" });
    let time = r"^\s*[0-9]+\s*[a-zµ]+(\s*[0-9]+\s*[a-zµ]+)*\s*$";
    let secrets = ["password-file", "password-command", "password-credential"];
    json!({
        "type": "object",
        "additionalProperties": false,
        // Any of them may be in the environment in its place; `check` tells.
        "properties": {
            "host": text("The mail server."),
            "user": text("The name you log in with."),
            "port": {
                "description": "[usual: 993 with TLS from the first byte, else 143]",
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
            },
            "tls": {
                "description": "How the line is protected [usual: implicit]; `off` only to this machine itself.",
                "enum": ["implicit", "starttls", "off"],
            },
            "ca-file": text("Further authorities to trust, as PEM."),
            "tls-fingerprint": {
                "description": "The one certificate to trust, and no other; `check --connect` shows it.",
                "type": "string",
                "pattern": "^sha256:([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$",
            },
            "password-file": text("A file that only you can read; its first line is the password."),
            "password-command": {
                "description": "A program and its arguments; the first line it prints is the password.",
                "type": "array",
                "minItems": 1,
                "items": { "type": "string" },
            },
            "password-credential": text("A credential of systemd (`LoadCredential=`)."),
            "folders": {
                "description": "Where notifications arrive [usual: INBOX].",
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string", "minLength": 1 } },
                ],
            },
            "authserv-id": text("What your mail server calls itself in Authentication-Results; `check --connect` shows it."),
            "instances": {
                "description": "Your own servers on networks that anybody can host. Only their messages can be proven.",
                "type": ["array", "string"],
                "items": {
                    "anyOf": [
                        host("A server, such as `toot.example`."),
                        {
                            "type": "object",
                            "additionalProperties": false,
                            "required": ["host"],
                            "properties": {
                                "host": host("The server."),
                                "from": host("The domain that its messages come from [usual: the same]."),
                            },
                        },
                    ],
                },
            },
            "require-authentic": { "description": "Leave alone whatever is not proven [usual: false].", "type": "boolean" },
            "act": { "description": "`false` observes, and touches nothing [usual: true].", "type": "boolean" },
            "backlog": {
                "description": "What the first start looks at [usual: none].",
                "anyOf": [{ "enum": ["none", "all"] }, { "type": "string", "pattern": time }],
            },
            "moves-per-hour": {
                "description": "The fuse: how many messages are moved in an hour; the others wait [usual: 500].",
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
            },
            "moves-after-change": {
                "description": "The fuse in the first hour after the rules changed [usual: 50].",
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
            },
            "poll": {
                "description": "How long to wait before looking again, where the server does not announce new messages [usual: 2m].",
                "type": "string",
                "pattern": time,
            },
            "idle": {
                "description": "How long to listen for announcements before asking anew [usual: 9m].",
                "type": "string",
                "pattern": time,
            },
        },
        "not": { "anyOf": pairs(&secrets) },
    })
}

/// Two of these at once.
fn pairs(keys: &[&str]) -> Vec<Value> {
    let mut pairs = Vec::new();
    for (index, one) in keys.iter().enumerate() {
        pairs.extend(keys.iter().skip(index + 1).map(|other| json!({ "required": [one, other] })));
    }
    pairs
}

//! The JSON Schema of a profile, for editors: a file in which the facts and kinds are filled in here. `tests/schema.rs` holds its
//! keys against those that `read` knows.

use serde_json::Value;

use crate::mail::fact::Fact;
use crate::mail::notification::Kind;

/// The schema.
pub(super) fn schema() -> Value {
    let file = include_str!("../../../config/schema/network.json");
    // It ships, and a test reads it.
    let mut schema: Value = serde_json::from_str(file).unwrap_or_default();
    let definitions = &mut schema["definitions"];
    definitions["fact"]["enum"] = Fact::ALL.into_iter().map(Fact::word).collect();
    definitions["kind"]["enum"] = Kind::ALL.into_iter().map(Kind::word).collect();
    schema
}

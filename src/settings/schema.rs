//! The JSON Schema of the settings file, for editors: a file, whose keys `tests/schema.rs` holds against those that `read` knows.

use serde_json::Value;

/// The schema.
pub fn schema() -> Value {
    // It ships, and a test reads it.
    serde_json::from_str(include_str!("../../config/schema/settings.json")).unwrap_or_default()
}

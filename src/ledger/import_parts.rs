//! What the parts of an import share: its state, what can be wrong with a line, and how values are taken out of one. Used by
//! `import`, `imported_message` and `export_reader`.

use std::collections::BTreeSet;

use rusqlite::types::Value as Sql;
use rusqlite::{ErrorCode, Transaction};
use serde_json::{Map, Value};

use super::export_encoding::Table;
use crate::clock::Timestamp;
use crate::place::AccountName;

/// What an import has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// So many messages were in the export.
    pub messages: usize,
    /// So many of them were not in this ledger.
    pub new: usize,
    /// So many messages are known to be put back that were not before.
    pub put_back: usize,
    /// So many followers are known who were not before.
    pub known: usize,
    /// So many messages were left out, since they name a follower whom the user had this ledger forget.
    pub forgotten: usize,
    /// The export is of the same mailbox, so that UIDs go on to hold.
    pub is_same_mailbox: bool,
    /// Messages that arrived earlier are only observed.
    pub observed_before: Option<Timestamp>,
}

/// What is wrong with a line, or what failed with it.
pub(super) enum Wrong {
    Sql(rusqlite::Error),
    Words(String),
}

impl From<rusqlite::Error> for Wrong {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            // Each value is right by itself.
            Some(ErrorCode::ConstraintViolation) => {
                Self::Words("its values contradict each other".to_owned())
            }
            _ => Self::Sql(cause),
        }
    }
}

impl From<String> for Wrong {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

/// Values of a row, by their columns.
pub(super) type Values = Vec<(&'static str, Sql)>;

/// An import that is under way.
pub(super) struct Import<'t> {
    pub(super) transaction: &'t Transaction<'t>,
    pub(super) account: &'t AccountName,
    pub(super) imported: Imported,
    /// Whom the messages name that were left out, by network and key.
    pub(super) left_out: BTreeSet<(String, String)>,
}

/// What is here already stays.
pub(super) const NOTHING: &str = "ON CONFLICT DO NOTHING";

/// Nothing else may be in an object.
pub(super) fn ended(object: &Map<String, Value>) -> Result<(), String> {
    object
        .keys()
        .next()
        .map_or(Ok(()), |key| Err(format!("`{}` is not a key that this version knows", shown(key))))
}

/// So much of a key as an error shows.
pub(super) fn shown(key: &str) -> &str {
    key.char_indices().nth(60).and_then(|(end, _)| key.get(..end)).unwrap_or(key)
}

/// The rows of a list in an object.
pub(super) fn list(object: &mut Map<String, Value>, key: &str, table: &Table) -> Result<Vec<Values>, String> {
    objects(object, key)?
        .into_iter()
        .map(|mut one| {
            let values = table.take(&mut one)?;
            ended(&one)?;
            Ok(values)
        })
        .collect()
}

/// The objects of a list in an object.
pub(super) fn objects(object: &mut Map<String, Value>, key: &str) -> Result<Vec<Map<String, Value>>, String> {
    let wrong = || format!("`{key}` is not a list of objects");
    let list = match object.remove(key) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong()),
    };
    let one = |value| match value {
        Value::Object(one) => Ok(one),
        _ => Err(wrong()),
    };
    list.into_iter().map(one).collect()
}

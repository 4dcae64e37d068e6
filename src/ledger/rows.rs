//! The numbers of rows, and the look-up of a message's row. Called by the other files of the room.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, params};

use crate::place::{AccountName, MailIdentity};

/// The number of an intent; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub(super) i64);

impl IntentId {
    /// The number alone.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The intent with this number.
    pub fn numbered(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The row of a message, if there is one.
pub(super) fn find_mail(
    connection: &Connection,
    account: &AccountName,
    identity: &MailIdentity,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM mail WHERE account = ? AND digest = ? AND size = ?")?
        .query_row(params![account, identity.digest, identity.size], |row| row.get(0))
        .optional()
}

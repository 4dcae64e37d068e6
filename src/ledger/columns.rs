//! How the values of other rooms are written to columns and read back from them.
//!
//! A value that is read back is checked like a new one: the ledger is a file, and may have been edited.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::clock::Timestamp;
use crate::mail::{Kind, Network};
use crate::place::{AccountName, Folder, MailDigest, Uid, UidValidity};
use crate::rules::VerdictName;

/// A value in a column that followsift cannot have written.
#[derive(Debug)]
struct Unfit(&'static str, String);

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is not {}", self.1, self.0)
    }
}

impl std::error::Error for Unfit {}

macro_rules! text_column {
    ($type:ty, $word:ident, $what:literal, $read:expr) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.$word().into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let text = value.as_str()?;
                $read(text).ok_or_else(|| FromSqlError::other(Unfit($what, text.to_owned())))
            }
        }
    };
}

text_column!(AccountName, as_str, "the name of an account", AccountName::new);
text_column!(Folder, as_str, "a folder", Folder::new);
text_column!(Network, as_str, "a network", Network::new);
text_column!(VerdictName, as_str, "a verdict", VerdictName::new);
text_column!(Kind, word, "a kind of notification", |text: &str| {
    Kind::ALL.into_iter().find(|kind| kind.word() == text)
});

/// SQLite's integers are signed; a UIDVALIDITY that does not fit is never made.
impl ToSql for UidValidity {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(Into::into)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl FromSql for UidValidity {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = i64::column_result(value)?;
        u64::try_from(number).map(Self).map_err(|_| FromSqlError::OutOfRange(number))
    }
}

macro_rules! number_column {
    ($type:ident) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map(Self)
            }
        }
    };
}

number_column!(Uid);
number_column!(Timestamp);

impl ToSql for MailDigest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_slice().into())
    }
}

impl FromSql for MailDigest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(Self)
    }
}

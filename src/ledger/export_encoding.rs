//! The form of an export: which columns of the ledger it holds, and how each value is written as JSON and read back.
//!
//! A value that is read is checked like one of a stranger's: an export is a file, and may have been edited. Used by `export` to write
//! and by `import` to read. followsift-json(5) describes the form; what an earlier version wrote stays readable, and whatever an
//! earlier version could not read gets a new [`VERSION`].

use data_encoding::HEXLOWER;
use rusqlite::Row;
use rusqlite::types::{FromSql, Type, Value as Sql, ValueRef};
use serde_json::{Map, Value};

use super::encoding;
use crate::clock::Timestamp;
use crate::mail::{Kind, Network};
use crate::place::Folder;
use crate::rules::VerdictName;

/// The version of the form.
pub(super) const VERSION: u64 = 1;
/// The longest line, in bytes.
pub(super) const LONGEST: usize = 4 << 20;
/// The most lines: twenty times what a ledger of a busy account holds after years.
pub(super) const MOST: usize = 10_000_000;

/// What a column holds.
#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Word(&'static [&'static str]),
    Kind,
    Folder,
    Network,
    Verdict,
    /// A day such as `2027-01-15`.
    Day,
    Time,
    /// A number that 32 bits hold.
    Number,
    /// A UID, or the one after the last. Those of where a message came from are numbers: it may be unknown.
    Uid,
    /// A UIDVALIDITY.
    Validity,
    Truth,
    Points,
    /// So many bytes, in hexadecimal digits.
    Bytes(usize),
    /// Any number of digests of 8 bytes, in hexadecimal digits.
    Digests,
    /// A follower's facts.
    Facts,
    /// The reasons of a verdict.
    Reasons,
}

/// A column of a table. Its key has the same words, joined by `-`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    form: Form,
    may_be_null: bool,
}

const fn column(name: &'static str, form: Form) -> Column {
    Column { name, form, may_be_null: false }
}

const fn maybe(name: &'static str, form: Form) -> Column {
    Column { name, form, may_be_null: true }
}

/// Columns of a table that are written together.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
}

pub(super) const MAIL: Table = Table {
    name: "mail",
    columns: &[
        column("digest", Form::Bytes(32)),
        column("size", Form::Number),
        column("folder", Form::Folder),
        column("validity", Form::Validity),
        column("uid", Form::Uid),
        column("received", Form::Time),
    ],
};
/// By what other lines name a message.
pub(super) const IDENTITY: Table =
    Table { name: "mail", columns: &[column("digest", Form::Bytes(32)), column("size", Form::Number)] };
pub(super) const JUDGEMENT: Table = Table {
    name: "judgement",
    columns: &[
        column("rules", Form::Text),
        column("judged_at", Form::Time),
        column("network", Form::Network),
        column("title", Form::Text),
        column("kind", Form::Kind),
        column("layout", Form::Text),
        column("authentic", Form::Word(&["pass", "fail", "unknown"])),
        maybe("seen", Form::Text),
        maybe("instance", Form::Text),
        column("complete", Form::Truth),
        maybe("verdict", Form::Verdict),
        column("action", Form::Word(&["leave", "mark", "file"])),
        maybe("target", Form::Folder),
        column("flag", Form::Truth),
        column("mark_read", Form::Truth),
    ],
};
pub(super) const FOLLOWER: Table = Table {
    name: "follower",
    columns: &[
        column("network", Form::Network),
        column("key", Form::Text),
        column("facts", Form::Facts),
        maybe("verdict", Form::Verdict),
        column("points", Form::Points),
        column("reasons", Form::Reasons),
    ],
};
pub(super) const INTENT: Table = Table {
    name: "intent",
    columns: &[
        column("from_folder", Form::Folder),
        column("from_validity", Form::Validity),
        column("from_uid", Form::Number),
        column("from_next_uid", Form::Number),
        column("to_folder", Form::Folder),
        column("to_validity", Form::Validity),
        column("to_next_uid", Form::Uid),
        maybe("to_uid", Form::Uid),
        maybe("received", Form::Time),
        column("flag", Form::Truth),
        column("mark_read", Form::Truth),
        column("stated_at", Form::Time),
        column("by_hand", Form::Truth),
        column("by_user", Form::Truth),
        column("by_move", Form::Truth),
        column("returns", Form::Truth),
        maybe("removal", Form::Word(&["sent", "marked"])),
        column("outcome", Form::Word(&["left", "moved", "doubled", "gone", "in-doubt"])),
        column("settled_at", Form::Time),
        maybe("left_at", Form::Time),
    ],
};
pub(super) const WAITING: Table = Table {
    name: "waiting",
    columns: &[
        column("folder", Form::Folder),
        column("validity", Form::Validity),
        column("uid", Form::Uid),
        column("why", Form::Word(&["fuse", "refused", "interrupted", "lookup", "observed"])),
        column("tries", Form::Number),
        column("due_at", Form::Time),
        column("released", Form::Truth),
    ],
};
pub(super) const CORRECTION: Table = Table { name: "correction", columns: &[column("noted_at", Form::Time)] };
pub(super) const KEPT: Table = Table {
    name: "kept",
    columns: &[
        column(
            "why",
            Form::Word(&["pending", "twin", "late", "many", "restored", "touched", "elsewhere", "asked"]),
        ),
        column("noted_at", Form::Time),
    ],
};
pub(super) const INCOMPLETE: Table = Table {
    name: "incomplete",
    columns: &[
        column("network", Form::Network),
        column("missing", Form::Text),
        column("seen_at", Form::Time),
    ],
};
pub(super) const HEADER: Table = Table {
    name: "filed_header",
    columns: &[column("received", Form::Bytes(8)), column("lines", Form::Digests)],
};
pub(super) const PAST: Table = Table {
    name: "past_follower",
    columns: &[column("network", Form::Network), column("key", Form::Text), column("received", Form::Time)],
};
pub(super) const KNOWN: Table = Table {
    name: "known_follower",
    columns: &[
        column("network", Form::Network),
        column("key", Form::Text),
        column("origin", Form::Word(&["put-back", "added"])),
        column("noted_at", Form::Time),
        column("proven", Form::Truth),
    ],
};
pub(super) const UNWELCOME: Table = Table {
    name: "unwelcome_follower",
    columns: &[column("network", Form::Network), column("key", Form::Text), column("noted_at", Form::Time)],
};
pub(super) const LOOKUP: Table = Table {
    name: "lookup",
    columns: &[
        column("network", Form::Network),
        column("key", Form::Text),
        column("server", Form::Text),
        column("name", Form::Text),
        maybe("host", Form::Text),
        maybe("tried_at", Form::Time),
        column("answered_at", Form::Time),
        maybe("answered_by", Form::Text),
        maybe("facts", Form::Facts),
    ],
};
pub(super) const SENT_FOLDER: Table = Table {
    name: "sent_folder",
    columns: &[column("folder", Form::Folder), column("refreshed_at", Form::Time)],
};
pub(super) const SENT_PERSON: Table = Table {
    name: "sent_person",
    columns: &[column("folder", Form::Folder), column("address", Form::Text), column("name", Form::Text)],
};
pub(super) const DIGEST: Table = Table {
    name: "digest",
    columns: &[
        column("period", Form::Day),
        column("until", Form::Time),
        column("stated_at", Form::Time),
        maybe("outcome", Form::Word(&["sent", "nothing", "refused", "in-doubt"])),
        maybe("settled_at", Form::Time),
    ],
};
pub(super) const FUSE: Table = Table {
    name: "fuse",
    columns: &[
        column("rules", Form::Text),
        maybe("changed_at", Form::Time),
        maybe("resumed_at", Form::Time),
        column("told", Form::Truth),
    ],
};
pub(super) const PAUSE: Table = Table { name: "pause", columns: &[column("until", Form::Time)] };
pub(super) const CURSOR: Table = Table {
    name: "folder_cursor",
    columns: &[
        column("folder", Form::Folder),
        column("validity", Form::Validity),
        column("next_uid", Form::Uid),
        column("looked_at", Form::Time),
        maybe("below", Form::Number),
        maybe("since", Form::Time),
    ],
};
pub(super) const NEWEST: Table = Table {
    name: "newest",
    columns: &[column("uid", Form::Uid), column("received", Form::Time), column("fields", Form::Bytes(32))],
};
pub(super) const UNSHOWN: Table = Table {
    name: "unshown",
    columns: &[
        column("validity", Form::Validity),
        column("uid", Form::Uid),
        column("tries", Form::Number),
        column("due_at", Form::Time),
        maybe("since", Form::Time),
        maybe("came_after", Form::Time),
    ],
};
pub(super) const TARGET: Table = Table {
    name: "target_cursor",
    columns: &[
        column("folder", Form::Folder),
        maybe("validity", Form::Validity),
        maybe("next_uid", Form::Uid),
        column("looked_at", Form::Time),
    ],
};
pub(super) const FORGOTTEN_KEY: Table =
    Table { name: "forgotten_key", columns: &[column("key", Form::Bytes(32))] };
pub(super) const FORGOTTEN: Table = Table { name: "forgotten", columns: &[column("hash", Form::Bytes(32))] };

impl Table {
    /// The columns, for a query; each with the name of its table.
    pub(super) fn selected(&self) -> String {
        let columns: Vec<_> =
            self.columns.iter().map(|column| format!("{}.{}", self.name, column.name)).collect();
        columns.join(", ")
    }

    /// The object of a row that has these columns from the one at `first` on. Without what is null.
    pub(super) fn write(&self, row: &Row<'_>, first: usize) -> rusqlite::Result<Map<String, Value>> {
        let mut object = Map::new();
        for (index, column) in (first..).zip(self.columns) {
            let value = row.get_ref(index)?;
            if value != ValueRef::Null {
                object.insert(column.key(), column.form.write(index, value)?);
            }
        }
        Ok(object)
    }

    /// Takes the values of these columns out of an object; what is wrong with them, in words.
    pub(super) fn take(&self, object: &mut Map<String, Value>) -> Result<Vec<(&'static str, Sql)>, String> {
        let take = |column: &Column| {
            let key = column.key();
            match object.remove(&key) {
                None | Some(Value::Null) if column.may_be_null => Ok((column.name, Sql::Null)),
                None | Some(Value::Null) => Err(format!("`{key}` is missing")),
                Some(value) => match column.form.read(&value) {
                    Some(value) => Ok((column.name, value)),
                    None => Err(format!("the value of `{key}` is not {}", column.form.in_words())),
                },
            }
        };
        self.columns.iter().map(take).collect()
    }
}

impl Column {
    pub(super) fn key(&self) -> String {
        self.name.replace('_', "-")
    }
}

impl Form {
    fn write(self, index: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
        let wrong = |cause: rusqlite::types::FromSqlError| {
            rusqlite::Error::FromSqlConversionFailure(index, value.data_type(), Box::new(cause))
        };
        let damaged = |cause: serde_json::Error| {
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(cause))
        };
        Ok(match self {
            Self::Text
            | Self::Word(_)
            | Self::Kind
            | Self::Folder
            | Self::Network
            | Self::Verdict
            | Self::Day => Value::from(value.as_str().map_err(wrong)?),
            Self::Time => Value::from(Timestamp::column_result(value).map_err(wrong)?.rfc3339()),
            Self::Number | Self::Uid | Self::Validity => Value::from(value.as_i64().map_err(wrong)?),
            Self::Truth => Value::from(value.as_i64().map_err(wrong)? != 0),
            Self::Points => Value::from(value.as_f64().map_err(wrong)?),
            Self::Bytes(_) | Self::Digests => Value::from(HEXLOWER.encode(value.as_blob().map_err(wrong)?)),
            Self::Facts | Self::Reasons => {
                serde_json::from_str(value.as_str().map_err(wrong)?).map_err(damaged)?
            }
        })
    }

    /// `None` if it is not of this form.
    fn read(self, value: &Value) -> Option<Sql> {
        let text = || value.as_str().filter(|text| !text.contains('\0'));
        let fits = |fits: bool| text().filter(|_| fits).map(|text| Sql::from(text.to_owned()));
        match self {
            Self::Text => fits(true),
            Self::Word(words) => fits(words.contains(&text()?)),
            Self::Kind => fits(Kind::ALL.into_iter().any(|kind| Some(kind.word()) == text())),
            Self::Folder => fits(Folder::new(text()?).is_some()),
            Self::Network => fits(Network::new(text()?).is_some()),
            Self::Verdict => fits(VerdictName::new(text()?).is_some()),
            Self::Day => fits(Timestamp::from_rfc3339(&format!("{}T00:00:00Z", text()?)).is_some()),
            Self::Time => Timestamp::from_rfc3339(text()?).map(|moment| Sql::from(moment.0)),
            Self::Number => u32::try_from(value.as_u64()?).ok().map(|number| Sql::from(i64::from(number))),
            Self::Uid => Self::Number.read(value).filter(|number| *number != Sql::from(0)),
            Self::Validity => i64::try_from(value.as_u64()?).ok().map(Sql::from),
            Self::Truth => value.as_bool().map(|truth| Sql::from(i64::from(truth))),
            Self::Points => value.as_f64().map(Sql::from),
            Self::Bytes(length) => bytes(text()?).filter(|bytes| bytes.len() == length).map(Sql::from),
            Self::Digests => bytes(text()?).filter(|bytes| bytes.len().is_multiple_of(8)).map(Sql::from),
            // As the ledger writes them itself.
            Self::Facts => {
                let follower = encoding::read_follower(&value.to_string()).ok()?;
                Some(Sql::from(encoding::write_follower(&follower)))
            }
            Self::Reasons => {
                let reasons = encoding::read_reasons(&value.to_string()).ok()?;
                Some(Sql::from(encoding::write_reasons(&reasons)))
            }
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Kind => "a kind of notification".to_owned(),
            Self::Folder => "the name of a folder".to_owned(),
            Self::Network => "the name of a network".to_owned(),
            Self::Verdict => "the name of a verdict".to_owned(),
            Self::Day => "a day such as 2027-01-15".to_owned(),
            Self::Time => "a time such as 2027-01-15T08:00:00Z".to_owned(),
            Self::Number => "a whole number of at most 32 bits".to_owned(),
            Self::Uid => "a whole number of at most 32 bits that is not 0".to_owned(),
            Self::Validity => "a UIDVALIDITY".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Points => "a number".to_owned(),
            Self::Bytes(length) => format!("{length} bytes in hexadecimal digits"),
            Self::Digests => "digests in hexadecimal digits".to_owned(),
            Self::Facts => "a follower's facts".to_owned(),
            Self::Reasons => "a list of reasons".to_owned(),
        }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    const TABLES: [&Table; 24] = [
        &MAIL,
        &JUDGEMENT,
        &FOLLOWER,
        &INTENT,
        &WAITING,
        &CORRECTION,
        &KEPT,
        &INCOMPLETE,
        &HEADER,
        &PAST,
        &KNOWN,
        &UNWELCOME,
        &LOOKUP,
        &SENT_FOLDER,
        &SENT_PERSON,
        &DIGEST,
        &FUSE,
        &PAUSE,
        &CURSOR,
        &NEWEST,
        &UNSHOWN,
        &TARGET,
        &FORGOTTEN_KEY,
        &FORGOTTEN,
    ];

    /// What an export does not hold in so many words, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        // The first line says whose it is.
        ("*", "account"),
        ("account", "*"),
        // Rows are numbered by each ledger, and what refers to a message is a part of its line or names it.
        ("*", "id"),
        ("*", "mail"),
        ("*", "judgement"),
        // Of judgements, `latest` is a key of its own.
        ("mail", "latest"),
        // The place in a list.
        ("follower", "position"),
        // A part of its folder's line.
        ("newest", "folder"),
        ("unshown", "folder"),
        // Counted again from the messages.
        ("past_wave", "*"),
        // A question is asked again by those whose settings allow it.
        ("lookup", "wanted_at"),
        ("lookup_server", "*"),
        // Of this machine: its files, and messages over which followsift crashed.
        ("list_file", "*"),
        ("list_person", "*"),
        ("assessing", "*"),
        ("deadly", "*"),
        // A look that is due once a day.
        ("target_look", "*"),
    ];

    #[test]
    fn every_column_of_the_ledger_is_exported_or_left_out_for_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let columns: Vec<(String, String)> = ledger
            .connection
            .prepare(
                "SELECT sqlite_schema.name, info.name
                 FROM sqlite_schema, pragma_table_info(sqlite_schema.name) AS info
                 WHERE sqlite_schema.type = 'table' AND sqlite_schema.name NOT LIKE 'sqlite_%'",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(columns.len() > 100, "{columns:?}");
        for (table, name) in &columns {
            let is_left_out =
                LEFT_OUT.iter().any(|(of, out)| (*of == "*" || of == table) && (*out == "*" || out == name));
            let is_exported = TABLES
                .iter()
                .any(|it| it.name == table && it.columns.iter().any(|column| column.name == name));
            assert!(is_left_out || is_exported, "{table}.{name} is neither exported nor left out");
        }
    }
}

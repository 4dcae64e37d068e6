//! Writes what the ledger knows of an account, line by line, so that another ledger can take it in (`import`). Called by `cli`. Reads one
//! state of the ledger, also while the service is at work, and changes nothing.

use std::error::Error;
use std::fmt;
use std::io;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde_json::{Map, Value};

use super::export_encoding::{
    CORRECTION, CURSOR, DIGEST, FOLLOWER, FORGOTTEN, FORGOTTEN_KEY, FUSE, HEADER, IDENTITY, INCOMPLETE,
    INTENT, JUDGEMENT, KEPT, KNOWN, LOOKUP, MAIL, NEWEST, PAST, PAUSE, SENT_FOLDER, SENT_PERSON, TARGET,
    Table, UNSHOWN, UNWELCOME, VERSION, WAITING,
};
use super::{Gap, Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::place::AccountName;
use crate::text;

/// What an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// So many messages.
    pub messages: usize,
    /// So many of them were put back.
    pub put_back: usize,
    /// So many known followers.
    pub known: usize,
}

/// Why an account could not be exported.
#[derive(Debug)]
pub enum ExportFault {
    /// The ledger could not be read.
    Ledger(LedgerFault),
    /// The ledger knows no such account.
    Unknown,
    /// So many moves are not settled. Only this ledger can settle them: another one would have to do it as well, and both would act.
    Unsettled(usize),
    /// A line could not be written.
    Write(io::Error),
}

/// What ends an export early.
enum Stop {
    Sql(rusqlite::Error),
    Fault(ExportFault),
}

impl From<rusqlite::Error> for Stop {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sql(cause)
    }
}

impl Ledger {
    /// Hands over what the ledger knows of an account, line by line, as followsift-json(5) describes it.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read or does not know the account, a move is not settled, or `each` fails.
    pub fn export(
        &self,
        account: &AccountName,
        now: Timestamp,
        each: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<Exported, ExportFault> {
        let mut stopped = None;
        let done = self.read("export an account", |connection| {
            let lines = Lines { each, written: 0 };
            match export(connection, (account, self.gap), now, lines) {
                Ok(exported) => Ok(exported),
                Err(Stop::Sql(cause)) => Err(cause),
                Err(Stop::Fault(fault)) => {
                    stopped = Some(fault);
                    Err(rusqlite::Error::QueryReturnedNoRows)
                }
            }
        });
        match stopped {
            Some(fault) => Err(fault),
            None => done.map_err(ExportFault::Ledger),
        }
    }

    /// The accounts that the ledger knows, by name.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountName>, LedgerFault> {
        self.read("look up the accounts", |connection| {
            connection
                .prepare_cached("SELECT name FROM account ORDER BY name")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }

    /// The name of the account with this number, which an export takes along.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn account_with(&self, id: &str) -> Result<Option<AccountName>, LedgerFault> {
        self.read("look up an account", |connection| {
            connection
                .prepare_cached("SELECT name FROM account WHERE id = ?")?
                .query_row([id], |row| row.get(0))
                .optional()
        })
    }
}

struct Lines<'e> {
    each: &'e mut dyn FnMut(&str) -> io::Result<()>,
    written: usize,
}

impl Lines<'_> {
    fn put(&mut self, line: &str) -> Result<(), Stop> {
        self.written += 1;
        (self.each)(&text::json(line)).map_err(|cause| Stop::Fault(ExportFault::Write(cause)))
    }

    /// Writes a line for each of these rows.
    fn table(
        &mut self,
        connection: &Connection,
        kind: &str,
        table: &Table,
        rest: &str,
        values: impl Params,
    ) -> Result<usize, Stop> {
        let before = self.written;
        each_row(connection, table, "", rest, values, |object, _| self.object(kind, object))?;
        Ok(self.written - before)
    }

    fn object(&mut self, kind: &str, object: Map<String, Value>) -> Result<(), Stop> {
        self.put(&format!("{{\"{kind}\":{}}}", Value::Object(object)))
    }
}

fn export(
    connection: &Connection,
    (account, gap): (&AccountName, Option<Gap>),
    now: Timestamp,
    mut lines: Lines<'_>,
) -> Result<Exported, Stop> {
    let known = connection
        .prepare_cached("SELECT id, mailbox, observed_before, gap FROM account WHERE name = ?")?
        .query_row([account], |row| {
            let gap = row.get::<_, Option<String>>(3)?.map(|word| Gap::stored(&word)).or(gap);
            // It lacks moves, and no sweep has dealt with that yet.
            let lacks = (gap == Some(Gap::Older)).then_some(now);
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<String>>(1)?,
                lacks.or(row.get::<_, Option<Timestamp>>(2)?),
            ))
        })
        .optional()?;
    let (id, mailbox, observed_before) = known.ok_or(Stop::Fault(ExportFault::Unknown))?;
    let open: usize = connection
        .prepare_cached(
            "SELECT count(*) FROM intent CROSS JOIN mail ON mail.id = intent.mail
             WHERE outcome IS NULL AND account = ?",
        )?
        .query_row([account], |row| row.get(0))?;
    if open > 0 {
        return Err(Stop::Fault(ExportFault::Unsettled(open)));
    }
    // What a reader looks for first comes first.
    lines.put(&format!(
        "{{\"followsift-export\":{VERSION},\"account\":{},\"exported-at\":{},\"by\":{},\"id\":{},\"mailbox\":{},\
         \"observed-before\":{}}}",
        Value::from(account.as_str()),
        Value::from(now.rfc3339()),
        Value::from(env!("CARGO_PKG_VERSION")),
        Value::from(id),
        Value::from(mailbox),
        Value::from(observed_before.map(Timestamp::rfc3339)),
    ))?;
    let mut exported = Exported::default();
    messages(connection, account, &mut lines, &mut exported)?;
    exported.known = people(connection, account, &mut lines)?;
    let of_account = "WHERE account = ? ORDER BY";
    let answered = "WHERE account = ? AND answered_at IS NOT NULL ORDER BY network, key";
    lines.table(connection, "look-up", &LOOKUP, answered, [account])?;
    lines.table(connection, "sent-folder", &SENT_FOLDER, &format!("{of_account} folder"), [account])?;
    let by_person = format!("{of_account} folder, address, name");
    lines.table(connection, "wrote-to", &SENT_PERSON, &by_person, [account])?;
    lines.table(connection, "digest", &DIGEST, &format!("{of_account} period"), [account])?;
    lines.table(connection, "fuse", &FUSE, "WHERE account = ?", [account])?;
    lines.table(connection, "pause", &PAUSE, "WHERE account = ?", [account])?;
    folders(connection, account, &mut lines)?;
    lines.table(connection, "target", &TARGET, &format!("{of_account} folder"), [account])?;
    lines.table(connection, "forgotten-key", &FORGOTTEN_KEY, "ORDER BY key", [])?;
    lines.table(connection, "forgotten", &FORGOTTEN, "ORDER BY hash", [])?;
    let written = lines.written;
    lines.put(&format!("{{\"end\":{written}}}"))?;
    Ok(exported)
}

/// Hands over each row of a table, with further columns, as `rest` chooses them.
fn each_row(
    connection: &Connection,
    table: &Table,
    further: &str,
    rest: &str,
    values: impl Params,
    mut each: impl FnMut(Map<String, Value>, &Row<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let query = ["SELECT", &table.selected(), further, "FROM", table.name, rest].join(" ");
    let mut select = connection.prepare_cached(&query)?;
    let mut rows = select.query(values)?;
    while let Some(row) = rows.next()? {
        each(table.write(row, 0)?, row)?;
    }
    Ok(())
}

/// Puts the rows of a table that belong to something else under a key of its object, if there are any.
fn nest(
    connection: &Connection,
    (key, table): (&str, &Table),
    rest: &str,
    values: impl Params,
    into: &mut Map<String, Value>,
) -> Result<(), Stop> {
    let mut list = Vec::new();
    each_row(connection, table, "", rest, values, |object, _| {
        list.push(Value::Object(object));
        Ok(())
    })?;
    if !list.is_empty() {
        into.insert(key.to_owned(), Value::Array(list));
    }
    Ok(())
}

fn messages(
    connection: &Connection,
    account: &AccountName,
    lines: &mut Lines<'_>,
    exported: &mut Exported,
) -> Result<(), Stop> {
    let rest = "WHERE account = ? ORDER BY received, digest, size";
    each_row(connection, &MAIL, ", mail.id, mail.latest", rest, [account], |mut object, row| {
        let (id, latest): (i64, Option<i64>) =
            (row.get(MAIL.columns.len())?, row.get(MAIL.columns.len() + 1)?);
        for of_one in
            [("put-back", &CORRECTION), ("kept", &KEPT), ("incomplete", &INCOMPLETE), ("header", &HEADER)]
        {
            let (key, table) = of_one;
            each_row(connection, table, "", "WHERE mail = ?", [id], |one, _| {
                object.insert(key.to_owned(), Value::Object(one));
                Ok(())
            })?;
        }
        exported.messages += 1;
        exported.put_back += usize::from(object.contains_key("put-back"));
        nest(connection, ("past", &PAST), "WHERE mail = ? ORDER BY network, key", [id], &mut object)?;
        judgements(connection, id, latest, &mut object)?;
        let waits = "WHERE mail = ? AND account = ? ORDER BY folder, validity, uid";
        nest(connection, ("waiting", &WAITING), waits, params![id, account], &mut object)?;
        lines.object("message", object)
    })
}

/// Adds the judgements that say what became of a message, and its moves: the last judgement, and those that led to moves.
fn judgements(
    connection: &Connection,
    mail: i64,
    latest: Option<i64>,
    object: &mut Map<String, Value>,
) -> Result<(), Stop> {
    let (mut ids, mut judgements) = (Vec::new(), Vec::new());
    let told = "WHERE mail = ?1 AND (id IS ?2 OR EXISTS (SELECT 1 FROM intent WHERE intent.judgement = judgement.id))
        ORDER BY judged_at, rules";
    each_row(connection, &JUDGEMENT, ", judgement.id", told, params![mail, latest], |mut one, row| {
        let id: i64 = row.get(JUDGEMENT.columns.len())?;
        if Some(id) == latest {
            one.insert("latest".to_owned(), Value::from(true));
        }
        nest(connection, ("followers", &FOLLOWER), "WHERE judgement = ? ORDER BY position", [id], &mut one)?;
        ids.push(id);
        judgements.push(Value::Object(one));
        Ok(())
    })?;
    let mut moves = Vec::new();
    let of_mail = "WHERE mail = ? ORDER BY id";
    each_row(connection, &INTENT, ", intent.judgement", of_mail, [mail], |mut one, row| {
        let judgement: i64 = row.get(INTENT.columns.len())?;
        let index = ids.iter().position(|id| *id == judgement);
        one.insert("judgement".to_owned(), Value::from(index));
        moves.push(Value::Object(one));
        Ok(())
    })?;
    for (key, list) in [("judgements", judgements), ("moves", moves)] {
        if !list.is_empty() {
            object.insert(key.to_owned(), Value::Array(list));
        }
    }
    Ok(())
}

/// Writes who is known and who is unwelcome; returns how many are known. They hold for all accounts; each has the message that says so, if
/// it is of this one.
fn people(connection: &Connection, account: &AccountName, lines: &mut Lines<'_>) -> Result<usize, Stop> {
    let mut known = 0;
    let identity = format!(", {}", IDENTITY.selected());
    for (kind, table, rest) in [
        (
            "known",
            &KNOWN,
            "LEFT JOIN mail ON mail.id = known_follower.mail AND account = ? ORDER BY network, key",
        ),
        // None is unwelcome without a message.
        (
            "unwelcome",
            &UNWELCOME,
            "JOIN mail ON mail.id = unwelcome_follower.mail AND account = ? ORDER BY network, key",
        ),
    ] {
        each_row(connection, table, &identity, rest, [account], |mut object, row| {
            let message = IDENTITY.write(row, table.columns.len())?;
            if !message.is_empty() {
                object.insert("message".to_owned(), Value::Object(message));
            }
            known += usize::from(kind == "known");
            lines.object(kind, object)
        })?;
    }
    Ok(known)
}

/// Writes how far each folder was looked through.
fn folders(connection: &Connection, account: &AccountName, lines: &mut Lines<'_>) -> Result<(), Stop> {
    let rest = "WHERE account = ? ORDER BY folder";
    each_row(connection, &CURSOR, "", rest, [account], |mut object, row| {
        let folder: String = row.get("folder")?;
        let of_folder = "WHERE account = ? AND folder = ? ORDER BY uid";
        nest(connection, ("newest", &NEWEST), of_folder, params![account, folder], &mut object)?;
        let unshown = "WHERE account = ? AND folder = ? ORDER BY validity, uid";
        nest(connection, ("unshown", &UNSHOWN), unshown, params![account, folder], &mut object)?;
        lines.object("folder", object)
    })
}

impl From<io::Error> for ExportFault {
    fn from(cause: io::Error) -> Self {
        Self::Write(cause)
    }
}

impl fmt::Display for ExportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(fault) => fault.fmt(f),
            Self::Unknown => f.write_str("the ledger does not know this account"),
            Self::Unsettled(moves) => {
                let (moves, are) =
                    if *moves == 1 { ("1 move".to_owned(), "is") } else { (format!("{moves} moves"), "are") };
                write!(
                    f,
                    "{moves} {are} not settled, which only this ledger can do; export again after the next sweep \
                     (`followsift sweep`, or a moment later if the service is running)"
                )
            }
            Self::Write(_) => f.write_str("could not write the export"),
        }
    }
}

impl Error for ExportFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Ledger(fault) => fault.source(),
            Self::Write(cause) => Some(cause),
            Self::Unknown | Self::Unsettled(_) => None,
        }
    }
}

//! How each message was judged, and on which facts.
//!
//! `sweep` records here whatever it judged, moved or not. A new judgement by the same rules replaces the earlier one, unless that
//! one led to a move, which it explains; a judgement by other rules is kept beside it.

use std::borrow::Borrow;

use rusqlite::{Connection, OptionalExtension, params};

use super::encoding;
use super::recall::{add_past, replace_past};
use super::rows::find_mail;
use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::mail::{Fact, Network, Notification};
use crate::place::{AccountName, MailIdentity, MailRef, Marks};
use crate::rules::{Action, Verdict, VerdictName};

/// One message that was recognised and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Where it was.
    pub mail: MailRef,
    /// Its digest and size.
    pub identity: MailIdentity,
    /// What it says, with the facts that were judged on.
    pub notification: Notification,
    /// One for each follower of the notification, in its order.
    pub verdicts: Vec<Verdict>,
    /// The class of the message as a whole; `None` is undecided.
    pub verdict: Option<VerdictName>,
    /// What the verdicts lead to.
    pub action: Action,
    /// A word that changes whenever rules or profiles do.
    pub rules: String,
    /// When it was judged.
    pub judged_at: Timestamp,
}

/// One message that a network seems to have sent and that no layout could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteRecord {
    /// Where it was.
    pub mail: MailRef,
    /// Its digest and size.
    pub identity: MailIdentity,
    /// The network that seems to have sent it.
    pub network: Network,
    /// The facts that the nearest layout needs and did not find.
    pub missing: Vec<Fact>,
    /// When it arrived.
    pub received: Timestamp,
    /// When this was found.
    pub seen_at: Timestamp,
}

impl Ledger {
    /// Records messages that were judged: all of them, or none. Takes each only when it is written.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn record(
        &mut self,
        judged: impl IntoIterator<Item = impl Borrow<Judged>>,
    ) -> Result<(), LedgerFault> {
        let mut judged = judged.into_iter().peekable();
        if judged.peek().is_none() {
            return Ok(());
        }
        self.write("record what was judged", |transaction| {
            judged.try_for_each(|judged| record(transaction, judged.borrow()))
        })
    }

    /// Has this message been judged before?
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn knows(&self, account: &AccountName, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.read("look for an earlier judgement", |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM mail WHERE account = ? AND digest = ? AND size = ?
                         AND latest IS NOT NULL)",
                )?
                .query_row(params![account, identity.digest, identity.size], |row| row.get(0))
        })
    }

    /// Records messages that no layout could read.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn record_incomplete(&mut self, incomplete: &[IncompleteRecord]) -> Result<(), LedgerFault> {
        self.write("record what could not be read", |transaction| {
            for one in incomplete {
                let mail = put_mail(transaction, &one.mail, &one.identity, one.received)?.id();
                let missing: Vec<_> = one.missing.iter().map(|fact| fact.word()).collect();
                transaction
                    .prepare_cached(
                        "INSERT INTO incomplete (mail, network, missing, seen_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (mail) DO UPDATE SET network = ?2, missing = ?3, seen_at = ?4",
                    )?
                    .execute(params![mail, one.network, missing.join(" "), one.seen_at])?;
            }
            Ok(())
        })
    }
}

pub(super) fn record(transaction: &Connection, judged: &Judged) -> rusqlite::Result<()> {
    let Judged { mail: MailRef { account, .. }, notification, .. } = judged;
    let (judgement, mail) =
        match put_mail(transaction, &judged.mail, &judged.identity, notification.received)? {
            // Most messages are new, and then nothing has to be looked for or replaced.
            Row::New(mail) => {
                put_judgement(transaction, mail, judged)?;
                let judgement = transaction.last_insert_rowid();
                put_followers(transaction, judgement, judged)?;
                add_past(transaction, account, mail, notification, notification.received)?;
                (judgement, mail)
            }
            Row::Known(mail) => {
                let judgement = match that_moved(transaction, mail, &judged.rules)? {
                    Some(judgement) => judgement,
                    None => replace_judgement(transaction, mail, judged)?,
                };
                replace_past(transaction, account, mail, notification)?;
                transaction.prepare_cached("DELETE FROM incomplete WHERE mail = ?")?.execute([mail])?;
                (judgement, mail)
            }
        };
    transaction.prepare_cached("UPDATE mail SET latest = ? WHERE id = ?")?.execute([judgement, mail])?;
    Ok(())
}

/// The judgement of a message by these rules, if it led to a move. It explains the move, so it stays as it is: what the same
/// rules say later may differ, since a put-back makes its follower known.
fn that_moved(transaction: &Connection, mail: i64, rules: &str) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached(
            "SELECT id FROM judgement WHERE mail = ? AND rules = ? AND EXISTS (
                 SELECT 1 FROM intent WHERE judgement = judgement.id AND outcome = 'moved' AND returns = 0)",
        )?
        .query_row(params![mail, rules], |row| row.get(0))
        .optional()
}

/// Writes a judgement in place of an earlier one by the same rules.
fn replace_judgement(transaction: &Connection, mail: i64, judged: &Judged) -> rusqlite::Result<i64> {
    put_judgement(transaction, mail, judged)?;
    let judgement = transaction
        .prepare_cached("SELECT id FROM judgement WHERE mail = ? AND rules = ?")?
        .query_row(params![mail, judged.rules], |row| row.get(0))?;
    transaction.prepare_cached("DELETE FROM follower WHERE judgement = ?")?.execute([judgement])?;
    put_followers(transaction, judgement, judged)?;
    Ok(judgement)
}

/// Writes a judgement without its followers.
fn put_judgement(transaction: &Connection, mail: i64, judged: &Judged) -> rusqlite::Result<()> {
    let Notification { network, title, kind, layout, authentic, instance, complete, .. } =
        &judged.notification;
    let (action, target, marks) = match &judged.action {
        Action::Leave => ("leave", None, Marks::default()),
        Action::Mark(marks) => ("mark", None, *marks),
        Action::File { to, marks } => ("file", Some(to), *marks),
    };
    // As they come in the statement: to bind each by its name costs more than to write the row.
    transaction
        .prepare_cached(
            "INSERT INTO judgement (mail, rules, judged_at, network, title, kind, layout, authentic, seen,
                 instance, complete, verdict, action, target, flag, mark_read)
             VALUES (:mail, :rules, :judged_at, :network, :title, :kind, :layout, :authentic, :seen,
                 :instance, :complete, :verdict, :action, :target, :flag, :mark_read)
             ON CONFLICT (mail, rules) DO UPDATE SET judged_at = :judged_at, network = :network,
                 title = :title, kind = :kind, layout = :layout, authentic = :authentic, seen = :seen,
                 instance = :instance, complete = :complete, verdict = :verdict, action = :action,
                 target = :target, flag = :flag, mark_read = :mark_read",
        )?
        .execute(params![
            mail,
            judged.rules,
            judged.judged_at,
            network,
            title,
            kind,
            layout,
            authentic.word(),
            authentic.evidence(),
            instance,
            complete,
            judged.verdict,
            action,
            target,
            marks.flagged,
            marks.seen,
        ])
        .map(drop)
}

fn put_followers(transaction: &Connection, judgement: i64, judged: &Judged) -> rusqlite::Result<()> {
    let Notification { network, followers, .. } = &judged.notification;
    let undecided = Verdict::default();
    let verdicts = judged.verdicts.iter().chain(std::iter::repeat(&undecided));
    for (position, (follower, verdict)) in followers.iter().zip(verdicts).enumerate() {
        transaction
            .prepare_cached(
                "INSERT INTO follower (judgement, position, network, key, facts, verdict, points, reasons)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                judgement,
                position,
                network,
                judged.notification.key(follower).as_str(),
                encoding::write_follower(follower),
                verdict.class,
                verdict.points,
                encoding::write_reasons(&verdict.reasons),
            ])?;
    }
    Ok(())
}

/// The row of a message.
#[derive(Clone, Copy, Debug)]
enum Row {
    New(i64),
    Known(i64),
}

impl Row {
    fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// The row of a message, made or brought up to date. The earliest arrival is kept, since a server may give a message a
/// new date when the user moves it to and fro.
fn put_mail(
    transaction: &Connection,
    mail: &MailRef,
    identity: &MailIdentity,
    received: Timestamp,
) -> rusqlite::Result<Row> {
    if let Some(id) = find_mail(transaction, &mail.account, identity)? {
        transaction
            .prepare_cached(
                "UPDATE mail SET folder = ?, validity = ?, uid = ?, received = min(received, ?) WHERE id = ?",
            )?
            .execute(params![mail.folder, mail.validity, mail.uid, received, id])?;
        return Ok(Row::Known(id));
    }
    transaction
        .prepare_cached(
            "INSERT INTO mail (account, digest, size, folder, validity, uid, received) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            mail.account,
            identity.digest,
            identity.size,
            mail.folder,
            mail.validity,
            mail.uid,
            received
        ])?;
    Ok(Row::New(transaction.last_insert_rowid()))
}

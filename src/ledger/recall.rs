//! Answers what rules ask about a follower's past, from the ledger. Called by `sweep`, which hands it to `assess`.

use std::cell::{OnceCell, RefCell};

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::find_mail;
use super::{Ledger, LedgerFault};
use crate::clock::Timestamp;
use crate::mail::{Authenticity, FollowerKey, Network, Notification};
use crate::place::{AccountName, MailIdentity};
use crate::rules::Recall;
use crate::rules::recall::WAVE;

/// The lengths of the spans in which a wave is counted, in seconds. Each divides the next.
const SPANS: [i64; 4] = [1, 8, 64, 512];

/// What an account's messages say about followers. A message counts once, however often it was judged. Only messages
/// that pass authentication count; otherwise a forger could give any follower a past.
///
/// A rule's question cannot fail, so a fault is kept here and everything is unknown from then on. The caller asks
/// [`Recalled::finish`] before acting on a verdict.
#[derive(Debug)]
pub struct Recalled<'l> {
    ledger: &'l Ledger,
    account: &'l AccountName,
    identity: Option<&'l MailIdentity>,
    /// Its row, once it was looked for.
    judged: OnceCell<Option<i64>>,
    fault: RefCell<Option<LedgerFault>>,
}

impl Ledger {
    /// The memory of an account, while the message `judged` is looked at: it never counts, even if the server has given
    /// it a later date meanwhile.
    pub fn recall<'l>(&'l self, account: &'l AccountName, judged: Option<&'l MailIdentity>) -> Recalled<'l> {
        Recalled {
            ledger: self,
            account,
            identity: judged,
            judged: OnceCell::new(),
            fault: RefCell::default(),
        }
    }
}

impl Recalled<'_> {
    /// Was every question answered?
    ///
    /// # Errors
    ///
    /// The first fault of the ledger; then no verdict that was reached with this memory may be acted on.
    pub fn finish(self) -> Result<(), LedgerFault> {
        self.fault.into_inner().map_or(Ok(()), Err)
    }

    /// Answers a question, unless an earlier one could not be answered.
    fn ask<T: Default>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> T {
        if self.fault.borrow().is_some() {
            return T::default();
        }
        self.ledger.read("look up a follower's past", question).unwrap_or_else(|fault| {
            *self.fault.borrow_mut() = Some(fault);
            T::default()
        })
    }

    /// The message that is judged, if it was judged before.
    fn judged(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        if let Some(judged) = self.judged.get() {
            return Ok(*judged);
        }
        let judged = match self.identity {
            Some(identity) => find_mail(connection, self.account, identity)?,
            None => None,
        };
        Ok(*self.judged.get_or_init(|| judged))
    }
}

/// How many proven notifications of a network came in the hour before `before`, without the message that is judged.
fn wave(
    connection: &Connection,
    account: &AccountName,
    network: &Network,
    before: Timestamp,
    judged: Option<i64>,
) -> rusqlite::Result<u64> {
    let (since, before) = (before.0.saturating_sub(WAVE), before.0);
    let mut count = 0_i64;
    for (seconds, since, before) in pieces(since, before) {
        count += connection
            .prepare_cached(
                "SELECT coalesce(sum(messages), 0) FROM past_wave
                 WHERE account = ? AND network = ? AND seconds = ? AND since >= ? AND since < ?",
            )?
            .query_row(params![account, network, seconds, since, before], |row| row.get::<_, i64>(0))?;
    }
    if let Some(judged) = judged {
        let itself: bool = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM past_follower
                     WHERE mail = ? AND account = ? AND network = ? AND received >= ? AND received < ?)",
            )?
            .query_row(params![judged, account, network, since, before], |row| row.get(0))?;
        count -= i64::from(itself);
    }
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Cuts a period into spans that are as long as possible: returns the length of spans, and the period in which they have it.
fn pieces(since: i64, before: i64) -> Vec<(i64, i64, i64)> {
    let (mut since, mut before) = (since, before);
    let mut pieces = Vec::new();
    for (index, span) in SPANS.into_iter().enumerate() {
        let whole = SPANS
            .get(index + 1)
            .map(|longer| (start(since.saturating_add(longer - 1), *longer), start(before, *longer)));
        match whole.filter(|(first, last)| first < last) {
            Some((first, last)) => {
                pieces.extend([(span, since, first), (span, last, before)]);
                (since, before) = (first, last);
            }
            None => {
                pieces.push((span, since, before));
                break;
            }
        }
    }
    pieces
}

/// Notes what a message that has just been judged adds to the past, in place of what it added before.
pub(super) fn replace_past(
    transaction: &Connection,
    account: &AccountName,
    mail: i64,
    notification: &Notification,
) -> rusqlite::Result<()> {
    let before: Option<(Network, i64)> = transaction
        .prepare_cached("SELECT network, received FROM past_follower WHERE mail = ? LIMIT 1")?
        .query_row([mail], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((network, received)) = before {
        transaction.prepare_cached("DELETE FROM past_follower WHERE mail = ?")?.execute([mail])?;
        count(transaction, account, &network, received, -1)?;
    }
    let received = transaction
        .prepare_cached("SELECT received FROM mail WHERE id = ?")?
        .query_row([mail], |row| row.get(0))?;
    add_past(transaction, account, mail, notification, received)
}

/// Notes what a message adds to the past that has added nothing yet.
pub(super) fn add_past(
    transaction: &Connection,
    account: &AccountName,
    mail: i64,
    notification: &Notification,
    received: Timestamp,
) -> rusqlite::Result<()> {
    if !matches!(notification.authentic, Authenticity::Pass(_)) {
        return Ok(());
    }
    for key in notification.keys() {
        transaction
            .prepare_cached(
                "INSERT INTO past_follower (account, network, key, received, mail) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![account, notification.network, key.as_str(), received, mail])?;
    }
    count(transaction, account, &notification.network, received.0, 1)
}

pub(super) fn count(
    transaction: &Connection,
    account: &AccountName,
    network: &Network,
    received: i64,
    messages: i64,
) -> rusqlite::Result<()> {
    for (seconds, since) in SPANS.map(|span| (span, start(received, span))) {
        transaction
            .prepare_cached(
                "INSERT INTO past_wave (account, network, seconds, since, messages) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
            )?
            .execute(params![account, network, seconds, since, messages])?;
    }
    Ok(())
}

/// The first second of the span in which a second is.
fn start(second: i64, span: i64) -> i64 {
    second.saturating_sub(second.rem_euclid(span))
}

impl Recall for Recalled<'_> {
    /// A correction is about a person, not about a time: it holds for earlier messages too, and for the user's other accounts.
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM known_follower
                     WHERE network = ? AND key = ? AND (proven OR NOT ?))",
                )?
                .query_row(params![follower.network(), follower.as_str(), is_proven], |row| row.get(0))
        })
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM unwelcome_follower WHERE network = ? AND key = ?)",
                )?
                .query_row(params![follower.network(), follower.as_str()], |row| row.get(0))
        })
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "SELECT min(received) FROM past_follower
                     WHERE account = ? AND network = ? AND key = ? AND received >= ? AND received < ?
                         AND mail IS NOT ?",
                )?
                .query_row(
                    params![
                        self.account,
                        follower.network(),
                        follower.as_str(),
                        since,
                        before,
                        self.judged(connection)?
                    ],
                    |row| row.get(0),
                )
        })
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        self.ask(|connection| wave(connection, self.account, network, before, self.judged(connection)?))
    }
}

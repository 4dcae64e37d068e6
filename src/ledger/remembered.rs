//! What is remembered of each message, however often it was judged: the last judgement, and what became of it. For reports; never
//! writes.

use std::collections::VecDeque;

use rusqlite::params;

use super::history::{arrived, that_moved};
use super::{HistoryEntry, Ledger, LedgerFault, Settlement};
use crate::clock::Timestamp;
use crate::place::{AccountName, Folder};
use crate::rules::Verdict;

/// A message, with all that followsift knows about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// The last judgement, with the moves of the last one that led to any.
    pub entry: HistoryEntry,
    /// The verdicts that led to the moves, if they were others.
    pub moved_by: Option<Vec<Verdict>>,
}

/// Where a message is now, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stayed, or came back for another reason than that the user put it back; or a second copy of it stays.
    Stayed,
    /// The user put it back.
    PutBack,
    /// It is in this folder.
    Filed {
        /// The folder.
        to: Folder,
        /// The user moved it by hand.
        by_user: bool,
    },
}

impl Remembered {
    /// What became of it.
    pub fn fate(&self) -> Fate {
        let HistoryEntry { moves, put_back, stays, .. } = &self.entry;
        let done = moves.iter().rfind(|filing| {
            matches!(filing.settled, Some((Settlement::Moved { .. } | Settlement::Doubled { .. }, _)))
        });
        let filed = done
            .filter(|last| !last.returns && stays.is_none() && put_back.is_none_or(|at| at < last.stated_at));
        match filed {
            Some(last) => Fate::Filed { to: last.to.clone(), by_user: last.by_user },
            None if put_back.is_some() => Fate::PutBack,
            None => Fate::Stayed,
        }
    }

    /// The verdicts behind where it is.
    pub fn verdicts(&self) -> &[Verdict] {
        self.moved_by.as_deref().unwrap_or(&self.entry.judged.verdicts)
    }
}

/// So many messages of each account are held at a time.
const PORTION: i64 = 500;

/// The messages of an account that are read and not handed over yet.
#[derive(Debug)]
struct Stream {
    account: AccountName,
    read: VecDeque<Remembered>,
    /// The last that was read, by arrival and number: the next one came before it.
    last: (Timestamp, i64),
    is_over: bool,
}

impl Ledger {
    /// Hands over every message that arrived at `since` or later, those that came last first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub fn remembered(&self, since: Timestamp, each: &mut dyn FnMut(Remembered)) -> Result<(), LedgerFault> {
        let stream = |account| Stream {
            account,
            read: VecDeque::new(),
            last: (Timestamp(i64::MAX), i64::MAX),
            is_over: false,
        };
        let mut streams: Vec<Stream> = self.accounts_with_messages()?.into_iter().map(stream).collect();
        loop {
            for stream in streams.iter_mut().filter(|stream| stream.read.is_empty() && !stream.is_over) {
                self.read_on(stream, since)?;
            }
            let arrival = |stream: &&mut Stream| {
                stream.read.front().map(|message| message.entry.judged.notification.received)
            };
            let Some(message) =
                streams.iter_mut().max_by_key(arrival).and_then(|stream| stream.read.pop_front())
            else {
                return Ok(());
            };
            each(message);
        }
    }

    fn accounts_with_messages(&self) -> Result<Vec<AccountName>, LedgerFault> {
        self.read("look for accounts", |connection| {
            // Not DISTINCT, which reads all messages.
            let mut next = connection.prepare_cached("SELECT min(account) FROM mail WHERE account > ?")?;
            let mut found: Vec<AccountName> = Vec::new();
            let after = |found: &[AccountName]| found.last().map_or(String::new(), ToString::to_string);
            while let Some(account) = next.query_row([after(&found)], |row| row.get::<_, Option<_>>(0))? {
                found.push(account);
            }
            Ok(found)
        })
    }

    fn read_on(&self, stream: &mut Stream, since: Timestamp) -> Result<(), LedgerFault> {
        let portion = self.read("look up what is remembered", |connection| {
            let Stream { account, last, .. } = &*stream;
            let portion = arrived(connection, params![account, since, last.0, last.1, PORTION])?;
            let mut read = Vec::with_capacity(portion.len());
            for (number, mut entry) in portion {
                let mut moved_by = None;
                if entry.moves.is_empty()
                    && let Some(earlier) = that_moved(connection, number)?
                {
                    entry.moves = earlier.moves;
                    moved_by = Some(earlier.judged.verdicts);
                }
                read.push((number, Remembered { entry, moved_by }));
            }
            Ok(read)
        })?;
        stream.is_over = i64::try_from(portion.len()) != Ok(PORTION);
        for (number, message) in portion {
            stream.last = (message.entry.judged.notification.received, number);
            stream.read.push_back(message);
        }
        Ok(())
    }
}

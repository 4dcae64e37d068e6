//! Which messages a sweep looks at: those that came since the last sweep, or since a moment; and how far it has come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::memory::Memory;
use super::{AccountFault, Sweep};
use crate::clock::Timestamp;
use crate::ledger::{Cursor, Newest, Old};
use crate::mailbox::{Head, Opened, Range, Session};
use crate::place::{MailDigest, Uid};
use crate::settings::Backlog;

/// How far the server's clock may be behind ours.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after its move a message is still looked for, to be recognised if it is back.
pub(super) const KNOWN_AGAIN: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Which messages a sweep looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Messages that came since the last sweep; in the first sweep, those that the account's `backlog` names.
    New,
    /// Messages that arrived within this time, judged again.
    Since(Duration),
}

/// A look through a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// The messages to ask for.
    pub(super) range: Range<'static>,
    /// Which of them to judge, if not all.
    pub(super) old: Option<Old>,
    /// The others are judged only if they wait or were moved before, and arrived at this moment or later.
    known: Option<Timestamp>,
}

/// What a sweep does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// It is judged.
    All,
    /// It is judged if it waits, or was moved before; else it is an old message.
    Known,
    /// It is an old message: nothing.
    Nothing,
}

impl Window {
    fn at(range: Range<'static>) -> Self {
        Self { range, old: None, known: None }
    }

    /// What this look does with a message.
    pub(super) fn relevance(&self, head: &Head) -> Relevance {
        let Some(old) = self.old else { return Relevance::All };
        if head.uid >= old.below || head.received >= old.since.0 {
            Relevance::All
        } else if self.known.is_some_and(|known| head.received >= known.0) {
            Relevance::Known
        } else {
            Relevance::Nothing
        }
    }
}

/// The messages of the open folder to look at; `None` if it was only to be remembered where the folder ends today. The
/// folder is returned with its UIDNEXT if that is needed. With `void`, its UIDs mean nothing any more, since it was
/// restored from a backup.
pub(super) fn look(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: Opened,
    void: bool,
    memory: &mut Memory,
) -> Result<(Opened, Option<Window>), AccountFault> {
    if let Scope::Since(time) = sweep.scope {
        return Ok((opened, Some(Window::at(Range::Since(sweep.now.before(time).0)))));
    }
    let known = |memory: &Memory, opened: &Opened, at: Timestamp| {
        let since = at.before(KNOWN_AGAIN);
        let found = memory.earliest_known(&sweep.account.name, &opened.folder, since)?;
        Ok::<_, AccountFault>(found.map(|at| at.max(since)))
    };
    match memory.cursor(&sweep.account.name, &opened.folder)? {
        Some(Cursor { validity, next, old, .. }) if validity == opened.validity && !void => {
            let known = match old {
                Some(old) => known(memory, &opened, old.since)?,
                None => None,
            };
            Ok((opened, Some(Window { range: Range::From(next), old, known })))
        }
        // Every UID that was remembered is void (RFC 9051, section 2.3.1.1); the time of arrival is not. Messages that
        // wait, or that were put back, may have arrived earlier.
        Some(Cursor { looked_at, old, newest, .. }) => {
            let opened = with_next(session, opened)?;
            let old_since = old.map_or(looked_at, |old| old.since.min(looked_at));
            let since = old_since;
            // By the server's own clock too, which may be behind ours; but, unless the backlog is everything, by a day
            // at most: the newest message may be an old one that was imported.
            let since = newest.first().map_or(since, |newest| newest.received.min(since));
            let since = match sweep.account.backlog {
                Backlog::All => since,
                Backlog::Since(_) | Backlog::None => since.max(looked_at.before(DAY).min(old_since)),
            };
            // What was not shown has never been looked at.
            let unshown = memory.earliest_unshown(&sweep.account.name, &opened)?;
            let since = unshown.map_or(since, |at| since.min(at.max(looked_at.before(KNOWN_AGAIN))));
            let known = known(memory, &opened, since)?;
            let from = known.map_or(since, |known| known.min(since));
            let old = opened.next.map(|below| Old { below, since });
            Ok((opened, Some(Window { range: Range::Since(from.0), old, known })))
        }
        None => match sweep.account.backlog {
            Backlog::All => Ok((opened, Some(Window::at(Range::From(Uid(1)))))),
            Backlog::Since(time) => {
                let opened = with_next(session, opened)?;
                let since = sweep.now.before(time);
                let old = opened.next.map(|below| Old { below, since });
                Ok((opened, Some(Window { range: Range::Since(since.0), old, known: None })))
            }
            Backlog::None => {
                let opened = with_next(session, opened)?;
                if let Some(next) = opened.next {
                    remember(sweep, &opened, next, None, &Seen::default(), memory)?;
                }
                Ok((opened, None))
            }
        },
    }
}

/// Remembers, in the middle of a look, that every message up to `last` has been dealt with.
pub(super) fn advance(
    sweep: Sweep<'_>,
    opened: &Opened,
    look: &Window,
    last: Uid,
    seen: &Seen,
    memory: &mut Memory,
) -> Result<(), AccountFault> {
    if sweep.scope != Scope::New {
        return Ok(());
    }
    let next = Uid(last.0.saturating_add(1));
    remember(sweep, opened, next, look.old.filter(|old| next < old.below), seen, memory)
}

/// Remembers that everything has been dealt with that was there when the folder was opened, up to `last` at least.
pub(super) fn finish(
    sweep: Sweep<'_>,
    opened: &Opened,
    last: Uid,
    seen: &Seen,
    memory: &mut Memory,
) -> Result<(), AccountFault> {
    // If the server does not say the next UID and has shown no message, there is only the time to remember.
    let next = opened.next.unwrap_or(Uid(last.0.saturating_add(1)));
    remember(sweep, opened, next, None, seen, memory)?;
    if let Some(ledger) = memory.kept() {
        ledger.strike_off_void(&sweep.account.name, &opened.folder, opened.validity)?;
    }
    Ok(())
}

fn remember(
    sweep: Sweep<'_>,
    opened: &Opened,
    next: Uid,
    old: Option<Old>,
    seen: &Seen,
    memory: &mut Memory,
) -> Result<(), AccountFault> {
    // If nothing came, the moment of the last look stays too: if the folder turns out to be restored from a backup, the
    // sweep looks for what came since then.
    let known = memory.cursor(&sweep.account.name, &opened.folder)?;
    let known = known.filter(|known| known.validity == opened.validity);
    let newest = seen.newest(known.as_ref().map_or(&[], |known| &known.newest));
    let cursor = Cursor { validity: opened.validity, next, looked_at: sweep.now, old, newest };
    if known.is_some_and(|known| Cursor { looked_at: known.looked_at, ..cursor.clone() } == known) {
        return Ok(());
    }
    if let Some(ledger) = memory.kept() {
        ledger.advance(&sweep.account.name, &opened.folder, cursor)?;
    }
    Ok(())
}

/// The open folder with the UID that the next message will have at least. Courier says it only when asked (STATUS); the
/// folder is opened once more after that, so that a message that came in between is not skipped.
fn with_next(session: &mut Session, opened: Opened) -> Result<Opened, AccountFault> {
    if opened.next.is_some() {
        return Ok(opened);
    }
    let landings = session.landings(std::slice::from_ref(&opened.folder))?;
    let next = landings.get(&opened.folder).map(|landing| landing.next);
    let mut again = session.select(&opened.folder)?;
    again.next = again.next.or(next);
    Ok(again)
}

/// The messages of a folder that a look has seen, as far as they may be remembered as its newest.
#[derive(Debug, Default)]
pub(super) struct Seen {
    heads: BTreeMap<Uid, Newest>,
    gone: BTreeSet<Uid>,
}

/// How many of the newest messages are remembered, since the user may delete some of them before the next look.
pub(super) const NEWEST: usize = 3;
/// How many of them are held during a look, since some of them may be moved before it is over.
const HELD: usize = 1000;

impl Seen {
    /// Notes a message of the folder.
    pub(super) fn note(&mut self, head: &Head) {
        // If the server does not say when a message arrived, it cannot be told from another by that.
        if head.received > 0 {
            let (fields, received) = (MailDigest::of(&head.fields), Timestamp(head.received));
            self.heads.insert(head.uid, Newest { uid: head.uid, fields, received });
            if self.heads.len() > HELD {
                self.heads.pop_first();
            }
        }
    }

    /// Adds what was seen elsewhere.
    pub(super) fn extend(&mut self, other: Self) {
        self.heads.extend(other.heads);
        while self.heads.len() > HELD {
            self.heads.pop_first();
        }
        self.gone.extend(other.gone);
    }

    /// Forgets a message: what was seen of it does not count.
    pub(super) fn forget(&mut self, uid: Uid) {
        self.heads.remove(&uid);
    }

    /// Notes that a message has left the folder.
    pub(super) fn note_gone(&mut self, uid: Uid) {
        self.gone.insert(uid);
    }

    /// The newest ones that stay, with those that were known before.
    fn newest(&self, known: &[Newest]) -> Vec<Newest> {
        let mut all = self.heads.clone();
        for one in known {
            all.entry(one.uid).or_insert(*one);
        }
        all.into_values().rev().filter(|one| !self.gone.contains(&one.uid)).take(NEWEST).collect()
    }
}

/// What became of the open folder since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Its UIDs mean what they meant.
    Same,
    /// It was renumbered.
    Renumbered,
    /// It was restored from a backup: its UIDNEXT has gone back, or another message has the UID of one of the newest that were
    /// seen. Also while the look that follows from that is not over.
    Restored {
        /// This is noticed for the first time.
        news: bool,
    },
}

/// What became of the open folder. Takes one round trip at most.
pub(super) fn since_last_look(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    memory: &Memory,
) -> Result<Since, AccountFault> {
    let Some(cursor) = memory.cursor(&sweep.account.name, &opened.folder)? else { return Ok(Since::Same) };
    if cursor.is_void() {
        return Ok(Since::Restored { news: false });
    }
    if cursor.validity != opened.validity {
        return Ok(Since::Renumbered);
    }
    let went_back = opened.next.is_some_and(|next| next < cursor.next);
    let replaced = match cursor.newest.as_slice() {
        _ if went_back => true,
        _ if session.is_known_same() => false,
        newest if opened.exists > 0 => is_replaced(session, newest)?,
        _ => false,
    };
    Ok(match (replaced, cursor.old) {
        (true, _) => Since::Restored { news: true },
        (false, Some(_)) => Since::Restored { news: false },
        (false, None) => Since::Same,
    })
}

/// Does another message of the open folder have the UID of one of `newest`?
pub(super) fn is_replaced(session: &mut Session, newest: &[Newest]) -> Result<bool, AccountFault> {
    let known: Vec<_> = newest.iter().map(|one| (one.uid, one.received.0, one.fields)).collect();
    Ok(session.is_replaced(&known)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Flags;

    fn head(uid: u32, received: i64) -> Head {
        Head {
            uid: Uid(uid),
            size: 1,
            received,
            flags: Flags::default(),
            fields: format!("Message-ID: <{uid}>").into_bytes(),
        }
    }

    fn uids(newest: &[Newest]) -> Vec<u32> {
        newest.iter().map(|one| one.uid.0).collect()
    }

    #[test]
    fn the_newest_that_stay_are_remembered_and_earlier_ones_where_too_few_came() {
        let mut seen = Seen::default();
        (5..=9).for_each(|uid| seen.note(&head(uid, 100)));
        let first = seen.newest(&[]);
        assert_eq!(uids(&first), [9, 8, 7]);
        assert_ne!(first[0].fields, first[1].fields);
        // 9 and 11 were filed.
        let mut seen = Seen::default();
        (10..=11).for_each(|uid| seen.note(&head(uid, 100)));
        seen.note_gone(Uid(9));
        seen.note_gone(Uid(11));
        assert_eq!(uids(&seen.newest(&first)), [10, 8, 7]);
        assert_eq!(uids(&Seen::default().newest(&first)), [9, 8, 7]);
        // A message without its time of arrival is not remembered.
        let mut seen = Seen::default();
        seen.note(&head(12, 0));
        assert_eq!(uids(&seen.newest(&[])), Vec::<u32>::new());
    }

    #[test]
    fn however_many_are_seen_few_are_held() {
        let mut seen = Seen::default();
        (1..=5000).for_each(|uid| seen.note(&head(uid, 100)));
        assert_eq!((seen.heads.len(), uids(&seen.newest(&[]))), (HELD, vec![5000, 4999, 4998]));
    }
}

//! Which mail a sweep looks at: what came since the last one, or what came since a moment.

use std::time::Duration;

use super::memory::Memory;
use super::{Sweep, SweepFault};
use crate::ledger::Cursor;
use crate::mail::Timestamp;
use crate::mailbox::{Opened, Range, Session};
use crate::place::Uid;
use crate::settings::Backlog;

/// Which mail a sweep looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What came since the last sweep. Where there was none, what the account's `backlog` says.
    New,
    /// What arrived within this time, judged again.
    Since(Duration),
}

/// The mails of the open folder to look at; `None` where there is nothing to do but to remember where it ends today.
pub(super) fn range<'r>(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    memory: &mut Memory<'_>,
) -> Result<Option<Range<'r>>, SweepFault> {
    let since = |time: Duration| Range::Since(earlier(sweep.now, time).0);
    if let Scope::Since(time) = sweep.scope {
        return Ok(Some(since(time)));
    }
    Ok(match memory.cursor(&sweep.account.name, &opened.folder)? {
        Some(cursor) if cursor.validity == opened.validity => Some(Range::From(cursor.next)),
        // Every UID that was remembered is void (RFC 9051, section 2.3.1.1); the time of arrival is not.
        Some(cursor) => Some(Range::Since(cursor.looked_at.0)),
        None => match sweep.account.backlog {
            Backlog::All => Some(Range::From(Uid(1))),
            Backlog::Since(time) => Some(since(time)),
            Backlog::None => {
                let next = next_uid(session, opened)?;
                remember(sweep, opened, next, memory)?;
                None
            }
        },
    })
}

/// Remembers that every mail up to `last` has been dealt with.
pub(super) fn advance(
    sweep: Sweep<'_>,
    opened: &Opened,
    last: Option<Uid>,
    memory: &mut Memory<'_>,
) -> Result<(), SweepFault> {
    if sweep.scope != Scope::New {
        return Ok(());
    }
    let next = match last {
        Some(uid) => uid.0.saturating_add(1),
        // Nothing was there; what comes next has at least this UID.
        None => opened.next.map_or(1, |next| next.0),
    };
    remember(sweep, opened, Uid(next), memory)
}

fn remember(sweep: Sweep<'_>, opened: &Opened, next: Uid, memory: &mut Memory<'_>) -> Result<(), SweepFault> {
    let cursor = Cursor { validity: opened.validity, next, looked_at: sweep.now };
    if let Memory::Kept(ledger) = memory {
        ledger.advance(&sweep.account.name, &opened.folder, cursor)?;
    }
    Ok(())
}

/// The UID that the next mail will have at least; some servers tell only when asked for it.
fn next_uid(session: &mut Session, opened: &Opened) -> Result<Uid, SweepFault> {
    if let Some(next) = opened.next {
        return Ok(next);
    }
    let landings = session.landings(std::slice::from_ref(&opened.folder))?;
    Ok(landings.get(&opened.folder).map_or(Uid(1), |landing| landing.next))
}

fn earlier(now: Timestamp, time: Duration) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(seconds))
}

//! New mail through assess, ledger and mailbox: the only room that moves mail.
//!
//! A sweep looks through the account's folders once: what was interrupted is settled, the heads of what is new are
//! fetched, the plausible mails are read and assessed, and what the rules file is moved in sets: stated in the ledger,
//! done, settled. Called by `daemon` after every wake and by the command `sweep`.

mod consider;
mod fault;
mod file;
mod interrupted;
mod memory;
mod scope;
mod sent;
mod told;

use crate::assess::Rulebook;
use crate::mail::Timestamp;
use crate::mailbox::Session;
use crate::place::Folder;
use crate::settings::Account;

pub use fault::SweepFault;
pub use memory::Memory;
pub use scope::Scope;
pub use sent::{Sent, refresh_sent, sent_people};
pub use told::{Dealt, End, Tally};

/// How much of a mail is fetched and read, in bytes. No known notification is half as long.
pub const MAIL_LIMIT: u32 = 256 << 10;

/// Mails that are read, assessed and moved together: enough that a thousand cost few turns, few enough that a stop in
/// the middle of a long first sweep keeps most of what was done.
const TOGETHER: usize = 1000;

/// What a sweep works with.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    /// The account.
    pub account: &'a Account,
    /// What its mail is judged by.
    pub rulebook: &'a Rulebook,
    /// Which mail is looked at.
    pub scope: Scope,
    /// The time.
    pub now: Timestamp,
}

/// Sweeps all folders of the account. Each mail that was recognised, or only seemed to be one, is told of.
///
/// The session comes back only if it is healthy; after a fault it is gone, and the next sweep settles what it left open.
///
/// # Errors
/// Where the mailbox or the ledger fails. What was done until then is in the ledger.
pub fn sweep(
    mut session: Session,
    sweep: Sweep<'_>,
    memory: &mut Memory<'_>,
    tell: &mut dyn FnMut(Dealt),
) -> Result<(Session, Tally), SweepFault> {
    let mut tally = Tally::default();
    let turns_before = session.turns();
    if let Memory::Kept(ledger) = memory
        && sweep.account.act
    {
        tally.settled = interrupted::settle(&mut session, sweep.account, ledger, sweep.now)?;
    }
    for folder in &sweep.account.folders {
        pass(&mut session, sweep, folder, memory, &mut tally, tell)?;
    }
    tally.turns = session.turns() - turns_before;
    Ok((session, tally))
}

/// Looks through one folder.
fn pass(
    session: &mut Session,
    sweep: Sweep<'_>,
    folder: &Folder,
    memory: &mut Memory<'_>,
    tally: &mut Tally,
    tell: &mut dyn FnMut(Dealt),
) -> Result<(), SweepFault> {
    let opened = session.select(folder)?;
    let Some(range) = scope::range(session, sweep, &opened, memory)? else { return Ok(()) };
    let mut candidates = Vec::new();
    let mut last = None;
    session.heads(range, |heads| {
        for head in heads {
            last = last.max(Some(head.uid));
            tally.looked_at += 1;
            // What the user starred or answered is his; it is not even read.
            if !head.flags.is_touched()
                && !head.flags.deleted
                && sweep.rulebook.profiles.plausible(&head.fields)
            {
                candidates.push(head);
            }
        }
    })?;
    tally.plausible += candidates.len();
    let mut rest = candidates.as_slice();
    while !rest.is_empty() {
        let (together, after) = rest.split_at_checked(TOGETHER).unwrap_or((rest, &[]));
        rest = after;
        let considered = consider::consider(session, sweep, &opened, together, memory)?;
        file::file(session, sweep, &opened, considered, memory, tally, tell)?;
        if let Some(head) = together.last() {
            scope::advance(sweep, &opened, Some(head.uid), memory)?;
        }
    }
    scope::advance(sweep, &opened, last, memory)?;
    Ok(())
}

//! Takes new messages through assess, ledger and mailbox: the only room that moves messages.
//!
//! A sweep looks through the account's folders once (`folder`): it settles interrupted moves, fetches the headers of
//! new messages, reads and assesses the plausible ones, and moves those that the rules file in sets: stated in the
//! ledger, done, settled. Afterwards `digest` puts the digest that is due into the inbox. The service and the command `sweep` run
//! both through [`Sweeper`].

mod account;
mod digest;
mod fault;
mod file;
mod folder;
mod fuse;
mod hand_filed;
mod judge;
mod look_up;
mod memory;
mod news;
mod observing;
mod pass;
mod put_back;
mod rebuild;
mod recover;
mod remains;
mod removals;
mod resting;
mod restore;
mod returns;
mod scope;
mod sent;
mod settlement;
mod sweeper;
mod swept;

use account::lock;
use memory::Memory;

use crate::assess::Rulebook;
use crate::clock::Timestamp;
use crate::lookup::{Inquiry, Whose};
use crate::mailbox::{Fate, Session};
use crate::place::Folder;
use crate::settings::Account;

pub use crate::mailbox::Obstacle;
pub use account::{connect, former_name, paused_until};
pub(crate) use account::{connect_with, read_login};
pub use digest::{Digest, DigestEnd};
pub use fault::AccountFault;
pub use news::{Dealt, End, News, Tally};
pub use remains::Remains;
pub use resting::Resting;
pub use restore::{Restoration, Restore};
pub use scope::Scope;
pub use sent::{sent_folders, sent_people};
pub use sweeper::{Begun, Sweeper};
pub use swept::Swept;

/// How much of a message is fetched and read, in bytes. No known notification is half as long.
pub const MAIL_LIMIT: u32 = 256 << 10;

/// What a sweep works with.
#[derive(Clone, Copy, Debug)]
struct Sweep<'a> {
    account: &'a Account,
    /// What its messages are judged by.
    rulebook: &'a Rulebook,
    /// Which messages are looked at.
    scope: Scope,
    now: Timestamp,
    /// When the sweep began: in an earlier session, if that was cut. Its moves bear this time.
    began: Timestamp,
    /// Messages that arrived earlier are only observed: the ledger does not know what the user wants with them.
    observed_before: Option<Timestamp>,
    /// The account is new to the ledger, and it is not known yet whether something was filed before.
    is_new: bool,
    /// Followers of old messages are looked up too.
    look_up_old: bool,
    /// Answers at once, in a dry run that looks followers up.
    inquiry: Option<&'a Inquiry<'a>>,
    /// The session is not needed after the sweep.
    leaves: bool,
}

impl<'a> Sweep<'a> {
    /// What may be looked up.
    fn whose(self) -> Whose<'a> {
        Whose::from(self.account)
    }
}

/// Sweeps all folders of the account. Reports a folder that it cannot use, and still sweeps the others.
fn sweep(
    session: &mut Session,
    sweep: Sweep<'_>,
    memory: &mut Memory,
    tell: &mut dyn FnMut(News),
) -> Result<Tally, AccountFault> {
    let turns_before = session.turns();
    session.begin_sweep();
    let mut tally = Tally::default();
    if let Some(ledger) = memory.kept() {
        if sweep.account.act {
            ledger.judge_again(&sweep.account.name, &sweep.rulebook.edition, sweep.now)?;
        }
        ledger.note_rules(&sweep.account.name, &sweep.rulebook.edition, sweep.now)?;
        ledger.count_deaths(&sweep.account.name)?;
        if sweep.account.act {
            tally.settled = recover::settle(session, (sweep.account, sweep.now), ledger, tell)?;
            put_back::note_left(session, sweep, ledger)?;
        }
    }
    hand_filed::learn(session, sweep, memory, tell)?;
    let fuse = fuse::Fuse::new(sweep, memory)?;
    let seen = scope::Seen::default();
    let mut pass =
        pass::Pass { session, sweep, memory, tell, fuse, tally, seen, is_last: false, is_new: sweep.is_new };
    // A folder that the server refuses just now does not keep the sweep from the others.
    let mut refused = Vec::new();
    let mut has_worked = false;
    for folder in &sweep.account.folders {
        match pass.through(folder) {
            Err(AccountFault::Mailbox(fault)) if fault.fate() == Fate::Leave => {
                pass.trouble(&fault, folder)?
            }
            Err(AccountFault::Mailbox(fault)) if fault.is_refused_folder() && !pass.session.is_spent() => {
                refused.push((folder, fault));
            }
            done => {
                done?;
                has_worked = true;
            }
        }
    }
    pass.confirm_new()?;
    pass.report_fuse()?;
    if let Some(ledger) = pass.memory.kept() {
        put_back::learn(sweep, ledger, pass.tell)?;
    }
    for (folder, fault) in refused {
        // Where none works, it is the server: the session ends, and the pauses grow.
        if !has_worked {
            return Err(fault.into());
        }
        pass.refused(&fault, folder);
    }
    tally = pass.tally;
    tally.turns = session.turns() - turns_before;
    Ok(tally)
}

/// What is wrong with a folder, with the list of existing folders.
fn trouble(session: &mut Session, folder: &Folder, words: String) -> Result<News, AccountFault> {
    let folders = match session.folders_now() {
        Err(fault) if fault.fate() == Fate::Leave => Vec::new(),
        folders => folders?,
    };
    Ok(News::Trouble { folder: folder.clone(), words, folders })
}

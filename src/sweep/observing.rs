//! Finds out whether an account's ledger was lost, or is an older one that was put back. Called by `sweeper` before a sweep, and for an
//! account that is new to the ledger by `pass`, in the midst of its first one: where nothing was ever filed, that costs no round trip.
//!
//! If the ledger does not know the account, and a folder to which the rules file has been used, then there were moves, and perhaps
//! put-backs, of which nothing is known any more. The same holds if the ledger lacks moves that were made here; or if it is a copy, and
//! more messages came to such a folder than it knows of. Then what lies in these folders is remembered as filed, and what arrived
//! before is only observed, until the user says otherwise. A folder about which the server says nothing counts as used; what could not
//! be read is read by a later sweep.

use std::collections::{BTreeMap, BTreeSet};

use super::memory::Memory;
use super::pass::Pass;
use super::rebuild::{Rebuilt, rebuild};
use super::{AccountFault, News, Sweep};
use crate::clock::Timestamp;
use crate::ledger::{AccountRecord, Gap};
use crate::mailbox::{Fate, Landing, Session};
use crate::place::{Folder, Uid};

/// How long until what could not be read is asked for again in the same session, in seconds: that reads the folders once more.
const AGAIN: u64 = 10 * 60;

/// Before which moment messages must have arrived to be only observed; `None` if none are. Takes round trips for an account that
/// is new to the ledger, or of which the ledger may lack something. Notes in `unread_at` when something could not be read.
pub(super) fn observed_before(
    session: &mut Session,
    sweep: Sweep<'_>,
    memory: &mut Memory,
    unread_at: &mut Option<Timestamp>,
    tell: &mut dyn FnMut(News),
) -> Result<Option<Timestamp>, AccountFault> {
    let account = sweep.account;
    let known = memory.account(&account.name)?;
    if let Some(AccountRecord { observed_before, gap: None }) = known {
        return Ok(observed_before);
    }
    let gap = known.and_then(|known| known.gap);
    let is_soon = unread_at.is_some_and(|at| at <= sweep.now && sweep.now.since(at) < AGAIN);
    if gap == Some(Gap::Unread) && is_soon {
        return Ok(known.and_then(|known| known.observed_before));
    }
    let mut folders = Vec::new();
    for (folder, landing) in used_targets(session, sweep)? {
        let was_used = match landing {
            Some(landing) if gap == Some(Gap::Copied) => has_more(sweep, &folder, landing, memory)?,
            _ => true,
        };
        if was_used {
            folders.push(folder);
        }
    }
    let lacks = match gap {
        None | Some(Gap::Copied) => !folders.is_empty(),
        Some(Gap::Older | Gap::Away) => true,
        // An earlier sweep dealt with all but what it could not read.
        Some(Gap::Unread) => false,
    };
    let Rebuilt { filed, is_whole } = rebuild(session, sweep, &folders, memory, tell)?;
    let before = if lacks { Some(sweep.now) } else { known.and_then(|known| known.observed_before) };
    if let Some(ledger) = memory.kept() {
        *unread_at = (!is_whole).then_some(sweep.now);
        let left = (!is_whole).then_some(Gap::Unread);
        ledger.begin_account(&account.name, &account.mailbox(), before, left)?;
    }
    if lacks && account.act {
        tell(News::Observing { account: account.name.clone(), gap, folders, filed });
    }
    Ok(before)
}

impl Pass<'_> {
    /// Confirms that nothing was filed before in an account that is new to the ledger, before the first of its messages is dealt with, and
    /// notes the account. Takes a round trip only for what has not been read beside messages.
    ///
    /// # Errors
    /// [`AccountFault::Unobserved`] if something may have been filed before; the account is not noted then.
    pub(super) fn confirm_new(&mut self) -> Result<(), AccountFault> {
        if !self.is_new {
            return Ok(());
        }
        let account = self.sweep.account;
        if !used_targets(self.session, self.sweep)?.is_empty() {
            return Err(AccountFault::Unobserved);
        }
        if let Some(ledger) = self.memory.kept() {
            ledger.begin_account(&account.name, &account.mailbox(), None, None)?;
        }
        self.is_new = false;
        Ok(())
    }
}

/// The folders to which the rules file that have had messages, with where the next one lands, as far as the server says.
fn used_targets(
    session: &mut Session,
    sweep: Sweep<'_>,
) -> Result<Vec<(Folder, Option<Landing>)>, AccountFault> {
    let mut targets: Vec<Folder> = sweep.rulebook.rules.targets().into_iter().collect();
    targets.retain(|target| !sweep.account.folders.contains(target));
    let mut known = session.landings_ahead(&targets);
    let unknown: Vec<Folder> = targets.iter().filter(|target| !known.contains_key(target)).cloned().collect();
    known.extend(landings(session, &unknown)?);
    let there: BTreeSet<Folder> = session.folders()?.into_iter().collect();
    let used = targets.into_iter().filter_map(|folder| match known.get(&folder) {
        // All its messages may have been put back, and UIDNEXT shows that there were some.
        Some(landing) if landing.next > Uid(1) => Some((folder, Some(*landing))),
        Some(_) => None,
        None => there.contains(&folder).then_some((folder, None)),
    });
    Ok(used.collect())
}

/// Have more messages come to a folder than the ledger, a copy, knows of?
fn has_more(
    sweep: Sweep<'_>,
    folder: &Folder,
    landing: Landing,
    memory: &Memory,
) -> Result<bool, AccountFault> {
    let Some(ledger) = memory.ledger() else { return Ok(true) };
    let known = ledger.known_landing(&sweep.account.name, folder, landing.validity)?;
    Ok(known.is_some_and(|known| known < landing.next))
}

/// Where the next message of each of `targets` lands, as far as the server says. Leaves out a folder that the server cannot have.
fn landings(session: &mut Session, targets: &[Folder]) -> Result<BTreeMap<Folder, Landing>, AccountFault> {
    match session.landings(targets) {
        Err(fault) if fault.fate() == Fate::Leave && !session.is_spent() => match targets {
            [] | [_] => Ok(BTreeMap::new()),
            several => {
                let mut found = BTreeMap::new();
                for one in several {
                    found.extend(landings(session, std::slice::from_ref(one))?);
                }
                Ok(found)
            }
        },
        found => Ok(found?),
    }
}

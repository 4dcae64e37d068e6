//! Finds out whether an account's ledger was lost, or is an older one that was put back. Called by `sweeper` before each sweep.
//!
//! If the ledger does not know the account, and a folder to which the rules file has been used, then there were moves, and perhaps
//! put-backs, of which nothing is known any more. The same holds if the ledger lacks moves that were made here; or if it is a copy, and
//! more messages came to such a folder than it knows of. Then what lies in these folders is remembered as filed, and what arrived
//! before is only observed, until the user says otherwise.

use std::collections::BTreeMap;

use super::memory::Memory;
use super::rebuild::rebuild;
use super::{AccountFault, News, Sweep};
use crate::clock::Timestamp;
use crate::ledger::{AccountRecord, Gap};
use crate::mailbox::{Fate, Landing, Session};
use crate::place::{Folder, Uid};

/// Before which moment messages must have arrived to be only observed; `None` if none are. Takes a round trip for an account that
/// is new to the ledger, or of which the ledger may lack something.
pub(super) fn observed_before(
    session: &mut Session,
    sweep: Sweep<'_>,
    memory: &mut Memory,
    tell: &mut dyn FnMut(News),
) -> Result<Option<Timestamp>, AccountFault> {
    let account = sweep.account;
    let known = memory.account(&account.name)?;
    if let Some(AccountRecord { observed_before, gap: None }) = known {
        return Ok(observed_before);
    }
    let gap = known.and_then(|known| known.gap);
    let mut targets: Vec<Folder> = sweep.rulebook.rules.targets().into_iter().collect();
    targets.retain(|target| !account.folders.contains(target));
    let mut folders = Vec::new();
    for (folder, landing) in used(session, &targets)? {
        if gap != Some(Gap::Copied) || has_more(sweep, &folder, landing, memory)? {
            folders.push(folder);
        }
    }
    let lacks = !folders.is_empty() || gap == Some(Gap::Older);
    let filed = rebuild(session, sweep, &folders, memory, tell)?;
    let before = if lacks { Some(sweep.now) } else { known.and_then(|known| known.observed_before) };
    if let Some(ledger) = memory.kept() {
        ledger.begin_account(&account.name, &account.mailbox(), before)?;
    }
    if lacks && account.act {
        tell(News::Observing { account: account.name.clone(), gap, folders, filed });
    }
    Ok(before)
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

/// Those of `targets` that had messages at any time: all of them may have been put back, and UIDNEXT shows that there were some.
/// Leaves out a folder that the server cannot have.
fn used(session: &mut Session, targets: &[Folder]) -> Result<BTreeMap<Folder, Landing>, AccountFault> {
    match session.landings(targets) {
        Err(fault) if fault.fate() == Fate::Leave && !session.is_spent() => match targets {
            [] | [_] => Ok(BTreeMap::new()),
            several => {
                let mut found = BTreeMap::new();
                for one in several {
                    found.extend(used(session, std::slice::from_ref(one))?);
                }
                Ok(found)
            }
        },
        landings => Ok(landings?.into_iter().filter(|(_, landing)| landing.next > Uid(1)).collect()),
    }
}

//! Finds out whether an account's ledger was lost. Called by `sweeper` before each sweep.
//!
//! If the ledger does not know the account, and a folder to which the rules file has been used, then there were moves, and perhaps
//! put-backs, of which nothing is known any more. What arrived before is then only observed, until the user says otherwise.

use super::memory::Memory;
use super::{AccountFault, News};
use crate::assess::Rulebook;
use crate::clock::Timestamp;
use crate::mailbox::{Fate, Session};
use crate::place::{Folder, Uid};
use crate::settings::Account;

/// Before which moment messages must have arrived to be only observed; `None` if none are. Takes a round trip for an account that
/// is new to the ledger.
pub(super) fn observed_before(
    session: &mut Session,
    account: &Account,
    rulebook: &Rulebook,
    memory: &mut Memory,
    now: Timestamp,
    tell: &mut dyn FnMut(News),
) -> Result<Option<Timestamp>, AccountFault> {
    if let Some(remembered) = memory.account(&account.name)? {
        return Ok(remembered.observed_before);
    }
    let mut targets: Vec<Folder> = rulebook.rules.targets().into_iter().collect();
    targets.retain(|target| !account.folders.contains(target));
    let used = used(session, &targets)?;
    let before = (!used.is_empty()).then_some(now);
    if let Some(ledger) = memory.kept() {
        ledger.begin_account(&account.name, &account.mailbox(), before)?;
    }
    if before.is_some() && account.act {
        tell(News::Observing { account: account.name.clone(), folders: used });
    }
    Ok(before)
}

/// Those of `targets` that had messages at any time: all of them may have been put back, and UIDNEXT shows that there were some.
/// Leaves out a folder that the server cannot have.
fn used(session: &mut Session, targets: &[Folder]) -> Result<Vec<Folder>, AccountFault> {
    match session.landings(targets) {
        Err(fault) if fault.fate() == Fate::Leave && !session.is_spent() => match targets {
            [] | [_] => Ok(Vec::new()),
            several => {
                let mut found = Vec::new();
                for one in several {
                    found.extend(used(session, std::slice::from_ref(one))?);
                }
                Ok(found)
            }
        },
        landings => {
            let was_used = landings?.into_iter().filter(|(_, landing)| landing.next > Uid(1));
            Ok(was_used.map(|(folder, _)| folder).collect())
        }
    }
}

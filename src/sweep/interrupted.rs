//! Moves that an earlier session left open: what became of them is found out before anything else is done.

use super::told::News;
use super::{Sweep, SweepFault, trouble};
use crate::ledger::{Delay, Ledger, OpenIntent, PutOff, Settlement};
use crate::mailbox::{Fate, Landing, Pending, Session, Settled, Trace};

/// Settles what the ledger holds open for the account; says how many moves that were. Mails that are where they were wait
/// for this sweep to come to them: the cursor may have passed them.
pub(super) fn settle(
    session: &mut Session,
    sweep: Sweep<'_>,
    ledger: &mut Ledger,
    tell: &mut dyn FnMut(News),
) -> Result<usize, SweepFault> {
    let open = ledger.unsettled(&sweep.account.name)?;
    if open.is_empty() {
        return Ok(0);
    }
    let pending: Vec<Pending> = open.iter().map(pending).collect();
    let settled = session.settle(&pending)?;
    let mut settlements = Vec::new();
    let mut again = Vec::new();
    for (OpenIntent { id, intent }, settled) in open.iter().zip(settled) {
        let settlement = match settled {
            Settled::InTarget { folder, validity, uid } => {
                match session.mark(&folder, validity, &[uid], intent.marks) {
                    Err(fault) if fault.fate() == Fate::Leave => {
                        tell(trouble(session, &folder, fault.cause.to_string())?);
                    }
                    marked => marked?,
                }
                Settlement::Moved { uid: Some(uid) }
            }
            Settled::InBoth { uid, .. } => Settlement::Doubled { uid },
            Settled::InSource => Settlement::Left,
            Settled::Nowhere => Settlement::Gone,
            Settled::Unknown => Settlement::InDoubt,
        };
        if matches!(settlement, Settlement::Left | Settlement::InDoubt) {
            let (mail, identity) = (intent.mail.clone(), intent.identity);
            again.push(PutOff { mail, identity, why: Delay::Interrupted });
        }
        settlements.push((*id, settlement));
    }
    // In this order: a mail that waits without need is only looked at once more.
    ledger.put_off(&again, sweep.now)?;
    ledger.settle(&settlements, sweep.now)?;
    Ok(settlements.len())
}

fn pending(OpenIntent { intent, .. }: &OpenIntent) -> Pending {
    Pending {
        from: intent.mail.folder.clone(),
        validity: intent.mail.validity,
        mail: Trace { uid: intent.mail.uid, identity: intent.identity },
        to: intent.target.folder.clone(),
        landing: Landing { validity: intent.target.validity, next: intent.target.next },
    }
}

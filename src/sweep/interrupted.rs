//! Moves that an earlier session left open: what became of them is found out before anything else is done.

use super::SweepFault;
use crate::ledger::{Ledger, OpenIntent, Settlement};
use crate::mail::Timestamp;
use crate::mailbox::{Landing, Pending, Session, Settled, Trace};
use crate::place::{Uid, UidValidity};
use crate::settings::Account;

/// Settles what the ledger holds open for the account; says how many moves that were.
pub(super) fn settle(
    session: &mut Session,
    account: &Account,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<usize, SweepFault> {
    let open = ledger.unsettled(&account.name)?;
    if open.is_empty() {
        return Ok(0);
    }
    let pending: Vec<Pending> = open.iter().map(pending).collect();
    let settled = session.settle(&pending)?;
    let mut settlements = Vec::new();
    for (OpenIntent { id, intent }, settled) in open.iter().zip(settled) {
        let (settlement, arrived) = settlement(settled);
        if let Some((validity, uid)) = arrived
            && intent.marks.any()
        {
            session.mark(&intent.target.folder, validity, &[uid], intent.marks)?;
        }
        settlements.push((*id, settlement));
    }
    ledger.settle(&settlements, now)?;
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

/// What the ledger is to remember, and where the mail is now, if it is in the target.
fn settlement(settled: Settled) -> (Settlement, Option<(UidValidity, Uid)>) {
    match settled {
        // With a copy in both places, moving it once more would make a third.
        Settled::InTarget { validity, uid } | Settled::InBoth { validity, uid } => {
            (Settlement::Moved { uid: Some(uid) }, Some((validity, uid)))
        }
        Settled::InSource => (Settlement::Left, None),
        Settled::Nowhere => (Settlement::Gone, None),
        Settled::Unknown => (Settlement::InDoubt, None),
    }
}

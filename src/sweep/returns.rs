//! Bringing back what the user starred or answered at the very moment it was moved.
//!
//! The look at the flags comes right before the move, and what arrived is looked at once. Where it bears a star or an answer
//! that it did not have, it goes back, with an intent and a proof of its own, is never moved again, and teaches nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::removals::Removals;
use super::{Sweep, SweepFault};
use crate::ledger::{Intent, IntentId, Ledger, Settlement, Stay, Target};
use crate::mail::Timestamp;
use crate::mailbox::{Errand, Fate, Outcome, Reason, Relocation, Session, Trace};
use crate::place::{Folder, MailRef, Marks, Uid, UidValidity};

/// Messages of a target that go back to where they were.
#[derive(Clone, Debug)]
pub(super) struct Return {
    /// Where they are, and its UIDVALIDITY.
    pub(super) from: (Folder, UidValidity),
    /// Where they were.
    pub(super) to: Folder,
    /// Which.
    pub(super) mails: Vec<Returning>,
}

/// A message that goes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returning {
    /// Where it is in the target.
    pub(super) copy: Trace,
    /// When it arrived, where that is known.
    pub(super) received: Option<Timestamp>,
    /// The move that brought it there, or back half-way. It stays open until the way back is stated, or a crash in between
    /// would leave the message there.
    pub(super) settles: (IntentId, Settlement),
}

/// Brings messages back; says which were, by their UIDs in the target. The others stay there.
pub(super) fn bring_back(
    session: &mut Session,
    sweep: Sweep<'_>,
    ledger: &mut Ledger,
    Return { from: (from, validity), to, mails }: Return,
) -> Result<BTreeSet<Uid>, SweepFault> {
    let mut returned = BTreeSet::new();
    for Returning { copy, .. } in &mails {
        ledger.keep(&sweep.account.name, &copy.identity, Stay::Touched, sweep.now)?;
    }
    let settle_all = |ledger: &mut Ledger, mails: &[Returning]| {
        ledger.settle(&mails.iter().map(|mail| mail.settles).collect::<Vec<_>>(), sweep.now)
    };
    let opened = match session.select(&from) {
        // Whoever has taken the target away meanwhile has the messages.
        Err(fault) if fault.fate() == Fate::Leave => {
            settle_all(ledger, &mails)?;
            return Ok(returned);
        }
        opened => opened?,
    };
    if opened.validity != validity {
        settle_all(ledger, &mails)?;
        return Ok(returned);
    }
    let by_move = session.relocation() == Relocation::Move;
    let traces: Vec<Trace> = mails.iter().map(|mail| mail.copy).collect();
    let plans = session.prepare(vec![Errand { to, mails: traces, touched_too: true }])?;
    let mut removals = Removals::default();
    let mut by_uid: BTreeMap<Uid, Returning> = mails.iter().map(|mail| (mail.copy.uid, *mail)).collect();
    for plan in &plans {
        let Some(landing) = plan.landing else { continue };
        let mut settled = Vec::new();
        let mut intents = Vec::new();
        for mail in &plan.mails {
            let Some(Returning { received, settles, .. }) = by_uid.remove(&mail.uid) else { continue };
            settled.push(settles);
            intents.push(Intent {
                mail: MailRef {
                    account: sweep.account.name.clone(),
                    folder: from.clone(),
                    validity,
                    uid: mail.uid,
                },
                identity: mail.identity,
                received,
                source_next: opened.next.unwrap_or(mail.uid),
                target: Target { folder: plan.to.clone(), validity: landing.validity, next: landing.next },
                marks: Marks::default(),
                stated_at: sweep.now,
                by_hand: true,
                by_move,
                returns: true,
                header: None,
            });
        }
        let ids = ledger.turn_back(&settled, &intents, sweep.now)?;
        removals.ids.extend(intents.iter().map(|intent| intent.mail.uid).zip(ids));
    }
    settle_all(ledger, &by_uid.into_values().collect::<Vec<_>>())?;
    let results = session.act(plans, &mut |deed, uids| removals.note(ledger, deed, uids));
    for relocated in removals.finish(results)? {
        let settled: Vec<_> = relocated
            .outcomes
            .iter()
            .filter(|(_, outcome)| !outcome.is_open())
            .filter_map(|(uid, outcome)| Some((*removals.ids.get(uid)?, settlement_of(outcome))))
            .collect();
        ledger.settle(&settled, sweep.now)?;
        let moved = |outcome: &Outcome| matches!(outcome, Outcome::Moved { .. });
        returned.extend(relocated.outcomes.iter().filter(|(_, outcome)| moved(outcome)).map(|(uid, _)| *uid));
    }
    Ok(returned)
}

/// What the ledger writes down of an outcome.
pub(super) fn settlement_of(outcome: &Outcome) -> Settlement {
    match outcome {
        Outcome::Moved { uid } => Settlement::Moved { uid: *uid },
        // With a copy in both places, moving it once more would make a third.
        Outcome::Left(Reason::Doubled { copy }) => Settlement::Doubled { uid: *copy },
        Outcome::Left(_) => Settlement::Left,
        Outcome::Gone => Settlement::Gone,
    }
}

//! Brings back messages that were filed: those that the user starred or answered at the very moment they were moved, and those
//! that the user wants back. Called by `file`, `recover` and `restore`.
//!
//! The flags are read right before the move, and once more after the arrival. A message that only then turns out to be
//! starred or answered goes back, with an intent and a proof of its own; it is never moved again, and followsift learns
//! nothing from it.

use std::collections::{BTreeMap, BTreeSet};

use super::AccountFault;
use super::removals::Removals;
use crate::clock::Timestamp;
use crate::ledger::{Intent, Ledger, Settlement, Stay, Target};
use crate::mailbox::{Errand, Obstacle, Outcome, Relocation, Session};
use crate::place::{Folder, MailRef, MailTrace, Marks, Uid, UidValidity};
use crate::settings::Account;

/// Why messages go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// The user starred or answered them while they were moved.
    Touched,
    /// The user wants them back.
    Asked {
        /// Their followers are known from then on.
        learns: bool,
    },
}

/// Messages of a target that go back to where they were.
#[derive(Clone, Debug)]
pub(super) struct Return {
    /// Where they are, and its UIDVALIDITY.
    pub(super) from: (Folder, UidValidity),
    /// Where they were.
    pub(super) to: Folder,
    /// Each with its arrival, where that is known.
    pub(super) messages: Vec<(MailTrace, Option<Timestamp>)>,
    pub(super) why: Why,
}

/// What became of messages that were to be brought back, by their UIDs in the target.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// Those that are back.
    pub(super) back: BTreeSet<Uid>,
    /// Those whose way back could not even be stated: the move that brought them there has to stay open.
    pub(super) unstated: BTreeSet<Uid>,
    /// How many the server would not move back, and why. The next sweep tries again.
    pub(super) refused: Option<(usize, String)>,
}

impl Brought {
    /// What the server would not do with messages that the user wants back, in words.
    pub(super) fn asked_in_words(&mut self) -> Option<String> {
        let (count, words) = self.refused.take()?;
        let noun = if count == 1 { "message" } else { "messages" };
        Some(format!("{count} {noun} could not be put back: {words}; followsift tries again later"))
    }

    /// What the server would not do with messages that the user touched, in words.
    pub(super) fn touched_in_words(&mut self) -> Option<String> {
        let (count, words) = self.refused.take()?;
        let (noun, were) = if count == 1 { ("message", "was") } else { ("messages", "were") };
        Some(format!(
            "{count} {noun} that {were} starred or answered while moved could not be brought back: {words}; followsift tries \
             again later"
        ))
    }
}

/// Brings messages back. Those for which that fails stay in the target.
pub(super) fn bring_back(
    session: &mut Session,
    (account, now): (&Account, Timestamp),
    ledger: &mut Ledger,
    Return { from: (from, validity), to, messages, why }: Return,
) -> Result<Brought, AccountFault> {
    let mut brought = Brought::default();
    if why == Why::Touched {
        for (message, _) in &messages {
            ledger.keep(&account.name, &message.identity, Stay::Touched, now)?;
        }
    }
    let opened = session.select(&from)?;
    if opened.validity != validity {
        return Ok(brought);
    }
    let by_move = session.relocation() == Relocation::Move;
    let traces: Vec<MailTrace> = messages.iter().map(|(message, _)| *message).collect();
    let plans = session.prepare(vec![Errand { to, mails: traces, touched_too: true }])?;
    let mut removals = Removals::default();
    for plan in &plans {
        let Some(landing) = plan.landing else { continue };
        let intents: Vec<Intent> = plan
            .mails
            .iter()
            .map(|trace| Intent {
                mail: MailRef {
                    account: account.name.clone(),
                    folder: from.clone(),
                    validity,
                    uid: trace.uid,
                },
                identity: trace.identity,
                received: messages.iter().find(|(one, _)| one == trace).and_then(|(_, received)| *received),
                source_next: opened.next.unwrap_or(trace.uid),
                target: Target { folder: plan.to.clone(), validity: landing.validity, next: landing.next },
                marks: Marks::default(),
                stated_at: now,
                by_hand: true,
                by_move,
                returns: true,
                header: None,
            })
            .collect();
        let ids = match why {
            Why::Touched => ledger.intend(&intents)?,
            Why::Asked { learns } => ledger.intend_back(&intents, learns, now)?,
        };
        removals.ids.extend(intents.iter().map(|intent| intent.mail.uid).zip(ids));
    }
    let mut refused = BTreeMap::new();
    for (uid, outcome) in plans.iter().flat_map(|plan| &plan.left) {
        if let Some(words) = is_refused(outcome) {
            refused.insert(*uid, words);
            brought.unstated.insert(*uid);
        }
    }
    let results = session.act(plans, &mut |deed, uids| removals.note(ledger, deed, uids));
    for relocated in removals.finish(results)? {
        refused.extend(relocated.outcomes.iter().filter_map(|(uid, it)| Some((*uid, is_refused(it)?))));
        // What the server will not do now stays open, so that the next session finds it.
        let settled: Vec<_> = relocated
            .outcomes
            .iter()
            .filter(|(_, outcome)| !outcome.is_open() && is_refused(outcome).is_none())
            .filter_map(|(uid, outcome)| Some((*removals.ids.get(uid)?, Settlement::from(outcome))))
            .collect();
        ledger.settle(&settled, now)?;
        let moved = |outcome: &Outcome| matches!(outcome, Outcome::Moved { .. });
        brought
            .back
            .extend(relocated.outcomes.iter().filter(|(_, outcome)| moved(outcome)).map(|(uid, _)| *uid));
    }
    let count = refused.len();
    brought.refused = refused.into_values().next().map(|words| (count, words));
    Ok(brought)
}

/// Why the server would not move a message, in words, where it may do so later.
fn is_refused(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Left(reason @ (Obstacle::Refused(_) | Obstacle::ReadOnly)) => Some(reason.to_string()),
        Outcome::Left(_) | Outcome::Moved { .. } | Outcome::Gone | Outcome::Unknown => None,
    }
}

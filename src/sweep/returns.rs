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

/// What comes next for messages that could not be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// Their way back is stated: the next session tries again.
    Retry,
    /// Their way back could not be stated, so nothing was changed.
    Unstated,
    /// Nothing: they stay.
    Stay,
}

/// What became of messages that were to be brought back, by their UIDs in the target.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// Those that are back.
    pub(super) back: BTreeSet<Uid>,
    /// Those whose way back could not even be stated: the move that brought them there has to stay open.
    pub(super) unstated: BTreeSet<Uid>,
    /// How many had left the target.
    pub(super) gone: usize,
    /// How many are still in the target, by what comes next and why.
    left: BTreeMap<(Next, String), usize>,
}

impl Brought {
    /// Why messages that the user wants back are not, in words. `are_open`: their way back was stated before, and is tried until it
    /// is settled.
    pub(super) fn asked_in_words(&self, are_open: bool) -> Vec<String> {
        let words = |((next, words), count): (&(Next, String), &usize)| {
            let (noun, it, stays) =
                if *count == 1 { ("message", "it", "it stays") } else { ("messages", "them", "they stay") };
            let then = match next {
                Next::Unstated if !are_open => "nothing was changed; run the command again later".to_owned(),
                Next::Retry | Next::Unstated => "followsift tries again later".to_owned(),
                Next::Stay => format!("{stays} there; move {it} by hand"),
            };
            format!("{count} {noun} could not be put back: {words}; {then}")
        };
        self.left.iter().map(words).collect()
    }

    /// What the server would not do with messages that the user touched, in words.
    pub(super) fn touched_in_words(&self) -> Option<String> {
        let refused = || self.left.iter().filter(|((next, _), _)| *next != Next::Stay);
        let count: usize = refused().map(|(_, count)| count).sum();
        let ((_, words), _) = refused().next()?;
        let (noun, were) = if count == 1 { ("message", "was") } else { ("messages", "were") };
        Some(format!(
            "{count} {noun} that {were} starred or answered while moved could not be brought back: {words}; followsift tries \
             again later"
        ))
    }
}

impl Brought {
    fn leave(&mut self, count: usize, next: Next, words: String) {
        *self.left.entry((next, words)).or_default() += count;
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
        brought.leave(messages.len(), Next::Unstated, "its folder was renumbered meanwhile".to_owned());
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
    for (uid, outcome) in plans.iter().flat_map(|plan| &plan.left) {
        if let Outcome::Left(reason) = outcome {
            brought.leave(1, Next::Unstated, reason.to_string());
            brought.unstated.insert(*uid);
        }
    }
    let results = session.act(plans, &mut |deed, uids| removals.note(ledger, deed, uids));
    for relocated in removals.finish(results)? {
        // What the server will not do now stays open, so that the next session finds it.
        let stays_open = |outcome: &Outcome| outcome.is_open() || is_refused(outcome);
        let settled: Vec<_> = relocated
            .outcomes
            .iter()
            .filter(|(_, outcome)| !stays_open(outcome))
            .filter_map(|(uid, outcome)| Some((*removals.ids.get(uid)?, Settlement::from(outcome))))
            .collect();
        ledger.settle(&settled, now)?;
        for (uid, outcome) in &relocated.outcomes {
            match outcome {
                Outcome::Moved { .. } => drop(brought.back.insert(*uid)),
                Outcome::Gone => brought.gone += 1,
                Outcome::Left(reason) => {
                    let next = if stays_open(outcome) { Next::Retry } else { Next::Stay };
                    brought.leave(1, next, reason.to_string());
                }
                Outcome::Unknown => {
                    let words = "a folder is gone or was made again, so it is not known where it is";
                    brought.leave(1, Next::Stay, words.to_owned());
                }
            }
        }
    }
    Ok(brought)
}

/// Would the server not move a message, and may it do so later?
fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Left(Obstacle::Refused(_) | Obstacle::ReadOnly))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_promised_only_if_something_is_stated() {
        let mut brought = Brought::default();
        brought.leave(1, Next::Retry, "over quota".to_owned());
        brought.leave(1, Next::Retry, "over quota".to_owned());
        brought.leave(1, Next::Unstated, "no such folder".to_owned());
        brought.leave(1, Next::Stay, "it was marked as deleted".to_owned());
        let retry = "2 messages could not be put back: over quota; followsift tries again later";
        let stay =
            "1 message could not be put back: it was marked as deleted; it stays there; move it by hand";
        let unstated = "1 message could not be put back: no such folder; ";
        assert_eq!(
            brought.asked_in_words(false),
            [retry, &format!("{unstated}nothing was changed; run the command again later"), stay]
        );
        assert_eq!(
            brought.asked_in_words(true),
            [retry, &format!("{unstated}followsift tries again later"), stay]
        );
        let touched = brought.touched_in_words().unwrap();
        assert!(touched.starts_with("3 messages that were starred or answered while moved"), "{touched}");
    }
}

//! What a sweep has to do with public profiles: completes what was recognised with the answers that there are, and notes what
//! else it wants to know. Never asks itself, except in a dry run; the thread of `lookup` does.

use std::collections::{BTreeMap, BTreeSet};

use super::Sweep;
use super::memory::Memory;
use super::pass::CurrentFolder;
use crate::assess::Assessment;
use crate::clock::Timestamp;
use crate::ledger::{Ledger, LedgerFault};
use crate::lookup::{self, Inquiry};
use crate::mail::Recognition;
use crate::place::Uid;

/// Completes what was recognised with answers that are kept.
pub(super) fn remembered(
    sweep: Sweep<'_>,
    recognition: &mut Recognition,
    memory: &Memory,
) -> Result<(), LedgerFault> {
    let Recognition::Recognised(notification) = recognition else { return Ok(()) };
    let answer = |question: &_| memory.looked_up(question, sweep.now);
    lookup::complete(notification, sweep.whose(), sweep.now, |question| answer(&question.follower))
}

/// Asks at once what may decide a message. Returns whether there is an answer, so that it is to be judged again.
pub(super) fn inquire(sweep: Sweep<'_>, assessment: &mut Assessment, inquiry: &Inquiry<'_>) -> bool {
    let unasked = lookup::unasked(assessment, sweep.rulebook, sweep.whose());
    let is_wanted = !lookup::wanted(assessment, sweep.rulebook, sweep.whose()).is_empty();
    let Recognition::Recognised(notification) = &mut assessment.recognition else { return false };
    if let Some(why) = unasked {
        inquiry.note_unasked(why, &notification.network);
    }
    if !is_wanted {
        return false;
    }
    let answer = |question: &_| Ok::<_, std::convert::Infallible>(inquiry.answer(question));
    let Ok(()) = lookup::complete(notification, sweep.whose(), sweep.now, answer);
    notification.followers.iter().any(|follower| follower.looked_up.is_some())
}

/// Notes which answers could decide these messages, each with its time of arrival. Returns the messages that wait for one.
pub(super) fn want<'m>(
    sweep: Sweep<'_>,
    current: &CurrentFolder,
    messages: impl Iterator<Item = (Uid, Timestamp, &'m Assessment)>,
    ledger: &mut Ledger,
) -> Result<BTreeSet<Uid>, LedgerFault> {
    let lookup = &sweep.account.lookup;
    let oldest = sweep.now.before(lookup.newest);
    let mut questions = Vec::new();
    let mut asked_for: BTreeMap<_, Vec<Uid>> = BTreeMap::new();
    for (uid, _, assessment) in messages.filter(|(_, received, _)| sweep.look_up_old || *received >= oldest) {
        for question in lookup::wanted(assessment, sweep.rulebook, sweep.whose()) {
            asked_for.entry(question.follower.clone()).or_default().push(uid);
            questions.push(question);
        }
    }
    let open = ledger.want(&sweep.account.name, &questions, sweep.now)?;
    if lookup.wait.is_zero() {
        return Ok(BTreeSet::new());
    }
    let waiting = open.iter().filter_map(|follower| asked_for.get(follower)).flatten();
    // One that is due has waited for long enough.
    Ok(waiting.copied().filter(|uid| !current.due.contains(uid)).collect())
}

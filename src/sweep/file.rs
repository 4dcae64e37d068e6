//! What follows from the assessments: recorded, stated, done, settled, told, in this order.

use std::collections::BTreeMap;

use super::consider::Considered;
use super::memory::Memory;
use super::{Dealt, End, Sweep, SweepFault, Tally};
use crate::assess::Assessment;
use crate::ledger::{Incomplete, Intent, IntentId, Judged, Ledger, Settlement, Target};
use crate::mail::Recognition;
use crate::mailbox::{Errand, Opened, Outcome, Plan, Reason, Relocated, Session, Trace};
use crate::place::{Folder, Marks, Uid};
use crate::rules::Action;

/// Does with mails of the open folder what their assessments ask for, and tells how each ended.
pub(super) fn file(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    considered: Vec<Considered>,
    memory: &mut Memory<'_>,
    tally: &mut Tally,
    tell: &mut dyn FnMut(Dealt),
) -> Result<(), SweepFault> {
    let mut ends = BTreeMap::new();
    if let Memory::Kept(ledger) = memory {
        record(sweep, &considered, ledger)?;
        if sweep.account.act {
            ends = relocate(session, sweep, opened, &considered, ledger)?;
            mark(session, opened, &considered, &mut ends)?;
        }
    }
    for mail in considered {
        let end = ends.remove(&mail.mail.uid).unwrap_or_else(|| untouched(&mail));
        tally.count(mail.assessment.as_ref(), &end);
        let (assessment, end) = match mail.assessment {
            Some(assessment) => (assessment, end),
            None => (Assessment::foreign(), End::Failed),
        };
        tell(Dealt { mail: mail.mail, subject: mail.subject, message_id: mail.message_id, assessment, end });
    }
    Ok(())
}

/// How it ends for a mail with which nothing was done.
fn untouched(mail: &Considered) -> End {
    match mail.assessment.as_ref().map(|assessment| &assessment.action) {
        None => End::Failed,
        Some(Action::Leave) => End::Stays,
        Some(Action::Mark(_) | Action::File { .. }) if mail.put_back => End::PutBack,
        Some(Action::Mark(_) | Action::File { .. }) => End::Observed,
    }
}

/// Writes down what was judged, what could not be read, and what its reader has put back.
fn record(sweep: Sweep<'_>, considered: &[Considered], ledger: &mut Ledger) -> Result<(), SweepFault> {
    let mut judged = Vec::new();
    let mut incomplete = Vec::new();
    for mail in considered {
        let Some(assessment) = &mail.assessment else { continue };
        match &assessment.recognition {
            Recognition::Foreign => {}
            Recognition::Incomplete { network, missing } => incomplete.push(Incomplete {
                mail: mail.mail.clone(),
                identity: mail.identity,
                network: network.clone(),
                missing: missing.clone(),
                received: mail.received,
                seen_at: sweep.now,
            }),
            Recognition::Recognised(notification) => judged.push(Judged {
                mail: mail.mail.clone(),
                identity: mail.identity,
                notification: notification.clone(),
                verdicts: assessment.verdicts.clone(),
                verdict: assessment.class.clone(),
                action: assessment.action.clone(),
                rules: sweep.rulebook.edition.clone(),
                judged_at: sweep.now,
            }),
        }
    }
    ledger.record(&judged)?;
    ledger.record_incomplete(&incomplete)?;
    for mail in considered.iter().filter(|mail| mail.put_back) {
        ledger.note_correction(&sweep.account.name, &mail.identity, sweep.now)?;
    }
    Ok(())
}

/// Moves what is to be moved. The intents are on the disk before the first command changes anything.
fn relocate(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    considered: &[Considered],
    ledger: &mut Ledger,
) -> Result<BTreeMap<Uid, End>, SweepFault> {
    let mut errands: BTreeMap<&Folder, Vec<Trace>> = BTreeMap::new();
    let mut marks: BTreeMap<Uid, Marks> = BTreeMap::new();
    for mail in considered.iter().filter(|mail| !mail.put_back) {
        if let Some(Action::File { to, marks: wanted }) = mail.action() {
            errands.entry(to).or_default().push(Trace { uid: mail.mail.uid, identity: mail.identity });
            marks.insert(mail.mail.uid, *wanted);
        }
    }
    if errands.is_empty() {
        return Ok(BTreeMap::new());
    }
    let errands = errands.into_iter().map(|(to, mails)| Errand { to: to.clone(), mails }).collect();
    let plans = session.prepare(errands)?;
    let mut ends: BTreeMap<Uid, End> = plans
        .iter()
        .flat_map(|plan| &plan.left)
        .map(|(uid, outcome)| (*uid, end_of(outcome, None)))
        .collect();
    let mut stated: BTreeMap<Uid, (IntentId, Marks)> = BTreeMap::new();
    for plan in &plans {
        let intents = intents(sweep, opened, plan, &marks);
        let ids = ledger.intend(&intents)?;
        stated.extend(intents.iter().zip(ids).map(|(intent, id)| (intent.mail.uid, (id, intent.marks))));
    }
    let relocated = session.act(plans)?;
    for Relocated { to, validity, outcomes } in &relocated {
        let settlements: Vec<_> = outcomes
            .iter()
            .filter_map(|(uid, outcome)| Some((stated.get(uid)?.0, settlement_of(outcome))))
            .collect();
        let mut arrived: BTreeMap<(bool, bool), Vec<Uid>> = BTreeMap::new();
        for (uid, outcome) in outcomes {
            if let (Outcome::Moved { uid: Some(new) }, Some((_, wanted))) = (outcome, stated.get(uid))
                && wanted.any()
            {
                arrived.entry((wanted.seen, wanted.flagged)).or_default().push(*new);
            }
        }
        for ((seen, flagged), uids) in arrived {
            session.mark(to, *validity, &uids, Marks { seen, flagged })?;
        }
        ledger.settle(&settlements, sweep.now)?;
        ends.extend(outcomes.iter().map(|(uid, outcome)| (*uid, end_of(outcome, Some(to)))));
    }
    Ok(ends)
}

fn intents(sweep: Sweep<'_>, opened: &Opened, plan: &Plan, marks: &BTreeMap<Uid, Marks>) -> Vec<Intent> {
    let Some(landing) = plan.landing else { return Vec::new() };
    plan.mails
        .iter()
        .map(|trace| Intent {
            mail: crate::place::MailRef {
                account: sweep.account.name.clone(),
                folder: opened.folder.clone(),
                validity: opened.validity,
                uid: trace.uid,
            },
            identity: trace.identity,
            target: Target { folder: plan.to.clone(), validity: landing.validity, next: landing.next },
            marks: marks.get(&trace.uid).copied().unwrap_or_default(),
            stated_at: sweep.now,
        })
        .collect()
}

/// Marks what stays and is to be marked.
fn mark(
    session: &mut Session,
    opened: &Opened,
    considered: &[Considered],
    ends: &mut BTreeMap<Uid, End>,
) -> Result<(), SweepFault> {
    let mut alike: BTreeMap<(bool, bool), Vec<Uid>> = BTreeMap::new();
    for mail in considered.iter().filter(|mail| !mail.put_back) {
        if let Some(Action::Mark(marks)) = mail.action() {
            alike.entry((marks.seen, marks.flagged)).or_default().push(mail.mail.uid);
        }
    }
    for ((seen, flagged), uids) in alike {
        session.mark(&opened.folder, opened.validity, &uids, Marks { seen, flagged })?;
        ends.extend(uids.into_iter().map(|uid| (uid, End::Marked)));
    }
    Ok(())
}

fn end_of(outcome: &Outcome, to: Option<&Folder>) -> End {
    match (outcome, to) {
        (Outcome::Moved { uid }, Some(to)) => End::Moved { to: to.clone(), uid: *uid },
        (Outcome::Left(reason), _) => End::Left(reason.to_string()),
        (Outcome::Moved { .. }, None) | (Outcome::Gone, _) => End::Gone,
    }
}

fn settlement_of(outcome: &Outcome) -> Settlement {
    match outcome {
        Outcome::Moved { uid } => Settlement::Moved { uid: *uid },
        // With a copy in both places, moving it once more would make a third.
        Outcome::Left(Reason::Doubled { copy }) => Settlement::Moved { uid: Some(*copy) },
        Outcome::Left(_) => Settlement::Left,
        Outcome::Gone => Settlement::Gone,
    }
}

impl Considered {
    fn action(&self) -> Option<&Action> {
        self.assessment.as_ref().map(|assessment| &assessment.action)
    }
}

impl Tally {
    fn count(&mut self, assessment: Option<&Assessment>, end: &End) {
        match assessment.map(|assessment| &assessment.recognition) {
            Some(Recognition::Recognised(_)) => self.recognised += 1,
            Some(Recognition::Incomplete { .. }) => self.incomplete += 1,
            Some(Recognition::Foreign) | None => {}
        }
        match end {
            End::Moved { .. } => self.moved += 1,
            End::Marked => self.marked += 1,
            End::Left(_) | End::Gone => self.left += 1,
            End::Stays | End::Observed | End::PutBack | End::Failed => {}
        }
    }
}

//! Does what the assessments ask for: records, states, moves and marks, settles and reports, in this order. Called by
//! `folder`.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::Considered;
use super::news::News;
use super::pass::{CurrentFolder, Pass};
use super::removals::Removals;
use super::returns::{Brought, Return, Why, bring_back};
use super::settlement::{delay, is_stuck};
use super::{AccountFault, Dealt, End, Sweep, Tally, look_up};
use crate::assess::{Assessment, Restraint};
use crate::clock::Timestamp;
use crate::ledger::{
    Delay, EarlierMove, IncompleteRecord, Intent, Judged, Ledger, LedgerFault, PutOff, Stay, Target,
};
use crate::mail::Recognition;
use crate::mailbox::{Errand, Fate, Obstacle, Outcome, Plan, Relocated, Relocation};
use crate::place::{Folder, MailTrace, Marks, Uid};
use crate::rules::Action;

/// What became of messages, and which of them to try again.
#[derive(Debug, Default)]
struct Ends {
    ends: BTreeMap<Uid, End>,
    again: BTreeMap<Uid, Delay>,
}

/// Does what the assessments of messages in the open folder ask for, and reports what became of each.
pub(super) fn file(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    mut considered: Vec<Considered>,
) -> Result<(), AccountFault> {
    for message in &mut considered {
        // Only an intent needs the header. Thousands of messages are held.
        if !matches!(message.action(), Some(Action::File { .. })) {
            message.header = None;
        }
    }
    let mut ends = Ends::default();
    let mut put_off = BTreeSet::new();
    if let Some(ledger) = pass.memory.kept() {
        record(pass.sweep, current, &considered, ledger)?;
        if pass.sweep.account.act {
            relocate(pass, current, &mut considered, &mut ends)?;
            mark(pass, current, &considered, &mut ends)?;
            put_off = remember(pass, current, &considered, &mut ends)?;
        }
    }
    for message in considered {
        let Considered { uid, .. } = message;
        let end = ends.ends.remove(&uid).unwrap_or_else(|| untouched(pass.sweep, &message));
        pass.tally.count(message.assessed.as_ref().ok(), &end, put_off.contains(&uid));
        if matches!(end, End::Moved { .. } | End::Gone) {
            pass.seen.note_gone(uid);
        }
        let unassessed = |envelope| Assessment { envelope, ..Assessment::foreign() };
        let assessment = message.assessed.unwrap_or_else(unassessed);
        let dealt = Dealt { mail: current.mail(pass.sweep, uid), assessment, end };
        (pass.tell)(News::Mail(Box::new(dealt)));
    }
    Ok(())
}

/// What became of a message with which nothing was done.
fn untouched(sweep: Sweep<'_>, message: &Considered) -> End {
    match (message.action(), &message.earlier) {
        (None, _) if message.deadly => End::Deadly,
        (None, _) => End::Failed,
        (Some(Action::Leave), _) => End::Stays,
        (Some(Action::Mark(_) | Action::File { .. }), EarlierMove::Stays(stay)) => End::Kept(*stay),
        (Some(Action::Mark(_) | Action::File { .. }), EarlierMove::Filed(_)) => {
            End::Left(Obstacle::CopyUnseen)
        }
        (Some(Action::File { .. }), EarlierMove::Doubled) => End::Left(Obstacle::CopiedBefore),
        (Some(Action::File { .. }), EarlierMove::Altered) => End::Left(Obstacle::Altered),
        (Some(Action::File { .. }), EarlierMove::Unsettled) => End::Left(Obstacle::Unsettled),
        (Some(Action::Mark(_) | Action::File { .. }), _) if message.is_unsure(sweep) => End::Unsure,
        (Some(Action::Mark(_) | Action::File { .. }), _) => End::Observed,
    }
}

/// Writes down what was judged, what could not be read, and what the user has put back.
fn record(
    sweep: Sweep<'_>,
    current: &CurrentFolder,
    considered: &[Considered],
    ledger: &mut Ledger,
) -> Result<(), LedgerFault> {
    // What the user had followsift forget is not written down again.
    let considered =
        || considered.iter().filter(|message| message.earlier != EarlierMove::Stays(Stay::Forgotten));
    ledger.record(considered().filter_map(|message| judged(sweep, current, message)))?;
    let incomplete: Vec<IncompleteRecord> =
        considered().filter_map(|message| incomplete(sweep, current, message)).collect();
    if !incomplete.is_empty() {
        ledger.record_incomplete(&incomplete)?;
    }
    for message in considered().filter(|message| message.assessed.is_ok()) {
        if let EarlierMove::Stays(stay) = &message.earlier {
            ledger.keep(&sweep.account.name, &message.identity, *stay, sweep.now)?;
        }
    }
    Ok(())
}

/// How a message was judged, if it was recognised.
fn judged(sweep: Sweep<'_>, current: &CurrentFolder, message: &Considered) -> Option<Judged> {
    let assessment = message.assessed.as_ref().ok()?;
    let Recognition::Recognised(notification) = &assessment.recognition else { return None };
    Some(Judged {
        mail: current.mail(sweep, message.uid),
        identity: message.identity,
        notification: notification.clone(),
        verdicts: assessment.verdicts.clone(),
        verdict: assessment.class.clone(),
        action: assessment.action.clone(),
        rules: sweep.rulebook.edition.clone(),
        judged_at: sweep.now,
    })
}

/// What could not be read of a message that a network seems to have sent. Neither a foreign message nor one that is too costly says
/// that a network's messages have changed.
fn incomplete(sweep: Sweep<'_>, current: &CurrentFolder, message: &Considered) -> Option<IncompleteRecord> {
    let Recognition::Incomplete { network, missing } = &message.assessed.as_ref().ok()?.recognition else {
        return None;
    };
    Some(IncompleteRecord {
        mail: current.mail(sweep, message.uid),
        identity: message.identity,
        network: network.clone(),
        missing: missing.clone(),
        received: message.received,
        seen_at: sweep.now,
    })
}

/// Moves what is to be moved, as far as the fuse allows. The intents are on the disk before the first command changes
/// anything.
fn relocate(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    considered: &mut [Considered],
    ends: &mut Ends,
) -> Result<(), AccountFault> {
    let mut errands: BTreeMap<&Folder, Vec<MailTrace>> = BTreeMap::new();
    let mut marks: BTreeMap<Uid, Marks> = BTreeMap::new();
    let sweep = pass.sweep;
    let new = |message: &&Considered| message.earlier == EarlierMove::None && !message.is_unsure(sweep);
    for message in considered.iter().filter(new) {
        let Some(Action::File { to, marks: wanted }) = message.action() else { continue };
        let uid = message.uid;
        if current.released.contains(&uid) || pass.fuse.lets_through() {
            errands.entry(to).or_default().push(MailTrace { uid, identity: message.identity });
            marks.insert(uid, *wanted);
        } else {
            ends.ends.insert(uid, End::Waits);
            ends.again.insert(uid, Delay::Fuse);
        }
    }
    if errands.is_empty() {
        return Ok(());
    }
    pass.session.return_to(&current.opened)?;
    let errands =
        errands.into_iter().map(|(to, mails)| Errand { to: to.clone(), mails, touched_too: false }).collect();
    let plans = pass.session.prepare(errands)?;
    for plan in &plans {
        for (uid, outcome) in &plan.left {
            ends.note(*uid, outcome, None, Vec::new());
        }
        if let Some(words) = &plan.trouble {
            pass.tell_trouble(&plan.to, words.clone())?;
        }
    }
    // `act` opens the source again, whatever the look at the folders for a report of trouble has left open.
    let has_marks = |message: &Considered| match message.action() {
        Some(Action::File { marks, .. }) => marks.any(),
        Some(Action::Mark(_)) => true,
        Some(Action::Leave) | None => false,
    };
    if pass.is_last && !considered.iter().any(has_marks) {
        pass.session.leave_after_moves();
    }
    let Some(ledger) = pass.memory.kept() else { return Ok(()) };
    let mut stated = Stated { marks, ..Stated::default() };
    let by_move = pass.session.relocation() == Relocation::Move;
    let by_uid: BTreeMap<Uid, &Considered> =
        considered.iter().map(|message| (message.uid, message)).collect();
    for plan in plans.iter().filter(|plan| !plan.mails.is_empty()) {
        let ids = ledger.intend(intents(pass.sweep, current, plan, &stated.marks, &by_uid, by_move))?;
        for (trace, id) in plan.mails.iter().zip(ids) {
            let received = by_uid.get(&trace.uid).map(|message| message.received);
            stated.removals.ids.insert(trace.uid, id);
            stated.messages.insert(trace.uid, (*trace, received));
        }
    }
    // The ledger has the headers now.
    considered.iter_mut().for_each(|message| message.header = None);
    let removals = &mut stated.removals;
    let results = pass.session.act(plans, &mut |deed, uids| removals.note(ledger, deed, uids));
    for relocated in stated.removals.finish(results)? {
        settle(pass, current, relocated, &stated, ends)?;
    }
    Ok(())
}

/// The moves that were stated, by the UID in the source.
#[derive(Debug, Default)]
struct Stated {
    removals: Removals,
    marks: BTreeMap<Uid, Marks>,
    messages: BTreeMap<Uid, (MailTrace, Option<Timestamp>)>,
}

/// Marks what has arrived, writes down what became of the moves to one folder, and brings back what the user touched.
fn settle(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    relocated: Relocated,
    stated: &Stated,
    ends: &mut Ends,
) -> Result<(), AccountFault> {
    let Relocated { to, validity, outcomes, resized, mut unkept, touched } = relocated;
    let mut arrived: BTreeMap<Marks, Vec<MailTrace>> = BTreeMap::new();
    let mut back = Vec::new();
    for (uid, outcome) in &outcomes {
        let Outcome::Moved { uid: Some(copy) } = outcome else { continue };
        let Some((trace, received)) = stated.messages.get(uid) else { continue };
        let copy = MailTrace { uid: *copy, identity: trace.identity };
        if touched.contains(uid) {
            back.push((copy, *received));
        } else if let Some(wanted) = stated.marks.get(uid) {
            let identity = resized.get(uid).copied().unwrap_or(copy.identity);
            arrived.entry(*wanted).or_default().push(MailTrace { identity, ..copy });
        }
    }
    for (marks, copies) in arrived {
        match pass.session.mark(&to, validity, &copies, marks) {
            Err(fault) if fault.fate() == Fate::Leave => pass.trouble(&fault, &to)?,
            marked => marked?,
        }
    }
    let mut brought = Brought::default();
    if let Some(ledger) = pass.memory.kept() {
        // First of all: until the way back is stated, the next session must find these moves open.
        if !back.is_empty() {
            let source = current.opened.folder.clone();
            let from = (to.clone(), validity);
            let way = Return { from, to: source, messages: back, why: Why::Touched };
            brought = bring_back(pass.session, (pass.sweep.account, pass.sweep.now), ledger, way)?;
        }
        let is_over = |outcome: &Outcome| match outcome {
            Outcome::Moved { uid: Some(copy) } => !brought.unstated.contains(copy),
            outcome => !outcome.is_open(),
        };
        let settlements: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| is_over(outcome))
            .filter_map(|(uid, outcome)| Some((*stated.removals.ids.get(uid)?, outcome.into())))
            .collect();
        ledger.settle(&settlements, pass.sweep.now)?;
    }
    if let Some(words) = brought.touched_in_words() {
        pass.tell_trouble(&to, words)?;
    }
    for (uid, outcome) in &outcomes {
        let lost = unkept.remove(uid).into_iter().flatten().collect();
        let is_back = matches!(outcome, Outcome::Moved { uid: Some(copy) } if touched.contains(uid) && brought.back.contains(copy));
        if is_back {
            ends.ends.insert(*uid, End::Kept(Stay::Touched));
        } else {
            ends.note(*uid, outcome, Some(&to), lost);
        }
    }
    Ok(())
}

/// The intents of a plan, each made when it is taken.
fn intents<'m>(
    sweep: Sweep<'m>,
    current: &'m CurrentFolder,
    plan: &'m Plan,
    marks: &'m BTreeMap<Uid, Marks>,
    by_uid: &'m BTreeMap<Uid, &Considered>,
    by_move: bool,
) -> impl Iterator<Item = Intent> {
    let landings = plan.mails.iter().filter_map(|trace| Some((trace, plan.landing?)));
    landings.map(move |(trace, landing)| Intent {
        mail: current.mail(sweep, trace.uid),
        identity: trace.identity,
        received: by_uid.get(&trace.uid).map(|message| message.received),
        source_next: current.next,
        target: Target { folder: plan.to.clone(), validity: landing.validity, next: landing.next },
        marks: marks.get(&trace.uid).copied().unwrap_or_default(),
        stated_at: sweep.began,
        by_hand: current.released.contains(&trace.uid),
        by_move,
        returns: false,
        header: by_uid.get(&trace.uid).and_then(|message| message.header.clone()),
    })
}

/// Marks what stays and is to be marked.
fn mark(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    considered: &[Considered],
    ends: &mut Ends,
) -> Result<(), AccountFault> {
    let mut alike: BTreeMap<Marks, Vec<MailTrace>> = BTreeMap::new();
    for message in considered
        .iter()
        .filter(|message| !matches!(message.earlier, EarlierMove::Stays(_) | EarlierMove::Filed(_)))
        .filter(|message| !message.is_unsure(pass.sweep))
    {
        if let Some(Action::Mark(marks)) = message.action() {
            let trace = MailTrace { uid: message.uid, identity: message.identity };
            alike.entry(*marks).or_default().push(trace);
        }
    }
    for (marks, traces) in alike {
        let end = match pass.session.mark(&current.opened.folder, current.opened.validity, &traces, marks) {
            Err(fault) if fault.fate() == Fate::Leave => {
                End::Left(Obstacle::Refused(fault.cause.to_string()))
            }
            marked => marked.map(|()| End::Marked)?,
        };
        ends.ends.extend(traces.into_iter().map(|trace| (trace.uid, end.clone())));
    }
    Ok(())
}

/// Remembers which messages are to be moved later, and forgets those that no longer are. Says which wait.
fn remember(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    considered: &[Considered],
    ends: &mut Ends,
) -> Result<BTreeSet<Uid>, AccountFault> {
    let Some(ledger) = pass.memory.kept() else { return Ok(BTreeSet::new()) };
    let new = considered.iter().filter(|message| message.earlier == EarlierMove::None);
    let messages =
        new.filter_map(|message| Some((message.uid, message.received, message.assessed.as_ref().ok()?)));
    let wanted = look_up::want(pass.sweep, current, messages, ledger)?;
    let until = Timestamp(pass.sweep.now.0.saturating_add_unsigned(pass.sweep.account.lookup.wait.as_secs()));
    let mut later = Vec::new();
    let mut over = Vec::new();
    for message in considered {
        let uid = message.uid;
        let undecided = match message.earlier {
            EarlierMove::Filed(_) => message.assessed.is_ok(),
            // The cursor passes it, and nothing else comes back to the twin of a message whose move is open.
            EarlierMove::Unsettled => matches!(message.action(), Some(Action::File { .. })),
            _ => false,
        };
        let later_too = (message.awaits_list() || undecided).then_some(Delay::Interrupted);
        let looked_up = wanted.contains(&uid).then_some(Delay::LookUp(until));
        let unsure = message.is_unsure(pass.sweep).then_some(Delay::Observed);
        let why = ends.again.get(&uid).copied().or(later_too).or(unsure).or(looked_up);
        if let Some(Delay::LookUp(_)) = why {
            ends.ends.entry(uid).or_insert(End::WaitsForLookUp);
        }
        match why {
            Some(why) => {
                later.push(PutOff { mail: current.mail(pass.sweep, uid), identity: message.identity, why })
            }
            None if current.waiting.contains(&uid) => over.push(uid),
            None => {}
        }
    }
    if !later.is_empty() {
        ledger.put_off(&later, pass.sweep.now)?;
    }
    ledger.strike_off(&pass.sweep.account.name, &current.opened.folder, current.opened.validity, &over)?;
    Ok(later.into_iter().map(|one| one.mail.uid).collect())
}

impl Ends {
    fn note(&mut self, uid: Uid, outcome: &Outcome, to: Option<&Folder>, unkept: Vec<String>) {
        let end = match (outcome, to) {
            (Outcome::Moved { .. }, Some(to)) => End::Moved { to: to.clone(), unkept },
            (Outcome::Left(reason), _) => End::Left(reason.clone()),
            (Outcome::Moved { .. }, None) | (Outcome::Gone | Outcome::Unknown, _) => End::Gone,
        };
        self.again.extend(delay(outcome).map(|why| (uid, why)));
        self.ends.insert(uid, end);
    }
}

impl Considered {
    /// Does it stay only because a list of people has never been loaded?
    fn awaits_list(&self) -> bool {
        let restraint = self.assessed.as_ref().ok().and_then(|assessment| assessment.restraint.as_ref());
        matches!(restraint, Some(Restraint::ListNotLoaded(_))) && self.earlier == EarlierMove::None
    }

    /// Is it only observed, where it would be moved or marked?
    fn is_unsure(&self, sweep: Sweep<'_>) -> bool {
        sweep.account.act
            && sweep.observed_before.is_some_and(|before| self.received < before)
            && self.earlier == EarlierMove::None
            && matches!(self.action(), Some(Action::Mark(_) | Action::File { .. }))
    }

    fn action(&self) -> Option<&Action> {
        self.assessed.as_ref().ok().map(|assessment| &assessment.action)
    }
}

impl Tally {
    /// `waits`: it was put off, and is counted among those that wait.
    fn count(&mut self, assessment: Option<&Assessment>, end: &End, waits: bool) {
        match assessment.map(|assessment| &assessment.recognition) {
            Some(Recognition::Recognised(_)) => self.recognised += 1,
            Some(Recognition::Incomplete { .. } | Recognition::TooCostly) => self.incomplete += 1,
            Some(Recognition::Foreign) | None => {}
        }
        match end {
            End::Moved { .. } => self.moved += 1,
            End::Marked => self.marked += 1,
            End::Left(Obstacle::Unshown) => self.unshown += 1,
            End::Left(reason) => self.left += usize::from(!waits && is_stuck(reason)),
            End::Gone => self.gone += 1,
            End::Failed | End::Deadly => self.failed += 1,
            End::Waits => self.waiting += 1,
            End::Stays | End::WaitsForLookUp | End::Observed | End::Unsure | End::Kept(_) => {}
        }
    }
}

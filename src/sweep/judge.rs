//! Reads and assesses the messages that could be notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::memory::Memory;
use super::scope::Seen;
use super::{AccountFault, MAIL_LIMIT, Sweep, look_up};
use crate::assess::{Arrival, Assessment, Mail, ReadMessage, Rulebook, recognise, weigh};
use crate::clock::Timestamp;
use crate::ledger::{EarlierMove, LedgerFault, Stay};
use crate::mail::{Envelope, Notification, Recognition};
use crate::mailbox::{Head, Opened, Range, Session};
use crate::place::{HeaderLines, MailIdentity, MailRef, MailTrace, Uid};
use crate::rules::recall::{Asked, Replay};

/// A message of the open folder that was read, with what came of it. Thousands are held until they are filed.
#[derive(Clone, Debug)]
pub(super) struct Considered {
    pub(super) uid: Uid,
    pub(super) identity: MailIdentity,
    pub(super) received: Timestamp,
    /// Its header, line by line.
    pub(super) header: Option<HeaderLines>,
    /// Only what a person can find it by where assessing it panicked, or was left out since the process died over it before.
    pub(super) assessed: Result<Assessment, Envelope>,
    /// The process died over it before.
    pub(super) deadly: bool,
    /// What became of it earlier.
    pub(super) earlier: EarlierMove,
}

/// A message that may be a notification.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) head: Head,
    /// It is judged only if it waits, or was moved before.
    pub(super) only_known: bool,
}

/// What came of a portion of messages.
#[derive(Debug, Default)]
pub(super) struct Portion {
    /// Those that were read, in the order of their arrival.
    pub(super) considered: Vec<Considered>,
    /// Those that the server says are there and does not show.
    pub(super) unshown: Vec<Uid>,
    /// What this portion says about followers, and the ledger does not have yet.
    pub(super) unwritten: Replay,
}

/// Fetches the messages behind `candidates` and assesses each, in the order of their arrival.
pub(super) fn consider(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    candidates: &[Candidate],
    memory: &Memory,
) -> Result<Portion, AccountFault> {
    session.return_to(opened)?;
    let by_uid: BTreeMap<Uid, &Candidate> = candidates.iter().map(|one| (one.head.uid, one)).collect();
    let mut wanted: Vec<&Head> = candidates.iter().map(|one| &one.head).collect();
    wanted.sort_by_key(|head| (head.received, head.uid));
    let wanted: Vec<(Uid, u32)> = wanted.iter().map(|head| (head.uid, head.size)).collect();

    let mut portion = Portion::default();
    portion.considered.reserve_exact(wanted.len());
    let mut fault = None;
    portion.unshown = session.mails(&wanted, MAIL_LIMIT, |trace, bytes| {
        let Some(candidate) = by_uid.get(&trace.uid) else { return };
        if fault.is_none() {
            match one(sweep, opened, candidate, trace, bytes, memory, &mut portion.unwritten) {
                Ok(message) => portion.considered.extend(message),
                Err(failed) => fault = Some(failed),
            }
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    if !portion.is_in_order() {
        portion.judge_in_order(sweep, memory)?;
    }
    Ok(portion)
}

/// As [`consider`], for messages of which nothing is known but that they may be notifications: reads them with their heads, and
/// beside them the heads of a few others. Returns also what was seen, and the messages that have to be read by [`consider`]: those
/// of which not everything could be read.
pub(super) fn consider_whole(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    uids: &[Uid],
    beside: &[Uid],
    memory: &Memory,
) -> Result<(Portion, Seen, BTreeSet<Uid>), AccountFault> {
    session.return_to(opened)?;
    let (mut portion, mut seen, mut fault) = (Portion::default(), Seen::default(), None);
    portion.considered.reserve_exact(uids.len());
    let whole = session.whole(uids, beside, MAIL_LIMIT, &mut |head, trace, bytes| {
        seen.note(&head);
        if fault.is_some() || !has_to_be_read(sweep.rulebook, &head.fields) {
            return;
        }
        // What the user starred or answered is judged only if they put it back.
        let candidate = Candidate { only_known: head.flags.is_touched(), head };
        match one(sweep, opened, &candidate, trace, bytes, memory, &mut portion.unwritten) {
            Ok(message) => portion.considered.extend(message),
            Err(failed) => fault = Some(failed),
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    whole.heads.iter().for_each(|head| seen.note(head));
    whole.rest.iter().for_each(|uid| seen.forget(*uid));
    let count = portion.considered.len();
    portion.considered.retain(|message| !whole.rest.contains(&message.uid));
    if portion.considered.len() < count || !portion.is_in_order() {
        portion.judge_in_order(sweep, memory)?;
    }
    Ok((portion, seen, whole.rest))
}

/// Reads by their heads first, as [`consider`] does, those messages of which [`consider_whole`] could not read everything: of a
/// server, for instance, that shows nothing of a header if it is asked for its beginning.
pub(super) fn consider_rest(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    uids: &BTreeSet<Uid>,
    memory: &Memory,
) -> Result<Portion, AccountFault> {
    if uids.is_empty() {
        return Ok(Portion::default());
    }
    session.return_to(opened)?;
    let mut heads = Vec::new();
    let unshown =
        session.heads(Range::These(&Vec::from_iter(uids.iter().copied())), |some| heads.extend(some))?;
    heads.retain(|head| has_to_be_read(sweep.rulebook, &head.fields));
    let candidates: Vec<Candidate> =
        heads.into_iter().map(|head| Candidate { only_known: head.flags.is_touched(), head }).collect();
    let mut portion = consider(session, sweep, opened, &candidates, memory)?;
    portion.unshown.extend(unshown);
    Ok(portion)
}

impl Portion {
    fn is_in_order(&self) -> bool {
        self.considered.is_sorted_by_key(Considered::arrival)
    }

    /// Judges the messages once more, in the order of their arrival, since the server sent them in another one, or some of them do
    /// not count.
    fn judge_in_order(&mut self, sweep: Sweep<'_>, memory: &Memory) -> Result<(), LedgerFault> {
        // Without the room for as many that a stable sort takes: no two have the same UID.
        self.considered.sort_unstable_by_key(Considered::arrival);
        self.unwritten = Replay::default();
        for message in &mut self.considered {
            judge_anew(sweep, message, memory, &self.unwritten)?;
            note_unwritten(sweep, message, memory, &mut self.unwritten)?;
        }
        Ok(())
    }
}

/// Judges a message that has been read, by what is known of its followers now.
fn judge_anew(
    sweep: Sweep<'_>,
    message: &mut Considered,
    memory: &Memory,
    unwritten: &Replay,
) -> Result<(), LedgerFault> {
    let identity = message.identity;
    let recall = memory.recall(&sweep.account.name, &identity, unwritten);
    message.weigh(|read| weigh(read, sweep.rulebook, &recall));
    recall.finish()
}

/// Notes what a message says about its followers, unless the ledger has it, or no rule asks for it.
fn note_unwritten(
    sweep: Sweep<'_>,
    message: &Considered,
    memory: &Memory,
    unwritten: &mut Replay,
) -> Result<(), LedgerFault> {
    let Asked { follows, wave, .. } = sweep.rulebook.rules.asked();
    if let Some(notification) = message.notification()
        && (follows || wave)
        && !memory.knows(&sweep.account.name, &message.identity)?
    {
        unwritten.note_message(message.identity, notification);
    }
    Ok(())
}

fn one(
    sweep: Sweep<'_>,
    opened: &Opened,
    Candidate { head, only_known }: &Candidate,
    MailTrace { uid, identity }: MailTrace,
    bytes: &[u8],
    memory: &Memory,
    unwritten: &mut Replay,
) -> Result<Option<Considered>, LedgerFault> {
    let account = &sweep.account.name;
    let mail =
        MailRef { account: account.clone(), folder: opened.folder.clone(), validity: opened.validity, uid };
    let header = HeaderLines::of(bytes);
    let _reading = memory.reading()?;
    let earlier = memory.earlier_move(&mail, &identity, header.as_ref())?;
    let is_new = earlier == EarlierMove::None;
    if *only_known && is_new && (head.flags.is_touched() || !memory.is_waiting(&mail, &identity)?) {
        return Ok(None);
    }
    let received = Timestamp(head.received);
    // If a message is not assessed, its envelope comes from the fields that were listed.
    let listed = || Envelope::of_header(&head.fields);
    let considered =
        |assessed, deadly| Considered { uid, identity, received, header, assessed, deadly, earlier };
    if !memory.begin_assessing(&mail)? {
        return Ok(Some(considered(Err(listed()), true)));
    }
    let recall = memory.recall(account, &identity, unwritten);
    // A panic is caught here and in `Considered::weigh`: the message that caused it is left alone, and the sweep goes on.
    let assessed = catch_unwind(AssertUnwindSafe(|| {
        let mut read = recognise(Mail { bytes, arrived: Arrival::At(received) }, sweep.rulebook);
        look_up::remembered(sweep, &mut read.recognition, memory)?;
        Ok(weigh(read, sweep.rulebook, &recall))
    }));
    // First: a fault of the ledger must not count as a crash.
    memory.end_assessing(account)?;
    recall.finish()?;
    let assessed = match assessed {
        Ok(assessed) => Ok(assessed?),
        Err(_) => Err(listed()),
    };
    let considered = considered(assessed, false);
    note_unwritten(sweep, &considered, memory, unwritten)?;
    Ok(Some(considered))
}

/// Judges those messages of a portion once more whose followers turned out to be known, since a message about them was
/// put back. A message that was put back before this sweep adds nothing: the ledger has learned from it.
pub(super) fn judge_again(
    sweep: Sweep<'_>,
    portion: &mut Portion,
    memory: &Memory,
) -> Result<(), LedgerFault> {
    let Portion { considered, unwritten, .. } = portion;
    let mut known = BTreeSet::new();
    for message in considered.iter().filter(|message| message.earlier == EarlierMove::Stays(Stay::PutBack)) {
        if memory.has_taught(&message.identity)? {
            continue;
        }
        if let Some(notification) = message.notification() {
            unwritten.know(notification);
            known.extend(notification.keys());
        }
    }
    let concerns = |message: &&mut Considered| {
        message.earlier == EarlierMove::None
            && message.notification().is_some_and(|it| it.keys().any(|key| known.contains(&key)))
    };
    for message in considered.iter_mut().filter(concerns) {
        judge_anew(sweep, message, memory, unwritten)?;
    }
    Ok(())
}

/// Looks up at once, in a dry run that does so, what may decide messages, and judges those again.
pub(super) fn inquire(sweep: Sweep<'_>, portion: &mut Portion, memory: &Memory) -> Result<(), LedgerFault> {
    let Some(inquiry) = sweep.inquiry else { return Ok(()) };
    let Portion { considered, unwritten, .. } = portion;
    for message in considered {
        if let Ok(assessment) = &mut message.assessed
            && look_up::inquire(sweep, assessment, inquiry)
        {
            judge_anew(sweep, message, memory, unwritten)?;
        }
    }
    Ok(())
}

/// Does it take the whole message to tell what it is? Also where the server shows nothing of its header: it has one, as a rule.
pub(super) fn has_to_be_read(rulebook: &Rulebook, fields: &[u8]) -> bool {
    fields.is_empty() || rulebook.profiles.plausible(fields)
}

impl Considered {
    fn arrival(&self) -> (Timestamp, Uid) {
        (self.received, self.uid)
    }

    /// Weighs once more what was read of the message, if it was assessed. As in an assessment, a panic costs only this message.
    fn weigh(&mut self, weigh: impl FnOnce(ReadMessage) -> Assessment) {
        let Ok(assessment) = &mut self.assessed else { return };
        let Assessment { envelope, recognition, .. } = std::mem::replace(assessment, Assessment::foreign());
        let read = ReadMessage { envelope: envelope.clone(), arrived: self.received, recognition };
        self.assessed = catch_unwind(AssertUnwindSafe(|| weigh(read))).map_err(|_| envelope);
    }

    fn notification(&self) -> Option<&Notification> {
        match self.assessed.as_ref().map(|it| &it.recognition) {
            Ok(Recognition::Recognised(notification)) => Some(notification),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::MailDigest;

    #[test]
    fn a_panic_in_a_second_judgement_costs_only_that_message() {
        let envelope = Envelope::of_header(b"From: a@b.example\r\nSubject: hello\r\n\r\n");
        let mut message = Considered {
            uid: Uid(1),
            identity: MailIdentity { digest: MailDigest::of(b""), size: 1 },
            received: Timestamp(1),
            header: None,
            assessed: Ok(Assessment { envelope: envelope.clone(), ..Assessment::foreign() }),
            deadly: false,
            earlier: EarlierMove::None,
        };
        message.weigh(|read| Assessment { envelope: read.envelope, ..Assessment::foreign() });
        assert_eq!(message.assessed.as_ref().map(|assessment| &assessment.envelope), Ok(&envelope));
        message.weigh(|_| panic!("a defect"));
        // It is reported as one that could not be judged, with what a person finds it by.
        assert_eq!(message.assessed, Err(envelope));
        message.weigh(|_| panic!("nothing is left to weigh"));
    }
}

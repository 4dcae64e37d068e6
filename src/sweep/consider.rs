//! Reading and assessing the mails that could be notifications.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::memory::Memory;
use super::{MAIL_LIMIT, Sweep, SweepFault};
use crate::assess::{Assessment, Mail, assess};
use crate::ledger::{EarlierMove, LedgerFault};
use crate::mail::{Message, Recognition, Timestamp};
use crate::mailbox::{Head, Opened, Session};
use crate::place::{MailDigest, MailIdentity, MailRef, Uid};
use crate::rules::recall::Replay;

/// A mail that was read, with what came of it.
#[derive(Clone, Debug)]
pub(super) struct Considered {
    pub(super) mail: MailRef,
    pub(super) identity: MailIdentity,
    pub(super) received: Timestamp,
    pub(super) subject: String,
    pub(super) message_id: Option<String>,
    /// `None` where assessing it panicked.
    pub(super) assessment: Option<Assessment>,
    /// What became of it earlier.
    pub(super) earlier: EarlierMove,
}

/// A mail that may be a notification.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) head: Head,
    /// Only meant if it waits, or was moved before.
    pub(super) only_known: bool,
}

/// Fetches the mails behind `candidates` and assesses each, in the order of their arrival.
pub(super) fn consider(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    candidates: &[Candidate],
    memory: &Memory<'_>,
) -> Result<Vec<Considered>, SweepFault> {
    session.return_to(opened)?;
    let by_uid: BTreeMap<Uid, &Candidate> = candidates.iter().map(|one| (one.head.uid, one)).collect();
    let mut wanted: Vec<&Head> = candidates.iter().map(|one| &one.head).collect();
    wanted.sort_by_key(|head| (head.received, head.uid));
    let wanted: Vec<(Uid, u32)> = wanted.iter().map(|head| (head.uid, head.size)).collect();

    let mut considered = Vec::new();
    let mut unwritten = Replay::default();
    let mut fault = None;
    session.mails(&wanted, MAIL_LIMIT, |uid, bytes| {
        let Some(candidate) = by_uid.get(&uid) else { return };
        if fault.is_none() {
            match one(sweep, opened, candidate, bytes, memory, &mut unwritten) {
                Ok(mail) => considered.extend(mail),
                Err(failed) => fault = Some(failed),
            }
        }
    })?;
    match fault {
        Some(fault) => Err(fault.into()),
        None => Ok(considered),
    }
}

fn one(
    sweep: Sweep<'_>,
    opened: &Opened,
    Candidate { head, only_known }: &Candidate,
    bytes: &[u8],
    memory: &Memory<'_>,
    unwritten: &mut Replay,
) -> Result<Option<Considered>, LedgerFault> {
    let account = &sweep.account.name;
    let identity = MailIdentity { digest: MailDigest::of(bytes), size: head.size };
    let mail = MailRef {
        account: account.clone(),
        folder: opened.folder.clone(),
        validity: opened.validity,
        uid: head.uid,
    };
    let earlier = memory.earlier_move(&mail, &identity)?;
    let is_new = earlier == EarlierMove::None;
    if *only_known && is_new && (head.flags.is_touched() || !memory.is_waiting(&mail, &identity)?) {
        return Ok(None);
    }
    let received = Timestamp(head.received);
    let recall = memory.recall(account, &identity, unwritten);
    // The one bulkhead: a poisonous mail is left alone, and the sweep goes on.
    let assessed = catch_unwind(AssertUnwindSafe(|| {
        let assessment = assess(Mail { bytes, arrived: received }, sweep.rulebook, &recall);
        (assessment, Message::parse(bytes).ok().and_then(|message| message.id()))
    }));
    recall.finish()?;
    let (assessment, message_id) = assessed.ok().unzip();
    if let Some(Recognition::Recognised(notification)) = assessment.as_ref().map(|it| &it.recognition) {
        if earlier == EarlierMove::PutBack {
            unwritten.know(notification);
        }
        if !memory.knows(account, &identity)? {
            unwritten.note(notification);
        }
    }
    Ok(Some(Considered {
        mail,
        identity,
        received,
        subject: Message::parse(&head.fields).map(|message| message.subject().to_owned()).unwrap_or_default(),
        message_id: message_id.flatten(),
        earlier,
        assessment,
    }))
}

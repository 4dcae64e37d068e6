//! Reading and assessing the mails that could be notifications.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::memory::Memory;
use super::{MAIL_LIMIT, Sweep, SweepFault};
use crate::assess::{Assessment, Mail, assess};
use crate::ledger::LedgerFault;
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
    /// It was moved before, and is here again.
    pub(super) put_back: bool,
}

/// Fetches the mails behind `heads` and assesses each, in the order of their arrival.
pub(super) fn consider(
    session: &mut Session,
    sweep: Sweep<'_>,
    opened: &Opened,
    heads: &[Head],
    memory: &Memory<'_>,
) -> Result<Vec<Considered>, SweepFault> {
    let by_uid: BTreeMap<Uid, &Head> = heads.iter().map(|head| (head.uid, head)).collect();
    let mut wanted: Vec<&Head> = heads.iter().collect();
    wanted.sort_by_key(|head| (head.received, head.uid));
    let wanted: Vec<(Uid, u32)> = wanted.iter().map(|head| (head.uid, head.size)).collect();

    let mut considered = Vec::new();
    let mut unwritten = Replay::default();
    let mut fault = None;
    session.mails(&wanted, MAIL_LIMIT, |uid, bytes| {
        let Some(head) = by_uid.get(&uid) else { return };
        match one(sweep, opened, head, bytes, memory, &mut unwritten) {
            Ok(mail) => considered.push(mail),
            Err(failed) => fault = Some(failed),
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
    head: &Head,
    bytes: &[u8],
    memory: &Memory<'_>,
    unwritten: &mut Replay,
) -> Result<Considered, LedgerFault> {
    let account = &sweep.account.name;
    let identity = MailIdentity { digest: MailDigest::of(bytes), size: head.size };
    let received = Timestamp(head.received);
    let recall = memory.recall(account, &identity, unwritten);
    // The one bulkhead: a poisonous mail is left alone, and the sweep goes on.
    let assessed = catch_unwind(AssertUnwindSafe(|| {
        let assessment = assess(Mail { bytes, arrived: received }, sweep.rulebook, &recall);
        (assessment, Message::parse(bytes).ok().and_then(|message| message.id()))
    }));
    recall.finish()?;
    let (assessment, message_id) = assessed.ok().unzip();
    if let Some(Recognition::Recognised(notification)) = assessment.as_ref().map(|it| &it.recognition)
        && !memory.knows(account, &identity)?
    {
        let keys = notification.followers.iter().map(|follower| notification.key(follower)).collect();
        unwritten.note(keys, received);
    }
    Ok(Considered {
        mail: MailRef {
            account: account.clone(),
            folder: opened.folder.clone(),
            validity: opened.validity,
            uid: head.uid,
        },
        identity,
        received,
        subject: Message::parse(&head.fields).map(|message| message.subject().to_owned()).unwrap_or_default(),
        message_id: message_id.flatten(),
        put_back: memory.moved_before(account, &identity)?,
        assessment,
    })
}

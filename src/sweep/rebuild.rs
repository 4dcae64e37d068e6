//! Remembers as filed what lies in the folders of the verdicts, after a ledger was lost or an older one put back. Called by
//! `observing`. Moves nothing, and changes no message.
//!
//! It reads each notification there as it would in the inbox, a few hundred at a time. What the ledger knows already is passed over, so
//! that a second look, after the first was cut off, changes nothing.

use super::judge::{Candidate, Considered, consider, has_to_be_read};
use super::memory::Memory;
use super::news::News;
use super::{AccountFault, Sweep, trouble};
use crate::ledger::{EarlierMove, FiledCopy, Judged, Refiled};
use crate::mail::Recognition;
use crate::mailbox::{Batch, FLIGHT, Fate, Opened, Range, Session};
use crate::place::{Folder, MailRef, Uid};

/// So many messages are read and remembered together.
const TOGETHER: usize = 500;

/// What a look through folders found.
pub(super) struct Rebuilt {
    /// So many messages are remembered as filed from now on.
    pub(super) filed: usize,
    /// Every folder, and every message there that may be a notification, could be read.
    pub(super) is_whole: bool,
}

/// Looks through folders. In a dry run, looks at none.
pub(super) fn rebuild(
    session: &mut Session,
    sweep: Sweep<'_>,
    folders: &[Folder],
    memory: &mut Memory,
    tell: &mut dyn FnMut(News),
) -> Result<Rebuilt, AccountFault> {
    let mut rebuilt = Rebuilt { filed: 0, is_whole: true };
    let Some(ledger) = memory.kept() else { return Ok(rebuilt) };
    ledger.count_deaths(&sweep.account.name)?;
    session.begin_sweep();
    for folder in folders {
        match through(session, sweep, folder, memory, tell) {
            Err(AccountFault::Mailbox(fault))
                if !session.is_spent() && (fault.fate() == Fate::Leave || fault.is_for_now()) =>
            {
                tell(trouble(session, folder, fault.cause.to_string())?);
                rebuilt.is_whole = false;
            }
            found => {
                let found = found?;
                rebuilt.filed += found.filed;
                rebuilt.is_whole &= found.is_whole;
            }
        }
    }
    Ok(rebuilt)
}

fn through(
    session: &mut Session,
    sweep: Sweep<'_>,
    folder: &Folder,
    memory: &mut Memory,
    tell: &mut dyn FnMut(News),
) -> Result<Rebuilt, AccountFault> {
    let mut rebuilt = Rebuilt { filed: 0, is_whole: true };
    // It has every message, also those that were never filed.
    if session.holds_all(folder)? {
        return Ok(rebuilt);
    }
    let opened = session.examine(folder)?;
    let batches = session.batches(Range::From(Uid(1)))?;
    let mut unshown = Vec::new();
    let mut looked_at = 0;
    let most: usize = batches.iter().map(Batch::most).sum();
    let mut begun = 0;
    for window in batches.chunks(FLIGHT) {
        session.return_to(&opened)?;
        let skimmed = session.skim(window, &mut |fields| has_to_be_read(sweep.rulebook, fields))?;
        looked_at += skimmed.plausible.len() + skimmed.others.len();
        unshown.extend(skimmed.unshown);
        begun += window.iter().map(Batch::most).sum::<usize>();
        for uids in skimmed.plausible.chunks(TOGETHER) {
            session.return_to(&opened)?;
            let mut candidates = Vec::new();
            let candidate = |head| Candidate { head, only_known: false };
            unshown.extend(session.heads(Range::These(uids), |heads| {
                candidates.extend(heads.into_iter().filter(|head| !head.flags.deleted).map(candidate));
            })?);
            let portion = consider(session, sweep, &opened, &candidates, memory)?;
            unshown.extend(portion.unshown);
            let found = portion.considered.into_iter().filter_map(|message| refiled(sweep, &opened, message));
            let found: Vec<Refiled> = found.collect();
            rebuilt.filed += found.len();
            if let Some(ledger) = memory.kept() {
                ledger.refile(found, &source(sweep), sweep.now)?;
            }
            let part = begun as f64 / most.max(1) as f64;
            tell(News::Progress { folder: folder.clone(), looked_at, part });
        }
    }
    if !unshown.is_empty() {
        rebuilt.is_whole = false;
        tell(News::Unshown { folder: folder.clone(), uids: unshown, why: None });
    }
    Ok(rebuilt)
}

/// The folder from which messages were filed: if several are watched, it is not known from which, and the inbox is where messages
/// arrive.
fn source(sweep: Sweep<'_>) -> Folder {
    match sweep.account.folders.as_slice() {
        [only] => only.clone(),
        _ => Folder::inbox(),
    }
}

/// What is to be remembered of a message, if it is a notification that the ledger does not know as filed here.
fn refiled(sweep: Sweep<'_>, opened: &Opened, message: Considered) -> Option<Refiled> {
    let is_this = |copy: &FiledCopy| {
        copy.folder == opened.folder
            && (copy.validity != opened.validity || copy.uid.is_none_or(|uid| uid == message.uid))
    };
    match &message.earlier {
        EarlierMove::None => {}
        EarlierMove::Filed(copies) if !copies.iter().any(is_this) => {}
        // It is known, or is to be forgotten, or another session finds out what became of it.
        _ => return None,
    }
    let assessment = message.assessed.ok()?;
    let Recognition::Recognised(notification) = assessment.recognition else { return None };
    let (account, folder) = (sweep.account.name.clone(), opened.folder.clone());
    Some(Refiled {
        judged: Judged {
            mail: MailRef { account, folder, validity: opened.validity, uid: message.uid },
            identity: message.identity,
            verdicts: assessment.verdicts,
            verdict: assessment.class,
            action: assessment.action,
            rules: sweep.rulebook.edition.clone(),
            // As if the ledger had been there: what is counted by time is then right.
            judged_at: notification.received.min(sweep.now),
            notification,
        },
        header: message.header,
    })
}

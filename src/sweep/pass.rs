//! A sweep at work, and the folder that it looks through: what `folder` hands to `file` and `put_back`.

use std::collections::BTreeSet;

use super::fuse::Fuse;
use super::memory::Memory;
use super::news::News;
use super::scope::{Seen, Since};
use super::{AccountFault, Sweep, Tally, trouble};
use crate::clock::Timestamp;
use crate::mailbox::{Fault, Opened, Session};
use crate::place::{Folder, MailRef, Uid};

/// A sweep at work.
pub(super) struct Pass<'p> {
    pub(super) session: &'p mut Session,
    pub(super) sweep: Sweep<'p>,
    pub(super) memory: &'p mut Memory,
    pub(super) tell: &'p mut dyn FnMut(News),
    pub(super) fuse: Fuse,
    pub(super) tally: Tally,
    /// What was seen of the folder that is looked through.
    pub(super) seen: Seen,
    /// What is dealt with now is the last for which the server is needed.
    pub(super) is_last: bool,
    /// The account is new to the ledger, and it is not known yet whether something was filed before.
    pub(super) is_new: bool,
}

/// The folder that is looked through.
#[derive(Clone, Debug)]
pub(super) struct CurrentFolder {
    pub(super) opened: Opened,
    /// A message with a lower UID was there when the look began.
    pub(super) next: Uid,
    /// Messages of it that wait.
    pub(super) waiting: BTreeSet<Uid>,
    /// Those of them that are due.
    pub(super) due: BTreeSet<Uid>,
    /// Those of them that the user lets through the fuse.
    pub(super) released: BTreeSet<Uid>,
    /// What became of it since it was last looked at.
    pub(super) since: Since,
    /// A message that arrived earlier is an old one, if the look goes back by time.
    pub(super) old_before: Option<Timestamp>,
}

impl CurrentFolder {
    /// Is it the last for which the session is needed?
    pub(super) fn is_last(&self, sweep: Sweep<'_>) -> bool {
        sweep.leaves && sweep.account.folders.last() == Some(&self.opened.folder)
    }

    /// One of its messages.
    pub(super) fn mail(&self, sweep: Sweep<'_>, uid: Uid) -> MailRef {
        let Opened { folder, validity, .. } = &self.opened;
        MailRef { account: sweep.account.name.clone(), folder: folder.clone(), validity: *validity, uid }
    }
}

impl Pass<'_> {
    /// Reports what is wrong with a folder.
    pub(super) fn trouble(&mut self, fault: &Fault, folder: &Folder) -> Result<(), AccountFault> {
        self.tell_trouble(folder, fault.cause.to_string())
    }

    /// Reports that the server refuses a folder for now. The folder is there, so the existing ones are not listed.
    pub(super) fn refused(&mut self, fault: &Fault, folder: &Folder) {
        self.tally.troubles += 1;
        let (folder, words) = (folder.clone(), fault.cause.to_string());
        (self.tell)(News::Trouble { folder, words, folders: Vec::new() });
    }

    pub(super) fn tell_trouble(&mut self, folder: &Folder, words: String) -> Result<(), AccountFault> {
        self.tally.troubles += 1;
        let news = trouble(self.session, folder, words)?;
        (self.tell)(news);
        Ok(())
    }

    /// Reports once that the fuse holds messages back.
    pub(super) fn report_fuse(&mut self) -> Result<(), AccountFault> {
        if let Some(ledger) = self.memory.kept() {
            let messages = ledger.held_back(&self.sweep.account.name)?;
            if ledger.report_once(&self.sweep.account.name, messages > 0)? {
                (self.tell)(News::HeldBack { messages, by: self.fuse.by, most: self.fuse.most });
            }
        }
        Ok(())
    }
}

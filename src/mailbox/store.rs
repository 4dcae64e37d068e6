//! Setting flags, and removing what is proven to be elsewhere.
//!
//! Owns UID STORE and UID EXPUNGE, and so everything that this room ever changes on a mail in place. Never EXPUNGE and never
//! CLOSE, which would remove what the user marked. Called by `sweep`, `moves` and `settle`.

use std::collections::BTreeSet;

use super::bounds::Limits;
use super::fault::{Fate, Fault, Step, Subject};
use super::session::Session;
use super::uids;
use crate::place::{Folder, Marks, Uid, UidValidity};

impl Session {
    /// Adds flags to mails of a folder, which is opened for it unless it is open.
    ///
    /// # Errors
    /// Where the folder is another by now, or the server will not.
    pub fn mark(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
        marks: Marks,
    ) -> Result<(), Fault> {
        let flags: Vec<&str> = [(marks.seen, "\\Seen"), (marks.flagged, "\\Flagged")]
            .into_iter()
            .filter_map(|(wanted, flag)| wanted.then_some(flag))
            .collect();
        if uids.is_empty() || flags.is_empty() {
            return Ok(());
        }
        self.reopen(Step::Mark, folder, validity)?;
        let on = Subject::Mails { folder: folder.clone(), uids: uids.to_vec() };
        for set in uids::sets(uids.iter().copied()) {
            let command = format!("UID STORE {set} +FLAGS.SILENT ({})", flags.join(" "));
            self.run(Step::Mark, &on, &command, Limits::SHORT)?;
        }
        Ok(())
    }

    /// Marks mails whose like is proven to be elsewhere \Deleted, and removes exactly those where the server can. Where it
    /// will not mark them, its words.
    pub(super) fn remove(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        uids: &BTreeSet<Uid>,
    ) -> Result<Option<String>, Fault> {
        if uids.is_empty() {
            return Ok(None);
        }
        match self.reopen(Step::Remove, folder, validity) {
            Err(fault) if fault.fate() == Fate::Leave => return Ok(Some(fault.cause.to_string())),
            opened => drop(opened?),
        }
        let on = Subject::Mails { folder: folder.clone(), uids: uids.iter().copied().collect() };
        for set in uids::sets(uids.iter().copied()) {
            let command = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
            match self.run(Step::Remove, &on, &command, Limits::SHORT) {
                Err(fault) if fault.fate() == Fate::Leave => return Ok(Some(fault.cause.to_string())),
                done => drop(done?),
            }
            // Plain EXPUNGE would also remove what the user marked, so without UIDPLUS the mail stays, marked (RFC 4315,
            // section 2.1).
            if self.can("UIDPLUS") {
                match self.run(Step::Remove, &on, &format!("UID EXPUNGE {set}"), Limits::SHORT) {
                    // Marked is as good as removed.
                    Err(fault) if fault.fate() == Fate::Leave => {}
                    done => drop(done?),
                }
            }
        }
        Ok(None)
    }
}

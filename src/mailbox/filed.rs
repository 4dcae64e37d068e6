//! Whether a copy that was filed is still in its target.
//!
//! Owns the question on which a put-back rests: a message that is in the inbox again was put back only if its filed copy has
//! left. Looks only, and changes nothing. Called by `sweep`.

use std::collections::BTreeSet;

use super::fault::{Fate, Fault, Step};
use super::session::Session;
use super::trace::Trace;
use crate::place::{Folder, MailIdentity, Uid, UidValidity};

/// A copy that was filed, as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiledAs {
    /// The target's UIDVALIDITY at that time.
    pub validity: UidValidity,
    /// Its UID there, if the server told.
    pub uid: Option<Uid>,
    /// What it is known by.
    pub identity: MailIdentity,
}

/// Where a filed copy is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Still in its target.
    There,
    /// It has left.
    Left,
    /// The target was restored from a backup, so that its absence says nothing about the user.
    Restored,
}

impl Session {
    /// Looks for filed copies in their target, by their UIDs where these still mean something and else by what they are. A
    /// copy that the server does not show counts as there: doubt teaches nothing.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn presence(&mut self, folder: &Folder, copies: &[FiledAs]) -> Result<Vec<Presence>, Fault> {
        let opened = match self.examine(folder) {
            Ok(opened) => opened,
            Err(fault) if fault.fate() == Fate::Leave => return self.presence_elsewhere(folder, copies),
            Err(fault) => return Err(fault),
        };
        let named = |copy: &FiledAs| copy.uid.filter(|_| copy.validity == opened.validity);
        let traces: Vec<Trace> = copies
            .iter()
            .filter_map(|copy| Some(Trace { uid: named(copy)?, identity: copy.identity }))
            .collect();
        let look = self.look(Step::Search, &traces)?;
        let beyond = |uid: Uid| opened.next.is_some_and(|next| uid >= next);
        let restored = !look.others.is_empty() || traces.iter().any(|trace| beyond(trace.uid));
        let mut answers = Vec::new();
        for copy in copies {
            answers.push(match named(copy) {
                Some(uid) if look.flags.get(&uid).is_some_and(|flags| !flags.deleted) => Presence::There,
                Some(uid) if look.unshown.contains(&uid) => Presence::There,
                Some(_) if !restored => Presence::Left,
                Some(_) if self.is_alike_here(copy)? => Presence::There,
                Some(_) => Presence::Restored,
                None if self.is_alike_here(copy)? => Presence::There,
                None => Presence::Left,
            });
        }
        Ok(answers)
    }

    /// The same where the target is gone: its user may have renamed it.
    fn presence_elsewhere(&mut self, folder: &Folder, copies: &[FiledAs]) -> Result<Vec<Presence>, Fault> {
        let validities: BTreeSet<UidValidity> = copies.iter().map(|copy| copy.validity).collect();
        for validity in validities {
            for renamed in self.renamed(validity, &[folder, &Folder::inbox()])? {
                let opened = match self.examine(&renamed) {
                    Err(fault) if fault.fate() == Fate::Leave => continue,
                    opened => opened?,
                };
                let mut there = Vec::new();
                for copy in copies {
                    let same = opened.validity == copy.validity && self.is_alike_here(copy)?;
                    there.push(if same { Presence::There } else { Presence::Left });
                }
                if there.contains(&Presence::There) {
                    return Ok(there);
                }
            }
        }
        Ok(vec![Presence::Left; copies.len()])
    }

    fn is_alike_here(&mut self, copy: &FiledAs) -> Result<bool, Fault> {
        Ok(self.alike(&copy.identity, None)?.iter().any(|found| !found.flags.deleted))
    }

    /// Those of `uids` that are still in `folder`; `None` where it is gone, or another by now.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn still_in(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
    ) -> Result<Option<BTreeSet<Uid>>, Fault> {
        let opened = match self.examine(folder) {
            Err(fault) if fault.fate() == Fate::Leave => return Ok(None),
            opened => opened?,
        };
        let restored = uids.iter().any(|uid| opened.next.is_some_and(|next| *uid >= next));
        if opened.validity != validity || restored {
            return Ok(None);
        }
        self.present(uids).map(Some)
    }

    /// Those of `traces` that are in the open folder, proven to be the ones meant, and not marked \Deleted.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn live_among(&mut self, traces: &[Trace]) -> Result<BTreeSet<Uid>, Fault> {
        Ok(self.look(Step::Search, traces)?.where_flags(|flags| !flags.deleted))
    }

    /// Is the message that was `trace.uid` in the open folder another one by now? So it is where the folder was restored from
    /// a backup. One turn.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn is_replaced(&mut self, trace: Trace) -> Result<bool, Fault> {
        let _ = self.prove(Step::Search, &[trace])?;
        Ok(self.seen.get(&trace.uid).is_some_and(|identity| *identity != trace.identity))
    }

    /// Takes copies back that we have filed, since the user wants the originals where they were.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn take_back(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        copies: &[Trace],
    ) -> Result<(), Fault> {
        self.remove(folder, validity, copies).map(drop)
    }
}

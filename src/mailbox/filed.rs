//! Checks whether a filed copy is still in its target.
//!
//! A message that is in the inbox again counts as put back only if its filed copy has left the target. Changes nothing, except
//! that [`Session::take_back`] removes copies. Called by `sweep`.

use std::collections::BTreeSet;

use super::fate::Fate;
use super::fault::{Fault, Step};
use super::fetch::Sighting;
use super::session::{Opened, Session};
use crate::place::{Folder, MailDigest, MailIdentity, MailTrace, Uid, UidValidity};

/// A filed copy, as the ledger records it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiledAs {
    /// The target's UIDVALIDITY at that time.
    pub validity: UidValidity,
    /// Its UID there, if the server reported it.
    pub uid: Option<Uid>,
    /// Its identity.
    pub identity: MailIdentity,
}

/// Where a filed copy is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Still in its target, with its UIDVALIDITY and UID there if the server showed it.
    There(Option<(UidValidity, Uid)>),
    /// It has left.
    Left,
    /// It is not there, but the target was restored from a backup, renumbered or deleted, so the user may not have moved it.
    Doubtful,
}

impl Session {
    /// Looks for filed copies in their target, by UID where that is still valid, else by identity. A copy that the server does
    /// not show counts as present: in doubt, followsift learns nothing.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn presence(&mut self, folder: &Folder, copies: &[FiledAs]) -> Result<Vec<Presence>, Fault> {
        Ok(self.locate(folder, copies)?.1)
    }

    /// The same, with the folder's name: the user may have renamed it.
    ///
    /// # Errors
    /// As [`Session::presence`].
    pub fn locate(&mut self, folder: &Folder, copies: &[FiledAs]) -> Result<(Folder, Vec<Presence>), Fault> {
        let opened = match self.examine(folder) {
            Ok(opened) => opened,
            Err(fault) if self.is_gone(folder, &fault)? => return self.presence_elsewhere(folder, copies),
            Err(fault) => return Err(fault),
        };
        let named = |copy: &FiledAs| copy.uid.filter(|_| copy.validity == opened.validity);
        let traces: Vec<MailTrace> = copies
            .iter()
            .filter_map(|copy| Some(MailTrace { uid: named(copy)?, identity: copy.identity }))
            .collect();
        let look = self.look(Step::Search, &traces)?;
        let beyond = |uid: Uid| opened.next.is_some_and(|next| uid >= next);
        // The server counts another size for it there than where it came from.
        let is_resized = |trace: &&MailTrace| {
            let seen = self.seen.get(&trace.uid).filter(|_| look.others.contains(&trace.uid));
            seen.is_some_and(|seen| seen.digest == trace.identity.digest)
        };
        let resized: BTreeSet<Uid> = traces.iter().filter(is_resized).map(|trace| trace.uid).collect();
        let restored = !look.others.is_subset(&resized) || traces.iter().any(|trace| beyond(trace.uid));
        let mut answers = Vec::new();
        for copy in copies {
            answers.push(match named(copy) {
                Some(uid) if look.flags.get(&uid).is_some_and(|flags| !flags.deleted) => {
                    Presence::There(Some((opened.validity, uid)))
                }
                Some(uid) if look.unshown.contains(&uid) || resized.contains(&uid) => Presence::There(None),
                Some(_) if !restored => Presence::Left,
                Some(_) => self.presence_by_identity(&opened, copy, Presence::Doubtful)?,
                // The server never reported its UID; or the folder has new UIDs.
                None if copy.validity == opened.validity => {
                    self.presence_by_identity(&opened, copy, Presence::Left)?
                }
                None => self.presence_by_identity(&opened, copy, Presence::Doubtful)?,
            });
        }
        Ok((opened.folder, answers))
    }

    /// The same if the target is gone: the user may have renamed it.
    fn presence_elsewhere(
        &mut self,
        folder: &Folder,
        copies: &[FiledAs],
    ) -> Result<(Folder, Vec<Presence>), Fault> {
        let validities: BTreeSet<UidValidity> = copies.iter().map(|copy| copy.validity).collect();
        for validity in validities {
            for renamed in self.renamed(validity, &[folder, &Folder::inbox()])? {
                let opened = match self.examine(&renamed) {
                    Err(fault) if fault.fate() == Fate::Leave => continue,
                    opened => opened?,
                };
                let mut there = Vec::new();
                for copy in copies {
                    there.push(if opened.validity == copy.validity {
                        self.presence_by_identity(&opened, copy, Presence::Left)?
                    } else {
                        Presence::Doubtful
                    });
                }
                // Some servers give many folders the same UIDVALIDITY.
                if there.iter().any(|presence| matches!(presence, Presence::There(_))) {
                    return Ok((renamed, there));
                }
            }
        }
        Ok((folder.clone(), vec![Presence::Doubtful; copies.len()]))
    }

    fn presence_by_identity(
        &mut self,
        opened: &Opened,
        copy: &FiledAs,
        absent: Presence,
    ) -> Result<Presence, Fault> {
        let alike = self.alike(&copy.identity, None)?;
        let live = alike.iter().find(|found| !found.flags.deleted);
        Ok(live.map_or(absent, |found| Presence::There(Some((opened.validity, found.trace.uid)))))
    }

    /// Those of `uids` that are still in `folder`; `None` if the folder is gone or was recreated or restored.
    ///
    /// # Errors
    /// If the connection fails.
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

    /// The messages of the open folder from `first` on, without those in `known` and those marked \Deleted; `None` if they are
    /// more than `most`. Two round trips at most.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn newcomers(
        &mut self,
        opened: &Opened,
        first: Uid,
        known: &BTreeSet<Uid>,
        most: usize,
    ) -> Result<Option<Vec<MailTrace>>, Fault> {
        let mut found = Vec::new();
        if opened.exists == 0 || opened.next.is_some_and(|next| next <= first) {
            return Ok(Some(found));
        }
        let sizes = self.sizes_from(first)?;
        let uids: Vec<Uid> =
            sizes.into_iter().map(|(uid, _)| uid).filter(|uid| !known.contains(uid)).collect();
        if uids.len() > most {
            return Ok(None);
        }
        self.sightings(Step::Fetch, &uids, &mut |Sighting { trace, flags, .. }, _| {
            if trace.uid >= first && !flags.deleted && !known.contains(&trace.uid) {
                found.push(trace);
            }
        })?;
        Ok(Some(found))
    }

    /// Those of `traces` that are in the open folder, proven to be the same messages, and not marked \Deleted. For most, it
    /// fetches only the flags.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn live_among(&mut self, traces: &[MailTrace]) -> Result<BTreeSet<Uid>, Fault> {
        let uids: Vec<Uid> = traces.iter().map(|trace| trace.uid).collect();
        let live = self.live(&uids)?;
        let traces: Vec<MailTrace> =
            traces.iter().filter(|trace| live.contains(&trace.uid)).copied().collect();
        if traces.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(self.look(Step::Search, &traces)?.where_flags(|flags| !flags.deleted))
    }

    /// Does another message have the UID of one of `known`? That happens if the open folder was restored from a backup. Each is
    /// recognised by its arrival (INTERNALDATE, in seconds since 1970 UTC) and the digest of [`super::Head::fields`]. Messages
    /// that are gone do not count. One round trip. Noted if it is certain that there is none: as long as the folder is open, it is
    /// not asked again.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn is_replaced(&mut self, known: &[(Uid, i64, MailDigest)]) -> Result<bool, Fault> {
        let uids: Vec<Uid> = known.iter().map(|(uid, ..)| *uid).collect();
        let mut is_same = known.is_empty();
        let mut is_replaced = false;
        for (uid, arrived, fields) in self.marks_of(&uids)? {
            for (_, received, digest) in known.iter().filter(|(one, ..)| *one == uid) {
                let differs = arrived.is_some_and(|arrived| arrived != *received)
                    || fields.is_some_and(|fields| fields != *digest);
                is_replaced |= differs;
                is_same |= !differs && fields.is_some();
            }
        }
        if is_same && !is_replaced {
            self.note_same();
        }
        Ok(is_replaced)
    }

    /// Removes copies that we filed, since the user wants the originals where they were.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn take_back(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        copies: &[MailTrace],
    ) -> Result<(), Fault> {
        self.remove(folder, validity, copies).map(drop)
    }
}

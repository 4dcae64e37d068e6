//! Proof that a message is the one that was judged, without which no command changes anything.
//!
//! Owns [`Proven`]: messages of the folder that is open now whose size and header digest were fetched since it was selected,
//! and equal what was judged or intended. MOVE, COPY, STORE and EXPUNGE take it and nothing else, and it dies with the
//! selection. A UID alone proves nothing: a folder that was restored from a backup gives old UIDs to other messages under
//! the same UIDVALIDITY. Called by `moves`, `copies`, `settle` and `store`.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Flags;
use super::fault::{Cause, Fault, Step, Subject};
use super::session::{Selection, Session};
use super::trace::Trace;
use super::uids;
use crate::place::{Folder, MailIdentity, Uid};

/// Messages of one selection that are proven to be the ones meant. Made by comparing alone; can only become fewer.
#[derive(Clone, Debug)]
#[must_use]
pub(super) struct Proven {
    folder: Folder,
    selection: Selection,
    uids: BTreeSet<Uid>,
}

impl Proven {
    /// Their UIDs.
    pub(super) fn uids(&self) -> &BTreeSet<Uid> {
        &self.uids
    }

    /// Those of them that are in `some`.
    pub(super) fn only(&self, some: &BTreeSet<Uid>) -> Self {
        Self { uids: self.uids.intersection(some).copied().collect(), ..self.clone() }
    }

    /// The sets to name in commands.
    pub(super) fn sets(&self) -> Vec<String> {
        uids::sets(self.uids.iter().copied())
    }
}

/// What a look at messages of the open folder showed.
#[derive(Debug)]
pub(super) struct Look {
    /// Those that are there and are the ones meant.
    pub(super) proven: Proven,
    /// The flags of those.
    pub(super) flags: BTreeMap<Uid, Flags>,
    /// The keywords of those that have any.
    pub(super) keywords: BTreeMap<Uid, BTreeSet<String>>,
    /// UIDs at which another message is.
    pub(super) others: BTreeSet<Uid>,
    /// UIDs at which a message is that the server does not show.
    pub(super) unshown: BTreeSet<Uid>,
}

impl Look {
    /// The proven ones, as a condition on their flags has it.
    pub(super) fn where_flags(&self, holds: impl Fn(Flags) -> bool) -> BTreeSet<Uid> {
        self.flags.iter().filter(|(_, flags)| holds(**flags)).map(|(uid, _)| *uid).collect()
    }
}

impl Session {
    /// Looks at messages of the open folder: are they the ones meant, and how are they marked? The flags come last, so that a
    /// command which follows at once is as close to them as the protocol allows. One turn where all have been read since the
    /// folder was selected, else one more for each 64 that have not.
    ///
    /// Not with SEARCH: a server may answer a FETCH or a SEARCH by what it told last, but corrects a FETCH in the same answer.
    pub(super) fn look(&mut self, doing: Step, traces: &[Trace]) -> Result<Look, Fault> {
        let proven = self.prove(doing, traces)?;
        let meant: BTreeSet<Uid> = traces.iter().map(|trace| trace.uid).collect();
        let others: BTreeSet<Uid> = meant
            .iter()
            .filter(|uid| self.seen.contains_key(uid) && !proven.uids.contains(uid))
            .copied()
            .collect();
        let (mut flags, mut keywords) =
            self.flags_and_keywords(doing, &Vec::from_iter(proven.uids.iter().copied()))?;
        // A server may tell of messages that nobody asked for.
        flags.retain(|uid, _| proven.uids.contains(uid));
        keywords.retain(|uid, _| proven.uids.contains(uid));
        let silent: Vec<Uid> =
            meant.iter().filter(|uid| !flags.contains_key(uid) && !others.contains(uid)).copied().collect();
        let unshown = self.present(&silent)?;
        let shown: BTreeSet<Uid> = flags.keys().copied().collect();
        Ok(Look { proven: proven.only(&shown), flags, keywords, others, unshown })
    }

    /// Proves which of `traces` are in the open folder. No turn where all have been read since it was selected.
    pub(super) fn prove(&mut self, doing: Step, traces: &[Trace]) -> Result<Proven, Fault> {
        let here = self.here(doing)?;
        let unread: Vec<Uid> =
            traces.iter().map(|trace| trace.uid).filter(|uid| !self.seen.contains_key(uid)).collect();
        if !unread.is_empty() {
            self.sightings(doing, &unread, &mut |_, _| {})?;
        }
        let same = |trace: &&Trace| self.seen.get(&trace.uid) == Some(&trace.identity);
        let uids = traces.iter().filter(same).map(|trace| trace.uid).collect();
        Ok(Proven { folder: here.folder, selection: here.selection, uids })
    }

    /// What a message of the open folder was known by when it was read, if it was since the folder was selected.
    pub(super) fn note_seen(&mut self, uid: Uid, identity: MailIdentity) {
        self.seen.insert(uid, identity);
    }

    /// Refuses a proof of another selection than the one that is open: the last barrier before a command that changes
    /// something.
    pub(super) fn require(&self, doing: Step, proven: &Proven) -> Result<Subject, Fault> {
        let on =
            Subject::Mails { folder: proven.folder.clone(), uids: proven.uids.iter().copied().collect() };
        match &self.open {
            Some(open) if open.selection == proven.selection => Ok(on),
            _ => Err(Fault::of(doing, &on, Cause::Void)),
        }
    }
}

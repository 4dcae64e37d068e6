//! Proof that a message is the one that was judged. No command changes a message without it.
//!
//! Owns [`Proven`]: messages of the open folder whose size and header digest were fetched since it was selected, and equal those
//! of the message that was judged or intended. MOVE, COPY, STORE and EXPUNGE accept nothing else, and the proof ends with the
//! selection. A UID alone proves nothing: a folder that is restored from a backup gives old UIDs to other messages under the
//! same UIDVALIDITY. Called by `moves`, `copies`, `settle` and `store`.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Cause, Fault, Step, Subject};
use super::fetch::Marked;
use super::flags::Flags;
use super::numbers::Numbers;
use super::session::{Selection, Session};
use super::uids;
use crate::place::{Folder, MailIdentity, MailTrace, Uid};

/// Messages of one selection that are proven to be the intended ones. Only a comparison makes one; it can only get smaller.
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

    /// Their sets, for commands.
    pub(super) fn sets(&self) -> Vec<String> {
        uids::sets(self.uids.iter().copied())
    }
}

/// The result of a look at messages of the open folder.
#[derive(Debug)]
pub(super) struct Look {
    /// Those that are there and are the intended ones.
    pub(super) proven: Proven,
    /// The flags of those.
    pub(super) flags: BTreeMap<Uid, Flags>,
    /// The keywords of those that have any.
    pub(super) keywords: BTreeMap<Uid, BTreeSet<String>>,
    /// UIDs that another message has.
    pub(super) others: BTreeSet<Uid>,
    /// UIDs of messages that SEARCH finds but FETCH does not show.
    pub(super) unshown: BTreeSet<Uid>,
}

impl Look {
    /// The proven messages whose flags fulfil a condition.
    pub(super) fn where_flags(&self, holds: impl Fn(Flags) -> bool) -> BTreeSet<Uid> {
        self.flags.iter().filter(|(_, flags)| holds(**flags)).map(|(uid, _)| *uid).collect()
    }
}

impl Session {
    /// Checks whether messages of the open folder are the intended ones, and fetches their flags. The flags come last, so that
    /// they are as recent for the next command as the protocol allows. One round trip if all have been read since the folder
    /// was selected, else one more for every 64 that have not.
    ///
    /// Not with SEARCH: a server may answer FETCH or SEARCH from stale data, but corrects a FETCH in the same answer.
    pub(super) fn look(&mut self, doing: Step, traces: &[MailTrace]) -> Result<Look, Fault> {
        let proven = self.prove(doing, traces)?;
        let meant: BTreeSet<Uid> = traces.iter().map(|trace| trace.uid).collect();
        let others: BTreeSet<Uid> = meant
            .iter()
            .filter(|uid| self.seen.contains_key(uid) && !proven.uids.contains(uid))
            .copied()
            .collect();
        let renumbered = self.line.renumbered();
        let Marked { mut flags, mut keywords, numbers } =
            self.flags_and_keywords(doing, &Vec::from_iter(proven.uids.iter().copied()))?;
        self.numbers = Numbers::of(&numbers, renumbered);
        // A server may send messages that were not requested.
        flags.retain(|uid, _| proven.uids.contains(uid));
        keywords.retain(|uid, _| proven.uids.contains(uid));
        let silent: Vec<Uid> =
            meant.iter().filter(|uid| !flags.contains_key(uid) && !others.contains(uid)).copied().collect();
        let unshown = self.present(&silent)?;
        let shown: BTreeSet<Uid> = flags.keys().copied().collect();
        Ok(Look { proven: proven.only(&shown), flags, keywords, others, unshown })
    }

    /// Proves which of `traces` are in the open folder. No round trip if all have been read since it was selected.
    pub(super) fn prove(&mut self, doing: Step, traces: &[MailTrace]) -> Result<Proven, Fault> {
        let here = self.here(doing)?;
        let unread: Vec<Uid> =
            traces.iter().map(|trace| trace.uid).filter(|uid| !self.seen.contains_key(uid)).collect();
        if !unread.is_empty() {
            self.sightings(doing, &unread, &mut |_, _| {})?;
        }
        let same = |trace: &&MailTrace| self.seen.get(&trace.uid) == Some(&trace.identity);
        let uids = traces.iter().filter(same).map(|trace| trace.uid).collect();
        Ok(Proven { folder: here.folder, selection: here.selection, uids })
    }

    /// Records the identity of a message of the open folder, which was just read.
    pub(super) fn note_seen(&mut self, uid: Uid, identity: MailIdentity) {
        self.seen.insert(uid, identity);
    }

    /// The same for messages read in a flight, but those in whose command's answer something could not be read.
    pub(super) fn note_clear(&mut self, read: Vec<(Uid, MailIdentity)>, doubtful: &BTreeSet<Uid>) {
        self.seen.extend(read.into_iter().filter(|(uid, _)| !doubtful.contains(uid)));
    }

    /// Rejects a proof from an earlier selection: the last barrier before a command that changes messages.
    pub(super) fn require(&self, doing: Step, proven: &Proven) -> Result<Subject, Fault> {
        let on =
            Subject::Mails { folder: proven.folder.clone(), uids: proven.uids.iter().copied().collect() };
        match &self.open {
            Some(open) if open.selection == proven.selection => Ok(on),
            _ => Err(Fault::of(doing, &on, Cause::Void)),
        }
    }
}

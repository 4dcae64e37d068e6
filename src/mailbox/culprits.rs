//! The messages that the server cannot show, and why; and those over whose answer a session ended.
//!
//! Values. Owns how many commands a sweep may spend on finding them, and how a session parts the messages over which an earlier one
//! ended. Kept by `session`, filled by `asking`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::refusal::Refusal;
use crate::place::{Folder, Uid, UidValidity};

/// How many commands a sweep may spend on finding messages that the server cannot show.
const PARTS: u32 = 64;
/// In so many commands are asked for the messages over which a session ended.
const PIECES: usize = 8;

/// Messages over whose answer a session ended. The next session asks for them in parts, until one stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspects {
    folder: Folder,
    validity: UidValidity,
    uids: Vec<Uid>,
}

impl Suspects {
    /// These messages of a folder.
    pub(super) fn of(folder: &Folder, validity: UidValidity, uids: Vec<Uid>) -> Self {
        Self { folder: folder.clone(), validity, uids }
    }

    /// Are there any among these messages of a folder?
    pub(super) fn among(&self, folder: &Folder, validity: UidValidity, uids: &[Uid]) -> bool {
        self.folder == *folder && self.validity == validity && self.uids.iter().any(|uid| uids.contains(uid))
    }

    /// Splits messages into those that are not suspect, and parts of those that are.
    pub(super) fn parted(&self, uids: &[Uid]) -> (Vec<Uid>, Vec<Vec<Uid>>) {
        let suspect: BTreeSet<Uid> = self.uids.iter().copied().collect();
        let (suspect, others): (Vec<Uid>, Vec<Uid>) = uids.iter().partition(|uid| suspect.contains(uid));
        let size = suspect.len().div_ceil(PIECES).max(1);
        (others, suspect.chunks(size).map(<[Uid]>::to_vec).collect())
    }

    /// The message that stands alone, if it does.
    pub(super) fn alone(&self) -> Option<Uid> {
        match self.uids.as_slice() {
            [uid] => Some(*uid),
            _ => None,
        }
    }
}

/// The messages that the server could not show in this sweep.
#[derive(Debug)]
pub(super) struct Culprits {
    /// How many commands may still be spent on finding more of them.
    pub(super) left: u32,
    /// How many parts failed one after the other.
    pub(super) in_vain: u32,
    /// Why the server did not show them, by their UIDs in the open folder.
    pub(super) why: BTreeMap<Uid, String>,
    /// Messages over which an earlier session ended.
    pub(super) suspects: Option<Suspects>,
    /// Messages that were asked for and whose answer has not come.
    pub(super) in_flight: Option<Suspects>,
}

impl Default for Culprits {
    fn default() -> Self {
        Self { left: PARTS, in_vain: 0, why: BTreeMap::new(), suspects: None, in_flight: None }
    }
}

impl Culprits {
    /// Begins a sweep: as many commands as ever may be spent.
    pub(super) fn begin(&mut self) {
        self.left = PARTS;
    }

    /// Forgets them, since another folder is open.
    pub(super) fn forget(&mut self) {
        self.why.clear();
    }

    /// Is there none?
    pub(super) fn is_clear(&self) -> bool {
        self.why.is_empty()
    }

    /// Forgets those of `uids`: what was asked of them has come, or they are gone.
    pub(super) fn clear(&mut self, uids: &[Uid]) {
        uids.iter().for_each(|uid| drop(self.why.remove(uid)));
    }

    pub(super) fn note(&mut self, uids: &[Uid], why: &Failure) {
        self.why.extend(uids.iter().map(|uid| (*uid, why.to_string())));
    }
}

/// Why a FETCH did not show everything.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Unclear(&'static str),
    /// A session ended over it.
    Deadly,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Deadly => f.write_str("the connection broke down over its answer"),
            Self::Unclear(why) => write!(f, "its answer could not be read: {why}"),
        }
    }
}

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

/// How many sessions have to end over a message that stands alone, until it is not asked for any more: a connection may be lost for
/// other reasons.
const DEATHS: u32 = 3;

/// Messages of a folder that are asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asking {
    pub(super) folder: Folder,
    pub(super) validity: UidValidity,
    /// What of them: a server may hang up over a body, and show the header.
    pub(super) items: String,
    pub(super) uids: BTreeSet<Uid>,
}

/// Messages over whose answer sessions ended. The next session asks for them in parts, until one stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Those among which it must be.
    parting: Option<Asking>,
    /// How many sessions ended over them, if they are one.
    deaths: u32,
    /// Those that were found. They are not asked for any more.
    found: BTreeSet<Asking>,
    /// A session ended since the server stalled on several commands.
    slow: bool,
}

impl Suspects {
    /// Is no message suspect?
    pub fn is_empty(&self) -> bool {
        self.parting.is_none() && self.found.is_empty()
    }

    /// Has the server stalled on several commands?
    pub(super) fn is_slow(&self) -> bool {
        self.slow
    }

    pub(super) fn note_slow(&mut self) {
        self.slow = true;
    }

    /// A session ended while these were asked for.
    pub(super) fn died_over(&mut self, asking: Asking) {
        let is_alone = asking.uids.len() == 1;
        self.deaths = match &self.parting {
            Some(parting) if is_alone && *parting == asking => self.deaths + 1,
            _ => u32::from(is_alone),
        };
        if self.deaths >= DEATHS {
            self.found.insert(asking);
            (self.parting, self.deaths) = (None, 0);
        } else {
            self.parting = Some(asking);
        }
    }

    /// Those of a folder's messages that were found.
    pub(super) fn found_among(&self, folder: &Folder, validity: UidValidity, uids: &[Uid]) -> Vec<Uid> {
        let here = |one: &&Asking| one.folder == *folder && one.validity == validity;
        let found: BTreeSet<Uid> =
            self.found.iter().filter(here).flat_map(|one| one.uids.iter().copied()).collect();
        uids.iter().copied().filter(|uid| found.contains(uid)).collect()
    }

    /// Takes those that are suspect out of a folder's messages of which `items` are asked for, in parts.
    pub(super) fn part(
        &self,
        folder: &Folder,
        validity: UidValidity,
        items: &str,
        uids: &mut Vec<Uid>,
    ) -> Vec<Vec<Uid>> {
        let is_asked =
            |one: &&Asking| one.folder == *folder && one.validity == validity && one.items == items;
        let Some(parting) = self.parting.as_ref().filter(is_asked) else { return Vec::new() };
        let suspect: Vec<Uid> = uids.iter().copied().filter(|uid| parting.uids.contains(uid)).collect();
        uids.retain(|uid| !parting.uids.contains(uid));
        suspect.chunks(suspect.len().div_ceil(PIECES).max(1)).map(<[Uid]>::to_vec).collect()
    }

    /// The answer about those that were asked for in parts has come.
    pub(super) fn acquit(&mut self) {
        (self.parting, self.deaths) = (None, 0);
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
    pub(super) suspects: Suspects,
    /// Messages that were asked for and whose answer has not come.
    pub(super) in_flight: Option<Asking>,
}

impl Default for Culprits {
    fn default() -> Self {
        Self { left: PARTS, in_vain: 0, why: BTreeMap::new(), suspects: Suspects::default(), in_flight: None }
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

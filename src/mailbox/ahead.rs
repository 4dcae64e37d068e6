//! What a session has read ahead of the question: of new messages, and of the folders that they may go to.
//!
//! A value. Each thing is used once, and all of it is dropped when a folder is opened. Kept by `session`, filled by `revisit` and
//! `asking`, used by `fetch` and `plan`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::head::{Head, PartOfHead};
use super::landing::Landing;
use super::response::StatusOf;
use crate::place::{Folder, Uid};

/// So many bytes of a message are read ahead.
pub(super) const BYTES: u32 = 64 << 10;
/// Of so many folders it is asked ahead where the next message lands.
const TARGETS: usize = 4;

/// What was read ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Of these UIDs everything was read that exists.
    pub(super) known: Range<u32>,
    pub(super) heads: BTreeMap<Uid, PartOfHead>,
    /// With the message's size.
    pub(super) bodies: BTreeMap<Uid, (u32, Vec<u8>)>,
    /// Messages to ask for beside the next ones, and what of them.
    pub(super) beside: Option<(Vec<Uid>, String)>,
    /// The folders that messages may go to.
    targets: Vec<Folder>,
    landings: BTreeMap<Folder, Landing>,
}

impl Ahead {
    /// For a sweep that may move messages to these folders; none if they are too many to ask about.
    pub(super) fn for_targets(targets: &[Folder]) -> Self {
        let targets = if targets.len() <= TARGETS { targets.to_vec() } else { Vec::new() };
        Self { targets, ..Self::default() }
    }

    /// The folders that messages may go to.
    pub(super) fn targets(&self) -> &[Folder] {
        &self.targets
    }

    /// The targets of which it is not known where the next message lands.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &Folder> {
        self.targets.iter().filter(|folder| !self.landings.contains_key(folder))
    }

    /// Notes the state of a folder; `names` are the server's names.
    pub(super) fn note_landing(&mut self, names: &BTreeMap<String, Folder>, state: StatusOf) {
        if let (Some(folder), Some(validity), Some(next)) =
            (names.get(&state.name), state.validity, state.next)
        {
            self.landings.insert(folder.clone(), Landing { validity, next });
        }
    }

    /// The heads of these messages, if they were read.
    pub(super) fn take_heads(&mut self, uids: &[Uid]) -> Option<Vec<Head>> {
        let covered = |uid: &Uid| self.known.contains(&uid.0);
        if uids.is_empty() || !uids.iter().all(covered) {
            return None;
        }
        Some(uids.iter().filter_map(|uid| self.heads.remove(uid)?.head(*uid)).collect())
    }

    /// The beginning of a message with its size, if it was read and nothing is missing of its first `limit` bytes.
    pub(super) fn take_body(&mut self, uid: Uid, limit: u32) -> Option<(u32, Vec<u8>)> {
        let (size, body) = self.bodies.remove(&uid)?;
        let is_all = body.len() < BYTES as usize || limit <= BYTES;
        is_all.then_some((size, body))
    }

    /// Where the next message lands in a folder, left for [`Ahead::take_landing`].
    pub(super) fn landing(&self, folder: &Folder) -> Option<Landing> {
        self.landings.get(folder).copied()
    }

    /// Where the next message lands in a folder. Messages may have landed there since it was asked: as a lower bound it still
    /// holds.
    pub(super) fn take_landing(&mut self, folder: &Folder) -> Option<Landing> {
        self.landings.remove(folder)
    }
}

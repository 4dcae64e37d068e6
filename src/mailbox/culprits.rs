//! The messages of the open folder that the server cannot show, and why.
//!
//! Values. Owns how many commands a sweep may spend on finding them. Kept by `session`, filled by `asking`.

use std::collections::BTreeMap;
use std::fmt;

use super::refusal::Refusal;
use crate::place::Uid;

/// How many commands a sweep may spend on finding messages that the server cannot show.
const PARTS: u32 = 64;

/// The messages that the server could not show in this sweep.
#[derive(Debug)]
pub(super) struct Culprits {
    /// How many commands may still be spent on finding more of them.
    pub(super) left: u32,
    /// How many parts failed one after the other.
    pub(super) in_vain: u32,
    /// Why the server did not show them, by their UIDs in the open folder.
    pub(super) why: BTreeMap<Uid, String>,
}

impl Default for Culprits {
    fn default() -> Self {
        Self { left: PARTS, in_vain: 0, why: BTreeMap::new() }
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

    pub(super) fn note(&mut self, uids: &[Uid], why: &Failure) {
        self.why.extend(uids.iter().map(|uid| (*uid, why.to_string())));
    }
}

/// Why a FETCH did not show everything.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Unclear(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unclear(why) => write!(f, "its answer could not be read: {why}"),
        }
    }
}

//! What a sweep tells of: each mail it dealt with, and the sums.

use crate::assess::Assessment;
use crate::place::{Folder, MailRef, Uid};

/// One mail that was assessed, and how that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Dealt {
    /// Where it was.
    pub mail: MailRef,
    /// Its subject, one line.
    pub subject: String,
    /// Its Message-ID, one line; what its sender chose, for people to find it by.
    pub message_id: Option<String>,
    /// What it is, what the rules say of it, and what was to be done.
    pub assessment: Assessment,
    /// What was done.
    pub end: End,
}

/// How it ended for a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays as it was: nothing else was to be done.
    Stays,
    /// It stays as it was, since this sweep only looks.
    Observed,
    /// It stays, since its reader has put it back once.
    PutBack,
    /// It stays and was marked.
    Marked,
    /// It was moved.
    Moved {
        /// Where to.
        to: Folder,
        /// Its UID there, if the server told.
        uid: Option<Uid>,
    },
    /// It was to be moved and is where it was; why.
    Left(String),
    /// It was to be moved, and is gone: somebody else was faster.
    Gone,
    /// Assessing it failed, by a fault of ours; it stays.
    Failed,
}

/// The sums of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Mails whose From and Subject were looked at.
    pub looked_at: usize,
    /// Those that were read, since they could be notifications.
    pub plausible: usize,
    /// Those that were.
    pub recognised: usize,
    /// Those that seemed to be, and could not be read in full.
    pub incomplete: usize,
    /// Those that were moved.
    pub moved: usize,
    /// Those that stay and were marked.
    pub marked: usize,
    /// Those that were to be moved and were not.
    pub left: usize,
    /// Moves of an earlier session that were settled first.
    pub settled: usize,
    /// Round trips to the server.
    pub turns: u32,
}

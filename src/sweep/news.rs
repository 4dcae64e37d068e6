//! What a sweep reports: each message it dealt with, what is in its way, its progress, and the sums. The sentences are from
//! `report`.

use crate::assess::Assessment;
use crate::ledger::{Limit, Stay};
use crate::mailbox::Obstacle;
use crate::place::{Folder, MailRef, Uid};
use crate::rules::list::load::Doubt;
use crate::settings::Backlog;

/// Something that a sweep reports while it is at work.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A message was dealt with.
    Mail(Box<Dealt>),
    /// Something is wrong with a folder: nothing can be done with its messages, or with those that are to go there.
    Trouble {
        /// The folder.
        folder: Folder,
        /// What is wrong with it.
        words: String,
        /// The folders that there are; none where that cannot be found out.
        folders: Vec<Folder>,
    },
    /// Of a folder of sent messages that a list asks for, the last copy of its people stays in use.
    SentStale {
        /// The folder.
        folder: Folder,
        /// Why what was read of it is not believed; nothing where it could not be read.
        doubt: Option<Doubt>,
        /// The folders that there are, where it could not be read.
        folders: Vec<Folder>,
    },
    /// These folders are looked at for the first time.
    FirstLook {
        /// The folders.
        folders: Vec<Folder>,
        /// Where that begins.
        backlog: Backlog,
    },
    /// The progress of a long look through a folder.
    Progress {
        /// The folder.
        folder: Folder,
        /// How many of its messages were looked at.
        looked_at: usize,
        /// The part of the look that is done, from 0 to 1.
        part: f64,
    },
    /// The server says that messages are there and does not show them; they are asked for again later.
    Unshown {
        /// The folder.
        folder: Folder,
        /// Their UIDs.
        uids: Vec<Uid>,
    },
    /// A folder was restored from a backup: remembered UIDs mean nothing any more.
    Restored {
        /// The folder.
        folder: Folder,
    },
    /// A move was interrupted, and it is uncertain which message is its original: nothing was removed.
    Uncertain {
        /// Where the original was.
        mail: MailRef,
    },
    /// What became of an interrupted move cannot be found out just now, since a folder cannot be opened; the next sweep tries again.
    NotNow {
        /// Where the original was.
        mail: MailRef,
        /// Where it was to go.
        to: Folder,
    },
    /// So many messages came back at once that nothing is learned from them until the user confirms it.
    TooMany {
        /// How many.
        messages: usize,
    },
    /// The fuse holds messages back. Reported once, until it holds none any more.
    HeldBack {
        /// How many.
        mails: u64,
        /// By which limit.
        by: Limit,
        /// How many moves that allows.
        most: u16,
    },
}

/// A message that was assessed, and how that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Dealt {
    /// Where it was.
    pub mail: MailRef,
    /// What it is, what the rules say of it, and what was to be done.
    pub assessment: Assessment,
    /// What was done.
    pub end: End,
}

/// How it ended for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays as it was: nothing else was to be done.
    Stays,
    /// It stays as it was, since this sweep only looks.
    Observed,
    /// It stays for ever, since it was filed once and is here again.
    Kept(Stay),
    /// It stays, and is moved later: the fuse holds it back.
    Waits,
    /// It stays and was marked.
    Marked,
    /// It was moved.
    Moved {
        /// Where to.
        to: Folder,
        /// The keywords that the folder would not keep.
        unkept: Vec<String>,
    },
    /// It was to be moved or marked and is as it was; why.
    Left(Obstacle),
    /// It was to be moved, and is gone: somebody else was faster.
    Gone,
    /// Assessing it failed, by a fault of ours; it stays.
    Failed,
    /// The process died twice while it assessed this message; it stays unread.
    Deadly,
}

/// The sums of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages whose From and Subject were looked at.
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
    /// Those that could not be moved or marked, and are not tried again.
    pub left: usize,
    /// Those that the server says are there and does not show.
    pub unshown: usize,
    /// Those that were to be moved or marked and were gone: somebody else was faster.
    pub gone: usize,
    /// Those that could not be assessed, by a fault of ours.
    pub failed: usize,
    /// Those that the fuse holds back.
    pub waiting: usize,
    /// Moves of an earlier session that were settled first.
    pub settled: usize,
    /// Folders with which something is wrong.
    pub troubles: usize,
    /// Round trips to the server.
    pub turns: u32,
}

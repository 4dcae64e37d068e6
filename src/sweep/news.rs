//! What a sweep reports: each message it dealt with, what is in its way, its progress, and the sums. `report` puts it
//! into sentences.

use super::digest::DigestEnd;
use crate::assess::Assessment;
use crate::ledger::{Gap, Limit, Stay};
use crate::mail::FollowerKey;
use crate::mailbox::Obstacle;
use crate::place::{AccountName, Folder, MailRef, Uid};
use crate::rules::list::load::Doubt;
use crate::settings::Backlog;

/// Something that a sweep reports while it is at work.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A message was dealt with.
    Mail(Box<Dealt>),
    /// Messages are put back at the user's request.
    PutBack {
        /// How many have been dealt with.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// A folder cannot be used: nothing can be done with its messages, or with those that are to go there.
    Trouble {
        /// The folder.
        folder: Folder,
        /// What is wrong with it.
        words: String,
        /// The existing folders; none if they cannot be listed.
        folders: Vec<Folder>,
    },
    /// The last copy of the people of a folder of sent messages stays in use.
    SentStale {
        /// The folder.
        folder: Folder,
        /// Why followsift does not trust what it read; `None` if the folder could not be read.
        doubt: Option<Doubt>,
        /// The existing folders, if it could not be read.
        folders: Vec<Folder>,
    },
    /// These folders are looked at for the first time.
    FirstLook {
        /// The folders.
        folders: Vec<Folder>,
        /// Where that begins.
        backlog: Backlog,
    },
    /// The ledger does not know the account, although messages were filed before, or lacks moves and put-backs: what arrived until
    /// now is only observed.
    Observing {
        /// The account.
        account: AccountName,
        /// Why, if the account is not new to the ledger.
        gap: Option<Gap>,
        /// The folders to which messages were filed of which the ledger did not know.
        folders: Vec<Folder>,
        /// How many notifications in them are remembered as filed from now on.
        filed: usize,
    },
    /// The account has another name in the settings than before: its memory went with it.
    Renamed {
        /// Its former name.
        from: AccountName,
        /// Its present one.
        to: AccountName,
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
        /// Why, if the server said so or its answer could not be read.
        why: Option<String>,
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
    /// The user filed messages by hand: their followers are unwelcome from now on.
    HandFiled {
        /// How many, without those about followers whom the user knows.
        messages: usize,
        /// Followers of others of these messages, whom the user knows: they stay known.
        known: Vec<FollowerKey>,
    },
    /// So many messages were filed at once that a program did it: nothing is learned from them.
    TooManyFiled {
        /// How many.
        messages: usize,
    },
    /// A digest was due.
    Digest {
        /// The day on which it was.
        period: String,
        /// What became of it.
        end: DigestEnd,
    },
    /// The fuse holds messages back. Reported once, until it holds none any more.
    HeldBack {
        /// How many.
        messages: u64,
        /// The limit that holds them back.
        by: Limit,
        /// How many moves that allows.
        most: u16,
    },
}

/// A message that was assessed, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dealt {
    /// Where it was.
    pub mail: MailRef,
    /// What it is, what the rules say about it, and what was to be done.
    pub assessment: Assessment,
    /// What was done.
    pub end: End,
}

/// What became of a message.
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
    /// It stays for now: the answer of a look-up may decide it.
    WaitsForLookUp,
    /// It stays until the user says otherwise: it was there before the ledger.
    Unsure,
    /// It stays and was marked.
    Marked,
    /// It was moved.
    Moved {
        /// Where to.
        to: Folder,
        /// The keywords that the folder would not keep.
        unkept: Vec<String>,
    },
    /// It was to be moved or marked and is as it was, for this reason.
    Left(Obstacle),
    /// It was to be moved, and is gone: another program moved or deleted it first.
    Gone,
    /// Assessing it failed, because of a bug in followsift; it stays.
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
    /// Those that were to be moved or marked and were gone before that.
    pub gone: usize,
    /// Those that could not be assessed, because of a bug in followsift.
    pub failed: usize,
    /// Those that the fuse holds back.
    pub waiting: usize,
    /// Moves of an earlier session that were settled first.
    pub settled: usize,
    /// Folders that cannot be used.
    pub troubles: usize,
    /// Round trips to the server.
    pub turns: u32,
}

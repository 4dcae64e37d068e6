//! The outcome of moves: what became of each message, and why.
//!
//! Values only, and the only types for it. Made by `moves` and `copies`, and by `settle` for moves of an earlier session; read
//! by `sweep`, which records them in the ledger's form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::place::{Folder, MailIdentity, Uid, UidValidity};

/// The outcome of a message that was to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is in the target; in the source it is gone or marked \Deleted.
    Moved {
        /// Its UID in the target, if known.
        uid: Option<Uid>,
    },
    /// It is where it was.
    Left(Obstacle),
    /// It is in neither folder: another program moved or deleted it meanwhile.
    Gone,
    /// It is not in the target, and the source was recreated or is gone, so nothing is known.
    Unknown,
}

impl Outcome {
    /// Is the result still unknown, so that the next session has to find out?
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Left(Obstacle::Unshown | Obstacle::NotNow))
    }
}

/// Why a message stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The user starred or answered it.
    Touched,
    /// The user marked it as deleted.
    Deleted,
    /// Its folder cannot be changed.
    ReadOnly,
    /// It is already in the target.
    SameFolder,
    /// The server refused; its words.
    Refused(String),
    /// Its arrival in the target could not be proven, so the original was not touched. It may be in both folders.
    Unproven,
    /// SEARCH finds it, but FETCH does not show it.
    Unshown,
    /// The server refused to open its folder or the target for now.
    NotNow,
    /// The result of an earlier move of it is not known yet.
    Unsettled,
    /// Its move was interrupted before it had arrived.
    Interrupted,
    /// Its move was interrupted, and it is uncertain whether the message in the source is the original or a twin.
    Uncertain {
        /// The copy's UID in the target, where it stays since the original may be gone; `None` if it was taken back.
        copy: Option<Uid>,
    },
    /// The user removed the \Deleted that we had set, so they want it where it was. Our copy was taken back.
    PutBack,
    /// The \Deleted that we had set is gone, and so is our copy: the user put it back, or a backup was restored.
    LiveAgain,
    /// It was filed before, and the server does not show whether its copy is still there.
    CopyUnseen,
    /// An earlier move copied it, and the original could not be removed.
    CopiedBefore,
    /// The server changes messages when it copies them. Our copy was taken back.
    Altered,
    /// Another message has its UID now: the folder was restored from a backup.
    Replaced,
    /// A copy is in the target under this UID, but the original could not be removed.
    Doubled {
        /// The copy's UID.
        copy: Uid,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touched => f.write_str("it was starred or answered"),
            Self::Deleted => f.write_str("it was marked as deleted"),
            Self::ReadOnly => f.write_str("its folder is read-only"),
            Self::SameFolder => f.write_str("it is already in that folder"),
            Self::Refused(words) => f.write_str(words),
            Self::Unproven => f.write_str("its arrival could not be proven; it may be in both folders"),
            Self::Unshown => f.write_str("the server does not show it; followsift retries later"),
            Self::NotNow => f.write_str("its folders cannot be opened at the moment"),
            Self::Unsettled => f.write_str("an interrupted move of it is not settled yet"),
            Self::Interrupted => f.write_str("its move was interrupted"),
            Self::Uncertain { .. } => {
                f.write_str("its move was interrupted, and it is uncertain whether this is the original")
            }
            Self::PutBack => f.write_str("it was put back"),
            Self::LiveAgain => f.write_str("it was put back, or a backup was restored"),
            Self::CopyUnseen => f.write_str(
                "it was filed before, and the server does not show whether its copy is still there",
            ),
            Self::CopiedBefore => f.write_str("it was copied before, but the original could not be removed"),
            Self::Altered => {
                f.write_str("the server changes messages when it copies them; followsift removed the copy")
            }
            Self::Replaced => f.write_str("another message has its UID now"),
            Self::Doubled { copy } => {
                write!(f, "it was copied (uid {copy}), but the original could not be removed")
            }
        }
    }
}

/// The outcome of one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Relocated {
    /// The target; under its new name if it was renamed meanwhile.
    pub to: Folder,
    /// The target's UIDVALIDITY, to which the UIDs in `outcomes` belong.
    pub validity: UidValidity,
    /// The outcome of each message, by its UID in the source.
    pub outcomes: BTreeMap<Uid, Outcome>,
    /// The identities of copies whose size differs from that of the original, by the UID in the source.
    pub resized: BTreeMap<Uid, MailIdentity>,
    /// The keywords that the messages lost in the target, by the UID in the source.
    pub unkept: BTreeMap<Uid, BTreeSet<String>>,
    /// Moved messages that arrived starred or answered: the user marked them at the last moment.
    pub touched: BTreeSet<Uid>,
}

//! What became of messages that were to be moved: the one vocabulary for it.
//!
//! Values only. Made by `moves` and `copies`, and by `settle` for moves of an earlier session; read by `sweep`, which writes it
//! down in the ledger's form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::place::{Folder, Uid, UidValidity};

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is in the target, under this UID if the server told, and no longer (or marked \Deleted) in the source.
    Moved {
        /// Its UID in the target.
        uid: Option<Uid>,
    },
    /// It is where it was.
    Left(Reason),
    /// It is in neither: somebody else moved or deleted it meanwhile.
    Gone,
    /// It is not in the target; and the source is another folder by now, so that nothing is known of it.
    Unknown,
}

impl Outcome {
    /// Is it still open what became of it, so that the next session has to find out?
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Left(Reason::Unshown | Reason::NotNow))
    }
}

/// Why a mail is left where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user starred or answered it.
    Touched,
    /// The user marked it as deleted.
    Deleted,
    /// Its folder cannot be changed.
    ReadOnly,
    /// The target is the folder it is in.
    SameFolder,
    /// The server will not; its words.
    Refused(String),
    /// Its arrival in the target could not be proven, so the original was not touched. It may be in both.
    Unproven,
    /// The server says that it is there, and does not show it.
    Unshown,
    /// The server would not let its folder or the target be looked into just now.
    NotNow,
    /// It is not known yet what became of an earlier move of it.
    Unsettled,
    /// Its move was interrupted before it had arrived.
    Interrupted,
    /// Its move was interrupted, and it cannot be told whether the message that is there is the original or a twin.
    Uncertain {
        /// The copy's UID in the target, where it stays since it may be all that is left of the original; `None` where it
        /// was taken back.
        copy: Option<Uid>,
    },
    /// The user took away the mark \Deleted that we had set: they want it where it was. Our copy was taken back.
    PutBack,
    /// The mark \Deleted that we had set is gone, and so is our copy: the user put it back, or a backup did.
    LiveAgain,
    /// It was filed before, and whether its copy is still there cannot be seen just now.
    CopyUnseen,
    /// It was copied by an earlier move, and could not be removed here.
    CopiedBefore,
    /// Another message has its UID by now: the folder was restored from a backup.
    Replaced,
    /// A copy is in the target under this UID, but the original could not be removed.
    Doubled {
        /// The copy's UID.
        copy: Uid,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touched => f.write_str("it was starred or answered"),
            Self::Deleted => f.write_str("it was marked as deleted"),
            Self::ReadOnly => f.write_str("its folder is read-only"),
            Self::SameFolder => f.write_str("it is there already"),
            Self::Refused(words) => f.write_str(words),
            Self::Unproven => f.write_str("its arrival could not be proven; it may be there and here"),
            Self::Unshown => f.write_str("the server does not show it; followsift tries again later"),
            Self::NotNow => f.write_str("its folders cannot be looked into just now"),
            Self::Unsettled => f.write_str("an interrupted move of it is not settled yet"),
            Self::Interrupted => f.write_str("its move was interrupted"),
            Self::Uncertain { .. } => {
                f.write_str("its move was interrupted, and it cannot be told whether it is the original")
            }
            Self::PutBack => f.write_str("it was put back"),
            Self::LiveAgain => f.write_str("it was put back, or a backup was"),
            Self::CopyUnseen => f.write_str(
                "it was filed before, and the server does not show just now whether its copy is still there",
            ),
            Self::CopiedBefore => f.write_str("it was copied once, and could not be removed here"),
            Self::Replaced => f.write_str("another message has its number by now"),
            Self::Doubled { copy } => {
                write!(f, "it was copied (uid {copy}), but the original could not be removed")
            }
        }
    }
}

/// What became of the mails of one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Relocated {
    /// Where they were to go; if that folder was renamed meanwhile, as it is called now.
    pub to: Folder,
    /// The UIDVALIDITY there, to which the UIDs in `outcomes` belong.
    pub validity: UidValidity,
    /// What became of each, by its UID in the source.
    pub outcomes: BTreeMap<Uid, Outcome>,
    /// The keywords that the target could not be made to keep, by the UID in the source.
    pub unkept: BTreeMap<Uid, BTreeSet<String>>,
    /// Messages that were moved, and that the user starred or answered at the last moment: they arrived so marked.
    pub touched: BTreeSet<Uid>,
}

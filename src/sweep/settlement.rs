//! Turns what became of a message that was to be moved into the ledger's form.
//!
//! Owns the step from the mailbox's outcome to the ledger's, and the decision whether to try again. Called by `file`,
//! `returns` and `recover`.

use crate::ledger::{Delay, Settlement};
use crate::mailbox::{Obstacle, Outcome};

impl From<&Outcome> for Settlement {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Moved { uid } => Self::Moved { uid: *uid },
            // With a copy in both places, moving it once more would make a third.
            Outcome::Left(Obstacle::Doubled { copy } | Obstacle::Uncertain { copy: Some(copy) }) => {
                Self::Doubled { uid: *copy }
            }
            Outcome::Left(Obstacle::Altered) => Self::Altered,
            Outcome::Left(_) => Self::Left,
            Outcome::Gone => Self::Gone,
            Outcome::Unknown => Self::InDoubt,
        }
    }
}

/// Why the message is tried again later, if it is. A message that may have been copied is not, or each try would leave
/// one more copy.
pub(super) fn delay(outcome: &Outcome) -> Option<Delay> {
    match outcome {
        // A server that refused may agree later: a quota is raised, a right is granted.
        Outcome::Left(Obstacle::Refused(_) | Obstacle::ReadOnly) => Some(Delay::Refused),
        // The cursor may have passed it; one that was put back is recognised when it is looked at.
        Outcome::Unknown
        | Outcome::Left(
            Obstacle::Interrupted
            | Obstacle::Uncertain { copy: None }
            | Obstacle::PutBack
            | Obstacle::LiveAgain,
        ) => Some(Delay::Interrupted),
        Outcome::Moved { .. }
        | Outcome::Gone
        | Outcome::Left(
            Obstacle::Touched
            | Obstacle::Deleted
            | Obstacle::SameFolder
            | Obstacle::Unproven
            | Obstacle::Unshown
            | Obstacle::NotNow
            | Obstacle::Unsettled
            | Obstacle::Uncertain { copy: Some(_) }
            | Obstacle::Doubled { .. }
            | Obstacle::CopyUnseen
            | Obstacle::CopiedBefore
            | Obstacle::Altered
            | Obstacle::Replaced,
        ) => None,
    }
}

/// Could the message not be moved or marked, and does it stay although the user did not want that? Where it was put off, it is
/// tried again instead.
pub(super) fn is_stuck(reason: &Obstacle) -> bool {
    match reason {
        Obstacle::Refused(_)
        | Obstacle::ReadOnly
        | Obstacle::Unproven
        | Obstacle::Uncertain { .. }
        | Obstacle::CopiedBefore
        | Obstacle::Altered
        | Obstacle::Doubled { .. } => true,
        // The user wants it there, or it is not the message any more; or it is counted elsewhere.
        Obstacle::Touched
        | Obstacle::Deleted
        | Obstacle::SameFolder
        | Obstacle::Replaced
        | Obstacle::Unshown
        | Obstacle::NotNow
        | Obstacle::Unsettled
        | Obstacle::Interrupted
        | Obstacle::PutBack
        | Obstacle::LiveAgain
        | Obstacle::CopyUnseen => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Uid;

    #[test]
    fn what_may_have_been_copied_is_written_down_as_such_and_not_tried_again() {
        let copy = Uid(9);
        for (outcome, settlement, why) in [
            (Outcome::Moved { uid: None }, Settlement::Moved { uid: None }, None),
            (Outcome::Left(Obstacle::Doubled { copy }), Settlement::Doubled { uid: copy }, None),
            (
                Outcome::Left(Obstacle::Uncertain { copy: Some(copy) }),
                Settlement::Doubled { uid: copy },
                None,
            ),
            (Outcome::Left(Obstacle::Uncertain { copy: None }), Settlement::Left, Some(Delay::Interrupted)),
            (Outcome::Left(Obstacle::Altered), Settlement::Altered, None),
            (Outcome::Left(Obstacle::Unproven), Settlement::Left, None),
            (Outcome::Left(Obstacle::Touched), Settlement::Left, None),
            (Outcome::Left(Obstacle::ReadOnly), Settlement::Left, Some(Delay::Refused)),
            (Outcome::Left(Obstacle::Interrupted), Settlement::Left, Some(Delay::Interrupted)),
            (Outcome::Gone, Settlement::Gone, None),
            (Outcome::Unknown, Settlement::InDoubt, Some(Delay::Interrupted)),
        ] {
            assert_eq!((Settlement::from(&outcome), delay(&outcome)), (settlement, why), "{outcome:?}");
        }
    }
}

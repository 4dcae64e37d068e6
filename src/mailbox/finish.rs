//! Decides how to finish an interrupted move whose copy is proven.
//!
//! Pure. Owns the table of what to do with the original. Called by `settle`.

use super::flags::Flags;
use crate::place::MailTrace;

/// How far the removal of an original had come, as the ledger recorded it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Removal {
    /// Nothing was sent.
    #[default]
    None,
    /// STORE was about to be sent: we may have marked the original \Deleted.
    Sent,
    /// We had marked it \Deleted.
    Marked,
}

/// The original of an interrupted move, as followsift found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// Under its UID.
    Here(Flags),
    /// Under another UID, since its own is no longer valid: the only live message with its identity and arrival.
    Found(MailTrace, Flags),
    /// A message with its identity has another UID, and may not be the original.
    Doubtful,
    /// It is not in the source.
    Absent,
    /// It is not there, and the folder was recreated or is gone: nothing is known.
    Unknown,
    /// The server does not show it.
    Unshown,
}

/// How far a move had come, as the ledger recorded it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) removal: Removal,
    pub(super) by_move: bool,
    pub(super) touched_too: bool,
}

/// The action for a move whose copy is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// Nothing: only the copy is left.
    Nothing,
    /// Mark the original \Deleted, and remove it.
    Remove,
    /// Expunge the original, which we have marked \Deleted.
    Expunge,
    /// Take the copy back.
    Withdraw,
    /// Remove our \Deleted from the original, and take the copy back.
    Unmark,
    /// Leave both: the copy may be all that is left of the original.
    LeaveBoth,
    /// Retry in the next session.
    Wait,
}

/// Decides what to do with the original of a proven copy.
pub(super) fn finish(original: &Original, one: Progress) -> Finish {
    let Progress { removal, by_move, touched_too } = one;
    // After MOVE or EXPUNGE the original may be gone, and a message under another UID its twin.
    let may_be_gone = by_move || removal == Removal::Marked;
    let of = |flags: &Flags, found: bool| {
        let touched = flags.is_touched() && !touched_too;
        match (flags.deleted, removal) {
            // The user marked it, and we finish only our own mark.
            (true, Removal::None) => Finish::Nothing,
            (true, Removal::Sent | Removal::Marked) if touched && !found => Finish::Unmark,
            (true, Removal::Sent | Removal::Marked) => Finish::Expunge,
            (false, _) if found && may_be_gone && (touched || removal == Removal::Marked) => {
                Finish::LeaveBoth
            }
            (false, _) if touched => Finish::Withdraw,
            // We had marked it, and the mark is gone.
            (false, Removal::Marked) => Finish::Withdraw,
            (false, Removal::None | Removal::Sent) => Finish::Remove,
        }
    };
    match original {
        Original::Here(flags) => of(flags, false),
        Original::Found(_, flags) => of(flags, true),
        // We may have marked the original, and then the unmarked message is its twin.
        Original::Doubtful if may_be_gone || removal == Removal::Sent => Finish::LeaveBoth,
        Original::Doubtful => Finish::Withdraw,
        Original::Absent | Original::Unknown => Finish::Nothing,
        Original::Unshown => Finish::Wait,
    }
}

/// Should a copy of ours that differs from the original be taken back? Only if the original is certainly there.
pub(super) fn takes_altered_back(original: &Original, one: Progress) -> bool {
    match original {
        Original::Here(flags) => !flags.deleted,
        Original::Found(_, flags) => !flags.deleted && !one.by_move && one.removal != Removal::Marked,
        Original::Doubtful | Original::Absent | Original::Unknown | Original::Unshown => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::place::Uid;

    const LIVE: Flags =
        Flags { seen: false, answered: false, flagged: false, deleted: false, keywords: false };
    const STARRED: Flags = Flags { flagged: true, ..LIVE };
    const MARKED: Flags = Flags { deleted: true, ..LIVE };

    fn found(flags: Flags) -> Original {
        let identity = crate::place::MailIdentity { digest: crate::place::MailDigest::of(b""), size: 1 };
        Original::Found(MailTrace { uid: Uid(9), identity }, flags)
    }

    #[test]
    fn an_original_is_removed_only_if_nothing_prevents_it() {
        use Removal::{Marked, None, Sent};
        for (original, removal, wanted) in [
            (Original::Here(LIVE), None, Finish::Remove),
            (Original::Here(LIVE), Sent, Finish::Remove),
            // We had marked it, and the user removed the mark.
            (Original::Here(LIVE), Marked, Finish::Withdraw),
            (Original::Here(STARRED), None, Finish::Withdraw),
            (Original::Here(STARRED), Sent, Finish::Withdraw),
            // The user's own mark is not ours to finish.
            (Original::Here(MARKED), None, Finish::Nothing),
            (Original::Here(MARKED), Sent, Finish::Expunge),
            (Original::Here(MARKED), Marked, Finish::Expunge),
            (Original::Here(Flags { flagged: true, ..MARKED }), Marked, Finish::Unmark),
            (found(LIVE), None, Finish::Remove),
            (found(LIVE), Sent, Finish::Remove),
            // EXPUNGE may have been sent: the original may be gone, and this its twin.
            (found(LIVE), Marked, Finish::LeaveBoth),
            (Original::Doubtful, Sent, Finish::LeaveBoth),
            (found(STARRED), None, Finish::Withdraw),
            (found(MARKED), None, Finish::Nothing),
            (found(MARKED), Sent, Finish::Expunge),
            (Original::Doubtful, None, Finish::Withdraw),
            (Original::Absent, Sent, Finish::Nothing),
            (Original::Unknown, None, Finish::Nothing),
            (Original::Unshown, Sent, Finish::Wait),
        ] {
            let progress = Progress { removal, by_move: false, touched_too: false };
            assert_eq!(finish(&original, progress), wanted, "{original:?} {removal:?}");
        }
        let back = Progress { removal: None, by_move: true, touched_too: true };
        assert_eq!(finish(&Original::Here(STARRED), back), Finish::Remove);
        // After a MOVE the original may be gone, and a message with its identity a twin.
        let moved = Progress { removal: None, by_move: true, touched_too: false };
        for (original, wanted) in [
            (Original::Doubtful, Finish::LeaveBoth),
            (found(STARRED), Finish::LeaveBoth),
            (found(LIVE), Finish::Remove),
            (Original::Here(LIVE), Finish::Remove),
        ] {
            assert_eq!(finish(&original, moved), wanted, "{original:?}");
        }
    }

    fn flags() -> impl Strategy<Value = Flags> {
        any::<[bool; 5]>().prop_map(|[seen, answered, flagged, deleted, keywords]| Flags {
            seen,
            answered,
            flagged,
            deleted,
            keywords,
        })
    }

    fn originals() -> impl Strategy<Value = Original> {
        prop_oneof![
            flags().prop_map(Original::Here),
            flags().prop_map(found),
            Just(Original::Doubtful),
            Just(Original::Absent),
            Just(Original::Unknown),
            Just(Original::Unshown),
        ]
    }

    fn progress() -> impl Strategy<Value = Progress> {
        let removal = prop::sample::select(vec![Removal::None, Removal::Sent, Removal::Marked]);
        (removal, any::<bool>(), any::<bool>()).prop_map(|(removal, by_move, touched_too)| Progress {
            removal,
            by_move,
            touched_too,
        })
    }

    proptest! {
        #[test]
        fn an_altered_copy_is_taken_back_only_where_a_proven_one_could_be(
            original in originals(),
            progress in progress(),
        ) {
            if takes_altered_back(&original, progress) {
                let may_be_gone = progress.by_move || progress.removal == Removal::Marked;
                prop_assert!(matches!(finish(&original, progress), Finish::Withdraw | Finish::Remove));
                prop_assert!(matches!(original, Original::Here(_)) || !may_be_gone);
            }
        }

        /// Holds for every row of the table, whatever is known of the original and of the move.
        #[test]
        fn no_message_is_removed_that_the_user_wants_or_that_may_be_the_only_one(
            original in originals(),
            progress in progress(),
        ) {
            let Progress { removal, by_move, touched_too } = progress;
            let seen = match &original {
                Original::Here(flags) | Original::Found(_, flags) => Some(*flags),
                Original::Doubtful | Original::Absent | Original::Unknown | Original::Unshown => None,
            };
            let wanted = finish(&original, progress);
            match wanted {
                Finish::Remove => {
                    // Only a message that is there, is not marked, and was not touched unless that is allowed.
                    let flags = seen.unwrap();
                    prop_assert!(!flags.deleted && (touched_too || !flags.is_touched()));
                    prop_assert_ne!(removal, Removal::Marked);
                }
                Finish::Expunge | Finish::Unmark => {
                    // Only a mark that may be ours.
                    prop_assert!(seen.unwrap().deleted && removal != Removal::None);
                }
                Finish::Withdraw => {
                    // The copy is removed only if the original is there and not marked.
                    let may_be_gone = by_move || removal == Removal::Marked;
                    prop_assert!(seen.is_none_or(|flags| !flags.deleted));
                    prop_assert!(matches!(original, Original::Here(_)) || !may_be_gone);
                    prop_assert!(!matches!(original, Original::Absent | Original::Unknown | Original::Unshown));
                }
                Finish::LeaveBoth => prop_assert!(!matches!(original, Original::Here(_))),
                Finish::Wait => prop_assert_eq!(&original, &Original::Unshown),
                Finish::Nothing => prop_assert!(seen.is_none_or(|flags| flags.deleted)),
            }
        }
    }
}

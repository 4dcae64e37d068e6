//! Decides what became of a message that was to be moved, from what was seen of its original and of its copy.
//!
//! Pure. Two tables, one for MOVE and one for COPY, decide which copy is taken back and what is reported. Owns two rules: a
//! message whose original is in place was not moved, and a copy is taken back only if the original is in place or the copy is
//! known to be ours; a copy that differs from its original, only if the original is in place. Called by `moves` and `copies`.

use super::flags::Flags;
use super::outcome::{Obstacle, Outcome};
use crate::place::Uid;

/// The observations after a MOVE.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// The flags of the original, if it is still in the source.
    pub(super) original: Option<Flags>,
    /// The copy that was found in the target.
    pub(super) arrived: Option<Uid>,
    /// The copy that the server named credibly.
    pub(super) reported: Option<Uid>,
    /// The copy should have been taken back, and is still there.
    pub(super) stuck: bool,
    /// SEARCH finds the original, but FETCH does not show it.
    pub(super) unshown: bool,
}

impl Moved {
    /// The outcome of the message. `reason`: why the server did not move it, if it did not.
    pub(super) fn outcome(self, reason: impl FnOnce() -> Obstacle) -> Outcome {
        let Self { original, arrived, reported, stuck, unshown } = self;
        match (original, arrived) {
            (Some(flags), None) if flags.deleted => Outcome::Left(Obstacle::Deleted),
            (Some(flags), Some(copy)) if !flags.deleted && stuck => Outcome::Left(Obstacle::Doubled { copy }),
            (Some(flags), _) if !flags.deleted => Outcome::Left(reason()),
            (_, Some(copy)) => Outcome::Moved { uid: Some(copy) },
            // Reported credibly, for a message that is no longer here.
            (_, None) => match reported {
                Some(copy) => Outcome::Moved { uid: Some(copy) },
                None if unshown => Outcome::Left(Obstacle::Unshown),
                None => Outcome::Gone,
            },
        }
    }
}

/// How the removal of an original ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removed {
    /// It was not attempted, or the original is removed, or marked \Deleted if the server supports no more.
    Done,
    /// The original is in place.
    Still,
    /// The original is in place, since the user starred or answered it at the last moment.
    Touched,
    /// The original was gone before it could be marked: another program was faster.
    Gone,
}

/// The observations after a COPY and the removal of the original.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    /// The original's flags at the last look, if it was there.
    pub(super) original: Option<Flags>,
    /// SEARCH finds the original, but FETCH does not show it.
    pub(super) unshown: bool,
    /// The copy that was found in the target.
    pub(super) copy: Option<Uid>,
    /// If there is none: a copy of ours that differs from the original.
    pub(super) altered: Option<Uid>,
    /// The server named this copy as the one that our COPY made.
    pub(super) ours: bool,
    /// Our copy was surplus and has been removed. Another program's copy stays, and that program removes the original.
    pub(super) yields: bool,
    /// How the removal of the original ended.
    pub(super) removed: Removed,
}

/// The result of taking a copy back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenBack {
    /// It was not necessary.
    No,
    /// The copy is gone.
    Yes,
    /// The copy is still there.
    Stuck,
}

impl Copied {
    /// May we remove the original? It must be unchanged since it was copied, and ours to remove.
    pub(super) fn may_remove(&self) -> bool {
        self.copy.is_some() && !self.yields && self.is_clear()
    }

    fn is_live(&self) -> bool {
        self.original.is_some_and(|flags| !flags.deleted)
    }

    fn is_clear(&self) -> bool {
        self.original.is_some_and(|flags| !flags.is_touched() && !flags.deleted)
    }

    /// Must the copy be taken back? If the user starred, moved or deleted the original while it was copied, that counts.
    pub(super) fn takes_back(&self) -> bool {
        if self.copy.is_none() {
            return self.altered.is_some() && self.is_live();
        }
        // An original that the server does not show may still be there: the copy stays.
        if self.unshown {
            return false;
        }
        match self.original {
            Some(_) if self.is_clear() => match self.removed {
                Removed::Gone => self.ours,
                Removed::Still | Removed::Touched => true,
                Removed::Done => false,
            },
            // Unless the copy is another program's, which may be removing the original at this moment.
            Some(flags) if !flags.deleted => !self.yields,
            // The original is no longer there, so only a copy that is known to be ours is taken back: any other may be the
            // original itself, which the user has moved to the same folder.
            Some(_) | None => self.ours,
        }
    }

    /// The outcome of the message. `reason`: why the server did not copy it; `words`: why it did not mark the original.
    pub(super) fn outcome(
        self,
        taken_back: TakenBack,
        reason: impl FnOnce() -> Obstacle,
        words: &str,
    ) -> Outcome {
        let Self { original, unshown, copy, altered, yields, removed, .. } = self;
        let live = self.is_live();
        match (copy, taken_back) {
            (None, TakenBack::Stuck) if let Some(copy) = altered => Outcome::Left(Obstacle::Doubled { copy }),
            (None, TakenBack::Yes) if original.is_some_and(Flags::is_touched) => {
                Outcome::Left(Obstacle::Touched)
            }
            (None, TakenBack::Yes) => Outcome::Left(Obstacle::Altered),
            (Some(copy), TakenBack::Stuck) if live && removed != Removed::Gone => {
                Outcome::Left(Obstacle::Doubled { copy })
            }
            (Some(copy), TakenBack::Stuck) => Outcome::Moved { uid: Some(copy) },
            (Some(_), TakenBack::Yes) => match original {
                Some(flags) if flags.is_touched() || removed == Removed::Touched => {
                    Outcome::Left(Obstacle::Touched)
                }
                Some(flags) if flags.deleted => Outcome::Left(Obstacle::Deleted),
                Some(_) if removed == Removed::Gone => Outcome::Gone,
                Some(_) => Outcome::Left(Obstacle::Refused(words.to_owned())),
                None => Outcome::Gone,
            },
            (Some(_), TakenBack::No) if live && yields => {
                Outcome::Left(Obstacle::Refused("another program is moving it".to_owned()))
            }
            // Both may be there; the next session finds out.
            (_, _) if original.is_none() && unshown => Outcome::Left(Obstacle::Unshown),
            (Some(copy), TakenBack::No) => Outcome::Moved { uid: Some(copy) },
            (None, _) if original.is_some() => Outcome::Left(reason()),
            (None, _) => Outcome::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIVE: Option<Flags> =
        Some(Flags { seen: false, answered: false, flagged: false, deleted: false, keywords: false });
    const STARRED: Option<Flags> =
        Some(Flags { seen: false, answered: false, flagged: true, deleted: false, keywords: false });
    const MARKED: Option<Flags> =
        Some(Flags { seen: false, answered: false, flagged: false, deleted: true, keywords: false });
    const COPY: Option<Uid> = Some(Uid(9));
    const MOVED: Outcome = Outcome::Moved { uid: COPY };
    const DOUBLED: Outcome = Outcome::Left(Obstacle::Doubled { copy: Uid(9) });

    fn refused(words: &str) -> Outcome {
        Outcome::Left(Obstacle::Refused(words.to_owned()))
    }

    #[test]
    fn after_a_move() {
        let seen = Moved { original: None, arrived: None, reported: None, stuck: false, unshown: false };
        for (seen, wanted) in [
            (Moved { arrived: COPY, ..seen }, MOVED),
            (Moved { reported: COPY, ..seen }, MOVED),
            (seen, Outcome::Gone),
            (Moved { unshown: true, ..seen }, Outcome::Left(Obstacle::Unshown)),
            // The server refused.
            (Moved { original: LIVE, ..seen }, refused("quota")),
            (Moved { original: LIVE, reported: COPY, ..seen }, refused("quota")),
            // The MOVE failed in the middle, and the copy was taken back, or could not be.
            (Moved { original: LIVE, arrived: COPY, ..seen }, refused("quota")),
            (Moved { original: LIVE, arrived: COPY, stuck: true, ..seen }, DOUBLED),
            // The user's \Deleted; or the server's own, and then the copy is the only one.
            (Moved { original: MARKED, ..seen }, Outcome::Left(Obstacle::Deleted)),
            (Moved { original: MARKED, arrived: COPY, ..seen }, MOVED),
            (Moved { original: MARKED, arrived: COPY, stuck: true, ..seen }, MOVED),
        ] {
            assert_eq!(seen.outcome(|| Obstacle::Refused("quota".to_owned())), wanted, "{seen:?}");
        }
    }

    #[test]
    fn after_a_copy() {
        let (ours, yields, unshown) = (true, true, true);
        let seen = Copied {
            original: LIVE,
            unshown: false,
            copy: COPY,
            altered: None,
            ours: false,
            yields: false,
            removed: Removed::Done,
        };
        let none = Copied { copy: None, ..seen };
        let altered = Copied { altered: COPY, ..none };
        for (seen, back, wanted) in [
            (seen, false, MOVED),
            (none, false, refused("quota")),
            (Copied { original: None, ..none }, false, Outcome::Gone),
            (Copied { original: None, unshown, ..none }, false, Outcome::Left(Obstacle::Unshown)),
            (Copied { original: None, unshown, ours, ..seen }, false, Outcome::Left(Obstacle::Unshown)),
            // The copy differs: the original is never removed, and the copy is taken back only if the original is in place.
            (altered, true, Outcome::Left(Obstacle::Altered)),
            (Copied { original: STARRED, ..altered }, true, Outcome::Left(Obstacle::Touched)),
            (Copied { original: MARKED, ..altered }, false, refused("quota")),
            (Copied { original: None, ..altered }, false, Outcome::Gone),
            (Copied { original: None, unshown, ..altered }, false, Outcome::Left(Obstacle::Unshown)),
            // The original could not be marked, or was touched at the last moment.
            (Copied { removed: Removed::Still, ..seen }, true, refused("read-only")),
            (Copied { removed: Removed::Touched, ..seen }, true, Outcome::Left(Obstacle::Touched)),
            (Copied { original: STARRED, ..seen }, true, Outcome::Left(Obstacle::Touched)),
            // Another program removed it: only a copy that is known to be ours is taken back.
            (Copied { removed: Removed::Gone, ours, ..seen }, true, Outcome::Gone),
            (Copied { removed: Removed::Gone, ..seen }, false, MOVED),
            (Copied { original: None, ours, ..seen }, true, Outcome::Gone),
            (Copied { original: None, ..seen }, false, MOVED),
            // The user deleted it meanwhile.
            (Copied { original: MARKED, ours, ..seen }, true, Outcome::Left(Obstacle::Deleted)),
            (Copied { original: MARKED, ..seen }, false, MOVED),
            // Another program has copied it as well, and that copy stays.
            (Copied { yields, ..seen }, false, refused("another program is moving it")),
            (Copied { original: STARRED, yields, ..seen }, false, refused("another program is moving it")),
        ] {
            assert_eq!(seen.takes_back(), back, "{seen:?}");
            let taken_back = if back { TakenBack::Yes } else { TakenBack::No };
            let outcome =
                |taken_back| seen.outcome(taken_back, || Obstacle::Refused("quota".to_owned()), "read-only");
            assert_eq!(outcome(taken_back), wanted, "{seen:?}");
            if back {
                // If the copy cannot be taken back, the message is in both folders, unless the original is gone.
                let live = seen.original.is_some_and(|flags| !flags.deleted) && seen.removed != Removed::Gone;
                assert_eq!(outcome(TakenBack::Stuck), if live { DOUBLED } else { MOVED }, "{seen:?}");
            }
        }
    }

    fn original() -> impl Strategy<Value = Option<Flags>> {
        prop::option::of(any::<[bool; 5]>().prop_map(|[seen, answered, flagged, deleted, keywords]| Flags {
            seen,
            answered,
            flagged,
            deleted,
            keywords,
        }))
    }

    prop_compose! {
        /// A removal has a result only if the original may be removed, and an original is unshown only if it was not seen.
        fn copied()(
            original in original(),
            copy in prop::option::of(Just(Uid(9))),
            altered in prop::option::of(Just(Uid(9))),
            [unshown, ours, yields] in any::<[bool; 3]>(),
            removed in prop::sample::select(vec![Removed::Done, Removed::Still, Removed::Touched, Removed::Gone]),
        ) -> Copied {
            let unshown = unshown && original.is_none();
            let altered = altered.filter(|_| copy.is_none());
            let seen = Copied { original, unshown, copy, altered, ours, yields, removed: Removed::Done };
            if seen.may_remove() { Copied { removed, ..seen } } else { seen }
        }
    }

    proptest! {
        #[test]
        fn after_a_copy_no_message_is_lost_and_each_doubled_one_is_reported(seen in copied()) {
            let is_removed = seen.may_remove() && seen.removed == Removed::Done;
            let in_place = seen.original.is_some_and(|flags| !flags.deleted)
                && !is_removed
                && seen.removed != Removed::Gone;
            // A copy is never taken back if we have removed its original, or if the server does not show the original.
            let copy = seen.copy.or(seen.altered);
            prop_assert!(!seen.takes_back() || (!is_removed && !seen.unshown && copy.is_some()));
            // Only a proven copy replaces the original, and one that differs is taken back only if the original is in place.
            prop_assert!(seen.altered.is_none() || (!seen.may_remove() && seen.takes_back() == in_place));
            // If the original is not in place, only our own copy is taken back.
            prop_assert!(!seen.takes_back() || in_place || seen.ours);
            // If the original is in place, the copy is taken back, or another program removes the original.
            prop_assert!(!in_place || seen.copy.is_none() || seen.takes_back() || seen.yields);
            let answers: &[TakenBack] =
                if seen.takes_back() { &[TakenBack::Yes, TakenBack::Stuck] } else { &[TakenBack::No] };
            for taken_back in answers {
                let outcome = seen.outcome(*taken_back, || Obstacle::Unproven, "no");
                match outcome {
                    Outcome::Moved { uid } => {
                        prop_assert!(uid == seen.copy && *taken_back != TakenBack::Yes && !in_place);
                    }
                    Outcome::Gone => prop_assert!(!in_place && *taken_back != TakenBack::Stuck && !is_removed),
                    Outcome::Left(Obstacle::Doubled { .. }) => {
                        prop_assert!(in_place && *taken_back == TakenBack::Stuck);
                    }
                    Outcome::Left(Obstacle::Altered) => {
                        prop_assert!(seen.altered.is_some() && *taken_back == TakenBack::Yes && in_place);
                    }
                    Outcome::Left(Obstacle::Unshown) => prop_assert!(seen.unshown),
                    Outcome::Left(_) => prop_assert!(!is_removed && seen.original.is_some()),
                    Outcome::Unknown => return Err(TestCaseError::fail("both folders were open")),
                }
            }
        }

        #[test]
        fn after_a_move_a_message_in_place_was_not_moved_and_a_missing_one_is_gone(
            original in original(),
            [arrived, reported] in [prop::option::of(Just(Uid(9))), prop::option::of(Just(Uid(9)))],
            [stuck, unshown] in any::<[bool; 2]>(),
        ) {
            let seen = Moved { original, arrived, reported, stuck, unshown: unshown && original.is_none() };
            let in_place = original.is_some_and(|flags| !flags.deleted);
            match seen.outcome(|| Obstacle::Unproven) {
                Outcome::Moved { uid } => {
                    prop_assert!(!in_place && uid.is_some() && (uid == arrived || uid == reported));
                }
                Outcome::Gone => prop_assert!(arrived.is_none() && reported.is_none() && original.is_none_or(|flags| flags.deleted)),
                Outcome::Left(Obstacle::Doubled { .. }) => prop_assert!(in_place && stuck && arrived.is_some()),
                Outcome::Left(Obstacle::Unshown) => prop_assert!(seen.unshown),
                Outcome::Left(_) => prop_assert!(original.is_some()),
                Outcome::Unknown => return Err(TestCaseError::fail("both folders were open")),
            }
        }
    }
}

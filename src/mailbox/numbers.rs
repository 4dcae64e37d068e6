//! The sequence numbers of messages in the open folder, from one look at them until they leave it.
//!
//! Pure. Owns which messages an EXPUNGE names: it gives only a number, and takes one off the numbers of all messages after it (RFC
//! 9051, section 7.5.1). A message that a server has expunged can no longer be shown in the same session, so a FETCH for it would say no
//! more. Made by `proof`, used by `moves`.

use std::collections::BTreeMap;

use crate::place::Uid;

/// Messages of the open folder with their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Both ascending.
    messages: Vec<(u32, Uid)>,
    /// They hold as long as the connection counts no more renumberings than these.
    renumbered: u64,
}

impl Numbers {
    /// Of messages as FETCH showed them; empty if these numbers cannot be true.
    pub(super) fn of(shown: &BTreeMap<Uid, u32>, renumbered: u64) -> Self {
        let mut messages: Vec<(u32, Uid)> = shown.iter().map(|(uid, number)| (*number, *uid)).collect();
        let is_possible = messages.first().is_none_or(|(first, _)| *first > 0)
            && messages.is_sorted_by(|(one, _), (other, _)| one < other);
        if !is_possible {
            messages.clear();
        }
        Self { messages, renumbered }
    }

    /// Do they still hold?
    pub(super) fn hold(&self, renumbered: u64) -> bool {
        self.renumbered == renumbered
    }

    /// The messages among them that these EXPUNGE responses name, in the server's order. The others have new numbers then.
    pub(super) fn expunge(&mut self, expunged: &[u32], renumbered: u64) -> Vec<Uid> {
        self.renumbered = renumbered;
        let mut gone = Vec::new();
        for number in expunged {
            // No message has the number 0 (RFC 9051, section 9, nz-number): whatever it was meant for has left, too.
            if *number == 0 {
                self.messages.clear();
            }
            let at = self.messages.partition_point(|(one, _)| one < number);
            if self.messages.get(at).is_some_and(|(one, _)| one == number) {
                gone.push(self.messages.remove(at).1);
            }
            self.messages.iter_mut().skip(at).for_each(|(one, _)| *one -= 1);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(pairs: &[(u32, u32)]) -> Numbers {
        Numbers::of(&pairs.iter().map(|(number, uid)| (Uid(*uid), *number)).collect(), 0)
    }

    #[test]
    fn each_message_that_leaves_changes_the_numbers_after_it() {
        const SHOWN: &[(u32, u32)] = &[(3, 30), (5, 50), (6, 60)];
        for (expunged, wanted) in [
            (&[3, 4, 4][..], &[30, 50, 60][..]),
            (&[6, 5, 3], &[60, 50, 30]),
            // Others leave before, between and after.
            (&[1, 2, 3, 3, 3], &[30, 50, 60]),
            (&[9, 3, 3], &[30]),
            (&[4, 4, 4], &[50, 60]),
            (&[7, u32::MAX], &[]),
            (&[3, 0, 4], &[30]),
            (&[], &[]),
        ] {
            let gone = numbers(SHOWN).expunge(expunged, 1);
            assert_eq!(gone, wanted.iter().copied().map(Uid).collect::<Vec<_>>(), "{expunged:?}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_true_name_no_message() {
        for shown in [&[(1, 10), (1, 20)][..], &[(2, 10), (1, 20)], &[(0, 10)]] {
            assert_eq!(numbers(shown), Numbers::default(), "{shown:?}");
        }
    }

    proptest! {
        /// A folder as a list: what is removed at a place is what the number of that place names.
        #[test]
        fn the_messages_are_those_that_a_folder_would_lose(
            seen in prop::collection::btree_set(0_usize..40, 0..20),
            places in prop::collection::vec(0_usize..40, 0..40),
        ) {
            let mut folder: Vec<Uid> = (1..=40).map(|number| Uid(number * 10)).collect();
            let shown = seen.iter().map(|at| (folder[*at], *at as u32 + 1)).collect::<BTreeMap<_, _>>();
            let (mut expunged, mut lost) = (Vec::new(), Vec::new());
            for place in places.into_iter().filter(|place| *place < 40) {
                if place < folder.len() {
                    expunged.push(place as u32 + 1);
                    lost.push(folder.remove(place));
                }
            }
            lost.retain(|uid| shown.contains_key(uid));
            prop_assert_eq!(Numbers::of(&shown, 0).expunge(&expunged, 1), lost);
        }
    }
}

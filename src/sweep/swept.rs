//! What came of a sweep, and of two passes of one. Made by `sweeper`.

use super::{Remains, Tally};

/// What came of a sweep.
#[derive(Clone, Debug)]
pub struct Swept {
    /// The sums.
    pub tally: Tally,
    /// What is left undone.
    pub remains: Remains,
}

impl Swept {
    /// What came of two passes of one sweep, of which this was the second, over what the first had left waiting and what is new.
    #[must_use]
    pub fn after(self, first: &Self) -> Self {
        let (first, second) = (first, self);
        // What the first pass has left waiting is read once more, and counts once.
        let new = |before: usize, then: usize| before + then.min(second.tally.looked_at);
        let (before, then) = (first.tally, second.tally);
        Self {
            tally: Tally {
                looked_at: before.looked_at + then.looked_at,
                plausible: new(before.plausible, then.plausible),
                recognised: new(before.recognised, then.recognised),
                incomplete: new(before.incomplete, then.incomplete),
                moved: before.moved + then.moved,
                marked: before.marked + then.marked,
                left: before.left + then.left,
                unshown: before.unshown.max(then.unshown),
                gone: before.gone + then.gone,
                failed: before.failed + then.failed,
                waiting: then.waiting,
                settled: before.settled + then.settled,
                troubles: before.troubles.max(then.troubles),
                turns: before.turns + then.turns,
            },
            // The ledger knows what is left; only what a pass has met on its way is not in it.
            remains: Remains {
                stuck: first.remains.stuck + second.remains.stuck,
                unassessed: first.remains.unassessed + second.remains.unassessed,
                folders: first.remains.folders.max(second.remains.folders),
                uncertain: first.remains.uncertain.max(second.remains.uncertain),
                ..second.remains
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_passes_of_a_sweep_are_summed_up_and_what_is_read_twice_counts_once() {
        let first = Swept {
            tally: Tally {
                looked_at: 4,
                plausible: 4,
                recognised: 4,
                moved: 3,
                troubles: 1,
                turns: 9,
                ..Tally::default()
            },
            remains: Remains { folders: 1, look_up: 1, ..Remains::default() },
        };
        let second = Swept {
            tally: Tally { plausible: 1, recognised: 1, moved: 1, turns: 4, ..Tally::default() },
            remains: Remains::default(),
        };
        let Swept { tally, remains } = second.after(&first);
        let expected = Tally {
            looked_at: 4,
            plausible: 4,
            recognised: 4,
            moved: 4,
            troubles: 1,
            turns: 13,
            ..Tally::default()
        };
        assert_eq!(tally, expected);
        assert_eq!(remains, Remains { folders: 1, ..Remains::default() });
    }
}

//! Writes sets of UIDs for IMAP (RFC 9051, section 9, sequence-set) and for people.
//!
//! Pure. Owns their compression into ranges and the maximum length of a command's set. Called by every file that names messages.

use crate::place::Uid;

/// The longest set in one command: servers accept lines of 8,000 octets (RFC 2683, section 3.2.1.5).
const LONGEST: usize = 7_000;
/// The longest set in a message to a person.
const BRIEF: usize = 60;

/// The ranges of `uids`, in ascending order, each UID once.
fn ranges(uids: impl IntoIterator<Item = Uid>) -> Vec<(u32, u32)> {
    let mut sorted: Vec<u32> = uids.into_iter().map(|uid| uid.0).collect();
    sorted.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in sorted {
        match ranges.last_mut() {
            Some((_, last)) if uid <= last.saturating_add(1) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    ranges
}

fn written((first, last): (u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

/// The sets to send for `uids`: one, or several if one would be too long; none if `uids` is empty.
pub(super) fn sets(uids: impl IntoIterator<Item = Uid>) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for range in ranges(uids).into_iter().map(written) {
        match sets.last_mut() {
            Some(set) if set.len() + 1 + range.len() <= LONGEST => {
                set.push(',');
                set.push_str(&range);
            }
            _ => sets.push(range),
        }
    }
    sets
}

/// `uids` in parts, each of which makes one set.
pub(super) fn split(uids: &[Uid]) -> Vec<Vec<Uid>> {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    match sets(sorted.iter().copied()).len() {
        0 => Vec::new(),
        1 => vec![sorted],
        parts => sorted.chunks(sorted.len().div_ceil(2 * parts)).map(<[Uid]>::to_vec).collect(),
    }
}

/// `uids` for a person: the beginning of the set, and how many there are.
pub(super) fn brief(uids: &[Uid]) -> String {
    let mut text = String::new();
    for range in ranges(uids.iter().copied()).into_iter().map(written) {
        if text.len() + range.len() > BRIEF {
            return format!("{text}… ({} messages)", uids.len());
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&range);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn uids(numbers: &[u32]) -> Vec<Uid> {
        numbers.iter().copied().map(Uid).collect()
    }

    #[test]
    fn neighbours_become_a_range_in_any_order() {
        for (numbers, set) in [
            (&[3, 1, 2][..], "1:3"),
            (&[1, 3, 5], "1,3,5"),
            (&[7, 7, 8, 1], "1,7:8"),
            (&[u32::MAX, u32::MAX - 1], "4294967294:4294967295"),
        ] {
            assert_eq!(sets(uids(numbers)), [set]);
        }
        assert!(sets(uids(&[])).is_empty());
    }

    #[test]
    fn a_set_too_long_for_a_line_is_cut_between_ranges() {
        let many: Vec<Uid> = (1..=5_000).map(|n| Uid(n * 2)).collect();
        let sets = sets(many);
        assert!(sets.len() > 1 && sets.iter().all(|set| set.len() <= LONGEST));
        let count: usize = sets.iter().map(|set| set.split(',').count()).sum();
        assert_eq!(count, 5_000);
    }

    #[test]
    fn a_person_sees_the_beginning_and_the_count() {
        assert_eq!(brief(&uids(&[4711])), "4711");
        let many: Vec<Uid> = (1..=500).map(|n| Uid(n * 2)).collect();
        assert!(brief(&many).ends_with("… (500 messages)") && brief(&many).len() < 90);
    }

    /// The UIDs of a set, in its order.
    fn read(set: &str) -> Vec<u32> {
        let number = |text: &str| text.parse::<u32>().unwrap();
        let range = |text: &str| match text.split_once(':') {
            Some((first, last)) => number(first)..=number(last),
            None => number(text)..=number(text),
        };
        set.split(',').flat_map(range).collect()
    }

    proptest! {
        #[test]
        fn sets_name_each_uid_once_and_no_other(
            runs in prop::collection::vec((1_u32..=u32::MAX, 0_u32..5), 0..900),
        ) {
            let numbers = runs.iter().flat_map(|(first, more)| *first..=first.saturating_add(*more));
            let numbers: Vec<u32> = numbers.collect();
            let sets = sets(uids(&numbers));
            let named: Vec<u32> = sets.iter().flat_map(|set| read(set)).collect();
            let wanted: BTreeSet<u32> = numbers.into_iter().collect();
            prop_assert_eq!(named, wanted.into_iter().collect::<Vec<_>>());
            prop_assert!(sets.iter().all(|set| set.len() <= LONGEST));
        }
    }
}

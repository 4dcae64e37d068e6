//! Words, hosts and names that several followers write and others do not.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation as _;

use crate::rules::text::fold;

/// So many words are put into one rule.
const MOST: usize = 5;

/// The words of a text that could be a hint: not those that every text has.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let folded = fold(text);
    let words = folded.unicode_words().flat_map(|word| word.split(['.', ':', '_', '\'', '\u{2019}']));
    let says_something = |word: &&str| {
        word.chars().any(char::is_alphabetic) && word.chars().count() >= if word.is_ascii() { 4 } else { 2 }
    };
    words.filter(says_something).map(str::to_owned).collect()
}

/// The texts of which each is shared by at least `least` of `wanted` and by none of `others`, and who shares one of those that were
/// chosen: first the most frequent, then those that add somebody.
pub(super) fn shared(
    wanted: &[BTreeSet<String>],
    others: impl Iterator<Item = BTreeSet<String>>,
    least: usize,
) -> (Vec<String>, BTreeSet<usize>) {
    let mut writers: BTreeMap<&String, BTreeSet<usize>> = BTreeMap::new();
    for (number, texts) in wanted.iter().enumerate() {
        for text in texts {
            writers.entry(text).or_default().insert(number);
        }
    }
    writers.retain(|_, writers| writers.len() >= least);
    for texts in others {
        if writers.is_empty() {
            break;
        }
        for text in &texts {
            writers.remove(text);
        }
    }
    let (mut chosen, mut covered) = (Vec::new(), BTreeSet::new());
    while chosen.len() < MOST {
        let adds = |writers: &BTreeSet<usize>| writers.difference(&covered).count();
        let best = writers.iter().max_by_key(|(text, writers)| (adds(writers), text.chars().count()));
        let Some((text, writers)) = best.filter(|(_, writers)| adds(writers) > 0) else { break };
        chosen.push((*text).clone());
        covered.extend(writers);
    }
    (chosen, covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_others_write_too_are_no_hint() {
        let texts = |texts: &[&str]| texts.iter().map(|text| words(text)).collect::<Vec<_>>();
        let wanted =
            texts(&["Free AIRDROP today!", "airdrop, free for all", "Giveaway today", "giveaway: now"]);
        let others = texts(&["free and happy", "today is a good day"]);
        let (chosen, covered) = shared(&wanted, others.into_iter(), 2);
        assert_eq!(chosen, ["giveaway", "airdrop"]);
        assert_eq!(covered.len(), 4);
        assert_eq!(
            words("We'll sell c++ at x.shop in \u{6771}\u{4eac}, 2000"),
            ["sell", "shop"].map(str::to_owned).into()
        );
    }
}

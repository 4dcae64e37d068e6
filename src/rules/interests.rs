//! What the user is interested in, as `interests` in the rules names it, and which of it a follower shares by their own words.
//!
//! Words count as the same if they have one stem, so that `garden` finds "gardening". `compile` reads the interests; `case`
//! derives the fact `shared-interests` from them.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use super::text::{Folded, fold};
use crate::mail::Fact;

/// Where a follower says what they care about, in their own words.
pub(crate) const WHERE: [Fact; 4] = [Fact::Name, Fact::Bio, Fact::Website, Fact::ProfileFields];

/// The interests of the user, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interests(Vec<Interest>);

/// One interest.
#[derive(Clone, Debug)]
struct Interest {
    /// As the user wrote it.
    written: String,
    folded: String,
    /// The stems of its words; empty if it is not made of words alone, like `c++`.
    stems: Vec<String>,
}

impl Interests {
    /// From texts; one without a letter or digit, or that is there already, is skipped.
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut interests: Vec<Interest> = Vec::new();
        for written in texts {
            let folded = fold(written);
            let known = interests.iter().any(|interest| interest.folded == folded);
            if known || !folded.chars().any(char::is_alphanumeric) {
                continue;
            }
            let of_words = folded.chars().all(|c| c.is_alphanumeric() || c == ' ');
            let stems = if of_words { stems(&folded) } else { Vec::new() };
            interests.push(Interest { written: written.trim().to_owned(), folded, stems });
        }
        Self(interests)
    }

    /// Are there none?
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that at least one of the texts names as whole words.
    pub(crate) fn shared<'i>(&'i self, texts: &[&Folded<'_>]) -> Vec<&'i str> {
        let stemmed: Vec<Vec<String>> = texts.iter().map(|text| stems(&text.folded)).collect();
        let is_shared = |interest: &&Interest| {
            let stems = interest.stems.as_slice();
            texts.iter().any(|text| text.has_word(&interest.folded))
                || !stems.is_empty()
                    && stemmed.iter().any(|text| text.windows(stems.len()).any(|some| some == stems))
        };
        self.0.iter().filter(is_shared).map(|interest| interest.written.as_str()).collect()
    }
}

/// The stems of the words of a folded text, in order. The stems are those of English; of another language's words they cut
/// less, and the same from both sides of a comparison.
fn stems(folded: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let words = folded.unicode_words().flat_map(|word| word.split(['.', ':', '_']));
    words.map(|word| stemmer.stem(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(interests: &[&str], texts: &[&str]) -> Vec<String> {
        let folded: Vec<_> = texts.iter().map(|text| Folded::new(text)).collect();
        let interests = Interests::new(interests.iter().copied());
        interests.shared(&folded.iter().collect::<Vec<_>>()).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn an_interest_is_found_as_whole_words_in_any_of_its_forms() {
        for (interest, text, expected) in [
            ("rust", "I write Rust.", true),
            ("rust", "trustworthy", false),
            ("rust", "#rust", true),
            ("gardening", "my garden and I", true),
            ("garden", "Gardening, mostly", true),
            ("photo", "two thousand photos", true),
            ("machine learning", "MACHINE\u{a0}learning", true),
            ("machine learning", "learning machines", false),
            ("machine learning", "we learn machines", false),
            ("c++", "C++ since 1990", true),
            ("c++", "C since 1990", false),
            ("straße", "STRASSE", true),
            ("rust", "https://rust.example/", true),
            ("日本", "日本 語", true),
        ] {
            assert_eq!(!shared(&[interest], &[text]).is_empty(), expected, "{interest:?} in {text:?}");
        }
    }

    #[test]
    fn each_interest_counts_once_and_is_told_as_written() {
        assert_eq!(shared(&[" Rust", "RUST", "tea", "!"], &["rust, rust", "Rust and tea"]), ["Rust", "tea"]);
    }
}

//! Prepares text for comparison by rules: folds it, so that `Ａirdrop`, `AIRDROP` and `airdrop` are one word, and finds word
//! boundaries.

use std::cell::OnceCell;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::host::HostName;
use crate::text::{line, visible};

/// The longest excerpt that evidence shows, in characters.
const EXCERPT: usize = 60;

/// Folds a text for comparison: without invisible characters, compatibility-normalised (NFKC), with full case folding, white
/// space collapsed and trimmed. Case folding can undo normalisation, hence the second round.
pub(crate) fn fold(text: &str) -> String {
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        visible(text).nfkc().default_case_fold().nfkc().collect()
    };
    let mut words = folded.split_whitespace();
    let mut line = String::with_capacity(folded.len());
    line.extend(words.next());
    for word in words {
        line.push(' ');
        line.push_str(word);
    }
    line
}

/// Folds a text that contains a host: compatibility-normalised, with each letter lower-cased on its own. Full case folding would
/// turn `straße.example` into `strasse.example` and ς into σ, which are different hosts.
pub(crate) fn lower(text: &str) -> String {
    visible(text).nfkc().flat_map(char::to_lowercase).nfkc().collect::<String>().trim().to_owned()
}

/// Folds a host: as in DNS, in Unicode.
pub(crate) fn fold_host(host: &str) -> String {
    HostName::parse(host.trim()).map_or_else(|| lower(host), |host| host.to_unicode().into_owned())
}

/// Folds a handle without a leading `@`: its local part as text, its host as a host.
pub(crate) fn fold_handle(handle: &str) -> String {
    match handle.rsplit_once('@') {
        Some((local, host)) => format!("{}@{}", fold(local), fold_host(host)),
        None => fold(handle),
    }
}

/// The skeleton of a text (UTS 39, section 4), which is equal for texts that a reader can confuse: of the text as written and of
/// the folded text, since case affects what looks alike (`I` resembles `l`, `i` does not).
pub(crate) fn looks(text: &str) -> [String; 2] {
    let text: String = visible(text).collect();
    let plain: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [&plain, &fold(&text)].map(|text| unicode_security::skeleton(text).collect())
}

/// A text of a message, folded once, and split into words when the first rule asks for words.
#[derive(Debug)]
pub(crate) struct Folded<'a> {
    /// As in the message.
    pub(crate) plain: &'a str,
    /// For comparison.
    pub(crate) folded: String,
    boundaries: OnceCell<Vec<usize>>,
}

impl<'a> Folded<'a> {
    pub(crate) fn new(plain: &'a str) -> Self {
        Self::by(fold, plain)
    }

    /// Folds a text with the given function.
    pub(crate) fn by(fold: impl Fn(&str) -> String, plain: &'a str) -> Self {
        Self { plain, folded: fold(plain), boundaries: OnceCell::new() }
    }

    /// Does the text contain this word, or sequence of words, as whole words? `word` is folded.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        if !self.folded.contains(word) {
            return false;
        }
        // Try every boundary: a search from left to right may find an occurrence that overlaps the right one.
        let boundaries = self.boundaries.get_or_init(|| boundaries(&self.folded));
        boundaries.iter().any(|start| {
            self.folded.get(*start..).is_some_and(|rest| rest.starts_with(word))
                && boundaries.binary_search(&(start + word.len())).is_ok()
        })
    }
}

/// Where words begin and end (UAX 29), sorted. Unlike UAX 29, dots and colons separate words: a search for `crypto` should find
/// `crypto.example`.
fn boundaries(text: &str) -> Vec<usize> {
    let mut boundaries: Vec<usize> = text.split_word_bound_indices().map(|(start, _)| start).collect();
    boundaries.extend(text.match_indices(['.', ':']).flat_map(|(start, dot)| [start, start + dot.len()]));
    boundaries.push(text.len());
    boundaries.sort_unstable();
    boundaries.dedup();
    boundaries
}

/// An excerpt of a message's text for evidence: quoted, short, on one line, without control or bidirectional characters.
pub(crate) fn excerpt(text: &str) -> String {
    // The rest of a long text is not shown, so do not process it.
    let start: String = text.chars().take(EXCERPT + 1).collect();
    let line = line(&start);
    let mut shown: String = line.chars().take(EXCERPT).collect();
    if line.chars().nth(EXCERPT).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_and_spacing_make_no_difference() {
        assert_eq!(fold("Ａirdrop"), "airdrop");
        assert_eq!(fold("STRASSE"), fold("Straße"));
        assert_eq!(fold("  Ana\u{a0} LIMA "), "ana lima");
        assert_eq!(fold("I\u{307}"), fold("İ"));
    }

    #[test]
    fn only_the_local_part_of_a_handle_is_folded() {
        assert_eq!(fold_handle("STRASSE@Toot.Example"), "strasse@toot.example");
        assert_eq!(fold_handle("Straße@toot.example"), "strasse@toot.example");
        assert_eq!(fold_handle("ana@xn--strae-oqa.example"), "ana@straße.example");
        assert_eq!(fold_handle("ana@STRAßE.example"), "ana@straße.example");
        assert_ne!(fold_handle("ana@straße.example"), fold_handle("ana@strasse.example"));
        assert_ne!(fold_handle("ana@βόλος.example"), fold_handle("ana@βόλοσ.example"));
        assert_ne!(lower("https://straße.example/@ana"), lower("https://strasse.example/@ana"));
        assert_eq!(lower("HTTPS://Toot.example/@Ana"), "https://toot.example/@ana");
    }

    #[test]
    fn invisible_characters_make_no_difference() {
        for c in "\u{34f}\u{115f}\u{1160}\u{17b4}\u{180b}\u{200d}\u{3164}\u{fe0f}\u{ffa0}\u{1bca0}\u{1d173}\u{e0100}".chars() {
            assert_eq!(fold(&format!("air{c}Drop")), "airdrop", "{c:?}");
            assert_eq!(looks(&format!("air{c}drop")), looks("airdrop"), "{c:?}");
        }
        assert_eq!(fold("air\u{2800}drop"), "air drop");
        assert_eq!(fold("❤\u{fe0f}"), fold("❤"));
    }

    #[test]
    fn a_word_matches_only_as_a_whole() {
        for (text, word, expected) in [
            ("I write Rust.", "rust", true),
            ("rustacean", "rust", false),
            ("make money fast", "make money", true),
            ("remake money", "make money", false),
            ("see crypto.example", "crypto", true),
            ("C++ and C", "c++", true),
            ("#rust", "rust", true),
            ("rust_lang", "rust", false),
            ("Ein Straßenfest", "strasse", false),
            ("💰💰", "💰", true),
            ("money, making it", "making", true),
        ] {
            assert_eq!(Folded::new(text).has_word(word), expected, "{word:?} in {text:?}");
        }
    }

    #[test]
    fn texts_that_a_reader_can_confuse_look_the_same() {
        let alike = |a: &str, b: &str| looks(a).iter().zip(looks(b)).any(|(a, b)| *a == b);
        assert!(alike("Ana Lima", "Аna Lima"), "Cyrillic A");
        assert!(alike("paypal", "paypaI"), "capital i");
        assert!(alike("modern", "rnodern"), "r and n");
        assert!(!alike("Ana Lima", "Ana Lina"));
    }

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        let shown = excerpt(&format!("a\u{1b}[31m\u{202e}\n{}", "x".repeat(1000)));
        assert!(shown.chars().count() < 70);
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\n']));
    }

    #[test]
    fn a_word_is_found_after_an_overlapping_occurrence() {
        assert!(Folded::new("xa a a").has_word("a a"));
        assert!(!Folded::new("xa a").has_word("a a"));
    }
}

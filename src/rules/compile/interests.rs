//! Compiles `interests`: what the user cares about, in their own words.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::Value;
use crate::rules::interests::Interests;

/// The longest interest, in characters.
const LONGEST: usize = 100;

/// The most interests: each is looked for in every follower's texts.
const MOST: usize = 1000;

/// Compiles the list. One with a mistake is left out.
pub(super) fn read(value: &Value<'_>) -> Interests {
    let mut texts = value.strings().unwrap_or_default();
    if texts.len() > MOST {
        value.error("these are too many interests", format!("at most {MOST} are looked for"));
        texts.truncate(MOST);
    }
    texts.retain(|text| {
        let at = |make: fn(_, _, _) -> Diagnostic, message: &str, label: String| {
            value.findings().add(make(value.source(), text.span.clone(), message.to_owned()).label(label));
        };
        let written = text.text.as_str();
        let fits = written.chars().any(char::is_alphanumeric) && written.chars().count() <= LONGEST;
        if !fits {
            let label =
                format!("expected a word or a few, such as \"gardening\", of at most {LONGEST} characters");
            at(Diagnostic::error, "this cannot be an interest", label);
        } else if written.chars().any(char::is_control) {
            let label = "write it in one line, without tabs".to_owned();
            at(Diagnostic::error, "an interest cannot have control characters", label);
            return false;
        } else if is_everywhere(written) {
            let label = "write a longer word, or a few words".to_owned();
            at(Diagnostic::warning, "this interest is found in texts about anything", label);
        }
        fits
    });
    Interests::new(texts.iter().map(|text| text.text.as_str()))
}

/// Words that stand in texts about anything.
const EVERYWHERE: [&str; 41] = [
    "am", "an", "and", "are", "as", "at", "be", "but", "by", "do", "for", "from", "have", "he", "her", "his",
    "i'm", "if", "in", "is", "it", "me", "my", "no", "not", "of", "on", "or", "our", "she", "so", "that",
    "the", "they", "this", "to", "was", "we", "with", "you", "your",
];

/// Is it a single letter, or made of words that stand in texts about anything? A character of Chinese or Japanese is a word.
fn is_everywhere(written: &str) -> bool {
    let written = written.trim().to_lowercase();
    let is_letter = written.chars().count() == 1 && written.chars().all(|c| c.is_ascii_alphanumeric());
    is_letter || written.split_whitespace().all(|word| word.len() == 1 || EVERYWHERE.contains(&word))
}

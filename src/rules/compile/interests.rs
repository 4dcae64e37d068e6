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
        let fits = text.text.chars().any(char::is_alphanumeric) && text.text.chars().count() <= LONGEST;
        if !fits {
            value.findings().add(
                Diagnostic::error(value.source(), text.span.clone(), "this cannot be an interest").label(
                    format!(
                        "expected a word or a few, such as \"gardening\", of at most {LONGEST} characters"
                    ),
                ),
            );
        }
        fits
    });
    Interests::new(texts.iter().map(|text| text.text.as_str()))
}

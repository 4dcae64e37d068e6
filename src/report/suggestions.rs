//! Rules that corrections suggest, as text that can stand in a rules file: the words about them are comments. Called by `suggest`
//! and `report`.

use crate::rules::suggest::Suggestion;
use crate::text;

/// There are no corrections.
pub const NO_CORRECTIONS: &str =
    "# nothing to learn from yet: you have neither put back a message nor filed one by hand";
/// There are corrections, and no rule comes of them.
pub const NOTHING: &str = "# no rule to suggest: what you put back or filed by hand is decided by the rules as you did, or has nothing \
    in common\n# that a rule could say without changing what happens to other messages";
/// The lists are not all there.
pub const LIST_MISSING: &str =
    "# no rule to suggest while a list of the rules has never been loaded: run `followsift check`";

/// Suggestions for a rules file of this name, each with what it rests on and where it belongs.
pub fn suggestions(suggestions: &[Suggestion], file: &str) -> String {
    let one = |suggestion: &Suggestion| {
        let words = in_words(suggestion, file).map(|line| format!("# {line}\n")).concat();
        format!("{words}\n{}", text::screen(&suggestion.toml, false))
    };
    suggestions.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

/// What a suggestion rests on, how it was tried, and where it belongs; a sentence each.
pub fn in_words(suggestion: &Suggestion, file: &str) -> [String; 3] {
    let Suggestion { why, above, mended, others, tried, .. } = suggestion;
    let others = match others {
        0 => "every other as before".to_owned(),
        1 => "1 more about the same followers".to_owned(),
        more => format!("{more} more about the same followers"),
    };
    let place = match above {
        Some((rule, at)) => format!("Add it to {file} above the rule \"{rule}\" (line {}):", at.line),
        None => format!("Add it at the end of {file}:"),
    };
    let trial = format!("Tried on {tried} remembered messages: decides {mended} as you did, and {others}.");
    [why, &trial, &place].map(|words| text::line(words).into_owned())
}

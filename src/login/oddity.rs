//! Finds blanks and a byte order mark at the ends of a secret: usually a mistake. Never changes the secret.

use std::fmt;

/// The mark that some editors write before the first character of a file in UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A character at an end of a secret that is probably a mistake. followsift sends it all the same, since a password may contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// The secret's name: `password`, `client secret`.
    pub secret: &'static str,
    /// The file or credential that it comes from.
    pub source: String,
    /// Which character, and where.
    pub kind: OddityKind,
}

/// A character at an end of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddityKind {
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// It begins with a blank.
    LeadingBlank,
    /// It ends with a blank.
    TrailingBlank,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, source, .. } = self;
        match self.kind {
            OddityKind::ByteOrderMark => write!(
                f,
                "the {secret} in {source} begins with a byte order mark (BOM), which followsift sends as part of it; \
                 save the file as UTF-8 without a BOM"
            ),
            OddityKind::LeadingBlank => write!(
                f,
                "the {secret} in {source} begins with a blank, which followsift sends as part of it; delete the \
                 blank unless your {secret} has one"
            ),
            OddityKind::TrailingBlank => write!(
                f,
                "the {secret} in {source} ends with a blank, which followsift sends as part of it; delete the blank \
                 unless your {secret} has one"
            ),
        }
    }
}

/// The oddities of a secret of this name, which comes from `source`.
pub(super) fn oddities(text: &str, secret: &'static str, source: &str) -> Vec<Oddity> {
    let shown = text.strip_prefix(BYTE_ORDER_MARK);
    let rest = shown.unwrap_or(text);
    let found = [
        (shown.is_some(), OddityKind::ByteOrderMark),
        (rest.starts_with(char::is_whitespace), OddityKind::LeadingBlank),
        (rest.ends_with(char::is_whitespace), OddityKind::TrailingBlank),
    ];
    let found = found.into_iter().filter(|(there, _)| *there);
    found.map(|(_, kind)| Oddity { secret, source: source.to_owned(), kind }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_a_byte_order_mark_at_the_ends_are_odd_and_the_password_is_not_shown() {
        use OddityKind::{ByteOrderMark, LeadingBlank, TrailingBlank};
        for (password, kinds) in [
            ("hunter2", &[][..]),
            ("hunter 2", &[]),
            (" hunter2", &[LeadingBlank]),
            ("hunter2\t", &[TrailingBlank]),
            ("\u{a0}hunter2 ", &[LeadingBlank, TrailingBlank]),
            ("\u{feff}hunter2", &[ByteOrderMark]),
            ("\u{feff} hunter2", &[ByteOrderMark, LeadingBlank]),
        ] {
            let found = oddities(password, "password", "the file");
            assert_eq!(found.iter().map(|it| it.kind).collect::<Vec<_>>(), kinds, "{password:?}");
            for oddity in found {
                assert!(oddity.to_string().starts_with("the password in the file "), "{oddity}");
                assert!(!format!("{oddity} {oddity:?}").contains("hunter"), "{oddity:?}");
            }
        }
    }
}

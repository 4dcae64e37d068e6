//! The forms in which a text part writes the link of a word that is a link in the HTML part. `template` says which one it expects;
//! `profile` writes links in it.

/// How a text part writes the link of a word that is a link in the HTML part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::mail) enum LinkForm {
    /// Not at all: `View`.
    Absent,
    /// `View https://…`.
    After,
    /// On the next line.
    Below,
    /// `View [https://…]`.
    InBrackets,
    /// `View (https://…)`.
    InParentheses,
}

impl LinkForm {
    /// All forms.
    pub(in crate::mail) const ALL: [Self; 5] =
        [Self::Absent, Self::After, Self::Below, Self::InBrackets, Self::InParentheses];

    /// A word and its link in this form.
    pub(in crate::mail) fn write(self, word: &str, link: &str) -> String {
        match self {
            Self::Absent => word.to_owned(),
            Self::After => format!("{word} {link}"),
            Self::Below => format!("{word}\n{link}\n"),
            Self::InBrackets => format!("{word} [{link}]"),
            Self::InParentheses => format!("{word} ({link})"),
        }
    }

    /// By the text before the link.
    pub(super) fn after(text: &str) -> Self {
        match text.chars().next_back() {
            Some('[') => Self::InBrackets,
            Some('(') => Self::InParentheses,
            _ => Self::After,
        }
    }
}

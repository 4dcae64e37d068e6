//! The flags of a message, as far as followsift uses them. Pure.

/// The flags that followsift uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Read.
    pub seen: bool,
    /// Answered by the user.
    pub answered: bool,
    /// Starred by the user.
    pub flagged: bool,
    /// Marked for deletion.
    pub deleted: bool,
    /// Has keywords: flags that the protocol does not define.
    pub keywords: bool,
}

impl Flags {
    pub(super) fn read<S: AsRef<str>>(words: &[S]) -> Self {
        let has = |flag: &str| words.iter().any(|word| word.as_ref().eq_ignore_ascii_case(flag));
        Self {
            seen: has("\\Seen"),
            answered: has("\\Answered"),
            flagged: has("\\Flagged"),
            deleted: has("\\Deleted"),
            keywords: words.iter().any(|word| !word.as_ref().starts_with('\\')),
        }
    }

    /// Did the user star or answer the message?
    pub fn is_touched(self) -> bool {
        self.answered || self.flagged
    }
}

//! The folders of an account as the server listed them.
//!
//! A value. Owns what the list alone shows: whether a folder is in it, and how the server names folders. Kept by `session`,
//! filled and read by `folders`.

use super::names::Naming;
use super::response::Listed;

/// The result of LIST, once per session.
#[derive(Debug)]
pub(super) struct FolderList {
    pub(super) naming: Naming,
    /// `naming` is a guess: no listed folder shows whether the user's folders are below the inbox.
    pub(super) guessed: bool,
    pub(super) listed: Vec<Listed>,
}

impl FolderList {
    pub(super) fn new(listed: Vec<Listed>) -> Self {
        let delimiter = delimiter_of(&listed);
        let guess = Naming::guess(delimiter, listed.iter().map(|listed| listed.name.as_str()));
        Self { guessed: guess.is_none(), naming: guess.unwrap_or(Naming::flat(delimiter)), listed }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.listed.iter().any(|listed| listed.selectable && listed.name == name)
    }

    pub(super) fn delimiter(&self) -> Option<char> {
        delimiter_of(&self.listed)
    }
}

/// The delimiter of the inbox. Other users' folders may have another one, and come first.
fn delimiter_of(listed: &[Listed]) -> Option<char> {
    let inbox = listed.iter().find(|listed| listed.name.eq_ignore_ascii_case("INBOX"));
    inbox.and_then(|inbox| inbox.delimiter).or_else(|| listed.iter().find_map(|listed| listed.delimiter))
}

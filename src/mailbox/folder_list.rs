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
        let delimiter = listed.iter().find_map(|listed| listed.delimiter);
        let guess = Naming::guess(delimiter, listed.iter().map(|listed| listed.name.as_str()));
        Self { guessed: guess.is_none(), naming: guess.unwrap_or(Naming::flat(delimiter)), listed }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.listed.iter().any(|listed| listed.selectable && listed.name == name)
    }

    pub(super) fn delimiter(&self) -> Option<char> {
        self.listed.iter().find_map(|listed| listed.delimiter)
    }
}

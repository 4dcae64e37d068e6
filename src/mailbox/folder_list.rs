//! The folders of an account as the server listed them.
//!
//! A value. Owns what the list alone shows: whether a folder is in it, and how the server names folders. Kept by `session`,
//! filled and read by `folders`.

use super::names::Naming;
use super::response::Listed;
use crate::place::Folder;

/// The usual names of Trash, Archive, Junk and the folder with all messages.
const PUT_AWAY: [&str; 16] = [
    "all mail",
    "archive",
    "archives",
    "bin",
    "bulk mail",
    "deleted",
    "deleted items",
    "deleted messages",
    "junk",
    "junk e-mail",
    "junk email",
    "junk mail",
    "spam",
    "trash",
    "trash can",
    "wastebasket",
];
/// The folders under which servers keep these.
const ROOTS: [&str; 3] = ["inbox/", "[gmail]/", "[google mail]/"];

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

    /// Is `folder`, with this name on the server, Trash, Archive, Junk or the one with all messages?
    pub(super) fn is_put_away(&self, folder: &Folder, name: &str) -> bool {
        if self.listed.iter().any(|listed| listed.put_away) {
            return self.listed.iter().any(|listed| listed.put_away && listed.name == name);
        }
        let lower = folder.as_str().to_lowercase();
        let bare = ROOTS.iter().find_map(|root| lower.strip_prefix(root)).unwrap_or(&lower);
        PUT_AWAY.contains(&bare)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(folders: &[(&str, bool)]) -> FolderList {
        let listed = |(name, put_away): &(&str, bool)| Listed {
            name: (*name).to_owned(),
            delimiter: Some('/'),
            selectable: true,
            all: false,
            put_away: *put_away,
        };
        FolderList::new(folders.iter().map(listed).collect())
    }

    #[test]
    fn trash_and_its_like_are_known_by_their_use_and_otherwise_by_their_names() {
        let is =
            |list: &FolderList, name: &str| Folder::new(name).map(|folder| list.is_put_away(&folder, name));
        let told = list(&[("INBOX", false), ("Papierkorb", true), ("Spam", false)]);
        assert_eq!([is(&told, "Papierkorb"), is(&told, "Spam")], [Some(true), Some(false)]);
        let untold = list(&[("INBOX", false), ("Papierkorb", false), ("Spam", false)]);
        assert_eq!([is(&untold, "Papierkorb"), is(&untold, "Spam")], [Some(false), Some(true)]);
        assert_eq!([is(&untold, "INBOX/Trash"), is(&untold, "Followers/Spam")], [Some(true), Some(false)]);
    }
}

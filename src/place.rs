//! Where a mail is: account, folder, UIDVALIDITY and UID (RFC 9051, section 2.3.1).
//!
//! Values only. Imports nothing, so that every room may name a place.

use std::fmt;

/// The name of an account, as its table in the settings is called: `[accounts.home]` is `home`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

impl AccountName {
    /// Lower-case ASCII letters, digits, `-` and `_`; `None` for anything else. Lower case, since the
    /// environment's names of settings lose their case on the way.
    pub fn new(name: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        (!name.is_empty() && name.len() <= 64 && name.chars().all(fits)).then(|| Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder of an account as the user writes it: Unicode, with `/` between the levels, whatever the
/// server's delimiter, prefix and encoding are. `mailbox` translates it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(String);

impl Folder {
    /// `None` where the name could not be a folder: empty, over 255 bytes, with an empty level, or with a
    /// control character (which IMAP cannot quote).
    pub fn new(name: &str) -> Option<Self> {
        let fits = !name.is_empty()
            && name.len() <= 255
            && !name.chars().any(char::is_control)
            && name.split('/').all(|level| !level.is_empty());
        fits.then(|| Self(name.to_owned()))
    }

    /// The inbox. Its name means the same in any case (RFC 9051, section 5.1).
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// Is this the inbox itself?
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case("INBOX")
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The unique identifier of a mail in its folder; means nothing without the folder's [`UidValidity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u32);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The epoch of a folder's UIDs: when it changes, every remembered UID is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(pub u32);

/// One mail on the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailRef {
    /// The account it belongs to.
    pub account: AccountName,
    /// The folder it was seen in.
    pub folder: Folder,
    /// The folder's UIDVALIDITY when it was seen.
    pub validity: UidValidity,
    /// Its UID in that folder.
    pub uid: Uid,
}

impl fmt::Display for MailRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} uid {}", self.folder, self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_no_control_characters_and_no_empty_level() {
        assert!(Folder::new("Followers/Numbers game").is_some());
        assert!(Folder::new("x\r\nA1 CREATE y").is_none());
        assert!(Folder::new("a//b").is_none());
        assert!(Folder::new("").is_none());
    }

    #[test]
    fn the_inbox_is_the_inbox_in_any_case() {
        assert!(Folder::new("inBox").is_some_and(|folder| folder.is_inbox()));
        assert!(!Folder::new("INBOX/x").is_some_and(|folder| folder.is_inbox()));
    }

    #[test]
    fn an_account_name_survives_the_environment() {
        assert!(AccountName::new("home-2").is_some());
        assert!(AccountName::new("Home").is_none());
    }
}

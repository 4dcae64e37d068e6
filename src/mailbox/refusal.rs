//! A server's no: how it said so, its response code, and its words made harmless.
//!
//! Owns what of a server's words may be shown: one line of printable ASCII, short, never with the password. Never decides by
//! the words. Made by `line`, read by `fault`.

use std::fmt;

/// The longest that we quote a server, in characters.
const LONGEST: usize = 200;

/// How the server refused (RFC 9051, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It will not.
    No,
    /// It did not understand.
    Bad,
    /// It hangs up.
    Bye,
}

/// The response codes that mean something to us (RFC 5530 and RFC 9051, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "RFC 5530 is their documentation")]
pub enum Code {
    Unavailable,
    AuthenticationFailed,
    AuthorizationFailed,
    Expired,
    PrivacyRequired,
    ContactAdmin,
    NoPerm,
    InUse,
    ExpungeIssued,
    ServerBug,
    Cannot,
    Limit,
    OverQuota,
    AlreadyExists,
    NonExistent,
    TryCreate,
    ReadOnly,
    Alert,
    Other,
}

impl Code {
    fn read(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "UNAVAILABLE" => Self::Unavailable,
            "AUTHENTICATIONFAILED" => Self::AuthenticationFailed,
            "AUTHORIZATIONFAILED" => Self::AuthorizationFailed,
            "EXPIRED" => Self::Expired,
            "PRIVACYREQUIRED" => Self::PrivacyRequired,
            "CONTACTADMIN" => Self::ContactAdmin,
            "NOPERM" => Self::NoPerm,
            "INUSE" => Self::InUse,
            "EXPUNGEISSUED" => Self::ExpungeIssued,
            "SERVERBUG" => Self::ServerBug,
            "CANNOT" => Self::Cannot,
            "LIMIT" => Self::Limit,
            "OVERQUOTA" => Self::OverQuota,
            "ALREADYEXISTS" => Self::AlreadyExists,
            "NONEXISTENT" => Self::NonExistent,
            "TRYCREATE" => Self::TryCreate,
            "READ-ONLY" => Self::ReadOnly,
            "ALERT" => Self::Alert,
            _ => Self::Other,
        }
    }
}

/// A server's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How it was said.
    pub status: Status,
    /// Its response code, if it had one.
    pub code: Option<Code>,
    /// Its words, fit to be shown.
    pub words: String,
}

impl Refusal {
    /// Reads the text after the status word, its code included.
    pub(super) fn read(status: Status, text: &str) -> Self {
        let code = text
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split([']', ' ']).next())
            .filter(|word| !word.is_empty())
            .map(Code::read);
        Self { status, code, words: harmless(text) }
    }

    /// The same with no word of `secrets` in it.
    pub(super) fn without(mut self, secrets: &[&str]) -> Self {
        if secrets.iter().any(|secret| !secret.is_empty() && self.words.contains(&harmless(secret))) {
            self.words = "(not shown, since it repeats the password)".to_owned();
        }
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.status {
            Status::No => "refused",
            Status::Bad => "did not understand",
            Status::Bye => "hung up",
        };
        if self.words.is_empty() {
            write!(f, "the server {verb} without a word")
        } else {
            write!(f, "the server {verb}: {}", self.words)
        }
    }
}

/// One short line of printable ASCII.
fn harmless(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(LONGEST).collect();
    clean.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_and_prose_is_not() {
        for (text, code) in [
            ("[AUTHENTICATIONFAILED] Authentication failed.", Some(Code::AuthenticationFailed)),
            ("[overquota] full", Some(Code::OverQuota)),
            ("[BADCHARSET (UTF-8)] x", Some(Code::Other)),
            ("UID COPY [TRYCREATE]", None),
            ("AUTHENTICATIONFAILED", None),
            ("[", None),
            ("", None),
        ] {
            assert_eq!(Refusal::read(Status::No, text).code, code, "{text}");
        }
    }

    #[test]
    fn a_servers_words_are_one_short_harmless_line() {
        let refusal = Refusal::read(Status::No, &format!("\u{1b}[31mno\r\nway {}", "x".repeat(1000)));
        assert!(refusal.words.starts_with("[31mno way xxx"), "{}", refusal.words);
        assert!(refusal.words.len() <= LONGEST);
    }

    #[test]
    fn words_with_the_password_are_withheld() {
        let shown = |text: &str| Refusal::read(Status::No, text).without(&["hunter2"]).to_string();
        assert!(!shown("no such password: hunter2").contains("hunter2"));
        assert!(shown("no such password").contains("no such password"));
    }
}

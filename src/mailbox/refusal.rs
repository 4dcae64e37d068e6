//! A server's refusal: its status, its response code, and its words made harmless.
//!
//! Owns which of a server's words may be shown: one short line of printable ASCII, never with the password. Never decides by the
//! words, except for the one quirk that is named here. Made by `line` and `fault`, read by `fate`.

use std::fmt;

use super::redactor::Redactor;

/// The maximum length of a quotation of the server, in characters.
const LONGEST: usize = 200;
/// The same in bytes of UTF-8, at most.
const BYTES_SHOWN: usize = 4 * LONGEST;

/// How the server refused (RFC 9051, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It refused.
    No,
    /// It did not understand.
    Bad,
    /// It closes the connection.
    Bye,
}

/// The response codes that followsift uses (RFC 5530 and RFC 9051, section 7.1).
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

/// A server's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its status.
    pub status: Status,
    /// Its response code, if it had one.
    pub code: Option<Code>,
    /// Its words, safe to show.
    pub words: String,
}

impl Refusal {
    /// Parses the text after the status word, including its code. A text that repeats the secret of `redactor` is not shown at
    /// all.
    pub(super) fn read(status: Status, text: &str, redactor: &Redactor) -> Self {
        let code = text
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split([']', ' ']).next())
            .filter(|word| !word.is_empty())
            .map(Code::read);
        // Before the words are truncated: not even a part of the password may be shown.
        let words = if redactor.is_in(text.as_bytes(), BYTES_SHOWN) {
            "(not shown, since it repeats the password or the token)".to_owned()
        } else {
            harmless(text)
        };
        Self { status, code, words }
    }
}

impl Refusal {
    /// The refusal with what a server said before it, in a challenge.
    pub(super) fn because(self, reason: &str, redactor: &Redactor) -> Self {
        let Self { status, code, words } = self;
        let reason = Self::read(status, reason, redactor).words;
        let words = if words.is_empty() { reason } else { format!("{words} ({reason})") };
        Self { status, code, words }
    }

    /// The refusal in a server's greeting. RFC 9051, section 7.1.5 knows a BYE there. IceWarp sends a NO while it blocks an address,
    /// and not always an asterisk.
    ///
    /// Source: <https://github.com/jstedfast/MailKit/issues/1073>.
    pub(super) fn of_greeting(greeting: &str, redactor: &Redactor) -> Option<Self> {
        let text = greeting.trim_start();
        let text = text.strip_prefix("* ").unwrap_or(text);
        let (word, text) = text.split_once(' ').unwrap_or((text, ""));
        let status = match word.trim_end().to_ascii_uppercase().as_str() {
            "NO" => Status::No,
            "BAD" => Status::Bad,
            "BYE" => Status::Bye,
            _ => return None,
        };
        Some(Self::read(status, text, redactor))
    }

    /// Too many connections, or too many logins, without a code that says so. Gmail refuses a login beyond the fifteenth connection
    /// with the same code as a login that can never work (`[ALERT] Application-specific password required`), and others with no code
    /// at all, so only the words show that a retry will work. The only place where a server's words decide.
    ///
    /// Source: <https://github.com/zone-eu/wildduck/issues/35>, <https://github.com/jstedfast/MailKit/issues/377>,
    /// <https://github.com/osTicket/osTicket/issues/6003>.
    pub(super) fn is_throttled(&self) -> bool {
        let words = self.words.to_ascii_lowercase();
        matches!(self.code, Some(Code::Alert | Code::Other) | None)
            && words.contains("too many")
            && ["connection", "login", "failure", "attempt"].iter().any(|what| words.contains(what))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.status {
            Status::No => "refused",
            Status::Bad => "did not understand",
            Status::Bye => "closed the connection",
        };
        if self.words.is_empty() {
            write!(f, "the server {verb} and gave no reason")
        } else {
            write!(f, "the server {verb}: {}", self.words)
        }
    }
}

/// One short line of printable ASCII.
fn harmless(text: &str) -> String {
    crate::text::ascii(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;
    use secrecy::SecretString;

    #[test]
    fn a_code_is_read_only_at_the_start_of_the_text() {
        for (text, code) in [
            ("[AUTHENTICATIONFAILED] Authentication failed.", Some(Code::AuthenticationFailed)),
            ("[overquota] full", Some(Code::OverQuota)),
            ("[BADCHARSET (UTF-8)] x", Some(Code::Other)),
            ("UID COPY [TRYCREATE]", None),
            ("AUTHENTICATIONFAILED", None),
            ("[", None),
            ("", None),
        ] {
            assert_eq!(Refusal::read(Status::No, text, &Redactor::nothing()).code, code, "{text}");
        }
    }

    #[test]
    fn a_greeting_that_refuses_is_read_with_its_words() {
        let read = |greeting: &str| Refusal::of_greeting(greeting, &Redactor::nothing());
        for (greeting, status, code, words) in [
            ("* NO LOGOUT Blocked for 192.0.2.1\r\n", Status::No, None, "LOGOUT Blocked for 192.0.2.1"),
            ("* bye [UNAVAILABLE] later", Status::Bye, Some(Code::Unavailable), "[UNAVAILABLE] later"),
            ("* BAD what\r\n", Status::Bad, None, "what"),
            ("* BYE\r\n", Status::Bye, None, ""),
            ("* NO", Status::No, None, ""),
            (" NO LOGOUT Blocked for 192.0.2.1\r\n", Status::No, None, "LOGOUT Blocked for 192.0.2.1"),
        ] {
            let expected = Refusal { status, code, words: words.to_owned() };
            assert_eq!(read(greeting), Some(expected), "{greeting}");
        }
        for greeting in ["* OK hi", "* PREAUTH hi", "* NOT so", "NOBODY", "a1 NO no", "+ go", "*", "* ", ""] {
            assert_eq!(read(greeting), None, "{greeting}");
        }
    }

    #[test]
    fn a_servers_words_are_one_short_harmless_line() {
        let refusal = Refusal::read(
            Status::No,
            &format!("\u{1b}[31mno\r\nway {}", "x".repeat(1000)),
            &Redactor::nothing(),
        );
        assert!(refusal.words.starts_with("[31mno way xxx"), "{}", refusal.words);
        assert!(refusal.words.len() <= LONGEST);
    }

    #[test]
    fn words_with_the_password_are_not_shown_even_if_truncated() {
        let password = SecretString::from("hunter2-secret");
        let redactor = Redactor::of(&Login::Password { user: "ann".to_owned(), password });
        let shown = |text: &str| Refusal::read(Status::No, text, &redactor).to_string();
        for before in 0..LONGEST {
            let text = shown(&format!("{}hunter2-secret", "x".repeat(before)));
            assert!(!text.contains("xh") && !text.contains("hunter2"), "{before}: {text}");
        }
        assert!(shown("no such password").contains("no such password"));
    }
}

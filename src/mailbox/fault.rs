//! A fault of a mailbox: what was attempted, on what, and why it failed.
//!
//! Owns the text of faults. `fate` decides what happens to the account. All of `mailbox` makes faults; `sweep`, `daemon` and
//! `cli` read them.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use super::redactor::Redactor;
use super::refusal::{Code, Refusal};
use super::uids;
use crate::place::{Folder, Uid};
use crate::trust::{Certificate, Distrust, TlsError};

/// The attempted step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the CA certificates.
    Trust,
    /// Resolving the name, socket, TLS and greeting.
    Connect,
    /// Logging in.
    LogIn,
    /// Asking for the server's capabilities.
    Ask,
    /// Listing the folders.
    List,
    /// Creating a folder.
    Create,
    /// Subscribing to a folder.
    Subscribe,
    /// SELECT or EXAMINE.
    Open,
    /// STATUS.
    Inspect,
    /// UID SEARCH.
    Search,
    /// UID FETCH.
    Fetch,
    /// UID MOVE.
    Move,
    /// UID COPY.
    Copy,
    /// UID STORE.
    Mark,
    /// \Deleted and UID EXPUNGE on the original of a message whose copy is proven.
    Remove,
    /// APPEND.
    Append,
    /// IDLE.
    Wait,
    /// LOGOUT.
    LogOut,
}

impl Step {
    fn verb(self) -> &'static str {
        match self {
            Self::Trust => "trust the certificates in",
            Self::Connect => "connect to",
            Self::LogIn => "log in to",
            Self::Ask => "ask for the capabilities of",
            Self::List => "list the folders of",
            Self::Create => "create",
            Self::Subscribe => "subscribe to",
            Self::Open => "open",
            Self::Inspect => "inspect",
            Self::Search => "search",
            Self::Fetch => "fetch",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Mark => "mark",
            Self::Remove => "remove the original of",
            Self::Append => "put a message into",
            Self::Wait => "wait for messages in",
            Self::LogOut => "log out of",
        }
    }
}

/// The object of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A file of certificates.
    File(PathBuf),
    /// The server.
    Server {
        /// Its name.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A folder.
    Folder(Folder),
    /// Messages of a folder.
    Mails {
        /// The folder.
        folder: Folder,
        /// Their UIDs.
        uids: Vec<Uid>,
    },
    /// Messages on their way to another folder.
    Journey {
        /// Where they were.
        folder: Folder,
        /// Their UIDs there.
        uids: Vec<Uid>,
        /// Where they go.
        to: Folder,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server { host, port } => write!(f, "{host}:{port}"),
            Self::Folder(folder) => write!(f, "\"{folder}\""),
            Self::Mails { folder, uids } => write!(f, "{folder} uid {}", uids::brief(uids)),
            Self::Journey { folder, uids, to } => write!(f, "{folder} uid {} to \"{to}\"", uids::brief(uids)),
        }
    }
}

/// Why it failed.
#[derive(Debug)]
pub enum Cause {
    /// The operating system or the network failed.
    Io(io::Error),
    /// The TLS handshake failed.
    Tls(TlsError),
    /// The certificate is not trusted for this name.
    Untrusted(Box<Distrust>),
    /// The server answered the handshake with something other than TLS.
    NotTls,
    /// The server says nothing until a TLS handshake begins, so STARTTLS cannot be asked for.
    TlsAlready,
    /// It did so after it had agreed to STARTTLS, as when someone injects data into the connection.
    Injected,
    /// The certificate is not the one that the settings pin.
    OtherCertificate(Box<Certificate>),
    /// The server's name could not be resolved.
    Unresolved(io::Error),
    /// The server's name has no address.
    NoAddress,
    /// The server did not answer in time.
    Late,
    /// A stop was requested.
    Stopped,
    /// The connection was closed.
    Lost,
    /// The answer is far too large.
    Flood,
    /// The answer could not be understood.
    Garbled(&'static str),
    /// The server refused.
    Refused(Refusal),
    /// Clear text would go to an address that is not loopback.
    ClearText,
    /// The server has no STARTTLS.
    NoStartTls,
    /// The server greeted with PREAUTH, which skips the login, or in an unknown way.
    Greeting,
    /// The server offers no login with a password.
    NoLogin,
    /// The server offers no login with an access token.
    NoTokenLogin,
    /// The name cannot be a folder's name on this server; why not.
    Name(&'static str),
    /// A command or a password contains a character that cannot be sent.
    Unsendable,
    /// The server answered OK and left out the requested data.
    NoData,
    /// Something in the answer could not be read, so that it proves nothing; the connection is still usable.
    Unclear(&'static str),
    /// The folder has no UIDVALIDITY, so that none of its messages could be recognised later.
    NoValidity,
    /// The command could not be recorded beforehand, so it was not sent.
    NotNoted,
    /// The folder's UIDVALIDITY has changed: all remembered UIDs are invalid.
    Void,
    /// The folder can be read but not changed.
    ReadOnly,
    /// The session failed before; only a new one helps.
    Spent,
}

impl Cause {
    /// Why a server's greeting is not one; `None` if it asks for a login.
    pub(super) fn of_greeting(greeting: &str, redactor: &Redactor) -> Option<Self> {
        let mut words = greeting.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("*"), Some(status)) if status.eq_ignore_ascii_case("OK") => None,
            _ => Some(Refusal::of_greeting(greeting, redactor).map_or(Self::Greeting, Self::Refused)),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Untrusted(distrust) => distrust.fmt(f),
            Self::NotTls => f.write_str(
                "the server does not speak TLS from the start on this port; is it `tls = \"starttls\"`?",
            ),
            Self::TlsAlready => f.write_str(
                "the server speaks TLS from the start on this port, so it cannot be asked for STARTTLS; is it `tls = \"implicit\"`?",
            ),
            Self::Injected => f.write_str(
                "the server agreed to STARTTLS and then sent something other than TLS; someone may be intercepting the \
                 connection",
            ),
            Self::OtherCertificate(found) => write!(
                f,
                "its certificate is {}, which does not match `tls-fingerprint` ({found}); someone may be intercepting the \
                 connection",
                found.fingerprint
            ),
            Self::Unresolved(error) => write!(f, "its name could not be resolved: {}", resolver(&error.to_string())),
            Self::NoAddress => f.write_str("its name has no address"),
            Self::Late => f.write_str("the server did not answer in time"),
            Self::Stopped => f.write_str("followsift is stopping"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Flood => f.write_str("the server's answer is far too large"),
            Self::Garbled(what) => write!(f, "the server's answer could not be understood: {what}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::ClearText => f.write_str("`tls = \"off\"` is for loopback addresses only"),
            Self::NoStartTls => f.write_str("the server does not offer STARTTLS"),
            Self::Greeting => f.write_str("the server's greeting does not ask for a login"),
            Self::NoLogin => f.write_str("the server offers no login with a password on this connection"),
            Self::NoTokenLogin => f.write_str(
                "the server offers no login by OAuth2 (neither OAUTHBEARER nor XOAUTH2); it may want a password instead",
            ),
            Self::Name(why) => f.write_str(why),
            Self::Unsendable => f.write_str("it contains a character that IMAP cannot send"),
            Self::NoData => f.write_str("the server answered OK and left out the data"),
            Self::Unclear(what) => write!(f, "a part of the server's answer could not be read: {what}"),
            Self::NoValidity => f.write_str("the server does not number its messages (no UIDVALIDITY)"),
            Self::NotNoted => f.write_str("the ledger could not record it first, so nothing was sent"),
            Self::Void => f.write_str("the folder was recreated (UIDVALIDITY changed)"),
            Self::ReadOnly => f.write_str("the folder is read-only"),
            Self::Spent => f.write_str("the connection failed before"),
        }
    }
}

/// The resolver's reason without the words that the standard library puts in front of it.
fn resolver(text: &str) -> &str {
    text.strip_prefix("failed to lookup address information: ").unwrap_or(text)
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // This cause already shows the error's own text, so its source comes next.
            Self::Io(error) => error.source(),
            // OpenSSL's source repeats the same text.
            Self::Tls(_)
            | Self::Untrusted(_)
            | Self::NotTls
            | Self::TlsAlready
            | Self::Unresolved(_)
            | Self::Injected
            | Self::OtherCertificate(_)
            | Self::NoAddress
            | Self::Late
            | Self::Stopped
            | Self::Lost
            | Self::Flood
            | Self::Garbled(_)
            | Self::Refused(_)
            | Self::ClearText
            | Self::NoStartTls
            | Self::Greeting
            | Self::NoLogin
            | Self::NoTokenLogin
            | Self::Name(_)
            | Self::Unsendable
            | Self::NoData
            | Self::Unclear(_)
            | Self::NoValidity
            | Self::NotNoted
            | Self::Void
            | Self::ReadOnly
            | Self::Spent => None,
        }
    }
}

/// A fault of a mailbox.
#[derive(Debug)]
pub struct Fault {
    /// The attempted step.
    pub doing: Step,
    /// The object of the step.
    pub on: Subject,
    /// Why it failed.
    pub cause: Cause,
}

impl Fault {
    pub(super) fn of(doing: Step, on: &Subject, cause: Cause) -> Self {
        Self { doing, on: on.clone(), cause }
    }

    /// The response code, if the server refused with one.
    pub fn code(&self) -> Option<Code> {
        match &self.cause {
            Cause::Refused(refusal) => refusal.code,
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} {}", self.doing.verb(), self.on)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_was_attempted_on_what() {
        let to = Folder::new("Followers/Spam").unwrap();
        let on = Subject::Journey { folder: Folder::inbox(), uids: vec![Uid(4711)], to };
        let fault = Fault { doing: Step::Move, on, cause: Cause::Lost };
        assert_eq!(fault.to_string(), "could not move INBOX uid 4711 to \"Followers/Spam\"");
        assert_eq!(fault.source().unwrap().to_string(), "the connection was lost");
    }
}

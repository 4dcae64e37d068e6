//! What goes wrong with a mailbox: what was attempted, on what, and why.
//!
//! Owns the words for it. What is to become of the account is decided in `fate`. Made by the whole of `mailbox`; read by
//! `sweep`, `daemon` and `cli`.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use super::refusal::{Code, Refusal};
use super::tls_error::TlsError;
use super::uids;
use crate::place::{Folder, Uid};
use crate::settings::Fingerprint;

/// What was attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the certificates of further authorities.
    Trust,
    /// Name, socket, TLS and greeting.
    Connect,
    /// Saying who we are.
    LogIn,
    /// Asking what the server can.
    Ask,
    /// Listing the folders.
    List,
    /// Making a folder.
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
    /// \Deleted and UID EXPUNGE on the original of a mail whose copy is proven.
    Remove,
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
            Self::Wait => "wait for mail in",
            Self::LogOut => "log out of",
        }
    }
}

/// What it was attempted on.
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
    /// Mails of a folder.
    Mails {
        /// The folder.
        folder: Folder,
        /// Their UIDs.
        uids: Vec<Uid>,
    },
    /// Mails on their way to another folder.
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
    /// The operating system, or the network, said so.
    Io(io::Error),
    /// TLS could not be agreed on, or the certificate is not one we trust for this name.
    Tls(TlsError),
    /// The server answered our handshake with something other than TLS.
    NotTls,
    /// It did so although it had agreed to STARTTLS, as when words are put in between by somebody else.
    Injected,
    /// The certificate is another than the one that the settings pin.
    OtherCertificate(Fingerprint),
    /// The server's name has no address.
    NoAddress,
    /// The server did not answer in time.
    Late,
    /// A stop was asked for.
    Stopped,
    /// The connection was closed.
    Lost,
    /// The answer is larger than it has any right to be.
    Flood,
    /// The answer could not be understood.
    Garbled(&'static str),
    /// The server said no.
    Refused(Refusal),
    /// Clear text would go to an address that is not loopback.
    ClearText,
    /// The server has no STARTTLS.
    NoStartTls,
    /// The server let us in before we said who we are, or greeted in no known way.
    Greeting,
    /// The server offers no way to log in with a password.
    NoLogin,
    /// The name cannot be one of a folder on this server; why not.
    Name(&'static str),
    /// A command or a password with a character that cannot be sent.
    Unsendable,
    /// The server said OK and left out the data that was asked for.
    NoData,
    /// What a command was to be made for could not be written down, so the command was not sent.
    NotNoted,
    /// The folder's UIDVALIDITY is another now, or there is none: no UID remembered of it means anything.
    Void,
    /// The folder can be read but not changed.
    ReadOnly,
    /// The session failed before; only a new one helps.
    Spent,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::NotTls => f.write_str(
                "the server does not speak TLS from the start on this port; is it `tls = \"starttls\"`?",
            ),
            Self::Injected => f.write_str(
                "the server agreed to STARTTLS and then sent something other than TLS; somebody may be in between",
            ),
            Self::OtherCertificate(found) => write!(
                f,
                "its certificate is another than `tls-fingerprint` says: {found}; somebody may be in between"
            ),
            Self::NoAddress => f.write_str("its name has no address"),
            Self::Late => f.write_str("the server did not answer in time"),
            Self::Stopped => f.write_str("a stop was asked for"),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Flood => f.write_str("the server's answer is far too large"),
            Self::Garbled(what) => write!(f, "the server's answer could not be understood: {what}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::ClearText => f.write_str("tls is off, which is for loopback addresses only"),
            Self::NoStartTls => f.write_str("the server does not offer STARTTLS"),
            Self::Greeting => f.write_str("the server's greeting is not one that asks for a login"),
            Self::NoLogin => f.write_str("the server offers no login by password on this line"),
            Self::Name(why) => f.write_str(why),
            Self::Unsendable => f.write_str("it has a character that IMAP cannot carry"),
            Self::NoData => f.write_str("the server answered OK without the data"),
            Self::NotNoted => f.write_str("the ledger could not note it beforehand"),
            Self::Void => f.write_str("the folder was made anew since its messages were numbered (UIDVALIDITY)"),
            Self::ReadOnly => f.write_str("the folder is read-only"),
            Self::Spent => f.write_str("the session failed before"),
        }
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Their own text is this cause's text already; what is behind it follows.
            Self::Io(error) => error.source(),
            // OpenSSL says the same again.
            Self::Tls(_)
            | Self::NotTls
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
            | Self::Name(_)
            | Self::Unsendable
            | Self::NoData
            | Self::NotNoted
            | Self::Void
            | Self::ReadOnly
            | Self::Spent => None,
        }
    }
}

/// Something went wrong with a mailbox.
#[derive(Debug)]
pub struct Fault {
    /// What was attempted.
    pub doing: Step,
    /// On what.
    pub on: Subject,
    /// Why it failed.
    pub cause: Cause,
}

impl Fault {
    pub(super) fn of(doing: Step, on: &Subject, cause: Cause) -> Self {
        Self { doing, on: on.clone(), cause }
    }

    /// The code of the server's refusal, where it was one and had one.
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

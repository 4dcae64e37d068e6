//! One account, as the settings describe it: values that `login`, `mailbox` and `sweep` are handed.

use std::path::PathBuf;
use std::time::Duration;

use super::Fingerprint;
use crate::host::Instance;
use crate::place::{AccountName, Folder, MailboxKey};

/// An IMAP account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name of its table in the settings.
    pub name: AccountName,
    /// The server's name, which its certificate must bear.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the line is protected.
    pub tls: Tls,
    /// A PEM file with the certificates of authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The one certificate to trust, whoever signed it and whatever name it bears; then no other is.
    pub pin: Option<Fingerprint>,
    /// The login name.
    pub user: String,
    /// Where the password comes from. Never the password itself.
    pub secret: SecretSource,
    /// The folders in which notifications arrive. Never empty.
    pub folders: Vec<Folder>,
    /// What the account's own server calls itself in Authentication-Results (RFC 8601, section 2.5).
    pub authserv_id: Option<String>,
    /// The user's own servers on networks that anybody can host.
    pub instances: Vec<Instance>,
    /// Leave alone what is not proven authentic.
    pub require_authentic: bool,
    /// Whether mail is moved; without, everything but that is done.
    pub act: bool,
    /// What of the mail that is already there the first start looks at.
    pub backlog: Backlog,
    /// How long to wait between two sweeps where the server does not announce new mail.
    pub poll: Duration,
    /// The fuse: how many mails may be moved in an hour.
    pub moves_per_hour: u16,
    /// The fuse: how many mails may be moved in the first hour after the rules changed.
    pub moves_after_change: u16,
    /// How long to wait for the server to announce new mail before the waiting is renewed.
    pub idle: Duration,
}

impl Account {
    /// Which mailbox it leads to.
    pub fn mailbox(&self) -> MailboxKey {
        MailboxKey::new(&self.host, self.port, &self.user)
    }
}

/// How the line to the server is protected. There is no way to leave certificates unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314): the port is usually 993.
    Implicit,
    /// A clear greeting, then STARTTLS (RFC 9051, section 6.2.1); refused where the server lacks it.
    StartTls,
    /// Clear text, to a loopback address only.
    Off,
}

/// Where an account's password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A systemd credential of this name (`LoadCredential=`).
    Credential(String),
    /// The first line that this program prints; arguments are not passed through a shell.
    Command(Vec<String>),
    /// The first line of a file that only its owner can read.
    File(PathBuf),
}

/// What of the mail that is already there the first start looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Nothing: begin with new mail.
    None,
    /// What arrived within this time.
    Since(Duration),
    /// Everything.
    All,
}

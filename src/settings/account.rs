//! One account, as the settings describe it. `login`, `mailbox` and `sweep` take these values.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DigestSchedule, Fingerprint, Lookup, Provider};
use crate::host::{AuthservIds, Instance, Relay};
use crate::place::{AccountName, Folder, MailboxKey};

/// An IMAP account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name of its table in the settings.
    pub name: AccountName,
    /// Its mail provider, if it is a known one: the one that the settings name, else the one whose server `host` is.
    pub provider: Option<&'static Provider>,
    /// The server's name, which its certificate must contain.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// A PEM file of CA certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The only certificate to trust, whatever its issuer and its names.
    pub pin: Option<Fingerprint>,
    /// The login name.
    pub user: String,
    /// Where the password comes from. Never the password itself.
    pub secret: SecretSource,
    /// The folders in which notifications arrive. Never empty.
    pub folders: Vec<Folder>,
    /// The names of the account's server in Authentication-Results (RFC 8601, section 2.5).
    pub authserv_id: AuthservIds,
    /// The user's own servers on self-hosted networks.
    pub instances: Vec<Instance>,
    /// The alias services that the user forwards messages with.
    pub relays: Vec<Relay>,
    /// What may be looked up about its followers.
    pub lookup: Lookup,
    /// Leave messages alone that are not proven authentic.
    pub require_authentic: bool,
    /// Change messages. If `false`, followsift does everything else.
    pub act: bool,
    /// Which of the messages that are already in the folders the first start reads.
    pub backlog: Backlog,
    /// How long to wait between two sweeps if the server does not announce new messages.
    pub poll: Duration,
    /// The fuse: how many messages may be moved in an hour.
    pub moves_per_hour: u16,
    /// The fuse: how many messages may be moved in the first hour after the rules changed.
    pub moves_after_change: u16,
    /// How long to wait in IDLE (RFC 2177) before IDLE is sent again.
    pub idle: Duration,
    /// When a digest is put into the inbox, if one is wanted.
    pub digest: Option<DigestSchedule>,
}

impl Account {
    /// The mailbox that it connects to.
    pub fn mailbox(&self) -> MailboxKey {
        MailboxKey::new(&self.host, self.port, &self.user)
    }
}

/// How the connection to the server is protected. Certificates are always verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314): the port is usually 993.
    Implicit,
    /// A clear-text greeting, then STARTTLS (RFC 9051, section 6.2.1); fails if the server lacks it.
    StartTls,
    /// Clear text, to a loopback address only.
    Off,
}

/// Where an account's password or access token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A systemd credential of this name (`LoadCredential=`).
    Credential(String),
    /// The first line that this program prints; no shell reads its arguments.
    Command(Vec<String>),
    /// The first line of a file that only its owner can read.
    File(PathBuf),
    /// An access token: the first line that this program prints; no shell reads its arguments.
    TokenCommand(Vec<String>),
    /// An access token of a grant that `followsift login` obtained.
    OAuth2(OAuth2),
}

/// How an account gets access tokens: by a client that its user has registered at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// What the provider calls the client.
    pub client_id: String,
    /// Where the client's secret comes from, if it has one.
    pub client_secret: Option<Box<SecretSource>>,
    /// Where tokens come from.
    pub issuer: TokenIssuer,
    /// What to ask for.
    pub scopes: Vec<String>,
    /// Where the provider sends the browser back to, if the user registered an address.
    pub redirect_uri: Option<String>,
}

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenIssuer {
    /// The issuer's own description says it (RFC 8414, OpenID Connect Discovery).
    Discovered(String),
    /// These endpoints (RFC 6749, section 3, and RFC 8628).
    Known {
        /// The page on which the user agrees.
        authorization: Option<String>,
        /// Where tokens come from.
        token: String,
        /// Where the device flow begins.
        device: Option<String>,
    },
}

impl TokenIssuer {
    /// What tells one issuer from another.
    pub fn name(&self) -> &str {
        match self {
            Self::Discovered(issuer) => issuer,
            Self::Known { token, .. } => token,
        }
    }

    /// Is it on this machine? Only such a one can have an http address.
    pub fn is_of_this_machine(&self) -> bool {
        self.name().starts_with("http://")
    }
}

/// Which of the messages that are already in the folders the first start reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// None: begin with new messages.
    None,
    /// Those that arrived within this time.
    Since(Duration),
    /// All of them.
    All,
}

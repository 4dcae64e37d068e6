//! Why an account has no access token, and what its user can do. No fault contains a token, a code or a secret.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use crate::place::AccountName;
use crate::web::WebFault;

/// Why an account has no access token.
#[derive(Debug)]
pub enum GrantFault {
    /// Nothing was granted yet, or to another client or user.
    Missing {
        /// The account.
        account: AccountName,
    },
    /// The provider does not honour the grant any more.
    Revoked {
        /// The account.
        account: AccountName,
        /// What the provider said, made harmless.
        said: String,
    },
    /// The access token has ended, and there is no refresh token that gets another one.
    NotRenewable {
        /// The account.
        account: AccountName,
    },
    /// The provider refused the request itself.
    Refused {
        /// The provider.
        host: String,
        /// What it said, made harmless.
        said: String,
    },
    /// The user did not agree.
    Denied {
        /// What the provider said, made harmless.
        said: String,
    },
    /// The user did not agree in time.
    TooLate,
    /// Standard input ended before the address was pasted.
    NoInput,
    /// The provider answered, but not with what was asked.
    Unwell {
        /// The provider.
        host: String,
        /// What it said or did, made harmless.
        why: String,
        /// When it wants to be asked again, if it says so.
        again: Option<Duration>,
    },
    /// The provider offers no way to log in that followsift knows.
    NoWay {
        /// The provider.
        host: String,
        /// What is missing.
        why: String,
    },
    /// The provider could not be asked.
    Web(WebFault),
    /// The grant could not be read or saved.
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another process renews the grant, and does not end.
    Busy {
        /// The account.
        account: AccountName,
    },
    /// followsift was stopped.
    Stopped {
        /// The account.
        account: AccountName,
    },
    /// This machine cannot listen for the browser.
    Listener {
        /// The address.
        address: String,
        /// Why.
        cause: io::Error,
    },
}

impl GrantFault {
    /// Can it end without the user?
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Web(fault) => fault.is_temporary(),
            Self::Unwell { .. } | Self::Store { .. } | Self::Busy { .. } | Self::Stopped { .. } => true,
            Self::Missing { .. }
            | Self::Revoked { .. }
            | Self::NotRenewable { .. }
            | Self::Refused { .. }
            | Self::Denied { .. }
            | Self::TooLate
            | Self::NoInput
            | Self::NoWay { .. }
            | Self::Listener { .. } => false,
        }
    }

    /// Was followsift stopped?
    pub(super) fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped { .. } | Self::Web(WebFault::Stopped { .. }))
    }

    /// How long the provider wants to be left alone, if it says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unwell { again, .. } => *again,
            _ => None,
        }
    }
}

impl fmt::Display for GrantFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { account } => write!(
                f,
                "could not log in: the provider has not granted access with these settings yet; run `followsift login {account}`"
            ),
            Self::Revoked { account, said } => write!(
                f,
                "could not log in: the provider's grant has ended or was revoked ({said}); run `followsift login {account}`"
            ),
            Self::NotRenewable { account } => write!(
                f,
                "could not log in: the access token has expired, and the provider gave no refresh token to get another one with; run \
                 `followsift login {account}`"
            ),
            Self::Refused { host, said } => write!(
                f,
                "could not get an access token: {host} refused the request ({said}); check `client-id`, the client's secret and \
                 `scopes`"
            ),
            Self::Denied { said } => write!(f, "could not log in: access was not granted ({said})"),
            Self::TooLate => {
                f.write_str("could not log in: access was not granted in time; run the command again")
            }
            Self::NoInput => f.write_str(
                "could not log in: standard input ended before the address was pasted; run the command in a terminal, and leave it \
                 open",
            ),
            Self::Unwell { host, why, .. } => {
                write!(f, "could not get an access token: {host} gave no usable answer ({why})")
            }
            Self::NoWay { host, why } => write!(f, "could not log in at {host}: {why}"),
            Self::Web(_) => f.write_str("could not get an access token"),
            Self::Store { path, .. } => write!(f, "could not keep the grant in {}", path.display()),
            Self::Busy { account } => write!(
                f,
                "could not renew the access token of account {account}: another followsift process has been renewing it for more than \
                 two minutes; if it hangs, end it (`pgrep -a followsift` lists the processes)"
            ),
            Self::Stopped { .. } => f.write_str("could not get an access token: followsift is stopping"),
            Self::Listener { address, .. } => {
                write!(f, "could not listen at {address} for the browser; run the command with `--paste`")
            }
        }
    }
}

impl Error for GrantFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Web(fault) => Some(fault),
            Self::Store { cause, .. } | Self::Listener { cause, .. } => Some(cause),
            Self::Missing { .. }
            | Self::Revoked { .. }
            | Self::NotRenewable { .. }
            | Self::Refused { .. }
            | Self::Denied { .. }
            | Self::TooLate
            | Self::NoInput
            | Self::Unwell { .. }
            | Self::NoWay { .. }
            | Self::Busy { .. }
            | Self::Stopped { .. } => None,
        }
    }
}

impl From<WebFault> for GrantFault {
    fn from(fault: WebFault) -> Self {
        Self::Web(fault)
    }
}

//! What the two ways to ask a user for access have in common: what they work with, what they ask of the user, and how they end.
//! Used by `authorization`, `device` and `redirect`.

use std::os::fd::BorrowedFd;

use secrecy::SecretString;

use super::GrantFault;
use super::authority::{Authority, Failure, TokenClient};
use crate::settings::OAuth2;

/// What the user has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Open this page on any device and type this code.
    Code {
        /// The page.
        page: &'a str,
        /// The code.
        code: &'a str,
    },
    /// Open this page in a browser.
    Browser {
        /// The page.
        page: &'a str,
        /// Where the browser is sent afterwards.
        redirect: &'a str,
        /// Does followsift listen there?
        listens: bool,
        /// Does it read the address from standard input?
        reads: bool,
    },
    /// What was typed was not the address; try again.
    NotTheAddress,
    /// The provider cannot be asked for now whether the user has agreed; followsift goes on trying.
    Trouble {
        /// Why.
        why: &'a str,
    },
    /// The provider gives no code, so that the browser is asked.
    NoCode {
        /// What the provider says, made harmless; `None` if its answer could not be read.
        said: Option<&'a str>,
    },
}

/// What there is to reach the user with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// Take the address from standard input alone.
    pub paste: bool,
    /// Standard input, where a person may type.
    pub input: Option<BorrowedFd<'a>>,
    /// Ends everything when it becomes readable.
    pub stop: BorrowedFd<'a>,
}

/// How a flow ended: the user did not agree, or the provider has no such flow for this client.
pub(super) enum Ended {
    /// Another way may work.
    NotThisWay {
        /// Why, should there be no other way.
        fault: GrantFault,
        /// What the provider says, made harmless; `None` if its answer could not be read.
        said: Option<String>,
    },
    /// No way will.
    Fault(GrantFault),
}

/// What a flow works with.
pub(super) struct Flow<'a> {
    pub(super) authority: &'a Authority<'a>,
    pub(super) client: TokenClient,
    pub(super) oauth2: &'a OAuth2,
    pub(super) secret: Option<&'a SecretString>,
    pub(super) user: &'a str,
}

impl Flow<'_> {
    /// The secrets that a provider's words must not repeat.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        self.secret.into_iter().collect()
    }

    pub(super) fn fault(&self, failure: Failure) -> GrantFault {
        match failure {
            Failure::GrantEnded(said) => GrantFault::Denied { said },
            Failure::Other(fault) => fault,
        }
    }
}

//! Why followsift cannot work on an account, and what the user can do. Used by `sweep`, and by `daemon` and `cli`, which
//! decide by it whether to try again.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::ledger::{LedgerFault, LockFault};
use crate::login::LoginFault;
use crate::mailbox::{Cause, Fate, Fault, Status, Step};

/// Why followsift cannot work on an account.
#[derive(Debug)]
pub enum AccountFault {
    /// There is no password or token to log in with.
    Login(LoginFault),
    /// The server, or the connection to it.
    Mailbox(Fault),
    /// The ledger.
    Ledger(LedgerFault),
    /// Another followsift works on the account.
    Lock(LockFault),
    /// The system refused something that the account needs.
    Machine(io::Error),
    /// The account is new to the ledger, and folders to which the rules file have been used. Stays in this room: the sweep begins again.
    Unobserved,
}

impl AccountFault {
    /// What is to be done about the account.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Mailbox(fault) => fault.fate(),
            Self::Login(fault) if fault.is_temporary() => Fate::Retry,
            Self::Login(_) => Fate::Park,
            Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) | Self::Unobserved => Fate::Retry,
        }
    }

    /// Did the server refuse the login without a reason that explains why a login that worked before no longer does?
    pub(crate) fn is_refused_login(&self) -> bool {
        match self {
            Self::Mailbox(fault) => fault.is_refused_login(),
            Self::Login(_) | Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) | Self::Unobserved => false,
        }
    }

    /// How long the other side wants to be left alone, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Login(fault) => fault.retry_after(),
            Self::Mailbox(_) | Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) | Self::Unobserved => None,
        }
    }

    /// Is it about this machine, and not about the server or the way to it?
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) | Self::Unobserved => true,
            Self::Login(fault) => fault.is_local(),
            Self::Mailbox(_) => false,
        }
    }

    /// Did the server answer something that could not be understood? It is likely to do so again, however long the connection had
    /// lasted.
    pub fn is_garbled(&self) -> bool {
        matches!(self, Self::Mailbox(fault) if matches!(fault.cause, Cause::Garbled(_)))
    }

    /// Was something asked of a session after its end?
    pub(crate) fn is_of_spent_session(&self) -> bool {
        matches!(self, Self::Mailbox(fault) if matches!(fault.cause, Cause::Spent))
    }

    /// Did the connection end while messages were read? Then it may have ended over one of them.
    pub fn is_cut_in_reading(&self) -> bool {
        let Self::Mailbox(fault) = self else { return false };
        let is_cut = match &fault.cause {
            Cause::Garbled(_) | Cause::Lost | Cause::Io(_) | Cause::Flood | Cause::Late => true,
            Cause::Refused(refusal) => refusal.status == Status::Bye,
            _ => false,
        };
        is_cut && fault.doing == Step::Fetch
    }

    /// Does another thread of this process have the account's mailbox? It is about to end: the account was renamed.
    pub fn is_held_by_us(&self) -> bool {
        let us = std::process::id();
        matches!(self, Self::Lock(LockFault::Held { process: Some(process), .. }) if *process == us)
    }

    /// Could a change of network, or a clock that is set, end it?
    pub fn is_of_network(&self) -> bool {
        match self {
            Self::Mailbox(fault) => fault.is_of_network(),
            Self::Login(fault) => fault.is_of_network(),
            Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) | Self::Unobserved => false,
        }
    }
}

impl fmt::Display for AccountFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(fault) => fault.fmt(f),
            Self::Mailbox(fault) => fault.fmt(f),
            Self::Ledger(fault) => fault.fmt(f),
            Self::Lock(fault) => fault.fmt(f),
            Self::Machine(_) => f.write_str("the system refused something that the account needs"),
            Self::Unobserved => {
                f.write_str("the account is new to the ledger, and folders of its rules have been used")
            }
        }
    }
}

impl Error for AccountFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Login(fault) => fault.source(),
            Self::Mailbox(fault) => fault.source(),
            Self::Ledger(fault) => fault.source(),
            Self::Lock(fault) => fault.source(),
            Self::Machine(cause) => Some(cause),
            Self::Unobserved => None,
        }
    }
}

impl From<Fault> for AccountFault {
    fn from(fault: Fault) -> Self {
        Self::Mailbox(fault)
    }
}

impl From<LedgerFault> for AccountFault {
    fn from(fault: LedgerFault) -> Self {
        Self::Ledger(fault)
    }
}

impl From<LockFault> for AccountFault {
    fn from(fault: LockFault) -> Self {
        Self::Lock(fault)
    }
}

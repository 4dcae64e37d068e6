//! The way to an account's mailbox: password, authorities, connection.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::time::Instant;

use crate::assess::Rulebook;
use crate::ledger::{AccountLock, Ledger, LedgerFault, LockFault, LockFolders, WaitingSums};
use crate::login::{self, Login, LoginFault};
use crate::mailbox::{Connector, Fate, Fault, Session, Stop};
use crate::report::remains::Remains;
use crate::settings::{Account, Settings};
use crate::sweep::{SweepFault, Tally};

/// Why an account cannot be worked on.
#[derive(Debug)]
pub enum AccountFault {
    /// The password could not be had.
    Login(LoginFault),
    /// The server, or the line to it.
    Mailbox(Fault),
    /// The ledger.
    Ledger(LedgerFault),
    /// Another followsift works on the account.
    Lock(LockFault),
    /// The system does not give what an account needs.
    Machine(io::Error),
}

/// Takes the locks of an account, so that no other followsift of this user works on it or on its mailbox.
///
/// # Errors
/// Where another one does, or the locks cannot be made.
pub fn lock(account: &Account, settings: &Settings) -> Result<AccountLock, LockFault> {
    let folders = LockFolders { state: &settings.state, shared: settings.shared.as_deref() };
    AccountLock::take(folders, &account.name, &account.mailbox())
}

/// Connects to the account's server and logs in. Blocks: a password program and the line have their own deadlines.
///
/// # Errors
/// Where there is no password to be had, or the server cannot be reached or refuses.
pub fn connect(account: &Account, settings: &Settings, stop: &Stop) -> Result<Session, AccountFault> {
    let login = read_login(account, settings, stop)?;
    connect_with(account, &login, stop)
}

/// The first half of [`connect`]: reads the password.
pub(super) fn read_login(account: &Account, settings: &Settings, stop: &Stop) -> Result<Login, AccountFault> {
    stop.speak_by(Instant::now() + login::PATIENCE);
    login::forbid_dumps().map_err(AccountFault::Machine)?;
    login::resolve(account, settings.credentials.as_deref(), stop.as_fd()).map_err(AccountFault::Login)
}

/// The second half of [`connect`].
pub(super) fn connect_with(account: &Account, login: &Login, stop: &Stop) -> Result<Session, AccountFault> {
    let connector = Connector::of(account)?;
    Ok(Session::connect(account, login, &connector, stop)?)
}

/// What a sweep has left undone, but for what it told while it was at work (`folders`, `uncertain`). Without a ledger, as in
/// a dry run, nothing of earlier sweeps counts.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn remains(
    account: &Account,
    ledger: Option<&Ledger>,
    rulebook: &Rulebook,
    tally: &Tally,
) -> Result<Remains, LedgerFault> {
    let waiting = ledger.map_or(Ok(WaitingSums::default()), |ledger| ledger.waiting_sums(&account.name))?;
    let lists = rulebook.rules.missing_lists(&rulebook.lists).into_iter().map(str::to_owned).collect();
    Ok(Remains {
        refused: waiting.refused.max(tally.left),
        later: waiting.later,
        fuse: waiting.fuse,
        unshown: waiting.unshown.max(tally.unshown),
        unassessed: tally.failed,
        lists,
        ..Remains::default()
    })
}

impl AccountFault {
    /// What is to be done about the account.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Mailbox(fault) => fault.fate(),
            Self::Login(_) => Fate::Park,
            Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) => Fate::Retry,
        }
    }

    /// Was the login refused, without a reason that would explain why one that has worked before no longer does?
    pub(super) fn is_refused_login(&self) -> bool {
        match self {
            Self::Mailbox(fault) => fault.is_refused_login(),
            Self::Login(_) | Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) => false,
        }
    }

    /// Is it about this machine, and not about the server or the way to it?
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) => true,
            Self::Login(_) | Self::Mailbox(_) => false,
        }
    }

    /// Does another thread of this process have the account's mailbox? It is about to end: the account was renamed.
    pub fn is_held_by_us(&self) -> bool {
        let us = std::process::id();
        matches!(self, Self::Lock(LockFault::Held { process: Some(process), .. }) if *process == us)
    }

    /// What to do, where the fault itself does not say it.
    pub fn advice(&self) -> Option<&'static str> {
        let cause = match self {
            Self::Ledger(LedgerFault::Folder { cause, .. } | LedgerFault::File { cause, .. })
            | Self::Lock(LockFault::Unusable { cause, .. }) => cause,
            Self::Ledger(_) | Self::Lock(_) | Self::Login(_) | Self::Mailbox(_) | Self::Machine(_) => {
                return None;
            }
        };
        // Words of our own say what to do.
        cause.raw_os_error().map(|_| {
            "give the folder to the user who runs followsift, or name another with `state` in the settings"
        })
    }

    /// May it be over once the network is another?
    pub fn is_of_network(&self) -> bool {
        match self {
            Self::Mailbox(fault) => fault.is_of_network(),
            Self::Login(_) | Self::Ledger(_) | Self::Lock(_) | Self::Machine(_) => false,
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
            Self::Machine(_) => f.write_str("could not get what the account needs from the system"),
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
        }
    }
}

/// An error with its causes, in one line: `could not log in to home: the server said: no such user`.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
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

impl From<SweepFault> for AccountFault {
    fn from(fault: SweepFault) -> Self {
        match fault {
            SweepFault::Mailbox(fault) => Self::Mailbox(fault),
            SweepFault::Ledger(fault) => Self::Ledger(fault),
        }
    }
}

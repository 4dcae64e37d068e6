//! The way to an account's mailbox: its name in the ledger, pause, locks, password, authorities, connection.

use std::os::fd::AsFd as _;
use std::time::Instant;

use super::AccountFault;
use crate::clock::{self, Timestamp};
use crate::ledger::{AccountLock, Ledger, LedgerFault, LockFault, LockFolders};
use crate::login::{self, Login, LoginFault};
use crate::mailbox::{Cause, Connector, Fate, Fault, Session, Step, Stop};
use crate::place::AccountName;
use crate::settings::{Account, Settings};

/// Takes the locks of an account, so that no other followsift of this user works on it or on its mailbox.
pub(super) fn lock(account: &Account, settings: &Settings) -> Result<AccountLock, LockFault> {
    let folders = LockFolders { state: &settings.state, shared: settings.shared.as_deref() };
    AccountLock::take(folders, &account.name, &account.mailbox())
}

/// Connects to the account's server and logs in. Blocks: the password program, the provider and the connection have deadlines of
/// their own.
///
/// # Errors
/// If there is no password or token, or the server cannot be reached or refuses.
pub fn connect(account: &Account, settings: &Settings, stop: &Stop) -> Result<Session, AccountFault> {
    let mut login = read_login(account, settings, stop)?;
    let connector = Connector::of(account)?;
    connect_with(account, settings, &mut || Ok(connector.clone()), &mut login, stop)
}

/// The first half of [`connect`]: gets the password or the token.
pub(crate) fn read_login(account: &Account, settings: &Settings, stop: &Stop) -> Result<Login, AccountFault> {
    stop.speak_by(Instant::now() + login::longest(account));
    login::forbid_dumps().map_err(AccountFault::Machine)?;
    login::resolve(account, settings, stop.as_fd()).map_err(AccountFault::Login)
}

/// The second half of [`connect`]. A token of followsift's own that the server refuses is renewed once: the clocks may differ, or the
/// provider has ended it early. `login` is then the new one.
pub(crate) fn connect_with(
    account: &Account,
    settings: &Settings,
    connector: &mut dyn FnMut() -> Result<Connector, Fault>,
    login: &mut Login,
    stop: &Stop,
) -> Result<Session, AccountFault> {
    let refusal = match Session::connect(account, login, &mut *connector, stop) {
        Err(fault) if is_refused(&fault) => fault,
        session => return Ok(session?),
    };
    stop.speak_by(Instant::now() + login::longest(account));
    match login::renew(account, settings, login, stop.as_fd()) {
        Err(fault) => {
            let refusal = refusal.cause.to_string();
            Err(AccountFault::Login(LoginFault::AfterRefusal { refusal, fault: Box::new(fault) }))
        }
        Ok(None) => Err(refusal.into()),
        Ok(Some(next)) => {
            *login = next;
            Ok(Session::connect(account, login, &mut *connector, stop)?)
        }
    }
}

/// Did the server refuse this login, and not every login?
fn is_refused(fault: &Fault) -> bool {
    fault.doing == Step::LogIn && matches!(fault.cause, Cause::Refused(_)) && fault.fate() == Fate::Park
}

/// The name under which the ledger still remembers an account that was renamed since its last sweep.
///
/// # Errors
/// If the ledger cannot be read.
pub fn former_name(
    ledger: &Ledger,
    account: &Account,
    settings: &Settings,
) -> Result<Option<AccountName>, LedgerFault> {
    ledger.former_name(&account.name, &account.mailbox(), &settings.names())
}

/// Until when the user has paused an account, if they have. A ledger that cannot be read says nothing here; a sweep fails over it.
pub fn paused_until(account: &Account, settings: &Settings) -> Option<Timestamp> {
    let ledger = Ledger::open_read_only(&settings.state).ok().flatten()?;
    let former = former_name(&ledger, account, settings).ok()?;
    ledger.paused_until(&account.name, former.as_ref(), clock::now()).ok().flatten()
}

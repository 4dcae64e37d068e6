//! The way to an account's mailbox: password, authorities, connection.

use std::os::fd::AsFd as _;
use std::time::Instant;

use super::AccountFault;
use crate::ledger::{AccountLock, LockFault, LockFolders};
use crate::login::{self, Login};
use crate::mailbox::{Connector, Session, Stop};
use crate::settings::{Account, Settings};

/// Takes the locks of an account, so that no other followsift of this user works on it or on its mailbox.
pub(super) fn lock(account: &Account, settings: &Settings) -> Result<AccountLock, LockFault> {
    let folders = LockFolders { state: &settings.state, shared: settings.shared.as_deref() };
    AccountLock::take(folders, &account.name, &account.mailbox())
}

/// Connects to the account's server and logs in. Blocks: the password program and the connection have deadlines of their own.
///
/// # Errors
/// If the password cannot be read, or the server cannot be reached or refuses.
pub fn connect(account: &Account, settings: &Settings, stop: &Stop) -> Result<Session, AccountFault> {
    let login = read_login(account, settings, stop)?;
    connect_with(account, &login, stop)
}

/// The first half of [`connect`]: reads the password.
pub(crate) fn read_login(account: &Account, settings: &Settings, stop: &Stop) -> Result<Login, AccountFault> {
    stop.speak_by(Instant::now() + login::PATIENCE);
    login::forbid_dumps().map_err(AccountFault::Machine)?;
    login::resolve(account, settings.credentials.as_deref(), stop.as_fd()).map_err(AccountFault::Login)
}

/// The second half of [`connect`].
pub(crate) fn connect_with(account: &Account, login: &Login, stop: &Stop) -> Result<Session, AccountFault> {
    let connector = Connector::of(account)?;
    Ok(Session::connect(account, login, &connector, stop)?)
}

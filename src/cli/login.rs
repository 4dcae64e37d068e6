//! `login`: asks the user to grant access to an account by OAuth2, keeps the grant, and tries it.

use std::io::stdin;
use std::os::fd::AsFd as _;
use std::path::Path;

use super::output::Output;
use super::{Ending, Login, context};
use crate::login::{self, Means, Request};
use crate::mailbox::Stop;
use crate::report::login as words;
use crate::settings::{Account, OAuth2, SecretSource, Settings};
use crate::sweep::{AccountFault, connect};

pub(super) fn login(path: Option<&Path>, options: &Login, output: &mut Output) -> Ending {
    let settings = match context::settings(path, output) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            output.findings(&[context::no_settings()]);
            return Ending::Settings;
        }
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, Some(&options.account), output) else {
        return Ending::Usage;
    };
    let Some(account) = accounts.first() else { return Ending::Usage };
    let SecretSource::OAuth2(oauth2) = &account.secret else {
        output.error(&format!("error: {}", words::not_by_oauth2(&account.name)));
        return Ending::Usage;
    };
    match grant(account, oauth2, &settings, options.paste, output) {
        Ok(()) => Ending::Well,
        Err(fault) => {
            context::account_failed(account, &fault, output);
            Ending::Later
        }
    }
}

/// Asks the user to grant access, keeps the grant, and tries it.
pub(super) fn grant(
    account: &Account,
    oauth2: &OAuth2,
    settings: &Settings,
    paste: bool,
    output: &mut Output,
) -> Result<(), AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    login::forbid_dumps().map_err(AccountFault::Machine)?;
    let input = stdin();
    let means = Means { paste, input: Some(input.as_fd()), stop: stop.as_fd() };
    let user = &account.user;
    let mut tell = |request: Request<'_>| {
        output.line(&match request {
            Request::Code { page, code } => words::code(user, page, code),
            Request::Browser { page, redirect, listens, reads } => {
                words::browser(user, page, redirect, listens, reads)
            }
            Request::NotTheAddress => words::NOT_THE_ADDRESS.to_owned(),
            Request::Trouble { why } => words::trouble(why),
            Request::NoCode { said } => words::no_code(said),
        });
    };
    let renews =
        login::authorize(account, oauth2, settings, means, &mut tell).map_err(AccountFault::Login)?;
    if let Some(file) = login::grant_file(account, settings) {
        output.line(&words::granted(&file, renews));
    }
    if !renews {
        output.error(&words::not_renewable(&account.name));
    }
    let session = connect(account, settings, &stop)?;
    output.line(&words::logged_in(&account.host, account.port));
    // All was tried; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(())
}

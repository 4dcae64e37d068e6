//! Gets the access token of an account: the one that is kept, or a new one shortly before its end or after a server refused it.
//!
//! One process at a time asks the provider, after it has read again what is kept: another may have renewed it meanwhile. While the
//! provider is out of order, or no lock can be had, a token that still lives goes on being used. Called by `mod.rs`.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::authority::{Authority, Failure};
use super::grant::{Grant, Parties};
use super::store::{GrantStore, Locked};
use super::{GrantFault, Login, LoginFault, client_secret};
use crate::clock;
use crate::settings::{Account, OAuth2, Settings};
use crate::web::{Reach, Web};

/// How long a provider on another machine is left alone after it gave a token.
const SHORTEST: Duration = Duration::from_secs(60);

/// How long until the renewal of a token is tried again that failed for now.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// How long a renewal may take: another process before it, the program that prints the client's secret, and four requests.
pub(super) const LONGEST: Duration = Duration::from_secs(6 * 60);

/// What is kept for an account.
pub(super) fn store(account: &Account, settings: &Settings) -> GrantStore {
    GrantStore::new(&settings.state, &account.name)
}

/// How the account's provider is reached: by the `ca-file` of the account, and the proxy of the environment.
pub(super) fn web<'s>(
    account: &Account,
    settings: &Settings,
    stop: BorrowedFd<'s>,
) -> Result<Web<'s>, GrantFault> {
    let reach = Reach { ca_file: account.ca_file.as_deref(), proxy: settings.proxy.as_ref() };
    Ok(Web::new(reach, stop)?)
}

/// The login with an access token that is good for a while. `refused`: a token that the server has refused, which is not used again.
pub(super) fn login(
    account: &Account,
    oauth2: &OAuth2,
    settings: &Settings,
    refused: Option<&SecretString>,
    stop: BorrowedFd<'_>,
) -> Result<Login, LoginFault> {
    let store = store(account, settings);
    let parties = Parties::of(account, oauth2);
    let shortest = if oauth2.issuer.is_of_this_machine() { Duration::ZERO } else { SHORTEST };
    let is_fit = |grant: &Grant| {
        let is_fresh = grant.until_renewal(clock::now(), shortest).is_none_or(|left| !left.is_zero());
        is_fresh && refused.is_none_or(|refused| refused.expose_secret() != grant.access.expose_secret())
    };
    let goes_on = |grant: &Grant| refused.is_none() && lives(grant);
    let read = store.read().map_err(LoginFault::Grant)?.filter(|grant| grant.parties == parties);
    let mut again = AGAIN;
    let grant = match read {
        Some(grant) if is_fit(&grant) => grant,
        read => match (store.lock(stop), read.filter(goes_on)) {
            (Err(GrantFault::Busy { .. } | GrantFault::Store { .. }), Some(read)) => read,
            (Err(fault), _) => return Err(LoginFault::Grant(fault)),
            (Ok(locked), _) => {
                let kept = locked.read().map_err(LoginFault::Grant)?.filter(|grant| grant.parties == parties);
                let missing = || LoginFault::Grant(GrantFault::Missing { account: account.name.clone() });
                let kept = kept.ok_or_else(missing)?;
                if is_fit(&kept) {
                    kept
                } else {
                    match renew(&locked, &kept, (account, oauth2, settings), stop) {
                        Err(fault) if goes_on(&kept) && !is_final(&fault) => {
                            again = AGAIN.max(fault.retry_after().unwrap_or_default());
                            kept
                        }
                        renewed => renewed?,
                    }
                }
            }
        },
    };
    let until = grant.until_renewal(clock::now(), shortest);
    let renewal = until.map(|left| if left.is_zero() { again } else { left });
    Ok(Login::Token { user: account.user.clone(), token: grant.access, renewal })
}

/// Is there a grant for these settings? Asks nobody.
pub(super) fn require_grant(
    account: &Account,
    oauth2: &OAuth2,
    settings: &Settings,
) -> Result<(), LoginFault> {
    let kept = store(account, settings).read().map_err(LoginFault::Grant)?;
    match kept.filter(|grant| grant.parties == Parties::of(account, oauth2)) {
        Some(_) => Ok(()),
        None => Err(LoginFault::Grant(GrantFault::Missing { account: account.name.clone() })),
    }
}

/// Has the provider ended the grant, or the client? Then a token that still lives is not used any more, so that the user hears of it.
fn is_final(fault: &LoginFault) -> bool {
    matches!(fault, LoginFault::Grant(GrantFault::Revoked { .. } | GrantFault::Refused { .. }))
}

fn lives(grant: &Grant) -> bool {
    grant.left(clock::now()).is_some_and(|left| !left.is_zero())
}

/// The account's provider. It was found when the grant was made, so that what is wrong now passes.
fn described<'w>(oauth2: &OAuth2, web: &'w Web<'w>) -> Result<Authority<'w>, LoginFault> {
    Authority::find(oauth2, web).map_err(|fault| match fault {
        GrantFault::NoWay { host, why } => LoginFault::Grant(GrantFault::Unwell { host, why, again: None }),
        fault => LoginFault::Grant(fault),
    })
}

/// Asks the provider for the next grant, and saves it before anything else happens.
fn renew(
    locked: &Locked,
    grant: &Grant,
    (account, oauth2, settings): (&Account, &OAuth2, &Settings),
    stop: BorrowedFd<'_>,
) -> Result<Grant, LoginFault> {
    let ended = |said: String| LoginFault::Grant(GrantFault::Revoked { account: account.name.clone(), said });
    let Some(refresh) = &grant.refresh else {
        return Err(LoginFault::Grant(GrantFault::NotRenewable { account: account.name.clone() }));
    };
    let client_secret = client_secret(oauth2, settings, stop)?;
    // Before the provider is asked: what it sends must have a place.
    let prepared = locked.prepare().map_err(LoginFault::Grant)?;
    let web = web(account, settings, stop).map_err(LoginFault::Grant)?;
    let ask = |authority: &Authority<'_>| {
        let client = authority.client(oauth2, client_secret.as_ref());
        authority.refresh(&client, grant, refresh, client_secret.as_ref())
    };
    let mut authority = match &grant.found {
        Some(found) => Authority::known(found, &web).map_err(LoginFault::Grant)?,
        None => described(oauth2, &web)?,
    };
    let mut renewed = ask(&authority);
    // The provider may have moved since it described itself.
    if grant.found.is_some()
        && matches!(&renewed, Err(Failure::Other(fault)) if !fault.is_stop())
        && let Ok(anew) = described(oauth2, &web)
        && anew.found() != grant.found
    {
        authority = anew;
        renewed = ask(&authority);
    }
    let next = renewed.map_err(|failure| match failure {
        Failure::GrantEnded(said) => ended(said),
        Failure::Other(fault) => LoginFault::Grant(fault),
    })?;
    // A new refresh token is kept whatever came with it: the old one may be worth nothing from now on.
    let Some(flaw) = authority.flaw(&next) else {
        prepared.save(&next).map_err(LoginFault::Grant)?;
        return Ok(next);
    };
    let kept = Grant { refresh: next.refresh, ..grant.clone() };
    if kept.fits() {
        prepared.save(&kept).map_err(LoginFault::Grant)?;
    }
    Err(LoginFault::Grant(flaw))
}

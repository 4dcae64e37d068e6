//! Asks the user for access: `followsift login`. By the device flow where the provider has one for mail, else by the browser.
//!
//! Owns which way is taken and what the user is asked to do, as values; the command prints them. Saves what was granted. Called by
//! the command `login`.

use super::authority::Authority;
use super::flow::{Ended, Flow, Means, Request};
use super::grant::Parties;
use super::{LoginFault, client_secret, device, redirect, renewal};
use crate::settings::{Account, OAuth2, Settings};

/// Gets a grant for an account and keeps it. `tell` is called with what the user has to do. Returns whether followsift can renew it.
///
/// # Errors
/// If the user does not agree, the provider refuses or cannot be reached, or the grant cannot be kept.
pub fn authorize(
    account: &Account,
    oauth2: &OAuth2,
    settings: &Settings,
    means: Means<'_>,
    tell: &mut dyn FnMut(Request<'_>),
) -> Result<bool, LoginFault> {
    let client_secret = client_secret(oauth2, settings, means.stop)?;
    let mut work = || {
        // A folder that cannot be written to, or a disk that is full, is found out before the user is troubled.
        let store = renewal::store(account, settings);
        let locked = store.lock(means.stop)?;
        let _ = locked.read();
        drop(locked.prepare()?);
        drop(locked);
        let web = renewal::web(account, settings, means.stop)?;
        let authority = Authority::find(oauth2, &web)?;
        let client = authority.client(oauth2, client_secret.as_ref());
        let flow = Flow {
            authority: &authority,
            client,
            oauth2,
            secret: client_secret.as_ref(),
            user: &account.user,
        };
        let answer = match &authority.device {
            Some(endpoint) if !means.paste => match device::run(&flow, endpoint, means.stop, tell) {
                Err(Ended::NotThisWay { said, .. }) if authority.authorization.is_some() => {
                    tell(Request::NoCode { said: said.as_deref() });
                    redirect::run(&flow, means, tell)
                }
                Err(Ended::NotThisWay { fault, .. } | Ended::Fault(fault)) => Err(fault),
                Ok(answer) => Ok(answer),
            },
            _ => redirect::run(&flow, means, tell),
        }?;
        let grant = authority.received(&answer, Parties::of(account, oauth2));
        if let Some(flaw) = authority.flaw(&grant) {
            return Err(flaw);
        }
        let locked = store.lock(means.stop)?;
        // Not lost with the old one, should that be one that a crash left.
        let _ = locked.read();
        locked.prepare()?.save(&grant)?;
        locked.note_login()?;
        Ok(grant.refresh.is_some())
    };
    work().map_err(LoginFault::Grant)
}

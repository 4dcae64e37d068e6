//! What `filter` and `milter` judge by besides the rules: an account's trust, and what its ledger remembers. Both answer alike.

use super::{JudgedBy, context};
use crate::delivery::Remembered;
use crate::ledger::LedgerFault;
use crate::mail::Trust;
use crate::report;
use crate::rules::recall::Replay;
use crate::settings::{Account, Settings};

/// The account that was named, or the only one; `None` if none is meant.
///
/// # Errors
///
/// If there is none of that name, in words.
pub(super) fn account<'s>(
    settings: Option<&'s Settings>,
    options: &JudgedBy,
) -> Result<Option<&'s Account>, String> {
    let accounts = settings.map_or(&[][..], |settings| settings.accounts.as_slice());
    let Some(name) = &options.account else {
        return Ok(if let [only] = accounts { Some(only) } else { None });
    };
    let named = accounts.iter().find(|account| account.name.as_str() == name);
    named.map(Some).ok_or_else(|| {
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        format!("error: {}", report::usage::no_account(name, &names))
    })
}

/// What proves a message.
pub(super) fn trust(settings: Option<&Settings>, account: Option<&Account>, options: &JudgedBy) -> Trust {
    let JudgedBy { authserv_ids, instances, .. } = options;
    let all = context::trust(settings, authserv_ids, instances);
    let Some(account) = account else { return all };
    Trust {
        authserv_id: if authserv_ids.is_empty() { account.authserv_id.clone() } else { all.authserv_id },
        instances: if instances.is_empty() { account.instances.clone() } else { all.instances },
        relays: account.relays.clone(),
    }
}

/// Whom the user knows, and whom they filed by hand, as the ledger has it; and why it cannot be read.
pub(super) fn remembered(settings: Option<&Settings>) -> (Remembered, Option<LedgerFault>) {
    let mut by_hand = Replay::default();
    let Some(settings) = settings else { return (Remembered { by_hand: Some(by_hand) }, None) };
    let read = context::known(settings).and_then(|known| Ok((known, context::unwelcome(settings)?)));
    match read {
        Ok((known, unwelcome)) => {
            known.into_iter().for_each(|it| by_hand.know_follower(it.follower, it.origin.is_proven()));
            unwelcome.into_iter().for_each(|follower| by_hand.reject_follower(follower));
            (Remembered { by_hand: Some(by_hand) }, None)
        }
        Err(fault) => (Remembered { by_hand: None }, Some(fault)),
    }
}

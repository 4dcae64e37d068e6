//! What `filter` and `milter` judge by besides the rules: an account's trust, and what its ledger remembers. Both answer alike.

use secrecy::ExposeSecret;

use super::{JudgedBy, context};
use crate::delivery::memory::{
    Memory, MemoryFault, NotAnAddress, PostgresqlAddress, PostgresqlMemory, SqliteMemory,
};
use crate::delivery::{Remembered, Store};
use crate::ledger::LedgerFault;
use crate::login::{self, LoginFault};
use crate::mail::Trust;
use crate::report::{self, Chain};
use crate::rules::recall::Replay;
use crate::settings::{Account, DeliveryMemory, SecretSource, Settings};

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

/// Why there is no memory of deliveries.
#[derive(Debug)]
pub(super) enum NoStore {
    /// Its address cannot be used.
    Address(LoginFault),
    /// It cannot be opened now.
    Memory(MemoryFault),
}

impl NoStore {
    /// The line to print.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Address(fault) => format!("error: {}", Chain(fault)),
            Self::Memory(fault) => format!("error: {}", Chain(fault)),
        }
    }
}

/// Where deliveries are remembered, if the settings say so. It is asked over at most `connections` connections at a time.
///
/// # Errors
///
/// If it cannot be opened.
pub(super) fn store(settings: Option<&Settings>, connections: usize) -> Result<Option<Store>, NoStore> {
    let Some(settings) = settings else { return Ok(None) };
    let memory: Box<dyn Memory> = match &settings.delivery_memory {
        None => return Ok(None),
        Some(DeliveryMemory::Sqlite) => {
            Box::new(SqliteMemory::open(&settings.state).map_err(NoStore::Memory)?)
        }
        Some(DeliveryMemory::Postgresql { address, ca_file }) => {
            let address = memory_address(address, settings).map_err(NoStore::Address)?;
            let memory = PostgresqlMemory::new(address, ca_file.as_deref(), connections);
            Box::new(memory.map_err(NoStore::Memory)?)
        }
    };
    Ok(Some(Store { memory, keeps: settings.remember }))
}

/// The address of the database in which deliveries are remembered.
///
/// # Errors
///
/// If it cannot be read, or is not an address.
pub(super) fn memory_address(
    source: &SecretSource,
    settings: &Settings,
) -> Result<PostgresqlAddress, LoginFault> {
    let address = login::memory_address(source, settings)?;
    address.expose_secret().parse().map_err(|NotAnAddress| {
        let source = match source {
            SecretSource::File(path) => path.display().to_string(),
            SecretSource::Credential(name) => format!("credential {name}"),
            SecretSource::Command(_) | SecretSource::TokenCommand(_) | SecretSource::OAuth2(_) => {
                String::new()
            }
        };
        LoginFault::MemoryAddress(Box::new(LoginFault::Unfit { source, why: NotAnAddress::WHY, said: None }))
    })
}

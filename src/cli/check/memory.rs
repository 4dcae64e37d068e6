//! Whether the database in which deliveries are remembered can be asked and written, and its address be read. The file of one machine
//! needs nothing, and is created at the first delivery.

use std::time::Instant;

use super::{Output, machine};
use crate::cli::judged_by;
use crate::clock::Timestamp;
use crate::delivery::memory::PATIENCE;
use crate::diagnostic::Diagnostic;
use crate::report::Chain;
use crate::settings::{DeliveryMemory, SecretSource, Settings};

/// What is wrong with the address of the database. A credential is skipped outside the service, where systemd provides none.
pub(super) fn of_address(settings: &Settings) -> Option<Diagnostic> {
    let Some(DeliveryMemory::Postgresql { address, .. }) = &settings.delivery_memory else { return None };
    if matches!(address, SecretSource::Credential(_)) && settings.credentials.is_none() {
        return None;
    }
    judged_by::memory_address(address, settings).err().map(|fault| machine::error(&fault))
}

/// Asks the database, if there is one, unless an error says already why that cannot be; says whether all is well with it.
pub(super) fn answers(settings: &Settings, output: &mut Output) -> bool {
    let is_database = matches!(settings.delivery_memory, Some(DeliveryMemory::Postgresql { .. }));
    if !is_database || of_address(settings).is_some() {
        return true;
    }
    let opened = judged_by::store(Some(settings), 1).map_err(|fault| fault.words());
    let asked = opened.and_then(|store| {
        let Some(store) = store else { return Ok(()) };
        // Nothing is older.
        let asked = store.memory.forget(Timestamp(i64::MIN), Instant::now() + PATIENCE);
        asked.map(drop).map_err(|fault| format!("error: {}", Chain(&fault)))
    });
    match &asked {
        Ok(()) => output.line("the memory of deliveries can be asked and written"),
        Err(words) => output.error(words),
    }
    output.line("");
    asked.is_ok()
}

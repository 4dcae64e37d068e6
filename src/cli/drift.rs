//! What `check` and `sweep` say where a network seems to have changed its messages.

use super::output::Output;
use crate::clock;
use crate::ledger::Ledger;
use crate::report::drift;
use crate::settings::{Account, Settings};

/// Reports the last days' messages of an account that could not be read, if there are any.
pub(super) fn tell(account: &Account, settings: &Settings, output: &mut Output) {
    let since = clock::now().before(drift::SPAN);
    let incomplete = Ledger::open_read_only(&settings.state)
        .and_then(|ledger| ledger.map_or(Ok(Vec::new()), |ledger| ledger.incomplete(&account.name, since)));
    match incomplete {
        Ok(incomplete) => {
            for sentence in drift::sentences(&incomplete) {
                output.error(&format!("note: {}: {sentence}", account.name));
            }
        }
        Err(fault) => output.failure(&fault),
    }
}

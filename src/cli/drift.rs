//! What `check` and `sweep` say where a network seems to have changed its mails.

use super::output::Output;
use crate::daemon::clock;
use crate::ledger::{Ledger, LedgerFault};
use crate::mail::Timestamp;
use crate::report::drift;
use crate::settings::{Account, Settings};

/// Tells of the last days' mails of an account that could not be read, if there are any.
pub(super) fn tell(account: &Account, settings: &Settings, output: &mut Output) {
    let since = Timestamp(clock::now().0 - drift::DAYS * 86_400);
    let unread = match Ledger::open_read_only(&settings.state) {
        Ok(ledger) => ledger.unread(&account.name, since),
        // Nothing was ever swept.
        Err(LedgerFault::Absent { .. }) => return,
        Err(fault) => Err(fault),
    };
    match unread {
        Ok(unread) => {
            for sentence in drift::sentences(&unread) {
                output.error(&format!("note: {}: {sentence}", account.name));
            }
        }
        Err(fault) => output.failure(&fault),
    }
}

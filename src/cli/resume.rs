//! `resume`: lets the messages through that the fuse holds back, at the next sweep.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Resume, context};
use crate::clock;
use crate::ledger::Ledger;
use crate::report;

pub(super) fn resume(settings: Option<&Path>, options: &Resume, output: &mut Output) -> Ending {
    let (settings, _) = match context::everything(settings, Unsettled::Taken, output) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    for account in accounts {
        // Where nothing was ever moved, nothing waits, and no ledger is made for it.
        let resumed = Ledger::open_read_only(&settings.state).and_then(|ledger| match ledger {
            None => Ok(0),
            Some(_) => Ledger::open(&settings.state)?.resume(&account.name, clock::now()),
        });
        match resumed {
            Ok(messages) => output.line(&report::sweep::resumed(&account.name, messages)),
            Err(fault) => {
                output.failure(&fault);
                return Ending::Later;
            }
        }
    }
    Ending::Well
}

//! `resume`: lets the messages through that the fuse holds back, at the next sweep, and those that were there before the ledger.

use std::path::Path;

use super::context::Unsettled;
use super::output::Output;
use super::{Ending, Resume, context};
use crate::clock;
use crate::ledger::{Ledger, LedgerFault};
use crate::report;
use crate::settings::{Account, Settings};
use crate::sweep::former_name;

pub(super) fn resume(settings: Option<&Path>, options: &Resume, output: &mut Output) -> Ending {
    let (settings, _) = match context::everything(settings, Unsettled::Taken, output) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    for account in accounts {
        match resume_account(&settings, account) {
            Ok((released, observed)) => {
                output.line(&report::sweep::resumed(&account.name, released));
                if let Some(messages) = observed {
                    output.line(&report::sweep::observing_ended(&account.name, messages));
                }
            }
            Err(fault) => {
                output.failure(&fault);
                return Ending::Later;
            }
        }
    }
    Ending::Well
}

/// How many messages the fuse lets through, and how many are not only observed any more, if messages were.
fn resume_account(settings: &Settings, account: &Account) -> Result<(usize, Option<usize>), LedgerFault> {
    // Without a ledger nothing waits, and none is made for this.
    if Ledger::open_read_only(&settings.state)?.is_none() {
        return Ok((0, None));
    }
    let mut ledger = Ledger::open(&settings.state)?;
    let former = former_name(&ledger, account, settings)?;
    let account = former.as_ref().unwrap_or(&account.name);
    let released = ledger.resume(account, clock::now())?;
    let observed = match ledger.observed(account)? {
        Some(_) => Some(ledger.end_observing(account, clock::now())?),
        None => None,
    };
    Ok((released, observed))
}

//! `digest`: what the next digest of each account would say. Reads the ledger alone: works beside a running service, asks no server,
//! and sends nothing.

use std::path::Path;

use super::output::Output;
use super::{Digest as Options, Ending, context};
use crate::clock;
use crate::ledger::{Ledger, LedgerFault};
use crate::report::digest as report;
use crate::rulebook;
use crate::settings::{Account, DigestSchedule, Settings};
use crate::sweep::Digest;

pub(super) fn digest(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_with_accounts(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let Some(accounts) = context::accounts(&settings, options.account.as_deref(), output) else {
        return Ending::Usage;
    };
    match show(&settings, &accounts, output) {
        Ok(()) => Ending::Well,
        Err(fault) => {
            output.failure(&fault);
            Ending::Fault
        }
    }
}

fn show(settings: &Settings, accounts: &[&Account], output: &mut Output) -> Result<(), LedgerFault> {
    let ledger = Ledger::open_read_only(&settings.state)?;
    // What is wrong with a network's file is reported by `check`.
    let (networks, _) = rulebook::networks(Some(settings));
    let usual = DigestSchedule::weekly(settings.zone.clone());
    for (at, account) in accounts.iter().enumerate() {
        let schedule = account.digest.as_ref().unwrap_or(&usual);
        let now = clock::now();
        let digest = Digest::preview(account, schedule, ledger.as_ref(), now)?;
        let gap = if at == 0 { "" } else { "\n" };
        output.text(&format!("{gap}{}\n\n", report::when(account, schedule, now)));
        match digest.is_empty() {
            true => output.line(report::NOTHING),
            false => output.text(&report::text(&digest, &networks)),
        }
    }
    Ok(())
}

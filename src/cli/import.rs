//! `import`: takes what another ledger knew of an account, as `export` wrote it, into this one. No other followsift may be at work on the
//! account meanwhile; asks no server.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::output::{Output, shown};
use super::{Ending, Import as Options, context};
use crate::ledger::{AccountLock, Export, ImportFault, Ledger, LedgerFault, LockFolders};
use crate::report::export as report;
use crate::report::sweep::renamed;
use crate::settings::{Account, Settings};

pub(super) fn import(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_with_accounts(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let file = &options.file;
    let export =
        match File::open(file).map_err(ImportFault::Read).and_then(|it| Export::open(BufReader::new(it))) {
            Ok(export) => export,
            Err(fault) => return refused(file, &fault, output),
        };
    let account = match options.account.as_deref() {
        Some(name) => {
            context::accounts(&settings, Some(name), output).and_then(|found| found.first().copied())
        }
        None => match meant(&settings, &export) {
            Ok(Some(account)) => Some(account),
            Ok(None) => {
                let names: Vec<_> = settings.accounts.iter().map(|account| account.name.as_str()).collect();
                output.error(&format!("error: {}", report::whose(export.account(), &names)));
                None
            }
            Err(fault) => {
                output.failure(&fault);
                return Ending::Fault;
            }
        },
    };
    let Some(account) = account else { return Ending::Usage };
    import_into(account, &settings, export, file, output)
}

/// The account that an export is of: the one with its number in this ledger, its mailbox or its name; or the only one that there is.
fn meant<'s, R: BufRead>(
    settings: &'s Settings,
    export: &Export<R>,
) -> Result<Option<&'s Account>, LedgerFault> {
    let same = match Ledger::open_read_only(&settings.state)? {
        Some(ledger) => ledger.account_with(export.id())?,
        None => None,
    };
    let first =
        |is_meant: &dyn Fn(&Account) -> bool| settings.accounts.iter().find(|account| is_meant(account));
    Ok(first(&|account| Some(&account.name) == same.as_ref())
        .or_else(|| first(&|account| export.is_of(&account.mailbox())))
        .or_else(|| first(&|account| account.name == *export.account()))
        .or(match settings.accounts.as_slice() {
            [only] => Some(only),
            _ => None,
        }))
}

fn import_into(
    account: &Account,
    settings: &Settings,
    export: Export<impl BufRead>,
    file: &Path,
    output: &mut Output,
) -> Ending {
    let folders = LockFolders { state: &settings.state, shared: settings.shared.as_deref() };
    let _lock = match AccountLock::take(folders, &account.name, &account.mailbox()) {
        Ok(lock) => lock,
        Err(fault) => {
            output.account_failure(&account.name, &fault);
            output.error(&format!("  {}", report::STOP_FIRST));
            return Ending::Later;
        }
    };
    let names: Vec<_> = settings.accounts.iter().map(|account| account.name.clone()).collect();
    let opened = Ledger::open(&settings.state).and_then(|mut ledger| {
        let former = ledger.follow_name(&account.name, &account.mailbox(), &names)?;
        Ok((ledger, former))
    });
    let (mut ledger, former) = match opened {
        Ok(opened) => opened,
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    if let Some(former) = former {
        output.error(&format!("note: {}", renamed(&former, &account.name)));
    }
    match ledger.import(&account.name, &account.mailbox(), export) {
        Ok(imported) => {
            output.text(&report::imported(&account.name, &shown(file), &imported));
            Ending::Well
        }
        Err(fault) => refused(file, &fault, output),
    }
}

fn refused(file: &Path, fault: &ImportFault, output: &mut Output) -> Ending {
    match fault {
        ImportFault::Ledger(fault) => {
            output.failure(fault);
            Ending::Fault
        }
        ImportFault::Read(cause) => {
            output.error(&format!("error: could not read {}: {cause}", shown(file)));
            Ending::Data
        }
        ImportFault::Foreign | ImportFault::Newer { .. } | ImportFault::Line { .. } => {
            output.error(&format!("error: could not import {}: {fault}", shown(file)));
            Ending::Data
        }
    }
}

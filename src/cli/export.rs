//! `export`: writes what the ledger knows of an account into a file, for `import`. Reads the ledger alone: works beside a running
//! service, asks no server, and changes nothing but the file that it is told to write.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::output::{Output, shown};
use super::{Ending, Export as Options, context, private_file};
use crate::clock;
use crate::ledger::{ExportFault, Exported, Ledger, LedgerFault};
use crate::place::AccountName;
use crate::report::export as report;
use crate::settings::Settings;

/// So much is printed at a time, in bytes.
const PORTION: usize = 64 << 10;

pub(super) fn export(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let ledger = match Ledger::open_read_only(&settings.state) {
        Ok(Some(ledger)) => ledger,
        Ok(None) => {
            output.error(&format!("error: {}", report::nothing_to_export()));
            return Ending::Usage;
        }
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    let account = match chosen(&ledger, &settings, options.account.as_deref()) {
        Ok(Ok(account)) => account,
        Ok(Err(words)) => {
            output.error(&format!("error: {words}"));
            return Ending::Usage;
        }
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    let done = if options.file == Path::new("-") {
        print(&ledger, &account, output).map(drop)
    } else {
        private_file::write(&options.file, |file| write(&ledger, &account, file))
            .map(|exported| output.line(&report::exported(&account, &shown(&options.file), &exported)))
    };
    match done {
        Ok(()) => Ending::Well,
        // The reader has seen enough.
        Err(ExportFault::Write(_)) if output.is_closed() => Ending::Well,
        Err(fault @ ExportFault::Write(_)) => {
            output.error(&format!("error: could not write {}", shown(&options.file)));
            output.account_failure(&account, &fault);
            Ending::Fault
        }
        Err(fault @ ExportFault::Unsettled(_)) => {
            output.account_failure(&account, &fault);
            Ending::Later
        }
        Err(fault) => {
            output.account_failure(&account, &fault);
            Ending::Fault
        }
    }
}

/// The account that is meant, by its name in the ledger; or why none is.
fn chosen(
    ledger: &Ledger,
    settings: &Settings,
    name: Option<&str>,
) -> Result<Result<AccountName, String>, LedgerFault> {
    let known = ledger.accounts()?;
    let Some(name) = name else {
        return Ok(match known.as_slice() {
            [only] => Ok(only.clone()),
            several => Err(report::which_account(several)),
        });
    };
    if let Some(account) = known.iter().find(|account| account.as_str() == name) {
        return Ok(Ok(account.clone()));
    }
    // The ledger may still know it by the name that it had.
    let names: Vec<_> = settings.accounts.iter().map(|account| account.name.clone()).collect();
    let former = match settings.accounts.iter().find(|account| account.name.as_str() == name) {
        Some(account) => ledger.former_name(&account.name, &account.mailbox(), &names)?,
        None => None,
    };
    Ok(former.ok_or_else(|| report::unknown_account(name, &known)))
}

fn write(ledger: &Ledger, account: &AccountName, file: &mut std::fs::File) -> Result<Exported, ExportFault> {
    let mut file = BufWriter::new(file);
    let exported = ledger.export(account, clock::now(), &mut |line| writeln!(file, "{line}"))?;
    file.flush()?;
    Ok(exported)
}

fn print(ledger: &Ledger, account: &AccountName, output: &mut Output) -> Result<Exported, ExportFault> {
    let mut portion = String::new();
    let mut put = |portion: &mut String| {
        output.text(portion);
        portion.clear();
        if output.is_closed() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    };
    let exported = ledger.export(account, clock::now(), &mut |line| {
        portion.push_str(line);
        portion.push('\n');
        if portion.len() >= PORTION { put(&mut portion) } else { Ok(()) }
    })?;
    put(&mut portion)?;
    Ok(exported)
}

//! `check`: settings, rules and profiles, with every finding; with `--connect` also what each account's server can do.

use std::path::Path;

use super::output::{Output, shown};
use super::{Check, Ending, context, drift, proof};
use crate::daemon::rulebook::Reading;
use crate::daemon::{AccountFault, connect};
use crate::diagnostic::Diagnostic;
use crate::ledger::{Ledger, LedgerFault};
use crate::mailbox::{Cause, Relocation, Stop, shown_certificate};
use crate::report;
use crate::settings::{Account, Settings};
use crate::sweep;

pub(super) fn check(path: Option<&Path>, options: &Check, output: &mut Output) -> Ending {
    if options.json {
        return for_editors(path, output);
    }
    let Ok(settings) = context::settings(path, output) else { return Ending::Settings };
    let (reading, findings) = context::reading(settings.as_ref());
    output.findings(&findings);
    let Some(reading) = reading else { return Ending::Settings };
    output.line(&summary(settings.as_ref(), &reading));
    if let Some(settings) = &settings {
        for account in &settings.accounts {
            drift::tell(account, settings, output);
        }
    }
    let mut ending = Ending::Well;
    if let Some(fault) = settings.as_ref().and_then(damage) {
        output.failure(&fault);
        ending = Ending::Fault;
    }
    if options.connect {
        let Some(settings) = settings else {
            output.error("error: there are no settings, so there is no account to connect to");
            return Ending::Settings;
        };
        for account in &settings.accounts {
            output.line(&format!("\n{} ({}:{})", account.name, account.host, account.port));
            if let Err(fault) = look(account, &settings, &reading, output) {
                output.account_failure(&account.name, &fault);
                if let Some(advice) = pin_advice(account, &fault) {
                    output.line(&advice);
                }
                ending = Ending::Later;
            }
        }
    }
    ending
}

/// What is wrong with the ledger, where there is one.
fn damage(settings: &Settings) -> Option<LedgerFault> {
    let ledger = Ledger::open_read_only(&settings.state);
    ledger.and_then(|ledger| ledger.map_or(Ok(()), |ledger| ledger.require_whole())).err()
}

/// Every finding as a line of JSON; nothing where nothing is wrong.
fn for_editors(path: Option<&Path>, output: &mut Output) -> Ending {
    let (settings, mut findings) = context::settings_with_findings(path);
    // Wrong settings do not say which rules are meant.
    if settings.is_some() || findings.is_empty() {
        findings.extend(context::reading(settings.as_ref()).1);
    }
    for finding in &findings {
        output.line(&finding.json());
    }
    if findings.iter().any(Diagnostic::is_error) { Ending::Settings } else { Ending::Well }
}

/// What to do where the certificate is not trusted: the line that pins it, and when not to write it.
fn pin_advice(account: &Account, fault: &AccountFault) -> Option<String> {
    let AccountFault::Mailbox(fault) = fault else { return None };
    let shown = match fault.cause {
        Cause::OtherCertificate(shown) => shown,
        Cause::Tls(_) => shown_certificate(account, &Stop::new().ok()?).ok()?,
        _ => return None,
    };
    if account.pin.is_some() {
        return Some(format!(
            "  its certificate is not the one that you have set. If you know why (it was made anew, and shows this \
             fingerprint\n  itself), set\n    tls-fingerprint = \"{shown}\"\n  in [accounts.{}]",
            account.name
        ));
    }
    Some(format!(
        "  its certificate is not one to trust as it is. If this is your own bridge or server, and you know that nobody\n  \
         is in between (it runs on this machine, or shows the same fingerprint itself), set\n    tls-fingerprint = \
         \"{shown}\"\n  in [accounts.{}]; then this one certificate is trusted, and no other",
        account.name
    ))
}

fn summary(settings: Option<&Settings>, reading: &Reading) -> String {
    let (networks, rules, tests) = reading.sizes();
    let accounts = match settings {
        None => "no settings, so what ships was checked".to_owned(),
        Some(settings) => match settings.accounts.as_slice() {
            [] => "no account".to_owned(),
            [account] => format!("account {}", account.name),
            accounts => {
                let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
                format!("accounts {}", names.join(", "))
            }
        },
    };
    let whose = match settings.and_then(|settings| settings.rules.as_ref()) {
        Some(file) => format!("of {}", shown(file)),
        None => "that ship".to_owned(),
    };
    format!("all is well: {accounts}; {networks} networks, {rules} rules {whose}; {tests} tests passed")
}

fn look(
    account: &Account,
    settings: &Settings,
    reading: &Reading,
    output: &mut Output,
) -> Result<(), AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let mut session = connect(account, settings, &stop)?;
    output.line("  logged in");
    output.line(match session.relocation() {
        Relocation::Move => "  mail is moved with MOVE",
        Relocation::CopyThenExpunge => {
            "  mail is copied, and the original removed once the copy is proven (the server lacks MOVE)"
        }
        Relocation::CopyThenFlag => {
            "  mail is copied, and the original marked as deleted once the copy is proven: it stays until you \
             expunge the folder (the server lacks UIDPLUS)"
        }
    });
    output.line(if session.can("IDLE") {
        "  new mail is announced by the server (IDLE)"
    } else {
        "  new mail is looked for now and then (the server lacks IDLE)"
    });
    output.line(&format!("  capabilities: {}", session.capabilities().join(" ")));
    let folders = session.folders()?;
    output.line("  folders:");
    for folder in &folders {
        output.line(&format!("    {folder}"));
    }
    for folder in &account.folders {
        let opened = session.select(folder)?;
        let writable =
            if opened.writable { "" } else { "; it is read-only, so nothing can be moved out of it" };
        output.line(&format!("  {folder} has {} mails{writable}", opened.exists));
    }
    for sent in sweep::sent_folders(&reading.sent_folders()) {
        if !folders.contains(&sent) {
            let trouble = report::text::trouble(&sent, report::text::SENT_UNREAD, &folders);
            output.error(&format!("error: {trouble}"));
        }
    }
    proof::tell(account, reading, &mut session, output)?;
    // All was seen; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(())
}

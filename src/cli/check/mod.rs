//! `check`: settings, rules, profiles and what the accounts need of the machine, with every finding; with `--connect` also
//! what each account's server can do. Everything is printed to standard output, in the order in which it was found.

use std::path::Path;

use super::output::{Output, shown};
use super::{Check, Ending, context, drift};
use crate::diagnostic::Diagnostic;
use crate::ledger::Ledger;
use crate::report;
use crate::settings::{Environment, Settings};

mod machine;
mod memory;
mod server;

pub(super) fn check(path: Option<&Path>, options: &Check, output: &mut Output) -> Ending {
    output.merge();
    let environment = Environment::of_process();
    let (settings, mut findings) = context::settings_with_findings(path);
    let mut files = None;
    // Wrong settings do not say which rules are meant.
    if settings.is_some() || findings.is_empty() {
        let (read, more) = context::rule_files(settings.as_ref());
        files = read;
        findings.extend(more);
        match &settings {
            None => findings.push(context::no_settings()),
            Some(settings) if is_empty(settings) => findings.push(context::no_account()),
            Some(settings) => {
                findings.extend(machine::of_accounts(settings));
                findings.extend(memory::of_address(settings));
            }
        }
    }
    findings.extend(machine::of_environment(&environment, settings.as_ref(), path));
    let mut ending = if findings.iter().any(Diagnostic::is_error) { Ending::Settings } else { Ending::Well };
    let ledger = settings.as_ref().and_then(|settings| Ledger::examine(&settings.state).err());
    if let Some(fault) = &ledger {
        findings.push(machine::error(fault));
        ending = if ending == Ending::Well { Ending::Fault } else { ending };
    }
    if let (Some(settings), Some(files), None) = (&settings, &files, &ledger) {
        findings.extend(machine::of_networks(settings, files));
        findings.extend(machine::of_observed(settings));
    }
    if options.json {
        for finding in &findings {
            output.line(&finding.json());
        }
        return ending;
    }
    output.findings(&findings);
    let (Some(settings), Some(files)) = (settings, files) else { return Ending::Settings };
    // What is wrong with the ledger is among the findings.
    if ledger.is_none() {
        for account in &settings.accounts {
            drift::tell(account, &settings, output);
        }
    }
    if is_empty(&settings) {
        return Ending::Settings;
    }
    if options.connect && !memory::answers(&settings, output) && ending == Ending::Well {
        ending = Ending::Later;
    }
    if options.connect && !server::look_at_all(&settings, &files, &findings, output) && ending == Ending::Well
    {
        ending = Ending::Later;
    }
    if ending == Ending::Well {
        let rules = settings.rules.as_deref().map(shown);
        let sizes = files.sizes();
        output.line(&report::check::summary(&settings.accounts, sizes, rules.as_deref(), findings.len()));
    }
    ending
}

/// Is there nothing to work on: no account, and no delivery?
fn is_empty(settings: &Settings) -> bool {
    settings.has_no_account() && settings.delivery_memory.is_none()
}

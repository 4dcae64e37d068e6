//! `history`: what became of each notification, when, why and on which facts. Reads the ledger alone: works beside a running
//! service, asks no server, and changes nothing.

use std::ops::ControlFlow;
use std::path::Path;

use super::output::Output;
use super::selection::Known;
use super::{Ending, History, context};
use crate::clock::{self, Timestamp};
use crate::ledger::{HistoryEntry, Ledger, LedgerFault};
use crate::report::{history as report, usage};
use crate::rules::VerdictName;
use crate::settings::Settings;

pub(super) fn history(settings: Option<&Path>, options: &History, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    match show(&settings, options, output) {
        Ok(0) => nothing(&settings, options, output),
        Ok(_) => Ending::Well,
        Err(fault) => {
            output.failure(&fault);
            Ending::Fault
        }
    }
}

/// Prints what was chosen; returns how many entries these were.
fn show(settings: &Settings, options: &History, output: &mut Output) -> Result<usize, LedgerFault> {
    let Some(ledger) = Ledger::open_read_only(&settings.state)? else { return Ok(0) };
    let (since, until) = options.selection.span(clock::now());
    let most = options.last.unwrap_or(usize::MAX);
    let mut shown = 0;
    let mut each = |entry: HistoryEntry| {
        if shown == most || output.is_closed() {
            return ControlFlow::Break(());
        }
        if options.selection.takes(&entry) {
            match options.json {
                true => output.line(&report::json(&entry)),
                false => {
                    let gap = if shown == 0 { "" } else { "\n" };
                    output.text(&format!("{gap}{}", report::entry(&entry, output.paint())));
                }
            }
            shown += 1;
        }
        ControlFlow::Continue(())
    };
    ledger.history(since, until, &mut each)?;
    Ok(shown)
}

/// Nothing was chosen, be it because the name of the account is wrong.
fn nothing(settings: &Settings, options: &History, output: &mut Output) -> Ending {
    let names: Vec<_> = settings.accounts.iter().map(|account| account.name.as_str()).collect();
    match options.selection.account.as_deref().filter(|name| !names.contains(name)) {
        Some(name) => {
            output.error(&format!("error: {}", usage::no_account(name, &names)));
            return Ending::Usage;
        }
        None if options.json => {}
        None => match misnomers(settings, options) {
            Ok(misnomers) => {
                output.line(&[&[report::NOTHING.to_owned()], misnomers.as_slice()].concat().join("; "));
            }
            Err(fault) => {
                output.failure(&fault);
                return Ending::Fault;
            }
        },
    }
    Ending::Well
}

/// The names that were asked for and that neither the ledger nor the settings know. Wrong rules say nothing of names.
fn misnomers(settings: &Settings, options: &History) -> Result<Vec<String>, LedgerFault> {
    let (Some(files), true) = (context::rule_files(Some(settings)).0, options.selection.has_names()) else {
        return Ok(Vec::new());
    };
    let mut known = Known::default();
    let networks = files.networks().into_iter();
    known.networks.extend(networks.flat_map(|it| [it.network.as_str().to_owned(), it.title]));
    known.verdicts.extend(files.rules().verdicts().into_iter().map(ToString::to_string));
    known.verdicts.insert(VerdictName::word(None).to_owned());
    known.rules.extend(files.rules().rules().iter().map(|rule| rule.name.to_string()));
    if let Some(ledger) = Ledger::open_read_only(&settings.state)? {
        ledger.history(Timestamp(i64::MIN), Timestamp(i64::MAX), &mut |entry| {
            known.add(&entry);
            ControlFlow::Continue(())
        })?;
    }
    Ok(options.selection.misnomers(&known))
}

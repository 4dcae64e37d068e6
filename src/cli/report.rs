//! `report`: who came, the real ones first, what was filed, and when. Reads the ledger alone: works beside a running service, asks
//! no server, and changes nothing but the file that it is told to write.

use std::io::Write as _;
use std::path::Path;

use super::output::{Output, shown};
use super::{Ending, Report, context, private_file, suggest};
use crate::clock;
use crate::ledger::{Ledger, LedgerFault};
use crate::mail::Follower;
use crate::report::link::Hosts;
use crate::report::overview::{self, Gathering, Overview};
use crate::rulebook::{self, RuleFiles};
use crate::settings::Settings;

pub(super) fn report(settings: Option<&Path>, options: &Report, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    if context::accounts(&settings, options.account.as_deref(), output).is_none() {
        return Ending::Usage;
    }
    // What is wrong with the rules only takes the interests away.
    let (files, findings) = context::rule_files(Some(&settings));
    output.findings(&findings);
    let overview = match overview(&settings, files.as_ref(), options) {
        Ok(overview) => overview,
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    match options.html.as_deref() {
        None if options.json => output.line(&overview::json(&overview)),
        None => output.text(&overview::table(&overview, output.width(), output.paint())),
        Some(file) if file == Path::new("-") => output.text(&overview::page(&overview)),
        Some(file) => {
            let page = overview::page(&overview);
            if let Err(cause) = private_file::write(file, |it| it.write_all(page.as_bytes())) {
                output.error(&format!("error: could not write {}: {cause}", shown(file)));
                return Ending::Fault;
            }
            output.line(&format!("written to {}", shown(file)));
        }
    }
    Ending::Well
}

fn overview(
    settings: &Settings,
    files: Option<&RuleFiles>,
    options: &Report,
) -> Result<Overview, LedgerFault> {
    let now = clock::now();
    let since = now.before(options.since);
    let networks = files.map_or_else(|| rulebook::networks(Some(settings)).0, RuleFiles::networks);
    let hosts = Hosts::new(&networks, &settings.accounts);
    let interests =
        |follower: &Follower| files.map_or_else(Vec::new, |files| files.rules().shared_interests(follower));
    let mut gathering = Gathering::new(since, now, &hosts, &interests);
    if let Some(ledger) = Ledger::open_read_only(&settings.state)? {
        ledger.remembered(since, &mut |message| {
            let account = message.entry.judged.mail.account.as_str();
            if options.account.as_ref().is_none_or(|name| name == account) {
                gathering.add(&message);
            }
        })?;
    }
    let mut overview = gathering.finish();
    if let Some(files) = files {
        let suggestions = suggest::suggestions(settings, files)?.rules();
        overview.suggest(&suggestions, &suggest::file(settings));
    }
    Ok(overview)
}

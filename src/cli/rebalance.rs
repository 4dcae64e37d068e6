//! `rebalance`: says which accounts move when there are more or fewer shards, and how their ledgers go along. Asks no server, and changes
//! nothing.

use std::path::Path;

use super::output::Output;
use super::{Ending, Rebalance as Options, context};
use crate::report;

pub(super) fn rebalance(settings: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    // Every command of the script is about the same settings.
    let words = settings
        .and_then(|file| shlex::try_quote(file.to_str()?).ok().map(|file| format!(" --settings {file}")));
    let settings = match context::settings_with_accounts(settings, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    let mut accounts = settings.names();
    accounts.extend(settings.elsewhere);
    accounts.sort_unstable();
    output.text(&report::shards::rebalance(&accounts, options.from, options.to, &words.unwrap_or_default()));
    Ending::Well
}

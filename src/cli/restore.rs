//! `restore`: puts filed messages back where they were. Shows them first, and asks.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::Path;

use super::output::Output;
use super::{Ending, Restore as Options, context, service};
use crate::clock::{self, Timestamp};
use crate::control::{MOVES_AT_ONCE, Request};
use crate::ledger::{Filing, HistoryEntry, IntentId, Ledger, LedgerFault, LockFault};
use crate::mailbox::Stop;
use crate::place::AccountName;
use crate::report::{self, history, restore as words};
use crate::settings::{Account, Settings};
use crate::sweep::{AccountFault, News, Restoration, Restore, Sweeper, connect, former_name};

/// Which sweep's moves are put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SweepChoice {
    /// The last one that moved something that can be put back.
    Last,
    /// The one of this minute.
    At(String),
}

impl SweepChoice {
    /// Reads `last`, or a day and a minute as [`Timestamp::minute`] writes them.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        let minute: String = text.trim().replace('T', " ").chars().take(16).collect();
        let shape: String =
            minute.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        match shape.as_str() {
            "0000-00-00 00:00" => Ok(Self::At(minute)),
            _ => Err("expected `last`, or a day and a minute such as `2026-11-27T08:15`".to_owned()),
        }
    }
}

/// What was chosen: by account, the moves that filed the messages.
type Chosen = BTreeMap<AccountName, Vec<IntentId>>;

pub(super) fn restore(path: Option<&Path>, options: &Options, output: &mut Output) -> Ending {
    let settings = match context::settings_to_act(path, output) {
        Ok(settings) => settings,
        Err(ending) => return ending,
    };
    if options.selection.is_everything() && options.sweep.is_none() && !options.all {
        output.error(&format!("error: {}", words::SAY_WHICH));
        return Ending::Usage;
    }
    let Some(accounts) = context::accounts(&settings, options.selection.account.as_deref(), output) else {
        return Ending::Usage;
    };
    let chosen = match choose(&settings, &accounts, options, output) {
        Ok(chosen) => chosen,
        Err(fault) => {
            output.failure(&fault);
            return Ending::Fault;
        }
    };
    if chosen.is_empty() {
        output.line(words::NOTHING);
        return Ending::Well;
    }
    let counts = chosen.iter().map(|(name, moves)| (name.clone(), moves.len())).collect();
    output.line(&format!("\n{}", words::chosen(&counts)));
    if options.dry_run {
        return Ending::Well;
    }
    if !options.yes {
        if !io::stdin().is_terminal() {
            output.error(&format!("error: {}", words::NEEDS_YES));
            return Ending::Usage;
        }
        if !agrees(output) {
            output.line(words::NOT_DONE);
            return Ending::Well;
        }
    }
    let mut ending = Ending::Well;
    for account in accounts {
        let Some(moves) = chosen.get(&account.name) else { continue };
        let wanted = Restore { moves: moves.clone(), learns: !options.no_learn };
        let done = one(account, &settings, &wanted, output);
        output.end_progress();
        match done {
            Ok(done) => {
                output.line(&words::sums(&account.name, &done, wanted.learns));
                if done.left > 0 {
                    ending = Ending::Later;
                }
            }
            Err(AccountFault::Lock(fault @ LockFault::Held { .. })) => {
                for some in moves.chunks(MOVES_AT_ONCE) {
                    let request = Request::Restore {
                        account: account.name.to_string(),
                        moves: some.iter().map(|id| id.number()).collect(),
                        learns: wanted.learns,
                    };
                    if service::ask(account, &settings, &request, &fault, output) != Ending::Well {
                        ending = Ending::Later;
                        break;
                    }
                }
            }
            Err(fault) => {
                context::account_failed(account, &fault, output);
                ending = Ending::Later;
            }
        }
    }
    ending
}

/// Prints the entries of what can be put back, and returns the moves.
fn choose(
    settings: &Settings,
    accounts: &[&Account],
    options: &Options,
    output: &mut Output,
) -> Result<Chosen, LedgerFault> {
    let mut chosen = Chosen::new();
    let Some(ledger) = Ledger::open_read_only(&settings.state)? else { return Ok(chosen) };
    let (since, until) = options.selection.span(clock::now());
    // By the names that the accounts have in the ledger.
    let mut names = BTreeMap::new();
    for account in accounts {
        let former = former_name(&ledger, account, settings)?;
        names.insert(former.unwrap_or_else(|| account.name.clone()), &account.name);
    }
    let meant = |entry: &HistoryEntry| {
        names.contains_key(&entry.judged.mail.account) && options.selection.takes(entry)
    };
    let in_time = |filing: &Filing| since <= filing.stated_at && filing.stated_at <= until;
    let mut last: Option<Timestamp> = None;
    if options.sweep == Some(SweepChoice::Last) {
        ledger.history(since, until, &mut |entry| {
            if meant(&entry) {
                let moved = entry.restorable().filter(|it| in_time(it) && !it.found).map(|it| it.stated_at);
                last = moved.chain(last).max();
            }
            ControlFlow::Continue(())
        })?;
    }
    let of_sweep = |filing: &Filing| match &options.sweep {
        None => true,
        // No sweep that the ledger knows of has filed it.
        Some(_) if filing.found => false,
        Some(SweepChoice::Last) => Some(filing.stated_at) == last,
        Some(SweepChoice::At(minute)) => filing.stated_at.minute() == *minute,
    };
    ledger.history(since, until, &mut |entry| {
        let Some(account) = names.get(&entry.judged.mail.account).filter(|_| meant(&entry)) else {
            return ControlFlow::Continue(());
        };
        let moves: Vec<IntentId> =
            entry.restorable().filter(|it| in_time(it) && of_sweep(it)).map(|it| it.id).collect();
        if !moves.is_empty() {
            let gap = if chosen.is_empty() { "" } else { "\n" };
            output.text(&format!("{gap}{}", history::entry(&entry, output.paint())));
            chosen.entry(AccountName::clone(account)).or_default().extend(moves);
        }
        ControlFlow::Continue(())
    })?;
    Ok(chosen)
}

/// Asks on the terminal.
fn agrees(output: &mut Output) -> bool {
    output.text(words::QUESTION);
    let mut answer = String::new();
    // Whatever is not a clear yes, an error too, is a no.
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn one(
    account: &Account,
    settings: &Settings,
    wanted: &Restore,
    output: &mut Output,
) -> Result<Restoration, AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let mut sweeper = Sweeper::begin(account, settings)?;
    let session = connect(account, settings, &stop)?;
    let mut tell = |news: News| output.told(report::sweep::told(&news, false));
    let (session, done) = sweeper.restore(session, wanted, &mut tell)?;
    // All was done; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_named_by_its_minute() {
        let at = SweepChoice::At("2026-11-27 08:15".to_owned());
        for text in ["2026-11-27 08:15", "2026-11-27T08:15:59Z", "2026-11-27 08:15 UTC"] {
            assert_eq!(SweepChoice::parse(text), Ok(at.clone()), "{text}");
        }
        assert_eq!(SweepChoice::parse("last"), Ok(SweepChoice::Last));
        for text in ["", "lasts", "08:15", "yesterday", "2026-11-27"] {
            assert!(SweepChoice::parse(text).is_err(), "{text}");
        }
    }
}

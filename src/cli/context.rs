//! What every command needs first: the settings, and what is written beside them.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Ending;
use super::output::Output;
use crate::clock;
use crate::diagnostic::Diagnostic;
use crate::host::{AuthservId, AuthservIds, HostName, Instance};
use crate::ledger::{HistoryEntry, Known, Ledger, LedgerFault};
use crate::mail::{FollowerKey, Trust};
use crate::mailbox::Stop;
use crate::report;
use crate::rulebook::list_files::{self, Earlier, SETTLED};
use crate::rulebook::{self, RuleFiles, Sent};
use crate::settings::{self, Account, Environment, Settings};
use crate::sweep::{self, AccountFault};

/// The settings, where there are any. What is wrong with them is printed.
pub(super) fn settings(path: Option<&Path>, output: &mut Output) -> Result<Option<Settings>, Ending> {
    let (settings, findings) = settings_with_findings(path);
    output.findings(&findings);
    match settings {
        None if findings.iter().any(Diagnostic::is_error) => Err(Ending::Settings),
        settings => Ok(settings),
    }
}

/// The settings, where there are any and they are right, and what is wrong with them.
pub(super) fn settings_with_findings(path: Option<&Path>) -> (Option<Settings>, Vec<Diagnostic>) {
    read_settings(path, &Environment::of_process())
}

fn read_settings(path: Option<&Path>, environment: &Environment) -> (Option<Settings>, Vec<Diagnostic>) {
    let file = path.map(Path::to_owned).or_else(|| settings::locate(environment));
    match file {
        Some(file) => settings::load(Some(&file), environment),
        None => (None, Vec::new()),
    }
}

/// How a command takes list files that may still be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsettled {
    /// As they are: it moves nothing.
    Taken,
    /// It waits until they have been unchanged for a while.
    WaitedFor,
    /// Their lists count as not loaded; the service, which goes on with them, reads them again.
    Left,
}

/// How long a command waits for list files to be left alone.
const LONGEST: Duration = Duration::from_secs(10);

/// Rules, profiles and lists, with the last good copies of the lists; and what is wrong with them.
pub(super) fn rule_files(settings: Option<&Settings>) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    rule_files_with(settings, settings.and_then(|settings| settings.rules.as_deref()))
}

/// The same with another rules file than the settings name.
pub(super) fn rule_files_with(
    settings: Option<&Settings>,
    rules: Option<&Path>,
) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    let copies = settings.map(list_files::kept).unwrap_or_default();
    rulebook::read_beside(settings, rules, &Earlier { copies, settled: Duration::ZERO })
}

fn rule_files_to_act(settings: &Settings, unsettled: Unsettled) -> (Option<RuleFiles>, Vec<Diagnostic>) {
    if unsettled == Unsettled::Taken {
        return rule_files(Some(settings));
    }
    let earlier = Earlier { copies: list_files::kept(settings), settled: SETTLED };
    let read = || rulebook::read_beside(Some(settings), settings.rules.as_deref(), &earlier);
    let until = Instant::now() + LONGEST;
    let mut found = read();
    let are_settling = |found: &(Option<RuleFiles>, _)| {
        found.0.as_ref().is_some_and(|files: &RuleFiles| files.lists().are_settling())
    };
    while unsettled == Unsettled::WaitedFor && are_settling(&found) && Instant::now() < until {
        let Ok(stop) = Stop::new() else { break };
        // Nobody else knows of this one, so that it ends when the time is up.
        let _ = stop.wait(Instant::now() + SETTLED / 4);
        found = read();
    }
    found
}

/// There is no settings file.
pub(super) fn no_settings() -> Diagnostic {
    Diagnostic::unplaced("there are no settings")
        .help("run `followsift init`, which asks and writes them; or name a file with --settings")
}

/// The settings name no account.
pub(super) fn no_account() -> Diagnostic {
    Diagnostic::unplaced("the settings name no account").help("add a table such as [accounts.home]")
}

/// The settings as this environment overrides them. What is wrong, or that there are none, is printed.
pub(super) fn settings_in(
    path: Option<&Path>,
    environment: &Environment,
    output: &mut Output,
) -> Result<Settings, Ending> {
    let (settings, findings) = read_settings(path, environment);
    output.findings(&findings);
    match settings {
        Some(settings) => Ok(settings),
        None => {
            if !findings.iter().any(Diagnostic::is_error) {
                output.findings(&[no_settings()]);
            }
            Err(Ending::Settings)
        }
    }
}

/// Settings with accounts, and rules and profiles, for a command that cannot do without. What is missing is printed.
pub(super) fn everything(
    path: Option<&Path>,
    unsettled: Unsettled,
    output: &mut Output,
) -> Result<(Settings, RuleFiles), Ending> {
    let settings = settings_to_act(path, output)?;
    let files = files_to_act(&settings, unsettled, output)?;
    Ok((settings, files))
}

/// The first half of [`everything`].
pub(super) fn settings_to_act(path: Option<&Path>, output: &mut Output) -> Result<Settings, Ending> {
    settings(path, output)?.ok_or_else(|| {
        output.findings(&[no_settings()]);
        Ending::Settings
    })
}

/// The settings, for a command that needs an account and no rules.
pub(super) fn settings_with_accounts(path: Option<&Path>, output: &mut Output) -> Result<Settings, Ending> {
    let settings = settings_to_act(path, output)?;
    if settings.has_no_account() {
        output.findings(&[no_account()]);
        return Err(Ending::Settings);
    }
    Ok(settings)
}

/// Prints what went wrong with an account, and what to do about it.
pub(super) fn account_failed(account: &Account, fault: &AccountFault, output: &mut Output) {
    output.account_failure(&account.name, fault);
    if let Some(advice) = report::advice(fault, account, clock::now()) {
        output.error(&format!("  {advice}"));
    }
}

/// The second half of [`everything`].
pub(super) fn files_to_act(
    settings: &Settings,
    unsettled: Unsettled,
    output: &mut Output,
) -> Result<RuleFiles, Ending> {
    let (files, findings) = rule_files_to_act(settings, unsettled);
    output.findings(&findings);
    let files = files.ok_or(Ending::Settings)?;
    if settings.has_no_account() {
        output.findings(&[no_account()]);
        return Err(Ending::Settings);
    }
    Ok(files)
}

/// The account of that name, or all. Prints that there is none.
pub(super) fn accounts<'s>(
    settings: &'s Settings,
    name: Option<&str>,
    output: &mut Output,
) -> Option<Vec<&'s Account>> {
    let wanted = |account: &&Account| name.is_none_or(|name| account.name.as_str() == name);
    let accounts: Vec<_> = settings.accounts.iter().filter(wanted).collect();
    if let (None, [], Some(shard)) = (name, accounts.as_slice(), settings.shard) {
        output.line(&report::shards::empty(shard));
    } else if accounts.is_empty() {
        let elsewhere = settings.elsewhere.iter().find(|account| name == Some(account.as_str()));
        if let (Some(account), Some(shard)) = (elsewhere, settings.shard) {
            output.error(&format!("error: {}", report::shards::elsewhere(account, shard)));
            return None;
        }
        let names: Vec<_> = settings.accounts.iter().map(|account| account.name.as_str()).collect();
        let name = name.unwrap_or_default();
        output.error(&format!("error: {}", report::usage::no_account(name, &names)));
        return None;
    }
    Some(accounts)
}

/// What proves a message that may be of any account: what the accounts' servers call themselves, where that is one name, and
/// the user's own servers, of all accounts; what the command line says instead of either counts.
pub(super) fn trust(settings: Option<&Settings>, ids: &[AuthservId], hosts: &[HostName]) -> Trust {
    let accounts = settings.map_or(&[][..], |settings| settings.accounts.as_slice());
    let instances = match hosts {
        [] => accounts.iter().flat_map(|account| account.instances.clone()).collect(),
        hosts => hosts.iter().cloned().map(Instance::new).collect(),
    };
    let authserv_id = match ids {
        [] => only_authserv_ids(accounts),
        ids => ids.iter().cloned().collect(),
    };
    let relays = accounts.iter().flat_map(|account| account.relays.clone()).collect();
    Trust { authserv_id, instances, relays }
}

/// What the accounts' servers call themselves, where they agree.
fn only_authserv_ids(accounts: &[Account]) -> AuthservIds {
    let mut set = accounts.iter().map(|account| &account.authserv_id).filter(|ids| ids.is_set());
    let first = set.next().cloned().unwrap_or_default();
    if set.all(|ids| *ids == first) { first } else { AuthservIds::default() }
}

/// The people written to, as far as the ledger has them: of all accounts together, for commands that ask no server.
pub(super) fn sent(settings: Option<&Settings>, files: &RuleFiles) -> Sent {
    let mut sent = Sent::new();
    let Some(settings) = settings.filter(|_| !files.sent_folders().is_empty()) else { return sent };
    let Ok(Some(ledger)) = Ledger::open_read_only(&settings.state) else { return sent };
    for account in &settings.accounts {
        for (source, people) in sweep::sent_people(&ledger, account, files).unwrap_or_default() {
            sent.entry(source).or_default().extend(people);
        }
    }
    sent
}

/// What the user has put back, as the ledger knows it.
pub(super) fn corrections(settings: &Settings) -> Result<Vec<HistoryEntry>, LedgerFault> {
    Ledger::open_read_only(&settings.state)?.map_or(Ok(Vec::new()), |ledger| ledger.corrections())
}

/// Whom the user filed by hand, as the ledger has it.
pub(super) fn unwelcome(settings: &Settings) -> Result<Vec<FollowerKey>, LedgerFault> {
    let unwelcome =
        Ledger::open_read_only(&settings.state)?.map_or(Ok(Vec::new()), |ledger| ledger.unwelcome())?;
    Ok(unwelcome.into_iter().map(|(follower, _)| follower).collect())
}

/// Whom the user knows, as the ledger has it.
pub(super) fn known(settings: &Settings) -> Result<Vec<Known>, LedgerFault> {
    Ledger::open_read_only(&settings.state)?.map_or(Ok(Vec::new()), |ledger| ledger.known())
}

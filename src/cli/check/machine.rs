//! What can be wrong around the settings: the locks, the passwords, the authorities, the environment. Nothing is changed and
//! no program is run.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::ledger::{Ledger, require_lock_folder};
use crate::login;
use crate::mail::NetworkSummary;
use crate::mailbox::Connector;
use crate::report::{Chain, remains};
use crate::rulebook::RuleFiles;
use crate::settings::{self, Account, Environment, Settings, log_filter};

/// How far back a network counts as one that sends messages.
const SEEN_SPAN: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// What is looked for beside the settings where they name nothing.
const BESIDE: [&str; 3] = ["rules.toml", "networks", "accounts.d"];

/// What is wrong with what the accounts need: a folder for locks, their passwords and authorities, and the token for look-ups.
pub(super) fn of_accounts(settings: &Settings) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let shared = settings.shared.as_deref().filter(|folder| *folder != settings.state);
    if let Some((folder, Err(cause))) = shared.map(|folder| (folder, require_lock_folder(folder))) {
        let message = format!("could not use {} for the locks of mailboxes: {cause}", folder.display());
        findings.push(warning(message).help(
            "until it can be used, two followsifts of yours with different state folders may work on one mailbox at \
             the same time",
        ));
    }
    for account in &settings.accounts {
        findings.extend(of_account(account, settings));
    }
    if let Some(Err(fault)) = settings.lookup.x_token.as_deref().map(login::token_in) {
        findings.push(Diagnostic::unplaced(format!("look-ups on X: {}", Chain(&fault))));
    }
    findings.extend(of_look_ups(settings));
    findings.extend(settings.hooks.programs().filter_map(|(key, words)| of_hook(key, words, settings)));
    findings
}

/// A hook whose program is not there, or cannot be run by anybody.
fn of_hook(key: &str, words: &[String], settings: &Settings) -> Option<Diagnostic> {
    let program = words.first()?;
    let places: Vec<_> = match program.contains('/') {
        true => vec![Path::new(program).to_owned()],
        false => settings.programs.iter().map(|folder| folder.join(program)).collect(),
    };
    let files = || places.iter().filter(|place| place.is_file());
    let runs = |file: &Path| fs::metadata(file).is_ok_and(|it| it.permissions().mode() & 0o111 != 0);
    if files().any(|file| runs(file)) {
        return None;
    }
    Some(match files().next() {
        Some(file) => Diagnostic::unplaced(format!("hook `{key}`: {} is not executable", file.display()))
            .help(format!("run `chmod +x {}`", file.display())),
        None if program.contains('/') => {
            Diagnostic::unplaced(format!("hook `{key}`: there is no file {program}"))
        }
        None => Diagnostic::unplaced(format!("hook `{key}`: there is no program {program} in PATH")),
    })
}

/// Look-ups that are on and can never ask, with what is missing.
fn of_look_ups(settings: &Settings) -> Option<Diagnostic> {
    let (lookup, accounts) = (&settings.lookup, &settings.accounts);
    let proving = || accounts.iter().filter(|account| account.authserv_id.is_set());
    if !lookup.is_on() {
        return None;
    }
    if proving().next().is_none() {
        let message = "nothing is looked up: without `authserv-id`, no message is proven authentic";
        return Some(warning(message.to_owned()).help(
            "add `authserv-id` to the account; `followsift check --connect` says what the server calls itself",
        ));
    }
    if proving().any(|account| !account.instances.is_empty()) {
        return None;
    }
    let keys = lookup.own_server.iter().map(|site| site.key());
    let keys: Vec<_> = keys.chain((!lookup.ask.is_empty()).then_some("ask")).collect();
    if keys.is_empty() {
        return None;
    }
    let message = format!(
        "no server is asked for `{}` in `[lookup]`: no account with `authserv-id` names your own in `instances`",
        keys.join("`, `")
    );
    Some(warning(message).help("add it to the account: `instances = [\"toot.example\"]`"))
}

fn of_account(account: &Account, settings: &Settings) -> Vec<Diagnostic> {
    let (oddities, faults) = login::inspect(account, settings);
    let odd = oddities.iter().map(|oddity| warning(format!("account `{}`: {oddity}", account.name)));
    let mut findings: Vec<_> = odd.chain(faults.iter().map(|fault| of(account, fault))).collect();
    if account.ca_file.is_some()
        && account.pin.is_none()
        && let Err(fault) = Connector::of(account)
    {
        findings.push(of(account, &fault));
    }
    findings
}

/// A fault of an account as a finding.
pub(super) fn of(account: &Account, fault: &dyn Error) -> Diagnostic {
    Diagnostic::unplaced(format!("account `{}`: {}", account.name, Chain(fault)))
}

/// The networks of the last months whose followers no rule can ever judge.
pub(super) fn of_networks(settings: &Settings, files: &RuleFiles) -> Vec<Diagnostic> {
    let since = clock::now().before(SEEN_SPAN);
    let seen = Ledger::open_read_only(&settings.state)
        .and_then(|ledger| ledger.map_or(Ok(BTreeSet::new()), |ledger| ledger.networks(since)));
    match seen {
        Ok(seen) => files.beyond_the_rules(&seen, settings).iter().map(beyond_the_rules).collect(),
        Err(fault) => vec![error(&fault)],
    }
}

/// The accounts whose old messages are only observed.
pub(super) fn of_observed(settings: &Settings) -> Vec<Diagnostic> {
    let observed = |ledger: &Ledger| {
        let mut findings = Vec::new();
        for account in settings.accounts.iter().filter(|account| account.act) {
            if let Some((messages, before)) =
                ledger.observed(&account.name)?.filter(|(messages, _)| *messages > 0)
            {
                findings.push(only_observed(account, messages, before));
            }
        }
        Ok(findings)
    };
    match Ledger::open_read_only(&settings.state)
        .and_then(|ledger| ledger.as_ref().map_or(Ok(Vec::new()), observed))
    {
        Ok(findings) => findings,
        Err(fault) => vec![error(&fault)],
    }
}

fn only_observed(account: &Account, messages: usize, before: Timestamp) -> Diagnostic {
    let name = &account.name;
    let message = format!(
        "account `{name}`: {} from before this ledger stay: it does not know what you put back before {} UTC",
        remains::messages(messages),
        before.minute()
    );
    warning(message).help(format!(
        "put back a copy of the ledger that knows; or run `followsift resume --account {name}`, and \
         the next sweep moves them by your rules"
    ))
}

fn beyond_the_rules(network: &NetworkSummary) -> Diagnostic {
    let name = &network.network;
    let shown: Vec<_> = network.facts.iter().map(|fact| fact.word()).collect();
    let message = format!(
        "no rule can judge the followers on {}, which sends you messages: they show {}, and no rule for them uses that",
        network.title,
        shown.join(", ")
    );
    warning(message).help(format!(
        "these messages stay; `followsift networks {name}` says what each form of them shows, and a rule with \
         `when.network = \"{name}\"` judges them all"
    ))
}

/// What is wrong with the environment, and with what lies beside the settings.
pub(super) fn of_environment(
    environment: &Environment,
    settings: Option<&Settings>,
    file: Option<&Path>,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    if !environment.has_home() {
        findings.push(warning("HOME is not set, or is not an absolute path".to_owned()).help(
            "followsift looks for settings in ~/.config/followsift, keeps its ledger and locks in \
             ~/.local/state/followsift, and completes `~/` in the settings by it",
        ));
    }
    if let Some(doubt) = log_filter::doubt(&environment.log_filter()) {
        findings.push(
            warning(format!("FOLLOWSIFT_LOG: {doubt}")).help(
                "write a level, such as `debug`, or parts of the program with levels: `followsift=debug`",
            ),
        );
    }
    let file = file.map(Path::to_owned).or_else(|| settings::locate(environment));
    if let (Some(settings), Some(file)) = (settings, &file) {
        findings.extend(beside(file, settings));
    }
    findings
}

/// Files beside the settings' `file` whose names are nearly those that are looked for, where these are not there.
fn beside(file: &Path, settings: &Settings) -> Vec<Diagnostic> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let own = file.file_name().and_then(|name| name.to_str());
    let wanted: Vec<&str> = BESIDE
        .into_iter()
        .zip([
            settings.rules.is_none(),
            settings.networks.is_none(),
            !settings::accounts_folder(file).exists(),
        ])
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let near = |name: &String| {
        // The settings themselves are read, whatever they are called.
        if Some(name.as_str()) == own {
            return None;
        }
        // `.toml` alone makes no name a near one.
        let stem = |name: &str| name.strip_suffix(".toml").unwrap_or(name).to_owned();
        let stems: Vec<String> = wanted.iter().map(|name| stem(name)).collect();
        let meant = nearest(&stem(name), stems.iter().map(String::as_str))?;
        let meant = wanted.iter().find(|name| stem(name) == meant)?;
        let message = format!("`{name}` is not read: followsift looks for `{meant}` beside the settings");
        Some(warning(message).help(match *meant {
            "accounts.d" => "rename it to `accounts.d`".to_owned(),
            meant => format!("rename it to `{meant}`, or name it in the settings"),
        }))
    };
    names.iter().filter_map(near).collect()
}

/// A fault as a finding.
pub(super) fn error(fault: &dyn Error) -> Diagnostic {
    Diagnostic::unplaced(Chain(fault).to_string())
}

fn warning(message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..Diagnostic::unplaced(message) }
}

//! What the server of each account can do, and whether the folders that the account names are there.
//!
//! The accounts are tried at the same time, so that a server that does not answer holds up no other, and printed in their order.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use super::{Output, machine};
use crate::cli::proof;
use crate::clock;
use crate::diagnostic::Diagnostic;
use crate::mailbox::{Fate, Stop};
use crate::report::{self, Chain};
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};
use crate::sweep::{self, AccountFault, connect};
use crate::text;

/// How many accounts are tried at the same time.
const AT_ONCE: usize = 8;
/// How many of them at one host: some servers turn away an address that opens many connections.
const AT_ONE_HOST: usize = 2;

/// What an account's server has shown.
struct Shown {
    lines: Vec<String>,
    is_well: bool,
}

/// Connects to all accounts; says whether all is well with them. Does not repeat `findings`.
pub(super) fn look_at_all(
    settings: &Settings,
    files: &RuleFiles,
    findings: &[Diagnostic],
    output: &mut Output,
) -> bool {
    let accounts = &settings.accounts;
    let lanes = lanes(accounts);
    let workers = lanes.len().min(AT_ONCE);
    let lanes = Mutex::new(lanes.into_iter());
    let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut is_well = true;
    thread::scope(|scope| {
        let (shown, looks) = mpsc::channel();
        for _ in 0..workers {
            let shown = shown.clone();
            scope.spawn(move || {
                while let Some(lane) = next() {
                    for (at, account) in lane {
                        // The receiver outlives the threads.
                        let _ = shown.send((at, look_at(account, settings, files, findings)));
                    }
                }
            });
        }
        drop(shown);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (at, look) in looks {
            early.insert(at, look);
            while let Some(look) = early.remove(&due) {
                look.lines.iter().for_each(|line| output.line(line));
                is_well &= look.is_well;
                due += 1;
            }
        }
    });
    is_well
}

/// The accounts in lanes: those of one lane are tried one after the other, and no host has more than [`AT_ONE_HOST`] lanes.
fn lanes(accounts: &[Account]) -> Vec<Vec<(usize, &Account)>> {
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    let mut lanes: BTreeMap<(String, usize), Vec<(usize, &Account)>> = BTreeMap::new();
    for (at, account) in accounts.iter().enumerate() {
        let host = account.host.to_ascii_lowercase();
        let before = hosts.entry(host.clone()).or_default();
        lanes.entry((host, *before % AT_ONE_HOST)).or_default().push((at, account));
        *before += 1;
    }
    let mut lanes: Vec<_> = lanes.into_values().collect();
    // What is printed first is tried first.
    lanes.sort_by_key(|lane| lane.first().map(|(at, _)| *at));
    lanes
}

/// Looks at one account, whatever comes of it.
fn look_at(account: &Account, settings: &Settings, files: &RuleFiles, findings: &[Diagnostic]) -> Shown {
    let mut lines = vec![format!("{} ({}:{})", account.name, account.host, account.port)];
    let is_well = match look(account, settings, files, &mut lines) {
        Ok(is_well) => is_well,
        Err(fault) => {
            let finding = machine::of(account, &fault);
            lines.push(match findings.contains(&finding) {
                true => "  not connected, because of the error above".to_owned(),
                false => format!("error: {}: {}", account.name, text::line(&Chain(&fault).to_string())),
            });
            let advice = report::advice(&fault, account, clock::now()).map(|advice| format!("  {advice}"));
            // The advice about a self-signed certificate is to look here.
            let pin = report::check::pin(account, &fault);
            let is_said = pin.as_ref().is_some_and(|pin| pin.is_whole);
            let advice = advice.filter(|_| !is_said);
            lines.extend(advice.into_iter().chain(pin.map(|pin| pin.lines)));
            false
        }
    };
    lines.push(String::new());
    Shown { lines, is_well }
}

/// Looks at one account; says whether nothing is wrong with its folders.
fn look(
    account: &Account,
    settings: &Settings,
    files: &RuleFiles,
    lines: &mut Vec<String>,
) -> Result<bool, AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let mut session = connect(account, settings, &stop)?;
    lines.push("  logged in".to_owned());
    lines.push(report::check::moving(session.relocation()).to_owned());
    lines.push(report::check::waiting(session.capabilities().idle).to_owned());
    lines.push(format!("  capabilities: {}", session.capabilities().words.join(" ")));
    let folders = session.folders()?;
    lines.push("  folders:".to_owned());
    lines.extend(folders.iter().map(|folder| format!("    {folder}")));
    let mut troubles = Vec::new();
    let mut first = None;
    for folder in &account.folders {
        match session.select(folder) {
            Ok(opened) => {
                lines.push(report::check::folder(&opened));
                first.get_or_insert_with(|| folder.clone());
            }
            Err(fault) if fault.fate() == Fate::Leave || fault.is_refused_folder() && !session.is_spent() => {
                let words = fault.cause.to_string();
                let advice = report::advice(&fault.into(), account, clock::now());
                let words = [words].into_iter().chain(advice).collect::<Vec<_>>().join("; ");
                troubles.push(report::sweep::trouble(folder, &words, &folders));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    for (at, folder) in account.folders.iter().enumerate() {
        for earlier in account.folders.iter().take(at) {
            if session.is_one_folder(earlier, folder)? {
                let words = report::check::same_folder(earlier);
                troubles.push(report::sweep::trouble(folder, &words, &[]));
            }
        }
    }
    for sent in sweep::sent_folders(&files.sent_folders()) {
        if !folders.contains(&sent) {
            troubles.push(report::sweep::trouble(&sent, report::sweep::SENT_UNREAD, &folders));
        }
    }
    lines.extend(troubles.iter().map(|trouble| format!("error: {trouble}")));
    if let Some(folder) = first {
        lines.extend(proof::told(account, &folder, files, &mut session)?);
    }
    // All was seen; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(troubles.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{self, Environment};

    #[test]
    fn no_host_has_more_than_two_lanes_and_what_is_printed_first_is_tried_first() {
        let accounts = [("a", "z.example"), ("b", "Y.example"), ("c", "y.example"), ("d", "y.example")];
        let mut text = "state = \"/state\"\n".to_owned();
        for (name, host) in accounts {
            text += &format!(
                "[accounts.{name}]\nhost = \"{host}\"\nuser = \"{name}\"\npassword-file = \"key\"\n"
            );
        }
        let file = Path::new("/nowhere/followsift.toml");
        let (settings, findings) = settings::of_text(file, text, &Environment::of([]));
        let settings = settings.unwrap_or_else(|| panic!("{findings:?}"));
        let names =
            |lane: Vec<(usize, &Account)>| lane.iter().map(|(_, account)| account.name.to_string()).collect();
        let lanes: Vec<Vec<String>> = lanes(&settings.accounts).into_iter().map(names).collect();
        assert_eq!(lanes, [vec!["a"], vec!["b", "d"], vec!["c"]]);
    }
}

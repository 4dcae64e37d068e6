//! What the server of each account can do, and whether the folders that the account names are there.

use super::{Output, machine};
use crate::cli::proof;
use crate::clock;
use crate::diagnostic::Diagnostic;
use crate::mailbox::{Fate, Stop};
use crate::report;
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};
use crate::sweep::{self, AccountFault, connect};

/// Connects to all accounts; says whether all is well with them. Does not repeat `findings`.
pub(super) fn look_at_all(
    settings: &Settings,
    files: &RuleFiles,
    findings: &[Diagnostic],
    output: &mut Output,
) -> bool {
    let mut well = true;
    for account in &settings.accounts {
        output.line(&format!("{} ({}:{})", account.name, account.host, account.port));
        match look(account, settings, files, output) {
            Ok(all) => well &= all,
            Err(fault) => {
                let finding = machine::of(account, &fault);
                match findings.contains(&finding) {
                    true => output.line("  not connected, because of the error above"),
                    false => output.account_failure(&account.name, &fault),
                }
                let advice =
                    report::advice(&fault, account, clock::now()).map(|advice| format!("  {advice}"));
                // The advice about a self-signed certificate is to look here.
                let pin = report::check::pin(account, &fault);
                let is_said = pin.as_ref().is_some_and(|pin| pin.is_whole);
                let advice = advice.filter(|_| !is_said);
                for lines in advice.into_iter().chain(pin.map(|pin| pin.lines)) {
                    output.line(&lines);
                }
                well = false;
            }
        }
        output.line("");
    }
    well
}

/// Looks at one account; says whether nothing is wrong with its folders.
fn look(
    account: &Account,
    settings: &Settings,
    files: &RuleFiles,
    output: &mut Output,
) -> Result<bool, AccountFault> {
    let stop = Stop::new().map_err(AccountFault::Machine)?;
    let mut session = connect(account, settings, &stop)?;
    output.line("  logged in");
    output.line(report::check::moving(session.relocation()));
    output.line(report::check::waiting(session.capabilities().idle));
    output.line(&format!("  capabilities: {}", session.capabilities().words.join(" ")));
    let folders = session.folders()?;
    output.line("  folders:");
    for folder in &folders {
        output.line(&format!("    {folder}"));
    }
    let mut troubles = Vec::new();
    let mut first = None;
    for folder in &account.folders {
        match session.select(folder) {
            Ok(opened) => {
                output.line(&report::check::folder(&opened));
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
    for trouble in &troubles {
        output.error(&format!("error: {trouble}"));
    }
    if let Some(folder) = first {
        proof::tell(account, &folder, files, &mut session, output)?;
    }
    // All was seen; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(troubles.is_empty())
}

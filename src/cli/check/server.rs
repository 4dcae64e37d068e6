//! What the server of each account can do, and whether the folders that the account names are there.

use super::Output;
use crate::cli::proof;
use crate::mailbox::{Cause, Fate, Opened, Relocation, Stop, shown_certificate};
use crate::report;
use crate::rulebook::Reading;
use crate::settings::{Account, Settings};
use crate::sweep::{self, AccountFault, connect};

/// Connects to all accounts; says whether all is well with them.
pub(super) fn look_at_all(settings: &Settings, reading: &Reading, output: &mut Output) -> bool {
    let mut well = true;
    for account in &settings.accounts {
        output.line(&format!("{} ({}:{})", account.name, account.host, account.port));
        match look(account, settings, reading, output) {
            Ok(all) => well &= all,
            Err(fault) => {
                output.account_failure(&account.name, &fault);
                if let Some(advice) = pin_advice(account, &fault) {
                    output.line(&advice);
                }
                well = false;
            }
        }
        output.line("");
    }
    well
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

/// Looks at one account; says whether nothing is wrong with its folders.
fn look(
    account: &Account,
    settings: &Settings,
    reading: &Reading,
    output: &mut Output,
) -> Result<bool, AccountFault> {
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
    output.line(if session.capabilities().idle {
        "  new mail is announced by the server (IDLE)"
    } else {
        "  new mail is looked for now and then (the server lacks IDLE)"
    });
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
                output.line(&described(&opened));
                first.get_or_insert_with(|| folder.clone());
            }
            Err(fault) if fault.fate() == Fate::Leave || fault.is_refused_folder() && !session.is_spent() => {
                troubles.push(report::sweep::trouble(folder, &fault.cause.to_string(), &folders));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    for (at, folder) in account.folders.iter().enumerate() {
        for earlier in account.folders.iter().take(at) {
            if session.is_one_folder(earlier, folder)? {
                let words = format!(
                    "the server has one folder for this name and for \"{earlier}\"; take one of them out of `folders`"
                );
                troubles.push(report::sweep::trouble(folder, &words, &[]));
            }
        }
    }
    for sent in sweep::sent_folders(&reading.sent_folders()) {
        if !folders.contains(&sent) {
            troubles.push(report::sweep::trouble(&sent, report::sweep::SENT_UNREAD, &folders));
        }
    }
    for trouble in &troubles {
        output.error(&format!("error: {trouble}"));
    }
    if let Some(folder) = first {
        proof::tell(account, &folder, reading, &mut session, output)?;
    }
    // All was seen; a server that does not say goodbye changes nothing.
    let _ = session.logout();
    Ok(troubles.is_empty())
}

fn described(Opened { folder, exists, writable, .. }: &Opened) -> String {
    let messages = if *exists == 1 { "1 message".to_owned() } else { format!("{exists} messages") };
    let read_only = if *writable { "" } else { "; it is read-only, so nothing can be moved out of it" };
    format!("  {folder} has {messages}{read_only}")
}

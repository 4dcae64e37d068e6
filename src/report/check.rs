//! What `check` says of the accounts' servers and at its end. Its findings are `diagnostic`'s. Pure.

use std::collections::BTreeMap;

use super::remains::messages;
use crate::host::{AuthservIds, Instance};
use crate::mailbox::{Cause, Opened, Relocation};
use crate::place::Folder;
use crate::settings::{Account, Fingerprint, Provider};
use crate::sweep::AccountFault;
use crate::trust::DistrustReason;

/// How messages are moved.
pub fn moving(relocation: Relocation) -> &'static str {
    match relocation {
        Relocation::Move => "  messages are moved with MOVE",
        Relocation::CopyThenExpunge => {
            "  messages are copied, and the original is removed once the copy is proven (the server lacks MOVE)"
        }
        Relocation::CopyThenFlag => {
            "  messages are copied, and the original is marked as deleted once the copy is proven: it stays until you \
             expunge the folder (the server lacks UIDPLUS)"
        }
    }
}

/// How new messages are noticed.
pub fn waiting(idle: bool) -> &'static str {
    match idle {
        true => "  the server announces new messages (IDLE)",
        false => "  followsift looks for new messages now and then (the server lacks IDLE)",
    }
}

/// A folder that is looked through.
pub fn folder(Opened { folder, exists, writable, .. }: &Opened) -> String {
    let messages = messages(usize::try_from(*exists).unwrap_or(usize::MAX));
    let read_only = if *writable { "" } else { "; it is read-only, so nothing can be moved out of it" };
    format!("  {folder} has {messages}{read_only}")
}

/// What is wrong with a name in `folders` that leads to the same folder as an `earlier` one.
pub fn same_folder(earlier: &Folder) -> String {
    format!(
        "the server has one folder for this name and for \"{earlier}\"; remove one of them from `folders`"
    )
}

/// The lines that say how to trust one certificate alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinAdvice {
    /// The lines.
    pub lines: String,
    /// Do they say all that can be done?
    pub is_whole: bool,
    /// The certificate's fingerprint.
    pub fingerprint: Fingerprint,
}

/// What to do where a certificate is not trusted, if trusting it alone can be right: the line that pins it, and when not to write it.
/// Never at a public provider, nor for a certificate that is wrong in itself; on this machine the name does not matter.
pub fn pin(account: &Account, fault: &AccountFault) -> Option<PinAdvice> {
    let AccountFault::Mailbox(fault) = fault else { return None };
    if Provider::of_host(&account.host).is_some() {
        return None;
    }
    let (shown, is_whole) = match &fault.cause {
        Cause::OtherCertificate(shown) => (&**shown, false),
        Cause::Untrusted(distrust) => match distrust.why {
            DistrustReason::SelfSigned => (distrust.shown.as_ref()?, true),
            DistrustReason::UnknownIssuer => (distrust.shown.as_ref()?, false),
            // A bridge on this machine is reached by an address that its own certificate often does not name.
            DistrustReason::OtherName
                if account.is_on_this_machine() && distrust.further == [DistrustReason::UnknownIssuer] =>
            {
                (distrust.shown.as_ref()?, false)
            }
            DistrustReason::OtherName
            | DistrustReason::Expired
            | DistrustReason::NotValidYet
            | DistrustReason::Other(_) => return None,
        },
        _ => return None,
    };
    let (name, digest) = (&account.name, shown.fingerprint);
    let lines = match account.pin {
        Some(_) => format!(
            "  the certificate is not the one that you have set. If you know why (it was replaced, and the server itself\n  \
             shows this fingerprint), set\n    tls-fingerprint = \"{digest}\"\n  in [accounts.{name}]"
        ),
        None => format!(
            "  if this is your own bridge or server, and you know that no one intercepts the connection (the server runs on\n  \
             this machine, or itself shows the same fingerprint), set\n    tls-fingerprint = \"{digest}\"\n  in \
             [accounts.{name}]; then followsift trusts this one certificate and no other"
        ),
    };
    Some(PinAdvice { lines, is_whole, fingerprint: digest })
}

/// What the server calls itself in Authentication-Results, and what to do about it.
pub fn authserv_id(account: &Account, shown: &AuthservIds) -> String {
    let is_unnamed = shown.include_server(None);
    let calls_itself = match is_unnamed {
        true => {
            "the server does not name itself in Authentication-Results (Outlook and Microsoft 365 do not)"
                .to_owned()
        }
        false => format!("the server calls itself {shown} in Authentication-Results"),
    };
    let (set, name) = (&account.authserv_id, &account.name);
    if !set.is_set() {
        let provider = if is_unnamed { format!("{} is", account.host) } else { "that is".to_owned() };
        return format!(
            "  {calls_itself}; if {provider} your provider, add\n    authserv-id = {shown}\n  to [accounts.{name}], so that \
             messages can be proven authentic"
        );
    }
    match set.include(shown) {
        true => format!("  {calls_itself}, as the settings say"),
        false => format!(
            "  {calls_itself}, but the settings say {set}: nothing can be proven authentic; if that is your provider, set\n    \
             authserv-id = {shown}\n  in [accounts.{name}]"
        ),
    }
}

/// Some messages have the header, but in too few does it name one server.
pub fn no_agreement(folder: &Folder) -> String {
    format!(
        "  too few messages in {folder} agree on what the server calls itself in Authentication-Results: a sender may have \
         written it, so no `authserv-id` is proposed"
    )
}

/// None of the messages that were looked at has the header, of those that a folder holds.
pub fn no_authserv_id(looked_at: usize, exists: u32, folder: &Folder) -> String {
    let all = u32::try_from(looked_at).is_ok_and(|looked_at| looked_at >= exists);
    match looked_at {
        0 => format!(
            "  {folder} has no recent message that shows what the server calls itself in Authentication-Results"
        ),
        1 if all => format!(
            "  the one message in {folder} has no Authentication-Results header: it cannot be proven authentic"
        ),
        _ if all => format!(
            "  none of the {looked_at} messages in {folder} has an Authentication-Results header: they cannot be \
             proven authentic"
        ),
        _ => format!(
            "  none of {looked_at} recent messages in {folder} has an Authentication-Results header: if the others \
             have none either, nothing can be proven authentic"
        ),
    }
}

/// The servers that the settings could name as the user's own, each with how many messages that would prove.
pub fn proposals(account: &Account, provable: &BTreeMap<Instance, usize>) -> Vec<String> {
    let set: Vec<_> = account.instances.iter().map(written).collect();
    let proposal = |(own, count): (&Instance, &usize)| {
        let list = set.iter().cloned().chain([written(own)]);
        let host = &own.host;
        let are = if *count == 1 { "is" } else { "are" };
        format!(
            "  {} here {are} provably from {host}; if you have an account on that server, set\n    instances = [{}]\n  in \
             [accounts.{}]. Otherwise do not: its owner could name anybody as your follower",
            messages(*count),
            list.collect::<Vec<_>>().join(", "),
            account.name
        )
    };
    provable.iter().map(proposal).collect()
}

/// As the settings have it.
pub(super) fn written(instance: &Instance) -> String {
    let Instance { host, from } = instance;
    match host == from {
        true => format!("\"{host}\""),
        false => format!("{{ host = \"{host}\", from = \"{from}\" }}"),
    }
}

/// An account files only what is proven, and nothing is: `notifications` were looked at.
pub fn nothing_proven(account: &Account, notifications: usize) -> Option<String> {
    let demands = format!("warning: account {} requires proof (`require-authentic`)", account.name);
    if !account.authserv_id.is_set() {
        return Some(format!("{demands}, but `authserv-id` is not set: nothing will be filed"));
    }
    (notifications > 0).then(|| {
        format!(
            "{demands}, but none of the {notifications} notifications here is proven: nothing like them will be filed"
        )
    })
}

/// The last line, where nothing is wrong. `rules_file` is none where the rules are those that ship.
pub fn summary(
    accounts: &[Account],
    (networks, rules, tests): (usize, usize, usize),
    rules_file: Option<&str>,
    warnings: usize,
) -> String {
    let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
    let whom = match names.as_slice() {
        // Only messages at their delivery are judged.
        [] => "deliveries".to_owned(),
        [name] => format!("account {name}"),
        names => format!("accounts {}", names.join(", ")),
    };
    let whose = rules_file.map_or_else(|| "that ship".to_owned(), |file| format!("of {file}"));
    let counted = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        many => format!("{many} {noun}s"),
    };
    let warned = if warnings == 0 { String::new() } else { format!("; {}", counted(warnings, "warning")) };
    format!(
        "all is well: {whom}; {}, {} {whose}; {} passed{warned}",
        counted(networks, "network"),
        counted(rules, "rule"),
        counted(tests, "test")
    )
}

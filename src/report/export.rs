//! What the commands `export` and `import` say. Pure.

use super::remains::messages;
use crate::ledger::{Exported, Imported};
use crate::place::AccountName;
use crate::text;

/// What to do if another followsift is at work on the account.
pub const STOP_FIRST: &str = "an import needs the account for itself: stop the service (`systemctl --user stop followsift`), import, and \
                              start it again";

/// There is no ledger.
pub fn nothing_to_export() -> &'static str {
    "there is no ledger yet, so there is nothing to export"
}

/// The ledger knows none or several accounts.
pub fn which_account(known: &[AccountName]) -> String {
    match known {
        [] => nothing_to_export_of_any().to_owned(),
        several => {
            format!("say which account to export: `--account NAME` (the ledger knows: {})", listed(several))
        }
    }
}

fn nothing_to_export_of_any() -> &'static str {
    "the ledger knows no account yet, so there is nothing to export"
}

/// The ledger knows no account of this name.
pub fn unknown_account(name: &str, known: &[AccountName]) -> String {
    let name = text::line(name);
    match known {
        [] => nothing_to_export_of_any().to_owned(),
        known => format!("the ledger knows no account `{name}` (it knows: {})", listed(known)),
    }
}

/// It is not clear into which account an export is to go.
pub fn whose(account: &AccountName, configured: &[&str]) -> String {
    format!(
        "the settings have no account `{account}` and none with its mailbox; say into which account to import it: `--account NAME` \
         (configured: {})",
        configured.join(", ")
    )
}

/// An account was exported.
pub fn exported(account: &AccountName, file: &str, exported: &Exported) -> String {
    let &Exported { messages: all, put_back, known } = exported;
    format!(
        "{account}: exported to {file}: {}, {put_back} of them put back, and {}; it names people, so keep it as you keep the \
         ledger",
        messages(all),
        followers(known)
    )
}

/// An account was imported.
pub fn imported(account: &AccountName, file: &str, imported: &Imported) -> String {
    let &Imported { messages: all, new, put_back, known, forgotten, is_same_mailbox, observed_before } =
        imported;
    let mut said = format!(
        "{account}: imported from {file}: {}, {new} of them new here; {put_back} more put back, and {} more\n",
        messages(all),
        followers(known)
    );
    if forgotten > 0 {
        said.push_str(&format!(
            "{account}: left out {}, about followers whom you had followsift forget\n",
            messages(forgotten)
        ));
    }
    if !is_same_mailbox {
        said.push_str(&format!(
            "{account}: the export is of another mailbox, so the next sweep goes on by the time of arrival, and knows messages again \
             by their headers\n"
        ));
    }
    if let Some(before) = observed_before {
        said.push_str(&format!(
            "{account}: messages that arrived before {} stay until you run `followsift resume --account {account}`\n",
            before.minute()
        ));
    }
    said
}

fn followers(known: usize) -> String {
    if known == 1 { "1 known follower".to_owned() } else { format!("{known} known followers") }
}

fn listed(names: &[AccountName]) -> String {
    names.iter().map(AccountName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn an_import_says_what_is_new_and_what_follows_from_it() {
        let home = AccountName::new("home").unwrap();
        let plain = Imported {
            messages: 12,
            new: 10,
            put_back: 3,
            known: 1,
            is_same_mailbox: true,
            ..Imported::default()
        };
        let said = "home: imported from a: 12 messages, 10 of them new here; 3 more put back, and 1 known follower more\n";
        assert_eq!(imported(&home, "a", &plain), said);
        let observed_before = Some(Timestamp(1_800_000_000));
        let other = Imported { forgotten: 1, is_same_mailbox: false, observed_before, ..plain };
        let more = "home: left out 1 message, about followers whom you had followsift forget\n\
                    home: the export is of another mailbox, so the next sweep goes on by the time of arrival, and knows messages \
                    again by their headers\n\
                    home: messages that arrived before 2027-01-15 08:00 stay until you run `followsift resume --account home`\n";
        assert_eq!(imported(&home, "a", &other), format!("{said}{more}"));
    }
}

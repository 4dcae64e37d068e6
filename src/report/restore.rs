//! What the command `restore` says beside the entries of the history. Pure.

use std::collections::BTreeMap;

use super::remains::messages;
use crate::place::AccountName;
use crate::sweep::Restoration;

/// Nothing that was chosen can be put back.
pub const NOTHING: &str = "no filed message that followsift remembers matches";
/// Nothing was chosen.
pub const SAY_WHICH: &str = "say which messages to put back: by `--since`, `--sweep`, `--rule`, `--follower`, `--network`, `--verdict` or \
                             `--account`; or `--all`";
/// There is no terminal to ask on.
pub const NEEDS_YES: &str = "nothing is put back without your consent; add `--yes`";
/// What is asked on a terminal.
pub const QUESTION: &str = "Put them back? [y/N] ";
/// The answer was no.
pub const NOT_DONE: &str = "nothing was put back";

/// How many messages were chosen.
pub fn chosen(by_account: &BTreeMap<AccountName, usize>) -> String {
    let count = by_account.values().sum();
    let each: Vec<String> = by_account.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    format!("{} can be put back ({})", messages(count), each.join(", "))
}

/// What was done on an account.
pub fn sums(account: &AccountName, done: &Restoration, learns: bool) -> String {
    let Restoration { back, gone, left, guessed } = *done;
    let known = match (learns, back) {
        (true, 1..) => "; they are never moved again, and their followers are known from now on",
        (false, 1..) => "; they are never moved again",
        (_, 0) => "",
    };
    let mut said = format!("{account}: {} put back{known}", messages(back));
    if guessed > 0 {
        let (are, which) = if guessed == 1 { ("is", "it") } else { ("are", "they") };
        said.push_str(&format!(
            "; {guessed} {are} in the inbox, since followsift does not know from which folder {which} came"
        ));
    }
    if gone > 0 {
        let were = if gone == 1 { "was" } else { "were" };
        said.push_str(&format!("; {gone} {were} not in the folder any more"));
    }
    if left > 0 {
        said.push_str(&format!("; {left} could not be put back"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_say_what_is_back_and_what_is_not() {
        let account = AccountName::new("home").unwrap();
        let says =
            |back, gone, left, learns| sums(&account, &Restoration { back, gone, left, guessed: 0 }, learns);
        assert_eq!(
            says(2, 0, 0, true),
            "home: 2 messages put back; they are never moved again, and their followers are known from now on"
        );
        assert_eq!(
            says(1, 1, 3, false),
            "home: 1 message put back; they are never moved again; 1 was not in the folder any more; 3 could not be put back"
        );
        assert_eq!(says(0, 2, 0, true), "home: 0 messages put back; 2 were not in the folder any more");
        assert_eq!(
            sums(&account, &Restoration { back: 2, guessed: 1, ..Restoration::default() }, false),
            "home: 2 messages put back; they are never moved again; 1 is in the inbox, since followsift does not know from which \
             folder it came"
        );
    }
}

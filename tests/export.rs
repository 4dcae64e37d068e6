//! `followsift export` and `import`: which account is meant, and what goes wrong in words. Nothing here asks a server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt as _;

use crate::support::user_folder::UserFolder;
use followsift::ledger::Ledger;
use followsift::mail::{FollowerKey, Network};
use followsift::place::{AccountName, MailboxKey};

fn settings(accounts: &[(&str, &str)]) -> String {
    let account = |(name, user): &(&str, &str)| {
        format!(
            "[accounts.{name}]\nhost = \"mail.example\"\nuser = \"{user}\"\npassword-file = \"password\"\n"
        )
    };
    format!("state = \"state\"\n{}", accounts.iter().map(account).collect::<String>())
}

fn user(accounts: &[(&str, &str)]) -> UserFolder {
    let user = UserFolder::new();
    user.write("rules.toml", "");
    user.write("password", "hunter2\n");
    user.write("followsift.toml", settings(accounts));
    user
}

/// Makes the ledger know an account, and a follower.
fn begin(user: &UserFolder, name: &str, login: &str) {
    let mut ledger = Ledger::open(&user.state()).unwrap();
    let mailbox = MailboxKey::new("mail.example", 993, login);
    ledger.begin_account(&AccountName::new(name).unwrap(), &mailbox, None, None).unwrap();
    let network = Network::new("mastodon").unwrap();
    let ann = FollowerKey::stored(network, "@ann@toot.example".to_owned());
    ledger.add_known(&ann, followsift::clock::Timestamp(1_700_000_000)).unwrap();
}

#[test]
fn the_account_to_export_is_the_only_one_or_has_to_be_named() {
    let here = user(&[("home", "kim"), ("work", "bo")]);
    let said = here.run(&["export", "a.jsonl"]);
    assert!(said.exits(64).err().contains("there is no ledger yet"), "{}", said.err());
    begin(&here, "home", "kim");
    here.run(&["export", "a.jsonl"]).exits(0);
    begin(&here, "work", "bo");
    let said = here.run(&["export", "b.jsonl"]);
    let words = "error: say which account to export: `--account NAME` (the ledger knows: home, work)";
    assert!(said.exits(64).err().contains(words), "{}", said.err());
    let said = here.run(&["export", "--account", "play", "b.jsonl"]);
    let words = "error: the ledger knows no account `play` (it knows: home, work)";
    assert!(said.exits(64).err().contains(words), "{}", said.err());
    assert!(!here.path().join("b.jsonl").exists());
    // Under the new name of an account that was not swept since it was renamed.
    here.write("followsift.toml", settings(&[("home", "kim"), ("office", "bo")]));
    let printed = here.run(&["export", "--account", "office", "-"]);
    assert!(printed.exits(0).out().contains("\"account\":\"work\""), "{}", printed.out());
    assert_eq!(printed.err(), "");
    let file = here.path().join("a.jsonl");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    here.run(&["export", "--account", "home", "."]).exits(70);
    here.run(&["export", "--account", "home", "missing/a.jsonl"]).exits(70);
}

#[test]
fn the_account_to_import_into_is_found_by_its_number_its_mailbox_or_its_name() {
    let here = user(&[("home", "kim")]);
    begin(&here, "home", "kim");
    let export = here.run(&["export", "-"]);
    let export = export.exits(0).out();
    for (accounts, named, into) in [
        (&[("other", "bo"), ("private", "kim")][..], None, "private"),
        (&[("other", "bo"), ("home", "jo")], None, "home"),
        (&[("other", "bo")], None, "other"),
        (&[("other", "bo"), ("private", "kim")], Some("other"), "other"),
    ] {
        let there = user(accounts);
        there.write("home.jsonl", &export);
        let arguments: Vec<_> =
            ["import", "home.jsonl"].into_iter().chain(named.map(|_| "--account")).chain(named).collect();
        let said = there.run(&arguments);
        let first = format!("{into}: imported from home.jsonl: 0 messages, 0 of them new here");
        assert!(said.exits(0).out().starts_with(&first), "{}", said.out());
        let known = there.run(&["known"]);
        assert!(known.out().contains("@ann@toot.example"), "{}", known.out());
        // Whatever it is called later, it is the same account.
        there.write("followsift.toml", settings(&[("first", "bo"), (into, "jo")]));
        let said = there.run(&["import", "home.jsonl"]);
        assert!(said.exits(0).out().starts_with(&format!("{into}: imported")), "{}", said.out());
    }
    let there = user(&[("other", "bo"), ("further", "jo")]);
    there.write("home.jsonl", &export);
    let said = there.run(&["import", "home.jsonl"]);
    let words = "the settings have no account `home` and none with its mailbox; say into which account to import it: `--account NAME` \
                 (configured: further, other)";
    assert!(said.exits(64).err().contains(words), "{}", said.err());
    let said = there.run(&["import", "--account", "home", "home.jsonl"]);
    assert!(
        said.exits(64).err().contains("no account `home` (configured: further, other)"),
        "{}",
        said.err()
    );
    assert!(!there.state().join("ledger.sqlite").exists());
}

#[test]
fn a_file_that_cannot_be_imported_is_named_with_what_is_wrong() {
    let here = user(&[("home", "kim")]);
    begin(&here, "home", "kim");
    let export = here.run(&["export", "-"]);
    let export = export.exits(0).out();
    let there = user(&[("home", "kim")]);
    for (text, words) in [
        ("Hello\n".to_owned(), "error: could not import a.jsonl: it is not an export of followsift"),
        (
            export.replacen("export\":1", "export\":9", 1),
            "error: could not import a.jsonl: a newer followsift has written it (version 9, this one knows 1); use the newer one",
        ),
        (
            export.replacen("mastodon", "Not A Network", 1),
            "error: could not import a.jsonl: line 2: the value of `network` is not the name of a network; nothing was imported",
        ),
        (
            export.lines().next().unwrap().to_owned(),
            "error: could not import a.jsonl: line 2: the export ends before its last line: it is not whole; nothing was imported",
        ),
    ] {
        there.write("a.jsonl", &text);
        let said = there.run(&["import", "a.jsonl"]);
        assert!(said.exits(65).err().contains(words), "{}", said.err());
    }
    let said = there.run(&["import", "b.jsonl"]);
    assert!(said.exits(65).err().contains("error: could not read b.jsonl: No such file"), "{}", said.err());
    there.run(&["import", "."]).exits(65);
    assert_eq!(there.run(&["known"]).out(), "nobody is known yet\n");
}

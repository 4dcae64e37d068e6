//! An account whose ledger came from another machine or another provider: what was put back there stays, and no digest comes twice.

use super::*;

const DIGESTS: &str = "backlog = \"all\"\ndigest = \"daily 00:00\"";

/// An account on which four messages were filed and two put back, one of them since the last sweep, and its export.
fn exported() -> Option<(Scene, String)> {
    let mut scene = Scene::usual(DIGESTS)?;
    scene.sweep();
    // A digest is due whatever the time of day.
    let ledger = rusqlite::Connection::open(scene.home.state().join("ledger.sqlite")).unwrap();
    ledger.execute("UPDATE digest SET period = '2020-01-01', until = 1577836800", []).unwrap();
    drop(ledger);
    for number in 1..=4 {
        let date = format!("\"{number:02}-Nov-2024 09:00:00 +0000\"");
        scene.client.append("INBOX", &date, &text(&spam(number), number));
    }
    scene.client.append("INBOX", "\"05-Nov-2024 09:00:00 +0000\"", &text(&real(5), 5));
    let said = scene.sweep();
    assert!(scene.count(SPAM) == 4 && said.contains("digest"), "{said}");
    for _ in 0..2 {
        scene.client.select(SPAM);
        let uid = scene.uids(SPAM)[0];
        scene.client.select(SPAM);
        scene.client.run(&format!("UID MOVE {uid} INBOX"));
        if scene.count(SPAM) == 3 {
            scene.sweep();
        }
    }
    let said = scene.home.well(&["export", "home.jsonl"]);
    assert!(
        said.contains("home: exported to home.jsonl: 5 messages, 1 of them put back, and 1 known follower"),
        "{said}"
    );
    let file = scene.home.path().join("home.jsonl");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let export = std::fs::read_to_string(file).unwrap();
    assert!(!export.contains(PASSWORD), "{export}");
    Some((scene, export))
}

/// Copies all messages to a mailbox on another server, the last one first.
fn copied(from: &mut Scene, more: &str) -> Option<Scene> {
    let mut there = Scene::usual(more)?;
    for folder in [SPAM, "INBOX"] {
        if folder != "INBOX" {
            there.client.run(&format!("CREATE \"{folder}\""));
        }
        for message in from.client.messages(folder).iter().rev() {
            let flags: Vec<_> = message.flags.iter().map(String::as_str).collect();
            let how = format!("({}) \"{}\"", flags.join(" "), message.date.trim());
            there.client.append(folder, &how, &String::from_utf8(message.bytes.clone()).unwrap());
        }
    }
    Some(there)
}

fn digests(scene: &mut Scene) -> usize {
    let messages = scene.client.messages("INBOX");
    messages
        .iter()
        .filter(|message| String::from_utf8_lossy(&message.bytes).contains("Followsift-Digest:"))
        .count()
}

#[test]
fn what_was_put_back_at_another_provider_stays_and_no_digest_is_sent_twice() {
    let Some((mut old, export)) = exported() else { return };
    let before = (old.count("INBOX"), old.count(SPAM));
    assert_eq!((before, digests(&mut old)), ((4, 2), 1));
    let Some(mut new) = copied(&mut old, DIGESTS) else { return };
    new.home.write("home.jsonl", &export);
    for more in ["", "is imported once more"] {
        let said = new.home.well(&["import", "home.jsonl"]);
        let count = if more.is_empty() { "5 of them new here; 1 more" } else { "0 of them new here; 0 more" };
        assert!(said.contains(&format!("5 messages, {count} put back")), "{said}");
        assert!(said.contains("the export is of another mailbox"), "{said}");
    }
    for arguments in
        [&["sweep", "--dry-run"][..], &["sweep"], &["sweep"], &["sweep", "--since", "9999d"], &["sweep"]]
    {
        let said = new.home.well(arguments);
        assert_eq!((new.count("INBOX"), new.count(SPAM)), before, "{arguments:?}: {said}");
        assert!(!said.contains("the ledger is new"), "{said}");
    }
    assert_eq!(digests(&mut new), 1);
    // One that comes now is filed, and the history has the moves from before.
    new.deliver(&[text(&spam(6), 6)]);
    let said = new.sweep();
    assert_eq!((new.count("INBOX"), new.count(SPAM)), (before.0, before.1 + 1), "{said}");
    assert_eq!(new.home.well(&["history"]).matches("Win Big").count(), 5);
    // Those from before can be put back, too.
    let said = new.home.well(&["restore", "--all", "--yes"]);
    assert_eq!((new.count("INBOX"), new.count(SPAM)), (before.0 + 3, 0), "{said}");
}

#[test]
fn an_export_that_is_older_than_the_last_moves_moves_nothing_that_was_put_back_since() {
    let Some((mut scene, _)) = exported() else { return };
    scene.client.append("INBOX", "\"06-Nov-2024 09:00:00 +0000\"", &text(&spam(6), 6));
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 3:* INBOX");
    let before = (scene.count("INBOX"), scene.count(SPAM));
    assert_eq!(before, (7, 0));
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    scene.home.well(&["import", "home.jsonl"]);
    for arguments in [&["sweep", "--dry-run"][..], &["sweep"], &["sweep", "--since", "9999d"]] {
        let said = scene.home.well(arguments);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), before, "{arguments:?}: {said}");
    }
}

#[test]
fn an_account_that_changes_its_provider_and_keeps_its_name_needs_no_import() {
    let Some((mut old, _)) = exported() else { return };
    let before = (old.count("INBOX"), old.count(SPAM));
    let Some(mut new) = copied(&mut old, DIGESTS) else { return };
    old.home.configure(new.server.port, DIGESTS);
    for arguments in [&["sweep"][..], &["sweep"], &["sweep", "--since", "9999d"], &["sweep"]] {
        let said = old.home.well(arguments);
        assert_eq!((new.count("INBOX"), new.count(SPAM)), before, "{arguments:?}: {said}");
    }
    assert_eq!(digests(&mut new), 1);
}

#[test]
fn on_another_machine_the_same_mailbox_goes_on_as_if_nothing_had_happened() {
    let Some((mut scene, export)) = exported() else { return };
    let before = (scene.count("INBOX"), scene.count(SPAM));
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    let said = scene.home.well(&["import", "home.jsonl"]);
    assert!(!said.contains("another mailbox"), "{said}");
    let said = scene.sweep();
    assert!(!said.contains("the ledger is new") && !said.contains("first look"), "{said}");
    assert!(said.contains("it was put back by hand"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM), digests(&mut scene)), (before.0, before.1, 1));
    assert_eq!(scene.known().0, ["@win_1", "@win_2"]);
    // What the other side does not know is not lost.
    scene.home.write("old.jsonl", &export);
    scene.home.well(&["import", "old.jsonl"]);
    assert_eq!(scene.known().0, ["@win_1", "@win_2"]);
}

#[test]
fn an_account_that_comes_without_its_ledger_is_only_observed_and_an_import_does_not_change_that_by_itself() {
    let Some((mut old, export)) = exported() else { return };
    let Some(mut new) = copied(&mut old, ALL) else { return };
    let before = (new.count("INBOX"), new.count(SPAM));
    let said = new.sweep();
    assert!(said.contains("the ledger is new to account home"), "{said}");
    assert_eq!((new.count("INBOX"), new.count(SPAM)), before);
    new.home.write("home.jsonl", &export);
    let said = new.home.well(&["import", "home.jsonl"]);
    assert!(said.contains("stay until you run `followsift resume --account home`"), "{said}");
    new.home.well(&["resume"]);
    let said = new.home.well(&["sweep", "--since", "9999d"]);
    assert_eq!((new.count("INBOX"), new.count(SPAM)), before, "{said}");
}

#[test]
fn an_import_is_refused_while_the_service_works_on_the_account_and_an_export_is_not() {
    let Some((scene, _)) = exported() else { return };
    let home = support::daemon::Home::new();
    home.write("password", PASSWORD);
    home.write("rules.toml", RULES);
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &settings);
    let file = scene.home.path().join("home.jsonl");
    let file = file.to_str().unwrap();
    let daemon = home.run();
    daemon.says("watching home");
    let output = home.command(&["import", file]).output().unwrap();
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(
        said.contains("another followsift") && said.contains("systemctl --user stop followsift"),
        "{said}"
    );
    // To export, it need not stop.
    let export = || home.command(&["export", "now.jsonl"]).output().unwrap();
    daemon.until("exported", Duration::from_secs(30), |_| export().status.success());
    daemon.stop();
    let output = home.command(&["import", file]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}

#[test]
fn an_account_that_gets_another_name_goes_on_with_its_ledger() {
    let Some((mut scene, _)) = exported() else { return };
    let before = (scene.count("INBOX"), scene.count(SPAM));
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    scene.home.write("followsift.toml", &settings.replace("[accounts.home]", "[accounts.private]"));
    let words = "account home is now called private: followsift goes on with what it remembers of it";
    let state = scene.state();
    let said = scene.home.well(&["sweep", "--dry-run"]);
    assert!(said.contains(words) && !said.contains("first look") && !said.contains("is new"), "{said}");
    assert_eq!(scene.state(), state);
    let said = scene.sweep();
    assert!(said.contains(words) && !said.contains("first look") && !said.contains("is new"), "{said}");
    let said = scene.sweep();
    assert!(!said.contains(words), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM), digests(&mut scene)), (before.0, before.1, 1));
    assert_eq!(scene.known().0, ["@win_1", "@win_2"]);
    let said = scene.home.well(&["restore", "--account", "private", "--all", "--yes"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (before.0 + 2, 0), "{said}");
}

#[test]
fn a_pause_outlasts_a_new_name_of_the_account() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.home.well(&["pause", "1h"]);
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    scene.home.write("followsift.toml", &settings.replace("[accounts.home]", "[accounts.private]"));
    scene.deliver(&[text(&spam(2), 2)]);
    let said = scene.sweep();
    assert!(said.contains("\npaused until "), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{said}");
    let said = printed(&scene.home.run(&["status"]));
    assert!(said.contains("\n  paused until "), "{said}");
    // What was moved under the former name can be put back, and the pause goes on.
    let said = scene.home.well(&["restore", "--all", "--yes"]);
    assert!(said.contains("private: 1 message put back"), "{said}");
    let said = scene.sweep();
    assert!(said.contains("\npaused until "), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0), "{said}");
    assert!(scene.home.well(&["unpause"]).contains("private: the pause is over"));
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
}

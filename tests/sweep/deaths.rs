//! Messages over which the process died.

use followsift::place::{AccountName, Folder, MailRef, Uid, UidValidity};

use super::*;

/// As if the process had died while it assessed the message with this UID.
fn die(scene: &mut Scene, uid: u32) {
    let answer = scene.client.run("SELECT INBOX");
    let answer = answer.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<String>();
    let validity: String =
        answer.split_once("UIDVALIDITY ").unwrap().1.chars().take_while(char::is_ascii_digit).collect();
    let mail = MailRef {
        account: AccountName::new("home").unwrap(),
        folder: Folder::inbox(),
        validity: UidValidity(validity.parse().unwrap()),
        uid: Uid(uid),
    };
    let mut ledger = Ledger::open(&scene.home.state()).unwrap();
    ledger.count_deaths(&mail.account).unwrap();
    assert!(ledger.begin_assessing(&mail).unwrap());
}

#[test]
fn a_message_over_which_the_process_died_twice_is_left_and_named_and_the_others_are_filed() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&spam(3), 3)]);
    die(&mut scene, 2);
    die(&mut scene, 2);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![2], 2), "{said}");
    assert!(said.contains("uid 2"), "{said}");
    // The cursor has gone on.
    scene.deliver(&[text(&spam(4), 4)]);
    let said = scene.sweep();
    assert!(said.contains("looked at 1 message,"), "{said}");
    assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![2], 3), "{said}");
}

#[test]
fn a_message_that_is_shown_late_and_kills_the_process_is_tried_by_another_version() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&real(1), 1), text(&real(2), 2), text(&spam(3), 3)]);
    proxy.arm([super::unshown::HIDDEN]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    proxy.arm([]);
    die(&mut scene, 3);
    die(&mut scene, 3);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("INBOX uid 3"), "{said}");
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (3, 0));
    become_an_earlier_version(&scene);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1));
}

/// As if an earlier version of the program had died over what is noted.
fn become_an_earlier_version(scene: &Scene) {
    let ledger = rusqlite::Connection::open(scene.home.state().join("ledger.sqlite")).unwrap();
    ledger.execute("UPDATE deadly SET version = 'earlier'", []).unwrap();
}

#[test]
fn a_message_over_which_the_process_died_once_is_tried_again() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    die(&mut scene, 1);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

#[test]
fn another_version_tries_a_message_once_more_although_the_cursor_has_gone_on() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    die(&mut scene, 1);
    die(&mut scene, 1);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0));
    become_an_earlier_version(&scene);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
    let ledger = rusqlite::Connection::open(scene.home.state().join("ledger.sqlite")).unwrap();
    let deaths: u32 = ledger.query_row("SELECT count(*) FROM deadly", [], |row| row.get(0)).unwrap();
    assert_eq!(deaths, 0);
}

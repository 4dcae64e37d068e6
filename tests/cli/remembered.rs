//! What `filter` and `milter` remember at delivery, in a file and in a database: the second follower of an hour is judged by the first.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use rustix::process::Signal;

use super::filter::filter;
use super::milter::{Milter, undecided};
use super::*;
use crate::support::postgresql::Postgresql;

/// Judges by what came in the hour before alone.
const WAVE: &str = "[verdict.spam]\nmove-to = \"Spam\"\n[[rule]]\nname = \"Wave\"\nwhen.wave = \">= 1\"\nverdict = \"spam\"\n[[rule]]\nname = \"Alone\"\nverdict = \"real\"\n";

/// A home whose deliveries are remembered as this table says, by one machine or several.
fn home(delivery: &str) -> Home {
    let home = Home::new();
    home.write("rules.toml", WAVE);
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    let state = home.0.state();
    home.write("followsift.toml", &format!("state = {state:?}\n{settings}\n[delivery]\n{delivery}\n"));
    home
}

fn home_with(server: &Postgresql) -> Home {
    let home = home("memory = \"postgresql\"\nmemory-address-file = \"address\"");
    home.write("address", &format!("{}\n", server.url()));
    home.mode("address", 0o600);
    home
}

/// A follower at this minute of one hour.
fn follower(minute: u32) -> Vec<u8> {
    let letter = twitter_2009(&Person::new("Some One", &format!("body{minute}"), [100, 100, 100]));
    let text = String::from_utf8(letter.bytes(1)).unwrap();
    text.replace(" 09:00:00 ", &format!(" 09:{minute:02}:00 ")).into_bytes()
}

/// What `filter` says about it in this home.
fn verdict(home: &Home, recipient: &str, message: &[u8]) -> String {
    let run = filter(home, &["--settings", "followsift.toml", "--recipient", recipient], message);
    assert_eq!(run.exits(0).err(), "");
    verdict_of(&run.out())
}

fn verdict_of(text: &str) -> String {
    let (_, verdict) = text.split_once("verdict=").unwrap();
    verdict.split([';', '\r', '|']).next().unwrap().to_owned()
}

/// What both kinds of memory do, for `filter` and `milter` and two machines.
#[track_caller]
fn what_was_delivered_counts_for_its_recipient(one: &Home, other: &Home) {
    assert_eq!(verdict(one, "ann@a.example", &follower(1)), "real");
    // It never counts for itself, however often and wherever it is delivered.
    assert_eq!(verdict(other, "Ann+toots@A.example", &follower(1)), "real");
    assert_eq!(verdict(other, "ann@a.example", &follower(2)), "spam");
    assert_eq!(verdict(one, "bob@a.example", &follower(2)), "real");
    let milter = Milter::start_with(one, &["--settings", "followsift.toml"]);
    let mut connection = milter.connect();
    let mut judge = |recipients: &[&str], minute| {
        let answer = connection.judge(recipients, &follower(minute));
        if answer.contains("withheld") { answer } else { verdict_of(&answer) }
    };
    assert_eq!(judge(&["<Ann@a.example>"], 3), "spam");
    assert_eq!(judge(&["eve@a.example", "EVE@a.example"], 3), "real");
    // Those who have had a follower in this hour, and those who have had none.
    assert_eq!(judge(&["ann@a.example", "kim@a.example"], 4), undecided("recipients-differ"));
    assert_eq!(judge(&["ann@a.example", "kim@a.example"], 5), "spam");
    // Nobody's memory is asked for what is no recipient.
    assert_eq!(judge(&["a b"], 6), undecided("past-unread"));
    assert_eq!(judge(&[], 6), undecided("past-unread"));
}

#[test]
fn a_file_remembers_for_one_machine() {
    let home = home("memory = \"sqlite\"");
    what_was_delivered_counts_for_its_recipient(&home, &home);
    let run = filter(&home, &["--settings", "followsift.toml"], &follower(9));
    assert!(run.exits(0).err().contains("needs `--recipient ADDRESS`"), "{}", run.err());
    assert!(run.out().contains("withheld=past-unread"), "{}", run.out());
    let run = filter(&home, &["--settings", "followsift.toml", "--recipient", "a b"], &follower(9));
    let said = run.exits(0).err();
    assert!(said.contains("`--recipient` is neither an address") && !said.contains("a b"), "{said}");
    // What is no notification asks nobody.
    let ordinary = ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n").bytes(1);
    assert_eq!(filter(&home, &["--settings", "followsift.toml"], &ordinary).exits(0).err(), "");
    // A file that another program has locked: the milter is to be started again.
    let locked = rusqlite::Connection::open(home.0.state().join("delivery.sqlite")).unwrap();
    locked.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let run = filter(&home, &["--settings", "followsift.toml", "--recipient", "ann"], &follower(9));
    assert!(run.exits(0).out().contains("withheld=past-unread"), "{}", run.out());
    let listen = ["milter", "--listen", "inet:127.0.0.1:0", "--settings", "followsift.toml"];
    Run(home.command(&listen).output().unwrap()).exits(75);
    drop(locked);
    // A file that is no memory.
    home.write("state/delivery.sqlite", "this is no database, and longer than the header of one would be\n");
    let run = filter(&home, &["--settings", "followsift.toml", "--recipient", "ann"], &follower(9));
    assert!(run.exits(0).out().contains("withheld=past-unread"), "{}", run.out());
    assert!(run.err().contains("delivery.sqlite"), "{}", run.err());
}

#[test]
fn a_database_remembers_for_several_machines_and_withholds_while_it_is_down() {
    let Some(mut server) = Postgresql::start() else { return };
    let (one, other) = (home_with(&server), home_with(&server));
    what_was_delivered_counts_for_its_recipient(&one, &other);
    let check = ["check", "--connect"];
    let run = one.run(&check);
    assert!(run.out().contains("the memory of deliveries can be asked and written"), "{}", run.out());

    let mut milter = Milter::start_with(&one, &["--settings", "followsift.toml"]);
    let mut connection = milter.connect();
    assert!(connection.judge(&["ann@a.example"], &follower(10)).contains("verdict=spam;"));
    server.kill();
    assert_eq!(connection.judge(&["ann@a.example"], &follower(11)), undecided("past-unread"));
    milter.says("the memory of deliveries postgres on ");
    let run = filter(&other, &["--settings", "followsift.toml", "--recipient", "ann"], &follower(11));
    assert!(run.exits(0).out().contains("withheld=past-unread"), "{}", run.out());
    assert!(run.err().contains("the memory of deliveries postgres on "), "{}", run.err());
    let run = one.run(&check);
    assert!(run.out().contains("error: could not write to the memory of deliveries"), "{}", run.out());

    // It hangs: the message has its answer after two seconds.
    server.restart();
    server.signal(Signal::STOP);
    let run = filter(&other, &["--settings", "followsift.toml", "--recipient", "ann"], &follower(12));
    assert!(run.exits(0).out().contains("withheld=past-unread"), "{}", run.out());
    server.signal(Signal::CONT);
    drop(milter);
    let milter = Milter::start_with(&one, &["--settings", "followsift.toml"]);
    let answer = milter.connect().judge(&["new@a.example"], &follower(13));
    assert!(answer.contains("verdict=real;"), "{answer}");
}

#[test]
fn an_address_that_cannot_be_read_is_found_by_check_and_delays_no_message() {
    let home = home("memory = \"postgresql\"\nmemory-address-file = \"address\"");
    for (text, mode, said) in [
        (None, 0, "could not read the memory address in "),
        (Some("postgresql://ann:hush@db.example.org/x\n"), 0o644, "other users can read it"),
        (Some("hush\n"), 0o600, "address: it is not the URL of a database"),
    ] {
        if let Some(text) = text {
            home.write("address", text);
            home.mode("address", mode);
        }
        let run = home.run(&["check"]);
        assert!(run.exits(78).out().contains(said), "{said}: {}", run.out());
        assert!(!run.out().contains("hush"), "{}", run.out());
        let run = filter(&home, &["--settings", "followsift.toml", "--recipient", "ann"], &follower(1));
        assert!(run.exits(0).out().contains("withheld=past-unread"), "{said}: {}", run.out());
        assert!(run.err().contains(said) && !run.err().contains("hush"), "{said}: {}", run.err());
        let listen = ["milter", "--listen", "inet:127.0.0.1:0", "--settings", "followsift.toml"];
        let run = Run(home.command(&listen).output().unwrap());
        assert!(run.exits(78).err().contains(said), "{said}: {}", run.err());
    }
}

#[test]
fn settings_of_deliveries_alone_need_no_account() {
    let home = Home::new();
    let state = home.0.state();
    home.write("followsift.toml", &format!("state = {state:?}\n[delivery]\nmemory = \"sqlite\"\n"));
    for arguments in [&["check"][..], &["check", "--connect"]] {
        let run = home.run(arguments);
        assert!(run.exits(0).out().starts_with("all is well: deliveries; "), "{}", run.out());
    }
    assert!(!state.exists());
}

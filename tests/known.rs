//! `followsift known`: adding and removing known followers by hand, and how a follower may be named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::process::Output;

use crate::support::letters::{Person, twitter_2009};
use crate::support::user_folder::UserFolder;
use followsift::ledger::{KnownBy, Ledger};

struct Home(UserFolder);

impl Home {
    fn new() -> Self {
        let home = Self(UserFolder::new());
        home.write("rules.toml", "");
        let settings = "state = \"state\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\n";
        home.write("followsift.toml", settings);
        home.write("password", "hunter2\n");
        home
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(name, text);
    }

    fn state(&self) -> PathBuf {
        self.0.state()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.0.run(&[&["known"], arguments].concat()).0
    }

    /// What a command prints; it has to end well.
    fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that was called wrongly complains about.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }

    fn keys(&self) -> Vec<(String, String)> {
        let known = Ledger::open_read_only(&self.state()).unwrap().unwrap().known().unwrap();
        assert!(known.iter().all(|one| one.origin == KnownBy::Added));
        let pair = |one: &followsift::ledger::Known| {
            (one.follower.network().as_str().to_owned(), one.follower.as_str().to_owned())
        };
        known.iter().map(pair).collect()
    }
}

#[test]
fn a_handle_may_be_written_in_every_usual_way() {
    let home = Home::new();
    for (network, written, key) in [
        ("mastodon", "@Ann@Toot.Example", "@ann@toot.example"),
        ("mastodon", "ann@toot.example", "@ann@toot.example"),
        ("Mastodon", "ana@xn--bcher-kva.example", "@ana@bücher.example"),
        ("mastodon", "jo@pod.example:3000", "@jo@pod.example:3000"),
        ("twitter", "@ann", "@ann"),
        ("twitter", "Ann", "@ann"),
        ("twitter", "@ann@twitter.com", "@ann"),
        ("linkedin", "https://www.linkedin.com/in/Ann/", "https://www.linkedin.com/in/ann"),
        ("facebook", "=Ann Lima", "=ann lima"),
        ("facebook", "#17", "#17"),
        ("substack", "Ann.Lima@mail.example", "@ann.lima@mail.example"),
        ("ghost", "ann@mail.example", "@ann@mail.example"),
    ] {
        home.well(&["add", network, written]);
        assert_eq!(home.keys(), [(network.to_lowercase(), key.to_owned())], "{written}");
        assert!(home.well(&[]).contains(key), "{written}");
        // What is listed can be named as it is listed.
        home.well(&["forget", network, key]);
        assert_eq!(home.keys(), []);
    }
}

#[test]
fn a_person_who_is_added_is_listed_and_adding_them_again_changes_nothing() {
    let home = Home::new();
    assert_eq!(home.well(&[]), "nobody is known yet\n");
    assert!(!home.state().exists(), "looking makes no ledger");
    assert_eq!(home.well(&["add", "twitter", "ann"]), "@ann on twitter is known from now on\n");
    assert_eq!(home.well(&["add", "twitter", "@Ann"]), "@ann on twitter was known already\n");
    let listed = home.well(&[]);
    assert!(listed.starts_with("1 follower is known:\n  twitter  @ann  added since "), "{listed}");
}

#[test]
fn a_name_that_can_be_nobodys_is_refused_with_what_to_write() {
    let home = Home::new();
    home.well(&["add", "twitter", "jo_green"]);
    home.well(&["add", "mastodon", "@ann@toot.example"]);
    for (arguments, words) in [
        (&["add", "mastodn", "ann@toot.example"][..], "did you mean `mastodon`?"),
        (&["add", "nowhere-at-all", "ann"], "`followsift networks` lists"),
        (&["add", "mastodon", "@bob"], "write the server too, like `@bob@toot.example`"),
        (&["forget", "mastodon", "Ann"], "write the server too, like `@ann@toot.example`"),
        (&["add", "mastodon", "ann@no host"], "`no host` is not the name of a server"),
        (&["add", "mastodon", "ann@"], "is not the name of a server"),
        (&["add", "twitter", "ann@toot.example"], "have no server behind them\n  write `ann`"),
        (&["add", "twitter", "Ann Lima"], "is not a handle"),
        (&["add", "twitter", "@"], "is not a handle"),
        (&["add", "facebook", "ann"], "give the profile link"),
        (&["forget", "twitter", "jo_gren"], "did you mean `@jo_green`?"),
        (&["forget", "twitter", "somebody_else"], "`followsift known` lists who is"),
        (&["confirm", "twitter", "jo_green"], "no unconfirmed message names @jo_green"),
        (&["confirm", "twitter"], "<HANDLE>"),
        (&["confirm", "--all", "twitter", "ann"], "cannot be used with"),
    ] {
        let said = home.refused(arguments);
        assert!(said.contains(words), "{arguments:?}\n{said}");
    }
    assert_eq!(home.keys().len(), 2);
}

#[test]
fn without_anything_unconfirmed_there_is_nothing_to_confirm() {
    let home = Home::new();
    for arguments in [&["confirm"][..], &["confirm", "--all"]] {
        assert_eq!(home.well(arguments), "nothing is unconfirmed\n");
    }
    assert!(!home.state().exists());
}

#[test]
fn without_settings_nobody_knows_where_the_ledger_is() {
    let home = Home::new();
    std::fs::remove_file(home.0.path().join("followsift.toml")).unwrap();
    let output = home.run(&[]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
}

#[test]
fn explain_and_backtest_know_whom_the_user_added_and_no_longer_whom_they_forgot() {
    let home = Home::new();
    let rules =
        "[verdict.real]\nflag = true\n\n[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n";
    home.write("rules.toml", rules);
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("rules = \"rules.toml\"\n{settings}"));
    let letter = twitter_2009(&Person::new("Win Big 1", "win_1", [3, 2001, 1]));
    home.write("a.eml", &String::from_utf8(letter.bytes(1)).unwrap());
    let run = |arguments: &[&str]| home.0.run(&[arguments, &["a.eml"]].concat()).exits(0).out();
    let is_known = || {
        let explained = run(&["explain", "--brief"]).contains("\"Known\"");
        let backtest = run(&["backtest"]);
        let row = backtest.lines().find(|line| line.starts_with("Known ")).unwrap_or_default();
        let fired = row.split_whitespace().nth(2);
        assert_eq!(fired, Some(if explained { "1" } else { "0" }), "{backtest}");
        explained
    };
    assert!(!is_known());
    home.well(&["add", "twitter", "win_1"]);
    assert!(is_known());
    home.well(&["forget", "twitter", "win_1"]);
    assert!(!is_known());
}

//! The user's programs that are run at troubles and at real followers: what they get, and how often.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::*;
use crate::support::letters::{AUTHSERV_ID, Person, twitter_2009};

/// Rules by which a follower with a hundred followers is real.
const REAL: &str =
    "\n[[rule]]\nname = \"Followed by many\"\nwhen.followers = \">= 100\"\nverdict = \"real\"\n";

/// A home whose hooks note what they are told, each in a file.
fn home_with_hooks(port: u16, more: &str) -> Home {
    let home = Home::new();
    let at = home.path().display().to_string();
    program(&home, "cat >> \"$1\"\nenv >> \"$1.environment\"\n");
    let hooks = format!(
        "[hooks]\non-trouble = [\"./note\", \"{at}/troubles\"]\non-real = [\"./note\", \"{at}/real\"]\n"
    );
    let proven = format!("authserv-id = \"{AUTHSERV_ID}\"\n{more}");
    let settings = format!("state = \"state\"\n{hooks}{}", account("home", port, &proven));
    home.write("followsift.toml", &settings);
    home.write("rules.toml", &format!("{RULES}{REAL}"));
    home
}

/// Writes the program that both hooks run.
fn program(home: &Home, script: &str) {
    home.write("note", &format!("#!/bin/sh\n{script}"));
    std::fs::set_permissions(home.path().join("note"), std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// What a hook was told so far.
fn told(home: &Home, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn letter(number: usize, person: &Person) -> String {
    String::from_utf8(twitter_2009(person).bytes(number)).unwrap()
}

#[test]
fn a_real_follower_is_told_once_and_spam_never() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = home_with_hooks(server.port, "");
    let mut run = home.command(&["run"]);
    run.env("XDG_RUNTIME_DIR", home.path());
    let daemon = home.run_as(run);
    daemon.says("watching home");
    let mut client = server.client();
    client.deliver("INBOX", &letter(1, &Person::new("Jo Bloom", "jo_bloom", [120, 180, 40])));
    deliver(&server, [2]);
    // Weeks old, as in the first look through an inbox.
    let old = letter(3, &Person::new("Al Dente", "al_dente", [150, 90, 8]));
    client.append("INBOX", "\"22-Sep-2026 10:00:00 +0000\"", &old);
    daemon.until("told", SOON, |_| !told(&home, "real").is_empty());
    // Another sweep, which judges it again.
    let swept =
        home.command(&["sweep", "--since", "300d"]).env("XDG_RUNTIME_DIR", home.path()).output().unwrap();
    assert!(swept.status.success(), "{swept:?}");
    client.deliver("INBOX", &letter(4, &Person::new("Vi Olin", "vi_olin", [130, 20, 3])));
    daemon.until("told of the next", SOON, |_| told(&home, "real").len() > 1);
    let real = told(&home, "real");
    let shown: Vec<_> = real.iter().map(|one| one["followers"][0]["handle"].as_str().unwrap()).collect();
    assert_eq!(shown, ["jo_bloom", "vi_olin"]);
    let first = &real[0];
    assert_eq!(
        (&first["event"], &first["account"], &first["network"], &first["kind"]),
        (&"real".into(), &"home".into(), &"twitter".into(), &"follow".into())
    );
    assert_eq!(first["followers"][0]["reasons"][0]["rule"], "Followed by many");
    assert_eq!(first["words"], "Jo Bloom (@jo_bloom) follows you on Twitter");
    assert!(told(&home, "troubles").is_empty());
    // Nothing of the service's environment but what a hook needs.
    let environment = std::fs::read_to_string(home.path().join("real.environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("NOTIFY_SOCKET"), "{environment}");
}

#[test]
fn what_is_not_proven_is_told_as_no_real_follower() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = home_with_hooks(server.port, "");
    let settings = std::fs::read_to_string(home.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &settings.replace(AUTHSERV_ID, "other.example"));
    let daemon = home.run();
    daemon.says("watching home");
    server.client().deliver("INBOX", &letter(1, &Person::new("Jo Bloom", "jo_bloom", [120, 180, 40])));
    deliver(&server, [2]);
    daemon.logs("message moved");
    assert!(told(&home, "real").is_empty());
}

#[test]
fn each_trouble_is_told_once_while_it_lasts() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = home_with_hooks(server.port, "moves-per-hour = 1\nmoves-after-change = 1\n");
    home.write("password", "wrong");
    let daemon = home.run();
    daemon.says("home is paused");
    let causes = || -> Vec<String> {
        told(&home, "troubles").iter().map(|one| one["cause"].as_str().unwrap().to_owned()).collect()
    };
    daemon.until("told", SOON, |_| causes() == ["paused"]);
    let first = told(&home, "troubles").remove(0);
    assert_eq!((&first["event"], &first["account"]), (&"trouble".into(), &"home".into()));
    assert!(first["words"].as_str().unwrap().contains("could not log in"), "{first}");
    // It is tried again, and refused again.
    daemon.signal(Signal::HUP);
    daemon.logs("reloaded settings");
    daemon.until("refused again", SOON, |it| it.log().matches("paused until you act").count() == 2);
    // A refused reload, twice; and a right one.
    home.write("rules.toml", "[[rule]]\nname = 1\n");
    daemon.until("told of the reload", SOON, |_| causes() == ["paused", "reload"]);
    home.write("rules.toml", "[[rule]]\nname = 2\n");
    daemon.until("refused twice", SOON, |it| it.log().matches("reload failed").count() == 2);
    home.write("rules.toml", RULES);
    home.write("password", support::PASSWORD);
    daemon.says("watching home");
    assert_eq!(causes(), ["paused", "reload"]);
    // The fuse.
    deliver(&server, [1, 2, 3]);
    daemon.until("told of the fuse", SOON, |_| causes() == ["paused", "reload", "fuse"]);
    // What was over is told again when it comes again.
    home.write("rules.toml", "[[rule]]\nname = 1\n");
    daemon.until("told again", SOON, |_| causes().len() == 4);
    assert!(told(&home, "real").is_empty());
}

#[test]
fn a_network_whose_messages_changed_is_told_once() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let changed = |number| {
        let letter =
            Letter::new("Twitter <notify@twitter.com>", "Kim (@kim_s) is now following you on Twitter!")
                .text("They are laid out as never before.\n")
                .signed("twitter.com");
        server.client().deliver("INBOX", &String::from_utf8(letter.bytes(number)).unwrap());
    };
    changed(1);
    let home = home_with_hooks(server.port, "");
    let daemon = home.run();
    daemon.says("watching home");
    daemon.until("told", SOON, |_| !told(&home, "troubles").is_empty());
    // Another one of the same week.
    changed(2);
    deliver(&server, [3]);
    daemon.logs("message moved");
    let troubles = told(&home, "troubles");
    let [drift] = troubles.as_slice() else { panic!("{troubles:?}") };
    assert_eq!(
        (&drift["event"], &drift["account"], &drift["cause"]),
        (&"trouble".into(), &"home".into(), &"drift".into())
    );
    let words = drift["words"].as_str().unwrap();
    assert!(
        words.contains("twitter: 1 message that looks like its notifications could not be read"),
        "{words}"
    );
}

#[test]
fn a_hook_that_hangs_or_fails_delays_nothing_and_is_logged() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = home_with_hooks(server.port, "");
    program(&home, "[ \"${1##*/}\" = real ] || exit 3\nexec sleep 1000\n");
    let daemon = home.run();
    daemon.says("watching home");
    server.client().deliver("INBOX", &letter(1, &Person::new("Jo Bloom", "jo_bloom", [120, 180, 40])));
    server.client().deliver("INBOX", &letter(2, &Person::new("Vi Olin", "vi_olin", [130, 20, 3])));
    deliver(&server, [3]);
    daemon.logs("message moved");
    let (status, time) = daemon.stop();
    assert!(status.success() && time < seconds(2), "{status} after {time:?}");
    let daemon = home.run();
    daemon.says("watching home");
    home.write("rules.toml", "[[rule]]\nname = 1\n");
    daemon.logs("the hook on-trouble failed: ");
    daemon.logs("note ended with exit status: 3; run it by hand to see why");
}

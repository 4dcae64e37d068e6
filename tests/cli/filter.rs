//! `filter`: what a delivery agent gets back, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Child;

use super::*;

const SPAM: &str = "X-Followsift: network=twitter; kind=follow; verdict=spam;\r\n\trule=\"Follows thousands, followed by nobody\"\r\n";

/// Runs `filter` on a message.
#[track_caller]
pub(super) fn filter(home: &Home, arguments: &[&str], message: &[u8]) -> Run {
    Run(fed(home, arguments, message).wait_with_output().unwrap())
}

/// A running `filter` to which a message is written.
fn fed(home: &Home, arguments: &[&str], message: &[u8]) -> Child {
    let mut child = home
        .command(&[&["filter"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, message) = (child.stdin.take().unwrap(), message.to_owned());
    // It may write before it has read everything. A failure to write shows in what comes out.
    std::thread::spawn(move || input.write_all(&message));
    child
}

#[track_caller]
fn check(home: &Home, arguments: &[&str], message: &[u8], field: &str) {
    let run = filter(home, &[&["--settings", "followsift.toml"], arguments].concat(), message);
    run.exits(0);
    let expected = [field.as_bytes(), message].concat();
    assert!(run.0.stdout == expected, "{}\n{}", String::from_utf8_lossy(&run.0.stdout), run.err());
}

fn spam() -> Vec<u8> {
    twitter_2009(&kim()).bytes(1)
}

#[test]
fn a_notification_gets_a_field_and_every_other_byte_stays() {
    let home = Home::new();
    let spam = spam();
    assert!(spam.windows(2).any(|two| two == b"\r\n"));
    check(&home, &[], &spam, SPAM);
    check(&home, &["--account", "home"], &spam, SPAM);
    // Lines as the agent ends them, and bytes that are no text.
    let plain: Vec<u8> = spam.iter().copied().filter(|byte| *byte != b'\r').collect();
    check(&home, &[], &plain, &SPAM.replace('\r', ""));
    check(&home, &[], &[&spam[..], b"\0\xff\x80\r\r\n.\r\nFrom here, no line end"].concat(), SPAM);
    let ann = twitter_2009(&Person::new("Ann", "ann", [100, 100, 100])).bytes(1);
    check(&home, &[], &ann, "X-Followsift: network=twitter; kind=follow; verdict=undecided\r\n");
    let mira = twitter_2009(&Person::new("Mira Holloway", "mira", [3, 2_001, 1])).bytes(1);
    // A name is the sender's choice, so the star that the verdict asks for is withheld, and the verdict with it.
    check(
        &home,
        &[],
        &mira,
        "X-Followsift: network=twitter; kind=follow; verdict=undecided; withheld=name-alone\r\n",
    );
}

#[test]
fn a_message_that_is_no_notification_stays_as_it_is() {
    let home = Home::new();
    let ordinary = ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n").bytes(1);
    for message in
        [&ordinary[..], b"", b"\n", b"\r\n\r\n", b"no header", b"\0\xff", b"Subject: a\r\n", b"From x\n"]
    {
        check(&home, &[], message, "");
    }
    // More than is judged, and more than a pipe holds.
    let large = [&ordinary[..], &b"\0line\r\n".repeat(300_000)].concat();
    check(&home, &[], &large, "");
    check(&home, &[], &[spam(), b"\0line\r\n".repeat(300_000)].concat(), SPAM);
}

#[test]
fn the_line_of_an_mbox_stays_first() {
    let home = Home::new();
    let plain: Vec<u8> = spam().into_iter().filter(|byte| *byte != b'\r').collect();
    let line = b"From bounce@twitter.com Mon Jan  1 00:00:00 2024\n";
    let run = filter(&home, &["--settings", "followsift.toml"], &[&line[..], &plain].concat());
    let expected = [line, SPAM.replace('\r', "").as_bytes(), &plain].concat();
    assert_eq!(String::from_utf8_lossy(&run.exits(0).0.stdout), String::from_utf8_lossy(&expected));
}

#[test]
fn what_a_sender_wrote_in_our_name_is_removed_even_if_all_else_fails() {
    let home = Home::new();
    let forged = |rest: &[u8]| {
        [b"x-followsift\t:\r\n verdict=real;\r\n\trule=\"x\"\r\n", rest, b"X-Followsift: body\r\n"].concat()
    };
    let expected = |field: &str, rest: &[u8]| [field.as_bytes(), rest, b"X-Followsift: body\r\n"].concat();
    let ordinary = ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n").bytes(1);
    let settings = ["--settings", "followsift.toml"];
    for (arguments, message, field) in [
        (&settings[..], &spam(), SPAM),
        (&settings[..], &ordinary, ""),
        (&["--settings", "missing.toml"], &spam(), ""),
        (&["--wrong-option"], &spam(), ""),
        (&["--rules", "missing.toml"], &spam(), ""),
    ] {
        let run = filter(&home, arguments, &forged(message));
        assert!(run.exits(0).0.stdout == expected(field, message), "{arguments:?}: {}", run.out());
    }
}

/// Makes something wrong.
type Break = fn(&Home);

#[test]
fn whatever_is_wrong_the_message_goes_on_and_the_reason_is_printed() {
    let wrong: [(&str, Break, &[&str], &str); 8] = [
        ("rules", |home| home.write("rules.toml", "[[rule]]\nname = 7\n"), &[], "rules.toml:"),
        (
            "no rules",
            |home| std::fs::remove_file(home.0.path().join("rules.toml")).unwrap(),
            &[],
            "rules.toml",
        ),
        (
            "a test of the rules",
            |home| {
                home.write("rules.toml", &format!("{RULES}[[test]]\nfollower = {{}}\nexpect = \"spam\"\n"))
            },
            &[],
            "test",
        ),
        ("settings", |home| home.write("followsift.toml", "rules = 7\n"), &[], "rules"),
        ("no settings", |_| (), &["--settings", "missing.toml"], "missing.toml"),
        ("account", |_| (), &["--account", "work"], "no account `work`"),
        (
            "list",
            |home| {
                home.write("rules.toml", &RULES.replace("people = [", "file = \"missing.txt\"\npeople = ["))
            },
            &[],
            "missing.txt",
        ),
        ("option", |_| (), &["--frobnicate"], "--frobnicate"),
    ];
    for (what, spoil, arguments, said) in wrong {
        let home = Home::new();
        spoil(&home);
        let arguments: Vec<&str> =
            if arguments.contains(&"--settings") { vec![] } else { vec!["--settings", "followsift.toml"] }
                .into_iter()
                .chain(arguments.iter().copied())
                .collect();
        let run = filter(&home, &arguments, &spam());
        assert!(run.exits(0).0.stdout == spam(), "{what}: {}", run.out());
        assert!(run.err().contains(said), "{what}: {}", run.err());
        let coded = filter(&home, &[&["--exit-code"], &arguments[..]].concat(), &spam());
        coded.exits(0);
    }
}

#[test]
fn a_ledger_that_cannot_be_read_withholds_the_verdict_that_it_could_change() {
    let home = Home::new();
    home.write(
        "rules.toml",
        &format!("[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n{RULES}"),
    );
    check(&home, &[], &spam(), SPAM);
    let state = home.0.state();
    home.write("followsift.toml", &format!("state = {state:?}\nrules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\nauthserv-id = \"{AUTHSERV_ID}\"\n"));
    std::fs::create_dir(&state).unwrap();
    home.mode("state", 0o700);
    home.write("state/ledger.sqlite", "this is no database, and longer than the header of one would be\n");
    let run = filter(&home, &["--settings", "followsift.toml"], &spam());
    let expected = "X-Followsift: network=twitter; kind=follow; verdict=undecided; withheld=past-unread\r\n";
    assert!(run.exits(0).out().starts_with(expected), "{}\n{}", run.out(), run.err());
}

#[test]
fn a_rule_about_an_unread_past_withholds_the_verdict() {
    let home = Home::new();
    home.write(
        "rules.toml",
        &format!("[[rule]]\nname = \"Wave\"\nwhen.wave = \">= 9\"\nverdict = \"real\"\n{RULES}"),
    );
    check(
        &home,
        &[],
        &spam(),
        "X-Followsift: network=twitter; kind=follow; verdict=undecided; withheld=past-unread\r\n",
    );
}

#[test]
fn a_forged_message_and_one_from_an_unknown_server_have_no_verdict_that_they_must_not_have() {
    let home = Home::new();
    let failed = format!("{AUTHSERV_ID}; dkim=fail header.d=twitter.com; dmarc=fail header.from=twitter.com");
    let forged = twitter_2009(&kim()).on_top("Authentication-Results", &failed).bytes(1);
    check(
        &home,
        &[],
        &forged,
        "X-Followsift: network=twitter; kind=follow; verdict=undecided; withheld=forged\r\n",
    );
}

#[test]
fn the_exit_code_says_the_verdict() {
    let home = Home::new();
    let more = "[verdict.numbers-game]\n[[rule]]\nname = \"Many\"\nwhen.following = \">= 900\"\nverdict = \"numbers-game\"\n[[rule]]\nname = \"None\"\nwhen.following = 7\nverdict = \"real\"\n";
    home.write("rules.toml", &format!("{}{more}", RULES.replace("flag = true", "")));
    for (counts, code) in [([3, 2_001, 1], 11), ([3, 901, 1], 12), ([3, 7, 1], 10), ([3, 8, 1], 0)] {
        let message = twitter_2009(&Person::new("Some Body", "body", counts)).bytes(1);
        let run = filter(&home, &["--settings", "followsift.toml", "--exit-code"], &message);
        assert_eq!(run.exits(code).out(), "", "{counts:?}");
    }
    let large = [spam(), vec![b'x'; 1 << 20]].concat();
    filter(&home, &["--exit-code", "--settings", "followsift.toml"], &large).exits(11);
}

#[test]
fn a_message_that_cannot_be_written_is_a_temporary_failure() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&kim()));
    let message = std::fs::File::open(home.0.path().join("mail.eml")).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run(home.command(&["filter"]).stdin(message).stdout(full).output().unwrap());
    assert!(run.exits(75).err().contains("could not pass the message on"), "{}", run.err());
    // So is one that cannot be read.
    let folder = std::fs::File::open(home.0.path()).unwrap();
    Run(home.command(&["filter"]).stdin(folder).output().unwrap()).exits(75);
}

#[test]
fn the_rules_of_the_command_line_need_no_settings() {
    let home = Home::new();
    let run = filter(&home, &["--rules", "rules.toml", "--authserv-id", AUTHSERV_ID], &spam());
    assert!(run.exits(0).out().starts_with(SPAM), "{}", run.out());
    // What ships judges without any.
    assert!(filter(&home, &[], &spam()).exits(0).out().starts_with("X-Followsift: network=twitter; "));
    assert!(filter(&home, &["--help"], b"").exits(0).out().contains("--exit-code"));
}

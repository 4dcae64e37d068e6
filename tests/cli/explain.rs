//! `explain`: what it says of a message, and what it refuses to believe.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs::{File, OpenOptions, read_to_string};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Output};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::*;

/// `explain` on files, of which the last is a pipe that the program has opened, and in which nothing was written yet.
struct Explaining {
    child: Child,
    pipe: File,
}

impl Explaining {
    fn start(home: &Home, files: &[&str], out: Stdio) -> Self {
        let pipe = home.0.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let arguments = [&["explain", "--brief", "--settings", "followsift.toml"], files, &["pipe"]].concat();
        let mut child = home.command(&arguments).stdout(out).spawn().unwrap();
        loop {
            // Without waiting for its reader, so that a child that has ended is noticed (fifo(7)).
            match OpenOptions::new()
                .write(true)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(&pipe)
            {
                Ok(pipe) => return Self { child, pipe },
                Err(cause) if cause.kind() == ErrorKind::NotFound => panic!("{cause}"),
                Err(_) => assert!(child.try_wait().unwrap().is_none(), "it ended without the last file"),
            }
            std::thread::yield_now();
        }
    }

    /// What it has answered so far.
    fn said(&mut self) -> String {
        let out = self.child.stdout.as_mut().unwrap();
        fcntl_setfl(&*out, fcntl_getfl(&*out).unwrap() | OFlags::NONBLOCK).unwrap();
        let mut said = vec![0; 1 << 16];
        let length = out.read(&mut said).unwrap_or(0);
        fcntl_setfl(&*out, fcntl_getfl(&*out).unwrap() - OFlags::NONBLOCK).unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap()
    }

    /// Its peak memory, in kB.
    fn peak(&self) -> u64 {
        let status = read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn end(mut self, mail: &[u8]) -> Output {
        self.pipe.write_all(mail).unwrap();
        drop(self.pipe);
        self.child.wait_with_output().unwrap()
    }
}

#[test]
fn each_file_is_answered_before_the_next_one_is_read() {
    let home = Home::new();
    home.mail("first.eml", &twitter_2009(&kim()));
    let mut explaining = Explaining::start(&home, &["first.eml"], Stdio::piped());
    let said = explaining.said();
    assert!(said.starts_with("first.eml\nTwitter · follow") && !said.contains("pipe"), "{said}");
    let rest = Run(explaining.end(&twitter_2009(&kim()).bytes(2))).exits(0).out();
    assert!(rest.starts_with("pipe\nTwitter · follow"), "{rest}");
}

#[test]
fn thousands_of_files_take_no_more_memory_than_a_few() {
    let home = Home::new();
    home.write(
        "rules.toml",
        &format!("{RULES}\n[[rule]]\nname = \"Again\"\nwhen.times-followed = \">= 9\"\nverdict = \"spam\"\n"),
    );
    let bio = "words ".repeat(300);
    home.mail("mail.eml", &twitter_digest(&[kim().bio(&bio), Person::new("Jo", "jo", [1, 2, 3]).bio(&bio)]));
    let peak = |count: usize| {
        let explaining = Explaining::start(&home, &vec!["mail.eml"; count], Stdio::null());
        let peak = explaining.peak();
        std::fs::remove_file(home.0.path().join("pipe")).unwrap();
        drop(explaining.end(&kim_once()));
        peak
    };
    let (few, many) = (peak(10), peak(1_500));
    assert!(many < few + 2_000, "{few} kB for 10 files, {many} kB for 1,500");
}

fn kim_once() -> Vec<u8> {
    twitter_2009(&kim()).bytes(1)
}

#[test]
fn of_several_files_each_is_a_past_for_those_named_after_it() {
    let home = Home::new();
    let again = "\n[[rule]]\nname = \"Again\"\nwhen.times-followed = \">= 1\"\nverdict = \"spam\"\n";
    home.write("rules.toml", &format!("{RULES}{again}"));
    for (name, day) in [("first.eml", 1), ("second.eml", 2)] {
        let mail = String::from_utf8(
            mastodon_card(&ENGLISH, &Person::new("Carol", "carol@kiln.example", [9, 8, 7])).bytes(1),
        );
        let mail = mail.unwrap();
        let mail: String = mail.split_inclusive('\n').filter(|line| !line.starts_with("Date:")).collect();
        home.write(name, &format!("Date: {day} Jan 2026 10:00:00 +0000\r\n{mail}"));
    }
    let moved = |files: [&str; 2]| {
        let said = home.run(&[&["explain", "--brief"], &files[..]].concat()).exits(0).out();
        said.matches("would move to Followers/Spam").count()
    };
    assert_eq!(moved(["first.eml", "second.eml"]), 1);
    // A message that came later is no past, and one that is named later is not known yet.
    assert_eq!(moved(["second.eml", "first.eml"]), 0);
}

#[test]
fn explain_says_what_a_message_is_and_which_rule_saw_what() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&kim()));
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    let expected = "\
Twitter · follow · authentic (mx.post.example: dkim=pass twitter.com)
  Kim Sample (@kimsample) · followers 3 · following 2001 · posts 1
  spam, by \"Follows thousands, followed by nobody\" (rules.toml:16): following 2001 >= 2000, followers 3 <= 10
  would move to Followers/Spam
";
    assert!(explained.starts_with(expected), "{explained}");
}

#[test]
fn explain_without_settings_takes_what_ships() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&kim()));
    let run = |arguments: &[&str]| Run(home.command(arguments).output().unwrap());
    let explained = run(&["explain", "mail.eml"]).exits(0).out();
    assert!(explained.contains("would move to Followers/Spam"), "{explained}");
    // A built-in rule is not cited as if it were in one of the user's files.
    let rule = "Follows thousands, followed by next to nobody";
    let shipped = include_str!("../../config/rules.toml");
    // A rule is cited by its head, the line before its name; that is the number of this one, counted from 0.
    let line = shipped.lines().position(|line| line == format!("name = \"{rule}\"")).unwrap();
    assert!(explained.contains(&format!("spam, by \"{rule}\" (built-in rules:{line}): ")), "{explained}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["explain", "--json", "mail.eml"]).exits(0).out()).unwrap();
    let reason = &json["followers"][0]["reasons"][0];
    assert_eq!((&reason["file"], &reason["line"]), (&"built-in rules".into(), &line.into()), "{json}");
}

#[test]
fn explain_reads_standard_input() {
    let home = Home::new();
    let mut child = home
        .command(&["explain", "-", "--settings", "followsift.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&twitter_2009(&kim()).bytes(1)).unwrap();
    let run = Run(child.wait_with_output().unwrap());
    assert!(run.exits(0).out().starts_with("Twitter · follow"));
}

#[test]
fn a_file_that_is_not_a_message_is_an_error_that_says_what_to_do() {
    let home = Home::new();
    let mail = twitter_2009(&kim()).bytes(1);
    let utf_16: Vec<u8> = String::from_utf8_lossy(&mail).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let save = "not the source of a message: in your mail program, save the message as .eml";
    let cases: [(&str, &[u8], String); 6] = [
        ("saved.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", format!("is an Outlook item (.msg), {save}")),
        ("saved.eml.gz", b"\x1f\x8b\x08\0", "is compressed: unpack it first".to_owned()),
        ("utf16.eml", &utf_16, format!("is text in UTF-16, {save}")),
        ("saved.html", b"<html></html>", format!("is a web page (HTML), {save}")),
        ("text.eml", b"Kim Sample follows you.\n", format!("has no message header, so it is {save}")),
        ("empty.eml", b"", "is empty: in your mail program, save the message as .eml".to_owned()),
    ];
    for (name, bytes, expected) in cases {
        home.0.write(name, bytes);
        let run = home.run(&["explain", "--brief", name]);
        assert_eq!((run.exits(65).out(), run.err()), (String::new(), format!("error: {name} {expected}\n")));
        let run = home.run(&["explain", "--json", name]);
        let json: serde_json::Value = serde_json::from_str(&run.exits(65).out()).unwrap();
        assert_eq!((&json["file"], &json["error"]), (&name.into(), &format!("{name} {expected}").into()));
    }
}

#[test]
fn what_precedes_a_message_in_a_file_is_passed_over() {
    let home = Home::new();
    let mail = twitter_2009(&kim()).bytes(1);
    home.0.write("mail.eml", &mail);
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    for lead in ["\r\n", "\u{feff}", "\u{feff} \n\n"] {
        home.0.write("copied.eml", [lead.as_bytes(), &mail].concat());
        assert_eq!(home.run(&["explain", "copied.eml"]).exits(0).out(), explained, "{lead:?}");
    }
}

#[test]
fn a_rule_can_ask_for_a_name_that_cannot_be_seen() {
    let home = Home::new();
    let nameless = "\n[[rule]]\nname = \"Nameless\"\nwhen.name = { empty = true }\nverdict = \"spam\"\n";
    home.write("rules.toml", &format!("{RULES}{nameless}"));
    for (name, expected) in
        [("\u{200b}\u{200b}", true), ("\u{3164}", true), ("Zoë", false), ("\u{200b}Zoë", false)]
    {
        home.mail("mail.eml", &mastodon_card(&ENGLISH, &Person::new(name, "zoe@kiln.example", [90, 80, 70])));
        let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
        assert!(explained.starts_with("Mastodon · follow"), "{name:?}: {explained}");
        assert_eq!(explained.contains("spam, by \"Nameless\""), expected, "{name:?}: {explained}");
    }
}

#[test]
fn json_is_one_line_a_message_and_keeps_what_is_not_shown_apart_from_what_is_empty() {
    let home = Home::new();
    let spam = Person::new("Hot Deals", "deals", [3, 2001, 0]);
    let other = Person::new("Grow Fast", "grow", [1, 2400, 0]).bio("10k in a week");
    home.mail("digest.eml", &twitter_digest(&[spam, other]));
    home.mail("lunch.eml", &ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n"));
    let run = home.run(&["explain", "--json", "digest.eml", "lunch.eml", "missing.eml"]);
    let lines: Vec<serde_json::Value> =
        run.exits(65).out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let digest = &lines[0];
    assert_eq!(digest["recognition"], "notification");
    assert_eq!(digest["kind"], "follow-batch");
    assert_eq!(digest["authentic"], "pass");
    assert_eq!(digest["verdict"], "spam");
    assert_eq!(
        digest["action"],
        serde_json::json!({ "move-to": "Followers/Spam", "flag": false, "mark-read": false })
    );
    let people = digest["followers"].as_array().unwrap();
    assert_eq!(people[0]["bio"], "");
    assert_eq!(people[0]["posts"], serde_json::Value::Null);
    assert_eq!(people[1]["bio"], "10k in a week");
    assert_eq!(people[1]["reasons"][0]["file"], "rules.toml");
    assert_eq!(people[1]["reasons"][0]["line"], 16);
    assert_eq!(lines[1]["recognition"], "foreign");
    assert_eq!(lines[1]["verdict"], serde_json::Value::Null);
    assert_eq!(lines[1]["action"], "leave");
    assert!(lines[2]["error"].as_str().unwrap().contains("missing.eml"));
}

#[test]
fn a_name_alone_stars_nobody_but_keeps_the_message() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&Person::new("Mira Holloway", "not_mira", [1, 2400, 0])));
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    assert!(explained.contains("real, by \"People I know\""), "{explained}");
    assert!(explained.contains("would stay: only the name is on the list"), "{explained}");
}

#[test]
fn a_listed_handle_in_an_authentic_message_is_starred_and_in_another_is_not() {
    let home = Home::new();
    home.mail("mail.eml", &mastodon_card(&ENGLISH, &Person::new("Ana", "ana@brew.example", [1, 2400, 0])));
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    assert!(explained.contains("would stay, starred"), "{explained}");
    let explained = home.run(&["explain", "--authserv-id", "other.example", "mail.eml"]).exits(0).out();
    assert!(explained.contains("would stay: it is not proven authentic"), "{explained}");
}

#[test]
fn a_strangers_server_that_claims_to_be_ones_own_stars_nobody() {
    let home = Home::new();
    let ana = Person::new("Ana", "ana@brew.example", [1, 2400, 0]);
    let genuine = String::from_utf8(mastodon_card(&ENGLISH, &ana).bytes(1)).unwrap();
    let own = ENGLISH.host;
    // Any domain passes as itself: a free-mail address, or a server beside the user's own.
    for other in ["freemail.example".to_owned(), format!("users.{own}")] {
        let forged: String = genuine
            .split_inclusive('\n')
            .map(|line| {
                let names_sender =
                    ["From:", "DKIM-", "Authentication-"].iter().any(|it| line.starts_with(it));
                if names_sender { line.replace(own, &other) } else { line.to_owned() }
            })
            .collect();
        assert_ne!(forged, genuine);
        home.write("mail.eml", &forged);
        let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
        assert!(explained.contains("real, by \"People I know\""), "{explained}");
        assert!(explained.contains("would stay: it is not proven authentic"), "{explained}");
    }
}

#[test]
fn a_namesake_on_a_host_that_only_folds_to_the_friends_is_not_starred() {
    let home = Home::new();
    home.write("rules.toml", &RULES.replace("@ana@brew.example", "@ana@strasse.example"));
    let explain = |handle: &str| {
        home.mail("mail.eml", &mastodon_card(&ENGLISH, &Person::new("Ana", handle, [1, 24, 0])));
        home.run(&["explain", "--brief", "mail.eml"]).exits(0).out()
    };
    assert!(explain("ana@strasse.example").contains("would stay, starred"));
    for other in ["ana@straße.example", "ana@xn--strae-oqa.example"] {
        let explained = explain(other);
        assert!(explained.contains("authentic (") && !explained.contains("starred"), "{explained}");
    }
}

#[test]
fn ones_own_servers_can_be_named_on_the_command_line() {
    let home = Home::new();
    home.write("followsift.toml", "rules = \"rules.toml\"\n");
    home.mail("mail.eml", &mastodon_card(&ENGLISH, &Person::new("Ana", "ana@brew.example", [1, 2400, 0])));
    let explain = |more: &[&str]| {
        let arguments = [&["explain", "--brief", "--authserv-id", AUTHSERV_ID, "mail.eml"], more].concat();
        home.run(&arguments).exits(0).out()
    };
    assert!(explain(&[]).contains("not proven authentic"));
    assert!(explain(&["--instance", "brew.example"]).contains("not proven authentic"));
    let starred = explain(&["--instance", "brew.example", "--instance", ENGLISH.host]);
    assert!(starred.contains("would stay, starred"), "{starred}");
    let wrong = home.run(&["explain", "--instance", "https://toots.example/", "mail.eml"]);
    assert!(wrong.exits(64).err().contains("expected the name of a server"));
}

#[test]
fn forged_messages_do_not_get_a_genuine_one_moved() {
    let home = Home::new();
    let comes_and_goes =
        "\n[[rule]]\nname = \"Comes and goes\"\nwhen.times-followed = \">= 2\"\nverdict = \"spam\"\n";
    home.write("rules.toml", &format!("{RULES}{comes_and_goes}"));
    let carol = || mastodon_card(&ENGLISH, &Person::new("Carol", "carol@kiln.example", [90, 80, 70]));
    let dated = |name: &str, day: u32, is_proven: bool| {
        let mail = String::from_utf8(carol().bytes(1)).unwrap();
        let kept = |line: &&str| is_proven || !line.starts_with("Authentication-Results:");
        let mail: String =
            mail.split_inclusive('\n').filter(|line| !line.starts_with("Date:")).filter(kept).collect();
        home.write(name, &format!("Date: {day} Jan 2026 10:00:00 +0000\r\n{mail}"));
    };
    for (name, day) in [("forged-1.eml", 1), ("forged-2.eml", 2)] {
        dated(name, day, false);
    }
    dated("genuine.eml", 8, true);
    let explain = |files: &[&str]| {
        let all = home.run(&[&["explain", "--brief"], files].concat()).exits(0).out();
        all.rsplit("genuine.eml").next().unwrap().to_owned()
    };
    let last = explain(&["forged-1.eml", "forged-2.eml", "genuine.eml"]);
    assert!(!last.contains("move to"), "{last}");
    // The same messages, proven, are a past.
    dated("forged-1.eml", 1, true);
    dated("forged-2.eml", 2, true);
    let last = explain(&["forged-1.eml", "forged-2.eml", "genuine.eml"]);
    assert!(last.contains("would move to Followers/Spam"), "{last}");
}

#[test]
fn a_message_that_costs_too_much_to_read_is_named_and_stays() {
    let home = Home::new();
    let openings = costly::openings();
    let filling = costly::fillings().into_iter().find(|filling| filling.name == "at signs").unwrap();
    let opening = openings.iter().find(|opening| opening.name.starts_with("mastodon/list")).unwrap();
    std::fs::write(home.0.path().join("mail.eml"), costly::message(opening, &filling, 64 << 10)).unwrap();
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    assert_eq!(explained, "too costly to read, unlike any notification: it stays\n");
    let explained = home.run(&["explain", "--json", "mail.eml"]).exits(0).out();
    assert!(explained.contains("\"recognition\":\"incomplete\",\"network\":null"), "{explained}");
    assert!(explained.contains("\"action\":\"leave\""), "{explained}");
}

#[test]
fn explain_says_which_service_relayed_a_message_and_whether_that_is_enough_to_file_it() {
    let home = Home::new();
    home.write(
        "rules.toml",
        "[verdict.seen]\nmove-to = \"Seen\"\n[[rule]]\nname = \"All\"\nwhen.kind = \"follow\"\nverdict = \"seen\"\n",
    );
    let message = include_str!("../corpus/strava/relayed-simplelogin-named/message.eml");
    home.write("mail.eml", &message.replace("mx.home.example", AUTHSERV_ID));
    let explain = || home.run(&["explain", "--brief", "mail.eml"]).exits(0).out();
    let explained = explain();
    assert!(
        explained.starts_with("Strava · follow · relayed by SimpleLogin, not confirmed\n"),
        "{explained}"
    );
    let expected =
        "would stay: it came through SimpleLogin, which is not confirmed (see `relays` in the settings)";
    assert!(explained.contains(expected), "{explained}");
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("{settings}relays = [\"simplelogin\"]\n"));
    let explained = explain();
    let expected = "Strava · follow · relayed by SimpleLogin, which your server confirms\n";
    assert!(explained.starts_with(expected), "{explained}");
    assert!(explained.contains("would move to Seen\n"), "{explained}");
}

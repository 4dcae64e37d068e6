//! The built binary as its user meets it: what it prints, and how it exits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::costly;
use crate::support::letters::{
    AUTHSERV_ID, ENGLISH, INSTANCES, Letter, Person, mastodon_card, ordinary, twitter_2009, twitter_digest,
};

const RULES: &str = r#"
[verdict.spam]
move-to = "Followers/Spam"

[verdict.real]
flag = true

[list.friends]
people = ["Mira Holloway", "@ana@brew.example"]

[[rule]]
name = "People I know"
when.who = { in = "friends" }
verdict = "real"

[[rule]]
name = "Follows thousands, followed by nobody"
when.following = ">= 2000"
when.followers = "<= 10"
verdict = "spam"
"#;

/// A folder with settings and rules, and nothing of the user's around it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("rules.toml", RULES);
        home.write("password", "hunter2\n");
        home.mode("password", 0o600);
        home.write("followsift.toml", &format!("rules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\nauthserv-id = \"{AUTHSERV_ID}\"\ninstances = {INSTANCES}\n"));
        home
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.0.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    }

    fn mail(&self, name: &str, letter: &Letter) {
        std::fs::write(self.0.path().join(name), letter.bytes(1)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_followsift"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command
    }

    /// Runs with the settings of this home.
    fn run(&self, arguments: &[&str]) -> Run {
        Run(self.command(arguments).args(["--settings", "followsift.toml"]).output().unwrap())
    }
}

struct Run(Output);

impl Run {
    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }
}

fn kim() -> Person {
    Person::new("Kim Sample", "kimsample", [3, 2001, 1])
}

#[test]
fn explain_says_what_a_mail_is_and_which_rule_saw_what() {
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
    // A rule of ours is not cited as if it stood in a file of the user's.
    let rule = "Follows thousands, followed by next to nobody";
    let shipped = include_str!("../config/rules.toml");
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
fn json_is_one_line_a_mail_and_keeps_what_is_not_shown_apart_from_what_is_empty() {
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
fn a_name_alone_stars_nobody_but_keeps_the_mail() {
    let home = Home::new();
    home.mail("mail.eml", &twitter_2009(&Person::new("Mira Holloway", "not_mira", [1, 2400, 0])));
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    assert!(explained.contains("real, by \"People I know\""), "{explained}");
    assert!(explained.contains("would stay: only the name is on the list"), "{explained}");
}

#[test]
fn a_listed_handle_in_an_authentic_mail_is_starred_and_in_another_is_not() {
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
    // Anybody's domain passes as itself: a free-mail address, or a server beside one's own.
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
fn nothing_from_a_mail_reaches_the_terminal_as_a_command() {
    let home = Home::new();
    let evil = Person::new("Evil \u{1b}[2J\u{202e}name", "evil", [1, 2400, 0]);
    home.mail("mail.eml", &twitter_2009(&evil));
    let run = home.run(&["explain", "mail.eml"]);
    assert!(run.exits(0).out().contains("evil"));
    let tricks = ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'];
    assert!(!run.out().contains(tricks) && !run.err().contains(tricks), "{:?}", run.out());
}

/// What a terminal would obey, or what turns or hides text: C0, C1, directions, and what shows nothing.
const TRICKS: [char; 9] =
    ['\u{1b}', '\u{7}', '\u{8}', '\u{9b}', '\u{9d}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{3164}'];

fn tricks(word: &str) -> String {
    let tricks: String = TRICKS.iter().map(|trick| format!("{trick}[2J")).collect();
    format!("{word}{tricks}")
}

fn assert_harmless(run: &Run, expected: &str) {
    let all = run.out() + &run.err();
    assert!(all.contains(expected), "{all}");
    assert!(!all.contains(TRICKS) && !all.contains(|c: char| c.is_control() && c != '\n'), "{all:?}");
}

#[test]
fn nothing_from_a_table_a_file_or_its_name_reaches_the_terminal_as_a_command() {
    let home = Home::new();
    let table = format!("{}.tsv", tricks("table"));
    home.write(&table, &format!("source\tlabel\tname\n{}\tspam\t{}\n", tricks("twitter/x"), tricks("name")));
    assert_harmless(&home.run(&["judge", "--facts", &table]), "followers");
    assert_harmless(&home.run(&["judge", "--json", "--facts", &table]), "\\u202e");
    let missing = tricks("missing");
    assert_harmless(&home.run(&["judge", "--facts", &missing]), "could not read missing");
    assert_harmless(&home.run(&["explain", &missing]), "could not read missing");
    assert_harmless(&home.run(&["backtest", &missing]), "no such file, or folder of an account: missing");
    let rules = format!("{}.toml", tricks("rules"));
    home.write(
        &rules,
        &format!(
            "{RULES}\n[[rule]]\nname = \"{}\"\nwhen.folowers = 1 # {}\n",
            tricks("name").replace(['\u{1b}', '\u{7}', '\u{8}'], ""),
            tricks("x")
        ),
    );
    assert_harmless(&home.run(&["judge", "--rules", &rules, "--facts", &table]), "rules");
    let settings = home.command(&["check", "--settings", &missing]).output().unwrap();
    assert_harmless(&Run(settings), "missing");
}

#[test]
fn a_message_that_costs_too_much_to_read_is_named_and_stays() {
    let home = Home::new();
    let openings = costly::openings();
    let filling = costly::fillings().into_iter().find(|filling| filling.name == "at signs").unwrap();
    let opening = openings.iter().find(|opening| opening.name.starts_with("mastodon/list")).unwrap();
    std::fs::write(home.0.path().join("mail.eml"), costly::message(opening, &filling, 64 << 10)).unwrap();
    let explained = home.run(&["explain", "mail.eml"]).exits(0).out();
    assert_eq!(explained, "left: too costly to read, which no notification is\n");
    let explained = home.run(&["explain", "--json", "mail.eml"]).exits(0).out();
    assert!(explained.contains("\"recognition\":\"incomplete\",\"network\":null"), "{explained}");
    assert!(explained.contains("\"action\":\"leave\""), "{explained}");
}

#[test]
fn check_finds_damage_in_the_ledger_that_opening_it_does_not() {
    let home = Home::new();
    let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &format!("state = \"state\"\n{settings}"));
    let state = home.0.path().join("state");
    let file = followsift::ledger::Ledger::open(&state).unwrap().file().to_owned();
    home.run(&["check"]).exits(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes.get_mut(middle..middle + 8_192).unwrap().fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    assert!(followsift::ledger::Ledger::open(&state).is_ok());
    let run = home.run(&["check"]);
    assert!(run.exits(70).out().contains("it is damaged"));
}

#[test]
fn check_shows_every_finding_with_its_line_and_exits_78() {
    let home = Home::new();
    home.write(
        "rules.toml",
        &RULES.replace("when.followers", "when.folowers").replace("\">= 2000\"", "\">= x\""),
    );
    let run = home.run(&["check"]);
    let findings = run.exits(78).out();
    assert!(findings.contains("error: unknown fact `folowers`"), "{findings}");
    assert!(findings.contains("--> rules.toml:19:6"), "{findings}");
    assert!(findings.contains("did you mean `followers`?"), "{findings}");
    assert!(findings.contains("--> rules.toml:18:"), "{findings}");
}

#[test]
fn check_says_what_it_checked() {
    let checked = Home::new().run(&["check"]).exits(0).out();
    assert!(checked.starts_with("all is well: account home; "), "{checked}");
    assert!(checked.contains(" rules of rules.toml; "), "{checked}");
}

/// What `check` says where one thing is wrong.
fn finding(expected: &str, code: i32, spoil: impl FnOnce(&Home)) {
    let home = Home::new();
    spoil(&home);
    let run = home.run(&["check"]);
    let said = run.exits(code).out();
    assert!(said.contains(expected), "no {expected:?} in {said}");
    assert_eq!(run.err(), "", "findings are printed to one stream");
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(last.starts_with("all is well: "), code == 0, "{said}");
    assert!(code != 0 || last.ends_with("; 1 warning"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn check_reports_a_ledger_that_cannot_work() {
    let state = |home: &Home, text: &str| {
        let folder = home.0.path().join(".local/state/followsift");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ledger.sqlite"), text).unwrap();
    };
    finding("it is damaged", 70, |home| state(home, &"x".repeat(9_000)));
    finding("other users can write in it; run `chmod go-w ", 70, |home| {
        state(home, "");
        home.mode(".local/state/followsift", 0o777);
    });
    finding("it is not a folder", 70, |home| {
        std::fs::create_dir_all(home.0.path().join(".local/state")).unwrap();
        home.write(".local/state/followsift", "");
    });
    // One that is only older, or not there, is brought up to date by the next sweep, and check makes none.
    let home = Home::new();
    home.run(&["check"]).exits(0);
    assert!(!home.0.path().join(".local").exists());
    state(&home, "");
    home.run(&["check"]).exits(0);
}

#[test]
fn check_reports_a_password_that_cannot_work() {
    finding("account `home`: could not read the password in ", 78, |home| {
        std::fs::remove_file(home.0.path().join("password")).unwrap();
    });
    finding("others can read it; run `chmod 600 ", 78, |home| home.mode("password", 0o644));
    finding("its first line is empty", 78, |home| home.write("password", "\n"));
    finding("begins with a blank", 0, |home| home.write("password", " hunter2\n"));
    finding("begins with a byte order mark", 0, |home| home.write("password", "\u{feff}hunter2\n"));
}

#[test]
fn check_reports_authorities_that_are_none() {
    finding("it holds no certificate", 78, |home| {
        let settings = std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap();
        home.write("followsift.toml", &format!("{settings}ca-file = \"ca.pem\"\n"));
        home.write("ca.pem", "hello\n");
    });
}

#[test]
fn check_reports_files_that_are_not_read() {
    let network = |home: &Home, name: &str| {
        std::fs::create_dir_all(home.0.path().join("networks")).unwrap();
        home.write(&format!("networks/{name}"), "network = \"potters\"\n");
    };
    finding("networks/potters.tml is not read: the name of a network's file ends in `.toml`", 0, |home| {
        network(home, "potters.tml");
        // What an editor leaves behind is no mistake.
        network(home, "potters.toml~");
        network(home, ".potters.toml.swp");
    });
    finding("`networs` is not read: followsift looks for `networks` beside the settings", 0, |home| {
        std::fs::create_dir(home.0.path().join("networs")).unwrap();
    });
}

#[test]
fn check_and_run_agree_that_without_an_account_there_is_nothing_to_do() {
    let home = Home::new();
    home.write("followsift.toml", "rules = \"rules.toml\"\n");
    for command in [&["check"][..], &["check", "--connect"], &["check", "--json"]] {
        let said = home.run(command).exits(78).out();
        assert!(said.contains("the settings name no account") && !said.contains("all is well"), "{said}");
    }
    assert!(home.run(&["run"]).exits(78).err().contains("the settings name no account"));
    std::fs::remove_file(home.0.path().join("followsift.toml")).unwrap();
    for command in [&["check"][..], &["check", "--connect"]] {
        let said = Run(home.command(command).output().unwrap());
        assert!(said.exits(78).out().contains("there are no settings"), "{}", said.out());
    }
}

#[test]
fn check_warns_of_an_environment_that_says_less_than_it_should() {
    let home = Home::new();
    let check = |name: &str, value: Option<&str>| {
        let mut command = home.command(&["check", "--settings", "followsift.toml"]);
        match value {
            Some(value) => command.env(name, value),
            None => command.env("XDG_STATE_HOME", home.0.path()).env_remove(name),
        };
        Run(command.output().unwrap()).exits(0).out()
    };
    assert!(check("HOME", None).contains("warning: HOME is not set"));
    let said = check("FOLLOWSIFT_LOG", Some("debgu"));
    assert!(said.contains("FOLLOWSIFT_LOG: unknown level `debgu`; did you mean `debug`?"), "{said}");
    // The locks of mailboxes are in the home, wherever the state folder is.
    home.write("file", "");
    home.write(
        "followsift.toml",
        &format!(
            "state = \"state\"\n{}",
            std::fs::read_to_string(home.0.path().join("followsift.toml")).unwrap()
        ),
    );
    let said = check("XDG_STATE_HOME", Some(home.0.path().join("file").to_str().unwrap()));
    assert!(said.contains("for the locks of mailboxes"), "{said}");
}

#[test]
fn a_link_to_rules_that_leads_nowhere_does_not_put_others_in_force() {
    let home = Home::new();
    home.write(
        "followsift.toml",
        "[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\n",
    );
    std::fs::remove_file(home.0.path().join("rules.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", home.0.path().join("rules.toml")).unwrap();
    let findings = home.run(&["check"]).exits(78).out();
    assert!(findings.contains("a link that leads nowhere is at"), "{findings}");
}

#[test]
fn what_cannot_be_written_is_no_success() {
    let home = Home::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run(home.command(&["schema", "rules"]).stdout(full).output().unwrap());
    assert!(run.exits(70).err().contains("could not write to standard output"), "{}", run.err());
}

#[test]
fn a_service_with_a_broken_file_exits_78_and_so_does_one_without_settings() {
    let home = Home::new();
    home.write("rules.toml", "[[rule]]\nname = 7\n");
    home.run(&["run"]).exits(78);
    let run = Run(home.command(&["run"]).output().unwrap());
    assert!(run.exits(78).err().contains("there are no settings"), "{}", run.err());
}

#[test]
fn rules_that_file_into_a_watched_folder_are_refused() {
    let home = Home::new();
    home.write(
        "followsift.toml",
        "rules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \
         \"password\"\nfolders = [\"INBOX\", \"Followers/Spam\"]\n",
    );
    let findings = home.run(&["check"]).exits(78).out();
    assert!(findings.contains("`Followers/Spam`, which is one of the `folders`"), "{findings}");
}

#[test]
fn a_wrong_command_line_exits_64() {
    let home = Home::new();
    home.run(&["sweeep"]).exits(64);
    home.run(&["sweep", "--since", "thirty"]).exits(64);
    home.run(&["explain"]).exits(64);
}

#[test]
fn help_and_version_are_no_errors() {
    let home = Home::new();
    assert!(Run(home.command(&["--help"]).output().unwrap()).exits(0).out().contains("explain"));
    assert!(Run(home.command(&["--version"]).output().unwrap()).exits(0).out().starts_with("followsift "));
}

#[test]
fn a_missing_settings_file_is_named() {
    let home = Home::new();
    let run = Run(home.command(&["check", "-s", "nowhere.toml"]).output().unwrap());
    assert!(run.exits(78).out().contains("nowhere.toml"), "{}", run.out());
    assert!(!Path::new("nowhere.toml").exists());
}

#[test]
fn networks_lists_what_is_known_and_tells_of_one_in_detail() {
    let home = Home::new();
    let all = home.run(&["networks"]).exits(0).out();
    let snac = "\
snac (snac; any site that runs it)
  reports    followers
  forms      follow
  languages  en
  shows      url
  marks      its subject; it comes from snac-daemon@*; there is a line of text `User :
             @{you}@{host}` then `Type : Follow` then `Actor : {url}`
";
    assert!(all.contains(snac) && all.contains("28 networks."), "{all}");
    let strava = "\
Strava · strava
  known from Strava, 2026: sender and subject from a public test, the layout at second hand
  sent by    strava.com
  languages  en
  subjects   \"{name} is now following you on Strava.\"

  2026 · follow
  shows      name, url
";
    let one = home.run(&["networks", "strava"]).exits(0).out();
    assert!(one.starts_with(strava), "{one}");
}

#[test]
fn a_network_that_is_not_known_is_a_misuse_with_a_suggestion() {
    let home = Home::new();
    let err = home.run(&["networks", "mastodno"]).exits(64).err();
    assert_eq!(err, "error: no network is called `mastodno`\n  did you mean `mastodon`?\n");
}

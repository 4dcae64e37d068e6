//! `init`, against a real server: in a script, and on a terminal (`script`, which makes one).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::support::home::{Home as Mailboxes, PASSWORD};
use crate::support::letters::mastodon_4_2;
use crate::support::{Client, Dovecot, pause};

const SETTINGS: &str = ".config/followsift/followsift.toml";

/// The program, about to run `init` with these options, at a server whose authority it trusts.
fn init(home: &UserFolder, server: &Dovecot, arguments: &[&str]) -> Command {
    let at = format!("localhost:{}", server.tls_port);
    let mut command = home.command(&[], &["init", "--host", &at]);
    command.args(arguments).env("SSL_CERT_FILE", server.ca());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn answered(mut child: Child, answers: &str) -> Run {
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    Run(child.wait_with_output().unwrap())
}

/// Puts two spammers, one person, and two messages without counts into the inbox.
fn deliver(server: &Dovecot, user: &str) {
    let mut client = Client::log_in_as(server.port, user, PASSWORD);
    let mut letters = vec![
        twitter_2009(&kim()),
        twitter_2009(&Person::new("Spam Too", "spamtoo", [0, 2001, 0])),
        twitter_2009(&Person::new("Ada Byron", "ada", [400, 300, 900])),
    ];
    letters.extend(["bo", "cy"].map(|handle| mastodon_4_2(&ENGLISH, handle)));
    for number in 0..20 {
        let letter = ordinary("mira@friend.example", "Lunch?", "At one?").authentic("friend.example");
        client.deliver("INBOX", &String::from_utf8(letter.bytes(100 + number)).unwrap());
    }
    for (number, letter) in letters.iter().enumerate() {
        client.deliver("INBOX", &String::from_utf8(letter.bytes(number)).unwrap());
    }
}

#[test]
fn one_command_in_a_script_sets_an_account_up_and_shows_what_the_rules_would_do() {
    let Some(server) = Dovecot::start(&Mailboxes::server(&[])) else { return };
    deliver(&server, "ann@post.example");
    let home = UserFolder::new();
    let options = ["ann@post.example", "--password-stdin", "--instance", ENGLISH.host, "--look-up", "--yes"];
    let run = answered(init(&home, &server, &options).spawn().unwrap(), &format!("{PASSWORD}\n"));
    run.exits(0);
    let said = run.out();
    for part in [
        "logged in to localhost",
        "5 notifications of new followers in the inbox, of the last twelve months: Twitter 3, Mastodon 2",
        "(2 would be moved)",
        "written:\n",
        "  followsift sweep --dry-run --since 30d  shows",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains(PASSWORD) && run.err().is_empty(), "{said}{}", run.err());

    let settings = fs::read_to_string(home.path().join(SETTINGS)).unwrap();
    let keys: Vec<_> = settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(
        keys,
        [
            "[lookup]".to_owned(),
            "mastodon = \"own-server\"".to_owned(),
            "[accounts.home]".to_owned(),
            "host = \"localhost\"".to_owned(),
            format!("port = {}", server.tls_port),
            "user = \"ann@post.example\"".to_owned(),
            "password-file = \"home.password\"".to_owned(),
            format!("authserv-id = \"{AUTHSERV_ID}\""),
            format!("instances = [\"{}\"]", ENGLISH.host),
            "act = false".to_owned(),
        ]
    );
    let beside = |name: &str| home.path().join(SETTINGS).with_file_name(name);
    assert_eq!(fs::read_to_string(beside("rules.toml")).unwrap(), include_str!("../../config/rules.toml"));
    assert_eq!(fs::metadata(beside("home.password")).unwrap().permissions().mode() & 0o777, 0o600);

    // What it has written is right, and the next command works.
    let then = |arguments: &[&str]| {
        Run(home.command(&[], arguments).env("SSL_CERT_FILE", server.ca()).output().unwrap())
    };
    then(&["check", "--connect"]).exits(0);
    let dry = then(&["sweep", "--dry-run", "--since", "30d"]);
    assert!(dry.exits(0).out().contains("(2 would be moved)"), "{}", dry.out());

    // It never writes over a file.
    let again = answered(init(&home, &server, &options).spawn().unwrap(), "other\n");
    assert!(again.exits(64).err().contains("exists, and `init` writes only new files"), "{}", again.err());
    assert_eq!(fs::read_to_string(home.path().join(SETTINGS)).unwrap(), settings);
}

#[test]
fn what_fails_or_is_missing_in_a_script_is_said_and_leaves_no_file() {
    let Some(server) = Dovecot::start(&Mailboxes::server(&[])) else { return };
    let home = UserFolder::new();
    let wrong = init(&home, &server, &["ann@post.example", "--password-stdin", "--yes"]).spawn().unwrap();
    let run = answered(wrong, "not-the-password\n");
    assert!(run.exits(75).err().starts_with("error: home: could not log in"), "{}", run.err());
    for (arguments, code, said) in [
        (vec!["init"], 64, "there is no terminal to ask on: give your mail address"),
        (
            vec!["init", "ann@post.example"],
            64,
            "give --password-file, --password-command or --password-stdin",
        ),
        (vec!["init", "ann"], 64, "That is not a mail address"),
        (vec!["init", "Ann <ann@post.example>"], 64, "That is not a mail address"),
        (vec!["init", "ann@tutanota.com"], 64, "Tuta offers no IMAP"),
        (vec!["init", "ann@outlook.com"], 64, "give --client-id"),
        (
            vec!["init", "ann@post.example", "--password-command", "pass 'show"],
            64,
            "a quotation mark is not closed",
        ),
        (vec!["init", "--act", "--observe"], 64, "cannot be used with"),
    ] {
        let run = Run(home.command(&[], &arguments).output().unwrap());
        assert!(run.exits(code).err().contains(said), "{arguments:?}: {}", run.err());
    }
    let left: Vec<_> = walk(&home.path().join(".config"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_inbox_without_notifications_is_told_where_networks_switch_them_on() {
    let Some(server) = Dovecot::start(&Mailboxes::server(&[])) else { return };
    let home = UserFolder::new();
    let program = format!("printf '%s\\n' {PASSWORD}");
    let run = answered(
        init(&home, &server, &["bea@post.example", "--password-command", &program, "--yes", "--act"])
            .spawn()
            .unwrap(),
        "",
    );
    let said = run.exits(0).out();
    assert!(said.contains("No notification of a new follower") && said.contains("| Mastodon | "), "{said}");
    assert!(said.contains("Bluesky") && !said.contains("home.password"), "{said}");
    let settings = fs::read_to_string(home.path().join(SETTINGS)).unwrap();
    let expected = format!("password-command = [\"printf\", \"%s\\\\n\", \"{PASSWORD}\"]\n");
    assert!(settings.contains(&expected) && !settings.contains("act ="), "{settings}");
}

#[test]
fn on_a_terminal_it_asks_and_asks_again_after_a_login_that_failed() {
    let Some(server) = Dovecot::start(&Mailboxes::server(&[])) else { return };
    deliver(&server, "cal@post.example");
    let home = UserFolder::new();
    let on_a_terminal = ["sh", "-c", "exec script -qec \"$0 init\" /dev/null"];
    let mut command = home.command(&on_a_terminal, &[]);
    command.env("TERM", "dumb").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let at = format!("localhost:{}", server.tls_port);
    let dialogue = [
        ("Your mail address: ", "nobody"),
        ("That is not a mail address such as ann@example.org.\r\nYour mail address: ", "cal@post.example"),
        ("Its IMAP server [imap.post.example]: ", &at),
        ("User name there [cal@post.example]: ", ""),
        ("kept in a file of its own): ", ""),
        ("The password (not shown while you type): ", "wrong"),
        // The certificate is that of an authority that this machine does not know.
        ("Trust this certificate and no other? [y/N] ", "y"),
        ("Try again with other answers? [Y/n] ", ""),
        (&format!("Its IMAP server [{at}]: "), ""),
        ("User name there [cal@post.example]: ", ""),
        ("kept in a file of its own): ", ""),
        ("The password (not shown while you type): ", PASSWORD),
        ("Is that your provider? [Y/n] ", "y"),
        ("Do you have an account on that server? [y/N] ", "y"),
        ("Look them up? [y/N] ", "perhaps"),
        ("Look them up? [y/N] ", "n"),
        ("what would have been. [Y/n] ", "n"),
    ];
    let mut child = command.spawn().unwrap();
    let said = talk(&mut child, &dialogue);
    assert!(child.wait().unwrap().success() && said.contains("next:"), "{said}");
    // What is typed as a password is never shown.
    assert_eq!(said.matches(PASSWORD).count(), 0, "{said}");
    let settings = fs::read_to_string(home.path().join(SETTINGS)).unwrap();
    assert!(
        settings.contains("tls-fingerprint = \"sha256:") && settings.contains("instances = ["),
        "{settings}"
    );
    assert!(!settings.contains("[lookup]") && !settings.contains("act ="), "{settings}");
}

#[test]
fn a_signal_at_a_question_leaves_no_file_and_the_terminal_as_it_was() {
    let Some(server) = Dovecot::start(&Mailboxes::server(&[])) else { return };
    let home = UserFolder::new();
    let at = format!("localhost:{}", server.tls_port);
    let start = |then: &str| {
        let line = format!("exec script -qec \"$0 init{then}\" /dev/null");
        let mut command = home.command(&["sh", "-c", &line], &[]);
        command.env("TERM", "dumb").env("SSL_CERT_FILE", server.ca());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let interrupt = "\u{3}";
    let mut dialogue = vec![
        ("Your mail address: ", "cal@post.example"),
        ("Its IMAP server [imap.post.example]: ", &*at),
        ("User name there [cal@post.example]: ", ""),
        ("kept in a file of its own): ", ""),
        ("The password (not shown while you type): ", "wrong"),
        ("Try again with other answers? [Y/n] ", interrupt),
    ];
    let mut child = start("");
    let said = talk(&mut child, &dialogue);
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert_eq!(said.matches("nothing was written").count(), 1, "{said}");
    assert!(walk(&home.path().join(".config")).is_empty(), "{said}");

    dialogue.truncate(4);
    dialogue.push(("The password (not shown while you type): ", interrupt));
    let mut child = start("; echo ended with \\$?; stty -a");
    let said = talk(&mut child, &dialogue);
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(said.matches("nothing was written").count(), 1, "{said}");
    let (_, after) = said.split_once("ended with 130").unwrap();
    assert!(after.contains(" echo ") && after.contains("isig") && !after.contains("-isig"), "{said}");
    assert!(walk(&home.path().join(".config")).is_empty(), "{said}");
}

#[test]
fn what_would_keep_it_from_writing_is_said_before_anything_is_asked() {
    let home = UserFolder::new();
    let beside = home.path().join(SETTINGS).with_file_name("home.password");
    fs::create_dir_all(beside.parent().unwrap()).unwrap();
    fs::write(&beside, "other\n").unwrap();
    let run = Run(home.command(&[], &["init"]).output().unwrap());
    assert!(run.exits(64).err().contains("remove it, or give `--password-file` with it"), "{}", run.err());
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    let mut command = home.command(&[], &["init", "ann@post.example", "--host", "x.example", "--yes"]);
    let run = Run(command.arg("--password-file").arg(odd).output().unwrap());
    assert!(run.exits(64).err().contains("is not UTF-8"), "{}", run.err());
    let run = Run(home.command(&[], &["init", "--name", "work"]).output().unwrap());
    assert!(run.exits(64).err().contains("give your mail address"), "{}", run.err());
    let file = beside.join("followsift.toml");
    let run = Run(home.command(&[], &["--settings", file.to_str().unwrap(), "init"]).output().unwrap());
    assert!(run.exits(70).err().contains("could not write"), "{}", run.err());
    assert_eq!(fs::read_to_string(&beside).unwrap(), "other\n");
}

/// Answers each question when it has come; returns all that was shown.
fn talk(child: &mut Child, dialogue: &[(&str, &str)]) -> String {
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            let text = String::from_utf8_lossy(bytes.get(..length).unwrap()).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    let mut shown = String::new();
    let mut answered = 0;
    for (question, answer) in dialogue {
        while !shown.get(answered..).is_some_and(|new| new.contains(question)) {
            match receiver.recv_timeout(Duration::from_secs(60)) {
                Ok(text) => shown.push_str(&text),
                Err(_) => panic!("{question}: {shown}"),
            }
        }
        answered = shown.len();
        if question.contains("not shown") {
            // The terminal stops showing what is typed just after the question.
            pause(Duration::from_millis(500));
        }
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    while let Ok(text) = receiver.recv_timeout(Duration::from_secs(60)) {
        shown.push_str(&text);
    }
    shown
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

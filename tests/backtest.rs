//! `backtest`: the built binary over messages in files and in the folders of a real account, none of which it may change.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::letters::{AUTHSERV_ID, Person, ordinary, twitter_2009};
use crate::support::user_folder::UserFolder;
use crate::support::{Dovecot, Options, PASSWORD, USER};
use followsift::assess::{Arrival, Mail, assess};
use followsift::clock::Timestamp;
use followsift::ledger::{Judged, Ledger};
use followsift::mail::Recognition;
use followsift::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Uid, UidValidity};
use followsift::rulebook;
use followsift::rules::recall::Blank;
use followsift::settings::{self, Environment, Tls};

/// Two rules: one on numbers, one on who comes again.
const RULES: &str = r#"
[verdict.spam]
move-to = "Followers/Spam"

[verdict.numbers-game]
move-to = "Followers/Numbers game"

[[rule]]
name = "I know them"
when.known = true
verdict = "real"

[[rule]]
name = "Comes again"
when.times-followed = ">= 1"
verdict = "numbers-game"

[[rule]]
name = "Thousands"
when.following = ">= 2000"
verdict = "spam"

[[rule]]
name = "Nobody follows"
when.followers = "<= 5"
verdict = "spam"
"#;

struct Desk(UserFolder);

impl Desk {
    fn new() -> Self {
        let desk = Self(UserFolder::new());
        desk.write("rules.toml", RULES);
        desk.write("followsift.toml", "state = \"state\"\n");
        desk
    }

    /// One whose settings say what proves a message: what came before counts only where it is proven.
    fn proving() -> Self {
        let desk = Self::new();
        let account = "host = \"mail.example\"\nuser = \"ann\"\npassword-file = \"password\"\n";
        let proof = format!("authserv-id = \"{AUTHSERV_ID}\"\n");
        desk.write("followsift.toml", format!("state = \"state\"\n[accounts.home]\n{account}{proof}"));
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        self.0.write(name, text);
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.0.run(&[&["backtest"], arguments].concat()).parts()
    }

    #[track_caller]
    fn well(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert!(code == 0 && err.is_empty(), "{code}\n{out}\n{err}");
        out
    }
}

/// A message; another one if it says something else.
fn letter(handle: &str, counts: [u64; 3]) -> String {
    let name = format!("Person {handle}");
    let number = counts.iter().sum::<u64>() as usize;
    String::from_utf8(twitter_2009(&Person::new(&name, handle, counts)).bytes(number)).unwrap()
}

/// The same messages that Ann got in January 2024, in this order: Bo, spam; Cy, real; an ordinary one; Bo again; Di,
/// spam by two rules; Eve, spam by the last one.
fn mails() -> Vec<(u32, String)> {
    let lunch = String::from_utf8(ordinary("cy@post.example", "Lunch", "At one?").bytes(1)).unwrap();
    vec![
        (1, letter("bo", [90, 3000, 1])),
        (2, letter("cy", [90, 80, 70])),
        (3, lunch),
        (4, letter("bo", [95, 3001, 1])),
        (5, letter("di", [3, 2001, 0])),
        (6, letter("eve", [2, 30, 0])),
    ]
}

/// As an mbox in which the last comes first.
fn mbox() -> String {
    let mut text = String::new();
    for (day, mail) in mails().iter().rev() {
        let _ = writeln!(text, "From sender@post.example Mon Jan {day:2} 10:00:00 2024");
        let _ = writeln!(text, "{}", mail.replace("\r\n", "\n"));
    }
    text
}

const MOVES: &str = "\x20 2024-01-01 Twitter @bo: to Followers/Spam, by \"Thousands\"
  2024-01-04 Twitter @bo: to Followers/Numbers game, by \"Comes again\"
  2024-01-05 Twitter @di: to Followers/Spam, by \"Thousands\"
  2024-01-06 Twitter @eve: to Followers/Spam, by \"Nobody follows\"

6 messages, 5 of them about followers, received from 2024-01-01 to 2024-01-06: 4 would move, 1 would stay

rule              line    fired  decided  would be missed
I know them          8        0        0                0
Comes again         13        1        1                1
Thousands           18        3        2                1
Nobody follows      23        2        1                1

no corrections yet: you have not put any message back by hand
";

#[test]
fn messages_are_replayed_in_the_order_in_which_they_came() {
    let desk = Desk::proving();
    desk.write("inbox.mbox", mbox());
    assert_eq!(desk.well(&["inbox.mbox"]), MOVES);
}

#[test]
fn a_second_message_about_a_follow_is_no_second_follow() {
    let desk = Desk::proving();
    let mut mbox = String::new();
    // About two follows: each is announced twice, in the way of WordPress.
    for (day, hour) in [(1, 10), (1, 11), (4, 10), (5, 9)] {
        let _ = writeln!(mbox, "From sender@post.example Mon Jan {day:2} {hour:02}:00:00 2024");
        let _ = writeln!(mbox, "{}", letter("bo", [90, 80, hour]).replace("\r\n", "\n"));
    }
    desk.write("inbox.mbox", mbox);
    let out = desk.well(&["inbox.mbox"]);
    assert!(out.contains("4 messages, 4 of them about followers"), "{out}");
    let moves: Vec<_> = out.lines().filter(|line| line.contains("by \"Comes again\"")).collect();
    let expected = ["04", "05"]
        .map(|day| format!("  2024-01-{day} Twitter @bo: to Followers/Numbers game, by \"Comes again\""));
    assert_eq!(moves, expected);
}

#[test]
fn copies_of_a_message_are_no_earlier_follow() {
    let desk = Desk::proving();
    let mut mbox = String::new();
    for day in [1, 4, 7] {
        let _ = writeln!(mbox, "From sender@post.example Mon Jan {day:2} 10:00:00 2024");
        let _ = writeln!(mbox, "{}", letter("bo", [90, 80, 70]).replace("\r\n", "\n"));
    }
    desk.write("inbox.mbox", &mbox);
    let out = desk.well(&["inbox.mbox"]);
    assert!(out.contains("3 messages, 3 of them about followers") && out.contains(": 0 would move"), "{out}");
    // Together, they are one to a message that is another one.
    let _ = writeln!(mbox, "From sender@post.example Mon Jan 11 10:00:00 2024");
    let _ = writeln!(mbox, "{}", letter("bo", [91, 80, 70]).replace("\r\n", "\n"));
    desk.write("inbox.mbox", &mbox);
    let out = desk.well(&["inbox.mbox"]);
    assert!(
        out.contains("2024-01-11 Twitter @bo: to Followers/Numbers game") && out.contains(": 1 would move"),
        "{out}"
    );
}

#[test]
fn a_maildir_and_single_messages_tell_the_same() {
    let desk = Desk::proving();
    for (day, mail) in mails() {
        let file = desk
            .path()
            .join(format!("Maildir/cur/{}.M{day}.host:2,S", 1_704_016_800 + u64::from(day) * 86_400));
        desk.write(file.strip_prefix(desk.path()).unwrap().to_str().unwrap(), &mail);
        let undated: String = mail.split_inclusive('\n').filter(|line| !line.starts_with("Date:")).collect();
        let dated = format!("Date: {day} Jan 2024 10:00:00 +0000\r\n{undated}");
        desk.write(&format!("mails/{day}.eml"), dated);
    }
    std::fs::create_dir(desk.path().join("Maildir/new")).unwrap();
    let before = std::fs::read_dir(desk.path().join("Maildir/cur")).unwrap().count();
    assert_eq!(desk.well(&["Maildir"]), MOVES);
    assert_eq!(std::fs::read_dir(desk.path().join("Maildir/cur")).unwrap().count(), before);
    assert_eq!(desk.well(&["mails"]), MOVES);
}

#[test]
fn what_other_rules_would_do_otherwise_is_listed() {
    let desk = Desk::new();
    desk.write("inbox.mbox", mbox());
    desk.write("other.toml", RULES.replace("\">= 2000\"", "\">= 3000\"").replace("<= 5", "<= 2"));
    let out = desk.well(&["--rules", "other.toml", "inbox.mbox"]);
    assert!(out.contains("3 would move, 2 would stay"), "{out}");
    let difference = "\nthe current rules treat 1 message differently:\n  2024-01-05 Twitter @di: currently to \
                      Followers/Spam; with these rules stays, no rule fired\n";
    assert!(out.contains(difference), "{out}");
    desk.write("same.toml", RULES);
    let out = desk.well(&["--rules", "same.toml", "inbox.mbox"]);
    assert!(out.contains("\nthe current rules treat every message the same\n"), "{out}");
}

#[test]
fn only_what_came_lately_is_looked_at_where_that_is_asked_for() {
    let desk = Desk::new();
    desk.write("inbox.mbox", mbox());
    let out = desk.well(&["--since", "30d", "inbox.mbox"]);
    assert!(out.contains("6 messages, 0 of them about followers: 0 would move"), "{out}");
}

#[test]
fn an_account_that_does_not_exist_is_a_wrong_command_line() {
    let desk = Desk::new();
    desk.write(
        "followsift.toml",
        "[accounts.home]\nhost = \"mail.example\"\nuser = \"ann\"\npassword-file = \"p\"\n",
    );
    desk.write("p", "x");
    std::fs::set_permissions(desk.path().join("p"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let (code, out, err) = desk.run(&["--account", "work"]);
    assert!(code == 64 && err.contains("no account `work` (configured: home)"), "{code} {out} {err}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let desk = Desk::new();
    let (code, _, err) = desk.run(&["nowhere.mbox"]);
    assert!(code == 78 && err.contains("no account is configured whose folders"), "{code} {err}");
    let (code, _, err) = desk.run(&["./nowhere.mbox"]);
    assert!(
        code == 64 && err.contains("no such file, or folder of an account: ./nowhere.mbox"),
        "{code} {err}"
    );
    desk.write("wrong.toml", "[[rule]]\n");
    assert_eq!(desk.run(&["--rules", "wrong.toml", "rules.toml"]).0, 78);
}

#[test]
fn what_is_not_a_message_is_named_and_the_rest_is_read() {
    let desk = Desk::proving();
    let outlook = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0";
    desk.write("saved.msg", outlook);
    desk.write("inbox.mbox", format!("\u{feff}{}", mbox()));
    let advice = "is an Outlook item (.msg), not the source of a message: in your mail program, save the message as \
                  .eml\n";
    let (code, out, err) = desk.run(&["saved.msg", "inbox.mbox"]);
    assert_eq!((code, out.as_str(), err), (65, MOVES, format!("error: saved.msg {advice}")));
    desk.write("mails/saved.msg", outlook);
    desk.write("mails/inbox.mbox", mbox());
    desk.write("mails/empty.mbox", "");
    let (code, out, err) = desk.run(&["mails"]);
    assert_eq!((code, out.as_str(), err), (0, MOVES, format!("note: mails/saved.msg {advice}")));
}

/// The ledger of a user who has put back the messages about Bo and Eve.
fn put_back(desk: &Desk) {
    let file = desk.path().join("followsift.toml");
    let (settings, _) = settings::load(Some(&file), &Environment::of([("HOME", "/home/ann")]));
    let settings = settings.unwrap();
    let reading = rulebook::read(Some(&settings)).0.unwrap();
    let rulebook = reading.rulebook(followsift::mail::Trust::default(), false, &Default::default());
    let mut ledger = Ledger::open(&settings.state).unwrap();
    let account = AccountName::new("home").unwrap();
    for (day, handle, counts) in [(1, "bo", [90, 3000, 1]), (6, "fay", [100, 80, 10])] {
        let mail = letter(handle, counts);
        let arrived = Timestamp(1_704_016_800 + day * 86_400);
        let assessment =
            assess(Mail { bytes: mail.as_bytes(), arrived: Arrival::At(arrived) }, &rulebook, &Blank);
        let Recognition::Recognised(notification) = assessment.recognition else { panic!("{assessment:?}") };
        let identity = MailIdentity { digest: MailDigest::of(mail.as_bytes()), size: mail.len() as u32 };
        let judged = Judged {
            mail: MailRef {
                account: account.clone(),
                folder: Folder::inbox(),
                validity: UidValidity(1),
                uid: Uid(day as u32),
            },
            identity,
            notification,
            verdicts: assessment.verdicts,
            verdict: assessment.class,
            action: assessment.action,
            rules: "r".to_owned(),
            judged_at: arrived,
        };
        ledger.record(&[judged]).unwrap();
        ledger.note_correction(&account, &identity, arrived).unwrap();
    }
}

#[test]
fn rules_are_held_against_what_the_user_put_back() {
    let desk = Desk::new();
    put_back(&desk);
    desk.write("inbox.mbox", mbox());
    let out = desk.well(&["inbox.mbox"]);
    assert!(!out.contains("@bo: to Followers/Spam, by \"Thousands\"\n  2024-01-04"), "Bo is known: {out}");
    assert!(out.contains("\nI know them          8        2        2                2\n"), "{out}");
    let agreement = "\nof 2 messages that you put back by hand, these rules alone would leave 1\n  2024-01-01 Twitter \
                     @bo: to Followers/Spam, by \"Thousands\"\n";
    assert!(out.ends_with(agreement), "{out}");
}

#[test]
fn the_folders_of_an_account_are_read_and_nothing_in_them_changes() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let desk = Desk::new();
    desk.write("password", PASSWORD);
    let owner = PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(desk.path().join("password"), owner).unwrap();
    let account = server.account();
    let tls = match account.tls {
        Tls::Implicit => "implicit",
        Tls::StartTls => "starttls",
        Tls::Off => "off",
    };
    desk.write(
        "followsift.toml",
        format!(
            "state = \"state\"\n[accounts.home]\nhost = \"{}\"\nport = {}\nuser = \"{USER}\"\ntls = \"{tls}\"\n\
             ca-file = \"{}\"\npassword-file = \"password\"\nauthserv-id = \"{AUTHSERV_ID}\"\n",
            account.host,
            account.port,
            server.ca().display()
        ),
    );
    let mut client = server.client();
    client.run("CREATE \"Followers/Spam\"");
    for (day, mail) in mails() {
        let folder = if day == 1 { "Followers/Spam" } else { "INBOX" };
        client.append(folder, &format!("\"{day:2}-Jan-2024 10:00:00 +0000\""), &mail);
    }
    let before = server.snapshot();
    let out = desk.well(&[]);
    assert_eq!(out, format!("home ({})\n{MOVES}", account.host), "the folder of spam is read too");
    let out = desk.well(&["INBOX"]);
    assert!(out.contains("5 messages, 4 of them about followers"), "{out}");
    assert_eq!(server.snapshot(), before);
    assert!(!desk.path().join("state").exists(), "no ledger is made");
}

//! The user's side of a run of the built program: settings, rules, a password that only its owner can read, and the ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::Options;
use super::client::{Client, Kept};
use super::letters::{
    AUTHSERV_ID, ENGLISH, INSTANCES, Letter, Person, mastodon_card, ordinary, twitter_2009,
};
use super::user_folder::UserFolder;

/// The password of all users on a server of [`Home::server`].
pub const PASSWORD: &str = "secret";

/// Rules with two targets, marks on what is filed, and a star for what stays.
pub const RULES: &str = r#"
[verdict.spam]
move-to = "Followers/Spam"
mark-read = true

[verdict.numbers-game]
move-to = "Followers/Numbers game"

[verdict.real]
flag = true

[[rule]]
name = "Nobody follows them"
when.following = ">= 1000"
when.followers = "<= 10"
verdict = "spam"

[[rule]]
name = "Follows many"
when.following = ">= 1000"
verdict = "numbers-game"

[[rule]]
name = "Writes"
when.posts = ">= 1000"
verdict = "real"
"#;

/// The folders into which those rules file.
pub const SPAM: &str = "Followers/Spam";
pub const GAME: &str = "Followers/Numbers game";

/// The user's side.
pub struct Home {
    folder: UserFolder,
    /// The login name.
    pub user: String,
}

impl Home {
    /// A server on which every login with [`PASSWORD`] has an account, so that many tests share it.
    pub fn server(without: &[&'static str]) -> Options {
        let conf = format!("passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n");
        Options { without: without.to_vec(), conf, ..Options::default() }
    }

    /// A user of such a server, which is reached in clear text on `port`. `more` are further settings of the account.
    pub fn new(port: u16, user: &str, more: &str) -> Self {
        let home = Self { folder: UserFolder::new(), user: user.to_owned() };
        home.configure(port, more);
        home.write("rules.toml", RULES);
        home.write("password", PASSWORD);
        home
    }

    /// Replaces the settings.
    pub fn configure(&self, port: u16, more: &str) {
        let settings = format!(
            "state = \"state\"\n\n[accounts.home]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\nuser = \"{}\"\n\
             password-file = \"password\"\nauthserv-id = \"{AUTHSERV_ID}\"\ninstances = {INSTANCES}\n{more}\n",
            self.user
        );
        self.write("followsift.toml", &settings);
    }

    /// The folder with all of it.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The ledger's folder.
    pub fn state(&self) -> PathBuf {
        self.folder.state()
    }

    /// Writes a file of it.
    pub fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    /// The program, about to be run, by way of `wrapper`.
    pub fn command(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let mut command = self.folder.command(wrapper, arguments);
        command.args(["-s", "followsift.toml"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command of the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(&[], arguments).output().unwrap()
    }

    /// What a command prints, to both outputs. It has to succeed.
    pub fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let printed = printed(&output);
        assert!(output.status.success(), "followsift {arguments:?} failed:\n{printed}");
        printed
    }

    /// The user's other client.
    pub fn client(&self, port: u16) -> Client {
        Client::log_in_as(port, &self.user, PASSWORD)
    }
}

/// What a command has printed.
pub fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A message that is not marked \Deleted: where it is, when it arrived, its flags, and all of it.
pub type Live = (String, String, Vec<String>, Vec<u8>);

/// Every message of a user that is not marked \Deleted, in a fixed order, whatever its UID.
pub fn live(client: &mut Client) -> Vec<Live> {
    let snapshot: BTreeMap<String, Vec<Kept>> = client.snapshot();
    let mut live: Vec<Live> = snapshot
        .into_iter()
        .flat_map(|(folder, messages)| messages.into_iter().map(move |message| (folder.clone(), message)))
        .filter(|(_, message)| !message.flags.contains(&"\\Deleted".to_owned()))
        .map(|(folder, message)| (folder, message.date, message.flags, message.bytes))
        .collect();
    live.sort();
    live
}

/// The folders and subjects of messages, for the report of a failure.
pub fn shown(messages: &[Live]) -> String {
    let subject = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().find(|line| line.starts_with("Subject: ")).unwrap_or_default().to_owned()
    };
    messages
        .iter()
        .map(|(folder, date, flags, bytes)| format!("  {folder}  {date}  {flags:?}  {}\n", subject(bytes)))
        .collect()
}

/// A spam follower.
pub fn spam(number: usize) -> Letter {
    twitter_2009(&Person::new(&format!("Win Big {number}"), &format!("win_{number}"), [3, 2001, 1]))
}

/// A follower who plays the numbers game.
pub fn game(number: usize) -> Letter {
    twitter_2009(&Person::new(&format!("Grow {number}"), &format!("grow_{number}"), [900, 1800, 1]))
}

/// A person who writes.
pub fn real(number: usize) -> Letter {
    twitter_2009(&Person::new(&format!("Mira {number}"), &format!("mira_{number}"), [212, 180, 1340]))
}

/// A letter as text.
pub fn text(letter: &Letter, number: usize) -> String {
    String::from_utf8(letter.bytes(number)).unwrap()
}

/// Fills the inbox: spam of two networks, twins, two targets, what is to be starred, what the user starred and
/// answered, keywords, and messages that followsift leaves alone. Fifteen messages.
pub fn fill(client: &mut Client) {
    // Not every server keeps keywords (RFC 9051, section 7.1, PERMANENTFLAGS).
    let answer = client.run("SELECT INBOX");
    let keeps = answer.iter().any(|line| String::from_utf8_lossy(line).contains("\\*)"));
    let keywords = if keeps { "($Label1 NonJunk)" } else { "" };
    let crypto = Person::new("Crypto Moon", "moon@openreg.example", [3, 7500, 0]);
    let messages: Vec<(&str, String)> = vec![
        ("", text(&spam(1), 1)),
        ("(\\Seen)", text(&spam(2), 2)),
        (keywords, text(&spam(3), 3)),
        ("", text(&spam(4), 4)),
        ("", text(&spam(4), 4)),
        ("(\\Flagged)", text(&spam(5), 5)),
        ("(\\Answered)", text(&spam(6), 6)),
        ("", text(&game(7), 7)),
        ("", text(&game(8), 8)),
        ("", text(&real(9), 9)),
        ("(\\Seen)", text(&real(10), 10)),
        ("", text(&mastodon_card(&ENGLISH, &crypto), 11)),
        ("", text(&ordinary("Jo Bloom <jo@bloom.example>", "Lunch on Friday?", "One o'clock? Jo\n"), 12)),
        ("(\\Seen)", text(&ordinary("Mum <mum@home.example>", "Sunday", "Are you coming?\n"), 13)),
        ("", text(&ordinary("News <a@news.example>", "X is now following you on Twitter!", "No.\n"), 14)),
    ];
    for (number, (flags, message)) in messages.iter().enumerate() {
        let date = format!("\"{:02}-Nov-2026 09:{:02}:00 +0000\"", number % 20 + 1, number);
        client.append("INBOX", &format!("{flags} {date}"), message);
    }
}

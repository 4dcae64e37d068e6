//! An inbox of any size, made from a seed: one message in so many tells of a follower, and every other of these is spam by
//! [`RULES`](super::daemon::RULES). It is written straight into the server's folder, since 100,000 deliveries would take
//! minutes, and looked at there after a sweep. What a sweep costs is counted and timed over it.

use std::collections::BTreeSet;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;

use super::daemon::RULES;
use super::home::PASSWORD;
use super::letters::{AUTHSERV_ID, INSTANCES, Letter, Person, ordinary, twitter_2009, twitter_2011};
use super::user_folder::UserFolder;
use super::{Client, Dovecot, NOBODY};

/// When the first message arrived, and how far they are apart, in seconds.
const FIRST: u64 = 1_700_000_000;
const APART: u64 = 600;

const NAMES: [&str; 12] =
    ["Ada", "Bela", "Chidi", "Dana", "Emre", "Fumi", "Gita", "Hedy", "Ines", "Jun", "Kofi", "Lina"];
const WORDS: [&str; 24] = [
    "about", "again", "bread", "bridge", "coffee", "evening", "follow", "garden", "harbour", "letter",
    "little", "meeting", "morning", "number", "paper", "perhaps", "photos", "river", "station", "street",
    "table", "thanks", "ticket", "weather",
];

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ordinary,
    Spam,
    Person,
}

/// An inbox of `size` messages.
#[derive(Clone, Copy, Debug)]
pub struct Inbox {
    pub size: usize,
    /// One message of so many tells of a follower.
    pub one_in: usize,
    pub seed: u64,
}

impl Inbox {
    /// The message of this number: all of it, with CRLF line ends.
    pub fn message(&self, number: usize) -> Vec<u8> {
        let rng = &mut Rng::with_seed(self.seed.wrapping_add(number as u64));
        let kind = self.kind(number);
        if kind == Kind::Ordinary {
            return everyday(rng, number).bytes(number);
        }
        let name = format!("{} {}", rng.choice(NAMES).unwrap(), rng.choice(WORDS).unwrap());
        let counts = match kind {
            Kind::Spam => [rng.u64(0..9), rng.u64(2001..7500), rng.u64(0..3)],
            _ => [rng.u64(20..900), rng.u64(20..900), rng.u64(20..9000)],
        };
        let person = Person::new(&name, &format!("p_{number}"), counts);
        let letter = if rng.bool() { twitter_2009(&person) } else { twitter_2011(&person) };
        received(letter, number).bytes(number)
    }

    fn kind(&self, number: usize) -> Kind {
        let block = number / self.one_in;
        let place = Rng::with_seed(self.seed ^ (block as u64) << 32).usize(..self.one_in);
        match number % self.one_in == place {
            true if block.is_multiple_of(2) => Kind::Spam,
            true => Kind::Person,
            false => Kind::Ordinary,
        }
    }

    /// Fills the inbox of a user who has none yet, and makes the folder for spam. Then it reads what every mail program
    /// asks for once, as a server has done for an inbox that is in use.
    pub fn fill(&self, server: &Dovecot, user: &str) {
        let folder = mails(server, user);
        for name in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        for number in 0..self.size {
            let bytes = self.message(number);
            let file = folder.join("cur").join(self.name(number, bytes.len()));
            std::fs::write(&file, &bytes).unwrap();
            let arrived = UNIX_EPOCH + Duration::from_secs(FIRST + APART * number as u64);
            std::fs::File::options().write(true).open(&file).unwrap().set_modified(arrived).unwrap();
            own(&file);
        }
        for folder in ["cur", "new", "tmp", "", ".."].map(|name| folder.join(name)) {
            own(&folder);
        }
        let mut client = Client::log_in_as(server.port, user, PASSWORD);
        client.run("CREATE Followers/Spam");
        client.run("SUBSCRIBE Followers/Spam");
        client.select("INBOX");
        client.run("FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])");
        client.run("LOGOUT");
    }

    /// The file of a message as it arrived. Most have been read.
    fn name(&self, number: usize, size: usize) -> String {
        let flags = if number.is_multiple_of(3) { "" } else { "S" };
        format!("{}.M{number}P1.bench,S={size},W={size}:2,{flags}", FIRST + APART * number as u64)
    }

    /// Another user has what `from` has, who was filled. The messages are the same files, which no server changes.
    pub fn copy(server: &Dovecot, from: &str, user: &str) {
        let made = mails(server, user);
        std::fs::create_dir_all(&made).unwrap();
        own(made.parent().unwrap());
        copy(&mails(server, from), &made);
        let mut client = Client::log_in_as(server.port, user, PASSWORD);
        client.select("INBOX");
        client.run("LOGOUT");
    }

    /// The numbers of the spam in it, and on beyond its end.
    pub fn spam(&self) -> impl Iterator<Item = usize> {
        (0..).filter(|number| self.kind(*number) == Kind::Spam)
    }

    /// Fails where a message is not where it belongs after a sweep, is there twice, or has other flags; `late` are the numbers
    /// of spam that arrived afterwards.
    pub fn check(&self, server: &Dovecot, user: &str, late: &[usize]) {
        let spam: BTreeSet<usize> = self.spam().take_while(|number| *number < self.size).collect();
        let mut filed = BTreeSet::new();
        for file in files(&mails(server, user).join(".Followers.Spam/cur"))
            .chain(files(&mails(server, user).join(".Followers.Spam/new")))
        {
            let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
            let number = text.split_once("Message-ID: <").unwrap().1.split('.').next().unwrap();
            let number = number.parse().unwrap();
            // A server may keep other line ends.
            let is_same = text.lines().eq(String::from_utf8_lossy(&self.message(number)).lines());
            assert!(is_same, "message {number} has changed");
            assert!(filed.insert(number), "message {number} is there twice");
        }
        assert_eq!(filed, spam.iter().chain(late).copied().collect(), "other messages were filed");
        let mut left = BTreeSet::new();
        for file in files(&mails(server, user).join("cur")) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let number = name.split(['M', 'P']).nth(1).unwrap().parse().unwrap();
            let size: usize = name.split(['=', ',']).nth(2).unwrap().parse().unwrap();
            assert_eq!(name, self.name(number, size), "a message has other flags");
            assert!(left.insert(number) && !spam.contains(&number), "message {number} was left");
        }
        assert_eq!(left.len() + spam.len(), self.size, "messages are missing from the inbox");
    }
}

/// Settings, rules and a password for the program, which reaches the server over TLS on `port`.
pub fn user_folder(server: &Dovecot, port: u16, user: &str) -> UserFolder {
    let folder = UserFolder::new();
    let ca = server.ca();
    folder.write("rules.toml", RULES);
    folder.write("password", PASSWORD);
    folder.write(
        "followsift.toml",
        format!(
            "state = \"state\"\n\n[accounts.home]\nhost = \"localhost\"\nport = {port}\nuser = \"{user}\"\n\
             password-file = \"password\"\nca-file = {ca:?}\nauthserv-id = \"{AUTHSERV_ID}\"\ninstances = {INSTANCES}\n\
             backlog = \"all\"\nmoves-per-hour = 50000\nmoves-after-change = 50000\n"
        ),
    );
    folder
}

/// A message that tells of no follower: from a person, a list, a shop.
fn everyday(rng: &mut Rng, number: usize) -> Letter {
    let name = *rng.choice(&NAMES).unwrap();
    let words = |rng: &mut Rng, count: usize| {
        (0..count).map(|_| *rng.choice(&WORDS).unwrap()).collect::<Vec<_>>().join(" ")
    };
    let (length, lines) = (rng.usize(2..7), rng.usize(2..30));
    let subject = words(rng, length);
    let text: String = (0..lines).map(|_| words(rng, 10) + "\n").collect();
    let letter = match rng.usize(..3) {
        0 => ordinary(&format!("{name} <{}@home.example>", name.to_lowercase()), &subject, &text),
        1 => ordinary(
            &format!("{name} via users <users@lists.example>"),
            &format!("[users] Re: {subject}"),
            &text,
        )
        .header("List-ID", "<users.lists.example>")
        .header("Precedence", "list"),
        _ => ordinary("The Corner Shop <news@shop.example>", &format!("{name}, {subject}!"), &text)
            .header("List-Unsubscribe", &format!("<https://shop.example/leave?of={number}>"))
            .authentic("shop.example"),
    };
    received(letter, number)
}

/// With the headers of the way that it took.
fn received(letter: Letter, number: usize) -> Letter {
    let hop = |from: &str, by: &str| {
        format!(
            "from {from} ({from} [192.0.2.{}])\r\n\tby {by} (Postfix) with ESMTPS id 4F{number:06}ABC\r\n\tfor <kim@post.example>; Mon, 23 Nov 2026 09:00:01 +0000",
            number % 250
        )
    };
    letter
        .on_top("Received", &hop("out.sender.example", "relay.post.example"))
        .on_top("Received", &hop("relay.post.example", AUTHSERV_ID))
        .on_top("Return-Path", &format!("<bounce-{number}@sender.example>"))
        .header("X-Report-Abuse", &format!("<https://sender.example/abuse/{}>", "a1b2".repeat(40)))
}

/// Where the server keeps a user's messages.
fn mails(server: &Dovecot, user: &str) -> PathBuf {
    server.path().join("mail").join(user).join("mails")
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

/// The user who owns the messages has this.
fn own(path: &Path) {
    if rustix::process::getuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let made = to.join(file.file_name().unwrap());
        if file.is_dir() {
            std::fs::create_dir_all(&made).unwrap();
            copy(&file, &made);
        } else if from.ends_with("cur") {
            std::fs::hard_link(&file, &made).unwrap();
            continue;
        } else {
            std::fs::copy(&file, &made).unwrap();
        }
        own(&made);
    }
    own(to);
}

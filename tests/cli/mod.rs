//! The built binary as its user meets it: what it prints, and how it exits.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::costly;
use crate::support::letters::{
    AUTHSERV_ID, ENGLISH, INSTANCES, Letter, Person, mastodon_card, ordinary, twitter_2009, twitter_digest,
};
use crate::support::user_folder::{Run, UserFolder};

mod check;
mod connect;
mod explain;
mod filter;
mod init;
mod milter;
mod remembered;
mod terminal;
mod usage;

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
struct Home(UserFolder);

impl Home {
    fn new() -> Self {
        let home = Self(UserFolder::new());
        home.write("rules.toml", RULES);
        home.write("password", "hunter2\n");
        home.write("followsift.toml", &format!("rules = \"rules.toml\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\nauthserv-id = \"{AUTHSERV_ID}\"\ninstances = {INSTANCES}\n"));
        home
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(name, text);
    }

    fn mode(&self, name: &str, mode: u32) {
        self.0.mode(name, mode);
    }

    fn mail(&self, name: &str, letter: &Letter) {
        self.0.write(name, letter.bytes(1));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.0.command(&[], arguments)
    }

    /// Runs with the settings of this home.
    fn run(&self, arguments: &[&str]) -> Run {
        self.0.run(arguments)
    }
}

fn kim() -> Person {
    Person::new("Kim Sample", "kimsample", [3, 2001, 1])
}

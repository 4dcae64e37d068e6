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

mod check;
mod explain;
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

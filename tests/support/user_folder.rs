//! A user's home folder for runs of the built program: settings, rules, a password, state, and nothing of the real user's around
//! it. What else a test needs of a user (an account on a server, a running service) is built on this one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder; gone when dropped.
pub struct UserFolder(tempfile::TempDir);

impl UserFolder {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the settings of the tests have the ledger.
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        self.mode(name, 0o600);
    }

    /// Changes who can read a file of it.
    pub fn mode(&self, name: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path().join(name), permissions).unwrap();
    }

    /// The program with these arguments, about to be run in the folder by way of `wrapper`. It reads nothing.
    pub fn command(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_followsift");
        let mut words = wrapper.iter().chain([&program]).chain(arguments);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(self.path());
        // The locks of mailboxes are in the home.
        command.env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, with the settings in `followsift.toml`.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run(self.command(&[], arguments).args(["--settings", "followsift.toml"]).output().unwrap())
    }
}

/// How a run has ended, and what it has printed.
pub struct Run(pub Output);

impl Run {
    pub fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Fails where the exit code is another.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }

    /// The exit code, and what was printed to each of the outputs.
    pub fn parts(&self) -> (i32, String, String) {
        (self.0.status.code().unwrap(), self.out(), self.err())
    }
}

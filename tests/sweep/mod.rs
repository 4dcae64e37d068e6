//! The sweep against a real Dovecot: what it does to a mailbox, what it leaves alone, and what it reports.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use crate::support;
use crate::support::home::{
    GAME, Home, Live, PASSWORD, RULES, SPAM, fill, game, live, printed, real, shown, spam, text,
};
use crate::support::letters::ordinary;
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::trial::try_all;
use crate::support::{Client, Dovecot, Options, Snapshot, clock, pause};
use followsift::ledger::{Ledger, Stay};

const RUNGS: [&[&str]; 3] = [&[], &["MOVE"], &["MOVE", "UIDPLUS"]];

/// A user of a server, and that user's other client.
struct Scene {
    server: Dovecot,
    home: Home,
    client: Client,
}

impl Scene {
    fn set(options: &Options, more: &str) -> Option<Self> {
        let server = Dovecot::start(options)?;
        let home = Home::new(server.port, "kim", more);
        let client = home.client(server.port);
        Some(Self { server, home, client })
    }

    fn usual(more: &str) -> Option<Self> {
        Self::set(&Home::server(&[]), more)
    }

    fn deliver(&mut self, messages: &[String]) {
        for message in messages {
            self.client.deliver("INBOX", message);
        }
    }

    fn sweep(&self) -> String {
        self.home.well(&["sweep"])
    }

    /// A sweep so many days later; `None` where the clock cannot be set and need not be.
    fn sweep_later(&self, days: u32) -> Option<Output> {
        let mut command = self.home.command(&[], &["sweep"]);
        command.env("LD_PRELOAD", clock()?).env("FAKETIME", format!("+{days}d"));
        Some(command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").output().unwrap())
    }

    /// The known followers, by their keys, and why messages are unconfirmed.
    fn known(&self) -> (Vec<String>, Vec<Stay>) {
        let ledger = Ledger::open_read_only(&self.home.state()).unwrap().unwrap();
        let known = ledger.known().unwrap().iter().map(|one| one.follower.as_str().to_owned()).collect();
        (known, ledger.unconfirmed().unwrap().iter().map(|one| one.why).collect())
    }

    /// Puts a proxy between the program and its server.
    fn proxy(&self) -> Proxy {
        let proxy = Proxy::before(self.server.port);
        self.home.configure(proxy.port, ALL);
        proxy
    }

    /// How many messages of a folder, by its name on the wire, are not marked \Deleted.
    fn count(&mut self, folder: &str) -> usize {
        live(&mut self.client).iter().filter(|message| message.0 == folder).count()
    }

    /// The wire's UIDs of a folder.
    fn uids(&mut self, folder: &str) -> Vec<u32> {
        self.client.messages(folder).iter().map(|message| message.uid).collect()
    }

    /// The ledger's own file, and its locks: SQLite's other files come and go as readers open and close it.
    fn state(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(files) = std::fs::read_dir(self.home.state()) else { return BTreeMap::new() };
        files
            .map(|file| file.unwrap())
            .map(|file| {
                (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap())
            })
            .filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal"))
            .collect()
    }

    /// Everything that a dry run must not change.
    fn everything(&mut self) -> (Snapshot, Vec<String>, BTreeMap<String, Vec<u8>>) {
        (self.client.snapshot(), self.client.subscribed(), self.state())
    }
}

const ALL: &str = "backlog = \"all\"";

/// The usual rules, and one that keeps known followers.
fn rules_with_known() -> String {
    let known =
        "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
    RULES.replacen("[[rule]]\nname = \"Nobody", known, 1)
}

mod altered;
mod company;
mod connecting;
mod deaths;
mod digest;
mod filing;
mod fuse;
mod hand_filed;
mod imported;
mod lists;
mod long_sweeps;
mod lost_ledger;
mod put_back;
mod removals;
mod restore;
mod shards;
mod teaching;
mod touched;
mod trouble;
mod unshown;

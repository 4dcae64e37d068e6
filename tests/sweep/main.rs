//! The sweep against a real Dovecot: what it does to a mailbox, what it leaves alone, and what it says.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use support::home::{
    GAME, Home, Live, PASSWORD, RULES, SPAM, fill, game, live, printed, real, shown, spam, text,
};
use support::letters::ordinary;
use support::{Client, Dovecot, Options, Snapshot, pause};

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

    fn deliver(&mut self, mails: &[String]) {
        for mail in mails {
            self.client.deliver("INBOX", mail);
        }
    }

    fn sweep(&self) -> String {
        self.home.well(&["sweep"])
    }

    /// How many mails live in a folder, by its name on the wire.
    fn count(&mut self, folder: &str) -> usize {
        live(&mut self.client).iter().filter(|mail| mail.0 == folder).count()
    }

    /// The wire's UIDs of a folder.
    fn uids(&mut self, folder: &str) -> Vec<u32> {
        self.client.mails(folder).iter().map(|mail| mail.uid).collect()
    }

    /// The ledger's own file, and its locks: SQLite's others come and go with whoever only reads.
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

mod company;
mod connecting;
mod filing;
mod fuse;
mod lists;
mod long_sweeps;
mod put_back;
mod trouble;

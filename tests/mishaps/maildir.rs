//! A user's Maildir behind the server's back: backed up, put back, and numbered anew, as an administrator does it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::home::{GAME, SPAM};
use crate::support::{Dovecot, pause};

/// Which part of a backup is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The inbox, and nothing else.
    Source,
    /// The folders that messages are filed in.
    Targets,
    /// Everything.
    Both,
}

/// The Maildir of a user.
pub(crate) struct Maildir<'a> {
    server: &'a Dovecot,
    user: String,
    folder: PathBuf,
}

impl<'a> Maildir<'a> {
    pub(crate) fn of(server: &'a Dovecot, user: &str) -> Self {
        let folder = server.path().join("mail").join(user).join("mails");
        Self { server, user: user.to_owned(), folder }
    }

    /// Waits until no process of the server has the user's mailbox open: each login's process is named in the server's log.
    pub(crate) fn wait_until_closed(&self) {
        let login = format!("Login: user=<{}>", self.user);
        let deadline = Instant::now() + Duration::from_secs(20);
        let is_open = || {
            let log = self.server.log();
            let processes = log
                .lines()
                .filter(|line| line.contains(&login))
                .filter_map(|line| line.split_once("mpid=")?.1.split(',').next().map(str::to_owned));
            processes.into_iter().any(|process| Path::new("/proc").join(process).exists())
        };
        // The log is written by a process of its own, a moment later.
        pause(Duration::from_millis(20));
        while is_open() {
            assert!(Instant::now() < deadline, "{} still has the mailbox open", self.user);
            pause(Duration::from_millis(5));
        }
    }

    fn backup(&self, name: &str) -> PathBuf {
        self.folder.with_extension(name)
    }

    /// Copies everything as it is now.
    pub(crate) fn back_up(&self, name: &str) {
        self.wait_until_closed();
        copy(&self.folder, &self.backup(name));
    }

    /// Puts a backup back.
    pub(crate) fn restore(&self, name: &str, part: Part) {
        self.wait_until_closed();
        let backup = self.backup(name);
        if part != Part::Targets {
            // The inbox is the top of a Maildir; its other folders lie beneath, and their names begin with a dot.
            let is_inbox =
                |entry: &str| ["cur", "new", "tmp"].contains(&entry) || entry.starts_with("dovecot");
            for entry in entries(&self.folder).into_iter().filter(|entry| is_inbox(entry)) {
                remove(&self.folder.join(entry));
            }
            for entry in entries(&backup).into_iter().filter(|entry| is_inbox(entry)) {
                copy(&backup.join(&entry), &self.folder.join(&entry));
            }
        }
        if part != Part::Source {
            for entry in [SPAM, GAME].map(entry) {
                remove(&self.folder.join(&entry));
                if backup.join(&entry).exists() {
                    copy(&backup.join(&entry), &self.folder.join(&entry));
                }
            }
        }
    }

    /// Gives the inbox, or a folder, a new UIDVALIDITY, and its messages new UIDs.
    pub(crate) fn renumber(&self, folder: Option<&str>) {
        self.wait_until_closed();
        let folder = folder.map_or_else(|| self.folder.clone(), |name| self.folder.join(entry(name)));
        let list = folder.join("dovecot-uidlist");
        // There is none if the folder has not been created yet.
        let Ok(text) = std::fs::read_to_string(&list) else { return };
        let mut lines = text.lines();
        let messages: Vec<&str> =
            lines.clone().skip(1).filter_map(|line| Some(line.split_once(' ')?.1)).collect();
        // "3 V<validity> N<next> G<guid>", then "<uid> <file>" for each message.
        let head = lines.next().unwrap().split(' ').map(|word| match word.split_at(1) {
            ("V", validity) => format!("V{}", validity.parse::<u32>().unwrap() + 1000),
            ("N", _) => format!("N{}", messages.len() + 1),
            _ => word.to_owned(),
        });
        let mut text = head.collect::<Vec<_>>().join(" ") + "\n";
        for (number, message) in messages.iter().enumerate() {
            text += &format!("{} {message}\n", number + 1);
        }
        for index in entries(&folder).into_iter().filter(|entry| entry.starts_with("dovecot.index")) {
            remove(&folder.join(index));
        }
        std::fs::write(list, text).unwrap();
    }
}

/// Where a Maildir keeps a folder.
fn entry(folder: &str) -> String {
    format!(".{}", folder.replace('/', "."))
}

fn entries(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

fn remove(path: &Path) {
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        std::fs::remove_file(path).unwrap();
    }
}

/// A copy with owners and times.
fn copy(from: &Path, to: &Path) {
    remove(to);
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}

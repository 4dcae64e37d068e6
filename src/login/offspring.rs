//! Finds and kills the processes that a password program has started, in whatever session they are.
//!
//! A child that makes a session of its own leaves its process group. Its parents lead to it as long as they live, and it
//! inherits an environment with a mark in it. Only a process that loses its parents and clears its environment escapes.
//! Reads /proc (Linux).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that marks what a program has started.
pub(super) const MARK: &str = "PASSWORD_COMMAND_MARK";

/// As much of an environment as is read.
const ENVIRONMENT: u64 = 4 << 20;
/// How often /proc is read again, for processes that were started in the meantime.
const ROUNDS: usize = 16;
/// How long killed processes are waited for, in all.
const PATIENCE: Duration = Duration::from_secs(1);

/// A mark that no other program has.
pub(super) fn new_mark() -> String {
    format!("{}-{:016x}", std::process::id(), fastrand::u64(..))
}

/// Kills `program`, which has not been waited for, and all that it has started.
pub(super) fn kill(program: Pid, mark: &str) {
    let until = Instant::now() + PATIENCE;
    for _ in 0..ROUNDS {
        let dying: Vec<OwnedFd> = find(program, mark).into_iter().filter_map(Process::kill).collect();
        if dying.is_empty() {
            return;
        }
        for process in dying {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // One that cannot die now, in the middle of input or output, dies later.
            let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left));
        }
    }
}

/// A process as it was seen.
#[derive(Clone, Copy, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    /// When it was started. The kernel gives a number to another process later, but not with the same start.
    started: u64,
}

impl Process {
    /// One that lives.
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may have blanks and brackets in it.
        let (_, rest) = stat.rsplit_once(')')?;
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let lives = !matches!(*words.first()?, "Z" | "X");
        let (parent, started) = (words.get(1)?.parse().ok()?, words.get(19)?.parse().ok()?);
        lives.then_some(Self { pid, parent, started })
    }

    fn is_marked(self, mark: &[u8]) -> bool {
        let mut environment = Vec::new();
        // The environment of another user's process cannot be read.
        let Ok(file) = File::open(format!("/proc/{}/environ", self.pid)) else { return false };
        let _ = file.take(ENVIRONMENT).read_to_end(&mut environment);
        environment.split(|byte| *byte == 0).any(|entry| entry == mark)
    }

    /// Kills it, if it is still the same; a descriptor that tells when it has ended.
    fn kill(self) -> Option<OwnedFd> {
        let process = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // Its parent may be another by now.
        if Self::read(self.pid)?.started != self.started {
            return None;
        }
        pidfd_send_signal(&process, Signal::KILL).ok()?;
        Some(process)
    }
}

/// The program itself, its descendants, and every process with the mark.
fn find(program: Pid, mark: &str) -> Vec<Process> {
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let all: BTreeMap<i32, Process> = numbers.filter_map(|pid| Some((pid, Process::read(pid)?))).collect();
    let root = program.as_raw_nonzero().get();
    let descends = |process: &Process| {
        let mut at = Some(process);
        // Numbers are used again while we read, so that there may be a circle.
        for _ in 0..all.len() {
            match at {
                Some(process) if process.pid == root => return true,
                Some(process) => at = all.get(&process.parent),
                None => return false,
            }
        }
        false
    };
    let mark = format!("{MARK}={mark}").into_bytes();
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    all.values()
        .filter(|process| process.pid != own && (descends(process) || process.is_marked(&mark)))
        .copied()
        .collect()
}

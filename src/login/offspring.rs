//! Finds and kills the processes that a program started, in any session: one that prints a password, or a hook.
//!
//! A child that creates its own session leaves the process group. It is still found through its parents, as long as they
//! live, and through a mark in the environment that it inherits. Only a process that loses its parents and clears its
//! environment escapes. Reads /proc (Linux).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

/// The environment variable that marks the processes that a program started.
pub(crate) const MARK: &str = "FOLLOWSIFT_MARK";

/// How many bytes of an environment are read.
const ENVIRONMENT: u64 = 4 << 20;
/// How many times /proc is read, to find processes that started in the meantime.
const ROUNDS: usize = 16;
/// How long to wait for all the killed processes together.
const PATIENCE: Duration = Duration::from_secs(1);

/// A unique mark.
pub(crate) fn new_mark() -> String {
    format!("{}-{:016x}", std::process::id(), fastrand::u64(..))
}

/// Ends a program that has not been waited for, with all that it started, and waits for it. Its process ID is still valid, so that its
/// descendants are killed first, while it is still their parent; then its group, in case /proc cannot be read. It may have ended
/// already.
pub(crate) fn end(program: &mut Child, mark: &str) {
    let pid = Pid::from_child(program);
    kill(pid, mark);
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = program.wait();
}

/// Kills `program`, which must not have been waited for, and every process that it started.
fn kill(program: Pid, mark: &str) {
    let until = Instant::now() + PATIENCE;
    for _ in 0..ROUNDS {
        let dying: Vec<OwnedFd> = find(program, mark).into_iter().filter_map(Process::kill).collect();
        if dying.is_empty() {
            return;
        }
        for process in dying {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
            // A process in uninterruptible I/O dies later.
            let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left));
        }
    }
}

/// A process, as /proc showed it.
#[derive(Clone, Copy, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    /// When it started. The kernel reuses process IDs, but not with the same start time.
    started: u64,
}

impl Process {
    /// Reads a living process; `None` for a zombie.
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses, and may itself contain blanks and parentheses.
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

    /// Kills it, if it is still the same process; returns a descriptor that is readable once it has ended.
    fn kill(self) -> Option<OwnedFd> {
        let process = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // The process ID may belong to another process by now.
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
        // Process IDs may be reused while we read, so there may be a cycle.
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

//! The bounds that every byte on the line keeps: an absolute deadline, a longest silence, a byte budget, and the stop.
//!
//! Owns the decision when to give up, and remembers why, since the layers between (TLS, the imap crate) hand back no more
//! than "would block". Never touches a socket but to poll it. Called by `wire`, armed by `line` before each command.
//! The imap crate's timeouts are for each read and know no stop; no crate has one deadline for all of a command.

use std::io;
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::stop::{Stop, poll_until};

/// The longest silence of a server in the middle of a command.
const QUIET: Duration = Duration::from_secs(60);
/// How long a command in flight may take to its end once a stop was asked for, so that no move is cut in half by us.
const GRACE: Duration = Duration::from_secs(20);
/// The same where nothing but IDLE is to be left: who waits has to be gone within a second, and a goodbye is no duty.
const IDLE_GRACE: Duration = Duration::from_millis(500);
/// How long a server may take to end IDLE; longer, and the line is dead.
const IDLE_ENDS: Duration = Duration::from_secs(30);
/// The same after a probe: whoever probes has reason to think so.
const PROBED: Duration = Duration::from_secs(10);

/// What a command may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Time from its first byte to the last byte of its answer.
    pub(super) time: Duration,
    /// Bytes of its answer.
    pub(super) bytes: u64,
}

impl Limits {
    /// For a command with a short answer.
    pub(super) const SHORT: Self = Self { time: Duration::from_secs(60), bytes: 1 << 20 };

    /// For a command that only asks whether somebody is there.
    pub(super) const PROBE: Self = Self { time: PROBED, bytes: 1 << 20 };

    /// For a goodbye, once a stop was asked for.
    pub(super) const FAREWELL: Self = Self { time: IDLE_GRACE, bytes: 1 << 20 };

    /// For an answer of up to so many bytes, over a line that carries at least 64 KiB a second.
    pub(super) fn of_bytes(bytes: u64) -> Self {
        Self { time: Self::SHORT.time + Duration::from_secs(bytes >> 16), bytes: bytes + Self::SHORT.bytes }
    }
}

/// Why a line was given up by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The deadline passed, or the silence lasted too long.
    Late,
    /// A stop was asked for, and its grace is over.
    Stopped,
    /// More bytes than the command is worth.
    Flood,
    /// An answer nested so deep that parsing it might exhaust the stack.
    Nested,
}

/// What a connection is at, which says what a stop means to the wait in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is in flight: a stop ends it at once.
    Approach,
    /// A command is in flight: it has its grace.
    Command,
    /// IDLE: a stop looks like the end of its time, so that DONE is still sent.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    due: Instant,
    budget: u64,
    /// When a stop was first noticed in a command.
    stopping: Option<Instant>,
    /// IDLE was ended by a probe.
    probed: bool,
    cut: Option<Cut>,
    ended: bool,
    turns: u32,
    writing: bool,
}

/// The bounds of one connection, shared between its socket and its commands.
#[derive(Debug)]
pub(super) struct Bounds {
    stop: Stop,
    state: Mutex<State>,
}

impl Bounds {
    /// For a connection that is yet to be made, within `limits`.
    pub(super) fn new(stop: Stop, limits: Limits) -> Self {
        let due = Instant::now() + limits.time;
        stop.speak_by(due);
        let state = State {
            phase: Phase::Approach,
            due,
            budget: limits.bytes,
            stopping: None,
            probed: false,
            cut: None,
            ended: false,
            turns: 0,
            writing: false,
        };
        Self { stop, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a command.
    pub(super) fn arm(&self, limits: Limits) {
        let mut state = self.state();
        state.phase = Phase::Command;
        state.due = Instant::now() + limits.time;
        state.budget = limits.bytes;
        self.stop.speak_by(state.due);
    }

    /// Begins to wait in IDLE, until `due`.
    pub(super) fn arm_idle(&self, due: Instant) {
        let mut state = self.state();
        state.phase = Phase::Idle;
        state.due = due;
        state.budget = Limits::SHORT.bytes;
        state.probed = false;
        self.stop.speak_by(due);
    }

    /// Ends the waiting in IDLE, where nothing has ended it yet.
    pub(super) fn end_idle(&self) {
        if self.state().phase == Phase::Idle {
            self.arm(Limits { time: IDLE_ENDS, ..Limits::SHORT });
        }
    }

    /// Was IDLE ended by a probe?
    pub(super) fn was_probed(&self) -> bool {
        self.state().probed
    }

    /// The stop that this connection listens to.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Why the line was cut, if we cut it.
    pub(super) fn cut(&self) -> Option<Cut> {
        self.state().cut
    }

    /// Notes that the other side has closed or broken the line.
    pub(super) fn note_end(&self) {
        self.state().ended = true;
    }

    /// Did the other side close or break the line?
    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// Notes why the line is cut, and makes the error that says so to the layers between.
    pub(super) fn give_up(&self, cut: Cut) -> io::Error {
        self.state().cut.get_or_insert(cut);
        io::Error::other("given up")
    }

    /// How often we have written and then waited for the server.
    pub(super) fn turns(&self) -> u32 {
        self.state().turns
    }

    /// Notes that we write; the first write after reading begins a turn.
    pub(super) fn note_write(&self) {
        let mut state = self.state();
        if !state.writing {
            state.writing = true;
            state.turns += 1;
        }
    }

    /// Notes that we read.
    pub(super) fn note_read(&self) {
        self.state().writing = false;
    }

    /// How many bytes the command may still read.
    pub(super) fn budget(&self) -> u64 {
        self.state().budget
    }

    /// Takes `count` bytes that were read off the budget.
    ///
    /// # Errors
    /// Where they are more than is left.
    pub(super) fn spend(&self, count: usize) -> io::Result<()> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.state().budget.checked_sub(count);
        match left {
            Some(left) => {
                self.state().budget = left;
                Ok(())
            }
            None => Err(self.give_up(Cut::Flood)),
        }
    }

    /// Waits until `socket` is ready for `what`.
    ///
    /// # Errors
    /// `WouldBlock`, the only kind after which OpenSSL can go on, at the deadline and at a stop.
    pub(super) fn wait(&self, socket: &TcpStream, what: PollFlags) -> io::Result<()> {
        let heard = Instant::now();
        loop {
            let (phase, until, hurried) = {
                let state = self.state();
                let quiet = if state.phase == Phase::Idle { state.due } else { heard + QUIET };
                let grace = state.stopping.map(|since| since + GRACE);
                let until = state.due.min(quiet);
                (state.phase, grace.map_or(until, |grace| until.min(grace)), state.stopping.is_some())
            };
            let deaf = phase == Phase::Command && hurried;
            let probes = self.stop.probes();
            let mut listened = [
                PollFd::new(socket, what),
                PollFd::new(&self.stop, PollFlags::IN),
                PollFd::new(&probes, PollFlags::IN),
            ];
            let listening = match phase {
                Phase::Idle => 3,
                Phase::Approach | Phase::Command => 2 - usize::from(deaf),
            };
            let Some(listened) = listened.get_mut(..listening) else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            let ready = poll_until(listened, until)?;
            let stopped = listened.get(1).is_some_and(|waker| !waker.revents().is_empty());
            if stopped {
                match phase {
                    Phase::Approach => self.late(Cut::Stopped)?,
                    Phase::Command => {
                        self.state().stopping = Some(Instant::now());
                        continue;
                    }
                    Phase::Idle => {
                        self.arm(Limits::FAREWELL);
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                }
            }
            if listened.get(2).is_some_and(|probes| !probes.revents().is_empty()) && self.stop.take_probe() {
                self.state().probed = true;
                // The answer to DONE tells whether the line lives.
                self.arm(Limits::PROBE);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if ready {
                return Ok(());
            }
            match phase {
                // The end of IDLE's time is no failure.
                Phase::Idle => {
                    self.arm(Limits { time: IDLE_ENDS, ..Limits::SHORT });
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Phase::Approach | Phase::Command => {
                    self.late(if hurried { Cut::Stopped } else { Cut::Late })?
                }
            }
        }
    }

    fn late(&self, cut: Cut) -> io::Result<()> {
        self.state().cut.get_or_insert(cut);
        Err(io::ErrorKind::WouldBlock.into())
    }
}

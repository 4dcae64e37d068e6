//! The limits of a connection: an absolute deadline, a longest silence, a byte budget, and the stop.
//!
//! Decides when to give up, and remembers why, since the layers between (TLS, the imap crate) return no more than "would
//! block". Only polls the socket, never reads or writes it. `line` sets the limits before each command, `wire` applies them.
//! Own code, since the imap crate's timeouts apply to each read and no crate has one deadline for a whole command.

use std::io;
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::stop::{Stop, poll_until};

/// The longest silence of a server in the middle of a command.
const QUIET: Duration = Duration::from_secs(60);
/// How long a command in flight may still take after a stop, so that followsift does not interrupt a move.
const GRACE: Duration = Duration::from_secs(20);
/// The same for ending IDLE: a waiting account must stop within a second, and a LOGOUT is optional.
const IDLE_GRACE: Duration = Duration::from_millis(500);
/// How long a server may take to end IDLE; after that, the connection counts as dead.
const IDLE_ENDS: Duration = Duration::from_secs(30);
/// The same after a probe, which is sent when the connection is probably dead.
const PROBED: Duration = Duration::from_secs(10);

/// How much time and how many bytes a command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The time from its first byte to the last byte of its answer.
    pub(super) time: Duration,
    /// The bytes of its answer.
    pub(super) bytes: u64,
}

impl Limits {
    /// For a command with a short answer.
    pub(super) const SHORT: Self = Self { time: Duration::from_secs(60), bytes: 1 << 20 };

    /// For a command that only checks whether the connection works.
    pub(super) const PROBE: Self = Self { time: PROBED, bytes: 1 << 20 };

    /// For LOGOUT after a stop.
    pub(super) const FAREWELL: Self = Self { time: IDLE_GRACE, bytes: 1 << 20 };

    /// For an answer of up to `bytes` bytes, over a connection with at least 64 KiB a second.
    pub(super) fn of_bytes(bytes: u64) -> Self {
        Self { time: Self::SHORT.time + Duration::from_secs(bytes >> 16), bytes: bytes + Self::SHORT.bytes }
    }
}

/// Why followsift gave up a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The deadline passed, or the silence lasted too long.
    Late,
    /// A stop was requested, and its grace period is over.
    Stopped,
    /// The answer exceeded the byte budget.
    Flood,
    /// An answer nested so deep that parsing it might exhaust the stack.
    Nested,
    /// A literal was not as long as announced, so that nothing after it can be read.
    Miscounted,
}

/// The state of a connection, which decides how a stop ends the wait in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is in flight: a stop ends it at once.
    Approach,
    /// A command is in flight: a stop leaves it [`GRACE`].
    Command,
    /// IDLE: a stop looks like a timeout, so that `line` still sends DONE.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    due: Instant,
    budget: u64,
    /// The budget of one command: in a flight, no single answer may use that of the others.
    longest: u64,
    /// When a stop was first seen during a command.
    stopping: Option<Instant>,
    /// A probe ended IDLE.
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
    /// For a connection that is about to be made, within `limits`.
    pub(super) fn new(stop: Stop, limits: Limits) -> Self {
        let due = Instant::now() + limits.time;
        stop.speak_by(due);
        let state = State {
            phase: Phase::Approach,
            due,
            budget: limits.bytes,
            longest: limits.bytes,
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
        state.longest = limits.bytes;
        self.stop.speak_by(state.due);
    }

    /// Gives one more command of a flight its time and its bytes.
    pub(super) fn extend(&self, limits: Limits) {
        let mut state = self.state();
        state.due = Instant::now() + limits.time;
        state.budget = state.budget.saturating_add(limits.bytes);
        self.stop.speak_by(state.due);
    }

    /// Gives the next command of a flight its time, since one was answered.
    pub(super) fn renew(&self, limits: Limits) {
        let mut state = self.state();
        state.due = Instant::now() + limits.time;
        self.stop.speak_by(state.due);
    }

    /// Begins to wait in IDLE, until `due`.
    pub(super) fn arm_idle(&self, due: Instant) {
        let mut state = self.state();
        state.phase = Phase::Idle;
        state.due = due;
        state.budget = Limits::SHORT.bytes;
        state.longest = Limits::SHORT.bytes;
        state.probed = false;
        self.stop.speak_by(due);
    }

    /// Lets the wait in IDLE end at another time. What the server may still say does not grow by what it says.
    pub(super) fn idle_until(&self, due: Instant) {
        self.state().due = due;
        self.stop.speak_by(due);
    }

    /// Ends the wait in IDLE, unless it has ended already.
    pub(super) fn end_idle(&self) {
        if self.state().phase == Phase::Idle {
            self.arm(Limits { time: IDLE_ENDS, ..Limits::SHORT });
        }
    }

    /// Did a probe end IDLE?
    pub(super) fn was_probed(&self) -> bool {
        self.state().probed
    }

    /// The stop of this connection.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Why followsift gave the connection up, if it did.
    pub(super) fn cut(&self) -> Option<Cut> {
        self.state().cut
    }

    /// Was a literal not as long as announced? Forgets it: the connection is used again once it is certain where a response begins.
    pub(super) fn take_miscounted(&self) -> bool {
        let cut = &mut self.state().cut;
        let was = *cut == Some(Cut::Miscounted);
        if was {
            *cut = None;
        }
        was
    }

    /// Records that the server closed the connection or that it broke.
    pub(super) fn note_end(&self) {
        self.state().ended = true;
    }

    /// Did the server close the connection, or did it break?
    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// Records why followsift gives up, and returns the error for the layers between.
    pub(super) fn give_up(&self, cut: Cut) -> io::Error {
        self.state().cut.get_or_insert(cut);
        io::Error::other("given up")
    }

    /// The number of round trips: how often we have written and then waited for the server.
    pub(super) fn turns(&self) -> u32 {
        self.state().turns
    }

    /// Records a write; the first write after a read begins a round trip.
    pub(super) fn note_write(&self) {
        let mut state = self.state();
        if !state.writing {
            state.writing = true;
            state.turns += 1;
        }
    }

    /// Records a read.
    pub(super) fn note_read(&self) {
        self.state().writing = false;
    }

    /// How many bytes the command may still read.
    pub(super) fn budget(&self) -> u64 {
        self.state().budget
    }

    /// How long a response may be.
    pub(super) fn longest(&self) -> u64 {
        let state = self.state();
        state.budget.min(state.longest)
    }

    /// Subtracts `count` bytes that were read from the budget.
    ///
    /// # Errors
    /// If the budget has fewer bytes left.
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
    /// `WouldBlock` at the deadline and at a stop; OpenSSL can continue after no other kind.
    pub(super) fn wait(&self, socket: &TcpStream, what: PollFlags) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            let (phase, until, hurried) = {
                let state = self.state();
                let quiet = if state.phase == Phase::Idle { state.due } else { begun + QUIET };
                let grace = state.stopping.map(|since| since + GRACE);
                let until = state.due.min(quiet);
                (state.phase, grace.map_or(until, |grace| until.min(grace)), state.stopping.is_some())
            };
            let ignores_stop = phase == Phase::Command && hurried;
            let probes = self.stop.probes();
            let mut polled = [
                PollFd::new(socket, what),
                PollFd::new(&self.stop, PollFlags::IN),
                PollFd::new(&probes, PollFlags::IN),
            ];
            let count = match phase {
                Phase::Idle => 3,
                Phase::Approach | Phase::Command => 2 - usize::from(ignores_stop),
            };
            let Some(polled) = polled.get_mut(..count) else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            let ready = poll_until(polled, until)?;
            let stopped = polled.get(1).is_some_and(|stop| !stop.revents().is_empty());
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
            if polled.get(2).is_some_and(|probes| !probes.revents().is_empty()) && self.stop.take_probe() {
                self.state().probed = true;
                // The answer to DONE shows whether the connection works.
                self.arm(Limits::PROBE);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if ready {
                return Ok(());
            }
            match phase {
                // The end of IDLE's time is not a failure.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(seconds: u64, bytes: u64) -> Limits {
        Limits { time: Duration::from_secs(seconds), bytes }
    }

    #[test]
    fn each_command_of_a_flight_adds_its_bytes_and_no_answer_may_be_longer_than_one_of_them() {
        let bounds = Bounds::new(Stop::new().unwrap(), limits(60, 1));
        bounds.arm(limits(60, 1000));
        (0..3).for_each(|_| bounds.extend(limits(60, 1000)));
        assert_eq!((bounds.budget(), bounds.longest()), (4000, 1000));
        bounds.spend(3500).unwrap();
        assert_eq!((bounds.budget(), bounds.longest()), (500, 500));
        assert!(bounds.spend(501).is_err() && bounds.cut() == Some(Cut::Flood));
    }

    #[test]
    fn an_answer_gives_the_next_command_of_a_flight_its_time_and_no_more_bytes() {
        let bounds = Bounds::new(Stop::new().unwrap(), limits(60, 1));
        bounds.arm(limits(0, 1000));
        let due = bounds.state().due;
        bounds.renew(limits(60, 1000));
        assert!(bounds.state().due >= due + Duration::from_secs(60));
        assert_eq!(bounds.budget(), 1000);
    }
}

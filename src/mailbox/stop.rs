//! Signals between an account's thread and its supervisor: a stop that ends all waits, a probe that makes the thread check its
//! connection, and the deadline by which the thread reports again.
//!
//! Owns the only permitted sleep of the program ([`Stop::wait`]) and the poll loop behind it. Never interrupts a command in
//! flight; `bounds` gives it a grace period. Made by the daemon and the commands, polled by every wait of `mailbox`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Woken {
    /// The server announced something new. Only [`super::Session::wait`] returns it.
    Mail,
    /// The account must stop.
    Stop,
    /// The network changed, or the machine slept.
    Probe,
    /// The deadline passed.
    Due,
}

/// A request to stop: cheap to clone, never withdrawn.
#[derive(Clone, Debug)]
pub struct Stop {
    // Never read, so it stays readable and ends every later wait too.
    waker: Arc<OwnedFd>,
    // Read by the wait that it ends.
    probes: Arc<OwnedFd>,
    word: Arc<Mutex<Option<Instant>>>,
}

impl Stop {
    /// A stop that has not been requested yet.
    ///
    /// # Errors
    /// If the process has no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let waker = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Arc::new);
        Ok(Self { waker: waker()?, probes: waker()?, word: Arc::default() })
    }

    /// Ends every present and future wait.
    pub fn stop(&self) {
        wake(&self.waker);
    }

    /// Was a stop requested?
    pub fn is_stopped(&self) -> bool {
        is_woken(&self.waker)
    }

    /// Ends the present or the next wait, so that the thread checks its connection or retries now.
    pub fn probe(&self) {
        wake(&self.probes);
    }

    /// Takes the probes so far; `true` if there were any.
    pub(super) fn take_probe(&self) -> bool {
        rustix::io::read(&*self.probes, &mut [0; 8]).is_ok()
    }

    /// The descriptor that becomes readable at a probe.
    pub(super) fn probes(&self) -> BorrowedFd<'_> {
        self.probes.as_fd()
    }

    /// Records that the account's thread will report again by `moment`. Every wait and every command calls it.
    pub fn speak_by(&self, moment: Instant) {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// The moment by which the thread will report again; `None` if it has not begun.
    pub fn speaks_by(&self) -> Option<Instant> {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until `deadline`, a probe, or a stop: for the pause between two polls and for backoff.
    pub fn wait(&self, deadline: Instant) -> Woken {
        self.speak_by(deadline);
        let mut polled =
            [PollFd::new(&*self.waker, PollFlags::IN), PollFd::new(&*self.probes, PollFlags::IN)];
        match poll_until(&mut polled, deadline) {
            Ok(false) => Woken::Due,
            Ok(true) if !self.is_stopped() && self.take_probe() => Woken::Probe,
            // If poll itself fails, continuing would be a busy loop.
            Ok(true) | Err(_) => Woken::Stop,
        }
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }
}

fn wake(waker: &OwnedFd) {
    // The write fails only if the counter is full, and then the descriptor is readable anyway.
    let _ = rustix::io::write(waker, &1_u64.to_ne_bytes());
}

fn is_woken(waker: &OwnedFd) -> bool {
    poll_until(&mut [PollFd::new(waker, PollFlags::IN)], Instant::now()).is_ok_and(|ready| ready)
}

/// Waits until one of `fds` is ready; `false` at the deadline. Signals do not shorten the wait.
pub(super) fn poll_until(fds: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout that the kernel cannot represent counts as infinite.
        let timeout = Timespec::try_from(left).ok();
        match poll(fds, timeout.as_ref()) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wait_ends_at_its_deadline() {
        let stop = Stop::new().unwrap();
        let begin = Instant::now();
        assert_eq!(stop.wait(begin + Duration::from_millis(30)), Woken::Due);
        assert!(begin.elapsed() >= Duration::from_millis(30));
        assert!(!stop.is_stopped());
    }

    #[test]
    fn a_stop_from_another_thread_ends_a_wait_and_every_later_one() {
        let stop = Stop::new().unwrap();
        let far = Instant::now() + Duration::from_secs(60);
        let waker = stop.clone();
        let notifier = std::thread::spawn(move || waker.stop());
        assert_eq!(stop.wait(far), Woken::Stop);
        notifier.join().unwrap();
        assert_eq!(stop.wait(far), Woken::Stop);
        assert!(stop.is_stopped());
        assert!(far > Instant::now() + Duration::from_secs(30));
    }

    #[test]
    fn a_probe_ends_one_wait_and_no_other() {
        let stop = Stop::new().unwrap();
        let far = Instant::now() + Duration::from_secs(60);
        stop.probe();
        stop.probe();
        assert_eq!(stop.wait(far), Woken::Probe);
        assert_eq!(stop.wait(Instant::now()), Woken::Due);
        stop.probe();
        stop.stop();
        assert_eq!(stop.wait(far), Woken::Stop);
    }

    #[test]
    fn a_wait_records_its_deadline() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.speaks_by(), None);
        let deadline = Instant::now();
        let _ = stop.wait(deadline);
        assert_eq!(stop.clone().speaks_by(), Some(deadline));
    }
}

//! The bell that ends waiting: one per account, rung from any thread.
//!
//! Owns the only sanctioned sleep of the program ([`Stop::wait`]) and the poll loop behind it. Never interrupts a command
//! in flight; `bounds` gives that its grace. Made by the daemon and the commands, heard by every wait of `mailbox`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Woken {
    /// The server announced something new. Only [`super::Session::wait`] says so.
    Mail,
    /// The account is to stop.
    Stop,
    /// The deadline has come.
    Due,
}

/// A request to stop: cheap to clone, once made never taken back.
#[derive(Clone, Debug)]
pub struct Stop {
    // Never read, hence level-triggered: every wait after the first hears it too.
    bell: Arc<OwnedFd>,
}

impl Stop {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// Where the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { bell: Arc::new(bell) })
    }

    /// Asks everyone who waits, or will wait, to stop.
    pub fn stop(&self) {
        // The write fails only where the counter is full, and then the bell is ringing anyway.
        let _ = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
    }

    /// Was a stop asked for?
    pub fn is_stopped(&self) -> bool {
        let mut ears = [PollFd::new(&*self.bell, PollFlags::IN)];
        poll_until(&mut ears, Instant::now()).is_ok_and(|heard| heard)
    }

    /// Sleeps until `deadline`, or until a stop: for the pause between two polls and for backing off.
    pub fn wait(&self, deadline: Instant) -> Woken {
        let mut ears = [PollFd::new(&*self.bell, PollFlags::IN)];
        match poll_until(&mut ears, deadline) {
            Ok(false) => Woken::Due,
            // Where not even poll works, going on would be a busy loop.
            Ok(true) | Err(_) => Woken::Stop,
        }
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Waits until one of `ears` hears something; `false` at the deadline. Signals do not shorten the wait.
pub(super) fn poll_until(ears: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A time beyond what the kernel can hold is for ever.
        let timeout = Timespec::try_from(left).ok();
        match poll(ears, timeout.as_ref()) {
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
        let bell = stop.clone();
        let ringer = std::thread::spawn(move || bell.stop());
        assert_eq!(stop.wait(far), Woken::Stop);
        ringer.join().unwrap();
        assert_eq!(stop.wait(far), Woken::Stop);
        assert!(stop.is_stopped());
        assert!(far > Instant::now() + Duration::from_secs(30));
    }
}

//! What joins the thread of an account with those who watch over it: a stop that ends all waiting, a probe that makes it
//! look whether its line still lives, and the moment by which it will have spoken again.
//!
//! Owns the only sanctioned sleep of the program ([`Stop::wait`]) and the poll loop behind it. Never interrupts a command
//! in flight; `bounds` gives that its grace. Made by the daemon and the commands, heard by every wait of `mailbox`.

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
    /// The server announced something new. Only [`super::Session::wait`] says so.
    Mail,
    /// The account is to stop.
    Stop,
    /// Something has changed around us: the network, or the machine slept.
    Probe,
    /// The deadline has come.
    Due,
}

/// A request to stop: cheap to clone, once made never taken back.
#[derive(Clone, Debug)]
pub struct Stop {
    // Never read, hence level-triggered: every wait after the first hears it too.
    waker: Arc<OwnedFd>,
    // Read by the wait that hears it.
    probes: Arc<OwnedFd>,
    word: Arc<Mutex<Option<Instant>>>,
}

impl Stop {
    /// A stop that was not asked for yet.
    ///
    /// # Errors
    /// Where the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let waker = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Arc::new);
        Ok(Self { waker: waker()?, probes: waker()?, word: Arc::default() })
    }

    /// Asks everyone who waits, or will wait, to stop.
    pub fn stop(&self) {
        wake(&self.waker);
    }

    /// Was a stop asked for?
    pub fn is_stopped(&self) -> bool {
        is_woken(&self.waker)
    }

    /// Asks the one who waits, or waits next, to look whether its line still lives, or to try again now.
    pub fn probe(&self) {
        wake(&self.probes);
    }

    /// Hears the probes so far; were there any?
    pub(super) fn take_probe(&self) -> bool {
        rustix::io::read(&*self.probes, &mut [0; 8]).is_ok()
    }

    /// What becomes readable at a probe.
    pub(super) fn probes(&self) -> BorrowedFd<'_> {
        self.probes.as_fd()
    }

    /// Says that whoever works for the account will have spoken again by `moment`. Every wait and every command does.
    pub fn speak_by(&self, moment: Instant) {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// The moment by which it will have spoken again; `None` where it has never begun.
    pub fn speaks_by(&self) -> Option<Instant> {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until `deadline`, a probe, or a stop: for the pause between two polls and for backing off.
    pub fn wait(&self, deadline: Instant) -> Woken {
        self.speak_by(deadline);
        let mut listened =
            [PollFd::new(&*self.waker, PollFlags::IN), PollFd::new(&*self.probes, PollFlags::IN)];
        match poll_until(&mut listened, deadline) {
            Ok(false) => Woken::Due,
            Ok(true) if !self.is_stopped() && self.take_probe() => Woken::Probe,
            // Where not even poll works, going on would be a busy loop.
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
    // The write fails only where the counter is full, and then it is woken anyway.
    let _ = rustix::io::write(waker, &1_u64.to_ne_bytes());
}

fn is_woken(waker: &OwnedFd) -> bool {
    poll_until(&mut [PollFd::new(waker, PollFlags::IN)], Instant::now()).is_ok_and(|heard| heard)
}

/// Waits until one of `listened` hears something; `false` at the deadline. Signals do not shorten the wait.
pub(super) fn poll_until(listened: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A time beyond what the kernel can hold is for ever.
        let timeout = Timespec::try_from(left).ok();
        match poll(listened, timeout.as_ref()) {
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
    fn a_knock_ends_one_wait_and_no_other() {
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
    fn a_wait_says_until_when() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.speaks_by(), None);
        let deadline = Instant::now();
        let _ = stop.wait(deadline);
        assert_eq!(stop.clone().speaks_by(), Some(deadline));
    }
}

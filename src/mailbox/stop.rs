//! What joins the thread of an account with those who watch over it: a bell that ends all waiting, a knock that makes it
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
    Knock,
    /// The deadline has come.
    Due,
}

/// A request to stop: cheap to clone, once made never taken back.
#[derive(Clone, Debug)]
pub struct Stop {
    // Never read, hence level-triggered: every wait after the first hears it too.
    bell: Arc<OwnedFd>,
    // Read by the wait that hears it.
    door: Arc<OwnedFd>,
    word: Arc<Mutex<Option<Instant>>>,
}

impl Stop {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// Where the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let bell = || eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Arc::new);
        Ok(Self { bell: bell()?, door: bell()?, word: Arc::default() })
    }

    /// Asks everyone who waits, or will wait, to stop.
    pub fn stop(&self) {
        ring(&self.bell);
    }

    /// Was a stop asked for?
    pub fn is_stopped(&self) -> bool {
        is_ringing(&self.bell)
    }

    /// Asks the one who waits, or waits next, to look whether its line still lives, or to try again now.
    pub fn knock(&self) {
        ring(&self.door);
    }

    /// Hears the knocks so far; were there any?
    pub(super) fn answer_door(&self) -> bool {
        rustix::io::read(&*self.door, &mut [0; 8]).is_ok()
    }

    /// What a knock is heard on.
    pub(super) fn door(&self) -> BorrowedFd<'_> {
        self.door.as_fd()
    }

    /// Says that whoever works for the account will have spoken again by `moment`. Every wait and every command does.
    pub fn speak_by(&self, moment: Instant) {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// The moment by which it will have spoken again; `None` where it has never begun.
    pub fn speaks_by(&self) -> Option<Instant> {
        *self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until `deadline`, a knock, or a stop: for the pause between two polls and for backing off.
    pub fn wait(&self, deadline: Instant) -> Woken {
        self.speak_by(deadline);
        let mut ears = [PollFd::new(&*self.bell, PollFlags::IN), PollFd::new(&*self.door, PollFlags::IN)];
        match poll_until(&mut ears, deadline) {
            Ok(false) => Woken::Due,
            Ok(true) if !self.is_stopped() && self.answer_door() => Woken::Knock,
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

fn ring(bell: &OwnedFd) {
    // The write fails only where the counter is full, and then the bell is ringing anyway.
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

fn is_ringing(bell: &OwnedFd) -> bool {
    poll_until(&mut [PollFd::new(bell, PollFlags::IN)], Instant::now()).is_ok_and(|heard| heard)
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

    #[test]
    fn a_knock_ends_one_wait_and_no_other() {
        let stop = Stop::new().unwrap();
        let far = Instant::now() + Duration::from_secs(60);
        stop.knock();
        stop.knock();
        assert_eq!(stop.wait(far), Woken::Knock);
        assert_eq!(stop.wait(Instant::now()), Woken::Due);
        stop.knock();
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

//! A pause that a stop ends.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The longest pause: a provider may ask for more than a clock can add.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Waits for `time`, or until `stop` becomes readable; `true` at a stop. If the kernel cannot wait, that counts as a stop, since
/// anything else would be a busy loop.
pub(super) fn wait(stop: BorrowedFd<'_>, time: Duration) -> bool {
    let deadline = Instant::now() + time.min(LONGEST);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(timeout) = Timespec::try_from(left) else { return true };
        match poll(&mut [PollFd::from_borrowed_fd(stop, PollFlags::IN)], Some(&timeout)) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

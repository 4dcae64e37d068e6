//! Notices when the machine wakes from sleep, or changes its network: connections may be dead then, and servers that could not
//! be reached may be back. Notices too when the clock is set: certificates that were not valid yet may be valid then.
//!
//! It does not poll. The kernel reports addresses and routes over netlink (rtnetlink(7)), and cancels a timer on the wall clock
//! when that clock is set, which happens at the end of a sleep too (timerfd_create(2)). Without either, deadlines and short
//! pauses do the same, later. Called by `service`.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::sync::mpsc;
use tracing::debug;

/// Changes of IPv4 addresses and of the routes of IPv4 and IPv6 (`RTMGRP_*` in linux/rtnetlink.h). Not of IPv6 addresses:
/// routers renew those all the time, and the routes show the changes that matter.
const GROUPS: u32 = 0x10 | 0x40 | 0x400;
/// A shorter sleep breaks no connection.
const NAP: Duration = Duration::from_secs(2);

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// The clock was set: accounts without a connection may get one now.
    Clock,
    /// The network changed, or the machine slept: the same, and connections may be broken.
    Network,
}

impl Change {
    /// Why the clock has changed, if the machine has slept for so long since the last event.
    fn of_clock(slept: Duration) -> Self {
        if slept >= NAP { Self::Network } else { Self::Clock }
    }
}

/// Begins to listen, as far as the kernel allows it, on a thread of its own that ends with the process.
pub(super) fn listen() -> mpsc::UnboundedReceiver<Change> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let begun = Sources::open().and_then(|sources| {
        thread::Builder::new()
            .name("network-watch".to_owned())
            .spawn(move || sources.listen(&sender))
            .map(drop)
    });
    if let Err(cause) = begun {
        debug!(%cause, "cannot watch the network and the clock");
    }
    receiver
}

struct Sources {
    routes: OwnedFd,
    clock: OwnedFd,
    slept: Duration,
}

impl Sources {
    fn open() -> io::Result<Self> {
        Ok(Self { routes: routes()?, clock: clock()?, slept: slept() })
    }

    fn listen(mut self, sender: &mpsc::UnboundedSender<Change>) {
        while let Ok(change) = self.wait() {
            if change.is_some_and(|change| sender.send(change).is_err()) {
                return;
            }
        }
    }

    /// Waits for an event; `None` if a signal ended the wait.
    fn wait(&mut self) -> io::Result<Option<Change>> {
        let mut sources = [&self.routes, &self.clock].map(|source| PollFd::new(source, PollFlags::IN));
        match poll(&mut sources, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let [routes, clock] = sources.each_ref().map(|source| !source.revents().is_empty());
        let mut change = None;
        if clock {
            drain(&self.clock)?;
            arm(&self.clock)?;
            let before = std::mem::replace(&mut self.slept, slept());
            change = Some(Change::of_clock(self.slept.saturating_sub(before)));
        }
        if routes {
            drain(&self.routes)?;
            change = Some(Change::Network);
        }
        Ok(change)
    }
}

/// Reads everything that is pending.
fn drain(source: &OwnedFd) -> io::Result<()> {
    let mut words = [0; 8192];
    loop {
        match rustix::io::read(source, &mut words) {
            Err(Errno::WOULDBLOCK) | Ok(0) => return Ok(()),
            // A timer that was cancelled, and a queue that ran over (netlink(7)), say enough.
            Ok(_) | Err(Errno::CANCELED | Errno::NOBUFS | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn routes() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    Ok(socket)
}

fn clock() -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    arm(&timer)?;
    Ok(timer)
}

/// For a moment that never comes.
fn arm(timer: &OwnedFd) -> io::Result<()> {
    let never = Timespec { tv_sec: i64::from(i32::MAX) * 64, tv_nsec: 0 };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: never };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(timer, flags, &once)?;
    Ok(())
}

/// How long the machine has slept since it was started.
fn slept() -> Duration {
    let since = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    since(ClockId::Boottime).saturating_sub(since(ClockId::Monotonic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_lets_us_listen_and_the_clock_is_still() {
        let sources = Sources::open().unwrap();
        drain(&sources.routes).unwrap();
        drain(&sources.clock).unwrap();
        let mut clock = [PollFd::new(&sources.clock, PollFlags::IN)];
        assert_eq!(poll(&mut clock, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 })).unwrap(), 0);
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_a_sleep() {
        assert_eq!([0, 1, 2, 3_600].map(|slept| Change::of_clock(Duration::from_secs(slept))), {
            [Change::Clock, Change::Clock, Change::Network, Change::Network]
        });
        let mut sources = Sources::open().unwrap();
        for _ in 0..2 {
            // The timer fires, as it does when the clock is set.
            let soon = Timespec { tv_sec: 0, tv_nsec: 1 };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: soon };
            timerfd_settime(&sources.clock, TimerfdTimerFlags::empty(), &once).unwrap();
            // Another test may change the network at the same time.
            drain(&sources.routes).unwrap();
            assert_eq!(sources.wait().unwrap(), Some(Change::Clock));
        }
    }
}

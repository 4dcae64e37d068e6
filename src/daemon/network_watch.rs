//! Notices when the machine wakes from sleep, or changes its network: connections may be dead then, and servers that could not
//! be reached may be back.
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

/// Begins to listen, as far as the kernel allows it, on a thread of its own that ends with the process. The channel gets an item
/// for every change that may have broken a connection or brought a server back.
pub(super) fn listen() -> mpsc::UnboundedReceiver<()> {
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

    fn listen(mut self, sender: &mpsc::UnboundedSender<()>) {
        while let Ok(changed) = self.wait() {
            if changed && sender.send(()).is_err() {
                return;
            }
        }
    }

    /// Waits for an event; does it matter?
    fn wait(&mut self) -> io::Result<bool> {
        let mut sources = [&self.routes, &self.clock].map(|source| PollFd::new(source, PollFlags::IN));
        match poll(&mut sources, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let [routes, clock] = sources.each_ref().map(|source| !source.revents().is_empty());
        let mut changed = false;
        if routes {
            drain(&self.routes)?;
            changed = true;
        }
        if clock {
            drain(&self.clock)?;
            arm(&self.clock)?;
            let before = std::mem::replace(&mut self.slept, slept());
            changed |= self.slept.saturating_sub(before) >= NAP;
        }
        Ok(changed)
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
}

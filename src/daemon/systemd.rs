//! What systemd is told: ready, reloading, stopping, how it goes in words, and that we live. It is not minded where there is
//! none.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// How often systemd wants to hear that we live, halved so that one word may be late; `None` where it does not.
pub(super) fn feeding() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|pause| !pause.is_zero())
}

/// The service has begun.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The files are read again. The time is what tells this reload from an earlier one (sd_notify(3)).
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The service is about to end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How it goes: one line.
pub(super) fn status(words: &str) {
    tell(&[NotifyState::Status(words)]);
}

/// Everyone is well.
pub(super) fn feed() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        debug!(%cause, "systemd does not listen");
    }
}

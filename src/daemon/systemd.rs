//! Notifies systemd (sd_notify(3)): ready, reloading, stopping, the status line and the watchdog. Does nothing without systemd; a
//! thread of its own sends, so that a systemd that does not listen delays nothing. Called by `service`.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// How many notifications may wait to be sent; later ones are lost, those for the watchdog included.
const QUEUE: usize = 64;

/// How often to feed the watchdog: twice as often as systemd asks, so that one notification may be late. `None` without one.
pub(super) fn feeding() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|pause| !pause.is_zero())
}

/// The status of a service that ends before it has begun, in one line.
pub(super) fn status_of_the_end(words: &str) {
    if let Err(cause) = sd_notify::notify(&[NotifyState::Status(words)]) {
        debug!(%cause, "could not notify systemd");
    }
}

/// The connection to systemd.
#[derive(Debug)]
pub(super) struct Systemd {
    words: Option<SyncSender<String>>,
}

impl Systemd {
    /// Starts the thread that sends.
    pub(super) fn new() -> Self {
        let (words, queue) = sync_channel(QUEUE);
        let begun = thread::Builder::new().name("systemd".to_owned()).spawn(move || send(&queue));
        Self { words: begun.is_ok().then_some(words) }
    }

    /// The service has begun, or goes on after a reload.
    pub(super) fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    /// The files are read again. The time distinguishes this reload from an earlier one (sd_notify(3)).
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.say(&[NotifyState::Reloading, now]),
            Err(_) => self.say(&[NotifyState::Reloading]),
        }
    }

    /// The service is about to end.
    pub(super) fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// The status, in one line.
    pub(super) fn status(&self, words: &str) {
        self.say(&[NotifyState::Status(words)]);
    }

    /// All threads work.
    pub(super) fn feed(&self) {
        self.say(&[NotifyState::Watchdog]);
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        let lines: Vec<String> = states.iter().map(NotifyState::to_string).collect();
        if self.words.as_ref().is_some_and(|words| words.try_send(lines.join("\n")).is_err()) {
            debug!("systemd does not listen");
        }
    }
}

fn send(queue: &Receiver<String>) {
    while let Ok(words) = queue.recv() {
        if let Err(cause) = sd_notify::notify(&[NotifyState::Custom(&words)]) {
            debug!(%cause, "could not notify systemd");
        }
    }
}

//! What systemd is told: ready, reloading, stopping, how it goes in words, and that we live. It is not minded where there is
//! none, and where it does not listen nobody is held up: a thread of its own does the telling.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// So much may be left untold; what comes then is lost, the word that we live included.
const UNTOLD: usize = 64;

/// How often systemd wants to hear that we live, halved so that one word may be late; `None` where it does not.
pub(super) fn feeding() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|pause| !pause.is_zero())
}

/// The way to systemd.
#[derive(Debug)]
pub(super) struct Systemd {
    words: Option<SyncSender<String>>,
}

impl Systemd {
    /// Starts the thread that tells.
    pub(super) fn new() -> Self {
        let (words, untold) = sync_channel(UNTOLD);
        let begun = thread::Builder::new().name("systemd".to_owned()).spawn(move || tell(&untold));
        Self { words: begun.is_ok().then_some(words) }
    }

    /// The service has begun, or goes on after a reload.
    pub(super) fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    /// The files are read again. The time is what tells this reload from an earlier one (sd_notify(3)).
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

    /// How it goes: one line.
    pub(super) fn status(&self, words: &str) {
        self.say(&[NotifyState::Status(words)]);
    }

    /// Everyone is well.
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

fn tell(untold: &Receiver<String>) {
    while let Ok(words) = untold.recv() {
        if let Err(cause) = sd_notify::notify(&[NotifyState::Custom(&words)]) {
            debug!(%cause, "systemd cannot be told");
        }
    }
}

//! One account of the fleet: how it is, and the thread that watches it, if it has one. Called by `fleet`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::backoff::Backoff;
use super::orders::Orders;
use crate::clock::{self, Timestamp};
use crate::mailbox::Stop;
use crate::report::state::State;
use crate::settings::Account;

/// One account, with its thread if it has one.
#[derive(Debug)]
pub(super) struct Slot {
    /// The account as it is to be watched; `None` where it is no longer to be.
    pub(super) wanted: Option<Account>,
    pub(super) running: Option<Running>,
    /// When a thread that crashed is to be started again.
    pub(super) revival: Option<Instant>,
    pub(super) crashes: Backoff,
    pub(super) state: State,
    /// Since when it is in this state.
    pub(super) since: Timestamp,
    /// When the last sweep ended.
    pub(super) swept_at: Option<Timestamp>,
    /// When it is tried again.
    pub(super) next_try: Option<Timestamp>,
    /// The last trouble, and when it came.
    pub(super) last_error: Option<(Timestamp, String)>,
    /// The password was saved while its thread was connecting, perhaps with the one before.
    pub(super) has_new_password: bool,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) number: u64,
    /// As it is watched.
    pub(super) account: Account,
    pub(super) stop: Stop,
    pub(super) answered: Arc<AtomicBool>,
    pub(super) orders: Orders,
    pub(super) started: Instant,
}

impl Slot {
    /// It is in this state from now on.
    pub(super) fn enter(&mut self, state: State) {
        if self.state != state {
            self.since = clock::now();
        }
        self.next_try = None;
        self.state = state;
    }

    /// Does its thread wait until it connects again?
    pub(super) fn pauses(&self) -> bool {
        matches!(self.state, State::Parked { .. } | State::Away { .. } | State::Halted { .. })
    }

    /// Lets its thread judge what waited for a look-up. One that has no connection does so when it has one.
    pub(super) fn use_answer(&self) {
        let connected = matches!(self.state, State::Watching | State::Hindered { .. });
        if let Some(running) = self.running.as_ref().filter(|it| connected && it.account.lookup.is_on()) {
            running.answered.store(true, Ordering::SeqCst);
            running.stop.probe();
        }
    }

    /// Asks its thread to stop; it is started again when it says that it is over.
    pub(super) fn stop(&self) {
        if let Some(running) = &self.running {
            running.stop.stop();
        }
    }

    pub(super) fn empty() -> Self {
        Self {
            wanted: None,
            running: None,
            revival: None,
            crashes: Backoff::default(),
            state: State::Connecting,
            since: clock::now(),
            swept_at: None,
            next_try: None,
            last_error: None,
            has_new_password: false,
        }
    }
}

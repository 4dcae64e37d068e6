//! What a watcher has learned of its account and its server, from one session to the next. Kept by `watcher`.

use std::collections::BTreeSet;
use std::time::Instant;

use super::backoff::{Backoff, Refusals};
use super::hooks::Told;
use super::idle_policy::IdlePolicy;
use super::rhythm::Rhythm;
use crate::clock::Timestamp;
use crate::mailbox::Suspects;
use crate::settings::Account;
use crate::sweep::Begun;

/// What a watcher has learned, from one session to the next.
pub(super) struct WatcherState {
    pub(super) backoff: Backoff,
    pub(super) refusals: Refusals,
    /// Has the login that was tried last worked before?
    pub(super) has_worked: bool,
    /// When the first sweep of the session ended.
    pub(super) works_since: Option<Instant>,
    pub(super) policy: IdlePolicy,
    pub(super) rhythm: Rhythm,
    /// The trouble that was logged last, while it lasts.
    pub(super) trouble: Option<String>,
    /// That was something on this machine.
    pub(super) blocked: bool,
    /// The troubles with folders that the last sweep had.
    pub(super) folders: BTreeSet<String>,
    /// What the last sweep left undone.
    pub(super) left: Option<String>,
    /// When the log last named the networks whose messages could not be read.
    pub(super) drift_logged: Option<Timestamp>,
    /// The messages over whose answer the last session ended.
    pub(super) suspects: Suspects,
    /// The sweep that was not over when the last session ended.
    pub(super) torn: Option<Begun>,
    /// The real followers for whom the hook has run.
    pub(super) told: Told,
}

impl WatcherState {
    /// Nothing yet.
    pub(super) fn new(account: &Account) -> Self {
        Self {
            backoff: Backoff::default(),
            refusals: Refusals::default(),
            has_worked: false,
            works_since: None,
            policy: IdlePolicy::new(account),
            rhythm: Rhythm::default(),
            trouble: None,
            blocked: false,
            folders: BTreeSet::new(),
            left: None,
            drift_logged: None,
            suspects: Suspects::default(),
            torn: None,
            told: Told::default(),
        }
    }
}

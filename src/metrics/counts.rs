//! What is counted. A value of this type is shared by all threads of accounts, and each count is one addition.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::shown::Shown;
use crate::clock::Timestamp;
use crate::control::ServiceStatus;
use crate::mail::Recognition;
use crate::place::AccountName;
use crate::rules::VerdictName;
use crate::sweep::{AccountFault, Dealt, End, News, Scope, Swept};

/// Upper bounds of the time from arrival to move, in seconds: IDLE takes seconds, a poll minutes, a fuse hours, a backlog days.
const LAGS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 86_400.0];

/// Why an account cannot be worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The server refused the login, or there is no password or token for it.
    Login,
    /// The way to the server, or its certificate.
    Network,
    /// What the server answered.
    Server,
    /// This machine: the ledger, a lock, a file.
    Machine,
    /// A thread crashed, by a bug in followsift.
    Crash,
}

impl Cause {
    /// All of them, so that each is shown before it first occurs.
    const ALL: [Self; 5] = [Self::Login, Self::Network, Self::Server, Self::Machine, Self::Crash];

    /// The cause of a fault.
    pub fn of(fault: &AccountFault) -> Self {
        match fault {
            _ if fault.is_local() => Self::Machine,
            _ if fault.is_of_network() => Self::Network,
            AccountFault::Login(_) => Self::Login,
            AccountFault::Mailbox(fault) if fault.is_refused_login() => Self::Login,
            AccountFault::Mailbox(_) => Self::Server,
            AccountFault::Ledger(_)
            | AccountFault::Lock(_)
            | AccountFault::Machine(_)
            | AccountFault::Unobserved => Self::Machine,
        }
    }

    /// In one word.
    fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Network => "network",
            Self::Server => "server",
            Self::Machine => "machine",
            Self::Crash => "crash",
        }
    }
}

impl EncodeLabelValue for Cause {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.word().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAccount {
    account: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    account: Arc<str>,
    cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    network: String,
    verdict: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNetwork {
    network: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookUp {
    outcome: &'static str,
}

/// What is counted since the service began; a clone counts into the same.
#[derive(Clone, Debug)]
pub struct Counts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    /// The accounts that were shown last.
    accounts: Mutex<BTreeSet<Arc<str>>>,
    sweeps: Family<OfAccount, Counter>,
    moves: Family<OfAccount, Counter>,
    failed_moves: Family<OfAccount, Counter>,
    held_back: Family<OfAccount, Gauge>,
    failures: Family<Failure, Counter>,
    // Of all accounts together: a thousand accounts times networks and verdicts would be too many series.
    notifications: Family<Judged, Counter>,
    incomplete: Family<OfNetwork, Counter>,
    unassessed: Counter,
    look_ups: Family<LookUp, Counter>,
    lag: Histogram,
    shown: Shown,
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

impl Counts {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("followsift"),
            accounts: Mutex::default(),
            sweeps: Family::default(),
            moves: Family::default(),
            failed_moves: Family::default(),
            held_back: Family::default(),
            failures: Family::default(),
            notifications: Family::default(),
            incomplete: Family::default(),
            unassessed: Counter::default(),
            look_ups: Family::default(),
            lag: Histogram::new(LAGS),
            shown: Shown::default(),
        };
        for outcome in ["answered", "failed"] {
            let _ = inner.look_ups.get_or_create(&LookUp { outcome });
        }
        inner.register();
        Self(Arc::new(inner))
    }

    /// A sweep reports something, in the scope that it has.
    pub fn news(&self, account: &AccountName, news: &News, scope: Scope, now: Timestamp) {
        let News::Mail(dealt) = news else { return };
        let Dealt { assessment, end, .. } = &**dealt;
        let of_account = || OfAccount { account: account.as_str().into() };
        match end {
            End::Moved { .. } => drop(self.0.moves.get_or_create(&of_account()).inc()),
            End::Left(_) => drop(self.0.failed_moves.get_or_create(&of_account()).inc()),
            End::Failed | End::Deadly => drop(self.0.unassessed.inc()),
            _ => {}
        }
        // What a command has swept again counts only as far as it was moved. What waits is judged again, and counts then.
        if scope != Scope::New || matches!(end, End::Waits | End::WaitsForLookUp | End::Left(_)) {
            return;
        }
        match &assessment.recognition {
            Recognition::Recognised(notification) => {
                let network = notification.network.to_string();
                let verdict = VerdictName::word(assessment.class.as_ref()).to_owned();
                self.0.notifications.get_or_create(&Judged { network, verdict }).inc();
                if matches!(end, End::Moved { .. }) {
                    self.0.lag.observe(now.since(notification.received) as f64);
                }
            }
            Recognition::Incomplete { network, .. } => {
                self.0.incomplete.get_or_create(&OfNetwork { network: network.to_string() }).inc();
            }
            Recognition::TooCostly => drop(self.0.unassessed.inc()),
            Recognition::Foreign => {}
        }
    }

    /// A sweep has ended.
    pub fn swept(&self, account: &AccountName, swept: &Swept) {
        let account = OfAccount { account: account.as_str().into() };
        self.0.sweeps.get_or_create(&account).inc();
        let held_back = i64::try_from(swept.remains.fuse).unwrap_or(i64::MAX);
        self.0.held_back.get_or_create(&account).set(held_back);
    }

    /// An account cannot be worked on, or its connection has failed.
    pub fn failed(&self, account: &AccountName, cause: Cause) {
        self.0.failures.get_or_create(&Failure { account: account.as_str().into(), cause }).inc();
    }

    /// A server was asked about a follower; whether it answered.
    pub fn looked_up(&self, is_answered: bool) {
        let outcome = if is_answered { "answered" } else { "failed" };
        self.0.look_ups.get_or_create(&LookUp { outcome }).inc();
    }

    /// All metrics in the text format of Prometheus, version 0.0.4, with how the service is now.
    pub fn text(&self, status: &ServiceStatus) -> String {
        self.0.show(status);
        let mut text = String::new();
        // Only the writer can fail, and a string does not.
        let _ = prometheus_client::encoding::prometheus_text::encode(&mut text, &self.0.registry);
        text
    }
}

impl Inner {
    /// Names everything. The library appends `_total` to counters, the unit, and a full stop to each description.
    fn register(&mut self) {
        let registry = &mut self.registry;
        self.shown.register(registry);
        registry.register("sweeps", "Sweeps that ended, of an account", self.sweeps.clone());
        registry.register(
            "notifications",
            "Notifications that were judged in sweeps of new messages, by network and verdict",
            self.notifications.clone(),
        );
        registry.register("moves", "Messages that were moved, of an account", self.moves.clone());
        registry.register(
            "failed_moves",
            "Attempts to move or mark a message that failed; a retry counts again",
            self.failed_moves.clone(),
        );
        registry.register(
            "held_back_messages",
            "Messages that the fuse held back after the last sweep",
            self.held_back.clone(),
        );
        registry.register_with_unit(
            "move_lag",
            "Time from a message's arrival to its move, in sweeps of new messages",
            Unit::Seconds,
            self.lag.clone(),
        );
        registry.register(
            "incomplete_messages",
            "Messages that a network seems to have sent and that could not be read",
            self.incomplete.clone(),
        );
        registry.register(
            "unassessed_messages",
            "Messages that were too costly to read, or over which followsift failed",
            self.unassessed.clone(),
        );
        registry.register("failures", "Failures of an account, by cause", self.failures.clone());
        registry.register("lookups", "Look-ups of followers, by outcome", self.look_ups.clone());
    }

    /// Takes over how the service is. New accounts begin with zeros, and those that are gone are no longer shown.
    fn show(&self, status: &ServiceStatus) {
        self.shown.take(status);
        let present: BTreeSet<Arc<str>> =
            status.accounts.iter().map(|account| account.name.as_str().into()).collect();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in accounts.difference(&present) {
            let account = OfAccount { account: Arc::clone(gone) };
            for family in [&self.sweeps, &self.moves, &self.failed_moves] {
                family.remove(&account);
            }
            self.held_back.remove(&account);
            for cause in Cause::ALL {
                self.failures.remove(&Failure { account: Arc::clone(gone), cause });
            }
        }
        for new in present.difference(&accounts) {
            let account = OfAccount { account: Arc::clone(new) };
            for family in [&self.sweeps, &self.moves, &self.failed_moves] {
                let _ = family.get_or_create(&account);
            }
            let _ = self.held_back.get_or_create(&account);
            for cause in Cause::ALL {
                let _ = self.failures.get_or_create(&Failure { account: Arc::clone(new), cause });
            }
        }
        *accounts = present;
    }
}

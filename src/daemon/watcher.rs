//! One account, watched by a thread of its own: connect, sweep, wait, and again; until asked to stop.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::backoff::{LONGEST, UNREACHED};
use super::log::kind;
use super::orders::Orders;
use super::proven::Proven;
use super::thread_event::EventSender;
use super::turns::Turns;
use super::watcher_state::WatcherState;
use crate::clock;
use crate::clock::Timestamp;
use crate::ledger::Pool;
use crate::mailbox::{Fate, Stop, Woken};
use crate::metrics::{self, Counts};
use crate::report::state::{self, State};
use crate::report::{Chain, advice};
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};
use crate::sweep::{AccountFault, paused_until};

/// How long until followsift retries an account for which the user has to do something.
const PARKED: Duration = Duration::from_secs(60 * 60);

/// How long until a pause of the user's is looked up again, in case the clock was set.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// How long until a thread of ours that was asked to end has given up its lock.
const SOON: Duration = Duration::from_millis(500);

/// What a watcher thread is given.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) account: Account,
    pub(super) settings: Arc<Settings>,
    pub(super) rule_files: watch::Receiver<Arc<RuleFiles>>,
    /// When it may connect, so that the accounts of one host do so one after the other.
    pub(super) turns: Turns,
    pub(super) ledgers: Pool,
    pub(super) stop: Stop,
    /// Set, and then probed for, when a look-up has an answer.
    pub(super) answered: Arc<AtomicBool>,
    /// What commands want; probed for likewise.
    pub(super) orders: Orders,
    pub(super) proven: Proven,
    pub(super) counts: Counts,
}

/// Why a session ended although all was well.
pub(super) enum End {
    /// The thread was asked to stop.
    Stopped,
    /// The user has paused the account.
    Halted,
}

impl Watcher {
    /// Watches the account until asked to stop. Never returns otherwise.
    pub(super) fn run(self, events: &EventSender) {
        let mut learned = WatcherState::new(&self.account);
        let mut woken = Woken::Due;
        let mut halted = None;
        while woken != Woken::Stop {
            let until = self.halted_until();
            if halted != until {
                info!("{}", until.map_or(state::GOES_ON.to_owned(), state::halted));
                halted = until;
            }
            if let Some(until) = until {
                woken = self.halt(until, events);
                continue;
            }
            events.state(State::Connecting);
            let turn = self.turns.next(&self.account.host, Instant::now());
            // Whatever a probe is for comes after the connection.
            while woken != Woken::Stop && Instant::now() < turn {
                woken = self.stop.wait(turn);
            }
            if woken == Woken::Stop {
                return;
            }
            let fault = match self.live(&mut learned, events) {
                Ok(End::Stopped) => return,
                Ok(End::Halted) => {
                    woken = Woken::Due;
                    continue;
                }
                // Whatever else went wrong on the way out, it is over.
                Err(_) if self.stop.is_stopped() => return,
                Err(fault) => fault,
            };
            if let Some(since) = learned.works_since.take().filter(|_| !fault.is_garbled()) {
                learned.backoff.worked(since.elapsed());
            }
            woken = self.pause(&fault, &mut learned, events);
        }
    }

    /// Until when the user has paused the account, if they have. Without a session, a ledger that cannot be read says nothing; a
    /// session fails over it.
    fn halted_until(&self) -> Option<Timestamp> {
        self.apart(|| Ok(paused_until(&self.account, &self.settings))).ok().flatten()
    }

    /// Waits, without a connection, until the user's pause is over or may have changed.
    fn halt(&self, until: Timestamp, events: &EventSender) -> Woken {
        events.state(State::Halted { until });
        self.orders.refuse(&state::halted(until));
        let pause = Duration::from_secs(until.since(clock::now())).min(LOOK_AGAIN);
        self.stop.wait(Instant::now() + pause)
    }

    /// Logs a fault, and waits for as long as it takes.
    fn pause(&self, fault: &AccountFault, learned: &mut WatcherState, events: &EventSender) -> Woken {
        if fault.is_held_by_us() {
            return self.stop.wait(Instant::now() + SOON);
        }
        self.counts.failed(&self.account.name, metrics::Cause::of(fault));
        let mut trouble = Chain(fault).to_string();
        // Without the advice, which may show the time.
        let known = learned.trouble.as_ref() == Some(&trouble);
        learned.trouble = Some(trouble.clone());
        learned.blocked = fault.is_local();
        if let Some(what) = advice(fault, &self.account, clock::now()) {
            trouble = format!("{trouble}; {what}");
        }
        self.orders.refuse(&trouble);
        let again = if fault.is_refused_login() { learned.refusals.next(learned.has_worked) } else { None };
        let parked = fault.fate() == Fate::Park && again.is_none();
        let pause = if parked {
            error!(message_id = kind::PARKED, trouble, "{}", state::paused(&trouble));
            events.state(State::Parked { trouble });
            PARKED
        } else if fault.is_local() {
            // To look again burdens no server.
            let pause = learned.backoff.next(UNREACHED, fastrand::f64());
            let sentence = state::blocked(&trouble, known, pause);
            if known {
                debug!(trouble, "{sentence}");
            } else {
                error!(message_id = kind::BLOCKED, trouble, "{sentence}");
            }
            events.state(State::Blocked { trouble });
            pause
        } else {
            let longest = if fault.is_of_network() { UNREACHED } else { LONGEST };
            let pause = again.unwrap_or_else(|| learned.backoff.next(longest, fastrand::f64()));
            let pause = pause.max(fault.retry_after().unwrap_or_default());
            let sentence = state::away(&trouble, pause);
            if known {
                debug!(trouble, "{sentence}");
            } else {
                warn!(message_id = kind::AWAY, trouble, "{sentence}");
            }
            events.state(State::Away { trouble });
            pause
        };
        events.tries_again(pause);
        let until = Instant::now() + pause;
        loop {
            match self.stop.wait(until) {
                // Neither another network nor a set clock mends a wrong password, or a server that refuses.
                Woken::Probe if !fault.is_of_network() => {}
                Woken::Probe => {
                    learned.backoff.reset();
                    return Woken::Probe;
                }
                woken => return woken,
            }
        }
    }
}

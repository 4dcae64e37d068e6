//! All accounts: which are watched, by which thread, and how each is.
//!
//! Owns the threads. A thread sends its account's state over a channel, and is over when it drops its sender, which a panic
//! does too. This never waits for a thread: one that is to stop is asked to, and its account goes on when it says that it is
//! over. Called by `service`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{error, info_span};

use super::backoff::LONGEST;
use super::hooks::Hooks;
use super::orders::{Order, Orders};
use super::proven::Proven;
use super::slot::{Running, Slot};
use super::thread_event::{Change, EventSender, ThreadEvent};
use super::turns::Turns;
use super::watcher::Watcher;
use crate::clock::{self, Timestamp};
use crate::control::{AccountStatus, Answer};
use crate::ledger::Pool;
use crate::login;
use crate::mailbox::Stop;
use crate::metrics::{Cause, Counts};
use crate::place::AccountName;
use crate::report::state::{self, State};
use crate::rulebook::RuleFiles;
use crate::settings::{Account, Settings};

/// How long a thread may be busy with something else than waiting before it counts as hung.
const LULL: Duration = Duration::from_secs(60);

/// All accounts.
#[derive(Debug)]
pub(super) struct Fleet {
    settings: Arc<Settings>,
    rule_files: watch::Receiver<Arc<RuleFiles>>,
    events: mpsc::UnboundedSender<ThreadEvent>,
    slots: BTreeMap<AccountName, Slot>,
    started: u64,
    proven: Proven,
    counts: Counts,
    turns: Turns,
    ledgers: Pool,
}

impl Fleet {
    /// Starts a thread for each account of `settings`. What they tell comes over the channel.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn launch(
        settings: Arc<Settings>,
        rule_files: watch::Receiver<Arc<RuleFiles>>,
        counts: Counts,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<ThreadEvent>)> {
        let (events, receiver) = mpsc::unbounded_channel();
        let mut fleet = Self {
            settings: Arc::clone(&settings),
            rule_files,
            events,
            slots: BTreeMap::new(),
            started: 0,
            proven: Proven::default(),
            counts,
            turns: Turns::default(),
            ledgers: Pool::new(&settings.state),
        };
        fleet.take(settings, true)?;
        Ok((fleet, receiver))
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Goes on with these settings: accounts that changed are started anew; those that are parked or away only where that was
    /// `asked` for: servers count each try with a wrong password, and files are saved often.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn take(&mut self, settings: Arc<Settings>, asked: bool) -> io::Result<()> {
        let all = settings.state != self.settings.state || settings.credentials != self.settings.credentials;
        if settings.state != self.settings.state {
            self.ledgers = Pool::new(&settings.state);
        }
        self.turns.plan(settings.accounts.iter().map(|account| account.host.as_str()));
        self.settings = Arc::clone(&settings);
        for slot in self.slots.values_mut() {
            slot.wanted = None;
        }
        for account in &settings.accounts {
            let slot = self.slots.entry(account.name.clone()).or_insert_with(Slot::empty);
            slot.wanted = Some(account.clone());
        }
        let names: Vec<_> = self.slots.keys().cloned().collect();
        for name in names {
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            // The settings may mend what a thread crashed on.
            slot.revival = None;
            let watches = slot.running.as_ref();
            let same = watches.is_some_and(|running| slot.wanted.as_ref() == Some(&running.account));
            if same && !all && !(asked && slot.pauses()) {
                continue;
            }
            match watches {
                // It is started again when it says that it is over.
                Some(running) => running.stop.stop(),
                None => self.start(&name)?,
            }
        }
        Ok(())
    }

    /// Lets the accounts log in again whose passwords depend on one of these `files`, which have changed. Connected ones stay
    /// connected.
    pub(super) fn log_in_again(&mut self, files: &BTreeSet<PathBuf>) {
        for slot in self.slots.values_mut() {
            let depends = |account: &Account| {
                login::files(account, &self.settings).iter().any(|file| files.contains(file))
            };
            if !slot.wanted.as_ref().is_some_and(depends) {
                continue;
            }
            if slot.pauses() {
                slot.stop();
            } else if slot.state == State::Connecting {
                slot.has_new_password = true;
            }
        }
    }

    /// Takes in what a thread reports. Returns the trouble of its account, if that is new.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn take_event(
        &mut self,
        ThreadEvent { number, what }: ThreadEvent,
        hooks: &mut Hooks,
    ) -> io::Result<Option<String>> {
        let found = self
            .slots
            .iter_mut()
            .find(|(_, slot)| slot.running.as_ref().is_some_and(|running| running.number == number));
        let Some((name, slot)) = found else { return Ok(None) };
        match what {
            Change::Is(state) => {
                let trouble = match &state {
                    State::Away { trouble } | State::Parked { trouble } | State::Blocked { trouble } => {
                        slot.last_error = Some((clock::now(), trouble.clone()));
                        Some(format!("{name}: {trouble}"))
                    }
                    State::Connecting
                    | State::Watching
                    | State::Hindered { .. }
                    | State::Halted { .. }
                    | State::Crashed => None,
                };
                hooks.state(&self.settings.hooks, name, &state);
                slot.enter(state);
                if slot.has_new_password && slot.pauses() {
                    slot.stop();
                }
                Ok(trouble)
            }
            Change::Swept(at) => {
                slot.swept_at = Some(at);
                Ok(None)
            }
            Change::TriesAgain(at) => {
                slot.next_try = Some(at);
                Ok(None)
            }
            Change::Answered => {
                self.slots.values().for_each(Slot::use_answer);
                Ok(None)
            }
            Change::Notice(notice) => {
                hooks.notice(&self.settings.hooks, name, notice);
                Ok(None)
            }
            Change::Over { panicked } => {
                let name = name.clone();
                let running = slot.running.take();
                // One that crashes again soon after each start is started less and less often.
                if running.as_ref().is_some_and(|running| running.started.elapsed() > LONGEST) {
                    slot.crashes.reset();
                }
                let asked = running.is_some_and(|running| running.stop.is_stopped());
                if asked && !panicked {
                    self.start(&name)?;
                    return Ok(None);
                }
                slot.enter(State::Crashed);
                self.counts.failed(&name, Cause::Crash);
                slot.last_error = Some((clock::now(), state::crashed(None)));
                let pause = slot.crashes.next(LONGEST, fastrand::f64());
                slot.revival = Some(Instant::now() + pause);
                error!(
                    message_id = super::log::kind::DIED,
                    account = %name,
                    "{}",
                    state::crashed(Some(pause))
                );
                Ok(Some(format!("{name}: {}", state::crashed(None))))
            }
        }
    }

    /// When the next thread that crashed is to be started again.
    pub(super) fn next_revival(&self) -> Option<Instant> {
        self.slots.values().filter_map(|slot| slot.revival).min()
    }

    /// Starts again what is due.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn revive(&mut self, now: Instant) -> io::Result<()> {
        let due = |slot: &Slot| slot.revival.is_some_and(|revival| revival <= now);
        let names: Vec<_> =
            self.slots.iter().filter(|(_, slot)| due(slot)).map(|(name, _)| name.clone()).collect();
        names.iter().try_for_each(|name| self.start(name))
    }

    /// Asks all threads to find out whether their connections still work.
    pub(super) fn probe(&self) {
        self.slots.values().filter_map(|slot| slot.running.as_ref()).for_each(|running| running.stop.probe());
    }

    /// Asks the thread of an account to look whether the account is paused.
    pub(super) fn probe_account(&self, account: &str) {
        let slot = self.slots.iter().find(|(name, _)| name.as_str() == account).map(|(_, slot)| slot);
        if let Some(running) = slot.and_then(|slot| slot.running.as_ref()) {
            running.stop.probe();
        }
    }

    /// Asks the threads that wait to connect again to look whether they can by now.
    pub(super) fn probe_unconnected(&self) {
        let running =
            self.slots.values().filter(|slot| slot.pauses()).filter_map(|slot| slot.running.as_ref());
        running.for_each(|running| running.stop.probe());
    }

    /// The accounts whose threads should have spoken by now: they hang.
    pub(super) fn overdue(&self, now: Instant) -> Vec<&AccountName> {
        let hangs = |running: &Running| running.stop.speaks_by().is_some_and(|by| by + LULL < now);
        let is_overdue = |slot: &Slot| slot.running.as_ref().is_some_and(hangs);
        self.slots.iter().filter(|(_, slot)| is_overdue(slot)).map(|(name, _)| name).collect()
    }

    /// Asks all threads to stop, for good.
    pub(super) fn stop(&mut self) {
        for slot in self.slots.values_mut() {
            slot.wanted = None;
            slot.revival = None;
            slot.stop();
        }
    }

    /// The accounts whose threads are not over yet.
    pub(super) fn running(&self) -> Vec<&AccountName> {
        self.slots.iter().filter(|(_, slot)| slot.running.is_some()).map(|(name, _)| name).collect()
    }

    /// Gives the thread of an account something to do. Without a connection, the order is refused at once.
    pub(super) fn order(&self, account: &str, order: Order) {
        let slot = self.slots.iter().find(|(name, _)| name.as_str() == account).map(|(_, slot)| slot);
        let Some((slot, running)) = slot.and_then(|slot| Some((slot, slot.running.as_ref()?))) else {
            let why = "the service does not watch this account now; `followsift status` says why";
            return order.caller.answer(Answer::Refused(why.to_owned()));
        };
        match &slot.state {
            State::Away { trouble } | State::Parked { trouble } | State::Blocked { trouble } => {
                order.caller.answer(Answer::Refused(trouble.clone()));
            }
            State::Halted { until } => order.caller.answer(Answer::Refused(state::halted(*until))),
            State::Connecting | State::Watching | State::Hindered { .. } | State::Crashed => {
                running.orders.give(order);
                running.stop.probe();
            }
        }
    }

    /// How each account is, with the times.
    pub(super) fn statuses(&self) -> Vec<AccountStatus> {
        let moment = |at: Timestamp| at.0;
        let status = |(name, slot): (&AccountName, &Slot)| AccountStatus {
            name: name.to_string(),
            state: slot.state.word().to_owned(),
            trouble: slot.state.trouble().map(str::to_owned),
            since: slot.since.0,
            last_sweep: slot.swept_at.map(moment),
            next_try: slot.next_try.map(moment),
            last_error: slot.last_error.clone().map(|(at, words)| (at.0, words)),
        };
        self.slots.iter().map(status).collect()
    }

    /// How each account is.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, &State)> {
        self.slots.iter().map(|(name, slot)| (name.as_str(), &slot.state))
    }

    /// Starts the thread of an account, or drops the account where it is no longer wanted.
    fn start(&mut self, name: &AccountName) -> io::Result<()> {
        let Some(slot) = self.slots.get_mut(name) else { return Ok(()) };
        slot.revival = None;
        let Some(account) = slot.wanted.clone() else {
            self.slots.remove(name);
            return Ok(());
        };
        slot.enter(State::Connecting);
        slot.has_new_password = false;
        self.started += 1;
        let number = self.started;
        let stop = Stop::new()?;
        stop.speak_by(Instant::now());
        let started = Instant::now();
        let (answered, orders) = (Arc::new(AtomicBool::new(false)), Orders::default());
        slot.running = Some(Running {
            number,
            account: account.clone(),
            stop: stop.clone(),
            answered: Arc::clone(&answered),
            orders: orders.clone(),
            started,
        });
        let events = EventSender::new(number, self.events.clone());
        let watcher = Watcher {
            account,
            settings: Arc::clone(&self.settings),
            rule_files: self.rule_files.clone(),
            turns: self.turns.clone(),
            ledgers: self.ledgers.clone(),
            stop,
            answered,
            orders,
            proven: self.proven.clone(),
            counts: self.counts.clone(),
        };
        let name = name.clone();
        thread::Builder::new().name(name.to_string()).spawn(move || {
            let _span = info_span!("account", account = %name).entered();
            watcher.run(&events);
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Woken;
    use crate::rulebook;
    use crate::settings::{self, Environment};

    /// The accounts of these names, at a server that does not exist.
    fn launched(
        folder: &std::path::Path,
        names: &[&str],
    ) -> (Fleet, mpsc::UnboundedReceiver<ThreadEvent>, watch::Sender<Arc<RuleFiles>>) {
        let file = folder.join("followsift.toml");
        let mut text = format!("state = \"{}\"\n", folder.display());
        for name in names {
            text += &format!(
                "[accounts.{name}]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"off\"\nuser = \"{name}\"\n\
                 password-command = [\"true\"]\n"
            );
        }
        std::fs::write(&file, text).unwrap();
        let (settings, findings) = settings::load(Some(&file), &Environment::of([]));
        let settings = Arc::new(settings.unwrap_or_else(|| panic!("{findings:?}")));
        let files = rulebook::read(Some(&settings)).0.unwrap();
        let (sender, files) = watch::channel(Arc::new(files));
        let (fleet, receiver) = Fleet::launch(settings, files, Counts::new()).unwrap();
        (fleet, receiver, sender)
    }

    #[test]
    fn a_set_clock_wakes_the_accounts_that_have_no_connection() {
        let folder = tempfile::tempdir().unwrap();
        let (mut fleet, _receiver, _sender) = launched(folder.path(), &["away", "paused", "watched"]);
        let trouble = "its certificate is not valid yet".to_owned();
        let states = [State::Away { trouble: trouble.clone() }, State::Parked { trouble }, State::Watching];
        let mut stops = Vec::new();
        for (slot, state) in fleet.slots.values_mut().zip(states) {
            slot.state = state;
            let running = slot.running.as_mut().unwrap();
            // The thread takes no probe of the new one.
            running.stop.stop();
            running.stop = Stop::new().unwrap();
            stops.push(running.stop.clone());
        }
        let woken = |stops: &[Stop]| stops.iter().map(|stop| stop.wait(Instant::now())).collect::<Vec<_>>();
        fleet.probe_unconnected();
        assert_eq!(woken(&stops), [Woken::Probe, Woken::Probe, Woken::Due]);
        fleet.probe();
        assert_eq!(woken(&stops), [Woken::Probe; 3]);
    }

    #[test]
    fn a_thread_that_panics_is_started_again_after_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let (mut fleet, mut receiver, _sender) = launched(folder.path(), &["home"]);

        // As the thread of the account would, had it panicked.
        let events = EventSender::new(1, fleet.events.clone());
        let panicked = thread::spawn(move || {
            let _events = events;
            panic!("a panic of this test");
        });
        assert!(panicked.join().is_err());
        let over = loop {
            let event = receiver.blocking_recv().unwrap();
            if let Change::Over { panicked } = event.what {
                assert!(panicked);
                break event;
            }
        };
        fleet.take_event(over, &mut Hooks::new()).unwrap();
        assert!(fleet.states().all(|(_, state)| *state == State::Crashed) && fleet.running().is_empty());

        let due = fleet.next_revival().unwrap();
        let early = due.checked_sub(Duration::from_millis(1)).unwrap();
        fleet.revive(early).unwrap();
        assert!(fleet.running().is_empty());
        fleet.revive(due).unwrap();
        assert_eq!(fleet.running().len(), 1);
        assert_eq!(fleet.next_revival(), None);
        fleet.stop();
    }
}

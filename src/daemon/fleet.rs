//! All accounts: who is watched, by which thread, and how it goes.
//!
//! Owns the threads. A thread tells how it is over a channel, and that it is over when its end of it is dropped, by a panic
//! too. Nobody is waited for here: what is to be stopped is told so, and goes on when its thread says that it is over.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tracing::{error, info_span};

use super::backoff::{Backoff, LONGEST};
use super::proven::Proven;
use super::watcher::Watcher;
use crate::mailbox::Stop;
use crate::place::AccountName;
use crate::report::state::{self, State};
use crate::rulebook::Reading;
use crate::settings::{Account, Settings};

/// How long a thread may be busy with something else than waiting before it counts as hung.
const LULL: Duration = Duration::from_secs(60);
/// Accounts of one host log in one after the other, this far apart.
const APART: Duration = Duration::from_millis(500);
/// So many of them at most are kept apart.
const QUEUE: u32 = 60;

/// What a thread tells of itself.
#[derive(Debug)]
pub(super) struct News {
    number: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Is(State),
    Over { panicked: bool },
}

/// How a thread tells its news. Dropped, it tells that the thread is over.
#[derive(Debug)]
pub(super) struct Voice {
    number: u64,
    news: mpsc::UnboundedSender<News>,
}

impl Voice {
    /// Tells how the account is.
    pub(super) fn tell(&self, state: State) {
        self.send(What::Is(state));
    }

    fn send(&self, what: What) {
        // Nobody listens any more where the service itself has ended.
        let _ = self.news.send(News { number: self.number, what });
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.send(What::Over { panicked: thread::panicking() });
    }
}

/// A place for one account.
#[derive(Debug)]
struct Seat {
    /// The account as it is to be watched; `None` where it is no longer to be.
    wanted: Option<Account>,
    running: Option<Running>,
    /// When a thread that died is to be started again.
    revival: Option<Instant>,
    deaths: Backoff,
    state: State,
}

#[derive(Debug)]
struct Running {
    number: u64,
    /// As it is watched.
    account: Account,
    stop: Stop,
    started: Instant,
}

/// All accounts.
#[derive(Debug)]
pub(super) struct Fleet {
    settings: Arc<Settings>,
    reading: watch::Receiver<Arc<Reading>>,
    news: mpsc::UnboundedSender<News>,
    seats: BTreeMap<AccountName, Seat>,
    started: u64,
    proven: Proven,
}

impl Fleet {
    /// Starts a thread for each account of `settings`. Its news come over the channel.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn launch(
        settings: Arc<Settings>,
        reading: watch::Receiver<Arc<Reading>>,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<News>)> {
        let (news, heard) = mpsc::unbounded_channel();
        let mut fleet = Self {
            settings: Arc::clone(&settings),
            reading,
            news,
            seats: BTreeMap::new(),
            started: 0,
            proven: Proven::default(),
        };
        fleet.take(settings, true)?;
        Ok((fleet, heard))
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Goes on with these settings: accounts that changed are started anew; those that are parked or away only where that was
    /// `asked` for: each try with a wrong password counts with the server, and files are saved often.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn take(&mut self, settings: Arc<Settings>, asked: bool) -> io::Result<()> {
        let all = settings.state != self.settings.state || settings.credentials != self.settings.credentials;
        self.settings = Arc::clone(&settings);
        for seat in self.seats.values_mut() {
            seat.wanted = None;
        }
        for account in &settings.accounts {
            let seat = self.seats.entry(account.name.clone()).or_insert_with(Seat::empty);
            seat.wanted = Some(account.clone());
        }
        let names: Vec<_> = self.seats.keys().cloned().collect();
        for name in names {
            let Some(seat) = self.seats.get_mut(&name) else { continue };
            // A thread that died is of no account that is known to work.
            seat.revival = None;
            let watches = seat.running.as_ref();
            let same = watches.is_some_and(|running| seat.wanted.as_ref() == Some(&running.account));
            let pauses = matches!(seat.state, State::Parked { .. } | State::Away { .. });
            if same && !all && !(asked && pauses) {
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

    /// Hears a thread. Returns the trouble that it has, if that is news.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn hear(&mut self, News { number, what }: News) -> io::Result<Option<String>> {
        let found = self
            .seats
            .iter_mut()
            .find(|(_, seat)| seat.running.as_ref().is_some_and(|running| running.number == number));
        let Some((name, seat)) = found else { return Ok(None) };
        match what {
            What::Is(state) => {
                let trouble = match &state {
                    State::Away { trouble } | State::Parked { trouble } | State::Blocked { trouble } => {
                        Some(format!("{name}: {trouble}"))
                    }
                    State::Connecting | State::Watching | State::Hindered { .. } | State::Crashed => None,
                };
                seat.state = state;
                Ok(trouble)
            }
            What::Over { panicked } => {
                let name = name.clone();
                let running = seat.running.take();
                // One that dies each time soon after it was started is started ever more seldom.
                if running.as_ref().is_some_and(|running| running.started.elapsed() > LONGEST) {
                    seat.deaths.reset();
                }
                let asked = running.is_some_and(|running| running.stop.is_stopped());
                if asked && !panicked {
                    self.start(&name)?;
                    return Ok(None);
                }
                seat.state = State::Crashed;
                let pause = seat.deaths.next(LONGEST, fastrand::f64());
                seat.revival = Some(Instant::now() + pause);
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

    /// When the next thread that died is to be started again.
    pub(super) fn next_revival(&self) -> Option<Instant> {
        self.seats.values().filter_map(|seat| seat.revival).min()
    }

    /// Starts again what is due.
    ///
    /// # Errors
    /// Where the machine gives no thread or no file descriptor.
    pub(super) fn revive(&mut self, now: Instant) -> io::Result<()> {
        let due = |seat: &Seat| seat.revival.is_some_and(|revival| revival <= now);
        let names: Vec<_> =
            self.seats.iter().filter(|(_, seat)| due(seat)).map(|(name, _)| name.clone()).collect();
        names.iter().try_for_each(|name| self.start(name))
    }

    /// Asks everyone to look whether their line still lives.
    pub(super) fn probe(&self) {
        self.seats.values().filter_map(|seat| seat.running.as_ref()).for_each(|running| running.stop.probe());
    }

    /// Those who should have spoken by now: their threads hang.
    pub(super) fn overdue(&self, now: Instant) -> Vec<&AccountName> {
        let hangs = |running: &Running| running.stop.speaks_by().is_some_and(|by| by + LULL < now);
        let is_overdue = |seat: &Seat| seat.running.as_ref().is_some_and(hangs);
        self.seats.iter().filter(|(_, seat)| is_overdue(seat)).map(|(name, _)| name).collect()
    }

    /// Asks everyone to stop, for good.
    pub(super) fn stop(&mut self) {
        for seat in self.seats.values_mut() {
            seat.wanted = None;
            seat.revival = None;
            if let Some(running) = &seat.running {
                running.stop.stop();
            }
        }
    }

    /// Those whose threads are not over yet.
    pub(super) fn running(&self) -> Vec<&AccountName> {
        self.seats.iter().filter(|(_, seat)| seat.running.is_some()).map(|(name, _)| name).collect()
    }

    /// How each account is.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, &State)> {
        self.seats.iter().map(|(name, seat)| (name.as_str(), &seat.state))
    }

    /// Starts the thread of a seat, or takes the seat away where nobody is wanted on it.
    fn start(&mut self, name: &AccountName) -> io::Result<()> {
        let Some(seat) = self.seats.get_mut(name) else { return Ok(()) };
        seat.revival = None;
        let Some(account) = seat.wanted.clone() else {
            self.seats.remove(name);
            return Ok(());
        };
        seat.state = State::Connecting;
        self.started += 1;
        let number = self.started;
        let stop = Stop::new()?;
        stop.speak_by(Instant::now());
        let started = Instant::now();
        seat.running = Some(Running { number, account: account.clone(), stop: stop.clone(), started });
        let before = self.settings.accounts.iter().take_while(|other| other.name != account.name);
        let ahead = before.filter(|other| other.host == account.host).count();
        let voice = Voice { number, news: self.news.clone() };
        let watcher = Watcher {
            account,
            settings: Arc::clone(&self.settings),
            reading: self.reading.clone(),
            turn: APART * u32::try_from(ahead).unwrap_or(QUEUE).min(QUEUE),
            stop,
            proven: self.proven.clone(),
        };
        let name = name.clone();
        thread::Builder::new().name(name.to_string()).spawn(move || {
            let _span = info_span!("account", account = %name).entered();
            watcher.run(&voice);
        })?;
        Ok(())
    }
}

impl Seat {
    fn empty() -> Self {
        Self {
            wanted: None,
            running: None,
            revival: None,
            deaths: Backoff::default(),
            state: State::Connecting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rulebook;
    use crate::settings::{self, Environment};

    #[test]
    fn a_thread_that_panics_is_started_again_after_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("followsift.toml");
        // Nothing listens there.
        let account =
            "host = \"127.0.0.1\"\nport = 1\ntls = \"off\"\nuser = \"ann\"\npassword-command = [\"true\"]";
        let text = format!("state = \"{}\"\n[accounts.home]\n{account}\n", folder.path().display());
        std::fs::write(&file, text).unwrap();
        let (settings, findings) = settings::load(Some(&file), &Environment::of([]));
        let settings = Arc::new(settings.unwrap_or_else(|| panic!("{findings:?}")));
        let reading = rulebook::read(Some(&settings)).0.unwrap();
        let (_readings, reading) = watch::channel(Arc::new(reading));
        let (mut fleet, mut heard) = Fleet::launch(settings, reading).unwrap();

        // As the thread of the account would, had it panicked.
        let voice = Voice { number: 1, news: fleet.news.clone() };
        let panicked = thread::spawn(move || {
            let _voice = voice;
            panic!("a panic of this test");
        });
        assert!(panicked.join().is_err());
        let died = loop {
            let news = heard.blocking_recv().unwrap();
            if let What::Over { panicked } = news.what {
                assert!(panicked);
                break news;
            }
        };
        fleet.hear(died).unwrap();
        assert!(fleet.states().all(|(_, state)| *state == State::Dead) && fleet.running().is_empty());

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

//! One session of a watched account, from the connection to its end: sweep, wait, and again. Called by `watcher`, whose account and
//! settings it works with.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{Span, debug, info, info_span, warn};

use super::events::log;
use super::hooks::Notice;
use super::idle_policy::Slowdown;
use super::log::kind;
use super::orders::{Order, Work};
use super::thread_event::EventSender;
use super::watcher::{End, Watcher};
use super::watcher_state::WatcherState;
use crate::clock;
use crate::control::Answer;
use crate::login::Login;
use crate::lookup;
use crate::mailbox::{Connector, Fate, Session, Step, Woken};
use crate::report::hook::Cause;
use crate::report::state::{self, State};
use crate::report::sweep::sentence;
use crate::report::{self, Chain, drift, remains};
use crate::sweep::{
    AccountFault, Digest, News, Resting, Scope, Sweeper, Swept, Tally, connect_with, read_login,
};

/// How long until the renewal of an access token is tried again, while the connection works.
const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// What an account keeps while it waits. Boxed, since it is large, and what the stack of a thread has once held stays in memory.
struct Held<'a> {
    session: Session,
    resting: Resting<'a>,
}

impl Held<'_> {
    fn leave(self: Box<Self>) {
        // The session is over either way; a server that does not say goodbye loses nothing.
        let _ = self.session.logout();
    }
}

/// What came of a turn of work.
struct Turn<'a> {
    held: Box<Held<'a>>,
    tally: Tally,
    /// A look-up had an answer, or a command wanted something.
    answered: bool,
}

/// What there is to wait for.
enum Wait {
    /// Nothing: it is as if this had woken it.
    Over(Woken),
    /// For this moment; the first folder cannot be opened.
    ForStop(Instant),
    /// For new messages, until this moment.
    ForMail(Instant),
}

impl Watcher {
    /// One session, from the connection to its end.
    pub(super) fn live(&self, learned: &mut WatcherState, events: &EventSender) -> Result<End, AccountFault> {
        self.stop.speak_by(Instant::now());
        let (mut held, mut renewal) = self.apart(|| self.begin(learned, events))?;
        // On a full disk, a connection works and the first sweep does not: again and again, and that is said once.
        if !learned.blocked {
            self.announce(events);
        }
        let mut last_wait = None;
        let mut slowdown = Slowdown::default();
        let mut left = None;
        loop {
            let done = self.apart(|| self.take_turn(held, learned, (&mut left, events)))?;
            let Some(done) = done else { return Ok(End::Halted) };
            held = done.held;
            learned.works_since.get_or_insert_with(Instant::now);
            if let Some((woken, waited)) = last_wait {
                let found = done.tally.looked_at > 0;
                learned.policy.ended(woken, waited, found);
                // An answer concerns a message that had been looked at before.
                let pause = slowdown.pause_after(woken, waited, found || done.answered, self.account.poll);
                if slowdown.begins() {
                    info!("{}", state::woken_in_vain(pause, self.account.poll));
                }
                match self.hold(pause) {
                    Woken::Stop => {
                        held.leave();
                        return Ok(End::Stopped);
                    }
                    Woken::Probe => {
                        last_wait = Some((Woken::Probe, Duration::ZERO));
                        continue;
                    }
                    Woken::Mail | Woken::Due => {}
                }
            }
            if renewal.is_some_and(|due_at| due_at <= Instant::now()) {
                renewal = self.apart(|| self.renew_token())?;
            }
            let begun = Instant::now();
            let troubled = done.tally.troubles > 0;
            let planned = self.apart(|| {
                let Held { mut session, resting } = *held;
                let sweeper = resting.resume()?;
                let wait = self.what_to_wait_for(&mut session, &sweeper, learned, (troubled, renewal))?;
                Ok((Box::new(Held { session, resting: sweeper.rest() }), wait))
            });
            let waited = planned.and_then(|(mut held, wait)| {
                let woken = self.wait(&mut held.session, learned, wait)?;
                Ok((held, woken))
            });
            let woken = match waited {
                Ok((at_rest, woken)) => {
                    held = at_rest;
                    woken
                }
                Err(fault) => {
                    self.learn(&fault, begun.elapsed(), learned);
                    return Err(fault);
                }
            };
            if woken == Woken::Stop {
                held.leave();
                return Ok(End::Stopped);
            }
            last_wait = Some((woken, begun.elapsed()));
        }
    }

    /// Works on a thread that ends with the work: its stack, and what the allocator and OpenSSL keep for each thread, would stay with the
    /// thread that waits, which needs none of it for hours. A panic goes on here.
    pub(super) fn apart<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, AccountFault> + Send,
    ) -> Result<T, AccountFault> {
        let span = Span::current();
        thread::scope(|scope| {
            let name = self.account.name.to_string();
            let worker = thread::Builder::new().name(name).spawn_scoped(scope, || span.in_scope(work));
            worker.map_err(AccountFault::Machine)?.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Takes the account's locks, looks at the ledger, and connects. Returns when the access token is to be renewed, too.
    fn begin(
        &self,
        learned: &mut WatcherState,
        events: &EventSender,
    ) -> Result<(Box<Held<'_>>, Option<Instant>), AccountFault> {
        let mut sweeper = Sweeper::begin_with(&self.account, &self.settings, &self.ledgers)?;
        let (answered, name, counts) = (events.on_answer(), self.account.name.clone(), self.counts.clone());
        let tell = move |news| {
            let _span = info_span!("account", account = %name).entered();
            match news {
                lookup::News::Answered => {
                    counts.looked_up(true);
                    answered();
                }
                lookup::News::Failed { server, fault, until } => {
                    counts.looked_up(false);
                    warn!("{}", report::lookup::failed(&server, &fault, until));
                }
                lookup::News::Over(stuck) => warn!("look-ups have stopped: {}", Chain(&stuck)),
            }
        };
        sweeper.open_desk(tell).map_err(AccountFault::Machine)?;
        sweeper.require_whole()?;
        let resting = sweeper.rest();
        let mut login = read_login(&self.account, &self.settings, &self.stop)?;
        let digest = login.digest(&self.account);
        learned.has_worked = self.proven.has(digest);
        // First, since a file of authorities that cannot be used is no fault of the server's.
        let connector = Connector::of(&self.account)?;
        let mut connector = || Ok(connector.clone());
        let session = connect_with(&self.account, &self.settings, &mut connector, &mut login, &self.stop)?;
        let renewal = due(&login);
        // Wipes the password or token, which is not needed any more.
        drop(login);
        self.proven.note(digest);
        learned.refusals.reset();
        learned.rhythm.connected();
        Ok((Box::new(Held { session, resting }), renewal))
    }

    fn announce(&self, events: &EventSender) {
        info!(message_id = kind::CONNECTED, server = %self.account.host, "{}", state::CONNECTED);
        events.state(State::Watching);
    }

    /// Does what a command wants, if one does, looks through what is new, and reports how that went; `None`, and the session is over,
    /// where the user has paused the account. `left` is what the last sweep of this session left undone.
    fn take_turn<'a>(
        &self,
        held: Box<Held<'a>>,
        learned: &mut WatcherState,
        (left, events): (&mut Option<String>, &EventSender),
    ) -> Result<Option<Turn<'a>>, AccountFault> {
        let Held { session, resting } = *held;
        let mut sweeper = resting.resume()?;
        if sweeper.paused_until()?.is_some() {
            let _ = session.logout();
            return Ok(None);
        }
        let order = self.orders.take();
        let answered = self.answered.swap(false, Ordering::SeqCst) || order.is_some();
        let done = self.work(session, &mut sweeper, learned, (order.as_ref(), events));
        if let (Err(fault), Some(order)) = (&done, &order) {
            order.caller.answer(Answer::Refused(Chain(fault).to_string()));
        }
        let (session, tally) = done?;
        learned.trouble = None;
        if std::mem::take(&mut learned.blocked) {
            self.announce(events);
        }
        events.swept();
        if *left != learned.left {
            left.clone_from(&learned.left);
            events.state(left.clone().map_or(State::Watching, |left| State::Hindered { left }));
        }
        self.log_drift(&sweeper, learned, events)?;
        let held = Box::new(Held { session, resting: sweeper.rest() });
        Ok(Some(Turn { held, tally, answered }))
    }

    /// Renews the access token, which is due; returns when the next one is. This connection needs no new token, but a provider ends a
    /// grant that is not used for long enough, and the next connection finds a token that is good. A provider that is out of order for
    /// a while changes nothing; a grant that was revoked ends the session.
    fn renew_token(&self) -> Result<Option<Instant>, AccountFault> {
        match read_login(&self.account, &self.settings, &self.stop) {
            Ok(login) => Ok(due(&login)),
            Err(fault) if fault.fate() == Fate::Park => Err(fault),
            Err(fault) => {
                let trouble = Chain(&fault).to_string();
                let pause = RENEWAL.max(fault.retry_after().unwrap_or_default());
                debug!(
                    trouble,
                    "the access token could not be renewed; trying again in {} s",
                    pause.as_secs()
                );
                Ok(Some(Instant::now() + pause))
            }
        }
    }

    /// Pauses after fruitless wakes. Only the answer of a look-up or an order ends the pause early, or a stop. Another probe does not, since
    /// probes may be those wakes; the next command shows whether the connection still works.
    fn hold(&self, pause: Duration) -> Woken {
        let until = Instant::now() + pause;
        while !pause.is_zero() {
            match self.stop.wait(until) {
                Woken::Probe if !self.answered.load(Ordering::SeqCst) && self.orders.are_none() => {}
                woken => return woken,
            }
        }
        Woken::Due
    }

    /// Learns from a connection that was cut while it was waited on.
    fn learn(&self, fault: &AccountFault, waited: Duration, learned: &mut WatcherState) {
        let silent = matches!(fault, AccountFault::Mailbox(fault) if fault.doing == Step::Wait)
            && fault.is_of_network()
            && !learned.rhythm.keeps_alive();
        if silent && learned.policy.died(waited) {
            let renewal = humantime::format_duration(learned.policy.next(true)).to_string();
            info!(renewal, "{}", state::IDLE_CUT);
        }
    }

    /// Does what a command wants, if one does, and looks through what is new.
    fn work(
        &self,
        mut session: Session,
        sweeper: &mut Sweeper<'_>,
        learned: &mut WatcherState,
        (order, events): (Option<&Order>, &EventSender),
    ) -> Result<(Session, Tally), AccountFault> {
        let Some(order) = order else {
            return self.sweep(session, sweeper, learned, Scope::New, (None, events));
        };
        match &order.work {
            Work::Sweep { since, lookup } => {
                let scope = since.map_or(Scope::New, Scope::Since);
                sweeper.ask_about_old(*lookup);
                let swept = self.sweep(session, sweeper, learned, scope, (Some(order), events));
                sweeper.ask_about_old(false);
                swept
            }
            Work::Restore(wanted) => {
                let mut tell = |news: News| {
                    order.tell(&news);
                    let _ = log(&news, &learned.folders);
                };
                let (healthy, done) = sweeper.restore(session, wanted, &mut tell)?;
                session = healthy;
                let sums = report::restore::sums(&self.account.name, &done, wanted.learns);
                info!("{sums}");
                order.caller.answer(Answer::Text(format!("{sums}\n")));
                order.caller.answer(Answer::Done(done.left > 0));
                self.sweep(session, sweeper, learned, Scope::New, (None, events))
            }
        }
    }

    /// Looks through what is new, or what a command wants. A trouble with a folder is logged once, while it lasts.
    fn sweep(
        &self,
        session: Session,
        sweeper: &mut Sweeper<'_>,
        learned: &mut WatcherState,
        scope: Scope,
        (order, events): (Option<&Order>, &EventSender),
    ) -> Result<(Session, Tally), AccountFault> {
        let files = Arc::clone(&self.rule_files.borrow());
        let mut troubles = BTreeSet::new();
        let mut tell = |news: News| {
            self.counts.news(&self.account.name, &news, scope, clock::now());
            if let Some(order) = order {
                order.tell(&news);
            }
            if let Some(notice) = learned.told.notice(&news, scope, || sentence(&news)) {
                events.notice(notice);
            }
            troubles.extend(log(&news, &learned.folders));
        };
        sweeper.beware(std::mem::take(&mut learned.suspects));
        sweeper.go_on(learned.torn.take());
        let swept = sweeper.run(session, &files, scope, &mut tell);
        learned.suspects = sweeper.suspects().clone();
        learned.torn = sweeper.begun().filter(|_| swept.is_err());
        let (session, swept) = swept?;
        self.counts.swept(&self.account.name, &swept);
        if let Some(order) = order {
            let sums = report::sweep::sums(&swept, !self.account.act);
            order.caller.answer(Answer::Text(format!("\n{sums}\n")));
            order.caller.answer(Answer::Done(swept.remains.is_work_left()));
        }
        let Swept { tally, remains } = swept;
        let write = |digest: &Digest<'_>| report::digest::message(digest, &files.networks());
        let session = sweeper.send_digest(session, &write, &mut tell)?;
        learned.folders = troubles;
        let left = remains::in_words(&remains);
        if let Some(why) = left.as_ref().filter(|left| learned.left.as_ref() != Some(left)) {
            warn!(message_id = kind::REMAINS, why, "left undone: {why}");
        }
        learned.left = left;
        debug!(looked_at = tally.looked_at, moved = tally.moved, turns = tally.turns, "swept");
        Ok((session, tally))
    }

    /// Logs once a week, and at the start, the networks whose messages of the last week could not be read: layouts change
    /// without notice.
    fn log_drift(
        &self,
        sweeper: &Sweeper<'_>,
        learned: &mut WatcherState,
        events: &EventSender,
    ) -> Result<(), AccountFault> {
        let now = clock::now();
        let week_ago = now.before(drift::SPAN);
        if learned.drift_logged.is_some_and(|at| at > week_ago) {
            return Ok(());
        }
        learned.drift_logged = Some(now);
        let sentences = drift::sentences(&sweeper.incomplete(week_ago)?);
        for sentence in &sentences {
            warn!(message_id = kind::DRIFT, "{sentence}");
        }
        if !sentences.is_empty() {
            events.notice(Notice::Trouble(Cause::Drift, sentences.join("; ")));
        }
        Ok(())
    }

    /// What to wait for after a sweep: new messages in the first folder; the others are looked at when the poll is due.
    fn what_to_wait_for(
        &self,
        session: &mut Session,
        sweeper: &Sweeper<'_>,
        learned: &WatcherState,
        (troubled, renewal): (bool, Option<Instant>),
    ) -> Result<Wait, AccountFault> {
        let Some(folder) = self.account.folders.first() else { return Ok(Wait::Over(Woken::Stop)) };
        let poll = Instant::now() + self.account.poll;
        let opened = match session.stay_in(folder) {
            // The sweep has reported it, or will; the other folders are looked at when the poll is due.
            Err(fault) if fault.fate() == Fate::Leave => return Ok(Wait::ForStop(poll)),
            Err(fault)
                if fault.is_refused_folder() && self.account.folders.len() > 1 && !session.is_spent() =>
            {
                return Ok(Wait::ForStop(poll));
            }
            opened => opened?,
        };
        // What came while the sweep was in another folder would not be announced again.
        if opened.exists > 0 && !troubled && sweeper.is_behind(session, &opened)? {
            return Ok(Wait::Over(Woken::Mail));
        }
        let until = Instant::now() + learned.policy.next(session.capabilities().idle);
        // No server announces the messages that wait for the fuse, or for the server to change its mind.
        let waits = troubled || sweeper.waits()?;
        let until = if waits { until.min(poll) } else { until };
        let due = sweeper.next_due()?.into_iter().chain(sweeper.until_digest());
        let due = due.map(|pause| Instant::now() + pause);
        Ok(Wait::ForMail(renewal.into_iter().chain(due).fold(until, Instant::min)))
    }

    /// Waits. The ledger is not needed for it.
    fn wait(
        &self,
        session: &mut Session,
        learned: &mut WatcherState,
        wait: Wait,
    ) -> Result<Woken, AccountFault> {
        let until = match wait {
            Wait::Over(woken) => return Ok(woken),
            Wait::ForStop(until) => return Ok(self.stop.wait(until)),
            Wait::ForMail(until) => until,
        };
        learned.rhythm.begins();
        let woken = session.wait(until, &mut |at| learned.rhythm.heard(at))?;
        if woken == Woken::Due {
            learned.rhythm.ended(until);
        }
        Ok(woken)
    }
}

/// When the token of a login is to be renewed.
fn due(login: &Login) -> Option<Instant> {
    login.renewal().map(|time| Instant::now() + time)
}

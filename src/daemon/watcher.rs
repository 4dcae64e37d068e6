//! One account, watched by a thread of its own: connect, sweep, wait, and again; until told to stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use super::backoff::{Backoff, LONGEST, Refusals, UNREACHED};
use super::fleet::Voice;
use super::idle_policy::{IdlePolicy, Restraint};
use super::log::kind;
use super::proven::Proven;
use super::state::State;
use crate::clock;
use crate::clock::Timestamp;
use crate::ledger::{Ledger, Limit};
use crate::mail::Recognition;
use crate::mailbox::{Fate, Session, Step, Stop, Woken};
use crate::report::{self, Chain, drift, remains};
use crate::rulebook::{Reading, Sent};
use crate::rules::VerdictName;
use crate::settings::{Account, Settings};
use crate::sweep::{
    self, AccountFault, Dealt, End, Memory, News, Remains, Scope, Stale, Sweep, Tally, connect_with, lock,
    read_login,
};

/// How long an account whose owner has to do something is left alone before it is looked at again.
const PARKED: Duration = Duration::from_secs(60 * 60);

/// How long until a thread of ours that was told to end has given its lock up.
const SOON: Duration = Duration::from_millis(500);

/// What a watcher thread is given.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) account: Account,
    pub(super) settings: Arc<Settings>,
    pub(super) reading: watch::Receiver<Arc<Reading>>,
    /// How long others of the same host go first.
    pub(super) turn: Duration,
    pub(super) stop: Stop,
    pub(super) proven: Proven,
}

/// What a watcher has learned, from one session to the next.
struct Learned {
    backoff: Backoff,
    refusals: Refusals,
    /// Has the login that was tried last worked before?
    has_worked: bool,
    /// When the first sweep of the session ended.
    works_since: Option<Instant>,
    policy: IdlePolicy,
    /// The trouble that was last told of, while it lasts.
    trouble: Option<String>,
    /// The troubles with folders that the last sweep had.
    folders: BTreeSet<String>,
    /// The list files whose copies the ledger has.
    kept: Option<Arc<Reading>>,
    /// What the last sweep left undone.
    left: Option<String>,
    /// When it was last told which networks' mails could not be read.
    drift_told: Option<Timestamp>,
    /// The ledger was looked through for damage: once, not at every connection.
    whole: bool,
}

impl Watcher {
    /// Watches the account until told to stop. Never returns otherwise.
    pub(super) fn run(self, voice: &Voice) {
        let policy = IdlePolicy::new(&self.account);
        let mut learned = Learned {
            backoff: Backoff::default(),
            refusals: Refusals::default(),
            has_worked: false,
            works_since: None,
            policy,
            trouble: None,
            folders: BTreeSet::new(),
            kept: None,
            left: None,
            drift_told: None,
            whole: false,
        };
        let mut woken = self.stop.wait(Instant::now() + self.turn);
        while woken != Woken::Stop {
            voice.tell(State::Connecting);
            let fault = match self.live(&mut learned, voice) {
                Ok(()) => return,
                // Whatever else went wrong on the way out, it is over.
                Err(_) if self.stop.is_stopped() => return,
                Err(fault) => fault,
            };
            if let Some(since) = learned.works_since.take() {
                learned.backoff.worked(since.elapsed());
            }
            woken = self.pause(&fault, &mut learned, voice);
        }
    }

    /// Tells of a fault, and waits for as long as it takes.
    fn pause(&self, fault: &AccountFault, learned: &mut Learned, voice: &Voice) -> Woken {
        let mut trouble = Chain(fault).to_string();
        if let Some(advice) = fault.advice() {
            trouble = format!("{trouble}; {advice}");
        }
        if fault.is_held_by_us() {
            return self.stop.wait(Instant::now() + SOON);
        }
        let known = learned.trouble.as_ref() == Some(&trouble);
        learned.trouble = Some(trouble.clone());
        let again = if fault.is_refused_login() { learned.refusals.next(learned.has_worked) } else { None };
        let parked = fault.fate() == Fate::Park && again.is_none();
        let pause = if parked {
            error!(message_id = kind::PARKED, trouble, "parked until you act: {trouble}");
            voice.tell(State::Parked { trouble });
            PARKED
        } else if fault.is_local() {
            // To look again costs nobody anything.
            let pause = learned.backoff.next(UNREACHED, fastrand::f64());
            let seconds = pause.as_secs();
            if known {
                debug!(trouble, "still cannot work; trying again in {seconds} s");
            } else {
                error!(message_id = kind::BLOCKED, trouble, "cannot work: {trouble}");
            }
            voice.tell(State::Blocked { trouble });
            pause
        } else {
            let longest = if fault.is_of_network() { UNREACHED } else { LONGEST };
            let pause = again.unwrap_or_else(|| learned.backoff.next(longest, fastrand::f64()));
            let seconds = pause.as_secs();
            if known {
                debug!(trouble, "again; connecting in {seconds} s");
            } else {
                warn!(message_id = kind::AWAY, trouble, "connecting again in {seconds} s: {trouble}");
            }
            voice.tell(State::Away { trouble });
            pause
        };
        let until = Instant::now() + pause;
        loop {
            match self.stop.wait(until) {
                // Another network does not mend a wrong password, nor a server that refuses.
                Woken::Probe if !fault.is_of_network() => {}
                Woken::Probe => {
                    learned.backoff.reset();
                    return self.stop.wait(Instant::now() + self.turn);
                }
                woken => return woken,
            }
        }
    }

    /// One session, from the connection to its end; `Ok` is an orderly stop.
    fn live(&self, learned: &mut Learned, voice: &Voice) -> Result<(), AccountFault> {
        self.stop.speak_by(Instant::now());
        let lock = lock(&self.account, &self.settings)?;
        let mut ledger = Ledger::open(&self.settings.state)?;
        if !learned.whole {
            ledger.require_whole()?;
            learned.whole = true;
        }
        let login = read_login(&self.account, &self.settings, &self.stop)?;
        let digest = login.digest(&self.account);
        learned.has_worked = self.proven.has(digest);
        let mut session = connect_with(&self.account, &login, &self.stop)?;
        // Wipes the password, which is not needed any more.
        drop(login);
        self.proven.note(digest);
        learned.refusals.reset();
        info!(message_id = kind::CONNECTED, server = %self.account.host, "connected");
        learned.trouble = None;
        voice.tell(State::Watching);
        let mut last_wait = None;
        let mut restraint = Restraint::default();
        let mut left = None;
        loop {
            lock.confirm()?;
            let (healthy, tally) = self.sweep(session, &mut ledger, learned)?;
            session = healthy;
            if left != learned.left {
                left.clone_from(&learned.left);
                voice.tell(left.clone().map_or(State::Watching, |left| State::Hindered { left }));
            }
            self.tell_of_drift(&ledger, learned)?;
            learned.works_since.get_or_insert_with(Instant::now);
            if let Some((woken, waited)) = last_wait {
                let found = tally.looked_at > 0;
                learned.policy.ended(woken, waited, found);
                let pause = restraint.pause_after(woken, waited, found, self.account.poll);
                if restraint.begins() {
                    info!(
                        "woken again and again although there is nothing new; the next look is in {} s, and each \
                         further one later, up to {} s",
                        pause.as_secs(),
                        self.account.poll.as_secs()
                    );
                }
                if self.hold(pause) == Woken::Stop {
                    let _ = session.logout();
                    return Ok(());
                }
            }
            let begun = Instant::now();
            let woken = match self.wait(&mut session, &ledger, &learned.policy, tally.troubles > 0) {
                Ok(woken) => woken,
                Err(fault) => {
                    self.learn(&fault, begun.elapsed(), learned);
                    return Err(fault);
                }
            };
            if woken == Woken::Stop {
                // The session is over either way; a server that does not say goodbye loses nothing.
                let _ = session.logout();
                return Ok(());
            }
            last_wait = Some((woken, begun.elapsed()));
        }
    }

    /// Pauses after fruitless wakes. A probe does not end the pause, since probes may be those wakes; the next command shows
    /// whether the line still lives.
    fn hold(&self, pause: Duration) -> Woken {
        let until = Instant::now() + pause;
        while !pause.is_zero() {
            match self.stop.wait(until) {
                Woken::Probe => {}
                woken => return woken,
            }
        }
        Woken::Due
    }

    /// What a line that died while it was waited on teaches.
    fn learn(&self, fault: &AccountFault, waited: Duration, learned: &mut Learned) {
        let silent = matches!(fault, AccountFault::Mailbox(fault) if fault.doing == Step::Wait)
            && fault.is_of_network();
        if silent && learned.policy.died(waited) {
            let renewal = humantime::format_duration(learned.policy.next(true)).to_string();
            info!(renewal, "lines die of silence here; waiting is renewed sooner");
        }
    }

    /// Looks through the new mail. A trouble with a folder is told once, while it lasts.
    fn sweep(
        &self,
        session: Session,
        ledger: &mut Ledger,
        learned: &mut Learned,
    ) -> Result<(Session, Tally), AccountFault> {
        let reading = Arc::clone(&self.reading.borrow());
        if !learned.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &reading)) {
            reading.lists().keep(ledger, clock::now())?;
            learned.kept = Some(Arc::clone(&reading));
        }
        let mut troubles = BTreeSet::new();
        let (session, sent) = self.sent(session, ledger, &reading, &learned.folders, &mut troubles)?;
        let rulebook = reading.rulebook_of(&self.account, &sent);
        let work =
            Sweep { account: &self.account, rulebook: &rulebook, scope: Scope::New, now: clock::now() };
        let mut uncertain = 0;
        let mut tell = |news: News| match news {
            News::Mail(dealt) => tell_of_mail(&dealt),
            News::Progress { folder, looked_at, part } => {
                info!(%folder, looked_at, percent = (part * 100.0) as u32, "looking through a folder");
            }
            News::Trouble { folder, words, folders } => {
                let trouble = report::text::trouble(&folder, &words, &folders);
                if learned.folders.contains(&trouble) {
                    debug!(%folder, trouble, "a folder is still in trouble");
                } else {
                    warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}; the other folders are looked through");
                }
                troubles.insert(trouble);
            }
            News::Unshown { folder, uids } => {
                let uids: Vec<u32> = uids.iter().map(|uid| uid.0).collect();
                let trouble = report::text::unshown(&folder, &uids);
                warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}");
            }
            News::Restored { folder } => {
                let trouble = report::text::restored(&folder);
                warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}");
            }
            News::Uncertain { mail } => {
                uncertain += 1;
                let trouble = report::text::uncertain(&mail);
                warn!(message_id = kind::LEFT, folder = %mail.folder, uid = mail.uid.0, trouble, "{trouble}");
            }
            News::TooMany { messages } => {
                let trouble = report::text::too_many(messages);
                warn!(message_id = kind::PUT_BACK, messages, trouble, "{trouble}");
            }
            News::HeldBack { mails, by, most } => {
                let why = report::text::held_back(mails, by == Limit::Change, most);
                warn!(
                    message_id = kind::HELD_BACK,
                    mails, why, "{why}; `followsift resume` lets them through"
                );
            }
        };
        let (session, tally) = sweep::sweep(session, work, &mut Memory::Kept(ledger), &mut tell)?;
        learned.folders = troubles;
        let ledger = self.account.act.then_some(&*ledger);
        let folders = learned.folders.len();
        let remains =
            Remains { folders, uncertain, ..sweep::remains(&self.account, ledger, &rulebook, &tally)? };
        let left = remains::in_words(&remains);
        if let Some(why) = left.as_ref().filter(|left| learned.left.as_ref() != Some(left)) {
            warn!(message_id = kind::REMAINS, why, "left undone: {why}");
        }
        learned.left = left;
        debug!(looked_at = tally.looked_at, moved = tally.moved, turns = tally.turns, "swept");
        Ok((session, tally))
    }

    /// Tells once a week, and at the start, of networks whose mails of the last week could not be read: layouts change
    /// without notice.
    fn tell_of_drift(&self, ledger: &Ledger, learned: &mut Learned) -> Result<(), AccountFault> {
        let now = clock::now();
        let week_ago = now.before(drift::SPAN);
        if learned.drift_told.is_some_and(|told| told > week_ago) {
            return Ok(());
        }
        learned.drift_told = Some(now);
        for sentence in drift::sentences(&ledger.unread(&self.account.name, week_ago)?) {
            warn!(message_id = kind::DRIFT, "{sentence}");
        }
        Ok(())
    }

    /// The people written to, read anew if that is long ago. A trouble with a folder is told once, while it lasts.
    fn sent(
        &self,
        mut session: Session,
        ledger: &mut Ledger,
        reading: &Reading,
        known: &BTreeSet<String>,
        troubles: &mut BTreeSet<String>,
    ) -> Result<(Session, Sent), AccountFault> {
        let sources = reading.sent_folders();
        let may_be_empty = |source: &_| reading.may_be_empty(source);
        let now = clock::now();
        let stale = sweep::refresh_sent(&mut session, ledger, &self.account, &sources, &may_be_empty, now)?;
        for Stale { folder, doubt } in stale {
            let folders = if doubt.is_some() { Vec::new() } else { session.folders_now()? };
            let trouble = report::text::trouble(&folder, &report::text::sent_words(doubt), &folders);
            if !known.contains(&trouble) {
                warn!(message_id = kind::FOLDER, %folder, trouble, "{trouble}; the other folders are looked through");
            }
            troubles.insert(trouble);
        }
        Ok((session, sweep::sent_people(ledger, &self.account, &sources)?))
    }

    /// Waits for new mail in the first folder; the others are looked at when the poll is due.
    fn wait(
        &self,
        session: &mut Session,
        ledger: &Ledger,
        policy: &IdlePolicy,
        troubled: bool,
    ) -> Result<Woken, AccountFault> {
        let Some(folder) = self.account.folders.first() else { return Ok(Woken::Stop) };
        let poll = Instant::now() + self.account.poll;
        let opened = match session.select(folder) {
            // The sweep has told of it; the other folders are looked at when the poll is due.
            Err(fault) if fault.fate() == Fate::Leave => return Ok(self.stop.wait(poll)),
            opened => opened?,
        };
        let dealt_with = ledger.cursor(&self.account.name, folder)?;
        let behind = dealt_with
            .is_none_or(|it| it.validity != opened.validity || opened.next.is_some_and(|n| n != it.next));
        // What came while the sweep was in another folder would not be announced again.
        if behind && opened.exists > 0 && !troubled {
            return Ok(Woken::Mail);
        }
        let until = Instant::now() + policy.next(session.capabilities().idle);
        // Mails that wait for the fuse or for a server to change its mind are announced by nobody.
        let waits = troubled || ledger.waits(&self.account.name)?;
        Ok(session.wait(if waits { until.min(poll) } else { until })?)
    }
}

/// A mail that was dealt with, as an event. Handles and rule names may be logged; bodies and addresses never.
fn tell_of_mail(dealt: &Dealt) {
    let Dealt { mail, message_id, assessment, end, .. } = dealt;
    let (uid, folder) = (mail.uid.0, &mail.folder);
    let mail_id = message_id.as_deref().unwrap_or_default();
    let (network, follower) = match &assessment.recognition {
        Recognition::Recognised(notification) => {
            let people: Vec<_> = notification.followers.iter().map(report::text::handle).collect();
            (notification.network.as_str(), people.join(", "))
        }
        Recognition::Incomplete { network, missing } => {
            let missing: Vec<_> = missing.iter().map(|fact| fact.word()).collect();
            let missing = missing.join(" ");
            warn!(
                message_id = kind::INCOMPLETE, %folder, uid, mail_id, network = network.as_str(), missing,
                "a message seems to be about a follower, but cannot be read"
            );
            return;
        }
        Recognition::TooCostly => {
            warn!(
                message_id = kind::INCOMPLETE, %folder, uid, mail_id,
                "a message costs too much to read, which no notification does; it stays"
            );
            return;
        }
        Recognition::Foreign if *end == End::Failed => {
            error!(%folder, uid, mail_id, "a message could not be assessed, by a fault of followsift; it stays");
            return;
        }
        Recognition::Foreign if *end == End::Deadly => {
            error!(%folder, uid, mail_id, "a message was left unread, since followsift ended twice while it read it");
            return;
        }
        Recognition::Foreign => return,
    };
    let verdict = VerdictName::word(assessment.class.as_ref());
    let rules: Vec<_> =
        assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons).map(|it| it.rule.as_str()).collect();
    let rule = rules.join(", ");
    let by = if rule.is_empty() { String::new() } else { format!(" by \"{rule}\"") };
    macro_rules! event {
        ($level:ident, $kind:expr, $text:literal $(, $($more:tt)+)?) => {
            // Whoever reads the journal as it is shows sees the message alone.
            $level!(
                message_id = $kind, %folder, uid, mail_id, network, follower, verdict, rule, $($($more)+,)?
                "{}: {network} {follower}, {verdict}{by}", format_args!($text)
            )
        };
    }
    match end {
        End::Moved { to, unkept, .. } if unkept.is_empty() => {
            event!(info, kind::MOVED, "message moved to {to}", %to)
        }
        End::Moved { to, unkept, .. } => {
            let unkept = unkept.join(" ");
            event!(warn, kind::MOVED, "message moved to {to}, which does not keep all of its keywords", %to, unkept)
        }
        End::Waits => event!(info, kind::HELD_BACK, "message waits for the fuse"),
        End::Marked => event!(info, kind::MARKED, "message marked"),
        End::Observed => event!(info, kind::OBSERVED, "message would be filed; only looking"),
        End::Kept(stay) => event!(info, kind::PUT_BACK, "message stays ({stay})", why = %stay),
        End::Unshown => event!(warn, kind::LEFT, "message stays for now, since the server does not show it"),
        End::Left(why) => event!(warn, kind::LEFT, "message could not be moved, and stays ({why})", why),
        End::Gone => event!(info, kind::GONE, "message was gone before it could be moved"),
        End::Stays | End::Failed | End::Deadly => event!(debug, kind::STAYS, "message stays"),
    }
}

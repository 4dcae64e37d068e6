//! Questions that a command asks at once and waits for: `explain --lookup` and dry runs, which write nothing. Each follower is asked
//! about once, questions to one server are a second apart, and a server that did not answer, or that wants a longer pause, is asked
//! nothing more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Asker, Heard, LookupFault, Unasked};
use crate::clock::{self, Timestamp};
use crate::host::HostName;
use crate::ledger::{Answer, Ledger, Question, Reply};
use crate::mail::{FollowerKey, Network};
use crate::settings::Account;
use crate::web::WebFault;

/// The next request to a server comes no sooner.
const APART: Duration = Duration::from_secs(1);
/// A longer pause is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a command asks.
#[derive(Debug)]
pub struct Inquiry<'a> {
    asker: Asker<'a>,
    stop: BorrowedFd<'a>,
    answers: RefCell<BTreeMap<FollowerKey, Option<Answer>>>,
    /// When each server may be asked again.
    rests: RefCell<BTreeMap<HostName, Instant>>,
    ledger: Option<Ledger>,
    faults: RefCell<Vec<(HostName, LookupFault)>>,
    /// Servers that were not asked, and until when.
    resting: RefCell<BTreeMap<HostName, Timestamp>>,
    /// Why nobody was asked, and about how many messages.
    unasked: RefCell<BTreeMap<(Unasked, Network), usize>>,
}

impl<'a> Inquiry<'a> {
    /// For an account; a request ends when `stop` becomes readable.
    ///
    /// # Errors
    /// If its `ca-file` or the proxy cannot be used.
    pub fn new(account: &'a Account, stop: BorrowedFd<'a>) -> Result<Self, WebFault> {
        Ok(Self {
            asker: Asker::new(account, stop)?,
            stop,
            answers: RefCell::default(),
            rests: RefCell::default(),
            ledger: None,
            faults: RefCell::default(),
            resting: RefCell::default(),
            unasked: RefCell::default(),
        })
    }

    /// Also minds the pauses that a ledger has.
    #[must_use]
    pub fn minding(self, ledger: Option<Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// For how long a server is not to be asked.
    fn pause(&self, server: &HostName) -> Duration {
        if let Some(until) = self.rests.borrow().get(server) {
            return until.saturating_duration_since(Instant::now());
        }
        let now = clock::now();
        // Without the ledger, the first request goes out, as on a machine without one.
        let token = self.asker.token();
        let until = |ledger: &Ledger| ledger.rests_until(server, token.as_deref(), now).ok()?;
        let until = self.ledger.as_ref().and_then(until);
        until.map_or(Duration::ZERO, |until| Duration::from_secs(until.since(now)))
    }

    /// Waits; `true` as soon as a stop is wanted.
    fn is_stopped_within(&self, pause: Duration) -> bool {
        let Ok(pause) = Timespec::try_from(pause) else { return true };
        // If poll itself fails, the request is sent too soon, at worst.
        poll(&mut [PollFd::new(&self.stop, PollFlags::IN)], Some(&pause)).is_ok_and(|ready| ready > 0)
    }

    /// May the account ask this?
    pub fn may_ask(&self, question: &Question) -> bool {
        self.asker.may_ask(question)
    }

    /// The answer to a question, if there is one.
    pub fn answer(&self, question: &Question) -> Option<Answer> {
        if let Some(known) = self.answers.borrow().get(&question.follower) {
            return known.clone();
        }
        let pause = self.pause(&question.server);
        if pause > LONGEST_WAIT {
            let until = Timestamp(clock::now().0.saturating_add_unsigned(pause.as_secs()));
            self.resting.borrow_mut().insert(question.server.clone(), until);
            return None;
        }
        if self.is_stopped_within(pause) {
            return None;
        }
        let Heard { reply, fault, next } = self.asker.ask(question, 0);
        let until = match reply {
            Reply::Later(until) | Reply::Refused { until, .. } => Some(until),
            Reply::Facts(_) | Reply::Nothing => next,
        };
        let pause = until.map_or(APART, |until| APART.max(Duration::from_secs(until.since(clock::now()))));
        self.rests.borrow_mut().insert(question.server.clone(), Instant::now() + pause);
        self.faults.borrow_mut().extend(fault.map(|fault| (question.server.clone(), fault)));
        let answer = match reply {
            Reply::Facts(follower) => {
                Some(Answer { server: question.server.to_string(), at: clock::now(), follower: *follower })
            }
            Reply::Nothing | Reply::Later(_) | Reply::Refused { .. } => None,
        };
        self.answers.borrow_mut().insert(question.follower.clone(), answer.clone());
        answer
    }

    /// What went wrong since this was last asked.
    pub fn take_faults(&self) -> Vec<(HostName, LookupFault)> {
        self.faults.take()
    }

    /// Which servers were not asked since this was last asked, and until when they are not to be.
    pub fn take_resting(&self) -> BTreeMap<HostName, Timestamp> {
        self.resting.take()
    }

    /// Notes that nobody may be asked about a follower of a message.
    pub fn note_unasked(&self, why: Unasked, network: &Network) {
        *self.unasked.borrow_mut().entry((why, network.clone())).or_default() += 1;
    }

    /// What was noted since this was last asked: why, and for how many messages of a network.
    pub fn take_unasked(&self) -> BTreeMap<(Unasked, Network), usize> {
        self.unasked.take()
    }
}

//! Questions that a command asks at once and waits for: `explain --lookup` and dry runs, which write nothing. Each follower is asked
//! about once, and a server that does not answer is asked nothing more.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;

use super::{Asker, Heard, LookupFault};
use crate::clock;
use crate::host::HostName;
use crate::ledger::{Answer, Question, Reply};
use crate::mail::FollowerKey;
use crate::settings::Account;
use crate::web::WebFault;

/// What a command asks.
#[derive(Debug)]
pub struct Inquiry<'a> {
    asker: Asker<'a>,
    answers: RefCell<BTreeMap<FollowerKey, Option<Answer>>>,
    closed: RefCell<BTreeSet<HostName>>,
    faults: RefCell<Vec<(HostName, LookupFault)>>,
}

impl<'a> Inquiry<'a> {
    /// For an account; a request ends when `stop` becomes readable.
    ///
    /// # Errors
    /// If its `ca-file` or the proxy cannot be used.
    pub fn new(account: &'a Account, stop: BorrowedFd<'a>) -> Result<Self, WebFault> {
        Ok(Self {
            asker: Asker::new(account, stop)?,
            answers: RefCell::default(),
            closed: RefCell::default(),
            faults: RefCell::default(),
        })
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
        if self.closed.borrow().contains(&question.server) {
            return None;
        }
        let Heard { reply, fault, .. } = self.asker.ask(question, 0);
        self.faults.borrow_mut().extend(fault.map(|fault| (question.server.clone(), fault)));
        let answer = match reply {
            Reply::Facts(follower) => {
                Some(Answer { server: question.server.to_string(), at: clock::now(), follower: *follower })
            }
            Reply::Nothing => None,
            Reply::Later(_) | Reply::Refused(_) => {
                self.closed.borrow_mut().insert(question.server.clone());
                None
            }
        };
        self.answers.borrow_mut().insert(question.follower.clone(), answer.clone());
        answer
    }

    /// What went wrong since this was last asked.
    pub fn take_faults(&self) -> Vec<(HostName, LookupFault)> {
        self.faults.take()
    }
}

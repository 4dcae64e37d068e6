//! Asks a server, and keeps the manners: what is wanted and when a server may be asked is in the ledger.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::{mastodon, pace, site_of};
use crate::clock::{self, Timestamp};
use crate::ledger::{Answer, Ledger, LedgerFault, Question, Reply};
use crate::mail::{Follower, Shown};
use crate::settings::{Account, Site};
use crate::web::http::header::{ACCEPT, HeaderMap};
use crate::web::http::{Request, StatusCode};
use crate::web::{Reach, Web, WebFault};

/// For one request, from the look-up of the name to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer.
const LONGEST: u64 = 64 << 10;

/// Asks servers as the settings of an account allow.
#[derive(Debug)]
pub struct Asker<'a> {
    account: &'a Account,
    web: Web<'a>,
}

/// What a server said to one request.
#[derive(Debug)]
pub struct Heard {
    /// What it means for the question.
    pub reply: Reply,
    /// Why there is no answer that can be used.
    pub fault: Option<LookupFault>,
    /// When the server may be asked again, if it said that this was the last request for now.
    pub next: Option<Timestamp>,
}

/// What came of a step.
#[derive(Debug)]
pub enum Step {
    /// There was an answer, with or without a use.
    Answered,
    /// There was none: the server is left alone for a while.
    Failed {
        /// The server.
        server: String,
        /// Why.
        fault: LookupFault,
        /// Until when.
        until: Timestamp,
    },
    /// Nothing can be asked now; the next question can be asked after this time, if there is one.
    Idle(Option<Duration>),
}

/// Why there is no answer that can be used.
#[derive(Debug)]
pub enum LookupFault {
    /// There was no answer.
    Web(WebFault),
    /// The server refuses.
    Status(StatusCode),
    /// The answer is not one, or about another account.
    Unfit,
}

impl fmt::Display for LookupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(fault) => fault.fmt(f),
            Self::Status(status) if [401, 403].contains(&status.as_u16()) => {
                write!(f, "the server wants a login for that ({})", status.as_u16())
            }
            Self::Status(status) if status.as_u16() == 429 => {
                f.write_str("the server asks for fewer requests (429)")
            }
            Self::Status(status) => write!(f, "the server answered with status {}", status.as_u16()),
            Self::Unfit => f.write_str("the answer is not the profile of the account that was asked for"),
        }
    }
}

impl std::error::Error for LookupFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Web(fault) => std::error::Error::source(fault),
            Self::Status(_) | Self::Unfit => None,
        }
    }
}

impl<'a> Asker<'a> {
    /// For an account; a request ends when `stop` becomes readable.
    ///
    /// # Errors
    /// If its `ca-file` or the proxy cannot be used.
    pub fn new(account: &'a Account, stop: BorrowedFd<'a>) -> Result<Self, WebFault> {
        let reach = Reach { ca_file: account.ca_file.as_deref(), proxy: account.lookup.proxy.as_ref() };
        let web = Web::new(reach, stop)?.patient_for(PATIENCE).for_public_servers(LONGEST);
        Ok(Self { account, web })
    }

    /// Asks the question that can be asked first, if there is one now.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub fn step(&self, ledger: &mut Ledger) -> Result<Step, LedgerFault> {
        let now = clock::now();
        let Some((question, due)) = ledger.next_question(&self.account.name, now)? else {
            return Ok(Step::Idle(None));
        };
        if due > now {
            return Ok(Step::Idle(Some(Duration::from_secs(due.since(now)))));
        }
        if !self.is_allowed(&question) {
            ledger.note_reply(&question, &Reply::Nothing, None, now)?;
            return Ok(Step::Answered);
        }
        let Some(failures) = ledger.claim_server(&question.server, now)? else {
            return Ok(Step::Idle(Some(Duration::from_secs(1))));
        };
        let Heard { reply, fault, next } = self.ask(&question, failures);
        if matches!(fault, Some(LookupFault::Web(WebFault::Stopped { .. }))) {
            return Ok(Step::Idle(None));
        }
        ledger.note_reply(&question, &reply, next, clock::now())?;
        Ok(match (reply, fault) {
            (Reply::Later(until), Some(fault)) => {
                Step::Failed { server: question.server.to_string(), fault, until }
            }
            _ => Step::Answered,
        })
    }

    /// Asks at once, unless the ledger has an answer of today, or the server may not be asked; notes what came of it.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub fn ask_now(
        &self,
        question: &Question,
        ledger: &mut Ledger,
    ) -> Result<Result<Answer, Option<LookupFault>>, LedgerFault> {
        let now = clock::now();
        if let Some(answer) = ledger.looked_up_lately(&question.follower, now)? {
            return Ok(Ok(answer));
        }
        let Some(failures) = ledger.claim_server(&question.server, now)? else { return Ok(Err(None)) };
        let Heard { reply, fault, next } = self.ask(question, failures);
        let now = clock::now();
        ledger.note_reply(question, &reply, next, now)?;
        Ok(match reply {
            Reply::Facts(follower) => {
                Ok(Answer { server: question.server.to_string(), at: now, follower: *follower })
            }
            Reply::Nothing | Reply::Later(_) => Err(fault),
        })
    }

    /// Do the settings still allow the question? It may have been in the ledger for a while.
    fn is_allowed(&self, question: &Question) -> bool {
        let is_on = site_of(question).is_some_and(|site| self.account.lookup.own_server.contains(&site));
        is_on && self.account.instances.iter().any(|own| own.host == question.server)
    }

    /// Sends one request; so many before it failed.
    pub fn ask(&self, question: &Question, failures: u32) -> Heard {
        let later = |status, headers: &HeaderMap, fault| {
            let until = pace::pause(status, headers, failures, clock::now());
            Heard { reply: Reply::Later(until), fault: Some(fault), next: None }
        };
        let site = site_of(question);
        let request = Request::builder().uri(super::address(question)).header(ACCEPT, "application/json");
        let Ok(request) = request.body(Vec::new()) else {
            return Heard { reply: Reply::Nothing, fault: Some(LookupFault::Unfit), next: None };
        };
        let response = match self.web.send(request) {
            Ok(response) => response,
            Err(fault) => return later(None, &HeaderMap::new(), LookupFault::Web(fault)),
        };
        let (status, headers, body) = (response.status(), response.headers(), response.body());
        let now = clock::now();
        let state = |word: &str| {
            let account_state = Shown::Value(word.to_owned());
            Some(Follower { account_state, ..Follower::default() })
        };
        let found = match (site, status.as_u16()) {
            (Some(Site::Mastodon), 200) => mastodon::facts(question, body, now),
            (Some(Site::Mastodon), 404) if mastodon::is_refusal(body) => state("gone"),
            (Some(Site::Mastodon), 410) => state("suspended"),
            _ => return later(Some(status), headers, LookupFault::Status(status)),
        };
        let next = pace::exhausted(headers, now);
        match found {
            Some(follower) => Heard { reply: Reply::Facts(Box::new(follower)), fault: None, next },
            None => Heard { reply: Reply::Nothing, fault: Some(LookupFault::Unfit), next },
        }
    }
}

//! Asks a server, and keeps the manners: what is wanted and when a server may be asked is in the ledger.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Next, Way, activitypub, pace, x};
use crate::clock::{self, Timestamp};
use crate::host::HostName;
use crate::ledger::{Answer, Ledger, LedgerFault, Question, Reply};
use crate::login::{self, LoginFault};
use crate::mail::Follower;
use crate::settings::Account;
use crate::web::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use crate::web::http::{Request, Response, StatusCode};
use crate::web::{Reach, Web, WebFault};

/// For one request, from the look-up of the name to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after the user's token was refused, or could not be read, if its file does not change sooner.
const TOKEN_PAUSE: i64 = 15 * 60;
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
    /// The token cannot be read, or sent.
    Token(LoginFault),
    /// The answer is not one, or about another account.
    Unfit,
}

impl fmt::Display for LookupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(fault) => fault.fmt(f),
            Self::Token(fault) => fault.fmt(f),
            Self::Status(status) if [401, 403].contains(&status.as_u16()) => {
                write!(f, "the server refuses this without a login, or with this token ({})", status.as_u16())
            }
            Self::Status(StatusCode::PAYMENT_REQUIRED) => f.write_str(
                "the server asks for payment (402); for X, add credit to the account of your token",
            ),
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
            Self::Token(fault) => std::error::Error::source(fault),
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
        self.note_token(ledger)?;
        let Some((question, due)) = ledger.next_question(&self.account.name, now)? else {
            return Ok(Step::Idle(None));
        };
        if due > now {
            return Ok(Step::Idle(Some(Duration::from_secs(due.since(now)))));
        }
        if !self.may_ask(&question) {
            ledger.note_reply(&question, &Reply::Nothing, None, now)?;
            return Ok(Step::Answered);
        }
        let Some(failures) = ledger.claim_server(&question, now)? else {
            return Ok(Step::Idle(Some(Duration::from_secs(1))));
        };
        let Heard { reply, fault, next } = self.ask(&question, failures);
        if matches!(fault, Some(LookupFault::Web(WebFault::Stopped { .. }))) {
            return Ok(Step::Idle(None));
        }
        ledger.note_reply(&question, &reply, next, clock::now())?;
        Ok(match (reply, fault) {
            (Reply::Later(until) | Reply::Refused { until, .. }, Some(fault)) => {
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
        self.note_token(ledger)?;
        let Some(failures) = ledger.claim_server(question, now)? else { return Ok(Err(None)) };
        let Heard { reply, fault, next } = self.ask(question, failures);
        let now = clock::now();
        ledger.note_reply(question, &reply, next, now)?;
        Ok(match reply {
            Reply::Facts(follower) => {
                Ok(Answer { server: question.server.to_string(), at: now, follower: *follower })
            }
            Reply::Nothing | Reply::Later(_) | Reply::Refused { .. } => Err(fault),
        })
    }

    /// What identifies the file with the user's token, if there is one.
    pub fn token(&self) -> Option<String> {
        self.account.lookup.x_token.as_deref().map(login::token_edition)
    }

    /// A token that has changed since it was refused is tried at once.
    fn note_token(&self, ledger: &mut Ledger) -> Result<(), LedgerFault> {
        match (self.token(), HostName::parse(x::SERVER)) {
            (Some(token), Some(server)) => ledger.note_token(&server, &token),
            _ => Ok(()),
        }
    }

    /// Do the settings still allow the question? It may have been in the ledger for a while.
    pub fn may_ask(&self, question: &Question) -> bool {
        let Account { lookup, instances, .. } = self.account;
        match Way::of(question) {
            Some(way @ Way::Own(_)) => {
                (question.host.is_none() || way.knows_others())
                    && way.is_on(lookup)
                    && instances.iter().any(|own| own.host == question.server)
            }
            Some(Way::ActivityPub) => lookup.ask.contains(&question.server),
            Some(Way::X) => lookup.x_token.is_some(),
            None => false,
        }
    }

    /// Sends the request, or the requests; for so many other accounts in a row, the server failed.
    pub fn ask(&self, question: &Question, failures: u32) -> Heard {
        let later = |status, headers: &HeaderMap, fault| {
            let until = pace::pause(status, headers, failures, clock::now());
            Heard { reply: Reply::Later(until), fault: Some(fault), next: None }
        };
        // As it was before the request.
        let token = self.token().unwrap_or_default();
        let refused = |fault| {
            let until = Timestamp(clock::now().0 + TOKEN_PAUSE);
            Heard { reply: Reply::Refused { until, token: token.clone() }, fault: Some(fault), next: None }
        };
        let unanswered = |fault| match fault {
            LookupFault::Token(_) => refused(fault),
            // Of this account alone.
            LookupFault::Web(WebFault::TooMuch { .. }) => {
                Heard { reply: Reply::Nothing, fault: Some(fault), next: None }
            }
            _ => later(None, &HeaderMap::new(), fault),
        };
        let unfit = |next| Heard { reply: Reply::Nothing, fault: Some(LookupFault::Unfit), next };
        let Some(way) = Way::of(question) else { return unfit(None) };
        let mut response = match self.send(way, way.request(question)) {
            Ok(response) => response,
            Err(fault) => return unanswered(fault),
        };
        let begun = Instant::now();
        if response.status() == StatusCode::OK {
            match way.next(question, response.body()) {
                Next::Profile => {}
                Next::Ask(request) => match self.send(way, request) {
                    Ok(second) => response = second,
                    Err(fault) => return unanswered(fault),
                },
                Next::Unfit => return unfit(None),
            }
        }
        let (status, headers, body, now) =
            (response.status(), response.headers(), response.body(), clock::now());
        let found = match way {
            _ if status != StatusCode::OK => match way.state(status.as_u16(), body) {
                Some(facts) => Some(facts),
                None if way == Way::X && status == StatusCode::UNAUTHORIZED => {
                    return refused(LookupFault::Status(status));
                }
                None => return later(Some(status), headers, LookupFault::Status(status)),
            },
            Way::ActivityPub => match activitypub::facts(question, body, now) {
                Some((facts, collections)) => match self.count(facts, collections, begun) {
                    Ok(facts) => Some(facts),
                    Err(Uncounted::Unanswered(fault)) => return unanswered(fault),
                    Err(Uncounted::Refused(status, headers)) => {
                        return later(Some(status), &headers, LookupFault::Status(status));
                    }
                },
                None => None,
            },
            _ => way.facts(question, body, now),
        };
        let next = pace::exhausted(headers, now);
        match found {
            Some(follower) => Heard { reply: Reply::Facts(Box::new(follower)), fault: None, next },
            None => unfit(next),
        }
    }

    /// Fills in the sizes of an account's collections, as far as they are shown, and as there is time. An error if the server fails.
    fn count(
        &self,
        mut facts: Follower,
        collections: Vec<(activitypub::Counted, String)>,
        begun: Instant,
    ) -> Result<Follower, Uncounted> {
        for (counted, address) in collections {
            if begun.elapsed() > PATIENCE {
                break;
            }
            match self.send(Way::ActivityPub, (address, None)) {
                Ok(response) if response.status() == StatusCode::OK => {
                    activitypub::fill_in(&mut facts, counted, response.body());
                }
                // Hidden, or too long to be read.
                Ok(response) if [401, 403, 404].contains(&response.status().as_u16()) => {}
                Err(LookupFault::Web(WebFault::TooMuch { .. })) => {}
                Ok(response) => {
                    let (parts, _) = response.into_parts();
                    return Err(Uncounted::Refused(parts.status, parts.headers));
                }
                Err(fault) => return Err(Uncounted::Unanswered(fault)),
            }
        }
        Ok(facts)
    }

    /// Sends one request.
    fn send(
        &self,
        way: Way,
        (address, body): (String, Option<String>),
    ) -> Result<Response<Vec<u8>>, LookupFault> {
        let accept = if way == Way::ActivityPub { activitypub::ACCEPT } else { "application/json" };
        let mut request = Request::builder().uri(address).header(ACCEPT, accept);
        if let (Way::X, Some(file)) = (way, &self.account.lookup.x_token) {
            let token = login::token_in(file).map_err(LookupFault::Token)?;
            request = request.header(AUTHORIZATION, bearer(&token).ok_or(LookupFault::Unfit)?);
        }
        let request = match body {
            Some(body) => {
                request.method("POST").header(CONTENT_TYPE, "application/json").body(body.into_bytes())
            }
            None => request.body(Vec::new()),
        };
        self.web.send(request.map_err(|_| LookupFault::Unfit)?).map_err(LookupFault::Web)
    }
}

/// Why the sizes of an account's collections cannot be told now.
enum Uncounted {
    Unanswered(LookupFault),
    Refused(StatusCode, HeaderMap),
}

/// A field that its `Debug` does not show; `None` if the token cannot be one.
fn bearer(token: &SecretString) -> Option<HeaderValue> {
    let field = secrecy::zeroize::Zeroizing::new(format!("Bearer {}", token.expose_secret()));
    let mut field = HeaderValue::from_str(&field).ok()?;
    field.set_sensitive(true);
    Some(field)
}

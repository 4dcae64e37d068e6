//! The only file that uses the imap crate: one command, one answer.
//!
//! Owns the tags, the login dialogue, and the translation of the crate's errors. Every command goes through [`Line::run`], never
//! through the crate's own verbs: those drop COPYUID, panic on an untagged NO in SELECT, and leave arguments unquoted. Never
//! turns on the crate's debug output, which prints passwords. A failed connection is dropped and refuses all later commands.
//! Called by `session` and its parts.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap::types::UnsolicitedResponse;
use imap::{Authenticator, Error};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::bounds::Limits;
use super::capabilities::Capabilities;
use super::dial::cut_short;
use super::fault::{Cause, Step};
use super::quoted::{escaped, is_quotable};
use super::redactor::plain_payload;
use super::refusal::{Refusal, Status};
use super::stop::Stop;
use super::wire::{Shared, Transport};
use crate::login::Login;

/// The crate's text for an answer that it could not parse.
const UNPARSED: &str = "no explanation given";
/// How long the server may take to answer IDLE, before the wait begins.
const IDLE_BEGINS: Duration = Duration::from_secs(30);

/// An answer: the untagged responses, then the tagged one.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Vec<u8>);

/// An authenticated connection.
pub(super) struct Line {
    // `None` once it has failed.
    session: Option<imap::Session<Transport>>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Line {
    /// Without the crate's buffers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("spent", &self.is_spent()).field("turns", &self.turns()).finish()
    }
}

impl Line {
    /// Reads the greeting and logs in.
    pub(super) fn open(transport: Transport, greets: bool, login: &Login) -> Result<Self, (Step, Cause)> {
        without_panic(|| Self::begin(transport, greets, login))
            .unwrap_or_else(|cause| Err((Step::LogIn, cause)))
    }

    fn begin(transport: Transport, greets: bool, login: &Login) -> Result<Self, (Step, Cause)> {
        let shared = Arc::clone(transport.shared());
        let mut client = imap::Client::new(transport);
        let at = |step, shared: &Shared, error| (step, translate(error, shared).0);
        if greets {
            let greeting = client.read_greeting().map_err(|error| at(Step::Connect, &shared, error))?;
            if let Some(bye) = shared.filtered(|filter| filter.take_bye()) {
                return Err((Step::Connect, Cause::Refused(bye_refusal(&bye, &shared))));
            }
            if !greeting.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"* OK")) {
                return Err((Step::Connect, Cause::Greeting));
            }
        }
        shared.bounds.arm(Limits::SHORT);
        let known = match shared.take_capabilities() {
            Some(capabilities) => capabilities,
            None => {
                client.capabilities().map_err(|error| at(Step::Ask, &shared, error))?;
                shared.take_capabilities().unwrap_or_default()
            }
        };
        let session = log_in(client, &known, login, &shared).map_err(|cause| (Step::LogIn, cause))?;
        Ok(Self { session: Some(session), shared })
    }

    /// The capabilities that the server has sent since the last call, if any.
    pub(super) fn take_capabilities(&mut self) -> Option<Capabilities> {
        self.shared.take_capabilities()
    }

    /// The line of the last NAMESPACE response.
    pub(super) fn take_namespace(&mut self) -> Option<Vec<u8>> {
        self.shared.filtered(|filter| filter.take_namespace())
    }

    /// Sends `command` and waits for the whole of its answer, within `limits`.
    ///
    /// # Errors
    /// A tagged NO or BAD leaves the connection usable; after any other error it is dropped.
    pub(super) fn run(&mut self, command: &str, limits: Limits) -> Result<Answer, Cause> {
        // The last barrier: no name of a folder and no setting can put a second command into this one.
        if command.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            return Err(Cause::Unsendable);
        }
        let (bytes, _) = self.with_session(limits, |session| session.run(command))?;
        // A server that sends BYE in the middle of an answer may have left out the rest.
        match self.shared.filtered(|filter| filter.take_bye()) {
            Some(bye) if command != "LOGOUT" => {
                self.session = None;
                Err(Cause::Refused(bye_refusal(&bye, &self.shared)))
            }
            Some(_) | None => Ok(Answer(bytes)),
        }
    }

    /// Waits in IDLE (RFC 2177) until the server announces something, a stop, or `due`. The content of announcements is ignored:
    /// the caller searches by UID, since an announcement around DONE is lost.
    pub(super) fn idle(&mut self, due: Instant) -> Result<bool, Cause> {
        let limits = Limits { time: IDLE_BEGINS, ..Limits::SHORT };
        let left = due.saturating_duration_since(Instant::now());
        let announced = self.with_session(limits, |session| {
            let mut announced = false;
            session.idle().timeout(left).keepalive(false).wait_while(|response| {
                announced = matches!(
                    response,
                    UnsolicitedResponse::Exists(_)
                        | UnsolicitedResponse::Recent(_)
                        | UnsolicitedResponse::Bye { .. }
                );
                !announced
            })?;
            Ok(announced)
        })?;
        // The crate reads the answer to DONE, but does not report a failure of it.
        if self.shared.bounds.cut().is_some() || self.shared.bounds.ended() {
            self.session = None;
            return Err(cut_short(Cause::Lost, &self.shared.bounds));
        }
        Ok(announced)
    }

    /// The number of round trips since the greeting.
    pub(super) fn turns(&self) -> u32 {
        self.shared.bounds.turns()
    }

    /// The connection's stop.
    pub(super) fn stop(&self) -> &Stop {
        self.shared.bounds.stop()
    }

    /// Did a probe end the last IDLE?
    pub(super) fn was_probed(&self) -> bool {
        self.shared.bounds.was_probed()
    }

    /// Was a stop requested?
    pub(super) fn is_stopped(&self) -> bool {
        self.stop().is_stopped()
    }

    /// Has the connection failed?
    pub(super) fn is_spent(&self) -> bool {
        self.session.is_none()
    }

    /// Drops the connection, whose data can no longer be trusted.
    pub(super) fn give_up(&mut self) {
        self.session = None;
    }

    /// Runs `work` on the crate's session within `limits`. Keeps the session only if it is usable afterwards.
    fn with_session<T>(
        &mut self,
        limits: Limits,
        work: impl FnOnce(&mut imap::Session<Transport>) -> imap::Result<T>,
    ) -> Result<T, Cause> {
        let mut session = self.session.take().ok_or(Cause::Spent)?;
        self.shared.bounds.arm(limits);
        let (session, done) = without_panic(move || {
            let done = work(&mut session);
            (session, done)
        })?;
        let done = done.map_err(|error| translate(error, &self.shared));
        if !matches!(done, Err((_, false))) {
            self.session = Some(session);
        }
        done.map_err(|(cause, _)| cause)
    }
}

/// Turns a panic of the crate, such as on a tagged OK that answers IDLE, into an answer that could not be understood. The panic
/// hook has logged it by then.
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Cause> {
    // The crate's state is dropped with `work`. It shares only numbers with us, and locks that are used even if poisoned.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Cause::Garbled("the imap crate panicked"))
}

impl imap::extensions::idle::SetReadTimeout for Transport {
    /// The crate calls it when IDLE has begun, and with `None` when IDLE ends, before it sends DONE.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> imap::Result<()> {
        let bounds = &self.shared().bounds;
        match timeout {
            Some(timeout) => bounds.arm_idle(Instant::now() + timeout),
            None => bounds.end_idle(),
        }
        Ok(())
    }
}

/// The crate gets this in base64 instead of the secret, since it does not wipe its buffers. `wire` replaces it by the secret.
const STAND_IN: &[u8] = b"the secret of this login goes here";

/// AUTHENTICATE PLAIN with its answer in the same line (SASL-IR), else LOGIN, else AUTHENTICATE PLAIN in two steps.
fn log_in(
    client: imap::Client<Transport>,
    known: &Capabilities,
    login: &Login,
    shared: &Shared,
) -> Result<imap::Session<Transport>, Cause> {
    let Login::Password { user, password } = login;
    let password = password.expose_secret();
    if user.contains('\0') || password.contains('\0') {
        return Err(Cause::Unsendable);
    }
    let payload = plain_payload(user, password);
    let encoded = Zeroizing::new(STANDARD.encode(payload.as_slice()).into_bytes());
    let stand_in = STANDARD.encode(STAND_IN);
    // RFC 9051, section 9: a quoted string is ASCII.
    let quotable = is_quotable(user) && is_quotable(password);
    let plain = Plain { sent: Cell::new(false) };
    let tried = if known.auth_plain && known.sasl_ir {
        let method = format!("PLAIN {stand_in}");
        shared.send_for(stand_in.into_bytes(), encoded);
        client.authenticate(method, &plain)
    } else if quotable && !known.login_disabled {
        // One round trip less than PLAIN with a challenge. And GNU Mailutils' imap4d (3.15, tried) ends its challenge with a bare
        // line feed, which no parser accepts.
        let quoted = Zeroizing::new(escaped(password).as_bytes().to_vec());
        shared.send_for(stand_in.clone().into_bytes(), quoted);
        client.login(user, stand_in)
    } else if known.auth_plain {
        shared.send_for(stand_in.into_bytes(), encoded);
        client.authenticate("PLAIN", &plain)
    } else if known.login_disabled {
        return Err(Cause::NoLogin);
    } else {
        return Err(Cause::Unsendable);
    };
    shared.forget_secret();
    tried.map_err(|(error, _)| translate(error, shared).0)
}

/// Answers the challenge of AUTHENTICATE PLAIN (RFC 4616) with the stand-in.
struct Plain {
    sent: Cell<bool>,
}

impl Authenticator for Plain {
    type Response = &'static [u8];

    fn process(&self, _: &[u8]) -> &'static [u8] {
        // A second challenge asks for something that PLAIN does not have.
        if self.sent.replace(true) { b"" } else { STAND_IN }
    }
}

/// Our cause for the crate's error, and whether the connection is still usable.
fn translate(error: Error, shared: &Shared) -> (Cause, bool) {
    let said_bye =
        || shared.filtered(|filter| filter.take_bye()).map(|line| Cause::Refused(bye_refusal(&line, shared)));
    match error {
        Error::No(no) => (refused(Status::No, &no.information, no.code.as_ref(), shared), true),
        Error::Bad(bad) => (refused(Status::Bad, &bad.information, bad.code.as_ref(), shared), true),
        Error::Bye(bye) if bye.information != UNPARSED => {
            (refused(Status::Bye, &bye.information, bye.code.as_ref(), shared), false)
        }
        Error::Bye(_) => (said_bye().unwrap_or(Cause::Garbled("not an IMAP response")), false),
        Error::ConnectionLost => {
            (said_bye().unwrap_or_else(|| cut_short(Cause::Lost, &shared.bounds)), false)
        }
        Error::Io(error) => {
            let cause = cut_short(Cause::Io(error), &shared.bounds);
            (said_bye().filter(|_| matches!(cause, Cause::Io(_))).unwrap_or(cause), false)
        }
        Error::TagMismatch(_) => (Cause::Garbled("the answer to another command"), false),
        Error::Validate(_) => (Cause::Unsendable, true),
        // Parse errors, and errors that a later version of the crate may add.
        _ => (Cause::Garbled("not the answer to the command"), false),
    }
}

/// A refusal by the server. The crate removes the codes that it knows from the text; only these matter to followsift.
fn refused(
    status: Status,
    text: &str,
    code: Option<&imap_proto::ResponseCode<'_>>,
    shared: &Shared,
) -> Cause {
    let code = match code {
        Some(imap_proto::ResponseCode::Alert) => "[ALERT] ",
        Some(imap_proto::ResponseCode::ReadOnly) => "[READ-ONLY] ",
        Some(imap_proto::ResponseCode::TryCreate) => "[TRYCREATE] ",
        Some(_) | None => "",
    };
    let text = if text == UNPARSED { "" } else { text };
    Cause::Refused(Refusal::read(status, &format!("{code}{text}"), &shared.redactor))
}

fn bye_refusal(line: &[u8], shared: &Shared) -> Refusal {
    let text = String::from_utf8_lossy(line);
    Refusal::read(Status::Bye, text.get("* BYE".len()..).unwrap_or_default(), &shared.redactor)
}

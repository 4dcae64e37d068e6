//! The only file that knows the imap crate: one command, one answer.
//!
//! Owns the tags, the login dialogue, and the translation of the crate's errors. Every command goes through
//! [`Line::run`], never through the crate's own verbs: those drop COPYUID, panic on an untagged NO in SELECT, and leave
//! arguments unquoted. Its debug output, which prints passwords, is never turned on. A line that failed is dropped, and
//! refuses everything afterwards. Called by `session` and its parts.

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

/// How the crate names an answer that it could not parse.
const UNPARSED: &str = "no explanation given";
/// The answer to IDLE, before the waiting begins.
const IDLE_BEGINS: Duration = Duration::from_secs(30);

/// An answer: the untagged responses, then the tagged one.
#[derive(Debug)]
pub(super) struct Answer(pub(super) Vec<u8>);

/// An authenticated line.
pub(super) struct Line {
    // None once it has failed.
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
    /// Hears the greeting and logs in.
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
            if let Some(parting) = shared.filtered(|filter| filter.take_parting()) {
                return Err((Step::Connect, Cause::Refused(parted(&parting, &shared))));
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

    /// What the server said it can do since last asked, if it did.
    pub(super) fn take_capabilities(&mut self) -> Option<Capabilities> {
        self.shared.take_capabilities()
    }

    /// The line of the NAMESPACE that was last heard.
    pub(super) fn take_namespace(&mut self) -> Option<Vec<u8>> {
        self.shared.filtered(|filter| filter.take_namespace())
    }

    /// Sends `command` and waits for the whole of its answer, within `limits`.
    ///
    /// # Errors
    /// A tagged NO or BAD leaves the line as it was; after anything else it is gone.
    pub(super) fn run(&mut self, command: &str, limits: Limits) -> Result<Answer, Cause> {
        // The last barrier: whatever a folder or a setting is called, no command holds another.
        if command.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
            return Err(Cause::Unsendable);
        }
        let (bytes, _) = self.with_session(limits, |session| session.run(command))?;
        // Who says goodbye in the middle of an answer may have left out the rest of it.
        match self.shared.filtered(|filter| filter.take_parting()) {
            Some(parting) if command != "LOGOUT" => {
                self.session = None;
                Err(Cause::Refused(parted(&parting, &self.shared)))
            }
            Some(_) | None => Ok(Answer(bytes)),
        }
    }

    /// Waits in IDLE (RFC 2177) until the server announces something, a stop, or `due`. What it says is not believed: the
    /// caller looks by UID, since an announcement around DONE is lost.
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
        // The crate reads the answer to DONE, but keeps a failure in that to itself.
        if self.shared.bounds.cut().is_some() || self.shared.bounds.ended() {
            self.session = None;
            return Err(cut_short(Cause::Lost, &self.shared.bounds));
        }
        Ok(announced)
    }

    /// How many round trips the line has made since its greeting.
    pub(super) fn turns(&self) -> u32 {
        self.shared.bounds.turns()
    }

    /// The stop that it listens to.
    pub(super) fn stop(&self) -> &Stop {
        self.shared.bounds.stop()
    }

    /// Was the last IDLE ended by a probe?
    pub(super) fn was_probed(&self) -> bool {
        self.shared.bounds.was_probed()
    }

    /// Was a stop asked for?
    pub(super) fn is_stopped(&self) -> bool {
        self.stop().is_stopped()
    }

    /// Has it failed?
    pub(super) fn is_spent(&self) -> bool {
        self.session.is_none()
    }

    /// Gives the line up: what it says cannot be trusted any more.
    pub(super) fn give_up(&mut self) {
        self.session = None;
    }

    /// Lets the crate's session do something within `limits`. It stays only where it is healthy afterwards.
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

/// A panic of the crate, such as on a tagged OK that answers IDLE, is an answer that could not be understood. The panic hook
/// has logged it by then.
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Cause> {
    // The crate's state goes with `work`. What it shares with us are numbers, and locks that are taken whatever they went through.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Cause::Garbled("the imap crate panicked"))
}

impl imap::extensions::idle::SetReadTimeout for Transport {
    /// Called by the crate when IDLE has begun, and with nothing when it ends: before DONE is sent and answered.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> imap::Result<()> {
        let bounds = &self.shared().bounds;
        match timeout {
            Some(timeout) => bounds.arm_idle(Instant::now() + timeout),
            None => bounds.end_idle(),
        }
        Ok(())
    }
}

/// The crate is given this, in base64, to send in the place of the secret, and `wire` puts the secret there: the buffers of
/// the crate are not wiped.
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
        // One turn less than a challenge for PLAIN; and GNU Mailutils' imap4d (3.15, tried) ends its answer to that with a bare
        // line feed, which no parser takes.
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

/// The answer to AUTHENTICATE PLAIN (RFC 4616), by its stand-in.
struct Plain {
    sent: Cell<bool>,
}

impl Authenticator for Plain {
    type Response = &'static [u8];

    fn process(&self, _: &[u8]) -> &'static [u8] {
        // Asked a second time, the server wants something that PLAIN does not have.
        if self.sent.replace(true) { b"" } else { STAND_IN }
    }
}

/// Our cause for the crate's error, and whether the line is still in step.
fn translate(error: Error, shared: &Shared) -> (Cause, bool) {
    let parting =
        || shared.filtered(|filter| filter.take_parting()).map(|line| Cause::Refused(parted(&line, shared)));
    match error {
        Error::No(no) => (refused(Status::No, &no.information, no.code.as_ref(), shared), true),
        Error::Bad(bad) => (refused(Status::Bad, &bad.information, bad.code.as_ref(), shared), true),
        Error::Bye(bye) if bye.information != UNPARSED => {
            (refused(Status::Bye, &bye.information, bye.code.as_ref(), shared), false)
        }
        Error::Bye(_) => (parting().unwrap_or(Cause::Garbled("no response of IMAP")), false),
        Error::ConnectionLost => (parting().unwrap_or_else(|| cut_short(Cause::Lost, &shared.bounds)), false),
        Error::Io(error) => {
            let cause = cut_short(Cause::Io(error), &shared.bounds);
            (parting().filter(|_| matches!(cause, Cause::Io(_))).unwrap_or(cause), false)
        }
        Error::TagMismatch(_) => (Cause::Garbled("the answer to another command"), false),
        Error::Validate(_) => (Cause::Unsendable, true),
        // Parse errors, and whatever a later version of the crate may add.
        _ => (Cause::Garbled("not what was asked for"), false),
    }
}

/// The crate takes the codes that it knows out of the text; only these of them matter to us.
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

fn parted(line: &[u8], shared: &Shared) -> Refusal {
    let text = String::from_utf8_lossy(line);
    Refusal::read(Status::Bye, text.get("* BYE".len()..).unwrap_or_default(), &shared.redactor)
}

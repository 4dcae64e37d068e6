//! The greeting and the login: the only file that uses the imap crate.
//!
//! Owns the way to log in, and the translation of the crate's errors. Nothing else is left to the crate, since its parser gives a
//! whole answer up on the first byte that it does not know. Never turns on its debug output, which prints passwords. Called by
//! `line`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap::{Authenticator, Error};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::bounds::Limits;
use super::capabilities::Capabilities;
use super::dial::cut_short;
use super::fault::{Cause, Step};
use super::quoted::{escaped, is_quotable};
use super::refusal::{Refusal, Status};
use super::sasl::{Bearer, encoded, is_bearable, plain_payload, reason};
use super::wire::{Shared, Transport};
use crate::login::Login;

/// The crate's text for an answer that it could not parse.
const UNPARSED: &str = "no explanation given";

/// Reads the greeting and logs in. The crate's session is dropped afterwards; it has read nothing that follows the login.
pub(super) fn log_in(transport: Transport, greets: bool, login: &Login) -> Result<(), (Step, Cause)> {
    without_panic(|| begin(transport, greets, login)).unwrap_or_else(|cause| Err((Step::LogIn, cause)))
}

fn begin(transport: Transport, greets: bool, login: &Login) -> Result<(), (Step, Cause)> {
    let shared = Arc::clone(transport.shared());
    let mut client = imap::Client::new(transport);
    let at = |step, shared: &Shared, error| (step, translate(error, shared));
    if greets {
        let greeting = client.read_greeting().map_err(|error| at(Step::Connect, &shared, error))?;
        if let Some(bye) = shared.filtered(|filter| filter.take_bye()) {
            return Err((Step::Connect, Cause::Refused(bye_refusal(&bye, &shared))));
        }
        let greeting = String::from_utf8_lossy(&greeting);
        if let Some(cause) = Cause::of_greeting(&greeting, &shared.redactor) {
            return Err((Step::Connect, cause));
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
    authenticate(client, &known, login, &shared).map(drop).map_err(|cause| (Step::LogIn, cause))
}

/// Turns a panic of the crate, into an answer that could not be understood. The panic
/// hook has logged it by then.
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Cause> {
    // The crate's state is dropped with `work`. It shares only numbers with us, and locks that are used even if poisoned.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Cause::Garbled("the imap crate panicked"))
}

/// The crate gets this in base64 instead of the secret, since it does not wipe its buffers. `wire` replaces it by the secret.
const STAND_IN: &[u8] = b"the secret of this login goes here";

/// Sends the secret by the mechanism that fits it and that the server offers.
fn authenticate(
    client: imap::Client<Transport>,
    known: &Capabilities,
    login: &Login,
    shared: &Shared,
) -> Result<imap::Session<Transport>, Cause> {
    match login {
        Login::Password { user, password } => {
            with_password(client, known, (user, password.expose_secret()), shared)
        }
        Login::Token { user, token, .. } => with_token(client, known, (user, token.expose_secret()), shared),
    }
}

/// AUTHENTICATE PLAIN with its answer in the same line (SASL-IR, RFC 4959), else LOGIN, else AUTHENTICATE PLAIN in two steps, else
/// AUTHENTICATE LOGIN.
fn with_password(
    client: imap::Client<Transport>,
    known: &Capabilities,
    (user, password): (&str, &str),
    shared: &Shared,
) -> Result<imap::Session<Transport>, Cause> {
    if user.contains('\0') || password.contains('\0') {
        return Err(Cause::Unsendable);
    }
    let payload = encoded(&plain_payload(user, password));
    let stand_in = STANDARD.encode(STAND_IN);
    // RFC 9051, section 9: a quoted string is ASCII.
    let quotable = is_quotable(user) && is_quotable(password);
    let plain = Answers::of([STAND_IN]);
    let tried = if known.auth_plain && known.sasl_ir {
        let method = format!("PLAIN {stand_in}");
        shared.send_for(stand_in.into_bytes(), payload);
        client.authenticate(method, &plain)
    } else if quotable && !known.login_disabled {
        // One round trip less than PLAIN with a challenge. And GNU Mailutils' imap4d (3.15, tried) ends its challenge with a bare
        // line feed, which no parser accepts.
        let quoted = Zeroizing::new(escaped(password).as_bytes().to_vec());
        shared.send_for(stand_in.clone().into_bytes(), quoted);
        client.login(user, stand_in)
    } else if known.auth_plain {
        shared.send_for(stand_in.into_bytes(), payload);
        client.authenticate("PLAIN", &plain)
    } else if known.auth_login {
        shared.send_for(stand_in.into_bytes(), encoded(password.as_bytes()));
        client.authenticate("LOGIN", &Answers::of([user.as_bytes(), STAND_IN]))
    } else if known.login_disabled {
        return Err(Cause::NoLogin);
    } else {
        return Err(Cause::Unsendable);
    };
    shared.forget_secret();
    tried.map_err(|(error, _)| translate(error, shared))
}

/// AUTHENTICATE OAUTHBEARER or XOAUTH2, with the token in the same line where the server takes that. A server that refuses the token
/// says why in a challenge, and waits for an answer to it.
fn with_token(
    client: imap::Client<Transport>,
    known: &Capabilities,
    (user, token): (&str, &str),
    shared: &Shared,
) -> Result<imap::Session<Transport>, Cause> {
    let bearer = Bearer::of(known).ok_or(Cause::NoTokenLogin)?;
    if !is_bearable(user, token) {
        return Err(Cause::Unsendable);
    }
    let stand_in = STANDARD.encode(STAND_IN);
    let (method, answers) = if known.sasl_ir {
        (format!("{} {stand_in}", bearer.name()), Answers::of([bearer.farewell()]))
    } else {
        (bearer.name().to_owned(), Answers::of([STAND_IN, bearer.farewell()]))
    };
    shared.send_for(stand_in.into_bytes(), encoded(&bearer.payload(user, token)));
    let tried = client.authenticate(method, &answers);
    shared.forget_secret();
    tried.map_err(|(error, _)| match (translate(error, shared), reason(&answers.challenge.borrow())) {
        (Cause::Refused(refusal), Some(reason)) => Cause::Refused(refusal.because(&reason, &shared.redactor)),
        (cause, _) => cause,
    })
}

/// Answers the challenges of an AUTHENTICATE one after the other, and keeps the last challenge. To more of them it says nothing.
struct Answers<'a> {
    left: RefCell<VecDeque<&'a [u8]>>,
    challenge: RefCell<Vec<u8>>,
}

impl<'a> Answers<'a> {
    fn of(answers: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { left: RefCell::new(answers.into_iter().collect()), challenge: RefCell::default() }
    }
}

impl<'a> Authenticator for Answers<'a> {
    type Response = &'a [u8];

    fn process(&self, challenge: &[u8]) -> &'a [u8] {
        *self.challenge.borrow_mut() = challenge.to_vec();
        self.left.borrow_mut().pop_front().unwrap_or_default()
    }
}

/// Our cause for the crate's error.
fn translate(error: Error, shared: &Shared) -> Cause {
    let said_bye =
        || shared.filtered(|filter| filter.take_bye()).map(|line| Cause::Refused(bye_refusal(&line, shared)));
    match error {
        Error::No(no) => refused(Status::No, &no.information, no.code.as_ref(), shared),
        Error::Bad(bad) => refused(Status::Bad, &bad.information, bad.code.as_ref(), shared),
        Error::Bye(bye) if bye.information != UNPARSED => {
            refused(Status::Bye, &bye.information, bye.code.as_ref(), shared)
        }
        Error::Bye(_) => said_bye().unwrap_or(Cause::Garbled("not an IMAP response")),
        Error::ConnectionLost => said_bye().unwrap_or_else(|| cut_short(Cause::Lost, &shared.bounds)),
        Error::Io(error) => {
            let cause = cut_short(Cause::Io(error), &shared.bounds);
            said_bye().filter(|_| matches!(cause, Cause::Io(_))).unwrap_or(cause)
        }
        Error::TagMismatch(_) => Cause::Garbled("the answer to another command"),
        Error::Validate(_) => Cause::Unsendable,
        // Parse errors, and errors that a later version of the crate may add.
        _ => Cause::Garbled("not the answer to the command"),
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

/// The refusal in the line of a BYE.
pub(super) fn bye_refusal(line: &[u8], shared: &Shared) -> Refusal {
    let text = String::from_utf8_lossy(line);
    Refusal::read(Status::Bye, text.get("* BYE".len()..).unwrap_or_default(), &shared.redactor)
}

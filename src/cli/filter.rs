//! `filter`: one message from standard input to standard output, with what the rules say in a header field; for delivery agents.
//!
//! Whatever fails, the message goes on: without a field, and without one that its sender wrote. Only where it cannot be read or
//! written does the program fail, since the agent must then not believe that it has been delivered.

use std::ffi::OsString;
use std::io::{self, Read, StdinLock};
use std::path::Path;
use std::time::Instant;

use super::message_file::MAIL_LIMIT;
use super::output::Output;
use super::{Ending, Filter, context, judged_by};
use crate::assess::Rulebook;
use crate::clock;
use crate::delivery::memory::{Delivery, PATIENCE, Recipient};
use crate::delivery::{Field, Panicked, Remembered, Removal, judge, judge_with_memory};
use crate::diagnostic::Diagnostic;
use crate::rulebook::{self, Sent};
use crate::settings::Settings;

/// How much is read at a time.
const PIECE: usize = 64 << 10;

pub(super) fn filter(settings: Option<&Path>, options: &Filter, output: &mut Output) -> Ending {
    if options.exit_code {
        return exit_code(settings, options, output);
    }
    pass(output, |message, output| field(settings, options, message, output))
}

/// After a wrong command line: the message goes on all the same.
pub(super) fn pass_through(output: &mut Output) -> Ending {
    pass(output, |_, _| None)
}

/// Does this command line begin with `filter`, whatever is wrong with the rest of it?
pub(super) fn is_named(arguments: &[OsString]) -> bool {
    let mut arguments = arguments.iter().skip(1);
    loop {
        match arguments.next().and_then(|argument| argument.to_str()) {
            Some("-s" | "--settings") => drop(arguments.next()),
            Some(option) if option.starts_with('-') => {}
            command => return command == Some("filter"),
        }
    }
}

/// Prints the message from standard input, with the field that `judge` has for its beginning.
fn pass(output: &mut Output, judge: impl FnOnce(&[u8], &mut Output) -> Option<Field>) -> Ending {
    let mut message = Incoming::new();
    let passed = message.start().and_then(|start| {
        let field = judge(&start, output);
        let (before, after) = start.split_at_checked(before_header(&start)).unwrap_or((b"", &start));
        output.bytes(before)?;
        if let Some(field) = field {
            output.bytes(field.line(line_end(&start)).as_bytes())?;
        }
        output.bytes(after)?;
        message.rest(|piece| output.bytes(piece))?;
        output.end_bytes()
    });
    end(passed, output)
}

/// Says by the exit code what the verdict is, and prints nothing.
fn exit_code(settings: Option<&Path>, options: &Filter, output: &mut Output) -> Ending {
    let mut message = Incoming::new();
    let mut verdict = Ending::Well;
    let read = message.start().and_then(|start| {
        if let Some(field) = field(settings, options, &start, output) {
            verdict = match field.verdict().map(|verdict| verdict.as_str()) {
                None => Ending::Well,
                Some("real") => Ending::Real,
                Some("spam") => Ending::Spam,
                Some(_) => Ending::OtherVerdict,
            };
        }
        // An agent that still writes would take a closed pipe for a fault.
        message.rest(|_| Ok(()))
    });
    match end(read, output) {
        Ending::Well => verdict,
        failed => failed,
    }
}

fn end(passed: io::Result<()>, output: &mut Output) -> Ending {
    match passed {
        Ok(()) => Ending::Well,
        Err(cause) => {
            output.error(&format!("error: could not pass the message on: {cause}"));
            Ending::Later
        }
    }
}

/// What the rules say about a message, of which this is the beginning. Prints what is wrong.
fn field(settings: Option<&Path>, options: &Filter, message: &[u8], output: &mut Output) -> Option<Field> {
    // A panic's own words could name what is in the message.
    std::panic::set_hook(Box::new(|_| {}));
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let by = judged_by(settings, options, message, output)?;
        Some(judge_by(&by, options, message, output))
    }));
    match judged {
        Ok(None) => None,
        Ok(Some(Ok(field))) => field,
        Ok(Some(Err(_))) | Err(_) => {
            output.error(
                "error: could not judge the message: a bug in followsift; it goes on without a verdict",
            );
            None
        }
    }
}

/// What a message is judged by.
struct By {
    rulebook: Rulebook,
    remembered: Remembered,
    settings: Option<Settings>,
}

/// What to judge the message by; `None` if it is no notification, or after printing what is wrong.
fn judged_by(settings: Option<&Path>, options: &Filter, message: &[u8], output: &mut Output) -> Option<By> {
    let (settings, findings) = context::settings_with_findings(settings);
    if settings.is_none() && say_errors(&findings, output) {
        return None;
    }
    let by = &options.judged_by;
    let rules = by.rules.as_deref().or(settings.as_ref().and_then(|settings| settings.rules.as_deref()));
    let (files, findings) = rulebook::read_for(settings.as_ref(), rules, message)?;
    say_errors(&findings, output);
    let files = files?;
    let account = match judged_by::account(settings.as_ref(), by) {
        Ok(account) => account,
        Err(words) => {
            output.error(&words);
            return None;
        }
    };
    let trust = judged_by::trust(settings.as_ref(), account, by);
    let require_authentic = account.is_some_and(|account| account.require_authentic);
    let rulebook = files.rulebook(trust, require_authentic, &Sent::new());
    let (remembered, fault) = judged_by::remembered(settings.as_ref());
    if let Some(fault) = fault {
        output.failure(&fault);
    }
    Some(By { rulebook, remembered, settings })
}

fn judge_by(
    by: &By,
    options: &Filter,
    message: &[u8],
    output: &mut Output,
) -> Result<Option<Field>, Panicked> {
    let alone = || judge(message, clock::now(), &by.rulebook, &by.remembered);
    // Only notifications are remembered.
    let Some(field) = alone()? else { return Ok(None) };
    let deadline = Instant::now() + PATIENCE;
    let store = judged_by::store(by.settings.as_ref(), 1).map_err(|fault| fault.words()).and_then(|store| {
        let Some(store) = store else { return Ok(None) };
        Ok(Some((store, recipient(options.recipient.as_deref())?)))
    });
    let (store, recipient) = match store {
        Ok(Some(both)) => both,
        Ok(None) => return Ok(Some(field)),
        Err(words) => {
            output.error(&words);
            return Ok(Some(field));
        }
    };
    let here = (&store, Delivery::of(message, &recipient, deadline));
    let (judged, fault) = judge_with_memory(message, clock::now(), &by.rulebook, &by.remembered, here);
    if let Err(fault) = fault {
        output.failure(&fault);
    }
    judged
}

/// Whose memory is meant.
fn recipient(address: Option<&str>) -> Result<Recipient, String> {
    let address = address.ok_or(
        "error: the memory of deliveries needs `--recipient ADDRESS`; the message was judged without it",
    )?;
    Recipient::new(address).ok_or_else(|| {
        "error: `--recipient` is neither an address nor the name of a user; the message was judged without the memory of deliveries"
            .to_owned()
    })
}

/// Prints the errors among the findings; a warning before every message would only fill a log. Are there any?
fn say_errors(findings: &[Diagnostic], output: &mut Output) -> bool {
    let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).cloned().collect();
    output.findings(&errors);
    !errors.is_empty()
}

/// The message on standard input, without what its sender wrote in our name.
struct Incoming {
    input: StdinLock<'static>,
    removal: Removal,
}

impl Incoming {
    fn new() -> Self {
        Self { input: io::stdin().lock(), removal: Removal::default() }
    }

    /// As much of it as is judged.
    fn start(&mut self) -> io::Result<Vec<u8>> {
        let (mut start, mut raw) = (Vec::new(), Vec::new());
        let read = (&mut self.input).take(MAIL_LIMIT).read_to_end(&mut raw)?;
        self.removal.push(&raw, &mut start);
        if (read as u64) < MAIL_LIMIT {
            self.removal.finish(&mut start);
        }
        Ok(start)
    }

    /// Hands the rest on, piece by piece, so that its size does not matter.
    fn rest(&mut self, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let (mut raw, mut piece) = (vec![0; PIECE], Vec::new());
        loop {
            let read = match self.input.read(&mut raw) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            piece.clear();
            if read == 0 {
                self.removal.finish(&mut piece);
                return write(&piece);
            }
            self.removal.push(raw.get(..read).unwrap_or_default(), &mut piece);
            write(&piece)?;
        }
    }
}

/// How many bytes precede the header: the `From ` line of an mbox.
fn before_header(message: &[u8]) -> usize {
    let line = message.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if message.starts_with(b"From ") { line } else { 0 }
}

/// How the lines of the message end, judging by the first.
fn line_end(message: &[u8]) -> &'static str {
    let first = message.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.ends_with(b"\r\n") { "\r\n" } else { "\n" }
}

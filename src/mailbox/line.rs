//! Commands and their answers: one command alone, and IDLE; `flight` has several commands that only read.
//!
//! Owns the tags. A command that changes anything goes alone, after every earlier answer was read. A response that cannot be read is
//! passed over only if it is certain where it ends; otherwise the connection is dropped. A failed connection refuses all later
//! commands. Called by `session` and its parts.
//!
//! Own code, since no crate sends commands ahead of the answers, passes over what it cannot read, and has one deadline for a whole
//! command.

mod flight;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::bounds::Limits;
use super::capabilities::Capabilities;
use super::dial::cut_short;
use super::dialogue::{bye_refusal, log_in};
use super::fault::{Cause, Step};
use super::framer::Frame;
use super::refusal::{Refusal, Status};
use super::response::{self, Response};
use super::stop::Stop;
use super::wire::{Channel, Shared, Transport};
use crate::login::Login;

pub(super) use flight::{LOGOUT, Piece};

/// How long the server may take to answer IDLE, before the wait begins.
const IDLE_BEGINS: Duration = Duration::from_secs(30);

/// Why it is not certain any more where a response ends.
const MISCOUNTED: &str = "a literal is not as long as announced";
const ANOTHER: &str = "the answer to another command";

/// An authenticated connection.
pub(super) struct Line {
    // `None` once it has failed.
    channel: Option<Channel>,
    shared: Arc<Shared>,
    /// The begin of each tag. Random, so that no message can contain what looks like a tagged line of this connection.
    prefix: String,
    /// The number of the last tag.
    tag: u32,
    /// The server did not take several commands at once: it gets them one at a time.
    singly: bool,
    /// It has stalled on several commands.
    stalled: bool,
    /// The tag of an IDLE that was ended and not answered yet.
    ending: Option<u32>,
    /// The server announced messages since [`Line::forget_announced`].
    announced: bool,
    /// How often messages may have left the open folder, so that others have new numbers.
    renumbered: u64,
}

impl fmt::Debug for Line {
    /// Without the buffers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("spent", &self.is_spent()).field("turns", &self.turns()).finish()
    }
}

/// What follows a command: lines of ASCII.
#[derive(Debug)]
pub(super) struct Literal<'a> {
    bytes: &'a str,
    /// It was begun to be sent. Until then, the server cannot have obeyed the command.
    is_begun: bool,
}

impl<'a> Literal<'a> {
    /// # Errors
    /// If a line has another end than CRLF, or a character that not every server takes.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Cause> {
        let is_line = |line: &str| line.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.split("\r\n").all(is_line));
        text.map(|bytes| Self { bytes, is_begun: false }).ok_or(Cause::Unsendable)
    }

    /// Was it begun to be sent?
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }
}

/// How a wait in IDLE ended.
#[derive(Debug)]
pub(super) enum Idled {
    /// The server announced something.
    Announced,
    /// It did not.
    Quiet,
    /// The server does not do what it advertises.
    Refused,
}

impl Line {
    /// Reads the greeting and logs in.
    pub(super) fn open(transport: Transport, greets: bool, login: &Login) -> Result<Self, (Step, Cause)> {
        let shared = Arc::clone(transport.shared());
        log_in(transport.clone(), greets, login)?;
        let channel = transport.into_channel().ok_or((Step::LogIn, Cause::Spent))?;
        Ok(Self {
            channel: Some(channel),
            shared,
            prefix: format!("f{:08x}.", fastrand::u32(..)),
            tag: 0,
            singly: false,
            stalled: false,
            ending: None,
            announced: false,
            renumbered: 0,
        })
    }

    /// The capabilities that the server has sent since the last call, if any.
    pub(super) fn take_capabilities(&mut self) -> Option<Capabilities> {
        self.shared.take_capabilities()
    }

    /// The capabilities in an answer.
    pub(super) fn capabilities_in(&self, answer: &Answer) -> Option<Capabilities> {
        answer.capabilities().map(|words| self.shared.capabilities(words))
    }

    /// Sends `command` alone and waits for the whole of its answer, within `limits`.
    ///
    /// # Errors
    /// A tagged NO or BAD leaves the connection usable; after any other error it is dropped.
    pub(super) fn run(&mut self, command: &str, limits: Limits) -> Result<Answer, Cause> {
        self.exchange(command, None, limits)
    }

    /// The same for a command that ends with a literal, which the server gets once it asks for it (RFC 9051, section 4.3).
    ///
    /// # Errors
    /// As [`Line::run`].
    pub(super) fn run_with(
        &mut self,
        command: &str,
        literal: &mut Literal<'_>,
        limits: Limits,
    ) -> Result<Answer, Cause> {
        let command = format!("{command} {{{}}}", literal.bytes.len());
        self.exchange(&command, Some(literal), limits)
    }

    fn exchange(
        &mut self,
        command: &str,
        mut literal: Option<&mut Literal<'_>>,
        limits: Limits,
    ) -> Result<Answer, Cause> {
        require_sendable(command)?;
        self.finish_idle()?;
        let goes = command == LOGOUT;
        self.tag += 1;
        let tag = self.tag;
        let (shared, prefix) = (Arc::clone(&self.shared), self.prefix.clone());
        let (answer, bye, refusal, announced) = self.with_channel(limits, |channel| {
            channel.send(&format!("{prefix}{tag} {command}"), false)?;
            let mut answer = Answer::default();
            let mut bye = None;
            let mut announced = false;
            loop {
                let lost = match channel.frame() {
                    Err(_) if shared.bounds.take_miscounted() => Cause::Garbled(MISCOUNTED),
                    Err(error) => return Err(ended(error, bye, &shared)),
                    Ok(frame) if frame.bytes.starts_with(b"+") && literal.is_some() => {
                        if let Some(literal) = literal.take() {
                            literal.is_begun = true;
                            channel.send(literal.bytes, true)?;
                        }
                        continue;
                    }
                    Ok(frame) => match tagged(frame.bytes, &prefix) {
                        Some((number, line)) if number == tag => {
                            answer.end(line);
                            let refusal = refusal(line, &shared);
                            return Ok((answer, bye, refusal, announced));
                        }
                        Some(_) => Cause::Garbled(ANOTHER),
                        None => {
                            announced |= is_announcement(frame, &mut bye, &shared);
                            let Err(lost) = answer.push(frame) else { continue };
                            lost
                        }
                    },
                };
                // A FETCH changes nothing, so it does not matter how it ends.
                let Cause::Garbled(why) = lost else { return Err(lost) };
                if !command.starts_with("UID FETCH ") {
                    return Err(lost);
                }
                shared.bounds.extend(limits);
                channel.resume()?;
                let mut nothing = Answer::default();
                nothing.pass_over(why);
                return Ok((nothing, None, None, true));
            }
        })?;
        self.announced |= announced;
        self.renumbered += u64::from(answer.renumbers());
        // A server that says BYE in the middle of an answer may have left out the rest.
        match (bye, refusal) {
            (Some(bye), _) if !goes => {
                self.channel = None;
                Err(Cause::Refused(bye))
            }
            (_, Some(refusal)) => Err(Cause::Refused(refusal)),
            (_, None) => Ok(answer),
        }
    }

    /// Waits in IDLE (RFC 2177) until the server announces something, a stop, or `due`. The content of announcements is ignored:
    /// the caller searches by UID. `heard` is called when IDLE has begun and at each line that comes, and may set an earlier end.
    pub(super) fn idle(
        &mut self,
        due: Instant,
        heard: &mut dyn FnMut(Instant) -> Option<Instant>,
    ) -> Result<Idled, Cause> {
        self.finish_idle()?;
        self.renumbered += 1;
        self.tag += 1;
        let tag = self.tag;
        let (shared, prefix) = (Arc::clone(&self.shared), self.prefix.clone());
        let limits = Limits { time: IDLE_BEGINS, ..Limits::SHORT };
        let (idled, bye, ending) = self.with_channel(limits, |channel| {
            channel.send(&format!("{prefix}{tag} IDLE"), false)?;
            let mut announced = false;
            let mut bye = None;
            // Before the continuation, in which a server may send anything.
            loop {
                let frame = channel.frame().map_err(|error| ended(error, bye.take(), &shared))?;
                if frame.bytes.starts_with(b"+") {
                    break;
                }
                if tagged(frame.bytes, &prefix).is_some_and(|(number, _)| number == tag) {
                    return Ok((Idled::Refused, bye, None));
                }
                announced |= is_announcement(frame, &mut bye, &shared);
            }
            let mut until = || heard(Instant::now()).map_or(due, |earlier| due.min(earlier));
            shared.bounds.arm_idle(until());
            channel.release();
            let mut over = false;
            while !announced && bye.is_none() && !over {
                let frame = match channel.frame() {
                    Ok(frame) => frame,
                    // The end of the wait looks like that; the bounds give DONE its time.
                    Err(error)
                        if error.kind() == io::ErrorKind::WouldBlock && shared.bounds.cut().is_none() =>
                    {
                        break;
                    }
                    Err(error) => return Err(ended(error, bye, &shared)),
                };
                over = tagged(frame.bytes, &prefix).is_some_and(|(number, _)| number == tag);
                announced |= is_announcement(frame, &mut bye, &shared);
                shared.bounds.idle_until(until());
            }
            shared.bounds.end_idle();
            if bye.is_none() && !over {
                channel.send("DONE", false)?;
            }
            // Its answer is read with that of the next command, so that a new message waits for one round trip less.
            if announced && bye.is_none() && !over {
                return Ok((Idled::Announced, bye, Some(tag)));
            }
            while bye.is_none() && !over {
                let frame = channel.frame().map_err(|error| ended(error, bye.take(), &shared))?;
                over = tagged(frame.bytes, &prefix).is_some_and(|(number, _)| number == tag);
                announced |= is_announcement(frame, &mut bye, &shared);
            }
            Ok((if announced { Idled::Announced } else { Idled::Quiet }, bye, None))
        })?;
        self.ending = ending;
        match bye {
            Some(bye) => {
                self.channel = None;
                Err(Cause::Refused(bye))
            }
            None => Ok(idled),
        }
    }

    /// Reads the answer to the DONE of an IDLE that was ended by an announcement.
    fn finish_idle(&mut self) -> Result<(), Cause> {
        let Some(tag) = self.ending.take() else { return Ok(()) };
        self.renumbered += 1;
        let (shared, prefix) = (Arc::clone(&self.shared), self.prefix.clone());
        let bye = self.with_channel(Limits::SHORT, |channel| {
            let mut bye = None;
            loop {
                let frame = channel.frame().map_err(|error| ended(error, bye.take(), &shared))?;
                if tagged(frame.bytes, &prefix).is_some_and(|(number, _)| number == tag) {
                    return Ok(bye);
                }
                is_announcement(frame, &mut bye, &shared);
            }
        })?;
        bye.map_or(Ok(()), |bye| {
            self.channel = None;
            Err(Cause::Refused(bye))
        })
    }

    /// From now on the server gets commands one at a time.
    pub(super) fn send_singly(&mut self) {
        self.singly = true;
    }

    /// Does the server get several commands at once?
    pub(super) fn sends_ahead(&self) -> bool {
        !self.singly
    }

    /// Has the server stalled on several commands?
    pub(super) fn has_stalled(&self) -> bool {
        self.stalled
    }

    /// Was IDLE ended by an announcement, and its answer not read yet?
    pub(super) fn is_ending_idle(&self) -> bool {
        self.ending.is_some()
    }

    /// Has the server announced messages since the last call of [`Line::forget_announced`]? Those of IDLE do not count.
    pub(super) fn has_announced(&self) -> bool {
        self.announced
    }

    /// Begins to note announcements anew, since all messages are about to be looked at.
    pub(super) fn forget_announced(&mut self) {
        self.announced = false;
    }

    /// As long as this stays the same, the messages of the open folder keep their numbers.
    pub(super) fn renumbered(&self) -> u64 {
        self.renumbered
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
        self.channel.is_none()
    }

    /// Drops the connection, whose data can no longer be trusted.
    pub(super) fn give_up(&mut self) {
        self.channel = None;
    }

    /// Runs `work` on the connection within `limits`. Keeps the connection only if that succeeds.
    fn with_channel<T>(
        &mut self,
        limits: Limits,
        work: impl FnOnce(&mut Channel) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        let mut channel = self.channel.take().ok_or(Cause::Spent)?;
        self.shared.bounds.arm(limits);
        let done = work(&mut channel).map_err(|cause| match cause {
            Cause::Io(_) | Cause::Lost => cut_short(cause, &self.shared.bounds),
            cause => cause,
        })?;
        self.channel = Some(channel);
        Ok(done)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Lost } else { Self::Io(error) }
    }
}

/// The last barrier: no name of a folder and no setting can put a second command into one.
fn require_sendable(command: &str) -> Result<(), Cause> {
    let is_sendable = command.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_sendable { Ok(()) } else { Err(Cause::Unsendable) }
}

/// The number in the tag of a tagged line, and the line without its tag; 0 for a tag that does not begin with `prefix`.
fn tagged<'l>(line: &'l [u8], prefix: &str) -> Option<(u32, &'l [u8])> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    let (tag, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_ascii_start();
    let condition = response::condition(rest);
    let is_tag = !tag.is_empty() && !matches!(tag, b"*" | b"+");
    if !is_tag || !["OK", "NO", "BAD"].into_iter().any(|word| condition.is(word)) {
        return None;
    }
    let number = tag
        .strip_prefix(prefix.as_bytes())
        .and_then(response::number)
        .and_then(|number| u32::try_from(number).ok());
    Some((number.unwrap_or_default(), rest))
}

/// The server's refusal in a tagged line without its tag, if it is one.
fn refusal(line: &[u8], shared: &Shared) -> Option<Refusal> {
    let condition = response::condition(line);
    if condition.is("OK") {
        return None;
    }
    let status = if condition.is("NO") { Status::No } else { Status::Bad };
    Some(Refusal::read(status, &String::from_utf8_lossy(condition.text), &shared.redactor))
}

/// Why the connection ended: a BYE before its end says more than the end.
fn ended(error: io::Error, bye: Option<Refusal>, shared: &Shared) -> Cause {
    let cause = cut_short(error.into(), &shared.bounds);
    match (bye, cause) {
        (Some(bye), Cause::Io(_) | Cause::Lost) => Cause::Refused(bye),
        (_, cause) => cause,
    }
}

/// Does a line during IDLE announce something? Notes a BYE.
fn is_announcement(frame: Frame<'_>, bye: &mut Option<Refusal>, shared: &Shared) -> bool {
    match response::read(frame) {
        Response::Exists(_) => true,
        Response::Condition(condition) if condition.is("BYE") => {
            *bye = Some(bye_refusal(frame.bytes, shared));
            true
        }
        // It may have been an announcement.
        Response::Unreadable { .. } => !frame.bytes.starts_with(b"f"),
        _ => false,
    }
}

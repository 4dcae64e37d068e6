//! A flight: several commands that only read, some of them sent ahead of the answers.
//!
//! Owns how many commands may be unanswered, and to which of them an answer belongs. What cannot be read makes the answers of all
//! commands unclear that are not complete. Never sends a command that changes anything; LOGOUT may be the last. Called by the parts
//! of `session` that read many messages.

use std::sync::Arc;
use std::time::Duration;

use super::{ANOTHER, Line, MISCOUNTED, ended, refusal, require_sendable, tagged};
use crate::mailbox::bounds::Limits;
use crate::mailbox::dialogue::bye_refusal;
use crate::mailbox::fault::Cause;
use crate::mailbox::refusal::{Refusal, Status};
use crate::mailbox::response::{self, Response};

/// How many commands of a flight may be unanswered: so many that the server has enough to do for the time of a round trip.
const AHEAD: usize = 16;
/// How many bytes these may have together. A server that still writes an answer does not read, so they have to fit into the buffers
/// between.
const AHEAD_BYTES: usize = 16 << 10;
/// The command that may end a flight, after which the connection is closed.
pub(in crate::mailbox) const LOGOUT: &str = "LOGOUT";
/// How long its answer is waited for once everything else has come.
const GOODBYE: Duration = Duration::from_secs(5);

/// What came in answer to one command of a flight.
#[derive(Debug)]
pub(in crate::mailbox) enum Piece<'a> {
    /// An untagged response that can be read.
    Response(Response<'a>),
    /// A response that could not be read; why.
    PassedOver(&'static str),
}

/// How a command of a flight was answered.
#[derive(Debug, Default)]
pub(in crate::mailbox) struct Flown {
    /// Why the server refused it, if it did.
    pub(in crate::mailbox) refusal: Option<Refusal>,
    /// Something that could not be read came before its answer was complete.
    pub(in crate::mailbox) is_unclear: bool,
    is_answered: bool,
}

impl Line {
    /// Sends commands that only read, some of them ahead of the answers, and gives `each` what comes. Returns how each command was
    /// answered; fewer if a stop kept some from being sent. `limits` are for each. If the last is LOGOUT, how that is answered does
    /// not matter, and the connection is closed.
    ///
    /// # Errors
    /// If the connection fails: then it is dropped.
    pub(in crate::mailbox) fn flight(
        &mut self,
        commands: &[String],
        limits: Limits,
        each: &mut dyn FnMut(Piece<'_>),
    ) -> Result<Vec<Flown>, Cause> {
        commands.iter().try_for_each(|command| require_sendable(command))?;
        let first = self.tag + 1;
        self.tag += u32::try_from(commands.len()).map_err(|_| Cause::Unsendable)?;
        let goes = commands.last().is_some_and(|last| last == LOGOUT);
        let ahead = if self.singly { 1 } else { AHEAD };
        if self.singly {
            self.finish_idle()?;
        }
        let ending = self.ending.take();
        let (shared, prefix) = (Arc::clone(&self.shared), self.prefix.clone());
        let flown = self.with_channel(limits, |channel| {
            let mut flown: Vec<Flown> = Vec::new();
            let (mut unanswered, mut unanswered_bytes) = (0, 0);
            let mut bye = None;
            let (mut announced, mut renumbers, mut is_last) = (false, false, false);
            loop {
                while let Some(command) = commands.get(flown.len()) {
                    let is_room = unanswered < ahead && unanswered_bytes + command.len() <= AHEAD_BYTES;
                    if unanswered > 0 && !is_room || shared.bounds.stop().is_stopped() {
                        break;
                    }
                    let tag = first + u32::try_from(flown.len()).unwrap_or(u32::MAX);
                    channel.send(&format!("{prefix}{tag} {command}"), unanswered > 0 || ending.is_some())?;
                    shared.bounds.extend(limits);
                    flown.push(Flown::default());
                    (unanswered, unanswered_bytes) = (unanswered + 1, unanswered_bytes + command.len());
                }
                if unanswered == 0 {
                    break;
                }
                let is_leaving = goes && unanswered == 1 && flown.len() == commands.len();
                let is_leaving = is_leaving && flown.last().is_some_and(|last| !last.is_answered);
                if is_leaving && !std::mem::replace(&mut is_last, true) {
                    shared.bounds.renew(Limits { time: GOODBYE, ..limits });
                }
                let lost = match channel.frame() {
                    Err(_) if is_leaving => break,
                    Err(_) if shared.bounds.take_miscounted() => MISCOUNTED,
                    Err(error) => return Err(ended(error, bye, &shared)),
                    Ok(frame) => {
                        if let Some((number, line)) = tagged(frame.bytes, &prefix) {
                            if ending == Some(number) {
                                continue;
                            }
                            // A server may work on several at a time, and answer them in another order (RFC 9051, section 5.5).
                            let at = number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
                            if let Some((at, one)) = at.and_then(|at| Some((at, flown.get_mut(at)?)))
                                && !one.is_answered
                            {
                                one.is_answered = true;
                                one.refusal = refusal(line, &shared);
                                unanswered -= 1;
                                unanswered_bytes -= commands.get(at).map_or(0, String::len);
                                shared.bounds.renew(limits);
                                continue;
                            }
                            ANOTHER
                        } else {
                            if frame.odd {
                                renumbers = true;
                                pass_over(&mut flown, "a line break after a literal", each);
                            }
                            match response::read(frame) {
                                Response::Unreadable { why, ends: false } => why,
                                response => {
                                    match response {
                                        Response::Unreadable { why, .. } => {
                                            renumbers = true;
                                            pass_over(&mut flown, why, each);
                                        }
                                        Response::Expunge(_) => renumbers = true,
                                        Response::Condition(_) if is_leaving => {}
                                        Response::Condition(condition) if condition.is("BYE") => {
                                            bye = Some(bye_refusal(frame.bytes, &shared));
                                        }
                                        Response::Exists(_) => announced = true,
                                        response => each(Piece::Response(response)),
                                    }
                                    continue;
                                }
                            }
                        }
                    }
                };
                // These commands change nothing, so it does not matter how they end. What seemed to be a BYE was none.
                pass_over(&mut flown, lost, each);
                shared.bounds.extend(limits);
                channel.resume()?;
                (bye, announced, renumbers) = (None, true, true);
                flown.iter_mut().for_each(|one| one.is_answered = true);
                (unanswered, unanswered_bytes) = (0, 0);
            }
            Ok((flown, bye, announced, renumbers))
        });
        self.stalled |= ahead > 1 && commands.len() > 1 && matches!(flown, Err(Cause::Late));
        let (flown, bye, announced, renumbers) = flown?;
        self.announced |= announced;
        self.renumbered += u64::from(renumbers || ending.is_some());
        if goes && flown.len() == commands.len() {
            self.channel = None;
        }
        if let Some(bye) = bye {
            self.channel = None;
            return Err(Cause::Refused(bye));
        }
        let is_bad = |one: &Flown| one.refusal.as_ref().is_some_and(|refusal| refusal.status == Status::Bad);
        if commands.len() > 1 && flown.iter().any(is_bad) {
            self.singly = true;
        }
        Ok(flown)
    }
}

/// Something could not be read: it may belong to each command that is not answered yet.
fn pass_over(flown: &mut [Flown], why: &'static str, each: &mut dyn FnMut(Piece<'_>)) {
    flown.iter_mut().filter(|one| !one.is_answered).for_each(|one| one.is_unclear = true);
    each(Piece::PassedOver(why));
}

//! Puts a message of followsift's own into a folder (APPEND), and looks for one there.
//!
//! Owns what is certain after a fault: a message that the server may have taken is never sent again by this room's callers, so it says
//! whether it may have. The command goes alone, and its literal only once the server asks for it, so that a server refuses before it
//! has anything. Never creates a folder for it. Called by `sweep` for the digest.

use super::bounds::Limits;
use super::date;
use super::fault::{Cause, Fault, Step, Subject};
use super::line::Literal;
use super::names::quoted;
use super::refusal::Status;
use super::session::Session;
use crate::place::{Folder, Uid};

/// How much earlier than by our clock a message may have arrived by the server's, in seconds: two days, since servers count days in
/// their own time zone.
const EARLIER: i64 = 2 * 86_400;

/// A message was not put into a folder, as far as is known.
#[derive(Debug)]
pub struct Unappended {
    /// What went wrong.
    pub fault: Box<Fault>,
    /// It is certain that the message is not there and will not come: the server refused it, or did not get it.
    pub is_certain: bool,
}

impl Session {
    /// Puts a message without flags into `folder`. Returns its UID, if the server reports it (UIDPLUS).
    ///
    /// # Errors
    /// If the server refuses it, the connection fails, or the message has a character that cannot be sent.
    pub fn append(&mut self, folder: &Folder, message: &[u8]) -> Result<Option<Uid>, Unappended> {
        let on = Subject::Folder(folder.clone());
        let unsent = |fault| Unappended { fault: Box::new(fault), is_certain: true };
        let of = |cause| Fault::of(Step::Append, &on, cause);
        let mut literal = Literal::new(message).map_err(|cause| unsent(of(cause)))?;
        let name = self.wire_name(folder).map_err(unsent)?;
        let name = quoted(&name).map_err(|cause| unsent(of(cause)))?;
        let limits = Limits::of_bytes(message.len() as u64);
        self.line
            .run_with(&format!("APPEND {name}"), &mut literal, limits)
            .map(|answer| answer.appended())
            .map_err(|cause| {
                // A refused APPEND leaves the folder as it was (RFC 9051, section 6.3.12).
                let is_refused = matches!(&cause, Cause::Refused(refusal) if refusal.status != Status::Bye);
                Unappended { fault: Box::new(of(cause)), is_certain: is_refused || !literal.is_begun() }
            })
    }

    /// Is a message with this Message-ID in `folder`, that arrived at about this moment or later? Only for ids that followsift made
    /// itself.
    ///
    /// # Errors
    /// If the folder cannot be opened or searched.
    pub fn holds(&mut self, folder: &Folder, message_id: &str, since: i64) -> Result<bool, Fault> {
        let here = self.stay_in(folder)?;
        let id = quoted(message_id)
            .map_err(|cause| Fault::of(Step::Search, &Subject::Folder(folder.clone()), cause))?;
        let day = date::day(since.saturating_sub(EARLIER));
        Ok(!self.search(&here, &format!("SINCE {day} HEADER Message-ID {id}"))?.is_empty())
    }
}

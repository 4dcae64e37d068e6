//! Reads a message from a file that a command was given: passes over what precedes it, and refuses what is not a message.
//!
//! Never reads messages of a mailbox. `explain` and `backtest` call it.

use std::io::{self, BufRead, Read};

use crate::mail::{NotAMessage, lead_in};
use crate::report::usage;

/// How much of a message is read: as much as the service fetches.
pub(super) const MAIL_LIMIT: u64 = crate::sweep::MAIL_LIMIT as u64;

/// Why there is no message.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It contains something else.
    Other(NotAMessage),
}

impl Unusable {
    /// As a sentence about the file of this name.
    pub(super) fn in_words(&self, name: &str) -> String {
        match self {
            Self::Unreadable(cause) => format!("could not read {name}: {cause}"),
            Self::Other(what) => usage::not_a_message(name, *what),
        }
    }
}

impl From<io::Error> for Unusable {
    fn from(cause: io::Error) -> Self {
        Self::Unreadable(cause)
    }
}

/// Passes over what precedes a message or an mbox.
pub(super) fn pass_over_lead_in(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (length, all) = (lead_in(buffer), buffer.len());
        reader.consume(length);
        if length < all || all == 0 {
            return Ok(());
        }
    }
}

/// The one message of a file; what follows the limit is cut off.
pub(super) fn one(mut reader: impl BufRead) -> Result<Vec<u8>, Unusable> {
    pass_over_lead_in(&mut reader)?;
    let mut bytes = Vec::new();
    reader.take(MAIL_LIMIT).read_to_end(&mut bytes)?;
    match NotAMessage::of(&bytes) {
        Some(what) => Err(Unusable::Other(what)),
        None => Ok(bytes),
    }
}

//! Cuts an mbox (RFC 4155) into pieces of whole messages, so that several threads can read it, and pieces into messages.
//!
//! Holds one piece at a time, however long a message is. `files` cuts, and `recognise` reads what was cut.

use std::io::{self, Read};

use mail_parser::mailbox::mbox::MessageIterator;

use crate::assess::{Arrival, Mail};
use crate::cli::message_file::MAIL_LIMIT;
use crate::clock::Timestamp;

/// The length of a piece. Enough for a message of which as much is read as is ever read, with every `>` that quoting adds.
const PIECE: usize = 2 * MAIL_LIMIT as usize;

/// The beginning of the next message, and the end of the line before it.
const SEPARATOR: &[u8] = b"\nFrom ";

/// Messages that are not parsed yet.
pub(super) enum Piece {
    /// A single one.
    Message(Vec<u8>, Arrival),
    /// Part of an mbox. A date after this moment is wrong.
    Mbox(Vec<u8>, Timestamp),
}

impl Piece {
    /// How many bytes it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Message(bytes, _) | Self::Mbox(bytes, _) => bytes.len(),
        }
    }

    /// Hands over each of its messages.
    pub(super) fn messages(&self, each: &mut dyn FnMut(Mail<'_>)) {
        let (text, now) = match self {
            Self::Message(bytes, arrived) => return each(Mail { bytes, arrived: *arrived }),
            Self::Mbox(text, now) => (text, *now),
        };
        // It is in memory, so that reading it cannot fail.
        for mail in MessageIterator::new(text.as_slice()).flatten() {
            // A date that cannot be read comes out as one that lies far away.
            let arrived = i64::try_from(mail.internal_date()).ok().filter(|at| *at > 0 && *at <= now.0);
            let arrived = arrived.map_or(Arrival::Dated { otherwise: now }, |at| Arrival::At(Timestamp(at)));
            let bytes = mail.contents();
            each(Mail { bytes: bytes.get(..MAIL_LIMIT as usize).unwrap_or(bytes), arrived });
        }
    }
}

/// Cuts an mbox, which begins with `From `.
pub(super) fn cut(mut reader: impl Read, now: Timestamp, each: &mut dyn FnMut(Piece)) -> io::Result<()> {
    let mut piece = Vec::new();
    loop {
        fill(&mut reader, &mut piece)?;
        if piece.len() < PIECE {
            if !piece.is_empty() {
                each(Piece::Mbox(piece, now));
            }
            return Ok(());
        }
        let next = match piece.windows(SEPARATOR.len()).rposition(|window| window == SEPARATOR) {
            Some(end) => piece.split_off(end + 1),
            // It holds all of the message that is read, so the rest of it is passed over.
            None => next_message(&mut reader, tail(&piece))?,
        };
        each(Piece::Mbox(std::mem::replace(&mut piece, next), now));
    }
}

/// Reads on until a piece is full, or to the end.
fn fill(reader: &mut impl Read, piece: &mut Vec<u8>) -> io::Result<()> {
    let room = PIECE.saturating_sub(piece.len());
    piece.reserve_exact(room);
    reader.take(room as u64).read_to_end(piece).map(drop)
}

/// Reads on to the next message; returns its beginning, or nothing at the end.
fn next_message(reader: &mut impl Read, mut read: Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        let before = read.len();
        fill(reader, &mut read)?;
        if read.len() == before {
            return Ok(Vec::new());
        }
        if let Some(end) = read.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            return Ok(read.split_off(end + 1));
        }
        read = tail(&read);
    }
}

/// As much of the end as a separator may begin in.
fn tail(text: &[u8]) -> Vec<u8> {
    text.get(text.len().saturating_sub(SEPARATOR.len() - 1)..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(2_000_000_000);

    fn messages_of(piece: &Piece) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        piece.messages(&mut |mail| messages.push(mail.bytes.to_vec()));
        messages
    }

    /// The messages of an mbox, and the length of its longest piece.
    fn read(mbox: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut messages, mut longest) = (Vec::new(), 0);
        cut(mbox, NOW, &mut |piece| {
            longest = longest.max(piece.size());
            messages.extend(messages_of(&piece));
        })
        .unwrap();
        (messages, longest)
    }

    #[test]
    fn a_message_longer_than_a_piece_is_cut_at_the_limit_and_the_next_one_is_read() {
        let long = "0123456789\n".repeat(PIECE / 4);
        // The separator lies everywhere in a piece and across its edge.
        for shift in 0..12 {
            let mbox = format!("From a\nx: {}\n{long}From b\nsecond\n{long}From c\nthird", "y".repeat(shift));
            let (messages, longest) = read(mbox.as_bytes());
            assert_eq!(messages.len(), 3);
            assert!(messages[..2].iter().all(|message| message.len() == MAIL_LIMIT as usize));
            assert!(messages[1].starts_with(b"second\n") && messages[2] == b"third", "{shift}");
            assert_eq!(longest, PIECE);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_pieces_hold_the_messages_of_the_whole(
            lines in prop::collection::vec(
                prop_oneof![Just("From a\n"), Just(">From b\n"), Just("\n"), Just("Fro"), Just("m \r\n"), Just("From")],
                0..400,
            ),
            length in 1_usize..9_000,
        ) {
            let filler = format!("{}\n", "z".repeat(length));
            let mbox = format!("From a\n{}", lines.join(&filler));
            let whole = messages_of(&Piece::Mbox(mbox.clone().into_bytes(), NOW));
            let (messages, longest) = read(mbox.as_bytes());
            prop_assert!(longest <= PIECE);
            prop_assert_eq!(messages, whole);
        }
    }
}

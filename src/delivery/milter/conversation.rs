//! One connection of a mail server: puts its messages together, has each judged at its end, and answers.

use std::io::{self, BufWriter, Read, Write};

use super::judges::Judges;
use super::protocol::{self, Agreement, Request};
use crate::delivery::field::{Field, NAME};
use crate::delivery::removal::Removal;

/// How much of a message is judged, as elsewhere.
const MESSAGE_LIMIT: usize = 256 << 10;
/// The most recipients that are remembered, and the most bytes of each. A message with more has no verdict, as if their rules
/// differed.
const RECIPIENTS_LIMIT: usize = 1_000;
const ADDRESS_LIMIT: usize = 1_000;

/// The message that is being received.
#[derive(Debug, Default)]
struct Incoming {
    /// Its beginning, without what its sender wrote in our name.
    bytes: Vec<u8>,
    /// How many fields its sender wrote in our name.
    forged: u32,
    has_body: bool,
    recipients: Vec<String>,
    /// Whether there are other recipients, too.
    has_more_recipients: bool,
}

/// Answers a mail server until it ends the connection. `current` gives what messages are judged by at that moment; `busy` is told
/// whether a message is being received.
///
/// # Errors
///
/// If the connection fails.
pub(super) fn converse(
    stream: &mut (impl Read + Write),
    current: &dyn Fn() -> std::sync::Arc<Judges>,
    busy: &mut dyn FnMut(bool),
) -> io::Result<()> {
    let mut agreement = Agreement::default();
    let mut message = Incoming::default();
    while let Some(request) = protocol::read(stream)? {
        let answer = match request {
            Request::Negotiate { version, actions, steps } => {
                let (agreed, answer) = Agreement::with(version, actions, steps);
                agreement = agreed;
                answer
            }
            Request::Recipient(address) => {
                busy(true);
                message.recipient(&address);
                if !agreement.answers_recipients() {
                    continue;
                }
                protocol::go_on()
            }
            Request::Field { name, value } => {
                busy(true);
                message.field(&name, agreement.gap(), &value);
                if !agreement.answers_fields() {
                    continue;
                }
                protocol::go_on()
            }
            Request::Body(piece) => {
                message.body(&piece);
                if agreement.may_skip() && message.is_full() { protocol::skip() } else { protocol::go_on() }
            }
            Request::End(piece) => {
                message.body(&piece);
                std::mem::take(&mut message).answer(&current(), agreement, stream)?;
                busy(false);
                continue;
            }
            Request::Abort => {
                message = Incoming::default();
                busy(false);
                continue;
            }
            Request::Quit => break,
            Request::Macros => continue,
            Request::Other => protocol::go_on(),
        };
        stream.write_all(&answer)?;
    }
    Ok(())
}

impl Incoming {
    fn recipient(&mut self, address: &[u8]) {
        if self.recipients.len() >= RECIPIENTS_LIMIT || address.len() > ADDRESS_LIMIT {
            self.has_more_recipients = true;
            return;
        }
        let address = String::from_utf8_lossy(address).to_lowercase();
        // `"ann"@a.example` is the same mailbox as without the quotes (RFC 5321, section 4.1.2).
        self.recipients.push(address.trim_matches(['<', '>']).replace(['"', '\\'], ""));
    }

    fn field(&mut self, name: &[u8], gap: &str, value: &[u8]) {
        if name.trim_ascii_end().eq_ignore_ascii_case(NAME.as_bytes()) {
            self.forged = self.forged.saturating_add(1);
            return;
        }
        self.add(name);
        self.add(b":");
        self.add(gap.as_bytes());
        // A folded value has bare line feeds.
        for (number, line) in value.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                self.add(b"\r\n");
            }
            self.add(line.strip_suffix(b"\r").unwrap_or(line));
        }
        self.add(b"\r\n");
    }

    fn body(&mut self, piece: &[u8]) {
        if !self.has_body {
            self.has_body = true;
            self.add(b"\r\n");
        }
        self.add(piece);
    }

    fn add(&mut self, bytes: &[u8]) {
        let left = MESSAGE_LIMIT.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..left).unwrap_or(bytes));
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= MESSAGE_LIMIT
    }

    /// Answers at the end of the message. A sender may have written so many fields that their deletions are not held together.
    fn answer(self, judges: &Judges, agreement: Agreement, stream: &mut impl Write) -> io::Result<()> {
        let mut stream = BufWriter::new(stream);
        if agreement.may_change() {
            // Backwards, so that the number of no field changes before its turn.
            for index in (1..=self.forged).rev() {
                stream.write_all(&protocol::delete(NAME, index))?;
            }
            if let Some(field) = self.judged(judges) {
                // The blank after the colon, where the mail server adds none.
                let blank = if agreement.gap().is_empty() { " " } else { "" };
                stream.write_all(&protocol::add(NAME, &format!("{blank}{}", field.value("\n"))))?;
            }
        }
        stream.write_all(&protocol::go_on())?;
        stream.flush()
    }

    fn judged(&self, judges: &Judges) -> Option<Field> {
        let (mut removal, mut bytes) = (Removal::default(), Vec::new());
        removal.push(&self.bytes, &mut bytes);
        removal.finish(&mut bytes);
        judges.judge(&bytes, (!self.has_more_recipients).then_some(self.recipients.as_slice()))
    }
}

//! The fields of a header block, as they stand there. Called by `message` and `people`.

use std::borrow::Cow;
use std::fmt;

use mailparse::{MailHeader, MailParseError, parse_headers};

use super::limits::MESSAGE_LIMIT;

/// The bytes cannot be parsed as a message, so followsift leaves it alone.
#[derive(Debug)]
pub struct Unreadable(pub(super) MailParseError);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot parse the message")
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The fields of a header block; a body after it is ignored.
pub(super) fn fields(bytes: &[u8]) -> Result<Vec<MailHeader<'_>>, Unreadable> {
    let block = bytes.get(..MESSAGE_LIMIT).unwrap_or(bytes);
    let fields = parse_headers(block).or_else(|error| {
        // A blank line that some programs end with two CRs is no lone CR.
        let end = block.windows(4).position(|four| four == b"\n\r\r\n").ok_or(error)?;
        parse_headers(block.get(..=end).unwrap_or_default())
    });
    fields.map(|(fields, _)| fields).map_err(Unreadable)
}

/// The value of a field, with its line breaks and encoded words: UTF-8, else Latin-1.
pub(super) fn text_of<'h>(header: &'h MailHeader<'_>) -> Cow<'h, str> {
    let raw = header.get_value_raw();
    std::str::from_utf8(raw).map_or_else(|_| charset::decode_latin1(raw), Cow::Borrowed)
}

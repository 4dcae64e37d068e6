//! Decodes the transfer encoding and charset of the readable parts of a message, on first use.
//!
//! Never fails: it replaces or skips what is broken, and stops at a limit. The decoders of mailparse and mail-parser lose bytes
//! where an encoding is broken.

use std::cell::OnceCell;

use base64::Engine as _;
use charset::Charset;
use mailparse::ParsedMail;
use mailparse::body::Body;

/// The most bytes decoded of a part.
const PART_LIMIT: usize = 1 << 20;

/// A part that is meant to be shown.
#[derive(Debug)]
pub(super) struct Part<'a> {
    raw: &'a [u8],
    encoding: Encoding,
    charset: String,
    /// Whether the end is missing.
    is_cut: bool,
    decoded: OnceCell<String>,
}

/// The parts of one kind in the order of the message, read as one text: a gateway may put its warning into a part of its own,
/// before or after what it warns of.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    parts: Vec<Part<'a>>,
    joined: OnceCell<String>,
}

/// A transfer encoding (RFC 2045, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    None,
    QuotedPrintable,
    Base64,
}

impl<'a> Part<'a> {
    /// From a parsed part.
    pub(super) fn new(part: &ParsedMail<'a>, is_cut: bool) -> Self {
        let (encoding, raw) = match part.get_body_encoded() {
            Body::Base64(body) => (Encoding::Base64, body.get_raw()),
            Body::QuotedPrintable(body) => (Encoding::QuotedPrintable, body.get_raw()),
            Body::SevenBit(body) | Body::EightBit(body) => (Encoding::None, body.get_raw()),
            Body::Binary(body) => (Encoding::None, body.get_raw()),
        };
        Self {
            // The body ends with the part.
            raw: part.raw_bytes.get(part.raw_bytes.len() - raw.len()..).unwrap_or_default(),
            encoding,
            charset: part.ctype.charset.clone(),
            is_cut,
            decoded: OnceCell::new(),
        }
    }

    /// Its decoded text. Broken characters are replaced.
    pub(super) fn text(&self) -> &str {
        self.decoded.get_or_init(|| {
            let mut bytes = match self.encoding {
                Encoding::Base64 => lenient_base64(self.raw),
                Encoding::QuotedPrintable => quoted_printable(self.raw),
                Encoding::None => self.raw.get(..PART_LIMIT).unwrap_or(self.raw).to_vec(),
            };
            bytes.truncate(PART_LIMIT);
            let label = self.charset.as_str();
            // Without a charset, text is most often UTF-8 today; and US-ASCII is valid UTF-8.
            if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("utf-8") {
                return utf_8(bytes);
            }
            match Charset::for_label_no_replacement(label.as_bytes()) {
                Some(charset) => charset.decode(&bytes).0.into_owned(),
                None => utf_8(bytes),
            }
        })
    }
}

impl<'a> Parts<'a> {
    pub(super) fn new(mut parts: Vec<Part<'a>>) -> Self {
        parts.retain(|part| !part.raw.trim_ascii().is_empty());
        Self { parts, joined: OnceCell::new() }
    }

    /// A part that is decoded already, if there is one.
    pub(super) fn of_text(text: Option<String>) -> Self {
        Self { parts: Vec::new(), joined: text.map_or_else(OnceCell::new, OnceCell::from) }
    }

    /// The decoded text; `None` if there are no parts.
    pub(super) fn text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => self.joined.get().map(String::as_str),
            [only] => Some(only.text()),
            several => Some(self.joined.get_or_init(|| {
                let texts: Vec<_> = several.iter().map(Part::text).collect();
                texts.join("\n")
            })),
        }
    }

    /// Is its end missing?
    pub(super) fn is_cut(&self) -> bool {
        self.parts.last().is_some_and(|part| part.is_cut)
    }
}

fn utf_8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Decodes what is there: a message cut short seldom ends with a complete group of four, and RFC 2045, section 6.8 says to
/// ignore characters outside the alphabet. Some programs encode a text in pieces, each with its own padding.
pub(super) fn lenient_base64(raw: &[u8]) -> Vec<u8> {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let (mut bytes, mut digits) = (Vec::new(), Vec::new());
    for piece in raw.split(|byte| *byte == b'=') {
        let left = PART_LIMIT.saturating_sub(bytes.len());
        if left == 0 {
            break;
        }
        digits.clear();
        digits.extend(piece.iter().copied().filter(alphabet).take(left.div_ceil(3) * 4));
        if digits.len() % 4 == 1 {
            digits.pop();
        }
        let decoded = engine.decode_vec(&digits, &mut bytes);
        debug_assert!(decoded.is_ok(), "all of it is in the alphabet");
    }
    bytes
}

/// Decodes quoted-printable text (RFC 2045, section 6.7). Leaves invalid escapes unchanged.
pub(super) fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len().min(PART_LIMIT));
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if text.len() >= PART_LIMIT {
            break;
        }
        // White space at the end of a line was added in transit (rule 3).
        let mut rest = line.trim_ascii_end();
        let mut is_soft = false;
        while let Some(at) = rest.iter().position(|byte| *byte == b'=') {
            let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            text.extend_from_slice(before);
            match escape {
                [_] => {
                    is_soft = true;
                    rest = &[];
                }
                [_, high, low, tail @ ..] if let (Some(high), Some(low)) = (digit(*high), digit(*low)) => {
                    text.push(high * 16 + low);
                    rest = tail;
                }
                [equals, tail @ ..] => {
                    text.push(*equals);
                    rest = tail;
                }
                [] => rest = &[],
            }
        }
        text.extend_from_slice(rest);
        if !is_soft && line.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    text
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        // RFC 2045 requires capitals, but advises decoders to accept both.
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&quoted_printable(raw.as_bytes())), expected, "{raw:?}");
    }

    #[test]
    fn quoted_printable_text_is_decoded() {
        check("Gr=C3=BC=c3=9fe\r\nx", "Grüße\nx");
        check("one li=\r\nne  \r\n", "one line\n");
        check("=3D=3D\n\n=", "==\n\n");
    }

    #[test]
    fn base64_is_decoded_in_pieces_and_as_far_as_it_goes() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(String::from_utf8_lossy(&lenient_base64(raw.as_bytes())), expected, "{raw:?}");
        };
        check("QW5uIExpbWE=", "Ann Lima");
        check("QW5uIA==\r\nTGltYQ==\r\n", "Ann Lima");
        check("QW4=biBM==aW1h", "Ann Lima");
        check("QW5\r\nuIEx*pbWE", "Ann Lima");
        check("====", "");
        check("QW5uI", "Ann");
    }

    #[test]
    fn no_more_of_a_part_is_decoded_than_the_limit() {
        for piece in ["QUJD", "QQ==", "Q=", "="] {
            let decoded = lenient_base64(piece.repeat(PART_LIMIT).as_bytes());
            assert!(decoded.len() <= PART_LIMIT + 2, "{piece}: {}", decoded.len());
        }
    }

    #[test]
    fn an_invalid_escape_stays_unchanged() {
        check("a=b =ZZ =4", "a=b =ZZ =4");
        check("ä=\n=C3=A4", "ää");
    }
}

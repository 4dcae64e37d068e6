//! Tells the source of a message from the other files that people save and take for it.
//!
//! Pure. For files that a command was given; a message in a mailbox is one, whatever it looks like. Called by `cli`.

/// What a file contains that is not the source of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAMessage {
    /// Nothing but white space.
    Empty,
    /// A message in Outlook's own format (`.msg`), an OLE compound file.
    Outlook,
    /// A compressed file or an archive.
    Compressed,
    /// Text in UTF-16.
    Utf16,
    /// HTML or XML.
    Html,
    /// PDF.
    Pdf,
    /// RTF.
    Rtf,
    /// Text that has no header.
    Text,
    /// Anything else.
    Binary,
}

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The first bytes by which a file is known.
const SIGNATURES: &[(&[u8], NotAMessage)] = &[
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", NotAMessage::Outlook),
    (b"\x1f\x8b", NotAMessage::Compressed),
    (b"PK\x03\x04", NotAMessage::Compressed),
    (b"BZh", NotAMessage::Compressed),
    (b"\xfd7zXZ\0", NotAMessage::Compressed),
    (b"7z\xbc\xaf\x27\x1c", NotAMessage::Compressed),
    (b"\x28\xb5\x2f\xfd", NotAMessage::Compressed),
    (b"Rar!\x1a\x07", NotAMessage::Compressed),
    (b"\xff\xfe", NotAMessage::Utf16),
    (b"\xfe\xff", NotAMessage::Utf16),
    (b"%PDF-", NotAMessage::Pdf),
    (b"{\\rtf", NotAMessage::Rtf),
    (b"<", NotAMessage::Html),
];

/// A header field is looked for in so many lines. Not in the first alone, since Apple Mail puts a number above the header.
const LINES: usize = 100;

impl NotAMessage {
    /// By the beginning of a file, after its [lead-in](lead_in). `None` for the source of a message: a header field or the
    /// `From ` line of an mbox is there.
    pub fn of(start: &[u8]) -> Option<Self> {
        if start.is_empty() {
            return Some(Self::Empty);
        }
        if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)) {
            return Some(*what);
        }
        let header = start.split(|byte| *byte == b'\n').take(LINES);
        if start.starts_with(b"From ") || header.take_while(|line| !is_blank(line)).any(is_field) {
            return None;
        }
        let is_utf_16 = start.first_chunk::<4>().is_some_and(|[a, b, c, d]| {
            let is_zero = [a, b, c, d].map(|byte| *byte == 0);
            is_zero == [true, false, true, false] || is_zero == [false, true, false, true]
        });
        Some(match is_utf_16 {
            true => Self::Utf16,
            false if start.contains(&0) => Self::Binary,
            false => Self::Text,
        })
    }
}

/// How many bytes precede the message in a file: blank lines, as a copied source often has, and a byte order mark.
pub fn lead_in(start: &[u8]) -> usize {
    let mut rest = start;
    loop {
        let text = rest.trim_ascii_start();
        match text.strip_prefix(BOM) {
            Some(text) => rest = text,
            None => return start.len() - text.len(),
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

/// A name, which consists of visible ASCII, and a colon (RFC 5322, sections 2.2 and 4.5.2).
fn is_field(line: &[u8]) -> bool {
    let name = line.iter().position(|byte| *byte == b':').and_then(|end| line.get(..end));
    let name = name.unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: ann@home.example\r\nSubject: Lunch\r\n\r\nAt one?\r\n";

    fn of(file: &[u8]) -> Option<NotAMessage> {
        NotAMessage::of(&file[lead_in(file)..])
    }

    fn utf_16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn the_source_of_a_message_is_one_whatever_surrounds_or_fills_it() {
        for lead in ["", "\r\n", "\n \t\n", "\u{feff}", "\n\u{feff}\n", "617\n", "From - Mon Jan  1\n", "  "]
        {
            assert_eq!(of(format!("{lead}{MAIL}").as_bytes()), None, "{lead:?}");
        }
        assert_eq!(of(format!("{MAIL}\0\0").as_bytes()), None);
        assert_eq!(of(b"Subject: \0\xff"), None);
        assert_eq!(of(b"Subject : x"), None);
        assert_eq!(of(b"From ann@home.example Mon Jan  1 00:00:00 2024\n\n"), None);
        assert_eq!(lead_in("\u{feff}\n From: x".as_bytes()), 5);
    }

    #[test]
    fn other_files_are_known_for_what_they_are() {
        let marked = format!("\u{feff}{MAIL}");
        let cases: &[(&[u8], NotAMessage)] = &[
            (b"", NotAMessage::Empty),
            (b"\xef\xbb\xbf\r\n \n", NotAMessage::Empty),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", NotAMessage::Outlook),
            (b"\x1f\x8b\x08\0", NotAMessage::Compressed),
            (b"PK\x03\x04\x14", NotAMessage::Compressed),
            (&utf_16(&marked, u16::to_le_bytes), NotAMessage::Utf16),
            (&utf_16(&marked, u16::to_be_bytes), NotAMessage::Utf16),
            (&utf_16(MAIL, u16::to_le_bytes), NotAMessage::Utf16),
            (&utf_16(MAIL, u16::to_be_bytes), NotAMessage::Utf16),
            (b"<!DOCTYPE html>\n<a href=\"http://x.example\">x</a>", NotAMessage::Html),
            (b"\n<html><body>From: Ann</body></html>", NotAMessage::Html),
            (b"%PDF-1.7\n", NotAMessage::Pdf),
            (b"{\\rtf1\\ansi", NotAMessage::Rtf),
            (b"Ann Lima follows you now.\n\nFrom: nobody\n", NotAMessage::Text),
            (b"Ann Lima (@ann): hello", NotAMessage::Text),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NotAMessage::Binary),
            (b"SQLite format 3\0", NotAMessage::Binary),
        ];
        for (file, expected) in cases {
            assert_eq!(of(file), Some(*expected), "{}", file.escape_ascii());
        }
    }
}

//! Parses the bytes of a message: its `head`, and the text and HTML parts, each up to a limit.
//!
//! Never opens an attached message. Reads a message that is cut short up to the cut.

use mailparse::{DispositionType, ParsedMail, parse_mail};

use super::field::Unreadable;
use super::head::{Envelope, Head, SUBJECT_CAP};
use super::limits::MESSAGE_LIMIT;
use super::part::{Part, Parts};
use crate::text::one_line;

/// The most parts searched for text and HTML.
const PARTS_LIMIT: usize = 300;
/// The most parts of one kind that are read: what a gateway adds before and after, and one more.
const PARTS_OF_A_KIND: usize = 4;

/// A parsed message, as far as recognition needs it.
#[derive(Debug)]
pub struct Message<'a> {
    head: Head<'a>,
    text: Parts<'a>,
    html: Parts<'a>,
    /// How many bytes of it were read.
    size: usize,
}

impl<'a> Message<'a> {
    /// Parses a message, which may be cut short anywhere after its header.
    ///
    /// # Errors
    ///
    /// If mailparse fails: on a lone CR or white space at the start of the header, or on parts nested more than a hundred
    /// deep.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let whole = bytes.get(..MESSAGE_LIMIT).unwrap_or(bytes);
        let (parsed, end) = match parse_mail(whole) {
            Ok(parsed) => (parsed, whole),
            Err(error) => {
                // Cut short within the header of a part: the parts before it are complete.
                let last_part = whole.windows(3).rposition(|three| three == b"\n--");
                let before = last_part.and_then(|end| parse_mail(whole.get(..=end)?).ok());
                (before.ok_or(Unreadable(error))?, [].as_slice())
            }
        };
        let mut found = Found { budget: PARTS_LIMIT, text: Vec::new(), html: Vec::new() };
        found.search(&parsed);
        // A part is complete if a boundary follows it; a message with one part, if its last line is.
        let ends_with_message =
            |part: &ParsedMail<'_>| part.raw_bytes.as_ptr_range().end == end.as_ptr_range().end;
        let is_single = parsed.subparts.is_empty() && end.len() == bytes.len() && end.ends_with(b"\n");
        let read = |part: &ParsedMail<'a>| Part::new(part, ends_with_message(part) && !is_single);
        let body = |parts: Vec<&ParsedMail<'a>>| Parts::new(parts.into_iter().map(read).collect());
        let (text, html) = (body(found.text), body(found.html));
        Ok(Self { text, html, head: Head::new(parsed.headers), size: whole.len() })
    }

    /// A message with this header block, and with these texts as its parts.
    ///
    /// # Errors
    ///
    /// If mailparse fails on the header.
    pub(super) fn with_texts(
        header: &'a [u8],
        text: Option<String>,
        html: Option<String>,
    ) -> Result<Self, Unreadable> {
        let sizes = [&text, &html].into_iter().flatten().map(String::len);
        let size = header.len() + sizes.sum::<usize>();
        Ok(Self { head: Head::parse(header)?, text: Parts::of_text(text), html: Parts::of_text(html), size })
    }

    /// The subject as one line.
    pub fn subject(&self) -> &str {
        &self.head.subject
    }

    /// The address in From, if any: the first of several.
    pub fn from(&self) -> Option<String> {
        self.head.from().map(|from| one_line(&format!("{}@{}", from.local, from.domain), SUBJECT_CAP))
    }

    /// Has it an Authentication-Results (RFC 8601) where receiving servers write it?
    pub fn has_results(&self) -> bool {
        let from = self.head.place("from").unwrap_or(usize::MAX);
        self.head.place("authentication-results").is_some_and(|place| place < from)
    }

    /// What a person needs to find it again.
    pub fn envelope(&self) -> Envelope {
        self.head.envelope()
    }

    /// The decoded text part, white space included; several are joined. Omits a last line that was cut short.
    pub fn text(&self) -> Option<&str> {
        let text = self.text.text()?;
        let end =
            if self.text.is_cut() { text.rfind('\n').map_or(0, |newline| newline + 1) } else { text.len() };
        text.get(..end)
    }

    /// The HTML part, decoded; several are joined.
    pub fn html(&self) -> Option<&str> {
        self.html.text()
    }

    /// Is the end of the HTML part missing?
    pub(super) fn is_html_cut(&self) -> bool {
        self.html.is_cut()
    }

    pub(super) fn head(&self) -> &Head<'a> {
        &self.head
    }

    /// How many bytes of it were read.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// The text and HTML parts that are meant to be shown.
struct Found<'m, 'a> {
    /// How many more parts may be searched.
    budget: usize,
    text: Vec<&'m ParsedMail<'a>>,
    html: Vec<&'m ParsedMail<'a>>,
}

impl<'m, 'a> Found<'m, 'a> {
    /// Opens only multiparts: the content of an attached message does not belong to this one.
    fn search(&mut self, part: &'m ParsedMail<'a>) {
        let Some(left) = self.budget.checked_sub(1) else { return };
        self.budget = left;
        let mimetype = part.ctype.mimetype.as_str();
        if mimetype.starts_with("multipart/") {
            for subpart in &part.subparts {
                self.search(subpart);
            }
            return;
        }
        let parts = match mimetype {
            "text/plain" => &mut self.text,
            "text/html" => &mut self.html,
            _ => return,
        };
        // A part with a file name, after another part, is a file that mail programs show below the message.
        let disposition = part.get_content_disposition();
        let is_file = disposition.params.contains_key("filename") || part.ctype.params.contains_key("name");
        if disposition.disposition != DispositionType::Attachment
            && parts.len() < PARTS_OF_A_KIND
            && (parts.is_empty() || !is_file)
        {
            parts.push(part);
        }
    }
}

/// A message whose lines some program on the way ended with `\r\r\n`, with line ends that can be parsed; `None` for any other.
pub fn with_plain_line_ends(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.get(..MESSAGE_LIMIT).unwrap_or(bytes);
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    lines().find(|line| line.ends_with(b"\r\r\n"))?;
    let mut plain = Vec::with_capacity(bytes.len());
    for line in lines() {
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                let end = text.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
                plain.extend_from_slice(text.get(..end).unwrap_or_default());
                plain.extend_from_slice(b"\r\n");
            }
            None => plain.extend_from_slice(line),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        Message::parse(message.as_bytes()).unwrap().text().unwrap_or("none").to_owned()
    }

    #[test]
    fn a_message_without_mime_headers_is_text_in_utf_8() {
        assert_eq!(text("Subject: x\r\n\r\nJórunn\r\n"), "Jórunn\r\n");
    }

    #[test]
    fn charsets_and_transfer_encodings_are_decoded() {
        let part = |kind: &str, encoding: &str, body: &str| {
            text(&format!("Content-Type: text/plain{kind}\nContent-Transfer-Encoding: {encoding}\n\n{body}"))
        };
        assert_eq!(part("; charset=iso-8859-1", "quoted-printable", "Gr=FC=\n=DFe\n").trim(), "Grüße");
        assert_eq!(part("; charset=utf-8", "base64", "w6TDtg\n"), "äö");
        assert_eq!(part("; charset=iso-2022-jp", "7bit", "\x1b$B:4F#\x1b(B\n"), "佐藤\n");
        assert_eq!(part("; charset=nonsense", "8bit", "ä\n"), "ä\n");
        assert!(part("; charset=utf-8", "base64", "*** not base64 ***").len() < 40);
    }

    #[test]
    fn a_message_cut_short_in_its_base64_part_is_read_up_to_the_cut() {
        let whole =
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nQW5uIExpbWE=";
        for length in whole.len() - 11..=whole.len() {
            assert_eq!(text(whole.get(..length).unwrap()), "");
        }
        let lines =
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nQW5uCkxpbWE=";
        assert_eq!(text(lines), "Ann\n");
    }

    #[test]
    fn a_message_cut_short_in_the_header_of_a_part_keeps_the_parts_before() {
        let message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nshown\n--b\nContent-T";
        assert_eq!(text(message), "shown");
    }

    #[test]
    fn an_attached_message_is_not_opened() {
        let message = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
                    Subject: in\n\ninner\n--b--\n";
        assert_eq!(text(message), "none");
        let attachment = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\
                          Content-Disposition: attachment\n\nfile\n--b\n\nshown\n--b--\n";
        assert_eq!(text(attachment).trim(), "shown");
    }

    #[test]
    fn parts_that_a_gateway_adds_are_read_with_the_others() {
        let part = |kind: &str, text: &str| format!("--b\nContent-Type: text/{kind}\n\n{text}\n");
        let mixed = |parts: &[String]| {
            format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", parts.concat())
        };
        let nested = "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nours\n--c\n\
                      Content-Type: text/html\n\n<p>ours\n--c--\n";
        let message = mixed(&[part("plain", "caution"), nested.to_owned(), part("plain", "footer")]);
        assert_eq!(text(&message).split_whitespace().collect::<Vec<_>>(), ["caution", "ours", "footer"]);
        let message = mixed(&[part("html", "<p>caution"), nested.to_owned()]);
        let parsed = Message::parse(message.as_bytes()).unwrap();
        assert_eq!(parsed.html().unwrap().split_whitespace().collect::<Vec<_>>(), ["<p>caution", "<p>ours"]);
        // Files and what exceeds the limit do not count.
        let file = part("plain; name=a.txt", "file");
        assert_eq!(text(&mixed(&[part("plain", "ours"), file])).trim(), "ours");
        let many = vec![part("plain", "x"); 50];
        assert_eq!(text(&mixed(&many)).split_whitespace().count(), PARTS_OF_A_KIND);
    }

    #[test]
    fn lines_that_end_with_two_carriage_returns_are_lines() {
        let part = "--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n";
        let plain = format!(
            "From: a@x.example\r\nSubject: folded\r\n line\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
             {part}--b\r\n\r\nhello\r\n\r\nthere\r\n--b--\r\n"
        );
        for end in ["\r\r\n", "\r\r\r\n"] {
            let odd = plain.replace("\r\n", end);
            assert!(Message::parse(odd.as_bytes()).is_err());
            assert_eq!(with_plain_line_ends(odd.as_bytes()).as_deref(), Some(plain.as_bytes()));
            let head = Head::parse(odd.as_bytes());
            assert_eq!(head.is_ok_and(|head| head.subject == "folded line"), end == "\r\r\n", "{end:?}");
        }
        // The receiving server's lines are well.
        let mixed = format!("Received: x\r\n{}", plain.replace("\r\n", "\r\r\n"));
        let mended = with_plain_line_ends(mixed.as_bytes()).unwrap();
        assert_eq!(Message::parse(&mended).unwrap().text(), Some("hello\r\n\r\nthere"));
        assert_eq!(with_plain_line_ends(plain.as_bytes()), None);
        assert_eq!(with_plain_line_ends(plain.replace("\r\n", "\n").as_bytes()), None);
    }

    #[test]
    fn several_senders_are_detected() {
        let several =
            |message: &str| Message::parse(message.as_bytes()).unwrap().head().has_several_senders();
        assert!(!several("From: a@x.example\n\n"));
        assert!(several("From: a@x.example, b@y.example\n\n"));
        assert!(several("From: a@x.example\nFrom: b@y.example\n\n"));
        for blank in [" ", "\t", "  "] {
            assert!(several(&format!("From: a@x.example\nFrom{blank}: b@y.example\n\n")), "{blank:?}");
            assert!(several(&format!("FROM{blank}: a@x.example\nfrom: b@y.example\n\n")), "{blank:?}");
        }
    }

    #[test]
    fn the_sender_is_the_address_and_not_the_name() {
        let message = Message::parse(b"From: \"notify@twitter.com\" <x@Freemail.example>\n\n").unwrap();
        assert_eq!(message.from().as_deref(), Some("x@freemail.example"));
    }

    #[test]
    fn hostile_headers_are_bounded() {
        let words = format!("Subject: {}\n\nbody", "=?utf-8?Q?a?= ".repeat(20_000));
        assert_eq!(Message::parse(words.as_bytes()).unwrap().subject(), "");
        let long = format!("Subject: {}\n\nbody", "a".repeat(70_000));
        assert_eq!(Message::parse(long.as_bytes()).unwrap().subject(), "");
    }

    #[test]
    fn a_message_that_mailparse_rejects_is_unreadable() {
        assert!(Message::parse(b"\rSubject: x\n\n").is_err());
        let mut nested = String::new();
        for depth in 0..200 {
            nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{depth}x\n\n--b{depth}x\n"));
        }
        assert!(Message::parse(nested.as_bytes()).is_err());
    }
}

//! Parses the bytes of a message: headers, subject, sender, and the text and HTML parts, each up to a limit.
//!
//! Never opens an attached message. Reads a message that is cut short up to the cut.

use std::cell::OnceCell;

use mailparse::{DispositionType, MailHeader, ParsedMail, parse_mail};

use super::alias::Alias;
use super::encoded_word;
use super::field::{Unreadable, fields, text_of};
use super::limits::{HEADER_LIMIT, MESSAGE_LIMIT, is_decodable};
use super::part::{Part, Parts};
use super::people::{Address, addresses};
use crate::clock::Timestamp;
use crate::text::{is_invisible, one_line};

/// Decoding a header field costs as much as reading each byte this many times.
const DECODING: usize = 8;
/// The most parts searched for text and HTML.
const PARTS_LIMIT: usize = 300;
/// The most parts of one kind that are read: what a gateway adds before and after, and one more.
const PARTS_OF_A_KIND: usize = 4;
/// The most characters kept of a subject. RFC 5322, section 2.1.1 limits a line to 998.
const SUBJECT_CAP: usize = 1000;

/// What a person needs to find a message again. The sender chooses all of it, so it proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The subject as one line; empty if there is none.
    pub subject: String,
    /// The Message-ID as one line, if there is one.
    pub message_id: Option<String>,
    /// When its sender claims to have written it (Date; RFC 5322, section 3.6.1), if that can be parsed.
    pub date: Option<Timestamp>,
}

impl Envelope {
    /// From the header block alone; empty if it cannot be parsed.
    pub fn of_header(header: &[u8]) -> Self {
        Head::parse(header).map(|head| head.envelope()).unwrap_or_default()
    }
}

/// The header of a message.
#[derive(Debug)]
pub(super) struct Head<'a> {
    headers: Vec<MailHeader<'a>>,
    /// Parsed on first use: most messages are ruled out by their subject.
    senders: OnceCell<Senders>,
    /// The same for what an alias service wrote in From.
    alias: OnceCell<Option<Alias>>,
    /// The subject as one line; empty if there is none.
    pub(super) subject: String,
    /// Are there characters in the subject that show nothing, other than ASCII blanks?
    pub(super) has_blanks: bool,
}

/// The addresses in From.
#[derive(Debug)]
struct Senders {
    first: Option<Address>,
    are_several: bool,
}

impl<'a> Head<'a> {
    /// Reads a header block; a body after it is ignored.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        fields(bytes).map(Self::new)
    }

    fn new(headers: Vec<MailHeader<'a>>) -> Self {
        let mut head = Self {
            headers,
            senders: OnceCell::new(),
            alias: OnceCell::new(),
            subject: String::new(),
            has_blanks: false,
        };
        let subject = head.fields("subject").find_map(|(_, header)| {
            let raw = header.get_value_raw();
            match std::str::from_utf8(raw) {
                // Most subjects are plain, and plain text needs no decoding.
                Ok(plain) if raw.len() <= SUBJECT_CAP && raw.is_ascii() && !raw.contains(&b'=') => {
                    Some((one_line(plain, SUBJECT_CAP), false))
                }
                _ => decoded(header).map(|subject| (one_line(&subject, SUBJECT_CAP), has_blanks(&subject))),
            }
        });
        (head.subject, head.has_blanks) = subject.unwrap_or_default();
        head
    }

    fn envelope(&self) -> Envelope {
        let message_id = self.values("Message-ID").next().map(|id| one_line(&id, SUBJECT_CAP));
        Envelope {
            subject: self.subject.clone(),
            message_id: message_id.filter(|id| !id.is_empty()),
            date: self.date(),
        }
    }

    fn date(&self) -> Option<Timestamp> {
        let (_, date) = self.fields("Date").next()?;
        // An empty date would be read as 1970.
        let date = date.get_value_utf8().ok().filter(|date| !date.trim().is_empty())?;
        mailparse::dateparse(&date).ok().map(Timestamp)
    }

    /// The first address in From, if there is one.
    pub(super) fn from(&self) -> Option<&Address> {
        self.senders().first.as_ref()
    }

    /// Has From these letters, in this order and in lower case, whatever stands between them? Costs less than parsing it, and is
    /// true of every address that is found in it.
    pub(super) fn may_name(&self, letters: impl Iterator<Item = u8> + Clone) -> bool {
        let has_letters = |value: &[u8]| {
            let mut bytes = value.iter().map(u8::to_ascii_lowercase);
            letters.clone().all(|letter| bytes.any(|byte| byte == letter))
        };
        self.spelt("From").any(|header| match header.get_value_raw() {
            plain if plain.is_ascii() && !plain.contains(&b'=') => has_letters(plain),
            // What stays encoded here may be decoded when the address is parsed.
            _ => decoded(header)
                .is_some_and(|value| value.contains("=?") || has_letters(value.to_lowercase().as_bytes())),
        })
    }

    /// The alias service that wrote From, judging by its form or by a field of the service's own.
    pub(super) fn alias(&self) -> Option<&Alias> {
        let by_field = |from| Alias::by_field(from, |name| self.has(name));
        let alias = || self.from().and_then(|from| Alias::of(from).or_else(|| by_field(from)));
        self.alias.get_or_init(alias).as_ref()
    }

    /// Did an alias service write From for a sender that `is` one of those expected?
    pub(super) fn relayed_for(&self, is: impl Fn(&Address) -> bool) -> Option<&Alias> {
        let repeats = |alias: &Alias| {
            alias.own_field().filter(|field| self.has(field)).map(|field| self.addresses(field))
        };
        self.alias().filter(|alias| alias.stands_for(repeats(alias).as_deref(), is))
    }

    /// Is there a field with this name?
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields(name).next().is_some()
    }

    /// The addresses in all fields with a name.
    pub(super) fn addresses(&self, name: &str) -> Vec<Address> {
        self.fields(name).flat_map(|(_, header)| addresses(header)).collect()
    }

    /// Does From have more than one address, or is there more than one From? (RFC 5322, section 3.6 allows one field; a
    /// filter can trust it only with a single address.)
    pub(super) fn has_several_senders(&self) -> bool {
        self.senders().are_several
    }

    /// The name of a field that appears twice but should appear once. A sender can add another Subject or List-ID above a
    /// signed message without breaking its signature (RFC 6376, section 8.15).
    pub(super) fn repeated(&self) -> Option<&'static str> {
        ["Subject", "List-ID"].into_iter().find(|name| self.spelt(name).nth(1).is_some())
    }

    /// All fields with a name, including those with a blank after it: `From :` is obsolete (RFC 5322, section 4.5.2), and
    /// only some programs read it as From.
    fn spelt(&self, name: &str) -> impl Iterator<Item = &MailHeader<'a>> {
        let fits = |header: &&MailHeader<'_>| {
            header.get_key_raw().trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
        };
        self.headers.iter().filter(fits)
    }

    fn senders(&self) -> &Senders {
        self.senders.get_or_init(|| {
            let fields = || self.spelt("From");
            let all: Vec<_> = fields().flat_map(addresses).collect();
            let are_several = all.len() > 1 || fields().nth(1).is_some();
            Senders { first: all.into_iter().next(), are_several }
        })
    }

    /// Is it correspondence between people, or a report about another message? Networks never reply (In-Reply-To, References;
    /// RFC 5322, section 3.6.4), forward (X-Forwarded-Message-Id, which Thunderbird writes), send through a mailing list
    /// (List-Post; RFC 2369, section 3.4, and its predecessors) or report on a message (RFC 6522).
    pub(super) fn is_correspondence(&self) -> bool {
        const NAMES: [&[u8]; 7] = [
            b"in-reply-to",
            b"references",
            b"x-forwarded-message-id",
            b"list-post",
            b"x-beenthere",
            b"mailing-list",
            b"x-mailing-list",
        ];
        let is_report = |value: String| value.trim_start().to_lowercase().starts_with("multipart/report");
        let is_named = |header: &MailHeader<'_>| {
            NAMES.iter().any(|name| header.get_key_raw().eq_ignore_ascii_case(name))
        };
        self.headers.iter().any(is_named) || self.values("content-type").any(is_report)
    }

    /// The decoded values of all fields with a name, in the order of the message.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = String> {
        self.fields(name).filter_map(|(_, header)| decoded(header))
    }

    /// How many bytes it takes to find and decode all fields with a name.
    pub(super) fn size_of(&self, name: &str) -> usize {
        self.headers.len()
            + self.fields(name).map(|(_, header)| DECODING * header.get_value_raw().len()).sum::<usize>()
    }

    /// The raw values of all fields with a name, each with its index among all fields.
    pub(super) fn raw_values(&self, name: &str) -> impl Iterator<Item = (usize, String)> {
        self.fields(name)
            .filter(|(_, header)| header.get_value_raw().len() <= HEADER_LIMIT)
            .map(|(place, header)| (place, String::from_utf8_lossy(header.get_value_raw()).into_owned()))
    }

    /// Is a field with a name longer than so many bytes?
    pub(super) fn has_longer_than(&self, name: &str, limit: usize) -> bool {
        self.fields(name).any(|(_, header)| header.get_value_raw().len() > limit)
    }

    /// All fields as they are, their names and their values.
    pub(super) fn raw_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.headers.iter().map(|header| (header.get_key_raw(), header.get_value_raw()))
    }

    /// The index of the first field with a name among all fields.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.fields(name).next().map(|(place, _)| place)
    }

    /// The index of the next field with a name after a place, among all fields; past the last one if there is none.
    pub(super) fn place_after(&self, name: &str, place: usize) -> usize {
        self.fields(name).map(|(found, _)| found).find(|found| *found > place).unwrap_or(usize::MAX)
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = (usize, &MailHeader<'a>)> {
        let fits = |header: &MailHeader<'_>| header.get_key_raw().eq_ignore_ascii_case(name.as_bytes());
        self.headers.iter().enumerate().filter(move |(_, header)| fits(header))
    }
}

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

/// Are there characters in it that show nothing, other than ASCII blanks?
pub(super) fn has_blanks(text: &str) -> bool {
    let is_blank = |c: char| !c.is_ascii_whitespace() && (c.is_whitespace() || is_invisible(c));
    !text.is_ascii() && text.contains(is_blank)
}

fn decoded(header: &MailHeader<'_>) -> Option<String> {
    is_decodable(header.get_value_raw()).then(|| encoded_word::decoded(&text_of(header)).into_owned())
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

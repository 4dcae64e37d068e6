//! A sample of a message, to send in when a network changes its messages: the same message with other names, addresses and tokens.
//!
//! What recognition rests on stays: the sender's domain, the fields of the header and their words, the hosts of links and the shape of
//! their paths, the tags, and the words around a name. `words` decides what is replaced, `known` what never is, and `letters` says by what; `header` and `html` apply it to where it
//! stands. Everything is decoded, replaced and encoded again, as ASCII, so that no encoding hides a name. Pictures and
//! attachments are left out. The command `sample` calls it.

mod forms;
mod header;
mod html;
mod known;
mod letters;
mod replace;
mod words;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::{DispositionType, ParsedMail, parse_mail};

use super::fact::{Fact, Follower};
use super::field::Unreadable;
use super::limits::MESSAGE_LIMIT;
use super::message::{Message, with_plain_line_ends};
use super::notification::{Notification, Recognition};
use super::part::Part;
use super::profile::Profiles;
use super::trust::Trust;
use crate::clock::Timestamp;
use words::{Rigour, Words};

/// What stands for what is left out.
const LEFT_OUT: &str = "(left out)";
/// The longest line of a body (RFC 2045, section 6.7).
const LINE: usize = 76;

/// A sample.
#[derive(Debug)]
pub struct Sample {
    /// The message, in ASCII.
    pub text: String,
    /// How the sample compares with the message.
    pub likeness: Likeness,
}

/// How a sample compares with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Both are recognised, and as the same.
    Same,
    /// The message is recognised, and the sample is not, or as another.
    Differs,
    /// The message is not recognised, so nothing says which of its words are names.
    Unknown,
}

impl Sample {
    /// Of a message. `hidden` are more words to replace; `seed` chooses what replaces them.
    ///
    /// # Errors
    /// If the message cannot be parsed.
    pub fn of(bytes: &[u8], profiles: &Profiles, hidden: &[String], seed: u64) -> Result<Self, Unreadable> {
        let plain = with_plain_line_ends(bytes);
        let bytes = plain.as_deref().unwrap_or(bytes);
        let bytes = bytes.get(..MESSAGE_LIMIT).unwrap_or(bytes);
        let message = Message::parse(bytes)?;
        let parsed = parse_mail(bytes).map_err(Unreadable)?;
        let recognise =
            |message: &Message<'_>| match profiles.recognise(message, &Trust::default(), Timestamp(0)) {
                Recognition::Recognised(notification) => Some(notification),
                _ => None,
            };
        let genuine = recognise(&message);
        let write = |rigour| {
            let words = Words::of(bytes, &message, genuine.as_ref(), hidden, rigour, seed);
            let mut text = String::new();
            let mut parts = 0;
            write_part(&mut text, &parsed, &words, &mut parts);
            text
        };
        let Some(genuine) = &genuine else {
            return Ok(Self { text: write(Rigour::Full), likeness: Likeness::Unknown });
        };
        // A name can be made of the words by which the message is recognised.
        for rigour in [Rigour::Full, Rigour::KeepsKnown] {
            let text = write(rigour);
            let again = Message::parse(text.as_bytes()).ok().and_then(|message| recognise(&message));
            if again.is_some_and(|again| is_alike(genuine, &again)) {
                return Ok(Self { text, likeness: Likeness::Same });
            }
        }
        Ok(Self { text: write(Rigour::Full), likeness: Likeness::Differs })
    }
}

/// Are both of the same network, kind and layout, with as many followers and the same counts?
fn is_alike(one: &Notification, other: &Notification) -> bool {
    let counts = |follower: &Follower| {
        let shown = Fact::ALL.into_iter().filter(|fact| follower.shows(*fact));
        shown.map(|fact| (fact, follower.count(fact), follower.answer(fact))).collect::<Vec<_>>()
    };
    let followers = || one.followers.iter().zip(&other.followers);
    (&one.network, one.kind, &one.layout, one.complete)
        == (&other.network, other.kind, &other.layout, other.complete)
        && one.followers.len() == other.followers.len()
        && followers().all(|(one, other)| counts(one) == counts(other))
}

/// Writes a part and those in it, each with a boundary of its own number.
fn write_part(text: &mut String, part: &ParsedMail<'_>, words: &Words, parts: &mut usize) {
    *parts += 1;
    let boundary = format!("sample-{parts}");
    let is_multipart = part.ctype.mimetype.starts_with("multipart/") && !part.subparts.is_empty();
    let disposition = part.get_content_disposition();
    let is_file = disposition.disposition == DispositionType::Attachment
        || disposition.params.contains_key("filename")
        || part.ctype.params.contains_key("name");
    let is_text = ["text/plain", "text/html"].contains(&part.ctype.mimetype.as_str()) && !is_file;
    let body = match () {
        () if is_multipart => String::new(),
        () if is_text => {
            let decoded = Part::new(part, false).text().replace("\r\n", "\n");
            if part.ctype.mimetype == "text/html" {
                html::replaced(&decoded, words)
            } else {
                words.text(&decoded)
            }
        }
        () => LEFT_OUT.to_owned(),
    };
    let is_base64 = is_text && encoding_of(part).eq_ignore_ascii_case("base64");
    let is_quoted = !is_base64
        && (!body.is_ascii()
            || encoding_of(part).eq_ignore_ascii_case("quoted-printable")
            || body.lines().any(|line| line.len() > 900));
    let encoding = match () {
        () if is_base64 => "base64",
        () if is_quoted => "quoted-printable",
        () => "7bit",
    };
    for field in &part.headers {
        header::write(text, field, words, &boundary, encoding);
    }
    let says = |name: &str| part.headers.iter().any(|field| field.get_key_ref().eq_ignore_ascii_case(name));
    if encoding != "7bit" && !says("content-transfer-encoding") {
        text.push_str(&format!("Content-Transfer-Encoding: {encoding}\n"));
    }
    if is_text && !says("content-type") && !body.is_ascii() {
        text.push_str("Content-Type: text/plain; charset=utf-8\n");
    }
    text.push('\n');
    if is_multipart {
        for part in &part.subparts {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("--{boundary}\n"));
            write_part(text, part, words, parts);
        }
        // A message that is cut short stays so.
        let end = format!("--{}--", part.ctype.params.get("boundary").map_or("", String::as_str));
        if part.raw_bytes.windows(end.len()).any(|bytes| bytes == end.as_bytes()) {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("--{boundary}--\n"));
        }
        return;
    }
    match encoding {
        "base64" => {
            let digits = STANDARD.encode(body);
            let mut rest = digits.as_str();
            while !rest.is_empty() {
                let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
                text.push_str(line);
                text.push('\n');
                rest = after;
            }
        }
        "quoted-printable" => push_quoted(text, &body),
        _ => text.push_str(&body),
    }
}

fn encoding_of(part: &ParsedMail<'_>) -> String {
    let field = part
        .headers
        .iter()
        .find(|field| field.get_key_ref().eq_ignore_ascii_case("content-transfer-encoding"));
    field.map(|field| field.get_value().trim().to_owned()).unwrap_or_default()
}

/// Appends a text in quoted-printable (RFC 2045, section 6.7).
fn push_quoted(text: &mut String, body: &str) {
    for line in body.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let mut width = 0;
        for (at, byte) in line.bytes().enumerate() {
            let is_last = at + 1 == line.len();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || matches!(byte, b' ' | b'\t') && !is_last;
            let piece = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
            if width + piece.len() >= LINE {
                text.push_str("=\n");
                width = 0;
            }
            width += piece.len();
            text.push_str(&piece);
        }
        text.push_str(end);
    }
}

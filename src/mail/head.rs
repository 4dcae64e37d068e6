//! The header of a message: its fields by name, its subject, its sender, and whether it is correspondence. Parsed as far as it is
//! asked for. `message` and `plausible` of `profile` create it; all that judges a message by its header asks it.

use std::cell::OnceCell;

use mailparse::MailHeader;

use super::alias::Alias;
use super::encoded_word;
use super::field::{Unreadable, fields, text_of};
use super::limits::{HEADER_LIMIT, is_decodable};
use super::people::{Address, addresses};
use crate::clock::Timestamp;
use crate::text::{is_invisible, one_line};

/// Decoding a header field costs as much as reading each byte this many times.
const DECODING: usize = 8;
/// The most characters kept of a subject. RFC 5322, section 2.1.1 limits a line to 998.
pub(super) const SUBJECT_CAP: usize = 1000;

/// The field that marks a digest of followsift's own, which is never a notification. Somebody else who writes it gets their message
/// left alone.
pub const DIGEST: &str = "Followsift-Digest";

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

    pub(super) fn new(headers: Vec<MailHeader<'a>>) -> Self {
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
                Ok(plain) if raw.len() <= SUBJECT_CAP && is_plain(raw) => {
                    Some((one_line(plain, SUBJECT_CAP), false))
                }
                _ => decoded(header).map(|subject| (one_line(&subject, SUBJECT_CAP), has_blanks(&subject))),
            }
        });
        (head.subject, head.has_blanks) = subject.unwrap_or_default();
        head
    }

    pub(super) fn envelope(&self) -> Envelope {
        let message_id = self.values("Message-ID").next().map(|id| one_line(&id, SUBJECT_CAP));
        Envelope {
            subject: self.subject.clone(),
            message_id: message_id.filter(|id| !id.is_empty()),
            date: self.date(),
        }
    }

    /// What tells the message from others: the id that its sender gave it, or what the last server wrote of it.
    pub(super) fn identity(&self) -> String {
        let values = ["Message-ID", "Received", "Date"].into_iter().flat_map(|name| self.values(name));
        values.map(|value| one_line(&value, 200)).find(|value| !value.is_empty()).unwrap_or_default()
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
            plain if is_plain(plain) => has_letters(plain),
            // What stays encoded here may be decoded when the address is parsed.
            _ => decoded(header)
                .is_some_and(|value| value.contains("=?") || has_letters(value.to_lowercase().as_bytes())),
        })
    }

    /// The value of From as it is written; `None` if it may be encoded, or if there is more than one.
    pub(super) fn plain_from(&self) -> Option<&[u8]> {
        let mut values = self.spelt("From").map(MailHeader::get_value_raw);
        values.next().filter(|value| is_plain(value) && values.next().is_none())
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

    /// Is it a digest of followsift's own, correspondence between people, or a report about another message? Networks never reply
    /// (In-Reply-To, References; RFC 5322, section 3.6.4), forward (X-Forwarded-Message-Id, which Thunderbird writes), send through a
    /// mailing list (List-Post; RFC 2369, section 3.4, and its predecessors) or report on a message (RFC 6522).
    pub(super) fn is_correspondence(&self) -> bool {
        const NAMES: [&str; 8] = [
            DIGEST,
            "in-reply-to",
            "references",
            "x-forwarded-message-id",
            "list-post",
            "x-beenthere",
            "mailing-list",
            "x-mailing-list",
        ];
        let is_report = |value: String| value.trim_start().to_lowercase().starts_with("multipart/report");
        let is_named = |header: &MailHeader<'_>| {
            NAMES.iter().any(|name| header.get_key_raw().eq_ignore_ascii_case(name.as_bytes()))
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

/// Are there characters in it that show nothing, other than ASCII blanks?
pub(super) fn has_blanks(text: &str) -> bool {
    let is_blank = |c: char| !c.is_ascii_whitespace() && (c.is_whitespace() || is_invisible(c));
    !text.is_ascii() && text.contains(is_blank)
}

/// Is it the same decoded?
fn is_plain(value: &[u8]) -> bool {
    value.is_ascii() && !value.contains(&b'=')
}

fn decoded(header: &MailHeader<'_>) -> Option<String> {
    is_decodable(header.get_value_raw()).then(|| encoded_word::decoded(&text_of(header)).into_owned())
}

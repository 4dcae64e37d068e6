//! Reads one response of the server.
//!
//! Pure. Owns what counts as readable: the few responses that followsift asks for, written by hand so that an item that nobody
//! asked for, an odd keyword or a second blank costs nothing, and a value that makes no sense costs that value alone. A response
//! that cannot be read is [`Response::Unreadable`], and never a fault of the ones around it. Called by `answer` and `fetch`.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use super::flags::Flags;
use super::framer::Frame;
use super::scan::{Read, Scan, Value};
use super::{date, quoted};
use crate::place::{Uid, UidValidity};

/// One untagged response.
#[derive(Debug)]
pub(super) enum Response<'a> {
    /// The data of a message.
    Fetch(Fetched<'a>),
    /// A message is gone: the messages after it have other numbers now. Its number, unless the server says that by UIDs (VANISHED).
    Expunge(Option<u32>),
    /// How many messages there are.
    Exists(u32),
    /// What UID SEARCH found.
    Search(Vec<Uid>),
    /// A folder.
    List(Listed),
    /// The state of a folder.
    Status(StatusOf),
    /// The line of a NAMESPACE.
    Namespace(&'a [u8]),
    /// The names of the capabilities, in upper case.
    Capability(Vec<String>),
    /// OK, NO, BAD, BYE or PREAUTH.
    Condition(Condition<'a>),
    /// Something that nobody asked for (RFC 9051, section 7: a server may send any response at any time).
    Other,
    /// It could not be read.
    Unreadable {
        /// What was wrong.
        why: &'static str,
        /// Is it certain that the next line is a response?
        ends: bool,
    },
}

/// The data of one message in a FETCH response.
#[derive(Debug, Default)]
pub(super) struct Fetched<'a> {
    /// Its sequence number.
    pub(super) number: u32,
    /// A server may report a change of flags without the UID.
    pub(super) uid: Option<Uid>,
    pub(super) size: Option<u32>,
    /// Seconds since 1970 UTC.
    pub(super) received: Option<i64>,
    pub(super) flags: Option<Flags>,
    /// The flags that the protocol does not define, such as `$Label1`.
    pub(super) keywords: BTreeSet<String>,
    /// The part of the header that was requested; `None` also if the server says NIL.
    pub(super) section: Option<&'a [u8]>,
    /// The message itself (`BODY[]`), or its beginning.
    pub(super) body: Option<&'a [u8]>,
}

impl Fetched<'_> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags.is_some_and(|flags| flags.deleted)
    }
}

/// One line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The server's name for it.
    pub(super) name: String,
    pub(super) delimiter: Option<char>,
    pub(super) selectable: bool,
    /// It contains all messages of the account, also those in other folders (RFC 6154).
    pub(super) all: bool,
    /// It is Trash, Archive or Junk, or contains all messages (RFC 6154).
    pub(super) put_away: bool,
}

/// The state of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StatusOf {
    /// The server's name for it.
    pub(super) name: String,
    pub(super) validity: Option<UidValidity>,
    pub(super) next: Option<Uid>,
}

/// A status response, or the tagged line without its tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    /// OK, NO, BAD, BYE or PREAUTH, as the server wrote it.
    pub(super) word: &'a [u8],
    /// The rest: a code in brackets, if there is one, and words for people.
    pub(super) text: &'a [u8],
}

/// The items of FETCH that a server may send: a list of flags ends before one of them.
const ITEMS: [&[u8]; 13] = [
    b"UID",
    b"FLAGS",
    b"RFC822",
    b"RFC822.SIZE",
    b"INTERNALDATE",
    b"BODY",
    b"BODYSTRUCTURE",
    b"ENVELOPE",
    b"MODSEQ",
    b"SAVEDATE",
    b"EMAILID",
    b"THREADID",
    b"PREVIEW",
];

/// Why a folder cannot be used whose line can be read.
const UNSENDABLE: &str = "a folder's name with control characters";

/// The longest name of an item, with some blanks before it.
const LONGEST_NAME: usize = 40;

/// Reads an untagged response; not a tagged line.
pub(super) fn read<'a>(frame: Frame<'a>) -> Response<'a> {
    // A defect of ours costs one response, not the account.
    catch_unwind(|| {
        let mut scan = Scan { frame, at: 0 };
        scan.response().unwrap_or_else(|why| Response::Unreadable { why, ends: ends(frame) })
    })
    .unwrap_or(Response::Unreadable { why: "followsift panicked over it", ends: ends(frame) })
}

/// Is it certain that an unreadable response ends where it seems to? Not if it has a literal, whose length may be wrong, or
/// something that may have been meant for the length of one. And not if it is the data of a message in which a quote is open: what
/// follows may be the rest of that message.
fn ends(frame: Frame<'_>) -> bool {
    // What does not even begin as a response may be the text of a message.
    if !frame.bytes.starts_with(b"* ") {
        return false;
    }
    let is_fetch = frame.bytes.windows(7).take(20).any(|some| some.eq_ignore_ascii_case(b" FETCH "));
    if is_fetch {
        let quotes = frame.bytes.iter().filter(|byte| **byte == b'"').count();
        return !frame.bytes.contains(&b'{') && quotes.is_multiple_of(2);
    }
    frame.literals.is_empty() && !frame.bytes.ends_with(b"}")
}

/// Splits a tagged line: `OK [CODE] text` without its tag.
pub(super) fn condition(line: &[u8]) -> Condition<'_> {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (word, text) = line.split_at_checked(end).unwrap_or((line, b""));
    Condition { word, text: text.trim_ascii() }
}

impl<'a> Condition<'a> {
    /// Is the word this one?
    pub(super) fn is(&self, word: &str) -> bool {
        self.word.eq_ignore_ascii_case(word.as_bytes())
    }

    /// The response code and its arguments.
    pub(super) fn code(&self) -> Option<(&'a [u8], &'a [u8])> {
        let inside = self.text.strip_prefix(b"[")?;
        // A keyword in PERMANENTFLAGS may have brackets.
        let list = inside.windows(2).position(|two| two == b")]").map(|at| at + 1);
        let end = list.or_else(|| inside.iter().position(|byte| *byte == b']'))?;
        let inside = inside.get(..end)?.trim_ascii();
        let word = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
        let (word, arguments) = inside.split_at_checked(word)?;
        Some((word, arguments.trim_ascii()))
    }

    /// The arguments of this code, if the response has it.
    pub(super) fn arguments(&self, code: &str) -> Option<&'a [u8]> {
        self.code()
            .filter(|(word, _)| word.eq_ignore_ascii_case(code.as_bytes()))
            .map(|(_, arguments)| arguments)
    }
}

/// A whole number without sign; `None` if it is none or has more than 63 bits, which SQLite's integers have.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|number| i64::try_from(*number).is_ok())
}

/// A UID, which is never 0 (RFC 9051, section 2.3.1.1).
pub(super) fn uid(text: &[u8]) -> Option<Uid> {
    number(text).and_then(|number| u32::try_from(number).ok()).filter(|uid| *uid > 0).map(Uid)
}

/// A UIDVALIDITY. Some servers have numbers of 64 bits.
pub(super) fn validity(text: &[u8]) -> Option<UidValidity> {
    number(text).filter(|number| *number > 0).map(UidValidity)
}

impl<'a> Scan<'a> {
    fn response(&mut self) -> Read<Response<'a>> {
        if !self.frame.bytes.starts_with(b"* ") {
            return Err("it does not begin as a response does");
        }
        self.at = 2;
        self.skip_blanks();
        let begin = self.at;
        let word = self.until(|byte| byte.is_ascii_whitespace());
        if let Some(number) = number(word).and_then(|number| u32::try_from(number).ok()) {
            return self.about_a_message(number);
        }
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if ["OK", "NO", "BAD", "BYE", "PREAUTH"].into_iter().any(is) {
            return Ok(Response::Condition(condition(self.frame.bytes.get(begin..).unwrap_or_default())));
        }
        if is("SEARCH") {
            return self.search();
        }
        if is("LIST") {
            return self.list();
        }
        if is("STATUS") {
            return self.status();
        }
        if is("NAMESPACE") {
            return Ok(Response::Namespace(self.frame.bytes));
        }
        if is("CAPABILITY") {
            let words = String::from_utf8_lossy(self.rest()).to_ascii_uppercase();
            return Ok(Response::Capability(words.split_ascii_whitespace().map(str::to_owned).collect()));
        }
        if is("VANISHED") {
            return Ok(Response::Expunge(None));
        }
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if word.is_empty() || !word.iter().all(is_word) {
            return Err("its name is not a word");
        }
        Ok(Response::Other)
    }

    fn about_a_message(&mut self, number: u32) -> Read<Response<'a>> {
        self.skip_blanks();
        let word = self.until(|byte| byte.is_ascii_whitespace() || byte == b'(');
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("FETCH") {
            return self.fetch(number).map(Response::Fetch);
        }
        Ok(if is("EXISTS") {
            Response::Exists(number)
        } else if is("EXPUNGE") {
            Response::Expunge(Some(number))
        } else {
            Response::Other
        })
    }

    fn fetch(&mut self, number: u32) -> Read<Fetched<'a>> {
        let mut fetched = Fetched { number, ..Fetched::default() };
        self.skip_blanks();
        if !self.take(b'(') {
            return Err("the data of a message without a list");
        }
        loop {
            self.skip_blanks();
            if self.take(b')') {
                self.skip_blanks();
                return if self.rest().is_empty() {
                    Ok(fetched)
                } else {
                    Err("something after the data of a message")
                };
            }
            let name = self
                .until(|byte| byte.is_ascii_whitespace() || matches!(byte, b'[' | b'(' | b')' | b'{' | b'"'));
            if name.is_empty() {
                return Err("an item without a name");
            }
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            if self.rest().first() == Some(&b'[') {
                let is_body = self.rest().get(1) == Some(&b']');
                self.skip_section()?;
                let data = match self.value()? {
                    Value::Literal(bytes) | Value::Quoted(bytes) => Some(bytes),
                    Value::Atom(_) | Value::List => None,
                };
                if is_body {
                    fetched.body = data;
                } else {
                    fetched.section = data;
                }
            } else if is("FLAGS") {
                self.skip_blanks();
                if self.rest().first() == Some(&b'(') {
                    let words = self.flags()?;
                    fetched.keywords = words.iter().filter(|word| !word.starts_with('\\')).cloned().collect();
                    fetched.flags = Some(Flags::read(&words));
                } else {
                    self.value()?;
                }
            } else {
                let value = self.value()?;
                match value {
                    Value::Atom(text) if is("UID") => fetched.uid = uid(text),
                    Value::Atom(text) if is("RFC822.SIZE") => {
                        fetched.size = self::number(text).and_then(|size| u32::try_from(size).ok());
                    }
                    Value::Quoted(text) if is("INTERNALDATE") => {
                        fetched.received = std::str::from_utf8(text).ok().and_then(date::seconds);
                    }
                    _ => {}
                }
            }
        }
    }

    /// `[HEADER.FIELDS (FROM SUBJECT)]<0>`.
    fn skip_section(&mut self) -> Read<()> {
        loop {
            match self.rest().first() {
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(b'"' | b'{') => {
                    self.value()?;
                }
                Some(_) => self.at += 1,
                None => return Err("a section without an end"),
            }
        }
        if self.take(b'<') {
            self.until(|byte| byte == b'>');
            self.at += 1;
        }
        Ok(())
    }

    /// A list of flags. Keywords may have any character on some servers, also parentheses and quotes: the list ends where an
    /// item of FETCH or the end of the data follows.
    fn flags(&mut self) -> Read<Vec<String>> {
        self.skip_blanks();
        if !self.take(b'(') {
            return Err("flags without a list");
        }
        let rest = self.rest();
        let ends = |at: &usize| {
            // As much as an item's name can take: the rest may be long, and parentheses many.
            let after = rest.get(at + 1..).unwrap_or_default();
            let after = after.get(..LONGEST_NAME).unwrap_or(after).trim_ascii_start();
            let name =
                after.iter().position(|byte| matches!(byte, b' ' | b'[' | b'(')).unwrap_or(after.len());
            let name = after.get(..name).unwrap_or_default();
            after == b")"
                || ITEMS.iter().any(|item| item.eq_ignore_ascii_case(name))
                || name.starts_with(b"X-GM-")
        };
        let end = rest.iter().enumerate().filter(|(_, byte)| **byte == b')').map(|(at, _)| at).find(ends);
        let end = end.ok_or("flags without an end")?;
        self.at += end + 1;
        let text = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
        Ok(text.split_ascii_whitespace().map(str::to_owned).collect())
    }

    fn search(&mut self) -> Read<Response<'a>> {
        let mut uids = Vec::new();
        loop {
            self.skip_blanks();
            match self.rest().first() {
                None => return Ok(Response::Search(uids)),
                // (MODSEQ 7), RFC 7162, section 3.1.5.
                Some(b'(') => self.skip_list()?,
                Some(_) => {
                    let word = self.until(|byte| byte.is_ascii_whitespace());
                    match number(word).and_then(|number| u32::try_from(number).ok()) {
                        Some(0) => {}
                        Some(number) => uids.push(Uid(number)),
                        None => return Err("a UID that is no number"),
                    }
                }
            }
        }
    }

    fn list(&mut self) -> Read<Response<'a>> {
        self.skip_blanks();
        if !self.take(b'(') {
            return Err("a folder without attributes");
        }
        let attributes = String::from_utf8_lossy(self.until(|byte| byte == b')')).to_ascii_lowercase();
        self.at += 1;
        let is = |name: &str| {
            attributes.split_ascii_whitespace().any(|word| word.trim_start_matches('\\') == name)
        };
        self.skip_blanks();
        // Domino does not escape a backslash.
        let delimiter = match self.rest() {
            [b'"', b'\\', b'"', b' ', ..] => {
                self.at += 3;
                Some('\\')
            }
            _ => match self.value()? {
                Value::Quoted(text) | Value::Literal(text) => {
                    quoted::unescaped(&String::from_utf8_lossy(text)).chars().next()
                }
                Value::Atom(_) | Value::List => None,
            },
        };
        self.skip_blanks();
        let name = match self.name(self.rest()) {
            // The line itself is in order.
            Err(UNSENDABLE) => return Ok(Response::Other),
            name => name?,
        };
        Ok(Response::List(Listed {
            name,
            delimiter,
            selectable: !is("noselect") && !is("nonexistent"),
            all: is("all"),
            put_away: ["all", "archive", "junk", "trash"].into_iter().any(is),
        }))
    }

    /// The folder's name that makes up `text`, from here on.
    fn name(&mut self, text: &'a [u8]) -> Read<String> {
        let bytes = match text {
            [b'{', ..] => {
                let begin = self.at;
                let name = self.literal()?;
                if self.at - begin < text.len() {
                    return Err("something after a folder's name");
                }
                name
            }
            [b'"', inside @ .., b'"'] => inside,
            [] => return Err("a folder without a name"),
            atom if atom.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'"') => {
                return Err("a folder's name that breaks the grammar");
            }
            atom => atom,
        };
        // What cannot be sent cannot be opened.
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(UNSENDABLE);
        }
        let name = String::from_utf8_lossy(bytes);
        Ok(if matches!(text, [b'"', ..]) { quoted::unescaped(&name) } else { name.into_owned() })
    }

    fn status(&mut self) -> Read<Response<'a>> {
        self.skip_blanks();
        let whole = self.rest().trim_ascii_end();
        let items = whole.strip_suffix(b")").ok_or("a state without a list")?;
        let begin = items.iter().rposition(|byte| *byte == b'(').ok_or("a state without a list")?;
        let (name, items) = items.split_at_checked(begin).ok_or("a state without a list")?;
        let name = self.name(name.trim_ascii_end())?;
        let mut words =
            items.get(1..).unwrap_or_default().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut state = StatusOf { name, validity: None, next: None };
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"UIDVALIDITY") {
                state.validity = words.next().and_then(validity);
            } else if word.eq_ignore_ascii_case(b"UIDNEXT") {
                state.next = words.next().and_then(uid);
            }
        }
        Ok(Response::Status(state))
    }
}

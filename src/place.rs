//! Where a message is (account, folder, UIDVALIDITY and UID; RFC 9051, section 2.3.1), what identifies it there and elsewhere,
//! and which flags it may be given.
//!
//! Values only. Imports no other room, so that every room may use them.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// How many bytes of a message's header its digest covers.
pub const HEADER_LIMIT: usize = 64 << 10;

/// The name of an account, which is that of its table in the settings: `[accounts.home]` is `home`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// Lower-case ASCII letters, digits, `-` and `_`; `None` for anything else. Lower case, since settings that come from
    /// environment variables are lower-cased.
    pub fn new(name: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        (!name.is_empty() && name.len() <= 64 && name.chars().all(fits)).then(|| Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox on a server, whatever the account's name: a digest of host, port and login name. Two accounts with the same key
/// use the same mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxKey(String);

impl MailboxKey {
    /// The key of `user`'s mailbox at `host` and `port`. A host is the same in any case, with or without its final dot.
    pub fn new(host: &str, port: u16, user: &str) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let digest = Sha256::digest(format!("{host}\0{port}\0{user}"));
        let mut key = HEXLOWER.encode(&digest);
        key.truncate(32);
        Self(key)
    }
}

/// In hexadecimal digits.
impl fmt::Display for MailboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder of an account as the user writes it: Unicode, with `/` between the levels. `mailbox` translates it to the server's
/// delimiter, prefix and encoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(Arc<str>);

impl Folder {
    /// `None` if the name cannot be a folder: it is empty, longer than 255 bytes, or has an empty level or a control
    /// character (which IMAP cannot quote).
    pub fn new(name: &str) -> Option<Self> {
        let fits = !name.is_empty()
            && name.len() <= 255
            && !name.chars().any(char::is_control)
            && name.split('/').all(|level| !level.is_empty());
        fits.then(|| Self(name.into()))
    }

    /// The inbox. Its name means the same in any case (RFC 9051, section 5.1).
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// Is this the inbox itself?
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case("INBOX")
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The unique identifier of a message in its folder; meaningless without the folder's [`UidValidity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u32);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The epoch of a folder's UIDs: when it changes, every remembered UID is invalid. The protocol has 32 bits for it, some servers
/// use 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(pub u64);

/// One message on the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailRef {
    /// Its account.
    pub account: AccountName,
    /// The folder it was seen in.
    pub folder: Folder,
    /// The folder's UIDVALIDITY when it was seen.
    pub validity: UidValidity,
    /// Its UID in that folder.
    pub uid: Uid,
}

impl fmt::Display for MailRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} uid {}", self.folder, self.uid)
    }
}

/// The SHA-256 of a message's raw header without the empty line that ends it, or of the header's first 64 KiB if it is longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailDigest(pub [u8; 32]);

impl MailDigest {
    /// The digest of a message, of its beginning, or of its header alone, as the server sends it.
    pub fn of(message: &[u8]) -> Self {
        let head = message.get(..HEADER_LIMIT).unwrap_or(message);
        let end = if head.starts_with(b"\r\n") {
            0
        } else {
            head.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(head.len())
        };
        // Some answers include the empty line that ends a header, others do not.
        let header = head.get(..end).unwrap_or(head).trim_ascii_end();
        Self(Sha256::digest(header).into())
    }
}

impl fmt::Display for MailDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for MailDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailDigest({self})")
    }
}

/// Identifies a message in any folder and under any UID. Never by its Message-ID, which the sender chose and which two
/// messages often share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailIdentity {
    /// The digest of its header.
    pub digest: MailDigest,
    /// Its size in octets, as the server says (RFC822.SIZE).
    pub size: u32,
}

/// A message in a folder: its UID there, and the identity that proves that it is still the same message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTrace {
    /// Its UID in the folder in question.
    pub uid: Uid,
    /// The identity that it shares with its copies.
    pub identity: MailIdentity,
}

/// A header as the digests of its lines: it identifies a message after a program has added lines to its header. Never enough
/// to move or remove a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLines {
    /// The digest of the topmost Received field, which the user's own server added.
    pub received: [u8; 8],
    /// The digests of all lines, 8 bytes each.
    pub lines: Vec<u8>,
}

impl HeaderLines {
    /// The lines of a message's header, read from the beginning of the message. `None` if it has no Received field, since two
    /// deliveries could not be distinguished.
    pub fn of(message: &[u8]) -> Option<Self> {
        let head = message.get(..HEADER_LIMIT).unwrap_or(message);
        let digest = |text: &[u8]| -> [u8; 8] {
            let mut short = [0; 8];
            short.iter_mut().zip(Sha256::digest(text)).for_each(|(into, byte)| *into = byte);
            short
        };
        let mut lines = Vec::new();
        let mut received: Option<Vec<u8>> = None;
        let mut in_received = false;
        for line in head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end) {
            if line.is_empty() {
                break;
            }
            let folded = line.starts_with(b" ") || line.starts_with(b"\t");
            if !folded {
                let is_received = line.get(..9).is_some_and(|name| name.eq_ignore_ascii_case(b"received:"));
                in_received = is_received && received.is_none();
            }
            if in_received {
                received.get_or_insert_default().extend_from_slice(line);
            }
            lines.extend_from_slice(&digest(line));
        }
        lines.shrink_to_fit();
        Some(Self { received: digest(&received?), lines })
    }

    /// Does this header have all lines of `earlier` in their order, and the same topmost Received field? Then lines were only
    /// added.
    pub fn contains(&self, earlier: &Self) -> bool {
        let mut mine = self.lines.chunks_exact(8);
        self.received == earlier.received
            && earlier.lines.chunks_exact(8).all(|line| mine.by_ref().any(|one| one == line))
    }
}

/// Flags that followsift sets on a message. It never removes a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Marks {
    /// `\Seen`: read.
    pub seen: bool,
    /// `\Flagged`: starred.
    pub flagged: bool,
}

impl Marks {
    /// Is there anything to set?
    pub fn any(self) -> bool {
        self.seen || self.flagged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_folder_has_no_control_characters_and_no_empty_level() {
        assert!(Folder::new("Followers/Numbers game").is_some());
        assert!(Folder::new("x\r\nA1 CREATE y").is_none());
        assert!(Folder::new("a//b").is_none());
        assert!(Folder::new("").is_none());
    }

    #[test]
    fn the_inbox_is_the_inbox_in_any_case() {
        assert!(Folder::new("inBox").is_some_and(|folder| folder.is_inbox()));
        assert!(!Folder::new("INBOX/x").is_some_and(|folder| folder.is_inbox()));
    }

    #[test]
    fn an_account_name_survives_the_environment() {
        assert!(AccountName::new("home-2").is_some());
        assert!(AccountName::new("Home").is_none());
    }

    #[test]
    fn a_message_and_its_header_alone_have_one_digest() {
        let whole = b"From: a\r\nSubject: b\r\n\r\nbody\r\n\r\nmore";
        for header in
            [&b"From: a\r\nSubject: b\r\n\r\n"[..], b"From: a\r\nSubject: b\r\n", b"From: a\r\nSubject: b"]
        {
            assert_eq!(MailDigest::of(header), MailDigest::of(whole));
        }
        assert_ne!(MailDigest::of(b"From: a\r\nSubject: c\r\n\r\n"), MailDigest::of(whole));
        assert_eq!(MailDigest::of(b"\r\nbody"), MailDigest::of(b""));
    }

    #[test]
    fn a_header_with_added_lines_is_recognised_and_a_second_delivery_is_not() {
        let lines = |text: &str| HeaderLines::of(text.as_bytes()).unwrap();
        let filed = lines("Received: from a\r\n by mx; Mon\r\nFrom: x\r\nSubject: y\r\n\r\nbody");
        for (header, known) in [
            ("Received: from a\r\n by mx; Mon\r\nFrom: x\r\nSubject: y\r\n\r\n", true),
            (
                "X-Mozilla-Status: 1\r\nReceived: from a\r\n by mx; Mon\r\nFrom: x\r\nX-A: b\r\nSubject: y\r\n\r\n",
                true,
            ),
            ("X-UID: 1\nReceived: from a\n by mx; Mon\nFrom: x\nSubject: y\n\nother body", true),
            // A second delivery: another Received field on top.
            ("Received: from b\r\nReceived: from a\r\n by mx; Mon\r\nFrom: x\r\nSubject: y\r\n\r\n", false),
            ("Received: from a\r\n by mx; Mon\r\nSubject: y\r\nFrom: x\r\n\r\n", false),
            ("Received: from a\r\n by mx; Mon\r\nFrom: x\r\n\r\n", false),
            ("Received: from a\r\n by mx; Tue\r\nFrom: x\r\nSubject: y\r\n\r\n", false),
        ] {
            assert_eq!(lines(header).contains(&filed), known, "{header}");
        }
        assert!(HeaderLines::of(b"From: x\r\n\r\n").is_none());
    }

    fn header_of(received: &str, fields: &[String]) -> String {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("Received: {received}\r\n{fields}\r\nbody")
    }

    proptest! {
        /// For any number of added lines in any place.
        #[test]
        fn a_header_contains_itself_and_its_lines_before_others_were_added(
            received in "[a-z; ]{1,12}",
            fields in proptest::collection::vec("X-[A-C]: [a-c]{0,3}", 0..8),
            added in proptest::collection::vec((0_usize..9, "X-[A-D]: [a-d]{0,3}"), 0..6),
        ) {
            let earlier = HeaderLines::of(header_of(&received, &fields).as_bytes()).unwrap();
            prop_assert!(earlier.contains(&earlier));
            let mut more = fields.clone();
            for (at, line) in &added {
                more.insert(*at.min(&more.len()), line.clone());
            }
            let later = HeaderLines::of(header_of(&received, &more).as_bytes()).unwrap();
            prop_assert!(later.contains(&earlier));
            prop_assert_eq!(earlier.contains(&later), added.is_empty());
            let on_top = format!("X-Status: 1\r\n{}", header_of(&received, &more));
            prop_assert!(HeaderLines::of(on_top.as_bytes()).unwrap().contains(&earlier));
            let delivered = format!("Received: by other; {received}\r\n{}", header_of(&received, &more));
            prop_assert!(!HeaderLines::of(delivered.as_bytes()).unwrap().contains(&earlier));
        }

        /// A lost or changed line is always noticed.
        #[test]
        fn a_header_that_lost_or_changed_a_line_does_not_contain_the_earlier_one(
            fields in proptest::collection::vec("X-[A-C]: [a-c]{1,3}", 1..8),
            at in 0_usize..8,
        ) {
            let earlier = HeaderLines::of(header_of("a", &fields).as_bytes()).unwrap();
            let at = at % fields.len();
            let mut lost = fields.clone();
            lost.remove(at);
            prop_assert!(!HeaderLines::of(header_of("a", &lost).as_bytes()).unwrap().contains(&earlier));
            let mut changed = fields;
            changed[at].push('!');
            prop_assert!(!HeaderLines::of(header_of("a", &changed).as_bytes()).unwrap().contains(&earlier));
        }

        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = HeaderLines::of(&bytes);
            let _ = HeaderLines::of(&[&b"Received: x\r\n"[..], &bytes].concat());
        }
    }

    #[test]
    fn the_digest_of_a_giant_header_covers_its_beginning() {
        let giant = [&b"X: "[..], &vec![b'y'; HEADER_LIMIT * 2]].concat();
        assert_eq!(MailDigest::of(&giant), MailDigest::of(&giant[..HEADER_LIMIT]));
    }
}

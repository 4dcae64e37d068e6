//! What a mail is known by across folders: its size and the digest of its header.
//!
//! Never a Message-ID: its sender chose it, and twins are normal. Pure. Called by `fetch`, `moves`, and by `sweep`, which
//! has the bytes already.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::place::Uid;

/// As much of a header as is looked at.
pub(super) const HEADER_LIMIT: usize = 64 << 10;

/// The SHA-256 of a mail's raw header, up to the empty line and without it, and of its first 64 KiB where it is longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderDigest(pub [u8; 32]);

impl HeaderDigest {
    /// Of the beginning of a mail, or of its header alone, as the server sends it.
    pub fn of(mail: &[u8]) -> Self {
        let head = mail.get(..HEADER_LIMIT).unwrap_or(mail);
        let end = if head.starts_with(b"\r\n") {
            0
        } else {
            head.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(head.len())
        };
        // A header alone may or may not end in the empty line.
        let header = head.get(..end).unwrap_or(head).trim_ascii_end();
        Self(Sha256::digest(header).into())
    }
}

impl fmt::Debug for HeaderDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A mail in a folder, and what proves that another is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its UID in the folder in question.
    pub uid: Uid,
    /// Its RFC822.SIZE.
    pub size: u32,
    /// The digest of its header.
    pub digest: HeaderDigest,
}

impl Trace {
    /// What two copies have in common.
    pub(super) fn mark(&self) -> (u32, HeaderDigest) {
        (self.size, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_and_its_header_alone_have_one_digest() {
        let whole = b"From: a\r\nSubject: b\r\n\r\nbody\r\n\r\nmore";
        for header in
            [&b"From: a\r\nSubject: b\r\n\r\n"[..], b"From: a\r\nSubject: b\r\n", b"From: a\r\nSubject: b"]
        {
            assert_eq!(HeaderDigest::of(header), HeaderDigest::of(whole));
        }
        assert_ne!(HeaderDigest::of(b"From: a\r\nSubject: c\r\n\r\n"), HeaderDigest::of(whole));
        assert_eq!(HeaderDigest::of(b"\r\nbody"), HeaderDigest::of(b""));
    }

    #[test]
    fn a_giant_header_counts_by_its_beginning() {
        let giant = [&b"X: "[..], &vec![b'y'; HEADER_LIMIT * 2]].concat();
        assert_eq!(HeaderDigest::of(&giant), HeaderDigest::of(giant.get(..HEADER_LIMIT).unwrap()));
    }
}

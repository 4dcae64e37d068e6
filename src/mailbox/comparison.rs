//! Compares a copy with its original as a whole, where its size or its header differs on arrival.
//!
//! Some servers count another RFC822.SIZE for a copy, others change a message when they copy it. Equal bytes prove the arrival;
//! if the bytes differ, this decides whether the copy is evidently ours, so that it may be taken back. After a MOVE, which leaves no
//! original, an equal header shows where a message went; nothing is removed because of that. Only fetches, and keeps
//! digests instead of messages. Called by `moves`, `copies` and `settle`.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::arrivals::Arrived;
use super::bounds::Limits;
use super::fate::Fate;
use super::fault::{Fault, Step};
use super::flags::Flags;
use super::session::{Opened, Session, same};
use crate::place::{Folder, MailDigest, MailIdentity, MailTrace, Uid};

/// Larger messages are not compared. A size may be wrong, so this is also what a message may have.
const WHOLE: u32 = 4 << 20;
/// Up to this size, several messages are fetched at once.
const SMALL: u32 = 64 << 10;
/// Small messages in one answer.
const TOGETHER: usize = 16;
/// The overhead of an answer, in bytes for each message.
const AROUND: u64 = 1 << 10;

/// What is left of a message that was read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Print {
    identity: MailIdentity,
    /// How many bytes it has, whatever the server says.
    length: usize,
    /// The SHA-256 of all its bytes.
    whole: [u8; 32],
    /// The SHA-256 of its bytes after the header; `None` if there are none.
    text: Option<[u8; 32]>,
    /// The SHA-256 of each line of its header.
    header: BTreeSet<[u8; 32]>,
}

impl Print {
    fn of(size: u32, message: &[u8]) -> Self {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n").map_or(message.len(), |at| at + 4);
        let (header, text) = message.split_at_checked(end).unwrap_or((message, &[]));
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        Self {
            identity: MailIdentity { digest: MailDigest::of(message), size },
            length: message.len(),
            whole: digest(message),
            text: (!text.is_empty()).then(|| digest(text)),
            header: header.split(|byte| *byte == b'\n').map(|line| digest(line.trim_ascii_end())).collect(),
        }
    }
}

/// How a message of the target resembles an original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// Nothing shows that it is our copy.
    Doubtful,
    /// It is evidently our copy, and not proven to be the same message.
    Altered,
    /// All bytes are equal.
    Equal,
}

impl Likeness {
    /// `named`: the server's COPYUID names it as the copy of this original, credibly.
    fn of(original: &Print, copy: &Print, named: bool) -> Self {
        let has_all_lines = || original.header.is_subset(&copy.header);
        let same_text = original.text.is_some() && original.text == copy.text;
        // A server may cut an answer short.
        let size = original.identity.size.min(copy.identity.size);
        if original.whole == copy.whole && original.length >= size as usize {
            Self::Equal
        } else if original.identity.digest == copy.identity.digest || same_text && (named || has_all_lines())
        {
            Self::Altered
        } else {
            Self::Doubtful
        }
    }

    /// The same if one of them could not be read as a whole.
    fn of_unread(original: MailIdentity, copy: MailIdentity) -> Self {
        if original.digest == copy.digest { Self::Altered } else { Self::Doubtful }
    }
}

impl Arrived {
    /// Takes the one stranger with the same header for the copy of a message that is no longer in the source. A MOVE may have done
    /// that on a server that counts another size for a copy, and nothing is left to compare all bytes with.
    pub(super) fn accept_resized(&mut self, gone: impl Iterator<Item = MailTrace>) {
        for MailTrace { uid, identity } in gone {
            let is_same = |(_, (seen, _)): &(&Uid, &(MailIdentity, Flags))| seen.digest == identity.digest;
            let mut alike = self.strangers.iter().filter(is_same).map(|(copy, _)| *copy);
            let (Some(copy), None, None) = (alike.next(), alike.next(), self.copies.get(&uid)) else {
                continue;
            };
            if let Some((identity, flags)) = self.strangers.remove(&copy) {
                self.copies.insert(uid, copy);
                self.identities.insert(copy, identity);
                self.flags.insert(copy, flags);
            }
        }
    }
}

impl Session {
    /// Compares those of `originals` that have no copy yet with the strangers of `arrived`, and adds the copies that it finds.
    /// `originals` are in `from`, each with the UID that `arrived` knows it by; `named` are the copies that the server named
    /// credibly, by the same UIDs. No round trip if there is nothing to compare; otherwise it leaves `from` open.
    pub(super) fn compare(
        &mut self,
        from: &Folder,
        originals: &[(Uid, MailTrace)],
        named: &BTreeMap<Uid, Uid>,
        arrived: &mut Arrived,
    ) -> Result<(), Fault> {
        let strangers = std::mem::take(&mut arrived.strangers);
        let Some((to, validity)) = arrived.place.clone() else { return Ok(()) };
        let digests: BTreeSet<MailDigest> = strangers.values().map(|(identity, _)| identity.digest).collect();
        // A copy that the server names is the only one that counts; otherwise those with the same header, if there are any.
        let may_be =
            |known_as: Uid, original: MailDigest, copy: Uid, seen: MailDigest| match named.get(&known_as) {
                Some(named) => *named == copy,
                None => seen == original || !digests.contains(&original),
            };
        let mut pairs = Vec::new();
        for (known_as, original) in originals.iter().filter(|(known_as, _)| arrived.copy(*known_as).is_none())
        {
            let copies = strangers
                .iter()
                .filter(|(copy, (seen, _))| may_be(*known_as, original.identity.digest, **copy, seen.digest));
            pairs.extend(copies.map(|(copy, (seen, _))| (*known_as, *original, *copy, *seen)));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        let is_open = |open: &Opened| same(&open.folder, &to) && open.validity == validity;
        if !self.open.as_ref().is_some_and(is_open) {
            match self.examine(&to) {
                Ok(opened) if opened.validity == validity => {}
                Err(fault) if fault.fate() != Fate::Leave => return Err(fault),
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        let copies = self.prints(&pairs.iter().map(|(_, _, copy, seen)| (*copy, seen.size)).collect())?;
        let comparable = pairs.iter().filter(|(_, _, copy, _)| copies.contains_key(copy));
        let comparable = comparable.map(|(_, original, ..)| (original.uid, original.identity.size)).collect();
        self.stay_in(from)?;
        let originals = self.prints(&comparable)?;
        let mut found: Vec<(Likeness, Uid, Uid)> = pairs
            .iter()
            .map(|(known_as, original, copy, seen)| {
                let prints = originals
                    .get(&original.uid)
                    .zip(copies.get(copy))
                    .filter(|(one, other)| one.identity == original.identity && other.identity == *seen);
                let likeness = match prints {
                    Some((one, other)) => Likeness::of(one, other, named.contains_key(known_as)),
                    None => Likeness::of_unread(original.identity, *seen),
                };
                (likeness, *known_as, *copy)
            })
            .filter(|(likeness, ..)| *likeness != Likeness::Doubtful)
            .collect();
        // The best likeness first; each original has one copy.
        found.sort_by_key(|(likeness, known_as, copy)| (std::cmp::Reverse(*likeness), *known_as, *copy));
        for (likeness, known_as, copy) in found {
            let is_taken = arrived.copy(known_as).is_some() || arrived.identities.contains_key(&copy);
            let Some((identity, flags)) = strangers.get(&copy).filter(|_| !is_taken) else { continue };
            let copies = if likeness == Likeness::Equal { &mut arrived.copies } else { &mut arrived.altered };
            copies.insert(known_as, copy);
            arrived.identities.insert(copy, *identity);
            arrived.flags.insert(copy, *flags);
        }
        Ok(())
    }

    /// Reads messages of the open folder as a whole, by their UIDs and sizes. Without those that are too large, or of which the
    /// server shows only a part.
    fn prints(&mut self, messages: &BTreeMap<Uid, u32>) -> Result<BTreeMap<Uid, Print>, Fault> {
        let of = |sizes: std::ops::RangeInclusive<u32>| -> Vec<Uid> {
            messages.iter().filter(|(_, size)| sizes.contains(size)).map(|(uid, _)| *uid).collect()
        };
        let small = (of(0..=SMALL / 2), TOGETHER, SMALL);
        let large = (of(SMALL / 2 + 1..=WHOLE), 1, WHOLE + SMALL);
        let mut prints = BTreeMap::new();
        for (uids, together, most) in [small, large] {
            let limits = Limits::of_bytes(together as u64 * (u64::from(most) + AROUND));
            let items = format!("UID RFC822.SIZE BODY.PEEK[]<0.{most}>");
            self.ask_strictly(Step::Fetch, &uids, together, &items, limits, &mut |uid, message| {
                let whole = message.body.filter(|bytes| !bytes.is_empty() && bytes.len() < most as usize);
                if let (Some(bytes), Some(size)) = (whole, message.size) {
                    prints.insert(uid, Print::of(size, bytes));
                }
            })?;
        }
        Ok(prints)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ORIGINAL: &str = "From: a\r\nSubject: b\r\n\r\ntext\r\n";

    fn likeness(copy: &str, named: bool) -> Likeness {
        Likeness::of(&Print::of(1, ORIGINAL.as_bytes()), &Print::of(2, copy.as_bytes()), named)
    }

    #[test]
    fn equal_bytes_that_are_fewer_than_either_size_are_no_proof() {
        let print = |size| Print::of(size, ORIGINAL.as_bytes());
        let length = u32::try_from(ORIGINAL.len()).unwrap();
        assert_eq!(Likeness::of(&print(length), &print(length + 3), true), Likeness::Equal);
        assert_eq!(Likeness::of(&print(length + 1), &print(length + 3), true), Likeness::Altered);
    }

    #[test]
    fn only_equal_bytes_are_proof_and_only_an_evident_copy_is_taken_back() {
        for (copy, named, unnamed) in [
            (ORIGINAL, Likeness::Equal, Likeness::Equal),
            // The text was changed.
            ("From: a\r\nSubject: b\r\n\r\nTEXT\r\n", Likeness::Altered, Likeness::Altered),
            // A line was added to the header.
            ("X-Copied: yes\r\nFrom: a\r\nSubject: b\r\n\r\ntext\r\n", Likeness::Altered, Likeness::Altered),
            // A line of the header was changed: it may be another message with the same text.
            ("From: a\r\nSubject: c\r\n\r\ntext\r\n", Likeness::Altered, Likeness::Doubtful),
            // Somebody else's message, whatever the server says.
            ("From: a\r\nSubject: c\r\n\r\nTEXT\r\n", Likeness::Doubtful, Likeness::Doubtful),
            (
                "X-Copied: yes\r\nFrom: a\r\nSubject: b\r\n\r\nTEXT\r\n",
                Likeness::Doubtful,
                Likeness::Doubtful,
            ),
            ("", Likeness::Doubtful, Likeness::Doubtful),
        ] {
            assert_eq!((likeness(copy, true), likeness(copy, false)), (named, unnamed), "{copy:?}");
        }
    }

    #[test]
    fn messages_without_text_are_not_alike_by_their_text() {
        let [one, other] = ["From: a\r\n\r\n", "From: b\r\n\r\n"].map(|text| Print::of(1, text.as_bytes()));
        assert_eq!(Likeness::of(&one, &other, true), Likeness::Doubtful);
    }

    proptest! {
        #[test]
        fn different_bytes_are_never_equal(one in "[ab\r\n:]{0,12}", other in "[ab\r\n:]{0,12}", named: bool) {
            let [first, second] = [&one, &other].map(|text| Print::of(0, text.as_bytes()));
            prop_assert_eq!(Likeness::of(&first, &second, named) == Likeness::Equal, one == other);
        }
    }
}

//! Reads messages of the open folder: bodies up to a limit, headers for their digests, flags; and splits them into batches.
//!
//! Owns UID SEARCH and UID FETCH. Always BODY.PEEK, so that no message is marked as read, and since iCloud answers RFC822
//! without the message (<https://github.com/modern-email/defects/issues/36>). Never BODYSTRUCTURE or ENVELOPE, with which one
//! malformed message breaks a batch. The batch bounds the memory, whatever a message or a server sends. Called by `sweep`,
//! `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::asking::Asked;
use super::bounds::Limits;
use super::fault::{Cause, Fault, Step, Subject};
use super::flags::Flags;
use super::response::Fetched;
use super::session::{Opened, Session};
use super::{date, uids};
use crate::place::{HEADER_LIMIT, MailDigest, MailIdentity, MailTrace, Uid};

/// Heads in one answer, the messages of a [`Batch`]: some megabytes. 100,000 at once would take half a gigabyte.
pub const HEADS: usize = 500;
/// Bytes of the From and Subject lines of one message. No network sends longer ones.
pub(super) const HEAD_BYTES: u64 = 16 << 10;
/// All of a header.
pub(super) const HEADER: &str = "BODY.PEEK[HEADER]";
/// Batches in one flight of commands.
pub const FLIGHT: usize = 50;
/// Messages that one command reads.
pub(super) const TOGETHER: usize = 64;
/// Whole headers in one answer.
const HEADERS: usize = 64;
/// The overhead of an answer, in bytes for each message.
pub(super) const AROUND: u64 = 128;
/// Up to this many batches are fetched by ranges of UIDs. If messages lie further apart, a SEARCH first costs less.
const DENSE: u32 = 4;
/// More messages than this are listed by a SEARCH, whose answer has a limit: a server may say any number.
const MOST: u32 = 1_000_000;
/// For the flags of the messages of one set.
const FLAGS: Limits = Limits { time: Limits::SHORT.time, bytes: 4 << 20 };
/// For an answer with a few numbers for each message of a large folder.
const NUMBERS: Limits = Limits { time: Duration::from_secs(120), bytes: 32 << 20 };

/// Which messages of the open folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range<'a> {
    /// Those with this UID or a higher one that existed when the folder was opened.
    From(Uid),
    /// Those that arrived at this time or later, in seconds since 1970 UTC.
    Since(i64),
    /// These.
    These(&'a [Uid]),
}

/// A few hundred messages of the open folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub(super) asked: Asked,
    pub(super) first: Uid,
    last: Uid,
    pub(super) since: i64,
}

impl Batch {
    /// The highest UID that can be in it.
    pub fn last(&self) -> Uid {
        self.last
    }

    /// How many messages it can have.
    pub fn most(&self) -> usize {
        match &self.asked {
            Asked::Within(low, high) => (high.0.saturating_sub(low.0) as usize).saturating_add(1),
            Asked::These(uids) => uids.len(),
        }
    }
}

impl Session {
    /// Splits `range` into batches in ascending order. At most one round trip.
    ///
    /// # Errors
    /// If no folder is open, or the connection fails.
    pub fn batches(&mut self, range: Range<'_>) -> Result<Vec<Batch>, Fault> {
        let here = self.here(Step::Fetch)?;
        let (expected, first, since) = match range {
            Range::From(first) => (self.expected_from(&here, first)?, first, i64::MIN),
            Range::Since(moment) => {
                // Servers count days in their own time zone: search one day more, and compare the arrival later.
                let day = date::day(moment.saturating_sub(86_400));
                let found = self.search(&here, &format!("UNDELETED SINCE {day}"))?;
                (these(&found), Uid(0), moment)
            }
            Range::These(uids) => {
                let mut uids = uids.to_vec();
                uids.sort_unstable();
                (these(&uids), Uid(0), i64::MIN)
            }
        };
        let batch = |asked: Asked| {
            let last = match &asked {
                Asked::Within(_, high) => *high,
                Asked::These(uids) => uids.last().copied().unwrap_or(first),
            };
            Batch { asked, first, last, since }
        };
        Ok(expected.into_iter().map(batch).collect())
    }

    /// Those of `uids` that are in the open folder according to SEARCH and not marked \Deleted. For messages that a FETCH did not
    /// return: some are gone, and a server may answer OK and leave out others. No round trip if `uids` is empty.
    pub(super) fn present(&mut self, uids: &[Uid]) -> Result<BTreeSet<Uid>, Fault> {
        let mut found = BTreeSet::new();
        if uids.is_empty() {
            return Ok(found);
        }
        let here = self.here(Step::Search)?;
        for part in uids::split(uids) {
            for set in uids::sets(part.iter().copied()) {
                match self.search(&here, &format!("UID {set} UNDELETED")) {
                    // A message that the server cannot search must not be taken for gone.
                    Err(fault) if fault.is_for_now() && !self.is_spent() => found.extend(&part),
                    there => found.extend(there?),
                }
            }
        }
        let asked: BTreeSet<Uid> = uids.iter().copied().collect();
        found.retain(|uid| asked.contains(uid));
        Ok(found)
    }

    /// All messages from `first` on, in batches.
    fn expected_from(&mut self, here: &Opened, first: Uid) -> Result<Vec<Asked>, Fault> {
        let batch = HEADS as u32;
        let first = first.max(Uid(1));
        let Some(next) = here.next else {
            let found = self.search(here, &format!("UID {first}:* UNDELETED"))?;
            return Ok(these(&found));
        };
        if here.exists == 0 || next <= first {
            return Ok(Vec::new());
        }
        let span = next.0 - first.0;
        // If there are gaps, or may be many, a SEARCH first costs less.
        let is_without_gaps = first == Uid(1) && here.exists >= span && span <= MOST;
        if !is_without_gaps && (span.div_ceil(batch) > DENSE || first == Uid(1)) {
            let found = self.search(here, &format!("UID {first}:{} UNDELETED", next.0 - 1))?;
            return Ok(these(&found));
        }
        let windows = (first.0..next.0).step_by(HEADS);
        let high = |low: u32| Uid(low.saturating_add(batch - 1).min(next.0 - 1));
        Ok(windows.map(|low| Asked::Within(Uid(low), high(low))).collect())
    }

    /// UID SEARCH, never with a CHARSET: Outlook and Exchange refuse all but US-ASCII
    /// (https://github.com/jstedfast/MailKit/issues/808), and our searches are ASCII.
    pub(super) fn search(&mut self, here: &Opened, what: &str) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(here.folder.clone());
        // An OK without a SEARCH line may mean that nothing was found, so it counts if it comes a second time.
        for _ in 0..2 {
            let answer = self.run(Step::Search, &on, &format!("UID SEARCH {what}"), NUMBERS)?;
            let whole = answer.require_whole().map_err(|cause| Fault::of(Step::Search, &on, cause))?;
            if let Some(found) = whole.found() {
                return Ok(found);
            }
            if here.exists == 0 {
                break;
            }
        }
        Ok(Vec::new())
    }

    /// Fetches the To, Cc and Bcc lines of the messages of the open folder, in batches. A stop ends it after the batch in
    /// flight.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn recipients(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), Fault> {
        let here = self.here(Step::Fetch)?;
        let on = Subject::Folder(here.folder.clone());
        let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
        let items = format!("UID BODY.PEEK[HEADER.FIELDS (TO CC BCC)]<0.{HEAD_BYTES}>");
        for some in self.batches(Range::From(Uid(1)))?.chunks(FLIGHT) {
            self.go_on(&on)?;
            let asked: Vec<Asked> = some.iter().map(|batch| batch.asked.clone()).collect();
            self.ask(Step::Fetch, &asked, &items, limits, &mut |_, message| {
                message.section.into_iter().for_each(&mut each);
            })?;
        }
        Ok(())
    }

    /// Fetches the first `limit` bytes of each of `messages`, given by UID and RFC822.SIZE. Skips those that are gone. A stop
    /// ends it after the batch in flight. Returns those that exist but that the server did not show.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn mails(
        &mut self,
        messages: &[(Uid, u32)],
        limit: u32,
        mut each: impl FnMut(MailTrace, &[u8]),
    ) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        let cost = |size: u32| u64::from(size.min(limit)) + AROUND;
        let mut missing: BTreeMap<Uid, u32> = messages.iter().copied().collect();
        let mut rest = Vec::new();
        for (uid, size) in messages {
            match self.ahead.take_body(*uid, limit) {
                Some((size, bytes)) => {
                    missing.remove(uid);
                    each(
                        MailTrace {
                            uid: *uid,
                            identity: MailIdentity { digest: MailDigest::of(&bytes), size },
                        },
                        &bytes,
                    );
                }
                None => rest.push((*uid, *size)),
            }
        }
        // Several flights, so that a stop does not wait for all of them.
        for some in rest.chunks(FLIGHT * TOGETHER) {
            self.go_on(&on)?;
            let asked: Vec<Asked> = some
                .chunks(TOGETHER)
                .map(|part| Asked::These(part.iter().map(|(uid, _)| *uid).collect()))
                .collect();
            // Sizes are not always exact: Exchange rounds them.
            let most =
                some.chunks(TOGETHER).map(|part| part.iter().map(|(_, size)| 2 * cost(*size)).sum()).max();
            let limits = Limits::of_bytes(most.unwrap_or_default());
            let items = format!("UID RFC822.SIZE BODY.PEEK[]<0.{limit}>");
            let mut read = Vec::new();
            let doubtful = self.ask(Step::Fetch, &asked, &items, limits, &mut |uid, message| {
                // A server may send messages that were not requested. One that shows nothing of a message is asked again later.
                let Some(bytes) = message.body.filter(|bytes| !bytes.is_empty()) else { return };
                let Some(size) = missing.remove(&uid) else { return };
                let identity =
                    MailIdentity { digest: MailDigest::of(bytes), size: message.size.unwrap_or(size) };
                if message.size.is_some() && limit as usize >= HEADER_LIMIT {
                    read.push((uid, identity));
                }
                each(MailTrace { uid, identity }, bytes);
            })?;
            self.note_clear(read, &doubtful);
        }
        Ok(self.present(&Vec::from_iter(missing.into_keys()))?.into_iter().collect())
    }

    /// Fetches the headers of `uids`, up to [`HEADER_LIMIT`] each, with the identities that they prove. Skips messages that are
    /// gone.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn headers(&mut self, uids: &[Uid], mut each: impl FnMut(MailTrace, &[u8])) -> Result<(), Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        for some in uids.chunks(HEADERS) {
            self.go_on(&on)?;
            self.sightings(Step::Fetch, some, &mut |sighting, header| each(sighting.trace, header))?;
        }
        Ok(())
    }

    /// As [`Session::headers`], with flags and arrival, and not ended by a stop: for use in the middle of a move.
    pub(super) fn sightings(
        &mut self,
        doing: Step,
        uids: &[Uid],
        each: &mut impl FnMut(Sighting, &[u8]),
    ) -> Result<(), Fault> {
        let mut seen = Vec::new();
        let items = "UID FLAGS INTERNALDATE RFC822.SIZE";
        self.ask_with_headers(doing, uids, HEADERS, items, HEADER, &mut |uid, message| {
            if let (Some(size), Some(flags), Some(header)) = (message.size, message.flags, message.section) {
                let header = header.get(..HEADER_LIMIT).unwrap_or(header);
                let identity = MailIdentity { digest: MailDigest::of(header), size };
                seen.push((uid, identity));
                each(
                    Sighting { trace: MailTrace { uid, identity }, flags, received: message.received },
                    header,
                );
            }
        })?;
        seen.into_iter().for_each(|(uid, identity)| self.note_seen(uid, identity));
        Ok(())
    }

    /// Those of `uids` that are in the open folder and not marked \Deleted. One round trip.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn live(&mut self, uids: &[Uid]) -> Result<Vec<Uid>, Fault> {
        let flags = self.flags(Step::Search, uids)?;
        Ok(flags.into_iter().filter(|(_, flags)| !flags.deleted).map(|(uid, _)| uid).collect())
    }

    /// The flags of those of `uids` that exist. One round trip.
    ///
    /// # Errors
    /// Also if the server cannot show those of one of them: it must not be taken for gone.
    pub(super) fn flags(&mut self, doing: Step, uids: &[Uid]) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let flags = self.flags_and_keywords(doing, uids)?.flags;
        if uids.iter().any(|uid| !flags.contains_key(uid) && self.why_unshown(*uid).is_some()) {
            let on = Subject::Mails { folder: self.here(doing)?.folder, uids: uids.to_vec() };
            return Err(Fault::of(doing, &on, Cause::Unclear("the flags of a message")));
        }
        Ok(flags)
    }

    /// The flags of those of `uids` that exist, and the keywords of those that have any; without those that the server cannot
    /// show. One round trip; none if `uids` is empty.
    pub(super) fn flags_and_keywords(&mut self, doing: Step, uids: &[Uid]) -> Result<Marked, Fault> {
        let mut marked = Marked::default();
        // Many UIDs take several commands. If anything in their answers is odd, they are asked for in parts.
        let mut each = |uid: Uid, message: &Fetched<'_>| marked.note(uid, message);
        if !self.ask_at_once(doing, uids, "UID FLAGS", FLAGS, &mut each)? {
            marked = Marked::default();
            let mut each = |uid: Uid, message: &Fetched<'_>| marked.note(uid, message);
            self.ask_strictly(doing, uids, usize::MAX, "UID FLAGS", FLAGS, &mut each)?;
        }
        Ok(marked)
    }

    /// The messages of the open folder that have `identity` and may have arrived at `received`, also those marked \Deleted.
    /// Two round trips if there is one.
    pub(super) fn alike(
        &mut self,
        identity: &MailIdentity,
        received: Option<i64>,
    ) -> Result<Vec<Sighting>, Fault> {
        let here = self.here(Step::Search)?;
        let (above, below) = (identity.size.saturating_sub(1), identity.size.saturating_add(1));
        let mut what = format!("LARGER {above} SMALLER {below}");
        if let Some(at) = received {
            // Servers count days in their own time zone.
            let day = |seconds: i64| date::day(at.saturating_add(seconds));
            what = format!("{what} SINCE {} BEFORE {}", day(-2 * 86_400), day(2 * 86_400));
        }
        let found = self.search(&here, &what)?;
        let mut alike = Vec::new();
        self.sightings(Step::Search, &found, &mut |sighting, _| {
            if sighting.trace.identity == *identity {
                alike.push(sighting);
            }
        })?;
        // One that cannot be read may be it.
        if found.iter().any(|uid| self.why_unshown(*uid).is_some()) {
            let on = Subject::Mails { folder: here.folder, uids: found };
            return Err(Fault::of(Step::Search, &on, Cause::Unclear("the header of a message")));
        }
        Ok(alike)
    }

    /// The UIDs and sizes of the open folder's messages from `first` on.
    pub(super) fn sizes_from(&mut self, first: Uid) -> Result<Vec<(Uid, u32)>, Fault> {
        let here = self.here(Step::Fetch)?;
        let on = Subject::Folder(here.folder);
        let answer =
            self.run(Step::Fetch, &on, &format!("UID FETCH {first}:* (UID RFC822.SIZE)"), NUMBERS)?;
        let whole = answer.require_whole().map_err(|cause| Fault::of(Step::Fetch, &on, cause))?;
        let messages = whole.fetched();
        // "first:*" always includes the last message, even if its UID is lower (RFC 9051, section 9, seq-range).
        Ok(messages
            .iter()
            .filter_map(|(uid, message)| Some((*uid, message.size?)))
            .filter(|(uid, _)| *uid >= first)
            .collect())
    }

    /// Fails after a stop. Called between two batches; the session stays usable.
    pub(super) fn go_on(&self, on: &Subject) -> Result<(), Fault> {
        if self.line.is_stopped() { Err(Fault::of(Step::Fetch, on, Cause::Stopped)) } else { Ok(()) }
    }
}

/// A message of the open folder, with the size, header and flags that one answer showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) trace: MailTrace,
    pub(super) flags: Flags,
    /// INTERNALDATE, in seconds since 1970 UTC.
    pub(super) received: Option<i64>,
}

/// The keywords of the messages that have any.
pub(super) type Keywords = BTreeMap<Uid, BTreeSet<String>>;

/// How messages are marked.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// The flags of those that were shown.
    pub(super) flags: BTreeMap<Uid, Flags>,
    /// The keywords of those that have any.
    pub(super) keywords: Keywords,
    /// Their sequence numbers.
    pub(super) numbers: BTreeMap<Uid, u32>,
}

impl Marked {
    /// What a server says last counts.
    fn note(&mut self, uid: Uid, message: &Fetched<'_>) {
        let Some(flags) = message.flags else { return };
        self.flags.insert(uid, flags);
        self.numbers.insert(uid, message.number);
        if message.keywords.is_empty() {
            self.keywords.remove(&uid);
        } else {
            self.keywords.insert(uid, message.keywords.clone());
        }
    }
}

/// Batches of UIDs that the server listed.
fn these(uids: &[Uid]) -> Vec<Asked> {
    uids.chunks(HEADS).map(|chunk| Asked::These(chunk.to_vec())).collect()
}

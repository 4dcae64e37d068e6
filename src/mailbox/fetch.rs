//! Reads messages of the open folder: heads in batches, bodies up to a limit, headers for their digests.
//!
//! Owns UID SEARCH and UID FETCH. Always BODY.PEEK, so that no message is marked as read, and since iCloud answers RFC822
//! without the message (<https://github.com/modern-email/defects/issues/36>). Never BODYSTRUCTURE or ENVELOPE, with which one
//! malformed message breaks a batch. The batch bounds the memory, whatever a message or a server sends. Called by `sweep`,
//! `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answer::{Fetched, Flags};
use super::bounds::Limits;
use super::fault::{Cause, Fault, Step, Subject};
use super::session::{Opened, Session};
use super::{date, uids};
use crate::place::{HEADER_LIMIT, MailDigest, MailIdentity, MailTrace, Uid};

/// Heads in one answer: some megabytes. 100,000 at once would take half a gigabyte.
const HEADS: usize = 500;
/// Bytes of the From and Subject lines of one message. No network sends longer ones.
const HEAD_BYTES: u64 = 16 << 10;
/// The header fields of a head, up to [`HEAD_BYTES`]. The Message-ID distinguishes a message from another one with its UID.
pub(super) const HEAD_FIELDS: &str = "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]<0.16384>";
/// Bytes of bodies in one answer. While it grows, it takes up to twice that in memory.
const BODIES: u64 = 3 << 20;
/// Whole headers in one answer.
const HEADERS: usize = 64;
/// The overhead of an answer, in bytes for each message.
const AROUND: u64 = 128;
/// Up to this many batches are fetched by ranges of UIDs. If messages lie further apart, a SEARCH first costs less.
const DENSE: u32 = 4;
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
    set: String,
    expected: Expected,
    first: Uid,
    last: Uid,
    since: i64,
}

/// Which messages an answer should contain.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// Those from the first UID to the second; some may have been deleted.
    Within(Uid, Uid),
    /// These, which the server listed.
    These(Vec<Uid>),
}

impl Batch {
    /// The highest UID that can be in it.
    pub fn last(&self) -> Uid {
        self.last
    }
}

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The heads, in ascending order.
    pub heads: Vec<Head>,
    /// Messages that exist according to SEARCH, but that FETCH did not return although it answered OK.
    pub unshown: Vec<Uid>,
}

/// The part of a message that shows whether it may be a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its UID.
    pub uid: Uid,
    /// Its RFC822.SIZE.
    pub size: u32,
    /// When it arrived: INTERNALDATE, in seconds since 1970 UTC; 0 if the server has none.
    pub received: i64,
    /// Its flags.
    pub flags: Flags,
    /// Its raw From, Subject and Message-ID lines.
    pub fields: Vec<u8>,
}

impl Session {
    /// Fetches the heads of `range` in batches and in ascending order, without messages marked \Deleted. A stop ends it after
    /// the batch in flight. Returns the messages that the server did not show.
    ///
    /// # Errors
    /// As [`Session::heads_of`].
    pub fn heads(&mut self, range: Range<'_>, mut each: impl FnMut(Vec<Head>)) -> Result<Vec<Uid>, Fault> {
        let mut unshown = Vec::new();
        for batch in self.batches(range)? {
            let some = self.heads_of(&batch)?;
            each(some.heads);
            unshown.extend(some.unshown);
        }
        Ok(unshown)
    }

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
        let batch = |expected: Expected| {
            let (set, last) = match &expected {
                Expected::Within(low, high) => (format!("{low}:{high}"), *high),
                // Few enough for one command.
                Expected::These(uids) => (
                    uids::sets(uids.iter().copied()).into_iter().next()?,
                    uids.last().copied().unwrap_or(first),
                ),
            };
            Some(Batch { set, expected, first, last, since })
        };
        Ok(expected.into_iter().filter_map(batch).collect())
    }

    /// Fetches the heads of one batch of the open folder in ascending order, without messages marked \Deleted. One round trip,
    /// and one more if something is missing.
    ///
    /// # Errors
    /// [`Cause::Stopped`] after a stop leaves the session usable, and so does a refusal by the server. After any other fault the
    /// session is spent.
    pub fn heads_of(&mut self, batch: &Batch) -> Result<Heads, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        self.go_on(&on)?;
        let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS {HEAD_FIELDS})", batch.set);
        let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
        let answer = self.run(Step::Fetch, &on, &command, limits)?;
        let messages = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
        let came = |uid: &Uid| {
            messages.get(uid).is_some_and(|message| message.is_deleted() || head((uid, message)).is_some())
        };
        let absent: Vec<Uid> = match &batch.expected {
            Expected::Within(low, high) => (low.0..=high.0).map(Uid).filter(|uid| !came(uid)).collect(),
            Expected::These(uids) => uids.iter().copied().filter(|uid| !came(uid)).collect(),
        };
        let heads = messages
            .iter()
            .filter_map(head)
            .filter(|head| (batch.first..=batch.last).contains(&head.uid) && head.received >= batch.since)
            .collect();
        let unshown = self.present(&absent)?.into_iter().collect();
        Ok(Heads { heads, unshown })
    }

    /// Those of `uids` that are in the open folder according to SEARCH and not marked \Deleted. For messages that a FETCH did not
    /// return: some are gone, and a server may answer OK and leave out others. No round trip if `uids` is empty.
    pub(super) fn present(&mut self, uids: &[Uid]) -> Result<BTreeSet<Uid>, Fault> {
        let mut found = BTreeSet::new();
        if uids.is_empty() {
            return Ok(found);
        }
        let here = self.here(Step::Search)?;
        for set in uids::sets(uids.iter().copied()) {
            found.extend(self.search(&here, &format!("UID {set} UNDELETED"))?);
        }
        let asked: BTreeSet<Uid> = uids.iter().copied().collect();
        found.retain(|uid| asked.contains(uid));
        Ok(found)
    }

    /// All messages from `first` on, in batches.
    fn expected_from(&mut self, here: &Opened, first: Uid) -> Result<Vec<Expected>, Fault> {
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
        // If there are gaps, or far more UIDs than one answer holds, a SEARCH first costs less.
        if span.div_ceil(batch) > DENSE || (first == Uid(1) && here.exists < span) {
            let found = self.search(here, &format!("UID {first}:{} UNDELETED", next.0 - 1))?;
            return Ok(these(&found));
        }
        let windows = (first.0..next.0).step_by(HEADS);
        let high = |low: u32| Uid(low.saturating_add(batch - 1).min(next.0 - 1));
        Ok(windows.map(|low| Expected::Within(Uid(low), high(low))).collect())
    }

    /// UID SEARCH, never with a CHARSET: Outlook and Exchange refuse all but US-ASCII
    /// (https://github.com/jstedfast/MailKit/issues/808), and our searches are ASCII.
    pub(super) fn search(&mut self, here: &Opened, what: &str) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(here.folder.clone());
        // An OK without a SEARCH line may mean that nothing was found, so it counts if it comes a second time.
        for _ in 0..2 {
            let answer = self.run(Step::Search, &on, &format!("UID SEARCH {what}"), NUMBERS)?;
            if let Some(found) = answer.found().map_err(|cause| self.garbled(Step::Search, &on, cause))? {
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
        for batch in self.batches(Range::From(Uid(1)))? {
            let set = batch.set;
            self.go_on(&on)?;
            let command =
                format!("UID FETCH {set} (UID BODY.PEEK[HEADER.FIELDS (TO CC BCC)]<0.{HEAD_BYTES}>)");
            let answer = self.run(Step::Fetch, &on, &command, limits)?;
            let fetched = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
            fetched.values().filter_map(|message| message.section).for_each(&mut each);
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
        let here = self.here(Step::Fetch)?;
        let mut unshown = Vec::new();
        let cost = |size: u32| u64::from(size.min(limit)) + AROUND;
        let mut rest = messages;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|(_, size)| {
                bytes += cost(*size);
                bytes <= BODIES
            });
            let (batch, after) = rest.split_at_checked(fits.count().max(1)).unwrap_or((rest, &[]));
            rest = after;
            let numbers: Vec<Uid> = batch.iter().map(|(uid, _)| *uid).collect();
            let on = Subject::Mails { folder: here.folder.clone(), uids: numbers.clone() };
            // Sizes are not always exact: Exchange rounds them.
            let limits = Limits::of_bytes(2 * batch.iter().map(|(_, size)| cost(*size)).sum::<u64>());
            let mut absent: BTreeMap<Uid, u32> = batch.iter().copied().collect();
            for set in uids::sets(numbers) {
                self.go_on(&on)?;
                let command = format!("UID FETCH {set} (UID RFC822.SIZE BODY.PEEK[]<0.{limit}>)");
                let answer = self.run(Step::Fetch, &on, &command, limits)?;
                let fetched = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
                for (uid, message) in &fetched {
                    // A server may send messages that were not requested.
                    let Some(bytes) = message.section else { continue };
                    let Some(size) = absent.remove(uid) else { continue };
                    let identity =
                        MailIdentity { digest: MailDigest::of(bytes), size: message.size.unwrap_or(size) };
                    if message.size.is_some() && limit as usize >= HEADER_LIMIT {
                        self.note_seen(*uid, identity);
                    }
                    each(MailTrace { uid: *uid, identity }, bytes);
                }
            }
            unshown.extend(self.present(&Vec::from_iter(absent.into_keys()))?);
        }
        Ok(unshown)
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
        batches(uids, HEADERS).iter().try_for_each(|set| self.sightings_in(doing, set, each))
    }

    /// Fetches the headers of one set of at most [`HEADERS`] messages.
    pub(super) fn sightings_in(
        &mut self,
        doing: Step,
        set: &str,
        each: &mut impl FnMut(Sighting, &[u8]),
    ) -> Result<(), Fault> {
        let on = Subject::Folder(self.here(doing)?.folder);
        let limits = Limits::of_bytes(HEADERS as u64 * (HEADER_LIMIT as u64 + AROUND));
        let command = format!(
            "UID FETCH {set} (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>)"
        );
        let answer = self.run(doing, &on, &command, limits)?;
        let messages = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
        for (uid, message) in &messages {
            if let (Some(size), Some(flags), Some(header)) = (message.size, message.flags, message.section) {
                let identity = MailIdentity { digest: MailDigest::of(header), size };
                self.note_seen(*uid, identity);
                each(
                    Sighting { trace: MailTrace { uid: *uid, identity }, flags, received: message.received },
                    header,
                );
            }
        }
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
    pub(super) fn flags(&mut self, doing: Step, uids: &[Uid]) -> Result<BTreeMap<Uid, Flags>, Fault> {
        Ok(self.flags_and_keywords(doing, uids)?.0)
    }

    /// The flags of those of `uids` that exist, and the keywords of those that have any. One round trip; none if `uids` is
    /// empty.
    pub(super) fn flags_and_keywords(
        &mut self,
        doing: Step,
        uids: &[Uid],
    ) -> Result<(BTreeMap<Uid, Flags>, Keywords), Fault> {
        let here = self.here(doing)?;
        let on = Subject::Mails { folder: here.folder, uids: uids.to_vec() };
        let (mut there, mut keywords) = (BTreeMap::new(), BTreeMap::new());
        for set in uids::sets(uids.iter().copied()) {
            let answer = self.run(doing, &on, &format!("UID FETCH {set} (UID FLAGS)"), FLAGS)?;
            let messages = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
            for (uid, message) in messages {
                there.extend(message.flags.map(|flags| (uid, flags)));
                if !message.keywords.is_empty() {
                    keywords.insert(uid, message.keywords);
                }
            }
        }
        Ok((there, keywords))
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
        Ok(alike)
    }

    /// The UIDs and sizes of the open folder's messages from `first` on.
    pub(super) fn sizes_from(&mut self, first: Uid) -> Result<Vec<(Uid, u32)>, Fault> {
        let here = self.here(Step::Fetch)?;
        let on = Subject::Folder(here.folder);
        let answer =
            self.run(Step::Fetch, &on, &format!("UID FETCH {first}:* (UID RFC822.SIZE)"), NUMBERS)?;
        let messages = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
        // "first:*" always includes the last message, even if its UID is lower (RFC 9051, section 9, seq-range).
        Ok(messages
            .iter()
            .filter_map(|(uid, message)| Some((*uid, message.size?)))
            .filter(|(uid, _)| *uid >= first)
            .collect())
    }

    /// Fails after a stop. Called between two batches; the session stays usable.
    fn go_on(&self, on: &Subject) -> Result<(), Fault> {
        if self.line.is_stopped() { Err(Fault::of(Step::Fetch, on, Cause::Stopped)) } else { Ok(()) }
    }
}

fn head((uid, message): (&Uid, &Fetched<'_>)) -> Option<Head> {
    let flags = message.flags.filter(|flags| !flags.deleted)?;
    Some(Head {
        uid: *uid,
        size: message.size?,
        received: message.received.unwrap_or(0),
        flags,
        fields: message.section?.to_vec(),
    })
}

impl Fetched<'_> {
    fn is_deleted(&self) -> bool {
        self.flags.is_some_and(|flags| flags.deleted)
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

/// Batches of UIDs that the server listed.
fn these(uids: &[Uid]) -> Vec<Expected> {
    uids.chunks(HEADS).map(|chunk| Expected::These(chunk.to_vec())).collect()
}

/// Sets of at most `most` UIDs each.
fn batches(uids: &[Uid], most: usize) -> Vec<String> {
    uids.chunks(most).flat_map(|chunk| uids::sets(chunk.iter().copied())).collect()
}

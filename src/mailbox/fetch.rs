//! Reading mails of the open folder: heads by the batch, bodies up to a limit, headers for their digests.
//!
//! Owns UID SEARCH and UID FETCH. Always BODY.PEEK, so that nothing is ever marked read, and since iCloud answers RFC822
//! without the mail (<https://github.com/modern-email/defects/issues/36>); never BODYSTRUCTURE or ENVELOPE,
//! on which one odd mail spoils a batch. Memory is bounded by the batch, whatever a mail or a server sends. Called by
//! `sweep`, `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answer::{Fetched, Flags};
use super::bounds::Limits;
use super::fault::{Cause, Fault, Step, Subject};
use super::session::{Opened, Session};
use super::trace::Trace;
use super::{date, uids};
use crate::place::{HEADER_LIMIT, MailDigest, MailIdentity, Uid};

/// Heads in one answer. 100,000 at once cost half a gigabyte; so, some megabytes.
const HEADS: usize = 500;
/// Bytes of the From and Subject lines of one mail: who writes more there is no network.
const HEAD_BYTES: u64 = 16 << 10;
/// What a head asks for of the header, up to [`HEAD_BYTES`]. The Message-ID tells a message from another that took its UID.
pub(super) const HEAD_FIELDS: &str = "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]<0.16384>";
/// Bytes of bodies in one answer; it costs up to twice that in memory, while it grows.
const BODIES: u64 = 3 << 20;
/// Whole headers in one answer.
const HEADERS: usize = 64;
/// What an answer needs beside what was asked for, for each mail.
const AROUND: u64 = 128;
/// Up to so many batches by UID alone; where mails lie further apart, asking which there are costs less.
const DENSE: u32 = 4;
/// For the flags of as many mails as one set names.
const FLAGS: Limits = Limits { time: Limits::SHORT.time, bytes: 4 << 20 };
/// For an answer of a few numbers for each mail of a large folder.
const NUMBERS: Limits = Limits { time: Duration::from_secs(120), bytes: 32 << 20 };

/// Which mails of the open folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range<'a> {
    /// Those of this UID or a higher one that were there when the folder was opened.
    From(Uid),
    /// Those that arrived at this moment or later, in seconds since 1970 UTC.
    Since(i64),
    /// These.
    These(&'a [Uid]),
}

/// A few hundred mails of the folder that was open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    set: String,
    expected: Expected,
    first: Uid,
    last: Uid,
    since: i64,
}

/// Which mails an answer should show.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// Perhaps all UIDs from the one to the other; perhaps not, since mails are deleted.
    Within(Uid, Uid),
    /// These, which the server said were there.
    These(Vec<Uid>),
}

impl Batch {
    /// The highest UID that can be in it.
    pub fn last(&self) -> Uid {
        self.last
    }
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The heads, in ascending order.
    pub heads: Vec<Head>,
    /// Mails that are there by the server's own word, and that it did not show although it said OK.
    pub unshown: Vec<Uid>,
}

/// What tells whether a mail may be a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its UID.
    pub uid: Uid,
    /// Its RFC822.SIZE.
    pub size: u32,
    /// When it arrived: INTERNALDATE, in seconds since 1970 UTC. Where the server has none, 0.
    pub received: i64,
    /// Its flags.
    pub flags: Flags,
    /// Its From, Subject and Message-ID lines as they are, and no others.
    pub fields: Vec<u8>,
}

impl Session {
    /// Fetches the heads of `range`, by the batch and in ascending order; without mails marked \Deleted. Where a stop is
    /// asked for, it ends after the batch in flight. Says which mails the server did not show.
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

    /// Parts `range` into batches, in ascending order. One turn at most.
    ///
    /// # Errors
    /// Where no folder is open, or the line fails.
    pub fn batches(&mut self, range: Range<'_>) -> Result<Vec<Batch>, Fault> {
        let here = self.here(Step::Fetch)?;
        let (expected, first, since) = match range {
            Range::From(first) => (self.expected_from(&here, first)?, first, i64::MIN),
            Range::Since(moment) => {
                // Servers count days in a zone of their own: a day more, and look again.
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
                // So few that they fit into one command.
                Expected::These(uids) => (
                    uids::sets(uids.iter().copied()).into_iter().next()?,
                    uids.last().copied().unwrap_or(first),
                ),
            };
            Some(Batch { set, expected, first, last, since })
        };
        Ok(expected.into_iter().filter_map(batch).collect())
    }

    /// Fetches the heads of one batch of the open folder, in ascending order; without mails marked \Deleted. One turn, and
    /// one more where something did not come.
    ///
    /// # Errors
    /// [`Cause::Stopped`], where a stop was asked for before, leaves a healthy session; anything else that is not the
    /// server's plain no a spent one.
    pub fn heads_of(&mut self, batch: &Batch) -> Result<Heads, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        self.go_on(&on)?;
        let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS {HEAD_FIELDS})", batch.set);
        let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
        let answer = self.run(Step::Fetch, &on, &command, limits)?;
        let mails = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
        let came =
            |uid: &Uid| mails.get(uid).is_some_and(|mail| mail.is_deleted() || head((uid, mail)).is_some());
        let absent: Vec<Uid> = match &batch.expected {
            Expected::Within(low, high) => (low.0..=high.0).map(Uid).filter(|uid| !came(uid)).collect(),
            Expected::These(uids) => uids.iter().copied().filter(|uid| !came(uid)).collect(),
        };
        let heads = mails
            .iter()
            .filter_map(head)
            .filter(|head| (batch.first..=batch.last).contains(&head.uid) && head.received >= batch.since)
            .collect();
        let unshown = self.present(&absent)?.into_iter().collect();
        Ok(Heads { heads, unshown })
    }

    /// Those of `uids` that are in the open folder by the server's own word, and not marked \Deleted. For mails that a FETCH
    /// did not show: some are gone, and a server may say OK and leave out the rest. No turn for no UIDs.
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

    /// Every mail from `first` on, by the batch.
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
        // Where there are gaps, or far more UIDs than one answer holds, asking which there are costs less.
        if span.div_ceil(batch) > DENSE || (first == Uid(1) && here.exists < span) {
            let found = self.search(here, &format!("UID {first}:{} UNDELETED", next.0 - 1))?;
            return Ok(these(&found));
        }
        let windows = (first.0..next.0).step_by(HEADS);
        let high = |low: u32| Uid(low.saturating_add(batch - 1).min(next.0 - 1));
        Ok(windows.map(|low| Expected::Within(Uid(low), high(low))).collect())
    }

    /// Never with a CHARSET: Outlook and Exchange refuse all but US-ASCII
    /// (https://github.com/jstedfast/MailKit/issues/808), and what we search for is ASCII.
    pub(super) fn search(&mut self, here: &Opened, what: &str) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(here.folder.clone());
        // An OK without any line says that there are none, or nothing at all: it is believed the second time.
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

    /// Fetches the To, Cc and Bcc lines of the mails of the open folder, by the batch. Where a stop is asked for, it ends
    /// after the batch in flight.
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
            fetched.values().filter_map(|mail| mail.section).for_each(&mut each);
        }
        Ok(())
    }

    /// Fetches the first `limit` bytes of each of `mails`, which are a UID and an RFC822.SIZE; those that are gone are
    /// passed over. Where a stop is asked for, it ends after the batch in flight. Says which the server did not show although
    /// they are there.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn mails(
        &mut self,
        mails: &[(Uid, u32)],
        limit: u32,
        mut each: impl FnMut(Trace, &[u8]),
    ) -> Result<Vec<Uid>, Fault> {
        let here = self.here(Step::Fetch)?;
        let mut unshown = Vec::new();
        let cost = |size: u32| u64::from(size.min(limit)) + AROUND;
        let mut rest = mails;
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
                for (uid, mail) in &fetched {
                    // A server may tell of mails that nobody asked for.
                    let Some(bytes) = mail.section else { continue };
                    let Some(told) = absent.remove(uid) else { continue };
                    let identity =
                        MailIdentity { digest: MailDigest::of(bytes), size: mail.size.unwrap_or(told) };
                    if mail.size.is_some() && limit as usize >= HEADER_LIMIT {
                        self.note_seen(*uid, identity);
                    }
                    each(Trace { uid: *uid, identity }, bytes);
                }
            }
            unshown.extend(self.present(&Vec::from_iter(absent.into_keys()))?);
        }
        Ok(unshown)
    }

    /// Fetches the headers of `uids`, whole but for giants, with what they prove; those that are gone are passed over.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn headers(&mut self, uids: &[Uid], mut each: impl FnMut(Trace, &[u8])) -> Result<(), Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        for some in uids.chunks(HEADERS) {
            self.go_on(&on)?;
            self.sightings(Step::Fetch, some, &mut |sighting, header| each(sighting.trace, header))?;
        }
        Ok(())
    }

    /// As [`Session::headers`], with flags and arrival, and whatever is asked to stop: in the middle of a move.
    pub(super) fn sightings(
        &mut self,
        doing: Step,
        uids: &[Uid],
        each: &mut impl FnMut(Sighting, &[u8]),
    ) -> Result<(), Fault> {
        batches(uids, HEADERS).iter().try_for_each(|set| self.sightings_in(doing, set, each))
    }

    /// Fetches the headers of one set, of at most [`HEADERS`] mails.
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
        let mails = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
        for (uid, mail) in &mails {
            if let (Some(size), Some(flags), Some(header)) = (mail.size, mail.flags, mail.section) {
                let identity = MailIdentity { digest: MailDigest::of(header), size };
                self.note_seen(*uid, identity);
                each(
                    Sighting { trace: Trace { uid: *uid, identity }, flags, received: mail.received },
                    header,
                );
            }
        }
        Ok(())
    }

    /// Those of `uids` that are in the open folder and not marked \Deleted. One turn.
    ///
    /// # Errors
    /// Where the line fails.
    pub fn live(&mut self, uids: &[Uid]) -> Result<Vec<Uid>, Fault> {
        let flags = self.flags(Step::Search, uids)?;
        Ok(flags.into_iter().filter(|(_, flags)| !flags.deleted).map(|(uid, _)| uid).collect())
    }

    /// The flags of those of `uids` that are there. One turn.
    pub(super) fn flags(&mut self, doing: Step, uids: &[Uid]) -> Result<BTreeMap<Uid, Flags>, Fault> {
        Ok(self.flags_and_keywords(doing, uids)?.0)
    }

    /// The flags of those of `uids` that are there, and the flags that are not the protocol's own of those that have any.
    /// One turn; none for no UIDs.
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
            let mails = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
            for (uid, mail) in mails {
                there.extend(mail.flags.map(|flags| (uid, flags)));
                if !mail.keywords.is_empty() {
                    keywords.insert(uid, mail.keywords);
                }
            }
        }
        Ok((there, keywords))
    }

    /// The messages of the open folder that are just like `identity` and may have arrived at `received`, also those that are
    /// marked \Deleted. Two turns where there is one.
    pub(super) fn alike(
        &mut self,
        identity: &MailIdentity,
        received: Option<i64>,
    ) -> Result<Vec<Sighting>, Fault> {
        let here = self.here(Step::Search)?;
        let (above, below) = (identity.size.saturating_sub(1), identity.size.saturating_add(1));
        let mut what = format!("LARGER {above} SMALLER {below}");
        if let Some(at) = received {
            // Servers count days in a zone of their own.
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

    /// The UIDs and sizes of the open folder's mails from `first` on.
    pub(super) fn sizes_from(&mut self, first: Uid) -> Result<Vec<(Uid, u32)>, Fault> {
        let here = self.here(Step::Fetch)?;
        let on = Subject::Folder(here.folder);
        let answer =
            self.run(Step::Fetch, &on, &format!("UID FETCH {first}:* (UID RFC822.SIZE)"), NUMBERS)?;
        let mails = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
        // The last mail is in "first:*" also where its UID is lower (RFC 9051, section 9, seq-range).
        Ok(mails
            .iter()
            .filter_map(|(uid, mail)| Some((*uid, mail.size?)))
            .filter(|(uid, _)| *uid >= first)
            .collect())
    }

    /// Between two batches: a stop ends the work, and leaves the session as it is.
    fn go_on(&self, on: &Subject) -> Result<(), Fault> {
        if self.line.is_stopped() { Err(Fault::of(Step::Fetch, on, Cause::Stopped)) } else { Ok(()) }
    }
}

fn head((uid, mail): (&Uid, &Fetched<'_>)) -> Option<Head> {
    let flags = mail.flags.filter(|flags| !flags.deleted)?;
    Some(Head {
        uid: *uid,
        size: mail.size?,
        received: mail.received.unwrap_or(0),
        flags,
        fields: mail.section?.to_vec(),
    })
}

impl Fetched<'_> {
    fn is_deleted(&self) -> bool {
        self.flags.is_some_and(|flags| flags.deleted)
    }
}

/// A message of the open folder, as its size, header and flags were shown together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) trace: Trace,
    pub(super) flags: Flags,
    /// INTERNALDATE, in seconds since 1970 UTC.
    pub(super) received: Option<i64>,
}

/// The keywords of the messages that have any.
pub(super) type Keywords = BTreeMap<Uid, BTreeSet<String>>;

/// Batches of UIDs that the server said were there.
fn these(uids: &[Uid]) -> Vec<Expected> {
    uids.chunks(HEADS).map(|chunk| Expected::These(chunk.to_vec())).collect()
}

/// Sets of at most `most` UIDs each.
fn batches(uids: &[Uid], most: usize) -> Vec<String> {
    uids.chunks(most).flat_map(|chunk| uids::sets(chunk.iter().copied())).collect()
}

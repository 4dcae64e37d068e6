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
    first: Uid,
    last: Uid,
    since: i64,
}

impl Batch {
    /// The highest UID that can be in it.
    pub fn last(&self) -> Uid {
        self.last
    }
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
    /// Its From and Subject lines as they are, and no others.
    pub fields: Vec<u8>,
}

impl Session {
    /// Fetches the heads of `range`, by the batch and in ascending order; without mails marked \Deleted. Where a stop is
    /// asked for, it ends after the batch in flight.
    ///
    /// # Errors
    /// As [`Session::heads_of`].
    pub fn heads(&mut self, range: Range<'_>, mut each: impl FnMut(Vec<Head>)) -> Result<(), Fault> {
        for batch in self.batches(range)? {
            each(self.heads_of(&batch)?);
        }
        Ok(())
    }

    /// Parts `range` into batches, in ascending order. One turn at most.
    ///
    /// # Errors
    /// Where no folder is open, or the line fails.
    pub fn batches(&mut self, range: Range<'_>) -> Result<Vec<Batch>, Fault> {
        let here = self.here(Step::Fetch)?;
        let (sets, first, since) = match range {
            Range::From(first) => (self.sets_from(&here, first)?, first, i64::MIN),
            Range::Since(moment) => {
                // Servers count days in a zone of their own: a day more, and look again.
                let day = date::day(moment.saturating_sub(86_400).max(0));
                let found = self.search(&here, &format!("UNDELETED SINCE {day}"))?;
                (batches(&found, HEADS), Uid(0), moment)
            }
            Range::These(uids) => {
                let mut uids = uids.to_vec();
                uids.sort_unstable();
                (batches(&uids, HEADS), Uid(0), i64::MIN)
            }
        };
        let last =
            |set: &str| set.rsplit([',', ':']).next().and_then(|last| last.parse().ok()).map_or(first, Uid);
        Ok(sets.into_iter().map(|set| Batch { last: last(&set), set, first, since }).collect())
    }

    /// Fetches the heads of one batch of the open folder, in ascending order; without mails marked \Deleted. One turn.
    ///
    /// # Errors
    /// [`Cause::Stopped`], where a stop was asked for before, leaves a healthy session; anything else that is not the
    /// server's plain no a spent one.
    pub fn heads_of(&mut self, batch: &Batch) -> Result<Vec<Head>, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        self.go_on(&on)?;
        let command = format!(
            "UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]<0.{HEAD_BYTES}>)",
            batch.set
        );
        let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
        let answer = self.run(Step::Fetch, &on, &command, limits)?;
        let mails = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
        Ok(mails
            .iter()
            .filter_map(head)
            .filter(|head| (batch.first..=batch.last).contains(&head.uid) && head.received >= batch.since)
            .collect())
    }

    /// The sets that hold every mail from `first` on.
    fn sets_from(&mut self, here: &Opened, first: Uid) -> Result<Vec<String>, Fault> {
        let batch = HEADS as u32;
        let first = first.max(Uid(1));
        let Some(next) = here.next else {
            let found = self.search(here, &format!("UID {first}:* UNDELETED"))?;
            return Ok(batches(&found, HEADS));
        };
        if here.exists == 0 || next <= first {
            return Ok(Vec::new());
        }
        let span = next.0 - first.0;
        if span.div_ceil(batch) > DENSE {
            let found = self.search(here, &format!("UID {first}:{} UNDELETED", next.0 - 1))?;
            return Ok(batches(&found, HEADS));
        }
        let windows = (first.0..next.0).step_by(HEADS);
        Ok(windows.map(|low| format!("{low}:{}", low.saturating_add(batch - 1).min(next.0 - 1))).collect())
    }

    /// Never with a CHARSET: Outlook and Exchange refuse all but US-ASCII
    /// (https://github.com/jstedfast/MailKit/issues/808), and what we search for is ASCII.
    fn search(&mut self, here: &Opened, what: &str) -> Result<Vec<Uid>, Fault> {
        let on = Subject::Folder(here.folder.clone());
        let answer = self.run(Step::Search, &on, &format!("UID SEARCH {what}"), NUMBERS)?;
        answer.found().map_err(|cause| self.garbled(Step::Search, &on, cause))
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
        for set in self.sets_from(&here, Uid(1))? {
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
    /// passed over. Where a stop is asked for, it ends after the batch in flight.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn mails(
        &mut self,
        mails: &[(Uid, u32)],
        limit: u32,
        mut each: impl FnMut(Uid, &[u8]),
    ) -> Result<(), Fault> {
        let here = self.here(Step::Fetch)?;
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
            for set in uids::sets(numbers) {
                self.go_on(&on)?;
                let command = format!("UID FETCH {set} (UID BODY.PEEK[]<0.{limit}>)");
                let answer = self.run(Step::Fetch, &on, &command, limits)?;
                let fetched = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, &on, cause))?;
                for (uid, mail) in &fetched {
                    // A server may tell of mails that nobody asked for.
                    if let Some(bytes) =
                        mail.section.filter(|_| batch.iter().any(|(wanted, _)| wanted == uid))
                    {
                        each(*uid, bytes);
                    }
                }
            }
        }
        Ok(())
    }

    /// Fetches the headers of `uids`, whole but for giants, with what they prove; those that are gone are passed over.
    ///
    /// # Errors
    /// As [`Session::heads`].
    pub fn headers(&mut self, uids: &[Uid], mut each: impl FnMut(Trace, &[u8])) -> Result<(), Fault> {
        let here = self.here(Step::Fetch)?;
        for set in batches(uids, HEADERS) {
            let on = Subject::Folder(here.folder.clone());
            self.go_on(&on)?;
            self.headers_of(&set, &on, &mut |trace, _, header| each(trace, header))?;
        }
        Ok(())
    }

    /// As [`Session::headers`], with the flags, and whatever is asked to stop: in the middle of a move.
    pub(super) fn headers_and_flags(
        &mut self,
        uids: &[Uid],
        each: &mut impl FnMut(Trace, Flags, &[u8]),
    ) -> Result<(), Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        batches(uids, HEADERS).iter().try_for_each(|set| self.headers_of(set, &on, each))
    }

    /// Fetches the headers of one set, of at most [`HEADERS`] mails.
    pub(super) fn headers_of(
        &mut self,
        set: &str,
        on: &Subject,
        each: &mut impl FnMut(Trace, Flags, &[u8]),
    ) -> Result<(), Fault> {
        let limits = Limits::of_bytes(HEADERS as u64 * (HEADER_LIMIT as u64 + AROUND));
        let command = format!("UID FETCH {set} (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>)");
        let answer = self.run(Step::Fetch, on, &command, limits)?;
        let mails = answer.fetched().map_err(|cause| self.garbled(Step::Fetch, on, cause))?;
        for (uid, mail) in &mails {
            if let (Some(size), Some(flags), Some(header)) = (mail.size, mail.flags, mail.section) {
                let identity = MailIdentity { digest: MailDigest::of(header), size };
                each(Trace { uid: *uid, identity }, flags, header);
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

    /// The flags of those of `uids` that are there. One FETCH and not a SEARCH: a server may answer either by what it told
    /// us last, but corrects a FETCH in the same answer.
    pub(super) fn flags(&mut self, doing: Step, uids: &[Uid]) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let here = self.here(doing)?;
        let on = Subject::Mails { folder: here.folder, uids: uids.to_vec() };
        let mut there = BTreeMap::new();
        for set in uids::sets(uids.iter().copied()) {
            let answer = self.run(doing, &on, &format!("UID FETCH {set} (UID FLAGS)"), FLAGS)?;
            let mails = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
            there.extend(mails.iter().filter_map(|(uid, mail)| Some((*uid, mail.flags?))));
        }
        Ok(there)
    }

    /// The flags that are not the protocol's own, of those of `uids` that have any.
    pub(super) fn keywords(&mut self, uids: &[Uid]) -> Result<BTreeMap<Uid, BTreeSet<String>>, Fault> {
        let on = Subject::Mails { folder: self.here(Step::Search)?.folder, uids: uids.to_vec() };
        let mut found = BTreeMap::new();
        for set in uids::sets(uids.iter().copied()) {
            let answer = self.run(Step::Search, &on, &format!("UID FETCH {set} (UID FLAGS)"), FLAGS)?;
            let mails = answer.fetched().map_err(|cause| self.garbled(Step::Search, &on, cause))?;
            let some = mails.into_iter().filter(|(_, mail)| !mail.keywords.is_empty());
            found.extend(some.map(|(uid, mail)| (uid, mail.keywords)));
        }
        Ok(found)
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

/// Sets of at most `most` UIDs each.
fn batches(uids: &[Uid], most: usize) -> Vec<String> {
    uids.chunks(most).flat_map(|chunk| uids::sets(chunk.iter().copied())).collect()
}

//! Reads the heads of messages of the open folder: From and Subject of many, and of those that may matter also size, arrival and
//! flags.
//!
//! Owns which header fields are asked for, and what is done with a server that shows nothing of a header if it is asked for its
//! beginning. Flags count only from an answer of which everything could be read. Called by `sweep` and `cli`.

use std::collections::{BTreeMap, BTreeSet};

use super::asking::Asked;
use super::bounds::Limits;
use super::fault::{Fault, Step, Subject};
use super::fetch::{AROUND, Batch, HEAD_BYTES, HEADER, HEADS, Range};
use super::head::{Head, PartOfHead};
use super::response::Fetched;
use super::session::Session;
use crate::place::{HEADER_LIMIT, MailDigest, Uid};

/// The header fields of a head, up to [`HEAD_BYTES`]. The Message-ID distinguishes a message from another one with its UID.
pub(super) const HEAD_FIELDS: &str = "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]";

/// So many batches of heads are held at once: a head may take 16 KB.
const AT_ONCE: usize = 10;

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The heads, in ascending order.
    pub heads: Vec<Head>,
    /// Messages that exist according to SEARCH, but that FETCH did not show.
    pub unshown: Vec<Uid>,
}

/// The result of [`Session::skim`], each in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// Messages that may be notifications.
    pub plausible: Vec<Uid>,
    /// Messages that cannot be.
    pub others: Vec<Uid>,
    /// Messages that exist according to SEARCH, but that FETCH did not show.
    pub unshown: Vec<Uid>,
}

/// By what a message is known again: its UID, when it arrived, and the digest of [`Head::fields`].
pub(super) type Mark = (Uid, Option<i64>, Option<MailDigest>);

impl Session {
    /// Fetches the heads of `range` in portions and in ascending order, without messages marked \Deleted. A stop ends it after
    /// the portion in flight. Returns the messages that the server did not show.
    ///
    /// # Errors
    /// As [`Session::heads_of`].
    pub fn heads(&mut self, range: Range<'_>, mut each: impl FnMut(Vec<Head>)) -> Result<Vec<Uid>, Fault> {
        let mut unshown = Vec::new();
        for some in self.batches(range)?.chunks(AT_ONCE) {
            let some = self.heads_of(some)?;
            each(some.heads);
            unshown.extend(some.unshown);
        }
        Ok(unshown)
    }

    /// Fetches the heads of some batches of the open folder in ascending order, without messages marked \Deleted, with several
    /// commands ahead of the answers. One round trip, and one more if something is missing.
    ///
    /// # Errors
    /// [`super::Cause::Stopped`] after a stop leaves the session usable, and so does a refusal by the server. After any other fault the
    /// session is spent.
    pub fn heads_of(&mut self, batches: &[Batch]) -> Result<Heads, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        self.go_on(&on)?;
        let asked: Vec<Asked> = batches.iter().map(|batch| batch.asked.clone()).collect();
        let uids: Vec<Uid> = asked.iter().flat_map(Asked::uids).collect();
        if let Some(heads) = self.ahead.take_heads(&uids) {
            return Ok(Heads { heads, unshown: Vec::new() });
        }
        let items = "UID RFC822.SIZE INTERNALDATE FLAGS";
        let mut messages: BTreeMap<Uid, PartOfHead> = BTreeMap::new();
        let again: Vec<Uid> = if self.whole_headers {
            uids.clone()
        } else {
            let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
            let items = format!("{items} {}", header_of(HEAD_FIELDS, true));
            let mut note = |uid: Uid, message: Fetched<'_>| messages.entry(uid).or_default().add(&message);
            let mut doubtful = self.ask(Step::Fetch, &asked, &items, limits, &mut note)?;
            doubtful.extend(messages.iter().filter(|(_, message)| message.is_empty()).map(|(uid, _)| *uid));
            doubtful.into_iter().collect()
        };
        // Flags count only from an answer that could be read as a whole.
        if !again.is_empty() {
            messages.retain(|uid, _| again.binary_search(uid).is_err());
            let mut note = |uid: Uid, message: &Fetched<'_>| messages.entry(uid).or_default().add(message);
            self.ask_with_headers(Step::Fetch, &again, HEADS, items, HEAD_FIELDS, &mut note)?;
        }
        let came =
            |uid: &Uid| messages.get(uid).is_some_and(|message| message.is_deleted() || message.is_whole());
        let absent: Vec<Uid> = uids.iter().copied().filter(|uid| !came(uid)).collect();
        let first = batches.iter().map(|batch| batch.first).min().unwrap_or(Uid(0));
        let since = batches.iter().map(|batch| batch.since).min().unwrap_or(i64::MIN);
        let asked: BTreeSet<Uid> = uids.into_iter().collect();
        let heads = messages
            .into_iter()
            .filter(|(uid, _)| *uid >= first && asked.contains(uid))
            .filter_map(|(uid, message)| message.head(uid))
            .filter(|head| head.received >= since)
            .collect();
        let unshown = self.present(&absent)?.into_iter().collect();
        Ok(Heads { heads, unshown })
    }

    /// By what a few messages are known again: when they arrived, and the digest of [`Head::fields`].
    pub(super) fn marks_of(&mut self, uids: &[Uid]) -> Result<Vec<Mark>, Fault> {
        let mut marks = Vec::new();
        let mark =
            |uid: Uid, message: &Fetched<'_>| (uid, message.received, message.section.map(MailDigest::of));
        let items = "UID INTERNALDATE";
        if !self.whole_headers {
            let limits = Limits::of_bytes(HEAD_BYTES * uids.len() as u64);
            let items = format!("{items} {}", header_of(HEAD_FIELDS, true));
            let mut is_empty = false;
            let asked = [Asked::These(uids.to_vec())];
            let doubtful = self.ask(Step::Fetch, &asked, &items, limits, &mut |uid, message| {
                is_empty |= message.section == Some(&[]);
                marks.push(mark(uid, &message));
            })?;
            if doubtful.is_empty() && !is_empty {
                return Ok(marks);
            }
            marks.clear();
        }
        self.ask_with_headers(Step::Fetch, uids, HEADS, items, HEAD_FIELDS, &mut |uid, message| {
            marks.push(mark(uid, message));
        })?;
        Ok(marks)
    }

    /// Fetches the From and Subject lines of many batches, with several commands ahead of the answers, and parts the messages by
    /// `is_plausible`: enough to see what cannot be a notification. Also those marked \Deleted. One round trip, and one more if
    /// something is missing.
    ///
    /// # Errors
    /// As [`Session::heads_of`].
    pub fn skim(
        &mut self,
        batches: &[Batch],
        is_plausible: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Skimmed, Fault> {
        let on = Subject::Folder(self.here(Step::Fetch)?.folder);
        self.go_on(&on)?;
        let asked: Vec<Asked> = batches.iter().map(|batch| batch.asked.clone()).collect();
        let (items, fields) = ("UID", "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]");
        let mut shown: BTreeMap<Uid, bool> = BTreeMap::new();
        let mut empty = Vec::new();
        let limits = Limits::of_bytes(HEADS as u64 * (HEAD_BYTES + AROUND));
        let partial = !self.whole_headers;
        let whole = format!("{items} {}", header_of(fields, partial));
        let doubtful =
            self.ask(Step::Fetch, &asked, &whole, limits, &mut |uid, message| match message.section {
                Some([]) if partial => empty.push(uid),
                Some(fields) => drop(shown.insert(uid, is_plausible(fields))),
                None => {}
            })?;
        // What is not plausible is left for good, so that counts only from an answer that could be read as a whole.
        let is_left = |uid: &Uid| shown.get(uid) == Some(&false);
        let again: BTreeSet<Uid> = doubtful.into_iter().filter(is_left).chain(empty).collect();
        if !again.is_empty() {
            shown.retain(|uid, _| !again.contains(uid));
            let again = Vec::from_iter(again);
            self.ask_with_headers(Step::Fetch, &again, HEADS, items, fields, &mut |uid, message| {
                shown.extend(message.section.map(|fields| (uid, is_plausible(fields))));
            })?;
        }
        let all = asked.iter().flat_map(Asked::uids);
        let missing: Vec<Uid> = all.filter(|uid| !shown.contains_key(uid)).collect();
        let unshown = self.present(&missing)?.into_iter().collect();
        let (plausible, others): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|(_, is_plausible)| *is_plausible);
        let uids = |some: Vec<(Uid, bool)>| some.into_iter().map(|(uid, _)| uid).collect();
        Ok(Skimmed { plausible: uids(plausible), others: uids(others), unshown })
    }

    /// Fetches `items` and a part of the header of each message. A server that answers a request for the beginning of the header with
    /// nothing is asked for all of it.
    pub(super) fn ask_with_headers(
        &mut self,
        doing: Step,
        uids: &[Uid],
        most: usize,
        items: &str,
        header: &str,
        each: &mut dyn FnMut(Uid, &Fetched<'_>),
    ) -> Result<Vec<Uid>, Fault> {
        let bytes = if header == HEADER { HEADER_LIMIT as u64 } else { HEAD_BYTES };
        let limits = Limits::of_bytes(most as u64 * (bytes + AROUND));
        let mut empty = Vec::new();
        let mut unclear = Vec::new();
        if self.whole_headers {
            empty = uids.to_vec();
        } else {
            let items = format!("{items} {header}<0.{bytes}>");
            unclear = self.ask_strictly(doing, uids, most, &items, limits, &mut |uid, message| {
                if message.section == Some(&[]) && !message.is_deleted() {
                    empty.push(uid)
                } else {
                    each(uid, message)
                }
            })?;
        }
        if !empty.is_empty() {
            self.whole_headers = true;
            unclear.extend(self.ask_strictly(
                doing,
                &empty,
                most,
                &format!("{items} {header}"),
                limits,
                each,
            )?);
        }
        Ok(unclear)
    }
}

/// A section of a message: its beginning, or all of it.
pub(super) fn header_of(section: &str, partial: bool) -> String {
    if partial { format!("{section}<0.{HEAD_BYTES}>") } else { section.to_owned() }
}

//! Finds out what became of interrupted moves, and finishes them.
//!
//! `finish` decides what to do with each. An original is removed only if its copy is proven in this session, and the original
//! itself by size and header digest, never by its UID alone. If its UID is no longer valid (a new UIDVALIDITY, a folder restored
//! from a backup), followsift searches for it by its identity. Called at the start of a sweep.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Cause, Fault, Step};
use super::fetch::Sighting;
use super::finish::{Finish, Original, Progress, Removal, finish, takes_altered_back};
use super::flags::Flags;
use super::landing::Landing;
use super::outcome::{Obstacle, Outcome};
use super::proof::Proven;
use super::session::Session;
use super::store::{Deed, Note};
use crate::place::{Folder, MailIdentity, MailTrace, Uid, UidValidity};

/// An intended move without a known outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The folder that it was in.
    pub from: Folder,
    /// Its UIDVALIDITY.
    pub validity: UidValidity,
    /// The message's UID there, its size and digest.
    pub mail: MailTrace,
    /// When it had arrived there: INTERNALDATE, in seconds since 1970 UTC, if the intent recorded it.
    pub received: Option<i64>,
    /// The target.
    pub to: Folder,
    /// The lowest UID that it can have there.
    pub landing: Landing,
    /// Messages of the target that other moves have brought there: they do not prove that this one arrived.
    pub claimed: Vec<Uid>,
    /// By MOVE, so that the original may be gone without a record.
    pub by_move: bool,
    /// How far the removal of the original had come.
    pub removal: Removal,
    /// Move it even if the user starred or answered it: that is why it goes back.
    pub touched_too: bool,
}

/// The result of an interrupted move.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Settled {
    /// The outcome of the message.
    pub outcome: Outcome,
    /// The folder where it arrived, and its UIDVALIDITY, if it arrived: the user may have renamed the target.
    pub place: Option<(Folder, UidValidity)>,
    /// The copy's identity, if its size differs from that of the original.
    pub resized: Option<MailIdentity>,
    /// It arrived starred or answered.
    pub touched: bool,
}

impl Settled {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, place: None, resized: None, touched: false }
    }
}

impl Pending {
    fn progress(&self) -> Progress {
        let Self { removal, by_move, touched_too, .. } = *self;
        Progress { removal, by_move, touched_too }
    }
}

impl Session {
    /// Finds out what became of interrupted moves, and finishes those whose copy is proven and whose original is still there,
    /// untouched by the user. Opens folders as needed. Calls `note` with positions in `pending` before it marks or expunges
    /// originals.
    ///
    /// # Errors
    /// If the connection fails. Then nothing is settled, and a retry is safe.
    pub fn settle(
        &mut self,
        pending: &[Pending],
        note: &mut dyn FnMut(Deed, &[usize]) -> bool,
    ) -> Result<Vec<Settled>, Fault> {
        let mut settled: Vec<Settled> = vec![Settled::of(Outcome::Unknown); pending.len()];
        let mut groups: BTreeMap<_, Vec<(usize, &Pending)>> = BTreeMap::new();
        for (at, one) in pending.iter().enumerate() {
            let landing = (one.landing.validity, one.landing.next);
            groups.entry((&one.from, one.validity, &one.to, landing)).or_default().push((at, one));
        }
        for ((from, validity, to, (target, next)), members) in groups {
            let landing = Landing { validity: target, next };
            let outcomes = match self.settle_members(from, validity, to, landing, &members, note) {
                // A folder that cannot be opened does not stop the others; its moves stay pending.
                Err(fault) if !self.is_spent() && fault.is_for_now() => members
                    .iter()
                    .map(|(at, _)| (*at, Settled::of(Outcome::Left(Obstacle::NotNow))))
                    .collect(),
                outcomes => outcomes?,
            };
            for (at, outcome) in outcomes {
                if let Some(slot) = settled.get_mut(at) {
                    *slot = outcome;
                }
            }
        }
        Ok(settled)
    }

    fn settle_members(
        &mut self,
        from: &Folder,
        validity: UidValidity,
        to: &Folder,
        landing: Landing,
        members: &[(usize, &Pending)],
        note: &mut dyn FnMut(Deed, &[usize]) -> bool,
    ) -> Result<Vec<(usize, Settled)>, Fault> {
        let originals = self.originals(from, validity, members)?;
        self.settle_group(from, to, landing, members, &originals, note)
    }

    /// Finds the originals of a group in their folder.
    fn originals(
        &mut self,
        from: &Folder,
        validity: UidValidity,
        members: &[(usize, &Pending)],
    ) -> Result<Vec<Original>, Fault> {
        let opened = match self.select(from) {
            Ok(opened) => opened,
            Err(fault) if self.is_gone(from, &fault)? => {
                return Ok(vec![Original::Unknown; members.len()]);
            }
            Err(fault) => return Err(fault),
        };
        let look = if opened.validity == validity {
            let messages: Vec<MailTrace> = members.iter().map(|(_, one)| one.mail).collect();
            Some(self.look(Step::Search, &messages)?)
        } else {
            None
        };
        // A lower UIDNEXT, or another message under one of our UIDs: the folder was restored from a backup, and all remembered
        // UIDs are invalid.
        let restored = look.as_ref().is_none_or(|look| {
            let beyond = |next: Uid| members.iter().any(|(_, one)| one.mail.uid >= next);
            !look.others.is_empty() || opened.next.is_some_and(beyond)
        });
        let mut originals = Vec::new();
        for (_, one) in members {
            let flags = look.as_ref().and_then(|look| look.flags.get(&one.mail.uid));
            originals.push(match flags {
                Some(flags) => Original::Here(*flags),
                None if look.as_ref().is_some_and(|look| look.unshown.contains(&one.mail.uid)) => {
                    Original::Unshown
                }
                None if restored => match self.original_by_identity(one)? {
                    Original::Absent if look.is_none() => Original::Unknown,
                    original => original,
                },
                None => Original::Absent,
            });
        }
        Ok(originals)
    }

    /// Finds an original in the open folder by its identity, if its UID is no longer valid.
    fn original_by_identity(&mut self, one: &Pending) -> Result<Original, Fault> {
        // Older ledgers did not record the arrival: then nothing is certain.
        let same = |found: &Sighting| one.received.is_some() && found.received == one.received;
        let alike = self.alike(&one.mail.identity, None)?;
        let (live, deleted): (Vec<Sighting>, Vec<Sighting>) =
            alike.into_iter().partition(|found| !found.flags.deleted);
        Ok(match (live.as_slice(), deleted.as_slice()) {
            ([], []) => Original::Absent,
            // If we may have marked the original, the unmarked message is the original only if no marked one exists.
            ([found], marked) if same(found) && (marked.is_empty() || one.removal == Removal::None) => {
                Original::Found(found.trace, found.flags)
            }
            ([], [found]) if same(found) => Original::Found(found.trace, found.flags),
            ([], _) => Original::Absent,
            _ => Original::Doubtful,
        })
    }

    fn settle_group(
        &mut self,
        from: &Folder,
        to: &Folder,
        landing: Landing,
        members: &[(usize, &Pending)],
        originals: &[Original],
        note: &mut dyn FnMut(Deed, &[usize]) -> bool,
    ) -> Result<Vec<(usize, Settled)>, Fault> {
        let is_here = |original: &Original| matches!(original, Original::Here(_) | Original::Found(..));
        // Of two twins, the one that is gone from the source has arrived.
        let mut wanted: Vec<(bool, MailTrace)> =
            members.iter().zip(originals).map(|((_, one), original)| (is_here(original), one.mail)).collect();
        wanted.sort_by_key(|(here, _)| *here);
        let wanted: Vec<MailTrace> = wanted.into_iter().map(|(_, message)| message).collect();
        let claimed = members.iter().flat_map(|(_, one)| one.claimed.iter().copied()).collect();
        let mut arrived = self.arrivals(from, to, Some(landing), &wanted, &claimed)?;
        let present = members.iter().zip(originals).filter_map(|((_, one), original)| match original {
            Original::Here(_) => Some((one.mail.uid, one.mail)),
            Original::Found(trace, _) => Some((one.mail.uid, *trace)),
            Original::Doubtful | Original::Absent | Original::Unknown | Original::Unshown => None,
        });
        let absent = members.iter().zip(originals).filter(|(_, original)| **original == Original::Absent);
        arrived.accept_resized(absent.map(|((_, one), _)| one.mail));
        self.compare(from, &Vec::from_iter(present), &BTreeMap::new(), &mut arrived)?;
        let arrived = arrived;
        let has_copy = |one: &Pending| arrived.copies.contains_key(&one.mail.uid);
        let todo = |at: usize| match (members.get(at), originals.get(at)) {
            (Some((_, one)), Some(original)) if has_copy(one) => finish(original, one.progress()),
            _ => Finish::Nothing,
        };
        // By the present UID of the original.
        let mut removable: BTreeMap<Uid, (usize, MailTrace)> = BTreeMap::new();
        for (at, ((_, one), original)) in members.iter().zip(originals).enumerate() {
            let trace = match original {
                Original::Found(trace, _) => *trace,
                _ => one.mail,
            };
            if matches!(todo(at), Finish::Remove | Finish::Expunge | Finish::Unmark)
                || is_stranded(one, original)
            {
                removable.insert(trace.uid, (at, trace));
            }
        }
        let Finished { kept, unshown } = self.finish_originals(from, &removable, todo, members, note)?;
        let is_altered = |at: usize| match (members.get(at), originals.get(at)) {
            (Some((_, one)), Some(original)) => {
                arrived.altered.contains_key(&one.mail.uid) && takes_altered_back(original, one.progress())
            }
            _ => false,
        };
        let is_withdrawn = |at: usize| todo(at) == Finish::Withdraw || kept.contains(&at) || is_altered(at);
        let withdrawn: BTreeSet<Uid> = members
            .iter()
            .enumerate()
            .filter(|(at, _)| is_withdrawn(*at))
            .map(|(_, (_, one))| one.mail.uid)
            .collect();
        let both = self.withdraw(&arrived, &withdrawn)?;
        let mut settled = Vec::new();
        for (at, ((position, one), original)) in members.iter().zip(originals).enumerate() {
            let uid = one.mail.uid;
            let copy = if is_altered(at) { arrived.copy(uid) } else { arrived.copies.get(&uid).copied() };
            let outcome = match (copy, original) {
                (_, Original::Unshown) => Outcome::Left(Obstacle::Unshown),
                (Some(_), _) if unshown.contains(&at) => Outcome::Left(Obstacle::Unshown),
                (Some(copy), _) if both.contains(&one.mail.uid) => Outcome::Left(Obstacle::Doubled { copy }),
                (Some(_), original) if is_withdrawn(at) => Outcome::Left(stays(original, one)),
                (Some(copy), _) if todo(at) == Finish::LeaveBoth => {
                    Outcome::Left(Obstacle::Uncertain { copy: Some(copy) })
                }
                (Some(copy), _) => Outcome::Moved { uid: Some(copy) },
                (None, Original::Here(flags)) if !flags.deleted && one.removal == Removal::Marked => {
                    Outcome::Left(Obstacle::LiveAgain)
                }
                (None, Original::Here(_) | Original::Found(..) | Original::Doubtful) => {
                    Outcome::Left(Obstacle::Interrupted)
                }
                (None, Original::Absent) => Outcome::Gone,
                (None, Original::Unknown) => Outcome::Unknown,
            };
            let arrival = copy.filter(|_| matches!(outcome, Outcome::Moved { .. }));
            let flags = arrival.and_then(|copy| arrived.flags.get(&copy));
            let touched = flags.is_some_and(|flags| flags.is_touched());
            let place = arrived.place.clone().filter(|_| arrival.is_some());
            let identity = arrival.and_then(|copy| arrived.identities.get(&copy)).copied();
            let resized = identity.filter(|identity| *identity != one.mail.identity);
            settled.push((*position, Settled { outcome, place, resized, touched }));
        }
        Ok(settled)
    }

    fn note_and_unmark(&mut self, proven: &Proven, note: &mut Note<'_>) -> Result<(), Fault> {
        if proven.uids().is_empty() {
            return Ok(());
        }
        let on = self.require(Step::Remove, proven)?;
        if !note(Deed::Unmark, proven.uids()) {
            return Err(Fault::of(Step::Remove, &on, Cause::NotNoted));
        }
        self.unmark(proven)
    }

    /// Removes originals after one more look at each. `removable` has their places in the group, by their present UIDs.
    fn finish_originals(
        &mut self,
        from: &Folder,
        removable: &BTreeMap<Uid, (usize, MailTrace)>,
        todo: impl Fn(usize) -> Finish,
        members: &[(usize, &Pending)],
        note: &mut dyn FnMut(Deed, &[usize]) -> bool,
    ) -> Result<Finished, Fault> {
        let mut finished = Finished::default();
        if removable.is_empty() {
            return Ok(finished);
        }
        self.select(from)?;
        let traces: Vec<MailTrace> = removable.values().map(|(_, trace)| *trace).collect();
        let look = self.look(Step::Search, &traces)?;
        let place = |uid: &Uid| removable.get(uid).map(|(at, _)| *at);
        let mut note = |deed: Deed, uids: &BTreeSet<Uid>| {
            let positions: Vec<usize> =
                uids.iter().filter_map(place).filter_map(|at| Some(members.get(at)?.0)).collect();
            note(deed, &positions)
        };
        let with = |wanted: Finish, holds: &dyn Fn(Flags, &Pending) -> bool| -> BTreeSet<Uid> {
            let fits = |uid: &Uid, flags: Flags| {
                place(uid).is_some_and(|at| {
                    todo(at) == wanted && members.get(at).is_some_and(|(_, one)| holds(flags, one))
                })
            };
            look.flags.iter().filter(|(uid, flags)| fits(uid, **flags)).map(|(uid, _)| *uid).collect()
        };
        let stranded =
            |flags: Flags, one: &Pending| flags.deleted && is_stranded(one, &Original::Here(flags));
        let goes = |flags: Flags, one: &Pending| one.touched_too || !flags.is_touched();
        let removed = with(Finish::Remove, &|flags, one| !flags.deleted && goes(flags, one));
        let touched = with(Finish::Remove, &|flags, one| !flags.deleted && !goes(flags, one));
        let marked = with(Finish::Expunge, &|flags, _| flags.deleted);
        let live_again = with(Finish::Expunge, &|flags, _| !flags.deleted);
        let starred = with(Finish::Unmark, &|flags, _| flags.deleted);
        let alone = with(Finish::Nothing, &stranded);
        let unmarked: BTreeSet<Uid> = starred.union(&alone).copied().collect();
        self.note_and_unmark(&look.proven.only(&unmarked), &mut note)?;
        let removal = self.remove_proven(&look.proven.only(&removed), &mut note)?;
        self.expunge(&look.proven.only(&marked), &mut note)?;
        let kept = touched.iter().chain(&live_again).chain(&starred).chain(&removal.still);
        finished.kept = kept.filter_map(place).collect();
        finished.unshown = look.unshown.iter().filter_map(place).collect();
        Ok(finished)
    }
}

/// May we have marked the original \Deleted although it has no copy, for example because the target was restored from a backup?
/// Then the mark must go, or the next EXPUNGE would delete the message.
fn is_stranded(one: &Pending, original: &Original) -> bool {
    matches!(original, Original::Here(flags) if flags.deleted) && one.removal != Removal::None
}

/// How the removal of originals ended, by their places in the group.
#[derive(Debug, Default)]
struct Finished {
    /// Those that are still there.
    kept: BTreeSet<usize>,
    /// Those that the server does not show.
    unshown: BTreeSet<usize>,
}

/// Why a message whose copy was taken back stays.
fn stays(original: &Original, one: &Pending) -> Obstacle {
    match original {
        Original::Here(flags) | Original::Found(_, flags) if flags.is_touched() => Obstacle::Interrupted,
        Original::Here(_) if one.removal == Removal::Marked => Obstacle::PutBack,
        Original::Here(_) => Obstacle::Interrupted,
        Original::Found(..) | Original::Doubtful => Obstacle::Uncertain { copy: None },
        Original::Absent | Original::Unknown | Original::Unshown => Obstacle::Interrupted,
    }
}

//! Proof of arrival, and what became of moves that were interrupted.
//!
//! Owns the one way to say that a mail is in a folder: same size, same header digest, at or above the UIDNEXT noted before.
//! Removes an original only where its copy is proven so. Called by `moves` and, at the start of a session, by `sweep`.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Flags;
use super::fault::{Fate, Fault, Step, Subject};
use super::folders::Landing;
use super::session::{Opened, Session};
use super::trace::Trace;
use crate::place::{Folder, MailIdentity, Uid, UidValidity};

/// So many mails in a target are fetched with their headers at once; of more, the sizes first.
const FEW: u32 = 64;

/// A move that was intended and of which no outcome is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The folder it was in.
    pub from: Folder,
    /// The UIDVALIDITY of that.
    pub validity: UidValidity,
    /// Its UID there, its size and digest.
    pub mail: Trace,
    /// Where it was to go.
    pub to: Folder,
    /// Where it would have landed at the earliest.
    pub landing: Landing,
}

/// What became of a move that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// It is in the target, and no longer (or marked \Deleted) in the source.
    InTarget {
        /// What the target is called now: its user may have renamed it.
        folder: Folder,
        /// The target's UIDVALIDITY.
        validity: UidValidity,
        /// Its UID there.
        uid: Uid,
    },
    /// It is where it was, and not in the target.
    InSource,
    /// It is in both, since neither the original nor the copy can be removed.
    InBoth {
        /// The target's UIDVALIDITY.
        validity: UidValidity,
        /// The copy's UID there.
        uid: Uid,
    },
    /// It is in neither: somebody else moved or deleted it.
    Nowhere,
    /// Not in the target; and the source is another folder by now, so that nothing is known.
    Unknown,
}

/// What was found in a target.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// The target and its UIDVALIDITY; `None` where there is no such folder.
    pub(super) place: Option<(Folder, UidValidity)>,
    /// The copies' UIDs, by that of the original.
    pub(super) copies: BTreeMap<Uid, Uid>,
    /// Further mails just like them: somebody else has made copies of the same originals.
    pub(super) surplus: BTreeSet<Uid>,
}

impl Session {
    /// Finds out what became of interrupted moves, and finishes those whose copy is proven and whose original is still
    /// there, untouched by the user. Opens folders as it needs them.
    ///
    /// # Errors
    /// Where the line fails: then nothing is settled yet, and asking again is safe.
    pub fn settle(&mut self, pending: &[Pending]) -> Result<Vec<Settled>, Fault> {
        let mut settled: Vec<Settled> = vec![Settled::Unknown; pending.len()];
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, one) in pending.iter().enumerate() {
            let landing = (one.landing.validity, one.landing.next);
            groups.entry((&one.from, one.validity, &one.to, landing)).or_default().push(at);
        }
        for ((from, validity, to, landing), members) in groups {
            let mails: Vec<(usize, Trace)> =
                members.iter().filter_map(|at| Some((*at, pending.get(*at)?.mail))).collect();
            let landing = Landing { validity: landing.0, next: landing.1 };
            for (at, outcome) in self.settle_group(from, validity, to, landing, &mails)? {
                if let Some(slot) = settled.get_mut(at) {
                    *slot = outcome;
                }
            }
        }
        Ok(settled)
    }

    fn settle_group(
        &mut self,
        from: &Folder,
        validity: UidValidity,
        to: &Folder,
        landing: Landing,
        mails: &[(usize, Trace)],
    ) -> Result<Vec<(usize, Settled)>, Fault> {
        let uids: Vec<Uid> = mails.iter().map(|(_, mail)| mail.uid).collect();
        // None: the source is gone or another, and its UIDs mean nothing.
        let there = match self.reopen(Step::Open, from, validity) {
            Ok(_) => Some(self.flags(Step::Search, &uids)?),
            Err(fault) if fault.fate() == Fate::Leave => None,
            Err(fault) => return Err(fault),
        };
        let present = |uid: &Uid| there.as_ref().and_then(|there| there.get(uid));
        // Of twins, the one that is gone is the one that arrived.
        let mut wanted: Vec<Trace> = mails.iter().map(|(_, mail)| *mail).collect();
        wanted.sort_by_key(|mail| present(&mail.uid).is_some());
        let arrived = self.arrivals(from, to, Some(landing), &wanted)?;
        let live = |uid: &Uid| present(uid).filter(|flags| !flags.deleted);
        let doubled = arrived.copies.keys().copied().filter(|uid| live(uid).is_some());
        // What the user has starred or answered since stays where it is, and the copy goes.
        let (touched, untouched): (BTreeSet<Uid>, BTreeSet<Uid>) =
            doubled.partition(|uid| live(uid).is_some_and(|flags| flags.is_touched()));
        let mut kept = touched;
        kept.extend(self.remove(from, validity, &untouched)?.still);
        let both = self.withdraw(&arrived, &kept)?;
        Ok(mails
            .iter()
            .map(|(at, mail)| {
                let copy = arrived.place.clone().zip(arrived.copies.get(&mail.uid).copied());
                let outcome = match (copy, present(&mail.uid)) {
                    (Some(((_, validity), uid)), _) if both.contains(&mail.uid) => {
                        Settled::InBoth { validity, uid }
                    }
                    (Some(_), _) if kept.contains(&mail.uid) => Settled::InSource,
                    (Some(((folder, validity), uid)), _) => Settled::InTarget { folder, validity, uid },
                    (None, Some(_)) => Settled::InSource,
                    (None, None) if there.is_some() => Settled::Nowhere,
                    (None, None) => Settled::Unknown,
                };
                (*at, outcome)
            })
            .collect())
    }

    /// Takes back the copies of `originals`, which are in their place, so that no mail is in two places; says which of them
    /// still are.
    pub(super) fn withdraw(
        &mut self,
        arrived: &Arrived,
        originals: &BTreeSet<Uid>,
    ) -> Result<BTreeSet<Uid>, Fault> {
        let Some((folder, validity)) = &arrived.place else { return Ok(BTreeSet::new()) };
        let of = |uid: &Uid| arrived.copies.get(uid).copied();
        let copies: BTreeSet<Uid> = originals.iter().filter_map(of).collect();
        let still = self.remove(folder, *validity, &copies)?.still;
        Ok(originals
            .iter()
            .copied()
            .filter(|uid| of(uid).is_some_and(|copy| still.contains(&copy)))
            .collect())
    }

    /// Which of `wanted` are in `to`, at or above where they would have landed, and not marked \Deleted there; each copy
    /// proves one original. Leaves the target open, for looking only. Three turns at most for each 64 mails that could be one
    /// of them.
    pub(super) fn arrivals(
        &mut self,
        from: &Folder,
        to: &Folder,
        landing: Option<Landing>,
        wanted: &[Trace],
    ) -> Result<Arrived, Fault> {
        let opened = match self.examine(to) {
            Ok(opened) => Some(opened),
            Err(fault) if fault.fate() == Fate::Leave => None,
            Err(fault) => return Err(fault),
        };
        let same = |opened: &Opened| landing.is_none_or(|landing| landing.validity == opened.validity);
        if let Some(opened) = opened.as_ref().filter(|opened| same(opened)) {
            return self.arrivals_here(opened, landing.map_or(Uid(1), |landing| landing.next), wanted);
        }
        // Deleted, or renamed: then it is there under another name. The source may have the same UIDVALIDITY, and holds the
        // originals, which prove nothing.
        let Some(landing) = landing else { return Ok(Arrived::default()) };
        for renamed in self.renamed(landing.validity, &[from, to])? {
            let opened = match self.examine(&renamed) {
                Err(fault) if fault.fate() == Fate::Leave => continue,
                opened => opened?,
            };
            if opened.validity == landing.validity {
                let arrived = self.arrivals_here(&opened, landing.next, wanted)?;
                if !arrived.copies.is_empty() {
                    return Ok(arrived);
                }
            }
        }
        // A folder made anew numbers its mails anew: then all of them could be the ones.
        match opened {
            Some(_) => {
                let opened = self.examine(to)?;
                self.arrivals_here(&opened, Uid(1), wanted)
            }
            None => Ok(Arrived::default()),
        }
    }

    /// The same for the folder that is open, from the UID `first` on.
    fn arrivals_here(&mut self, opened: &Opened, first: Uid, wanted: &[Trace]) -> Result<Arrived, Fault> {
        let mut candidates: BTreeMap<MailIdentity, BTreeSet<Uid>> = BTreeMap::new();
        let mut note = |trace: Trace, flags: Flags, _: &[u8]| {
            // One that is about to be expunged is none: it may be a copy that was taken back.
            if trace.uid >= first && !flags.deleted {
                candidates.entry(trace.identity).or_default().insert(trace.uid);
            }
        };
        match opened.next {
            _ if opened.exists == 0 => {}
            Some(next) if next <= first => {}
            Some(next) if next.0 - first.0 <= FEW => {
                let on = Subject::Folder(opened.folder.clone());
                self.headers_of(&format!("{first}:{}", next.0 - 1), &on, &mut note)?;
            }
            _ => {
                let sizes: BTreeSet<u32> = wanted.iter().map(|mail| mail.identity.size).collect();
                let alike = self.sizes_from(first)?.into_iter().filter(|(_, size)| sizes.contains(size));
                let alike: Vec<Uid> = alike.map(|(uid, _)| uid).collect();
                self.headers_and_flags(&alike, &mut note)?;
            }
        }
        let mut copies = BTreeMap::new();
        for mail in wanted {
            if let Some(copy) = candidates.get_mut(&mail.identity).and_then(BTreeSet::pop_first) {
                copies.insert(mail.uid, copy);
            }
        }
        let identities: BTreeSet<MailIdentity> = wanted.iter().map(|mail| mail.identity).collect();
        candidates.retain(|identity, _| identities.contains(identity));
        let surplus = candidates.into_values().flatten().collect();
        Ok(Arrived { place: Some((opened.folder.clone(), opened.validity)), copies, surplus })
    }
}

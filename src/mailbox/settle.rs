//! Proof of arrival, and what became of moves that were interrupted.
//!
//! Owns the one way to say that a mail is in a folder: same size, same header digest, at or above the UIDNEXT noted before.
//! Removes an original only where its copy is proven so. Called by `moves` and, at the start of a session, by `sweep`.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Fate, Fault, Step, Subject};
use super::folders::Landing;
use super::session::Session;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// It is in the target, and no longer (or marked \Deleted) in the source.
    InTarget {
        /// The target's UIDVALIDITY.
        validity: UidValidity,
        /// Its UID there.
        uid: Uid,
    },
    /// It is where it was, and not in the target.
    InSource,
    /// It is in both, and the original was starred or answered since, or cannot be removed.
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
    /// The target's UIDVALIDITY; `None` where there is no such folder.
    pub(super) validity: Option<UidValidity>,
    /// The copies' UIDs, by that of the original.
    pub(super) copies: BTreeMap<Uid, Uid>,
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
        let arrived = self.arrivals(to, Some(landing), &wanted)?;
        let doubled: BTreeSet<Uid> = arrived
            .copies
            .keys()
            .copied()
            .filter(|uid| present(uid).is_some_and(|flags| !flags.is_touched()))
            .collect();
        let removed = self.remove(from, validity, &doubled)?.is_none();
        Ok(mails
            .iter()
            .map(|(at, mail)| {
                let copy = arrived.validity.zip(arrived.copies.get(&mail.uid).copied());
                let outcome = match (copy, present(&mail.uid)) {
                    (Some((validity, uid)), Some(_)) if !(removed && doubled.contains(&mail.uid)) => {
                        Settled::InBoth { validity, uid }
                    }
                    (Some((validity, uid)), _) => Settled::InTarget { validity, uid },
                    (None, Some(_)) => Settled::InSource,
                    (None, None) if there.is_some() => Settled::Nowhere,
                    (None, None) => Settled::Unknown,
                };
                (*at, outcome)
            })
            .collect())
    }

    /// Which of `wanted` are in `to`, at or above where they would have landed; each copy proves one original. Leaves `to`
    /// open, for looking only. Three turns at most for each 64 mails that could be one of them.
    pub(super) fn arrivals(
        &mut self,
        to: &Folder,
        landing: Option<Landing>,
        wanted: &[Trace],
    ) -> Result<Arrived, Fault> {
        let opened = match self.examine(to) {
            Ok(opened) => opened,
            Err(fault) if fault.fate() == Fate::Leave => return Ok(Arrived::default()),
            Err(fault) => return Err(fault),
        };
        let on = Subject::Folder(to.clone());
        // A folder made anew numbers its mails anew: then all of them could be the ones.
        let first = landing
            .filter(|landing| landing.validity == opened.validity)
            .map_or(Uid(1), |landing| landing.next);
        let mut candidates: BTreeMap<MailIdentity, Vec<Uid>> = BTreeMap::new();
        let mut note = |trace: Trace, _: &[u8]| {
            if trace.uid >= first {
                candidates.entry(trace.identity).or_default().push(trace.uid);
            }
        };
        match opened.next {
            _ if opened.exists == 0 => {}
            Some(next) if next <= first => {}
            Some(next) if next.0 - first.0 <= FEW => {
                self.headers_of(&format!("{first}:{}", next.0 - 1), &on, &mut note)?;
            }
            _ => {
                let sizes: BTreeSet<u32> = wanted.iter().map(|mail| mail.identity.size).collect();
                let alike = self.sizes_from(first)?.into_iter().filter(|(_, size)| sizes.contains(size));
                let alike: Vec<Uid> = alike.map(|(uid, _)| uid).collect();
                self.headers(&alike, note)?;
            }
        }
        let mut copies = BTreeMap::new();
        for uids in candidates.values_mut() {
            uids.sort_unstable_by(|a, b| b.cmp(a));
        }
        for mail in wanted {
            if let Some(copy) = candidates.get_mut(&mail.identity).and_then(Vec::pop) {
                copies.insert(mail.uid, copy);
            }
        }
        Ok(Arrived { validity: Some(opened.validity), copies })
    }
}

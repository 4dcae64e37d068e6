//! Proof of arrival: which messages are in a target.
//!
//! Owns the condition under which a message counts as arrived: same size, same header digest, and a UID at or above the UIDNEXT
//! that was recorded before. `comparison` adds those whose size alone differs. Removes copies to take them back; never moves or copies a message. Called by `moves`,
//! `copies` and `settle`.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::fault::{Cause, Fault, Step, Subject};
use super::fetch::Sighting;
use super::flags::Flags;
use super::landing::Landing;
use super::session::{Opened, Session};
use crate::place::{Folder, MailIdentity, MailTrace, Uid, UidValidity};

/// Up to this many messages of a target are fetched with their headers at once; with more, their sizes come first.
const FEW: u32 = 64;

/// The result of a search in a target.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    /// The target and its UIDVALIDITY; `None` if the folder does not exist.
    pub(super) place: Option<(Folder, UidValidity)>,
    /// The copies' UIDs, by the UID of the original.
    pub(super) copies: BTreeMap<Uid, Uid>,
    /// Our copies that differ from their originals, by the UID of the original. They prove nothing.
    pub(super) altered: BTreeMap<Uid, Uid>,
    /// The identities of the copies.
    pub(super) identities: BTreeMap<Uid, MailIdentity>,
    /// The flags of the copies.
    pub(super) flags: BTreeMap<Uid, Flags>,
    /// More messages with the same identities: another program has copied the same originals.
    pub(super) surplus: Vec<MailTrace>,
    /// If some messages did not arrive: others that could be their copies.
    pub(super) strangers: BTreeMap<Uid, (MailIdentity, Flags)>,
}

impl Arrived {
    /// The copy of an original, altered or not.
    pub(super) fn copy(&self, original: Uid) -> Option<Uid> {
        self.copies.get(&original).or_else(|| self.altered.get(&original)).copied()
    }
}

impl Session {
    /// Removes the copies of `originals`, which are still in the source, so that no message is in two folders. Returns those
    /// originals whose copy could not be removed.
    pub(super) fn withdraw(
        &mut self,
        arrived: &Arrived,
        originals: &BTreeSet<Uid>,
    ) -> Result<BTreeSet<Uid>, Fault> {
        let Some((folder, validity)) = &arrived.place else { return Ok(BTreeSet::new()) };
        let of = |uid: &Uid| arrived.copy(*uid);
        let trace = |uid: Uid| Some(MailTrace { uid, identity: *arrived.identities.get(&uid)? });
        let copies: Vec<MailTrace> = originals.iter().filter_map(of).filter_map(trace).collect();
        let still = self.remove(folder, *validity, &copies)?.still;
        Ok(originals
            .iter()
            .copied()
            .filter(|uid| of(uid).is_some_and(|copy| still.contains(&copy)))
            .collect())
    }

    /// Which of `wanted` are in `to`, at or above the UIDNEXT in `landing`, and not marked \Deleted there. Each copy proves one
    /// original, and one in `claimed` none. Leaves the target open by EXAMINE. At most three round trips for every 64
    /// candidates.
    pub(super) fn arrivals(
        &mut self,
        from: &Folder,
        to: &Folder,
        landing: Option<Landing>,
        wanted: &[MailTrace],
        claimed: &BTreeSet<Uid>,
    ) -> Result<Arrived, Fault> {
        let opened = match self.examine(to) {
            Ok(opened) => Some(opened),
            Err(fault) if self.is_gone(to, &fault)? => None,
            // Refused for now: the next session finds out what arrived.
            Err(Fault { on, .. }) if !self.is_spent() => {
                return Err(Fault::of(Step::Fetch, &on, Cause::NoData));
            }
            Err(fault) => return Err(fault),
        };
        let same = |opened: &Opened| landing.is_none_or(|landing| landing.validity == opened.validity);
        if let Some(opened) = opened.as_ref().filter(|opened| same(opened)) {
            let first = landing.map_or(Uid(1), |landing| landing.next);
            return self.arrivals_here(opened, first, wanted, claimed);
        }
        // The target was deleted, or renamed: then another folder has its UIDVALIDITY. Not the source, which may have the same
        // UIDVALIDITY but contains the originals, which prove nothing.
        let Some(landing) = landing else { return Ok(Arrived::default()) };
        for renamed in self.renamed(landing.validity, &[from, to])? {
            let opened = match self.examine(&renamed) {
                Err(fault) if fault.fate() == Fate::Leave => continue,
                opened => opened?,
            };
            if opened.validity == landing.validity {
                let arrived = self.arrivals_here(&opened, landing.next, wanted, claimed)?;
                if !arrived.copies.is_empty() {
                    return Ok(arrived);
                }
            }
        }
        // A recreated folder has new UIDs: any of its messages may be one of them.
        match opened {
            Some(_) => {
                let opened = self.examine(to)?;
                let arrived = self.arrivals_here(&opened, Uid(1), wanted, &BTreeSet::new())?;
                // Most of its messages have nothing to do with the move.
                Ok(Arrived { strangers: BTreeMap::new(), ..arrived })
            }
            None => Ok(Arrived::default()),
        }
    }

    /// The same for the open folder, from the UID `first` on.
    fn arrivals_here(
        &mut self,
        opened: &Opened,
        first: Uid,
        wanted: &[MailTrace],
        claimed: &BTreeSet<Uid>,
    ) -> Result<Arrived, Fault> {
        let mut candidates: BTreeMap<MailIdentity, BTreeSet<Uid>> = BTreeMap::new();
        let mut flags_of: BTreeMap<Uid, Flags> = BTreeMap::new();
        let mut shown = BTreeSet::new();
        let mut other = Vec::new();
        let mut note = |Sighting { trace, flags, .. }: Sighting, _: &[u8]| {
            shown.insert(trace.uid);
            // A message that is about to be expunged does not count: it may be a copy that was taken back.
            if trace.uid >= first && !flags.deleted && !claimed.contains(&trace.uid) {
                candidates.entry(trace.identity).or_default().insert(trace.uid);
                flags_of.insert(trace.uid, flags);
            }
        };
        match opened.next {
            _ if opened.exists == 0 => {}
            Some(next) if next <= first => {}
            Some(next) if next.0 - first.0 <= FEW => {
                let uids: Vec<Uid> = (first.0..next.0).map(Uid).collect();
                self.sightings(Step::Fetch, &uids, &mut note)?;
            }
            _ => {
                let sizes: BTreeSet<u32> = wanted.iter().map(|message| message.identity.size).collect();
                let mut alike = Vec::new();
                for (uid, size) in self.sizes_from(first)? {
                    if sizes.contains(&size) { alike.push(uid) } else { other.push(uid) }
                }
                self.sightings(Step::Fetch, &alike, &mut note)?;
            }
        }
        let mut copies = BTreeMap::new();
        let mut identities = BTreeMap::new();
        for message in wanted {
            if let Some(copy) = candidates.get_mut(&message.identity).and_then(BTreeSet::pop_first) {
                copies.insert(message.uid, copy);
                identities.insert(copy, message.identity);
            }
        }
        let missing = wanted.len() - copies.len();
        if missing > 0 && opened.exists > 0 {
            shown.extend(&other);
            self.require_shown(opened, first, &shown)?;
        }
        let is_wanted = |identity: &MailIdentity| wanted.iter().any(|message| message.identity == *identity);
        let mut strangers = BTreeMap::new();
        let mut surplus = Vec::new();
        for (identity, uids) in candidates {
            if is_wanted(&identity) {
                surplus.extend(uids.into_iter().map(|uid| MailTrace { uid, identity }));
            } else if missing > 0 {
                strangers
                    .extend(uids.into_iter().filter_map(|uid| Some((uid, (identity, *flags_of.get(&uid)?)))));
            }
        }
        if missing > 0 {
            other.truncate(missing.saturating_add(FEW as usize));
            self.sightings(Step::Fetch, &other, &mut |Sighting { trace, flags, .. }, _| {
                if trace.uid >= first && !flags.deleted && !claimed.contains(&trace.uid) {
                    strangers.insert(trace.uid, (trace.identity, flags));
                }
            })?;
        }
        let flags = flags_of.into_iter().filter(|(uid, _)| identities.contains_key(uid)).collect();
        let place = Some((opened.folder.clone(), opened.validity));
        Ok(Arrived { place, copies, identities, flags, surplus, strangers, ..Arrived::default() })
    }

    /// Some messages did not arrive, so this checks that the server showed all that it has. A server may answer OK and leave out
    /// data; if followsift believed it, a copy would stay next to its original for ever.
    fn require_shown(&mut self, opened: &Opened, first: Uid, shown: &BTreeSet<Uid>) -> Result<(), Fault> {
        let end =
            opened.next.map_or("*".to_owned(), |next| next.0.saturating_sub(1).max(first.0).to_string());
        let there = self.search(opened, &format!("UID {first}:{end} UNDELETED"))?;
        if there.iter().any(|uid| *uid >= first && !shown.contains(uid)) {
            return Err(Fault::of(Step::Fetch, &Subject::Folder(opened.folder.clone()), Cause::NoData));
        }
        Ok(())
    }
}

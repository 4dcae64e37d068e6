//! Setting flags, and removing what is proven to be elsewhere.
//!
//! Owns UID STORE and UID EXPUNGE, and so everything that this room ever changes on a mail in place. Never EXPUNGE and never
//! CLOSE, which would remove what the user marked. Called by `sweep`, `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Flags;
use super::bounds::Limits;
use super::fate::Fate;
use super::fault::{Cause, Fault, Step};
use super::fetch::Keywords;
use super::outcome_table::Removed;
use super::proof::Proven;
use super::session::Session;
use super::trace::Trace;
use crate::place::{Folder, Marks, Uid, UidValidity};

/// What is about to be done to originals whose copies are proven. The ledger notes it first: after a crash, only what was noted
/// may be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// They are to be marked \Deleted.
    Mark,
    /// They are marked \Deleted, by us, and are to be expunged.
    Expunge,
}

/// Called before a [`Deed`] on messages of the folder that is open, by their UIDs there; where it says `false`, the deed is
/// not done.
pub type Note<'n> = dyn FnMut(Deed, &BTreeSet<Uid>) -> bool + 'n;

impl Session {
    /// Adds flags to messages of a folder, which is opened for it unless it is open. Those that are not there any more are
    /// passed over.
    ///
    /// # Errors
    /// Where the folder is another by now, or the server will not.
    pub fn mark(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[Trace],
        marks: Marks,
    ) -> Result<(), Fault> {
        let flags: Vec<&str> = [(marks.seen, "\\Seen"), (marks.flagged, "\\Flagged")]
            .into_iter()
            .filter_map(|(wanted, flag)| wanted.then_some(flag))
            .collect();
        if traces.is_empty() || flags.is_empty() {
            return Ok(());
        }
        self.reopen(Step::Mark, folder, validity)?;
        let proven = self.prove(Step::Mark, traces)?;
        self.store(Step::Mark, &proven, &format!("+FLAGS.SILENT ({})", flags.join(" "))).map(drop)
    }

    /// UID STORE about proven messages; what the server tells of them.
    fn store(&mut self, doing: Step, proven: &Proven, what: &str) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let on = self.require(doing, proven)?;
        let mut told = BTreeMap::new();
        for set in proven.sets() {
            let answer = self.run(doing, &on, &format!("UID STORE {set} {what}"), Limits::SHORT)?;
            let mails = answer.fetched().map_err(|cause| self.garbled(doing, &on, cause))?;
            told.extend(mails.into_iter().filter_map(|(uid, mail)| Some((uid, mail.flags?))));
        }
        Ok(told)
    }

    /// Marks messages \Deleted whose like is proven to be elsewhere, and removes exactly those where the server can. For
    /// copies of our own: nobody has to note it.
    pub(super) fn remove(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[Trace],
    ) -> Result<Removal, Fault> {
        if traces.is_empty() {
            return Ok(Removal::default());
        }
        let uids = || traces.iter().map(|trace| trace.uid);
        match self.reopen(Step::Remove, folder, validity) {
            Err(fault) if fault.fate() == Fate::Leave => {
                let words = fault.cause.to_string();
                return Ok(Removal { still: uids().collect(), words, ..Removal::default() });
            }
            opened => drop(opened?),
        }
        let proven = self.prove(Step::Remove, traces)?;
        let mut removal = self.mark_and_expunge(&proven, &mut |_, _| true, false)?;
        let absent: Vec<Uid> = uids().filter(|uid| !proven.uids().contains(uid)).collect();
        let unproven = self.present(&absent)?;
        removal.gone.extend(absent.into_iter().filter(|uid| !unproven.contains(uid)));
        removal.still.extend(unproven);
        Ok(removal)
    }

    /// Marks proven originals \Deleted, and removes exactly those where the server can. One that the user starred or answered
    /// at the last moment, which the answer shows, keeps its place.
    pub(super) fn remove_proven(&mut self, proven: &Proven, note: &mut Note<'_>) -> Result<Removal, Fault> {
        self.mark_and_expunge(proven, note, true)
    }

    /// An OK is not believed: Dovecot says it where it drops a flag that the user's rights do not cover.
    fn mark_and_expunge(
        &mut self,
        proven: &Proven,
        note: &mut Note<'_>,
        spares_touched: bool,
    ) -> Result<Removal, Fault> {
        let mut removal = Removal::default();
        let uids = proven.uids();
        if uids.is_empty() {
            return Ok(removal);
        }
        let on = self.require(Step::Remove, proven)?;
        if !note(Deed::Mark, uids) {
            return Err(Fault::of(Step::Remove, &on, Cause::NotNoted));
        }
        // Not silent: the answer shows which of them are marked now.
        let mut told = match self.store(Step::Remove, proven, "+FLAGS (\\Deleted)") {
            Err(fault) if fault.fate() == Fate::Leave => {
                removal.words = fault.cause.to_string();
                BTreeMap::new()
            }
            told => told?,
        };
        let is = |uid: &Uid, holds: fn(Flags) -> bool| told.get(uid).is_some_and(|flags| holds(*flags));
        let mut marked: BTreeSet<Uid> =
            uids.iter().copied().filter(|uid| is(uid, |flags| flags.deleted)).collect();
        let unseen: Vec<Uid> = uids.difference(&marked).copied().collect();
        if !unseen.is_empty() {
            let there = self.flags(Step::Remove, &unseen)?;
            told.extend(&there);
            let silent: Vec<Uid> = unseen.iter().copied().filter(|uid| !there.contains_key(uid)).collect();
            let unshown = self.present(&silent)?;
            for uid in unseen {
                match there.get(&uid) {
                    Some(flags) if flags.deleted => drop(marked.insert(uid)),
                    Some(_) => drop(removal.still.insert(uid)),
                    None if unshown.contains(&uid) => drop(removal.still.insert(uid)),
                    None => drop(removal.gone.insert(uid)),
                }
            }
        }
        let is = |uid: &Uid, holds: fn(Flags) -> bool| told.get(uid).is_some_and(|flags| holds(*flags));
        let touched: BTreeSet<Uid> =
            marked.iter().copied().filter(|uid| spares_touched && is(uid, Flags::is_touched)).collect();
        if !touched.is_empty() {
            self.unmark(&proven.only(&touched))?;
            marked.retain(|uid| !touched.contains(uid));
            removal.still.extend(&touched);
            removal.touched = touched;
        }
        self.expunge(&proven.only(&marked), note)?;
        if !removal.still.is_empty() && removal.words.is_empty() {
            removal.words = "the server did not mark it as deleted".to_owned();
        }
        Ok(removal)
    }

    /// Takes our own mark \Deleted off proven messages.
    pub(super) fn unmark(&mut self, proven: &Proven) -> Result<(), Fault> {
        self.store(Step::Remove, proven, "-FLAGS.SILENT (\\Deleted)").map(drop)
    }

    /// Removes proven messages that are marked \Deleted by us, where the server can remove exactly those. Plain EXPUNGE would
    /// also remove what the user marked, so without UIDPLUS they stay, marked (RFC 4315, section 2.1).
    pub(super) fn expunge(&mut self, marked: &Proven, note: &mut Note<'_>) -> Result<(), Fault> {
        if marked.uids().is_empty() {
            return Ok(());
        }
        let on = self.require(Step::Remove, marked)?;
        if !note(Deed::Expunge, marked.uids()) {
            return Err(Fault::of(Step::Remove, &on, Cause::NotNoted));
        }
        if !self.capabilities().uidplus {
            return Ok(());
        }
        for set in marked.sets() {
            match self.run(Step::Remove, &on, &format!("UID EXPUNGE {set}"), Limits::SHORT) {
                // A message that is marked has left the user's sight, as one that is removed has.
                Err(fault) if fault.fate() == Fate::Leave => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// Gives messages of a folder the keywords that they had before and that did not come along; says which they lack after
    /// all.
    pub(super) fn restore_keywords(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[Trace],
        had: &Keywords,
    ) -> Result<Keywords, Fault> {
        self.reopen(Step::Mark, folder, validity)?;
        let proven = self.prove(Step::Mark, traces)?;
        let uids: Vec<Uid> = proven.uids().iter().copied().collect();
        let lacking = lacking(had, &self.flags_and_keywords(Step::Search, &uids)?.1);
        let mut by_keyword: BTreeMap<&str, BTreeSet<Uid>> = BTreeMap::new();
        for (uid, keywords) in &lacking {
            for keyword in keywords.iter().filter(|keyword| is_atom(keyword)) {
                by_keyword.entry(keyword).or_default().insert(*uid);
            }
        }
        if by_keyword.is_empty() {
            return Ok(lacking);
        }
        for (keyword, uids) in by_keyword {
            match self.store(Step::Mark, &proven.only(&uids), &format!("+FLAGS.SILENT ({keyword})")) {
                Err(fault) if fault.fate() == Fate::Leave => {}
                done => drop(done?),
            }
        }
        let uids: Vec<Uid> = lacking.keys().copied().collect();
        let kept = self.flags_and_keywords(Step::Search, &uids)?.1;
        Ok(self::lacking(&lacking, &kept))
    }
}

/// What is left of messages after they were to be removed.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// Those that are there and not marked \Deleted.
    pub(super) still: BTreeSet<Uid>,
    /// Those of them that the user starred or answered at the last moment.
    pub(super) touched: BTreeSet<Uid>,
    /// Those that were gone when they were to be marked: somebody else was faster.
    pub(super) gone: BTreeSet<Uid>,
    /// Why.
    pub(super) words: String,
}

impl Removal {
    /// How the removal of one of them ended.
    pub(super) fn of(&self, uid: Uid) -> Removed {
        if self.touched.contains(&uid) {
            Removed::Touched
        } else if self.still.contains(&uid) {
            Removed::Still
        } else if self.gone.contains(&uid) {
            Removed::Gone
        } else {
            Removed::Done
        }
    }
}

/// What of `had` is not in `has`. Keywords know no case (RFC 9051, section 2.3.2).
fn lacking(had: &Keywords, has: &Keywords) -> Keywords {
    let has = |uid: &Uid, keyword: &String| {
        has.get(uid).is_some_and(|all| all.iter().any(|one| one.eq_ignore_ascii_case(keyword)))
    };
    had.iter()
        .map(|(uid, keywords)| {
            (*uid, keywords.iter().filter(|keyword| !has(uid, keyword)).cloned().collect::<BTreeSet<_>>())
        })
        .filter(|(_, keywords)| !keywords.is_empty())
        .collect()
}

/// May it stand in a command as it is (RFC 9051, section 9, atom)?
fn is_atom(keyword: &str) -> bool {
    keyword.bytes().all(|byte| byte.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&byte))
}

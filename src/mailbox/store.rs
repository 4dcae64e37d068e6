//! Sets flags, and removes messages that are proven to be elsewhere.
//!
//! Owns UID STORE and UID EXPUNGE, and with them all changes of this room to a message in place. Never sends EXPUNGE or CLOSE,
//! which would remove messages that the user marked. Called by `sweep`, `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Answer;
use super::bounds::Limits;
use super::fate::Fate;
use super::fault::{Cause, Fault, Step, Subject};
use super::fetch::Keywords;
use super::flags::Flags;
use super::outcome_table::Removed;
use super::proof::Proven;
use super::session::Session;
use crate::place::{Folder, MailTrace, Marks, Uid, UidValidity};

/// The next step for originals whose copies are proven. The ledger records it first: after a crash, only recorded deeds
/// may be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Mark them \Deleted.
    Mark,
    /// Expunge them; we have marked them \Deleted.
    Expunge,
    /// Take our \Deleted away again: afterwards a message without it is not one that the user undeleted.
    Unmark,
}

/// Called before a [`Deed`] on messages of the open folder, with their UIDs there. If it returns `false`, the deed is not done.
pub type Note<'n> = dyn FnMut(Deed, &BTreeSet<Uid>) -> bool + 'n;

impl Session {
    /// Adds flags to messages of a folder, which it opens unless it is open. Skips messages that are no longer there.
    ///
    /// # Errors
    /// If the folder was recreated, or the server refuses.
    pub fn mark(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[MailTrace],
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
        let stored = self.store(Step::Mark, &proven, &format!("+FLAGS.SILENT ({})", flags.join(" ")))?;
        let lacks = |flags: Flags| marks.seen && !flags.seen || marks.flagged && !flags.flagged;
        // The OK of an answer that could not be read may be the answer to something else.
        if stored.unclear && self.shown_flags(&proven)?.into_values().any(lacks) {
            self.line.give_up();
            let on = Subject::Folder(folder.clone());
            return Err(Fault::of(
                Step::Mark,
                &on,
                Cause::Garbled("a flag was set according to it, and is not"),
            ));
        }
        Ok(())
    }

    /// The flags of proven messages, as far as the server shows them.
    fn shown_flags(&mut self, proven: &Proven) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let uids: Vec<Uid> = proven.uids().iter().copied().collect();
        Ok(self.flags_and_keywords(Step::Search, &uids)?.flags)
    }

    /// UID STORE on proven messages.
    fn store(&mut self, doing: Step, proven: &Proven, what: &str) -> Result<Stored, Fault> {
        let on = self.require(doing, proven)?;
        let mut stored = Stored::default();
        for set in proven.sets() {
            let answer = self.run(doing, &on, &format!("UID STORE {set} {what}"), Limits::SHORT)?;
            // Flags from an answer that could not be read as a whole do not count; they are asked for.
            match answer.require_whole().map(Answer::fetched) {
                Ok(messages) => {
                    let flags = messages.into_iter().filter_map(|(uid, message)| Some((uid, message.flags?)));
                    stored.shown.extend(flags);
                }
                Err(_) => stored.unclear = true,
            }
        }
        Ok(stored)
    }

    /// Marks messages \Deleted that are proven to be elsewhere too, and expunges only those if the server supports it. For our
    /// own copies, so no record is needed.
    pub(super) fn remove(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[MailTrace],
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

    /// Marks proven originals \Deleted, and expunges only those if the server supports it. An original that the user starred or
    /// answered at the last moment, which the answer shows, stays.
    pub(super) fn remove_proven(&mut self, proven: &Proven, note: &mut Note<'_>) -> Result<Removal, Fault> {
        self.mark_and_expunge(proven, note, true)
    }

    /// An OK proves nothing: Dovecot answers OK although it drops a flag that the user's rights do not allow.
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
        // Not .SILENT: the answer shows which of them are marked now.
        let mut shown = match self.store(Step::Remove, proven, "+FLAGS (\\Deleted)") {
            Err(fault) if fault.fate() == Fate::Leave => {
                removal.words = fault.cause.to_string();
                BTreeMap::new()
            }
            stored => stored?.shown,
        };
        let is = |uid: &Uid, holds: fn(Flags) -> bool| shown.get(uid).is_some_and(|flags| holds(*flags));
        let mut marked: BTreeSet<Uid> =
            uids.iter().copied().filter(|uid| is(uid, |flags| flags.deleted)).collect();
        let unseen: Vec<Uid> = uids.difference(&marked).copied().collect();
        if !unseen.is_empty() {
            let there = self.flags(Step::Remove, &unseen)?;
            shown.extend(&there);
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
        let is = |uid: &Uid, holds: fn(Flags) -> bool| shown.get(uid).is_some_and(|flags| holds(*flags));
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

    /// Removes our own \Deleted from proven messages.
    pub(super) fn unmark(&mut self, proven: &Proven) -> Result<(), Fault> {
        self.store(Step::Remove, proven, "-FLAGS.SILENT (\\Deleted)").map(drop)
    }

    /// Expunges proven messages that we have marked \Deleted, with UIDPLUS (RFC 4315, section 2.1). Without it they stay marked,
    /// since a plain EXPUNGE would also remove messages that the user marked.
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
                // Clients hide a marked message, so it counts as removed.
                Err(fault) if fault.fate() == Fate::Leave => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// Restores the keywords that messages of a folder have lost on the way. Returns those that they still lack.
    pub(super) fn restore_keywords(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        traces: &[MailTrace],
        had: &Keywords,
    ) -> Result<Keywords, Fault> {
        self.reopen(Step::Mark, folder, validity)?;
        let proven = self.prove(Step::Mark, traces)?;
        let uids: Vec<Uid> = proven.uids().iter().copied().collect();
        let lacking = lacking(had, &self.flags_and_keywords(Step::Search, &uids)?.keywords);
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
        let kept = self.flags_and_keywords(Step::Search, &uids)?.keywords;
        Ok(self::lacking(&lacking, &kept))
    }
}

/// The result of a STORE.
#[derive(Debug, Default)]
struct Stored {
    /// The flags that the server reports.
    shown: BTreeMap<Uid, Flags>,
    /// A part of its answer could not be read.
    unclear: bool,
}

/// The result of a removal.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// Those that are there and not marked \Deleted.
    pub(super) still: BTreeSet<Uid>,
    /// Those of them that the user starred or answered at the last moment.
    pub(super) touched: BTreeSet<Uid>,
    /// Those that were gone before they could be marked: another program was faster.
    pub(super) gone: BTreeSet<Uid>,
    /// Why messages stayed.
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

/// The keywords of `had` that are not in `has`. Keywords are case-insensitive (RFC 9051, section 2.3.2).
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

/// Can the keyword be sent without quotes (RFC 9051, section 9, atom)?
fn is_atom(keyword: &str) -> bool {
    keyword.bytes().all(|byte| byte.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&byte))
}

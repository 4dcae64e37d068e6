//! Setting flags, and removing what is proven to be elsewhere.
//!
//! Owns UID STORE and UID EXPUNGE, and so everything that this room ever changes on a mail in place. Never EXPUNGE and never
//! CLOSE, which would remove what the user marked. Called by `sweep`, `moves` and `settle`.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::Limits;
use super::fault::{Fate, Fault, Step, Subject};
use super::session::Session;
use super::uids;
use crate::place::{Folder, Marks, Uid, UidValidity};

impl Session {
    /// Adds flags to mails of a folder, which is opened for it unless it is open.
    ///
    /// # Errors
    /// Where the folder is another by now, or the server will not.
    pub fn mark(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        uids: &[Uid],
        marks: Marks,
    ) -> Result<(), Fault> {
        let flags: Vec<&str> = [(marks.seen, "\\Seen"), (marks.flagged, "\\Flagged")]
            .into_iter()
            .filter_map(|(wanted, flag)| wanted.then_some(flag))
            .collect();
        if uids.is_empty() || flags.is_empty() {
            return Ok(());
        }
        self.reopen(Step::Mark, folder, validity)?;
        let on = Subject::Mails { folder: folder.clone(), uids: uids.to_vec() };
        for set in uids::sets(uids.iter().copied()) {
            let command = format!("UID STORE {set} +FLAGS.SILENT ({})", flags.join(" "));
            self.run(Step::Mark, &on, &command, Limits::SHORT)?;
        }
        Ok(())
    }

    /// Marks mails whose like is proven to be elsewhere \Deleted, and removes exactly those where the server can. An OK is
    /// not believed: Dovecot says it where it drops a flag that the user's rights do not cover.
    pub(super) fn remove(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        uids: &BTreeSet<Uid>,
    ) -> Result<Removal, Fault> {
        let mut removal = Removal::default();
        if uids.is_empty() {
            return Ok(removal);
        }
        match self.reopen(Step::Remove, folder, validity) {
            Err(fault) if fault.fate() == Fate::Leave => {
                return Ok(Removal { still: uids.clone(), words: fault.cause.to_string(), ..removal });
            }
            opened => drop(opened?),
        }
        let on = Subject::Mails { folder: folder.clone(), uids: uids.iter().copied().collect() };
        let mut marked = BTreeSet::new();
        for set in uids::sets(uids.iter().copied()) {
            // Not silent: the answer shows which of them are marked now.
            match self.run(Step::Remove, &on, &format!("UID STORE {set} +FLAGS (\\Deleted)"), Limits::SHORT) {
                Err(fault) if fault.fate() == Fate::Leave => removal.words = fault.cause.to_string(),
                answer => {
                    let answer = answer?;
                    let told = answer.fetched().map_err(|cause| self.garbled(Step::Remove, &on, cause))?;
                    let gone = told.iter().filter(|(_, mail)| mail.flags.is_some_and(|flags| flags.deleted));
                    marked.extend(gone.map(|(uid, _)| *uid).filter(|uid| uids.contains(uid)));
                }
            }
        }
        let unseen: Vec<Uid> = uids.difference(&marked).copied().collect();
        if !unseen.is_empty() {
            let there = self.flags(Step::Remove, &unseen)?;
            for uid in unseen {
                match there.get(&uid) {
                    Some(flags) if flags.deleted => drop(marked.insert(uid)),
                    Some(_) => drop(removal.still.insert(uid)),
                    None => drop(removal.gone.insert(uid)),
                }
            }
        }
        // Plain EXPUNGE would also remove what the user marked, so without UIDPLUS the mail stays, marked (RFC 4315,
        // section 2.1).
        if self.can("UIDPLUS") {
            for set in uids::sets(marked) {
                match self.run(Step::Remove, &on, &format!("UID EXPUNGE {set}"), Limits::SHORT) {
                    // Marked is as good as removed.
                    Err(fault) if fault.fate() == Fate::Leave => {}
                    done => drop(done?),
                }
            }
        }
        if !removal.still.is_empty() && removal.words.is_empty() {
            removal.words = "the server did not mark it as deleted".to_owned();
        }
        Ok(removal)
    }

    /// Gives mails of a folder the keywords that they had before and that did not come along; says which they lack after all.
    pub(super) fn restore_keywords(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        had: &BTreeMap<Uid, BTreeSet<String>>,
    ) -> Result<BTreeMap<Uid, BTreeSet<String>>, Fault> {
        self.reopen(Step::Mark, folder, validity)?;
        let uids: Vec<Uid> = had.keys().copied().collect();
        let lacking = lacking(had, &self.keywords(&uids)?);
        let mut by_keyword: BTreeMap<&str, Vec<Uid>> = BTreeMap::new();
        for (uid, keywords) in &lacking {
            for keyword in keywords.iter().filter(|keyword| is_atom(keyword)) {
                by_keyword.entry(keyword).or_default().push(*uid);
            }
        }
        if by_keyword.is_empty() {
            return Ok(lacking);
        }
        let on = Subject::Mails { folder: folder.clone(), uids };
        for (keyword, uids) in by_keyword {
            for set in uids::sets(uids) {
                let command = format!("UID STORE {set} +FLAGS.SILENT ({keyword})");
                match self.run(Step::Mark, &on, &command, Limits::SHORT) {
                    Err(fault) if fault.fate() == Fate::Leave => {}
                    done => drop(done?),
                }
            }
        }
        let uids: Vec<Uid> = lacking.keys().copied().collect();
        let kept = self.keywords(&uids)?;
        Ok(self::lacking(&lacking, &kept))
    }
}

/// What is left of mails after they were to be removed.
#[derive(Debug, Default)]
pub(super) struct Removal {
    /// Those that are there and not marked \Deleted.
    pub(super) still: BTreeSet<Uid>,
    /// Those that were gone when they were to be marked: somebody else was faster.
    pub(super) gone: BTreeSet<Uid>,
    /// Why.
    pub(super) words: String,
}

/// What of `had` is not in `has`. Keywords know no case (RFC 9051, section 2.3.2).
fn lacking(
    had: &BTreeMap<Uid, BTreeSet<String>>,
    has: &BTreeMap<Uid, BTreeSet<String>>,
) -> BTreeMap<Uid, BTreeSet<String>> {
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

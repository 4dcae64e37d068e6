//! Moving mails to another folder of the account, in sets and never one by one.
//!
//! Owns the promise that no mail is lost or doubled: a move is planned ([`Session::prepare`]), written down by the caller,
//! and then done ([`Session::act`]). A tagged OK proves nothing: servers say it of mails that are gone. What the server
//! removes from the source by MOVE is looked for in the target where COPYUID does not name it credibly; what we remove
//! ourselves has been proven to be in the target by size and header digest. Never EXPUNGE, never CLOSE. Called by `sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::answer::CopyUid;
use super::bounds::Limits;
use super::fault::{Fate, Fault, Step, Subject};
use super::folders::Landing;
use super::names::quoted;
use super::refusal::Code;
use super::session::{Opened, Relocation, Session, same};
use super::trace::Trace;
use super::uids;
use crate::place::{Folder, Marks, Uid, UidValidity};

/// Mails that are to go to one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The folder; it is made and subscribed to if missing.
    pub to: Folder,
    /// The mails of the open folder.
    pub mails: Vec<Trace>,
}

/// A move that can be done, and all that an intent must remember of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// Where the mails are.
    pub from: Folder,
    /// The UIDVALIDITY of that.
    pub validity: UidValidity,
    /// Where they go.
    pub to: Folder,
    /// Where the first of them lands at the earliest. `None` where nothing can be moved there: then `mails` is empty.
    pub landing: Option<Landing>,
    /// The mails that are there, and that the user has done nothing with.
    pub mails: Vec<Trace>,
    /// The other mails of the errand, each with why it is left.
    pub left: Vec<(Uid, Outcome)>,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is in the target, under this UID if the server told, and no longer (or marked \Deleted) in the source.
    Moved {
        /// Its UID in the target.
        uid: Option<Uid>,
    },
    /// It is where it was.
    Left(Reason),
    /// It is in neither: somebody else moved or deleted it meanwhile.
    Gone,
}

/// Why a mail is left where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user starred or answered it.
    Touched,
    /// The user marked it as deleted.
    Deleted,
    /// Its folder cannot be changed.
    ReadOnly,
    /// The target is the folder it is in.
    SameFolder,
    /// The server will not; its words.
    Refused(String),
    /// Its arrival in the target could not be proven, so the original was not touched.
    Unproven,
    /// A copy is in the target under this UID, but the original could not be removed.
    Doubled {
        /// The copy's UID.
        copy: Uid,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touched => f.write_str("it was starred or answered"),
            Self::Deleted => f.write_str("it was marked as deleted"),
            Self::ReadOnly => f.write_str("its folder is read-only"),
            Self::SameFolder => f.write_str("it is there already"),
            Self::Refused(words) => f.write_str(words),
            Self::Unproven => f.write_str("its arrival could not be proven"),
            Self::Doubled { copy } => {
                write!(f, "it was copied (uid {copy}), but the original could not be removed")
            }
        }
    }
}

/// What became of the mails of one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Relocated {
    /// Where they were to go.
    pub to: Folder,
    /// The UIDVALIDITY there, to which the UIDs in `outcomes` belong.
    pub validity: UidValidity,
    /// What became of each, by its UID in the source.
    pub outcomes: BTreeMap<Uid, Outcome>,
}

impl Session {
    /// Looks which of the mails are still there and untouched, makes the targets that are missing, and notes where the next
    /// mail in each will land. Changes no mail. Two turns for all errands together where the server has LIST-STATUS.
    ///
    /// # Errors
    /// Where the session is of no more use; a target that cannot be had only leaves its mails, with the reason.
    pub fn prepare(&mut self, errands: Vec<Errand>) -> Result<Vec<Plan>, Fault> {
        let here = self.here(Step::Move)?;
        let uids: Vec<Uid> =
            errands.iter().flat_map(|errand| errand.mails.iter().map(|mail| mail.uid)).collect();
        let there = if here.writable { self.flags(Step::Search, &uids)? } else { BTreeMap::new() };
        let mut plans = Vec::new();
        for errand in errands {
            let mut plan = Plan {
                from: here.folder.clone(),
                validity: here.validity,
                to: errand.to,
                landing: None,
                mails: Vec::new(),
                left: Vec::new(),
            };
            for mail in errand.mails {
                let obstacle = match there.get(&mail.uid) {
                    _ if !here.writable => Some(Outcome::Left(Reason::ReadOnly)),
                    _ if same(&plan.to, &plan.from) => Some(Outcome::Left(Reason::SameFolder)),
                    None => Some(Outcome::Gone),
                    Some(flags) if flags.is_touched() => Some(Outcome::Left(Reason::Touched)),
                    Some(flags) if flags.deleted => Some(Outcome::Left(Reason::Deleted)),
                    Some(_) => None,
                };
                match obstacle {
                    Some(outcome) => plan.left.push((mail.uid, outcome)),
                    None => plan.mails.push(mail),
                }
            }
            if !plan.mails.is_empty() {
                match self.ensure_folder(&plan.to) {
                    Ok(_) => {}
                    Err(fault) if fault.fate() == Fate::Leave => plan.give_up(&fault.cause.to_string()),
                    Err(fault) => return Err(fault),
                }
            }
            plans.push(plan);
        }
        let targets: Vec<Folder> =
            plans.iter().filter(|plan| !plan.mails.is_empty()).map(|plan| plan.to.clone()).collect();
        let landings = self.landings(&targets)?;
        for plan in &mut plans {
            plan.landing = landings.get(&plan.to).copied();
            if plan.landing.is_none() {
                plan.give_up("the server does not tell where the next mail in it would land");
            }
        }
        Ok(plans)
    }

    /// Moves the mails of all plans, and says what became of each. The intents must be written down before.
    ///
    /// # Errors
    /// Where the line fails in between, nothing is known; `settle` finds out in the next session. A server's plain no is
    /// an outcome.
    pub fn act(&mut self, plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let plans: Vec<Plan> = plans.into_iter().filter(|plan| !plan.mails.is_empty()).collect();
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        let here = self.reopen(Step::Move, &first.from.clone(), first.validity)?;
        let relocated = match self.relocation() {
            Relocation::Move => self.act_by_move(&here, plans),
            Relocation::CopyThenExpunge | Relocation::CopyThenFlag => self.act_by_copy(&here, plans),
        }?;
        // Looking for arrivals opened the target; whoever calls still has the source in mind.
        match self.reopen(Step::Open, &here.folder, here.validity) {
            Err(fault) if fault.fate() != Fate::Leave => Err(fault),
            _ => Ok(relocated),
        }
    }

    fn act_by_move(&mut self, here: &Opened, plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let mut told = Vec::new();
        for plan in &plans {
            told.push(self.transfer(Step::Move, plan)?);
        }
        let all: Vec<Uid> = plans.iter().flat_map(Plan::uids).collect();
        // After the deed: a NO may come in the middle of it, and an OK proves nothing.
        let there = self.flags(Step::Search, &all)?;
        let mut results = Vec::new();
        for (plan, told) in plans.into_iter().zip(told) {
            let mut outcomes = BTreeMap::new();
            let mut missing = Vec::new();
            for mail in &plan.mails {
                if there.contains_key(&mail.uid) {
                    outcomes.insert(mail.uid, Outcome::Left(told.reason()));
                } else if let Some(copy) = told.copies.get(&mail.uid) {
                    outcomes.insert(mail.uid, Outcome::Moved { uid: Some(*copy) });
                } else {
                    missing.push(*mail);
                }
            }
            let mut validity = plan.landing.map(|landing| landing.validity);
            if !missing.is_empty() {
                let arrived = self.arrivals(&plan.to, plan.landing, &missing)?;
                validity = arrived.validity.or(validity);
                for mail in &missing {
                    let copy = arrived.copies.get(&mail.uid).copied();
                    outcomes.insert(
                        mail.uid,
                        copy.map_or(Outcome::Gone, |copy| Outcome::Moved { uid: Some(copy) }),
                    );
                }
            }
            results.push(Relocated { to: plan.to, validity: validity.unwrap_or(here.validity), outcomes });
        }
        Ok(results)
    }

    fn act_by_copy(&mut self, here: &Opened, plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let mut told = Vec::new();
        for plan in &plans {
            told.push(self.transfer(Step::Copy, plan)?);
        }
        let mut proven = Vec::new();
        for plan in &plans {
            proven.push(self.arrivals(&plan.to, plan.landing, &plan.mails)?);
        }
        let originals: BTreeSet<Uid> =
            proven.iter().flat_map(|arrived| arrived.copies.keys().copied()).collect();
        let removed = self.remove(&here.folder, here.validity, &originals)?;
        let unproven: Vec<Uid> =
            plans.iter().flat_map(Plan::uids).filter(|uid| !originals.contains(uid)).collect();
        let there = if unproven.is_empty() { BTreeMap::new() } else { self.flags(Step::Search, &unproven)? };
        let mut results = Vec::new();
        for ((plan, told), arrived) in plans.into_iter().zip(told).zip(proven) {
            let mut outcomes = BTreeMap::new();
            for mail in &plan.mails {
                let outcome = match arrived.copies.get(&mail.uid) {
                    Some(copy) if removed => Outcome::Moved { uid: Some(*copy) },
                    Some(copy) => Outcome::Left(Reason::Doubled { copy: *copy }),
                    None if there.contains_key(&mail.uid) => Outcome::Left(told.reason()),
                    None => Outcome::Gone,
                };
                outcomes.insert(mail.uid, outcome);
            }
            let validity = arrived.validity.or(plan.landing.map(|landing| landing.validity));
            results.push(Relocated { to: plan.to, validity: validity.unwrap_or(here.validity), outcomes });
        }
        Ok(results)
    }

    /// UID MOVE or UID COPY of a plan's mails, and what the server told of it.
    fn transfer(&mut self, step: Step, plan: &Plan) -> Result<Told, Fault> {
        let mut told = Told { refused: None, copies: BTreeMap::new() };
        let mut uids: Vec<Uid> = plan.uids().collect();
        let raced = self.transfer_these(step, plan, &uids, &mut told)?;
        if raced {
            // Somebody removed one of them meanwhile, and Dovecot then refuses all: once more, those that are there.
            let there = self.flags(Step::Search, &uids)?;
            uids.retain(|uid| there.contains_key(uid));
            told.refused = None;
            self.transfer_these(step, plan, &uids, &mut told)?;
        }
        Ok(told)
    }

    /// One try; `true` where it did nothing, because a mail was gone.
    fn transfer_these(
        &mut self,
        step: Step,
        plan: &Plan,
        uids: &[Uid],
        told: &mut Told,
    ) -> Result<bool, Fault> {
        let verb = if step == Step::Move { "MOVE" } else { "COPY" };
        let on = Subject::Journey { folder: plan.from.clone(), uids: uids.to_vec(), to: plan.to.clone() };
        let name = self.wire_name(&plan.to)?;
        let name = quoted(&name).map_err(|cause| Fault::of(step, &on, cause))?;
        let sets = uids::sets(uids.iter().copied());
        let whole = sets.len() == 1;
        let mut raced = false;
        for set in sets {
            // Large mails take a server its time.
            let limits = Limits { time: Duration::from_secs(120), ..Limits::SHORT };
            match self.run(step, &on, &format!("UID {verb} {set} {name}"), limits) {
                Ok(answer) => {
                    let copied =
                        answer.copied(plan.mails.len()).map_err(|cause| self.garbled(step, &on, cause))?;
                    told.believe(plan, copied);
                }
                Err(fault) if fault.fate() == Fate::Leave => {
                    raced = whole && fault.code() == Some(Code::ExpungeIssued);
                    told.refused = Some(fault.cause.to_string());
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(raced)
    }

    /// Marks the originals of proven copies \Deleted, and removes exactly those where the server can; `false` where it will
    /// not mark them.
    pub(super) fn remove(
        &mut self,
        folder: &Folder,
        validity: UidValidity,
        originals: &BTreeSet<Uid>,
    ) -> Result<bool, Fault> {
        self.reopen(Step::Remove, folder, validity)?;
        let on = Subject::Mails { folder: folder.clone(), uids: originals.iter().copied().collect() };
        for set in uids::sets(originals.iter().copied()) {
            let command = format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)");
            match self.run(Step::Remove, &on, &command, Limits::SHORT) {
                Ok(_) => {}
                Err(fault) if fault.fate() == Fate::Leave => return Ok(false),
                Err(fault) => return Err(fault),
            }
            // Plain EXPUNGE would also remove what the user marked, so without UIDPLUS the original stays, marked (RFC 4315,
            // section 2.1).
            if self.can("UIDPLUS") {
                match self.run(Step::Remove, &on, &format!("UID EXPUNGE {set}"), Limits::SHORT) {
                    // Marked is as good as removed.
                    Err(fault) if fault.fate() == Fate::Leave => {}
                    done => drop(done?),
                }
            }
        }
        Ok(true)
    }

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
}

/// What the server told of a MOVE or COPY.
#[derive(Debug)]
struct Told {
    refused: Option<String>,
    copies: BTreeMap<Uid, Uid>,
}

impl Told {
    /// Takes over of a COPYUID what can be true: of the target as we know it, of mails that we named, each once, each landed
    /// where new mails land.
    fn believe(&mut self, plan: &Plan, copied: Vec<CopyUid>) {
        let Some(landing) = plan.landing else { return };
        let named: BTreeSet<Uid> = plan.uids().collect();
        for CopyUid { validity, pairs } in copied {
            let sources: BTreeSet<Uid> = pairs.iter().map(|(from, _)| *from).collect();
            let copies: BTreeSet<Uid> = pairs.iter().map(|(_, to)| *to).collect();
            let credible = validity == landing.validity
                && sources.len() == pairs.len()
                && copies.len() == pairs.len()
                && sources.iter().all(|uid| named.contains(uid) && !self.copies.contains_key(uid))
                && copies
                    .iter()
                    .all(|uid| *uid >= landing.next && !self.copies.values().any(|known| known == uid));
            if credible {
                self.copies.extend(pairs);
            }
        }
    }

    fn reason(&self) -> Reason {
        self.refused.clone().map_or(Reason::Unproven, Reason::Refused)
    }
}

impl Plan {
    fn uids(&self) -> impl Iterator<Item = Uid> {
        self.mails.iter().map(|mail| mail.uid)
    }

    fn give_up(&mut self, words: &str) {
        let reason = Outcome::Left(Reason::Refused(words.to_owned()));
        self.left.extend(self.mails.drain(..).map(|mail| (mail.uid, reason.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{MailDigest, MailIdentity};

    fn plan(uids: &[u32]) -> Plan {
        let trace = |uid: &u32| Trace {
            uid: Uid(*uid),
            identity: MailIdentity { digest: MailDigest::of(b""), size: 1 },
        };
        Plan {
            from: Folder::inbox(),
            validity: UidValidity(1),
            to: Folder::new("Spam").unwrap(),
            landing: Some(Landing { validity: UidValidity(9), next: Uid(100) }),
            mails: uids.iter().map(trace).collect(),
            left: Vec::new(),
        }
    }

    fn believed(validity: u32, pairs: &[(u32, u32)]) -> usize {
        let mut told = Told { refused: None, copies: BTreeMap::new() };
        let pairs = pairs.iter().map(|(from, to)| (Uid(*from), Uid(*to))).collect();
        told.believe(&plan(&[1, 2, 3]), vec![CopyUid { validity: UidValidity(validity), pairs }]);
        told.copies.len()
    }

    #[test]
    fn a_copyuid_is_believed_where_it_can_be_true() {
        assert_eq!(believed(9, &[(1, 100), (3, 101)]), 2);
    }

    #[test]
    fn a_lying_copyuid_is_not_believed() {
        for (validity, pairs) in [
            (8, &[(1, 100)][..]),       // another target
            (9, &[(4, 100)]),           // a mail that was not asked for
            (9, &[(1, 99)]),            // a UID that was there before
            (9, &[(1, 100), (1, 101)]), // one mail twice
            (9, &[(1, 100), (2, 100)]), // two mails in one place
        ] {
            assert_eq!(believed(validity, pairs), 0, "{validity} {pairs:?}");
        }
    }
}

//! Moving mails to another folder of the account, in sets and never one by one.
//!
//! Owns the promise that no mail is lost or doubled: a move is planned (`plan`), written down by the caller, and then done
//! ([`Session::act`]). A tagged OK proves nothing: servers say it of mails that are gone. What the server removes from the
//! source by MOVE is looked for in the target where COPYUID does not name it credibly; what we remove ourselves has been
//! proven to be in the target by size and header digest. Called by `sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::answer::CopyUid;
use super::bounds::Limits;
use super::fault::{Fate, Fault, Step, Subject};
use super::names::quoted;
use super::plan::Plan;
use super::refusal::Code;
use super::session::{Opened, Relocation, Session};
use super::settle::Arrived;
use super::trace::Trace;
use super::uids;
use crate::place::{Folder, Uid, UidValidity};

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
    /// Its arrival in the target could not be proven, so the original was not touched. It may be in both.
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
            Self::Unproven => f.write_str("its arrival could not be proven; it may be there and here"),
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
    /// Where they were to go; if that folder was renamed meanwhile, as it is called now.
    pub to: Folder,
    /// The UIDVALIDITY there, to which the UIDs in `outcomes` belong.
    pub validity: UidValidity,
    /// What became of each, by its UID in the source.
    pub outcomes: BTreeMap<Uid, Outcome>,
    /// The keywords that the target could not be made to keep, by the UID in the source.
    pub unkept: BTreeMap<Uid, BTreeSet<String>>,
}

impl Session {
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
        let mut there = self.flags(Step::Search, &all)?;
        let mut results = Vec::new();
        for (plan, told) in plans.into_iter().zip(told) {
            let credible =
                |mail: &&Trace| !there.contains_key(&mail.uid) && told.copies.contains_key(&mail.uid);
            let mut open: Vec<Trace> = plan.mails.iter().filter(|mail| !credible(mail)).copied().collect();
            if !told.alone(&plan) {
                open.clone_from(&plan.mails);
            }
            let mut arrived = Arrived::default();
            let mut both = BTreeSet::new();
            if !open.is_empty() {
                arrived = self.arrivals(&plan.from, &plan.to, plan.landing, &open)?;
                self.remove_surplus(&mut arrived, &told)?;
                // A MOVE that failed in the middle has left copies of mails that are still here. One that it has marked
                // \Deleted here has arrived: its copy is all there is.
                let live = there.iter().filter(|(_, flags)| !flags.deleted).map(|(uid, _)| *uid);
                let live: Vec<Uid> = live.filter(|uid| arrived.copies.contains_key(uid)).collect();
                let still = self.still_live(here, &live)?;
                there.retain(|uid, _| !live.contains(uid) || still.contains(uid));
                both = self.withdraw(&arrived, &still)?;
            }
            let outcome = |mail: &Trace| match (there.get(&mail.uid), arrived.copies.get(&mail.uid)) {
                (Some(flags), None) if flags.deleted => Outcome::Left(Reason::Deleted),
                (Some(flags), Some(copy)) if !flags.deleted && both.contains(&mail.uid) => {
                    Outcome::Left(Reason::Doubled { copy: *copy })
                }
                (Some(flags), _) if !flags.deleted => Outcome::Left(told.reason()),
                (_, Some(copy)) => Outcome::Moved { uid: Some(*copy) },
                // Told credibly, and of a mail that is not here any more.
                (_, None) => match told.copies.get(&mail.uid) {
                    Some(copy) => Outcome::Moved { uid: Some(*copy) },
                    None => Outcome::Gone,
                },
            };
            let outcomes = plan.mails.iter().map(|mail| (mail.uid, outcome(mail))).collect();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        Ok(results)
    }

    /// Which of these mails of the source are in place still: the copies may be of another program's MOVE, which has removed
    /// the originals by now.
    fn still_live(&mut self, here: &Opened, uids: &[Uid]) -> Result<BTreeSet<Uid>, Fault> {
        if uids.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.reopen(Step::Open, &here.folder, here.validity)?;
        Ok(self.live(uids)?.into_iter().collect())
    }

    fn act_by_copy(&mut self, here: &Opened, plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let mut told = Vec::new();
        for plan in &plans {
            told.push(self.transfer(Step::Copy, plan)?);
        }
        let mut proven = Vec::new();
        for (plan, told) in plans.iter().zip(&mut told) {
            let mut arrived = self.arrivals(&plan.from, &plan.to, plan.landing, &plan.mails)?;
            told.surplus = self.remove_surplus(&mut arrived, told)?;
            proven.push(arrived);
        }
        // Whoever has starred, moved or deleted an original while it was copied has the last word: then the copy goes.
        self.reopen(Step::Open, &here.folder, here.validity)?;
        let all: Vec<Uid> = plans.iter().flat_map(Plan::uids).collect();
        let there = self.flags(Step::Search, &all)?;
        let clear = |uid: &Uid| there.get(uid).is_some_and(|flags| !flags.is_touched() && !flags.deleted);
        // Where another followsift, set on the account by mistake, has copied as well, and its copy is the one that stays, it
        // could still take that back: so only who made it removes the original.
        let originals: BTreeSet<Uid> = proven
            .iter()
            .zip(&told)
            .flat_map(|(arrived, told)| arrived.copies.keys().copied().filter(|uid| !told.yields(*uid)))
            .filter(clear)
            .collect();
        let removal = self.remove(&here.folder, here.validity, &originals)?;
        let mut results = Vec::new();
        for ((plan, told), arrived) in plans.into_iter().zip(told).zip(proven) {
            let ours =
                |uid: &Uid| arrived.copies.get(uid).is_some_and(|copy| told.copies.get(uid) == Some(copy));
            let taken_back = arrived.copies.keys().copied().filter(|uid| match there.get(uid) {
                Some(_) if clear(uid) && removal.gone.contains(uid) => ours(uid),
                Some(_) if clear(uid) => removal.still.contains(uid),
                // Unless the copy is another program's, who may be removing the original this moment.
                Some(flags) if !flags.deleted => !told.yields(*uid),
                // The original is not there any more, so only what is known to be our own copy is taken back: another may be
                // the original itself, which its owner has moved to the same folder.
                Some(_) | None => ours(uid),
            });
            let taken_back: BTreeSet<Uid> = taken_back.collect();
            let both = self.withdraw(&arrived, &taken_back)?;
            let outcome = |mail: &Trace| match (arrived.copies.get(&mail.uid).copied(), there.get(&mail.uid))
            {
                (Some(copy), flags) if taken_back.contains(&mail.uid) => match flags {
                    Some(flags)
                        if !flags.deleted
                            && !removal.gone.contains(&mail.uid)
                            && both.contains(&mail.uid) =>
                    {
                        Outcome::Left(Reason::Doubled { copy })
                    }
                    _ if both.contains(&mail.uid) => Outcome::Moved { uid: Some(copy) },
                    Some(flags) if flags.is_touched() => Outcome::Left(Reason::Touched),
                    Some(flags) if flags.deleted => Outcome::Left(Reason::Deleted),
                    Some(_) if removal.gone.contains(&mail.uid) => Outcome::Gone,
                    Some(_) => Outcome::Left(Reason::Refused(removal.words.clone())),
                    None => Outcome::Gone,
                },
                (Some(_), Some(flags)) if !flags.deleted && told.yields(mail.uid) => {
                    Outcome::Left(Reason::Refused("another program is moving it".to_owned()))
                }
                (Some(copy), _) => Outcome::Moved { uid: Some(copy) },
                (None, Some(_)) => Outcome::Left(told.reason()),
                (None, None) => Outcome::Gone,
            };
            let outcomes = plan.mails.iter().map(|mail| (mail.uid, outcome(mail))).collect();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        Ok(results)
    }

    /// What became of a plan, once the mails that arrived have their keywords back.
    fn relocated(
        &mut self,
        here: &Opened,
        plan: Plan,
        arrived: &Arrived,
        outcomes: BTreeMap<Uid, Outcome>,
    ) -> Result<Relocated, Fault> {
        let told = plan.landing.map(|landing| (plan.to.clone(), landing.validity));
        let place = arrived.place.clone().or(told).unwrap_or((plan.to, here.validity));
        let (to, validity) = place;
        let mut had = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (uid, keywords) in plan.keywords {
            if let Some(Outcome::Moved { uid: Some(copy) }) = outcomes.get(&uid) {
                had.insert(*copy, keywords);
                names.insert(*copy, uid);
            }
        }
        let unkept = if had.is_empty() {
            BTreeMap::new()
        } else {
            match self.restore_keywords(&to, validity, &had) {
                // The target is gone again: whoever took it away has the mails.
                Err(fault) if fault.fate() == Fate::Leave => BTreeMap::new(),
                unkept => unkept?,
            }
        };
        let unkept =
            unkept.into_iter().filter_map(|(copy, keywords)| Some((*names.get(&copy)?, keywords))).collect();
        Ok(Relocated { to, validity, outcomes, unkept })
    }

    /// Removes those of our own copies of which an original has one too many: two followsifts that were set on one account by
    /// mistake both copy, and with Dovecot even MOVE both. Both come to the same answer, which is that the copies with the
    /// lowest UIDs stay. Without COPYUID nobody knows whose they are, and all of them count.
    ///
    /// Says which these were.
    fn remove_surplus(&mut self, arrived: &mut Arrived, told: &Told) -> Result<BTreeSet<Uid>, Fault> {
        let surplus = std::mem::take(&mut arrived.surplus);
        let Some((folder, validity)) = arrived.place.clone() else { return Ok(BTreeSet::new()) };
        let knows_own = self.relocation() != Relocation::CopyThenFlag;
        // What the server said under the UIDVALIDITY that the folder has: where two make it at the same time, that may be
        // another than a moment before. Whose they are is all that is believed; that they are alike has been seen.
        let ours: BTreeSet<Uid> =
            told.claims.iter().filter(|claim| claim.validity == validity).map(|claim| claim.copy).collect();
        let surplus: BTreeSet<Uid> =
            surplus.into_iter().filter(|uid| !knows_own || ours.contains(uid)).collect();
        // What cannot be removed stays doubled, as somebody else has made it.
        self.remove(&folder, validity, &surplus)?;
        Ok(surplus)
    }

    /// UID MOVE or UID COPY of a plan's mails, and what the server told of it.
    fn transfer(&mut self, step: Step, plan: &Plan) -> Result<Told, Fault> {
        let mut told = Told::default();
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
}

/// What the server told of a MOVE or COPY.
#[derive(Debug, Default)]
struct Told {
    refused: Option<String>,
    /// What it said of copies, and can be true.
    copies: BTreeMap<Uid, Uid>,
    /// All that it said of copies, true or not.
    claims: BTreeSet<Claim>,
    /// Copies that were removed again, since another program had made the same.
    surplus: BTreeSet<Uid>,
}

/// One pair of a COPYUID, as the server said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    original: Uid,
    validity: UidValidity,
    copy: Uid,
}

impl Told {
    /// Was our own copy of this mail removed, so that it is another program's to go on with?
    fn yields(&self, mail: Uid) -> bool {
        self.claims.iter().any(|claim| claim.original == mail && self.surplus.contains(&claim.copy))
    }

    /// Takes over of a COPYUID what can be true: of the target as we know it, of mails that we named, each once, each landed
    /// where new mails land.
    fn believe(&mut self, plan: &Plan, copied: Vec<CopyUid>) {
        let Some(landing) = plan.landing else { return };
        let named: BTreeSet<Uid> = plan.uids().collect();
        for CopyUid { validity, pairs } in copied {
            self.claims.extend(pairs.iter().map(|(original, copy)| Claim {
                original: *original,
                validity,
                copy: *copy,
            }));
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

    /// Have our copies landed where the next were to land, without a gap: has nobody else put mails there before them?
    fn alone(&self, plan: &Plan) -> bool {
        let copies: BTreeSet<Uid> = self.copies.values().copied().collect();
        let count = u32::try_from(copies.len()).unwrap_or(u32::MAX);
        let expected = plan.landing.map(|landing| (landing.next, landing.next.0.saturating_add(count)));
        match (copies.first(), copies.last(), expected) {
            (Some(first), Some(last), Some((next, end))) => *first == next && last.0.saturating_add(1) == end,
            (None, ..) => true,
            _ => false,
        }
    }

    fn reason(&self) -> Reason {
        self.refused.clone().map_or(Reason::Unproven, Reason::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Landing;
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
            keywords: BTreeMap::new(),
            left: Vec::new(),
            obstacle: None,
        }
    }

    fn believed(validity: u32, pairs: &[(u32, u32)]) -> usize {
        let mut told = Told::default();
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

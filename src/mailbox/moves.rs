//! Moving messages to another folder of the account, in sets and never one by one.
//!
//! Owns the promise that no message is lost or doubled: a move is planned (`plan`), written down by the caller, and then done
//! ([`Session::act`]). A tagged OK proves nothing: servers say it of messages that are gone. What the server removes from the
//! source by MOVE is looked for in the target where COPYUID does not name it credibly; what we remove ourselves (`copies`) has
//! been proven to be in the target by size and header digest. Called by `sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answer::Flags;
use super::arrivals::Arrived;
use super::bounds::Limits;
use super::capabilities::Relocation;
use super::fate::Fate;
use super::fault::{Fault, Step, Subject};
use super::names::quoted;
use super::outcome::{Outcome, Reason, Relocated};
use super::outcome_table::Moved;
use super::plan::Plan;
use super::proof::{Look, Proven};
use super::refusal::Code;
use super::reported::Reported;
use super::session::{Opened, Session};
use super::store::Note;
use super::trace::Trace;
use crate::place::{Folder, Uid, UidValidity};

impl Session {
    /// Moves the messages of all plans, and says what became of each. The intents must be written down before. What is gone,
    /// starred, answered or deleted by now is left. Before an original is marked or expunged, `note` writes that down.
    ///
    /// # Errors
    /// Where the line fails in between, nothing is known; `settle` finds out in the next session. A server's plain no is
    /// an outcome.
    pub fn act(&mut self, mut plans: Vec<Plan>, note: &mut Note<'_>) -> Result<Vec<Relocated>, Fault> {
        plans.retain(|plan| !plan.mails.is_empty());
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        let here = self.reopen(Step::Move, &first.from.clone(), first.validity)?;
        match self.relocation() {
            Relocation::Move => self.act_by_move(&here, plans),
            Relocation::CopyThenExpunge | Relocation::CopyThenFlag => {
                // One look for all: before an original is marked, it is looked at once more.
                let mails: Vec<Trace> = plans.iter().flat_map(|plan| plan.mails.iter().copied()).collect();
                let look = self.look(Step::Search, &mails)?;
                plans.iter_mut().for_each(|plan| plan.leave_what_may_not_go(&look));
                self.act_by_copy(&here, plans, &look.proven, note)
            }
        }
    }

    fn act_by_move(&mut self, here: &Opened, mut plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let mut reported = Vec::new();
        for plan in &mut plans {
            // Before each MOVE, though it costs a turn for each further target: the flags come last.
            let look = self.look(Step::Search, &plan.mails)?;
            plan.leave_what_may_not_go(&look);
            reported.push(self.transfer(Step::Move, plan, &look.proven)?);
        }
        let all: Vec<Uid> = plans.iter().flat_map(Plan::uids).collect();
        // After the deed: a NO may come in the middle of it, and an OK proves nothing.
        let mut there = self.flags(Step::Search, &all)?;
        let mut results = Vec::new();
        for (plan, reported) in plans.into_iter().zip(reported) {
            let credible =
                |mail: &&Trace| !there.contains_key(&mail.uid) && reported.copies.contains_key(&mail.uid);
            let mut open: Vec<Trace> = plan.mails.iter().filter(|mail| !credible(mail)).copied().collect();
            if !reported.alone(&plan) {
                open.clone_from(&plan.mails);
            }
            let mut arrived = Arrived::default();
            let mut both = BTreeSet::new();
            let mut unshown = BTreeSet::new();
            if !open.is_empty() {
                arrived = self.arrivals(&plan.from, &plan.to, plan.landing, &open)?;
                self.remove_surplus(&mut arrived, &reported)?;
                // A MOVE that failed in the middle has left copies of messages that are still here. One that it has marked
                // \Deleted here has arrived: its copy is all there is.
                let is_live = |uid: &Uid| there.get(uid).is_some_and(|flags| !flags.deleted);
                let live: Vec<Trace> = plan
                    .mails
                    .iter()
                    .filter(|mail| is_live(&mail.uid) && arrived.copies.contains_key(&mail.uid))
                    .copied()
                    .collect();
                let still = self.still_live(here, &live)?;
                there.retain(|uid, _| !live.iter().any(|mail| mail.uid == *uid) || still.contains(uid));
                both = self.withdraw(&arrived, &still)?;
                unshown = self.unshown_here(here, &plan, &there, &arrived, &reported)?;
            }
            let outcome = |uid: Uid| {
                let seen = Moved {
                    original: there.get(&uid).copied(),
                    arrived: arrived.copies.get(&uid).copied(),
                    reported: reported.copies.get(&uid).copied(),
                    stuck: both.contains(&uid),
                    unshown: unshown.contains(&uid),
                };
                seen.outcome(|| reported.reason())
            };
            let outcomes = plan.uids().map(|uid| (uid, outcome(uid))).collect();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        Ok(results)
    }

    /// Which of these messages of the source are in place still, and the ones meant: the copies may be of another program's
    /// MOVE, which has removed the originals by now.
    fn still_live(&mut self, here: &Opened, mails: &[Trace]) -> Result<BTreeSet<Uid>, Fault> {
        if mails.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.reopen(Step::Open, &here.folder, here.validity)?;
        Ok(self.look(Step::Search, mails)?.where_flags(|flags| !flags.deleted))
    }

    /// Those that were neither here nor in the target, and that are here all the same by the server's word: a server may say
    /// OK to a FETCH and show nothing.
    fn unshown_here(
        &mut self,
        here: &Opened,
        plan: &Plan,
        there: &BTreeMap<Uid, Flags>,
        arrived: &Arrived,
        reported: &Reported,
    ) -> Result<BTreeSet<Uid>, Fault> {
        let known = |uid: &Uid| {
            there.contains_key(uid) || arrived.copies.contains_key(uid) || reported.copies.contains_key(uid)
        };
        let nowhere: Vec<Uid> = plan.uids().filter(|uid| !known(uid)).collect();
        if nowhere.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.reopen(Step::Open, &here.folder, here.validity)?;
        self.present(&nowhere)
    }

    /// What became of a plan, once what arrived has been looked at and has its keywords back.
    pub(super) fn relocated(
        &mut self,
        here: &Opened,
        plan: Plan,
        arrived: &Arrived,
        mut outcomes: BTreeMap<Uid, Outcome>,
    ) -> Result<Relocated, Fault> {
        let told = plan.landing.map(|landing| (plan.to.clone(), landing.validity));
        let place = arrived.place.clone().or(told).unwrap_or((plan.to, here.validity));
        let (to, validity) = place;
        let mut copies = Vec::new();
        let mut originals = BTreeMap::new();
        for mail in &plan.mails {
            if let Some(Outcome::Moved { uid: Some(copy) }) = outcomes.get(&mail.uid) {
                copies.push(Trace { uid: *copy, identity: mail.identity });
                originals.insert(*copy, mail.uid);
            }
        }
        let original = |copy: &Uid| originals.get(copy).copied();
        let flags = match self.flags_of_arrivals(&to, validity, arrived, &copies) {
            // The target is gone again: whoever took it away has the messages.
            Err(fault) if fault.fate() == Fate::Leave => BTreeMap::new(),
            flags => flags?,
        };
        let touched =
            flags.iter().filter(|(_, flags)| flags.is_touched()).filter_map(|(copy, _)| original(copy));
        let touched = touched.collect();
        let mut had = BTreeMap::new();
        for (uid, keywords) in plan.keywords {
            if let Some(Outcome::Moved { uid: Some(copy) }) = outcomes.get(&uid) {
                had.insert(*copy, keywords);
            }
        }
        let unkept = if had.is_empty() {
            BTreeMap::new()
        } else {
            copies.retain(|copy| had.contains_key(&copy.uid));
            match self.restore_keywords(&to, validity, &copies, &had) {
                Err(fault) if fault.fate() == Fate::Leave => BTreeMap::new(),
                unkept => unkept?,
            }
        };
        let unkept =
            unkept.into_iter().filter_map(|(copy, keywords)| Some((original(&copy)?, keywords))).collect();
        outcomes.extend(plan.left);
        Ok(Relocated { to, validity, outcomes, unkept, touched })
    }

    /// The flags of what arrived; as the search for arrivals saw them, where there was one.
    fn flags_of_arrivals(
        &mut self,
        to: &Folder,
        validity: UidValidity,
        arrived: &Arrived,
        copies: &[Trace],
    ) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let unseen: Vec<Uid> =
            copies.iter().map(|copy| copy.uid).filter(|uid| !arrived.flags.contains_key(uid)).collect();
        let mut flags = arrived.flags.clone();
        if !unseen.is_empty() && self.examine(to)?.validity == validity {
            flags.extend(self.flags(Step::Search, &unseen)?);
        }
        Ok(flags)
    }

    /// Removes those of our own copies of which an original has one too many: two followsifts that were set on one account by
    /// mistake both copy, and with Dovecot even MOVE both. Both come to the same answer, which is that the copies with the
    /// lowest UIDs stay. Without COPYUID nobody knows whose they are, and all of them count.
    ///
    /// Says which these were.
    pub(super) fn remove_surplus(
        &mut self,
        arrived: &mut Arrived,
        reported: &Reported,
    ) -> Result<BTreeSet<Uid>, Fault> {
        let surplus = std::mem::take(&mut arrived.surplus);
        let Some((folder, validity)) = arrived.place.clone() else { return Ok(BTreeSet::new()) };
        let knows_own = self.relocation() != Relocation::CopyThenFlag;
        // What the server said under the UIDVALIDITY that the folder has: where two make it at the same time, that may be
        // another than a moment before. Whose they are is all that is believed; that they are alike has been seen.
        let ours: BTreeSet<Uid> = reported
            .claims
            .iter()
            .filter(|claim| claim.validity == validity)
            .map(|claim| claim.copy)
            .collect();
        let surplus: Vec<Trace> =
            surplus.into_iter().filter(|copy| !knows_own || ours.contains(&copy.uid)).collect();
        // What cannot be removed stays doubled, as somebody else has made it.
        self.remove(&folder, validity, &surplus)?;
        Ok(surplus.into_iter().map(|copy| copy.uid).collect())
    }

    /// UID MOVE or UID COPY of a plan's messages, and what the server told of it.
    pub(super) fn transfer(&mut self, step: Step, plan: &Plan, proven: &Proven) -> Result<Reported, Fault> {
        let mut reported = Reported::default();
        let mut these = proven.only(&plan.uids().collect());
        if these.uids().is_empty() {
            return Ok(reported);
        }
        if self.transfer_these(step, plan, &these, &mut reported)? {
            // Somebody removed one of them meanwhile, and Dovecot then refuses all: once more, those that are there.
            let uids: Vec<Uid> = these.uids().iter().copied().collect();
            let there = self.flags(Step::Search, &uids)?;
            these = these.only(&there.into_keys().collect());
            reported.refused = None;
            self.transfer_these(step, plan, &these, &mut reported)?;
        }
        Ok(reported)
    }

    /// One try; `true` where it did nothing, because a message was gone.
    fn transfer_these(
        &mut self,
        step: Step,
        plan: &Plan,
        proven: &Proven,
        reported: &mut Reported,
    ) -> Result<bool, Fault> {
        self.require(step, proven)?;
        let verb = if step == Step::Move { "MOVE" } else { "COPY" };
        let uids = proven.uids().iter().copied().collect();
        let on = Subject::Journey { folder: plan.from.clone(), uids, to: plan.to.clone() };
        let name = self.wire_name(&plan.to)?;
        let name = quoted(&name).map_err(|cause| Fault::of(step, &on, cause))?;
        let sets = proven.sets();
        let whole = sets.len() == 1;
        let mut raced = false;
        for set in sets {
            // Large messages take a server its time.
            let limits = Limits { time: Duration::from_secs(120), ..Limits::SHORT };
            match self.run(step, &on, &format!("UID {verb} {set} {name}"), limits) {
                Ok(answer) => {
                    let copied =
                        answer.copied(plan.mails.len()).map_err(|cause| self.garbled(step, &on, cause))?;
                    reported.believe(plan, copied);
                }
                Err(fault) if fault.fate() == Fate::Leave => {
                    raced = whole && fault.code() == Some(Code::ExpungeIssued);
                    reported.refused = Some(fault.cause.to_string());
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(raced)
    }
}

impl Plan {
    /// Leaves what is gone, is another message by now, or was starred, answered or deleted; takes over the keywords of the
    /// rest. `touched_too`: what the user starred or answered goes all the same.
    fn leave_what_may_not_go(&mut self, look: &Look) {
        let touched_too = self.touched_too;
        let why = |uid: &Uid| match look.flags.get(uid) {
            Some(flags) if flags.is_touched() && !touched_too => Some(Outcome::Left(Reason::Touched)),
            Some(flags) if flags.deleted => Some(Outcome::Left(Reason::Deleted)),
            Some(_) => None,
            None if look.others.contains(uid) => Some(Outcome::Left(Reason::Replaced)),
            None if look.unshown.contains(uid) => Some(Outcome::Left(Reason::Unshown)),
            None => Some(Outcome::Gone),
        };
        let (left, mails) = (&mut self.left, &mut self.mails);
        mails.retain(|mail| match why(&mail.uid) {
            Some(outcome) => {
                left.push((mail.uid, outcome));
                false
            }
            None => true,
        });
        let uids: BTreeSet<Uid> = self.uids().collect();
        let keywords = look.keywords.iter().filter(|(uid, _)| uids.contains(uid));
        self.keywords = keywords.map(|(uid, keywords)| (*uid, keywords.clone())).collect();
    }
}

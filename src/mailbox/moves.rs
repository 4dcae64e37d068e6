//! Moves messages to another folder of the account, in sets and never one by one.
//!
//! Owns the guarantee that no message is lost or doubled: `plan` plans a move, the caller records it, and [`Session::act`] does
//! it. A tagged OK proves nothing: servers answer OK for messages that are gone. If the server removes a message from the source
//! by MOVE and COPYUID does not name it credibly, followsift searches the target for it. Before followsift removes a message
//! itself (`copies`), it proves by size and header digest, or by all bytes, that the message is in the target. Called by `sweep`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::arrivals::Arrived;
use super::bounds::Limits;
use super::capabilities::Relocation;
use super::fate::Fate;
use super::fault::{Cause, Fault, Step, Subject};
use super::flags::Flags;
use super::names::quoted;
use super::outcome::{Obstacle, Outcome, Relocated};
use super::outcome_table::Moved;
use super::plan::Plan;
use super::proof::{Look, Proven};
use super::refusal::Code;
use super::reported::Reported;
use super::session::{Opened, Session};
use super::store::Note;
use crate::place::{Folder, MailTrace, Uid, UidValidity};

impl Session {
    /// The session is not needed after the next moves, unless the look at what arrived shows that there is more to do: then LOGOUT
    /// goes with that look, which saves a round trip. Whatever is asked after it fails with [`Cause::Spent`], and what was intended
    /// is settled in the next session. Has no effect on a server without MOVE.
    pub fn leave_after_moves(&mut self) {
        self.leaves = self.relocation() == Relocation::Move;
    }

    /// Moves the messages of all plans, and returns what became of each. The caller must have recorded the intents. Leaves
    /// messages that have been removed, starred, answered or deleted meanwhile. `note` records each marking or expunging of
    /// originals before it happens.
    ///
    /// # Errors
    /// If the connection fails. Then nothing is known, and `settle` finds out in the next session. A refusal by the server is an
    /// outcome, not an error.
    pub fn act(&mut self, mut plans: Vec<Plan>, note: &mut Note<'_>) -> Result<Vec<Relocated>, Fault> {
        plans.retain(|plan| !plan.mails.is_empty());
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        let here = self.reopen(Step::Move, &first.from.clone(), first.validity)?;
        match self.relocation() {
            Relocation::Move => self.act_by_move(&here, plans),
            Relocation::CopyThenExpunge | Relocation::CopyThenFlag => {
                // One look for all: `act_by_copy` looks at an original again before it marks it.
                let messages: Vec<MailTrace> =
                    plans.iter().flat_map(|plan| plan.mails.iter().copied()).collect();
                let look = self.look(Step::Search, &messages)?;
                plans.iter_mut().for_each(|plan| plan.leave_what_may_not_go(&look));
                self.act_by_copy(&here, plans, &look.proven, note)
            }
        }
    }

    fn act_by_move(&mut self, here: &Opened, mut plans: Vec<Plan>) -> Result<Vec<Relocated>, Fault> {
        let (leaves, targets) = (std::mem::take(&mut self.leaves), plans.len());
        let mut reported = Vec::new();
        for plan in &mut plans {
            // Before each MOVE, although that takes a round trip for each target: the flags must be as recent as possible.
            let look = self.look(Step::Search, &plan.mails)?;
            plan.leave_what_may_not_go(&look);
            reported.push(self.transfer(Step::Move, plan, &look.proven)?);
        }
        // After the moves: a NO may come in the middle of a MOVE, and an OK proves nothing.
        let mut there = if plans.iter().zip(&reported).all(|(plan, reported)| reported.is_complete(plan)) {
            BTreeMap::new()
        } else {
            self.flags(Step::Search, &plans.iter().flat_map(Plan::uids).collect::<Vec<_>>())?
        };
        let mut results = Vec::new();
        for (plan, reported) in plans.into_iter().zip(reported) {
            let credible = |message: &&MailTrace| {
                !there.contains_key(&message.uid) && reported.copies.contains_key(&message.uid)
            };
            let mut open: Vec<MailTrace> =
                plan.mails.iter().filter(|message| !credible(message)).copied().collect();
            if !reported.alone(&plan) {
                open.clone_from(&plan.mails);
            }
            let mut arrived = Arrived::default();
            let mut both = BTreeSet::new();
            let mut unshown = BTreeSet::new();
            if !open.is_empty() {
                arrived = self.arrivals(&plan.from, &plan.to, plan.landing, &open, &BTreeSet::new())?;
                // A MOVE that failed in the middle has left copies of messages that are still here. A message that it has marked
                // \Deleted here has arrived, and its copy is the only one.
                let is_live = |uid: &Uid| there.get(uid).is_some_and(|flags| !flags.deleted);
                let originals = plan.mails.iter().filter(|message| is_live(&message.uid));
                let originals: Vec<_> = originals.map(|message| (message.uid, *message)).collect();
                // What COPYUID names credibly is known without that.
                let is_gone = |uid: &Uid| !there.contains_key(uid) && !reported.copies.contains_key(uid);
                arrived.accept_resized(plan.mails.iter().filter(|message| is_gone(&message.uid)).copied());
                self.compare(&plan.from, &originals, &reported.copies, &mut arrived)?;
                self.remove_surplus(&mut arrived, &reported)?;
                let live: Vec<MailTrace> = plan
                    .mails
                    .iter()
                    .filter(|message| is_live(&message.uid) && arrived.copy(message.uid).is_some())
                    .copied()
                    .collect();
                let still = self.still_live(here, &live)?;
                there.retain(|uid, _| !live.iter().any(|message| message.uid == *uid) || still.contains(uid));
                both = self.withdraw(&arrived, &still)?;
                unshown = self.unshown_here(here, &plan, &there, &arrived, &reported)?;
            }
            let outcome = |uid: Uid| {
                let seen = Moved {
                    original: there.get(&uid).copied(),
                    arrived: arrived.copy(uid),
                    reported: reported.copies.get(&uid).copied(),
                    stuck: both.contains(&uid),
                    unshown: unshown.contains(&uid),
                };
                seen.outcome(|| reported.reason())
            };
            let outcomes = plan.uids().map(|uid| (uid, outcome(uid))).collect();
            // Keywords may have to be set again.
            self.leaves = leaves && results.len() + 1 == targets && plan.keywords.is_empty();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        self.leaves = false;
        Ok(results)
    }

    /// Which of these messages are still in the source, with the same identity: the copies may come from another program's
    /// MOVE, which has removed the originals meanwhile.
    fn still_live(&mut self, here: &Opened, messages: &[MailTrace]) -> Result<BTreeSet<Uid>, Fault> {
        if messages.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.reopen(Step::Open, &here.folder, here.validity)?;
        Ok(self.look(Step::Search, messages)?.where_flags(|flags| !flags.deleted))
    }

    /// Those that were found neither here nor in the target, but are here according to SEARCH: a server may answer OK to a FETCH
    /// and show nothing.
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

    /// The result of a plan: reads the flags of the messages that arrived, and restores their keywords.
    pub(super) fn relocated(
        &mut self,
        here: &Opened,
        plan: Plan,
        arrived: &Arrived,
        mut outcomes: BTreeMap<Uid, Outcome>,
    ) -> Result<Relocated, Fault> {
        let planned = plan.landing.map(|landing| (plan.to.clone(), landing.validity));
        let place = arrived.place.clone().or(planned).unwrap_or((plan.to, here.validity));
        let (to, validity) = place;
        let mut copies = Vec::new();
        let mut originals = BTreeMap::new();
        let mut resized = BTreeMap::new();
        for message in &plan.mails {
            if let Some(Outcome::Moved { uid: Some(copy) }) = outcomes.get(&message.uid) {
                let identity = arrived.identities.get(copy).copied().unwrap_or(message.identity);
                if identity != message.identity {
                    resized.insert(message.uid, identity);
                }
                copies.push(MailTrace { uid: *copy, identity });
                originals.insert(*copy, message.uid);
            }
        }
        let original = |copy: &Uid| originals.get(copy).copied();
        let flags = match self.flags_of_arrivals(&to, validity, arrived, &copies) {
            // The target is gone again, and the messages with it.
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
        Ok(Relocated { to, validity, outcomes, resized, unkept, touched })
    }

    /// The flags of the messages that arrived; those that the search for arrivals saw, if there was one.
    fn flags_of_arrivals(
        &mut self,
        to: &Folder,
        validity: UidValidity,
        arrived: &Arrived,
        copies: &[MailTrace],
    ) -> Result<BTreeMap<Uid, Flags>, Fault> {
        let unseen: Vec<Uid> =
            copies.iter().map(|copy| copy.uid).filter(|uid| !arrived.flags.contains_key(uid)).collect();
        let mut flags = arrived.flags.clone();
        if !unseen.is_empty() && self.examine(to)?.validity == validity {
            flags.extend(self.flags(Step::Search, &unseen)?);
        }
        Ok(flags)
    }

    /// Removes our own surplus copies: if two followsift processes run on one account by mistake, both copy a message, and with
    /// Dovecot even both MOVEs succeed. Both processes reach the same result: the copies with the lowest UIDs stay. Without
    /// COPYUID a copy's maker is unknown, and all surplus copies count.
    ///
    /// Returns the removed copies.
    pub(super) fn remove_surplus(
        &mut self,
        arrived: &mut Arrived,
        reported: &Reported,
    ) -> Result<BTreeSet<Uid>, Fault> {
        let surplus = std::mem::take(&mut arrived.surplus);
        let Some((folder, validity)) = arrived.place.clone() else { return Ok(BTreeSet::new()) };
        let knows_own = self.relocation() != Relocation::CopyThenFlag;
        // Only claims under the folder's present UIDVALIDITY: if two programs create the folder at the same time, it may just
        // have changed. A claim decides only whose copy it is; that the copies are identical has been checked.
        let ours: BTreeSet<Uid> = reported
            .claims
            .iter()
            .filter(|claim| claim.validity == validity)
            .map(|claim| claim.copy)
            .collect();
        let surplus: Vec<MailTrace> =
            surplus.into_iter().filter(|copy| !knows_own || ours.contains(&copy.uid)).collect();
        // A copy that cannot be removed stays; the other program has doubled the message.
        self.remove(&folder, validity, &surplus)?;
        Ok(surplus.into_iter().map(|copy| copy.uid).collect())
    }

    /// UID MOVE or UID COPY of a plan's messages, and what the server reported.
    pub(super) fn transfer(&mut self, step: Step, plan: &Plan, proven: &Proven) -> Result<Reported, Fault> {
        let mut reported = Reported::default();
        let mut these = proven.only(&plan.uids().collect());
        if these.uids().is_empty() {
            return Ok(reported);
        }
        if self.transfer_these(step, plan, &these, &mut reported)? {
            // Another program removed one of them, and then Dovecot refuses all: retry those that are still there.
            let uids: Vec<Uid> = these.uids().iter().copied().collect();
            let there = self.flags(Step::Search, &uids)?;
            these = these.only(&there.into_keys().collect());
            reported.refused = None;
            self.transfer_these(step, plan, &these, &mut reported)?;
        }
        Ok(reported)
    }

    /// One attempt; `true` if the server did nothing because a message was gone.
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
            let are_known = step == Step::Move && self.numbers.hold(self.line.renumbered());
            // Large messages take the server longer.
            let limits = Limits { time: Duration::from_secs(120), ..Limits::SHORT };
            match self.run(step, &on, &format!("UID {verb} {set} {name}"), limits) {
                // Whatever could not be read may have said that nothing was done: the next session finds out.
                Ok(answer) if let Some(why) = answer.passed_over() => {
                    self.line.give_up();
                    return Err(Fault::of(step, &on, Cause::Garbled(why)));
                }
                Ok(answer) => {
                    reported.believe(plan, answer.copied(plan.mails.len()));
                    if let Some(expunged) = answer.expunged().filter(|_| are_known) {
                        reported.expunged.extend(self.numbers.expunge(&expunged, self.line.renumbered()));
                    }
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
    /// Takes messages off the plan that are gone, replaced, starred, answered or deleted, and records the keywords of the rest.
    /// With `touched_too`, starred and answered messages stay on the plan.
    fn leave_what_may_not_go(&mut self, look: &Look) {
        let touched_too = self.touched_too;
        let why = |uid: &Uid| match look.flags.get(uid) {
            Some(flags) if flags.is_touched() && !touched_too => Some(Outcome::Left(Obstacle::Touched)),
            Some(flags) if flags.deleted => Some(Outcome::Left(Obstacle::Deleted)),
            Some(_) => None,
            None if look.others.contains(uid) => Some(Outcome::Left(Obstacle::Replaced)),
            None if look.unshown.contains(uid) => Some(Outcome::Left(Obstacle::Unshown)),
            None => Some(Outcome::Gone),
        };
        let (left, messages) = (&mut self.left, &mut self.mails);
        messages.retain(|message| match why(&message.uid) {
            Some(outcome) => {
                left.push((message.uid, outcome));
                false
            }
            None => true,
        });
        let uids: BTreeSet<Uid> = self.uids().collect();
        let keywords = look.keywords.iter().filter(|(uid, _)| uids.contains(uid));
        self.keywords = keywords.map(|(uid, keywords)| (*uid, keywords.clone())).collect();
    }
}

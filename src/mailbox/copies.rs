//! Moves by COPY, proof of arrival, and removal of the originals: for servers without MOVE.
//!
//! Owns the rule that an original is removed only if its copy is proven and the original has not changed meanwhile, and that
//! otherwise our copy is taken back. `outcome_table` decides which. Called by `moves`.

use std::collections::{BTreeMap, BTreeSet};

use super::arrivals::Arrived;
use super::fault::{Cause, Fault, Step};
use super::outcome::Relocated;
use super::outcome_table::{Copied, Removed, TakenBack};
use super::plan::Plan;
use super::proof::Proven;
use super::reported::Reported;
use super::session::{Opened, Session};
use super::store::{Deed, Note};
use crate::place::{MailTrace, Uid};

impl Session {
    pub(super) fn act_by_copy(
        &mut self,
        here: &Opened,
        plans: Vec<Plan>,
        proven: &Proven,
        note: &mut Note<'_>,
    ) -> Result<Vec<Relocated>, Fault> {
        let mut reported = Vec::new();
        for plan in &plans {
            reported.push(self.transfer(Step::Copy, plan, proven)?);
        }
        let mut arrivals = Vec::new();
        for (plan, reported) in plans.iter().zip(&mut reported) {
            let mut arrived =
                self.arrivals(&plan.from, &plan.to, plan.landing, &plan.mails, &BTreeSet::new())?;
            let originals: Vec<_> = plan.mails.iter().map(|message| (message.uid, *message)).collect();
            self.compare(&plan.from, &originals, &reported.copies, &mut arrived)?;
            reported.surplus = self.remove_surplus(&mut arrived, reported)?;
            arrivals.push(arrived);
        }
        // If the user starred, moved or deleted an original while it was copied, that counts, and the copy is taken back.
        self.reopen(Step::Open, &here.folder, here.validity)?;
        let all: Vec<MailTrace> = plans.iter().flat_map(|plan| plan.mails.iter().copied()).collect();
        // Recorded before the last look and not after it: nothing may take time between that look and STORE, or another
        // program's STORE could come in between, and both programs would take the original for theirs to remove.
        let copied: BTreeSet<Uid> =
            arrivals.iter().flat_map(|arrived| arrived.copies.keys().copied()).collect();
        let candidates = self.prove(Step::Search, &all)?.only(&copied);
        if !candidates.uids().is_empty() && !note(Deed::Mark, candidates.uids()) {
            let on = self.require(Step::Remove, &candidates)?;
            return Err(Fault::of(Step::Remove, &on, Cause::NotNoted));
        }
        let look = self.look(Step::Search, &all)?;
        let seen = |message: Uid, arrived: &Arrived, reported: &Reported, removed: Removed| {
            let copy = arrived.copies.get(&message).copied();
            Copied {
                original: look.flags.get(&message).copied(),
                unshown: look.unshown.contains(&message),
                copy,
                altered: arrived.altered.get(&message).copied(),
                ours: copy.is_some() && reported.copies.get(&message).copied() == copy,
                yields: reported.yields(message),
                removed,
            }
        };
        // If a second followsift, configured for the account by mistake, has copied as well and its copy stays, it could still
        // take that copy back. So only the program that made the copy removes the original.
        let mut originals = BTreeSet::new();
        for (arrived, reported) in arrivals.iter().zip(&reported) {
            let may = |uid: &&Uid| seen(**uid, arrived, reported, Removed::Done).may_remove();
            originals.extend(arrived.copies.keys().filter(may).copied());
        }
        let removal = self.remove_proven(&look.proven.only(&originals), &mut |deed, uids| {
            deed == Deed::Mark || note(deed, uids)
        })?;
        let mut results = Vec::new();
        for ((plan, reported), arrived) in plans.into_iter().zip(reported).zip(arrivals) {
            let seen: BTreeMap<Uid, Copied> =
                plan.uids().map(|uid| (uid, seen(uid, &arrived, &reported, removal.of(uid)))).collect();
            let goes = seen.iter().filter(|(_, seen)| seen.takes_back()).map(|(uid, _)| *uid).collect();
            let stuck = self.withdraw(&arrived, &goes)?;
            let outcome = |uid: Uid, seen: Copied| {
                let taken_back = match (goes.contains(&uid), stuck.contains(&uid)) {
                    (_, true) => TakenBack::Stuck,
                    (true, false) => TakenBack::Yes,
                    (false, false) => TakenBack::No,
                };
                seen.outcome(taken_back, || reported.reason(), &removal.words)
            };
            let outcomes = seen.iter().map(|(uid, seen)| (*uid, outcome(*uid, *seen))).collect();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        Ok(results)
    }
}

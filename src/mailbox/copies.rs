//! Moving by COPY, proof of arrival, and removal of the originals: for servers without MOVE.
//!
//! Owns the rule that an original is removed only where its copy is proven and nothing happened to it meanwhile, and that
//! otherwise our copy is taken back. Called by `moves`.

use std::collections::BTreeSet;

use super::fault::{Cause, Fault, Step};
use super::outcome::{Outcome, Reason, Relocated};
use super::plan::Plan;
use super::proof::Proven;
use super::session::{Opened, Session};
use super::store::{Deed, Note};
use super::trace::Trace;
use crate::place::Uid;

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
            let mut arrived = self.arrivals(&plan.from, &plan.to, plan.landing, &plan.mails)?;
            reported.surplus = self.remove_surplus(&mut arrived, reported)?;
            arrivals.push(arrived);
        }
        // Whoever has starred, moved or deleted an original while it was copied has the last word: then the copy goes.
        self.reopen(Step::Open, &here.folder, here.validity)?;
        let all: Vec<Trace> = plans.iter().flat_map(|plan| plan.mails.iter().copied()).collect();
        // Noted before the last look and not after it: between that look and STORE nothing may take time, or another
        // program's STORE could come in between and both believe that the original was theirs to remove.
        let copied: BTreeSet<Uid> =
            arrivals.iter().flat_map(|arrived| arrived.copies.keys().copied()).collect();
        let candidates = self.prove(Step::Search, &all)?.only(&copied);
        if !candidates.uids().is_empty() && !note(Deed::Mark, candidates.uids()) {
            let on = self.require(Step::Remove, &candidates)?;
            return Err(Fault::of(Step::Remove, &on, Cause::NotNoted));
        }
        let look = self.look(Step::Search, &all)?;
        let there = &look.flags;
        let clear = |uid: &Uid| there.get(uid).is_some_and(|flags| !flags.is_touched() && !flags.deleted);
        // Where another followsift, set on the account by mistake, has copied as well, and its copy is the one that stays, it
        // could still take that back: so only who made it removes the original.
        let originals: BTreeSet<Uid> = arrivals
            .iter()
            .zip(&reported)
            .flat_map(|(arrived, reported)| {
                arrived.copies.keys().copied().filter(|uid| !reported.yields(*uid))
            })
            .filter(clear)
            .collect();
        let removal = self.remove_proven(&look.proven.only(&originals), &mut |deed, uids| {
            deed == Deed::Mark || note(deed, uids)
        })?;
        let mut results = Vec::new();
        for ((plan, reported), arrived) in plans.into_iter().zip(reported).zip(arrivals) {
            let ours = |uid: &Uid| {
                arrived.copies.get(uid).is_some_and(|copy| reported.copies.get(uid) == Some(copy))
            };
            // An original that the server does not show may be there still: nothing is taken back, and nothing removed.
            let shown = |uid: &Uid| !look.unshown.contains(uid);
            let taken_back =
                arrived.copies.keys().copied().filter(|uid| shown(uid)).filter(|uid| match there.get(uid) {
                    Some(_) if clear(uid) && removal.gone.contains(uid) => ours(uid),
                    Some(_) if clear(uid) => removal.still.contains(uid),
                    // Unless the copy is another program's, who may be removing the original this moment.
                    Some(flags) if !flags.deleted => !reported.yields(*uid),
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
                    Some(flags) if flags.is_touched() || removal.touched.contains(&mail.uid) => {
                        Outcome::Left(Reason::Touched)
                    }
                    Some(flags) if flags.deleted => Outcome::Left(Reason::Deleted),
                    Some(_) if removal.gone.contains(&mail.uid) => Outcome::Gone,
                    Some(_) => Outcome::Left(Reason::Refused(removal.words.clone())),
                    None => Outcome::Gone,
                },
                (Some(_), Some(flags)) if !flags.deleted && reported.yields(mail.uid) => {
                    Outcome::Left(Reason::Refused("another program is moving it".to_owned()))
                }
                // Both are there, as far as anybody can see; the next session finds out.
                (_, None) if !shown(&mail.uid) => Outcome::Left(Reason::Unshown),
                (Some(copy), _) => Outcome::Moved { uid: Some(copy) },
                (None, Some(_)) => Outcome::Left(reported.reason()),
                (None, None) => Outcome::Gone,
            };
            let outcomes = plan.mails.iter().map(|mail| (mail.uid, outcome(mail))).collect();
            results.push(self.relocated(here, plan, &arrived, outcomes)?);
        }
        Ok(results)
    }
}

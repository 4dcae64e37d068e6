//! What is to be moved, and where it will land.
//!
//! Owns the checks that need no look at the messages: a folder that is read-only, a target that cannot be had. Makes targets that are missing, and changes no mail. Called by `sweep`, which writes the intents down from it.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::fault::{Fault, Step};
use super::folders::Landing;
use super::outcome::{Outcome, Reason};
use super::session::{Session, same};
use super::trace::Trace;
use crate::place::{Folder, Uid, UidValidity};

/// Mails that are to go to one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The folder; it is made and subscribed to if missing.
    pub to: Folder,
    /// The mails of the open folder.
    pub mails: Vec<Trace>,
    /// They go even if the user starred or answered them: they are on their way back for just that reason.
    pub touched_too: bool,
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
    /// The messages to be moved.
    pub mails: Vec<Trace>,
    /// The keywords of those mails that have any: the target is to keep them.
    pub(super) keywords: BTreeMap<Uid, BTreeSet<String>>,
    /// The other mails of the errand, each with why it is left.
    pub left: Vec<(Uid, Outcome)>,
    /// Why nothing can be moved to the target, where that is so.
    pub obstacle: Option<String>,
    /// As the errand has it.
    pub touched_too: bool,
}

impl Session {
    /// Makes the targets that are missing, and notes where the next message in each will land. Changes no message, and does not
    /// look at them: that comes last, right before they are moved. Two turns for all errands together where the server has
    /// LIST-STATUS.
    ///
    /// # Errors
    /// Where the session is of no more use; a target that cannot be had only leaves its mails, with the reason.
    pub fn prepare(&mut self, errands: Vec<Errand>) -> Result<Vec<Plan>, Fault> {
        let here = self.here(Step::Move)?;
        let mut plans = Vec::new();
        for errand in errands {
            let mut plan = Plan {
                from: here.folder.clone(),
                validity: here.validity,
                to: errand.to,
                landing: None,
                mails: errand.mails,
                keywords: BTreeMap::new(),
                left: Vec::new(),
                obstacle: None,
                touched_too: errand.touched_too,
            };
            let obstacle = match () {
                () if !here.writable => Some(Reason::ReadOnly),
                () if same(&plan.to, &plan.from) => Some(Reason::SameFolder),
                () => None,
            };
            if let Some(reason) = obstacle {
                let left = |mail: Trace| (mail.uid, Outcome::Left(reason.clone()));
                plan.left = plan.mails.drain(..).map(left).collect();
            }
            self.ensure_target(&mut plan)?;
            plans.push(plan);
        }
        self.note_landings(&mut plans)?;
        for plan in plans.iter_mut().filter(|plan| plan.landing.is_none() && !plan.mails.is_empty()) {
            // It was listed, but is there no more.
            self.forget(&plan.to)?;
            self.ensure_target(plan)?;
        }
        self.note_landings(&mut plans)?;
        for plan in plans.iter_mut().filter(|plan| plan.landing.is_none()) {
            plan.give_up("the server does not say where the next message in it would land");
        }
        Ok(plans)
    }

    /// Makes a plan's target if it is missing; where it cannot be had, the plan is empty afterwards.
    fn ensure_target(&mut self, plan: &mut Plan) -> Result<(), Fault> {
        if plan.mails.is_empty() {
            return Ok(());
        }
        match self.ensure_folder(&plan.to) {
            Err(fault) if fault.fate() == Fate::Leave => plan.give_up(&fault.cause.to_string()),
            made => drop(made?),
        }
        Ok(())
    }

    /// Notes where mails land, for the plans that lack it.
    fn note_landings(&mut self, plans: &mut [Plan]) -> Result<(), Fault> {
        let lacking = |plan: &&mut Plan| plan.landing.is_none() && !plan.mails.is_empty();
        let targets: Vec<Folder> = plans.iter_mut().filter(lacking).map(|plan| plan.to.clone()).collect();
        let landings = self.landings(&targets)?;
        for plan in plans.iter_mut().filter(lacking) {
            plan.landing = landings.get(&plan.to).copied();
        }
        Ok(())
    }
}

impl Plan {
    /// The UIDs of its mails.
    pub(super) fn uids(&self) -> impl Iterator<Item = Uid> {
        self.mails.iter().map(|mail| mail.uid)
    }

    fn give_up(&mut self, words: &str) {
        let reason = Outcome::Left(Reason::Refused(words.to_owned()));
        if self.mails.is_empty() {
            return;
        }
        self.obstacle = Some(words.to_owned());
        self.left.extend(self.mails.drain(..).map(|mail| (mail.uid, reason.clone())));
    }
}

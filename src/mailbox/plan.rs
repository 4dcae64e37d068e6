//! Plans which messages to move, and where they will land.
//!
//! Owns the checks that do not read the messages: a read-only folder, a target that cannot be created. Creates missing targets.
//! Never changes a message. Called by `sweep`, which records the intents from the plans.

use std::collections::{BTreeMap, BTreeSet};

use super::fate::Fate;
use super::fault::{Fault, Step};
use super::landing::Landing;
use super::outcome::{Obstacle, Outcome};
use super::session::{Session, same};
use crate::place::{Folder, MailTrace, Uid, UidValidity};

/// Messages to move to one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The target; it is created and subscribed to if missing.
    pub to: Folder,
    /// Messages of the open folder.
    pub mails: Vec<MailTrace>,
    /// Move them even if the user starred or answered them: that is why they go back.
    pub touched_too: bool,
}

/// A move that is ready, and all that its intents must record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// The folder of the messages.
    pub from: Folder,
    /// Its UIDVALIDITY.
    pub validity: UidValidity,
    /// The target.
    pub to: Folder,
    /// The lowest UID that the first of them can have there. `None` if nothing can be moved there; then `mails` is empty.
    pub landing: Option<Landing>,
    /// The messages to move.
    pub mails: Vec<MailTrace>,
    /// The keywords of the messages that have any, to be kept in the target.
    pub(super) keywords: BTreeMap<Uid, BTreeSet<String>>,
    /// The errand's other messages, each with the reason why it stays.
    pub left: Vec<(Uid, Outcome)>,
    /// Why nothing can be moved to the target, if that is so.
    pub trouble: Option<String>,
    /// The same as in the errand.
    pub touched_too: bool,
}

impl Session {
    /// Creates missing targets, and records where the next message in each will land. Changes no message and does not look at
    /// them: that comes right before they are moved. Two round trips for all errands together with LIST-STATUS.
    ///
    /// # Errors
    /// If the session fails. If a target cannot be created, only its messages stay, with the reason.
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
                trouble: None,
                touched_too: errand.touched_too,
            };
            let obstacle = match () {
                () if !here.writable => Some(Obstacle::ReadOnly),
                () if same(&plan.to, &plan.from) => Some(Obstacle::SameFolder),
                () => None,
            };
            if let Some(obstacle) = obstacle {
                let left = |message: MailTrace| (message.uid, Outcome::Left(obstacle.clone()));
                plan.left = plan.mails.drain(..).map(left).collect();
            }
            self.ensure_target(&mut plan)?;
            plans.push(plan);
        }
        self.note_landings(&mut plans)?;
        for plan in plans.iter_mut().filter(|plan| plan.landing.is_none() && !plan.mails.is_empty()) {
            // It was listed, but no longer exists.
            self.forget(&plan.to)?;
            self.ensure_target(plan)?;
        }
        self.note_landings(&mut plans)?;
        for plan in plans.iter_mut().filter(|plan| plan.landing.is_none()) {
            plan.give_up("the server does not report its UIDVALIDITY and UIDNEXT");
        }
        Ok(plans)
    }

    /// Creates a plan's target if it is missing; if that fails, the plan is empty afterwards.
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

    /// Sets the landings of the plans that have none yet.
    fn note_landings(&mut self, plans: &mut [Plan]) -> Result<(), Fault> {
        let lacking = |plan: &&mut Plan| plan.landing.is_none() && !plan.mails.is_empty();
        for plan in plans.iter_mut().filter(lacking) {
            plan.landing = self.ahead.take_landing(&plan.to);
        }
        let targets: Vec<Folder> = plans.iter_mut().filter(lacking).map(|plan| plan.to.clone()).collect();
        let landings = self.landings(&targets)?;
        for plan in plans.iter_mut().filter(lacking) {
            plan.landing = landings.get(&plan.to).copied();
        }
        Ok(())
    }
}

impl Plan {
    /// The UIDs of its messages.
    pub(super) fn uids(&self) -> impl Iterator<Item = Uid> {
        self.mails.iter().map(|message| message.uid)
    }

    fn give_up(&mut self, words: &str) {
        let reason = Outcome::Left(Obstacle::Refused(words.to_owned()));
        if self.mails.is_empty() {
            return;
        }
        self.trouble = Some(words.to_owned());
        self.left.extend(self.mails.drain(..).map(|message| (message.uid, reason.clone())));
    }
}

//! One look through a folder: which of its mails are read, in which portions, and how far the cursor may go.

use std::collections::BTreeSet;

use super::fuse::Fuse;
use super::judge::{Candidate, consider, judge_again};
use super::memory::Memory;
use super::news::News;
use super::scope::{self, Relevance, Seen, Since, Window};
use super::{AccountFault, Scope, Sweep, Tally, file, put_back, trouble};
use crate::assess::Rulebook;
use crate::clock::Timestamp;
use crate::ledger::Waiting;
use crate::mailbox::{Fault, Head, Heads, Opened, Range, Relocation, Session};
use crate::place::{Folder, Uid};
use crate::settings::Backlog;

/// Mails that are read, assessed and moved together: enough that a thousand cost few turns, few enough that a stop in
/// the middle of a long first sweep keeps most of what was done.
const TOGETHER: usize = 1000;
/// After so many mails of which none had to be read, the cursor goes on all the same.
const FRUITLESS: usize = 20_000;
/// A look of more batches than this is long enough that its progress is told, every so many batches.
const LONG: usize = 10;

/// A sweep at work.
pub(super) struct Pass<'p> {
    pub(super) session: &'p mut Session,
    pub(super) sweep: Sweep<'p>,
    pub(super) memory: &'p mut Memory,
    pub(super) tell: &'p mut dyn FnMut(News),
    pub(super) fuse: Fuse,
    pub(super) tally: Tally,
    /// What was seen of the folder that is looked through.
    pub(super) seen: Seen,
}

/// The folder that is looked through.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) opened: Opened,
    /// What has a lower UID was there when the look began.
    pub(super) next: Uid,
    /// Mails of it that wait.
    pub(super) waiting: BTreeSet<Uid>,
    /// Those of them that its user lets through the fuse.
    pub(super) released: BTreeSet<Uid>,
    /// What became of it since it was last looked at.
    pub(super) since: Since,
    /// What arrived earlier is old mail, where the look goes back by time.
    pub(super) old_before: Option<Timestamp>,
}

impl Pass<'_> {
    /// Looks through one folder.
    pub(super) fn through(&mut self, folder: &Folder) -> Result<(), AccountFault> {
        self.seen = Seen::default();
        let opened = self.session.select(folder)?;
        if self.session.holds_all(folder)? {
            // Gmail's "All Mail" and its like: a mail that is moved out of it stays in it.
            // Source: https://developers.google.com/workspace/gmail/imap/imap-extensions ("\All").
            let words =
                "it holds all messages of the account, those that were filed too; look through INBOX instead";
            return self.tell_trouble(folder, words.to_owned());
        }
        let since = scope::since_last_look(self.session, self.sweep, &opened, self.memory)?;
        let void = since == Since::Restored { news: true };
        if void {
            (self.tell)(News::Restored { folder: folder.clone() });
            if let Some(ledger) = self.memory.kept() {
                ledger.void(&self.sweep.account.name, folder)?;
            }
        }
        let (opened, look) = scope::look(self.session, self.sweep, opened, void, self.memory)?;
        self.note_undeleted(&opened)?;
        let due = self.waiting(&opened)?;
        let mut here = Here {
            next: opened.next.unwrap_or(Uid(1)),
            waiting: due.iter().map(|one| one.uid).collect(),
            released: due.iter().filter(|one| one.released).map(|one| one.uid).collect(),
            since,
            old_before: None,
            opened,
        };
        here.old_before = look.as_ref().and_then(|look| look.old).map(|old| old.since);
        self.ask_again(&here)?;
        let seen = self.deal_with_waiting(&mut here, &due)?;
        let Some(look) = look else { return Ok(()) };
        self.look(&mut here, &look, &seen)
    }

    /// Tells what is wrong with a folder.
    pub(super) fn trouble(&mut self, fault: &Fault, folder: &Folder) -> Result<(), AccountFault> {
        self.tell_trouble(folder, fault.cause.to_string())
    }

    pub(super) fn tell_trouble(&mut self, folder: &Folder, words: String) -> Result<(), AccountFault> {
        self.tally.troubles += 1;
        let news = trouble(self.session, folder, words)?;
        (self.tell)(news);
        Ok(())
    }

    /// Tells once that the fuse holds mails back.
    pub(super) fn tell_of_fuse(&mut self) -> Result<(), AccountFault> {
        if let Some(ledger) = self.memory.kept() {
            let mails = ledger.held_back(&self.sweep.account.name)?;
            if ledger.tell_once(&self.sweep.account.name, mails > 0)? {
                (self.tell)(News::HeldBack { mails, by: self.fuse.by, most: self.fuse.most });
            }
        }
        Ok(())
    }

    /// Where originals are only marked as deleted, a mark that is gone says that the user wants the mail here.
    fn note_undeleted(&mut self, opened: &Opened) -> Result<(), AccountFault> {
        let Some(ledger) = self.memory.kept() else { return Ok(()) };
        if !self.sweep.account.act || self.session.relocation() != Relocation::CopyThenFlag {
            return Ok(());
        }
        let since = self.sweep.now.before(scope::KNOWN_AGAIN);
        let originals = ledger.originals(&self.sweep.account.name, &opened.folder, opened.validity, since)?;
        if originals.is_empty() {
            return Ok(());
        }
        self.session.return_to(opened)?;
        put_back::note_undeleted(self.session, self.sweep, ledger, &originals)
    }

    /// Asks again for messages that the server did not show when they were looked at, and for those over which another version
    /// of followsift died.
    fn ask_again(&mut self, here: &Here) -> Result<(), AccountFault> {
        let Opened { folder, validity, .. } = &here.opened;
        let name = &self.sweep.account.name;
        let due = self.memory.to_ask_again(name, &here.opened, self.sweep.now)?;
        for portion in due.chunks(TOGETHER) {
            self.session.return_to(&here.opened)?;
            let mut heads = Vec::new();
            let uids: Vec<Uid> = portion.iter().map(|(uid, _)| *uid).collect();
            let unshown = self.session.heads(Range::These(&uids), |some| heads.extend(some))?;
            let shown: Vec<Uid> = uids.iter().copied().filter(|uid| !unshown.contains(uid)).collect();
            let since_of =
                |uid: Uid| portion.iter().find(|(one, _)| *one == uid).and_then(|(_, since)| *since);
            self.note_unshown(here, unshown)?;
            let candidates = heads
                .into_iter()
                .filter(|head| self.is_plausible(head))
                .map(|head| {
                    let only_known = since_of(head.uid).is_some_and(|since| head.received < since.0);
                    Candidate { head, only_known }
                })
                .collect();
            let still = self.deal_with(here, candidates)?;
            if let Some(ledger) = self.memory.kept() {
                let shown: Vec<Uid> = shown.into_iter().filter(|uid| !still.contains(uid)).collect();
                ledger.strike_off_unshown(name, folder, *validity, &shown)?;
                ledger.forget_deaths(name, folder, *validity, &shown)?;
            }
        }
        Ok(())
    }

    /// Notes messages that the server says are there and does not show: the cursor goes on, and they are asked for again.
    fn note_unshown(&mut self, here: &Here, uids: Vec<Uid>) -> Result<(), AccountFault> {
        if uids.is_empty() {
            return Ok(());
        }
        self.tally.unshown += uids.len();
        if let Some(ledger) = self.memory.kept() {
            let Opened { folder, validity, .. } = &here.opened;
            let name = &self.sweep.account.name;
            ledger.note_unshown(name, folder, *validity, &uids, here.old_before, self.sweep.now)?;
        }
        (self.tell)(News::Unshown { folder: here.opened.folder.clone(), uids });
        Ok(())
    }

    /// The mails of the folder that wait.
    fn waiting(&self, opened: &Opened) -> Result<Vec<Waiting>, AccountFault> {
        if !self.sweep.account.act {
            return Ok(Vec::new());
        }
        Ok(self.memory.waiting(&self.sweep.account.name, opened, self.sweep.now)?)
    }

    /// Deals with the mails that wait and are due, as many as the fuse lets through; says which.
    fn deal_with_waiting(
        &mut self,
        here: &mut Here,
        waiting: &[Waiting],
    ) -> Result<BTreeSet<Uid>, AccountFault> {
        // While a list has never been loaded nothing is moved, so that nothing has to be read.
        let Rulebook { rules, lists, .. } = self.sweep.rulebook;
        if !rules.missing_lists(lists).is_empty() {
            return Ok(BTreeSet::new());
        }
        let due = || waiting.iter().filter(|one| one.due);
        let mut uids: Vec<Uid> = due().filter(|one| one.released).map(|one| one.uid).collect();
        uids.extend(due().filter(|one| !one.released).map(|one| one.uid).take(self.fuse.left()));
        uids.sort_unstable();
        for portion in uids.chunks(TOGETHER) {
            self.session.return_to(&here.opened)?;
            let mut heads = Vec::new();
            let unshown = self.session.heads(Range::These(portion), |some| heads.extend(some))?;
            let candidates: Vec<Candidate> = heads
                .into_iter()
                .filter(|head| self.is_plausible(head))
                .map(|head| Candidate { head, only_known: false })
                .collect();
            let mut still: BTreeSet<Uid> = candidates.iter().map(|one| one.head.uid).collect();
            still.extend(&unshown);
            self.note_unshown(here, unshown)?;
            let over: Vec<Uid> = portion.iter().copied().filter(|uid| !still.contains(uid)).collect();
            self.deal_with(here, candidates)?;
            // Gone, or its reader's own by now.
            if let Some(ledger) = self.memory.kept() {
                let Opened { folder, validity, .. } = &here.opened;
                ledger.strike_off(&self.sweep.account.name, folder, *validity, &over)?;
            }
        }
        Ok(uids.into_iter().collect())
    }

    /// Looks through what is new, and lets the cursor follow.
    fn look(&mut self, here: &mut Here, look: &Window, seen: &BTreeSet<Uid>) -> Result<(), AccountFault> {
        self.session.return_to(&here.opened)?;
        let batches = self.session.batches(look.range)?;
        let last = batches.last().map_or(Uid(0), |batch| batch.last());
        here.next = here.opened.next.unwrap_or(Uid(last.0.saturating_add(1)));
        let mut candidates = Vec::new();
        let mut fruitless = 0;
        let mut looked_at = 0;
        for (number, batch) in batches.iter().enumerate() {
            self.session.return_to(&here.opened)?;
            let Heads { heads, unshown } = self.session.heads_of(batch)?;
            self.note_unshown(here, unshown)?;
            looked_at += heads.len();
            fruitless += heads.len();
            heads.iter().for_each(|head| self.seen.note(head));
            for head in heads.into_iter().filter(|head| !seen.contains(&head.uid)) {
                let only_known = match look.relevance(&head) {
                    Relevance::All => false,
                    Relevance::Known => true,
                    Relevance::Nothing => continue,
                };
                // What its reader has starred or answered is read only for the sake of one that he has put back.
                let only_known = only_known || head.flags.is_touched();
                if !head.flags.deleted && self.sweep.rulebook.profiles.plausible(&head.fields) {
                    candidates.push(Candidate { head, only_known });
                }
            }
            if candidates.len() >= TOGETHER || fruitless >= FRUITLESS {
                self.deal_with(here, std::mem::take(&mut candidates))?;
                fruitless = 0;
                scope::advance(self.sweep, &here.opened, look, batch.last(), &self.seen, self.memory)?;
            }
            if batches.len() > LONG && (number + 1) % LONG == 0 {
                let part = (number + 1) as f64 / batches.len() as f64;
                (self.tell)(News::Progress { folder: here.opened.folder.clone(), looked_at, part });
            }
        }
        self.tally.looked_at += looked_at;
        self.deal_with(here, candidates)?;
        // Who begins with a look at what is there goes on from it: otherwise the first sweep without one would begin later,
        // and what came in between would be nobody's.
        let begins = self.sweep.account.backlog == Backlog::None
            && self.memory.cursor(&self.sweep.account.name, &here.opened.folder)?.is_none();
        if self.sweep.scope == Scope::New || begins {
            scope::finish(self.sweep, &here.opened, last, &self.seen, self.memory)?;
        }
        Ok(())
    }

    /// What the user starred or answered is his; it is not even read.
    fn is_plausible(&self, head: &Head) -> bool {
        !head.flags.is_touched()
            && !head.flags.deleted
            && self.sweep.rulebook.profiles.plausible(&head.fields)
    }

    /// Reads, assesses and files mails of the folder. Says which of them the server did not show after all.
    fn deal_with(&mut self, here: &Here, candidates: Vec<Candidate>) -> Result<Vec<Uid>, AccountFault> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        self.tally.plausible += candidates.len();
        let mut portion = consider(self.session, self.sweep, &here.opened, &candidates, self.memory)?;
        let unshown = std::mem::take(&mut portion.unshown);
        self.note_unshown(here, unshown.clone())?;
        put_back::decide(self, here, &mut portion.considered)?;
        judge_again(self.sweep, &mut portion, self.memory)?;
        file::file(self, here, portion.considered)?;
        Ok(unshown)
    }
}

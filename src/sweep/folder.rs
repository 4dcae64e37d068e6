//! One look through a folder: which of its messages are read, in which portions, and how far the cursor may go. Called by the
//! sweep for each folder.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Candidate, Portion, consider, consider_whole, has_to_be_read, inquire, judge_again};
use super::news::News;
use super::pass::{CurrentFolder, Pass};
use super::scope::{self, NEWEST, Relevance, Seen, Since, Window};
use super::{AccountFault, Scope, file, put_back};
use crate::assess::Rulebook;
use crate::ledger::Waiting;
use crate::mailbox::{Batch, FLIGHT, HEADS, Head, Heads, Opened, Range, Relocation};
use crate::place::{Folder, Uid};
use crate::settings::Backlog;

/// How many messages are read, assessed and moved together: enough that a hundred thousand cost few round trips, few enough
/// that a stop in the middle of a long first sweep keeps most of what was done.
const TOGETHER: usize = 5000;
/// So many batches are read first.
const FIRST: usize = 20;
/// After so many messages of which none had to be read, the cursor advances anyway.
const FRUITLESS: usize = 20_000;
/// Up to so many messages are fetched with all that is needed of them at once. Of more, From and Subject show first which are worth
/// that.
const FEW: usize = 64;

impl Pass<'_> {
    /// Looks through one folder.
    pub(super) fn through(&mut self, folder: &Folder) -> Result<(), AccountFault> {
        self.seen = Seen::default();
        let targets: Vec<Folder> = self.sweep.rulebook.rules.targets().into_iter().collect();
        let opened = self.session.revisit(folder, &targets)?;
        if self.session.holds_all(folder)? {
            // Gmail's "All Mail" and its like: a message that is moved out of it stays in it.
            // Source: https://developers.google.com/workspace/gmail/imap/imap-extensions ("\All").
            let words =
                "it holds all messages of the account, filed ones too; set `folders` to INBOX instead";
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
        let mut current = CurrentFolder {
            next: opened.next.unwrap_or(Uid(1)),
            waiting: due.iter().map(|one| one.uid).collect(),
            due: due.iter().filter(|one| one.due).map(|one| one.uid).collect(),
            released: due.iter().filter(|one| one.released).map(|one| one.uid).collect(),
            since,
            old_before: None,
            opened,
        };
        current.old_before = look.as_ref().and_then(|look| look.old).map(|old| old.since);
        self.ask_again(&current)?;
        let seen = self.deal_with_waiting(&mut current, &due)?;
        let Some(look) = look else { return Ok(()) };
        self.look(&mut current, &look, &seen)
    }

    /// If originals are only marked as deleted, a missing mark means that the user wants the message here.
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
    fn ask_again(&mut self, current: &CurrentFolder) -> Result<(), AccountFault> {
        let Opened { folder, validity, .. } = &current.opened;
        let name = &self.sweep.account.name;
        let mut due = self.memory.to_ask_again(name, &current.opened, self.sweep.now)?;
        let left_out = self.session.left_out(&Vec::from_iter(due.iter().map(|(uid, _)| *uid)));
        due.retain(|(uid, _)| !left_out.contains(uid));
        for portion in due.chunks(TOGETHER) {
            self.session.return_to(&current.opened)?;
            let mut heads = Vec::new();
            let uids: Vec<Uid> = portion.iter().map(|(uid, _)| *uid).collect();
            let unshown = self.session.heads(Range::These(&uids), |some| heads.extend(some))?;
            let shown: Vec<Uid> = uids.iter().copied().filter(|uid| !unshown.contains(uid)).collect();
            let since_of =
                |uid: Uid| portion.iter().find(|(one, _)| *one == uid).and_then(|(_, since)| *since);
            self.note_unshown(current, unshown)?;
            let candidates = heads
                .into_iter()
                .filter(|head| self.is_plausible(head))
                .map(|head| {
                    let only_known = since_of(head.uid).is_some_and(|since| head.received < since.0);
                    Candidate { head, only_known }
                })
                .collect();
            let Unread { unshown, deadly } = self.deal_with(current, candidates)?;
            if let Some(ledger) = self.memory.kept() {
                let without = |uids: &[Uid], some: &[Uid]| -> Vec<Uid> {
                    uids.iter().copied().filter(|uid| !some.contains(uid)).collect()
                };
                let shown = without(&shown, &unshown);
                ledger.strike_off_unshown(name, folder, *validity, &shown)?;
                ledger.forget_deaths(name, folder, *validity, &without(&shown, &deadly))?;
            }
        }
        Ok(())
    }

    /// Notes messages that the server says are there and does not show: the cursor goes on, and they are asked for again.
    fn note_unshown(&mut self, current: &CurrentFolder, uids: Vec<Uid>) -> Result<(), AccountFault> {
        if uids.is_empty() {
            return Ok(());
        }
        self.tally.unshown += uids.len();
        if let Some(ledger) = self.memory.kept() {
            let Opened { folder, validity, .. } = &current.opened;
            let name = &self.sweep.account.name;
            let left_out = self.session.left_out(&uids);
            let messages: Vec<(Uid, bool)> = uids.iter().map(|uid| (*uid, !left_out.contains(uid))).collect();
            ledger.note_unshown(name, folder, *validity, &messages, current.old_before, self.sweep.now)?;
        }
        let mut by_reason: BTreeMap<Option<String>, Vec<Uid>> = BTreeMap::new();
        for uid in uids {
            by_reason.entry(self.session.why_unshown(uid).map(str::to_owned)).or_default().push(uid);
        }
        for (why, uids) in by_reason {
            (self.tell)(News::Unshown { folder: current.opened.folder.clone(), uids, why });
        }
        Ok(())
    }

    /// The messages of the folder that wait.
    fn waiting(&self, opened: &Opened) -> Result<Vec<Waiting>, AccountFault> {
        if !self.sweep.account.act {
            return Ok(Vec::new());
        }
        Ok(self.memory.waiting(&self.sweep.account.name, opened, self.sweep.now)?)
    }

    /// Deals with the messages that wait and are due, as many as the fuse lets through; returns their UIDs.
    fn deal_with_waiting(
        &mut self,
        current: &mut CurrentFolder,
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
            self.session.return_to(&current.opened)?;
            let mut heads = Vec::new();
            let unshown = self.session.heads(Range::These(portion), |some| heads.extend(some))?;
            let candidates: Vec<Candidate> = heads
                .into_iter()
                .filter(|head| self.is_plausible(head))
                .map(|head| Candidate { head, only_known: false })
                .collect();
            let mut still: BTreeSet<Uid> = candidates.iter().map(|one| one.head.uid).collect();
            still.extend(&unshown);
            self.note_unshown(current, unshown)?;
            let over: Vec<Uid> = portion.iter().copied().filter(|uid| !still.contains(uid)).collect();
            self.deal_with(current, candidates)?;
            // Gone, or starred or answered by now.
            if let Some(ledger) = self.memory.kept() {
                let Opened { folder, validity, .. } = &current.opened;
                ledger.strike_off(&self.sweep.account.name, folder, *validity, &over)?;
            }
        }
        Ok(uids.into_iter().collect())
    }

    /// Looks through the new messages, and advances the cursor.
    fn look(
        &mut self,
        current: &mut CurrentFolder,
        look: &Window,
        seen: &BTreeSet<Uid>,
    ) -> Result<(), AccountFault> {
        self.session.return_to(&current.opened)?;
        let batches = self.session.batches(look.range)?;
        let last = batches.last().map_or(Uid(0), |batch| batch.last());
        current.next = current.opened.next.unwrap_or(Uid(last.0.saturating_add(1)));
        let most: usize = batches.iter().map(Batch::most).sum();
        let mut found = Found::default();
        let mut looked_at = 0;
        let mut fruitless = 0;
        let mut begun = 0;
        let mut left = batches.as_slice();
        while let Some((window, rest)) = left.split_at_checked(found.room(looked_at).min(left.len()))
            && !window.is_empty()
        {
            left = rest;
            self.session.return_to(&current.opened)?;
            begun += window.iter().map(Batch::most).sum::<usize>();
            if most <= FEW {
                let Heads { heads, unshown } = self.session.heads_of(window)?;
                self.note_unshown(current, unshown)?;
                looked_at += heads.len();
                found.heads.extend(heads);
            } else {
                let rulebook = self.sweep.rulebook;
                let skimmed = self.session.skim(window, &mut |fields| has_to_be_read(rulebook, fields))?;
                let count = skimmed.plausible.len() + skimmed.others.len();
                looked_at += count;
                fruitless += count;
                found.note(skimmed.plausible, skimmed.others);
                self.note_unshown(current, skimmed.unshown)?;
            }
            let end = window.last().map_or(last, Batch::last);
            let is_fruitless = found.plausible.is_empty() && fruitless >= FRUITLESS;
            if end < last && (found.plausible.len() >= TOGETHER || is_fruitless) {
                self.deal_with_found(current, look, seen, &mut found)?;
                fruitless = 0;
                scope::advance(self.sweep, &current.opened, look, end, &self.seen, self.memory)?;
            }
            if end < last {
                let part = begun as f64 / most as f64;
                (self.tell)(News::Progress { folder: current.opened.folder.clone(), looked_at, part });
            }
        }
        self.tally.looked_at += looked_at;
        found.is_all = true;
        self.deal_with_found(current, look, seen, &mut found)?;
        // A sweep that begins with `--since` leaves a cursor where there was none: otherwise the next sweep would begin
        // later, and skip what came in between.
        let begins = self.sweep.account.backlog == Backlog::None
            && self.memory.cursor(&self.sweep.account.name, &current.opened.folder)?.is_none();
        if self.sweep.scope == Scope::New || begins {
            scope::finish(self.sweep, &current.opened, last, &self.seen, self.memory)?;
        }
        Ok(())
    }

    /// Deals with what a look has found so far, except the messages in `seen`.
    fn deal_with_found(
        &mut self,
        current: &CurrentFolder,
        look: &Window,
        seen: &BTreeSet<Uid>,
        found: &mut Found,
    ) -> Result<(), AccountFault> {
        let Found { mut heads, mut plausible, newest, all, is_all } = std::mem::take(found);
        found.all = all;
        plausible.retain(|uid| !seen.contains(uid));
        let newest = Vec::from_iter(newest);
        let all_count = look.old.is_none() && !matches!(look.range, Range::Since(_));
        let mut wanted = Vec::new();
        if all_count {
            // More than are dealt with together only if they come suddenly.
            let (last, others) = parted(&plausible);
            for some in others {
                wanted.extend(self.deal_with_whole(current, some, &[], false)?);
            }
            let is_last = is_all && heads.is_empty() && wanted.is_empty() && current.is_last(self.sweep);
            wanted.extend(self.deal_with_whole(current, last, &newest, is_last)?);
        } else {
            wanted.extend(plausible.into_iter().chain(newest));
        }
        if !wanted.is_empty() {
            self.session.return_to(&current.opened)?;
            let unshown = self.session.heads(Range::These(&wanted), |some| heads.extend(some))?;
            self.note_unshown(current, unshown)?;
        }
        // Servers count days, and in their own time zone.
        if let Range::Since(moment) = look.range {
            heads.retain(|head| head.received >= moment);
        }
        heads.iter().for_each(|head| self.seen.note(head));
        let mut candidates = Vec::new();
        for head in heads.into_iter().filter(|head| !seen.contains(&head.uid)) {
            let only_known = match look.relevance(&head) {
                Relevance::All => false,
                Relevance::Known => true,
                Relevance::Nothing => continue,
            };
            // What the user starred or answered is read only to find one that they put back.
            let only_known = only_known || head.flags.is_touched();
            if !head.flags.deleted && has_to_be_read(self.sweep.rulebook, &head.fields) {
                candidates.push(Candidate { head, only_known });
            }
        }
        while !candidates.is_empty() {
            let others = candidates.split_off(candidates.len().min(TOGETHER));
            self.is_last = is_all && others.is_empty() && current.is_last(self.sweep);
            self.deal_with(current, std::mem::replace(&mut candidates, others))?;
        }
        Ok(())
    }

    /// followsift does not even read what the user starred or answered.
    fn is_plausible(&self, head: &Head) -> bool {
        !head.flags.is_touched() && !head.flags.deleted && has_to_be_read(self.sweep.rulebook, &head.fields)
    }

    /// Reads messages with their heads, assesses and files them; they may be the last. Returns those with which it has not dealt.
    fn deal_with_whole(
        &mut self,
        current: &CurrentFolder,
        uids: &[Uid],
        beside: &[Uid],
        is_last: bool,
    ) -> Result<BTreeSet<Uid>, AccountFault> {
        let (portion, seen, rest) =
            consider_whole(self.session, self.sweep, &current.opened, uids, beside, self.memory)?;
        self.is_last = is_last && rest.is_empty();
        self.seen.extend(seen);
        self.tally.plausible += portion.considered.len();
        self.deal_with_portion(current, portion)?;
        Ok(rest)
    }

    /// Reads, assesses and files messages of the folder. Says which of them it could not read.
    fn deal_with(
        &mut self,
        current: &CurrentFolder,
        candidates: Vec<Candidate>,
    ) -> Result<Unread, AccountFault> {
        if candidates.is_empty() {
            return Ok(Unread::default());
        }
        self.tally.plausible += candidates.len();
        let portion = consider(self.session, self.sweep, &current.opened, &candidates, self.memory)?;
        self.deal_with_portion(current, portion)
    }

    /// Files what was read and assessed.
    fn deal_with_portion(
        &mut self,
        current: &CurrentFolder,
        mut portion: Portion,
    ) -> Result<Unread, AccountFault> {
        if self.is_new && !portion.considered.is_empty() {
            self.confirm_new()?;
            self.session.return_to(&current.opened)?;
        }
        let unshown = std::mem::take(&mut portion.unshown);
        self.note_unshown(current, unshown.clone())?;
        put_back::decide(self, current, &mut portion.considered)?;
        judge_again(self.sweep, &mut portion, self.memory)?;
        inquire(self.sweep, &mut portion, self.memory)?;
        let deadly = portion.considered.iter().filter(|mail| mail.deadly).map(|mail| mail.uid).collect();
        let Portion { considered, unwritten, .. } = portion;
        // What the messages say about followers is written with them.
        file::file(self, current, considered)?;
        self.memory.keep_seen(unwritten);
        Ok(Unread { unshown, deadly })
    }
}

/// The last of the portions that are dealt with together, and the others.
fn parted(uids: &[Uid]) -> (&[Uid], std::slice::Chunks<'_, Uid>) {
    let (others, last) = uids.split_at(uids.len().saturating_sub(1) / TOGETHER * TOGETHER);
    (last, others.chunks(TOGETHER))
}

/// What a look has found and not dealt with yet.
#[derive(Debug, Default)]
struct Found {
    /// Heads of all messages, if there were few.
    heads: Vec<Head>,
    /// Messages that could be notifications by From and Subject.
    plausible: Vec<Uid>,
    /// How many such messages the whole look has found.
    all: usize,
    /// The newest others.
    newest: BTreeSet<Uid>,
    /// The look is at its end.
    is_all: bool,
}

impl Found {
    /// How many batches to read next, so that no more is found than is dealt with together, if the rest of the folder is like what was
    /// looked at.
    fn room(&self, looked_at: usize) -> usize {
        if self.all == 0 {
            return if looked_at == 0 { FIRST } else { FLIGHT };
        }
        let room = TOGETHER.saturating_sub(self.plausible.len());
        let messages = room.saturating_mul(looked_at) / self.all;
        (messages / HEADS).clamp(1, FLIGHT)
    }

    fn note(&mut self, plausible: Vec<Uid>, others: Vec<Uid>) {
        self.all += plausible.len();
        self.plausible.extend(plausible);
        self.newest.extend(others.into_iter().rev().take(NEWEST));
        while self.newest.len() > NEWEST {
            self.newest.pop_first();
        }
    }
}

/// Messages that were to be read and were not.
#[derive(Debug, Default)]
struct Unread {
    /// The server did not show them after all.
    unshown: Vec<Uid>,
    /// The process died over them before.
    deadly: Vec<Uid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_notifications_a_folder_has_the_fewer_batches_are_read_at_once() {
        let found = |all: usize, waiting: usize| Found {
            all,
            plausible: (1..).map(Uid).take(waiting).collect(),
            ..Found::default()
        };
        for (all, waiting, looked_at, wanted) in [
            // Nothing is known of the folder yet; then no notification was found.
            (0, 0, 0, FIRST),
            (0, 0, 10_000, FLIGHT),
            // One in twenty, every second one, and each of them.
            (500, 500, 10_000, FLIGHT),
            (5000, 0, 10_000, 2 * TOGETHER / HEADS),
            (10_000, 0, 10_000, TOGETHER / HEADS),
            // What waits already leaves less room, however many were dealt with before.
            (10_000, 4000, 10_000, (TOGETHER - 4000) / HEADS),
            (10_000, TOGETHER, 10_000, 1),
        ] {
            let room = found(all, waiting).room(looked_at);
            assert_eq!(room, wanted, "{all} of {looked_at}, of which {waiting} wait");
        }
    }
}

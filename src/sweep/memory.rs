//! What a sweep remembers: the ledger, or for a dry run only what the ledger held before. Only this file distinguishes
//! the two; the rest of `sweep` asks here. In a dry run nothing is written and nothing waits.

use crate::clock::Timestamp;
use crate::ledger::{
    AccountRecord, Allowance, Answer, Cursor, EarlierMove, Ledger, LedgerFault, Limit, Reading, Recalled,
    Waiting,
};
use crate::mail::{FollowerKey, Network};
use crate::mailbox::Opened;
use crate::place::{AccountName, Folder, HeaderLines, MailIdentity, MailRef, Uid};
use crate::rules::Recall;
use crate::rules::recall::{Replay, Without};
use crate::settings::Account;

/// The ledger as a sweep may use it.
#[derive(Debug)]
pub(super) enum Memory {
    /// Everything is written down, and only then done.
    Kept(Ledger),
    /// Nothing is written and nothing done: a dry run.
    Read {
        /// `None` where there is no ledger yet.
        ledger: Option<Ledger>,
        /// What the messages that were dealt with say about followers, which would be in the ledger.
        seen: Replay,
    },
}

impl Memory {
    /// The ledger to write to; none in a dry run, which changes nothing on the server either.
    pub(super) fn kept(&mut self) -> Option<&mut Ledger> {
        match self {
            Self::Kept(ledger) => Some(ledger),
            Self::Read { .. } => None,
        }
    }

    /// The ledger to read from, if there is one yet.
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Kept(ledger) => Some(ledger),
            Self::Read { ledger, .. } => ledger.as_ref(),
        }
    }

    /// Until the value is dropped, everything is read from one state of the ledger.
    pub(super) fn reading(&self) -> Result<Option<Reading<'_>>, LedgerFault> {
        self.ledger().map(Ledger::reading).transpose()
    }

    /// What a dry run has seen so far.
    fn seen(&self) -> Option<&Replay> {
        match self {
            Self::Kept(_) => None,
            Self::Read { seen, .. } => Some(seen),
        }
    }

    /// Keeps what messages that were dealt with say about followers, unless the ledger does.
    pub(super) fn keep_seen(&mut self, unwritten: Replay) {
        if let Self::Read { seen, .. } = self {
            seen.append(unwritten);
        }
    }

    /// What is known of an account; `None` if it is new.
    pub(super) fn account(&self, account: &AccountName) -> Result<Option<AccountRecord>, LedgerFault> {
        self.ledger().map_or(Ok(None), |ledger| ledger.account(account))
    }

    /// How far a folder was looked at.
    pub(super) fn cursor(
        &self,
        account: &AccountName,
        folder: &Folder,
    ) -> Result<Option<Cursor>, LedgerFault> {
        self.ledger().map_or(Ok(None), |ledger| ledger.cursor(account, folder))
    }

    /// Was this message judged before?
    pub(super) fn knows(&self, account: &AccountName, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        if self.seen().is_some_and(|seen| seen.has(identity)) {
            return Ok(true);
        }
        self.ledger().map_or(Ok(false), |ledger| ledger.knows(account, identity))
    }

    /// What an earlier move means for this message.
    pub(super) fn earlier_move(
        &self,
        mail: &MailRef,
        identity: &MailIdentity,
        header: Option<&HeaderLines>,
    ) -> Result<EarlierMove, LedgerFault> {
        self.ledger().map_or(Ok(EarlierMove::None), |ledger| ledger.earlier_move(mail, identity, header))
    }

    /// Was this message put back, and learned from, in an earlier sweep?
    pub(super) fn has_taught(&self, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.ledger().map_or(Ok(false), |ledger| ledger.has_taught(identity))
    }

    /// Notes that a message is about to be assessed; `false` where it is to be left, since the process died over it.
    pub(super) fn begin_assessing(&self, mail: &MailRef) -> Result<bool, LedgerFault> {
        match self {
            Self::Kept(ledger) => ledger.begin_assessing(mail),
            Self::Read { .. } => Ok(true),
        }
    }

    /// Notes that the assessment is over.
    pub(super) fn end_assessing(&self, account: &AccountName) -> Result<(), LedgerFault> {
        match self {
            Self::Kept(ledger) => ledger.end_assessing(account),
            Self::Read { .. } => Ok(()),
        }
    }

    /// How many messages may still be moved; in a dry run, which shows everything, any number.
    pub(super) fn allowance(&self, account: &Account, now: Timestamp) -> Result<Allowance, LedgerFault> {
        match self {
            Self::Kept(ledger) => {
                let (per_hour, after_change) = (account.moves_per_hour, account.moves_after_change);
                ledger.allowance(&account.name, per_hour.into(), after_change.into(), now)
            }
            Self::Read { .. } => Ok(Allowance { moves: u32::MAX, by: Limit::Hour }),
        }
    }

    /// The messages of a folder that wait to be moved; in a dry run none, since they are looked at again in any case.
    pub(super) fn waiting(
        &self,
        account: &AccountName,
        opened: &Opened,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, LedgerFault> {
        match self {
            Self::Kept(ledger) => ledger.waiting(account, &opened.folder, opened.validity, now),
            Self::Read { .. } => Ok(Vec::new()),
        }
    }

    /// The messages of a folder that the server did not show and that are due to be asked for again, and those over which
    /// another version of followsift died; none in a dry run.
    pub(super) fn to_ask_again(
        &self,
        account: &AccountName,
        opened: &Opened,
        now: Timestamp,
    ) -> Result<Vec<(Uid, Option<Timestamp>)>, LedgerFault> {
        match self {
            Self::Kept(ledger) => {
                let mut due = ledger.unshown(account, &opened.folder, opened.validity, now)?;
                let left = ledger.left_by_another_version(account, &opened.folder, opened.validity)?;
                due.extend(left.into_iter().map(|uid| (uid, None)));
                Ok(due)
            }
            Self::Read { .. } => Ok(Vec::new()),
        }
    }

    /// Does this message wait?
    pub(super) fn is_waiting(&self, mail: &MailRef, identity: &MailIdentity) -> Result<bool, LedgerFault> {
        self.ledger().map_or(Ok(false), |ledger| ledger.is_waiting(&mail.account, identity))
    }

    /// When the earliest arrived of the messages that wait in a folder, or were moved out of it at `since` or later.
    pub(super) fn earliest_known(
        &self,
        account: &AccountName,
        folder: &Folder,
        since: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        self.ledger().map_or(Ok(None), |ledger| ledger.earliest_known(account, folder, since))
    }

    /// When the earliest may have arrived of the messages that a folder did not show under another UIDVALIDITY than it has.
    pub(super) fn earliest_unshown(
        &self,
        account: &AccountName,
        opened: &Opened,
    ) -> Result<Option<Timestamp>, LedgerFault> {
        let earliest = |ledger: &Ledger| ledger.earliest_unshown(account, &opened.folder, opened.validity);
        self.ledger().map_or(Ok(None), earliest)
    }

    /// The answer of today about a follower.
    pub(super) fn looked_up(
        &self,
        follower: &FollowerKey,
        now: Timestamp,
    ) -> Result<Option<Answer>, LedgerFault> {
        self.ledger().map_or(Ok(None), |ledger| ledger.looked_up_lately(follower, now))
    }

    /// The past of followers when this message came: from the ledger, and from what this sweep has seen and not yet written.
    pub(super) fn recall<'m>(
        &'m self,
        account: &'m AccountName,
        identity: &'m MailIdentity,
        unwritten: &'m Replay,
    ) -> Remembered<'m> {
        let written = self.ledger().map(|ledger| ledger.recall(account, Some(identity)));
        let seen = self.seen().map(|seen| seen.without(identity));
        Remembered { written, unwritten: [Some(unwritten.without(identity)), seen] }
    }
}

/// The ledger's answers and this sweep's own together. No message is in two of them.
pub(super) struct Remembered<'m> {
    written: Option<Recalled<'m>>,
    unwritten: [Option<Without<'m>>; 2],
}

impl Remembered<'_> {
    /// Was every question answered? If not, nothing that was judged with the answers may be acted on.
    pub(super) fn finish(self) -> Result<(), LedgerFault> {
        self.written.map_or(Ok(()), Recalled::finish)
    }

    fn all(&self) -> impl Iterator<Item = &dyn Recall> {
        let written = self.written.iter().map(|it| -> &dyn Recall { it });
        written.chain(self.unwritten.iter().flatten().map(|it| -> &dyn Recall { it }))
    }
}

impl Recall for Remembered<'_> {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.all().any(|it| it.knows(follower, is_proven))
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.all().any(|it| it.is_unwelcome(follower))
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        self.all().filter_map(|it| it.first_message(follower, since, before)).min()
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        self.all().map(|it| it.wave(network, before)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Judged;
    use crate::mail::{Authenticity, Follower, Kind, Notification, Shown};
    use crate::place::{MailDigest, UidValidity};
    use crate::rules::recall::Asked;
    use crate::rules::{Action, Verdict};

    const HOUR: i64 = 3600;

    fn notification(received: i64) -> Notification {
        let handle = Shown::Value("ann".to_owned());
        Notification {
            network: Network::new("x").unwrap(),
            title: "X".into(),
            kind: Kind::Follow,
            layout: "2024".into(),
            authentic: Authenticity::Pass("mx.example: dkim=pass x.com".into()),
            instance: None,
            followers: vec![Follower { handle, ..Follower::default() }],
            complete: true,
            received: Timestamp(received),
        }
    }

    fn identity(number: u8) -> MailIdentity {
        MailIdentity { digest: MailDigest([number; 32]), size: 4_000 }
    }

    fn judged(account: &AccountName, number: u8, notification: Notification) -> Judged {
        let (validity, uid) = (UidValidity(7), Uid(number.into()));
        Judged {
            mail: MailRef { account: account.clone(), folder: Folder::inbox(), validity, uid },
            identity: identity(number),
            notification,
            verdicts: vec![Verdict::default()],
            verdict: None,
            action: Action::Leave,
            rules: "rules-1".into(),
            judged_at: Timestamp(0),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 40, ..Default::default() })]
        /// Whatever part of them an earlier sweep has written, in whatever order they were judged, and whichever of them came in
        /// several copies: the backtest, which replays them all, says the same of each message.
        #[test]
        fn a_sweep_and_a_replay_know_the_same_past(
            places in proptest::collection::vec(0..3_u8, 12),
            messages in proptest::collection::vec((0..12_u8, 0..120_i64), 1..25),
        ) {
            let account = AccountName::new("home").unwrap();
            let folder = tempfile::tempdir().unwrap();
            let mut ledger = Ledger::open(folder.path()).unwrap();
            let (mut seen, mut unwritten, mut replay) = (Replay::default(), Replay::default(), Replay::default());
            for (number, hour) in &messages {
                let notification = notification(hour * HOUR);
                replay.note_message(identity(*number), &notification);
                match places[usize::from(*number)] {
                    0 => ledger.record(&[judged(&account, *number, notification)]).unwrap(),
                    1 => seen.note_message(identity(*number), &notification),
                    _ => unwritten.note_message(identity(*number), &notification),
                }
            }
            let memory = Memory::Read { ledger: Some(ledger), seen };
            for (number, hour) in &messages {
                let message = notification(hour * HOUR);
                let key = message.keys().next().unwrap();
                let identity = identity(*number);
                let recall = memory.recall(&account, &identity, &unwritten);
                let past = recall.past(&key, message.received, Asked::ALL);
                recall.finish().unwrap();
                let replayed = replay.without(&identity).past(&key, message.received, Asked::ALL);
                proptest::prop_assert_eq!(past, replayed);
            }
        }
    }

    #[test]
    fn a_dry_run_remembers_what_an_earlier_portion_said_and_a_sweep_has_it_in_the_ledger() {
        let (account, later) = (AccountName::new("home").unwrap(), Timestamp(100 * HOUR));
        let folder = tempfile::tempdir().unwrap();
        for (mut memory, expected) in [
            (Memory::Read { ledger: None, seen: Replay::default() }, 1),
            (Memory::Kept(Ledger::open(folder.path()).unwrap()), 0),
        ] {
            let mut portion = Replay::default();
            portion.note_message(identity(1), &notification(0));
            memory.keep_seen(portion);
            assert_eq!(memory.knows(&account, &identity(1)).unwrap(), expected > 0);
            let (second, nothing) = (identity(2), Replay::default());
            let recall = memory.recall(&account, &second, &nothing);
            let key = notification(0).keys().next().unwrap();
            assert_eq!(recall.past(&key, later, Asked::ALL).times_followed, expected);
        }
    }
}

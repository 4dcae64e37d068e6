//! What rules ask about a follower's past where messages are delivered: earlier follows and waves, for each recipient.
//!
//! [`Memory`] is asked and written while the delivery agent waits, so every call has a deadline, and a call that fails leaves the
//! message undecided: [`Recalled::finish`] says so. [`SqliteMemory`] serves one machine, [`PostgresqlMemory`] several. Whom the user
//! knows is not kept here: a delivery sees no message that is put back.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::mail::{Authenticity, FollowerKey, Network, Notification};
use crate::place::MailIdentity;
use crate::rules::Recall;

mod address;
mod fault;
mod identity;
mod postgresql;
mod recipient;
mod rest;
mod sqlite;

pub use address::{NotAnAddress, PostgresqlAddress};
pub use fault::{MemoryCause, MemoryFault, Words};
pub use identity::sent_identity;
pub use postgresql::PostgresqlMemory;
pub use recipient::Recipient;
pub use sqlite::SqliteMemory;

/// How long all questions about one message and its record may take together. A delivery agent waits meanwhile.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// At most so many rows are forgotten at once, so that nobody waits long for it.
const STEP: i64 = 1000;
/// One message in so many is followed by a step of forgetting. A step forgets more rows than come in between.
const STEP_EVERY: u32 = 200;

/// Where proven notifications are kept as they are delivered. A message counts once for a recipient, by its earliest arrival,
/// however often it is delivered and by however many machines.
///
/// Every call blocks until it is answered or the deadline of its [`Delivery`] has passed.
pub trait Memory: fmt::Debug + Send + Sync {
    /// When the first notification about this follower came, of those that came at `since` or later and before `before`; without
    /// the message that is delivered.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn first_message(
        &self,
        delivery: &Delivery<'_>,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<Option<Timestamp>, MemoryFault>;

    /// How many notifications of a network came at `since` or later and before `before`, without the message that is delivered.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    fn count(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        since: Timestamp,
        before: Timestamp,
    ) -> Result<u64, MemoryFault>;

    /// Keeps the message that is delivered, which came at `received` and is about these followers: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// If it is not sure to be kept.
    fn keep(
        &self,
        delivery: &Delivery<'_>,
        network: &Network,
        followers: &[FollowerKey],
        received: Timestamp,
    ) -> Result<(), MemoryFault>;

    /// Forgets what came before `before`, a limited part of it. Returns whether there may be more.
    ///
    /// # Errors
    ///
    /// If it is not sure to be forgotten.
    fn forget(&self, before: Timestamp, deadline: Instant) -> Result<bool, MemoryFault>;
}

/// The message that is delivered, for whom, and how long that may still take.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'d> {
    /// For whom.
    pub recipient: &'d Recipient,
    /// The message: [`sent_identity`].
    pub identity: MailIdentity,
    /// When the delivery agent gets its answer, with or without an answer of the memory.
    pub deadline: Instant,
}

impl<'d> Delivery<'d> {
    /// The delivery of this message.
    pub fn of(message: &[u8], recipient: &'d Recipient, deadline: Instant) -> Self {
        Self { recipient, identity: sent_identity(message), deadline }
    }
}

/// Answers what rules ask while a message is delivered: from a memory, and from `people` whom the user knows.
///
/// A rule's question cannot fail, so a fault is kept here and everything is unknown from then on. The caller asks
/// [`Recalled::finish`] before it uses a verdict.
#[derive(Debug)]
pub struct Recalled<'m, P> {
    memory: &'m dyn Memory,
    delivery: Delivery<'m>,
    people: P,
    fault: RefCell<Option<MemoryFault>>,
}

impl<'m, P: Recall> Recalled<'m, P> {
    /// The memory while this message is delivered; `people` answers whom the user knows and whom they filed by hand.
    pub fn new(memory: &'m dyn Memory, delivery: Delivery<'m>, people: P) -> Self {
        Self { memory, delivery, people, fault: RefCell::default() }
    }

    /// Was every question answered?
    ///
    /// # Errors
    ///
    /// The first fault; then no verdict that was reached with this memory may be used, since a rule that protects the message may
    /// have been skipped.
    pub fn finish(self) -> Result<(), MemoryFault> {
        self.fault.into_inner().map_or(Ok(()), Err)
    }

    /// Has a question not been answered? Then nothing that was answered since means anything.
    pub fn has_failed(&self) -> bool {
        self.fault.borrow().is_some()
    }

    /// Answers a question, unless an earlier one could not be answered.
    fn ask<T: Default>(
        &self,
        question: impl FnOnce(&dyn Memory, &Delivery<'_>) -> Result<T, MemoryFault>,
    ) -> T {
        if self.fault.borrow().is_some() {
            return T::default();
        }
        question(self.memory, &self.delivery).unwrap_or_else(|fault| {
            *self.fault.borrow_mut() = Some(fault);
            T::default()
        })
    }
}

impl<P: Recall> Recall for Recalled<'_, P> {
    fn knows(&self, follower: &FollowerKey, is_proven: bool) -> bool {
        self.people.knows(follower, is_proven)
    }

    fn is_unwelcome(&self, follower: &FollowerKey) -> bool {
        self.people.is_unwelcome(follower)
    }

    fn first_message(
        &self,
        follower: &FollowerKey,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        self.ask(|memory, delivery| memory.first_message(delivery, follower, since, before))
    }

    fn wave(&self, network: &Network, before: Timestamp) -> u64 {
        let since = Timestamp(before.0.saturating_sub(crate::rules::recall::WAVE));
        self.ask(|memory, delivery| memory.count(delivery, network, since, before))
    }
}

/// Keeps a notification that is delivered, if it is proven; otherwise anyone could give any follower a past. Now and then it also
/// forgets a part of what is older than `keeps`.
///
/// # Errors
///
/// If it is not sure to be kept. That changes nothing about the message's own verdict.
pub fn remember(
    memory: &dyn Memory,
    delivery: &Delivery<'_>,
    notification: &Notification,
    now: Timestamp,
    keeps: Duration,
) -> Result<(), MemoryFault> {
    if !matches!(notification.authentic, Authenticity::Pass(_)) {
        return Ok(());
    }
    let followers: Vec<_> = notification.keys().collect();
    // Its own date may be in the future, where it would never be forgotten.
    memory.keep(delivery, &notification.network, &followers, notification.received.min(now))?;
    if fastrand::u32(..STEP_EVERY) == 0 {
        memory.forget(now.before(keeps), delivery.deadline)?;
    }
    Ok(())
}

/// What stands for a follower in a row. Names are as long as their owners like and hold any character; a digest fits every index
/// and every encoding, and shows nobody's name.
fn digest_of(follower: &FollowerKey) -> Vec<u8> {
    let text = format!("{}\0{}", follower.network().as_str(), follower.as_str());
    Sha256::digest(text).to_vec()
}

/// What stands for a message in a row.
fn bytes_of(identity: &MailIdentity) -> Vec<u8> {
    let mut bytes = identity.digest.0.to_vec();
    bytes.extend_from_slice(&identity.size.to_be_bytes());
    bytes
}

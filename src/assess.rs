//! Profiles, rules and recall together: the bytes of a mail to an action, with every reason.
//!
//! [`assess()`] is the single path from bytes to an action, for the service, `sweep` and `explain` alike. Pure: it
//! asks `recall` for what the mail cannot answer, and nobody else for anything. Any doubt leaves the mail.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::mail::{Authenticity, Envelope, Message, Nearest, Notification, Profiles, Recognition, Trust};
use crate::place::Marks;
use crate::rules::{Action, Case, Lists, Recall, RuleSet, RuleTrace, Verdict, VerdictName};

/// A mail as the server handed it over.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Its source, from the first header on; the end may be cut off.
    pub bytes: &'a [u8],
    /// When it arrived.
    pub arrived: Arrival,
}

/// When a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Then, as the server or the mailbox says (INTERNALDATE).
    At(Timestamp),
    /// Nothing but the message itself says: by its Date, or if that cannot be read, then.
    Dated {
        /// What counts if Date cannot be read.
        otherwise: Timestamp,
    },
}

/// A message that was read, and not weighed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMessage {
    /// What a person finds it again by.
    pub envelope: Envelope,
    /// When it arrived.
    pub arrived: Timestamp,
    /// What it is.
    pub recognition: Recognition,
}

/// A notification that is remembered, without what else its message said.
impl From<Notification> for ReadMessage {
    fn from(notification: Notification) -> Self {
        Self {
            envelope: Envelope::default(),
            arrived: notification.received,
            recognition: Recognition::Recognised(notification),
        }
    }
}

/// All that one account's mail is judged by.
#[derive(Clone, Debug)]
pub struct Rulebook {
    /// How notifications look.
    pub profiles: Arc<Profiles>,
    /// What the user wrote.
    pub rules: Arc<RuleSet>,
    /// The people of the lists that the rules name.
    pub lists: Arc<Lists>,
    /// Whose word on authenticity counts.
    pub trust: Trust,
    /// Leave alone what is not proven authentic.
    pub require_authentic: bool,
    /// A word that changes whenever profiles or rules do: by which edition a mail was judged.
    pub edition: String,
}

/// What a mail turned out to be, what the rules say of it, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What a person finds the message again by.
    pub envelope: Envelope,
    /// What it is.
    pub recognition: Recognition,
    /// What the rules say about each follower, in the notification's order.
    pub verdicts: Vec<Verdict>,
    /// The verdict on the whole mail; of a batch, the combined one.
    pub class: Option<VerdictName>,
    /// What is to be done.
    pub action: Action,
    /// Why less is to be done than the verdict asks for.
    pub restraint: Option<Restraint>,
}

impl Assessment {
    /// Of a mail that is none of ours.
    pub fn foreign() -> Self {
        Self {
            envelope: Envelope::default(),
            recognition: Recognition::Foreign,
            verdicts: Vec::new(),
            class: None,
            action: Action::Leave,
            restraint: None,
        }
    }
}

/// Why a mail is left, or not marked, although its verdict would have it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restraint {
    /// It is forged, or as good as.
    Forged,
    /// It is not proven authentic, and the account or the mark demands that.
    Unproven,
    /// A name in a list is all that speaks for it, and a name is the sender's choice.
    NameAlone,
    /// A list that the rules ask has never been loaded.
    ListNotLoaded(String),
    /// Not every follower of the batch is named.
    NotAllNamed,
    /// The verdicts on the followers of the batch do not agree.
    Divided,
}

/// Reads a mail and says what is to be done with it, and why.
///
/// Never fails: what cannot be read, is not recognised or cannot be told is left.
#[must_use]
pub fn assess(mail: Mail<'_>, rulebook: &Rulebook, recall: &dyn Recall) -> Assessment {
    weigh(recognise(mail, rulebook), rulebook, recall)
}

/// The first half of [`assess()`]: what a mail is. For whoever judges the same mail more than once.
#[must_use]
pub fn recognise(mail: Mail<'_>, rulebook: &Rulebook) -> ReadMessage {
    read(mail, |message, arrived| rulebook.profiles.recognise(message, &rulebook.trust, arrived))
}

/// The same, and of a message that is not recognised, which network's notifications it comes nearest to: for explanations.
#[must_use]
pub fn recognise_closely(mail: Mail<'_>, rulebook: &Rulebook) -> (ReadMessage, Option<Nearest>) {
    let mut nearest = None;
    let message = read(mail, |message, arrived| {
        let (recognition, near) = rulebook.profiles.recognise_closely(message, &rulebook.trust, arrived);
        nearest = near;
        recognition
    });
    (message, nearest)
}

/// Parses a message, once, and has it recognised.
fn read(mail: Mail<'_>, recognise: impl FnOnce(&Message<'_>, Timestamp) -> Recognition) -> ReadMessage {
    let message = Message::parse(mail.bytes);
    let envelope = match &message {
        Ok(message) => message.envelope(),
        Err(_) => Envelope::of_header(mail.bytes),
    };
    let arrived = match mail.arrived {
        Arrival::At(arrived) => arrived,
        Arrival::Dated { otherwise } => envelope.date.unwrap_or(otherwise),
    };
    let recognition = message.map_or(Recognition::Foreign, |message| recognise(&message, arrived));
    ReadMessage { envelope, arrived, recognition }
}

/// The second half of [`assess()`]: what is to be done with it.
#[must_use]
pub fn weigh(message: ReadMessage, rulebook: &Rulebook, recall: &dyn Recall) -> Assessment {
    let ReadMessage { envelope, recognition, .. } = message;
    let Recognition::Recognised(notification) = &recognition else {
        return Assessment { envelope, recognition, ..Assessment::foreign() };
    };
    let verdicts = judge(notification, rulebook, recall);
    let (class, divided) = combine(notification, &verdicts, &rulebook.rules);
    let wanted = class.as_ref().map_or(Action::Leave, |class| asked_for(class, &rulebook.rules));
    let (action, restraint) = restrain(wanted, notification, &verdicts, rulebook);
    let restraint = restraint.or(divided);
    Assessment { envelope, recognition, verdicts, class, action, restraint }
}

/// What every rule says of each follower of a notification, in its order, whether or not the rule decides: for
/// explanations, which must show what [`assess()`] judged by.
#[must_use]
pub fn trace<'r>(
    notification: &Notification,
    rulebook: &'r Rulebook,
    recall: &dyn Recall,
) -> Vec<Vec<RuleTrace<'r>>> {
    let Rulebook { rules, lists, .. } = rulebook;
    let asked = rules.asked();
    let past = |follower| recall.past(&notification.key(follower), notification.received, asked);
    let one = |follower| rules.trace(&Case::of(notification, follower, &past(follower)), lists);
    notification.followers.iter().map(one).collect()
}

fn judge(notification: &Notification, rulebook: &Rulebook, recall: &dyn Recall) -> Vec<Verdict> {
    let Rulebook { rules, lists, .. } = rulebook;
    let asked = rules.asked();
    let past = |follower| recall.past(&notification.key(follower), notification.received, asked);
    let one = |follower| rules.judge(&Case::of(notification, follower, &past(follower)), lists);
    notification.followers.iter().map(one).collect()
}

/// The verdict on the mail, and why a batch has none.
fn combine(
    notification: &Notification,
    verdicts: &[Verdict],
    rules: &RuleSet,
) -> (Option<VerdictName>, Option<Restraint>) {
    let class = rules.combine(notification, verdicts);
    let divided = match class {
        None if !notification.complete => Some(Restraint::NotAllNamed),
        None if verdicts.len() > 1 && verdicts.iter().any(|verdict| verdict.class.is_some()) => {
            Some(Restraint::Divided)
        }
        _ => None,
    };
    (class, divided)
}

fn asked_for(class: &VerdictName, rules: &RuleSet) -> Action {
    let disposition = rules.disposition(class);
    let marks = Marks { seen: disposition.mark_read, flagged: disposition.flag };
    match disposition.move_to {
        Some(to) => Action::File { to, marks },
        None if marks.any() => Action::Mark(marks),
        None => Action::Leave,
    }
}

/// Takes back what the mail's authenticity, a bare name or a missing list do not allow.
fn restrain(
    wanted: Action,
    notification: &Notification,
    verdicts: &[Verdict],
    rulebook: &Rulebook,
) -> (Action, Option<Restraint>) {
    let restraint = match (&wanted, &notification.authentic) {
        (_, Authenticity::Fail(_)) => Some(Restraint::Forged),
        (Action::Leave, _) => None,
        (_, Authenticity::Unknown) if rulebook.require_authentic => Some(Restraint::Unproven),
        _ => {
            let missing = rulebook.rules.missing_lists(&rulebook.lists);
            missing.first().map(|list| Restraint::ListNotLoaded((*list).to_owned()))
        }
    };
    if restraint.is_some() {
        return (Action::Leave, restraint);
    }
    let promoted = match wanted {
        Action::Mark(marks) | Action::File { marks, .. } => marks.flagged,
        Action::Leave => false,
    };
    if !promoted {
        return (wanted, None);
    }
    let name_alone = verdicts.iter().flat_map(|v| &v.reasons).any(|reason| reason.evidence.by_name_alone);
    let restraint = match notification.authentic {
        Authenticity::Unknown | Authenticity::Fail(_) => Restraint::Unproven,
        Authenticity::Pass(_) if name_alone => Restraint::NameAlone,
        Authenticity::Pass(_) => return (wanted, None),
    };
    (without_star(wanted), Some(restraint))
}

fn without_star(action: Action) -> Action {
    let unstarred = |marks: Marks| Marks { flagged: false, ..marks };
    match action {
        Action::Mark(marks) if unstarred(marks).any() => Action::Mark(unstarred(marks)),
        Action::Mark(_) | Action::Leave => Action::Leave,
        Action::File { to, marks } => Action::File { to, marks: unstarred(marks) },
    }
}

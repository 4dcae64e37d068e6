//! Assesses a message: profiles, rules and recall turn its bytes into an action, with all reasons.
//!
//! [`assess()`] is the single path from bytes to an action, for the service, `sweep` and `explain` alike. Pure: it asks only
//! `recall` for what the message cannot answer. Never acts on a message in doubt: it stays.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::host::RelayService;
use crate::mail::{
    Authenticity, Envelope, Fact, Follower, Message, Nearest, Notification, Profiles, Recognition, Trust,
    with_plain_line_ends,
};
use crate::place::Marks;
use crate::rules::recall::Asked;
use crate::rules::{
    Action, Case, Doubt, Lists, Match, Past, Recall, RuleSet, RuleTrace, Verdict, VerdictName,
};

/// A message as the server sent it.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Its bytes from the first header on; the end may be cut off.
    pub bytes: &'a [u8],
    /// When it arrived.
    pub arrived: Arrival,
}

/// When a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// At this time, according to the server or the mailbox (INTERNALDATE).
    At(Timestamp),
    /// Only the message itself says: at its Date, if that can be parsed.
    Dated {
        /// The time to use if Date cannot be parsed.
        otherwise: Timestamp,
    },
}

/// A message that was recognised, but not judged yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMessage {
    /// What a person needs to find it again.
    pub envelope: Envelope,
    /// When it arrived.
    pub arrived: Timestamp,
    /// The result of recognition.
    pub recognition: Recognition,
}

/// From a stored notification, without the rest of its message.
impl From<Notification> for ReadMessage {
    fn from(notification: Notification) -> Self {
        Self {
            envelope: Envelope::default(),
            arrived: notification.received,
            recognition: Recognition::Recognised(notification),
        }
    }
}

/// Everything by which the messages of one account are judged.
#[derive(Clone, Debug)]
pub struct Rulebook {
    /// The networks.
    pub profiles: Arc<Profiles>,
    /// The user's rules.
    pub rules: Arc<RuleSet>,
    /// The lists of people that the rules use.
    pub lists: Arc<Lists>,
    /// Whose results of authentication count.
    pub trust: Trust,
    /// Leave messages alone that are not proven authentic.
    pub require_authentic: bool,
    /// Identifies this version of profiles and rules; it changes whenever they do.
    pub edition: String,
}

/// The assessment of a message: recognition, verdicts and action.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What a person needs to find the message again.
    pub envelope: Envelope,
    /// The result of recognition.
    pub recognition: Recognition,
    /// The verdict on each follower, in the order of the notification.
    pub verdicts: Vec<Verdict>,
    /// The verdict on the whole message; for a batch, the combined one.
    pub class: Option<VerdictName>,
    /// What to do with the message.
    pub action: Action,
    /// Why the action does less than the verdict asks for.
    pub restraint: Option<Restraint>,
}

impl Assessment {
    /// For a message that is not a notification.
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

/// Why a message stays or loses its mark despite its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restraint {
    /// It failed authentication.
    Forged,
    /// It is not proven authentic, which the account or the mark requires.
    Unproven,
    /// An alias service wrote its From, and is not vouched for.
    Relayed(RelayService),
    /// Only a name in a list speaks for it, and the sender chooses the name.
    NameAlone,
    /// A list that the rules use has never been loaded.
    ListNotLoaded(String),
    /// The batch does not name every follower.
    NotAllNamed,
    /// The verdicts on the followers of the batch do not agree.
    Divided,
    /// The rule of this name decided, and only observes.
    Observed(Arc<str>),
    /// A rule needs a fact of the follower's past that could not be found out.
    PastUnread,
}

/// Decides what to do with a message, and why.
///
/// Never fails: a message that cannot be parsed, recognised or judged stays.
#[must_use]
pub fn assess(mail: Mail<'_>, rulebook: &Rulebook, recall: &dyn Recall) -> Assessment {
    weigh(recognise(mail, rulebook), rulebook, recall)
}

/// The first half of [`assess()`]: recognises a message. Separate for callers that judge one message several times.
#[must_use]
pub fn recognise(mail: Mail<'_>, rulebook: &Rulebook) -> ReadMessage {
    read(mail, |message, arrived| rulebook.profiles.recognise(message, &rulebook.trust, arrived))
}

/// The same; for a message that is not recognised, also the network whose notifications it most resembles. For explanations.
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

/// Parses a message once, and recognises it.
fn read(mail: Mail<'_>, recognise: impl FnOnce(&Message<'_>, Timestamp) -> Recognition) -> ReadMessage {
    let message = Message::parse(mail.bytes);
    if message.is_err()
        && let Some(bytes) = with_plain_line_ends(mail.bytes)
    {
        return read(Mail { bytes: &bytes, ..mail }, recognise);
    }
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

/// The second half of [`assess()`]: decides what to do with a recognised message.
#[must_use]
pub fn weigh(message: ReadMessage, rulebook: &Rulebook, recall: &dyn Recall) -> Assessment {
    let ReadMessage { envelope, recognition, .. } = message;
    let Recognition::Recognised(notification) = &recognition else {
        return Assessment { envelope, recognition, ..Assessment::foreign() };
    };
    let (verdicts, hangs_on_unread_past) = judge(notification, rulebook, recall);
    if hangs_on_unread_past {
        let restraint = Some(Restraint::PastUnread);
        return Assessment { envelope, recognition, verdicts, restraint, ..Assessment::foreign() };
    }
    let (class, divided) = combine(notification, &verdicts, &rulebook.rules);
    let wanted = class.as_ref().map_or(Action::Leave, |class| asked_for(class, &rulebook.rules));
    let (action, restraint) = restrain(wanted, notification, &verdicts, rulebook);
    let restraint = restraint.or(divided);
    Assessment { envelope, recognition, verdicts, class, action, restraint }
}

/// The answer of every rule about each follower of a notification, in order, whether or not the rule decides. For explanations,
/// which must show exactly how [`assess()`] judged.
#[must_use]
pub fn trace<'r>(
    notification: &Notification,
    rulebook: &'r Rulebook,
    recall: &dyn Recall,
) -> Vec<Vec<RuleTrace<'r>>> {
    let Rulebook { rules, lists, .. } = rulebook;
    let asked = rules.asked();
    let past = |follower| past(notification, follower, recall, asked);
    let one = |follower| rules.trace(&Case::of(notification, follower, &past(follower)), lists);
    notification.followers.iter().map(one).collect()
}

/// Does a rule that could decide about this follower lack one of these facts?
#[must_use]
pub fn lacks_a_fact(
    notification: &Notification,
    follower: &Follower,
    rulebook: &Rulebook,
    facts: &[Fact],
) -> bool {
    let past = Past::default();
    let trace = rulebook.rules.trace(&Case::of(notification, follower, &past), &rulebook.lists);
    trace.iter().any(|rule| match rule.says {
        Match::CannotTell(Doubt::NotShown(fact)) => {
            fact.needs().iter().any(|need| facts.contains(need) && !follower.shows(*need))
        }
        _ => false,
    })
}

/// The past of a follower, as far as it counts for this message.
#[must_use]
pub fn past(notification: &Notification, follower: &Follower, recall: &dyn Recall, asked: Asked) -> Past {
    let is_proven = matches!(notification.authentic, Authenticity::Pass(_));
    recall.past(&notification.key(follower), notification.received, Asked { is_proven, ..asked })
}

/// The verdict on each follower, and whether one of them could be another one if all of the past were known.
fn judge(notification: &Notification, rulebook: &Rulebook, recall: &dyn Recall) -> (Vec<Verdict>, bool) {
    let Rulebook { rules, lists, .. } = rulebook;
    let asked = rules.asked();
    let mut hangs_on_unread_past = false;
    let one = |follower| {
        let past = past(notification, follower, recall, asked);
        let case = Case::of(notification, follower, &past);
        hangs_on_unread_past |= rules.hangs_on_unread_past(&case, lists);
        rules.judge(&case, lists)
    };
    let verdicts = notification.followers.iter().map(one).collect();
    (verdicts, hangs_on_unread_past)
}

/// The verdict on the message, and why a batch has none.
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

/// Restricts the action as the message's authenticity, a bare name or a missing list require.
fn restrain(
    wanted: Action,
    notification: &Notification,
    verdicts: &[Verdict],
    rulebook: &Rulebook,
) -> (Action, Option<Restraint>) {
    let observer = rulebook.rules.observer(verdicts);
    let restraint = match (&wanted, &notification.authentic, observer) {
        (_, Authenticity::Fail(_), _) => Some(Restraint::Forged),
        // Also where nothing would be done: what a rule that only observes finds is on trial.
        (.., Some(rule)) => Some(Restraint::Observed(Arc::clone(&rule.name))),
        (Action::Leave, ..) => None,
        // Of a server that anyone can host, a message may have any sender, so one of an alias service changes nothing, unless the
        // user says which services are theirs.
        (_, Authenticity::Relayed { by, is_vouched: false }, _)
            if notification.instance.is_none() || !rulebook.trust.relays.is_empty() =>
        {
            Some(Restraint::Relayed(*by))
        }
        (_, Authenticity::Unknown | Authenticity::Relayed { .. }, _) if rulebook.require_authentic => {
            Some(Restraint::Unproven)
        }
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
        Authenticity::Unknown | Authenticity::Relayed { .. } | Authenticity::Fail(_) => Restraint::Unproven,
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

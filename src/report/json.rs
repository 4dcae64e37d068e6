//! Formats assessments as JSON for `explain --json`. Other programs rely on the shape of these types.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::assess::Assessment;
use crate::mail::{Fact, FactRef, Follower, Nearest, Notification, Recognition, Shown};
use crate::rules::{Action, Verdict, VerdictName};
use crate::text::json;

/// The line for one message.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Unreadable { file: &'a str, error: &'a str },
    Read(Box<Mail<'a>>),
}

#[derive(Debug, Serialize)]
struct Mail<'a> {
    file: &'a str,
    recognition: &'static str,
    network: Option<&'a str>,
    kind: Option<&'static str>,
    authentic: Option<&'static str>,
    followers: Vec<FollowerLine<'a>>,
    verdict: Option<&'a str>,
    action: Deed<'a>,
    /// For a message that is not recognised, the network whose notifications it most resembles, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Near<'a>>,
}

#[derive(Debug, Serialize)]
struct Near<'a> {
    network: &'a str,
    missing: Vec<String>,
}

/// The facts without a key. Every other fact has one, so a new fact gets its key from its entry.
const UNPROMISED: [Fact; 10] = [
    Fact::ProfileFields,
    Fact::Lists,
    Fact::Mutuals,
    Fact::DefaultPicture,
    Fact::Verified,
    Fact::Private,
    Fact::Age,
    Fact::LastPosted,
    Fact::Bot,
    Fact::AccountState,
];

/// A follower. A fact that is not shown is null; an empty one is `""`.
#[derive(Debug, Serialize)]
pub(super) struct FollowerLine<'a> {
    #[serde(flatten)]
    facts: Facts<'a>,
    verdict: &'a str,
    points: f64,
    reasons: Vec<Why<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    shared_interests: &'a [String],
    #[serde(rename = "looked-up", skip_serializing_if = "Option::is_none")]
    looked_up: Option<Origin<'a>>,
}

/// Which facts were looked up, when and where.
#[derive(Debug, Serialize)]
struct Origin<'a> {
    server: &'a str,
    at: String,
    facts: BTreeMap<&'a str, serde_json::Value>,
}

impl<'a> Origin<'a> {
    fn of(follower: &'a Follower) -> Option<Self> {
        let origin = follower.looked_up.as_ref()?;
        let value = |fact: Fact| match follower.fact(fact) {
            FactRef::Text(text) => text.value().map(|text| text.as_str().into()),
            FactRef::Count(count) => count.value().map(|count| (*count).into()),
            FactRef::Answer(answer) => answer.value().map(|answer| (*answer).into()),
        };
        // An empty one is empty text.
        let facts = origin.facts.iter().map(|fact| (fact.word(), value(*fact).unwrap_or_else(|| "".into())));
        Some(Self { server: &origin.host, at: origin.at.rfc3339(), facts: facts.collect() })
    }
}

/// A key for each fact, in the order of the table of facts.
#[derive(Debug)]
struct Facts<'a>(&'a Follower);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for fact in Fact::ALL.into_iter().filter(|fact| !UNPROMISED.contains(fact)) {
            match self.0.fact(fact) {
                FactRef::Text(Shown::Empty) => map.serialize_entry(fact.word(), "")?,
                FactRef::Text(text) => map.serialize_entry(fact.word(), &text.value())?,
                FactRef::Count(count) => map.serialize_entry(fact.word(), &count.value())?,
                FactRef::Answer(answer) => map.serialize_entry(fact.word(), &answer.value())?,
            }
        }
        map.end()
    }
}

#[derive(Debug, Serialize)]
struct Why<'a> {
    rule: &'a str,
    file: &'a str,
    line: usize,
    evidence: String,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Deed<'a> {
    Stay(&'static str),
    File(Filing<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Filing<'a> {
    /// Null if it stays and is only marked.
    move_to: Option<&'a str>,
    flag: bool,
    mark_read: bool,
}

/// The line for a message that was assessed.
pub fn assessed(file: &str, assessment: &Assessment, nearest: Option<&Nearest>) -> String {
    let (recognition, notification, network) = match &assessment.recognition {
        Recognition::Recognised(notification) => {
            ("notification", Some(notification), Some(notification.network.as_str()))
        }
        Recognition::Incomplete { network, .. } => ("incomplete", None, Some(network.as_str())),
        // The network is not certain either, since the reading was abandoned.
        Recognition::TooCostly => ("incomplete", None, None),
        Recognition::Foreign => ("foreign", None, None),
    };
    let verdict = notification.map(|_| VerdictName::word(assessment.class.as_ref()));
    line(&Line::Read(Box::new(Mail {
        file,
        recognition,
        network,
        kind: notification.map(|notification| notification.kind.word()),
        authentic: notification.map(|notification| notification.authentic.word()),
        followers: notification.map_or_else(Vec::new, |it| followers(it, &assessment.verdicts)),
        verdict,
        action: deed(&assessment.action),
        nearest: nearest.map(|nearest| Near {
            network: nearest.network.as_str(),
            missing: super::nearest::missing(nearest),
        }),
    })))
}

/// The line for a file that could not be read.
pub fn unreadable(file: &str, error: &str) -> String {
    line(&Line::Unreadable { file, error })
}

fn line(line: &Line<'_>) -> String {
    // Serialising strings, numbers and lists of them cannot fail.
    json(&serde_json::to_string(line).unwrap_or_default()).into_owned()
}

pub(super) fn followers<'a>(
    notification: &'a Notification,
    verdicts: &'a [Verdict],
) -> Vec<FollowerLine<'a>> {
    notification.followers.iter().zip(verdicts).map(|(it, verdict)| follower(it, verdict)).collect()
}

pub(super) fn follower<'a>(follower: &'a Follower, verdict: &'a Verdict) -> FollowerLine<'a> {
    FollowerLine {
        facts: Facts(follower),
        verdict: VerdictName::word(verdict.class.as_ref()),
        points: verdict.points,
        reasons: verdict
            .reasons
            .iter()
            .map(|reason| Why {
                rule: &reason.rule,
                file: &reason.at.file,
                line: reason.at.line,
                evidence: reason.evidence.to_string(),
            })
            .collect(),
        shared_interests: &verdict.shared_interests,
        looked_up: Origin::of(follower),
    }
}

pub(super) fn deed(action: &Action) -> Deed<'_> {
    match action {
        Action::Leave => Deed::Stay("leave"),
        Action::Mark(marks) => {
            Deed::File(Filing { move_to: None, flag: marks.flagged, mark_read: marks.seen })
        }
        Action::File { to, marks } => {
            Deed::File(Filing { move_to: Some(to.as_str()), flag: marks.flagged, mark_read: marks.seen })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(follower: &Follower, expected: &str) {
        let verdict = Verdict { points: 1.5, ..Verdict::default() };
        assert_eq!(line_of(&super::follower(follower, &verdict)), expected);
    }

    fn line_of(follower: &FollowerLine<'_>) -> String {
        serde_json::to_string(follower).unwrap()
    }

    #[test]
    fn a_follower_keeps_its_keys_in_order() {
        let tail = r#""verdict":"undecided","points":1.5,"reasons":[]}"#;
        let nothing = r#"{"handle":null,"name":null,"url":null,"bio":null,"location":null,"website":null,"address-host":null,"followers":null,"following":null,"posts":null,"#;
        check(&Follower::default(), &format!("{nothing}{tail}"));
        let follower = Follower {
            handle: Shown::Value("ann".into()),
            bio: Shown::Empty,
            followers: Shown::Value(3),
            following: Shown::Empty,
            ..Follower::default()
        };
        let some = r#"{"handle":"ann","name":null,"url":null,"bio":"","location":null,"website":null,"address-host":null,"followers":3,"following":null,"posts":null,"#;
        check(&follower, &format!("{some}{tail}"));
    }
}

//! What `explain --json` prints: the contract with other programs. A type here is a promise of its shape.

use serde::Serialize;

use crate::assess::Assessment;
use crate::mail::{Fact, Follower, Notification, Recognition};
use crate::rules::{Action, Verdict, VerdictName};
use crate::text::json;

/// One mail, as one line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Unread { file: &'a str, error: &'a str },
    Read(Box<Mail<'a>>),
}

#[derive(Debug, Serialize)]
struct Mail<'a> {
    file: &'a str,
    recognition: &'static str,
    network: Option<&'a str>,
    kind: Option<&'static str>,
    authentic: Option<&'static str>,
    followers: Vec<Person<'a>>,
    verdict: Option<&'a str>,
    action: Deed<'a>,
}

/// A follower: null is not shown, `""` is empty.
#[derive(Debug, Serialize)]
struct Person<'a> {
    handle: Option<&'a str>,
    name: Option<&'a str>,
    url: Option<&'a str>,
    bio: Option<&'a str>,
    location: Option<&'a str>,
    website: Option<&'a str>,
    followers: Option<u64>,
    following: Option<u64>,
    posts: Option<u64>,
    verdict: &'a str,
    points: f64,
    reasons: Vec<Why<'a>>,
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
enum Deed<'a> {
    Stay(&'static str),
    File(Filing<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Filing<'a> {
    /// Null where it stays and is only marked.
    move_to: Option<&'a str>,
    flag: bool,
    mark_read: bool,
}

/// The line for a mail that was assessed.
pub fn assessed(file: &str, assessment: &Assessment) -> String {
    let (recognition, notification, network) = match &assessment.recognition {
        Recognition::Recognised(notification) => {
            ("notification", Some(notification), Some(notification.network.as_str()))
        }
        Recognition::Incomplete { network, .. } => ("incomplete", None, Some(network.as_str())),
        // Whose message it is was not read to its end either.
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
        followers: notification.map_or_else(Vec::new, |it| people(it, &assessment.verdicts)),
        verdict,
        action: deed(&assessment.action),
    })))
}

/// The line for a file that could not be read.
pub fn unread(file: &str, error: &str) -> String {
    line(&Line::Unread { file, error })
}

fn line(line: &Line<'_>) -> String {
    // Strings, numbers and lists of them always serialise.
    json(&serde_json::to_string(line).unwrap_or_default()).into_owned()
}

fn people<'a>(notification: &'a Notification, verdicts: &'a [Verdict]) -> Vec<Person<'a>> {
    notification.followers.iter().zip(verdicts).map(|(follower, verdict)| person(follower, verdict)).collect()
}

fn person<'a>(follower: &'a Follower, verdict: &'a Verdict) -> Person<'a> {
    let text = |fact| {
        let shown = follower.text(fact);
        if shown.is_shown() { Some(shown.value().copied().unwrap_or("")) } else { None }
    };
    let count = |fact| follower.count(fact).value().copied();
    Person {
        handle: text(Fact::Handle),
        name: text(Fact::Name),
        url: text(Fact::Url),
        bio: text(Fact::Bio),
        location: text(Fact::Location),
        website: text(Fact::Website),
        followers: count(Fact::Followers),
        following: count(Fact::Following),
        posts: count(Fact::Posts),
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
    }
}

fn deed(action: &Action) -> Deed<'_> {
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

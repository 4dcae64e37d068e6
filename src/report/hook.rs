//! What a hook is told: one JSON object on one line. Other programs rely on the shape of these types. Pure. Called by `daemon`.

use serde::Serialize;

use super::json::{FollowerLine, follower};
use super::text::name;
use crate::assess::Restraint;
use crate::clock::Timestamp;
use crate::mail::{Authenticity, Kind, Recognition};
use crate::place::AccountName;
use crate::rules::Verdict;
use crate::sweep::{Dealt, End};
use crate::text::{json, one_line};

/// A hook gets so many followers of one message.
const FOLLOWERS: usize = 20;
/// How long the words for a person may be.
const WORDS: usize = 500;

/// What needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// An account is paused until its owner acts.
    Paused,
    /// Something on this machine keeps an account from working.
    Blocked,
    /// A network's messages could not be read.
    Drift,
    /// The fuse holds messages back.
    Fuse,
    /// A reload was refused.
    Reload,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
enum Told<'a> {
    Trouble {
        cause: Cause,
        account: Option<&'a str>,
        words: String,
        at: String,
    },
    Real {
        account: &'a str,
        network: &'a str,
        kind: &'a str,
        received: String,
        words: String,
        followers: Vec<FollowerLine<'a>>,
    },
}

/// A trouble. `words` say what is wrong and what to do.
pub fn trouble(cause: Cause, account: Option<&AccountName>, words: &str, at: Timestamp) -> String {
    let account = account.map(AccountName::as_str);
    line(&Told::Trouble { cause, account, words: one_line(words, WORDS), at: at.rfc3339() })
}

/// The real followers of a message that was dealt with; `None` if it has none, or is not proven to be the network's. A match by name
/// alone makes nobody real, since anybody can take a name.
pub fn real(dealt: &Dealt) -> Option<String> {
    let Recognition::Recognised(notification) = &dealt.assessment.recognition else { return None };
    let is_tried = matches!(dealt.assessment.restraint, Some(Restraint::Observed(_)));
    if !matches!(notification.authentic, Authenticity::Pass(_)) || is_tried || !is_in_place(&dealt.end) {
        return None;
    }
    let followers = notification.followers.iter().zip(&dealt.assessment.verdicts);
    let real: Vec<_> = followers.filter(|(_, verdict)| is_real(verdict)).take(FOLLOWERS).collect();
    let (first, more) = real.split_first()?;
    let others = match more.len() {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        many => format!(" and {many} others"),
    };
    let verb = match (notification.kind, more) {
        (Kind::FollowRequest, []) => "asks to follow",
        (Kind::FollowRequest, _) => "ask to follow",
        (Kind::Follow | Kind::FollowBatch, []) => "follows",
        (Kind::Follow | Kind::FollowBatch, _) => "follow",
    };
    let words = format!("{}{others} {verb} you on {}", name(first.0), notification.title);
    Some(line(&Told::Real {
        account: dealt.mail.account.as_str(),
        network: notification.network.as_str(),
        kind: notification.kind.word(),
        received: notification.received.rfc3339(),
        words: one_line(&words, WORDS),
        followers: real.iter().map(|(who, verdict)| follower(who, verdict)).collect(),
    }))
}

/// Does it stay where the user sees it, for the first time?
fn is_in_place(end: &End) -> bool {
    matches!(end, End::Stays | End::Marked | End::Observed)
}

fn is_real(verdict: &Verdict) -> bool {
    let by_name_alone = verdict.reasons.iter().any(|reason| reason.evidence.by_name_alone);
    !by_name_alone && verdict.class.as_ref().is_some_and(|class| class.as_str() == "real")
}

fn line(told: &Told<'_>) -> String {
    // Serialising strings, numbers and lists of them cannot fail.
    format!("{}\n", json(&serde_json::to_string(told).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_one_line_without_what_a_terminal_obeys() {
        let account = AccountName::new("home").unwrap();
        let told = trouble(
            Cause::Paused,
            Some(&account),
            "refused:\n\u{1b}[2Jno \"password\"",
            Timestamp(1_800_000_000),
        );
        assert_eq!(
            told,
            "{\"event\":\"trouble\",\"cause\":\"paused\",\"account\":\"home\",\"words\":\"refused: [2Jno \\\"password\\\"\",\
             \"at\":\"2027-01-15T08:00:00Z\"}\n"
        );
        let told = trouble(Cause::Reload, None, &"x".repeat(9_000), Timestamp(0));
        assert!(told.contains("\"account\":null") && told.len() < 1_000, "{told}");
    }
}

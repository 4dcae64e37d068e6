//! What the command `history` prints: what became of a notification, for people and for programs. Pure.
//!
//! Other programs rely on the shape of the types that are serialised.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::{Deed, FollowerLine, deed, followers};
use super::paint::{Paint, Tone};
use super::text::{action_words, heading, person, reasons};
use crate::clock::Timestamp;
use crate::ledger::{Delay, Filing, HistoryEntry, Settlement};
use crate::mail::{Authenticity, Notification};
use crate::rules::{Action, Evidence, Reason, Verdict, VerdictName};
use crate::text;

/// Nothing is remembered, or nothing of it was chosen.
pub const NOTHING: &str = "no notification that followsift remembers matches";

/// When and what came, who follows, the verdict with its reasons, and what was done.
pub fn entry(entry: &HistoryEntry, paint: Paint) -> String {
    let judged = &entry.judged;
    let notification = &judged.notification;
    let mut shown = format!(
        "{}  {}\n",
        paint.paint(Tone::Faint, &format!("{} UTC", judged.judged_at.minute())),
        heading(&harmless_heading(notification), paint)
    );
    let place = format!(
        "  {} {}, received {} UTC",
        judged.mail.account,
        judged.mail.folder,
        notification.received.minute()
    );
    let _ = writeln!(shown, "{}", paint.paint(Tone::Faint, &text::line(&place)));
    for (follower, verdict) in notification.followers.iter().zip(&judged.verdicts) {
        let _ = writeln!(shown, "  {}", text::line(&person(follower)));
        shown.push_str(&reasons(&harmless(verdict), paint));
    }
    for line in outcome(entry) {
        let _ = writeln!(shown, "  {}", text::line(&line));
    }
    shown
}

/// The followers are shown on lines of their own.
fn harmless_heading(notification: &Notification) -> Notification {
    let title = text::line(&notification.title).into();
    let seen = notification.authentic.evidence().map(|seen| text::line(&seen).into_owned());
    let authentic = Authenticity::restore(notification.authentic.word(), seen);
    Notification { title, authentic, followers: Vec::new(), ..notification.clone() }
}

/// A verdict whose texts are lines, whatever the ledger holds.
pub(super) fn harmless(verdict: &Verdict) -> Verdict {
    let reason = |reason: &Reason| {
        let seen = reason.evidence.seen.iter().map(|seen| text::line(seen).into_owned()).collect();
        let mut at = reason.at.clone();
        at.file = text::line(&at.file).into();
        let rule = text::line(&reason.rule).into();
        Reason { rule, at, evidence: Evidence { seen, ..reason.evidence }, ..*reason }
    };
    Verdict { reasons: verdict.reasons.iter().map(reason).collect(), ..verdict.clone() }
}

/// What was done with the message, a sentence each.
fn outcome(entry: &HistoryEntry) -> Vec<String> {
    let mut said: Vec<String> = entry.moves.iter().map(moved).collect();
    if said.is_empty() {
        said.push(match (&entry.judged.action, entry.waits) {
            (Action::Leave, None) => "stays".to_owned(),
            (Action::Leave, Some(why)) => format!("stays for now: {}", delay_in_words(why)),
            (action @ Action::Mark(_), _) => action_words(action, "stays", ""),
            (action @ Action::File { .. }, Some(why)) => {
                format!("{}: {}", action_words(action, "", "is to be moved to"), delay_in_words(why))
            }
            (action @ Action::File { .. }, None) => {
                action_words(action, "", "was not moved; the rules say: move to")
            }
        });
    }
    match (entry.put_back, entry.stays) {
        (Some(at), _) if entry.moves.iter().any(|it| it.returns && it.by_user) => {
            said.push(format!("stays; its followers are known from {} UTC on", at.minute()));
        }
        (Some(at), _) => said.push(format!("put back by hand, noticed {} UTC; it stays", at.minute())),
        (None, Some(why)) => said.push(format!("stays: {why}")),
        (None, None) => {}
    }
    said
}

fn moved(Filing { to, stated_at, returns, by_user, found, settled, .. }: &Filing) -> String {
    let at = format!("{} UTC", stated_at.minute());
    let back = match (returns, by_user) {
        (true, true) => " back at your request",
        (true, false) => " back, since it was starred or answered while it was moved,",
        (false, _) => "",
    };
    match settled {
        Some((_, noticed)) if *found => {
            format!(
                "was in {to} already, noticed {} UTC by a ledger that did not know of it",
                noticed.minute()
            )
        }
        _ if *by_user && !returns => format!("moved to {to} by hand, noticed {at}"),
        None => format!("a move{back} to {to} began {at}; how it ended is not known yet"),
        Some((Settlement::Moved { .. }, _)) => format!("moved{back} to {to} {at}"),
        Some((Settlement::Left, _)) => format!("a move{back} to {to} failed {at}; the message stayed"),
        Some((Settlement::Altered, _)) => {
            format!("not moved to {to} {at}, since the server changes messages when it copies them")
        }
        Some((Settlement::Doubled { .. }, _)) => {
            format!("copied{back} to {to} {at}; the original could not be removed")
        }
        Some((Settlement::Gone, _)) => format!("was gone before it could be moved{back} to {to} {at}"),
        Some((Settlement::InDoubt, _)) => {
            format!(
                "a move{back} to {to} began {at}; how it ended cannot be found out, since the folder was replaced"
            )
        }
    }
}

fn delay_in_words(why: Delay) -> String {
    let words = match why {
        Delay::Fuse => "the fuse, a rate limit on moves, holds it back",
        Delay::Refused => "the server refused; followsift tries again",
        Delay::Interrupted => "the move was interrupted, or a list was not loaded; followsift tries again",
        Delay::Observed => {
            "it was there before the ledger, and stays until you run `followsift resume`, since you may have put it back"
        }
        Delay::LookUp(until) => {
            return format!("followsift waits until {} UTC for the look-up of a follower", until.minute());
        }
    };
    words.to_owned()
}

/// The line for one entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    judged_at: String,
    received: String,
    account: &'a str,
    folder: &'a str,
    network: &'a str,
    kind: &'static str,
    authentic: &'static str,
    followers: Vec<FollowerLine<'a>>,
    verdict: &'a str,
    action: Deed<'a>,
    moves: Vec<MoveLine<'a>>,
    put_back: Option<String>,
    /// Why it stays, in words, if it is not certain that it was put back.
    stays: Option<String>,
    waits: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct MoveLine<'a> {
    to: &'a str,
    returns: bool,
    by_hand: bool,
    found: bool,
    stated_at: String,
    /// Null while it is not known.
    outcome: Option<&'static str>,
    settled_at: Option<String>,
}

/// The same as an object on one line.
pub fn json(entry: &HistoryEntry) -> String {
    let judged = &entry.judged;
    let notification = &judged.notification;
    let line = Line {
        judged_at: judged.judged_at.rfc3339(),
        received: notification.received.rfc3339(),
        account: judged.mail.account.as_str(),
        folder: judged.mail.folder.as_str(),
        network: notification.network.as_str(),
        kind: notification.kind.word(),
        authentic: notification.authentic.word(),
        followers: followers(notification, &judged.verdicts),
        verdict: VerdictName::word(judged.verdict.as_ref()),
        action: deed(&judged.action),
        moves: entry.moves.iter().map(move_line).collect(),
        put_back: entry.put_back.map(Timestamp::rfc3339),
        stays: entry.stays.map(|why| why.to_string()),
        waits: entry.waits.map(Delay::word),
    };
    // Serialising strings, numbers and lists of them cannot fail.
    text::json(&serde_json::to_string(&line).unwrap_or_default()).into_owned()
}

fn move_line(filing: &Filing) -> MoveLine<'_> {
    MoveLine {
        to: filing.to.as_str(),
        returns: filing.returns,
        by_hand: filing.by_user,
        found: filing.found,
        stated_at: filing.stated_at.rfc3339(),
        outcome: filing.settled.map(|(settlement, _)| settlement.word()),
        settled_at: filing.settled.map(|(_, at)| at.rfc3339()),
    }
}

//! What the readers of answers share: texts, counts, moments, and the state of an account. Pure.

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::mail::{Follower, Shown, one_line};

const DAY: u64 = 24 * 60 * 60;

/// A value, if the answer has one.
pub(super) fn shown<T>(value: Option<T>) -> Shown<T> {
    value.map_or(Shown::NotShown, Shown::Value)
}

/// A text as one line.
pub(super) fn text(text: Option<String>, longest: usize) -> Shown<String> {
    match text.map(|text| one_line(&text, longest)) {
        Some(text) if text.is_empty() => Shown::Empty,
        Some(text) => Shown::Value(text),
        None => Shown::NotShown,
    }
}

/// A link to a site, as one line.
pub(super) fn link(link: Option<String>) -> Shown<String> {
    match text(link, 500) {
        Shown::Value(link) if !is_link(&link) => Shown::NotShown,
        link => link,
    }
}

/// Is it a link that a browser opens?
pub(super) fn is_link(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A count. Of an account of another server, 0 can mean that nobody knows.
pub(super) fn count(count: Option<i64>, is_remote: bool) -> Shown<u64> {
    match count.and_then(|count| u64::try_from(count).ok()) {
        Some(0) if is_remote => Shown::NotShown,
        Some(count) => Shown::Value(count),
        None => Shown::NotShown,
    }
}

/// Of an account, only what state it is in.
pub(super) fn in_state(state: &str) -> Follower {
    Follower { account_state: Shown::Value(state.to_owned()), ..Follower::default() }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "error")]
    _error: String,
}

/// Is this a server's own way to say that something is wrong: JSON with an `error` in words?
pub(super) fn is_refusal(body: &[u8]) -> bool {
    serde_json::from_slice::<Refusal>(body).is_ok()
}

/// A moment or a day.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let whole = chrono::DateTime::parse_from_rfc3339(text).map(|moment| moment.timestamp());
    let day = || {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    };
    whole.ok().or_else(day).map(Timestamp)
}

/// Whole days since a moment; `None` if it is in the future.
pub(super) fn days(since: Timestamp, now: Timestamp) -> Option<u64> {
    // A clock may be a little wrong.
    (since.0 <= now.0 + 3600).then(|| now.since(since) / DAY)
}

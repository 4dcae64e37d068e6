//! PeerTube's API. Pure. It is asked about its own accounts alone, since it may fetch one of another server anew.

use serde::Deserialize;

use super::reading::{count, days, in_state, is_refusal, moment, shown, text};
use super::who::is_account_of;
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower};

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] = &[
    Fact::Name,
    Fact::Bio,
    Fact::Followers,
    Fact::Following,
    Fact::DefaultPicture,
    Fact::Age,
    Fact::AccountState,
];

/// Where the question is asked.
pub(super) fn address(Question { server, name, .. }: &Question) -> String {
    format!("https://{server}/api/v1/accounts/{name}")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    name: String,
    host: String,
    display_name: Option<String>,
    description: Option<String>,
    followers_count: Option<i64>,
    following_count: Option<i64>,
    created_at: Option<String>,
    avatars: Option<Vec<serde::de::IgnoredAny>>,
}

/// What a status other than 200 says of the account.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    (status == 404 && is_refusal(body)).then(|| in_state("gone"))
}

/// The facts in an answer; `None` if it is unreadable, or about another account than the one asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let account: Account = serde_json::from_slice(body).ok()?;
    if !is_account_of(question, &account.name, Some(&account.host)) {
        return None;
    }
    let age = account.created_at.as_deref().and_then(moment).and_then(|begin| days(begin, now));
    Some(Follower {
        name: text(account.display_name, 200),
        bio: text(Some(account.description.unwrap_or_default()), 2_000),
        followers: count(account.followers_count, false),
        following: count(account.following_count, false),
        default_picture: shown(account.avatars.map(|avatars| avatars.is_empty())),
        age: shown(age),
        ..in_state("active")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};
    use crate::mail::Shown;

    const ANSWER: &str = r#"{"id": 42, "name": "giu_s", "host": "ulivo.example", "url": "https://ulivo.example/accounts/giu_s",
        "displayName": "Giulia S", "description": "Draws.", "followersCount": 0, "followingCount": 940,
        "avatars": [], "createdAt": "2026-12-16T08:00:00.000Z", "updatedAt": "2026-12-20T08:00:00.000Z"}"#;

    #[test]
    fn an_account_is_read_and_another_one_refused() {
        let own = question("peertube", "ulivo.example", "giu_s", None);
        let found = facts(&own, ANSWER.as_bytes(), NOW).unwrap();
        assert_eq!((found.followers, found.following), (Shown::Value(0), Shown::Value(940)));
        assert_eq!((found.age, found.default_picture), (Shown::Value(30), Shown::Value(true)));
        assert_eq!(found.bio, Shown::Value("Draws.".to_owned()));
        for other in [
            question("peertube", "tube.example", "giu_s", None),
            question("peertube", "ulivo.example", "giu", None),
        ] {
            assert_eq!(facts(&other, ANSWER.as_bytes(), NOW), None, "{other:?}");
        }
    }

    #[test]
    fn an_account_of_the_server_that_it_does_not_know_is_gone() {
        let body = br#"{"type": "about:blank", "title": "Not Found", "detail": "x", "status": 404, "error": "Account not found"}"#;
        let own = question("peertube", "tube.example", "giu_s", None);
        assert_eq!(state(404, body), Some(in_state("gone")));
        assert_eq!((state(404, b"<h1>"), state(401, body)), (None, None));
        assert_eq!(address(&own), "https://tube.example/api/v1/accounts/giu_s");
    }
}

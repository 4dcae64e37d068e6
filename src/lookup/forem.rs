//! Forem's API. Pure. It has no numbers at all, but the age of the account.

use serde::Deserialize;

use super::reading::{days, in_state, is_refusal, link, shown, text};
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower};

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] =
    &[Fact::Name, Fact::Bio, Fact::Location, Fact::Website, Fact::Age, Fact::AccountState];

/// Where the question is asked.
pub(super) fn address(Question { server, name, .. }: &Question) -> String {
    format!("https://{server}/api/users/by_username?url={name}")
}

#[derive(Deserialize)]
struct User {
    username: String,
    name: Option<String>,
    summary: Option<String>,
    location: Option<String>,
    website_url: Option<String>,
    /// A day, such as `Apr 14, 2023`.
    joined_at: Option<String>,
}

/// What a status other than 200 says of the account.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    (status == 404 && is_refusal(body)).then(|| in_state("gone"))
}

/// The facts in an answer; `None` if it is unreadable, or about another account than the one asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let user: User = serde_json::from_slice(body).ok()?;
    if !user.username.eq_ignore_ascii_case(&question.name) {
        return None;
    }
    let joined = |day: &str| {
        let day = chrono::NaiveDate::parse_from_str(day, "%b %d, %Y").ok()?;
        days(Timestamp(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()), now)
    };
    Some(Follower {
        name: text(user.name, 200),
        bio: text(Some(user.summary.unwrap_or_default()), 2_000),
        location: text(Some(user.location.unwrap_or_default()), 200),
        website: link(Some(user.website_url.unwrap_or_default())),
        age: shown(user.joined_at.as_deref().and_then(joined)),
        ..in_state("active")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};
    use crate::mail::Shown;

    #[test]
    fn a_user_is_read_and_another_one_refused() {
        let answer = br#"{"type_of": "user", "id": 990011, "username": "priya_v", "name": "Priya V", "twitter_username": null,
            "summary": null, "location": "Pune", "website_url": "https://tea.example", "joined_at": "Dec 16, 2026",
            "profile_image": "https://media.example/x.png"}"#;
        let asked = question("forem", "dev.example", "Priya_V", None);
        assert_eq!(address(&asked), "https://dev.example/api/users/by_username?url=Priya_V");
        let expected = Follower {
            name: Shown::Value("Priya V".to_owned()),
            bio: Shown::Empty,
            location: Shown::Value("Pune".to_owned()),
            website: Shown::Value("https://tea.example".to_owned()),
            age: Shown::Value(30),
            ..in_state("active")
        };
        assert_eq!(facts(&asked, answer, NOW), Some(expected));
        assert_eq!(facts(&question("forem", "dev.example", "priya", None), answer, NOW), None);
        assert_eq!(state(404, br#"{"error": "not found", "status": 404}"#), Some(in_state("gone")));
        assert_eq!((state(404, b"<h1>"), state(401, br#"{"error": "x", "status": 401}"#)), (None, None));
    }
}

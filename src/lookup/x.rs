//! The API of X, version 2, which wants a token of the user's own. Pure.

use serde::Deserialize;

use super::reading::{count, days, in_state, link, moment, shown, text};
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower, Shown};

/// The server, whatever the message says.
pub(super) const SERVER: &str = "api.x.com";

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] = &[
    Fact::Name,
    Fact::Bio,
    Fact::Location,
    Fact::Website,
    Fact::Followers,
    Fact::Following,
    Fact::Posts,
    Fact::Lists,
    Fact::DefaultPicture,
    Fact::Verified,
    Fact::Private,
    Fact::Age,
    Fact::LastPosted,
    Fact::AccountState,
];

const FIELDS: &str = "created_at,description,entities,location,most_recent_tweet_id,name,profile_image_url,protected,\
                      public_metrics,url,username,verified";

/// Where the question is asked.
pub(super) fn address(Question { server, name, .. }: &Question) -> String {
    format!("https://{server}/2/users/by/username/{name}?user.fields={FIELDS}")
}

#[derive(Deserialize)]
struct Answer {
    data: Option<User>,
    #[serde(default)]
    errors: Vec<Complaint>,
}

#[derive(Deserialize)]
struct User {
    username: String,
    name: Option<String>,
    description: Option<String>,
    location: Option<String>,
    url: Option<String>,
    entities: Option<Entities>,
    created_at: Option<String>,
    profile_image_url: Option<String>,
    protected: Option<bool>,
    verified: Option<bool>,
    most_recent_tweet_id: Option<String>,
    public_metrics: Option<Metrics>,
}

#[derive(Deserialize)]
struct Metrics {
    followers_count: Option<i64>,
    following_count: Option<i64>,
    tweet_count: Option<i64>,
    listed_count: Option<i64>,
}

#[derive(Deserialize)]
struct Entities {
    url: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    urls: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    expanded_url: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    title: Option<String>,
    detail: Option<String>,
}

/// What an answer with a status other than 200 says of the account.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    if status == 404 { complained(&answer.errors) } else { None }
}

/// Is the account suspended or gone? Errors come with the status 200, too.
fn complained(errors: &[Complaint]) -> Option<Follower> {
    let begins = |text: &Option<String>, words: &str| {
        text.as_ref().is_some_and(|text| text.to_lowercase().starts_with(words))
    };
    // The rest of a detail is the name that was asked for.
    if errors.iter().any(|error| begins(&error.detail, "user has been suspended")) {
        return Some(in_state("suspended"));
    }
    errors.iter().any(|error| begins(&error.title, "not found")).then(|| in_state("gone"))
}

/// The facts in an answer; `None` if it is unreadable, or about another account than the one asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let Some(user) = answer.data else { return complained(&answer.errors) };
    if !user.username.eq_ignore_ascii_case(&question.name) {
        return None;
    }
    let metric =
        |metric: fn(&Metrics) -> Option<i64>| count(user.public_metrics.as_ref().and_then(metric), false);
    let (followers, following) = (metric(|it| it.followers_count), metric(|it| it.following_count));
    let (posts, lists) = (metric(|it| it.tweet_count), metric(|it| it.listed_count));
    // `url` is a short link; an account without a site has an empty one.
    let links = user.entities.and_then(|entities| entities.url);
    let site = links.and_then(|links| links.urls.into_iter().find_map(|link| link.expanded_url));
    let age = user.created_at.as_deref().and_then(moment).and_then(|begin| days(begin, now));
    Some(Follower {
        name: text(user.name, 200),
        bio: text(user.description, 2_000),
        // Left out where it is empty.
        location: text(Some(user.location.unwrap_or_default()), 200),
        website: link(site.or(user.url)),
        followers,
        following,
        posts,
        lists,
        default_picture: shown(user.profile_image_url.map(|image| image.contains("/default_profile"))),
        verified: shown(user.verified),
        private: shown(user.protected),
        age: shown(age),
        last_posted: shown(user.most_recent_tweet_id.and_then(|id| days(posted(&id)?, now))),
        account_state: Shown::Value("active".to_owned()),
        ..Follower::default()
    })
}

/// When a post was written: since November 2010, its number begins with the milliseconds since then.
fn posted(id: &str) -> Option<Timestamp> {
    const BEGIN: u64 = 1_288_834_974_657;
    let since = id.parse::<u64>().ok()? >> 22;
    (since > 0).then(|| Timestamp(i64::try_from((BEGIN + since) / 1000).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};

    const ANSWER: &str = r#"{"data": {"id": "2244994945", "username": "BlueMoon", "name": "Moon", "description": "Growth",
        "url": "https://t.co/x", "entities": {"url": {"urls": [{"start": 0, "end": 23, "url": "https://t.co/x",
        "expanded_url": "https://moon.example/", "display_url": "moon.example"}]}, "description": {}},
        "created_at": "2026-12-16T08:00:00.000Z", "protected": false, "verified": false,
        "profile_image_url": "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png",
        "most_recent_tweet_id": "2140000000000000000",
        "public_metrics": {"followers_count": 3, "following_count": 2001, "tweet_count": 1, "listed_count": 0, "like_count": 0}}}"#;

    fn asked() -> Question {
        question("x", SERVER, "bluemoon", None)
    }

    #[test]
    fn a_user_is_read_with_the_lists() {
        let text = |text: &str| Shown::Value(text.to_owned());
        let expected = Follower {
            name: text("Moon"),
            bio: text("Growth"),
            location: Shown::Empty,
            website: text("https://moon.example/"),
            followers: Shown::Value(3),
            following: Shown::Value(2001),
            posts: Shown::Value(1),
            lists: Shown::Value(0),
            default_picture: Shown::Value(true),
            verified: Shown::Value(false),
            private: Shown::Value(false),
            age: Shown::Value(30),
            last_posted: Shown::Value(10),
            ..in_state("active")
        };
        let id = ((1_799_136_000_000_u64 - 1_288_834_974_657) << 22).to_string();
        let answer = ANSWER.replace("2140000000000000000", &id);
        assert_eq!(facts(&asked(), answer.as_bytes(), NOW), Some(expected));
        assert!(
            address(&asked())
                .starts_with("https://api.x.com/2/users/by/username/bluemoon?user.fields=created_at,")
        );
        assert_eq!(facts(&question("x", SERVER, "moon", None), ANSWER.as_bytes(), NOW), None);
        // Little is said where little was asked for, or allowed.
        let little = facts(&asked(), br#"{"data": {"id": "1", "username": "bluemoon"}}"#, NOW).unwrap();
        assert_eq!(
            (little.followers, little.lists, little.verified),
            (Shown::NotShown, Shown::NotShown, Shown::NotShown)
        );
    }

    #[test]
    fn one_that_is_gone_or_suspended_is_an_error_of_either_status() {
        let gone = br#"{"errors": [{"value": "x", "detail": "Could not find user with username: [x].", "title": "Not Found Error",
            "resource_type": "user", "parameter": "username", "type": "https://api.twitter.com/2/problems/resource-not-found"}]}"#;
        let suspended = br#"{"errors": [{"detail": "User has been suspended: [x].", "title": "Forbidden", "value": "x"}]}"#;
        assert_eq!(facts(&asked(), gone, NOW), Some(in_state("gone")));
        assert_eq!(facts(&asked(), suspended, NOW), Some(in_state("suspended")));
        assert_eq!(state(404, gone), Some(in_state("gone")));
        let named = String::from_utf8_lossy(gone).replace("[x]", "[suspended_ann]");
        assert_eq!(state(404, named.as_bytes()), Some(in_state("gone")));
        for (status, body) in [
            (401, &br#"{"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}"#[..]),
            (403, suspended),
            (404, b"<h1>"),
            (404, b"{}"),
            (429, br#"{"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429}"#),
        ] {
            assert_eq!(state(status, body), None, "{status}");
        }
        assert_eq!(facts(&asked(), b"{}", NOW), None);
    }
}

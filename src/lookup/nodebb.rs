//! NodeBB's API. Pure. It is asked about its own accounts alone, since it fetches one of another server anew. The account is known by the last part of its link, the slug.

use serde::Deserialize;

use super::reading::{Field, count, days, html, in_state, link, profile_fields, shown};
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower, Shown};

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] = &[
    Fact::Bio,
    Fact::Location,
    Fact::Website,
    Fact::ProfileFields,
    Fact::Followers,
    Fact::Following,
    Fact::Posts,
    Fact::DefaultPicture,
    Fact::Age,
    Fact::LastPosted,
    Fact::AccountState,
];

/// Where the question is asked.
pub(super) fn address(Question { server, name, .. }: &Question) -> String {
    format!("https://{server}/api/user/{name}")
}

/// Its texts are escaped as HTML.
#[derive(Deserialize)]
struct User {
    userslug: String,
    aboutme: Option<String>,
    location: Option<String>,
    website: Option<String>,
    #[serde(rename = "followerCount")]
    followers: Option<i64>,
    #[serde(rename = "followingCount")]
    following: Option<i64>,
    postcount: Option<i64>,
    /// Milliseconds since 1970, as is the next one.
    joindate: Option<i64>,
    lastposttime: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    picture: Option<Option<String>>,
    #[serde(default)]
    banned: bool,
    #[serde(rename = "customUserFields")]
    fields: Option<Vec<CustomField>>,
}

/// A field of the forum's own (NodeBB 4). The site and the place are fields there, too.
#[derive(Deserialize)]
struct CustomField {
    key: Option<String>,
    name: Option<String>,
    value: Option<String>,
}

impl CustomField {
    fn read(self) -> Option<Field> {
        let is_other = !["website", "location"].contains(&self.key.as_deref()?);
        is_other.then(|| Field::of_html(self.name, &self.value.unwrap_or_default()))
    }
}

/// Tells a picture that is null from an answer without one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The facts in an answer; `None` if it is unreadable, or about another account than the one asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let user: User = serde_json::from_slice(body).ok()?;
    let decode = |slug: &str| {
        percent_encoding::percent_decode_str(slug).decode_utf8().map(|slug| slug.to_lowercase()).ok()
    };
    if decode(&user.userslug)? != decode(&question.name)? {
        return None;
    }
    let since = |moment: Option<i64>| {
        let moment = moment.filter(|moment| *moment > 0)?;
        days(Timestamp(moment / 1000), now)
    };
    let website = match html(user.website, 500) {
        Shown::Value(website) => link(Some(website)),
        blank => blank,
    };
    let fields: Option<Vec<_>> =
        user.fields.map(|fields| fields.into_iter().filter_map(CustomField::read).collect());
    Some(Follower {
        bio: html(user.aboutme, 2_000),
        location: html(user.location, 200),
        profile_fields: profile_fields(fields.as_deref(), &website),
        website,
        followers: count(user.followers, false),
        following: count(user.following, false),
        posts: count(user.postcount, false),
        default_picture: shown(user.picture.map(|picture| picture.is_none_or(|picture| picture.is_empty()))),
        age: shown(since(user.joindate)),
        last_posted: shown(since(user.lastposttime)),
        account_state: Shown::Value(if user.banned { "suspended" } else { "active" }.to_owned()),
        ..Follower::default()
    })
}

/// What a status other than 200 says of the account. The server's own answer names the path.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    #[derive(Deserialize)]
    struct NotFound {
        #[serde(rename = "path")]
        _path: String,
    }
    (status == 404 && serde_json::from_slice::<NotFound>(body).is_ok()).then(|| in_state("gone"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};

    const ANSWER: &str = r#"{"uid": 77, "username": "Priya V", "userslug": "priya-v", "isLocal": true,
        "joindate": 1797408000000, "lastonline": 1799000000000, "lastposttime": 1799136000000, "picture": null,
        "aboutme": "tea first", "website": "", "location": "Pune", "customUserFields": [
            {"key": "website", "name": "[[user:website]]", "type": "input-link", "value": "x"},
            {"key": "location", "name": "[[user:location]]", "value": "Pune"}, {"key": "bike", "name": "Bike"},
            {"key": "languages", "name": "Languages", "value": "Rust &amp; Go&#x2F;Zig"}], "postcount": 210, "reputation": 55, "followerCount": 94,
        "followingCount": 0, "banned": false}"#;

    #[test]
    fn a_user_is_read() {
        let question = question("nodebb", "forum.example", "priya-v", None);
        assert_eq!(address(&question), "https://forum.example/api/user/priya-v");
        let expected = Follower {
            bio: Shown::Value("tea first".to_owned()),
            location: Shown::Value("Pune".to_owned()),
            website: Shown::Empty,
            profile_fields: Shown::Value("Languages: Rust & Go/Zig".to_owned()),
            followers: Shown::Value(94),
            following: Shown::Value(0),
            posts: Shown::Value(210),
            default_picture: Shown::Value(true),
            age: Shown::Value(30),
            last_posted: Shown::Value(10),
            ..in_state("active")
        };
        assert_eq!(facts(&question, ANSWER.as_bytes(), NOW), Some(expected));
        let banned = ANSWER.replace("\"banned\": false", "\"banned\": true").replace("1799136000000", "0");
        let banned = facts(&question, banned.as_bytes(), NOW).unwrap();
        assert_eq!(banned.account_state, Shown::Value("suspended".to_owned()));
        assert_eq!(banned.last_posted, Shown::NotShown);
    }

    #[test]
    fn texts_are_read_without_the_escapes_of_the_server() {
        let question = question("nodebb", "forum.example", "priya-v", None);
        let answer = ANSWER
            .replace("\"website\": \"\"", "\"website\": \"https:&#x2F;&#x2F;tea.example&#x2F;a\"")
            .replace("tea first", "tea &amp; toast, &lt;3");
        let found = facts(&question, answer.as_bytes(), NOW).unwrap();
        assert_eq!(found.website, Shown::Value("https://tea.example/a".to_owned()));
        assert_eq!(found.bio, Shown::Value("tea & toast, <3".to_owned()));
    }

    #[test]
    fn another_user_is_refused_and_a_name_may_have_any_letters() {
        let read = |name: &str, slug: &str| {
            let answer = ANSWER.replace("\"priya-v\"", &format!("\"{slug}\""));
            facts(&question("nodebb", "forum.example", name, None), answer.as_bytes(), NOW).is_some()
        };
        assert!(read("Priya-V", "priya-v") && read("%E8%91%B5", "葵"));
        assert!(!read("priya", "priya-v") && !read("ann", "ann@far.example"));
        assert_eq!(state(404, br#"{"path": "/user/x", "title": "Not Found"}"#), Some(in_state("gone")));
        assert_eq!((state(404, b"<h1>"), state(403, br#"{"path": "/user/x"}"#)), (None, None));
    }
}

//! The API of Misskey and its forks. Pure.
//!
//! `users/show` fetches an account of another server anew if it is a day old (RemoteUserResolveService; Misskey 12 and older also
//! when it is asked by `userId`), which the follower's server would see. `users/search-by-username-and-host` answers from the
//! database, with all accounts that begin so; it leaves out those that are suspended. `users/show` with `userIds` has answered from
//! the database in every version; it only fetches the account that one has moved to, if the server does not know that yet. A server
//! can hide accounts from visitors (`ugcVisibilityForVisitor`) and then says that there is no such user, so that this says nothing
//! about the account.

use serde::Deserialize;

use super::Next;
use super::reading::{self, count, days, is_link, moment, profile_fields, shown, text, website};
use super::who::is_account_of;
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower, Shown};

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] = &[
    Fact::Name,
    Fact::Bio,
    Fact::Location,
    Fact::Website,
    Fact::ProfileFields,
    Fact::Followers,
    Fact::Following,
    Fact::Posts,
    Fact::DefaultPicture,
    Fact::Verified,
    Fact::Private,
    Fact::Age,
    Fact::Bot,
    Fact::AccountState,
];

/// So many accounts whose names begin alike: as many as fit into the longest answer, of up to 2 KB each.
const MOST: usize = 30;

/// Where the question is asked, and what is sent.
pub(super) fn request(Question { server, name, host, .. }: &Question) -> (String, String) {
    match host {
        None => (
            format!("https://{server}/api/users/show"),
            serde_json::json!({ "username": name, "host": null }).to_string(),
        ),
        Some(host) => (
            format!("https://{server}/api/users/search-by-username-and-host"),
            serde_json::json!({ "username": name, "host": host.as_str(), "limit": MOST, "detail": false })
                .to_string(),
        ),
    }
}

/// What follows the answer to a search, which names the account by an id.
pub(super) fn next(question: &Question, body: &[u8]) -> Next {
    #[derive(Deserialize)]
    struct Found {
        id: String,
        username: String,
        host: Option<String>,
    }
    let Ok(found) = serde_json::from_slice::<Vec<Found>>(body) else { return Next::Unfit };
    if found.is_empty() {
        return Next::Profile;
    }
    let is_same = |user: &Found| is_account_of(question, &user.username, user.host.as_deref());
    match found.into_iter().find(is_same) {
        Some(user) => {
            let body = serde_json::json!({ "userIds": [user.id] }).to_string();
            Next::Ask((format!("https://{}/api/users/show", question.server), Some(body)))
        }
        None => Next::Unfit,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    username: String,
    host: Option<String>,
    name: Option<String>,
    description: Option<String>,
    location: Option<String>,
    avatar_url: Option<String>,
    is_bot: Option<bool>,
    is_locked: Option<bool>,
    #[serde(default)]
    is_silenced: bool,
    #[serde(default)]
    is_suspended: bool,
    created_at: Option<String>,
    followers_count: Option<i64>,
    following_count: Option<i64>,
    notes_count: Option<i64>,
    // Both counts, then each.
    ff_visibility: Option<String>,
    followers_visibility: Option<String>,
    following_visibility: Option<String>,
    fields: Option<Vec<Field>>,
    verified_links: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
    value: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Complaint,
}

#[derive(Deserialize)]
struct Complaint {
    code: String,
}

/// What a status other than 200 says of the account: nothing, where there is none to be seen.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    ((status == 404 || status == 400) && refusal.error.code == "NO_SUCH_USER").then(Follower::default)
}

/// The facts in an answer; `None` if it is unreadable, or not about the account asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let is_remote = question.host.is_some();
    let users = match is_remote {
        true => serde_json::from_slice(body).ok()?,
        false => vec![serde_json::from_slice::<User>(body).ok()?],
    };
    let is_same = |user: &User| is_account_of(question, &user.username, user.host.as_deref());
    let mut users: std::vec::IntoIter<User> = users.into_iter();
    if is_remote && users.as_slice().is_empty() {
        return Some(Follower::default());
    }
    let user = users.find(is_same)?;
    let is_hidden = |visibility: &Option<String>| {
        [visibility, &user.ff_visibility].into_iter().flatten().any(|visibility| visibility != "public")
    };
    // A hidden count is 0.
    let number =
        |value, visibility| if is_hidden(visibility) { Shown::NotShown } else { count(value, is_remote) };
    let (followers, following) = (
        number(user.followers_count, &user.followers_visibility),
        number(user.following_count, &user.following_visibility),
    );
    let state = match () {
        () if user.is_suspended => "suspended",
        () if user.is_silenced => "limited",
        () => "active",
    };
    let age = user.created_at.as_deref().and_then(moment).and_then(|begin| days(begin, now));
    let verified = user.verified_links.as_ref().map(|links| !links.is_empty());
    let verified_link = user.verified_links.into_iter().flatten().find(|link| is_link(link));
    let read = |Field { name, value }: Field| reading::Field::of_text(name, &value);
    let fields: Option<Vec<_>> = user.fields.map(|fields| fields.into_iter().map(read).collect());
    let website = match verified_link {
        Some(verified) => reading::link(Some(verified)),
        None => website(fields.as_deref()),
    };
    Some(Follower {
        // An account without a name has null.
        name: text(Some(user.name.unwrap_or_default()), 200),
        bio: text(Some(user.description.unwrap_or_default()), 2_000),
        location: text(Some(user.location.unwrap_or_default()), 200),
        profile_fields: profile_fields(fields.as_deref(), &website),
        website,
        followers,
        following,
        posts: count(user.notes_count, is_remote),
        default_picture: shown(user.avatar_url.map(|avatar| avatar.contains("/identicon/"))),
        verified: shown(verified),
        private: shown(user.is_locked),
        bot: shown(user.is_bot),
        age: shown(age.filter(|age| !is_remote || *age > 1)),
        account_state: Shown::Value(state.to_owned()),
        ..Follower::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};

    const LOCAL: &str = r#"{"id": "9abcde", "name": "Aoi", "username": "aoi_k", "host": null,
        "avatarUrl": "https://mi.example/identicon/aoi_k@mi.example", "isBot": false, "isSilenced": false,
        "isSuspended": false, "isLocked": true, "createdAt": "2026-12-16T03:04:05.000Z", "description": null,
        "location": "Nara", "fields": [{"name": "Blog", "value": "https://aoi.example/"}, {"name": "x", "value": "y"}],
        "followersCount": 561, "followingCount": 480, "notesCount": 0, "pinnedNotes": []}"#;

    fn read(host: Option<&str>, json: &str) -> Option<Follower> {
        facts(&question("misskey", "mi.example", "aoi_k", host), json.as_bytes(), NOW)
    }

    #[test]
    fn an_account_of_the_server_is_shown() {
        let text = |text: &str| Shown::Value(text.to_owned());
        let expected = Follower {
            name: text("Aoi"),
            bio: Shown::Empty,
            location: text("Nara"),
            website: text("https://aoi.example/"),
            profile_fields: text("x: y"),
            followers: Shown::Value(561),
            following: Shown::Value(480),
            posts: Shown::Value(0),
            default_picture: Shown::Value(true),
            private: Shown::Value(true),
            bot: Shown::Value(false),
            age: Shown::Value(30),
            account_state: text("active"),
            ..Follower::default()
        };
        assert_eq!(read(None, LOCAL), Some(expected));
        let hidden = LOCAL.replace(
            "\"followersCount\": 561",
            "\"followersVisibility\": \"private\", \"followersCount\": 0",
        );
        let hidden = read(None, &hidden).unwrap();
        assert_eq!((hidden.followers, hidden.following), (Shown::NotShown, Shown::Value(480)));
        let limited = read(None, &LOCAL.replace("\"isSilenced\": false", "\"isSilenced\": true")).unwrap();
        assert_eq!(limited.account_state, text("limited"));
    }

    #[test]
    fn an_account_of_another_server_is_found_among_those_that_begin_alike() {
        let far = question("misskey", "mi.example", "aoi_k", Some("far.example"));
        let (address, body) = request(&far);
        assert_eq!(address, "https://mi.example/api/users/search-by-username-and-host");
        assert_eq!(body, r#"{"detail":false,"host":"far.example","limit":30,"username":"aoi_k"}"#);
        let user = |id: &str, name: &str, host: &str| {
            format!(r#"{{"id": "{id}", "username": "{name}", "host": {host}, "avatarUrl": "x"}}"#)
        };
        let (same, longer) =
            (user("b2", "Aoi_K", "\"far.example\""), user("a1", "aoi_k2", "\"far.example\""));
        let next = |body: &str| next(&far, body.as_bytes());
        let ids = Some(r#"{"userIds":["b2"]}"#.to_owned());
        assert_eq!(
            next(&format!("[{longer}, {same}]")),
            Next::Ask(("https://mi.example/api/users/show".to_owned(), ids))
        );
        assert_eq!((next("[]"), read(Some("far.example"), "[]")), (Next::Profile, Some(Follower::default())));
        let elsewhere = user("c3", "aoi_k", "\"farther.example\"");
        for other in [longer, user("d4", "aoi_k", "null"), elsewhere, "{}".to_owned()] {
            assert_eq!(next(&format!("[{other}]")), Next::Unfit, "{other}");
        }
        assert_eq!(next(&same), Next::Unfit);
    }

    #[test]
    fn an_account_of_another_server_is_what_that_one_claims() {
        let remote = LOCAL
            .replace("\"host\": null", "\"host\": \"far.example\"")
            .replace("\"fields\"", "\"verifiedLinks\": [\"https://true.example/\"], \"fields\"");
        let other = remote.replace("\"aoi_k\"", "\"aoi_k2\"");
        let found = read(Some("far.example"), &format!("[{remote}]")).unwrap();
        assert_eq!((found.followers, found.posts), (Shown::Value(561), Shown::NotShown));
        assert_eq!(found.verified, Shown::Value(true));
        assert_eq!(found.website, Shown::Value("https://true.example/".to_owned()));
        assert_eq!(found.profile_fields, Shown::Value("Blog: https://aoi.example/; x: y".to_owned()));
        for other in [format!("[{other}]"), format!("[{LOCAL}]"), LOCAL.to_owned(), "{}".to_owned()] {
            assert_eq!(read(Some("far.example"), &other), None, "{other}");
        }
        assert_eq!(read(None, &remote), None);
    }

    #[test]
    fn an_account_of_the_server_is_asked_for_by_its_name() {
        let (address, body) = request(&question("misskey", "mi.example", "aoi_k", None));
        assert_eq!(address, "https://mi.example/api/users/show");
        assert_eq!(body, r#"{"host":null,"username":"aoi_k"}"#);
    }

    #[test]
    fn no_such_user_says_nothing_since_a_server_can_hide_its_users() {
        let body = br#"{"error": {"message": "No such user.", "code": "NO_SUCH_USER", "id": "x", "kind": "client"}}"#;
        assert_eq!(state(404, body), Some(Follower::default()));
        assert_eq!((state(404, b"<h1>"), state(500, body)), (None, None));
        assert_eq!(state(429, br#"{"error": {"code": "RATE_LIMIT_EXCEEDED"}}"#), None);
    }
}

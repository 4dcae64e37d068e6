//! Mastodon's API, which Pleroma and Akkoma have too: the request, and the facts in the answer. Pure.
//!
//! The server answers from its own database (`skip_webfinger` in its lookup_controller.rb), so that nothing is sent to the
//! follower's server. Of an account of another server it says what that server claimed: an absent or private collection counts 0
//! (process_account_service.rb), and where no date was claimed, the account began when this server first saw it.

use serde::Deserialize;

use super::reading::{
    self, count, days, html, in_state, is_refusal, moment, profile_fields, shown, text, website,
};
use super::who::is_account;
use crate::clock::Timestamp;
use crate::ledger::Question;
use crate::mail::{Fact, Follower, Shown};

/// The facts that it can supply.
pub(super) const SUPPLIES: &[Fact] = &[
    Fact::Name,
    Fact::Bio,
    Fact::Website,
    Fact::ProfileFields,
    Fact::Followers,
    Fact::Following,
    Fact::Posts,
    Fact::DefaultPicture,
    Fact::Verified,
    Fact::Private,
    Fact::Age,
    Fact::LastPosted,
    Fact::Bot,
    Fact::AccountState,
];

/// The pictures of accounts without one.
const NO_PICTURE: [&str; 2] = ["/avatars/original/missing.png", "/images/avi.png"];

/// Where the question is asked.
pub(super) fn address(Question { server, name, host, .. }: &Question) -> String {
    let host = host.as_ref().map(|host| format!("@{host}")).unwrap_or_default();
    format!("https://{server}/api/v1/accounts/lookup?acct={name}{host}")
}

#[derive(Deserialize)]
struct Account {
    acct: String,
    display_name: Option<String>,
    note: Option<String>,
    locked: Option<bool>,
    bot: Option<bool>,
    created_at: Option<String>,
    avatar: Option<String>,
    followers_count: Option<i64>,
    following_count: Option<i64>,
    statuses_count: Option<i64>,
    last_status_at: Option<String>,
    fields: Option<Vec<Field>>,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    limited: bool,
    #[serde(default)]
    pleroma: Pleroma,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
    value: Option<String>,
    verified_at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pleroma {
    hide_followers_count: bool,
    hide_follows_count: bool,
    deactivated: bool,
}

/// What a status other than 200 says of the account. A web server in front of this one answers 404 too, hence the look at the body.
pub(super) fn state(status: u16, body: &[u8]) -> Option<Follower> {
    match status {
        404 if is_refusal(body) => Some(in_state("gone")),
        410 => Some(in_state("suspended")),
        _ => None,
    }
}

/// The facts in an answer; `None` if it is unreadable, or about another account than the one asked for.
pub(super) fn facts(question: &Question, body: &[u8], now: Timestamp) -> Option<Follower> {
    let account: Account = serde_json::from_slice(body).ok()?;
    if !is_account(question, &account.acct) {
        return None;
    }
    let is_remote = question.host.is_some();
    let count = |value, is_hidden: bool| if is_hidden { Shown::NotShown } else { count(value, is_remote) };
    let state = match () {
        () if account.suspended || account.pleroma.deactivated => "suspended",
        () if account.limited => "limited",
        () => "active",
    };
    let age = account.created_at.as_deref().and_then(moment).and_then(|begin| days(begin, now));
    let posted = account.last_status_at.as_deref().and_then(moment).and_then(|last| days(last, now));
    let is_verified =
        account.fields.as_ref().map(|fields| fields.iter().any(|field| field.verified_at.is_some()));
    let read = |Field { name, value, verified_at }: Field| {
        reading::Field::of_html(name, &value.unwrap_or_default()).verified(verified_at.is_some())
    };
    let fields: Option<Vec<_>> = account.fields.map(|fields| fields.into_iter().map(read).collect());
    let website = website(fields.as_deref());
    Some(Follower {
        name: text(account.display_name, 200),
        bio: html(account.note, 2_000),
        profile_fields: profile_fields(fields.as_deref(), &website),
        website,
        followers: count(account.followers_count, account.pleroma.hide_followers_count),
        following: count(account.following_count, account.pleroma.hide_follows_count),
        posts: count(account.statuses_count, false),
        verified: shown(is_verified),
        default_picture: shown(
            account.avatar.map(|avatar| NO_PICTURE.iter().any(|missing| avatar.ends_with(missing))),
        ),
        private: shown(account.locked),
        bot: shown(account.bot),
        // A remote account that is not a day old may only be new to this server.
        age: shown(age.filter(|age| !is_remote || *age > 1)),
        // The server knows only those posts of another server that reached it.
        last_posted: shown(posted.filter(|_| !is_remote)),
        account_state: Shown::Value(state.to_owned()),
        ..Follower::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{self, NOW};

    fn question(name: &str, host: Option<&str>) -> Question {
        testing::question("mastodon", "toot.example", name, host)
    }

    fn read(question: &Question, json: &str) -> Option<Follower> {
        facts(question, json.as_bytes(), NOW)
    }

    const REMOTE: &str = r#"{"id": "1", "username": "quickgains77", "acct": "quickgains77@vps.example",
        "display_name": "Quick Gains", "locked": false, "bot": true, "created_at": "2026-12-16T00:00:00.000Z",
        "note": "<p>Earn at home &amp; rest</p>", "avatar": "https://toot.example/avatars/original/missing.png",
        "followers_count": 3, "following_count": 7499, "statuses_count": 0, "last_status_at": "2027-01-10",
        "hide_collections": null, "emojis": [], "fields": [
            {"name": "Site", "value": "<a href=\"https://gains.example/?r=1\">gains</a>", "verified_at": null},
            {"name": "Languages\n\u202e", "value": "<p>Rust &amp; <b>Go</b></p>", "verified_at": null},
            {"name": "", "value": "they/them"}, {"name": "Empty", "value": " "},
            {"name": "Blog", "value": "<a href=\"https://blog.example/\">blog</a>", "verified_at": "2026-12-20T00:00:00Z"}]}"#;

    #[test]
    fn a_remote_account_is_what_its_server_claims_and_zero_is_unknown() {
        let text = |text: &str| Shown::Value(text.to_owned());
        let expected = Follower {
            name: text("Quick Gains"),
            bio: text("Earn at home & rest"),
            website: text("https://blog.example/"),
            profile_fields: text("Site: gains; Languages: Rust & Go; they/them"),
            followers: Shown::Value(3),
            following: Shown::Value(7499),
            default_picture: Shown::Value(true),
            private: Shown::Value(false),
            verified: Shown::Value(true),
            bot: Shown::Value(true),
            age: Shown::Value(30),
            account_state: text("active"),
            ..Follower::default()
        };
        assert_eq!(read(&question("QuickGains77", Some("vps.example")), REMOTE), Some(expected));
        // First seen today, says the server.
        let new = REMOTE.replace("2026-12-16", "2027-01-14");
        assert_eq!(read(&question("quickgains77", Some("vps.example")), &new).unwrap().age, Shown::NotShown);
    }

    #[test]
    fn an_account_of_the_server_itself_is_known_exactly() {
        let json = r#"{"acct": "ann", "note": "", "display_name": "", "created_at": "2027-01-15T00:00:00.000Z",
            "followers_count": 0, "following_count": 12, "statuses_count": -1, "last_status_at": "2027-01-05", "limited": true}"#;
        let expected = Follower {
            name: Shown::Empty,
            bio: Shown::Empty,
            followers: Shown::Value(0),
            following: Shown::Value(12),
            age: Shown::Value(0),
            last_posted: Shown::Value(10),
            account_state: Shown::Value("limited".to_owned()),
            ..Follower::default()
        };
        assert_eq!(read(&question("ann", None), json), Some(expected));
    }

    #[test]
    fn what_pleroma_hides_is_unknown() {
        let json = r#"{"acct": "kai@far.example", "followers_count": 76, "following_count": 90, "statuses_count": 655,
            "avatar": "https://toot.example/images/avi.png", "pleroma": {"hide_followers_count": true, "tags": []}}"#;
        let kai = read(&question("kai", Some("far.example")), json).unwrap();
        assert_eq!((kai.followers, kai.following), (Shown::NotShown, Shown::Value(90)));
        assert_eq!(kai.default_picture, Shown::Value(true));
    }

    #[test]
    fn an_answer_about_another_account_is_refused() {
        for (name, host, acct, is_same) in [
            ("ann", Some("far.example"), "Ann@FAR.example", true),
            ("ann", Some("bücher.example"), "ann@xn--bcher-kva.example", true),
            ("ann", None, "ann@toot.example", true),
            ("ann", Some("far.example"), "ann", false),
            ("ann", Some("far.example"), "ann@near.example", false),
            ("ann", Some("far.example"), "eve@far.example", false),
            ("ann", None, "ann@far.example", false),
            ("ann", None, "", false),
        ] {
            let json = format!("{{\"acct\": \"{acct}\", \"followers_count\": 1}}");
            assert_eq!(read(&question(name, host), &json).is_some(), is_same, "{name} {host:?}: {acct}");
        }
    }

    #[test]
    fn what_is_not_an_account_is_refused() {
        let deep = format!("{{\"acct\": \"ann\", \"note\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
        for json in [
            "",
            "null",
            "[]",
            "{}",
            "<html>",
            r#"{"acct": 3}"#,
            r#"{"acct": "ann", "followers_count": "many"}"#,
            &deep,
        ] {
            assert_eq!(read(&question("ann", None), json), None, "{}", json.get(..20).unwrap_or(json));
        }
        assert_eq!(state(404, br#"{"error": "Record not found"}"#), Some(in_state("gone")));
        assert_eq!(state(410, b"{}"), Some(in_state("suspended")));
        assert_eq!((state(404, b"<h1>404</h1>"), state(401, br#"{"error": "x"}"#)), (None, None));
    }
}

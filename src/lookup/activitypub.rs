//! A profile by WebFinger and ActivityPub, from a server that the user lists: which account the server means by a name, the
//! account, and the sizes of three collections. Pure; `asker` sends one request after the other.
//!
//! All addresses but the first are the server's choice, so only those on the server itself count. A server that wants signed
//! requests refuses the account, and one whose user hides a collection refuses that.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::reading::{Field, count, days, html, in_state, moment, profile_fields, shown, text, website};
use crate::clock::Timestamp;
use crate::host::HostName;
use crate::ledger::Question;
use crate::mail::{Fact, Follower, Shown};
use crate::web::http::Uri;

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
    Fact::Private,
    Fact::Age,
    Fact::Bot,
    Fact::AccountState,
];

/// What is accepted of each address but the first.
pub(super) const ACCEPT: &str = "application/activity+json";

/// The networks whose followers may be on any server that speaks ActivityPub.
pub(super) fn is_federated(network: &str) -> bool {
    const FEDERATED: [&str; 9] = [
        "mastodon",
        "misskey",
        "peertube",
        "friendica",
        "gnusocial",
        "hubzilla",
        "snac",
        "socialhome",
        "wordpress-activitypub",
    ];
    FEDERATED.contains(&network)
}

/// What a status other than 200 says of the account. A server without WebFinger answers 404, too.
pub(super) fn state(status: u16) -> Option<Follower> {
    match status {
        404 => Some(Follower::default()),
        410 => Some(in_state("suspended")),
        _ => None,
    }
}

/// Where to ask which account is meant (RFC 7033).
pub(super) fn finger(Question { server, name, .. }: &Question) -> String {
    let resource = format!("acct:{name}@{server}");
    let resource = utf8_percent_encode(&resource, NON_ALPHANUMERIC);
    format!("https://{server}/.well-known/webfinger?resource={resource}")
}

#[derive(Deserialize)]
struct Finger {
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    rel: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    href: Option<String>,
}

/// The address of the account, if it is on the same server.
pub(super) fn account(question: &Question, body: &[u8]) -> Option<String> {
    let finger: Finger = serde_json::from_slice(body).ok()?;
    let is_account = |link: &Link| {
        let kind = link.kind.as_deref().unwrap_or_default();
        link.rel.as_deref() == Some("self") && (kind.contains("activity+json") || kind.contains("ld+json"))
    };
    let link = finger.links.into_iter().filter(is_account).find_map(|link| link.href)?;
    is_on(&question.server, &link).then_some(link)
}

/// Is the address one of this server, with https and the usual port?
fn is_on(server: &HostName, address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    uri.scheme_str() == Some("https") && HostName::parse(authority).as_ref() == Some(server)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Actor {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    preferred_username: String,
    name: Option<String>,
    summary: Option<String>,
    published: Option<String>,
    manually_approves_followers: Option<bool>,
    icon: Option<serde::de::IgnoredAny>,
    followers: Option<String>,
    following: Option<String>,
    outbox: Option<String>,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    attachment: Attachments,
}

/// Some servers write one attachment without a list.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Attachments {
    Several(Vec<Attachment>),
    #[default]
    None,
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Attachment {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    total_items: Option<i64>,
}

/// The collections of an account that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Followers,
    Following,
    Posts,
}

/// The facts in an account, and where its collections are; `None` if it is unreadable, or another account than the one asked for.
pub(super) fn facts(
    question: &Question,
    body: &[u8],
    now: Timestamp,
) -> Option<(Follower, Vec<(Counted, String)>)> {
    let actor: Actor = serde_json::from_slice(body).ok()?;
    if !is_on(&question.server, &actor.id) || !actor.preferred_username.eq_ignore_ascii_case(&question.name) {
        return None;
    }
    let age = actor.published.as_deref().and_then(moment).and_then(|begin| days(begin, now));
    let read = |Attachment { name, value }: Attachment| Some(Field::of_html(name, &value?));
    let fields: Option<Vec<_>> = match actor.attachment {
        Attachments::Several(all) => Some(all.into_iter().filter_map(read).collect()),
        Attachments::None | Attachments::Other(_) => None,
    };
    let website = website(fields.as_deref());
    let facts = Follower {
        name: text(actor.name, 200),
        bio: html(actor.summary, 2_000),
        profile_fields: profile_fields(fields.as_deref(), &website),
        website,
        default_picture: Shown::Value(actor.icon.is_none()),
        private: shown(actor.manually_approves_followers),
        bot: shown(actor.kind.map(|kind| ["Service", "Application"].contains(&kind.as_str()))),
        age: shown(age),
        ..in_state(if actor.suspended { "suspended" } else { "active" })
    };
    let collections = [
        (Counted::Followers, actor.followers),
        (Counted::Following, actor.following),
        (Counted::Posts, actor.outbox),
    ];
    let collections = collections.into_iter().filter_map(|(counted, address)| Some((counted, address?)));
    Some((facts, collections.filter(|(_, address)| is_on(&question.server, address)).collect()))
}

/// Fills in the size of a collection.
pub(super) fn fill_in(facts: &mut Follower, counted: Counted, body: &[u8]) {
    let Ok(collection) = serde_json::from_slice::<Collection>(body) else { return };
    // A collection that is hidden has no size, or 0.
    let size = count(collection.total_items, counted != Counted::Posts);
    match counted {
        Counted::Followers => facts.followers = size,
        Counted::Following => facts.following = size,
        Counted::Posts => facts.posts = size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::testing::{NOW, question};

    fn asked() -> Question {
        question("mastodon", "far.example", "linnea", Some("far.example"))
    }

    const ACTOR: &str = r#"{"@context": ["https://www.w3.org/ns/activitystreams", {"toot": "http://joinmastodon.org/ns#"}],
        "id": "https://far.example/users/linnea", "type": "Service", "preferredUsername": "Linnea", "name": "Linnea V",
        "summary": "<p>Slow trains.</p>", "published": "2026-12-16T00:00:00Z", "manuallyApprovesFollowers": true,
        "followers": "https://far.example/users/linnea/followers", "following": "https://evil.example/following",
        "outbox": "http://far.example/users/linnea/outbox", "icon": {"type": "Image", "url": "https://far.example/a.png"},
        "attachment": [{"type": "Image", "url": "https://far.example/b.png"},
            {"type": "PropertyValue", "name": "Pronouns", "value": "<p>they/them</p>"},
            {"type": "PropertyValue", "name": "Home", "value": "<a href=\"https://linnea.example/\">x</a>"}]}"#;

    #[test]
    fn an_account_is_read_and_only_collections_on_its_server_count() {
        let text = |text: &str| Shown::Value(text.to_owned());
        let (mut found, collections) = facts(&asked(), ACTOR.as_bytes(), NOW).unwrap();
        let followers = "https://far.example/users/linnea/followers".to_owned();
        assert_eq!(collections, [(Counted::Followers, followers)]);
        fill_in(&mut found, Counted::Followers, br#"{"type": "OrderedCollection", "totalItems": 348}"#);
        fill_in(&mut found, Counted::Following, br#"{"type": "OrderedCollection", "totalItems": 0}"#);
        fill_in(&mut found, Counted::Posts, br#"{"type": "OrderedCollection", "totalItems": 0}"#);
        let expected = Follower {
            name: text("Linnea V"),
            bio: text("Slow trains."),
            website: text("https://linnea.example/"),
            profile_fields: text("Pronouns: they/them"),
            followers: Shown::Value(348),
            posts: Shown::Value(0),
            default_picture: Shown::Value(false),
            private: Shown::Value(true),
            bot: Shown::Value(true),
            age: Shown::Value(30),
            ..in_state("active")
        };
        assert_eq!(found, expected);
        let odd =
            ACTOR.replace("\"attachment\": [", "\"attachment\": {\"x\": [").replace("</a>\"}]", "</a>\"}]}");
        assert!(facts(&asked(), odd.as_bytes(), NOW).is_some());
    }

    #[test]
    fn another_account_or_server_is_refused() {
        for (old, new) in [
            ("\"Linnea\"", "\"eve\""),
            ("https://far.example/users/linnea\"", "https://evil.example/users/linnea\""),
            ("https://far.example/users/linnea\"", "https://far.example:8443/users/linnea\""),
            ("https://far.example/users/linnea\"", "https://x@far.example/users/linnea\""),
            ("\"id\": ", "\"no\": "),
        ] {
            assert_eq!(facts(&asked(), ACTOR.replacen(old, new, 1).as_bytes(), NOW), None, "{new}");
        }
    }

    #[test]
    fn the_account_has_to_be_on_the_server_that_was_asked() {
        assert_eq!(
            finger(&asked()),
            "https://far.example/.well-known/webfinger?resource=acct%3Alinnea%40far%2Eexample"
        );
        let read = |rel: &str, kind: &str, href: &str| {
            let body = format!(
                r#"{{"subject": "acct:linnea@far.example", "links": [
                    {{"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": "https://far.example/@linnea"}},
                    {{"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "https://far.example/x?uri={{uri}}"}},
                    {{"rel": "{rel}", "type": "{kind}", "href": "{href}"}}]}}"#
            );
            account(&asked(), body.as_bytes())
        };
        let (json, own) = ("application/activity+json", "https://far.example/users/linnea");
        assert_eq!(read("self", json, own), Some(own.to_owned()));
        for (rel, kind, href) in [
            ("self", "text/html", own),
            ("alternate", json, own),
            ("self", json, "https://evil.example/users/linnea"),
            ("self", json, "https://127.0.0.1/users/linnea"),
            ("self", json, "http://far.example/users/linnea"),
            ("self", json, "https://far.example:22/"),
            ("self", json, "file:///etc/passwd"),
            ("self", json, "//"),
        ] {
            assert_eq!(read(rel, kind, href), None, "{href}");
        }
    }
}

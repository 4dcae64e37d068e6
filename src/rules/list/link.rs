//! Extracts the account from a link to a profile. Pure.

use percent_encoding::percent_decode_str;

use super::Person;

/// Sites on which the first part of the path is an account.
const BY_FIRST: [&str; 10] = [
    "x.com",
    "twitter.com",
    "instagram.com",
    "tumblr.com",
    "twitch.tv",
    "github.com",
    "gitlab.com",
    "dev.to",
    "facebook.com",
    "pinterest.com",
];

/// First parts of paths there that are the site's own pages.
const NO_ACCOUNTS: [&str; 24] = [
    "home",
    "i",
    "intent",
    "search",
    "explore",
    "hashtag",
    "settings",
    "notifications",
    "messages",
    "login",
    "signup",
    "share",
    "about",
    "help",
    "tos",
    "privacy",
    "p",
    "reel",
    "stories",
    "watch",
    "groups",
    "pages",
    "profile.php",
    "people",
];

/// Sites on which the account follows a fixed word, or `/@`.
const BY_WORD: [(&str, &str); 5] = [
    ("linkedin.com", "in"),
    ("bsky.app", "profile"),
    ("youtube.com", "user"),
    ("youtube.com", "c"),
    ("flickr.com", "people"),
];
const BY_SIGN: [&str; 6] =
    ["youtube.com", "tiktok.com", "threads.net", "threads.com", "medium.com", "tumblr.com"];

/// Sites on which the name in the link is the display name.
const BY_NAME: [(&str, &str); 2] = [("openstreetmap.org", "user"), ("quora.com", "profile")];

/// Words before the account on sites that anyone can run: Mastodon and compatible servers, Misskey, Friendica, Hubzilla,
/// PeerTube, BuddyPress, Elgg, NodeBB.
const FEDERATED: [&str; 10] =
    ["users", "user", "u", "profile", "channel", "accounts", "a", "c", "members", "author"];

/// The account in a link, with or without `https://`, or in `acct:bob@host` (RFC 7565).
pub(super) fn person(link: &str) -> Option<Person> {
    let link = link.trim();
    if link.contains(char::is_whitespace) || link.chars().any(char::is_control) {
        return None;
    }
    if let Some(account) = link.strip_prefix("acct:") {
        let account = account.trim_start_matches('@');
        return Some(account).filter(|it| it.chars().any(char::is_alphanumeric)).map(handle);
    }
    let scheme = ["https://", "http://"].into_iter().find_map(|scheme| link.strip_prefix(scheme));
    let rest = scheme.unwrap_or(link);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_lowercase();
    let labels: Vec<_> = host.split('.').collect();
    let is_host = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && host.chars().all(|c| c.is_alphanumeric() || ".-:".contains(c));
    if !is_host {
        return None;
    }
    let path: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .take(4)
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let site = ["www.", "mobile.", "m.", "de.", "en."].iter().find_map(|prefix| host.strip_prefix(prefix));
    on_site(site.unwrap_or(&host), &path).unwrap_or_else(|| federated(&host, &path))
}

/// The account on one of the known central sites; `None` for another site, `Some(None)` for a page that is not a profile.
fn on_site(site: &str, path: &[&str]) -> Option<Option<Person>> {
    let first = path.first().copied().unwrap_or_default();
    let second = path.get(1).copied();
    let account = |text: &str| usable(text).then(|| handle(text));
    if let Some(blog) = site.strip_suffix(".tumblr.com") {
        return Some(account(blog));
    }
    if let Some(signed) = first.strip_prefix('@').filter(|_| BY_SIGN.contains(&site)) {
        return Some(account(signed));
    }
    if let Some((_, word)) = BY_NAME.into_iter().find(|(known, _)| *known == site) {
        let name = second.filter(|_| first == word).map(|name| name.replace(['-', '+'], " "));
        // A name on openstreetmap.org may contain a hyphen.
        let name =
            if site == "quora.com" { name } else { second.filter(|_| first == word).map(str::to_owned) };
        return Some(name.filter(|name| usable(name)).map(Person::Name));
    }
    if BY_WORD.iter().any(|(known, _)| *known == site) {
        let named = BY_WORD.iter().any(|(known, word)| *known == site && *word == first);
        return Some(second.filter(|_| named).and_then(account));
    }
    if BY_FIRST.contains(&site) {
        let own = NO_ACCOUNTS.contains(&first.to_lowercase().as_str());
        return Some(Some(first.trim_start_matches('@')).filter(|_| !own).and_then(account));
    }
    BY_SIGN.contains(&site).then_some(None)
}

/// The account on a site that anyone can run.
fn federated(host: &str, path: &[&str]) -> Option<Person> {
    let path = if path.first() == Some(&"web") { path.get(1..)? } else { path };
    let first = path.first()?;
    let account = match first.strip_prefix('@') {
        Some(account) => account,
        None if FEDERATED.contains(first) => path.get(1)?.trim_start_matches('@'),
        None => return None,
    };
    if !usable(account) || account.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Some(handle(&if account.contains('@') { account.to_owned() } else { format!("{account}@{host}") }))
}

fn usable(account: &str) -> bool {
    account.chars().any(char::is_alphanumeric)
        && !account.chars().any(|c| c.is_control() || "<>\"/\\:;,".contains(c))
        && !account.ends_with('@')
}

fn handle(text: &str) -> Person {
    Person::Handle(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_profile_names_its_account() {
        for (link, expected) in [
            ("https://m.example/@bob", "bob@m.example"),
            ("https://m.example/@bob/", "bob@m.example"),
            ("http://M.Example/@bob?x=1", "bob@m.example"),
            ("m.example/@bob", "bob@m.example"),
            ("https://m.example/web/@bob@far.example", "bob@far.example"),
            ("https://m.example/users/bob", "bob@m.example"),
            ("https://f.example/profile/bob", "bob@f.example"),
            ("https://f.example:8080/u/bob", "bob@f.example:8080"),
            ("https://x.com/bob", "bob"),
            ("x.com/bob", "bob"),
            ("https://mobile.twitter.com/bob?s=20", "bob"),
            ("https://www.instagram.com/bob/", "bob"),
            ("https://bob.tumblr.com/", "bob"),
            ("https://www.tumblr.com/bob", "bob"),
            ("https://www.youtube.com/@bob", "bob"),
            ("https://www.linkedin.com/in/bob-reed", "bob-reed"),
            ("https://bsky.app/profile/bob.example", "bob.example"),
            ("acct:bob@m.example", "bob@m.example"),
        ] {
            assert_eq!(person(link), Some(Person::Handle(expected.into())), "{link}");
        }
        let name = |text: &str| Some(Person::Name(text.into()));
        assert_eq!(person("https://www.openstreetmap.org/user/Bo%20Reed"), name("Bo Reed"));
        assert_eq!(person("https://www.quora.com/profile/Bo-Reed"), name("Bo Reed"));
    }

    #[test]
    fn a_link_to_anything_else_has_no_account() {
        for link in [
            "https://m.example/",
            "https://m.example",
            "https://m.example/about",
            "https://m.example/users/123",
            "https://x.com/",
            "https://x.com/home",
            "https://www.facebook.com/profile.php?id=1",
            "https:///@bob",
            "https://www.strava.com/athletes/12",
            "https://m.example/@",
            "https://a b/@c",
            "bob",
            "J.R.",
            "Ana/Bo",
            "https://www.youtube.com/watch?v=1",
            "acct:",
            "ana@m.example",
        ] {
            assert_eq!(person(link), None, "{link}");
        }
    }
}

//! Who may be asked about a follower, if anybody. Pure, since this is what keeps a spammer from learning that a message was read:
//! no message that is forged, unproven or from a strange server leads to a request.

use super::{Way, x};
use crate::assess::{self, Assessment, Rulebook};
use crate::clock::Timestamp;
use crate::host::{HostName, Instance};
use crate::ledger::{Answer, Question};
use crate::mail::{Authenticity, Fact, Follower, FollowerKey, Network, Notification, Recognition, Shown};
use crate::settings::{Account, Lookup, Site};
use crate::web::http::Uri;

/// The longest name of an account that is asked about.
const LONGEST_NAME: usize = 100;

/// Whose followers they are: what may be asked for, and the user's own servers.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// What may be looked up.
    pub lookup: &'a Lookup,
    /// The user's own servers.
    pub instances: &'a [Instance],
}

impl<'a> From<&'a Account> for Whose<'a> {
    fn from(account: &'a Account) -> Self {
        Self { lookup: &account.lookup, instances: &account.instances }
    }
}

/// Why nobody is asked about a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unasked {
    /// There is no way to ask for profiles of this network.
    NoWay,
    /// The settings do not switch it on.
    Off,
    /// The message is not proven authentic.
    NotProven,
    /// The server is not one of the user's own.
    NotYourServer,
    /// The account is on another server, to which the user's own would send the question on.
    Elsewhere,
    /// The handle cannot be one of that network.
    NoHandle,
}

/// The question about a follower that may be asked, or why there is none.
///
/// # Errors
/// If nobody may be asked.
pub fn question(
    notification: &Notification,
    follower: &Follower,
    whose: Whose<'_>,
) -> Result<Question, Unasked> {
    let network = &notification.network;
    if Way::all(network.as_str(), |_| true).next().is_none() {
        return Err(Unasked::NoWay);
    }
    if !matches!(notification.authentic, Authenticity::Pass(_)) {
        return Err(Unasked::NotProven);
    }
    let shown = notification.instance.as_deref().and_then(HostName::parse);
    direct(notification.key(follower), Named::by(network, follower), shown.as_ref(), whose)
}

/// The question about a handle of a network, to be asked of this server of the user's own where the network has such.
///
/// # Errors
/// If nobody may be asked.
pub fn about(
    network: &Network,
    handle: &str,
    server: Option<&HostName>,
    whose: Whose<'_>,
) -> Result<Question, Unasked> {
    let handle = handle.trim_start_matches('@').to_owned();
    let follower = Follower { handle: Shown::Value(handle), ..Follower::default() };
    let key = FollowerKey::new(network, server.map(HostName::as_str), &follower);
    direct(key, Named::by(network, &follower), server, whose)
}

/// Directs a question to the user's own server, else to X or to a server that the user lists.
fn direct(
    follower: FollowerKey,
    named: Result<Named, Unasked>,
    shown: Option<&HostName>,
    Whose { lookup, instances }: Whose<'_>,
) -> Result<Question, Unasked> {
    let network = follower.network().as_str().to_owned();
    let mut ways = Way::all(&network, |way| way.is_on(lookup)).peekable();
    if ways.peek().is_none() {
        let has_way = Way::all(&network, |_| true).next().is_some();
        return Err(if has_way { Unasked::Off } else { Unasked::NoWay });
    }
    let own = instances.iter().find(|own| shown == Some(&own.host));
    let mut why = Unasked::NotYourServer;
    for way in ways {
        let (server, host) = match (way, own, &named) {
            // A message of the network itself has no server; where there is one, it has to be the user's own.
            (Way::X, ..) => (HostName::parse(x::SERVER), Ok(None)),
            (Way::Own(_), None, _) | (Way::ActivityPub, None, _) => continue,
            (_, _, Err(_)) => (None, Err(Unasked::NoHandle)),
            (Way::Own(_), Some(own), Ok(named)) => {
                let host = named.host.clone().filter(|host| *host != own.host && *host != own.from);
                let is_elsewhere = host.is_some() && !way.knows_others();
                (Some(own.host.clone()), if is_elsewhere { Err(Unasked::Elsewhere) } else { Ok(host) })
            }
            (Way::ActivityPub, Some(own), Ok(named)) => {
                let host = named.host.clone().unwrap_or_else(|| own.host.clone());
                if !lookup.ask.contains(&host) {
                    continue;
                }
                (Some(host.clone()), Ok(Some(host)))
            }
        };
        let named = named.clone()?;
        match (server, host) {
            (Some(server), Ok(host)) if way != Way::X || named.host.is_none() => {
                return Ok(Question { follower, server, name: named.name, host });
            }
            (_, Err(reason)) => why = reason,
            _ => why = Unasked::NoHandle,
        }
    }
    Err(why)
}

/// An account as a message names it.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    host: Option<HostName>,
}

impl Named {
    /// By the handle, else by the last part of the profile's link.
    fn by(network: &Network, follower: &Follower) -> Result<Self, Unasked> {
        let linked;
        let (handle, host) = match (follower.handle.value(), follower.url.value()) {
            (Some(handle), _) => (handle.trim_start_matches('@'), None),
            (None, Some(link)) => {
                linked = of_link(network, link).ok_or(Unasked::NoHandle)?;
                (linked.0.as_str(), Some(linked.1))
            }
            (None, None) => return Err(Unasked::NoHandle),
        };
        let (name, host) = match handle.split_once('@') {
            Some((name, host)) => (name, Some(HostName::parse(host).ok_or(Unasked::NoHandle)?)),
            None => (handle, host),
        };
        let is_encoded = name.contains('%') && network.as_str() == Site::NodeBb.key();
        if name.is_empty() || name.len() > LONGEST_NAME || !(is_plain(name) || is_encoded && is_letters(name))
        {
            return Err(Unasked::NoHandle);
        }
        Ok(Self { name: name.to_owned(), host })
    }
}

/// Can it be a part of an address as it is, and no more than that part?
fn is_plain(name: &str) -> bool {
    let is_dots = name.chars().all(|c| c == '.');
    !is_dots && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '~'))
}

/// The same with letters that are not ASCII, as links encode them.
fn is_letters(name: &str) -> bool {
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8();
    decoded.is_ok_and(|text| {
        text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '~')) && !text.is_ascii()
    })
}

/// The name and the host of an account by the link to its profile.
fn of_link(network: &Network, link: &str) -> Option<(String, HostName)> {
    let link: Uri = link.parse().ok()?;
    let host = HostName::parse(link.authority()?.as_str())?;
    let mut parts = link.path().trim_matches('/').split('/');
    let (folder, name) = match (parts.next()?, parts.next(), parts.next()) {
        (name, None, _) => ("", name),
        (folder, Some(name), None) => (folder, name),
        _ => return None,
    };
    let fits = match network.as_str() {
        "nodebb" => folder == "user",
        "forem" => folder.is_empty(),
        _ => ["", "users", "accounts", "a", "u", "profile", "channel"].contains(&folder),
    };
    let name = if folder.is_empty() { name.trim_start_matches('@') } else { name };
    fits.then(|| (name.to_owned(), host))
}

/// Is this the account that was asked about, as the server names it: without a host if it is one of its own?
pub(super) fn is_account(question: &Question, acct: &str) -> bool {
    let (name, host) = acct.split_once('@').map_or((acct, None), |(name, host)| (name, Some(host)));
    is_account_of(question, name, host)
}

/// The same for a name and a host.
pub(super) fn is_account_of(question: &Question, name: &str, host: Option<&str>) -> bool {
    let is_host = match host.map(HostName::parse) {
        None => question.host.is_none(),
        Some(None) => false,
        Some(Some(host)) => host == *question.host.as_ref().unwrap_or(&question.server),
    };
    is_host && name.eq_ignore_ascii_case(&question.name)
}

/// The questions whose answers could change what becomes of a message: none if it is decided, or if no rule lacks a fact.
pub fn wanted(assessment: &Assessment, rulebook: &Rulebook, whose: Whose<'_>) -> Vec<Question> {
    if !whose.lookup.is_on() {
        return Vec::new();
    }
    undecided(assessment)
        .filter_map(|(notification, follower)| {
            let question = question(notification, follower, whose).ok()?;
            let supplies = Way::of(&question)?.supplies();
            assess::lacks_a_fact(notification, follower, rulebook, supplies).then_some(question)
        })
        .collect()
}

/// Why nobody is asked about a follower on whom a message depends, if nobody is.
pub fn unasked(assessment: &Assessment, rulebook: &Rulebook, whose: Whose<'_>) -> Option<Unasked> {
    undecided(assessment)
        .filter(|(notification, follower)| assess::lacks_a_fact(notification, follower, rulebook, &Fact::ALL))
        .find_map(|(notification, follower)| question(notification, follower, whose).err())
}

/// The followers that keep a message undecided and were not looked up.
fn undecided(assessment: &Assessment) -> impl Iterator<Item = (&Notification, &Follower)> {
    let notification = match &assessment.recognition {
        Recognition::Recognised(it) if assessment.class.is_none() && assessment.restraint.is_none() => {
            Some(it)
        }
        _ => None,
    };
    notification.into_iter().flat_map(|notification| {
        let followers = notification.followers.iter().zip(&assessment.verdicts);
        followers
            .filter(|(follower, verdict)| verdict.class.is_none() && follower.looked_up.is_none())
            .map(move |(follower, _)| (notification, follower))
    })
}

/// Completes the followers of a message with the answers that there are; only those about whom a question may be asked.
///
/// # Errors
/// If `answer` fails.
pub fn complete<E>(
    notification: &mut Notification,
    whose: Whose<'_>,
    now: Timestamp,
    mut answer: impl FnMut(&Question) -> Result<Option<Answer>, E>,
) -> Result<(), E> {
    if !whose.lookup.is_on() {
        return Ok(());
    }
    let questions: Vec<_> =
        notification.followers.iter().map(|follower| question(notification, follower, whose)).collect();
    for (follower, question) in notification.followers.iter_mut().zip(questions) {
        let Ok(question) = question else { continue };
        if let Some(Answer { server, at, follower: facts }) = answer(&question)? {
            follower.complete(&facts, &server, at, now);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Kind;

    fn instances() -> Vec<Instance> {
        let host = |name| HostName::parse(name).unwrap();
        vec![
            Instance::new(host("toot.example")),
            Instance { host: host("social.example"), from: host("people.example") },
        ]
    }

    fn notification(authentic: Authenticity, instance: Option<&str>, handle: &str) -> Notification {
        Notification {
            network: Network::new("mastodon").unwrap(),
            title: "Mastodon".into(),
            kind: Kind::Follow,
            layout: "card".into(),
            authentic,
            instance: instance.map(str::to_owned),
            followers: vec![Follower { handle: Shown::Value(handle.to_owned()), ..Follower::default() }],
            complete: true,
            received: Timestamp(0),
        }
    }

    fn asked(notification: &Notification, lookup: &Lookup) -> Result<String, Unasked> {
        let whose = Whose { lookup, instances: &instances() };
        question(notification, &notification.followers[0], whose)
            .map(|question| super::super::request(&question))
    }

    fn on() -> Lookup {
        Lookup { own_server: Site::ALL.into(), ..Lookup::default() }
    }

    fn pass() -> Authenticity {
        Authenticity::Pass("mx.example: dkim=pass toot.example".to_owned())
    }

    #[test]
    fn only_ones_own_server_is_asked_and_only_for_a_proven_message() {
        let at = "GET https://toot.example/api/v1/accounts/lookup?acct=";
        let ann = |authentic, instance| notification(authentic, instance, "ann@far.example");
        let toot = Some("toot.example");
        assert_eq!(asked(&ann(pass(), toot), &on()), Ok(format!("{at}ann@far.example")));
        assert_eq!(asked(&ann(pass(), toot), &Lookup::default()), Err(Unasked::Off));
        for unproven in [
            Authenticity::Unknown,
            Authenticity::Fail("mx.example: dkim=fail".to_owned()),
            Authenticity::Relayed { by: crate::host::RelayService::SimpleLogin, is_vouched: true },
        ] {
            assert_eq!(asked(&ann(unproven, toot), &on()), Err(Unasked::NotProven));
        }
        for strange in
            [Some("evil.example"), Some("toot.example:8443"), Some("far.example"), Some("127.0.0.1"), None]
        {
            assert_eq!(asked(&ann(pass(), strange), &on()), Err(Unasked::NotYourServer), "{strange:?}");
        }
        let closed = Notification { network: Network::new("instagram").unwrap(), ..ann(pass(), toot) };
        assert_eq!(asked(&closed, &on()), Err(Unasked::NoWay));
    }

    #[test]
    fn a_name_becomes_no_other_part_of_the_address() {
        let at = "/api/v1/accounts/lookup?acct=";
        for (instance, handle, expected) in [
            ("toot.example", "ann", Ok("ann")),
            ("toot.example", "@ann@toot.example", Ok("ann")),
            ("TOOT.example", "ann@TOOT.example", Ok("ann")),
            ("social.example", "ann@people.example", Ok("ann")),
            ("toot.example", "a.n-n_1@bücher.example", Ok("a.n-n_1@xn--bcher-kva.example")),
            ("toot.example", "ann&resolve=true", Err(Unasked::NoHandle)),
            ("toot.example", "ann/../../x", Err(Unasked::NoHandle)),
            ("toot.example", "ann@far.example:80", Err(Unasked::NoHandle)),
            ("toot.example", "ann@far.example/x", Err(Unasked::NoHandle)),
            ("toot.example", "ann@", Err(Unasked::NoHandle)),
            ("toot.example", "", Err(Unasked::NoHandle)),
            ("toot.example", "änn", Err(Unasked::NoHandle)),
        ] {
            let found = asked(&notification(pass(), Some(instance), handle), &on());
            let expected = expected.map(|acct| format!("GET https://{}{at}{acct}", instance.to_lowercase()));
            assert_eq!(found, expected, "{handle}");
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        assert_eq!(asked(&notification(pass(), Some("toot.example"), &long), &on()), Err(Unasked::NoHandle));
    }

    fn of(network: &str, instance: Option<&str>, handle: Option<&str>, url: Option<&str>) -> Notification {
        let shown = |text: Option<&str>| text.map_or(Shown::NotShown, |text| Shown::Value(text.to_owned()));
        let follower = Follower { handle: shown(handle), url: shown(url), ..Follower::default() };
        let network = Network::new(network).unwrap();
        Notification { network, followers: vec![follower], ..notification(pass(), instance, "") }
    }

    #[test]
    fn a_name_is_taken_from_the_link_where_there_is_no_handle() {
        let toot = "toot.example";
        for (network, url, expected) in [
            ("nodebb", "https://toot.example/user/ann-b", Ok("GET https://toot.example/api/user/ann-b")),
            (
                "nodebb",
                "https://toot.example/user/%E8%91%B5",
                Ok("GET https://toot.example/api/user/%E8%91%B5"),
            ),
            ("nodebb", "https://toot.example/user/a%2F..%2Fb", Err(Unasked::NoHandle)),
            ("nodebb", "https://toot.example/user/..", Err(Unasked::NoHandle)),
            ("nodebb", "https://toot.example/uid/7", Err(Unasked::NoHandle)),
            ("nodebb", "https://far.example/user/ann", Err(Unasked::Elsewhere)),
            (
                "forem",
                "https://toot.example/ann_b",
                Ok("GET https://toot.example/api/users/by_username?url=ann_b"),
            ),
            ("forem", "https://evil.example/ann_b", Err(Unasked::Elsewhere)),
            (
                "peertube",
                "https://toot.example/accounts/ann",
                Ok("GET https://toot.example/api/v1/accounts/ann"),
            ),
            ("peertube", "https://far.example/@ann?x=1", Err(Unasked::Elsewhere)),
            ("peertube", "https://far.example:8443/@ann", Err(Unasked::NoHandle)),
            ("peertube", "https://far.example/", Err(Unasked::NoHandle)),
            ("peertube", "https://far.example/ap/users/1", Err(Unasked::NoHandle)),
        ] {
            let found = asked(&of(network, Some(toot), None, Some(url)), &on());
            assert_eq!(found, expected.map(str::to_owned), "{url}");
        }
        // Whose server would be asked, and learn of it.
        let named = of("peertube", Some(toot), Some("ann@far.example"), None);
        assert_eq!(asked(&named, &on()), Err(Unasked::Elsewhere));
        let listed = Lookup { ask: [HostName::parse("far.example").unwrap()].into(), ..on() };
        assert!(
            asked(&named, &listed).unwrap().starts_with("GET https://far.example/.well-known/webfinger?")
        );
        let misskey = of("misskey", Some(toot), Some("ann"), None);
        let expected =
            "POST https://toot.example/api/users/show {\"host\":null,\"username\":\"ann\"}".to_owned();
        assert_eq!(asked(&misskey, &on()), Ok(expected));
    }

    #[test]
    fn another_server_is_asked_only_if_the_user_lists_it() {
        let ask = ["far.example", "toot.example"].map(|host| HostName::parse(host).unwrap());
        let lookup = Lookup { ask: ask.into(), ..Lookup::default() };
        let finger = |host: &str| {
            let host = host.replace('.', "%2E");
            move |server: &str| {
                format!("GET https://{server}/.well-known/webfinger?resource=acct%3Aann%40{host}")
            }
        };
        let toot = Some("toot.example");
        let far = finger("far.example")("far.example");
        assert_eq!(
            asked(&of("friendica", toot, None, Some("https://far.example/profile/ann")), &lookup),
            Ok(far.clone())
        );
        assert_eq!(asked(&of("mastodon", toot, Some("ann@far.example"), None), &lookup), Ok(far));
        assert_eq!(
            asked(&of("mastodon", toot, Some("ann"), None), &lookup),
            Ok(finger("toot.example")("toot.example"))
        );
        for (instance, handle) in
            [(toot, "ann@evil.example"), (Some("evil.example"), "ann@far.example"), (None, "ann@far.example")]
        {
            let message = of("mastodon", instance, Some(handle), None);
            assert_eq!(asked(&message, &lookup), Err(Unasked::NotYourServer), "{handle}");
        }
        let unproven = Notification {
            authentic: Authenticity::Unknown,
            ..of("mastodon", toot, Some("ann@far.example"), None)
        };
        assert_eq!(asked(&unproven, &lookup), Err(Unasked::NotProven));
        // The user's own server goes first.
        let both = Lookup { ask: lookup.ask, ..on() };
        let own = asked(&of("mastodon", toot, Some("ann@far.example"), None), &both).unwrap();
        assert!(own.starts_with("GET https://toot.example/api/v1/"), "{own}");
    }

    #[test]
    fn x_is_asked_with_a_token_alone_and_at_its_own_server() {
        let lookup = Lookup { x_token: Some("token".into()), ..Lookup::default() };
        let message = of("x", None, Some("BlueMoon"), None);
        let found = asked(&message, &lookup).unwrap();
        assert!(
            found.starts_with("GET https://api.x.com/2/users/by/username/BlueMoon?user.fields="),
            "{found}"
        );
        assert_eq!(asked(&message, &on()), Err(Unasked::Off));
        assert_eq!(asked(&of("x", None, Some("a@evil.example"), None), &lookup), Err(Unasked::NoHandle));
        assert_eq!(asked(&of("x", None, Some("a/../b"), None), &lookup), Err(Unasked::NoHandle));
        let unproven = Notification { authentic: Authenticity::Unknown, ..message };
        assert_eq!(asked(&unproven, &lookup), Err(Unasked::NotProven));
    }
}

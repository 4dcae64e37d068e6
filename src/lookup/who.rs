//! Who may be asked about a follower, if anybody. Pure, since this is what keeps a spammer from learning that a message was read:
//! no message that is forged, unproven or from a strange server leads to a request.

use crate::assess::{self, Assessment, Rulebook};
use crate::clock::Timestamp;
use crate::host::{HostName, Instance};
use crate::ledger::{Answer, Question};
use crate::mail::{Authenticity, Follower, FollowerKey, Network, Notification, Recognition};
use crate::settings::{Account, Lookup, Site};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// There is no way to ask for profiles of this network.
    NoWay,
    /// The settings do not switch it on.
    Off,
    /// The message is not proven authentic.
    NotProven,
    /// The server is not one of the user's own.
    NotYourServer,
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
    if Site::of_network(notification.network.as_str()).is_none() {
        return Err(Unasked::NoWay);
    }
    if !matches!(notification.authentic, Authenticity::Pass(_)) {
        return Err(Unasked::NotProven);
    }
    let shown = notification.instance.as_deref().and_then(HostName::parse).ok_or(Unasked::NotYourServer)?;
    let handle = follower.handle.value().ok_or(Unasked::NoHandle)?;
    about(&notification.network, handle, &shown, whose)
}

/// The question about a handle of a network, to be asked of one of the user's own servers.
///
/// # Errors
/// If nobody may be asked.
pub fn about(
    network: &Network,
    handle: &str,
    server: &HostName,
    whose: Whose<'_>,
) -> Result<Question, Unasked> {
    let site = Site::of_network(network.as_str()).ok_or(Unasked::NoWay)?;
    if !whose.lookup.own_server.contains(&site) {
        return Err(Unasked::Off);
    }
    let own = whose.instances.iter().find(|own| own.host == *server).ok_or(Unasked::NotYourServer)?;
    let handle = handle.trim_start_matches('@');
    let (name, host) = handle.split_once('@').map_or((handle, None), |(name, host)| (name, Some(host)));
    let host = host.map(|host| HostName::parse(host).ok_or(Unasked::NoHandle)).transpose()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '~');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
        return Err(Unasked::NoHandle);
    }
    let follower = Follower { handle: crate::mail::Shown::Value(handle.to_owned()), ..Follower::default() };
    Ok(Question {
        follower: FollowerKey::new(network, Some(server.as_str()), &follower),
        server: own.host.clone(),
        name: name.to_owned(),
        host: host.filter(|host| *host != own.host && *host != own.from),
    })
}

/// Is this the account that was asked about, as the server names it: without a host if it is one of its own?
pub(super) fn is_account(question: &Question, acct: &str) -> bool {
    let (name, host) = acct.split_once('@').map_or((acct, None), |(name, host)| (name, Some(host)));
    let is_host = match host.map(HostName::parse) {
        None => question.host.is_none(),
        Some(None) => false,
        Some(Some(host)) => host == *question.host.as_ref().unwrap_or(&question.server),
    };
    is_host && name.eq_ignore_ascii_case(&question.name)
}

/// The questions whose answers could change what becomes of a message: none if it is decided, or if no rule lacks a fact.
pub fn wanted(assessment: &Assessment, rulebook: &Rulebook, whose: Whose<'_>) -> Vec<Question> {
    let Recognition::Recognised(notification) = &assessment.recognition else { return Vec::new() };
    if !whose.lookup.is_on() || assessment.class.is_some() || assessment.restraint.is_some() {
        return Vec::new();
    }
    let undecided = notification.followers.iter().zip(&assessment.verdicts);
    undecided
        .filter(|(follower, verdict)| verdict.class.is_none() && follower.looked_up.is_none())
        .filter_map(|(follower, _)| Some((follower, question(notification, follower, whose).ok()?)))
        .filter(|(follower, _)| {
            let site = Site::of_network(notification.network.as_str());
            site.is_some_and(|site| {
                assess::lacks_a_fact(notification, follower, rulebook, super::supplies(site))
            })
        })
        .map(|(_, question)| question)
        .collect()
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
    use crate::mail::{Kind, Shown};

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
            title: "Mastodon".to_owned(),
            kind: Kind::Follow,
            layout: "card".to_owned(),
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
            .map(|question| super::super::address(&question))
    }

    fn on() -> Lookup {
        Lookup { own_server: Site::ALL.into(), ..Lookup::default() }
    }

    fn pass() -> Authenticity {
        Authenticity::Pass("mx.example: dkim=pass toot.example".to_owned())
    }

    #[test]
    fn only_ones_own_server_is_asked_and_only_for_a_proven_message() {
        let at = "https://toot.example/api/v1/accounts/lookup?acct=";
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
        let x = Notification { network: Network::new("instagram").unwrap(), ..ann(pass(), toot) };
        assert_eq!(asked(&x, &on()), Err(Unasked::NoWay));
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
            let expected = expected.map(|acct| format!("https://{}{at}{acct}", instance.to_lowercase()));
            assert_eq!(found, expected, "{handle}");
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        assert_eq!(asked(&notification(pass(), Some("toot.example"), &long), &on()), Err(Unasked::NoHandle));
    }
}

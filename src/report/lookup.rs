//! What `lookup`, `networks` and the service say about public profiles.

use std::fmt::Write as _;

use crate::clock::Timestamp;
use crate::host::HostName;
use crate::ledger::{Answer, Question};
use crate::lookup::{self, LookupFault, Unasked, Way};
use crate::mail::{Fact, FactRef, Follower, Network, Shown};
use crate::settings::Site;

/// Nobody was asked about the followers of so many messages.
pub fn not_looked_up(why: Unasked, network: &Network, count: usize) -> String {
    let messages = if count == 1 { String::new() } else { format!(" ({count} messages)") };
    format!("not looked up: {}{messages}", unasked(why, network))
}

/// A server did not answer.
pub fn failed(server: &str, fault: &LookupFault, until: Timestamp) -> String {
    format!("{}; next attempt {}", unanswered(server, fault), until.rfc3339())
}

/// The same where there is no next attempt.
pub fn unanswered(server: &str, fault: &LookupFault) -> String {
    format!("could not look up a follower at {server}: {}", super::Chain(fault))
}

/// Why nobody is asked about a follower of a network.
pub fn unasked(why: Unasked, network: &Network) -> String {
    match why {
        Unasked::NoWay => format!("profiles of {network} cannot be looked up: {}", no_way(network.as_str())),
        Unasked::Off => {
            let keys: Vec<_> = Way::all(network.as_str(), |_| true).map(switch).collect();
            let keys = keys.join(" or ");
            format!("look-ups for {network} are off; to switch them on, set {keys} in `[lookup]`")
        }
        Unasked::NotProven => "the message is not proven authentic".to_owned(),
        Unasked::NotYourServer => {
            "only your own servers (`instances` of an account) and those in `ask` are asked".to_owned()
        }
        Unasked::Elsewhere => {
            "the account is on another server, which your own one would contact; list that server in `ask` to ask it".to_owned()
        }
        Unasked::NoHandle => {
            format!("this is not a handle of {network}; write it like `ann` or `ann@toot.example`")
        }
    }
}

/// What switches a way on.
fn switch(way: Way) -> String {
    match way {
        Way::Own(site) => format!("`{} = \"own-server\"`", site.key()),
        Way::ActivityPub => "`ask = [\"SERVER\"]`, with the server that may be asked,".to_owned(),
        Way::X => "`x = { token-file = \"...\" }`, with a token of your own,".to_owned(),
    }
}

/// Whom followsift can ask about followers of a network.
pub fn way(network: &str) -> String {
    let ways = Way::all(network, |_| true).map(|way| match way {
        Way::Own(site) => {
            let server =
                if site == Site::Forem || site == Site::NodeBb { "the site" } else { "your own server" };
            format!("{server}, with `{} = \"own-server\"`", site.key())
        }
        Way::ActivityPub => "a server that `ask` lists".to_owned(),
        Way::X => "X, with a token of your own, `x = { token-file = \"...\" }`".to_owned(),
    });
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() {
        format!("no: {}", no_way(network))
    } else {
        format!("{}, below `[lookup]`", ways.join("; "))
    }
}

/// Why there is no way.
fn no_way(network: &str) -> &'static str {
    match network {
        "instagram" | "facebook" | "linkedin" | "twitch" | "youtube" | "quora" | "strava" | "venmo" => {
            "the network shows profiles to its own apps and to logins only"
        }
        "twitter" | "googleplus" | "statusnet" => "the network as these messages know it has ended",
        "diaspora" => "its servers show no counts",
        "humhub" | "elgg" | "buddypress" | "buddypress-followers" | "buddyboss" | "ultimate-member" => {
            "such sites show profiles to their members only, as a rule"
        }
        "openstreetmap" => "its profiles have numbers for names, which the messages do not show",
        _ => "followsift knows no request for it",
    }
}

/// What a question asks, and of whom.
pub fn asks(question: &Question) -> String {
    format!("asks {}: {}\n", question.server.to_unicode(), lookup::request(question))
}

/// What would be asked, of whom, if the answer were not remembered.
pub fn would_ask(question: &Question) -> String {
    format!("remembered; would ask {}: {}\n", question.server.to_unicode(), lookup::request(question))
}

/// A server cannot be asked now.
pub fn rests(server: &HostName, until: Timestamp) -> String {
    let server = server.to_unicode();
    format!(
        "{server} is left alone after what it answered last, or since it did not; next attempt {}",
        until.rfc3339()
    )
}

/// An answer, with its facts.
pub fn answer(answer: &Answer) -> String {
    let mut shown = format!("{} answered on {}:\n", answer.server, answer.at.rfc3339());
    let values = Fact::ALL.into_iter().filter_map(|fact| Some((fact, value(&answer.follower, fact)?)));
    for (fact, value) in values {
        let _ = writeln!(shown, "  {:<16} {value}", fact.word());
    }
    if answer.follower == Follower::default() {
        shown.push_str("  the server shows no such account\n");
    }
    shown
}

fn value(follower: &Follower, fact: Fact) -> Option<String> {
    let or_empty = |shown: Shown<String>| match shown {
        Shown::NotShown => None,
        Shown::Empty => Some("empty".to_owned()),
        Shown::Value(value) => Some(value),
    };
    or_empty(match follower.fact(fact) {
        FactRef::Text(text) => text.clone(),
        FactRef::Count(count) => match fact.type_of() {
            crate::mail::FactType::Days => count.clone().map(|days| format!("{days} days")),
            _ => count.clone().map(|count| count.to_string()),
        },
        FactRef::Answer(answer) => answer.clone().map(|yes| if yes { "yes" } else { "no" }.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_nobody_is_asked_is_said_with_the_remedy() {
        for (why, network, said) in [
            (
                Unasked::NoWay,
                "instagram",
                "profiles of instagram cannot be looked up: the network shows profiles to its own apps and to logins only",
            ),
            (
                Unasked::Off,
                "forem",
                "look-ups for forem are off; to switch them on, set `forem = \"own-server\"` in `[lookup]`",
            ),
            (
                Unasked::Off,
                "mastodon",
                "look-ups for mastodon are off; to switch them on, set `mastodon = \"own-server\"` or \
                 `ask = [\"SERVER\"]`, with the server that may be asked, in `[lookup]`",
            ),
        ] {
            assert_eq!(unasked(why, &Network::new(network).unwrap()), said);
        }
        assert_eq!(way("diaspora"), "no: its servers show no counts");
    }
}

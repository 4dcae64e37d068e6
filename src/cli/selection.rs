//! Which of the remembered notifications a command is about: by time, account, network, verdict, rule and follower. Called by
//! `history` and `restore`. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::ledger::HistoryEntry;
use crate::mail::{Follower, Notification};
use crate::report::usage;
use crate::rules::VerdictName;

/// The options that choose notifications; one that is not given chooses all.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Only what was judged or moved within this time, such as `7d`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Only what was judged or moved at least this long ago, such as `1h`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    until: Option<Duration>,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Only this network, such as `mastodon`
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Only messages with this verdict, such as `spam`, `real` or `undecided`
    #[arg(long, value_name = "VERDICT")]
    verdict: Option<String>,
    /// Only messages for whose verdict this rule counted
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only messages about this follower: a handle, a display name or a profile link
    #[arg(long, value_name = "WHO")]
    follower: Option<String>,
}

/// What networks, verdicts and rules are called.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) networks: BTreeSet<String>,
    pub(super) verdicts: BTreeSet<String>,
    pub(super) rules: BTreeSet<String>,
}

impl Known {
    /// Adds the names that an entry has.
    pub(super) fn add(&mut self, HistoryEntry { judged, .. }: &HistoryEntry) {
        let notification = &judged.notification;
        self.networks.extend([notification.network.as_str().to_owned(), notification.title.to_string()]);
        self.verdicts.insert(VerdictName::word(judged.verdict.as_ref()).to_owned());
        let reasons = judged.verdicts.iter().flat_map(|verdict| &verdict.reasons);
        self.rules.extend(reasons.map(|reason| reason.rule.to_string()));
    }
}

impl Selection {
    /// Does it choose all notifications?
    pub(super) fn is_everything(&self) -> bool {
        let Self { since, until, account, network, verdict, rule, follower } = self;
        since.is_none()
            && until.is_none()
            && [account, network, verdict, rule, follower].into_iter().all(Option::is_none)
    }

    /// Does it name a network, a verdict or a rule?
    pub(super) fn has_names(&self) -> bool {
        [&self.network, &self.verdict, &self.rule].into_iter().any(Option::is_some)
    }

    /// Those of its names that nothing has, in words.
    pub(super) fn misnomers(&self, known: &Known) -> Vec<String> {
        let named = [
            ("network", &self.network, &known.networks),
            ("verdict", &self.verdict, &known.verdicts),
            ("rule", &self.rule, &known.rules),
        ];
        let unknown = named.into_iter().filter_map(|(what, name, known)| {
            let name = name.as_deref().filter(|name| !known.iter().any(|it| same(it, name)))?;
            Some(usage::misnomer(what, name, known.iter().map(String::as_str)))
        });
        unknown.collect()
    }

    /// The first and the last moment of it.
    pub(super) fn span(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let since = self.since.map_or(Timestamp(i64::MIN), |time| now.before(time));
        // What the clock, before it was set, dated in the future is part of it, too.
        let until = self.until.map_or(Timestamp(i64::MAX), |time| now.before(time));
        (since, until)
    }

    /// Is this entry part of it? The [span](Selection::span) is not looked at.
    pub(super) fn takes(&self, entry: &HistoryEntry) -> bool {
        let judged = &entry.judged;
        let notification = &judged.notification;
        let is = |wanted: &Option<String>, is: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(is);
        is(&self.account, &|name| judged.mail.account.as_str() == name)
            && is(&self.network, &|name| {
                same(notification.network.as_str(), name) || same(&notification.title, name)
            })
            && is(&self.verdict, &|name| same(VerdictName::word(judged.verdict.as_ref()), name))
            && is(&self.rule, &|name| {
                judged.verdicts.iter().flat_map(|it| &it.reasons).any(|reason| same(&reason.rule, name))
            })
            && is(&self.follower, &|word| {
                notification.followers.iter().any(|it| names(notification, it, word))
            })
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.trim().to_lowercase()
}

/// Does a word name this follower? A handle may be written with and without its `@`, and without its server.
fn names(notification: &Notification, follower: &Follower, word: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches('@').to_lowercase();
    let key = notification.key(follower);
    let word = bare(word);
    let handles = follower.handle.value().map(|handle| bare(handle)).into_iter().chain([bare(key.as_str())]);
    let texts = [&follower.name, &follower.url].into_iter().filter_map(|text| text.value());
    handles.clone().any(|handle| handle == word)
        || handles
            .map(|handle| handle.split('@').next().map(str::to_owned))
            .any(|local| local.as_ref() == Some(&word))
        || texts.map(|text| bare(text)).any(|text| text == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Authenticity, Kind, Network, Shown};

    #[test]
    fn a_follower_is_named_by_handle_name_or_link() {
        let value = |text: &str| Shown::Value(text.to_owned());
        let follower = Follower {
            handle: value("Ann@toot.example"),
            name: value("Ann Lima"),
            url: value("https://toot.example/@Ann"),
            ..Follower::default()
        };
        let notification = Notification {
            network: Network::new("mastodon").unwrap(),
            title: "Mastodon".into(),
            kind: Kind::Follow,
            layout: "4.x".into(),
            authentic: Authenticity::Unknown,
            instance: Some("chaos.example".into()),
            followers: vec![follower.clone()],
            complete: true,
            received: Timestamp(0),
        };
        for word in
            ["ann@toot.example", "@ANN@toot.example", "ann", "@ann", "ann lima", "https://toot.example/@ann"]
        {
            assert!(names(&notification, &follower, word), "{word}");
        }
        for word in ["an", "ann@brew.example", "lima", "toot.example", "", "@"] {
            assert!(!names(&notification, &follower, word), "{word}");
        }
    }
}

//! What is said about the metrics is true: the manual lists all of them, alerts and dashboard use metrics that exist. That counts are
//! those of a real mailbox is in `daemon/metrics.rs`; `tests/further/monitoring.sh` asks promtool.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures has to stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use followsift::assess::Assessment;
use followsift::clock::Timestamp;
use followsift::control::{AccountStatus, ServiceStatus};
use followsift::mail::{Authenticity, Follower, Kind, Network, Notification, Recognition};
use followsift::metrics::{Cause, Counts};
use followsift::place::{AccountName, Folder, MailRef, Uid, UidValidity};
use followsift::sweep::{Dealt, End, News, Obstacle, Scope};
use serde_json::Value;

use crate::support::prometheus::Scrape;

const NOON: i64 = 1_800_000_000;

fn status(accounts: &[&str]) -> ServiceStatus {
    let account = |name: &&str| AccountStatus {
        name: (*name).to_owned(),
        state: "watching".to_owned(),
        trouble: None,
        since: NOON,
        last_sweep: Some(NOON),
        next_try: None,
        last_error: None,
    };
    ServiceStatus {
        version: "1.2.3".to_owned(),
        process: 1,
        started: NOON,
        rules_since: NOON,
        refused: None,
        accounts: accounts.iter().map(account).collect(),
    }
}

fn home() -> AccountName {
    AccountName::new("home").unwrap()
}

fn network() -> Network {
    Network::new("mastodon").unwrap()
}

fn recognised() -> Recognition {
    Recognition::Recognised(Notification {
        network: network(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic: Authenticity::Unknown,
        instance: None,
        followers: vec![Follower::default()],
        complete: true,
        received: Timestamp(NOON - 90),
    })
}

/// A message that ended like this.
fn message(recognition: Recognition, end: End) -> News {
    let mail = MailRef { account: home(), folder: Folder::inbox(), validity: UidValidity(1), uid: Uid(1) };
    News::Mail(Box::new(Dealt { mail, assessment: Assessment { recognition, ..Assessment::foreign() }, end }))
}

fn moved() -> End {
    End::Moved { to: Folder::inbox(), unkept: Vec::new() }
}

fn count(counts: &Counts, scope: Scope, messages: impl IntoIterator<Item = News>) {
    messages.into_iter().for_each(|news| counts.news(&home(), &news, scope, Timestamp(NOON)));
}

fn incomplete() -> Recognition {
    Recognition::Incomplete { network: network(), missing: Vec::new() }
}

/// Everything that can be shown.
fn everything() -> Scrape {
    let counts = Counts::new();
    count(&counts, Scope::New, [message(recognised(), moved()), message(incomplete(), End::Stays)]);
    Scrape::read(&counts.text(&status(&["home"])))
}

/// Each metric, with the names of its labels.
fn shown(scrape: &Scrape) -> BTreeMap<String, BTreeSet<String>> {
    let labels = |name: &String| {
        let series = scrape.series(&format!("{name}{{"));
        let labels =
            series.first().and_then(|series| series.split_once('{')).map_or("", |(_, labels)| labels);
        let names = labels.split(',').filter_map(|label| label.split_once('='));
        names.map(|(label, _)| label.to_owned()).collect()
    };
    scrape.types.keys().map(|name| (name.clone(), labels(name))).collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_manual_lists_every_metric_with_its_labels() {
    let manual = text("config/man/followsift.8.md");
    let (_, section) = manual.split_once("\n# METRICS\n").unwrap();
    let (section, _) = section.split_once("\n# ").unwrap();
    let listed = section.lines().filter_map(|line| line.strip_prefix('`')?.strip_suffix('`'));
    let listed = listed.filter(|line| line.starts_with("followsift_")).map(|line| {
        let (name, labels) = line.split_once('{').unwrap_or((line, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        (name.to_owned(), labels.map(str::to_owned).collect())
    });
    assert_eq!(listed.collect::<BTreeMap<String, BTreeSet<String>>>(), shown(&everything()));
    // What it says of their number: without what is counted for all accounts together.
    let of_accounts = |accounts: &[&str]| {
        let scrape = Scrape::read(&Counts::new().text(&status(accounts)));
        scrape.series("followsift_").len()
    };
    let each = of_accounts(&["home", "work"]) - of_accounts(&["home"]);
    assert!(section.contains(&format!("An account has {each} series")), "{each}");
}

#[test]
fn alerts_and_dashboard_use_metrics_that_exist() {
    let shown = shown(&everything());
    for (file, least) in [("config/monitoring/alerts.yml", 9), ("config/monitoring/dashboard.json", 12)] {
        let text = text(file);
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let words = text.split(|letter: char| !is_part(letter));
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("followsift_")).collect();
        for name in &named {
            let base = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(shown.contains_key(base), "{file}: there is no metric {name}");
        }
        assert!(named.len() >= least, "{file}: {named:?}");
    }
    let alerts = text("config/monitoring/alerts.yml");
    // States and causes are words that followsift uses.
    let scrape = everything();
    let quoted = alerts.split("{state=").chain(alerts.split("{cause=")).skip(1);
    for words in quoted.filter_map(|rest| rest.trim_start_matches('~').strip_prefix('"')?.split('"').next()) {
        for word in words.split('|') {
            let known = scrape.series("followsift_").iter().any(|it| it.contains(&format!("=\"{word}\"")));
            assert!(known, "there is no state or cause {word}");
        }
    }
}

#[test]
fn the_dashboard_is_json_and_its_panels_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&text("config/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{panel}");
            }
        }
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
    }
    assert!(panels.len() >= 10);
}

#[test]
fn what_waits_or_is_swept_again_is_not_counted_twice() {
    let counts = Counts::new();
    let judged = || [End::Waits, End::WaitsForLookUp, End::Left(Obstacle::Unsettled)];
    count(&counts, Scope::New, judged().map(|end| message(recognised(), end)));
    let again = Scope::Since(std::time::Duration::from_secs(86_400));
    count(&counts, again, [message(recognised(), moved()), message(incomplete(), End::Stays)]);
    let scrape = Scrape::read(&counts.text(&status(&["home"])));
    assert!(scrape.series("followsift_notifications_total").is_empty());
    assert!(scrape.series("followsift_incomplete_messages_total").is_empty());
    assert_eq!(scrape.value("followsift_move_lag_seconds_count"), Some(0.0));
    assert_eq!(scrape.value("followsift_moves_total{account=\"home\"}"), Some(1.0));
    assert_eq!(scrape.value("followsift_failed_moves_total{account=\"home\"}"), Some(1.0));
    count(&counts, Scope::New, [message(recognised(), moved()), message(Recognition::Foreign, End::Failed)]);
    let scrape = Scrape::read(&counts.text(&status(&["home"])));
    let judged = "followsift_notifications_total{network=\"mastodon\",verdict=\"undecided\"}";
    assert_eq!(scrape.value(judged), Some(1.0));
    assert_eq!(scrape.value("followsift_move_lag_seconds_sum"), Some(90.0));
    assert_eq!(scrape.value("followsift_move_lag_seconds_bucket{le=\"60\"}"), Some(0.0));
    assert_eq!(scrape.value("followsift_move_lag_seconds_bucket{le=\"120\"}"), Some(1.0));
    assert_eq!(scrape.value("followsift_unassessed_messages_total"), Some(1.0));
}

#[test]
fn an_account_that_is_gone_is_no_longer_shown() {
    let counts = Counts::new();
    counts.failed(&home(), Cause::Network);
    let scrape = Scrape::read(&counts.text(&status(&["home", "work"])));
    assert_eq!(scrape.value("followsift_failures_total{account=\"home\",cause=\"network\"}"), Some(1.0));
    let text = counts.text(&status(&["work"]));
    assert!(!text.contains("\"home\""), "{text}");
    // One that comes back begins anew.
    let scrape = Scrape::read(&counts.text(&status(&["home"])));
    assert_eq!(scrape.value("followsift_failures_total{account=\"home\",cause=\"network\"}"), Some(0.0));
}

#[test]
fn a_thousand_accounts_are_shown_in_a_moment() {
    let names: Vec<String> = (0..1000).map(|number| format!("account-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (counts, status) = (Counts::new(), status(&names));
    counts.text(&status);
    let begun = std::time::Instant::now();
    let text = counts.text(&status);
    // The service's runtime does nothing else meanwhile. Without optimisation, beside other tests; a release takes a fraction of it.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(text.len() < 2 << 20, "{} bytes", text.len());
}

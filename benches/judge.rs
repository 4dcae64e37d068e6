//! How long a follower takes: 200 rules with texts and patterns, and 200 with numbers alone, over 10,000
//! notifications.
//!
//! `cargo bench --bench judge` prints the mean of each, and fails above 50 and 5 microseconds. Run as a test,
//! it does one short round and looks at no clock. `--count WHAT ROUNDS` does so many rounds of one thing alone and prints how
//! many notifications a round has, for `tests/further/instructions.sh`, which counts instructions.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::mail::{Authenticity, Follower, Kind, Network, Notification, Shown};
use followsift::rules::{Case, Past, RuleSet, Vocabulary, compile};

const RULES: usize = 200;
const NOTIFICATIONS: u64 = 10_000;

const WORDS: [&str; 16] = [
    "garden",
    "compiler",
    "café",
    "Straße",
    "music",
    "photos",
    "coffee",
    "mother",
    "Обувь",
    "写真",
    "cycling",
    "maps",
    "knitting",
    "radio",
    "history",
    "bread",
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, count, what, rounds, ..] = &arguments[..]
        && count == "--count"
    {
        let rules = load(&if what == "texts" { texts() } else { numbers() });
        let notifications: Vec<_> = (0..200).map(notification).collect();
        (0..rounds.parse().unwrap()).for_each(|_| _ = black_box(mean(&rules, &notifications)));
        return println!("{}", notifications.len());
    }
    let measured = std::env::args().any(|argument| argument == "--bench");
    let rounds = if measured { 5 } else { 1 };
    let notifications: Vec<_> = (0..if measured { NOTIFICATIONS } else { 50 }).map(notification).collect();
    for (what, text, most) in [
        ("texts and patterns", texts(), Duration::from_micros(50)),
        ("numbers alone", numbers(), Duration::from_micros(5)),
    ] {
        let rules = load(&text);
        assert_eq!(rules.rules().len(), RULES);
        let best = (0..rounds).map(|_| mean(&rules, &notifications)).min().unwrap();
        if measured {
            println!("{RULES} rules, {what}: {best:?} a notification (at most {most:?})");
            assert!(best <= most, "too slow");
        }
    }
}

fn mean(rules: &RuleSet, notifications: &[Notification]) -> Duration {
    let lists = rules.gather(&BTreeMap::new());
    let past = Past::default();
    let start = Instant::now();
    for notification in notifications {
        for follower in &notification.followers {
            let _ = black_box(rules.judge(&Case::of(notification, follower, &past), &lists));
        }
    }
    start.elapsed() / u32::try_from(notifications.len()).unwrap()
}

fn load(text: &str) -> RuleSet {
    let findings = Findings::default();
    let rules = compile(&Source::new("rules.toml", text), &Vocabulary::default(), &findings);
    let found: Vec<_> = findings.into_sorted().iter().map(Diagnostic::plain).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    rules
}

/// No rule decides before the last, so that every one is asked.
fn texts() -> String {
    let mut text = head();
    for index in 0..RULES {
        let when = match index % 5 {
            0 => {
                format!("when.bio.word = [\"airdrop{index}\", \"free money {index}\", \"giveaway {index}\"]")
            }
            1 => format!("when.name.has = [\"crypto{index}\", \"invest{index}\"]"),
            2 => format!("when.bio.matches = '(?i)(dm|message) me (on|at) telegram\\s+\\w+{index}'"),
            3 => format!("when.handle.matches = '^[a-z]+_?{index}\\d{{4,}}$'"),
            _ => {
                format!("when.any = [{{ bio.starts = \"x{index}\" }}, {{ location = \"nowhere {index}\" }}]")
            }
        };
        rule(&mut text, index, &when);
    }
    text
}

fn numbers() -> String {
    let mut text = head();
    for index in 0..RULES {
        let most = 1 + index / 20;
        let when = format!(
            "when.following = \">= {}\"\nwhen.followers = \"<= {most}\"\nwhen.ratio = \">= {}\"",
            100_000 + index,
            index + 2
        );
        rule(&mut text, index, &when);
    }
    text
}

fn head() -> String {
    "[verdict.spam]\nmove-to = \"Spam\"\npoints-at = 5\n".to_owned()
}

fn rule(text: &mut String, index: usize, when: &str) {
    writeln!(text, "[[rule]]\nname = \"{index}\"\n{when}\npoints = 1").unwrap();
}

fn notification(number: u64) -> Notification {
    let word = |step: u64| *WORDS.iter().cycle().nth(((number + step) * 7 % 64) as usize).unwrap();
    let words = |count: u64| (0..count).map(word).collect::<Vec<_>>().join(" ");
    let follower = Follower {
        handle: Shown::Value(format!("{}_{number}@server{}.example", word(1), number % 50)),
        name: Shown::Value(words(2)),
        bio: Shown::Value(words(25)),
        location: Shown::Value(words(2)),
        followers: Shown::Value(number * 37 % 3000),
        following: Shown::Value(number * 91 % 5000),
        posts: Shown::Value(number * 13 % 9000),
        ..Follower::default()
    };
    Notification {
        network: Network::new("mastodon").unwrap(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic: Authenticity::Unknown,
        instance: Some("home.example".to_owned()),
        followers: vec![follower],
        complete: true,
        received: Timestamp(1_700_000_000),
    }
}

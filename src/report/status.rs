//! What the command `status` prints: how the service and its accounts are, and what the ledger tells, for people and for programs.
//! Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::remains::messages;
use super::{drift, state};
use crate::clock::Timestamp;
use crate::control::{AccountStatus, Moment, ServiceStatus};
use crate::ledger::LookUps;
use crate::mail::Incomplete;
use crate::place::AccountName;
use crate::text;

/// The service was not found.
pub const NOT_RUNNING: &str = "the service is not running, or has no socket that this command can reach";

/// What the ledger tells of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// Its name.
    pub name: AccountName,
    /// When one of its folders was last looked at.
    pub looked_at: Option<Timestamp>,
    /// Until when the user has paused it, if they have.
    pub paused_until: Option<Timestamp>,
    /// When its rules last changed; `None` if they never have.
    pub rules_changed: Option<Timestamp>,
    /// The messages of the last week by verdict; `None` is undecided.
    pub week: Vec<(Option<String>, u64)>,
    /// Those that could not be read.
    pub incomplete: Vec<Incomplete>,
    /// So many wait for the fuse.
    pub held_back: u64,
}

/// Is something wrong with the service or one of its accounts?
pub fn is_wrong(service: &ServiceStatus) -> bool {
    let is_well =
        |account: &AccountStatus| ["watching", "connecting", "halted"].contains(&account.state.as_str());
    service.refused.is_some() || !service.accounts.iter().all(is_well)
}

fn minute(at: Moment) -> String {
    format!("{} UTC", Timestamp(at).minute())
}

/// All of it in words.
pub fn in_words(service: Option<&ServiceStatus>, accounts: &[AccountFacts], look_ups: &LookUps) -> String {
    let mut lines = Vec::new();
    match service {
        None => lines.push(NOT_RUNNING.to_owned()),
        Some(service) => {
            let ServiceStatus { version, process, started, rules_since, refused, .. } = service;
            lines.push(format!(
                "the service has been running since {} (version {version}, process {process})",
                minute(*started)
            ));
            lines.push(format!("  rules in force since {}", minute(*rules_since)));
            if let Some(refused) = refused {
                lines.push(format!("  reload failed; the previous configuration stays in use: {refused}"));
            }
        }
    }
    for facts in accounts {
        let name = facts.name.as_str();
        let state = service.and_then(|service| service.accounts.iter().find(|account| account.name == name));
        match (state, service) {
            (Some(state), _) => account_in_words(state, &mut lines),
            (None, Some(_)) => lines.push(format!("{name}: the service does not watch it")),
            (None, None) => lines.push(name.to_owned()),
        }
        if let Some(until) = facts.paused_until {
            lines.push(format!("  {}", state::halted(until)));
        }
        if service.is_none() && facts.looked_at.is_some() {
            let since = facts.rules_changed.map_or("the first sweep".to_owned(), |at| minute(at.0));
            lines.push(format!("  rules in force since {since}"));
        }
        if state.is_none_or(|state| state.last_sweep.is_none()) {
            let last = facts.looked_at.map_or("none yet".to_owned(), |at| minute(at.0));
            lines.push(format!("  last sweep: {last}"));
        }
        let week: Vec<String> =
            facts.week.iter().map(|(verdict, count)| format!("{count} {}", word(verdict))).collect();
        let week = if week.is_empty() { "no notification".to_owned() } else { week.join(", ") };
        lines.push(format!("  last 7 days: {week}"));
        if facts.held_back > 0 {
            let count = usize::try_from(facts.held_back).unwrap_or(usize::MAX);
            lines.push(format!("  {} for the fuse; `followsift resume` lets them through", waits(count)));
        }
        lines.extend(drift::sentences(&facts.incomplete).into_iter().map(|sentence| format!("  {sentence}")));
    }
    let LookUps { asked, answered, waiting, resting } = look_ups;
    if asked + waiting > 0 || !resting.is_empty() {
        lines
            .push(format!("look-ups of the last day: {asked} asked, {answered} answered, {waiting} waiting"));
        for (server, until) in resting {
            lines.push(format!("  {server} is not asked before {}", minute(until.0)));
        }
    }
    lines.iter().fold(String::new(), |mut shown, line| {
        let _ = writeln!(shown, "{}", text::line(line));
        shown
    })
}

fn waits(count: usize) -> String {
    format!("{} {}", messages(count), if count == 1 { "waits" } else { "wait" })
}

fn word(verdict: &Option<String>) -> &str {
    verdict.as_deref().unwrap_or("undecided")
}

fn account_in_words(account: &AccountStatus, lines: &mut Vec<String>) {
    let AccountStatus { name, state, trouble, since, last_sweep, next_try, last_error } = account;
    let words = match state.as_str() {
        "hindered" => "watching, with work left",
        "blocked" => "cannot work",
        "paused" => "paused until you act",
        "halted" => "paused by `followsift pause`",
        "crashed" => "restarting after a crash (a bug in followsift)",
        other => other,
    };
    let trouble_words = trouble.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
    lines.push(format!("{name}: {words} since {}{trouble_words}", minute(*since)));
    if let Some(at) = last_sweep {
        lines.push(format!("  last sweep: {}", minute(*at)));
    }
    if let Some(at) = next_try {
        lines.push(format!("  next retry: {}", minute(*at)));
    }
    if let Some((at, words)) = last_error.as_ref().filter(|(_, words)| Some(words) != trouble.as_ref()) {
        lines.push(format!("  last error: {}: {words}", minute(*at)));
    }
}

/// The same as one object on one line.
pub fn json(service: Option<&ServiceStatus>, accounts: &[AccountFacts], look_ups: &LookUps) -> String {
    let time = |at: Option<Moment>| at.map(|at| Timestamp(at).rfc3339());
    let account = |facts: &AccountFacts| {
        let state =
            service.and_then(|it| it.accounts.iter().find(|account| account.name == facts.name.as_str()));
        let last_sweep = state.and_then(|state| state.last_sweep).or(facts.looked_at.map(|at| at.0));
        let mut incomplete = serde_json::Map::new();
        for one in &facts.incomplete {
            let count = incomplete.entry(one.network.as_str()).or_insert(Value::from(0));
            *count = Value::from(count.as_u64().unwrap_or(0) + 1);
        }
        let week: serde_json::Map<String, Value> = facts
            .week
            .iter()
            .map(|(verdict, count)| (word(verdict).to_owned(), Value::from(*count)))
            .collect();
        json!({
            "name": facts.name.as_str(),
            "state": state.map(|state| state.state.as_str()),
            "trouble": state.and_then(|state| state.trouble.as_deref()),
            "since": time(state.map(|state| state.since)),
            "last-sweep": time(last_sweep),
            "paused-until": time(facts.paused_until.map(|at| at.0)),
            "rules-changed": time(facts.rules_changed.map(|at| at.0)),
            "next-retry": time(state.and_then(|state| state.next_try)),
            "last-error": state.and_then(|state| state.last_error.as_ref()).map(|(at, words)| {
                json!({ "at": Timestamp(*at).rfc3339(), "trouble": words })
            }),
            "week": week,
            "incomplete": incomplete,
            "held-back": facts.held_back,
        })
    };
    let resting: Vec<Value> = look_ups
        .resting
        .iter()
        .map(|(server, until)| json!({ "server": server, "not-before": until.rfc3339() }))
        .collect();
    let all = json!({
        "running": service.is_some(),
        "version": service.map(|service| service.version.as_str()),
        "process": service.map(|service| service.process),
        "started": time(service.map(|service| service.started)),
        "rules-since": time(service.map(|service| service.rules_since)),
        "reload-refused": service.and_then(|service| service.refused.as_deref()),
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
        "look-ups": {
            "asked": look_ups.asked,
            "answered": look_ups.answered,
            "waiting": look_ups.waiting,
            "resting": resting,
        },
    });
    text::json(&all.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> AccountFacts {
        AccountFacts {
            name: AccountName::new("home").unwrap(),
            looked_at: Some(Timestamp(1_800_000_000)),
            paused_until: None,
            rules_changed: None,
            week: vec![(None, 4), (Some("spam".into()), 2)],
            incomplete: Vec::new(),
            held_back: 1,
        }
    }

    #[test]
    fn without_the_service_it_shows_what_the_ledger_tells() {
        assert_eq!(
            in_words(None, &[facts()], &LookUps::default()),
            "the service is not running, or has no socket that this command can reach\nhome\n  rules in force since the first \
             sweep\n  last sweep: 2027-01-15 08:00 UTC\n  \
             last 7 days: 4 undecided, 2 spam\n  1 message waits for the fuse; `followsift resume` lets them through\n"
        );
        let changed = AccountFacts { rules_changed: Some(Timestamp(1_799_999_940)), ..facts() };
        let words = in_words(None, &[changed], &LookUps::default());
        assert!(words.contains("\n  rules in force since 2027-01-15 07:59 UTC\n"), "{words}");
        let never = AccountFacts { looked_at: None, ..facts() };
        assert!(!in_words(None, &[never], &LookUps::default()).contains("rules in force"));
    }

    #[test]
    fn an_account_in_trouble_says_what_is_wrong_and_when_it_is_tried_again() {
        let mut service = ServiceStatus {
            version: "1".into(),
            process: 7,
            started: 1_800_000_000,
            rules_since: 1_800_000_060,
            refused: None,
            accounts: vec![AccountStatus {
                name: "home".into(),
                state: "away".into(),
                trouble: Some("no answer\u{1b}[2J".into()),
                since: 1_800_000_120,
                last_sweep: Some(1_800_000_060),
                next_try: Some(1_800_000_180),
                last_error: Some((1_800_000_120, "no answer\u{1b}[2J".into())),
            }],
        };
        assert!(is_wrong(&service));
        let words = in_words(Some(&service), &[facts()], &LookUps::default());
        assert!(words.contains("home: away since 2027-01-15 08:02 UTC: no answer"), "{words}");
        assert!(
            words.contains("  next retry: 2027-01-15 08:03 UTC\n") && !words.contains('\u{1b}'),
            "{words}"
        );
        service.accounts.iter_mut().for_each(|account| account.state = "watching".into());
        assert!(!is_wrong(&service));
        service.refused = Some("rules.toml:3: unknown key".into());
        assert!(is_wrong(&service));
    }
}

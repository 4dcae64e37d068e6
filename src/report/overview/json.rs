//! An overview as JSON. Other programs rely on the shape of these types.

use serde::Serialize;

use super::{Advice, Counts, FiledBy, Overview, Person};
use crate::report::json::{FollowerLine, follower};
use crate::text;

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Whole<'a> {
    since: String,
    until: String,
    messages: Numbers,
    forged: u64,
    put_back: u64,
    real: Vec<PersonLine<'a>>,
    others: Vec<PersonLine<'a>>,
    filed: Vec<FiledLine<'a>>,
    unit: &'static str,
    periods: Vec<PeriodLine>,
    suggestions: Vec<AdviceLine<'a>>,
}

#[derive(Debug, Serialize)]
struct Numbers {
    real: u64,
    others: u64,
    filed: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct PersonLine<'a> {
    network: &'a str,
    received: String,
    messages: u64,
    proven: bool,
    put_back: bool,
    /// Null unless the link leads to the network or to one of the user's own servers.
    link: Option<&'a str>,
    follower: FollowerLine<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct FiledLine<'a> {
    /// Null if the user filed it by hand.
    rule: Option<&'a str>,
    messages: u64,
    folders: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct AdviceLine<'a> {
    why: String,
    toml: &'a str,
}

#[derive(Debug, Serialize)]
struct PeriodLine {
    from: String,
    messages: Numbers,
}

/// The overview as an object on one line.
pub fn json(overview: &Overview) -> String {
    let whole = Whole {
        since: overview.since.rfc3339(),
        until: overview.until.rfc3339(),
        messages: numbers(overview.totals),
        forged: overview.forged,
        put_back: overview.put_back,
        real: overview.real.iter().map(person).collect(),
        others: overview.others.iter().map(person).collect(),
        filed: overview.filed.iter().map(filed).collect(),
        unit: overview.unit.word(),
        periods: overview
            .periods
            .iter()
            .map(|period| PeriodLine { from: period.from.to_string(), messages: numbers(period.counts) })
            .collect(),
        suggestions: overview.suggestions.iter().map(advice).collect(),
    };
    // Serialising strings, numbers and lists of them cannot fail.
    text::json(&serde_json::to_string(&whole).unwrap_or_default()).into_owned()
}

fn numbers(Counts { real, others, filed }: Counts) -> Numbers {
    Numbers { real, others, filed }
}

fn person(person: &Person) -> PersonLine<'_> {
    PersonLine {
        network: &person.network,
        received: person.received.rfc3339(),
        messages: person.messages,
        proven: person.proven,
        put_back: person.put_back,
        link: person.link.as_deref(),
        follower: follower(&person.follower, &person.verdict),
    }
}

fn advice(Advice { words, toml }: &Advice) -> AdviceLine<'_> {
    AdviceLine { why: words.join(" "), toml }
}

fn filed(FiledBy { rule, messages, folders, .. }: &FiledBy) -> FiledLine<'_> {
    let folders = folders.iter().map(|folder| folder.as_str()).collect();
    FiledLine { rule: rule.as_deref(), messages: *messages, folders }
}

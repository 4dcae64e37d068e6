//! What rules make of a table of followers: a line a row for programs, and how often they are right for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::columns::{padded, widest};
use crate::rules::score::Score;
use crate::rules::table::Row;
use crate::rules::{Verdict, VerdictName};
use crate::text::json;

/// One row of the table, as one line of JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    line: u64,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    verdict: &'a str,
    points: f64,
    files: bool,
    rules: Vec<&'a str>,
}

/// The line of JSON for a row. `files` tells whether a mail about this follower would be filed away.
pub fn line(row: &Row, verdict: &Verdict, files: bool) -> String {
    let line = Line {
        line: row.line,
        source: &row.source,
        label: row.label.as_deref(),
        verdict: VerdictName::word(verdict.class.as_ref()),
        points: verdict.points,
        files,
        rules: verdict.reasons.iter().map(|reason| &*reason.rule).collect(),
    };
    // Strings and numbers always serialise.
    json(&serde_json::to_string(&line).unwrap_or_default()).into_owned()
}

/// How often the rules were right, a line for each source; a network's own line sums up those of its sources.
pub fn scores(scores: &BTreeMap<String, Score>) -> String {
    let width = widest(scores.keys().map(String::as_str)).max(6);
    let mut shown = format!(
        "{:width$}  {:>7}  {:>7}  {:>8}  {:>8}  {:>6}  {:>7}  {:>9}  {:>5}\n",
        "source", "people", "flagged", "of them", "unwanted", "caught", "recall", "precision", "MCC"
    );
    for (source, score) in scores {
        let _ = writeln!(
            shown,
            "{}  {:>7}  {:>7}  {:>8}  {:>8}  {:>6}  {:>7}  {:>9}  {:>5}",
            padded(source, width),
            score.genuine,
            score.flagged,
            percent(score.share_flagged(), 2),
            score.unwanted,
            score.caught,
            percent(score.recall(), 1),
            percent(score.precision(), 1),
            score.mcc().map_or("-".to_owned(), |mcc| format!("{mcc:.3}")),
        );
    }
    shown
}

/// How many rows each verdict has, and each rule decided, the most frequent first.
pub fn tally<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> String {
    let mut classes = BTreeMap::<&str, u64>::new();
    let mut rules = BTreeMap::<&str, u64>::new();
    let mut all = 0;
    for verdict in verdicts {
        all += 1;
        *classes.entry(VerdictName::word(verdict.class.as_ref())).or_default() += 1;
        for reason in &verdict.reasons {
            *rules.entry(&reason.rule).or_default() += 1;
        }
    }
    let mut shown = format!("{all} followers\n");
    for counts in [classes, rules] {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(name, count)| (u64::MAX - count, *name));
        shown.push('\n');
        for (name, count) in counts {
            let _ = writeln!(shown, "{count:>8}  {name}");
        }
    }
    shown
}

fn percent(share: Option<f64>, digits: usize) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.digits$} %", share * 100.0))
}

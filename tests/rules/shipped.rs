//! The rules that ship: they load without a finding, prove themselves, and are the documentation of the
//! language.

use std::collections::BTreeMap;

use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::rules::{Fact, Vocabulary, score, table};

use super::{load, load_with_look_ups};
use crate::schema::enabled;

const SHIPPED: &str = include_str!("../../config/rules.toml");

fn plain(findings: &[Diagnostic]) -> String {
    findings.iter().map(Diagnostic::plain).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn they_load_without_a_finding_and_pass_their_own_tests() {
    let (rules, findings) = load(SHIPPED);
    assert_eq!(plain(&findings), "");
    assert_eq!(plain(&rules.run_tests()), "");
    assert!(rules.tests() >= 10);
    assert!(rules.rules().len() <= 9);
}

#[test]
fn what_is_commented_out_loads_too() {
    let enabled = enabled(SHIPPED, "# ");
    assert!(enabled.lines().any(|line| line.starts_with("from-sent")));
    let (rules, findings) = load_with_look_ups(&enabled);
    assert_eq!(plain(&findings), "");
    assert_eq!(rules.sources().len(), 3);
}

#[test]
fn they_explain_every_fact_as_the_table_of_facts_does() {
    for fact in Fact::all() {
        let line = format!("#     {:<19} {}\n", fact.word(), fact.explanation());
        assert!(SHIPPED.contains(&line), "config/rules.toml lacks: {line}");
    }
}

#[test]
fn a_table_of_followers_is_judged_by_them() {
    let text = "source\tlabel\tfollowers\tfollowing\tposts\thas_bio\tdefault_avatar\n\
                twitter/bought\tfake\t17\t340\t35\t1\t0\n\
                twitter/bought\tfake\t3\t2001\t\t\t\n\
                twitter/bought\tfake\t900\t400\t3000\t1\t0\n\
                twitter/people\tgenuine\t120\t340\t2000\t1\t0\n\
                mastodon\tgenuine\t12\t410\t9\t\t\n";
    let findings = Findings::default();
    let rows = table::read(&Source::new("facts.tsv", text), &Vocabulary::default(), &findings);
    let (rules, _) = load(SHIPPED);
    let lists = rules.gather(&BTreeMap::new());
    let judged = rows.iter().map(|row| (row, rules.files(&rules.judge_row(row, None, &lists))));
    let scores = score::scores(judged);
    let all = scores.get("twitter").unwrap();
    assert_eq!((all.genuine, all.flagged, all.unwanted, all.caught), (1, 0, 3, 2));
    assert_eq!(scores.get("mastodon").unwrap().flagged, 0);
    assert_eq!(scores.get("twitter/bought").unwrap().recall(), Some(2.0 / 3.0));
}

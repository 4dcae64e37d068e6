//! Compiles a rules file into a [`RuleSet`], and reports every mistake in it at once; a compiled set cannot fail.
//!
//! The caller passes the text and the facts that each network shows. If there is an error among the findings, the caller must
//! not use the set.

use std::collections::BTreeMap;

use super::fact::{Fact, Vocabulary};
use super::list::List;
use super::recall::Asked;
use super::set::{Rule, RuleSet};
use super::verdict::VerdictName;
use crate::diagnostic::document::{self, Findings, Table, Text, Value};
use crate::diagnostic::{Diagnostic, Source, nearest};

mod condition;
mod examples;
mod interests;
mod lists;
mod logic;
mod reach;
mod review;
mod rules;
mod verdicts;

use verdicts::Verdicts;

/// Compiles a rules file. `vocabulary` has the known networks and the facts that each shows.
pub fn compile(source: &Source, vocabulary: &Vocabulary, findings: &Findings) -> RuleSet {
    document::read(source, findings, |mut root| {
        let whole = root.is_whole();
        let verdicts = root.take("verdict");
        let lists = root.take("list");
        let interests = root.take("interests");
        let rules = root.take("rule").and_then(|value| value.tables()).unwrap_or_default();
        let tests = root.take("test").and_then(|value| value.tables()).unwrap_or_default();
        root.finish();

        let verdicts = verdicts::read(verdicts, findings);
        let lists = lists::read(lists);
        let named = interests.is_some() || !whole;
        let interests = interests.map(|value| interests::read(&value)).unwrap_or_default();
        let names = Names { vocabulary, verdicts: &verdicts, lists: &lists, whole };
        let rules = rules::read(rules, &names);
        let examples = examples::read(tests, &names, &rules);
        review::review(&rules, vocabulary, source, findings);
        if !named {
            review::interests(&rules, source, findings);
        }
        if whole {
            review::points(&rules, &verdicts, source, findings);
        }
        let rules: Vec<Rule> = rules.known.into_iter().map(|written| written.rule).collect();
        RuleSet {
            source: source.clone(),
            asked: asked(&rules),
            rules,
            points_at: verdicts.points_at.map(|at| (at.verdict, at.points)),
            verdicts: verdicts.dispositions,
            targets: verdicts.targets,
            lists,
            examples,
            interests,
        }
    })
}

/// Which parts of the past the rules use.
fn asked(rules: &[Rule]) -> Asked {
    let asks = |wanted: &[Fact]| {
        rules.iter().flat_map(|rule| rule.when.leaves()).any(|leaf| wanted.contains(&leaf.fact))
    };
    Asked {
        unwelcome: asks(&[Fact::Unwelcome]),
        follows: asks(&[Fact::TimesFollowed, Fact::LastFollowed]),
        wave: asks(&[Fact::Wave]),
        is_proven: false,
    }
}

/// The names that conditions and tests may use.
struct Names<'a> {
    vocabulary: &'a Vocabulary,
    verdicts: &'a Verdicts,
    lists: &'a BTreeMap<String, List>,
    /// Whether the whole file could be parsed. If not, the rest of it may define a missing name.
    whole: bool,
}

/// The verdict that neither files nor marks a message, unless a table says otherwise. It needs no table.
const REAL: &str = "real";

impl Names<'_> {
    /// The verdict that a rule or a test names; an undeclared one is a finding.
    fn verdict(&self, value: &Value<'_>) -> Option<VerdictName> {
        let text = value.string()?;
        let name = VerdictName::new(&text.text);
        if let Some(name) =
            name.filter(|name| name.as_str() == REAL || self.verdicts.dispositions.contains_key(name))
        {
            return Some(name);
        }
        let misnamed = |name: &String| name.eq_ignore_ascii_case(&text.text);
        if !self.whole || self.verdicts.misnamed.iter().any(misnamed) {
            return None;
        }
        let known = self.verdicts.dispositions.keys().map(VerdictName::as_str).chain([REAL]);
        let table = VerdictName::new(&text.text)
            .map(|name| format!("or declare it: [verdict.{name}] with move-to = \"Followers/...\""));
        let finding =
            Diagnostic::error(value.source(), text.span, format!("unknown verdict `{}`", text.text));
        let finding = suggest(finding, &text.text, known, "verdicts");
        value.findings().add(match table {
            Some(help) => finding.help(help),
            None => finding,
        });
        None
    }

    /// A known network; another name is a finding.
    fn network(&self, text: &Text, value: &Value<'_>) -> Option<crate::mail::Network> {
        let found = self.vocabulary.networks().find(|network| network.as_str() == text.text);
        if found.is_none() {
            let finding = Diagnostic::error(
                value.source(),
                text.span.clone(),
                format!("unknown network `{}`", text.text),
            );
            let known = self.vocabulary.networks().map(crate::mail::Network::as_str);
            value.findings().add(suggest(finding, &text.text, known, "networks"));
        }
        found.cloned()
    }
}

/// Suggests the known word that was probably meant, or lists the known words.
fn suggest<'w>(
    finding: Diagnostic,
    written: &str,
    known: impl IntoIterator<Item = &'w str>,
    what: &str,
) -> Diagnostic {
    let mut known: Vec<_> = known.into_iter().collect();
    if let Some(word) = nearest(written, known.iter().copied()) {
        return finding.label(format!("did you mean `{word}`?"));
    }
    known.sort_unstable();
    // A table can declare `real`, which is known without one.
    known.dedup();
    finding.label(match known.len() {
        0 => format!("there are no {what}"),
        1..=12 => format!("expected {}", document::list(&known)),
        _ => format!("none of the {} {what} has a name like it", known.len()),
    })
}

/// Reports the unknown keys of a table, as [`Table::finish`] does, with advice for keys that belong elsewhere.
fn finish(mut table: Table<'_>, known: &[&'static str], elsewhere: impl Fn(&str) -> Option<String>) {
    for value in table.take_rest() {
        let key = value.key();
        let finding = Diagnostic::error(value.source(), value.key_span(), format!("unknown key `{key}`"));
        value.findings().add(match elsewhere(key) {
            Some(label) => finding.label(label),
            None => suggest(finding, key, known.iter().copied(), "keys"),
        });
    }
}

//! A rules file as written to a [`RuleSet`]: everything that can be wrong with it is found here, all at once,
//! and nothing can fail afterwards.
//!
//! The caller hands in the text and the facts that the networks' mails show, and looks among the findings for
//! errors: with one, the set is not to be used.

use std::collections::BTreeMap;

use super::fact::Vocabulary;
use super::list::List;
use super::set::RuleSet;
use super::verdict::VerdictName;
use crate::diagnostic::document::{self, Findings, Table, Text, Value};
use crate::diagnostic::{Diagnostic, Source, nearest};

mod condition;
mod examples;
mod lists;
mod logic;
mod review;
mod rules;
mod verdicts;

use verdicts::Verdicts;

/// Compiles a rules file. `vocabulary` tells which networks there are and what their mails show.
pub fn compile(source: &Source, vocabulary: &Vocabulary, findings: &Findings) -> RuleSet {
    document::read(source, findings, |mut root| {
        let whole = root.is_whole();
        let verdicts = root.take("verdict");
        let lists = root.take("list");
        let rules = root.take("rule").and_then(|value| value.tables()).unwrap_or_default();
        let tests = root.take("test").and_then(|value| value.tables()).unwrap_or_default();
        root.finish();

        let verdicts = verdicts::read(verdicts, findings);
        let lists = lists::read(lists);
        let names = Names { vocabulary, verdicts: &verdicts, lists: &lists, whole };
        let rules = rules::read(rules, &names);
        let examples = examples::read(tests, &names, &rules);
        review::review(&rules, vocabulary, source, findings);
        if whole {
            review::points(&rules, &verdicts, source, findings);
        }
        RuleSet {
            source: source.clone(),
            rules: rules.known.into_iter().map(|written| written.rule).collect(),
            points_at: verdicts.points_at.map(|at| (at.verdict, at.points)),
            verdicts: verdicts.dispositions,
            targets: verdicts.targets,
            lists,
            examples,
        }
    })
}

/// What may be named in conditions and tests.
struct Names<'a> {
    vocabulary: &'a Vocabulary,
    verdicts: &'a Verdicts,
    lists: &'a BTreeMap<String, List>,
    /// Whether the whole file could be read. Else a name that is not there may be in what could not.
    whole: bool,
}

/// The word for a follower who is neither filed nor marked, unless a table says otherwise. Needs no table.
const REAL: &str = "real";

impl Names<'_> {
    /// The verdict that a rule or a test names; one that no table declares is a finding.
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
            Diagnostic::error(value.source(), text.span, format!("no verdict is called `{}`", text.text));
        let finding = suggest(finding, &text.text, known, "verdicts");
        value.findings().add(match table {
            Some(help) => finding.help(help),
            None => finding,
        });
        None
    }

    /// A network that there is.
    fn network(&self, text: &Text, value: &Value<'_>) -> Option<crate::mail::Network> {
        let found = self.vocabulary.networks().find(|network| network.as_str() == text.text);
        if found.is_none() {
            let finding = Diagnostic::error(
                value.source(),
                text.span.clone(),
                format!("no network is called `{}`", text.text),
            );
            let known = self.vocabulary.networks().map(crate::mail::Network::as_str);
            value.findings().add(suggest(finding, &text.text, known, "networks"));
        }
        found.cloned()
    }
}

/// Says which known word was probably meant, else which there are.
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
    finding.label(match known.len() {
        0 => format!("there are no {what}"),
        1..=12 => format!("expected {}", document::list(&known)),
        _ => format!("none of the {} {what} has a name like it", known.len()),
    })
}

/// Reports the keys of a table that nobody took, as [`Table::finish`] does, with a word for those that belong
/// elsewhere.
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

//! Finds valid rules that make no sense: rules that can never fire, rules that another rule always pre-empts, points without
//! effect, facts that messages never show.
//!
//! All of these are warnings except points without `points-at`: such a file does less than its author meant, and nothing worse.

use std::collections::BTreeSet;

use super::logic::{self, Alternative};
use super::rules::{Rules, Written};
use super::verdicts::Verdicts;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};
use crate::mail::Network;
use crate::rules::condition::Test;
use crate::rules::fact::{Fact, Vocabulary};
use crate::rules::set::{Effect, enough, rounded};

/// How to get a fact that no message shows.
const ONLY_LOOKED_UP: &str =
    "only a look-up can supply it: `[lookup]` in the settings (`followsift help operation`)";

/// Reviews the conditions of all rules.
pub(super) fn review(rules: &Rules, vocabulary: &Vocabulary, source: &Source, findings: &Findings) {
    let mut earlier: Vec<Seen<'_>> = Vec::new();
    for written in &rules.known {
        let Some(alternatives) = logic::alternatives(&written.rule.when) else { continue };
        let contradictions: Vec<_> = alternatives.iter().map(logic::contradiction).collect();
        if let (true, Some(Some((first, second)))) =
            (contradictions.iter().all(Option::is_some), contradictions.first().cloned())
        {
            let message = format!("rule `{}` can never fire", written.rule.name);
            let finding = Diagnostic::warning(source, second.clone(), message);
            findings.add(match first == second {
                true => finding.label("this cannot hold"),
                false => {
                    finding.label("this cannot hold beside the other").related(source, first, "nor this")
                }
            });
            continue;
        }
        unseen(written, &alternatives, vocabulary, source, findings);
        earlier.push(Seen { written, alternatives });
    }
    for (index, seen) in earlier.iter().enumerate() {
        shadowed(seen, index, &earlier, source, findings);
    }
}

struct Seen<'a> {
    written: &'a Written,
    alternatives: Vec<Alternative<'a>>,
}

/// Reports a rule that can never matter because another rule decides whenever it holds.
fn shadowed(seen: &Seen<'_>, index: usize, all: &[Seen<'_>], source: &Source, findings: &Findings) {
    let rule = &seen.written.rule;
    // Points do not count if any rule decides, earlier or later.
    let counts = |other: usize| match rule.effect {
        Effect::Decide(_) => other < index,
        Effect::Points(_) => other != index,
    };
    // Two rules with one name are reported already; the second is probably a copy that the user has yet to edit.
    let named_alike = |one: &Seen<'_>| one.written.rule.name == rule.name;
    let mut deciding = all.iter().enumerate().filter(|(other, one)| {
        counts(*other) && !named_alike(one) && matches!(one.written.rule.effect, Effect::Decide(_))
    });
    let Some((_, by)) = deciding.find(|(_, by)| logic::implies(&seen.alternatives, &by.alternatives)) else {
        return;
    };
    let name = &by.written.rule.name;
    let (message, label) = match rule.effect {
        Effect::Decide(_) => {
            ("is never reached", format!("`{name}` decides whenever this holds; put this before it"))
        }
        Effect::Points(_) => {
            ("never counts", format!("`{name}` decides whenever this holds, without points"))
        }
    };
    findings.add(
        Diagnostic::warning(source, seen.written.name_at.clone(), format!("rule `{}` {message}", rule.name))
            .label(label)
            .related(source, by.written.name_at.clone(), "this one"),
    );
}

/// Reviews the points of all rules.
pub(super) fn points(rules: &Rules, verdicts: &Verdicts, source: &Source, findings: &Findings) {
    let mut most = 0.0;
    let mut first = None;
    for written in &rules.known {
        if let Effect::Points(points) = written.rule.effect {
            most += f64::max(points, 0.0);
            first.get_or_insert(written);
        }
    }
    match (&verdicts.points_at, first) {
        (None, Some(written)) if !verdicts.unread_points_at => findings.add(
            Diagnostic::error(source, written.effect_at.clone(), "these points have no effect")
                .label("no verdict has `points-at`")
                .help("add `points-at = 5.0` to [verdict.spam]"),
        ),
        (Some(at), _) if !rules.unread_points && !enough(most, at.points) => findings.add(
            Diagnostic::warning(source, at.at.clone(), format!("no follower can reach {} points", at.points))
                .label(format!("all rules together give {}", rounded(most))),
        ),
        _ => (),
    }
}

/// Reports rules that ask for shared interests, in a file that names none.
pub(super) fn interests(rules: &Rules, source: &Source, findings: &Findings) {
    let leaves = rules.known.iter().flat_map(|written| written.rule.when.leaves());
    for leaf in leaves.filter(|leaf| leaf.fact == Fact::SharedInterests) {
        findings.add(
            Diagnostic::warning(source, leaf.at.clone(), "nobody shares an interest, since none is named")
                .label("add `interests = [\"rust\", \"gardening\"]` at the top of this file"),
        );
    }
}

/// Reports facts that no message from the rule's networks shows.
fn unseen(
    written: &Written,
    alternatives: &[Alternative<'_>],
    vocabulary: &Vocabulary,
    source: &Source,
    findings: &Findings,
) {
    // Without networks, the caller does not want this check.
    if vocabulary.is_empty() {
        return;
    }
    let mut shown = BTreeSet::new();
    let mut unshown = Vec::new();
    let mut together = false;
    for alternative in alternatives {
        let networks = networks(alternative, vocabulary);
        let mut common = networks.clone();
        for literal in alternative.iter().filter(|literal| !matches!(literal.leaf.test, Test::Shown(_))) {
            let showing = vocabulary.showing(literal.leaf.fact);
            common.retain(|network| showing.contains(network));
            match networks.iter().any(|network| showing.contains(network)) {
                true => {
                    shown.insert(literal.leaf.at.start);
                }
                false => unshown.push((literal.leaf, networks.clone())),
            }
        }
        together |= !common.is_empty();
    }
    let mut reported = BTreeSet::new();
    for (leaf, networks) in &unshown {
        if shown.contains(&leaf.at.start) || !reported.insert(leaf.at.start) {
            continue;
        }
        let showing = vocabulary.showing(leaf.fact);
        let asked: Vec<_> = networks.iter().map(|network| network.as_str()).collect();
        let (message, label) = match showing.is_empty() {
            true => (
                format!("no known message shows `{}`", leaf.fact),
                match vocabulary.may_be_looked_up(leaf.fact) {
                    true => ONLY_LOOKED_UP.to_owned(),
                    false => "this condition can never be evaluated".to_owned(),
                },
            ),
            false => (
                format!("no message of {} shows `{}`", asked.join(" or "), leaf.fact),
                format!("shown by {}", words(&showing)),
            ),
        };
        findings.add(Diagnostic::warning(source, leaf.at.clone(), message).label(label));
    }
    if !together && unshown.is_empty() {
        let facts: BTreeSet<Fact> = written.rule.when.leaves().iter().map(|leaf| leaf.fact).collect();
        let facts: Vec<_> = facts
            .into_iter()
            .filter(|fact| !fact.needs().is_empty())
            .map(|fact| format!("`{fact}`"))
            .collect();
        let message = format!("no known message shows {} together", facts.join(" and "));
        findings.add(
            Diagnostic::warning(source, written.name_at.clone(), message)
                .label("this rule can never be evaluated"),
        );
    }
}

/// The networks for which an alternative can hold.
fn networks<'v>(alternative: &Alternative<'_>, vocabulary: &'v Vocabulary) -> BTreeSet<&'v Network> {
    let allowed = |network: &&Network| {
        alternative.iter().all(|literal| match &literal.leaf.test {
            Test::Words(words) if literal.leaf.fact == Fact::Network => {
                words.iter().any(|word| word == network.as_str()) == literal.positive
            }
            _ => true,
        })
    };
    vocabulary.networks().filter(allowed).collect()
}

fn words(networks: &BTreeSet<&Network>) -> String {
    let few: Vec<_> = networks.iter().take(6).map(|network| network.as_str()).collect();
    match networks.len().saturating_sub(few.len()) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

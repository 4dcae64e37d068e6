//! Runs the `[[test]]` cases of a rule set. `check` and every reload run them before the rules are used.

use super::case::Case;
use super::condition::Doubt;
use super::example::{Example, RECEIVED};
use super::list::Lists;
use super::set::{Effect, Match, RuleSet, RuleTrace};
use super::verdict::{Verdict, VerdictName};
use crate::diagnostic::Diagnostic;

impl RuleSet {
    /// The number of `[[test]]` cases.
    pub fn tests(&self) -> usize {
        self.examples.len()
    }

    /// Runs every `[[test]]`, and returns a finding for each that fails. Lists contain only the people in the file itself: a test
    /// must not depend on an address book.
    pub fn run_tests(&self) -> Vec<Diagnostic> {
        let mut lists = Lists::default();
        for (name, list) in &self.lists {
            lists.insert(name, list.people.iter().cloned().collect());
        }
        self.examples.iter().filter_map(|example| self.run(example, &lists)).collect()
    }

    fn run(&self, example: &Example, lists: &Lists) -> Option<Diagnostic> {
        let case = Case {
            network: example.network.as_ref(),
            kind: example.kind,
            instance: example.instance.as_deref(),
            follower: &example.follower,
            past: &example.past,
            received: RECEIVED,
        };
        let verdict = self.judge(&case, lists);
        if verdict.class != example.expect {
            let message = format!(
                "test failed: expected {}, but it is {}",
                VerdictName::word(example.expect.as_ref()),
                VerdictName::word(verdict.class.as_ref())
            );
            let finding = Diagnostic::error(&self.source, example.expect_at.clone(), message);
            return Some(
                finding.label(self.why(&verdict)).help(self.wanted(example, &case, &verdict, lists)),
            );
        }
        let (by, at) = example.by.as_ref()?;
        if verdict.reasons.iter().any(|reason| *reason.rule == **by) {
            return None;
        }
        let message =
            format!("test failed: {}, but not by `{by}`", VerdictName::word(verdict.class.as_ref()));
        let finding = Diagnostic::error(&self.source, at.clone(), message).label(self.why(&verdict));
        Some(finding.help(self.wanted(example, &case, &verdict, lists)))
    }

    /// The rules that fired, with their evidence.
    fn why(&self, verdict: &Verdict) -> String {
        let fired = verdict.reasons.iter().map(|reason| match reason.points {
            Some(points) => format!("`{}` gives {points} points ({})", reason.rule, reason.evidence),
            None => format!("`{}` decides ({})", reason.rule, reason.evidence),
        });
        let fired: Vec<_> = fired.collect();
        if fired.is_empty() { "no rule fires".to_owned() } else { fired.join("; ") }
    }

    /// What a rule that holds led to, instead of the expected verdict.
    fn instead(&self, rule: &RuleTrace<'_>, verdict: &Verdict) -> String {
        let counted = verdict.reasons.iter().any(|reason| *reason.rule == *rule.rule);
        match (rule.effect, &self.points_at) {
            (Effect::Decide(_), _) if !counted => "but an earlier rule decides".to_owned(),
            (Effect::Points(_), _) if !counted => "but a rule with a verdict decides".to_owned(),
            (Effect::Decide(class), _) => format!("and decides for {class}"),
            (Effect::Points(_), Some((_, least))) if verdict.class.is_none() => {
                format!("but {} points are below {least}", verdict.points)
            }
            (Effect::Points(_), Some((class, _))) => format!("and points lead to {class}"),
            (Effect::Points(_), None) => "but no verdict has `points-at`".to_owned(),
        }
    }

    /// The answer of the rule that should have fired, or the rules that could not tell.
    fn wanted(&self, example: &Example, case: &Case<'_>, verdict: &Verdict, lists: &Lists) -> String {
        let trace = self.trace(case, lists);
        let by = example.by.as_ref().map(|(name, _)| name.as_str());
        if let Some(rule) = trace.iter().find(|rule| Some(rule.rule) == by) {
            return match &rule.says {
                Match::Holds(evidence) => {
                    format!("`{}` holds ({evidence}), {}", rule.rule, self.instead(rule, verdict))
                }
                Match::Fails(seen) => format!("`{}` does not hold ({seen})", rule.rule),
                Match::CannotTell(Doubt::NotShown(fact)) => {
                    format!("`{}` cannot tell: the test does not show `{fact}`", rule.rule)
                }
                Match::CannotTell(doubt) => format!("`{}` cannot tell: {doubt}", rule.rule),
            };
        }
        let silent = trace.iter().filter_map(|rule| match &rule.says {
            Match::CannotTell(Doubt::NotShown(fact)) => Some(format!("`{}` (`{fact}`)", rule.rule)),
            _ => None,
        });
        let silent: Vec<_> = silent.take(5).collect();
        match silent.as_slice() {
            [] => "all other rules fail for this follower".to_owned(),
            _ => {
                format!("these rules cannot tell, since the test does not show a fact: {}", silent.join(", "))
            }
        }
    }
}

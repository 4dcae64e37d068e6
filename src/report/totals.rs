//! How many notifications got which verdict, and by which rules: the end of a dry run. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::assess::Assessment;
use crate::mail::Recognition;
use crate::rules::{Action, VerdictName};

/// The totals so far.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// For each verdict, how many notifications got it, and how many of them would be moved.
    verdicts: BTreeMap<String, (usize, usize)>,
    /// For each rule, how many notifications it decided, or gave points to.
    rules: BTreeMap<String, usize>,
}

impl Totals {
    /// Counts one message; one that is not a notification does not count.
    pub fn count(&mut self, assessment: &Assessment) {
        if !matches!(assessment.recognition, Recognition::Recognised(_)) {
            return;
        }
        let verdict = VerdictName::word(assessment.class.as_ref()).to_owned();
        let (all, moved) = self.verdicts.entry(verdict).or_default();
        *all += 1;
        *moved += usize::from(matches!(assessment.action, Action::File { .. }));
        let mut rules: Vec<_> =
            assessment.verdicts.iter().flat_map(|it| &it.reasons).map(|it| &*it.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            *self.rules.entry(rule.to_owned()).or_default() += 1;
        }
    }

    /// A table: the verdicts, then the rules, each with the most frequent first. Empty where nothing was counted.
    pub fn in_words(&self) -> String {
        let mut shown = String::new();
        let mut verdicts: Vec<_> = self.verdicts.iter().collect();
        verdicts.sort_by_key(|(_, (all, _))| std::cmp::Reverse(*all));
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        if !verdicts.is_empty() {
            shown.push_str("by verdict\n");
        }
        for (verdict, (all, moved)) in verdicts {
            let moved = if *moved > 0 { format!(" ({moved} would be moved)") } else { String::new() };
            let _ = writeln!(shown, "  {all:>6}  {verdict}{moved}");
        }
        if !rules.is_empty() {
            shown.push_str("by rule\n");
        }
        for (rule, count) in rules {
            let _ = writeln!(shown, "  {count:>6}  {rule}");
        }
        shown
    }
}

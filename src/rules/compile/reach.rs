//! Finds out whether any rule can judge the followers of a network: whether a condition can hold that uses a fact that the
//! network's messages show, or that names the network. `check` warns of networks for which none can.

use std::collections::BTreeSet;

use super::logic::{self, Literal};
use crate::mail::{Fact as MailFact, Network};
use crate::rules::condition::Test;
use crate::rules::fact::Fact;
use crate::rules::set::RuleSet;

impl RuleSet {
    /// Can any rule judge a follower on this network, whose messages show these facts? What followsift remembers does not count:
    /// it says something about every network.
    pub fn can_judge(&self, network: &Network, shown: &BTreeSet<MailFact>) -> bool {
        let holds_by_a_fact = |alternative: &Vec<Literal<'_>>| {
            alternative.iter().all(|literal| literal.can_hold(network, shown))
                && alternative.iter().any(|literal| literal.says_something())
        };
        self.rules.iter().any(|rule| match logic::alternatives(&rule.when) {
            Some(alternatives) => alternatives.iter().any(holds_by_a_fact),
            // Too many to examine.
            None => true,
        })
    }
}

impl Literal<'_> {
    fn can_hold(&self, network: &Network, shown: &BTreeSet<MailFact>) -> bool {
        let fact = self.leaf.fact;
        match &self.leaf.test {
            Test::Words(words) if fact == Fact::Network => {
                words.iter().any(|word| word == network.as_str()) == self.positive
            }
            // One message may show a fact that another does not.
            Test::Shown(wanted) if !fact.is_shown_by(shown) => *wanted != self.positive,
            Test::Shown(_) => true,
            _ => fact.is_shown_by(shown),
        }
    }

    /// Is it about the follower, or does it name the network?
    fn says_something(&self) -> bool {
        let is_about_the_message = matches!(self.leaf.fact, Fact::Network if self.positive);
        is_about_the_message || !self.leaf.fact.needs().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::diagnostic::document::Findings;
    use crate::rules::Vocabulary;

    /// Can these conditions judge a network whose messages show handle and name?
    fn check(condition: &str, expected: bool) {
        let text = format!(
            "[list.friends]\npeople = [\"Ann\"]\n[[rule]]\nname = \"r\"\nverdict = \"real\"\n{condition}\n"
        );
        let findings = Findings::default();
        let network = |word| Network::new(word).unwrap();
        let shown = BTreeSet::from([MailFact::Handle, MailFact::Name]);
        let vocabulary =
            Vocabulary::new([(network("venmo"), shown.clone()), (network("twitter"), shown.clone())]);
        let rules = crate::rules::compile(&Source::new("r.toml", text), &vocabulary, &findings);
        assert!(!findings.any_error(), "{condition}");
        assert_eq!(rules.can_judge(&network("venmo"), &shown), expected, "{condition}");
    }

    #[test]
    fn a_rule_judges_by_a_fact_that_is_shown_or_by_the_network() {
        check("when.name = \"x\"", true);
        check("when.who.in = \"friends\"", true);
        check("when.handle-digits = \">= 4\"", true);
        check("when.network = \"venmo\"", true);
        check("when.any = [{ followers = 3 }, { name = \"x\" }]", true);
        check("when.all = [{ followers = { shown = false } }, { name = \"x\" }]", true);
    }

    #[test]
    fn a_rule_cannot_judge_by_what_is_not_shown_on_another_network_or_by_memory() {
        check("when.followers = 3", false);
        check("when.all = [{ followers = 3 }, { name = \"x\" }]", false);
        check("when.all = [{ network = \"twitter\" }, { name = \"x\" }]", false);
        check("when.not = { network = \"venmo\" }", false);
        check("when.known = true", false);
        check("when.wave = \">= 9\"", false);
        check("when.ratio = { shown = true }", false);
    }
}

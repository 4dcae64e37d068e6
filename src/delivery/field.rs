//! The header field `X-Followsift`: what it says about an assessment, and how it is written, so that no name of a rule can end it.

use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::assess::{Assessment, Restraint};
use crate::mail::{Kind, Network, Recognition};
use crate::rules::VerdictName;

/// The name of the field.
pub const NAME: &str = "X-Followsift";

/// The most bytes that the names of rules take. RFC 5322, section 2.1.1 limits a line to 998.
const RULES_LIMIT: usize = 600;

/// What an extended parameter escapes: all but the letters of `attribute-char` (RFC 2231, section 7).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the field says about a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    network: Network,
    kind: Kind,
    verdict: Option<VerdictName>,
    /// The rules that led to the verdict.
    rules: Vec<Arc<str>>,
    /// Why the verdict is withheld, in a word.
    withheld: Option<&'static str>,
}

impl Field {
    /// The field for an assessment; `None` for a message that is not a notification.
    ///
    /// A delivery cannot do half of what a verdict asks for, such as filing without a star. So there is a verdict only where nothing
    /// restrains what it asks for.
    pub fn of(assessment: &Assessment) -> Option<Self> {
        let Recognition::Recognised(notification) = &assessment.recognition else { return None };
        let withheld = assessment.restraint.as_ref().map(word);
        let verdict = assessment.class.clone().filter(|_| withheld.is_none());
        let mut rules: Vec<Arc<str>> = Vec::new();
        for reason in assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons) {
            if verdict.is_some() && !rules.contains(&reason.rule) {
                rules.push(Arc::clone(&reason.rule));
            }
        }
        Some(Self {
            network: notification.network.clone(),
            kind: notification.kind,
            verdict,
            rules,
            withheld,
        })
    }

    /// The same without its verdict, for this reason.
    #[must_use]
    pub(super) fn withhold(self, why: &'static str) -> Self {
        Self { verdict: None, rules: Vec::new(), withheld: Some(why), ..self }
    }

    /// The verdict, if there is one.
    pub fn verdict(&self) -> Option<&VerdictName> {
        self.verdict.as_ref()
    }

    /// The value, folded by this line end where it is long (RFC 5322, section 2.2.3).
    pub fn value(&self, line_end: &str) -> String {
        let verdict = VerdictName::word(self.verdict.as_ref());
        let mut value = format!("network={}; kind={}; verdict={verdict}", self.network, self.kind.word());
        if let Some(withheld) = self.withheld {
            let _ = write!(value, "; withheld={withheld}");
        }
        if !self.rules.is_empty() {
            let _ = write!(value, ";{line_end}\t{}", parameter(&self.rules.join(", ")));
        }
        value
    }

    /// The whole field, with its end.
    pub fn line(&self, line_end: &str) -> String {
        format!("{NAME}: {}{line_end}", self.value(line_end))
    }
}

/// The parameter `rule`: a quoted string (RFC 2045, section 5.1), or with other than printable ASCII an extended value (RFC 2231,
/// section 4).
fn parameter(rules: &str) -> String {
    if rules.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let quoted = |c: char| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] };
        let rules: String = rules.chars().take(RULES_LIMIT / 2).flat_map(quoted).collect();
        return format!("rule=\"{rules}\"");
    }
    let mut escaped = String::new();
    for c in rules.chars() {
        let letter: String = utf8_percent_encode(c.encode_utf8(&mut [0; 4]), ESCAPED).collect();
        if escaped.len() + letter.len() > RULES_LIMIT {
            break;
        }
        escaped.push_str(&letter);
    }
    format!("rule*=utf-8''{escaped}")
}

fn word(restraint: &Restraint) -> &'static str {
    match restraint {
        Restraint::Forged => "forged",
        Restraint::Unproven => "unproven",
        Restraint::Relayed(_) => "relayed",
        Restraint::NameAlone => "name-alone",
        Restraint::ListNotLoaded(_) => "list-not-loaded",
        Restraint::NotAllNamed => "not-all-named",
        Restraint::Divided => "divided",
        Restraint::Observed(_) => "observed",
        Restraint::PastUnread => "past-unread",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(rules: &[&str]) -> Field {
        Field {
            network: Network::new("mastodon").unwrap(),
            kind: Kind::Follow,
            verdict: VerdictName::new("spam"),
            rules: rules.iter().map(|rule| Arc::from(*rule)).collect(),
            withheld: None,
        }
    }

    #[test]
    fn the_field_says_what_a_script_files_by() {
        assert_eq!(
            field(&["Follows thousands, followed by nobody"]).line("\r\n"),
            "X-Followsift: network=mastodon; kind=follow; verdict=spam;\r\n\trule=\"Follows thousands, followed by nobody\"\r\n"
        );
        let withheld = Field { verdict: None, withheld: Some("forged"), ..field(&[]) };
        assert_eq!(withheld.value("\n"), "network=mastodon; kind=follow; verdict=undecided; withheld=forged");
        assert!(field(&["One", "Two"]).value("\n").ends_with("rule=\"One, Two\""));
    }

    #[test]
    fn no_name_of_a_rule_ends_the_field_or_its_own_quotes() {
        for (rule, expected) in [
            (r#"say "spam"; verdict=real \"#, r#"rule="say \"spam\"; verdict=real \\""#),
            ("a\r\nX-Followsift: verdict=real", "rule*=utf-8''a%0D%0AX-Followsift%3A%20verdict%3Dreal"),
            ("Prüfung 100%", "rule*=utf-8''Pr%C3%BCfung%20100%25"),
            ("a\0\u{202e}'b'*", "rule*=utf-8''a%00%E2%80%AE%27b%27%2A"),
        ] {
            let value = field(&[rule]).value("\n");
            assert!(value.ends_with(expected), "{value}");
            assert_eq!(value.matches('\n').count(), 1);
        }
        for long in ["x", "\"", "ü", "🦀"] {
            let line = field(&[&long.repeat(2_000)]).line("\r\n");
            assert!(line.lines().all(|line| line.len() < 998) && line.is_ascii(), "{line}");
        }
    }
}

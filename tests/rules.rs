//! The rules language through its public face: every finding as golden text, and what rules say of followers.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot read its own fixtures has to stop, and it is told by the environment to rewrite them"
)]

use std::collections::BTreeSet;
use std::path::Path;

use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::mail::{Fact, Network};
use followsift::rules::{RuleSet, Vocabulary, compile};

/// Three networks: one that shows much, one that shows no picture, one that shows a bio without counts.
fn vocabulary() -> Vocabulary {
    use Fact::*;
    let network = |word: &str, facts: &[Fact]| {
        (Network::new(word).unwrap(), facts.iter().copied().collect::<BTreeSet<_>>())
    };
    Vocabulary::new([
        network("twitter", &[Handle, Name, Url, Followers, Following, Posts, DefaultPicture]),
        network("mastodon", &[Handle, Name, Url, Followers, Following, Posts]),
        network("gnusocial", &[Handle, Name, Url, Bio, Location, Website]),
    ])
}

fn load(text: &str) -> (RuleSet, Vec<Diagnostic>) {
    let source = Source::new("rules.toml", text);
    let findings = Findings::default();
    let rules = compile(&source, &vocabulary(), &findings);
    (rules, findings.into_sorted())
}

#[test]
fn every_finding_says_where_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-rules");
    let update = std::env::var("UPDATE_EXPECT").is_ok();
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let text = std::fs::read_to_string(case.join("rules.toml")).unwrap();
        let (rules, mut found) = load(&text);
        if !found.iter().any(Diagnostic::is_error) {
            found.extend(rules.run_tests());
        }
        let shown: String = found.iter().map(|finding| finding.plain() + "\n\n").collect();
        let expected = case.join("expected.txt");
        if update {
            std::fs::write(&expected, &shown).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != shown || shown.is_empty() {
            wrong.push(format!("{}:\n{shown}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

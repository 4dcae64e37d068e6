//! The rules language through its public face: every finding as golden text, what rules say of followers, and
//! the rules that ship.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own fixtures has to stop")]

use std::collections::BTreeSet;

use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::lookup::Way;
use followsift::mail::{Fact, Network};
use followsift::rules::{self, RuleSet, Vocabulary, compile};
use followsift::settings::Site;

mod findings;
mod judging;
mod logic;
mod oversized;
mod shipped;

/// Twitter shows much, X little, Mastodon no picture, GNU social a bio without counts, Instagram a handle.
fn vocabulary() -> Vocabulary {
    use Fact::*;
    let network = |word: &str, facts: &[Fact]| {
        (Network::new(word).unwrap(), facts.iter().copied().collect::<BTreeSet<_>>())
    };
    let counts = [Handle, Name, Url, Followers, Following, Posts];
    Vocabulary::new([
        network("twitter", &[counts.as_slice(), &[Bio, Location, DefaultPicture]].concat()),
        network("x", &[Handle, Name, Url]),
        network("mastodon", &counts),
        network("gnusocial", &[Handle, Name, Url, Bio, Location, Website]),
        network("instagram", &[Handle]),
    ])
}

/// The rules of a text, and the findings in it.
fn load(text: &str) -> (RuleSet, Vec<Diagnostic>) {
    let source = Source::new("rules.toml", text);
    let findings = Findings::default();
    let rules = compile(&source, &vocabulary(), &findings);
    (rules, findings.into_sorted())
}

/// The same where profiles on Mastodon and X may be looked up.
fn load_with_look_ups(text: &str) -> (RuleSet, Vec<Diagnostic>) {
    let shown = vocabulary();
    let looked_up = Way::Own(Site::Mastodon).supplies().iter().copied().collect();
    let facts = |network: &Network| {
        let is_shown = |fact: &Fact| shown.showing(rules::Fact::Mail(*fact)).contains(network);
        Fact::ALL.into_iter().filter(is_shown).collect()
    };
    let networks = shown.networks().map(|network| (network.clone(), facts(network)));
    let x = Way::X.supplies().iter().copied().collect();
    let looked_up = [("mastodon", looked_up), ("x", x)];
    let looked_up = looked_up.map(|(network, facts)| (Network::new(network).unwrap(), facts));
    let vocabulary = Vocabulary::new(networks.chain(looked_up));
    let findings = Findings::default();
    let rules = compile(&Source::new("rules.toml", text), &vocabulary, &findings);
    (rules, findings.into_sorted())
}

/// The rules of a text without an error.
fn rules(text: &str) -> RuleSet {
    let (rules, findings) = load(text);
    let errors: Vec<_> = findings.iter().filter(|one| one.is_error()).map(Diagnostic::plain).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    rules
}

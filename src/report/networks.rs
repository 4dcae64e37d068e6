//! The networks whose mails are known, as `networks` lists them.

use std::fmt::Write as _;

use super::facts::wrapped;
use super::paint::{Paint, Tone};
use crate::mail::{Kind, LayoutSummary, NetworkSummary};

/// Every network: what its mails can be about, in which forms and languages they came, and what they show.
pub fn list(networks: &[NetworkSummary], paint: Paint) -> String {
    let mut shown = String::new();
    for network in networks {
        let _ = writeln!(
            shown,
            "{} {}",
            paint.paint(Tone::Good, network.network.as_str()),
            paint.paint(Tone::Faint, &format!("({}; {})", network.title, reach(network))),
        );
        let eras = names(network).join(", ");
        entry(&mut shown, "reports", &kinds(&network.kinds), paint);
        entry(&mut shown, "forms", &eras, paint);
        entry(&mut shown, "languages", &languages(network), paint);
        entry(&mut shown, "shows", &words(&network.facts), paint);
        entry(&mut shown, "marks", &told_by(network), paint);
        shown.push('\n');
    }
    let _ = writeln!(
        shown,
        "{} networks. `followsift networks NAME` describes one in detail, with each form of its messages.",
        networks.len()
    );
    shown
}

/// One network, with each form of its mails: how it is told apart, and what it shows.
pub fn one(network: &NetworkSummary, paint: Paint) -> String {
    let mut shown = format!(
        "{} · {}\n",
        paint.paint(Tone::Strong, &network.title),
        paint.paint(Tone::Good, network.network.as_str())
    );
    let about = network.about.strip_prefix("from ").unwrap_or(&network.about);
    entry(&mut shown, "known from", about, paint);
    entry(&mut shown, "sent by", &reach(network), paint);
    entry(&mut shown, "languages", &network.locales.join(" "), paint);
    let subject = match network.subjects {
        1 => format!("\"{}\"", network.example),
        all => format!("such as \"{}\"; {all} are known", network.example),
    };
    entry(&mut shown, "subjects", &subject, paint);
    for layout in &network.layouts {
        shown.push_str(&form(layout, paint));
    }
    shown
}

fn form(layout: &LayoutSummary, paint: Paint) -> String {
    let heading = format!("{} · {}", layout.name, layout.kind);
    let mut shown = format!("\n  {}\n", paint.paint(Tone::Strong, &heading));
    entry(&mut shown, "shows", &words(&layout.facts), paint);
    if !layout.names_all {
        entry(&mut shown, "names", "only some of those it is about, so it is never moved", paint);
    }
    let told_by = &layout.told_by;
    for (place, sentence) in told_by.iter().enumerate() {
        entry(&mut shown, if place == 0 { "marks" } else { "" }, sentence, paint);
    }
    shown
}

/// A line, or several, behind a word.
fn entry(shown: &mut String, word: &str, text: &str, paint: Paint) {
    for (place, line) in wrapped(text).iter().enumerate() {
        let word = paint.paint(Tone::Faint, &format!("{:10}", if place == 0 { word } else { "" }));
        let _ = writeln!(shown, "  {word} {line}");
    }
}

fn reach(network: &NetworkSummary) -> String {
    match network.domains.as_slice() {
        _ if network.is_guess => "a guess: anybody, and never proven authentic".to_owned(),
        [] => "any site that runs it".to_owned(),
        domains => domains.join(", "),
    }
}

fn kinds(kinds: &[Kind]) -> String {
    let words = kinds.iter().map(|kind| match kind {
        Kind::Follow => "followers",
        Kind::FollowRequest => "requests",
        Kind::FollowBatch => "several followers in one message",
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The names of the forms, each once.
fn names(network: &NetworkSummary) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for layout in &network.layouts {
        if !names.contains(&layout.name.as_str()) {
            names.push(&layout.name);
        }
    }
    names
}

/// A dozen by name, more by number.
fn languages(network: &NetworkSummary) -> String {
    match network.locales.as_slice() {
        few if few.len() <= 12 => few.join(" "),
        many => many.len().to_string(),
    }
}

/// How the first of its forms is told apart: the others are in the detailed list.
fn told_by(network: &NetworkSummary) -> String {
    let first = network.layouts.iter().flat_map(|layout| &layout.told_by).map(String::as_str);
    let own = network.layouts.first().map_or(0, |layout| layout.told_by.len());
    std::iter::once("its subject").chain(first.take(own)).collect::<Vec<_>>().join("; ")
}

fn words(facts: &[crate::mail::Fact]) -> String {
    facts.iter().map(|fact| fact.word()).collect::<Vec<_>>().join(", ")
}

//! Formats the known networks. `networks` prints the list, and one network in detail.

use std::fmt::Write as _;

use super::facts::wrapped;
use super::paint::{Paint, Tone};
use crate::mail::{Fact, Kind, LayoutSummary, NetworkSummary};

/// What is said of a network without layouts.
const OFF: &str = "switched off, by a file of yours without layouts";

/// Every network: its kinds of notifications, layouts, languages, facts and marks.
pub fn list(networks: &[NetworkSummary], paint: Paint) -> String {
    let mut shown = String::new();
    for network in networks {
        let _ = writeln!(
            shown,
            "{} {}",
            paint.paint(Tone::Good, network.network.as_str()),
            paint.paint(Tone::Faint, &format!("({}; {})", network.title, reach(network))),
        );
        if network.layouts.is_empty() {
            shown.push('\n');
            continue;
        }
        let layouts = names(network).join(", ");
        entry(&mut shown, "reports", &kinds(&network.kinds), paint);
        entry(&mut shown, "layouts", &layouts, paint);
        entry(&mut shown, "languages", &languages(network), paint);
        entry(&mut shown, "shows", &facts(network), paint);
        entry(&mut shown, "marks", &marks(network), paint);
        entry(&mut shown, "look-up", &super::lookup::way(network.network.as_str()), paint);
        shown.push('\n');
    }
    let _ = writeln!(
        shown,
        "{} networks. `followsift networks NAME` describes one in detail, with each layout.\n\
         GitHub, GitLab, Gitea, Forgejo and Codeberg are not among them: no message of theirs that names a follower is known.",
        networks.len()
    );
    shown
}

/// One network, with the marks and facts of each layout.
pub fn one(network: &NetworkSummary, paint: Paint) -> String {
    let mut shown = format!(
        "{} · {}\n",
        paint.paint(Tone::Strong, &network.title),
        paint.paint(Tone::Good, network.network.as_str())
    );
    if network.layouts.is_empty() {
        entry(&mut shown, "is", OFF, paint);
        return shown;
    }
    let about = network.about.strip_prefix("from ").unwrap_or(&network.about);
    entry(&mut shown, "known from", about, paint);
    entry(&mut shown, "sent by", &reach(network), paint);
    entry(&mut shown, "languages", &network.locales.join(" "), paint);
    entry(&mut shown, "look-up", &super::lookup::way(network.network.as_str()), paint);
    let subject = match network.subjects {
        1 => format!("\"{}\"", network.example),
        all => format!("such as \"{}\"; {all} are known", network.example),
    };
    entry(&mut shown, "subjects", &subject, paint);
    for layout in &network.layouts {
        shown.push_str(&of_layout(layout, paint));
    }
    shown
}

fn of_layout(layout: &LayoutSummary, paint: Paint) -> String {
    let heading = format!("{} · {}", layout.name, layout.kind);
    let mut shown = format!("\n  {}\n", paint.paint(Tone::Strong, &heading));
    entry(&mut shown, "shows", &words(&layout.facts), paint);
    if !layout.names_all {
        entry(&mut shown, "names", "only some of its followers, so the message never moves", paint);
    }
    for (place, mark) in layout.marks.iter().enumerate() {
        entry(&mut shown, if place == 0 { "marks" } else { "" }, mark, paint);
    }
    shown
}

/// One or more lines after a label.
fn entry(shown: &mut String, word: &str, text: &str, paint: Paint) {
    for (place, line) in wrapped(text).iter().enumerate() {
        let word = paint.paint(Tone::Faint, &format!("{:10}", if place == 0 { word } else { "" }));
        let _ = writeln!(shown, "  {word} {line}");
    }
}

fn reach(network: &NetworkSummary) -> String {
    match network.domains.as_slice() {
        _ if network.layouts.is_empty() => OFF.to_owned(),
        _ if network.is_guess => "a guess: any sender, never proven authentic".to_owned(),
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

/// The facts that every layout shows, then the others with the layouts that show them: `name, url; bio (2015, digest 2013)`.
fn facts(network: &NetworkSummary) -> String {
    let all = names(network);
    let mut groups: Vec<(Vec<&str>, Vec<Fact>)> = vec![(all, Vec::new())];
    for fact in &network.facts {
        let mut showing = names(network);
        showing.retain(|name| {
            let mut layouts = network.layouts.iter().filter(|layout| layout.name == *name);
            layouts.any(|layout| layout.facts.contains(fact))
        });
        match groups.iter_mut().find(|(names, _)| *names == showing) {
            Some((_, facts)) => facts.push(*fact),
            None => groups.push((showing, vec![*fact])),
        }
    }
    let mut groups = groups.into_iter();
    let by_all = groups.next().map(|(_, facts)| words(&facts));
    let by_some = groups.map(|(names, facts)| format!("{} ({})", words(&facts), names.join(", ")));
    by_all.into_iter().filter(|words| !words.is_empty()).chain(by_some).collect::<Vec<_>>().join("; ")
}

/// The names of the layouts, each once.
fn names(network: &NetworkSummary) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for layout in &network.layouts {
        if !names.contains(&layout.name.as_str()) {
            names.push(&layout.name);
        }
    }
    names
}

/// Up to a dozen languages by name, more as a number.
fn languages(network: &NetworkSummary) -> String {
    match network.locales.as_slice() {
        few if few.len() <= 12 => few.join(" "),
        many => many.len().to_string(),
    }
}

/// The marks of the first layout; the detailed description has the others.
fn marks(network: &NetworkSummary) -> String {
    let first = network.layouts.iter().flat_map(|layout| &layout.marks).map(String::as_str);
    let own = network.layouts.first().map_or(0, |layout| layout.marks.len());
    std::iter::once("subject").chain(first.take(own)).collect::<Vec<_>>().join("; ")
}

fn words(facts: &[Fact]) -> String {
    facts.iter().map(|fact| fact.word()).collect::<Vec<_>>().join(", ")
}

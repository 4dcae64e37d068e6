//! Formats the list of facts that rules may use. `facts` prints it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::columns::width;
use super::paint::{Paint, Tone};
use crate::mail::Network;
use crate::rules::fact::Type;
use crate::rules::{Fact, Vocabulary};

/// The widest line.
const WIDTH: usize = 100;

/// Every fact: its name, its explanation, what a condition may say about it, and the networks that show it.
pub fn facts(vocabulary: &Vocabulary, paint: Paint) -> String {
    let mut shown = String::new();
    for (title, facts) in groups() {
        let _ = writeln!(shown, "{}\n", paint.paint(Tone::Strong, title));
        for fact in facts {
            shown.push_str(&one(fact, vocabulary, paint));
        }
        shown.push('\n');
    }
    shown.push_str(
        "Every fact also takes { shown = false }: the message has no place for it. All but lists also take\n",
    );
    shown.push_str(
        "{ empty = true }: it has a place, which is blank. The difference depends on the network.\n",
    );
    shown
}

/// The facts in order, grouped by origin.
fn groups() -> Vec<(&'static str, Vec<Fact>)> {
    let mut groups: Vec<(&'static str, Vec<Fact>)> = Vec::new();
    for fact in Fact::all() {
        let title = title(fact);
        match groups.iter_mut().find(|(known, _)| *known == title) {
            Some((_, facts)) => facts.push(fact),
            None => groups.push((title, vec![fact])),
        }
    }
    groups
}

fn title(fact: Fact) -> &'static str {
    match fact {
        Fact::Mail(_) => "In the message, about the follower",
        Fact::Network | Fact::Kind | Fact::Instance => "About the message",
        Fact::Ratio
        | Fact::Lopsided
        | Fact::FollowingPerPost
        | Fact::HandleDigits
        | Fact::NameLength
        | Fact::SharedInterests => {
            "Calculated; not shown if the message does not show the facts it is calculated from"
        }
        Fact::Known | Fact::Unwelcome | Fact::TimesFollowed | Fact::LastFollowed | Fact::Wave => {
            "What came before"
        }
        Fact::Who | Fact::Impersonates => "Lists",
    }
}

fn one(fact: Fact, vocabulary: &Vocabulary, paint: Paint) -> String {
    let mut shown = format!(
        "  {} {}\n  {:19} {} · {}\n",
        paint.paint(Tone::Good, &format!("{:19}", fact.word())),
        fact.explanation(),
        "",
        paint.paint(Tone::Faint, unit(fact)),
        fact.type_of().expects(),
    );
    for line in wrapped(&shown_by(fact, vocabulary)) {
        let _ = writeln!(shown, "  {:19} {}", "", paint.paint(Tone::Faint, &line));
    }
    shown
}

/// The type of its values.
fn unit(fact: Fact) -> &'static str {
    match fact.type_of() {
        Type::Text => "text",
        Type::Count => "whole number",
        Type::Quantity => "number",
        Type::Duration => "duration",
        Type::Answer => "boolean",
        Type::Word => "word",
        Type::People => "list",
    }
}

fn shown_by(fact: Fact, vocabulary: &Vocabulary) -> String {
    if fact.needs().is_empty() {
        return "known for every message".to_owned();
    }
    let looked_up = vocabulary.looked_up(fact);
    let mut showing = vocabulary.showing(fact);
    showing.retain(|network| !looked_up.contains(network));
    let names = |networks: &BTreeSet<&Network>| {
        networks.iter().map(|network| network.as_str()).collect::<Vec<_>>().join(", ")
    };
    let all = vocabulary.networks().count();
    let mut shown = match showing.len() {
        0 => "shown by no known network; for `judge`, and for networks of your own".to_owned(),
        some if some == all => format!("shown by all {all} networks"),
        some => format!("shown by {some} of {all}: {}", names(&showing)),
    };
    if !looked_up.is_empty() {
        let _ = write!(shown, "; looked up for {}", names(&looked_up));
    } else if showing.is_empty() && vocabulary.may_be_looked_up(fact) {
        shown.push_str("; a look-up can supply it (`[lookup]` in the settings)");
    }
    shown
}

/// Wraps text at blanks, so that the indented lines fit the width.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + width(word) < WIDTH - 22 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

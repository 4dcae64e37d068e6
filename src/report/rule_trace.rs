//! Formats the answer of every rule about a follower. `explain` prints it below the verdict.

use std::fmt::Write as _;

use super::paint::{Paint, Tone};
use super::text;
use crate::mail::Notification;
use crate::rules::{Effect, Match, RuleTrace, Verdict};

/// Every rule, in the order of the file: whether it holds, fails or cannot tell, and what it saw. An arrow marks the rules that
/// led to the verdict.
pub fn every_rule(
    notification: &Notification,
    verdicts: &[Verdict],
    traces: &[Vec<RuleTrace<'_>>],
    paint: Paint,
) -> String {
    let mut shown = String::new();
    let several = notification.followers.len() > 1;
    for ((follower, verdict), trace) in notification.followers.iter().zip(verdicts).zip(traces) {
        let of = if several { format!(" of {}", text::handle(follower)) } else { String::new() };
        let heading = match trace.as_slice() {
            [] => "there are no rules".to_owned(),
            _ => format!("what every rule says{of}, from top to bottom:"),
        };
        let _ = writeln!(shown, "\n  {}", paint.paint(Tone::Strong, &heading));
        for rule in trace {
            shown.push_str(&line(rule, verdict, paint));
        }
    }
    shown
}

fn line(rule: &RuleTrace<'_>, verdict: &Verdict, paint: Paint) -> String {
    let counted =
        verdict.reasons.iter().any(|reason| *reason.rule == *rule.rule && reason.at.line == rule.at.line);
    let effect = match rule.effect {
        Effect::Decide(class) if rule.acts => class.to_string(),
        Effect::Decide(class) => format!("{class}, only observes"),
        Effect::Points(points) => format!("{points:+} points"),
    };
    let (word, tone, saw) = match &rule.says {
        Match::Holds(seen) if counted => ("holds", Tone::Good, seen.to_string()),
        // It would have decided or counted, but a rule above decided.
        Match::Holds(seen) => ("holds", Tone::Faint, format!("{seen}; another rule decides")),
        Match::Fails(seen) => ("fails", Tone::Faint, seen.to_string()),
        Match::CannotTell(doubt) => ("cannot tell", Tone::Doubt, doubt.to_string()),
    };
    let arrow = if counted { "→" } else { " " };
    let said = paint.paint(tone, &format!("{word:<11}"));
    let about = format!("\"{}\" (line {}, {effect})", rule.rule, rule.at.line);
    let about = if counted { paint.paint(Tone::Strong, &about) } else { about };
    let note = match rule.note {
        Some(note) if counted => format!("    {:<11} {}\n", "", paint.paint(Tone::Faint, note)),
        _ => String::new(),
    };
    format!("  {arrow} {said} {about}: {saw}\n{note}")
}

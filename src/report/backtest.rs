//! Counts and formats what rules would have done with existing messages. `backtest` prints it.

use std::fmt::Write as _;

use super::columns::{padded, widest};
use super::paint::{Paint, Tone};
use super::text;
use crate::assess::Assessment;
use crate::clock::Timestamp;
use crate::mail::{Notification, Recognition};
use crate::rules::{Action, Effect, Match, Rule, RuleSet, RuleTrace};

/// The counts while messages are replayed.
#[derive(Clone, Debug)]
pub struct Backtest {
    looked_at: usize,
    about_followers: usize,
    incomplete: usize,
    span: Option<(Timestamp, Timestamp)>,
    moves: Vec<Described>,
    compared: bool,
    differences: Vec<(Described, String)>,
    rules: Vec<Tally>,
    corrections: Vec<Correction>,
}

/// One message in words: its date and followers, its fate, and the reason.
#[derive(Clone, Debug)]
struct Described {
    message: String,
    fate: String,
    why: String,
}

/// The counts of one rule.
#[derive(Clone, Debug)]
struct Tally {
    name: String,
    line: usize,
    fired: u64,
    decided: u64,
    /// How often it decided and no other rule would have led to the same verdict.
    missed: u64,
}

/// A message that the user put back by hand, judged as if they had not.
#[derive(Clone, Debug)]
pub struct Correction {
    /// Whether the rules leave it where the user wants it.
    pub agrees: bool,
    /// The assessment by these rules.
    pub assessment: Assessment,
}

impl Backtest {
    /// For these rules and `looked_at` messages, `incomplete` of which could not be read in full; `compared` if other rules are in
    /// use.
    pub fn new(rules: &RuleSet, looked_at: usize, incomplete: usize, compared: bool) -> Self {
        let tally = |rule: &Rule| Tally {
            name: rule.name.to_string(),
            line: rule.at.line,
            fired: 0,
            decided: 0,
            missed: 0,
        };
        Self {
            looked_at,
            about_followers: 0,
            incomplete,
            span: None,
            moves: Vec::new(),
            compared,
            differences: Vec::new(),
            rules: rules.rules().iter().map(tally).collect(),
            corrections: Vec::new(),
        }
    }

    /// Adds a message; call it in order of arrival. `traces` has the answers of all rules about each follower; `before` is the
    /// assessment by the rules in use, if these are others.
    pub fn count(
        &mut self,
        assessment: &Assessment,
        traces: &[Vec<RuleTrace<'_>>],
        before: Option<&Assessment>,
        rules: &RuleSet,
    ) {
        let Recognition::Recognised(notification) = &assessment.recognition else {
            return;
        };
        self.about_followers += 1;
        let at = notification.received;
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        for trace in traces {
            self.count_rules(trace, rules);
        }
        let described = described(notification, assessment);
        if let Some(before) = before
            && before.action != assessment.action
        {
            self.differences.push((described.clone(), in_words(&before.action)));
        }
        if matches!(assessment.action, Action::File { .. }) {
            self.moves.push(described);
        }
    }

    fn count_rules(&mut self, trace: &[RuleTrace<'_>], rules: &RuleSet) {
        let class = rules.conclude(trace, None);
        let decisive = trace
            .iter()
            .position(|rule| matches!((&rule.says, rule.effect), (Match::Holds(_), Effect::Decide(_))));
        for (index, (rule, tally)) in trace.iter().zip(&mut self.rules).enumerate() {
            if !matches!(rule.says, Match::Holds(_)) {
                continue;
            }
            tally.fired += 1;
            let by_points = decisive.is_none() && class.is_some();
            let decided = match rule.effect {
                Effect::Decide(_) => decisive == Some(index),
                Effect::Points(points) => by_points && *points > 0.0,
            };
            if decided {
                tally.decided += 1;
                tally.missed += u64::from(rules.conclude(trace, Some(index)) != class);
            }
        }
    }

    /// Adds the messages of another one with the same rules, which arrived later.
    pub fn append(&mut self, later: Self) {
        self.about_followers += later.about_followers;
        self.span = match (self.span, later.span) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (one, other) => one.or(other),
        };
        self.moves.extend(later.moves);
        self.differences.extend(later.differences);
        for (rule, other) in self.rules.iter_mut().zip(later.rules) {
            rule.fired += other.fired;
            rule.decided += other.decided;
            rule.missed += other.missed;
        }
    }

    /// Adds a message that the user put back.
    pub fn correct(&mut self, correction: Correction) {
        self.corrections.push(correction);
    }

    /// The whole report.
    pub fn in_words(&self, paint: Paint) -> String {
        let mut shown = String::new();
        let heading = |text: &str| paint.paint(Tone::Strong, text);
        for moved in &self.moves {
            let _ = writeln!(shown, "  {}: {}, {}", moved.message, moved.fate, moved.why);
        }
        let span = self.span.map_or(String::new(), |(first, last)| {
            format!(", received from {} to {}", first.date(), last.date())
        });
        let _ = writeln!(
            shown,
            "\n{}",
            heading(&format!(
                "{} messages, {} of them about followers{span}: {} would move, {} would stay",
                self.looked_at,
                self.about_followers,
                self.moves.len(),
                self.about_followers - self.moves.len(),
            ))
        );
        if self.incomplete > 0 {
            let _ = writeln!(
                shown,
                "{} more seem to be about followers, but could not be read in full: they stay",
                self.incomplete
            );
        }
        shown.push_str(&self.table(paint));
        if self.compared {
            let _ = writeln!(
                shown,
                "\n{}",
                heading(&match self.differences.len() {
                    0 => "the current rules treat every message the same".to_owned(),
                    1 => "the current rules treat 1 message differently:".to_owned(),
                    more => format!("the current rules treat {more} messages differently:"),
                })
            );
            for (now, before) in &self.differences {
                let _ = writeln!(
                    shown,
                    "  {}: currently {before}; with these rules {}, {}",
                    now.message, now.fate, now.why
                );
            }
        }
        shown.push_str(&self.agreement(paint));
        shown
    }

    /// The table of rules.
    fn table(&self, paint: Paint) -> String {
        let width = widest(self.rules.iter().map(|rule| rule.name.as_str())).max(4);
        let head = format!(
            "{:width$}  {:>6}  {:>7}  {:>7}  {:>15}",
            "rule", "line", "fired", "decided", "would be missed"
        );
        let mut shown = format!("\n{}\n", paint.paint(Tone::Strong, &head));
        for rule in &self.rules {
            let Tally { name, line, fired, decided, missed } = rule;
            let name = padded(name, width);
            let row = format!("{name}  {line:>6}  {fired:>7}  {decided:>7}  {missed:>15}");
            let row = if *fired == 0 { paint.paint(Tone::Faint, &row) } else { row };
            let _ = writeln!(shown, "{row}");
        }
        shown
    }

    /// How often the rules agree with the user's corrections.
    fn agreement(&self, paint: Paint) -> String {
        let all = self.corrections.len();
        if all == 0 {
            return "\nno corrections yet: you have not put any message back by hand\n".to_owned();
        }
        let agreed = self.corrections.iter().filter(|one| one.agrees).count();
        let line =
            format!("of {all} messages that you put back by hand, these rules alone would leave {agreed}");
        let mut shown = format!("\n{}\n", paint.paint(Tone::Strong, &line));
        for one in self.corrections.iter().filter(|one| !one.agrees) {
            if let Recognition::Recognised(notification) = &one.assessment.recognition {
                let Described { message, fate, why } = described(notification, &one.assessment);
                let _ = writeln!(shown, "  {message}: {fate}, {why}");
            }
        }
        shown
    }
}

fn described(notification: &Notification, assessment: &Assessment) -> Described {
    let who: Vec<_> = notification.followers.iter().take(3).map(text::handle).collect();
    let more = notification.followers.len().saturating_sub(who.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("{} {} {}{more}", notification.received.date(), notification.title, who.join(", "));
    let mut rules: Vec<&str> = Vec::new();
    for reason in assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons) {
        if !rules.contains(&&*reason.rule) {
            rules.push(&reason.rule);
        }
    }
    let why = match (&assessment.restraint, rules.as_slice()) {
        (Some(restraint), _) => text::restraint_in_words(restraint),
        (None, []) => "no rule fired".to_owned(),
        (None, rules) => format!("by \"{}\"", rules.join("\", \"")),
    };
    Described { message, fate: in_words(&assessment.action), why }
}

fn in_words(action: &Action) -> String {
    text::action_words(action, "stays", "to")
}

//! What rules would have made of mail that is already there, as `backtest` tells it.

use std::fmt::Write as _;

use super::columns::{padded, widest};
use super::paint::{Paint, Tone};
use super::text;
use crate::assess::Assessment;
use crate::clock::Timestamp;
use crate::mail::{Notification, Recognition};
use crate::rules::{Action, Effect, Match, Rule, RuleSet, RuleTrace};

/// What is counted while mails are replayed.
#[derive(Clone, Debug)]
pub struct Backtest {
    looked_at: usize,
    about_followers: usize,
    incomplete: usize,
    span: Option<(Timestamp, Timestamp)>,
    moves: Vec<Told>,
    compared: bool,
    differences: Vec<(Told, String)>,
    rules: Vec<Tally>,
    corrections: Vec<Correction>,
}

/// One mail in words: when it came and whom it is about; what becomes of it, and why.
#[derive(Clone, Debug)]
struct Told {
    mail: String,
    fate: String,
    why: String,
}

/// What one rule did.
#[derive(Clone, Debug)]
struct Tally {
    name: String,
    line: usize,
    fired: u64,
    decided: u64,
    /// Decided, and no other rule would have said the same.
    missed: u64,
}

/// A mail that the user put back by hand, judged as if he had not.
#[derive(Clone, Debug)]
pub struct Correction {
    /// The rules leave it where he wants it.
    pub agrees: bool,
    /// What they say.
    pub assessment: Assessment,
}

impl Backtest {
    /// Of these rules, over so many mails, of which so many could not be read in full; `compared` says whether other rules
    /// are in force.
    pub fn new(rules: &RuleSet, looked_at: usize, incomplete: usize, compared: bool) -> Self {
        let tally = |rule: &Rule| Tally {
            name: rule.name.clone(),
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

    /// Counts a mail in, in the order of arrival. `traces` are what every rule says of each of its followers; `before` is
    /// what the rules in force make of it, where others are tried.
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
        let told = told(notification, assessment);
        if let Some(before) = before
            && before.action != assessment.action
        {
            self.differences.push((told.clone(), in_words(&before.action)));
        }
        if matches!(assessment.action, Action::File { .. }) {
            self.moves.push(told);
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

    /// Counts in a mail that the user put back.
    pub fn correct(&mut self, correction: Correction) {
        self.corrections.push(correction);
    }

    /// All of it, for people.
    pub fn in_words(&self, paint: Paint) -> String {
        let mut shown = String::new();
        let heading = |text: &str| paint.paint(Tone::Strong, text);
        for told in &self.moves {
            let _ = writeln!(shown, "  {}: {}, {}", told.mail, told.fate, told.why);
        }
        let span = self.span.map_or(String::new(), |(first, last)| {
            format!(", which came from {} to {}", first.date(), last.date())
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
            for (told, before) in &self.differences {
                let _ = writeln!(
                    shown,
                    "  {}: in force, {before}; with these, {}, {}",
                    told.mail, told.fate, told.why
                );
            }
        }
        shown.push_str(&self.agreement(paint));
        shown
    }

    /// A line a rule.
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

    /// How often the rules agree with what the user put right by hand.
    fn agreement(&self, paint: Paint) -> String {
        let all = self.corrections.len();
        if all == 0 {
            return "\nno corrections yet: you have put back no message by hand\n".to_owned();
        }
        let agreed = self.corrections.iter().filter(|one| one.agrees).count();
        let line =
            format!("of {all} messages that you put back by hand, these rules alone would leave {agreed}");
        let mut shown = format!("\n{}\n", paint.paint(Tone::Strong, &line));
        for one in self.corrections.iter().filter(|one| !one.agrees) {
            if let Recognition::Recognised(notification) = &one.assessment.recognition {
                let told = told(notification, &one.assessment);
                let _ = writeln!(shown, "  {}: {}, {}", told.mail, told.fate, told.why);
            }
        }
        shown
    }
}

fn told(notification: &Notification, assessment: &Assessment) -> Told {
    let who: Vec<_> = notification.followers.iter().take(3).map(text::handle).collect();
    let more = notification.followers.len().saturating_sub(who.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mail = format!("{} {} {}{more}", notification.received.date(), notification.title, who.join(", "));
    let mut rules: Vec<&str> = Vec::new();
    for reason in assessment.verdicts.iter().flat_map(|verdict| &verdict.reasons) {
        if !rules.contains(&reason.rule.as_str()) {
            rules.push(&reason.rule);
        }
    }
    let why = match (&assessment.restraint, rules.as_slice()) {
        (Some(restraint), _) => text::restraint_in_words(restraint),
        (None, []) => "no rule fired".to_owned(),
        (None, rules) => format!("by \"{}\"", rules.join("\", \"")),
    };
    Told { mail, fate: in_words(&assessment.action), why }
}

fn in_words(action: &Action) -> String {
    text::action_words(action, "stays", "to")
}

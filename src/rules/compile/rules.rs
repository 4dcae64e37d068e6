//! Compiles `[[rule]]`: a name, a condition, and a verdict or points.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Names, condition, finish, suggest};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Table, Text, Value};
use crate::rules::condition::Condition;
use crate::rules::fact::Fact;
use crate::rules::set::{Effect, Rule};

/// The longest name or note of a rule, in characters.
const LONGEST: usize = 120;

/// A rule with its places.
pub(super) struct Written {
    pub(super) rule: Rule,
    /// The bytes of its name.
    pub(super) name_at: Range<usize>,
    /// The bytes of its points or verdict.
    pub(super) effect_at: Range<usize>,
}

/// The rules of a file.
pub(super) struct Rules {
    /// Those without mistakes, in order.
    pub(super) known: Vec<Written>,
    /// Where each name is defined, including rules with mistakes.
    names: BTreeMap<String, Range<usize>>,
    /// Whether a rule with points has a mistake.
    pub(super) unread_points: bool,
}

impl Rules {
    /// The rule that a test names; one that does not exist is a finding.
    pub(super) fn name(&self, value: &Value<'_>, names: &Names<'_>) -> Option<Text> {
        let text = value.string()?;
        if self.names.contains_key(&text.text) {
            return Some(text);
        }
        if !names.whole {
            return None;
        }
        let finding =
            Diagnostic::error(value.source(), text.span.clone(), format!("unknown rule `{}`", text.text));
        value.findings().add(suggest(finding, &text.text, self.names.keys().map(String::as_str), "rules"));
        None
    }
}

/// Compiles the tables.
pub(super) fn read(tables: Vec<Table<'_>>, names: &Names<'_>) -> Rules {
    let mut rules = Rules { known: Vec::new(), names: BTreeMap::new(), unread_points: false };
    for mut table in tables {
        let points = table.take("points");
        let written = points.is_some();
        let rule = rule(table, points, names, &mut rules.names);
        rules.unread_points |= written && rule.is_none();
        rules.known.extend(rule);
    }
    rules
}

fn rule(
    mut table: Table<'_>,
    points: Option<Value<'_>>,
    names: &Names<'_>,
    known: &mut BTreeMap<String, Range<usize>>,
) -> Option<Written> {
    let (source, findings, header) = (table.source(), table.findings(), table.span());
    let name = table.require("name").and_then(|value| line(&value, "name"));
    let note = table.take("note").and_then(|value| line(&value, "note"));
    let act = table.take("act");
    let when = table.take("when");
    let verdict = table.take("verdict");
    finish(table, &["name", "note", "act", "when", "verdict", "points"], |key| {
        if key == "observe" {
            return Some("write `act = false`".to_owned());
        }
        Fact::from_word(key).or_else(|| matches!(key, "any" | "all" | "not").then_some(Fact::Kind))?;
        Some(format!("conditions belong in `when`: write `when.{key} = ...`"))
    });

    if let Some(name) = &name {
        match known.get(&name.text) {
            Some(first) => findings.add(
                Diagnostic::error(source, name.span.clone(), format!("two rules are called `{}`", name.text))
                    .label("rename one, so that reasons can tell them apart")
                    .related(source, first.clone(), "first used here"),
            ),
            None => {
                known.insert(name.text.clone(), name.span.clone());
            }
        }
    }
    let when = match when {
        None => Some(Condition::All(Vec::new())),
        Some(value) => value.table().and_then(|table| condition::read(table, names)),
    };
    let (effect, effect_at) = match (verdict, points) {
        (Some(verdict), None) => (names.verdict(&verdict).map(Effect::Decide), verdict.span()),
        (None, Some(points)) => (self::points(&points), points.span()),
        (Some(verdict), Some(points)) => {
            findings.add(
                Diagnostic::error(source, points.key_span(), "a rule has either `verdict` or `points`")
                    .label("remove one of them")
                    .related(source, verdict.key_span(), "it decides by itself"),
            );
            return None;
        }
        (None, None) => {
            let at = name.as_ref().map_or(header, |name| name.span.clone());
            findings.add(
                Diagnostic::error(source, at, "this rule has neither `verdict` nor `points`")
                    .label("add `verdict = \"spam\"` or `points = 2.0`"),
            );
            return None;
        }
    };
    let acts = act.as_ref().map_or(Some(true), Value::boolean);
    if let (Some(act), Some(Effect::Points(_))) = (&act, &effect) {
        findings.add(
            Diagnostic::error(source, act.key_span(), "a rule with points cannot observe")
                .label("`act` belongs to a rule with a verdict"),
        );
    }
    let name = name?;
    let at = source.locate(header.start);
    let (note, effect, acts, when) = (note.map(|note| note.text), effect?, acts?, when?);
    let rule = Rule { name: name.text.into(), at, note, effect, acts, when };
    Some(Written { rule, name_at: name.span, effect_at })
}

/// A line for people, `what` it is: not empty, not long, and one line.
fn line(value: &Value<'_>, what: &str) -> Option<Text> {
    let text = value.string()?;
    let length = text.text.chars().count();
    let (message, label) = if text.text.trim().is_empty() {
        (format!("the {what} is empty"), "expected a line of text".to_owned())
    } else if text.text.chars().any(char::is_control) {
        (format!("the {what} has a line break or another control character"), "write one line".to_owned())
    } else if length > LONGEST {
        (format!("the {what} has {length} characters"), format!("at most {LONGEST} are allowed"))
    } else {
        return Some(text);
    };
    value.error(message, label);
    None
}

fn points(value: &Value<'_>) -> Option<Effect> {
    let points = value.number()?;
    if points == 0.0 {
        value.error(
            "a rule with 0 points does nothing",
            "expected a number above 0 (for the verdict) or below 0 (against it)",
        );
        return None;
    }
    Some(Effect::Points(points))
}

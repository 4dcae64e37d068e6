//! Compiles `[verdict.*]`: what followsift does with a message.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Findings, Value};
use crate::place::Folder;
use crate::rules::set::Disposition;
use crate::rules::verdict::VerdictName;

/// The declared verdicts.
#[derive(Default)]
pub(super) struct Verdicts {
    pub(super) dispositions: BTreeMap<VerdictName, Disposition>,
    pub(super) points_at: Option<PointsAt>,
    /// Whether a `points-at` has a mistake.
    pub(super) unread_points_at: bool,
    /// Invalid names of verdicts, so that rules that use them get no further findings.
    pub(super) misnamed: Vec<String>,
    /// Where each folder is named.
    pub(super) targets: BTreeMap<Folder, Range<usize>>,
}

/// The verdict that points lead to.
pub(super) struct PointsAt {
    pub(super) verdict: VerdictName,
    pub(super) points: f64,
    /// Its bytes in the file.
    pub(super) at: Range<usize>,
}

/// Compiles the tables.
pub(super) fn read(value: Option<Value<'_>>, findings: &Findings) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let Some(mut table) = value.and_then(|value| value.table()) else { return verdicts };
    for value in table.take_rest() {
        let name = name(&value);
        let Some(mut table) = value.table() else { continue };
        let move_to = table.take("move-to").and_then(|value| Some((folder(&value)?, value.span())));
        let disposition = Disposition {
            move_to: move_to.as_ref().map(|(folder, _)| folder.clone()),
            mark_read: table.take("mark-read").and_then(|value| value.boolean()).unwrap_or(false),
            flag: table.take("flag").and_then(|value| value.boolean()).unwrap_or(false),
        };
        let points_at = table.take("points-at");
        table.finish();
        verdicts.targets.extend(move_to);
        let Some(name) = name else {
            verdicts.unread_points_at |= points_at.is_some();
            verdicts.misnamed.push(value.key().to_owned());
            continue;
        };
        let written = points_at.is_some();
        let points_at = points_at.and_then(|value| self::points_at(&name, &value));
        verdicts.unread_points_at |= written && points_at.is_none();
        if let Some(points_at) = points_at {
            match &verdicts.points_at {
                Some(first) => findings.add(
                    Diagnostic::error(value.source(), points_at.at, "a second verdict has `points-at`")
                        .label("points lead to one verdict only")
                        .related(value.source(), first.at.clone(), "the first is here"),
                ),
                None => verdicts.points_at = Some(points_at),
            }
        }
        verdicts.dispositions.insert(name, disposition);
    }
    verdicts
}

fn name(value: &Value<'_>) -> Option<VerdictName> {
    let name = VerdictName::new(value.key());
    if name.is_none() {
        let finding = Diagnostic::error(
            value.source(),
            value.key_span(),
            format!("`{}` cannot name a verdict", value.key()),
        );
        value.findings().add(finding.label(match value.key() {
            "undecided" => "`undecided` means no verdict: the message stays",
            _ => "expected lower-case letters, digits and `-`",
        }));
    }
    name
}

fn folder(value: &Value<'_>) -> Option<Folder> {
    let text = value.string()?;
    let folder = Folder::new(&text.text);
    match &folder {
        None => value.error(
            "this cannot be a folder",
            "expected a name such as \"Followers/Spam\": `/` between levels, none of them empty, at most 255 bytes",
        ),
        Some(folder) if folder.is_inbox() => {
            value.error("this folder is the inbox itself", "remove `move-to` to leave the message there, or name another folder");
            return None;
        }
        Some(_) => (),
    }
    folder
}

fn points_at(verdict: &VerdictName, value: &Value<'_>) -> Option<PointsAt> {
    let points = value.number()?;
    if points <= 0.0 {
        value.error("a follower without points would reach this", "expected a number above 0");
        return None;
    }
    Some(PointsAt { verdict: verdict.clone(), points, at: value.span() })
}

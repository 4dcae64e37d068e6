//! Formats findings as JSON for `check --json`. Other programs rely on the shape of these types.

use serde::Serialize;

use super::{Diagnostic, Severity, SourceSpan, clamp};
use crate::text::json;

/// A finding. Absent parts are omitted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding<'a> {
    severity: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(flatten)]
    place: Option<Span<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<Related<'a>>,
}

/// Lines and columns are counted from one, columns in characters; the end is the first character after it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Span<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Debug, Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Span<'a>,
}

impl Diagnostic {
    /// The finding as one line of JSON.
    pub fn json(&self) -> String {
        let related = self.related.as_ref();
        let finding = Finding {
            severity: match self.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &self.message,
            label: &self.label,
            help: self.help.as_deref(),
            place: self.place.as_ref().map(span),
            related: related.map(|(place, message)| Related { message, place: span(place) }),
        };
        // Serialising strings and numbers cannot fail.
        json(&serde_json::to_string(&finding).unwrap_or_default()).into_owned()
    }
}

fn span(place: &SourceSpan) -> Span<'_> {
    let bytes = clamp(place);
    let (start, end) = (place.source.locate(bytes.start), place.source.locate(bytes.end));
    Span {
        file: place.source.name(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Source;

    use super::*;

    #[test]
    fn a_finding_has_a_start_and_an_end() {
        let source = Source::new("rules.toml", "ä = 1\nname = \"x\"\nname = \"x\"\n");
        let finding = Diagnostic::error(&source, 25..28, "two rules are called `x`")
            .label("rename it")
            .related(&source, 14..17, "first used here");
        assert_eq!(
            finding.json(),
            r#"{"severity":"error","message":"two rules are called `x`","label":"rename it","file":"rules.toml","line":3,"column":8,"end-line":3,"end-column":11,"related":{"message":"first used here","file":"rules.toml","line":2,"column":8,"end-line":2,"end-column":11}}"#
        );
    }

    #[test]
    fn a_finding_without_a_place_has_none() {
        let json = Diagnostic::unplaced("no such file").help("name another").json();
        assert_eq!(json, r#"{"severity":"error","message":"no such file","help":"name another"}"#);
    }
}

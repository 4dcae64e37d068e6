//! A finding in a file that a person wrote: what is wrong, where, and what to do.
//!
//! Imports no room. `rules`, `mail` and `settings` make findings when they compile what was written; `cli`
//! prints them. A finding never stops the search for further ones.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

pub mod document;
mod json;
mod syntax;

/// A text file as it was read, with the name that findings show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Arc<SourceText>);

#[derive(Debug, PartialEq, Eq)]
struct SourceText {
    name: String,
    text: String,
}

impl Source {
    /// `name` is what findings call the file, as the user would: usually its path.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Arc::new(SourceText { name: name.into(), text: text.into() }))
    }

    /// What findings call this file.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    pub fn locate(&self, offset: usize) -> Location {
        let before = self.text().get(..offset).unwrap_or(self.text());
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        let line = before.matches('\n').count() + 1;
        Location { file: self.name().into(), line, column }
    }
}

/// A line of a file, as reasons and findings cite it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// What the user calls the file.
    pub file: Arc<str>,
    /// Counted from one.
    pub line: usize,
    /// In characters, counted from one.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used, but probably does not do what its writer meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file is refused.
    pub severity: Severity,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// What the marker under the cited line says: usually what to do. May be empty.
    pub label: String,
    /// Where, if it is about a place in a file.
    pub place: Option<Place>,
    /// A second place that belongs to it ("first defined here").
    pub related: Option<(Place, String)>,
    /// More words on what to do, below the cited line.
    pub help: Option<String>,
}

/// A range of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub source: Source,
    /// The bytes meant.
    pub span: Range<usize>,
}

impl Place {
    /// The first line and column of the range.
    pub fn location(&self) -> Location {
        self.source.locate(self.span.start)
    }
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::at(Severity::Error, source, span, message)
    }

    /// A warning at a place.
    pub fn warning(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        Self::at(Severity::Warning, source, span, message)
    }

    /// An error about something that has no place in a text: a missing file, an environment variable.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            label: String::new(),
            place: None,
            related: None,
            help: None,
        }
    }

    fn at(severity: Severity, source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        let place = Some(Place { source: source.clone(), span });
        Self { severity, place, ..Self::unplaced(message) }
    }

    /// Says under the cited line what to do.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Cites a second line.
    #[must_use]
    pub fn related(mut self, source: &Source, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((Place { source: source.clone(), span }, label.into()));
        self
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Is the file refused for it?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding as rustc would show it, without colours and without a closing newline.
    pub fn plain(&self) -> String {
        self.render(&Renderer::plain())
    }

    /// The same, in colours for a terminal.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = one_line(&self.message);
        let mut report = level.primary_title(&message).elements(Vec::<annotate_snippets::Element<'_>>::new());
        if let Some(place) = &self.place {
            let mut snippet = Snippet::source(place.source.text()).path(place.source.name());
            snippet =
                snippet.annotation(AnnotationKind::Primary.span(clamp(place)).label(one_line(&self.label)));
            if let Some((related, label)) = &self.related
                && related.source == place.source
            {
                snippet =
                    snippet.annotation(AnnotationKind::Context.span(clamp(related)).label(one_line(label)));
            }
            report = report.element(snippet);
        }
        if let Some((related, label)) = &self.related
            && self.place.as_ref().is_none_or(|place| place.source != related.source)
        {
            let snippet = Snippet::source(related.source.text()).path(related.source.name());
            report = report.element(
                snippet.annotation(AnnotationKind::Context.span(clamp(related)).label(one_line(label))),
            );
        }
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(one_line(help)));
        }
        renderer.render(&[report])
    }
}

/// The renderer panics on a span outside the text or inside a character.
fn clamp(place: &Place) -> Range<usize> {
    let text = place.source.text();
    let snap = |offset: usize| {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = snap(place.span.start);
    start..snap(place.span.end).max(start)
}

/// Words from files and mails are shown on one line and without anything a terminal would obey.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The nearest of some known words, for "did you mean": at most a third of the letters differ.
pub fn nearest<'w>(written: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&written, word), word))
        .filter(|(distance, word)| *distance <= (word.chars().count().max(3)) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[[rule]]\nname = \"x\"\nwhen.folowers = \"<= 10\"\n";

    #[test]
    fn a_finding_cites_its_line() {
        let source = Source::new("rules.toml", RULES);
        let start = RULES.find("folowers").unwrap();
        let finding = Diagnostic::error(&source, start..start + 8, "unknown fact `folowers`")
            .label("did you mean `followers`?");
        let expected = "\
error: unknown fact `folowers`
 --> rules.toml:3:6
  |
3 | when.folowers = \"<= 10\"
  |      ^^^^^^^^ did you mean `followers`?";
        assert_eq!(finding.plain(), expected);
    }

    #[test]
    fn a_finding_without_a_place_is_one_line() {
        assert_eq!(Diagnostic::unplaced("no such file").plain(), "error: no such file");
    }

    #[test]
    fn a_span_outside_the_text_is_shown_at_its_end() {
        let source = Source::new("a.toml", "äö");
        assert!(Diagnostic::error(&source, 1..99, "x").plain().contains("a.toml:1:1"));
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("folowers", ["followers", "following"]), Some("followers"));
        assert_eq!(nearest("zzz", ["followers", "bio"]), None);
    }

    #[test]
    fn lines_and_columns_are_counted_from_one_in_characters() {
        let source = Source::new("a.toml", "a\näöx\n");
        let location = source.locate("a\näö".len());
        assert_eq!((location.line, location.column), (2, 3));
    }
}

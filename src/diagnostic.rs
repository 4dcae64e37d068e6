//! A finding in a file that a person wrote: what is wrong, where, and what to do.
//!
//! `rules`, `mail` and `settings` create findings while they compile files; `cli` prints them. A finding never stops the search
//! for more. Pure: the caller reads the file.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::text::{cited, line};

pub mod document;
mod findings;
mod json;
mod syntax;

/// The text of a file, with the name that findings show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Arc<SourceText>);

#[derive(Debug, PartialEq, Eq)]
struct SourceText {
    name: String,
    text: String,
    /// Where each line begins, in bytes, so that thousands of findings need not count the lines each time.
    lines: Vec<usize>,
    /// The text as findings cite it, if that differs; made once for all findings.
    cited: Option<String>,
}

impl Source {
    /// `name` is the user's name for the file, usually its path.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (line(&name.into()).into_owned(), text.into());
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let cited = match cited(&text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(cited) => Some(cited),
        };
        Self(Arc::new(SourceText { name, text, lines, cited }))
    }

    /// The name of the file in findings.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The whole text as findings cite it, with every character at the same offset.
    fn cited(&self) -> &str {
        self.0.cited.as_deref().unwrap_or(self.text())
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    pub fn locate(&self, offset: usize) -> Location {
        let offset = if self.text().is_char_boundary(offset) { offset } else { self.text().len() };
        let (line, start) = self.line_of(offset);
        let column = self.text().get(start..offset).map_or(0, |line| line.chars().count()) + 1;
        Location { file: self.name().into(), line, column }
    }

    /// The line of a byte offset, counted from one, and the offset at which it begins.
    fn line_of(&self, offset: usize) -> (usize, usize) {
        let line = self.0.lines.partition_point(|start| *start <= offset).max(1);
        (line, self.0.lines.get(line - 1).copied().unwrap_or(0))
    }

    /// The whole lines around a span: the number of the first, and their bytes.
    fn lines_around(&self, span: &Range<usize>) -> (usize, Range<usize>) {
        let (first, start) = self.line_of(span.start);
        let (last, _) = self.line_of(span.end);
        (first, start..self.0.lines.get(last).copied().unwrap_or(self.text().len()))
    }
}

/// A line of a file, as reasons and findings cite it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The user's name for the file.
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

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is rejected.
    Error,
    /// The file is used, but probably does not do what its author meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its severity.
    pub severity: Severity,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// The text after the marker under the cited line, usually what to do. May be empty.
    pub label: String,
    /// The place in a file, if there is one.
    pub place: Option<SourceSpan>,
    /// A second place that belongs to it ("first defined here").
    pub related: Option<(SourceSpan, String)>,
    /// More advice, below the cited line.
    pub help: Option<String>,
}

/// A range of bytes in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpan {
    /// The file.
    pub source: Source,
    /// The bytes.
    pub span: Range<usize>,
}

impl SourceSpan {
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

    /// An error without a place in a text: a missing file, an environment variable.
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
        let place = Some(SourceSpan { source: source.clone(), span });
        Self { severity, place, ..Self::unplaced(message) }
    }

    /// Sets the text under the cited line.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Cites a second line.
    #[must_use]
    pub fn related(mut self, source: &Source, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((SourceSpan { source: source.clone(), span }, label.into()));
        self
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Is it an error, so that the file is rejected?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding in the style of rustc, without colours and without a closing newline.
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
        let message = line(&self.message);
        let mut report =
            level.primary_title(&*message).elements(Vec::<annotate_snippets::Element<'_>>::new());
        let related = self.related.as_ref().map(|(place, label)| (place, line(label).into_owned()));
        if let Some(place) = &self.place {
            let beside = related.as_ref().filter(|(other, _)| other.source == place.source);
            let primary = (AnnotationKind::Primary, place, line(&self.label).into_owned());
            let context = beside.map(|(other, label)| (AnnotationKind::Context, *other, label.clone()));
            report =
                report.element(snippet(&place.source, std::iter::once(primary).chain(context).collect()));
        }
        if let Some((other, label)) = related
            && self.place.as_ref().is_none_or(|place| place.source != other.source)
        {
            report = report.element(snippet(&other.source, vec![(AnnotationKind::Context, other, label)]));
        }
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(line(help)));
        }
        renderer.render(&[report])
    }
}

/// The cited lines with the labels on them. The renderer gets only these lines, since it would scan the whole file for each
/// finding.
fn snippet<'s>(
    source: &'s Source,
    annotations: Vec<(AnnotationKind, &SourceSpan, String)>,
) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
    let spans: Vec<_> = annotations.iter().map(|(_, place, _)| clamp(place)).collect();
    let start = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.end).max().unwrap_or(0);
    let (line, bytes) = source.lines_around(&(start..end));
    let text = source.cited().get(bytes.clone()).unwrap_or_default();
    let snippet = Snippet::source(text).path(source.name()).line_start(line);
    annotations.into_iter().zip(spans).fold(snippet, |snippet, ((kind, _, label), span)| {
        snippet.annotation(kind.span(span.start - bytes.start..span.end - bytes.start).label(label))
    })
}

/// The renderer panics on a span outside the text or inside a character.
fn clamp(place: &SourceSpan) -> Range<usize> {
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

/// The most similar known word, for "did you mean": at most a third of the letters may differ.
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
    fn no_control_character_in_a_file_or_its_name_reaches_a_terminal() {
        let text = "name = \"a\u{9b}2Jb\u{202e}c\u{1b}[2J\" # \u{e0041}\u{7}";
        let source = Source::new("ru\u{1b}[2Jles\u{202e}.toml", text);
        let shown = Diagnostic::error(&source, 7..text.len(), "x").plain();
        let hostile = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{e0041}');
        assert!(!shown.contains(hostile), "{shown:?}");
        for start in 0..text.len() {
            for end in start..=text.len() {
                let _ = Diagnostic::error(&source, start..end, "x").plain();
            }
        }
    }

    #[test]
    fn a_finding_without_a_place_is_line() {
        assert_eq!(Diagnostic::unplaced("no such file").plain(), "error: no such file");
    }

    #[test]
    fn a_span_outside_the_text_is_shown_at_its_end() {
        let source = Source::new("a.toml", "äö");
        assert!(Diagnostic::error(&source, 1..99, "x").plain().contains("a.toml:1:1"));
    }

    #[test]
    fn a_finding_late_in_a_file_shows_only_its_own_line() {
        let text = format!("{}bad line\n{}", "fine\n".repeat(5000), "fine\n".repeat(5000));
        let source = Source::new("friends.txt", text);
        let finding = Diagnostic::warning(&source, 25_000..25_008, "this line names nobody").related(
            &source,
            5..9,
            "first here",
        );
        let plain = finding.plain();
        assert!(plain.contains("friends.txt:5001:1") && plain.contains("5001 | bad line"), "{plain}");
        assert!(plain.contains("   2 | fine") && plain.lines().count() < 12, "{plain}");
        let (line, bytes) = source.lines_around(&(25_000..25_008));
        assert_eq!((line, bytes), (5001, 25_000..25_009));
    }

    #[test]
    fn only_similar_words_are_suggested() {
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

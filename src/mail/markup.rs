//! An HTML part as far as layouts need it: a flat tree of elements with their text, lines and links. `builder` makes the tree, which
//! is rough, but good enough for the tables that messages are made of.
//!
//! Never fails: it drops what exceeds a limit. It has its own tree because scraper would add 46 crates and takes far longer on
//! deep nesting. `profile` searches it.

mod builder;

use std::borrow::Cow;
use std::ops::Range;

use crate::text::one_line;

/// The most characters kept of a line.
pub(super) const LINE_CAP: usize = 4_000;
/// The most lines kept of an element.
const LINES_LIMIT: usize = 3_000;
/// The most characters of an element's text read to make one line.
const TEXT_LIMIT: usize = 16 * LINE_CAP;
/// The work for a piece of text, in addition to its bytes.
const PIECE: usize = 8;
/// Composing text that is not ASCII costs as much as reading each byte this many times.
const COMPOSING: usize = 6;

/// A parsed HTML part.
#[derive(Debug, Default)]
pub(super) struct Document {
    elements: Vec<Element>,
    pieces: Vec<Piece>,
    text: String,
    lang: Option<String>,
}

/// One element, in the order of the document.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) tag: Cow<'static, str>,
    pub(super) id: String,
    pub(super) classes: String,
    /// `href` of a link, `src` of an image.
    pub(super) target: String,
    pub(super) parent: Option<usize>,
    /// Where its descendants end: they are the elements from the next index up to here.
    last: usize,
    pieces: Range<usize>,
    /// The document was cut short inside it.
    is_cut: bool,
}

#[derive(Debug)]
enum Piece {
    Text(Range<usize>),
    Break,
}

impl Document {
    /// The `lang` attribute of the html element.
    pub(super) fn lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    pub(super) fn element(&self, place: usize) -> Option<&Element> {
        self.elements.get(place)
    }

    /// The indices of all elements within one, itself included, or within the whole document.
    pub(super) fn within(&self, container: Option<usize>) -> Range<usize> {
        match container {
            None => 0..self.elements.len(),
            Some(place) => place..self.elements.get(place).map_or(place, |element| element.last),
        }
    }

    /// Is the end of an element missing?
    pub(super) fn is_cut(&self, place: usize) -> bool {
        self.elements.get(place).is_some_and(|element| element.is_cut)
    }

    /// The text of an element as one line; `None` if its end is missing.
    pub(super) fn text_of(&self, place: usize) -> Option<String> {
        if self.is_cut(place) {
            return None;
        }
        let mut text = String::new();
        for piece in self.pieces_of(place) {
            if text.len() > TEXT_LIMIT {
                break;
            }
            match piece {
                Piece::Text(range) => text.push_str(self.text.get(range.clone()).unwrap_or_default()),
                Piece::Break => text.push(' '),
            }
        }
        Some(one_line(&text, LINE_CAP))
    }

    /// The lines of an element as they would be shown, without empty ones.
    pub(super) fn lines_of(&self, place: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut end = |line: &mut String| {
            let done = one_line(line, LINE_CAP);
            if !done.is_empty() {
                lines.push(done);
            }
            line.clear();
            lines.len() < LINES_LIMIT
        };
        for piece in self.pieces_of(place) {
            let goes_on = match piece {
                Piece::Text(range) => {
                    line.push_str(self.text.get(range.clone()).unwrap_or_default());
                    true
                }
                Piece::Break => end(&mut line),
            };
            if !goes_on {
                return lines;
            }
        }
        // Text at the cut does not count.
        if !self.is_cut(place) {
            end(&mut line);
        }
        lines
    }

    /// The whole text as it would be shown, a line each, without quotations; `write` says what stands for a link, by its element
    /// and its text. The last line is missing if the document is cut short.
    pub(super) fn text(&self, write: impl Fn(&Element, &str) -> Option<String>) -> String {
        let mut shown = String::with_capacity(self.text.len());
        // Outermost links and quotations; those within others add nothing.
        let mut marked =
            self.elements.iter().filter(|element| matches!(element.tag.as_ref(), "a" | "blockquote"));
        let mut next = marked.next();
        let mut open: Option<(&Element, usize)> = None;
        for place in 0..=self.pieces.len() {
            if let Some((element, start)) = open
                && element.pieces.end <= place
            {
                let written = if element.tag == "a" {
                    shown.get(start..).and_then(|text| write(element, text))
                } else {
                    Some("\n".to_owned())
                };
                if let Some(written) = written {
                    shown.truncate(start);
                    shown.push_str(&written);
                }
                open = None;
            }
            while let Some(element) = next
                && open.is_none()
                && element.pieces.start <= place
            {
                if element.pieces.end > place {
                    open = Some((element, shown.len()));
                }
                next = marked.next();
            }
            match self.pieces.get(place) {
                // Line ends within a text are blanks.
                Some(Piece::Text(range)) => {
                    let text = self.text.get(range.clone()).unwrap_or_default();
                    shown.extend(text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
                }
                Some(Piece::Break) => shown.push('\n'),
                None => {}
            }
        }
        if self.elements.iter().any(|element| element.is_cut) {
            shown.truncate(shown.rfind('\n').map_or(0, |end| end + 1));
        }
        shown
    }

    /// Is this in what it shows?
    pub(super) fn shows(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// How many bytes it takes to lay out the whole text.
    pub(super) fn size(&self) -> usize {
        PIECE * self.pieces.len() + if self.text.is_ascii() { 1 } else { COMPOSING } * self.text.len()
    }

    /// How many bytes it takes to lay out the text or the lines of an element.
    pub(super) fn size_of(&self, place: usize) -> usize {
        let pieces = self.pieces_of(place);
        let range = |piece: &Piece| match piece {
            Piece::Text(range) => Some(range.clone()),
            Piece::Break => None,
        };
        let start = pieces.iter().find_map(range).map_or(0, |range| range.start);
        let end = pieces.iter().rev().find_map(range).map_or(0, |range| range.end);
        let text = self.text.get(start..end).unwrap_or_default();
        PIECE * pieces.len() + if text.is_ascii() { text.len() } else { COMPOSING * text.len() }
    }

    fn pieces_of(&self, place: usize) -> &[Piece] {
        let range = self.elements.get(place).map_or(0..0, |element| element.pieces.clone());
        self.pieces.get(range).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(html: &str) -> Vec<String> {
        let document = Document::parse(&format!("<body>{html}"), false);
        document.lines_of(0)
    }

    #[test]
    fn blocks_breaks_and_cells_end_lines() {
        assert_eq!(lines("<p>a <b>b</b>\n c</p>d<br>e"), ["a b c", "d", "e"]);
        assert_eq!(lines("<table><tr><td>1</td><td>2</td></tr><tr><th>x</table>y"), ["1", "2", "x", "y"]);
        assert_eq!(lines("<td>1<td>2<tr>3"), ["1", "2", "3"]);
    }

    #[test]
    fn entities_are_resolved() {
        assert_eq!(lines("G&iacute;sli &amp; &#8217;x&#x27;&nbsp;y"), ["Gísli & ’x' y"]);
    }

    #[test]
    fn text_at_the_cut_does_not_count() {
        let document = Document::parse("<p>whole</p><p>cut sho", true);
        assert_eq!(document.text_of(0).as_deref(), Some("whole"));
        assert_eq!(document.text_of(1), None);
        assert_eq!(Document::parse("<body>whole<br>cut sho", true).lines_of(0), ["whole"]);
    }

    #[test]
    fn the_whole_text_has_what_stands_for_its_links() {
        let text = |html: &str, is_cut: bool| {
            let document = Document::parse(html, is_cut);
            let text = document.text(|element, shown| Some(format!("[{shown}|{}]", element.target)));
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(text("<p>a <a href=x>b</a>\nc</p>d", false), ["a [b|x] c", "d"]);
        assert_eq!(text("<a href=x>b</a><a href=y>c</a>", false), ["[b|x][c|y]"]);
        assert_eq!(text("<a href=x><p>b</p></a><a href=y><img></a>", false), ["[", "b", "|x]"]);
        assert_eq!(text("<a href=x>b <a href=y>c</a></a> d", false), ["[b c|x] d"]);
        assert_eq!(text("a<blockquote>b <a href=x>c</a></blockquote>d", false), ["a", "d"]);
        assert_eq!(text("<a href=x>b <blockquote>c</blockquote>", false), ["[b", "c", "|x]"]);
        assert_eq!(text("<p>a</p><p>b <a href=x>c", true), ["a"]);
    }
}

//! Parses HTML as far as layouts need it: a flat tree of elements with their text, lines and links. html5gum tokenises; the
//! tree is rough, but good enough for the tables that messages are made of.
//!
//! Never fails: it drops what exceeds a limit. It has its own tree because scraper would add 46 crates and takes far longer on
//! deep nesting.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::text::one_line;

/// The most elements kept; text in later ones belongs to the enclosing element.
const ELEMENT_LIMIT: usize = 20_000;
/// The deepest nesting; text in deeper elements belongs to the enclosing element.
const DEPTH_LIMIT: usize = 200;
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
/// The longest attribute read, in bytes.
const ATTRIBUTE_LIMIT: usize = 8_192;

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
    /// Parses a document; if it is cut short (`is_cut`), text at the cut does not count.
    pub(super) fn parse(html: &str, is_cut: bool) -> Self {
        let mut builder = Builder::for_size(html.len());
        let mut emitter = CallbackEmitter::<_, Infallible>::new(
            |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
                builder.take(event);
                None
            },
        );
        emitter.naively_switch_states(true);
        let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
        builder.finish(is_cut)
    }

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

#[derive(Default)]
struct Builder {
    document: Document,
    open: Vec<usize>,
    /// The start tag that is being read.
    tag: Element,
    attribute: String,
    lang: String,
    /// Inside style, script or title, whose text is not shown.
    muted: bool,
}

impl Builder {
    /// For a document of so many bytes, with room for what an average one of its size has.
    fn for_size(bytes: usize) -> Self {
        let mut builder = Self::default();
        builder.document.text.reserve(bytes / 4);
        builder.document.elements.reserve(ELEMENT_LIMIT.min(bytes / 96));
        builder.document.pieces.reserve(bytes / 32);
        builder
    }

    fn take(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Element { tag: tag(name), ..Element::default() };
                self.lang.clear();
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.push_str(&text(name));
            }
            CallbackEvent::AttributeValue { value } if value.len() <= ATTRIBUTE_LIMIT => {
                let slot = match self.attribute.as_str() {
                    "class" => &mut self.tag.classes,
                    "id" => &mut self.tag.id,
                    "href" | "src" => &mut self.tag.target,
                    "lang" => &mut self.lang,
                    _ => return,
                };
                if slot.is_empty() {
                    slot.push_str(&text(value));
                }
            }
            CallbackEvent::CloseStartTag { .. } => self.open(),
            CallbackEvent::EndTag { name } => self.close(&text(name)),
            CallbackEvent::String { value } if !self.muted => {
                let start = self.document.text.len();
                self.document.text.push_str(&text(value));
                self.document.pieces.push(Piece::Text(start..self.document.text.len()));
            }
            _ => {}
        }
    }

    fn open(&mut self) {
        let element = std::mem::take(&mut self.tag);
        self.muted = is_unshown(&element.tag);
        if element.tag == "html" && self.document.lang.is_none() && !self.lang.is_empty() {
            self.document.lang = Some(std::mem::take(&mut self.lang));
        }
        self.close_implied(&element.tag);
        if is_block(&element.tag) {
            self.document.pieces.push(Piece::Break);
        }
        let place = self.document.elements.len();
        let is_void = is_void(&element.tag);
        if place >= ELEMENT_LIMIT || (self.open.len() >= DEPTH_LIMIT && !is_void) {
            return;
        }
        let start = self.document.pieces.len();
        let parent = self.open.last().copied();
        self.document.elements.push(Element { parent, last: place + 1, pieces: start..start, ..element });
        if !is_void {
            self.open.push(place);
        }
    }

    fn close(&mut self, tag: &str) {
        if is_unshown(tag) {
            self.muted = false;
        }
        // Errors inside a cell stay inside: a stray end tag does not close an element around the cell.
        let walls: &[&str] = if is_table_part(tag) { &["table"] } else { &["table", "td", "th"] };
        let mut found = None;
        for (depth, &place) in self.open.iter().enumerate().rev() {
            let open = self.document.elements.get(place).map_or("", |element| element.tag.as_ref());
            if open == tag {
                found = Some(depth);
                break;
            }
            if walls.contains(&open) && !matches!(tag, "table" | "body" | "html") {
                break;
            }
        }
        if let Some(depth) = found {
            self.close_to(depth);
        }
        if is_block(tag) {
            self.document.pieces.push(Piece::Break);
        }
    }

    /// `<td>`, `<li>` and `<p>` need no end tag: the next tag ends them (HTML, section 13.1.2.4).
    fn close_implied(&mut self, tag: &str) {
        let (ends, wall): (&[&str], &[&str]) = match tag {
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "tr" => (&["tr"], &["table"]),
            "li" => (&["li"], &["ul", "ol"]),
            "p" | "div" | "ul" | "ol" | "blockquote" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                (&["p"], &["table", "td", "th", "div", "li", "blockquote"])
            }
            _ => return,
        };
        for (depth, &place) in self.open.iter().enumerate().rev() {
            let open = self.document.elements.get(place).map_or("", |element| element.tag.as_ref());
            if ends.contains(&open) {
                self.close_to(depth);
                self.document.pieces.push(Piece::Break);
                return;
            }
            if wall.contains(&open) {
                return;
            }
        }
    }

    /// Closes the open elements from a depth on.
    fn close_to(&mut self, depth: usize) {
        let (last, end) = (self.document.elements.len(), self.document.pieces.len());
        for place in self.open.drain(depth.min(self.open.len())..) {
            if let Some(element) = self.document.elements.get_mut(place) {
                element.last = last;
                element.pieces.end = end;
            }
        }
    }

    fn finish(mut self, is_cut: bool) -> Document {
        for place in &self.open {
            if let Some(element) = self.document.elements.get_mut(*place) {
                element.is_cut = is_cut;
            }
        }
        self.close_to(0);
        self.document
    }
}

/// The tokeniser returns the bytes of the text that it was given.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The name of a tag, without a copy for the common ones.
fn tag(name: &[u8]) -> Cow<'static, str> {
    let name = text(name);
    let lists = [INLINE, BLOCKS, VOID];
    let known = lists.iter().find_map(|list| known(&name, list));
    known.map_or_else(|| Cow::Owned(name.into_owned()), Cow::Borrowed)
}

fn is_unshown(tag: &str) -> bool {
    matches!(tag, "style" | "script" | "title")
}

fn is_table_part(tag: &str) -> bool {
    matches!(tag, "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "body" | "html")
}

/// The common elements within a line. Sorted.
const INLINE: &[&str] = &["a", "b", "em", "font", "head", "i", "small", "span", "strong", "style"];

/// Elements without an end tag. Sorted.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// Elements that begin and end a line; table cells too, so that numbers in a row stay apart. Sorted.
#[rustfmt::skip]
const BLOCKS: &[&str] = &[
    "address", "article", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody",
    "td", "tfoot", "th", "thead", "title", "tr", "ul",
];

fn is_void(tag: &str) -> bool {
    known(tag, VOID).is_some()
}

fn is_block(tag: &str) -> bool {
    known(tag, BLOCKS).is_some()
}

/// The tag in a sorted list. First letters alone are compared before whole tags, which takes longer.
fn known(tag: &str, list: &[&'static str]) -> Option<&'static str> {
    let first = |tag: &str| tag.bytes().next();
    let begin = list.partition_point(|known| first(known) < first(tag));
    let mut alike = list.get(begin..)?.iter().take_while(|known| first(known) == first(tag));
    alike.find(|known| **known == tag).copied()
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
    fn styles_scripts_and_comments_are_not_shown() {
        assert_eq!(lines("<style>a{}</style>b<script>if(1<2){}</script><!-- c -->d"), ["bd"]);
    }

    #[test]
    fn the_lists_of_elements_are_sorted() {
        assert!(INLINE.is_sorted() && VOID.is_sorted() && BLOCKS.is_sorted());
    }

    #[test]
    fn entities_are_resolved() {
        assert_eq!(lines("G&iacute;sli &amp; &#8217;x&#x27;&nbsp;y"), ["Gísli & ’x' y"]);
    }

    #[test]
    fn a_stray_end_tag_closes_nothing_around_its_cell() {
        let document = Document::parse("<div><table><td id=a>x</a></div>y</td></table></div>z", false);
        let cell =
            (0..9).find(|place| document.element(*place).is_some_and(|element| element.id == "a")).unwrap();
        assert_eq!(document.text_of(cell).as_deref(), Some("x y"));
    }

    #[test]
    fn the_language_of_the_document_is_known() {
        assert_eq!(Document::parse("<html lang=de>x", false).lang(), Some("de"));
        assert_eq!(Document::parse("<p lang=fr>x", false).lang(), None);
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

    #[test]
    fn depth_and_number_are_bounded() {
        let document = Document::parse(&"<div>x".repeat(100_000), false);
        assert!(document.within(None).len() <= ELEMENT_LIMIT);
        let document = Document::parse(&"<br>x".repeat(100_000), false);
        assert!(document.within(None).len() <= ELEMENT_LIMIT);
    }
}

//! Builds the tree of an HTML part from its tags and texts: which element is in which, what begins and ends a line, and what is not
//! shown. html5gum tokenises. Called by `Document::parse` alone.

use std::borrow::Cow;
use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::{Document, Element, Piece};

/// The most elements kept; text in later ones belongs to the enclosing element.
const ELEMENT_LIMIT: usize = 20_000;
/// The deepest nesting; text in deeper elements belongs to the enclosing element.
const DEPTH_LIMIT: usize = 200;
/// The longest attribute read, in bytes.
const ATTRIBUTE_LIMIT: usize = 8_192;

impl Document {
    /// Parses a document; if it is cut short (`is_cut`), text at the cut does not count.
    pub(in crate::mail) fn parse(html: &str, is_cut: bool) -> Self {
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

    #[test]
    fn styles_scripts_and_comments_are_not_shown() {
        let html = "<body><style>a{}</style>b<script>if(1<2){}</script><!-- c -->d";
        assert_eq!(Document::parse(html, false).lines_of(0), ["bd"]);
    }

    #[test]
    fn the_lists_of_elements_are_sorted() {
        assert!(INLINE.is_sorted() && VOID.is_sorted() && BLOCKS.is_sorted());
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
    fn depth_and_number_are_bounded() {
        let document = Document::parse(&"<div>x".repeat(100_000), false);
        assert!(document.within(None).len() <= ELEMENT_LIMIT);
        let document = Document::parse(&"<br>x".repeat(100_000), false);
        assert!(document.within(None).len() <= ELEMENT_LIMIT);
    }
}

//! A message as `probe` searches it: its lines, its HTML part and its links, each read on first use. The links are those that
//! the sender wrote, as far as the wrappers of gateways and bulk mailers contain them.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;

use super::Profile;
use crate::mail::bindings::Bindings;
use crate::mail::link::Link;
use crate::mail::markup::{Document, LINE_CAP};
use crate::mail::message::Message;
use crate::mail::numeral::Numerals;
use crate::mail::template::LinkForm;
use crate::mail::work::Work;
use crate::mail::wrapper;
use crate::text::one_line;

/// The most lines searched in a part.
const LINES_LIMIT: usize = 3_000;
/// The most links kept that do not show where they lead: more than a follower can write into their name and bio.
const OPAQUE_LINKS_LIMIT: usize = 50;
/// The most links examined.
const LINKS_LIMIT: usize = 2_000;

/// A message, each part parsed on first use.
#[derive(Debug)]
pub(super) struct Content<'m> {
    pub(super) message: &'m Message<'m>,
    /// The work spent on it by all profiles together.
    pub(super) work: Work,
    /// The text part with its wrappers unwrapped, if it has any.
    unwrapped: OnceCell<Option<String>>,
    /// Has the text part links in angle brackets?
    has_bracketed: OnceCell<bool>,
    /// The lines of the text part, for each form of links.
    lines: [OnceCell<Vec<String>>; LinkForm::ALL.len()],
    document: OnceCell<Option<Document>>,
    /// The lines of the HTML part, for each form of links.
    html_lines: [OnceCell<Vec<String>>; LinkForm::ALL.len()],
    is_passed_on: OnceCell<bool>,
    /// Links that do not show where they lead, with their elements in the HTML part; some of them, if there are many.
    opaque_links: RefCell<Vec<(String, Option<usize>)>>,
    /// A layout's sender and subject match; known once the message has been read.
    pub(super) has_candidates: Cell<bool>,
}

/// Which part's lines are searched for what a layout expects in the text part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinesOf {
    Text,
    /// Some programs throw the text part away, or write one of their own.
    Html,
}

/// A link with its element, if it is in the HTML part.
#[derive(Debug)]
pub(super) struct PlacedLink {
    pub(super) link: Link,
    pub(super) place: Option<usize>,
}

impl<'m> Content<'m> {
    pub(super) fn new(message: &'m Message<'m>) -> Self {
        Self {
            message,
            work: Work::for_size(message.size()),
            unwrapped: OnceCell::new(),
            has_bracketed: OnceCell::new(),
            lines: Default::default(),
            document: OnceCell::new(),
            html_lines: Default::default(),
            is_passed_on: OnceCell::new(),
            opaque_links: RefCell::default(),
            has_candidates: Cell::new(false),
        }
    }

    /// The lines of a part, without blank ones and quoted ones; in those of the HTML part, links are written in this form.
    pub(super) fn lines(&self, part: LinesOf, form: LinkForm) -> &[String] {
        // A text part without links in angle brackets is the same in all forms.
        let has_bracketed = || self.text().is_some_and(|text| text.contains("<http"));
        let is_plain = part == LinesOf::Text && !self.has_bracketed.get_or_init(has_bracketed);
        let form = if is_plain { LinkForm::Absent } else { form };
        let cells = match part {
            LinesOf::Text => &self.lines,
            LinesOf::Html => &self.html_lines,
        };
        let cell = LinkForm::ALL.iter().position(|other| *other == form).and_then(|place| cells.get(place));
        let read = || match part {
            LinesOf::Text => lines(&in_form(self.text().unwrap_or_default(), form)),
            LinesOf::Html => lines(&self.text_of_html(form)),
        };
        cell.map(|cell| cell.get_or_init(read).as_slice()).unwrap_or_default()
    }

    /// Does one of its parts contain this text?
    pub(super) fn contains(&self, text: &str) -> bool {
        let parts = [self.message.text(), self.message.html()];
        parts.into_iter().flatten().any(|part| self.work.look(part.len()) && part.contains(text))
    }

    /// The text part, with the targets of its wrapped links.
    fn text(&self) -> Option<&str> {
        let text = self.message.text()?;
        Some(self.unwrapped.get_or_init(|| self.unwrap_all(text)).as_deref().unwrap_or(text))
    }

    /// The text that the HTML part shows.
    fn text_of_html(&self, form: LinkForm) -> String {
        let Some(document) = self.document().filter(|document| self.work.look(document.size())) else {
            return String::new();
        };
        let text = document.text(|element, shown| {
            if form == LinkForm::Absent || shown.trim().is_empty() {
                return None;
            }
            let target = Link::parse(&element.target)?;
            let link = self.unwrap(target.clone(), None);
            // Where a link is its own text, a text part has it once.
            Some(match Link::parse(shown) {
                Some(_) => link?.as_written().to_owned(),
                None => form.write(shown.trim_end(), link.unwrap_or(target).as_written()),
            })
        });
        self.unwrap_all(&text).unwrap_or(text)
    }

    /// The link that a link's text is: what an opaque link was made of.
    fn link_shown(&self, document: &Document, place: usize) -> Option<Link> {
        let shown = self.work.look(document.size_of(place)).then(|| document.text_of(place))??;
        wrapper::unwrap(Link::parse(&shown)?)
    }

    fn unwrap(&self, link: Link, place: Option<usize>) -> Option<Link> {
        let unwrapped =
            if wrapper::is_wrapper(&link) { wrapper::unwrap(link.clone()) } else { return Some(link) };
        if unwrapped.is_none() {
            self.meet_opaque(&link, place);
        }
        unwrapped
    }

    /// The text with the targets of its wrapped links, if it has any that the header does not show as they are.
    fn unwrap_all(&self, text: &str) -> Option<String> {
        if !text.contains("://") {
            return None;
        }
        let head = self.message.head();
        let from = head.from().map_or("", |from| from.name.as_str());
        let kept = if head.subject.contains("://") || from.contains("://") {
            format!("{}\n{from}", head.subject)
        } else {
            String::new()
        };
        wrapper::unwrap_all(text, &kept, |link| self.meet_opaque(link, None))
    }

    /// A text of the HTML part as the lines show it.
    pub(super) fn as_shown(&self, text: String) -> String {
        self.unwrap_all(&text).unwrap_or(text)
    }

    fn meet_opaque(&self, link: &Link, place: Option<usize>) {
        let mut links = self.opaque_links.borrow_mut();
        if let Some((_, known)) = links.iter_mut().find(|(known, _)| known == link.as_written()) {
            *known = known.or(place);
        } else if links.len() < OPAQUE_LINKS_LIMIT {
            links.push((link.as_written().to_owned(), place));
        }
    }

    /// Has a link been met that does not show where it leads? Known once the links, or the lines, have been searched.
    pub(super) fn has_opaque_links(&self) -> bool {
        !self.opaque_links.borrow().is_empty()
    }

    /// Has one been met that the follower did not write: in none of the texts that were captured, nor within these elements?
    pub(super) fn has_opaque_links_beside(&self, known: &Bindings, written: &[Range<usize>]) -> bool {
        let links = self.opaque_links.borrow();
        let is_written = |(link, place): &(String, Option<usize>)| {
            place.is_some_and(|place| written.iter().any(|range| range.contains(&place)))
                || known.texts().any(|text| text.contains(link.as_str()))
        };
        self.work.look(links.len() * (known.size() + written.len())) && !links.iter().all(is_written)
    }

    /// Was it forwarded, or is it quoted? In every language, mail programs write a line like this above what they forward:
    /// `---------- Forwarded message ---------`.
    pub(super) fn is_passed_on(&self) -> bool {
        *self.is_passed_on.get_or_init(|| self.has_heading_of_another())
    }

    fn has_heading_of_another(&self) -> bool {
        const DASHES: &str = "-----";
        let heads = |line: &String| {
            line.starts_with(DASHES)
                && line.ends_with("---")
                && line.trim_matches(['-', ' ']).chars().any(char::is_alphabetic)
        };
        if self.message.html().is_some_and(has_quotation) {
            return true;
        }
        let parts = [(LinesOf::Text, self.message.text()), (LinesOf::Html, self.message.html())];
        parts.into_iter().any(|(part, raw)| {
            raw.is_some_and(|raw| raw.contains(DASHES))
                && self.lines(part, LinkForm::Absent).iter().any(heads)
        })
    }

    /// The HTML part.
    pub(super) fn document(&self) -> Option<&Document> {
        let parse = |html| Document::parse(html, self.message.is_html_cut());
        self.document.get_or_init(|| self.message.html().map(parse)).as_ref()
    }

    /// All links: those of the HTML part, then those in the text; the target of one of the network's redirects comes before the
    /// redirect.
    pub(super) fn links(&self, profile: &Profile) -> Vec<PlacedLink> {
        let size = |part: Option<&str>| part.map_or(0, str::len);
        if !self.work.look(size(self.message.text()) + size(self.message.html())) {
            return Vec::new();
        }
        let document = self.document();
        let anchors = document.into_iter().flat_map(|document| {
            document.within(None).filter_map(|place| {
                let element = document.element(place).filter(|element| element.tag == "a")?;
                let link = self.unwrap(Link::parse(&element.target)?, Some(place));
                let link = link.or_else(|| self.link_shown(document, place))?;
                Some(PlacedLink { link, place: Some(place) })
            })
        });
        let shown = document.filter(|document| document.shows("://") && self.work.look(document.size()));
        let shown = shown.map(|document| document.text(|_, _| Some(String::new()))).unwrap_or_default();
        let text = self.text().unwrap_or_default().lines().chain(shown.lines());
        let unquoted = text.filter(|line| !is_quoted(line));
        let in_text = unquoted.flat_map(Link::find_all).filter_map(|(_, link)| self.unwrap(link, None));
        let all = anchors.chain(in_text.map(|link| PlacedLink { link, place: None })).take(LINKS_LIMIT);
        all.flat_map(|placed| {
            let inner = profile.redirected(&placed.link, &self.work);
            inner.map(|link| PlacedLink { link, place: placed.place }).into_iter().chain([placed])
        })
        .collect()
    }
}

/// The text with links in angle brackets in another form: `View<https://…>` is what Exchange and others make of a link.
fn in_form(text: &str, form: LinkForm) -> Cow<'_, str> {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<http") {
        written.push_str(before);
        let link = after.split(['>', '<', '\n', ' ']).next().unwrap_or_default();
        match after.get(link.len()..).and_then(|tail| tail.strip_prefix('>')) {
            Some(tail) => {
                written.push_str(&form.write("", &format!("http{link}")));
                rest = tail;
            }
            None => {
                written.push_str("<http");
                rest = after;
            }
        }
    }
    if written.is_empty() && rest.len() == text.len() {
        return text.into();
    }
    written.push_str(rest);
    written.into()
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !is_quoted(line)).map(|line| one_line(line, LINE_CAP));
    lines.filter(|line| !line.is_empty()).take(LINES_LIMIT).collect()
}

/// Does a mail program say that something is quoted: `<blockquote type="cite">`, or Gmail's class? (The text part of such a
/// message may be made from its HTML, and then shows no sign of that.)
fn has_quotation(html: &str) -> bool {
    const TAG: &str = "<blockquote";
    html.match_indices(TAG).any(|(start, _)| {
        let tag = html.get(start + TAG.len()..).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        tag.contains("cite") || tag.contains("gmail_quote")
    })
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

impl Profile {
    /// The target of one of the network's redirects.
    fn redirected(&self, link: &Link, work: &Work) -> Option<Link> {
        self.redirects.iter().find_map(|redirect| {
            let (known, numerals) = (Bindings::default(), Numerals::default());
            redirect.link.read(link.address(), &known, &numerals, work)?;
            link.inner(&redirect.parameter)
        })
    }
}

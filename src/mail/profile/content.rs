//! A message as `probe` searches it: the lines of its text part, its HTML part and its links, each read on first use.

use std::cell::OnceCell;

use super::Profile;
use crate::mail::bindings::Bindings;
use crate::mail::link::Link;
use crate::mail::markup::{Document, LINE_CAP};
use crate::mail::message::Message;
use crate::mail::numeral::Numerals;
use crate::mail::work::Work;
use crate::text::one_line;

/// The most lines searched in the text part.
const LINES_LIMIT: usize = 3_000;
/// The most links examined.
const LINKS_LIMIT: usize = 2_000;

/// A message, each part parsed on first use.
#[derive(Debug)]
pub(super) struct Content<'m> {
    pub(super) message: &'m Message<'m>,
    /// The work spent on it by all profiles together.
    pub(super) work: Work,
    lines: OnceCell<Vec<String>>,
    document: OnceCell<Option<Document>>,
    is_passed_on: OnceCell<bool>,
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
            lines: OnceCell::new(),
            document: OnceCell::new(),
            is_passed_on: OnceCell::new(),
        }
    }

    /// The lines of the text part, without blank ones.
    pub(super) fn lines(&self) -> &[String] {
        self.lines.get_or_init(|| {
            let lines = self.unquoted().map(|line| one_line(line, LINE_CAP)).filter(|line| !line.is_empty());
            lines.take(LINES_LIMIT).collect()
        })
    }

    /// The lines of the text part except quoted ones.
    fn unquoted(&self) -> impl Iterator<Item = &str> {
        let lines = self.message.text().unwrap_or_default().lines();
        lines.filter(|line| !line.trim_start().starts_with('>'))
    }

    /// Was it forwarded? In every language, mail programs write a line like this above it:
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
        match (self.message.text(), self.message.html()) {
            (Some(text), _) => text.contains(DASHES) && self.lines().iter().any(heads),
            (None, Some(html)) => {
                let lines = || self.document().map(|document| document.lines_of(0)).unwrap_or_default();
                html.contains(DASHES) && lines().iter().any(heads)
            }
            (None, None) => false,
        }
    }

    /// The HTML part.
    pub(super) fn document(&self) -> Option<&Document> {
        let parse = |html| Document::parse(html, self.message.is_html_cut());
        self.document.get_or_init(|| self.message.html().map(parse)).as_ref()
    }

    /// All links: those of the HTML part, then those of the text part; the target of a redirect comes before the redirect.
    pub(super) fn links(&self, profile: &Profile) -> Vec<PlacedLink> {
        let size = |part: Option<&str>| part.map_or(0, str::len);
        if !self.work.look(size(self.message.text()) + size(self.message.html())) {
            return Vec::new();
        }
        let document = self.document();
        let anchors = document.into_iter().flat_map(|document| {
            document.within(None).filter_map(|place| {
                let element = document.element(place).filter(|element| element.tag == "a")?;
                Some(PlacedLink { link: Link::parse(&element.target)?, place: Some(place) })
            })
        });
        let in_text = self.unquoted().flat_map(Link::find_all);
        let all = anchors.chain(in_text.map(|link| PlacedLink { link, place: None })).take(LINKS_LIMIT);
        all.flat_map(|placed| {
            let inner = profile.unwrap(&placed.link, &self.work);
            inner.map(|link| PlacedLink { link, place: placed.place }).into_iter().chain([placed])
        })
        .collect()
    }
}

impl Profile {
    /// The target of a redirect, if the link contains it. Unwraps what Outlook puts around every link, then the network's own
    /// redirects.
    fn unwrap(&self, link: &Link, work: &Work) -> Option<Link> {
        let host = link.address().split('/').next().unwrap_or_default();
        if host.ends_with(".safelinks.protection.outlook.com") {
            let link = link.inner("url")?;
            return self.redirected(&link, work).or(Some(link));
        }
        self.redirected(link, work)
    }

    fn redirected(&self, link: &Link, work: &Work) -> Option<Link> {
        self.redirects.iter().find_map(|redirect| {
            let (known, numerals) = (Bindings::default(), Numerals::default());
            redirect.link.read(link.address(), &known, &numerals, work)?;
            link.inner(&redirect.parameter)
        })
    }
}

//! Searches a message for what layouts ask: a header field, lines of the text part, elements of the HTML part, links. Captures
//! facts on the way. `recognise` and `nearest` call it.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::ops::Range;

use super::content::{Content, LinesOf, PlacedLink};
use super::{Locale, Profile};
use crate::mail::bindings::{Bindings, Found, Hole};
use crate::mail::fact::Fact;
use crate::mail::markup::{Document, LINE_CAP};
use crate::mail::numeral::Numerals;
use crate::mail::selector::Selector;
use crate::mail::template::{self, LinkForm, Template};
use crate::mail::work::Work;
use crate::text::one_line;

/// The most selected elements examined: each may need all its lines laid out.
const ELEMENTS_LIMIT: usize = 50;

/// One thing to look for.
#[derive(Debug)]
pub(super) enum Probe {
    /// A header field with this value.
    Header { name: String, is: Template },
    /// Consecutive lines of the text part, blank ones not counted.
    Text(Vec<Template>),
    /// A line of the text part that is a phrase of the locale.
    Phrase(String),
    /// An element of the HTML part.
    Html { select: Selector, holds: Holds },
    /// A link, in the whole message or within an element.
    Link {
        within: Option<Within>,
        /// Any of these.
        is: Vec<Template>,
        query: Vec<(String, Template)>,
        profile: Option<ProfileLink>,
    },
}

/// What an element of the HTML part must contain.
#[derive(Debug)]
pub(super) enum Holds {
    /// Anything.
    Anything,
    /// This text.
    Text(Template),
    /// These consecutive lines, perhaps among others.
    Lines(Vec<Template>),
    /// These lines, and no others.
    Only(Vec<Template>),
    /// The first selected elements contain these texts, one each.
    Each(Vec<Template>),
    /// All selected elements together contain this text, with blanks between them.
    All(Template),
}

/// The elements whose links count.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) select: Selector,
    /// The text of such an element: it says whose link it is.
    pub(super) reads: Option<Template>,
}

/// Marks a link as the follower's profile.
#[derive(Debug)]
pub(super) struct ProfileLink {
    /// How to write it; by default as in the message, without its query.
    pub(super) written: Option<Template>,
}

/// A message as one profile sees it.
#[derive(Debug)]
pub(super) struct View<'v> {
    pub(super) content: &'v Content<'v>,
    pub(super) profile: &'v Profile,
    /// The locale whose subject matches.
    pub(super) locale: usize,
    pub(super) numerals: &'v Numerals,
    pub(super) links: &'v OnceCell<Vec<PlacedLink>>,
    /// The part whose lines are what the layout expects in the text part: the first part in which one of them was found.
    lines_of: Cell<Option<LinesOf>>,
    /// The elements whose text the follower wrote, links and all.
    written: RefCell<Vec<Range<usize>>>,
}

impl<'v> View<'v> {
    pub(super) fn new(
        content: &'v Content<'v>,
        profile: &'v Profile,
        locale: usize,
        numerals: &'v Numerals,
        links: &'v OnceCell<Vec<PlacedLink>>,
    ) -> Self {
        Self {
            content,
            profile,
            locale,
            numerals,
            links,
            lines_of: Cell::new(None),
            written: RefCell::default(),
        }
    }

    fn links(&self) -> &[PlacedLink] {
        self.links.get_or_init(|| self.content.links(self.profile))
    }

    /// Searches the lines of the text part, or else those of the HTML part; never those of both for one layout.
    fn in_lines(&self, find: impl Fn(LinesOf) -> Option<Bindings>) -> Option<Bindings> {
        if let Some(part) = self.lines_of.get() {
            return find(part);
        }
        [LinesOf::Text, LinesOf::Html].into_iter().find_map(|part| {
            let found = find(part)?;
            self.lines_of.set(Some(part));
            Some(found)
        })
    }

    /// Was what the layout expects in the text part found in the HTML part?
    pub(super) fn has_lines_of_html(&self) -> bool {
        self.lines_of.get() == Some(LinesOf::Html)
    }

    /// Is a line of the text part one of the phrases? The subject's language comes first, but a message may mix languages if
    /// translations are missing.
    fn find_phrase(&self, name: &str, part: LinesOf, known: &Bindings) -> Option<Bindings> {
        let of = |locale: &Locale| self.find_line(locale.phrases.get(name)?, part, known);
        let first = self.profile.locales.get(self.locale);
        first.and_then(of).or_else(|| self.profile.locales.iter().find_map(of))
    }

    fn find_line(&self, templates: &[Template], part: LinesOf, known: &Bindings) -> Option<Bindings> {
        templates.iter().find_map(|template| {
            let lines = self.content.lines(part, template.link_form());
            lines.iter().find_map(|line| self.read(template, line, known))
        })
    }

    fn find_lines(&self, lines: &[String], templates: &[Template], known: &Bindings) -> Option<Bindings> {
        let (first, others) = templates.split_first()?;
        lines.windows(templates.len()).find_map(|window| {
            let (line, lines) = window.split_first()?;
            // Most windows end here, before the costly comparison.
            if !others.iter().zip(lines).all(|(template, line)| template.may_read(line, self.work())) {
                return None;
            }
            let known = self.read(first, line, known)?;
            others
                .iter()
                .zip(lines)
                .try_fold(known, |known, (template, line)| self.read(template, line, &known))
        })
    }

    pub(super) fn read(&self, template: &Template, text: &str, known: &Bindings) -> Option<Bindings> {
        template.read(text, known, self.numerals, self.work())
    }

    /// Has the message a link that does not show where it leads, and that the network wrote?
    pub(super) fn has_opaque_links_beside(&self, known: &Bindings) -> bool {
        self.content.has_opaque_links_beside(known, &self.written.borrow())
    }

    /// Remembers an element as the follower's if the template that read it captures what may have links. Where it captures the name
    /// too, a first link is the network's.
    fn note_written(&self, template: &Template, document: &Document, place: usize) {
        if !template.facts().any(|fact| matches!(fact, Fact::Bio | Fact::Location | Fact::Website)) {
            return;
        }
        let mut range = document.within(Some(place));
        let is_link = |place: &usize| document.element(*place).is_some_and(|element| element.tag == "a");
        if template.has_hole(Hole::Fact(Fact::Name))
            && let Some(link) = range.clone().find(is_link)
        {
            range.start = document.within(Some(link)).end;
        }
        self.written.borrow_mut().push(range);
    }

    /// The lines of a part, with a mark in place of each link that does not show where it leads.
    fn marked_lines(&self, part: LinesOf, form: LinkForm) -> Vec<String> {
        let lines = self.content.lines(part, form);
        let marked = |line: &String| template::marked(line).unwrap_or_else(|| line.clone());
        let may_look = self.work().look(lines.iter().map(String::len).sum());
        if may_look { lines.iter().map(marked).collect() } else { Vec::new() }
    }

    fn work(&self) -> &Work {
        &self.content.work
    }

    /// The lines of an element; `None` once the work is spent.
    fn lines_of(&self, document: &Document, place: usize) -> Option<Vec<String>> {
        let shown = |lines: Vec<String>| lines.into_iter().map(|line| self.content.as_shown(line)).collect();
        self.work().look(document.size_of(place)).then(|| shown(document.lines_of(place)))
    }

    /// The text of an element; `None` once the work is spent.
    fn text_of(&self, document: &Document, place: usize) -> Option<String> {
        let text = self.work().look(document.size_of(place)).then(|| document.text_of(place))??;
        Some(self.content.as_shown(text))
    }
}

impl Probe {
    /// Searches the whole message, or for HTML and its links one element; captured facts extend `known`.
    pub(super) fn find(&self, view: &View<'_>, scope: Option<usize>, known: &Bindings) -> Option<Bindings> {
        match self {
            Self::Header { name, is } => {
                let head = view.content.message.head();
                if !view.work().look(head.size_of(name)) {
                    return None;
                }
                head.values(name).find_map(|value| view.read(is, &one_line(&value, LINE_CAP), known))
            }
            Self::Text(templates) => {
                let form = templates.iter().map(Template::link_form).max()?;
                view.in_lines(|part| view.find_lines(view.content.lines(part, form), templates, known))
            }
            Self::Phrase(name) => view.in_lines(|part| view.find_phrase(name, part, known)),
            Self::Html { select, holds } => {
                let document = view.content.document()?;
                let mut places = select.select(document, scope, view.work()).take(ELEMENTS_LIMIT);
                match holds {
                    Holds::Anything => places.next().map(|_| known.clone()),
                    Holds::Text(template) => places.find_map(|place| {
                        let found = view.read(template, &view.text_of(document, place)?, known)?;
                        view.note_written(template, document, place);
                        Some(found)
                    }),
                    Holds::Lines(templates) => places.find_map(|place| {
                        view.find_lines(&view.lines_of(document, place)?, templates, known)
                    }),
                    Holds::Only(templates) => places.find_map(|place| {
                        let lines = view.lines_of(document, place)?;
                        if lines.len() != templates.len() || document.is_cut(place) {
                            return None;
                        }
                        view.find_lines(&lines, templates, known)
                    }),
                    Holds::Each(templates) => templates.iter().try_fold(known.clone(), |known, template| {
                        view.read(template, &view.text_of(document, places.next()?)?, &known)
                    }),
                    Holds::All(template) => {
                        let places: Vec<_> = places.collect();
                        let texts = places.iter().map(|place| view.text_of(document, *place));
                        let texts = texts.collect::<Option<Vec<_>>>()?;
                        let found = view.read(template, &one_line(&texts.join(" "), LINE_CAP), known)?;
                        places.iter().for_each(|place| view.note_written(template, document, *place));
                        Some(found)
                    }
                }
            }
            Self::Link { within: Some(Within { select, reads: Some(reads) }), .. } => {
                let document = view.content.document()?;
                let mut places = select.select(document, scope, view.work()).take(ELEMENTS_LIMIT);
                places.find_map(|place| {
                    let known = view.read(reads, &view.text_of(document, place)?, known)?;
                    self.find_link(view, Some(&[document.within(Some(place))]), &known)
                })
            }
            Self::Link { within, .. } => {
                let select = within.as_ref().map(|within| &within.select);
                self.find_link(view, Self::places(view, scope, select).as_deref(), known)
            }
        }
    }

    /// Searches the links of these elements, or all links.
    fn find_link(
        &self,
        view: &View<'_>,
        allowed: Option<&[Range<usize>]>,
        known: &Bindings,
    ) -> Option<Bindings> {
        let Self::Link { is, query, profile, .. } = self else { return None };
        // In text alone, only the order shows whose link it is: the one that names the site stands below all that a follower writes.
        let names_site = known.get(Hole::Host).is_none() && is.iter().any(|is| is.has_hole(Hole::Host));
        let from_end = names_site && profile.is_none() && view.content.message.html().is_none();
        let mut links = view.links().iter();
        let next = || if from_end { links.next_back() } else { links.next() };
        std::iter::from_fn(next).find_map(|PlacedLink { link, place }| {
            if !view.work().look(1) {
                return None;
            }
            if let Some(allowed) = allowed
                && !place.is_some_and(|place| holds(allowed, place))
            {
                return None;
            }
            let known = is.iter().find_map(|is| view.read(is, link.address(), known))?;
            let mut known = query.iter().try_fold(known, |known, (name, is)| {
                let value = view.work().look(link.size()).then(|| link.parameter(name))??;
                view.read(is, &one_line(&value, LINE_CAP), &known)
            })?;
            if let Some(profile) = profile {
                let url = match &profile.written {
                    Some(written) => written.fill(&known)?,
                    None => link.keeping(&view.profile.identified_by),
                };
                known.take(Hole::Fact(Fact::Url), Found::Text(url));
            }
            Some(known)
        })
    }

    /// The elements that a link must be in; `None` for any link of the message.
    fn places(view: &View<'_>, scope: Option<usize>, within: Option<&Selector>) -> Option<Vec<Range<usize>>> {
        if scope.is_none() && within.is_none() {
            return None;
        }
        let Some(document) = view.content.document() else { return Some(Vec::new()) };
        let Some(select) = within else { return Some(vec![document.within(scope)]) };
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for place in select.select(document, scope, view.work()) {
            // An element is inside another or after it; one inside adds nothing.
            if ranges.last().is_none_or(|range| range.end <= place) {
                ranges.push(document.within(Some(place)));
            }
        }
        Some(ranges)
    }

    /// The facts that it can capture, except those of its phrase.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let url = matches!(self, Self::Link { profile: Some(_), .. }).then_some(Fact::Url);
        self.templates().into_iter().flat_map(Template::facts).chain(url).collect()
    }

    /// Can it capture something that is not known yet?
    pub(super) fn may_add(&self, profile: &Profile, known: &Bindings) -> bool {
        let templates = match self {
            Self::Phrase(name) => profile.phrases(name).collect(),
            _ => self.templates(),
        };
        let url = matches!(self, Self::Link { profile: Some(_), .. });
        (url && known.get(Hole::Fact(Fact::Url)).is_none())
            || templates.into_iter().any(|template| template.may_add(known))
    }

    /// What it compares, except its phrase.
    fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Header { is, .. } | Self::Html { holds: Holds::Text(is) | Holds::All(is), .. } => vec![is],
            Self::Text(templates)
            | Self::Html {
                holds: Holds::Lines(templates) | Holds::Only(templates) | Holds::Each(templates),
                ..
            } => templates.iter().collect(),
            Self::Html { holds: Holds::Anything, .. } | Self::Phrase(_) => Vec::new(),
            Self::Link { within, is, query, .. } => {
                let reads = within.iter().filter_map(|within| within.reads.as_ref());
                reads.chain(is).chain(query.iter().map(|(_, is)| is)).collect()
            }
        }
    }

    /// Does it search for a link that may be one of those that do not show where they lead? Known once it has searched.
    pub(super) fn may_be_opaque(&self, view: &View<'_>) -> bool {
        let rests_on_link = match self {
            Self::Link { .. } => true,
            Self::Text(lines) => lines.iter().any(Template::has_link),
            Self::Phrase(name) => view.profile.phrases(name).any(Template::has_link),
            Self::Header { .. } | Self::Html { .. } => false,
        };
        rests_on_link && view.content.has_opaque_links()
    }

    /// Are its lines there, with a link that does not show where it leads in place of their own?
    pub(super) fn is_tracked(&self, view: &View<'_>, known: &Bindings) -> bool {
        let mut lines: Vec<_> = match self {
            Self::Text(lines) => vec![lines.as_slice()],
            Self::Phrase(name) => view.profile.phrases(name).map(std::slice::from_ref).collect(),
            Self::Header { .. } | Self::Html { .. } | Self::Link { .. } => return false,
        };
        lines.retain(|lines| lines.iter().any(Template::has_link));
        let Some(form) = lines.iter().copied().flatten().map(Template::link_form).max() else { return false };
        let marked = |template: &Template| template.marked().unwrap_or_else(|| template.clone());
        let lines: Vec<Vec<_>> = lines.into_iter().map(|lines| lines.iter().map(marked).collect()).collect();
        [LinesOf::Text, LinesOf::Html].into_iter().any(|part| {
            let shown = view.marked_lines(part, form);
            lines.iter().any(|lines| view.find_lines(&shown, lines, known).is_some())
        })
    }

    /// Is it a sign of the layout of its own if found, and no more than what every message has?
    pub(super) fn is_sign(&self) -> bool {
        matches!(self, Self::Header { .. } | Self::Html { .. })
    }

    /// The name of its phrase, if it searches for one.
    pub(super) fn phrase(&self) -> Option<&str> {
        match self {
            Self::Phrase(name) => Some(name),
            _ => None,
        }
    }

    /// How it writes the link to the profile, if it does not keep the message's.
    pub(super) fn written(&self) -> Option<&Template> {
        match self {
            Self::Link { profile: Some(ProfileLink { written }), .. } => written.as_ref(),
            _ => None,
        }
    }

    /// How many signs of a layout it is, if found: consecutive lines are one each, as are an element and its link.
    pub(super) fn signs(&self) -> usize {
        match self {
            Self::Text(lines) => lines.len(),
            Self::Link { within: Some(Within { reads: Some(_), .. }), .. } => 2,
            _ => 1,
        }
    }

    /// What it searches for, in words, without an article.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Header { name, is } if is.to_string() == "{}" => format!("header field {name}"),
            Self::Header { name, is } => format!("header field {name} that reads `{is}`"),
            Self::Text(templates) => format!("line of text `{}`", joined(templates)),
            Self::Phrase(name) => format!("line of text that is a phrase `{name}`"),
            Self::Html { select, holds } => format!("HTML element `{select}`{holds}"),
            Self::Link { within, is, query, .. } => {
                let query: Vec<_> = query.iter().map(|(name, is)| format!("{name}={is}")).collect();
                let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
                let within = within.as_ref().map(ToString::to_string).unwrap_or_default();
                let is: Vec<_> = is.iter().map(|is| format!("`{is}{query}`")).collect();
                format!("link to {}{within}", is.join(" or "))
            }
        }
    }
}

/// Is a place in one of the ranges? They are sorted and do not overlap.
fn holds(ranges: &[Range<usize>], place: usize) -> bool {
    let after = ranges.partition_point(|range| range.start <= place);
    after.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|range| range.contains(&place))
}

fn joined(templates: &[Template]) -> String {
    templates.iter().map(ToString::to_string).collect::<Vec<_>>().join("` then `")
}

/// Where a link must be, to follow the link.
impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " in `{}`", self.select)?;
        self.reads.as_ref().map_or(Ok(()), |reads| write!(f, " that reads `{reads}`"))
    }
}

/// What an element must contain, to follow the element's name.
impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => Ok(()),
            Self::Text(is) => write!(f, " that reads `{is}`"),
            Self::Lines(lines) => write!(f, " with the line `{}`", joined(lines)),
            Self::Only(lines) => write!(f, " that holds `{}` alone", joined(lines)),
            Self::Each(texts) => write!(f, " and others, that read `{}`", joined(texts)),
            Self::All(is) => write!(f, " and all others, that together read `{is}`"),
        }
    }
}

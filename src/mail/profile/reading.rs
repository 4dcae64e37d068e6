//! Reads a message by one layout: finds its marks, counts the signs that are left of it, and captures the facts of each follower.
//! `recognise` calls it, and decides which layout counts.

use super::layout::{Layout, Mark, Picture, Sender, Standing};
use super::probe::{Probe, View};
use crate::mail::bindings::{Bindings, Found, Hole};
use crate::mail::fact::{Fact, FactMut, FactType, Follower, Shown};
use crate::mail::link::Link;
use crate::mail::wrapper;
use crate::text::one_line;

/// The result of reading a message with one layout.
pub(super) enum Fit {
    /// It does not have this layout.
    Unlike,
    /// It has, but these facts are missing.
    Missing(Vec<Fact>),
    /// It was read in full.
    Read(Reading),
}

/// What one layout read.
pub(super) struct Reading {
    pub(super) followers: Vec<Follower>,
    pub(super) host: Option<String>,
    /// The signs of the layout that the message has, besides its subject and its sender.
    pub(super) signs: usize,
    /// Are there marks that somebody between the network and the inbox took away?
    pub(super) is_weak: bool,
}

/// The fewest signs by which a message is recognised if its sender or another mark is gone.
pub(super) const FEWEST_SIGNS: usize = 2;

/// The marks of a layout that a message has.
struct Marked {
    /// What they captured.
    known: Bindings,
    marks: usize,
    signs: usize,
    /// Are there marks that may be links which do not show where they lead?
    has_opaque: bool,
    /// Are there marks in fields that somebody dropped on the way?
    is_weak: bool,
    /// Is too little left to read it by, though it may be a notification?
    is_unclear: bool,
}

/// The signs among what a layout reads.
#[derive(Clone, Copy, Default)]
struct Signs {
    /// Header fields and elements.
    elements: usize,
    all: usize,
}

impl Layout {
    /// Reads a message by this layout, where its subject has captured what is `known`.
    pub(super) fn read(&self, view: &View<'_>, standing: Standing, known: Bindings) -> Fit {
        let Some(marked) = self.find_marks(view, known) else { return Fit::Unlike };
        let Marked { mut known, marks, signs, has_opaque, is_weak, is_unclear } = marked;
        // A sender with a domain is a sign of its own. Fields that were dropped need no fewer signs because of it.
        let sender = usize::from(standing == Standing::Own && self.from.iter().any(Sender::has_domain));
        let are_too_few = |found: Signs| {
            // A line that was found in the HTML part may be what an element there has shown already.
            let fewest = FEWEST_SIGNS + usize::from(view.has_lines_of_html());
            has_opaque && sender + marks + found.elements < fewest
                || is_weak && signs + found.all < FEWEST_SIGNS
        };
        // With marks gone, it may be another layout, or no notification at all.
        let missing = |facts, found: Signs| {
            let is_nothing = has_opaque && sender + marks == 0 || is_weak && signs + found.all < FEWEST_SIGNS;
            if is_nothing { Fit::Unlike } else { Fit::Missing(facts) }
        };
        let scopes: Vec<_> = match (&self.each, view.content.document()) {
            (None, _) => vec![None],
            (Some(each), Some(document)) => {
                each.select(document, None, &view.content.work).map(Some).collect()
            }
            (Some(_), None) => Vec::new(),
        };
        // Most messages name one, and many messages are held at a time.
        let mut followers = Vec::with_capacity(1);
        let mut host = None;
        let mut fewest = usize::MAX;
        let before = std::mem::take(&mut known);
        for scope in &scopes {
            if !view.content.work.look(before.size()) {
                break;
            }
            let (mut known, mut found) = (before.clone(), Signs::default());
            for probe in &self.reads {
                if (!is_unclear || probe.is_sign())
                    && probe.may_add(view.profile, &known)
                    && let Some(more) = probe.find(view, *scope, &known)
                {
                    known = more;
                    found.elements += usize::from(probe.is_sign());
                    found.all += if self.repeats_mark(probe) { 0 } else { probe.signs() };
                }
            }
            let unread: Vec<_> =
                self.needs.iter().copied().filter(|fact| known.get(Hole::Fact(*fact)).is_none()).collect();
            // A link in a name or a bio excuses nothing.
            if has_opaque && !view.has_opaque_links_beside(&known) {
                return Fit::Unlike;
            }
            if is_unclear {
                let is_nothing = marks + found.elements < FEWEST_SIGNS;
                return if is_nothing { Fit::Unlike } else { Fit::Missing(Vec::new()) };
            }
            // Without links, only a header field names the site: what is left is in many messages.
            let is_of_unknown_site =
                has_opaque && view.profile.domains.is_empty() && known.get(Hole::Host).is_none();
            if !unread.is_empty() || is_of_unknown_site || are_too_few(found) {
                return missing(unread, found);
            }
            fewest = fewest.min(found.all);
            host = known.text(Hole::Host).map(str::to_owned);
            followers.push(self.follower(view, *scope, &known));
        }
        if followers.is_empty() {
            return missing(self.needs.clone(), Signs::default());
        }
        // A handle on an unknown server would be somebody else's on another.
        let is_bare =
            |follower: &Follower| follower.handle.value().is_some_and(|handle| !handle.contains('@'));
        if is_weak && host.is_none() && view.profile.domains.is_empty() && followers.iter().any(is_bare) {
            return Fit::Missing(Vec::new());
        }
        Fit::Read(Reading { followers, host, signs: signs + fewest, is_weak })
    }

    /// Looks for its marks. `None` if the message lacks one that nobody took away.
    fn find_marks(&self, view: &View<'_>, known: Bindings) -> Option<Marked> {
        let mut marked =
            Marked { known, marks: 0, signs: 0, has_opaque: false, is_weak: false, is_unclear: false };
        for mark in &self.marks {
            // Of a message that cannot be read, only its signs are counted.
            if marked.has_opaque && marked.is_weak && !mark.is_absent && !mark.probe.is_sign() {
                continue;
            }
            match (mark.probe.find(view, None, &marked.known), mark.is_absent) {
                (Some(_), true) => return None,
                (None, true) => {}
                (Some(found), false) => {
                    marked.known = found;
                    marked.marks += 1;
                    marked.signs += mark.probe.signs();
                }
                (None, false) if mark.probe.may_be_opaque(view) => marked.has_opaque = true,
                (None, false) if !self.any_subject && mark.is_dropped(view, &marked.known) => {
                    // The links are asked for first, since they cost little.
                    if !marked.is_weak && !self.has_links(view, &marked.known) {
                        return None;
                    }
                    marked.is_weak = true;
                }
                (None, false) if mark.is_readdressed(view) => marked.is_unclear = true,
                (None, false) => return None,
            }
        }
        // Of several kinds of marks only one may be gone.
        if marked.is_unclear && (marked.has_opaque || marked.is_weak) {
            return None;
        }
        marked.is_unclear |= marked.has_opaque && marked.is_weak;
        Some(marked)
    }

    /// Has the message all links that are marks, or others that may be these?
    fn has_links(&self, view: &View<'_>, known: &Bindings) -> bool {
        let is_link = |mark: &&Mark| !mark.is_absent && matches!(mark.probe, Probe::Link { .. });
        let has = |probe: &Probe| probe.find(view, None, known).is_some() || probe.may_be_opaque(view);
        self.marks.iter().filter(is_link).all(|mark| has(&mark.probe))
    }

    /// Is it a link where a link is a mark already? Then it is no sign of its own.
    fn repeats_mark(&self, probe: &Probe) -> bool {
        let is_link = |probe: &Probe| matches!(probe, Probe::Link { .. });
        is_link(probe) && self.marks.iter().any(|mark| !mark.is_absent && is_link(&mark.probe))
    }

    fn follower(&self, view: &View<'_>, scope: Option<usize>, known: &Bindings) -> Follower {
        let text = |fact: Fact, longest: usize| match known
            .text(Hole::Fact(fact))
            .map(|text| one_line(text, longest))
        {
            Some(text) if !text.is_empty() => Shown::Value(text),
            // A fact that was cut off is not blank.
            _ if self.shows.contains(&fact) && !view.content.message.is_html_cut() => Shown::Empty,
            _ => Shown::NotShown,
        };
        let mut follower =
            Follower { id: known.text(Hole::Id).map(|id| one_line(id, 200)), ..Follower::default() };
        for fact in Fact::ALL {
            match (follower.fact_mut(fact), fact.type_of()) {
                (FactMut::Text(place), FactType::Words(longest) | FactType::Address(longest)) => {
                    *place = text(fact, longest);
                }
                (FactMut::Count(place), _) => {
                    if let Some(Found::Count(count)) = known.get(Hole::Fact(fact)) {
                        *place = count.clone();
                    }
                }
                // Not printed: those that can be read have their own reader below.
                (FactMut::Text(_) | FactMut::Answer(_), _) => {}
            }
        }
        // A link that the profile writes keeps its fragment.
        let written = self.reads.iter().filter_map(Probe::written).filter_map(|url| url.fill(known));
        if let Shown::Value(url) = &mut follower.url
            && !written.into_iter().any(|written| written == *url)
            && let Some(link) = Link::parse(url)
        {
            *url = link.keeping(&view.profile.identified_by);
        }
        // Where a website is behind a wrapper, it has a place, but nobody knows what stands there.
        let is_wrapper = |text: &String| Link::parse(text).is_some_and(|link| wrapper::is_wrapper(&link));
        if follower.website.value().is_some_and(is_wrapper) {
            follower.website = Shown::NotShown;
        }
        if let Some(picture) = &self.picture {
            follower.default_picture = picture.is_default(view, scope);
        }
        follower
    }
}

impl Picture {
    fn is_default(&self, view: &View<'_>, scope: Option<usize>) -> Shown<bool> {
        let Some(document) = view.content.document() else { return Shown::NotShown };
        let image =
            self.image.select(document, scope, &view.content.work).find_map(|place| document.element(place));
        image.map_or(Shown::NotShown, |image| {
            let target = one_line(&image.target, 2_000);
            let known = Bindings::default();
            Shown::Value(
                self.defaults
                    .iter()
                    .any(|name| name.read(&target, &known, view.numerals, &view.content.work).is_some()),
            )
        })
    }
}

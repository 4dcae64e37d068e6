//! Reads a message by one layout: finds its marks, counts the signs that are left of it, and captures the facts of each follower.
//! `recognise` calls it, and decides which layout counts.

use super::layout::{Layout, Mark, Picture, Sender, Standing};
use super::probe::{Probe, View};
use super::signs::{Gone, Left, Signs, Weight};
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
    pub(super) weight: Weight,
}

/// The marks of a layout that a message has.
struct Marked {
    /// What they captured.
    known: Bindings,
    signs: Signs,
    gone: Gone,
}

impl Layout {
    /// Reads a message by this layout, where its subject has captured what is `known`.
    pub(super) fn read(&self, view: &View<'_>, standing: Standing, known: Bindings) -> Fit {
        let Some(marked) = self.find_marks(view, known) else { return Fit::Unlike };
        let Marked { known: before, signs: in_marks, gone } = marked;
        let is_tracked = || gone == Gone::Links && self.probes().any(|probe| probe.is_tracked(view, &before));
        let sender = usize::from(standing == Standing::Own && self.from.iter().any(Sender::has_domain));
        let in_marks = Signs { sender, ..in_marks };
        // With marks gone, it may be another layout, or no notification at all.
        let missing = |facts, signs: Signs| match signs.left(gone, view.has_lines_of_html()) {
            Left::Nothing if !is_tracked() => Fit::Unlike,
            Left::Nothing | Left::Enough | Left::Little => Fit::Missing(facts),
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
        let mut fewest: Option<Signs> = None;
        for scope in &scopes {
            if !view.content.work.look(before.size()) {
                break;
            }
            let (mut known, mut signs) = (before.clone(), in_marks);
            for probe in &self.reads {
                if (!gone.is_unclear() || probe.is_sign())
                    && probe.may_add(view.profile, &known)
                    && let Some(more) = probe.find(view, *scope, &known)
                {
                    known = more;
                    signs.elements += usize::from(probe.is_sign());
                    signs.read += if self.repeats_mark(probe) { 0 } else { probe.signs() };
                }
            }
            // A link in a name or a bio excuses nothing.
            if gone.has_links() && !view.has_opaque_links_beside(&known) {
                return Fit::Unlike;
            }
            if gone.is_unclear() {
                return missing(Vec::new(), signs);
            }
            let unread: Vec<_> =
                self.needs.iter().copied().filter(|fact| known.get(Hole::Fact(*fact)).is_none()).collect();
            // Without links, only a header field names the site: what is left is in many messages.
            let is_of_unknown_site =
                gone.has_links() && view.profile.domains.is_empty() && known.get(Hole::Host).is_none();
            let is_enough = signs.left(gone, view.has_lines_of_html()) == Left::Enough;
            if !unread.is_empty() || is_of_unknown_site || !is_enough {
                return missing(unread, signs);
            }
            fewest = fewest.filter(|fewest| fewest.read <= signs.read).or(Some(signs));
            host = known.text(Hole::Host).map(str::to_owned);
            followers.push(self.follower(view, *scope, &known));
        }
        let Some(signs) = fewest else { return missing(self.needs.clone(), in_marks) };
        // A handle on an unknown server would be somebody else's on another.
        let is_bare =
            |follower: &Follower| follower.handle.value().is_some_and(|handle| !handle.contains('@'));
        if gone.has_fields()
            && host.is_none()
            && view.profile.domains.is_empty()
            && followers.iter().any(is_bare)
        {
            return Fit::Missing(Vec::new());
        }
        Fit::Read(Reading { followers, host, weight: signs.weight(gone, standing) })
    }

    /// Looks for its marks. `None` if the message lacks one that nobody took away.
    fn find_marks(&self, view: &View<'_>, known: Bindings) -> Option<Marked> {
        let mut marked = Marked { known, signs: Signs::default(), gone: Gone::Nothing };
        for mark in &self.marks {
            let Marked { known, signs, gone } = &mut marked;
            // Of a message that cannot be read, only its signs are counted.
            if *gone == Gone::LinksAndFields && !mark.is_absent && !mark.probe.is_sign() {
                continue;
            }
            match (mark.probe.find(view, None, known), mark.is_absent) {
                (Some(_), true) => return None,
                (None, true) => {}
                (Some(found), false) => {
                    *known = found;
                    signs.marks += 1;
                    signs.in_marks += mark.probe.signs();
                }
                (None, false) => *gone = gone.and(self.gone(mark, view, known, *gone)?)?,
            }
        }
        Some(marked)
    }

    /// What took away a mark that the message lacks, with what is `before` gone already; `None` if nobody did.
    fn gone(&self, mark: &Mark, view: &View<'_>, known: &Bindings, before: Gone) -> Option<Gone> {
        if mark.probe.may_be_opaque(view) {
            return Some(Gone::Links);
        }
        if !self.any_subject && mark.is_dropped(view, known) {
            // The links are asked for first, since they cost little.
            let has_links = before.has_fields() || self.has_links(view, known);
            return has_links.then_some(Gone::Fields);
        }
        mark.is_readdressed(view).then_some(Gone::Recipient)
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

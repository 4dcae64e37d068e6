//! Recognises a message: picks the layouts whose sender and subject match, finds the one that reads it in full, and builds the
//! notification.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::content::Content;
use super::layout::{Layout, Picture, Sender};
use super::probe::{Probe, View};
use super::{Profile, Profiles};
use crate::clock::Timestamp;
use crate::mail::authenticity::Authenticity;
use crate::mail::authenticity::{self, Origin, Trust};
use crate::mail::bindings::{Bindings, Found, Hole};
use crate::mail::blank_name::{self, Blanks};
use crate::mail::fact::{Fact, FactMut, FactType, Follower, Shown};
use crate::mail::link::Link;
use crate::mail::markup::Document;
use crate::mail::message::{Head, Message};
use crate::mail::network::Network;
use crate::mail::notification::{Notification, Recognition};
use crate::mail::numeral::Numerals;
use crate::mail::work::{Cost, Work};
use crate::text::one_line;

/// A layout whose sender and subject match.
pub(super) struct Candidate<'p> {
    pub(super) profile: &'p Profile,
    pub(super) layout: &'p Layout,
    pub(super) locale: usize,
    /// What its subject captured.
    pub(super) known: Bindings,
    /// How many bytes of the subject's template are literal.
    pub(super) fixed: usize,
}

/// The result of reading a message with one layout.
enum Fit {
    /// It does not have this layout.
    Unlike,
    /// It has, but these facts are missing.
    Missing(Vec<Fact>),
    /// It was read in full.
    Read { followers: Vec<Follower>, host: Option<String> },
}

impl Profiles {
    /// Stage one: may this be a notification, judging by From and Subject? `header` is a header block with at least these two.
    /// Never rejects a message that [`Profiles::recognise`] would recognise.
    pub fn plausible(&self, header: &[u8]) -> bool {
        let work = Work::for_size(header.len());
        let is_plausible = Head::parse(header).is_ok_and(|head| {
            self.fitting(&head, &work).next().is_some()
                || Blanks::ALL.into_iter().any(|blanks| self.fits_marked(&head, blanks, &work))
        });
        // If the work is spent, the second stage decides, and reports the message as too costly.
        is_plausible || work.is_spent()
    }

    /// Stage two: recognises a message by all of it.
    pub fn recognise(&self, message: &Message<'_>, trust: &Trust, received: Timestamp) -> Recognition {
        self.recognise_counting(message, trust, received).0
    }

    /// The same, with the work it took.
    pub fn recognise_counting(
        &self,
        message: &Message<'_>,
        trust: &Trust,
        received: Timestamp,
    ) -> (Recognition, Cost) {
        let content = Content::new(message);
        let recognition = self.within_allowance(&content, trust, received);
        (recognition, content.work.cost())
    }

    pub(super) fn within_allowance(
        &self,
        content: &Content<'_>,
        trust: &Trust,
        received: Timestamp,
    ) -> Recognition {
        let recognition = self.read(content, trust, received);
        // Once the work is spent, anything not found may still be there.
        if content.work.is_spent() {
            return Recognition::TooCostly;
        }
        let marked = self.read_marked(content, trust, received);
        // Without the blank name, another fact may have taken its place.
        marked.filter(|marked| shown(marked) >= shown(&recognition)).unwrap_or(recognition)
    }

    /// Reads a message once more, in case a follower's name consists of characters that cannot be seen.
    fn read_marked(&self, content: &Content<'_>, trust: &Trust, received: Timestamp) -> Option<Recognition> {
        let (head, work) = (content.message.head(), &content.work);
        let fits = content.has_candidates.get();
        Blanks::ALL.into_iter().find_map(|blanks| {
            if !fits && !self.fits_marked(head, blanks, work) || head.is_correspondence() {
                return None;
            }
            let with_marks = blank_name::marked_message(content.message, blanks)?;
            let message = Message::parse(&with_marks.bytes).ok()?;
            let marked = Content::new(&message);
            // All readings of a message share one allowance.
            let before = work.cost().spent;
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            let recognition = marked.work.look(before).then(|| self.read(&marked, trust, received));
            let spent = usize::try_from(marked.work.cost().spent).unwrap_or(usize::MAX);
            let is_spent = !work.look(spent.saturating_sub(before)) || marked.work.is_spent();
            match recognition {
                Some(Recognition::Recognised(notification)) if !is_spent => {
                    Some(Recognition::Recognised(blank_name::unmarked(notification, &with_marks)))
                }
                _ => None,
            }
        })
    }

    /// Does the subject fit if what cannot be seen in it is a name?
    fn fits_marked(&self, head: &Head<'_>, blanks: Blanks, work: &Work) -> bool {
        head.has_blanks
            && blank_name::marked_header(head, blanks).is_some_and(|header| {
                Head::parse(&header).is_ok_and(|head| self.fitting(&head, work).next().is_some())
            })
    }

    fn read(&self, content: &Content<'_>, trust: &Trust, received: Timestamp) -> Recognition {
        let message = content.message;
        let candidates = self.candidates(message.head(), &content.work);
        content.has_candidates.set(!candidates.is_empty());
        if candidates.is_empty() || message.head().is_correspondence() {
            return Recognition::Foreign;
        }
        let mut links = OnceCell::new();
        let mut links_of: Option<&Network> = None;
        let mut incomplete: Option<(&Profile, Vec<Fact>)> = None;
        let mut unlike: Option<&Profile> = None;
        for Candidate { profile, layout, locale, known, .. } in candidates {
            // Never guess at a message that seems to be from a known network but cannot be read.
            if profile.is_guess && (incomplete.is_some() || unlike.is_some()) {
                break;
            }
            // Forwarded messages do not come from a network's own address, so layouts with `from` need no check.
            if layout.from.is_empty() && content.is_passed_on() {
                continue;
            }
            let numerals = profile.numerals_in(content, locale);
            if links_of != Some(&profile.network) {
                links = OnceCell::new();
                links_of = Some(&profile.network);
            }
            let view = View::new(content, profile, locale, &numerals, &links);
            let fit = layout.read(&view, known);
            if content.work.is_spent() {
                break;
            }
            match fit {
                Fit::Unlike => {
                    // With any subject, a message that lacks the marks is another of the network's.
                    if !layout.any_subject && !profile.domains.is_empty() && !profile.is_guess {
                        unlike.get_or_insert(profile);
                    }
                }
                // A guess that fails says nothing about any network.
                Fit::Missing(_) if profile.is_guess => {}
                Fit::Missing(missing) => {
                    incomplete.get_or_insert((profile, missing));
                }
                Fit::Read { followers, host } => {
                    let signed_by = layout.signed_by.as_deref();
                    let origin = profile.origin(host.as_deref());
                    let authentic = authenticity::judge(message.head(), origin, signed_by, trust);
                    // A guess does not know the network, so nothing can prove the message.
                    let authentic = match authentic {
                        Authenticity::Pass(_) if profile.is_guess => Authenticity::Unknown,
                        judged => judged,
                    };
                    return Recognition::Recognised(Notification {
                        network: profile.network.clone(),
                        title: profile.title.clone(),
                        kind: layout.kind,
                        layout: layout.name.clone(),
                        authentic,
                        instance: host.filter(|_| profile.domains.is_empty()),
                        complete: layout.names_all && !message.is_html_cut(),
                        followers,
                        received,
                    });
                }
            }
        }
        let Some((profile, missing)) = incomplete.or(unlike.map(|profile| (profile, Vec::new()))) else {
            return Recognition::Foreign;
        };
        // A forged message says nothing about the network. (The required signature is not checked: it may be what changed.)
        match authenticity::judge(message.head(), profile.origin(None), None, trust) {
            Authenticity::Fail(_) => Recognition::Foreign,
            Authenticity::Pass(_) | Authenticity::Unknown => {
                Recognition::Incomplete { network: profile.network.clone(), missing }
            }
        }
    }

    /// The matching layouts, the most specific subject first, guesses last.
    pub(super) fn candidates<'p>(&'p self, head: &'p Head<'_>, work: &'p Work) -> Vec<Candidate<'p>> {
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for candidate in self.fitting(head, work) {
            // Languages share subjects; one is enough, since the HTML part gives the language.
            let same = |other: &Candidate<'_>| {
                std::ptr::eq(other.layout, candidate.layout) && other.known == candidate.known
            };
            if !candidates.iter().any(same) {
                candidates.push(candidate);
            }
        }
        candidates.sort_by_key(|candidate| (candidate.profile.is_guess, std::cmp::Reverse(candidate.fixed)));
        candidates
    }

    fn fitting<'p>(&'p self, head: &'p Head<'_>, work: &'p Work) -> impl Iterator<Item = Candidate<'p>> + 'p {
        self.by_subject(head, work).chain(self.by_sender(head))
    }

    /// The layouts that take any subject from this sender.
    fn by_sender<'p>(&'p self, head: &'p Head<'_>) -> impl Iterator<Item = Candidate<'p>> + 'p {
        self.profiles.iter().flat_map(move |profile| {
            let layouts = profile.layouts.iter().filter(move |layout| layout.takes_any_subject_of(head));
            layouts.map(move |layout| Candidate {
                profile,
                layout,
                locale: 0,
                known: Bindings::default(),
                fixed: 0,
            })
        })
    }

    fn by_subject<'p>(
        &'p self,
        head: &'p Head<'_>,
        work: &'p Work,
    ) -> impl Iterator<Item = Candidate<'p>> + 'p {
        self.subjects.near(&head.subject).flat_map(move |subject| {
            let fitting = move || {
                let profile = self.profiles.get(subject.profile)?;
                let locale = profile.locales.get(subject.locale)?;
                let layouts = subject.layouts.iter().filter_map(|place| profile.layouts.get(*place));
                let layouts: Vec<_> = layouts.filter(|layout| layout.may_come_from(head)).collect();
                if layouts.is_empty() {
                    return None;
                }
                let known =
                    subject.template.read(&head.subject, &Bindings::default(), &locale.numerals, work)?;
                let candidate = move |layout| Candidate {
                    profile,
                    layout,
                    locale: subject.locale,
                    known: known.clone(),
                    fixed: subject.template.fixed(),
                };
                Some(layouts.into_iter().map(candidate).collect::<Vec<_>>())
            };
            fitting().unwrap_or_default()
        })
    }
}

/// How many followers a message shows, and how many facts of them.
fn shown(recognition: &Recognition) -> (usize, usize) {
    let Recognition::Recognised(Notification { followers, .. }) = recognition else { return (0, 0) };
    let facts = |follower: &Follower| Fact::ALL.into_iter().filter(|fact| follower.shows(*fact)).count();
    (followers.len(), followers.iter().map(facts).sum())
}

impl Profile {
    /// The sender that its messages claim; `host` is the server that the message shows.
    pub(super) fn origin<'a>(&'a self, host: Option<&'a str>) -> Origin<'a> {
        match self.domains.as_slice() {
            [] => Origin::Server(host),
            domains => Origin::Domains(domains),
        }
    }
}

impl Profile {
    /// The number format of a message whose subject is in this locale. Parses the HTML part for its language only if the network
    /// prints numbers differently by language.
    pub(super) fn numerals_in(&self, content: &Content<'_>, locale: usize) -> Cow<'_, Numerals> {
        let lang = if self.counts() { content.document().and_then(Document::lang) } else { None };
        self.numerals(lang, locale).map_or_else(Cow::default, Cow::Borrowed)
    }
}

/// How many signs a message needs, of its sender, its marks and what is read of it, if the links of others are opaque.
const FEWEST_SIGNS: usize = 2;

impl Layout {
    fn read(&self, view: &View<'_>, mut known: Bindings) -> Fit {
        let mut signs = usize::from(self.from.iter().any(Sender::has_domain));
        let mut has_opaque_marks = false;
        for mark in &self.marks {
            match mark.probe.find(view, None, &known) {
                Some(_) if mark.is_absent => return Fit::Unlike,
                None if !mark.is_absent && mark.probe.may_be_opaque(view) => has_opaque_marks = true,
                None if !mark.is_absent => return Fit::Unlike,
                Some(found) => {
                    known = found;
                    signs += 1;
                }
                None => {}
            }
        }
        let missing = |facts| if has_opaque_marks && signs == 0 { Fit::Unlike } else { Fit::Missing(facts) };
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
        for scope in &scopes {
            if !view.content.work.look(known.size()) {
                break;
            }
            let (mut known, mut signs) = (known.clone(), signs);
            for probe in &self.reads {
                if probe.may_add(view.profile, &known)
                    && let Some(found) = probe.find(view, *scope, &known)
                {
                    known = found;
                    signs += usize::from(probe.is_sign());
                }
            }
            let unread: Vec<_> =
                self.needs.iter().copied().filter(|fact| known.get(Hole::Fact(*fact)).is_none()).collect();
            if !unread.is_empty() || (has_opaque_marks && signs < FEWEST_SIGNS) {
                return missing(unread);
            }
            host = known.text(Hole::Host).map(str::to_owned);
            followers.push(self.follower(view, *scope, &known));
        }
        if followers.is_empty() { missing(self.needs.clone()) } else { Fit::Read { followers, host } }
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

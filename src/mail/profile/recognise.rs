//! Recognises a message: picks the layouts whose sender and subject match, lets `reading` read it by each, and builds the notification
//! from the one that reads it in full.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::content::Content;
use super::layout::{Layout, Standing};
use super::probe::View;
use super::reading::{Fit, Reading};
use super::signs::Weight;
use super::subjects::Subject;
use super::{Profile, Profiles};
use crate::clock::Timestamp;
use crate::mail::authenticity::Authenticity;
use crate::mail::authenticity::{self, Origin};
use crate::mail::bindings::Bindings;
use crate::mail::blank_name::{self, Blanks, Suspect};
use crate::mail::fact::{Fact, Follower};
use crate::mail::head::Head;
use crate::mail::markup::Document;
use crate::mail::message::Message;
use crate::mail::network::Network;
use crate::mail::notification::{Notification, Recognition};
use crate::mail::numeral::Numerals;
use crate::mail::subject_tag;
use crate::mail::trust::Trust;
use crate::mail::work::{Cost, Work};

/// A layout whose subject matches.
pub(super) struct Candidate<'p> {
    pub(super) profile: &'p Profile,
    pub(super) layout: &'p Layout,
    /// How its sender matches.
    pub(super) standing: Standing,
    /// How many variants of the subject, with more of its tags, do not match.
    untagged: usize,
    pub(super) locale: usize,
    /// What its subject captured.
    pub(super) known: Bindings,
    /// How many bytes of the subject's template are literal.
    pub(super) fixed: usize,
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
        let marked = self.read_marked(content, trust, received);
        // Once the work is spent, anything not found may still be there.
        if content.work.is_spent() {
            return Recognition::TooCostly;
        }
        // Without the blank name, another fact may have taken its place.
        let mut recognition =
            marked.filter(|marked| shown(marked) >= shown(&recognition)).unwrap_or(recognition);
        if let Recognition::Recognised(notification) = &mut recognition {
            notification.identify_blank(&content.message.head().identity());
        }
        if content.work.is_spent() { Recognition::TooCostly } else { recognition }
    }

    /// Reads a message once more, in case a follower's name consists of characters that cannot be seen.
    fn read_marked(&self, content: &Content<'_>, trust: &Trust, received: Timestamp) -> Option<Recognition> {
        let (head, work) = (content.message.head(), &content.work);
        let fits = content.has_candidates.get();
        if !fits && !head.has_blanks {
            return None;
        }
        let suspect = Suspect::new(content.message).filter(|_| !head.is_correspondence())?;
        Blanks::ALL.into_iter().find_map(|blanks| {
            if !fits && !self.fits_marked(head, blanks, work) {
                return None;
            }
            let with_marks = suspect.marked(blanks)?;
            let message = with_marks.message()?;
            let marked = Content::new(&message);
            // All readings of a message share one allowance.
            let before = work.cost().spent;
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            let recognition = marked.work.look(before).then(|| self.read(&marked, trust, received));
            let spent = usize::try_from(marked.work.cost().spent).unwrap_or(usize::MAX);
            let is_spent = !work.look(spent.saturating_sub(before)) || marked.work.is_spent();
            match recognition {
                Some(Recognition::Recognised(notification)) if !is_spent => {
                    let unmarked = blank_name::unmarked(notification, &with_marks, content.message);
                    Some(Recognition::Recognised(unmarked))
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
        let mut candidates = self.candidates(message.head(), &content.work);
        content.has_candidates.set(!candidates.is_empty());
        if candidates.is_empty() || message.head().is_correspondence() {
            return Recognition::Foreign;
        }
        // A tag is of the follower's name if the body has it, too.
        let is_of_name = |tag: &str| content.contains(tag);
        if candidates.iter().any(|candidate| candidate.untagged > 0)
            && !subject_tag::tags(&message.head().subject).any(is_of_name)
        {
            candidates.sort_by_key(|candidate| {
                let Candidate { profile, standing, untagged, .. } = candidate;
                (profile.is_guess, *standing, std::cmp::Reverse(*untagged))
            });
        }
        let mut links = OnceCell::new();
        let mut links_of: Option<&Network> = None;
        let mut incomplete: Option<(&Profile, Vec<Fact>)> = None;
        let mut unlike: Option<&Profile> = None;
        // A message that has every mark of a layout is read by that layout, even if another was tried first.
        let mut weak: Option<(Candidate<'_>, Reading)> = None;
        for candidate in candidates {
            let Candidate { profile, layout, standing, locale, .. } = candidate;
            // Whether its sender only looks like the network's, or only its subject, it is not of the network.
            if standing == Standing::Stranger || profile.is_guess && standing != Standing::Own {
                continue;
            }
            // Never guess at a message that seems to be from a known network but cannot be read.
            if profile.is_guess && (incomplete.is_some() || unlike.is_some() || weak.is_some()) {
                break;
            }
            // Forwarded messages do not come from a network's own address, so layouts with `from` need no check.
            if (layout.from.is_empty() || standing != Standing::Own) && content.is_passed_on() {
                continue;
            }
            let numerals = profile.numerals_in(content, locale);
            if links_of != Some(&profile.network) {
                links = OnceCell::new();
                links_of = Some(&profile.network);
            }
            let view = View::new(content, profile, locale, &numerals, &links);
            let fit = layout.read(&view, standing, candidate.known.clone());
            if content.work.is_spent() {
                break;
            }
            match (fit, standing) {
                // A guess that fails says nothing about any network.
                (Fit::Unlike | Fit::Missing(_), _) if profile.is_guess => {}
                // With any subject, a message that lacks the marks is another of the network's.
                (Fit::Unlike, Standing::Own | Standing::Relayed(_)) if layout.any_subject => {}
                (Fit::Unlike, Standing::Own) if profile.domains.is_empty() => {}
                (Fit::Unlike | Fit::Missing(_), Standing::Rewritten) => {}
                (Fit::Unlike, _) => {
                    unlike.get_or_insert(profile);
                }
                (Fit::Missing(missing), _) => {
                    incomplete.get_or_insert((profile, missing));
                }
                (Fit::Read(reading), _) => match reading.weight {
                    Weight::Whole => {
                        return Recognition::Recognised(notification(
                            &candidate, reading, message, trust, received,
                        ));
                    }
                    Weight::Weak if profile.is_guess => {}
                    Weight::Weak => {
                        weak.get_or_insert((candidate, reading));
                    }
                    Weight::Little => {
                        unlike.get_or_insert(profile);
                    }
                    Weight::Nothing => {}
                },
            }
        }
        if let Some((candidate, reading)) = weak.filter(|_| !content.work.is_spent()) {
            return Recognition::Recognised(notification(&candidate, reading, message, trust, received));
        }
        let Some((profile, missing)) = incomplete.or(unlike.map(|profile| (profile, Vec::new()))) else {
            return Recognition::Foreign;
        };
        // A forged message says nothing about the network. (The required signature is not checked: it may be what changed.)
        match authenticity::judge(message.head(), profile.origin(None), None, trust) {
            Authenticity::Fail(_) => Recognition::Foreign,
            Authenticity::Pass(_) | Authenticity::Unknown | Authenticity::Relayed { .. } => {
                Recognition::Incomplete { network: profile.network.clone(), missing }
            }
        }
    }

    /// The layouts whose subject matches: of the network's own senders first, the subject as it is before one without tags, the most
    /// specific first, guesses last.
    pub(super) fn candidates<'p>(&'p self, head: &'p Head<'_>, work: &'p Work) -> Vec<Candidate<'p>> {
        let mut candidates: Vec<Candidate<'_>> = Vec::new();
        for candidate in self.fitting(head, work) {
            // Languages share subjects; one is enough, since the HTML part gives the language. So are the variants of a subject.
            let same = |other: &&mut Candidate<'_>| {
                std::ptr::eq(other.layout, candidate.layout) && other.known == candidate.known
            };
            match candidates.iter_mut().find(same) {
                Some(other) => other.untagged = other.untagged.max(candidate.untagged),
                None => candidates.push(candidate),
            }
        }
        candidates.sort_by_key(|candidate| {
            let Candidate { profile, standing, untagged, fixed, .. } = candidate;
            (profile.is_guess, *standing, *untagged, std::cmp::Reverse(*fixed))
        });
        candidates
    }

    fn fitting<'p>(&'p self, head: &'p Head<'_>, work: &'p Work) -> impl Iterator<Item = Candidate<'p>> + 'p {
        self.by_subject(head, work).chain(self.by_sender(head))
    }

    /// The layouts that take any subject from this sender.
    fn by_sender<'p>(&'p self, head: &'p Head<'_>) -> impl Iterator<Item = Candidate<'p>> + 'p {
        self.subjects.any(&self.profiles, head.plain_from()).filter_map(|(profile, layout)| {
            Some(Candidate {
                profile,
                layout,
                standing: layout.takes_any_subject_of(head)?,
                untagged: 0,
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
        self.subjects_of(head).flat_map(move |(untagged, line, subject)| {
            let fitting = move || {
                let profile = self.profiles.get(subject.profile)?;
                let locale = profile.locales.get(subject.locale)?;
                let known = subject.template.read(line, &Bindings::default(), &locale.numerals, work)?;
                let layouts = subject.layouts.iter().filter_map(|place| profile.layouts.get(*place));
                let candidate = move |layout: &'p Layout| {
                    Some(Candidate {
                        profile,
                        layout,
                        standing: layout.standing(head, &profile.domains)?,
                        untagged,
                        locale: subject.locale,
                        known: known.clone(),
                        fixed: subject.template.fixed(),
                    })
                };
                Some(layouts.filter_map(candidate).collect::<Vec<_>>())
            };
            fitting().unwrap_or_default()
        })
    }

    /// The known subjects that the subject may match, as it is or without tags; each with the number of variants tried before.
    pub(super) fn subjects_of<'p>(
        &'p self,
        head: &'p Head<'_>,
    ) -> impl Iterator<Item = (usize, &'p str, &'p Subject)> + 'p {
        let variants = subject_tag::variants(&head.subject).enumerate();
        variants.flat_map(|(untagged, line)| {
            self.subjects.near(line).into_iter().map(move |subject| (untagged, line, subject))
        })
    }
}

fn notification(
    candidate: &Candidate<'_>,
    reading: Reading,
    message: &Message<'_>,
    trust: &Trust,
    received: Timestamp,
) -> Notification {
    let Candidate { profile, layout, standing, .. } = candidate;
    let Reading { followers, host, .. } = reading;
    let (head, signed_by, origin) =
        (message.head(), layout.signed_by.as_deref(), profile.origin(host.as_deref()));
    let authentic = match layout.relay(head, *standing) {
        Some(relay) => authenticity::judge_relayed(head, relay, origin, signed_by, trust),
        None => authenticity::judge(head, origin, signed_by, trust),
    };
    // A guess does not know the network, so nothing can prove the message.
    let authentic = match authentic {
        Authenticity::Pass(_) if profile.is_guess => Authenticity::Unknown,
        judged => judged,
    };
    Notification {
        network: profile.network.clone(),
        title: profile.title.clone(),
        kind: layout.kind,
        layout: layout.name.clone(),
        authentic,
        instance: host.filter(|_| profile.domains.is_empty()),
        complete: layout.names_all && !message.is_html_cut(),
        followers,
        received,
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

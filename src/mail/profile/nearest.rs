//! Finds the network whose notifications a message most resembles, and the marks that it lacks.
//!
//! Only for explanations: it decides nothing. Its work counts towards the allowance of the message.

use std::cell::OnceCell;
use std::cmp::Reverse;

use super::Profiles;
use super::content::Content;
use super::layout::Standing;
use super::probe::View;
use super::recognise::Candidate;
use crate::clock::Timestamp;
use crate::mail::authenticity::{self, Authenticity};
use crate::mail::bindings::Bindings;
use crate::mail::head::Head;
use crate::mail::message::Message;
use crate::mail::network::Network;
use crate::mail::notification::Recognition;
use crate::mail::trust::Trust;

/// The network whose notifications a message most resembles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The network's name in rules.
    pub network: Network,
    /// The network's title.
    pub title: String,
    /// Whether the sender is one of the network's.
    pub sender_matches: bool,
    /// Whether the subject is that of a notification.
    pub subject_matches: bool,
    /// Why it is not a notification. Never empty.
    pub missing: Vec<MissingMark>,
}

/// A reason why a message is not a network's notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingMark {
    /// Its sender is none of these.
    Sender(Vec<String>),
    /// Its subject is not that of a notification.
    Subject,
    /// It lacks this, such as `header field List-ID`.
    Mark(String),
    /// It has this, which these notifications never have.
    Excluded(String),
    /// It is a reply, was forwarded, or came through a mailing list.
    Correspondence,
    /// It failed authentication.
    Authentication,
}

impl Profiles {
    /// Like [`Profiles::recognise`]; for a message that is not recognised, also the network whose notifications it most resembles.
    pub fn recognise_closely(
        &self,
        message: &Message<'_>,
        trust: &Trust,
        received: Timestamp,
    ) -> (Recognition, Option<Nearest>) {
        let content = Content::new(message);
        let recognition = self.within_allowance(&content, trust, received);
        let nearest = match &recognition {
            Recognition::Foreign => self.nearest(&content, trust),
            Recognition::Incomplete { missing, .. } if missing.is_empty() => self.nearest(&content, trust),
            Recognition::Recognised(_) | Recognition::Incomplete { .. } | Recognition::TooCostly => None,
        };
        (recognition, nearest)
    }

    /// The network whose notifications it most resembles, among those whose subject or else whose sender matches; of two
    /// equally near, the one with the more specific subject.
    pub(super) fn nearest(&self, content: &Content<'_>, trust: &Trust) -> Option<Nearest> {
        let head = content.message.head();
        let mut candidates = self.candidates(head, &content.work);
        candidates.retain(|candidate| {
            !candidate.profile.is_guess && matches!(candidate.standing, Standing::Own | Standing::Relayed(_))
        });
        // A subject such as `{name} is now following you on {}!` may come from anywhere, but one that names a network is its own.
        let most = candidates.iter().map(|candidate| candidate.fixed).max();
        let nearest = match self.by_subject_alone(content) {
            Some((fixed, nearest)) if most.is_none_or(|most| fixed > most) => Some(nearest),
            _ if candidates.is_empty() => self.by_sender_alone(head),
            _ => {
                let all = candidates.into_iter().map(|candidate| candidate.nearest(content, trust));
                all.min_by_key(|nearest| nearest.missing.len())
            }
        };
        // Once the work is spent, anything not found may still be there.
        nearest.filter(|nearest| !nearest.missing.is_empty() && !content.work.is_spent())
    }

    /// With how many bytes of its subject are literal.
    fn by_subject_alone(&self, content: &Content<'_>) -> Option<(usize, Nearest)> {
        let fitting = self.subjects_of(content.message.head()).filter_map(|(_, line, known)| {
            let profile = self.profiles.get(known.profile).filter(|profile| !profile.is_guess)?;
            let numerals = &profile.locales.get(known.locale)?.numerals;
            known.template.read(line, &Bindings::default(), numerals, &content.work)?;
            Some((known, profile))
        });
        let (known, profile) = fitting.min_by_key(|(known, _)| Reverse(known.template.fixed()))?;
        let layouts = known.layouts.iter().filter_map(|place| profile.layouts.get(*place));
        let mut senders: Vec<String> =
            layouts.flat_map(|layout| &layout.from).map(ToString::to_string).collect();
        senders.sort();
        senders.dedup();
        let nearest = Nearest {
            network: profile.network.clone(),
            title: profile.title.to_string(),
            sender_matches: false,
            subject_matches: true,
            missing: vec![MissingMark::Sender(senders)],
        };
        Some((known.template.fixed(), nearest))
    }

    fn by_sender_alone(&self, head: &Head<'_>) -> Option<Nearest> {
        let from = head.from()?;
        let mut profiles = self.profiles.iter().filter(|profile| !profile.is_guess);
        let profile = profiles.find(|profile| {
            let mut senders = profile.layouts.iter().flat_map(|layout| &layout.from);
            // The local part alone says nothing: on self-hosted networks anyone can run such a program.
            senders.any(|sender| sender.has_domain() && sender.is(from))
        })?;
        Some(Nearest {
            network: profile.network.clone(),
            title: profile.title.to_string(),
            sender_matches: true,
            subject_matches: false,
            missing: vec![MissingMark::Subject],
        })
    }
}

impl Candidate<'_> {
    fn nearest(self, content: &Content<'_>, trust: &Trust) -> Nearest {
        let Self { profile, layout, .. } = self;
        let head = content.message.head();
        let missing = if head.is_correspondence() || (layout.from.is_empty() && content.is_passed_on()) {
            vec![MissingMark::Correspondence]
        } else {
            self.missing_marks(content, trust)
        };
        Nearest {
            network: profile.network.clone(),
            title: profile.title.to_string(),
            sender_matches: !layout.from.is_empty(),
            subject_matches: true,
            missing,
        }
    }

    fn missing_marks(self, content: &Content<'_>, trust: &Trust) -> Vec<MissingMark> {
        let Self { profile, layout, locale, mut known, .. } = self;
        let mut missing = Vec::new();
        let links = OnceCell::new();
        let numerals = profile.numerals_in(content, locale);
        let view = View::new(content, profile, locale, &numerals, &links);
        for mark in &layout.marks {
            match mark.probe.find(&view, None, &known) {
                Some(_) if mark.is_absent => missing.push(MissingMark::Excluded(mark.probe.in_words())),
                None if !mark.is_absent => missing.push(MissingMark::Mark(mark.probe.in_words())),
                Some(found) => known = found,
                None => {}
            }
        }
        let authentic = authenticity::judge(content.message.head(), profile.origin(None), None, trust);
        if matches!(authentic, Authenticity::Fail(_)) {
            missing.push(MissingMark::Authentication);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::document::Findings;

    #[test]
    fn once_the_work_is_spent_no_network_is_named() {
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
        let bytes =
            b"From: notifications@toot.example\nSubject: ann@far.example is now following you\n\nHi\n";
        let message = Message::parse(bytes).unwrap();
        let content = Content::new(&message);
        assert!(profiles.nearest(&content, &Trust::default()).is_some());
        while content.work.look(1 << 16) {}
        assert_eq!(profiles.nearest(&content, &Trust::default()), None);
    }
}

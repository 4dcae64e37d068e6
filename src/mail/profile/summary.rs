//! A summary of what a profile can recognise and show, for `networks` and for checks of rules.

use super::Profile;
use super::layout::Layout;
use crate::mail::fact::Fact;
use crate::mail::network::Network;
use crate::mail::notification::Kind;

/// The summary of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSummary {
    /// Its name in rules.
    pub network: Network,
    /// Its title.
    pub title: String,
    /// The source of the profile.
    pub about: String,
    /// The domains that it sends from; empty if it is self-hosted.
    pub domains: Vec<String>,
    /// Whether it is a guess at any network: nothing proves such messages authentic.
    pub is_guess: bool,
    /// The kinds of its notifications.
    pub kinds: Vec<Kind>,
    /// Its layouts, in the order in which they are tried.
    pub layouts: Vec<LayoutSummary>,
    /// The languages of its known subjects, as tags such as `pt-BR`.
    pub locales: Vec<String>,
    /// The facts that at least one of its layouts can show.
    pub facts: Vec<Fact>,
    /// How many subjects are known.
    pub subjects: usize,
    /// A subject as its profile writes it, in English if possible, else in the first language.
    pub example: String,
}

/// The summary of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutSummary {
    /// Its name, usually a year or a version.
    pub name: String,
    /// The kind of its notifications.
    pub kind: Kind,
    /// The facts that it can show, in the order of the table of facts.
    pub facts: Vec<Fact>,
    /// What distinguishes it besides its subject, in words.
    pub marks: Vec<String>,
    /// Whether a message names every follower that it is about.
    pub names_all: bool,
}

impl Profile {
    /// Summarises the network.
    pub(super) fn summary(&self) -> NetworkSummary {
        let mut kinds: Vec<_> = self.layouts.iter().map(|layout| layout.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let layouts: Vec<_> = self.layouts.iter().map(|layout| self.summary_of(layout)).collect();
        let shown = |fact: &Fact| layouts.iter().any(|layout| layout.facts.contains(fact));
        let speaks = |phrase: &str| self.layouts.iter().any(|layout| layout.subjects == phrase);
        let subjects_of = |locale: &super::Locale| {
            let phrases = locale.phrases.iter().filter(|(phrase, _)| speaks(phrase));
            phrases.flat_map(|(_, templates)| templates.iter().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let spoken: Vec<_> =
            self.locales.iter().map(|locale| (locale.tag.as_str(), subjects_of(locale))).collect();
        let spoken: Vec<_> = spoken.into_iter().filter(|(_, subjects)| !subjects.is_empty()).collect();
        let english = spoken.iter().find(|(tag, _)| *tag == "en" || tag.starts_with("en-"));
        let example = english.or(spoken.first()).and_then(|(_, subjects)| subjects.first());
        NetworkSummary {
            network: self.network.clone(),
            title: self.title.to_string(),
            about: self.about.clone(),
            domains: self.domains.clone(),
            is_guess: self.is_guess,
            kinds,
            facts: Fact::ALL.into_iter().filter(shown).collect(),
            layouts,
            locales: spoken.iter().map(|(tag, _)| (*tag).to_owned()).collect(),
            subjects: spoken.iter().map(|(_, subjects)| subjects.len()).sum(),
            example: example.cloned().unwrap_or_default(),
        }
    }

    fn summary_of(&self, layout: &Layout) -> LayoutSummary {
        let facts = self.facts_of(layout);
        LayoutSummary {
            name: layout.name.to_string(),
            kind: layout.kind,
            facts: Fact::ALL.into_iter().filter(|fact| facts.contains(fact)).collect(),
            marks: layout.marks_in_words(),
            names_all: layout.names_all,
        }
    }
}

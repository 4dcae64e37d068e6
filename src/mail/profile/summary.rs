//! What a profile can do, for people and for checks of rules.

use super::Profile;
use super::layout::Layout;
use crate::mail::fact::Fact;
use crate::mail::network::Network;
use crate::mail::notification::Kind;

/// What is known of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSummary {
    /// The word that rules use.
    pub network: Network,
    /// The network as people call it.
    pub title: String,
    /// Where the facts of the profile are from.
    pub about: String,
    /// The domains that it sends from; none where it is self-hosted, or a site of anybody's.
    pub domains: Vec<String>,
    /// Whether it is a guess, that knows no network: nothing proves such mails authentic.
    pub is_guess: bool,
    /// What its mails can be about.
    pub kinds: Vec<Kind>,
    /// The forms in which its mails came, in the order in which they are tried.
    pub layouts: Vec<LayoutSummary>,
    /// The languages that its subjects are known in, as tags such as `pt-BR`.
    pub locales: Vec<String>,
    /// The facts that at least one of its layouts can show.
    pub facts: Vec<Fact>,
    /// How many subjects are known.
    pub subjects: usize,
    /// A subject, as its profile writes it; of the first language that is English, else of the first.
    pub example: String,
}

/// What is known of one form of a network's mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutSummary {
    /// Its name, usually an era.
    pub name: String,
    /// What such a mail is about.
    pub kind: Kind,
    /// The facts that it can show, in their order.
    pub facts: Vec<Fact>,
    /// How it is told apart beside its subject, in words.
    pub told_by: Vec<String>,
    /// Whether a mail names everybody it is about.
    pub names_all: bool,
}

impl Profile {
    /// What is known of the network.
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
            title: self.title.clone(),
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
            name: layout.name.clone(),
            kind: layout.kind,
            facts: Fact::ALL.into_iter().filter(|fact| facts.contains(fact)).collect(),
            told_by: layout.told_by(),
            names_all: layout.names_all,
        }
    }
}

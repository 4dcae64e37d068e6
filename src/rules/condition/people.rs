//! Looks a follower up in lists, by handle, by name or as a look-alike.

use super::{Answer, Doubt};
use crate::mail::{Fact as MailFact, Shown};
use crate::rules::case::Sight;
use crate::rules::fact::Fact::{self, *};
use crate::rules::list::People;
use crate::rules::text::{fold, lower};

/// The result of a look-up.
pub(super) enum Found<'a, 'l> {
    /// The list contains the account.
    ByHandle { list: &'a str, written: &'a str },
    /// The list contains the text: for `who` and `name`, a name that anyone can choose.
    ByText { list: &'a str, written: &'a str },
    /// The list contains a person whom the follower only resembles.
    LooksLike { list: &'a str, written: &'a str },
    /// No list matches.
    Nobody,
    /// The fact that would tell is not shown, or the list has never been loaded.
    CannotTell(Doubt<'l>),
}

impl<'l> Found<'_, 'l> {
    pub(super) fn answer(&self) -> Answer<'l> {
        match self {
            Self::ByHandle { .. } | Self::ByText { .. } | Self::LooksLike { .. } => Answer::Holds,
            Self::Nobody => Answer::Fails,
            Self::CannotTell(doubt) => Answer::CannotTell(*doubt),
        }
    }
}

/// Looks a fact up in lists. A handle in any of them takes precedence over a name.
pub(super) fn find<'a, 'l: 'a>(fact: Fact, lists: &'l [String], sight: &'a Sight<'_>) -> Found<'a, 'l> {
    let mut unknown = None;
    let mut known: Vec<(&str, &People)> = Vec::new();
    for list in lists {
        match sight.lists.people(list) {
            Some(people) => known.push((list, people)),
            None => unknown = Some(Doubt::NeverLoaded(list)),
        }
    }
    let by_handle = || {
        let Shown::Value(forms) = sight.handle() else { return None };
        known.iter().find_map(|(list, people)| Some((*list, people.handle(forms)?)))
    };
    let by_text = |fact: Fact| {
        let Shown::Value(text) = sight.text(fact) else { return None };
        known.iter().find_map(|(list, people)| {
            // Names get full case folding, which would confuse two hosts.
            let found = people.name(&fold(text.plain))?;
            let is_same = fact == Mail(MailFact::Name) || lower(found) == lower(text.plain);
            is_same.then_some((*list, found))
        })
    };
    let found = match fact {
        Who | Impersonates => match (by_handle(), fact) {
            // The follower is on the list, so they impersonate no one, whatever their name.
            (Some(_), Impersonates) => return Found::Nobody,
            (Some((list, written)), _) => Some(Found::ByHandle { list, written }),
            (None, Impersonates) => looks_like(&known, sight),
            (None, _) => by_text(Mail(MailFact::Name)).map(|(list, written)| Found::ByText { list, written }),
        },
        Mail(MailFact::Handle) => by_handle().map(|(list, written)| Found::ByHandle { list, written }),
        _ => by_text(fact).map(|(list, written)| Found::ByText { list, written }),
    };
    found.unwrap_or_else(|| match unknown.or_else(|| hidden(fact, &known, sight).map(Doubt::NotShown)) {
        Some(doubt) => Found::CannotTell(doubt),
        None => Found::Nobody,
    })
}

fn looks_like<'a, 'l>(known: &[(&'a str, &'a People)], sight: &'a Sight<'_>) -> Option<Found<'a, 'l>> {
    let handle = sight.handle();
    let name = sight.text(Mail(MailFact::Name));
    known.iter().find_map(|(list, people)| {
        let by_handle = handle.value().and_then(|forms| people.handle_like(forms));
        let by_name = || name.value().and_then(|name| people.name_like(name.plain, &name.folded));
        by_handle.or_else(by_name).map(|written| Found::LooksLike { list, written })
    })
}

/// The fact that is needed but not shown: a list of handles says nothing about a message that shows only a name.
fn hidden(fact: Fact, known: &[(&str, &People)], sight: &Sight<'_>) -> Option<Fact> {
    let shown = |fact: Fact| sight.text(fact).is_shown();
    match fact {
        Who | Impersonates => {
            let handles = known.iter().any(|(_, people)| people.knows_handles());
            let names = known.iter().any(|(_, people)| people.knows_names());
            match () {
                () if handles && !shown(Mail(MailFact::Handle)) => Some(Mail(MailFact::Handle)),
                () if names && !shown(Mail(MailFact::Name)) => Some(Mail(MailFact::Name)),
                () => None,
            }
        }
        _ => (!shown(fact)).then_some(fact),
    }
}

//! The people loaded from a list's source, and the check that they are plausible. The parsers of each kind of source call it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{MOST, Person, line};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// The people in the text of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The people it names.
    pub people: Vec<Person>,
    /// How many lines should name someone.
    pub lines: usize,
    /// How many of them do not; each is a finding.
    pub nobody: usize,
}

/// Why a loaded source is not plausible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// More than half of the lines name no one: it is another kind of file.
    Unreadable {
        /// How many lines name no one.
        nobody: usize,
        /// How many lines there are.
        lines: usize,
    },
    /// It had people before and has none now: perhaps an editor is just saving it.
    Empty {
        /// The number of people before.
        before: usize,
    },
    /// It has fewer than half as many people as before.
    Fewer {
        /// The number of people now.
        now: usize,
        /// The number of people before.
        before: usize,
    },
}

impl Loaded {
    /// Why this is not plausible, compared with the people of the last accepted copy; `None` if it is. With `may_be_empty` it may
    /// lose people.
    pub fn doubt(&self, before: Option<&[Person]>, may_be_empty: bool) -> Option<Doubt> {
        if self.nobody * 2 > self.lines {
            return Some(Doubt::Unreadable { nobody: self.nobody, lines: self.lines });
        }
        fewer(&self.people, before.unwrap_or_default()).filter(|_| !may_be_empty)
    }
}

/// Why a loss of people is not plausible: `None` unless a source has lost more than a user removes at a time.
pub fn fewer(now: &[Person], before: &[Person]) -> Option<Doubt> {
    let distinct = |people: &[Person]| people.iter().collect::<BTreeSet<_>>().len();
    let (now, before) = (distinct(now), distinct(before));
    match now {
        0 if before > 0 => Some(Doubt::Empty { before }),
        _ if now * 2 < before => Some(Doubt::Fewer { now, before }),
        _ => None,
    }
}

/// The lines of a file with the place of each, without a byte order mark.
pub(super) fn lines(source: &Source) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut end = 0;
    source.text().split_inclusive('\n').map(move |whole| {
        end += whole.len();
        let line = whole.trim_start_matches('\u{feff}').trim_end();
        let start = end - whole.trim_start_matches('\u{feff}').len();
        (line, start..start + line.len())
    })
}

impl Loaded {
    /// Adds the people of a line; a line without any is a finding.
    pub(super) fn take(
        &mut self,
        people: Vec<Person>,
        source: &Source,
        place: Range<usize>,
        written: &str,
        findings: &Findings,
    ) {
        self.lines += 1;
        if people.is_empty() {
            self.nobody += 1;
            findings.add(
                Diagnostic::warning(source, place, "this line names nobody").label(line::advice(written)),
            );
        }
        self.people.extend(people);
    }
}

pub(super) fn warn_of_the_rest(source: &Source, place: Range<usize>, findings: &Findings) {
    let message = format!("{} names more than {MOST} people", source.name());
    findings.add(Diagnostic::warning(source, place, message).label("the rest is ignored"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_loses_its_people_is_rejected() {
        let people = |count: usize| (0..count).map(|n| Person::Name(format!("n{n}"))).collect::<Vec<_>>();
        let loaded = |count| Loaded { people: people(count), lines: count, nobody: 0 };
        for (before, now, doubted) in [
            (1, 0, true),
            (10, 0, true),
            (10, 4, true),
            (3, 1, true),
            (10, 5, false),
            (2, 1, false),
            (0, 0, false),
        ] {
            let doubt = loaded(now).doubt(Some(&people(before)), false);
            assert_eq!(doubt.is_some(), doubted, "{before} to {now}: {doubt:?}");
            assert_eq!(loaded(now).doubt(Some(&people(before)), true), None);
        }
        assert_eq!(loaded(0).doubt(None, false), None, "a list that is not filled yet");
        let twice = Loaded { people: [people(5), people(5)].concat(), lines: 10, nobody: 0 };
        assert_eq!(loaded(4).doubt(Some(&twice.people), false), None, "each person counts once");
    }
}

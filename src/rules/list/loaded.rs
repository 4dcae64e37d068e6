//! What was read from a list's source, and whether it is to be believed. Called by the readers of each kind of source.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{MOST, Person, line};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// What the text of a source says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The people it names.
    pub people: Vec<Person>,
    /// How many lines it has in which somebody should be named.
    pub lines: usize,
    /// How many of them name nobody; each is a finding.
    pub nobody: usize,
}

/// Why what was read is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// More than half of the lines name nobody: it is another kind of file.
    Unreadable {
        /// How many name nobody.
        nobody: usize,
        /// Of how many.
        lines: usize,
    },
    /// It named people before and now names nobody: it may be that it is just being saved.
    Empty {
        /// So many before.
        before: usize,
    },
    /// It names fewer than half as many people as before.
    Fewer {
        /// So many now.
        now: usize,
        /// So many before.
        before: usize,
    },
}

impl Loaded {
    /// Is this to be believed, where `before` are the people of the last copy that was? `may_be_empty` says that it may
    /// lose people.
    pub fn doubt(&self, before: Option<&[Person]>, may_be_empty: bool) -> Option<Doubt> {
        if self.nobody * 2 > self.lines {
            return Some(Doubt::Unreadable { nobody: self.nobody, lines: self.lines });
        }
        fewer(&self.people, before.unwrap_or_default()).filter(|_| !may_be_empty)
    }
}

/// Whether a source that named `before` and now names `now` has lost more people than anybody takes off a list at a time.
pub fn fewer(now: &[Person], before: &[Person]) -> Option<Doubt> {
    let distinct = |people: &[Person]| people.iter().collect::<BTreeSet<_>>().len();
    let (now, before) = (distinct(now), distinct(before));
    match now {
        0 if before > 0 => Some(Doubt::Empty { before }),
        _ if now * 2 < before => Some(Doubt::Fewer { now, before }),
        _ => None,
    }
}

/// The lines of a file with the place of each, without the mark that some programs write before the first.
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
    /// Adds the people of a line; one without any is a finding.
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
    findings.add(Diagnostic::warning(source, place, message).label("the rest is left out"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_loses_its_people_is_not_believed() {
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

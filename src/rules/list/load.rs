//! The text of a list's source to its people. Pure: the caller reads the file or the folder.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Person, export, line};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

pub use super::contacts::vcard;

/// The longest name or handle that makes sense, in characters.
pub(super) const LONGEST: usize = 200;

/// The most people that are read from one file.
pub(super) const MOST: usize = 100_000;

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

/// A text file: people as they are written down, a line each (what follows a `#` at the start or after a blank is a
/// comment), or a table as other programs export it, with a header that says which column names people.
pub fn text_file(source: &Source, findings: &Findings) -> Loaded {
    if let Some(loaded) = export::table(source, findings) {
        return loaded;
    }
    let mut loaded = Loaded::default();
    for (line, place) in lines(source) {
        let written = without_comment(line).trim();
        // The header of a table with one column.
        if written.is_empty() || (loaded.lines == 0 && export::is_title(written)) {
            continue;
        }
        if loaded.people.len() >= MOST {
            warn_of_the_rest(source, place, findings);
            break;
        }
        loaded.take(line::people(written), source, place, written, findings);
    }
    loaded
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

fn without_comment(line: &str) -> &str {
    let comment = line.char_indices().find(|(at, c)| {
        let before = line.get(..*at).unwrap_or_default();
        *c == '#' && (before.is_empty() || before.ends_with(char::is_whitespace))
    });
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line)
}

pub(super) fn warn_of_the_rest(source: &Source, place: Range<usize>, findings: &Findings) {
    let message = format!("{} names more than {MOST} people", source.name());
    findings.add(Diagnostic::warning(source, place, message).label("the rest is left out"));
}

/// People written to: the display name and address of each recipient. Only names can be recognised in a
/// notification; an address without one is nobody.
pub fn correspondents<'a>(recipients: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Person> {
    let named = recipients.into_iter().filter_map(|(name, address)| {
        let name = name.trim().trim_matches(['"', '\'']).trim();
        let is_address = name.contains('@') || name.eq_ignore_ascii_case(address);
        let fits = !name.is_empty() && !is_address && name.chars().count() <= LONGEST;
        fits.then(|| Person::Name(name.to_owned()))
    });
    named.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, people: &[&str], finding: &str) {
        let source = Source::new("friends", text);
        let findings = Findings::default();
        let expected: Vec<_> = people.iter().filter_map(|person| Person::parse(person)).collect();
        assert_eq!(text_file(&source, &findings).people, expected);
        let found: Vec<_> = findings.into_sorted().iter().map(Diagnostic::plain).collect();
        match finding {
            "" => assert!(found.is_empty(), "{found:?}"),
            finding => assert!(found.iter().any(|plain| plain.contains(finding)), "{found:?}"),
        }
    }

    #[test]
    fn a_text_file_names_one_a_line() {
        let text = "\u{feff}# friends\n\nAna Lima  # from school\r\n@bob@mastodon.example\n\tC# Club\n";
        check(text, &["Ana Lima", "@bob@mastodon.example", "C# Club"], "");
        check("Ana\na\u{1b}b\n", &["Ana"], "friends:2:1");
        check(&format!("Ana\n{}", "x".repeat(300)), &["Ana"], "this line names nobody");
        check("Account address\nbob@m.example\nLima, Ana\n", &["bob@m.example", "Lima, Ana"], "");
    }

    #[test]
    fn each_line_that_names_nobody_is_told_with_its_place() {
        let source = Source::new("friends", "Ana\n---\nhttps://m.example/about\nBo\n");
        let findings = Findings::default();
        let loaded = text_file(&source, &findings);
        assert_eq!((loaded.people.len(), loaded.lines, loaded.nobody), (2, 4, 2));
        assert_eq!(loaded.doubt(None, false), None);
        let places: Vec<_> =
            findings.into_sorted().iter().map(|one| one.place.as_ref().unwrap().location().line).collect();
        assert_eq!(places, [2, 3]);
    }

    #[test]
    fn a_file_of_another_kind_is_not_believed() {
        for text in [
            "<html>\n<body>\n<p>Ana</p>\n</body>\n</html>\n",
            "{\n  \"name\": \"Ana\",\n  \"id\": 12\n}\n",
            "\0\0\0\0\0\0\0\0",
            "12\n13\n14\nAna\n",
        ] {
            let loaded = text_file(&Source::new("friends", text), &Findings::default());
            let doubt = loaded.doubt(None, true);
            assert!(matches!(doubt, Some(Doubt::Unreadable { .. })), "{text:?}: {loaded:?}");
        }
    }

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

    #[test]
    fn more_people_than_anybody_knows_are_cut_off_with_a_finding() {
        let source = Source::new("friends", "Ana\n".repeat(MOST + 1));
        let findings = Findings::default();
        assert_eq!(text_file(&source, &findings).people.len(), MOST);
        assert!(findings.into_sorted().iter().any(|one| one.message.contains("more than 100000")));
    }

    #[test]
    fn people_written_to_are_known_by_name_only() {
        let people = correspondents([
            ("\"Ana Lima\"", "ana@mail.example"),
            ("", "bob@mail.example"),
            ("cy@mail.example", "cy@mail.example"),
        ]);
        assert_eq!(people, [Person::Name("Ana Lima".into())]);
    }
}

//! Parses the text of a list's source into people. Pure: the caller reads the file or the folder.

use super::loaded::{lines, warn_of_the_rest};
use super::{LONGEST, MOST, Person, export, line};
use crate::diagnostic::Source;
use crate::diagnostic::document::Findings;

pub use super::contacts::vcard;
pub use super::loaded::{Doubt, Loaded, fewer};

/// Parses a text file: one person per line (`#` at the start or after a blank begins a comment), or a table exported by another
/// program, with a header that says which columns name people.
pub fn text_file(source: &Source, findings: &Findings) -> Loaded {
    if let Some(loaded) = export::table(source, findings) {
        return loaded;
    }
    let mut loaded = Loaded::default();
    for (line, place) in lines(source) {
        let written = without_comment(line).trim();
        // Skip the header of a table with one column.
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

fn without_comment(line: &str) -> &str {
    let comment = line.char_indices().find(|(at, c)| {
        let before = line.get(..*at).unwrap_or_default();
        *c == '#' && (before.is_empty() || before.ends_with(char::is_whitespace))
    });
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line)
}

/// The people written to, from the display name and address of each recipient. Notifications show no addresses, so only names
/// count.
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
    use crate::diagnostic::Diagnostic;

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
    fn a_text_file_has_one_person_per_line() {
        let text = "\u{feff}# friends\n\nAna Lima  # from school\r\n@bob@mastodon.example\n\tC# Club\n";
        check(text, &["Ana Lima", "@bob@mastodon.example", "C# Club"], "");
        check("Ana\na\u{1b}b\n", &["Ana"], "friends:2:1");
        check(&format!("Ana\n{}", "x".repeat(300)), &["Ana"], "this line names nobody");
        check("Account address\nbob@m.example\nLima, Ana\n", &["bob@m.example", "Lima, Ana"], "");
    }

    #[test]
    fn each_line_without_a_person_is_reported_with_its_place() {
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
    fn a_file_of_another_kind_is_rejected() {
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
    fn people_beyond_the_limit_are_dropped_with_a_finding() {
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

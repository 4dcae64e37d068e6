//! Parses a file of contacts (vCard 2.1 to 4.0, RFC 6350) into people. Pure: the caller reads the file.

use std::ops::Range;

use calcard::vcard::{VCard, VCardProperty};
use calcard::{Entry, Parser};

use super::loaded::{Loaded, lines, warn_of_the_rest};
use super::{LONGEST, MOST};
use super::{Person, link};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// Parses a file of contacts: the formatted names, the nicknames, and the handles in social profiles.
pub fn vcard(source: &Source, findings: &Findings) -> Loaded {
    let mut people = Vec::new();
    let mut strange = 0;
    // The parser returns the text of a line but not its place; lines come in the order of the file.
    let mut from = 0;
    // Old address books write the value of the encoding alone (vCard 2.1), which the parser does not support.
    let text = source.text().trim_start_matches('\u{feff}');
    let text = text.replace(";QUOTED-PRINTABLE", ";ENCODING=QUOTED-PRINTABLE");
    let mut parser = Parser::new(&text);
    loop {
        match parser.entry() {
            Entry::VCard(card) if people.len() < MOST => people.extend(contact(&card)),
            Entry::VCard(_) => {
                warn_of_the_rest(source, 0..0, findings);
                break;
            }
            Entry::Eof => break,
            Entry::InvalidLine(line) => {
                strange += 1;
                let place = find(source, &line, &mut from);
                findings.add(
                    Diagnostic::warning(source, place, "this line is not part of a vCard")
                        .label("expected BEGIN:VCARD, a property, or END:VCARD"),
                );
            }
            Entry::ICalendar(_) | Entry::UnexpectedComponentEnd { .. } => findings.add(
                Diagnostic::error(source, 0..0, "this is a calendar")
                    .label("expected contacts (BEGIN:VCARD)"),
            ),
            // Later versions of the crate may return other entries; none are contacts.
            _ => break,
        }
    }
    refuse_contacts_without_end(source, findings);
    let lines = source.text().lines().filter(|line| !line.trim().is_empty()).count();
    Loaded { people, lines, nobody: strange }
}

/// Reports contacts without END. The parser would accept such a contact and take the next ones for a part of it, so that the
/// rest of the file would be lost silently.
fn refuse_contacts_without_end(source: &Source, findings: &Findings) {
    let mut open = None;
    for (written, place) in lines(source) {
        if written.eq_ignore_ascii_case("BEGIN:VCARD") {
            open.replace(place).into_iter().for_each(|begun| without_end(source, begun, findings));
        } else if written.eq_ignore_ascii_case("END:VCARD") {
            open = None;
        }
    }
    open.into_iter().for_each(|begun| without_end(source, begun, findings));
}

fn without_end(source: &Source, begun: Range<usize>, findings: &Findings) {
    findings.add(
        Diagnostic::error(source, begun, "this contact has no end")
            .label("expected END:VCARD after it; is the file complete?"),
    );
}

fn contact(card: &VCard) -> Vec<Person> {
    let mut people = Vec::new();
    let mut names = Vec::new();
    let mut has_formatted_name = false;
    for entry in &card.entries {
        let texts = entry.values.iter().filter_map(|value| value.as_text());
        match &entry.name {
            VCardProperty::Fn => {
                // A contact that is only an email address would be taken for a handle.
                let named = texts.map(str::trim).filter(|name| !name.contains('@')).filter_map(Person::parse);
                let before = people.len();
                people.extend(named);
                has_formatted_name |= people.len() > before;
            }
            // People use their nickname on most networks (RFC 6350, section 6.2.3).
            VCardProperty::Nickname => {
                let names = texts.flat_map(|text| text.split(',')).map(str::trim);
                people.extend(
                    names
                        .filter(|name| name.starts_with('@') || !name.contains('@'))
                        .filter_map(Person::parse),
                );
            }
            // Family name, then given name. Before vCard 3.0 it may be the only name.
            VCardProperty::N => {
                let parts: Vec<_> = texts.map(str::trim).collect();
                let name: Vec<_> =
                    parts.iter().take(2).rev().copied().filter(|part| !part.is_empty()).collect();
                names.extend(Person::parse(&name.join(" ")));
            }
            VCardProperty::Socialprofile | VCardProperty::Impp => {
                people.extend(texts.filter_map(link::person))
            }
            VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-SOCIALPROFILE") => {
                people.extend(texts.filter_map(link::person));
            }
            _ => (),
        }
    }
    if !has_formatted_name {
        people.extend(names.into_iter().filter(|person| matches!(person, Person::Name(_))));
    }
    people.retain(|person| match person {
        Person::Handle(text) | Person::Name(text) => text.chars().count() <= LONGEST,
    });
    people
}

/// The place of a line after `from`, which then moves behind it.
fn find(source: &Source, line: &str, from: &mut usize) -> Range<usize> {
    let line = line.trim();
    let found = source.text().get(*from..).and_then(|rest| rest.find(line));
    match found {
        Some(at) if !line.is_empty() => {
            let start = *from + at;
            *from = start + line.len();
            start..*from
        }
        _ => *from..*from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, people: &[&str], finding: &str) {
        let source = Source::new("friends", text);
        let findings = Findings::default();
        let expected: Vec<_> = people.iter().filter_map(|person| Person::parse(person)).collect();
        assert_eq!(vcard(&source, &findings).people, expected);
        let found: Vec<_> = findings.into_sorted().iter().map(Diagnostic::plain).collect();
        match finding {
            "" => assert!(found.is_empty(), "{found:?}"),
            finding => assert!(found.iter().any(|plain| plain.contains(finding)), "{found:?}"),
        }
    }

    #[test]
    fn contacts_are_known_by_name_nickname_and_profile() {
        let text = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana Lima\r\nNICKNAME:Ann\r\nEMAIL:ana@mail.example\r\n\
                    SOCIALPROFILE:https://mastodon.example/@ana\r\nEND:VCARD\r\n\
                    BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zoë \r\n  Ångström\r\nX-SOCIALPROFILE;TYPE=twitter:https://twitter.com/zoe\r\n\
                    END:VCARD\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nFN:someone@mail.example\r\nEND:VCARD\r\n";
        check(text, &["Ana Lima", "Ann", "@ana@mastodon.example", "Zoë  Ångström", "@zoe"], "");
    }

    #[test]
    fn a_nickname_names_the_person() {
        let card = |lines: &str| format!("BEGIN:VCARD\r\nVERSION:3.0\r\n{lines}\r\nEND:VCARD\r\n");
        check(&card("FN:Robert Reed\r\nNICKNAME:Bo Reed"), &["Robert Reed", "Bo Reed"], "");
        check(&card("FN:Robert Reed\r\nNICKNAME:Bo,Bobby"), &["Robert Reed", "Bo", "Bobby"], "");
        check(&card("N:Reed;Robert;;;\r\nNICKNAME:Bo"), &["Bo", "Robert Reed"], "");
        check(&card("NICKNAME:bo@mail.example"), &[], "");
    }

    #[test]
    fn contacts_of_old_address_books_are_known_too() {
        let card = |lines: &str| format!("BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}\r\nEND:VCARD\r\n");
        for (lines, expected) in [
            ("N:Lima;Ana;;;", "Ana Lima"),
            ("N:Lima", "Lima"),
            ("N:Lima;Ana\r\nFN:Ana L.", "Ana L."),
            ("FN;QUOTED-PRINTABLE:Ana=20Lima", "Ana Lima"),
            ("N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=85ngstr=C3=B6m;Zo=C3=AB;;;", "Zoë Ångström"),
            ("FN;CHARSET=UTF-8;QUOTED-PRINTABLE:Zo=C3=AB", "Zoë"),
        ] {
            check(&card(lines), &[expected], "");
        }
    }

    #[test]
    fn a_contact_without_an_end_is_an_error() {
        let text = "BEGIN:VCARD\nFN:Ana\nEND:VCARD\nBEGIN:VCARD\nFN:Bo\nBEGIN:VCARD\nFN:Cy\nEND:VCARD\n";
        let source = Source::new("friends", text);
        let findings = Findings::default();
        let _ = vcard(&source, &findings);
        let found = findings.into_sorted();
        assert!(found.iter().any(|one| one.is_error() && one.plain().contains("friends:4:1")), "{found:?}");
        check("BEGIN:VCARD\r\nFN:Ana Lima\r\n", &["Ana Lima"], "friends:1:1");
    }

    #[test]
    fn a_file_without_contacts_has_no_people() {
        let source = Source::new("friends", "just text\r\nand more\r\n");
        let findings = Findings::default();
        let loaded = vcard(&source, &findings);
        assert_eq!((loaded.people.len(), loaded.lines, loaded.nobody), (0, 2, 2));
        let found = findings.into_sorted();
        assert!(
            found[0].plain().contains("friends:1:1") && found[1].plain().contains("friends:2:1"),
            "{found:?}"
        );
    }
}

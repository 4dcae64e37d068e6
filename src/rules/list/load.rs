//! The text of a list's source to its people. Pure: the caller reads the file or the folder.

use std::ops::Range;

use calcard::vcard::{VCard, VCardProperty};
use calcard::{Entry, Parser};

use super::Person;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// The longest name or handle that makes sense, in characters.
const LONGEST: usize = 200;

/// The most contacts that are read from one file.
const MOST: usize = 100_000;

/// A text file: one person a line; what follows a `#` at the start or after a blank is a comment.
pub fn text_file(source: &Source, findings: &Findings) -> Vec<Person> {
    let mut people = Vec::new();
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let written = without_comment(line.trim_start_matches('\u{feff}')).trim();
        let place = start..start + line.trim_end().len();
        start += line.len();
        if written.chars().count() > LONGEST || written.chars().any(|c| c.is_control() && c != '\t') {
            findings.add(
                Diagnostic::error(source, place, "this line names nobody").label(
                    "expected one name or handle a line, such as `Ana Lima` or `@bob@mastodon.example`",
                ),
            );
        } else if people.len() < MOST {
            if let Some(advice) = Person::advice(written) {
                let message = "this is nobody's name or handle";
                findings.add(Diagnostic::warning(source, place, message).label(advice));
            }
            people.extend(Person::parse(written));
        } else if Person::parse(written).is_some() {
            warn_of_the_rest(source, place, findings);
            break;
        }
    }
    warn_if_nobody(source, &people, findings);
    people
}

fn without_comment(line: &str) -> &str {
    let comment = line.char_indices().find(|(at, c)| {
        let before = line.get(..*at).unwrap_or_default();
        *c == '#' && (before.is_empty() || before.ends_with(char::is_whitespace))
    });
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line)
}

/// A file of contacts (vCard 2.1 to 4.0): the formatted name, and the fediverse handles among the social
/// profiles. Nicknames are left out: too many people share one.
pub fn vcard(source: &Source, findings: &Findings) -> Vec<Person> {
    let mut people = Vec::new();
    // Old address books name the encoding by its value alone (vCard 2.1), which the parser does not know.
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
            Entry::InvalidLine(line) => findings.add(
                Diagnostic::warning(source, find(source, &line), "this line is not part of a vCard")
                    .label("expected BEGIN:VCARD, a property, or END:VCARD"),
            ),
            Entry::ICalendar(_) | Entry::UnexpectedComponentEnd { .. } => findings.add(
                Diagnostic::error(source, 0..0, "this is a calendar")
                    .label("expected contacts (BEGIN:VCARD)"),
            ),
            // The crate may learn to report more; none of it is a contact.
            _ => break,
        }
    }
    refuse_contacts_without_end(source, findings);
    warn_if_nobody(source, &people, findings);
    people
}

/// The parser takes a contact that breaks off for a whole one, and the next for a part of it: the rest of the file
/// would be missed in silence.
fn refuse_contacts_without_end(source: &Source, findings: &Findings) {
    let mut open = None;
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let written = line.trim_start_matches('\u{feff}').trim_end();
        let place =
            start + line.len() - line.trim_start_matches('\u{feff}').len()..start + line.trim_end().len();
        start += line.len();
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

fn warn_of_the_rest(source: &Source, place: Range<usize>, findings: &Findings) {
    let message = format!("{} names more than {MOST} people", source.name());
    findings.add(Diagnostic::warning(source, place, message).label("the rest is left out"));
}

fn contact(card: &VCard) -> Vec<Person> {
    let mut people = Vec::new();
    let mut names = Vec::new();
    for entry in &card.entries {
        let texts = entry.values.iter().filter_map(|value| value.as_text());
        match &entry.name {
            VCardProperty::Fn => {
                // A contact that is only an address would turn into a handle that it is not.
                people.extend(
                    texts.map(str::trim).filter(|name| !name.contains('@')).filter_map(Person::parse),
                );
            }
            // Family name, then given name. Before vCard 3.0 there may be no other.
            VCardProperty::N => {
                let parts: Vec<_> = texts.map(str::trim).collect();
                let name: Vec<_> =
                    parts.iter().take(2).rev().copied().filter(|part| !part.is_empty()).collect();
                names.extend(Person::parse(&name.join(" ")));
            }
            VCardProperty::Socialprofile | VCardProperty::Impp => people.extend(texts.filter_map(profile)),
            VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-SOCIALPROFILE") => {
                people.extend(texts.filter_map(profile));
            }
            _ => (),
        }
    }
    if !people.iter().any(|person| matches!(person, Person::Name(_))) {
        people.extend(names.into_iter().filter(|person| matches!(person, Person::Name(_))));
    }
    people.retain(|person| match person {
        Person::Handle(text) | Person::Name(text) => text.chars().count() <= LONGEST,
    });
    people
}

/// `acct:bob@host` (RFC 7565) and `https://host/@bob` are handles; other links name accounts in ways of their
/// own.
fn profile(link: &str) -> Option<Person> {
    let link = link.trim();
    if let Some(account) = link.strip_prefix("acct:") {
        return Person::parse(&format!("@{}", account.trim_start_matches('@')));
    }
    let (host, account) = link.strip_prefix("https://")?.trim_end_matches('/').split_once("/@")?;
    let plain =
        !host.is_empty() && !host.contains(['/', '@']) && !account.is_empty() && !account.contains('/');
    match account.contains('@') {
        true if plain => Person::parse(&format!("@{account}")),
        false if plain => Person::parse(&format!("@{account}@{host}")),
        _ => None,
    }
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

fn find(source: &Source, line: &str) -> std::ops::Range<usize> {
    let line = line.trim();
    match source.text().find(line) {
        Some(start) if !line.is_empty() => start..start + line.len(),
        _ => 0..0,
    }
}

fn warn_if_nobody(source: &Source, people: &[Person], findings: &Findings) {
    if people.is_empty() && !findings.any_error() {
        findings.add(Diagnostic::warning(source, 0..0, format!("nobody is in {}", source.name())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(load: fn(&Source, &Findings) -> Vec<Person>, text: &str, people: &[&str], finding: &str) {
        let source = Source::new("friends", text);
        let findings = Findings::default();
        let expected: Vec<_> = people.iter().filter_map(|person| Person::parse(person)).collect();
        assert_eq!(load(&source, &findings), expected);
        let found: Vec<_> = findings.into_sorted().iter().map(Diagnostic::plain).collect();
        match finding {
            "" => assert!(found.is_empty(), "{found:?}"),
            finding => assert!(found.iter().any(|plain| plain.contains(finding)), "{found:?}"),
        }
    }

    #[test]
    fn a_text_file_names_one_a_line() {
        let text = "\u{feff}# friends\n\nAna Lima  # from school\r\n@bob@mastodon.example\n\tC# Club\n";
        check(text_file, text, &["Ana Lima", "@bob@mastodon.example", "C# Club"], "");
        check(text_file, "Ana\na\u{1b}b\n", &["Ana"], "friends:2:1");
        check(text_file, &format!("Ana\n{}", "x".repeat(300)), &["Ana"], "this line names nobody");
        check(text_file, "# nobody yet\n", &[], "nobody is in friends");
    }

    #[test]
    fn contacts_are_known_by_name_and_by_fediverse_profile() {
        let text = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana Lima\r\nNICKNAME:Ann\r\nEMAIL:ana@mail.example\r\n\
                    SOCIALPROFILE:https://mastodon.example/@ana\r\nEND:VCARD\r\n\
                    BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zoë \r\n  Ångström\r\nX-SOCIALPROFILE;TYPE=twitter:https://twitter.com/zoe\r\n\
                    END:VCARD\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nFN:someone@mail.example\r\nEND:VCARD\r\n";
        check(vcard, text, &["Ana Lima", "@ana@mastodon.example", "Zoë  Ångström"], "");
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
            check(vcard, &card(lines), &[expected], "");
        }
    }

    #[test]
    fn nobody_is_lost_in_silence() {
        let text = "BEGIN:VCARD\nFN:Ana\nEND:VCARD\nBEGIN:VCARD\nFN:Bo\nBEGIN:VCARD\nFN:Cy\nEND:VCARD\n";
        let source = Source::new("friends", text);
        let findings = Findings::default();
        let _ = vcard(&source, &findings);
        let found = findings.into_sorted();
        assert!(found.iter().any(|one| one.is_error() && one.plain().contains("friends:4:1")), "{found:?}");
        for line in ["https://m.example/@bob", "Ana Lima <ana@x.example>", "fay@m.example, gus@m.example"] {
            check(text_file, line, &[line], "nobody's name or handle");
        }
        check(
            text_file,
            "Lima, Ana\nAna <3\n@bob@m.example\n",
            &["Lima, Ana", "Ana <3", "@bob@m.example"],
            "",
        );
        let source = Source::new("friends", "Ana\n".repeat(MOST + 1));
        let findings = Findings::default();
        assert_eq!(text_file(&source, &findings).len(), MOST);
        assert!(findings.into_sorted().iter().any(|one| one.message.contains("more than 100000")));
    }

    #[test]
    fn a_file_that_holds_no_contacts_says_so() {
        check(vcard, "BEGIN:VCARD\r\nFN:Ana Lima\r\n", &["Ana Lima"], "friends:1:1");
        check(vcard, "just text\r\n", &[], "friends");
        check(vcard, "", &[], "nobody is in friends");
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

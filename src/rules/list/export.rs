//! Parses a table of people exported by another program (comma, semicolon or tab separated): followed accounts from Mastodon,
//! contacts from Google, Outlook, Thunderbird and LinkedIn. The header says which columns name people. Pure: the caller reads
//! the file.

use csv::{ReaderBuilder, StringRecord};

use super::MOST;
use super::loaded::{Loaded, warn_of_the_rest};
use super::{Person, line};
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// The most lines of preface that a program may write before the header.
const PREFACE: usize = 10;

/// What a column contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Account,
    Link,
    Name,
    Given,
    Middle,
    Family,
    Address,
}

const ACCOUNTS: [&str; 14] = [
    "account address",
    "account",
    "acct",
    "handle",
    "username",
    "user name",
    "screen name",
    "webfinger",
    "fediverse",
    "mastodon",
    "mastodon handle",
    "twitter",
    "twitter handle",
    "x handle",
];
const LINKS: [&str; 9] = [
    "url",
    "link",
    "profile",
    "profile url",
    "profile link",
    "website",
    "web page",
    "personal web page",
    "homepage",
];
const NAMES: [&str; 15] = [
    "name",
    "full name",
    "fullname",
    "display name",
    "displayname",
    "file as",
    "nickname",
    "nick name",
    "formatted name",
    "contact name",
    "anzeigename",
    "spitzname",
    "nom complet",
    "nombre completo",
    "nome completo",
];
const GIVEN: [&str; 9] =
    ["first name", "firstname", "given name", "givenname", "first", "vorname", "prénom", "nombre", "nome"];
const MIDDLE: [&str; 4] = ["middle name", "middle", "additional name", "weitere vornamen"];
const FAMILY: [&str; 9] =
    ["last name", "lastname", "family name", "surname", "last", "nachname", "nom", "apellidos", "cognome"];

impl Column {
    /// From the title of a column.
    fn of(title: &str) -> Option<Self> {
        let title = title.trim_start_matches('\u{feff}').trim().trim_matches('"').to_lowercase();
        let words = title.split(|c: char| c.is_whitespace() || c == '-' || c == '_');
        let title = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let title = title.as_str();
        let lists: [(&[&str], Self); 6] = [
            (&ACCOUNTS, Self::Account),
            (&LINKS, Self::Link),
            (&NAMES, Self::Name),
            (&GIVEN, Self::Given),
            (&MIDDLE, Self::Middle),
            (&FAMILY, Self::Family),
        ];
        let known = lists.into_iter().find(|(titles, _)| titles.contains(&title)).map(|(_, column)| column);
        let numbered = |word: &str, last: &str| title.starts_with(word) && title.ends_with(last);
        known
            .or_else(|| (numbered("website ", " value") || numbered("web page ", "")).then_some(Self::Link))
            .or_else(|| {
                let address = title.starts_with("e mail") || title.contains("email");
                address.then_some(Self::Address)
            })
    }

    fn names_people(self) -> bool {
        !matches!(self, Self::Address | Self::Middle | Self::Link)
    }
}

/// Is this line, by itself, the header of a table with one column?
pub(super) fn is_title(line: &str) -> bool {
    !line.contains([',', ';', '\t']) && Column::of(line).is_some_and(Column::names_people)
}

/// The people of a table; `None` if the text has no known header.
pub(super) fn table(source: &Source, findings: &Findings) -> Option<Loaded> {
    let (start, delimiter, columns) = header(source.text())?;
    let text = source.text().get(start..).unwrap_or_default();
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let mut loaded = Loaded::default();
    let mut record = StringRecord::new();
    // The text is UTF-8 and rows may have any length, so reading cannot fail.
    while reader.read_record(&mut record).unwrap_or(false) {
        let at = record.position().map_or(0, csv::Position::byte);
        let at = start + usize::try_from(at).unwrap_or(0);
        if record.position().is_some_and(|position| position.record() == 0)
            || record.iter().all(str::is_empty)
        {
            continue;
        }
        let row = source.text().get(at..).unwrap_or_default();
        let row = row.trim_start_matches(['\r', '\n']);
        let at = source.text().len() - row.len();
        let place = at..at + row.lines().next().unwrap_or_default().len();
        if loaded.people.len() >= MOST {
            warn_of_the_rest(source, place, findings);
            break;
        }
        let people = people(&record, &columns);
        // A contact with only an email address cannot be recognised, but is a valid row.
        let addressed = columns
            .iter()
            .zip(&record)
            .any(|(column, field)| *column == Some(Column::Address) && field.contains('@'));
        if people.is_empty() && addressed {
            continue;
        }
        loaded.take(people, source, place, "", findings);
    }
    if !columns.iter().flatten().any(|column| column.names_people()) {
        findings.add(
            Diagnostic::warning(source, start..start, "no column of this table names people")
                .label("expected a column such as `Account address`, `Name` or `First Name`"),
        );
    }
    Some(loaded)
}

/// Where the header begins, the delimiter, and the columns.
fn header(text: &str) -> Option<(usize, u8, Vec<Option<Column>>)> {
    let mut start = 0;
    let mut seen = 0;
    for line in text.split_inclusive('\n') {
        let here = start;
        start += line.len();
        let written = line.trim_start_matches('\u{feff}').trim();
        if written.is_empty() || written.starts_with('#') {
            continue;
        }
        seen += 1;
        if seen > PREFACE {
            return None;
        }
        let (delimiter, _) = [b',', b';', b'\t']
            .into_iter()
            .map(|delimiter| (delimiter, written.bytes().filter(|byte| *byte == delimiter).count()))
            .max_by_key(|(delimiter, count)| (*count, *delimiter == b','))?;
        let columns: Vec<_> = written.split(char::from(delimiter)).map(Column::of).collect();
        let known: Vec<_> = columns.iter().flatten().collect();
        let first = seen == 1 && known.iter().any(|column| column.names_people());
        let later = known.iter().filter(|column| column.names_people()).count() >= 2;
        // A person's line contains an account; a header does not.
        let is_header = columns.len() > 1 && (first || later) && !written.contains('@');
        if is_header {
            let skipped = line.len() - line.trim_start_matches('\u{feff}').len();
            return Some((here + skipped, delimiter, columns));
        }
    }
    None
}

fn people(record: &StringRecord, columns: &[Option<Column>]) -> Vec<Person> {
    let of = |wanted: Column| {
        let fields = columns.iter().zip(record).filter(move |(column, _)| **column == Some(wanted));
        fields.map(|(_, field)| field.trim()).filter(|field| !field.is_empty())
    };
    let mut people = Vec::new();
    for field in of(Column::Account) {
        let bare = field.trim_start_matches('@');
        let plain = !bare.contains(char::is_whitespace) && !bare.contains("://");
        people.extend(line::account(field).or_else(|| line::account(&format!("@{bare}")).filter(|_| plain)));
    }
    people.extend(of(Column::Link).filter_map(super::link::person));
    // Google separates several values of one field like this.
    let names = of(Column::Name).flat_map(|field| field.split(":::"));
    people.extend(names.filter(|name| !name.contains('@')).filter_map(line::name));
    let (given, family) = (of(Column::Given).next(), of(Column::Family).next());
    let middle = of(Column::Middle).next();
    let joined = |parts: &[Option<&str>]| parts.iter().flatten().copied().collect::<Vec<_>>().join(" ");
    people.extend(line::name(&joined(&[given, family])).filter(|_| given.is_some() || family.is_some()));
    if middle.is_some() {
        people.extend(line::name(&joined(&[given, middle, family])));
    }
    let mut unique = Vec::new();
    for person in people {
        if !unique.contains(&person) {
            unique.push(person);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::list::load::{Doubt, text_file};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) -> Vec<String> {
        let findings = Findings::default();
        let loaded = text_file(&Source::new("people.csv", text), &findings);
        let written = |person: &Person| match person {
            Person::Handle(handle) => format!("@{handle}"),
            Person::Name(name) => name.clone(),
        };
        assert_eq!(loaded.people.iter().map(written).collect::<Vec<_>>(), expected, "{text}");
        findings.into_sorted().iter().map(Diagnostic::plain).collect()
    }

    #[test]
    fn accounts_that_mastodon_exports_are_read() {
        let text = "Account address,Show boosts,Notify on new posts,Languages\n\
                    bo@far.example,true,false,\nana@m.example,true,false,\"de, en\"\n";
        assert!(check(text, &["@bo@far.example", "@ana@m.example"]).is_empty());
    }

    #[test]
    fn contacts_that_google_exports_are_read_with_old_headers_and_new() {
        let old = "Name,Given Name,Additional Name,Family Name,Nickname,E-mail 1 - Type,E-mail 1 - Value,Website 1 - Value\r\n\
                   Bo Reed,Bo,,Reed,Bobby,* Home,bo@mail.example,https://far.example/@bo\r\n,,,,,,shop@mail.example,\r\n";
        assert!(check(old, &["@bo@far.example", "Bo Reed", "Bobby"]).is_empty());
        let new = "First Name,Middle Name,Last Name,Nickname,File As,E-mail 1 - Label,E-mail 1 - Value\r\n\
                   Ana,Maria,Lima,,,* ,ana@mail.example\r\n";
        assert!(check(new, &["Ana Lima", "Ana Maria Lima"]).is_empty());
    }

    #[test]
    fn contacts_of_outlook_thunderbird_and_linkedin_are_read() {
        let outlook = "\u{feff}\"Title\",\"First Name\",\"Middle Name\",\"Last Name\",\"E-mail Address\"\r\n\
                       \"\",\"Bo\",\"\",\"Reed\",\"bo@mail.example\"\r\n";
        assert!(check(outlook, &["Bo Reed"]).is_empty());
        let german = "Vorname;Nachname;E-Mail-Adresse\nZoë;Ångström;zoe@mail.example\n";
        assert!(check(german, &["Zoë Ångström"]).is_empty());
        let thunderbird =
            "First Name\tLast Name\tDisplay Name\tNickname\tPrimary Email\nBo\tReed\tBo R.\t\tbo@x.example\n";
        assert!(check(thunderbird, &["Bo R.", "Bo Reed"]).is_empty());
        let linkedin = "Notes:\n\"When exporting, some are missing, you may see few.\"\n\n\
                        First Name,Last Name,URL,Email Address,Company\nBo,Reed,https://www.linkedin.com/in/bo-reed,,Acme\n";
        assert!(check(linkedin, &["@bo-reed", "Bo Reed"]).is_empty());
    }

    #[test]
    fn a_row_without_a_person_is_reported_with_its_line() {
        let found = check("Account address,Show boosts\nbo@m.example,true\n,true\n", &["@bo@m.example"]);
        assert!(found.len() == 1 && found[0].contains("people.csv:3:1"), "{found:?}");
        let empty = text_file(&Source::new("a.csv", "Name,Note\n,x\n,y\n"), &Findings::default());
        assert!(matches!(empty.doubt(None, true), Some(Doubt::Unreadable { nobody: 2, lines: 2 })));
    }

    #[test]
    fn one_person_per_line_is_not_a_table() {
        assert!(check("Lima, Ana\nReed, Bo\n", &["Lima, Ana", "Reed, Bo"]).is_empty());
        assert!(check("@name, @account\n", &["@name", "@account"]).is_empty());
    }
}

//! Parses a line of people written by hand: `Ana Lima`, `@bob@mastodon.example`, `Name <address>`, a link to a profile, with
//! bullets, quotes, semicolons and tabs around them. Pure.

use super::LONGEST;
use super::{Person, link};

/// All people on a line; empty if it names no one.
pub(crate) fn people(line: &str) -> Vec<Person> {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Vec::new();
    }
    let line = line.trim();
    let mut people = Vec::new();
    if let Some((_, rest)) = numbered(line) {
        // "1. Ana Lima" is a list item, but could also be a display name.
        people.extend(name(line));
        people.extend(parts(rest).flat_map(one));
    } else {
        people.extend(parts(without_bullet(line)).flat_map(one));
    }
    people.retain(|person| match person {
        Person::Handle(text) | Person::Name(text) => text.chars().count() <= LONGEST,
    });
    people
}

/// What to write instead of a line without a person.
pub(crate) fn advice(line: &str) -> &'static str {
    if line.contains("://") {
        "write the handle instead, such as `@bob@mastodon.example`"
    } else {
        "expected one name or handle a line, such as `Ana Lima` or `@bob@mastodon.example`"
    }
}

/// A display name, if the text can be one.
pub(super) fn name(text: &str) -> Option<Person> {
    let text = unquoted(text.trim());
    // Letters, or symbols that people use instead; no punctuation, no invisible characters (U+2000 to U+206F).
    let names = |c: char| {
        c.is_alphabetic()
            || (!c.is_ascii()
                && !c.is_whitespace()
                && !c.is_control()
                && !('\u{80}'..='\u{bf}').contains(&c)
                && !('\u{2000}'..='\u{206f}').contains(&c)
                && c != '\u{feff}')
    };
    // Signs of another kind of file: links, markup, data.
    let foreign = ["://", "</", "/>", "\":", "=\""].iter().any(|part| text.contains(part))
        || text.starts_with(['<', '{', '}'])
        || text.ends_with(['{', '}', ';']);
    (text.chars().any(names) && !foreign && text.chars().count() <= LONGEST)
        .then(|| Person::Name(text.to_owned()))
}

/// An account: a handle, with `@` in front or in the middle, or a link to a profile.
pub(super) fn account(text: &str) -> Option<Person> {
    let text = unquoted(text.trim());
    if let Some(person) = link::person(text) {
        return Some(person);
    }
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let bare = text.trim_start_matches('@');
    let written = !bare.is_empty()
        && text.contains('@')
        && !bare.starts_with('@')
        && !bare.ends_with('@')
        && bare.chars().any(char::is_alphanumeric)
        && !bare.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"(),;:/\\".contains(c));
    written.then(|| Person::Handle(bare.to_owned()))
}

/// Splits at semicolons (`A; B`) and tabs, but not at a semicolon inside a word or a smiley.
fn parts(line: &str) -> impl Iterator<Item = &str> {
    let mut cuts = vec![0];
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let parts = |next: char| next.is_whitespace() || next.is_alphanumeric() || "@\"<".contains(next);
        if c == '\t' || (c == ';' && next.is_none_or(parts)) {
            cuts.push(at);
        }
    }
    let ends: Vec<_> = cuts.iter().skip(1).copied().chain([line.len()]).collect();
    let part = move |(start, end): (usize, usize)| line.get(start..end).unwrap_or_default();
    let parts = cuts.into_iter().zip(ends).map(part);
    parts.map(|part| part.trim_start_matches([';', '\t']).trim()).filter(|part| !part.is_empty())
}

fn one(text: &str) -> Vec<Person> {
    let text = without_bullet(text);
    let bare = unquoted(text);
    if let Some(person) = account(bare) {
        return vec![person];
    }
    // A handle with a blank in it, which some networks allow.
    if bare.starts_with('@') && !bare.contains([',', '<', '(']) && !bare.contains(" @") {
        return bare
            .contains(char::is_alphanumeric)
            .then(|| Person::parse(bare))
            .flatten()
            .into_iter()
            .collect();
    }
    beside_name(bare)
        .or_else(|| several(bare))
        .unwrap_or_else(|| name(text).into_iter().filter(|_| bare.matches(',').count() < 3).collect())
}

/// `Name <address>`, `Name (@handle)`, `[Name](link)`, `Name @handle`, `Name link`; one of the two may be missing.
fn beside_name(text: &str) -> Option<Vec<Person>> {
    for (open, close) in [('<', '>'), ('(', ')')] {
        let Some((before, inside)) = text.strip_suffix(close).and_then(|text| text.rsplit_once(open)) else {
            continue;
        };
        let link = account(inside).filter(|_| !before.contains(','));
        let Some(account) = link.or_else(|| account(inside).filter(|_| before.starts_with('"'))) else {
            continue;
        };
        let markdown = before.trim().strip_prefix('[').and_then(|before| before.strip_suffix(']'));
        let named = name(markdown.unwrap_or(before));
        // An email address after a name is not a handle; on its own it is read as one.
        let is_address = open == '<' && !inside.trim_start().starts_with('@') && !inside.contains("://");
        let account = (named.is_none() || !is_address).then_some(account);
        return Some(named.into_iter().chain(account).collect());
    }
    let (before, last) = text.rsplit_once(char::is_whitespace)?;
    if last.starts_with('@') || last.contains("://") {
        let account = account(last);
        let before = before.trim_end_matches(|c: char| c.is_whitespace() || "-–—:,|·".contains(c));
        let rest = if before.is_empty() { Vec::new() } else { handles_or_name(before) };
        return Some(rest.into_iter().chain(account).collect());
    }
    None
}

fn handles_or_name(text: &str) -> Vec<Person> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let handles: Option<Vec<_>> =
        words.map(|word| account(word).filter(|_| word.starts_with('@') || word.contains("://"))).collect();
    handles.unwrap_or_else(|| name(text).into_iter().collect())
}

/// Comma-separated fields, at least one of them an account: a row of a table without a header, or several accounts. The first
/// field may be a name. `Lima, Ana` is one name.
fn several(text: &str) -> Option<Vec<Person>> {
    let fields: Vec<_> = text.split(',').map(str::trim).filter(|field| !field.is_empty()).collect();
    if fields.len() < 2 {
        return None;
    }
    let read: Vec<Vec<Person>> = fields
        .iter()
        .map(|field| match account(field) {
            Some(person) => vec![person],
            None => beside_name(field).unwrap_or_default(),
        })
        .collect();
    if read.iter().all(Vec::is_empty) {
        return None;
    }
    let first = fields.first().filter(|_| read.first().is_some_and(Vec::is_empty));
    let is_flag = |field: &&&str| ["true", "false", "yes", "no"].contains(&field.to_lowercase().as_str());
    let named = first.filter(|field| !is_flag(field)).and_then(|field| name(field));
    Some(named.into_iter().chain(read.into_iter().flatten()).collect())
}

/// Strips the bullet of a list item: `- A`, `* A`, `- [ ] A`.
fn without_bullet(text: &str) -> &str {
    let text = text.trim();
    let item = text.strip_prefix(['-', '*', '+', '•', '–', '—', '·', '‣', '◦']);
    let Some(item) = item.filter(|item| item.starts_with(char::is_whitespace)) else { return text };
    let item = item.trim_start();
    let boxed = ["[ ]", "[x]", "[X]"].into_iter().find_map(|tick| item.strip_prefix(tick));
    boxed.unwrap_or(item).trim_start()
}

/// The number and the rest of `1. A` and `1) A`.
fn numbered(text: &str) -> Option<(&str, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) =
        text.split_at_checked(digits).filter(|(number, _)| (1..=5).contains(&number.len()))?;
    let rest = rest.strip_prefix(['.', ')'])?;
    rest.starts_with(char::is_whitespace).then(|| (number, rest.trim_start()))
}

/// Strips quotes around the whole text.
fn unquoted(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('\'', '\''), ('`', '`')]
    {
        let inside = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
        if let Some(inside) = inside.filter(|inside| !inside.contains([open, close])) {
            return inside.trim();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        let written = |person: &Person| match person {
            Person::Handle(handle) => format!("@{handle}"),
            Person::Name(name) => name.clone(),
        };
        assert_eq!(people(line).iter().map(written).collect::<Vec<_>>(), expected, "{line}");
    }

    #[test]
    fn names_and_handles_are_read_in_every_notation() {
        for line in ["Ana Lima", "- Ana Lima", "* Ana Lima", "\"Ana Lima\"", "- [x] “Ana Lima”", "'Ana Lima'"]
        {
            check(line, &["Ana Lima"]);
        }
        for line in
            ["@bo@m.example", "bo@m.example", "- \"@bo@m.example\"", "<bo@m.example>", "acct:bo@m.example"]
        {
            check(line, &["@bo@m.example"]);
        }
        check("Ana Lima; @bo@m.example;Cy", &["Ana Lima", "@bo@m.example", "Cy"]);
        check("\"Ana Lima\"\t\"@bo\"", &["Ana Lima", "@bo"]);
        check("1. Ana Lima", &["1. Ana Lima", "Ana Lima"]);
        check("@bo @cy@m.example", &["@bo", "@cy@m.example"]);
        check("fay@m.example, gus@m.example", &["@fay@m.example", "@gus@m.example"]);
    }

    #[test]
    fn a_name_beside_an_address_or_a_handle_is_read() {
        check("Ana Lima <ana@mail.example>", &["Ana Lima"]);
        check("\"Lima, Ana\" <ana@mail.example>", &["Lima, Ana"]);
        check("Ana Lima <@ana@m.example>", &["Ana Lima", "@ana@m.example"]);
        check("Ana Lima (@ana)", &["Ana Lima", "@ana"]);
        check("Ana Lima @ana@m.example", &["Ana Lima", "@ana@m.example"]);
        check("Ana Lima - @ana", &["Ana Lima", "@ana"]);
        check("Ana Lima: https://m.example/@ana", &["Ana Lima", "@ana@m.example"]);
        check("[Ana Lima](https://m.example/@ana)", &["Ana Lima", "@ana@m.example"]);
        check("Ana <ana@mail.example>, Bo <bo@mail.example>", &["Ana", "Bo"]);
        check("ana@m.example,true,false", &["@ana@m.example"]);
        check("Ana Lima,ana@m.example", &["Ana Lima", "@ana@m.example"]);
    }

    #[test]
    fn names_keep_their_punctuation_and_symbols() {
        for name in [
            "Lima, Ana",
            "Ana <3",
            "Ana ;)",
            "C# Club",
            "“Weird” Al",
            "Ana | Rust",
            "Ana (she/her)",
            "🦊",
            "李",
            "Ana 'Bo' Lima",
            "\"Weird Al\" Yankovic",
            "Ana - Lima",
            "J.R.",
            "Ana @ work",
        ] {
            check(name, &[name]);
        }
    }

    #[test]
    fn other_lines_name_no_one() {
        for line in [
            "---",
            "@",
            "1984",
            "2021-01-01",
            "…",
            "\u{200b}",
            "<p>",
            "</li>",
            "{",
            "\"name\": \"Ana\",",
            "a\u{1b}b",
            "https://m.example/",
            "a,b,c,d,e",
            "<<",
            "()",
            "\0\0",
        ] {
            check(line, &[]);
        }
    }

    #[test]
    fn a_long_line_is_read_in_one_pass() {
        assert_eq!(people(&"Ana; ".repeat(50_000)).len(), 50_000);
        assert!(people(&"(".repeat(200_000)).is_empty());
        assert!(people(&format!("{}>", "<".repeat(200_000))).is_empty());
        assert!(people(&"@a ".repeat(50_000)).len() <= 50_000);
    }
}

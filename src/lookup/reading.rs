//! What the readers of answers share: texts, the fields of a profile, counts, moments, and the state of an account. Pure.

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::mail::{Follower, Shown, one_line, text_of_html};

const DAY: u64 = 24 * 60 * 60;
/// The longest link.
const LINK: usize = 500;
/// The longest text of the fields of a profile.
const FIELDS: usize = 2_000;

/// A value, if the answer has one.
pub(super) fn shown<T>(value: Option<T>) -> Shown<T> {
    value.map_or(Shown::NotShown, Shown::Value)
}

/// A text as one line.
pub(super) fn text(text: Option<String>, longest: usize) -> Shown<String> {
    match text.map(|text| one_line(&text, longest)) {
        Some(text) if text.is_empty() => Shown::Empty,
        Some(text) => Shown::Value(text),
        None => Shown::NotShown,
    }
}

/// A text that the server writes as HTML, as one line.
pub(super) fn html(html: Option<String>, longest: usize) -> Shown<String> {
    text(html.map(|html| text_of_html(&html, longest).0), longest)
}

/// A field that people name and fill in on their own profile.
#[derive(Debug)]
pub(super) struct Field {
    name: String,
    text: String,
    /// Where it leads, if its text is a link.
    link: Option<String>,
    /// Whether the server has checked that the site links back.
    is_verified: bool,
}

impl Field {
    /// From a name, and a text in HTML.
    pub(super) fn of_html(name: Option<String>, html: &str) -> Self {
        let (text, link) = text_of_html(html, FIELDS);
        let link = link.filter(|link| is_link(link)).or_else(|| link_in(&text));
        Self { name: name.unwrap_or_default(), text, link, is_verified: false }
    }

    /// From a name, and a text without markup.
    pub(super) fn of_text(name: Option<String>, text: &str) -> Self {
        let text = one_line(text, FIELDS);
        Self { name: name.unwrap_or_default(), link: link_in(&text), text, is_verified: false }
    }

    /// The same, with whether the server has checked that the site links back.
    pub(super) fn verified(self, is_verified: bool) -> Self {
        Self { is_verified, ..self }
    }
}

/// The first link that links back, else the first link.
pub(super) fn website(fields: Option<&[Field]>) -> Shown<String> {
    let fields = fields.unwrap_or_default();
    let verified = fields.iter().filter(|field| field.is_verified);
    link(verified.chain(fields).find_map(|field| field.link.clone()))
}

/// A text that is a link.
fn link_in(text: &str) -> Option<String> {
    is_link(text).then(|| one_line(text, LINK))
}

/// The fields of a profile as one line, like `Pronouns: they/them; Languages: Rust, Go`, without the one that is the website.
pub(super) fn profile_fields(fields: Option<&[Field]>, website: &Shown<String>) -> Shown<String> {
    let Some(fields) = fields else { return Shown::NotShown };
    let is_website = |field: &&Field| field.link.is_some() && field.link.as_ref() == website.value();
    let mut line = String::new();
    for field in fields.iter().filter(|field| !is_website(field)) {
        // A field without a text says nothing, whatever it is called.
        if field.text.is_empty() {
            continue;
        }
        let name = one_line(&field.name, FIELDS);
        let gap = if line.is_empty() { "" } else { "; " };
        let colon = if name.is_empty() { "" } else { ": " };
        line.extend([gap, &name, colon, &field.text]);
        if line.chars().count() > FIELDS {
            break;
        }
    }
    text(Some(line), FIELDS)
}

/// A link to a site, as one line.
pub(super) fn link(link: Option<String>) -> Shown<String> {
    match text(link, LINK) {
        Shown::Value(link) if !is_link(&link) => Shown::NotShown,
        link => link,
    }
}

/// Is it a link that a browser opens?
pub(super) fn is_link(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A count. Of an account of another server, 0 can mean that nobody knows.
pub(super) fn count(count: Option<i64>, is_remote: bool) -> Shown<u64> {
    match count.and_then(|count| u64::try_from(count).ok()) {
        Some(0) if is_remote => Shown::NotShown,
        Some(count) => Shown::Value(count),
        None => Shown::NotShown,
    }
}

/// Of an account, only what state it is in.
pub(super) fn in_state(state: &str) -> Follower {
    Follower { account_state: Shown::Value(state.to_owned()), ..Follower::default() }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "error")]
    _error: String,
}

/// Is this a server's own way to say that something is wrong: JSON with an `error` in words?
pub(super) fn is_refusal(body: &[u8]) -> bool {
    serde_json::from_slice::<Refusal>(body).is_ok()
}

/// A moment or a day.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let whole = chrono::DateTime::parse_from_rfc3339(text).map(|moment| moment.timestamp());
    let day = || {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
    };
    whole.ok().or_else(day).map(Timestamp)
}

/// Whole days since a moment; `None` if it is in the future.
pub(super) fn days(since: Timestamp, now: Timestamp) -> Option<u64> {
    // A clock may be a little wrong.
    (since.0 <= now.0 + 3600).then(|| now.since(since) / DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &[Field], website: Option<&str>) -> Shown<String> {
        profile_fields(Some(fields), &website.map_or(Shown::NotShown, |url| Shown::Value(url.to_owned())))
    }

    #[test]
    fn fields_are_one_line_of_bounded_length_without_the_website() {
        let field = |name: &str, html: &str| Field::of_html(Some(name.to_owned()), html);
        let home = || field("Home", "<a href=\"https://ann.example/\"><b>ann</b>.example</a>");
        let value = |line: &str| Shown::Value(line.to_owned());
        assert_eq!(
            line(&[home(), field("Code\n", "R\u{200b}ust\u{1b}[2J")], Some("https://ann.example/")),
            value("Code: Rust[2J")
        );
        assert_eq!(line(&[home(), field("\u{200b}", "tea")], None), value("Home: ann.example; tea"));
        assert_eq!(line(&[field("Home", "\u{200b}"), home()], Some("https://ann.example/")), Shown::Empty);
        assert_eq!(
            (line(&[], None), profile_fields(None, &Shown::NotShown)),
            (Shown::Empty, Shown::NotShown)
        );
        let many: Vec<_> = (0..5_000).map(|_| field("Words", "w".repeat(300).as_str())).collect();
        assert_eq!(line(&many, None).value().map(|line| line.chars().count()), Some(FIELDS));
    }

    #[test]
    fn a_link_that_links_back_is_the_website_before_others() {
        let field = |url: &str| Field::of_text(None, url);
        let fields = [field("tea"), field("https://a.example/"), field("https://b.example/").verified(true)];
        assert_eq!(website(Some(&fields)), Shown::Value("https://b.example/".to_owned()));
        assert_eq!(website(fields.get(..2)), Shown::Value("https://a.example/".to_owned()));
        assert_eq!((website(fields.get(..1)), website(None)), (Shown::NotShown, Shown::NotShown));
    }
}

//! Makes names of invisible characters readable for layouts, which look for text where a name is.
//!
//! Followers choose their names, and a name of zero-width characters would leave nothing to find: neither in the subject nor in
//! the text. So a message with such characters is read once more with a mark in place of them, and the mark is taken out of the
//! facts afterwards. `profile` calls it, and takes the reading that shows more. Messages with an ordinary subject never get here.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::fact::{Fact, FactMut, Shown};
use super::head::{Head, has_blanks};
use super::message::Message;
use super::notification::Notification;
use crate::text::{is_invisible, one_line};

/// Stands for a run of invisible characters: a noncharacter, which no message should contain (Unicode, section 23.7).
const MARK: char = '\u{fdd0}';

/// The most different escapes of blanks in links that are told apart.
const ESCAPES_LIMIT: usize = 8;

/// What is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blanks {
    /// Runs with a character that shows nothing, other than white space.
    Invisible,
    /// Also runs of white space other than ASCII, such as no-break spaces.
    Any,
}

impl Blanks {
    /// In the order in which they are tried: many messages have white space between their elements.
    pub(super) const ALL: [Self; 2] = [Self::Invisible, Self::Any];
}

/// The header with the subject marked; `None` if there is nothing to mark in it.
pub(super) fn marked_header(head: &Head<'_>, blanks: Blanks) -> Option<Vec<u8>> {
    let subject = head.values("Subject").next()?;
    let marked = marked(&subject, blanks)?;
    Some(header(head, Some(&marked)))
}

/// A message with marks: what it consists of.
pub(super) struct Marked {
    header: Vec<u8>,
    text: Option<String>,
    html: Option<String>,
    /// What a mark in a link may stand for, as it was written there: `%E2%80%8B`. At most a few.
    escapes: Vec<String>,
}

impl Marked {
    /// The message itself; `None` if its header cannot be read.
    pub(super) fn message(&self) -> Option<Message<'_>> {
        Message::with_texts(&self.header, self.text.clone(), self.html.clone()).ok()
    }
}

/// A message in whose subject, text or HTML are blanks that may be a name.
pub(super) struct Suspect<'m> {
    head: &'m Head<'m>,
    subject: Option<String>,
    /// The text part as it is, and with escapes of blanks as characters.
    text: Option<(&'m str, Cow<'m, str>)>,
    /// The same of the HTML part; references to blanks are characters, too.
    html: Option<(&'m str, Cow<'m, str>)>,
    escapes: Vec<String>,
}

impl<'m> Suspect<'m> {
    /// `None` for most messages.
    pub(super) fn new(message: &'m Message<'m>) -> Option<Self> {
        let head = message.head();
        let subject = head.has_blanks.then(|| head.values("Subject").next()).flatten();
        let mut escapes = Vec::new();
        let mut unescaped = |text| with_links_unescaped(text, &mut escapes);
        let text = message.text().map(|text| (text, unescaped(text.into())));
        let html = message.html().map(|html| (html, unescaped(with_blanks_as_characters(html))));
        let has_blanks = subject.is_some()
            || [&text, &html].into_iter().flatten().any(|(_, readable)| has_blanks(readable));
        // What is missing at the end of a part would not be known any more.
        (has_blanks && !message.is_html_cut()).then_some(Self { head, subject, text, html, escapes })
    }

    /// The message with its subject, text and HTML marked; `None` if there is nothing to mark in it.
    pub(super) fn marked(&self, blanks: Blanks) -> Option<Marked> {
        let subject = self.subject.as_deref().and_then(|subject| marked(subject, blanks));
        let read = |part: &Option<(&str, Cow<'_, str>)>| {
            part.as_ref().and_then(|(_, readable)| marked(readable, blanks))
        };
        let (text, html) = (read(&self.text), read(&self.html));
        if subject.is_none() && text.is_none() && html.is_none() {
            return None;
        }
        let as_it_is =
            |part: &Option<(&str, Cow<'_, str>)>| part.as_ref().map(|(text, _)| (*text).to_owned());
        Some(Marked {
            header: header(self.head, subject.as_deref()),
            text: text.or_else(|| as_it_is(&self.text)),
            html: html.or_else(|| as_it_is(&self.html)),
            escapes: self.escapes.clone(),
        })
    }
}

/// The fields, each as it is but the subject.
fn header(head: &Head<'_>, subject: Option<&str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut subject = subject.map(|subject| subject.replace(['\r', '\n'], " "));
    for (name, value) in head.raw_fields() {
        let is = |other: &[u8]| name.trim_ascii_end().eq_ignore_ascii_case(other);
        let value = match is(b"Subject").then(|| subject.take()).flatten() {
            Some(subject) => Cow::Owned(subject.into_bytes()),
            None => Cow::Borrowed(value),
        };
        bytes.extend_from_slice(&[name, b": ", &value, b"\r\n"].concat());
    }
    bytes
}

/// The text with a mark in place of each run of blanks that may be a name; `None` if it has none.
fn marked(text: &str, blanks: Blanks) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let is_seen = |c: char| !c.is_whitespace() && !is_invisible(c);
    let mut result = String::new();
    let mut rest = text;
    let mut before = None;
    let mut is_marked = false;
    loop {
        let seen = rest.find(|c| !is_seen(c)).unwrap_or(rest.len());
        let (seen, tail) = rest.split_at_checked(seen).unwrap_or((rest, ""));
        result.push_str(seen);
        before = seen.chars().next_back().or(before);
        if let Some(c) = tail.chars().next().filter(|c| is_part_of_picture(result.chars().next_back(), *c)) {
            result.push(c);
            rest = tail.get(c.len_utf8()..).unwrap_or_default();
            continue;
        }
        let run = tail.find(is_seen).unwrap_or(tail.len());
        let (run, tail) = tail.split_at_checked(run).unwrap_or((tail, ""));
        if run.is_empty() {
            break;
        }
        let core = run.trim_matches(|c: char| c.is_ascii_whitespace());
        let (lead, trail) = (
            run.len() - run.trim_start_matches(|c: char| c.is_ascii_whitespace()).len(),
            run.trim_end_matches(|c: char| c.is_ascii_whitespace()).len(),
        );
        let next_to =
            |c: Option<char>, is_adjacent: bool| c.filter(|_| is_adjacent).is_some_and(char::is_alphanumeric);
        let left = next_to(before, lead == 0);
        let right = next_to(tail.chars().next(), trail == run.len());
        let may_be_name = match core.chars().any(is_invisible) {
            _ if core.is_empty() => false,
            // Between two letters it is part of a word.
            true => !(left && right),
            false => blanks == Blanks::Any && !left && !right,
        };
        if may_be_name {
            is_marked = true;
            result.push_str(run.get(..lead).unwrap_or_default());
            result.push(MARK);
            result.push_str(run.get(trail..).unwrap_or_default());
        } else {
            result.push_str(run);
        }
        rest = tail;
    }
    is_marked.then_some(result)
}

/// Is it a joiner or a variation selector of the emoji before it?
fn is_part_of_picture(before: Option<char>, c: char) -> bool {
    let is_joint = |c: char| matches!(c, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    let is_picture = |c: char| matches!(c, '0'..='9' | '#' | '*' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..);
    is_joint(c) && before.is_some_and(|c| is_joint(c) || is_picture(c) && !is_invisible(c))
}

/// HTML with its character references to blanks resolved, as far as they are common.
fn with_blanks_as_characters(html: &str) -> Cow<'_, str> {
    let (mut result, mut end) = (String::new(), 0);
    for (start, _) in html.match_indices('&') {
        if let Some((c, after)) = html.get(start + 1..).and_then(referred) {
            result.push_str(html.get(end..start).unwrap_or_default());
            result.push(c);
            end = html.len() - after.len();
        }
    }
    with_rest(result, Cow::Borrowed(html), end)
}

/// The text with invisible characters where links have their escapes, the different ones of which are noted in `escapes`. A network
/// may have the name in the link.
fn with_links_unescaped<'t>(text: Cow<'t, str>, escapes: &mut Vec<String>) -> Cow<'t, str> {
    let is_blank = |text: &str| {
        text.contains(is_invisible) && text.chars().all(|c| c.is_whitespace() || is_invisible(c))
    };
    // What cannot be seen is not ASCII.
    let is_ascii = |three: &[u8]| matches!(three, [_, b'0'..=b'7', _]);
    let is_escape = |three: &&[u8]| matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    let (mut result, mut end, mut next) = (String::new(), 0, 0);
    for (start, _) in text.match_indices('%') {
        let Some(tail) = text.get(start..).filter(|_| start >= next) else { continue };
        let length = 3 * tail.as_bytes().chunks(3).take_while(is_escape).count();
        next = start + length;
        let run = tail.get(..length).unwrap_or_default();
        if !run.as_bytes().chunks(3).all(is_ascii)
            && let Some(decoded) = percent_decode_str(run).decode_utf8().ok().filter(|text| is_blank(text))
        {
            result.push_str(text.get(end..start).unwrap_or_default());
            result.push_str(&decoded);
            end = next;
            if escapes.len() < ESCAPES_LIMIT && !escapes.iter().any(|known| known == run) {
                escapes.push(run.to_owned());
            }
        }
    }
    with_rest(result, text, end)
}

/// What was written of a text up to `end`, and the rest of it.
fn with_rest(mut written: String, text: Cow<'_, str>, end: usize) -> Cow<'_, str> {
    if end == 0 {
        return text;
    }
    written.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(written)
}

/// The blank that a character reference means, and what follows it.
fn referred(reference: &str) -> Option<(char, &str)> {
    /// The longest name, with its semicolon.
    const LONGEST: usize = "ZeroWidthSpace;".len();
    let end = reference.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let (name, after) = reference.split_at_checked(end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => match name {
            "nbsp" => '\u{a0}',
            "shy" => '\u{ad}',
            "ZeroWidthSpace" => '\u{200b}',
            "zwnj" => '\u{200c}',
            "zwj" => '\u{200d}',
            "lrm" => '\u{200e}',
            "rlm" => '\u{200f}',
            "NoBreak" => '\u{2060}',
            _ => return None,
        },
    };
    let is_blank = !c.is_ascii() && (c.is_whitespace() || is_invisible(c));
    is_blank.then_some((c, after.get(1..)?))
}

/// The notification with the marks taken out: what was nothing but marks is shown and empty. A link that may be one of several is
/// not shown; `message` is the message without marks.
pub(super) fn unmarked(
    mut notification: Notification,
    marked: &Marked,
    message: &Message<'_>,
) -> Notification {
    for follower in &mut notification.followers {
        for fact in Fact::ALL {
            if let FactMut::Text(shown) = follower.fact_mut(fact)
                && let Shown::Value(text) = shown
                && text.contains(MARK)
            {
                let is_link = matches!(fact, Fact::Url | Fact::Website);
                let text = if is_link && !marked.escapes.is_empty() {
                    marked.link(text, message)
                } else {
                    Some(text.replace(MARK, ""))
                };
                *shown = match text.map(|text| one_line(&text, usize::MAX)) {
                    None => Shown::NotShown,
                    Some(text) if text.is_empty() => Shown::Empty,
                    Some(text) => Shown::Value(text),
                };
            }
        }
        follower.id = follower.id.take().map(|id| id.replace(MARK, "")).filter(|id| !id.is_empty());
    }
    notification
}

impl Marked {
    /// The one link of the message that is `link` with marks.
    fn link(&self, link: &str, message: &Message<'_>) -> Option<String> {
        if let [only] = self.escapes.as_slice() {
            return Some(link.replace(MARK, only));
        }
        let parts = || [message.text(), message.html()].into_iter().flatten();
        let written = self.escapes.iter().map(|escape| link.replace(MARK, escape));
        let mut found = written.filter(|link| parts().any(|part| part.contains(link)));
        found.next().filter(|_| found.next().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, blanks: Blanks, expected: &str) {
        let marked = marked(text, blanks).map(|text| text.replace(MARK, "#"));
        assert_eq!(marked.as_deref().unwrap_or("-"), expected, "{text:?}");
    }

    #[test]
    fn a_run_of_invisible_characters_is_marked_where_it_may_be_a_name() {
        for (text, expected) in [
            ("\u{200b} follows you", "# follows you"),
            ("\u{200b}\u{3164} \u{2800} follows you", "# follows you"),
            ("(\u{200b}\u{a0}) x", "(#) x"),
            ("\u{200b}さんに", "#さんに"),
            ("New: \u{202e}", "New: #"),
            ("New: \u{ad}\n\n", "New: #\n\n"),
            ("air\u{200b}drop", "-"),
            ("❤\u{fe0f} and 👩\u{200d}🚀 1\u{fe0f}\u{20e3}", "-"),
            ("❤\u{fe0f}\u{200b} follows", "❤\u{fe0f}# follows"),
            ("❤\u{fe0f}\u{200d}🔥", "-"),
            ("(\u{200d})", "(#)"),
            ("می\u{200c}خواهم", "-"),
            ("\u{a0} follows you", "-"),
            ("plain", "-"),
            ("Jörg follows you", "-"),
        ] {
            check(text, Blanks::Invisible, expected);
        }
    }

    #[test]
    fn white_space_that_is_not_ascii_may_be_a_name_too() {
        for (text, expected) in [
            ("\u{a0} follows you", "# follows you"),
            ("“\u{3000}” follows you", "“#” follows you"),
            ("suit\u{a0}!", "-"),
            ("12\u{a0}450 x", "-"),
            ("a \u{200b}\u{a0} b", "a # b"),
        ] {
            check(text, Blanks::Any, expected);
        }
    }

    #[test]
    fn references_to_blanks_are_characters() {
        let read = |html: &str| with_blanks_as_characters(html).into_owned();
        assert_eq!(
            read("<b>&#8203;&#x200B;&zwnj;&nbsp;</b>&amp;&#65;&x"),
            "<b>\u{200b}\u{200b}\u{200c}\u{a0}</b>&amp;&#65;&x"
        );
        assert_eq!(read("<b>&ZeroWidthSpace;&"), "<b>\u{200b}&");
        assert!(matches!(with_blanks_as_characters("<b>x"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_in_links_are_characters() {
        let mut escapes = Vec::new();
        let link = "https://x.example/%E2%80%8B%E3%85%A4/%C3%A4%20%zz%";
        let read = with_links_unescaped(link.into(), &mut escapes);
        assert_eq!(read, "https://x.example/\u{200b}\u{3164}/%C3%A4%20%zz%");
        assert_eq!(escapes, ["%E2%80%8B%E3%85%A4"]);
    }

    #[test]
    fn a_link_with_a_mark_is_shown_only_if_it_is_one_link_of_the_message() {
        let shown = |text: &str, link: &str| {
            let bytes = format!("Subject: x\r\n\r\n{text}\r\n");
            let message = Message::parse(bytes.as_bytes()).unwrap();
            let marked = Suspect::new(&message).unwrap().marked(Blanks::Invisible).unwrap();
            marked.link(&link.replace('#', &MARK.to_string()), &message)
        };
        let one = "https://x.example/%E2%80%8B";
        assert_eq!(shown(one, "https://x.example/#").as_deref(), Some(one));
        let two =
            "https://x.example/%E2%80%8B/a https://x.example/%E3%85%A4/b https://x.example/%E3%85%A4/a/c";
        assert_eq!(shown(two, "https://x.example/#/b").as_deref(), Some("https://x.example/%E3%85%A4/b"));
        assert_eq!(shown(two, "https://x.example/#/a"), None);
        assert_eq!(shown(two, "https://x.example/#/d"), None);
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for piece in [
            "%",
            "%E2",
            "%E2%80%8B",
            "&",
            "&#",
            "&#8203;",
            "\u{200b}",
            " \u{200b}",
            "a\u{200b}",
            "&ZeroWidthSpac",
        ] {
            let html = piece.repeat(100_000);
            let text = with_blanks_as_characters(&html);
            let text = with_links_unescaped(text, &mut Vec::new());
            assert!(text.len() <= html.len());
            let _ = (marked(&text, Blanks::Invisible), marked(&text, Blanks::Any));
        }
    }
}

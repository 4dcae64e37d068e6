//! Patterns with typed holes: `{name} (@{handle}) is now following you on Twitter!`.
//!
//! A hole captures only text of its type (a handle has no spaces, a count is a number in the language) that agrees with what
//! it captured before in the same message, so that a planted value never matches. `profile` calls it.

use std::fmt;

use super::bindings::{Bindings, Found, Hole, LONGEST_HANDLE, is_handle};
use super::fact::Fact;
use super::host;
use super::numeral::{self, Numerals};
use super::work::Work;
use crate::text::one_line;

/// The most characters kept of a template.
const TEMPLATE_CAP: usize = 1_000;
/// The most attempts in one comparison; only hostile text reaches it.
const ATTEMPTS: usize = 5_000;
/// The work to see that a text ends differently: a byte or two at each end.
const ENDS: usize = 4;
/// Decoding a host costs as much as reading each byte this many times.
const DECODING: usize = 32;
/// The work for an attempt, in addition to the bytes it reads.
const ATTEMPT: usize = 8;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    form: Form,
}

/// What a template is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A line of text.
    Line,
    /// Host and path of a link: a hole never spans a slash.
    Link,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Hole(Hole),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateError {
    /// No hole has this name.
    UnknownHole(String),
    /// A hole has no closing brace.
    Unclosed,
    /// The template is empty.
    Empty,
    /// The template of a link begins with a scheme.
    HasScheme,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHole(word) => write!(f, "unknown hole `{word}`"),
            Self::Unclosed => f.write_str("a `{` is not closed"),
            Self::Empty => f.write_str("a template cannot be empty"),
            Self::HasScheme => f.write_str("a link is compared from its host on: leave out `https://`"),
        }
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn compile(text: &str, form: Form) -> Result<Self, TemplateError> {
        let text = one_line(text, TEMPLATE_CAP);
        if form == Form::Link && text.contains("://") {
            return Err(TemplateError::HasScheme);
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((literal, tail)) = rest.split_once('{') {
            push_literal(&mut pieces, literal, form);
            let (word, tail) = tail.split_once('}').ok_or(TemplateError::Unclosed)?;
            let hole = Hole::from_word(word).ok_or_else(|| TemplateError::UnknownHole(word.to_owned()))?;
            pieces.push(Piece::Hole(hole));
            rest = tail;
        }
        push_literal(&mut pieces, rest, form);
        if pieces.is_empty() {
            return Err(TemplateError::Empty);
        }
        Ok(Self { pieces, form })
    }

    /// How many bytes are literal: of two templates that match, the one with more is more specific.
    pub(super) fn fixed(&self) -> usize {
        self.literals().map(str::len).sum()
    }

    /// How many bytes are literal letters.
    pub(super) fn letters(&self) -> usize {
        self.literals().flat_map(str::chars).filter(|c| c.is_alphabetic()).map(char::len_utf8).sum()
    }

    /// Its literal texts, in order.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Hole(_) => None,
        })
    }

    /// The facts that it can capture.
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(Hole::Fact(fact)) => Some(*fact),
            _ => None,
        })
    }

    /// The literal text at its end; every match ends with it.
    pub(super) fn end(&self) -> &str {
        match self.pieces.last() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The literal text at its start; every match begins with it.
    pub(super) fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// Compares a whole line or link; a match extends `known`. Nothing matches once `work` is spent.
    pub(super) fn read(
        &self,
        text: &str,
        known: &Bindings,
        numerals: &Numerals,
        work: &Work,
    ) -> Option<Bindings> {
        if !work.look(ENDS) || !text.ends_with(self.end()) || !text.starts_with(self.start()) {
            return None;
        }
        let mut taken = Vec::new();
        let mut attempts = ATTEMPTS;
        let reader = Reader { known, numerals, form: self.form, work };
        if !reader.fits(&self.pieces, text, &mut taken, &mut attempts)
            || !work.look(known.size() + text.len())
        {
            return None;
        }
        let mut bindings = known.clone();
        for (hole, candidate) in taken {
            let found = match hole {
                Hole::Any => continue,
                Hole::Fact(fact) if fact.is_count() => Found::Count(numerals.read(candidate)?),
                _ => Found::Text(candidate.to_owned()),
            };
            bindings.take(hole, found);
        }
        Some(bindings)
    }

    /// Fills the holes with known values; `None` if one is missing.
    pub(super) fn fill(&self, known: &Bindings) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Hole(hole) => filled.push_str(known.text(*hole)?),
            }
        }
        Some(filled)
    }
}

/// As profiles write it.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => f.write_str(text),
            Piece::Hole(hole) => write!(f, "{{{}}}", hole.word()),
        })
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str, form: Form) {
    if text.is_empty() {
        return;
    }
    // The host of a link is compared in lower case.
    let host_ends =
        if pieces.is_empty() && form == Form::Link { text.find('/').unwrap_or(text.len()) } else { 0 };
    let (host, path) = text.split_at_checked(host_ends).unwrap_or(("", text));
    pieces.push(Piece::Literal(format!("{}{path}", host.to_lowercase())));
}

/// The longest text that a hole can capture, in bytes.
fn longest(hole: Hole) -> usize {
    match hole {
        Hole::Host => host::LONGEST,
        Hole::Fact(Fact::Handle) => LONGEST_HANDLE,
        Hole::Fact(fact) if fact.is_count() => numeral::LONGEST,
        _ => usize::MAX,
    }
}

struct Reader<'r> {
    known: &'r Bindings,
    numerals: &'r Numerals,
    form: Form,
    work: &'r Work,
}

impl Reader<'_> {
    fn fits<'t>(
        &self,
        pieces: &[Piece],
        text: &'t str,
        taken: &mut Vec<(Hole, &'t str)>,
        attempts: &mut usize,
    ) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
        let hole = match piece {
            Piece::Literal(literal) => {
                return self.work.look(literal.len())
                    && text
                        .strip_prefix(literal.as_str())
                        .is_some_and(|text| self.fits(rest, text, taken, attempts));
            }
            Piece::Hole(hole) => *hole,
        };
        if let Some(bound) = self.bound(hole) {
            let Some((candidate, tail)) = text.split_at_checked(bound.len()) else { return false };
            if !self.work.look(bound.len()) || candidate != bound || !self.takes(hole, candidate, taken) {
                return false;
            }
            taken.push((hole, candidate));
            let fits = self.fits(rest, tail, taken, attempts);
            if !fits {
                taken.pop();
            }
            return fits;
        }
        if hole == Hole::Fact(Fact::Handle) && matches!(rest.first(), Some(Piece::Hole(_))) {
            return self.fits_longest(hole, rest, text, taken, attempts);
        }
        let mut end = match rest.first() {
            None => text.len(),
            Some(Piece::Literal(literal)) => match self.find(literal, text) {
                Some(end) => end,
                None => return false,
            },
            Some(Piece::Hole(_)) => 0,
        };
        let longest = longest(hole);
        loop {
            let Some(left) = attempts.checked_sub(1) else { return false };
            *attempts = left;
            let Some((candidate, tail)) = text.split_at_checked(end) else { return false };
            // All further candidates are longer still.
            if candidate.len() > longest {
                return false;
            }
            if self.takes(hole, candidate, taken) && !self.goes_on(hole, text, end) {
                taken.push((hole, candidate));
                if self.fits(rest, tail, taken, attempts) {
                    return true;
                }
                taken.pop();
            }
            let Some(next) = tail.chars().next().map(|c| end + c.len_utf8()) else { return false };
            end = match rest.first() {
                None => return false,
                Some(Piece::Hole(_)) => next,
                Some(Piece::Literal(literal)) => {
                    match text.get(next..).and_then(|tail| self.find(literal, tail)) {
                        Some(offset) => next + offset,
                        None => return false,
                    }
                }
            };
        }
    }

    /// Where a literal occurs next.
    fn find(&self, literal: &str, text: &str) -> Option<usize> {
        let found = text.find(literal);
        self.work.look(found.unwrap_or(text.len()) + literal.len()).then_some(found)?
    }

    /// Does the number continue after `end`? `12 450` is not 12, and `2 K` is not 2.
    fn goes_on(&self, hole: Hole, text: &str, end: usize) -> bool {
        let Hole::Fact(fact) = hole else { return false };
        if !fact.is_count() {
            return false;
        }
        let tail = text.get(end..).unwrap_or_default();
        let word = tail.trim_start();
        let start = tail.len() - word.len();
        let end = end + start + word.find(char::is_whitespace).unwrap_or(word.len());
        start > 0
            && end <= numeral::LONGEST
            && self.work.look(end)
            && text.get(..end).is_some_and(|longer| self.numerals.read(longer).is_some())
    }

    /// The one text that a hole can capture, since it captured it before; `None` if several forms of it would agree.
    fn bound(&self, hole: Hole) -> Option<&str> {
        match hole {
            Hole::Any | Hole::You | Hole::Host | Hole::Fact(Fact::Handle) => None,
            _ => self.known.text(hole),
        }
    }

    /// A handle directly followed by another hole is as long as possible, so that it keeps its host.
    fn fits_longest<'t>(
        &self,
        hole: Hole,
        rest: &[Piece],
        text: &'t str,
        taken: &mut Vec<(Hole, &'t str)>,
        attempts: &mut usize,
    ) -> bool {
        let mut end = text.find(char::is_whitespace).unwrap_or(text.len());
        if !self.work.look(end) {
            return false;
        }
        while end > LONGEST_HANDLE || !text.is_char_boundary(end) {
            end -= 1;
        }
        while let Some((candidate, tail)) = text.split_at_checked(end) {
            let Some(left) = attempts.checked_sub(1) else { return false };
            *attempts = left;
            if self.takes(hole, candidate, taken) {
                taken.push((hole, candidate));
                if self.fits(rest, tail, taken, attempts) {
                    return true;
                }
                taken.pop();
            }
            let Some(last) = candidate.chars().next_back() else { return false };
            end -= last.len_utf8();
        }
        false
    }

    /// Can the hole capture this, and does it agree with what the hole captured elsewhere?
    fn takes(&self, hole: Hole, candidate: &str, taken: &[(Hole, &str)]) -> bool {
        if !self.work.look(ATTEMPT + candidate.len())
            || (self.form == Form::Link && (candidate.is_empty() || candidate.contains('/')))
        {
            return false;
        }
        let is_possible = match hole {
            Hole::Any => return true,
            Hole::You | Hole::Site => !candidate.is_empty(),
            Hole::Host => host::is_host(candidate),
            Hole::Id => candidate.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')),
            Hole::Fact(Fact::Handle) => is_handle(candidate),
            Hole::Fact(Fact::Url) => super::link::Link::parse(candidate).is_some(),
            Hole::Fact(Fact::Website) => !candidate.contains(' '),
            Hole::Fact(fact) if fact.is_count() => self.numerals.read(candidate).is_some(),
            Hole::Fact(_) => candidate.trim() == candidate,
        };
        // Comparing a host that is not plain decodes it, and a link has been decoded above.
        let decoded = match hole {
            Hole::Host | Hole::Fact(Fact::Handle) if is_possible && !host::is_plain(candidate) => {
                DECODING * candidate.len()
            }
            Hole::Fact(Fact::Url) => 2 * candidate.len(),
            _ => 0,
        };
        is_possible
            && !candidate.is_empty()
            && self.work.look(decoded)
            && taken.iter().all(|(other, text)| *other != hole || *text == candidate)
            && self.known.agree(hole, candidate, self.numerals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> Work {
        Work::for_size(256 << 10)
    }

    fn numerals() -> Numerals {
        Numerals { decimal: '.', units: vec![("K".to_owned(), 1_000)] }
    }

    /// Compares, and prints what the holes captured in the order of the template.
    fn read(template: &str, text: &str) -> Option<String> {
        let template = Template::compile(template, Form::Line).unwrap();
        let bindings = template.read(text, &Bindings::default(), &numerals(), &work())?;
        let words = bindings.iter().map(|found| match found {
            Found::Text(text) => text.clone(),
            Found::Count(count) => format!("{count:?}"),
        });
        Some(words.collect::<Vec<_>>().join(" | "))
    }

    fn check(template: &str, text: &str, expected: &str) {
        assert_eq!(read(template, text).as_deref().unwrap_or("no"), expected, "{template} on {text}");
    }

    #[test]
    fn names_may_contain_text_of_the_template() {
        let subject = "{name} (@{handle}) is now following you on Twitter!";
        check(
            subject,
            "Ada (on a break) Quill (@ada) is now following you on Twitter!",
            "Ada (on a break) Quill | ada",
        );
        check(
            subject,
            "A (@b) is now following you on Twitter! (@c) is now following you on Twitter!",
            "A (@b) is now following you on Twitter! | c",
        );
        check(subject, "X is now following you on Twitter! (@x) mentioned you on Twitter!", "no");
        check(subject, "Re: Ann (@ann) is now following you on Twitter! again", "no");
    }

    #[test]
    fn a_number_is_read_to_its_end() {
        check("{followers} {}", "12 450 followers", "Value(12450)");
        check("{followers} {}", "2 K followers", "Value(2000)");
        check("{followers} {}", "3 followers", "Value(3)");
        check("{followers} {}", "12 450", "no");
    }

    #[test]
    fn a_handle_has_no_spaces() {
        check("{handle} is now following you", "ann@x.example is now following you", "ann@x.example");
        check("{handle} is now following you", "Ann Lima is now following you", "no");
        check(
            "{handle}さんにフォローされています",
            "ann_t@x.exampleさんにフォローされています",
            "ann_t@x.example",
        );
        check("@{handle}", "@a@b@c", "no");
        check("@{handle}", "@@a", "no");
    }

    #[test]
    fn a_count_is_a_number_in_the_language() {
        check("{followers} {}", "25 subscribers", "Value(25)");
        check("{followers}", "1.2K", "Value(1200)");
        check("{followers}", "many", "no");
        check("{followers} Followers", "- Followers", "NotShown");
    }

    #[test]
    fn a_hole_captures_one_value() {
        check("{name} and {name}", "a b and a b", "a b");
        check("{name} and {name}", "a and b", "no");
        let template = Template::compile("<follow.{you}.{host}>", Form::Line).unwrap();
        let mut known = Bindings::default();
        known.take(Hole::Host, Found::Text("mastodon.social".to_owned()));
        assert!(template.read("<follow.mika.mastodon.social>", &known, &numerals(), &work()).is_some());
        assert!(template.read("<follow.mastodon.social>", &known, &numerals(), &work()).is_none());
    }

    #[test]
    fn the_fuller_form_of_a_handle_is_kept() {
        let mut known = Bindings::default();
        known.take(Hole::Fact(Fact::Handle), Found::Text("ann".to_owned()));
        for text in
            ["ann@xn--bcher-kva.example follows", "> Ann@bücher.exampleさん", "ann@xn--bcher-kva.example"]
        {
            let template = Template::compile("{}{handle}{}", Form::Line).unwrap();
            known = template.read(text, &known, &numerals(), &work()).unwrap();
        }
        assert_eq!(known.text(Hole::Fact(Fact::Handle)), Some("Ann@bücher.example"));
        let template = Template::compile("@{handle}", Form::Line).unwrap();
        assert!(template.read("@ann@other.example", &known, &numerals(), &work()).is_none());
    }

    #[test]
    fn a_hole_in_a_link_never_spans_a_slash() {
        let template = Template::compile("Twitter.com/{handle}", Form::Link).unwrap();
        let fits = |text| template.read(text, &Bindings::default(), &numerals(), &work()).is_some();
        assert!(fits("twitter.com/ann"));
        assert!(!fits("twitter.com/ann/followers"));
        assert!(!fits("twitter.com/"));
        assert!(!fits("evil.test/twitter.com/ann"));
    }

    #[test]
    fn wrong_templates_are_refused() {
        let check = |wrong: &str, form: Form, expected: TemplateError| {
            assert_eq!(Template::compile(wrong, form), Err(expected), "{wrong}");
        };
        check("", Form::Line, TemplateError::Empty);
        check("{name", Form::Line, TemplateError::Unclosed);
        check("https://twitter.com/{handle}", Form::Link, TemplateError::HasScheme);
        for unknown in ["nmae", "verified"] {
            check(&format!("{{{unknown}}}"), Form::Line, TemplateError::UnknownHole(unknown.to_owned()));
        }
    }

    #[test]
    fn hostile_text_takes_bounded_time() {
        let template = Template::compile("{name} a {bio} a {location} a {website} b", Form::Line).unwrap();
        let text = "x a ".repeat(10_000);
        assert!(template.read(&format!("{text} b"), &Bindings::default(), &numerals(), &work()).is_none());
    }

    #[test]
    fn known_values_fill_a_template() {
        let mut known = Bindings::default();
        known.take(Hole::Id, Found::Text("A1".to_owned()));
        let template =
            Template::compile("https://www.linkedin.com/profile/view?id={id}", Form::Line).unwrap();
        assert_eq!(template.fill(&known).as_deref(), Some("https://www.linkedin.com/profile/view?id=A1"));
        assert_eq!(Template::compile("{name}", Form::Line).unwrap().fill(&known), None);
    }
}

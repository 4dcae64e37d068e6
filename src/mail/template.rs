//! Patterns with typed holes: `{name} (@{handle}) is now following you on Twitter!`.
//!
//! A hole captures only text of its type (a handle has no spaces, a count is a number in the language) that agrees with what
//! it captured before in the same message, so that a planted value never matches. `profile` calls it.

mod link_form;
mod reader;
mod tracked;

use std::fmt;

pub(super) use self::link_form::LinkForm;
use self::reader::Reader;
pub(super) use self::tracked::marked;
use super::bindings::{Bindings, Found, Hole};
use super::fact::Fact;
use super::numeral::Numerals;
use super::work::Work;
use crate::text::one_line;

/// The most characters kept of a template.
const TEMPLATE_CAP: usize = 1_000;
/// The most attempts in one comparison; only hostile text reaches it.
const ATTEMPTS: usize = 5_000;
/// The work to see that a text ends differently: a byte or two at each end.
const ENDS: usize = 4;

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
    /// Host and path of a link: no hole but `{path}` spans a slash.
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

    /// The template that matches every line and every link.
    pub(super) fn anything() -> Self {
        Self { pieces: vec![Piece::Hole(Hole::Any)], form: Form::Line }
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

    /// How it expects the link of a word.
    pub(super) fn link_form(&self) -> LinkForm {
        let mut before = "";
        for piece in &self.pieces {
            match piece {
                Piece::Hole(Hole::Fact(Fact::Url)) if self.pieces.len() == 1 => return LinkForm::Below,
                Piece::Hole(Hole::Fact(Fact::Url)) => return LinkForm::after(before),
                Piece::Hole(_) => before = "",
                Piece::Literal(text) if !text.contains('/') => before = text,
                Piece::Literal(text) => match text.split_once("//") {
                    Some((scheme, _)) => {
                        return LinkForm::after(scheme.trim_end_matches(['h', 't', 'p', 's', ':']));
                    }
                    None => before = text,
                },
            }
        }
        LinkForm::Absent
    }

    /// Does it expect a link?
    pub(super) fn has_link(&self) -> bool {
        self.link_form() != LinkForm::Absent
    }

    /// Can it capture what this hole stands for?
    pub(super) fn has_hole(&self, hole: Hole) -> bool {
        self.pieces.contains(&Piece::Hole(hole))
    }

    /// The facts that it can capture.
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        self.pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Hole(Hole::Fact(fact)) => [Some(*fact), None],
                Piece::Hole(Hole::Address) => [Some(Fact::Handle), Some(Fact::AddressHost)],
                _ => [None, None],
            })
            .flatten()
    }

    /// Can it capture something that is not known yet, or a fuller form of a handle?
    pub(super) fn may_add(&self, known: &Bindings) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Literal(_) | Piece::Hole(Hole::Any) => false,
            Piece::Hole(Hole::Address | Hole::Fact(Fact::Handle)) => true,
            Piece::Hole(hole) => known.get(*hole).is_none(),
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

    /// Has the text all that is literal? Cheap, and true of every match.
    pub(super) fn may_read(&self, text: &str, work: &Work) -> bool {
        work.look(ENDS)
            && text.starts_with(self.start())
            && text.ends_with(self.end())
            && self.literals().all(|literal| work.look(text.len()) && text.contains(literal))
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
                Hole::Address => {
                    bindings.take_address(candidate);
                    continue;
                }
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
    fn an_email_address_is_a_handle_whose_host_is_a_fact() {
        let read = |text: &str| {
            let template = Template::compile("Email: {address}", Form::Line).unwrap();
            let known = template.read(text, &Bindings::default(), &numerals(), &work())?;
            let text = |fact| known.text(Hole::Fact(fact)).map(str::to_owned);
            Some((text(Fact::Handle)?, text(Fact::AddressHost)?))
        };
        for (address, host) in [
            ("ann@x.example", "x.example"),
            ("o'brien+news@MAIL.x.example", "mail.x.example"),
            ("jörg@xn--bcher-kva.example", "bücher.example"),
        ] {
            assert_eq!(read(&format!("Email: {address}")), Some((address.to_owned(), host.to_owned())));
        }
        for wrong in
            ["ann", "@x.example", "ann@localhost", "a b@x.example", "<ann@x.example>", "ann@x.example:25"]
        {
            assert_eq!(read(&format!("Email: {wrong}")), None, "{wrong}");
        }
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

    /// Reads links one after the other, as a layout does; the last one that matches.
    fn site(links: &[(&str, &str)]) -> Option<String> {
        let read = |known: Bindings, (template, link): &(&str, &str)| {
            Template::compile(template, Form::Link).unwrap().read(link, &known, &numerals(), &work())
        };
        let known = links.iter().try_fold(Bindings::default(), read)?;
        Some(format!("{} and {}", known.text(Hole::Host)?, known.text(Hole::Path)?))
    }

    #[test]
    fn a_site_lives_below_one_path() {
        let (settings, user) = ("{host}{path}/settings/email", "{host}{path}/user/{}");
        let of = |one: &str, two: &str| site(&[(settings, one), (user, two)]).unwrap_or_default();
        assert_eq!(of("a.example/settings/email", "a.example/user/ann"), "a.example and ");
        assert_eq!(of("a.example/x/settings/email", "a.example/x/user/ann"), "a.example and /x");
        assert_eq!(of("a.example/x/y.z/settings/email", "a.example/x/y.z/user/ann"), "a.example and /x/y.z");
        assert_eq!(of("a.example:80/x/settings/email", "www.a.example/x/user/ann"), "a.example:80 and /x");
        for (one, two) in [
            ("a.example/x/settings/email", "a.example/user/ann"),
            ("a.example/settings/email", "a.example/x/user/ann"),
            ("a.example/x/settings/email", "a.example/xy/user/ann"),
            ("a.example/x/settings/email", "a.example/x/x/user/ann"),
            ("a.example/x/settings/email", "evil.test/x/user/ann"),
            ("a.example/x/settings/email", "evil.test/a.example/x/user/ann"),
            ("a.example/w/x/y/z/settings/email", "a.example/w/x/y/z/user/ann"),
            ("a.example/../settings/email", "a.example/../user/ann"),
            ("a.example//settings/email", "a.example//user/ann"),
            ("a.example/x y/settings/email", "a.example/x y/user/ann"),
            ("a.example:x/settings/email", "a.example:x/user/ann"),
        ] {
            assert_eq!(of(one, two), "", "{one} {two}");
        }
    }

    #[test]
    fn what_a_template_may_read_has_its_literal_text() {
        let may_read = |template: &str, text: &str| {
            Template::compile(template, Form::Line).unwrap().may_read(text, &work())
        };
        assert!(may_read("{}//{host}/web/{}", "View: https://toot.example/web/@ann"));
        assert!(may_read("{}", "") && may_read("{name}", "Ann"));
        assert!(!may_read("{}//{host}/web/{}", "View: https://toot.example/@ann"));
        assert!(!may_read("URL: {url}", "Look: https://toot.example") && !may_read("{name}.", "Ann"));
    }

    #[test]
    fn a_wrapper_is_nobodys_link() {
        check("{url}", "https://toot.example/@ann", "https://toot.example/@ann");
        check(
            "{url}",
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Ftoot.example",
            "no",
        );
        check("View: {url}", "View: http://url1.toot.example/ls/click?upn=x", "no");
    }

    #[test]
    fn a_template_says_how_it_expects_a_link() {
        let check = |template: &str, expected: LinkForm| {
            let template = Template::compile(template, Form::Line).unwrap();
            assert_eq!(template.link_form(), expected, "{template}");
        };
        check("{name} follows you.", LinkForm::Absent);
        check("{}//{host}/web/{}", LinkForm::After);
        check("URL: {url}", LinkForm::After);
        check("{url}", LinkForm::Below);
        check("{} [{}]: {name} [{url}].", LinkForm::InBrackets);
        check("{} {name} (https://{host}/p/{id}/).", LinkForm::InParentheses);
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

//! Chooses the shipped profiles that a message may concern, without reading them as profiles: for a program that judges one message
//! and ends, since to compile all profiles takes many times as long as everything else.
//!
//! A profile has a say in a message if the subject fits one of its subjects, or From one of its senders. Both are strings in its
//! file, so a file without such a string is left out. That never changes an answer: `tests/delivery` compares the answers.

use std::borrow::Cow;

use toml_parser::Source as Text;
use toml_parser::decoder::ScalarKind;

use super::layout::Sender;
use super::read::FEWEST_LETTERS;
use super::{Profiles, SHIPPED};
use crate::diagnostic::Source;
use crate::mail::blank_name::{Blanks, marked_header};
use crate::mail::head::Head;
use crate::mail::message::with_plain_line_ends;
use crate::mail::network::Network;
use crate::mail::subject_tag;
use crate::mail::template::{Form, Template};
use crate::mail::work::Work;
use crate::text::one_line;

impl Profiles {
    /// Those of the profiles that ship which a message with this header may concern. A body after the header is ignored.
    pub fn shipped_sources_for(header: &[u8]) -> Vec<Source> {
        let plain = with_plain_line_ends(header);
        let heads: Vec<Head<'_>> = [Some(header), plain.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|it| Head::parse(it).ok())
            .collect();
        let lines: Vec<String> = heads.iter().flat_map(lines).collect();
        let concerned = SHIPPED.iter().filter(|(_, text)| concerns(text, &lines, &heads));
        concerned.map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// The networks of all profiles that ship.
    pub fn shipped_networks() -> impl Iterator<Item = Network> {
        let network = |name: &str| Network::new(name.strip_prefix("networks/")?.strip_suffix(".toml")?);
        SHIPPED.iter().filter_map(move |(name, _)| network(name))
    }
}

/// The subject in every form in which profiles are asked about it.
fn lines(head: &Head<'_>) -> Vec<String> {
    let variants = |subject: &str| subject_tag::variants(subject).map(str::to_owned).collect::<Vec<_>>();
    let mut lines = variants(&head.subject);
    if head.has_blanks {
        for header in Blanks::ALL.into_iter().filter_map(|blanks| marked_header(head, blanks)) {
            lines.extend(Head::parse(&header).map(|head| variants(&head.subject)).unwrap_or_default());
        }
    }
    lines
}

/// May the subject or the sender be in this file?
fn concerns(file: &str, lines: &[String], heads: &[Head<'_>]) -> bool {
    let takes_any_subject = file.contains("any-subject");
    let text = Text::new(file);
    text.lex().any(|token| {
        let raw = text.get(token).filter(|_| token.kind().encoding().is_some());
        let mut string = Cow::Borrowed("");
        raw.is_some_and(|raw| raw.decode_scalar(&mut string, &mut ()) == ScalarKind::String)
            && (may_be_subject_of(&string, lines) || takes_any_subject && may_be_sender_of(&string, heads))
    })
}

fn may_be_subject_of(string: &str, lines: &[String]) -> bool {
    // Most strings end otherwise, and that is seen at once.
    let end = string.rsplit('}').next().unwrap_or_default();
    let end = if end.is_ascii() {
        Cow::Borrowed(end.trim_ascii_end())
    } else {
        Cow::Owned(one_line(end, end.len()))
    };
    if !lines.iter().any(|line| line.ends_with(&*end)) {
        return false;
    }
    let work = Work::for_size(string.len());
    Template::compile(string, Form::Line).is_ok_and(|template| {
        template.letters() >= FEWEST_LETTERS && lines.iter().any(|line| template.may_read(line, &work))
    })
}

fn may_be_sender_of(string: &str, heads: &[Head<'_>]) -> bool {
    string.contains('@')
        && Sender::compile(string)
            .is_ok_and(|sender| heads.iter().any(|head| head.may_name(sender.letters())))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::diagnostic::document::Findings;

    fn names(header: &str) -> Vec<String> {
        Profiles::shipped_sources_for(header.as_bytes()).iter().map(|it| it.name().to_owned()).collect()
    }

    /// May a message with this header concern the file?
    fn concerns_file(header: &str, file: &str) -> bool {
        let head = Head::parse(header.as_bytes()).unwrap();
        concerns(file, &lines(&head), &[head])
    }

    #[test]
    fn every_subject_and_sender_of_a_profile_that_ships_concerns_it() {
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
        let mut subjects = 0;
        for (profile, (name, file)) in profiles.profiles.iter().zip(SHIPPED) {
            assert_eq!(format!("networks/{}.toml", profile.network), *name);
            for layout in &profile.layouts {
                for template in profile.phrases(&layout.subjects) {
                    let subject = template.literals().fold(String::new(), |line, text| line + text + "x");
                    let subject =
                        subject.strip_suffix('x').filter(|_| !template.end().is_empty()).unwrap_or(&subject);
                    let start = if template.start().is_empty() { "x" } else { "" };
                    for tag in ["", "[EXTERNAL] "] {
                        let line = BASE64_STANDARD.encode(format!("{tag}{start}{subject}"));
                        let header = format!("From: a@b.example\r\nSubject: =?utf-8?B?{line}?=\r\n\r\n");
                        assert!(concerns_file(&header, file), "{template} of {name}");
                    }
                    subjects += 1;
                }
                for sender in layout.from.iter().filter(|_| layout.any_subject) {
                    let letters = String::from_utf8(sender.letters().collect()).unwrap();
                    let header = format!("From: {letters}\r\nSubject: x\r\n\r\n");
                    assert!(concerns_file(&header, file), "{letters}");
                }
            }
        }
        assert!(subjects > 500, "{subjects}");
    }

    #[test]
    fn an_ordinary_message_concerns_no_profile() {
        for subject in ["Lunch?", "Re: the minutes of Monday", "Your invoice 2024-17 from Bloom & Co.", ""] {
            let header = format!("From: Jo <jo@bloom.example>\r\nSubject: {subject}\r\n\r\n");
            assert_eq!(names(&header), [""; 0], "{subject}");
        }
    }

    #[test]
    fn the_networks_that_ship_are_those_of_their_profiles() {
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
        let networks: Vec<_> = profiles.networks().into_iter().map(|it| it.network).collect();
        assert_eq!(Profiles::shipped_networks().collect::<Vec<_>>(), networks);
    }
}

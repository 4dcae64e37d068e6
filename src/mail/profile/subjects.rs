//! An index of the subjects of all profiles by how they end or begin, so that an ordinary message is compared with few of them.

use std::num::NonZeroU32;

use super::Profile;
use super::layout::Layout;
use crate::mail::template::Template;

/// The subjects, by their ends.
#[derive(Debug, Default)]
pub(super) struct SubjectIndex {
    by_end: Tree,
    /// Those that end with a hole.
    by_start: Tree,
    subjects: Vec<Subject>,
    /// The layouts that take any subject.
    any: Vec<AnySubject>,
}

/// A layout that takes any subject.
#[derive(Debug)]
struct AnySubject {
    profile: usize,
    layout: usize,
    /// For each of its senders, the letters in them, the rarest first.
    senders: Vec<Vec<u8>>,
}

/// A subject, and the layouts it may belong to.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) template: Template,
    pub(super) profile: usize,
    pub(super) locale: usize,
    pub(super) layouts: Vec<usize>,
    /// The bytes in its literal text.
    letters: Letters,
}

/// The different letters of a sender, those first that are rare in English, so that most others lack one of the first.
fn rarest_first(letters: impl Iterator<Item = u8>) -> Vec<u8> {
    const RAREST_FIRST: &[u8] = b"zqxjkvbpygfwmucldrhsnioate";
    let mut letters: Vec<_> = letters.collect();
    letters.sort_by_key(|letter| (RAREST_FIRST.iter().position(|rare| rare == letter), *letter));
    letters.dedup();
    letters
}

/// A trie of texts, byte by byte. Its nodes lie in one piece, since there are more than ten thousand.
#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
    /// The nodes after the first one, by the byte that leads there: there are too many to look through for every message.
    first: Vec<Option<NonZeroU32>>,
}

#[derive(Debug, Default)]
struct Node {
    /// The byte that leads here.
    byte: u8,
    /// The first of the next nodes.
    next: Option<NonZeroU32>,
    /// The next of the nodes that follow the same one.
    beside: Option<NonZeroU32>,
    /// The subjects whose text ends here.
    subjects: Vec<usize>,
}

/// The set of bytes in a text, where a few bytes count as one: a quick check that one text cannot contain another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Letters(u64);

impl Letters {
    fn of(bytes: impl Iterator<Item = u8>) -> Self {
        Self(bytes.fold(0, |letters, byte| letters | 1 << (byte & 63)))
    }

    fn are_all_in(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], first: vec![None; 1 + usize::from(u8::MAX)] }
    }
}

impl Tree {
    fn insert(&mut self, text: impl Iterator<Item = u8>, subject: usize) {
        let mut place = 0;
        for byte in text {
            place = match self.after(place, byte) {
                Some(found) => found,
                None => {
                    let new = self.nodes.len();
                    let next = match place {
                        0 => self.first.get_mut(usize::from(byte)),
                        _ => self.nodes.get_mut(place).map(|node| &mut node.next),
                    };
                    let Some(next) = next else { return };
                    let beside = std::mem::replace(next, u32::try_from(new).ok().and_then(NonZeroU32::new));
                    self.nodes.push(Node { byte, beside, ..Node::default() });
                    new
                }
            };
        }
        if let Some(node) = self.nodes.get_mut(place) {
            node.subjects.push(subject);
        }
    }

    /// The node to which a byte leads.
    fn after(&self, place: usize, byte: u8) -> Option<usize> {
        if place == 0 {
            return self.first.get(usize::from(byte)).copied().flatten().map(|first| first.get() as usize);
        }
        let mut next = self.nodes.get(place)?.next;
        while let Some(place) = next {
            let place = place.get() as usize;
            let node = self.nodes.get(place)?;
            if node.byte == byte {
                return Some(place);
            }
            next = node.beside;
        }
        None
    }

    /// Calls `found` with each subject whose text is a prefix of the given one.
    fn along(&self, mut text: impl Iterator<Item = u8>, mut found: impl FnMut(usize)) {
        let mut place = Some(0);
        while let Some((here, node)) = place.and_then(|place| Some((place, self.nodes.get(place)?))) {
            node.subjects.iter().for_each(|subject| found(*subject));
            place = text.next().and_then(|byte| self.after(here, byte));
        }
    }
}

impl SubjectIndex {
    pub(super) fn new(profiles: &[Profile]) -> Self {
        let mut index = Self::default();
        for (profile, compiled) in profiles.iter().enumerate() {
            let any = compiled.layouts.iter().enumerate().filter(|(_, layout)| layout.any_subject);
            index.any.extend(any.map(|(place, layout)| AnySubject {
                profile,
                layout: place,
                senders: layout.from.iter().map(|sender| rarest_first(sender.letters())).collect(),
            }));
            for (locale, words) in compiled.locales.iter().enumerate() {
                for (phrase, templates) in &words.phrases {
                    let layouts = compiled.layouts.iter().enumerate();
                    let layouts: Vec<_> = layouts
                        .filter(|(_, layout)| layout.subjects == *phrase)
                        .map(|(place, _)| place)
                        .collect();
                    if layouts.is_empty() {
                        continue;
                    }
                    for template in templates.iter().cloned() {
                        let letters = Letters::of(template.literals().flat_map(str::bytes));
                        let layouts = layouts.clone();
                        index.add(Subject { template, profile, locale, layouts, letters });
                    }
                }
            }
        }
        index.by_end.nodes.shrink_to_fit();
        index.by_start.nodes.shrink_to_fit();
        index
    }

    fn add(&mut self, subject: Subject) {
        let place = self.subjects.len();
        let (start, end) = (subject.template.start(), subject.template.end());
        if end.is_empty() {
            self.by_start.insert(start.bytes(), place);
        } else {
            self.by_end.insert(end.bytes().rev(), place);
        }
        self.subjects.push(subject);
    }

    /// The layouts that take any subject, judging by a From that is written plainly.
    pub(super) fn any<'p>(
        &'p self,
        profiles: &'p [Profile],
        from: Option<&'p [u8]>,
    ) -> impl Iterator<Item = (&'p Profile, &'p Layout)> {
        let has =
            |from: &[u8], letter: u8| from.contains(&letter) || from.contains(&letter.to_ascii_uppercase());
        let may_name =
            move |letters: &Vec<u8>| from.is_none_or(|from| letters.iter().all(|letter| has(from, *letter)));
        let near = self.any.iter().filter(move |any| any.senders.iter().any(may_name));
        near.filter_map(|any| {
            let profile = profiles.get(any.profile)?;
            Some((profile, profile.layouts.get(any.layout)?))
        })
    }

    /// The subjects that a line may match, judging by its ends and its bytes.
    pub(super) fn near(&self, line: &str) -> Vec<&Subject> {
        let letters = Letters::of(line.bytes());
        let mut near = Vec::new();
        // Most lines are near none.
        let mut keep = |place: usize| {
            near.extend(self.subjects.get(place).filter(|subject| subject.letters.are_all_in(letters)));
        };
        self.by_end.along(line.bytes().rev(), &mut keep);
        self.by_start.along(line.bytes(), &mut keep);
        near
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Source;
    use crate::diagnostic::document::Findings;
    use crate::mail::Profiles;

    fn check(line: &str, expected: &[&str]) {
        let text = r#"
network = "n"
title = "N"
locale.en.follow = ["{name} follows you", "{name} follows you.", "New: {name}", "{name} near {}", "you"]
[[layout]]
name = "a"
kind = "follow"
needs = "name"
"#;
        let findings = Findings::default();
        let profiles = Profiles::compile(&[Source::new("n.toml", text)], &findings);
        let near = profiles.subjects.near(line).into_iter().map(|subject| subject.template.to_string());
        let mut near: Vec<_> = near.collect();
        near.sort();
        assert_eq!(near, expected, "{line}");
    }

    #[test]
    fn subjects_are_found_by_their_ends() {
        check("Ann follows you", &["you", "{name} follows you"]);
        check("Ann follows you.", &["{name} follows you."]);
        check("New: Ann", &["New: {name}"]);
        check("Nobody we know", &[]);
        check("", &[]);
    }

    #[test]
    fn a_subject_that_begins_and_ends_with_a_hole_is_found_by_its_letters() {
        check("Ann near N", &["{name} near {}"]);
        check("Ann in N", &[]);
    }
}

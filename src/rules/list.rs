//! Lists of people: looks followers up in them, and finds look-alikes of the people in them.
//!
//! Never reads a file: a source is data here ([`ListSource`]), the caller reads it, and [`load`] parses its text. [`Lists`] holds
//! the loaded lists while `set` judges a follower.

use std::collections::BTreeMap;
use std::ops::Range;

use super::text::{fold, fold_handle, fold_host, looks};

mod contacts;
mod export;
pub(super) mod line;
mod link;
pub mod load;
mod loaded;

/// The longest plausible name or handle, in characters.
const LONGEST: usize = 200;

/// The most people read from one file.
const MOST: usize = 100_000;

/// A person in a list, by handle or by display name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    /// An account: `bob@mastodon.example`, or `bob` if messages do not print its host. Without a leading `@`.
    Handle(String),
    /// A display name. Anyone can choose it.
    Name(String),
}

impl Person {
    /// Parses what a person wrote: text that begins with `@`, or contains `@` and no blank, is a handle. `None` for blank text.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_handle = text.starts_with('@') || (text.contains('@') && !text.contains(char::is_whitespace));
        let bare = if is_handle { text.trim_start_matches('@') } else { text };
        match (bare.is_empty(), is_handle) {
            (true, _) => None,
            (false, true) => Some(Self::Handle(bare.to_owned())),
            (false, false) => Some(Self::Name(bare.to_owned())),
        }
    }
}

/// A source of people outside the rules file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListSource {
    /// A text file, one person a line. As written: relative to the rules file.
    File(String),
    /// A file of contacts (vCard, RFC 6350). As written: relative to the rules file.
    Vcard(String),
    /// The recipients of the messages in this folder.
    FromSent(String),
}

/// A list as the rules file defines it.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    /// The people named in the file itself.
    pub(crate) people: Vec<Person>,
    /// Its sources, each with its bytes in the file.
    pub(crate) sources: Vec<(ListSource, Range<usize>)>,
    /// Whether a source may lose all or most of its people at once.
    pub(crate) may_be_empty: bool,
}

/// The people of a list, indexed for look-ups.
#[derive(Clone, Debug, Default)]
pub struct People {
    handles: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
    handle_looks: BTreeMap<String, String>,
    name_looks: BTreeMap<String, String>,
}

impl FromIterator<Person> for People {
    fn from_iter<T: IntoIterator<Item = Person>>(people: T) -> Self {
        let mut all = Self::default();
        for person in people {
            let (folded, written, exact, alike) = match person {
                Person::Handle(handle) => {
                    (fold_handle(&handle), handle, &mut all.handles, &mut all.handle_looks)
                }
                Person::Name(name) => (fold(&name), name, &mut all.names, &mut all.name_looks),
            };
            let all_looks = [&written, &folded].into_iter().flat_map(|text| looks(text));
            alike.extend(all_looks.map(|look| (look, written.clone())));
            exact.insert(folded, written);
        }
        all
    }
}

impl People {
    /// Does it contain a handle?
    pub(crate) fn knows_handles(&self) -> bool {
        !self.handles.is_empty()
    }

    /// Does it contain a display name?
    pub(crate) fn knows_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// The list's handle that equals one of these forms, as written.
    pub(crate) fn handle(&self, forms: &HandleForms) -> Option<&str> {
        forms.each().find_map(|form| self.handles.get(form)).map(String::as_str)
    }

    /// The list's name that equals this folded one, as written.
    pub(crate) fn name(&self, folded: &str) -> Option<&str> {
        self.names.get(folded).map(String::as_str)
    }

    /// The list's handle that one of these forms resembles without being equal.
    pub(crate) fn handle_like(&self, forms: &HandleForms) -> Option<&str> {
        if self.handle(forms).is_some() {
            return None;
        }
        // Also in the printed form, since case affects what looks alike.
        let written = forms.written.iter().map(String::as_str).chain(forms.each());
        written.flat_map(looks).find_map(|look| self.handle_looks.get(&look)).map(String::as_str)
    }

    /// The list's name that this one resembles without being equal.
    pub(crate) fn name_like(&self, plain: &str, folded: &str) -> Option<&str> {
        if self.name(folded).is_some() {
            return None;
        }
        looks(plain).into_iter().find_map(|look| self.name_looks.get(&look)).map(String::as_str)
    }
}

/// The forms of a follower's handle, folded: on the recipient's own server `bob` and `bob@server` are the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HandleForms {
    /// The same forms, not folded.
    written: Vec<String>,
    printed: String,
    other: Option<String>,
}

impl HandleForms {
    /// From a handle as a message prints it.
    pub(crate) fn new(handle: &str, instance: Option<&str>) -> Self {
        let handle = handle.trim_start_matches('@');
        let instance = instance.map(fold_host);
        let other = |handle: &str| {
            let instance = instance.as_deref()?;
            match handle.split_once('@') {
                None => Some(format!("{handle}@{instance}")),
                Some((local, host)) => (fold_host(host) == instance).then(|| local.to_owned()),
            }
        };
        let written = std::iter::once(handle.to_owned()).chain(other(handle)).collect();
        let printed = fold_handle(handle);
        let other = other(&printed);
        Self { written, printed, other }
    }

    fn each(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.printed.as_str()).chain(self.other.as_deref())
    }

    /// Is one of them this folded handle?
    pub(crate) fn include(&self, folded: &str) -> bool {
        self.each().any(|form| form == folded)
    }
}

/// The lists of a rules file by name; only those whose sources have all been loaded at least once.
#[derive(Clone, Debug, Default)]
pub struct Lists(BTreeMap<String, People>);

impl Lists {
    /// Sets a list.
    pub fn insert(&mut self, name: impl Into<String>, people: People) {
        self.0.insert(name.into(), people);
    }

    /// The people of a list; `None` if it has never been loaded.
    pub fn people(&self, name: &str) -> Option<&People> {
        self.0.get(name)
    }

    /// The people of all lists that have been loaded.
    pub(crate) fn all(&self) -> impl Iterator<Item = &People> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(written: &[&str]) -> People {
        written.iter().filter_map(|text| Person::parse(text)).collect()
    }

    #[test]
    fn a_handle_is_recognised_by_its_at_sign() {
        assert_eq!(
            Person::parse(" @bob@Mastodon.example "),
            Some(Person::Handle("bob@Mastodon.example".into()))
        );
        assert_eq!(
            Person::parse("bob@mastodon.example"),
            Some(Person::Handle("bob@mastodon.example".into()))
        );
        assert_eq!(Person::parse("Ana Lima"), Some(Person::Name("Ana Lima".into())));
        assert_eq!(Person::parse(" @ "), None);
    }

    #[test]
    fn a_handle_with_a_host_matches_only_on_that_host() {
        let friends = people(&["@bob@mastodon.example"]);
        for (handle, instance, expected) in [
            ("Bob@mastodon.example", None, true),
            ("bob", Some("mastodon.example"), true),
            ("bob", Some("evil.example"), false),
            ("bob", None, false),
            ("bob@evil.example", Some("mastodon.example"), false),
        ] {
            let found = friends.handle(&HandleForms::new(handle, instance)).is_some();
            assert_eq!(found, expected, "{handle} {instance:?}");
        }
    }

    #[test]
    fn hosts_are_compared_as_in_dns() {
        let friends = people(&["@ana@strasse.example", "@Jo@bücher.example", "@kim@βόλος.example"]);
        for (handle, instance, expected) in [
            ("ana@straße.example", None, false),
            ("ana@xn--strae-oqa.example", None, false),
            ("ana", Some("straße.example"), false),
            ("ana", Some("strasse.example"), true),
            ("ANA@STRASSE.example", None, true),
            ("jo@xn--bcher-kva.example", None, true),
            ("jo@BÜCHER.example", None, true),
            ("jo", Some("xn--bcher-kva.example"), true),
            ("kim@βόλοσ.example", None, false),
            ("kim@βόλος.example", None, true),
        ] {
            let forms = HandleForms::new(handle, instance);
            assert_eq!(friends.handle(&forms).is_some(), expected, "{handle} {instance:?}");
        }
        // It only resembles the other, in both forms.
        for handle in ["ana@straße.example", "ana@xn--strae-oqa.example"] {
            assert!(friends.handle_like(&HandleForms::new(handle, None)).is_some(), "{handle}");
        }
    }

    #[test]
    fn a_handle_without_a_host_belongs_to_the_recipients_own_server() {
        let friends = people(&["@bob"]);
        assert!(friends.handle(&HandleForms::new("bob", None)).is_some());
        assert!(friends.handle(&HandleForms::new("bob@home.example", Some("home.example"))).is_some());
        assert!(friends.handle(&HandleForms::new("bob@evil.example", Some("home.example"))).is_none());
    }

    #[test]
    fn a_look_alike_is_not_the_person() {
        let friends = people(&["Ana Lima", "@bob@mastodon.example"]);
        let like = |name: &str| friends.name_like(name, &fold(name)).is_some();
        assert!(like("Аna Lima"), "with a Cyrillic A");
        assert!(!like("ANA  LIMA"), "this is her name");
        assert!(!like("Ana Luma"));
        assert!(friends.handle_like(&HandleForms::new("b0b@mastodon.example", None)).is_none(), "0 is not o");
        let lists = people(&["@paypal", "@Illa@mastodon.example"]);
        for (handle, expected) in [
            ("paypaI", true),
            ("paypai", false),
            ("paypal", false),
            ("paypaI@mastodon.example", true),
            ("IIIa@mastodon.example", true),
            ("IIIa", true),
        ] {
            let forms = HandleForms::new(handle, Some("mastodon.example"));
            let found = lists.handle_like(&forms).is_some();
            assert_eq!(found, expected, "{handle}");
        }
        assert!(friends.handle_like(&HandleForms::new("bob@rnastodon.example", None)).is_some());
        assert!(friends.handle_like(&HandleForms::new("bob@mastodon.example", None)).is_none());
    }
}

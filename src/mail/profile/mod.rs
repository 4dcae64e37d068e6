//! Compiles profiles, the files that describe how to recognise and read the messages of a network, and recognises messages
//! with them. Never reads a file: `rulebook` passes their text.
//!
//! `read` parses the files into `layout`s, `probe` searches the `content` of a message, `reading` reads it by one layout, and
//! `recognise` turns it into a notification. The format:
//!
//! ```toml
//! network = "site"                       # the word that rules use
//! title = "The Site"                     # for people
//! about = "the source of this description"
//! domains = ["site.example"]             # the network's own domains; without them it is self-hosted
//! identified-by = "id"                   # parameters of a profile link that identify the account; others are dropped
//! confidence = "low"                     # a guess: tried last, and never proven authentic
//!
//! [[redirect]]                           # a link with another link in a parameter
//! link = "site.example/out"
//! parameter = "url"
//!
//! [locale.de]                            # subjects and other phrases by name; number format
//! number = { decimal = ",", thousand = "Tsd.", million = ["Mio.", "Million"] }
//! follow = ["{name} folgt dir jetzt"]
//!
//! [[layout]]                             # one form; the first that matches and reads in full counts
//! name = "2020"
//! kind = "follow"                        # or follow-request, follow-batch
//! subjects = "follow"                    # the phrases that are its subjects; default: the kind
//! any-subject = false                    # true: whole addresses in `from` and a header field distinguish it, in any language
//! from = ["notify@site.example"]         # `*` for a variable part, or for any domain
//! signed-by = "site.example"             # a message without its DKIM-Signature is forged
//! needs = ["handle", "name"]             # without these the message is incomplete
//! shows = ["bio"]                        # these have a place: if missing, they are blank
//! names = "some"                         # the message names only some of its followers
//! each = "table.entry"                   # one element per follower; reads search within it
//! picture = { html = "img.avatar", default = "{}/default_{}.png" }
//!
//! [[layout.mark]]                        # required (`not = true`: forbidden); may capture facts
//! header = "List-ID"
//! is = "<follow.{you}.{host}>"
//!
//! [[layout.read]]                        # captures facts, if present
//! html = ".stats b"
//! each = ["{posts}", "{followers}"]
//! ```
//!
//! A mark or a read searches one place: `header` with `is`; `text`, consecutive lines of the text part; `phrase`, a line that
//! is one of the locale's phrases; `html`, elements, with `is`, `lines`, `only`, `each` or `all`; `link`, host and path of a
//! link (`*`: any), or any of several, with `query`, perhaps in the elements of `html` whose text `is` this. A link in a read
//! is the follower's profile; `url` rewrites it. Where the text part does not show what a layout expects, the text that the
//! HTML part shows is searched instead. Holes are `{}` (anything), `{you}`, `{site}`, `{host}` (the recipient, and their site
//! and host), `{path}` (where the site lives below its host, if it does), `{id}`, `{address}` (an email address: the handle,
//! and its host) and the names of facts; if a hole occurs twice, its values must agree. Hosts agree whatever port they have,
//! and with or without `www.`.
//!
//! A file with `layout = []` switches the network of that name off.

mod concerned;
mod content;
mod layout;
mod nearest;
mod probe;
mod read;
mod reading;
mod recognise;
mod signs;
mod subjects;
mod summary;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fact::Fact;
use super::network::Network;
use super::notification::Kind;
use super::numeral::Numerals;
use super::template::Template;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source, SourceSpan, nearest};
use layout::Layout;
pub use nearest::{MissingMark, Nearest};
use subjects::SubjectIndex;
pub use summary::{LayoutSummary, NetworkSummary};

/// All profiles in use.
#[derive(Debug, Default)]
pub struct Profiles {
    profiles: Vec<Profile>,
    subjects: SubjectIndex,
}

/// One network's profile.
#[derive(Debug)]
struct Profile {
    network: Network,
    title: Arc<str>,
    about: String,
    /// The domains that the network sends from; a self-hosted network has none.
    domains: Vec<String>,
    /// It describes messages of any site instead of one network: it is tried last, and nothing proves its messages authentic.
    is_guess: bool,
    redirects: Vec<Redirect>,
    /// The parameters of a link that identify the account; facts keep no others.
    identified_by: Vec<String>,
    locales: Vec<Locale>,
    layouts: Vec<Layout>,
    /// The empty list of layouts, by which a file switches its network off.
    off: Option<SourceSpan>,
}

/// A link of the network with another link in a parameter.
#[derive(Debug)]
struct Redirect {
    link: Template,
    parameter: String,
}

/// A network's subjects, phrases and number format in one language.
#[derive(Debug)]
struct Locale {
    tag: String,
    numerals: Numerals,
    /// Subjects and other phrases by their name.
    phrases: BTreeMap<String, Vec<Template>>,
}

impl Profiles {
    /// Compiles profile files, one network each; of two files about one network the later one counts. Mistakes go to
    /// `findings`, and a layout or network with a mistake may then be missing.
    pub fn compile(sources: &[Source], findings: &Findings) -> Self {
        let mut profiles: Vec<Profile> = Vec::new();
        for source in sources {
            if let Some(profile) = read::read(source, findings) {
                profile.check_switch(&profiles, findings);
                match profiles.iter_mut().find(|other| other.network == profile.network) {
                    Some(other) => *other = profile,
                    None => profiles.push(profile),
                }
            }
        }
        let subjects = SubjectIndex::new(&profiles);
        Self { profiles, subjects }
    }

    /// The profiles that ship with followsift, named as in `config/`.
    pub fn shipped_sources() -> Vec<Source> {
        SHIPPED.iter().map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// Profiles that ship switched off, for users to copy.
    pub fn offered_sources() -> Vec<Source> {
        OFFERED.iter().map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// The JSON Schema of a profile, for editors: a file, with the facts and kinds filled in here. `tests/schema.rs` compares
    /// its keys with those that `read` knows.
    #[expect(clippy::indexing_slicing, reason = "the file that is filled in ships, and a test reads it")]
    pub fn schema() -> serde_json::Value {
        let file = include_str!("../../../config/schema/network.json");
        let mut schema: serde_json::Value = serde_json::from_str(file).unwrap_or_default();
        let definitions = &mut schema["definitions"];
        definitions["fact"]["enum"] = Fact::ALL.into_iter().map(Fact::word).collect();
        definitions["kind"]["enum"] = Kind::ALL.into_iter().map(Kind::word).collect();
        schema
    }

    /// Every network that has a profile, in the order of the files.
    pub fn networks(&self) -> Vec<NetworkSummary> {
        self.profiles.iter().map(Profile::summary).collect()
    }
}

/// Profiles that ship switched off.
const OFFERED: &[(&str, &str)] = &[
    ("generic.toml", include_str!("../../../config/generic.toml")),
    ("example.toml", include_str!("../../../config/example.toml")),
];

/// Profiles that ship switched on.
const SHIPPED: &[(&str, &str)] = &[
    ("networks/twitter.toml", include_str!("../../../config/networks/twitter.toml")),
    ("networks/x.toml", include_str!("../../../config/networks/x.toml")),
    ("networks/mastodon.toml", include_str!("../../../config/networks/mastodon.toml")),
    ("networks/friendica.toml", include_str!("../../../config/networks/friendica.toml")),
    ("networks/diaspora.toml", include_str!("../../../config/networks/diaspora.toml")),
    ("networks/gnusocial.toml", include_str!("../../../config/networks/gnusocial.toml")),
    ("networks/statusnet.toml", include_str!("../../../config/networks/statusnet.toml")),
    ("networks/hubzilla.toml", include_str!("../../../config/networks/hubzilla.toml")),
    ("networks/misskey.toml", include_str!("../../../config/networks/misskey.toml")),
    ("networks/peertube.toml", include_str!("../../../config/networks/peertube.toml")),
    ("networks/forem.toml", include_str!("../../../config/networks/forem.toml")),
    ("networks/openstreetmap.toml", include_str!("../../../config/networks/openstreetmap.toml")),
    ("networks/nodebb.toml", include_str!("../../../config/networks/nodebb.toml")),
    ("networks/humhub.toml", include_str!("../../../config/networks/humhub.toml")),
    ("networks/elgg.toml", include_str!("../../../config/networks/elgg.toml")),
    ("networks/socialhome.toml", include_str!("../../../config/networks/socialhome.toml")),
    (
        "networks/wordpress-activitypub.toml",
        include_str!("../../../config/networks/wordpress-activitypub.toml"),
    ),
    ("networks/buddypress.toml", include_str!("../../../config/networks/buddypress.toml")),
    (
        "networks/buddypress-followers.toml",
        include_str!("../../../config/networks/buddypress-followers.toml"),
    ),
    ("networks/snac.toml", include_str!("../../../config/networks/snac.toml")),
    ("networks/facebook.toml", include_str!("../../../config/networks/facebook.toml")),
    ("networks/instagram.toml", include_str!("../../../config/networks/instagram.toml")),
    ("networks/linkedin.toml", include_str!("../../../config/networks/linkedin.toml")),
    ("networks/twitch.toml", include_str!("../../../config/networks/twitch.toml")),
    ("networks/youtube.toml", include_str!("../../../config/networks/youtube.toml")),
    ("networks/googleplus.toml", include_str!("../../../config/networks/googleplus.toml")),
    ("networks/quora.toml", include_str!("../../../config/networks/quora.toml")),
    ("networks/strava.toml", include_str!("../../../config/networks/strava.toml")),
    ("networks/substack.toml", include_str!("../../../config/networks/substack.toml")),
    ("networks/ghost.toml", include_str!("../../../config/networks/ghost.toml")),
    ("networks/wordpress-com.toml", include_str!("../../../config/networks/wordpress-com.toml")),
    ("networks/wordpress-friends.toml", include_str!("../../../config/networks/wordpress-friends.toml")),
    ("networks/buddyboss.toml", include_str!("../../../config/networks/buddyboss.toml")),
    ("networks/ultimate-member.toml", include_str!("../../../config/networks/ultimate-member.toml")),
    ("networks/flarum.toml", include_str!("../../../config/networks/flarum.toml")),
    ("networks/note.toml", include_str!("../../../config/networks/note.toml")),
    ("networks/venmo.toml", include_str!("../../../config/networks/venmo.toml")),
];

impl Profile {
    /// A file that switches a network off needs one of the earlier ones to have that network.
    fn check_switch(&self, earlier: &[Self], findings: &Findings) {
        let Some(SourceSpan { source, span }) = &self.off else { return };
        let names = earlier.iter().map(|profile| profile.network.as_str());
        if names.clone().any(|name| name == self.network.as_str()) {
            return;
        }
        let message = format!("there is no network `{}` to switch off", self.network);
        let label = match nearest(self.network.as_str(), names) {
            Some(name) => format!("did you mean `network = \"{name}\"`?"),
            None => "`followsift networks` lists the networks".to_owned(),
        };
        findings.add(Diagnostic::warning(source, span.clone(), message).label(label));
    }

    /// The phrases of a name in all its languages.
    fn phrases(&self, name: &str) -> impl Iterator<Item = &Template> {
        self.locales.iter().filter_map(move |locale| locale.phrases.get(name)).flatten()
    }

    /// The facts that a layout can capture, from the subject or from its marks and reads.
    fn facts_of(&self, layout: &Layout) -> Vec<Fact> {
        let phrases = |name: &str| self.phrases(name).flat_map(Template::facts).collect::<Vec<_>>();
        let mut facts = phrases(&layout.subjects);
        for probe in layout.probes() {
            facts.extend(probe.facts());
            facts.extend(probe.phrase().map(phrases).unwrap_or_default());
        }
        if layout.picture.is_some() {
            facts.push(Fact::DefaultPicture);
        }
        facts.sort_unstable();
        facts.dedup();
        facts
    }

    /// Does any of its languages have unit words or its own decimal separator?
    fn counts(&self) -> bool {
        self.locales.iter().any(|locale| locale.numerals != Numerals::default())
    }

    /// The number format of a message: by the language of its HTML part, else by that of its subject. The HTML part comes
    /// first because a subject without a translation is in the network's default language.
    fn numerals(&self, lang: Option<&str>, subject: usize) -> Option<&Numerals> {
        let by_tag = |tag: &str| self.locales.iter().find(|locale| locale.tag.eq_ignore_ascii_case(tag));
        let lang = lang.map(|tag| tag.trim().replace('_', "-"));
        let primary = lang.as_deref().and_then(|tag| tag.split('-').next());
        let named = lang.as_deref().and_then(by_tag).or_else(|| primary.and_then(by_tag));
        named.or_else(|| self.locales.get(subject)).map(|locale| &locale.numerals)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::Shown;

    fn shipped() -> Profiles {
        let findings = Findings::default();
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &findings);
        assert_eq!(findings.into_sorted(), []);
        profiles
    }

    fn findings(text: &str) -> Vec<String> {
        let findings = Findings::default();
        let _ = Profiles::compile(&[Source::new("n.toml", text)], &findings);
        findings.into_sorted().iter().map(|finding| finding.plain()).collect()
    }

    #[test]
    fn shipped_profiles_have_no_findings() {
        let networks = shipped().networks();
        assert_eq!(networks.len(), SHIPPED.len());
        for network in networks {
            let named = SHIPPED.iter().any(|(name, _)| *name == format!("networks/{}.toml", network.network));
            assert!(named && !network.kinds.is_empty() && !network.facts.is_empty(), "{network:?}");
        }
    }

    #[test]
    fn a_later_file_about_a_network_replaces_the_earlier() {
        let file = |title: &str| {
            let text = format!(
                "network = \"n\"\ntitle = \"{title}\"\nlocale.en.follow = \"{{name}} follows you\"\n\
                 [[layout]]\nname = \"a\"\nkind = \"follow\"\nfrom = \"a@b.example\"\nneeds = \"name\"\n"
            );
            Source::new(title, text)
        };
        let findings = Findings::default();
        let profiles = Profiles::compile(&[file("One"), file("Two")], &findings);
        let titles: Vec<_> = profiles.networks().into_iter().map(|network| network.title).collect();
        assert_eq!(titles, ["Two"]);
        assert_eq!(findings.into_sorted(), []);
    }

    #[test]
    fn every_mistake_in_a_profile_is_found_in_one_go() {
        let found = findings(
            r#"
network = "My Site"
titel = "x"
domains = ["site.example"]
[locale.en]
follow = ["{nmae} follows you", "{name"]
number = { decimal = "..", thousnd = "K" }
[[layout]]
name = "a"
kind = "folow"
needs = ["name", "boi"]
[[layout.mark]]
html = "a > b"
[[layout.mark]]
header = "X"
[[layout.read]]
is = "{name}"
"#,
        );
        let all = found.join("\n");
        for expected in [
            "this cannot name a network",
            "`title` is missing",
            "did you mean `title`?",
            "unknown hole `nmae`",
            "a `{` is not closed",
            "a decimal separator is one character",
            "did you mean `thousand`?",
            "unknown kind `folow`",
            "`from` is missing",
            "unknown fact `boi`",
            "expected `tag`, `.class`, `#id`",
            "`is` is missing",
            "this must look in exactly one place",
        ] {
            assert!(all.contains(expected), "{expected}\n{all}");
        }
    }

    #[test]
    fn a_fact_that_is_never_read_and_an_undefined_phrase_are_found() {
        let found = findings(
            r#"network = "site"
title = "Site"
locale.en.follow = "{name} follows you"
[[layout]]
name = "a"
kind = "follow"
subjects = "folow"
from = "a@b.example"
needs = ["name", "bio"]
"#,
        );
        assert_eq!(
            found,
            [
                "\
error: no locale defines the phrase `folow`
 --> n.toml:5:8
  |
5 | name = \"a\"
  |        ^^^ did you mean `follow`?",
                "\
error: nothing in this layout reads `name`
 --> n.toml:9:9
  |
9 | needs = [\"name\", \"bio\"]
  |         ^^^^^^^^^^^^^^^ add a `[[layout.read]]` for it",
                "\
error: nothing in this layout reads `bio`
 --> n.toml:9:9
  |
9 | needs = [\"name\", \"bio\"]
  |         ^^^^^^^^^^^^^^^ add a `[[layout.read]]` for it",
            ]
        );
    }

    proptest! {
        #[test]
        fn numbers_round_trip_through_every_languages_form(
            whole in 1_u64..1_000,
            thousandths in 0_u64..1_000,
            digits in 0_usize..4,
            space in "[ \u{a0}]?",
        ) {
            for locale in shipped().profiles.iter().flat_map(|profile| &profile.locales) {
                let Numerals { decimal, units } = &locale.numerals;
                prop_assert_eq!(locale.numerals.read(&whole.to_string()), Some(Shown::Value(whole)));
                for (word, size) in units {
                    let smaller = units.iter().any(|(other, less)| other == word && less < size);
                    let digits_after: String = format!("{thousandths:03}").chars().take(digits).collect();
                    let separator = if digits == 0 { String::new() } else { decimal.to_string() };
                    let printed = format!("{whole}{separator}{digits_after}{space}{word}");
                    let part = format!("{digits_after:0<3}").parse::<u64>().unwrap() * (size / 1_000);
                    let expected = Some(Shown::Value(whole * size + part));
                    prop_assert!(smaller || locale.numerals.read(&printed) == expected, "{} {}", locale.tag, printed);
                }
            }
        }
    }
}

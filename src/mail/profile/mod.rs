//! Profiles: the files that tell how the mails of a network are recognised and read, compiled.
//!
//! `read` reads the files, `layout` is what they compile to, `probe` looks for things in a mail, `recognise`
//! goes from a message to a notification. The form:
//!
//! ```toml
//! network = "site"                       # the word that rules use
//! title = "The Site"                     # as people call it
//! about = "where the facts are from"
//! domains = ["site.example"]             # the network's own; without them it is self-hosted
//! identified-by = "id"                   # parameters of a profile link that say whose it is; no others are kept
//! confidence = "low"                     # a guess: tried last, and never proven authentic
//!
//! [[redirect]]                           # a link that bears another in a parameter
//! link = "site.example/out"
//! parameter = "url"
//!
//! [locale.de]                            # subjects and other phrases by name; how numbers are printed
//! number = { decimal = ",", thousand = "Tsd.", million = ["Mio.", "Million"] }
//! follow = ["{name} folgt dir jetzt"]
//!
//! [[layout]]                             # an era or a kind; the first that fits and reads in full counts
//! name = "2020"
//! kind = "follow"                        # or follow-request, follow-batch
//! subjects = "follow"                    # the phrases that are its subjects; the kind, if not given
//! from = ["notify@site.example"]         # `*` for a variable part, or for any domain
//! signed-by = "site.example"             # a mail without a DKIM-Signature of it is forged
//! needs = ["handle", "name"]             # without these the mail is incomplete
//! shows = ["bio"]                        # there is a place for these: where they are missing, it is blank
//! names = "some"                         # where the mail names only some of those it is about
//! each = "table.entry"                   # one follower each; what is read is read within it
//! picture = { html = "img.avatar", default = "{}/default_{}.png" }
//!
//! [[layout.mark]]                        # has to be there (`not = true`: must not), and may take something
//! header = "List-ID"
//! is = "<follow.{you}.{host}>"
//!
//! [[layout.read]]                        # takes facts, if it is there
//! html = ".stats b"
//! each = ["{posts}", "{followers}"]
//! ```
//!
//! A mark or a read looks in one place: `header` with `is`; `text`, consecutive lines of the text part; `phrase`, a
//! line that is one of the locale's phrases; `html`, elements, with `is`, `lines`, `only` or `each`; `link`, host and path
//! of a link (in the elements of `html`, if that is given), with `query`. A link that is read is the follower's
//! profile; `url` says how to write it, if not as it stands. Holes are `{}` (anything), `{you}`, `{site}`, `{host}`
//! (the recipient, and where he is), `{id}` and the words of facts; what one takes twice has to agree.

mod layout;
mod nearest;
mod probe;
mod read;
mod recognise;
mod subjects;
mod summary;

use std::collections::BTreeMap;

use super::fact::Fact;
use super::network::Network;
use super::notification::Kind;
use super::numeral::Numerals;
use super::template::Template;
use crate::diagnostic::Source;
use crate::diagnostic::document::Findings;
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
    title: String,
    about: String,
    /// The domains that the network sends from; a self-hosted network has none.
    domains: Vec<String>,
    /// It says how mails of its kind look anywhere, and knows no network: its mails are tried last, and nothing can prove
    /// them authentic.
    is_guess: bool,
    redirects: Vec<Redirect>,
    /// The parameters of a link that say whose profile it is; no other becomes part of a fact.
    identified_by: Vec<String>,
    locales: Vec<Locale>,
    layouts: Vec<Layout>,
}

/// A link of the network's that bears another in a parameter.
#[derive(Debug)]
struct Redirect {
    link: Template,
    parameter: String,
}

/// How a network speaks one language.
#[derive(Debug)]
struct Locale {
    tag: String,
    numerals: Numerals,
    /// Subjects and other phrases by their name.
    phrases: BTreeMap<String, Vec<Template>>,
}

impl Profiles {
    /// Compiles profile files, one network each; of two files about one network the later holds. What is
    /// wrong is noted in `findings`, and a layout or a network with a mistake in it may then be missing.
    pub fn compile(sources: &[Source], findings: &Findings) -> Self {
        let mut profiles: Vec<Profile> = Vec::new();
        for source in sources {
            if let Some(profile) = read::read(source, findings) {
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

    /// Profiles to be put among one's own: they ship, and are not in use.
    pub fn offered_sources() -> Vec<Source> {
        OFFERED.iter().map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// The JSON Schema of a profile, for editors: a file in which the facts and kinds are filled in here. `tests/schema.rs`
    /// holds its keys against those that `read` knows.
    #[expect(clippy::indexing_slicing, reason = "the file that is filled in ships, and a test reads it")]
    pub fn schema() -> serde_json::Value {
        let file = include_str!("../../../config/schema/network.json");
        let mut schema: serde_json::Value = serde_json::from_str(file).unwrap_or_default();
        let definitions = &mut schema["definitions"];
        definitions["fact"]["enum"] = Fact::ALL.into_iter().map(Fact::word).collect();
        definitions["kind"]["enum"] = Kind::ALL.into_iter().map(Kind::word).collect();
        schema
    }

    /// Every network that a profile is there for, in the order of the files.
    pub fn networks(&self) -> Vec<NetworkSummary> {
        self.profiles.iter().map(Profile::summary).collect()
    }
}

/// What ships, and is used by nobody who does not ask for it.
const OFFERED: &[(&str, &str)] = &[
    ("generic.toml", include_str!("../../../config/generic.toml")),
    ("example.toml", include_str!("../../../config/example.toml")),
];

/// What ships.
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
];

impl Profile {
    /// The facts that a layout can take from a mail: from its subject, or from what it reads.
    fn facts_of(&self, layout: &Layout) -> Vec<Fact> {
        let phrases = |name: &str| {
            let facts = self.locales.iter().filter_map(|locale| locale.phrases.get(name)).flatten();
            facts.flat_map(|template| template.facts().collect::<Vec<_>>()).collect::<Vec<_>>()
        };
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

    /// Does it know unit words of any language?
    fn counts(&self) -> bool {
        self.locales.iter().any(|locale| locale.numerals != Numerals::default())
    }

    /// How numbers are printed in a mail: the language of its HTML part says so, else that of its subject,
    /// for a subject without a translation is in the network's default language.
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
    fn what_ships_is_without_findings() {
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
            "this is not a word for a network",
            "`title` is missing",
            "did you mean `title`?",
            "no hole is called `nmae`",
            "a `{` is not closed",
            "a decimal separator is one character",
            "did you mean `thousand`?",
            "unknown kind `folow`",
            "`from` is missing",
            "unknown fact `boi`",
            "expected `tag`, `.class`, `#id`",
            "`is` is missing",
            "this should look in one place",
        ] {
            assert!(all.contains(expected), "{expected}\n{all}");
        }
    }

    #[test]
    fn a_fact_that_nothing_reads_and_a_phrase_that_nothing_says_are_found() {
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
error: no locale says what `folow` is
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

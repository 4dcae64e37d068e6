//! Parses a profile file, and reports every mistake in it at once, each with its place.

use std::collections::BTreeMap;

use super::layout::{Layout, Mark, Picture, Sender};
use super::probe::{Holds, Probe, ProfileLink, Within};
use super::{Locale, Profile, Redirect};
use crate::diagnostic::document::{self, Findings, Table, Text, Value, list};
use crate::diagnostic::{Diagnostic, Source, SourceSpan, nearest};
use crate::mail::bindings::Hole;
use crate::mail::fact::Fact;
use crate::mail::network::Network;
use crate::mail::notification::Kind;
use crate::mail::numeral::Numerals;
use crate::mail::selector::Selector;
use crate::mail::template::{Form, Template, TemplateError};
use crate::text::one_line;

/// Parses one file; `None` if it does not name its network.
pub(super) fn read(source: &Source, findings: &Findings) -> Option<Profile> {
    document::read(source, findings, |mut table| {
        let network = table.require("network").and_then(|value| network(&value));
        let title = table.require("title").and_then(|value| value.string());
        let about = table.take("about").and_then(|value| value.string());
        let domains = strings(table.take("domains"));
        let confidence = table
            .take("confidence")
            .and_then(|value| word(&value, "confidence", &[("full", false), ("low", true)]));
        let identified_by = strings(table.take("identified-by"));
        let redirects = tables(table.take("redirect"), redirect);
        let locales =
            table.require("locale").and_then(|value| value.table()).map(locales).unwrap_or_default();
        let written = table.require("layout").and_then(|value| Some((value.tables()?, value)));
        let mut off = None;
        let layouts = match written {
            Some((tables, value)) if tables.is_empty() => {
                off = Some(SourceSpan { source: source.clone(), span: value.span() });
                Vec::new()
            }
            Some((tables, _)) => {
                tables.into_iter().filter_map(|table| layout(table, !domains.is_empty())).collect()
            }
            None => Vec::new(),
        };
        table.finish();
        let mut profile = Profile {
            network: network?,
            title: title?.text.into(),
            about: about.map(|about| about.text).unwrap_or_default(),
            domains: domains.into_iter().map(|domain| domain.text.to_lowercase()).collect(),
            is_guess: confidence.unwrap_or(false),
            redirects,
            identified_by: identified_by.into_iter().map(|parameter| parameter.text).collect(),
            locales,
            layouts: Vec::new(),
            off,
        };
        for (layout, place) in layouts {
            profile.check(&layout, &place);
            profile.layouts.push(layout);
        }
        Some(profile)
    })
}

/// A subject with fewer literal letters, in bytes (two Chinese characters), is too unspecific.
pub(super) const FEWEST_LETTERS: usize = 6;

/// The places of those parts of a layout that are checked against the rest of the file.
struct Places<'a> {
    layout: Value<'a>,
    needs: Option<Value<'a>>,
    shows: Option<Value<'a>>,
    /// Only the subject identifies its messages.
    is_open: bool,
}

impl Profile {
    /// The checks that need the whole file: phrases must be defined, and something must read each fact.
    fn check(&self, layout: &Layout, places: &Places<'_>) {
        let subjects = (!layout.any_subject).then_some(layout.subjects.as_str());
        let phrases = layout.probes().filter_map(Probe::phrase).chain(subjects);
        for phrase in phrases {
            if !self.locales.iter().any(|locale| locale.phrases.contains_key(phrase)) {
                let known = self.locales.iter().flat_map(|locale| locale.phrases.keys().map(String::as_str));
                let label = match nearest(phrase, known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("add `{phrase} = [...]` to a locale"),
                };
                places.layout.error(format!("no locale defines the phrase `{phrase}`"), label);
            }
        }
        if layout.any_subject && !layout.is_told_by_header() {
            let message = "a layout with any subject needs other signs";
            let label = "add whole addresses as `from`, and a `[[layout.mark]]` with `header`";
            places.layout.error(message, label);
        }
        let subjects =
            self.locales.iter().filter_map(|locale| locale.phrases.get(&layout.subjects)).flatten();
        if let Some(loose) = subjects.into_iter().find(|subject| subject.letters() < FEWEST_LETTERS) {
            let message = format!("the subject `{loose}` matches nearly every message");
            places.layout.error(message, "write the words that only these messages' subjects have");
        }
        if places.is_open {
            let message = "this layout would match every message with such a subject";
            places.layout.error(message, "add `from`, or a `[[layout.mark]]` that only these messages have");
        }
        let facts = self.facts_of(layout);
        let lists = [(&layout.needs, &places.needs), (&layout.shows, &places.shows)];
        for (named, value) in lists {
            for fact in named.iter().filter(|fact| !facts.contains(fact)) {
                if let Some(value) = value {
                    value.error(
                        format!("nothing in this layout reads `{fact}`"),
                        "add a `[[layout.read]]` for it",
                    );
                }
            }
        }
    }
}

fn network(value: &Value<'_>) -> Option<Network> {
    let text = value.string()?;
    let network = Network::new(&text.text);
    if network.is_none() {
        value.error("this cannot name a network", "use lower-case letters, digits and `-`");
    }
    network
}

fn redirect(mut table: Table<'_>) -> Option<Redirect> {
    let link = table.require("link").and_then(|value| template(&value, Form::Link));
    let parameter = table.require("parameter").and_then(|value| value.string());
    table.finish();
    Some(Redirect { link: link?, parameter: parameter?.text })
}

fn locales(mut table: Table<'_>) -> Vec<Locale> {
    let locales = table.take_rest().into_iter().filter_map(|value| {
        let mut table = value.table()?;
        let numerals = table.take("number").and_then(|value| value.table()).map(numerals).unwrap_or_default();
        let phrases: BTreeMap<_, _> = table
            .take_rest()
            .into_iter()
            .map(|value| (value.key().to_owned(), templates(&value, Form::Line)))
            .collect();
        Some(Locale { tag: value.key().to_owned(), numerals, phrases })
    });
    locales.collect()
}

fn numerals(mut table: Table<'_>) -> Numerals {
    let mut numerals = Numerals::default();
    if let Some(value) = table.take("decimal")
        && let Some(text) = value.string()
    {
        match text.text.chars().next() {
            Some(c) if text.text.chars().count() == 1 => numerals.decimal = c,
            _ => value.error("a decimal separator is one character", "such as \".\""),
        }
    }
    let sizes = [("thousand", 1_000), ("million", 1_000_000), ("billion", 1_000_000_000)];
    for (word, size) in sizes {
        let words = strings(table.take(word));
        numerals.units.extend(words.into_iter().map(|text| (one_line(&text.text, 100), size)));
    }
    table.finish();
    numerals
}

fn layout<'a>(mut table: Table<'a>, has_domains: bool) -> Option<(Layout, Places<'a>)> {
    let name = table.require("name");
    let place = name.clone();
    let name = name.and_then(|value| value.string());
    let kind = table
        .require("kind")
        .and_then(|value| word(&value, "kind", &Kind::ALL.map(|kind| (kind.word(), kind))));
    let subjects = table.take("subjects").and_then(|value| value.string());
    let any_subject = table.take("any-subject").and_then(|value| value.boolean()).unwrap_or(false);
    let from = if has_domains { table.require("from") } else { table.take("from") };
    let has_from = from.is_some();
    let from = from.map(|value| compiled(&value, Sender::compile, |_| None)).unwrap_or_default();
    let signed_by = table.take("signed-by").and_then(|value| value.string());
    let names =
        table.take("names").and_then(|value| word(&value, "choice", &[("all", true), ("some", false)]));
    let needs = table.require("needs");
    let shows = table.take("shows");
    let mark = table.take("mark");
    let has_mark = mark.is_some();
    let marks = tables(mark, |mut table| {
        let is_absent = table.take("not").and_then(|value| value.boolean()).unwrap_or(false);
        let probe = probe(&mut table, false);
        table.finish();
        Some(Mark { probe: probe?, is_absent })
    });
    let reads = tables(table.take("read"), |mut table| {
        let probe = probe(&mut table, true);
        table.finish();
        probe
    });
    let each = table.take("each").and_then(|value| selector(&value));
    let picture = table.take("picture").and_then(|value| value.table()).and_then(|mut table| {
        let image = table.require("html").and_then(|value| selector(&value));
        let defaults = table.require("default").map(|value| templates(&value, Form::Line));
        table.finish();
        Some(Picture { image: image?, defaults: defaults? })
    });
    table.finish();
    let (needed, shown) = (needs.as_ref().map(facts), shows.as_ref().map(facts));
    let kind = kind?;
    let only_absent = !marks.is_empty() && marks.iter().all(|mark| mark.is_absent);
    let is_open = !has_domains && !has_from && (!has_mark || only_absent);
    let layout = Layout {
        name: name?.text.into(),
        kind,
        // A phrase's name is never empty, so such a layout has no subjects.
        subjects: match any_subject {
            true => String::new(),
            false => subjects.map_or_else(|| kind.word().to_owned(), |text| text.text),
        },
        any_subject,
        from,
        signed_by: signed_by.map(|text| text.text.to_lowercase()),
        needs: needed.unwrap_or_default(),
        shows: shown.unwrap_or_default(),
        names_all: names.unwrap_or(true),
        marks,
        reads,
        each,
        picture,
    };
    Some((layout, Places { layout: place?, needs, shows, is_open }))
}

/// Where to look and what must be there. A mark may ask for an element alone; a read (`takes`) must capture something.
fn probe(table: &mut Table<'_>, takes: bool) -> Option<Probe> {
    let header = table.take("header");
    let text = table.take("text");
    let phrase = table.take("phrase");
    let link = table.take("link");
    let html = table.take("html");
    let is = table.take("is");
    let places = [&header, &text, &phrase, &link, &html];
    if places.iter().filter(|place| place.is_some()).count() != 1 && !(link.is_some() && html.is_some()) {
        let message = "this must look in exactly one place";
        let label = format!("expected one of {}", list(&["header", "text", "phrase", "link", "html"]));
        table.findings().add(Diagnostic::error(table.source(), table.span(), message).label(label));
        return None;
    }
    if let Some(link) = link {
        if let (Some(is), None) = (&is, &html) {
            is.error("`is` says what an element reads", "add `html`, or remove this");
            return None;
        }
        let within = match html {
            Some(html) => {
                let reads = match is {
                    Some(is) => Some(template(&is, Form::Line)?),
                    None => None,
                };
                Some(Within { select: selector(&html)?, reads })
            }
            None => None,
        };
        let query = table.take("query").and_then(|value| value.table()).map(|mut query| {
            let query = query.take_rest().into_iter();
            query.filter_map(|value| Some((value.key().to_owned(), template(&value, Form::Line)?))).collect()
        });
        let written =
            if takes { table.take("url").and_then(|value| template(&value, Form::Line)) } else { None };
        let profile = takes.then_some(ProfileLink { written });
        // A hole of a line may span a slash, so that one takes any link.
        let any = link.strings()?.iter().any(|link| link.text == "*");
        let is = if any { vec![Template::anything()] } else { templates(&link, Form::Link) };
        if is.is_empty() {
            return None;
        }
        return Some(Probe::Link { within, is, query: query.unwrap_or_default(), profile });
    }
    if let Some(header) = header {
        let name = header.string()?.text;
        let Some(is) = is else {
            header.error("`is` is missing", "say what the header field reads: `is = \"...\"`");
            return None;
        };
        return Some(Probe::Header { name, is: template(&is, Form::Line)? });
    }
    if let Some(text) = text {
        return Some(Probe::Text(some(&text, templates(&text, Form::Line))?));
    }
    if let Some(phrase) = phrase {
        return Some(Probe::Phrase(phrase.string()?.text));
    }
    let html = html?;
    let (lines, only) = (table.take("lines"), table.take("only"));
    let (each, all) = (table.take("each"), table.take("all"));
    let select = selector(&html)?;
    let several = |value: &Value<'_>| some(value, templates(value, Form::Line));
    let holds = match (is, lines, only, each, all) {
        (Some(is), None, None, None, None) => Holds::Text(template(&is, Form::Line)?),
        (None, Some(lines), None, None, None) => Holds::Lines(several(&lines)?),
        (None, None, Some(only), None, None) => Holds::Only(several(&only)?),
        (None, None, None, Some(each), None) => Holds::Each(several(&each)?),
        (None, None, None, None, Some(all)) => Holds::All(template(&all, Form::Line)?),
        (None, None, None, None, None) if !takes => Holds::Anything,
        _ => {
            let words = list(&["is", "lines", "only", "each", "all", "link"]);
            html.error("an element is read in one way", format!("expected one of {words}"));
            return None;
        }
    };
    Some(Probe::Html { select, holds })
}

fn tables<'a, T>(value: Option<Value<'a>>, read: impl FnMut(Table<'a>) -> Option<T>) -> Vec<T> {
    value.and_then(|value| value.tables()).unwrap_or_default().into_iter().filter_map(read).collect()
}

fn strings(value: Option<Value<'_>>) -> Vec<Text> {
    value.and_then(|value| value.strings()).unwrap_or_default()
}

fn some<T>(value: &Value<'_>, items: Vec<T>) -> Option<Vec<T>> {
    if items.is_empty() && !value.findings().any_error() {
        value.error("an empty list matches nothing", "add what should be there");
    }
    (!items.is_empty()).then_some(items)
}

/// Compiles each string of a value; an error becomes a finding at its place, with a label if there is one.
fn compiled<T, E: ToString>(
    value: &Value<'_>,
    compile: impl Fn(&str) -> Result<T, E>,
    label: impl Fn(&E) -> Option<String>,
) -> Vec<T> {
    let texts = value.strings().unwrap_or_default();
    let compile = |text: Text| match compile(&text.text) {
        Ok(compiled) => Some(compiled),
        Err(error) => {
            let finding = Diagnostic::error(value.source(), text.span, error.to_string());
            value.findings().add(match label(&error) {
                Some(label) => finding.label(label),
                None => finding,
            });
            None
        }
    };
    texts.into_iter().filter_map(compile).collect()
}

fn templates(value: &Value<'_>, form: Form) -> Vec<Template> {
    let label = |error: &TemplateError| match error {
        TemplateError::UnknownHole(word) => Some(match nearest(word, Hole::words()) {
            Some(hole) => format!("did you mean `{{{hole}}}`?"),
            None => format!("expected one of {}", list(&Hole::words())),
        }),
        TemplateError::Unclosed | TemplateError::Empty | TemplateError::HasScheme => None,
    };
    compiled(value, |text| Template::compile(text, form), label)
}

fn template(value: &Value<'_>, form: Form) -> Option<Template> {
    value.string()?;
    templates(value, form).pop()
}

fn selector(value: &Value<'_>) -> Option<Selector> {
    value.string()?;
    compiled(value, Selector::compile, |_| None).pop()
}

fn facts(value: &Value<'_>) -> Vec<Fact> {
    let known = Fact::ALL.map(Fact::word);
    let texts = value.strings().unwrap_or_default();
    let fact = |text: Text| {
        let fact = Fact::from_word(&text.text);
        if fact.is_none() {
            let label = match nearest(&text.text, known) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("expected one of {}", list(&known)),
            };
            let message = format!("unknown fact `{}`", text.text);
            value.findings().add(Diagnostic::error(value.source(), text.span, message).label(label));
        }
        fact
    };
    texts.into_iter().filter_map(fact).collect()
}

/// One of a few words.
fn word<T: Copy>(value: &Value<'_>, noun: &str, words: &[(&str, T)]) -> Option<T> {
    let text = value.string()?;
    let found = words.iter().find(|(word, _)| *word == text.text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        value.error(format!("unknown {noun} `{}`", text.text), format!("expected one of {}", list(&known)));
    }
    found
}

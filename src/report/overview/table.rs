//! An overview on a terminal: lines as wide as it is, with small bars.

use std::fmt::Write as _;

use super::period::day;
use super::{Advice, Counts, FiledBy, Overview, Person, bars};
use crate::report::columns::{padded, widest, width};
use crate::report::{Paint, Tone};

/// So many people of a kind are shown; `history` has them all.
const PEOPLE: usize = 40;
/// The narrowest and the widest lines.
const NARROWEST: usize = 40;
const WIDEST: usize = 110;
/// The longest bars.
const BAR: usize = 30;
/// The longest part of a bio that is shown, in characters.
const BIO: usize = 240;

/// The overview for a terminal with so many places in a line. Empty sections are left out.
pub fn table(overview: &Overview, places: usize, paint: Paint) -> String {
    let places = places.clamp(NARROWEST, WIDEST);
    let mut shown = summary(overview, paint);
    people(&mut shown, "real people", &overview.real, places, paint);
    people(&mut shown, "others in your inbox", &overview.others, places, paint);
    filed(&mut shown, &overview.filed, places, paint);
    over_time(&mut shown, overview, paint);
    suggestions(&mut shown, overview, places, paint);
    shown
}

fn summary(overview: &Overview, paint: Paint) -> String {
    let span = format!("Your new followers, {} to {}", day(overview.since), day(overview.until));
    let mut shown = format!("{}\n", paint.paint(Tone::Strong, &span));
    for line in overview.in_words() {
        let _ = writeln!(shown, "{line}");
    }
    shown
}

fn people(shown: &mut String, title: &str, people: &[Person], places: usize, paint: Paint) {
    if people.is_empty() {
        return;
    }
    let title = format!("{title} ({})", people.len());
    let _ = writeln!(shown, "\n{}", paint.paint(Tone::Strong, &title));
    for person in people.iter().take(PEOPLE) {
        shown.push_str(&one(person, places, paint));
    }
    if people.len() > PEOPLE {
        let _ = writeln!(shown, "  … and {} more: `followsift history` lists them", people.len() - PEOPLE);
    }
}

fn one(person: &Person, places: usize, paint: Paint) -> String {
    let mut who = paint.paint(Tone::Good, &person.called());
    if let Some(handle) = person.handle().filter(|handle| *handle != person.called()) {
        let _ = write!(who, " {handle}");
    }
    let mut lines = vec![format!("{who}  {}", paint.paint(Tone::Faint, &person.origin()))];
    let counts: Vec<_> = person.counts().iter().map(|(word, count)| format!("{word} {count}")).collect();
    let mut facts = counts.join(" · ");
    let shared = &person.verdict.shared_interests;
    if !shared.is_empty() {
        let gap = if facts.is_empty() { "" } else { " · " };
        let _ = write!(facts, "{gap}shares {}", shared.join(", "));
    }
    let bio = person.follower.bio.value().map(|bio| format!("\"{}\"", cut(bio, BIO)));
    for text in [Some(facts).filter(|facts| !facts.is_empty()), bio].into_iter().flatten() {
        lines.extend(wrapped(&text, places - 4).into_iter().map(|line| format!("  {line}")));
    }
    lines.extend(person.link.as_ref().map(|link| format!("  {link}")));
    lines.extend(
        wrapped(&person.why(), places - 4).iter().map(|why| format!("  {}", paint.paint(Tone::Faint, why))),
    );
    lines.iter().fold(String::new(), |all, line| format!("{all}  {line}\n"))
}

fn filed(shown: &mut String, filed: &[FiledBy], places: usize, paint: Paint) {
    let Some(most) = filed.iter().map(|one| one.messages).max() else { return };
    let _ = writeln!(shown, "\n{}", paint.paint(Tone::Strong, "filed, by rule"));
    let names: Vec<_> = filed.iter().map(FiledBy::name).collect();
    let bar = (places / 4).min(BAR);
    let room = places.saturating_sub(bar + 12);
    let names: Vec<_> = names.iter().map(|name| cut(name, room)).collect();
    let column = widest(names.iter().map(String::as_str)).min(room);
    for (one, name) in filed.iter().zip(&names) {
        let bar = bars::blocks(&[(one.messages, '█', Tone::Bad)], most, bar, paint);
        let _ = writeln!(shown, "  {}  {bar} {:>6}", padded(name, column), one.messages);
        let _ = writeln!(shown, "    {}", paint.paint(Tone::Faint, &format!("to {}", one.places())));
    }
    let _ = writeln!(shown, "  {}", paint.paint(Tone::Faint, "`followsift restore` puts messages back"));
}

fn over_time(shown: &mut String, overview: &Overview, paint: Paint) {
    let Some(most) = overview.periods.iter().map(|it| it.counts.all()).max().filter(|most| *most > 0) else {
        return;
    };
    let title = format!("by {}", overview.unit.word());
    let _ = writeln!(
        shown,
        "\n{}  {} real  {} others  {} filed",
        paint.paint(Tone::Strong, &title),
        paint.paint(Tone::Good, "█"),
        paint.paint(Tone::Doubt, "▓"),
        paint.paint(Tone::Bad, "░")
    );
    let names: Vec<_> = overview.periods.iter().map(|period| overview.unit.name(period.from)).collect();
    let column = widest(names.iter().map(String::as_str));
    for (period, name) in overview.periods.iter().zip(&names) {
        let Counts { real, others, filed } = period.counts;
        let parts = [(real, '█', Tone::Good), (others, '▓', Tone::Doubt), (filed, '░', Tone::Bad)];
        let bar = bars::blocks(&parts, most, BAR, paint);
        let _ = writeln!(shown, "  {}  {bar} {:>6}", padded(name, column), period.counts.all());
    }
}

fn suggestions(shown: &mut String, overview: &Overview, places: usize, paint: Paint) {
    if overview.suggestions.is_empty() {
        return;
    }
    let _ = writeln!(shown, "\n{}", paint.paint(Tone::Strong, "suggested rules"));
    for (number, Advice { words, toml }) in overview.suggestions.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let words = words.iter().flat_map(|words| wrapped(words, places - 2));
        let lines: Vec<_> = words.chain([String::new()]).chain(toml.lines().map(str::to_owned)).collect();
        let lines = lines.iter().map(|line| format!("  {line}").trim_end().to_owned());
        let _ = writeln!(shown, "{gap}{}", lines.collect::<Vec<_>>().join("\n"));
    }
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Wraps text at blanks. A longer word is a line of its own.
fn wrapped(text: &str, places: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= places => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

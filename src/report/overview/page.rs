//! An overview as one page of HTML that needs nothing beside itself: no script, no picture, no request. Its texts are put in by
//! maud, which escapes each of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::period::day;
use super::{Advice, FiledBy, NAMED, Overview, Person, bars, plural};
use crate::report::link;
use crate::text::one_line;

/// The colours are chosen for contrast: text 4.5 to 1 and bars 3 to 1 on what is behind them (WCAG 2.2, 1.4.3 and 1.4.11).
const STYLE: &str = include_str!("page.css");
/// So many people of a kind are shown, so that the page stays one that opens at once; `history` has them all.
const PEOPLE: usize = 300;
/// The longest part shown of the fields of a profile, in characters.
const FIELDS: usize = 300;

/// The page.
pub fn page(overview: &Overview) -> String {
    // Allows this one style sheet, and nothing else, whatever a message could bring into the page.
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Your new followers, " (day(overview.since)) " to " (day(overview.until)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(overview))
                main {
                    (people("Real people", "real", &overview.real))
                    (people("Others in your inbox", "others", &overview.others))
                    (filed(&overview.filed))
                    (over_time(overview))
                    (suggestions(&overview.suggestions))
                }
                footer {
                    p {
                        "Made by followsift from what it remembers, in UTC. "
                        code { "followsift history" } " has every message, with the facts and the rule behind its verdict; "
                        code { "followsift restore" } " puts back what was filed."
                    }
                }
            }
        }
    };
    page.into_string()
}

fn header(overview: &Overview) -> Markup {
    let totals = overview.totals;
    let tiles = [
        ("real", "about real people", totals.real),
        ("others", "about others, in your inbox", totals.others),
        ("filed", "filed", totals.filed),
    ];
    html! {
        header {
            h1 { "Your new followers" }
            p.faint {
                (moment(overview.since)) " to " (moment(overview.until)) " · " (plural(totals.all(), "message"))
            }
            dl.tiles {
                @for (class, what, count) in tiles {
                    div class=(class) { dt { (what) } dd { (grouped(count)) } }
                }
            }
            div.notes.faint { @for line in overview.notes() { p { (line) } } }
        }
    }
}

fn people(title: &str, class: &str, people: &[Person]) -> Markup {
    html! {
        @if !people.is_empty() {
            section {
                h2 { (title) " " small { (people.len()) } }
                ul class={ "people " (class) } { @for person in people.iter().take(PEOPLE) { li { (one(person)) } } }
                @if people.len() > PEOPLE {
                    p.faint { "… and " (people.len() - PEOPLE) " more: " code { "followsift history" } " lists them." }
                }
            }
        }
    }
}

fn one(person: &Person) -> Markup {
    let called = person.called();
    let handle = person.handle().filter(|handle| *handle != called);
    let counts = person.counts();
    let shared = &person.verdict.shared_interests;
    let target = person.link.as_deref().and_then(|url| Some((url, link::host(url)?)));
    html! {
        article {
            h3 { bdi { (called) } }
            p.small.faint {
                @if let Some(handle) = &handle { bdi { (handle) } br; }
                (person.origin())
            }
            @if let Some(bio) = person.follower.bio.value() { p.bio { bdi { (bio) } } }
            @if let Some(fields) = person.follower.profile_fields.value() { p.small { bdi { (one_line(fields, FIELDS)) } } }
            @if !counts.is_empty() {
                ul.counts.small { @for (word, count) in counts { li { b { (grouped(count)) } " " (word) } } }
            }
            @if !shared.is_empty() {
                ul.tags aria-label="shared interests" { @for interest in shared { li { (interest) } } }
            }
            @if let Some((url, host)) = target {
                p { a href=(url) rel="noreferrer noopener" { "Profile on " (host.to_unicode()) } }
            }
            p.why.small.faint { bdi { (person.why()) } }
        }
    }
}

fn filed(filed: &[FiledBy]) -> Markup {
    let most = filed.iter().map(|one| one.messages).max().unwrap_or_default();
    html! {
        @if !filed.is_empty() {
            section {
                h2 { "Filed, by rule" }
                ul.rows {
                    @for one in filed {
                        li {
                            div.head { h3 { bdi { (one.name()) } } b { (one.messages) } }
                            (bars::svg(&[(one.messages, "filed")], most))
                            details {
                                summary { "Who, and where" }
                                p.small.faint { "To " (one.places()) }
                                p.small {
                                    @for (place, name) in one.names.iter().enumerate() {
                                        @if place > 0 { " · " }
                                        bdi { (name) }
                                    }
                                    @if one.names.len() >= NAMED { " · …" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn over_time(overview: &Overview) -> Markup {
    let most = overview.periods.iter().map(|it| it.counts.all()).max().unwrap_or_default();
    html! {
        @if most > 0 {
            section {
                h2 { "By " (overview.unit.word()) }
                p.legend {
                    @for kind in ["real", "others", "filed"] { span { i class=(kind) {} (kind) } }
                }
                table {
                    thead {
                        tr {
                            th scope="col" { (overview.unit.word()) }
                            th scope="col" {}
                            @for kind in ["real", "others", "filed"] { th.number.part scope="col" { (kind) } }
                            th.number scope="col" { "all" }
                        }
                    }
                    tbody {
                        @for period in &overview.periods {
                            @let counts = period.counts;
                            @let parts = [(counts.real, "real"), (counts.others, "others"), (counts.filed, "filed")];
                            tr {
                                th scope="row" { (overview.unit.name(period.from)) }
                                td.bar { (bars::svg(&parts, most)) }
                                @for (count, _) in parts { td.number.part { (count) } }
                                td.number { (counts.all()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn suggestions(suggestions: &[Advice]) -> Markup {
    html! {
        @if !suggestions.is_empty() {
            section {
                h2 { "Suggested rules" }
                ul.rows {
                    @for Advice { words, toml } in suggestions {
                        li {
                            @for words in words { p { bdi { (words) } } }
                            pre { code { (toml) } }
                        }
                    }
                }
            }
        }
    }
}

/// A number with its digits in groups: `12,500`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn moment(at: crate::clock::Timestamp) -> Markup {
    html! { time datetime=(at.date()) { (day(at)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, shown) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
        {
            assert_eq!(grouped(number), shown);
        }
    }
}

//! The digest as HTML: one page without scripts, pictures or anything else from elsewhere, in the reader's light or dark colours. Its
//! texts are put in by maud, which escapes each of them.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{BACK, Link, MORE, People, Person, Words};

/// Nothing is loaded, whatever a text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Mail programs know less of CSS than browsers; without it, the page is plain and readable.
const STYLE: &str = "
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 16px; max-width: 640px; font: 16px/1.5 system-ui, sans-serif; color: #1c1c1e; background: #fff; }
h1 { font-size: 21px; line-height: 1.3; margin: 0 0 16px; }
h2 { font-size: 17px; margin: 32px 0 8px; border-bottom: 1px solid #c9c9ce; }
ul { list-style: none; margin: 0; padding: 0; }
li { margin: 16px 0; overflow-wrap: anywhere; }
p { margin: 0; }
a { color: #0a58ca; }
code { overflow-wrap: anywhere; }
.faint { color: #5c5c63; }
@media (prefers-color-scheme: dark) {
body { color: #f2f2f4; background: #1c1c1e; }
h2 { border-color: #48484d; }
a { color: #8ab4f8; }
.faint { color: #b0b0b8; }
}
";

/// The whole page.
pub(super) fn page(words: &Words) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (words.subject()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Your new followers, " (words.span) }
                    @for (heading, People { shown, is_cut }) in words.sections() {
                        h2 { (heading) }
                        ul { @for one in shown { li { (person(one)) } } }
                        @if *is_cut { p.faint { (MORE) } }
                    }
                    @if !words.filed.is_empty() {
                        h2 { "Filed" }
                        ul { @for line in &words.filed { li { (line) } } }
                    }
                    @if let Some(command) = &words.back { p { (BACK) br; code { (command) } } }
                }
            }
        }
    };
    page.into_string()
}

fn person(Person { who, link, bio, facts }: &Person) -> Markup {
    html! {
        p { strong { bdi { (who) } } }
        @match link {
            Some(Link { shown, target: Some(target) }) => {
                p { a href=(target) rel="noreferrer noopener" { (shown) } }
            }
            Some(Link { shown, target: None }) => p.faint { bdi { (shown) } },
            None => {}
        }
        @if let Some(bio) = bio { p { bdi { (bio) } } }
        @if !facts.is_empty() { p.faint { (facts) } }
    }
}

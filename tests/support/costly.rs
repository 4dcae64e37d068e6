//! Messages that are made to cost: a fixture's header and content, and before them as much as fits of what templates,
//! selectors and links have to look at in vain. For the test that counts the work and the benchmark that times it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each user of it needs another part of it, and may fail"
)]

use std::fs;
use std::path::{Path, PathBuf};

use followsift::mail::Message;

/// A fixture taken apart, to be put together with other content.
pub struct Opening {
    /// The folder of the fixture: `mastodon/4.6-follow`.
    pub name: String,
    header: String,
    text: String,
    html: String,
}

/// What a message is filled with.
pub struct Filling {
    pub name: &'static str,
    place: Place,
    make: fn(&Opening, usize) -> String,
}

/// Where a message is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Above the header of the fixture.
    Header,
    /// Before its text.
    Text,
    /// Before its HTML.
    Html,
}

/// All fixtures.
pub fn openings() -> Vec<Opening> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The package of the fuzz targets lies beside the fixtures.
    let corpora = [package.join("tests/corpus"), package.join("../corpus")];
    let corpus = corpora.into_iter().find(|corpus| corpus.is_dir()).unwrap();
    let folders = |path: &Path| -> Vec<PathBuf> {
        let mut folders: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders
    };
    let networks =
        folders(&corpus).into_iter().filter(|network| network.is_dir() && !network.ends_with("private"));
    networks.flat_map(|network| folders(&network)).map(|case| opening(&corpus, &case)).collect()
}

fn opening(corpus: &Path, case: &Path) -> Opening {
    let bytes = fs::read(case.join("message.eml")).unwrap();
    let message = Message::parse(&bytes).unwrap();
    let all = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    let header = all.split("\n\n").next().unwrap_or_default();
    let mut kept = String::new();
    let mut keeps = true;
    for line in header.lines() {
        if !line.starts_with([' ', '\t']) {
            let line = line.to_lowercase();
            keeps = !line.starts_with("content-") && !line.starts_with("mime-version");
        }
        if keeps {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    Opening {
        name: case.strip_prefix(corpus).unwrap().display().to_string(),
        header: kept,
        text: message.text().unwrap_or_default().to_owned(),
        html: message.html().unwrap_or_default().to_owned(),
    }
}

/// A message of about `size` bytes.
pub fn message(opening: &Opening, filling: &Filling, size: usize) -> Vec<u8> {
    filled(opening, filling.place, &(filling.make)(opening, size))
}

/// A message with something put into one place of it.
pub fn filled(opening: &Opening, into: Place, fill: &str) -> Vec<u8> {
    let at = |place| if into == place { fill } else { "" };
    format!(
        "{}{}MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=of-parts\n\n\
         --of-parts\nContent-Type: text/plain; charset=utf-8\n\n{}\n{}\n\
         --of-parts\nContent-Type: text/html; charset=utf-8\n\n{}\n{}\n--of-parts--\n",
        opening.header,
        at(Place::Header),
        at(Place::Text),
        opening.text,
        at(Place::Html),
        opening.html,
    )
    .into_bytes()
}

fn repeated(piece: &str, size: usize) -> String {
    piece.repeat(size / piece.len().max(1))
}

/// A piece that is repeated to lines of nearly the length that counts.
fn lines(piece: &str, size: usize) -> String {
    repeated(&format!("{}\n", repeated(piece, 3_900)), size.max(3_901))
}

fn text(name: &'static str, make: fn(&Opening, usize) -> String) -> Filling {
    Filling { name, place: Place::Text, make }
}

fn html(name: &'static str, make: fn(&Opening, usize) -> String) -> Filling {
    Filling { name, place: Place::Html, make }
}

fn header(name: &'static str, make: fn(&Opening, usize) -> String) -> Filling {
    Filling { name, place: Place::Header, make }
}

/// The lines of a text, each a little longer than it was, so that nothing fits any more.
fn spoilt(text: &str) -> String {
    text.lines().map(|line| format!("{line} x\n")).collect()
}

/// What there is to fill a message with: for every hole, selector, header and link.
pub fn fillings() -> Vec<Filling> {
    vec![
        text("nothing", |_, _| String::new()),
        text("its own lines, spoilt", |it, size| repeated(&spoilt(&it.text), size)),
        text("the first half of its lines", |it, size| {
            let lines: Vec<_> = it.text.lines().collect();
            let half = lines.get(..lines.len() / 2).unwrap_or_default().join("\n");
            repeated(&format!("{half}\n"), size)
        }),
        text("punycode", |_, size| repeated(&format!("evil@xn--{}\n", "a".repeat(1_981)), size)),
        text("short punycode", |_, size| lines("a@xn--bcher-kva.xn--bcher-kva.example", size)),
        text("punycode in links", |_, size| repeated("https://xn--bcher-kva.example/@ann ", size)),
        text("handles", |_, size| lines("(@ann@toot.example) ", size)),
        text("one long handle", |_, size| lines("ann.", size)),
        text("at signs", |_, size| lines("@", size)),
        text("letters of Unicode", |_, size| lines("é", size)),
        text("accents", |_, size| lines("e\u{301}\u{35d}\u{308}", size)),
        text("brackets", |_, size| lines("[https://a.example/b] (", size)),
        text("numbers", |_, size| lines("1 234 ", size)),
        text("words of templates", |_, size| lines("is now following you on a: b, c (@d) ", size)),
        text("short lines", |_, size| repeated("x\n", size)),
        text("links", |_, size| repeated("https://a.example/b\n", size)),
        text("long links", |_, size| repeated(&format!("https://a.example/{}\n", "%41".repeat(1_300)), size)),
        text("redirects", |_, size| {
            repeated(
                "https://twitter.com/i/redirect?nid=23+1&url=https%3A%2F%2Ftwitter.com%2Fa%2Fb&cn=x\n",
                size,
            )
        }),
        html("its own HTML", |it, size| repeated(&it.html, size)),
        html("its own HTML without end tags", |it, size| {
            let pieces: Vec<_> = it
                .html
                .split("</")
                .map(|piece| piece.split_once('>').map_or(piece, |(_, rest)| rest))
                .collect();
            repeated(&pieces.join(" "), size)
        }),
        html("elements", |_, size| repeated("<b>", size)),
        html("short elements", |_, size| repeated("<b>1</b>", size)),
        html("classes around elements", |_, size| {
            let around = format!("<div class='{}'>", "x ".repeat(4_000));
            around.repeat((size * 4 / 5 / around.len()).min(150)) + &repeated("<b></b>", size / 5)
        }),
        html("classes that selectors ask for", |_, size| {
            let around =
                "<div class='user entry email-account-stats-table email-account-handle hero_name bio'>";
            around.repeat(150) + &repeated("<b class='name'>1 x</b>", size)
        }),
        html("nested tables of lines", |_, size| {
            "<table class='entry user'><tr><td>".repeat(60) + &repeated("x<br>1 2<br>", size)
        }),
        html("entries", |_, size| repeated("<table class=entry><td class='bio name screen-name'>@a", size)),
        html("links", |_, size| repeated("<a href='https://a.example/b/c'>x</a>", size)),
        html("links in every element", |_, size| {
            repeated("<p class=x><a href='https://twitter.com/a/b'>", size)
        }),
        html("pictures", |_, size| {
            repeated("<img class='hero_avatar' src='https://a.example/default/b'>", size)
        }),
        html("text", |_, size| lines("x a ", size)),
        html("accents", |_, size| {
            format!("<p class='user hero_bio bio entry'>{}", lines("e\u{301}\u{35d}\u{308}", size))
        }),
        header("List-ID", |_, size| repeated("List-ID: <follow.me.xn--bcher-kva.example.>\n", size)),
        header("one long List-ID", |_, size| {
            let long = format!("List-ID: <{}>\n", "follow.a.xn--bcher-kva.".repeat(2_600));
            long.repeat((size / long.len()).max(1))
        }),
        header("encoded words", |_, size| {
            let long = format!("List-ID: {}\n", "=?utf-8?Q?=C3=A9?= ".repeat(450));
            long.repeat((size / long.len()).max(1))
        }),
        header("short headers", |_, size| repeated("X: y\n", size)),
        header("its own headers, spoilt", |it, size| {
            let fields = it.header.lines().filter(|line| line.starts_with("X-") || line.starts_with("List-"));
            repeated(&fields.map(|line| format!("{line}x\n")).collect::<String>(), size)
        }),
        header("results", |_, size| {
            let long = format!(
                "Authentication-Results: mx.post.example{}\n",
                "; dkim=pass header.d=a.example".repeat(1_000)
            );
            long.repeat((size / long.len()).max(1))
        }),
        header("signatures", |_, size| repeated("DKIM-Signature: v=1; d=a.example; b=x\n", size)),
        header("senders", |_, size| repeated("From: a@b.example\n", size)),
    ]
}

/// Headers with a subject of the length that counts, made of what the subjects of an opening hold.
pub fn subjects(openings: &[Opening]) -> Vec<(String, Vec<u8>)> {
    let pieces = ["@", "a@xn--bcher-kva.", "ann.", "é", "x is now following you ", "(@a) ", "1 ", "[a] "];
    let subject = |opening: &Opening| {
        let message = format!("{}\n", opening.header);
        Message::parse(message.as_bytes()).unwrap().subject().to_owned()
    };
    let others = |opening: &Opening| {
        let mut keeps = true;
        let lines = opening.header.lines().filter(|line| {
            if !line.starts_with([' ', '\t']) {
                keeps = !line.to_lowercase().starts_with("subject:");
            }
            keeps
        });
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let mut messages = Vec::new();
    for opening in openings {
        let (subject, others) = (subject(opening), others(opening));
        for piece in pieces {
            let long = repeated(piece, 900 - subject.len().min(800));
            for subject in [
                format!("{long}{subject}"),
                format!("{subject}{long}"),
                format!("{subject} {long} {subject}"),
            ] {
                messages.push((
                    format!("{}: {piece}", opening.name),
                    format!("Subject: {subject}\n{others}\nx\n").into_bytes(),
                ));
            }
        }
    }
    messages
}

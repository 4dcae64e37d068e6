//! Followers whose names cannot be seen: every fixture's names are replaced by such names, wherever the message has them, and the
//! message must show all else as before. A follower must not be able to hide from the rules.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Fact, Follower, Message, Notification, Profiles, Recognition, Shown, Trust};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Names that show nothing.
const NAMES: &[&str] = &[
    "\u{200b}",
    "\u{200b}\u{200b}\u{200b}",
    "\u{3164}",
    "\u{115f}\u{1160}",
    "\u{ffa0}",
    "\u{202e}",
    "\u{200e}\u{200f}",
    "\u{2060}",
    "\u{feff}",
    "\u{ad}",
    "\u{180e}",
    "\u{2800}",
    "\u{2800}\u{2800}",
    "\u{e0020}",
    "\u{200b} \u{200b}",
    "\u{a0}\u{200b}",
];

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|entry| entry.is_dir());
    entries.sort();
    entries
}

fn recognise(profiles: &Profiles, bytes: &[u8]) -> Option<Notification> {
    let message = Message::parse(bytes).ok()?;
    match profiles.recognise(&message, &Trust::default(), Timestamp(0)) {
        Recognition::Recognised(notification) => {
            assert!(profiles.plausible(bytes), "recognised, but not plausible");
            Some(notification)
        }
        _ => None,
    }
}

/// The message as plain text in UTF-8, with its subject, its text and its HTML changed.
fn rewritten(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let message = Message::parse(bytes).unwrap();
    let source = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let header = source.split("\n\n").next().unwrap().replace("\n ", " ").replace("\n\t", " ");
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap().to_lowercase();
        !name.starts_with("content-") && name != "subject" && name != "mime-version"
    };
    let fields: String = header.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    let subject = change(message.subject());
    let parts = [("plain", message.text()), ("html", message.html())].into_iter();
    let parts: Vec<_> = parts.filter_map(|(kind, text)| Some((kind, text?))).collect();
    if let [(kind, text)] = parts.as_slice() {
        let text = change(text);
        return format!("{fields}Subject: {subject}\nContent-Type: text/{kind}; charset=utf-8\n\n{text}\n")
            .into_bytes();
    }
    let parts: String = parts
        .into_iter()
        .map(|(kind, text)| format!("--b_b\nContent-Type: text/{kind}; charset=utf-8\n\n{}\n", change(text)))
        .collect();
    format!(
        "{fields}Subject: {subject}\nContent-Type: multipart/alternative; boundary=b_b\n\n{parts}--b_b--\n"
    )
    .into_bytes()
}

/// What a follower shows besides the name.
fn others(follower: &Follower) -> Vec<String> {
    let facts = Fact::ALL.into_iter().filter(|fact| *fact != Fact::Name);
    facts.map(|fact| format!("{fact}: {:?}", follower.fact(fact))).collect()
}

/// As links have it.
fn escaped(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn renamed(text: &str, name: &str, other: &str) -> String {
    text.replace(name, other).replace(&escaped(name), &escaped(other))
}

/// The follower whose link has the name in it.
fn linked(follower: &Follower, name: &str, other: &str) -> Follower {
    let url = follower.url.clone().map(|url| url.replace(&escaped(name), &escaped(other)));
    Follower { url, ..follower.clone() }
}

/// The followers, without the ids that they have of their messages alone.
fn without_ids(followers: Vec<Follower>) -> Vec<Follower> {
    let is_of_network = |id: &String| !id.starts_with("blank ");
    followers.into_iter().map(|of| Follower { id: of.id.clone().filter(is_of_network), ..of }).collect()
}

#[test]
fn two_followers_of_whom_nothing_can_be_seen_are_never_one() {
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let name = "\u{200b}";
    // Nothing but the name shows who asks.
    let keys = |fields: &str, names: &str| {
        let bytes = format!(
            "From: venmo@venmo.com\n{fields}Subject: {names} wants to be friends with you on Venmo\n\nHi\n"
        );
        let found = recognise(&profiles, bytes.as_bytes()).unwrap();
        found.keys().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
    };
    let (one, other) = ("Message-ID: <1@strava.com>\n", "Message-ID: <2@strava.com>\n");
    assert_eq!(keys(one, name), keys(one, name));
    assert_ne!(keys(one, name), keys(other, name));
    let (one, other) = ("Received: by a id 1\n", "Received: by a id 2\n");
    assert_ne!(keys(one, name), keys(other, name));
    assert_eq!(keys(one, "Ann"), keys(other, "Ann"));
}

#[test]
fn a_name_that_cannot_be_seen_is_blank_and_hides_nothing() {
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut tried, mut in_links, mut wrong) = (0, 0, Vec::new());
    for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
        let bytes = fs::read(case.join("message.eml")).unwrap();
        let plain = rewritten(&bytes, str::to_owned);
        let Some(genuine) = recognise(&profiles, &plain) else { continue };
        // A name that is in the handle, in the site or in the link cannot be changed alone, nor one that HTML writes otherwise.
        let is_alone = |name: &str| {
            let visible = "Quirina Vexley";
            let mail = rewritten(&bytes, |text| renamed(text, name, visible));
            recognise(&profiles, &mail).is_some_and(|found| {
                found
                    .followers
                    .iter()
                    .map(others)
                    .eq(genuine.followers.iter().map(|follower| others(&linked(follower, name, visible))))
            })
        };
        let names = genuine.followers.iter().filter_map(|follower| follower.name.value());
        for name in names.filter(|name| name.len() > 2 && !name.contains(['<', '"', '&']) && is_alone(name)) {
            for blank in NAMES {
                tried += 1;
                let has_link = |follower: &Follower| linked(follower, name, blank).url != follower.url;
                in_links += usize::from(genuine.followers.iter().any(has_link));
                let mail = rewritten(&bytes, |text| renamed(text, name, blank));
                let found = recognise(&profiles, &mail).map(|found| found.followers).unwrap_or_default();
                let found = without_ids(found);
                let expected = genuine.followers.iter().map(|follower| match follower.name.value() {
                    Some(named) if named == name => {
                        Follower { name: Shown::Empty, ..linked(follower, name, blank) }
                    }
                    _ => follower.clone(),
                });
                let expected: Vec<_> = expected.collect();
                if found != expected {
                    wrong.push(format!("{} {}: {found:?}", case.display(), blank.escape_unicode()));
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
    assert!(in_links > 10, "{in_links}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_name_that_cannot_be_seen_is_blank_whatever_else_the_message_has() {
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mastodon/tracked/message.eml");
    let lines: String = (0..1_000).map(|number| format!("\n--=_marked_{number}\n")).collect();
    let mail = rewritten(&fs::read(fixture).unwrap(), |text| match text.contains('\n') {
        true => text.replace("Asta Vik", "\u{200b}") + &lines,
        false => text.to_owned(),
    });
    let found = recognise(&profiles, &mail).unwrap();
    assert_eq!(found.followers.first().unwrap().name, Shown::Empty);
}

//! Hostile messages: whatever they are, reading them ends soon, without a panic, and yields nothing that a terminal obeys.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Fact, Message, Profiles, Recognition, Trust, correspondents, one_line};
use proptest::prelude::*;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let folders =
        |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut cases: Vec<_> = folders(&corpus).iter().flat_map(|network| folders(network)).collect();
    cases.sort();
    cases.iter().map(|case| fs::read(case.join("message.eml")).unwrap()).collect()
});

/// Reads a message in every way there is, and checks what has to hold for all of them.
fn read(bytes: &[u8]) -> Option<Recognition> {
    let is_plausible = PROFILES.plausible(bytes);
    correspondents(bytes);
    let message = Message::parse(bytes).ok()?;
    let recognition = PROFILES.recognise(&message, &Trust::default(), Timestamp(0));
    if let Recognition::Recognised(notification) = &recognition {
        assert!(is_plausible, "recognised, but not plausible");
        assert!(!notification.followers.is_empty());
        for follower in &notification.followers {
            for fact in Fact::ALL {
                if let Some(text) = follower.text(fact).value() {
                    assert_eq!(*text, one_line(text, 2_000), "{fact}");
                }
            }
        }
    }
    Some(recognition)
}

/// Hero's message of 2015 with something in place of the bio.
fn hero(bio: &str) -> String {
    let link = "https://twitter.com/i/redirect?url=https%3A%2F%2Ftwitter.com%2Fann&cn=Zm9sbG93ZXI%3D";
    format!(
        "DKIM-Signature: d=twitter.com; b=x\nFrom: A <notify@twitter.com>\n\
         Subject: Ann (@ann) is now following you on Twitter!\nContent-Type: text/html; charset=utf-8\n\n\
         <a href='{link}' class=hero_name>Ann</a><p class=hero_bio>{bio}</p><p class=follow_button>x</p>"
    )
}

fn ends_soon(mail: impl AsRef<[u8]>) -> Option<Recognition> {
    let start = Instant::now();
    let recognition = read(mail.as_ref());
    // Unoptimised builds on a busy machine are slow; what is not bounded would take minutes.
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    recognition
}

#[test]
fn the_message_that_the_hostile_ones_are_made_of_is_recognised() {
    assert!(matches!(ends_soon(hero("Gardener")), Some(Recognition::Recognised(_))));
}

#[test]
fn ten_megabytes_of_html_are_bounded() {
    for piece in [
        "<div>",
        "<td>x",
        "<a href='https://x.example/'>",
        "</p>",
        "<p class=hero_bio>",
        "&amp;",
        "<!--",
        "x ",
    ] {
        ends_soon(hero(&piece.repeat(10_000_000 / piece.len())));
    }
}

#[test]
fn nesting_and_thousands_of_parts_are_bounded() {
    let mut nested = hero("x").replace("text/html; charset=utf-8", "multipart/mixed; boundary=b0x");
    for depth in 0..2_000 {
        nested
            .push_str(&format!("\n--b{depth}x\nContent-Type: multipart/mixed; boundary=b{}x\n\n", depth + 1));
    }
    assert_eq!(ends_soon(nested), None);
    let parts = "\n--b\nContent-Type: text/plain\n\nx".repeat(100_000);
    ends_soon(format!("From: notify@twitter.com\nContent-Type: multipart/mixed; boundary=b\n\n{parts}"));
}

#[test]
fn twenty_thousand_encoded_words_and_endless_headers_are_bounded() {
    let words = "=?utf-8?B?QQ==?= ".repeat(20_000);
    for field in ["Subject", "From", "To", "List-ID", "X-Twitteremailtype", "Authentication-Results"] {
        ends_soon(format!("{field}: {words}\n{}", hero("x")));
        ends_soon(format!("{field}: {}\n{}", "((((\"a@b, ".repeat(1_000_000), hero("x")));
    }
    ends_soon(format!("{}{}", "X: y\n".repeat(500_000), hero("x")));
}

#[test]
fn what_hides_or_reorders_text_does_not_get_through() {
    let Some(Recognition::Recognised(notification)) =
        ends_soon(hero("\u{202e}evil\u{2069} \u{1b}[31m\u{0}&#27;[2J&#x202e; a\u{200b}b"))
    else {
        panic!("not recognised");
    };
    let bio = notification.followers.first().unwrap().bio.value().unwrap();
    assert!(
        !bio.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2069}' | '\u{200b}')),
        "{bio:?}"
    );
}

#[test]
fn long_facts_are_capped() {
    let Some(Recognition::Recognised(notification)) = ends_soon(hero(&"ab ".repeat(100_000))) else {
        panic!("not recognised");
    };
    assert!(notification.followers.first().unwrap().bio.value().unwrap().chars().count() <= 2_000);
}

#[test]
fn broken_bytes_are_left_alone_or_read() {
    for mail in ["", "\r", "\n", " ", "\0", "From", "From:", "\u{feff}From: a@b.example\n\n", "a\rb: c\n\n"] {
        ends_soon(mail);
    }
    ends_soon([0xff; 100_000]);
    ends_soon(hero("x").replace("\n", "\r"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_fixtures_neither_panic_nor_break_a_promise(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..60, any::<bool>()), 1..8),
    ) {
        let mut mail = which.get(&FIXTURES).clone();
        for (place, byte, length, insert) in edits {
            let place = place.index(mail.len().max(1));
            if insert {
                mail.splice(place..place, std::iter::repeat_n(byte, length));
            } else {
                mail.drain(place..mail.len().min(place + length));
            }
        }
        read(&mail);
    }
}

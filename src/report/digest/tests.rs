//! Tests the words of the digest, and that nothing of a follower is more than text in it.

use super::*;
use crate::ledger::Judged;
use crate::mail::{Kind, Message, Network, Notification, Profiles, Shown};
use crate::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Uid, UidValidity};
use crate::rules::{Action, Evidence, Reason, VerdictName};
use crate::settings::{Due, Environment, Zone};

const NOW: Timestamp = Timestamp(1_795_417_200);

fn account(user: &str) -> Account {
    let (settings, findings) = crate::settings::load(
        None,
        &Environment::of([
            ("HOME", "/home/kim"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__HOST", "mail.example"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__USER", user),
            ("FOLLOWSIFT__ACCOUNTS__HOME__PASSWORD_CREDENTIAL", "home"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__DIGEST", "daily"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__INSTANCES", "[\"toot.example\"]"),
        ]),
    );
    settings.unwrap_or_else(|| panic!("{findings:?}")).accounts.remove(0)
}

fn person(name: &str, url: &str, bio: &str) -> Follower {
    Follower {
        name: Shown::Value(name.to_owned()),
        handle: Shown::Value(name.to_lowercase().replace(' ', "_")),
        url: Shown::Value(url.to_owned()),
        bio: Shown::Value(bio.to_owned()),
        followers: Shown::Value(12),
        ..Follower::default()
    }
}

/// A message about this follower that was left, with this class.
fn stayed(follower: Follower, class: Option<&str>, authentic: Authenticity) -> HistoryEntry {
    let verdict = Verdict { class: class.and_then(VerdictName::new), ..Verdict::default() };
    let notification = Notification {
        network: Network::new("mastodon").unwrap(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic,
        instance: Some("toot.example".to_owned()),
        followers: vec![follower],
        complete: true,
        received: NOW,
    };
    let judged = Judged {
        mail: MailRef {
            account: AccountName::new("home").unwrap(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(1),
        },
        identity: MailIdentity { digest: MailDigest([1; 32]), size: 4_000 },
        notification,
        verdicts: vec![verdict.clone()],
        verdict: verdict.class,
        action: Action::Leave,
        rules: "rules".to_owned(),
        judged_at: NOW,
    };
    HistoryEntry { judged, moves: Vec::new(), put_back: None, stays: None, waits: None }
}

fn proven() -> Authenticity {
    Authenticity::Pass("mx.example: dkim=pass toot.example".to_owned())
}

fn digest<'a>(account: &'a Account, zone: &'a Zone, came: Came) -> Digest<'a> {
    Digest {
        account,
        zone,
        since: Timestamp(NOW.0 - 7 * 86_400),
        due: Due { period: "2026-11-23".to_owned(), at: NOW },
        message_id: "0123456789abcdef@followsift.invalid".to_owned(),
        now: NOW,
        came,
    }
}

fn networks() -> Vec<NetworkSummary> {
    let findings = crate::diagnostic::document::Findings::default();
    Profiles::compile(&Profiles::shipped_sources(), &findings).networks()
}

fn written(user: &str, came: Came) -> String {
    let (account, zone) = (account(user), Zone::default());
    String::from_utf8(message(&digest(&account, &zone, came), &networks())).unwrap()
}

fn parts(written: &str) -> (String, String) {
    let message = Message::parse(written.as_bytes()).unwrap();
    (message.text().unwrap().to_owned(), message.html().unwrap().to_owned())
}

#[test]
fn the_real_come_first_then_the_others_then_what_was_filed() {
    let spam = VerdictName::new("spam");
    let filed = |verdict, to: &str, by_user, messages| Filed {
        verdict,
        to: Folder::new(to).unwrap(),
        by_user,
        messages,
    };
    let came = Came {
        stayed: vec![
            stayed(person("Bea", "https://evil.example/bea", "Knits."), None, Authenticity::Unknown),
            stayed(person("Ann", "https://toot.example/@ann", "Rust and bread."), Some("real"), proven()),
            // The same person once more.
            stayed(person("Ann", "https://toot.example/@ann", "Rust."), Some("real"), proven()),
        ],
        is_cut: true,
        filed: vec![filed(spam, "Followers/Spam", false, 12), filed(None, "Followers/Spam", true, 1)],
        unfiled: 3,
        forged: 1,
    };
    let (account, zone) = (account("kim@mail.example"), Zone::default());
    let text = text(&digest(&account, &zone, came), &networks());
    let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        [
            "WORTH MEETING",
            "  Ann (@ann), Mastodon",
            "  https://toot.example/@ann",
            "  Rust and bread.",
            "  followers 12",
            "OTHERS IN YOUR INBOX",
            "  Bea (@bea), Mastodon",
            "  evil.example/bea",
            "  Knits.",
            "  followers 12 · not proven authentic",
            "  and more: `followsift history` lists them all",
            "FILED",
            "  12 messages in Followers/Spam, as spam",
            "  1 message in Followers/Spam, moved by hand",
            "  3 messages that your rules file, not moved so far",
            "  1 message that failed authentication, left in place and not shown here",
            "  To put messages back; this lists them and asks first:",
            "  followsift restore --since 8d --account home",
        ]
    );
}

#[test]
fn only_a_proven_message_and_more_than_a_name_make_a_person_worth_meeting() {
    let ann = || person("Ann", "https://toot.example/@ann", "");
    let by_name = Reason {
        rule: "Friends".into(),
        at: crate::diagnostic::Location { file: "rules.toml".into(), line: 1, column: 1 },
        points: None,
        evidence: Evidence { seen: Vec::new(), by_name_alone: true },
    };
    let mut named = stayed(ann(), Some("real"), proven());
    named.judged.verdicts.iter_mut().for_each(|verdict| verdict.reasons.push(by_name.clone()));
    for (entry, is_met) in [
        (stayed(ann(), Some("real"), proven()), true),
        (stayed(ann(), Some("real"), Authenticity::Unknown), false),
        (stayed(ann(), Some("friendly"), proven()), false),
        (stayed(ann(), None, proven()), false),
        (named, false),
        (HistoryEntry { put_back: Some(NOW), ..stayed(ann(), Some("spam"), Authenticity::Unknown) }, true),
    ] {
        let (text, _) = parts(&written("kim", Came { stayed: vec![entry], ..Came::default() }));
        assert_eq!(text.contains("WORTH MEETING"), is_met, "{text}");
    }
}

#[test]
fn what_a_follower_writes_stays_text_on_one_line_and_out_of_the_header() {
    let hostile = "</style><script>alert(1)</script><img src=https://evil.example/x>\r\n\r\nBcc: a@evil.example\r\n\u{202e}\u{1b}[2J\"'&";
    let mut entry =
        stayed(person(hostile, "https://toot.example/\"onclick=\"x", hostile), Some("real"), proven());
    entry.judged.notification.title = hostile.into();
    let written =
        written("kim@mail.example\r\nBcc: a@evil.example", Came { stayed: vec![entry], ..Came::default() });
    let (header, _) = written.split_once("\r\n\r\n").unwrap();
    assert!(!header.contains("evil") && !header.contains("To:"), "{header}");
    let (text, html) = parts(&written);
    assert!(text.lines().all(|line| line.is_empty() || !line.starts_with("Bcc")), "{text}");
    for shown in [&text, &html] {
        assert!(!shown.contains(['\u{202e}', '\u{1b}']), "{shown}");
    }
    for markup in ["<script", "<img", "onclick=\""] {
        assert!(!html.contains(markup), "{markup} in {html}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)") && html.matches("</style>").count() == 1, "{html}");
}

#[test]
fn the_page_loads_nothing_and_has_light_and_dark_colours() {
    let ann = person("Ann", "https://toot.example/@ann", "See https://evil.example");
    let (_, html) =
        parts(&written("kim", Came { stayed: vec![stayed(ann, None, proven())], ..Came::default() }));
    let links: Vec<&str> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links, ["https://toot.example/@ann"]);
    for word in ["src=", "url(", "@import", "<script", "<link", "http-equiv=\"refresh"] {
        assert!(!html.contains(word), "{word} in {html}");
    }
    for word in ["prefers-color-scheme: dark", "default-src 'none'", "<html lang=\"en\">", "color-scheme"] {
        assert!(html.contains(word), "{word} is not in {html}");
    }
}

#[test]
fn the_message_has_short_lines_of_ascii_and_is_made_the_same_again() {
    let long = "Блог о хлебе и ржавчине. ".repeat(40);
    let came = || Came {
        stayed: vec![stayed(person("Анна", "https://toot.example/@anna", &long), Some("real"), proven())],
        ..Came::default()
    };
    let whole = written("kim@mail.example", came());
    for line in whole.split("\r\n") {
        assert!(line.len() <= 78 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
    }
    let (header, _) = whole.split_once("\r\n\r\n").unwrap();
    for field in [
        "Message-ID: <0123456789abcdef@followsift.invalid>",
        "Followsift-Digest: 2026-11-23",
        "Auto-Submitted: auto-generated",
        "Subject: followsift: 1 worth meeting",
        "To: <kim@mail.example>",
        "Date: Mon, 23 Nov 2026 07:00:00 +0000",
    ] {
        assert!(header.split("\r\n").any(|line| line == field), "{field} is not in\n{header}");
    }
    let (text, _) = parts(&whole);
    assert!(text.contains("Анна (@анна), Mastodon") && text.contains("Блог о хлебе"), "{text}");
    let without_boundary = |text: String| {
        text.lines().filter(|line| !line.contains("--") && !line.contains("boundary")).collect::<String>()
    };
    assert_eq!(without_boundary(whole), without_boundary(written("kim@mail.example", came())));
}

#[test]
fn no_more_people_are_shown_than_anybody_reads() {
    let many = (0..150).map(|number| {
        let mut entry = stayed(
            person(&format!("P{number}"), "https://toot.example/@p", &"x".repeat(5_000)),
            None,
            proven(),
        );
        entry.judged.verdicts = vec![Verdict::default()];
        entry
    });
    let whole = written("kim", Came { stayed: many.collect(), ..Came::default() });
    let (text, html) = parts(&whole);
    assert_eq!((text.matches(", Mastodon").count(), html.matches("<strong>").count()), (PEOPLE, PEOPLE));
    assert!(text.contains(MORE) && html.contains("and more"));
    assert!(whole.len() < 100_000, "{}", whole.len());
}

#[test]
fn a_digest_looks_like_no_networks_message() {
    let findings = crate::diagnostic::document::Findings::default();
    let sources = [Profiles::shipped_sources(), Profiles::offered_sources()].concat();
    let profiles = Profiles::compile(&sources, &findings);
    let ann = || stayed(person("Ann", "https://toot.example/@ann", ""), Some("real"), proven());
    let bea = || stayed(person("Bea", "https://toot.example/@bea", ""), None, proven());
    for stayed in [vec![], vec![ann()], vec![bea()], vec![ann(), bea()]] {
        let whole = written("kim@mail.example", Came { stayed, unfiled: 1, ..Came::default() });
        assert!(!profiles.plausible(whole.as_bytes()), "{whole}");
    }
}

//! Recognition as a whole: fixtures of one's own under `tests/corpus/`, and the labels of further corpora.
//!
//! `UPDATE_EXPECT=1` writes each fixture's `expected.toml` anew.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic and print")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::host::{AuthservIds, HostName, Instance, Relay, RelayService};
use followsift::mail::{Authenticity, Fact, Follower, Message, Notification, Profiles, Recognition, Trust};

mod labels;

fn profiles() -> Profiles {
    Profiles::compile(&Profiles::shipped_sources(), &Findings::default())
}

fn recognise(profiles: &Profiles, bytes: &[u8], trust: &Trust) -> Recognition {
    let Ok(message) = Message::parse(bytes) else { return Recognition::Foreign };
    let recognition = profiles.recognise(&message, trust, Timestamp(0));
    if matches!(recognition, Recognition::Recognised(_)) {
        assert!(profiles.plausible(bytes), "recognised, but not plausible");
    }
    recognition
}

/// What the head of a fixture says: `authserv-id = "mx.example"`, `instances = ["toot.example"]`, `relays = ["addy"]`.
fn trust(head: &str) -> Trust {
    let value = |key: &str| head.lines().find_map(|line| line.strip_prefix(key));
    let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let hosts = value("instances = ").map(quoted).unwrap_or_default();
    let ids = value("authserv-id = ").map(quoted).unwrap_or_default();
    let relays = value("relays = ").map(quoted).unwrap_or_default();
    let relay = |word: &String| Relay { service: RelayService::from_word(word).unwrap(), domain: None };
    Trust {
        authserv_id: AuthservIds::parse(ids.iter().map(String::as_str)).unwrap(),
        instances: hosts.iter().map(|host| Instance::new(HostName::parse(host).unwrap())).collect(),
        relays: relays.iter().map(relay).collect(),
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|entry| entry.is_dir());
    entries.sort();
    entries
}

/// What was recognised, as TOML, after the lines of the fixture's file that are kept.
fn describe(recognition: &Recognition, kept: &str) -> String {
    let mut text = kept.to_owned();
    match recognition {
        Recognition::Foreign => text.push_str("recognition = \"foreign\"\n"),
        Recognition::TooCostly => text.push_str("recognition = \"too costly\"\n"),
        Recognition::Incomplete { network, missing } => {
            let missing: Vec<_> = missing.iter().map(|fact| fact.word()).collect();
            writeln!(text, "recognition = \"incomplete\"\nnetwork = \"{network}\"\nmissing = {missing:?}")
                .unwrap();
        }
        Recognition::Recognised(notification) => describe_notification(&mut text, notification),
    }
    text
}

fn describe_notification(text: &mut String, notification: &Notification) {
    let Notification { network, kind, layout, authentic, instance, followers, complete, .. } = notification;
    writeln!(text, "recognition = \"notification\"\nnetwork = \"{network}\"\nkind = \"{kind}\"").unwrap();
    writeln!(text, "layout = {layout:?}\ncomplete = {complete}\nauthentic = \"{}\"", authentic.word())
        .unwrap();
    if let Some(evidence) = authentic.evidence() {
        writeln!(text, "evidence = {evidence:?}").unwrap();
    }
    if let Some(instance) = instance {
        writeln!(text, "instance = {instance:?}").unwrap();
    }
    for follower in followers {
        writeln!(text, "\n[[follower]]").unwrap();
        for fact in Fact::ALL {
            if let Some(shown) = shown(follower, fact) {
                writeln!(text, "{fact} = {shown}").unwrap();
            }
        }
        if let Some(id) = &follower.id {
            writeln!(text, "id = {id:?}").unwrap();
        }
    }
}

/// A fact as TOML; an empty one is an empty string.
fn shown(follower: &Follower, fact: Fact) -> Option<String> {
    let (text, count, answer) = (follower.text(fact), follower.count(fact), follower.answer(fact));
    text.value()
        .map(|text| format!("{text:?}"))
        .or_else(|| count.value().map(ToString::to_string))
        .or_else(|| answer.value().map(ToString::to_string))
        .or_else(|| follower.shows(fact).then(|| "\"\"".to_owned()))
}

#[test]
fn every_fixture_is_recognised_as_expected() {
    let profiles = profiles();
    let update = crate::support::golden::is_updating();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
        count += 1;
        let expectation = case.join("expected.toml");
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        // Why the case is there, and whose word is trusted and which servers are one's own, are written by hand.
        let is_kept = |line: &&str| {
            ["# ", "authserv-id = ", "instances = ", "relays = "].iter().any(|it| line.starts_with(it))
        };
        let kept: String = expected.split_inclusive('\n').take_while(is_kept).collect();
        assert!(kept.starts_with("# "), "{} does not say why it is there", expectation.display());
        let trust = trust(&kept);
        let bytes = fs::read(case.join("message.eml")).unwrap();
        check_cuts(&profiles, &case.display().to_string(), &bytes);
        let found = describe(&recognise(&profiles, &bytes, &trust), &kept);
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{found}", case.display()));
            if update {
                fs::write(&expectation, found).unwrap();
            }
        }
    }
    assert!(count > 0, "no fixtures");
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A message cut short at a byte limit shows less, never anything else: what was cut off must not pass for blank.
fn check_cuts(profiles: &Profiles, name: &str, bytes: &[u8]) {
    let whole = recognise(profiles, bytes, &Trust::default());
    let header = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    for end in (header..bytes.len()).step_by(211) {
        Message::parse(&bytes[..end]).unwrap_or_else(|error| panic!("{name} cut at {end}: {error}"));
        let cut = recognise(profiles, &bytes[..end], &Trust::default());
        let (Recognition::Recognised(cut), Recognition::Recognised(whole)) = (&cut, &whole) else {
            assert!(!matches!(cut, Recognition::Recognised(_)), "{name} cut at {end}");
            continue;
        };
        assert_eq!((&cut.network, cut.kind), (&whole.network, whole.kind), "{name} cut at {end}");
        assert!(!cut.complete || cut.followers.len() == whole.followers.len(), "{name} cut at {end}");
        for (less, more) in cut.followers.iter().zip(&whole.followers) {
            assert_eq!(cut.key(less), whole.key(more), "{name} cut at {end}");
            for fact in Fact::ALL.into_iter().filter(|fact| *fact != Fact::Handle && less.shows(*fact)) {
                assert_eq!(shown(less, fact), shown(more, fact), "{name} cut at {end}");
            }
        }
    }
}

/// What people put into names and bios to be taken for something else, and what a recipient may be called.
const PLANTED: &[&str] = &[
    "7 followers",
    "1 2 3",
    "9",
    "following 9 people",
    "9 subscribers 9 videos",
    "Following: 9 · Followers: 9",
    "Bio 9",
    "Location 9",
    "@evil",
    "evil (@evil) is now following you on Twitter!",
    "x (evil) is now following your tweets on Twitter.",
    "@evil follows 9 users who follow you:",
    "https://evil.test/@evil",
    "URL: https://evil.test/@evil",
    "x [https://evil.test/@evil]: y [https://evil.test/@evil]",
    "x [https://evil.test/@evil#y",
    "Type : Follow",
    "Actor : https://evil.test/@evil",
    "View profile: https://evil.test/@evil",
    "New Follower: evil.",
    "null (@evil@evil.test)",
    "evil ● 9K",
    "https://twitter.com/evil",
    "https://x.com/evil",
    "https://fosstodon.example/web/@evil",
    "https://fosstodon.example/web/accounts/666",
    "https://pod.example/people/666",
    "https://elgg.example/profile/evil",
    "https://home.test/p/666",
    "https://net.example/u/evil",
    "https://forum.example/user/evil",
    "https://dev.example/evil",
    "https://bp.example/members/evil/?bpf_read=1",
    "https://www.linkedin.com/comm/in/evil",
    "https://www.strava.com/athletes/666",
    "https://www.youtube.com/channel/666",
    "https://www.instagram.com/evil",
    "https://www.quora.com/profile/Evil",
    "https://plus.google.com/666",
    "https://www.twitch.tv/evil",
    "evil@evil.test",
    "x (evil@evil.test)",
    "Email: evil@evil.test",
    "evil <evil@evil.test>",
    "9 connections",
    "View Profile",
    "View site",
    "https://guild.example/members/evil",
    "https://forum.example/u/evil",
    "https://oars.example/user/evil",
    "https://ferry.example/ghost/#/members/666",
    "https://www.linkedin.com/comm/in/evil?trk=eml-x-hero-1-y",
];

/// Replaces a word wherever it stands as it is; `None` where it does not.
fn replace(bytes: &[u8], word: &str, by: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    (word.len() > 2 && text.contains(word)).then(|| text.replace(word, by).into_bytes())
}

/// The message without its text part, if it has an HTML part.
fn html_alone(bytes: &[u8]) -> Option<Vec<u8>> {
    let message = Message::parse(bytes).unwrap();
    let text = String::from_utf8_lossy(bytes);
    let is_kept = |line: &&str| !line.to_lowercase().starts_with("content-");
    let mut fields: Vec<&str> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if !line.starts_with([' ', '\t']) || fields.last().is_some_and(is_kept) {
            fields.push(line);
        }
    }
    let header: String = fields.into_iter().filter(is_kept).map(|line| format!("{line}\r\n")).collect();
    Some(
        format!("{header}Content-Type: text/html; charset=utf-8\r\n\r\n{}\r\n", message.html()?).into_bytes(),
    )
}

#[test]
fn a_message_shows_the_same_without_its_text_part() {
    let profiles = profiles();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut tried, mut wrong) = (0, Vec::new());
    for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
        let bytes = fs::read(case.join("message.eml")).unwrap();
        let whole = recognise(&profiles, &bytes, &Trust::default());
        let Some(alone) = html_alone(&bytes) else { continue };
        let alone = recognise(&profiles, &alone, &Trust::default());
        let is_notification = |it: &Recognition| matches!(it, Recognition::Recognised(_));
        // Where the end of the HTML part is missing, only the whole message shows that.
        let is_cut = case.display().to_string().ends_with("-cut");
        if is_cut || (!is_notification(&whole) && !is_notification(&alone)) {
            continue;
        }
        tried += 1;
        let (whole, alone) = (describe(&whole, ""), describe(&alone, ""));
        if whole != alone {
            wrong.push(format!("{}\n--- whole\n{whole}--- alone\n{alone}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 50, "{tried}");
}

#[test]
fn a_planted_number_handle_or_link_never_becomes_the_followers() {
    let profiles = profiles();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut tried, mut recognised, mut wrong) = (0, 0, Vec::new());
    let mut networks: BTreeMap<String, usize> = BTreeMap::new();
    for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
        let bytes = fs::read(case.join("message.eml")).unwrap();
        let forms: Vec<_> = html_alone(&bytes).into_iter().chain([bytes]).collect();
        for bytes in forms {
            let Recognition::Recognised(genuine) = recognise(&profiles, &bytes, &Trust::default()) else {
                continue;
            };
            // A name that is the handle cannot be changed without that.
            let named = genuine.followers.iter().filter(|follower| follower.name != follower.handle);
            let names = named.filter_map(|follower| follower.name.value().cloned());
            let bios = genuine.followers.iter().filter_map(|follower| follower.bio.value().cloned());
            // The recipient of all fixtures is called so.
            let recipient = ["Rob Meier", "Rob films ferries", "Rob,", "Mika,"].map(str::to_owned);
            for word in names.chain(bios).chain(recipient) {
                for planted in PLANTED {
                    let Some(mail) = replace(&bytes, &word, planted) else { continue };
                    tried += 1;
                    let Recognition::Recognised(found) = recognise(&profiles, &mail, &Trust::default())
                    else {
                        continue;
                    };
                    recognised += 1;
                    *networks.entry(found.network.to_string()).or_default() += 1;
                    let context = format!("{}: {planted:?} for {word:?}", case.display());
                    assert_eq!(found.followers.len(), genuine.followers.len(), "{context}");
                    for (found, genuine) in found.followers.iter().zip(&genuine.followers) {
                        for fact in
                            Fact::ALL.into_iter().filter(|fact| !matches!(fact, Fact::Name | Fact::Bio))
                        {
                            let (found, genuine) = (shown(found, fact), shown(genuine, fact));
                            if found != genuine {
                                wrong.push(format!("{context}: {fact} is {found:?}, not {genuine:?}"));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 500 && recognised * 2 > tried, "{recognised} of {tried}");
    // A network whose messages were never read with something planted in them would prove nothing. Those of snac
    // contain no words of the follower.
    let all = profiles.networks().into_iter().map(|network| network.network.to_string());
    let all = all.filter(|network| network != "snac");
    let untried: Vec<_> = all.filter(|network| !networks.contains_key(network)).collect();
    assert!(untried.is_empty(), "{untried:?} of {networks:?}");
}

#[test]
fn no_link_to_a_follower_keeps_what_was_made_for_the_recipient() {
    let profiles = profiles();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut tried = 0;
    let parameters = "otpToken=x&midToken=x&midSig=x&trk=x&trkEmail=x&lipi=x&eid=x&refsrc=x&iid=x&uid=x&nid=x&cn=x&ref_src=x&t=x\
                      &token=x&sig=x&utm_source=x&mid=x&aref=x&medium=x&emrecipient=x#x";
    for case in folders(&corpus).iter().flat_map(|network| folders(network)) {
        let bytes = fs::read(case.join("message.eml")).unwrap();
        let Recognition::Recognised(genuine) = recognise(&profiles, &bytes, &Trust::default()) else {
            continue;
        };
        for url in genuine.followers.iter().filter_map(|follower| follower.url.value()) {
            let with =
                if url.contains('?') { format!("{url}&{parameters}") } else { format!("{url}?{parameters}") };
            let Some(mail) = replace(&bytes, url, &with) else { continue };
            let Recognition::Recognised(found) = recognise(&profiles, &mail, &Trust::default()) else {
                continue;
            };
            tried += 1;
            for url in found.followers.iter().filter_map(|follower| follower.url.value()) {
                assert!(!url.contains("=x") && !url.contains('#'), "{}: {url}", case.display());
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

/// Whatever a network sends: with the field that marks our own digest, it is left alone.
#[test]
fn a_message_marked_as_our_own_digest_is_never_a_notification() {
    let (profiles, corpus) = (profiles(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    let mut networks = std::collections::BTreeSet::new();
    for network in folders(&corpus) {
        for case in folders(&network) {
            let Ok(bytes) = fs::read(case.join("message.eml")) else { continue };
            let trust = trust(&fs::read_to_string(case.join("expected.toml")).unwrap_or_default());
            let Recognition::Recognised(notification) = recognise(&profiles, &bytes, &trust) else {
                continue;
            };
            networks.insert(notification.network);
            let marked = [b"Followsift-Digest: 2026-11-23\r\n", bytes.as_slice()].concat();
            let recognition = recognise(&profiles, &marked, &trust);
            assert_eq!(recognition, Recognition::Foreign, "{}", case.display());
        }
    }
    let without: Vec<_> =
        profiles.networks().into_iter().map(|it| it.network).filter(|it| !networks.contains(it)).collect();
    assert_eq!(without, [], "networks without a message to try");
}

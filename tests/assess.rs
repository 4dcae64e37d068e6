//! From bytes to an action: what authenticity, doubt and lists allow.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::letters::{
    AUTHSERV_ID, ENGLISH, Letter, Person, mastodon_4_2, mastodon_card, ordinary, twitter_2009, twitter_digest,
};
use followsift::assess::{Arrival, Mail, Restraint, Rulebook, assess, recognise};
use followsift::clock::Timestamp;
use followsift::diagnostic::Source;
use followsift::diagnostic::document::Findings;
use followsift::host::{AuthservIds, HostName, Instance};
use followsift::mail::{Notification, Profiles, Recognition, Trust};
use followsift::rules::recall::{Blank, Replay};
use followsift::rules::{Action, ListSource, Person as Listed, Recall, Vocabulary, compile};

const RULES: &str = r#"
[verdict.spam]
move-to = "Followers/Spam"

[verdict.numbers-game]
move-to = "Followers/Numbers game"
mark-read = true

[verdict.real]
flag = true

[list.friends]
people = ["@ana@brew.example"]

[[rule]]
name = "People I know"
when.who = { in = "friends" }
verdict = "real"

[[rule]]
name = "Comes and goes"
when.times-followed = ">= 2"
verdict = "numbers-game"

[[rule]]
name = "Lopsided"
when.ratio = ">= 100"
verdict = "spam"

[[rule]]
name = "Follows a thousand"
when.following = ">= 1000"
verdict = "numbers-game"
"#;

pub(crate) fn rulebook(rules: &str) -> Rulebook {
    let findings = Findings::default();
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &findings);
    let networks = profiles.networks().into_iter();
    let vocabulary = Vocabulary::new(networks.map(|it| (it.network, it.facts.into_iter().collect())));
    let rules = compile(&Source::new("rules.toml", rules), &vocabulary, &findings);
    assert!(!findings.any_error(), "{:?}", findings.into_sorted());
    Rulebook {
        lists: Arc::new(rules.gather(&BTreeMap::<ListSource, Vec<Listed>>::new())),
        profiles: Arc::new(profiles),
        rules: Arc::new(rules),
        trust: Trust {
            authserv_id: AuthservIds::parse([AUTHSERV_ID]).expect("a name"),
            instances: HostName::parse(ENGLISH.host).map(Instance::new).into_iter().collect(),
            relays: Vec::new(),
        },
        require_authentic: false,
        edition: String::new(),
    }
}

const NOON: Timestamp = Timestamp(1_800_000_000);

/// The action, as words, and the restraint.
fn check_with(letter: &Letter, rulebook: &Rulebook, recall: &dyn Recall, expected: &str) {
    let bytes = letter.bytes(1);
    let assessment = assess(Mail { bytes: &bytes, arrived: Arrival::At(NOON) }, rulebook, recall);
    let action = match &assessment.action {
        Action::Leave => "leave".to_owned(),
        Action::Mark(marks) if marks.flagged => "star".to_owned(),
        Action::Mark(_) => "mark read".to_owned(),
        Action::File { to, marks } if marks.seen => format!("{to}, read"),
        Action::File { to, .. } => to.to_string(),
    };
    let said = match &assessment.restraint {
        None => action,
        Some(restraint) => format!("{action}: {restraint:?}"),
    };
    assert_eq!(said, expected, "{:?}", assessment.recognition);
}

fn check(letter: &Letter, expected: &str) {
    check_with(letter, &rulebook(RULES), &Blank, expected);
}

fn lopsided(handle: &str) -> Person {
    Person::new("Some Body", handle, [3, 2001, 1])
}

fn busy(handle: &str) -> Person {
    Person::new("Some Body", handle, [900, 2001, 1])
}

#[test]
fn a_verdict_with_a_folder_files() {
    check(&twitter_2009(&lopsided("one")), "Followers/Spam");
    check(&twitter_2009(&busy("one")), "Followers/Numbers game, read");
}

#[test]
fn what_no_rule_speaks_of_stays() {
    check(&twitter_2009(&Person::new("Ann", "ann", [100, 100, 100])), "leave");
    check(&mastodon_4_2(&ENGLISH, "ann@brew.example"), "leave");
    check(&ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock?\n"), "leave");
}

#[test]
fn a_forged_message_is_never_acted_on() {
    let failed = format!("{AUTHSERV_ID}; dkim=fail header.d=twitter.com; dmarc=fail header.from=twitter.com");
    let forged = twitter_2009(&lopsided("one")).on_top("Authentication-Results", &failed);
    check(&forged, "leave: Forged");
}

#[test]
fn an_unproven_message_may_be_filed_but_is_never_starred() {
    let mut rulebook = rulebook(RULES);
    rulebook.trust.authserv_id = AuthservIds::default();
    check_with(&twitter_2009(&lopsided("one")), &rulebook, &Blank, "Followers/Spam");
    let ana = mastodon_card(&ENGLISH, &Person::new("Ana", "ana@brew.example", [3, 2001, 1]));
    check_with(&ana, &rulebook, &Blank, "leave: Unproven");
}

#[test]
fn an_account_can_demand_proof() {
    let mut rulebook = rulebook(RULES);
    rulebook.require_authentic = true;
    check_with(&twitter_2009(&lopsided("one")), &rulebook, &Blank, "Followers/Spam");
    rulebook.trust.authserv_id = AuthservIds::default();
    check_with(&twitter_2009(&lopsided("one")), &rulebook, &Blank, "leave: Unproven");
}

#[test]
fn a_proven_friend_is_starred() {
    let ana = mastodon_card(&ENGLISH, &Person::new("Ana", "ana@brew.example", [3, 2001, 1]));
    check(&ana, "star");
}

#[test]
fn a_list_that_was_never_loaded_stops_every_move() {
    let rules = RULES.replace("people = [\"@ana@brew.example\"]", "from-sent = \"Sent\"");
    let missing = format!("leave: {:?}", Restraint::ListNotLoaded("friends".to_owned()));
    check_with(&twitter_2009(&lopsided("one")), &rulebook(&rules), &Blank, &missing);
}

#[test]
fn a_rule_that_only_observes_decides_and_the_message_stays() {
    let observing = RULES.replace("name = \"Lopsided\"\n", "name = \"Lopsided\"\nact = false\n");
    assert_ne!(observing, RULES);
    let (follower, expected) =
        (twitter_2009(&lopsided("kim_sample")), Restraint::Observed("Lopsided".into()));
    check_with(&follower, &rulebook(&observing), &Blank, &format!("leave: {expected:?}"));
    check(&follower, "Followers/Spam");
    // The rules below it do not decide, and what another rule decides moves as ever.
    check_with(
        &twitter_2009(&busy("jo_bloom")),
        &rulebook(&observing),
        &Blank,
        "Followers/Numbers game, read",
    );
    let bytes = follower.bytes(1);
    let assessment =
        assess(Mail { bytes: &bytes, arrived: Arrival::At(NOON) }, &rulebook(&observing), &Blank);
    assert_eq!(assessment.class.as_ref().map(followsift::rules::VerdictName::as_str), Some("spam"));
    assert_eq!(assessment.verdicts[0].reasons[0].rule.as_ref(), "Lopsided");
    assert_eq!(assessment.action, Action::Leave);
    // Also where its verdict has no table, so that nothing would be done.
    let without_table = observing
        .replace("[verdict.real]\nflag = true\n", "")
        .replace("verdict = \"spam\"", "verdict = \"real\"");
    check_with(&follower, &rulebook(&without_table), &Blank, &format!("leave: {expected:?}"));
}

#[test]
fn a_batch_goes_where_all_of_it_goes() {
    check(&twitter_digest(&[lopsided("one"), lopsided("two")]), "Followers/Spam");
    check(&twitter_digest(&[busy("one"), busy("two")]), "Followers/Numbers game, read");
}

#[test]
fn in_a_batch_spam_yields_to_one_other_class() {
    check(&twitter_digest(&[lopsided("one"), busy("two")]), "Followers/Numbers game, read");
}

#[test]
fn a_batch_with_anybody_undecided_stays() {
    let ann = Person::new("Ann", "ann", [100, 100, 100]);
    check(&twitter_digest(&[lopsided("one"), ann]), "leave: Divided");
}

#[test]
fn who_came_twice_before_plays_a_numbers_game_and_this_message_does_not_count() {
    let rulebook = rulebook(RULES);
    let mail = twitter_2009(&Person::new("Ann", "ann", [100, 100, 100]));
    let bytes = mail.bytes(1);
    let assessment = assess(Mail { bytes: &bytes, arrived: Arrival::At(NOON) }, &rulebook, &Blank);
    let Recognition::Recognised(notification) = &assessment.recognition else { panic!("not recognised") };
    let came = |at: i64| Notification { received: Timestamp(at), ..notification.clone() };

    const DAY: i64 = 86_400;
    let mut replay = Replay::default();
    replay.note(&came(NOON.0 - 30 * DAY));
    replay.note(&came(NOON.0));
    check_with(&mail, &rulebook, &replay, "leave");
    // Another message about the same follow, and one about the follow that is judged.
    replay.note(&came(NOON.0 - 30 * DAY + 10));
    replay.note(&came(NOON.0 - 10));
    check_with(&mail, &rulebook, &replay, "leave");
    replay.note(&came(NOON.0 - 20 * DAY));
    check_with(&mail, &rulebook, &replay, "Followers/Numbers game, read");
}

#[test]
fn an_assessment_says_what_a_person_finds_the_message_again_by() {
    let rulebook = rulebook(RULES);
    let header = "From: ann@mail.example\nSubject: Lunch?\nMessage-ID: <1@mail.example>\n\
                  Date: Mon, 01 Jan 2024 00:00:00 +0000\n";
    let whole = format!("{header}\nAt noon?\n");
    // The parts of this one cannot be read; its header can.
    let mut nested = header.to_owned();
    for depth in 0..200 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{depth}x\n\n--b{depth}x\n"));
    }
    for mail in [whole, nested] {
        let arrived = Arrival::Dated { otherwise: NOON };
        let envelope = assess(Mail { bytes: mail.as_bytes(), arrived }, &rulebook, &Blank).envelope;
        assert_eq!(envelope.subject, "Lunch?");
        assert_eq!(envelope.message_id.as_deref(), Some("<1@mail.example>"));
        assert_eq!(envelope.date, Some(Timestamp(1_704_067_200)));
    }
}

#[test]
fn a_message_arrived_when_it_was_sent_if_nothing_else_says() {
    let rulebook = rulebook(RULES);
    let dated = Arrival::Dated { otherwise: NOON };
    let arrived =
        |mail: &str, arrived: Arrival| recognise(Mail { bytes: mail.as_bytes(), arrived }, &rulebook).arrived;
    let mail = "Date: Mon, 01 Jan 2024 00:00:00 +0000\n\nHi\n";
    assert_eq!(arrived(mail, dated), Timestamp(1_704_067_200));
    assert_eq!(arrived(mail, Arrival::At(NOON)), NOON);
    assert_eq!(arrived("Subject: Lunch?\n\nHi\n", dated), NOON);
}

#[test]
fn outside_message_a_message_is_parsed_once() {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let times = code.matches("Message::parse(").count();
            let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
            if times > 0 && !file.starts_with("src/mail/") {
                found.push((file, times));
            }
        }
    }
    found.sort();
    // What an account's own server adds is looked for in messages that are not assessed.
    assert_eq!(found, [("src/assess.rs".to_owned(), 1), ("src/cli/proof.rs".to_owned(), 2)]);
}

//! Descriptions of networks that users write, and those that ship for them to start from.
//!
//! `tests/bad-networks/<case>/network.toml` has exactly the findings of the `expected.txt` beside it; `UPDATE_EXPECT=1`
//! rewrites them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use crate::support::golden;
use crate::support::user_folder::{Run, UserFolder};
use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::diagnostic::{Diagnostic, Source};
use followsift::host::AuthservIds;
use followsift::ledger::{IncompleteRecord, Judged, Ledger};
use followsift::mail::{
    Authenticity, Fact, Message, Network, Notification, Profiles, Recognition, Shown, Trust,
};
use followsift::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Uid, UidValidity};
use followsift::rules::{Action, Verdict};

#[test]
fn every_finding_says_where_and_what_to_do() {
    golden::each_case("bad-networks", |case| {
        let findings = Findings::default();
        let text = fs::read_to_string(case.join("network.toml")).unwrap();
        Profiles::compile(&[Source::new("network.toml", text)], &findings);
        let found = findings.into_sorted();
        assert!(found.iter().any(Diagnostic::is_error), "{} has no error", case.display());
        found.iter().map(|finding| finding.plain() + "\n\n").collect()
    });
}

/// The text of an offered description.
fn offered(name: &str) -> Source {
    Profiles::offered_sources().into_iter().find(|source| source.name() == name).unwrap()
}

/// What ships, and one that is offered.
fn profiles_with(name: &str) -> Profiles {
    let mut sources = Profiles::shipped_sources();
    sources.push(offered(name));
    let findings = Findings::default();
    let profiles = Profiles::compile(&sources, &findings);
    assert_eq!(findings.into_sorted(), []);
    profiles
}

fn recognise(profiles: &Profiles, mail: &str) -> Recognition {
    let trust = Trust { authserv_id: AuthservIds::parse(["mx.example"]).unwrap(), ..Trust::default() };
    profiles.recognise(&Message::parse(mail.as_bytes()).unwrap(), &trust, Timestamp(0))
}

/// The message that the example says it describes.
fn mail_of_the_example() -> String {
    let text = offered("example.toml");
    let (_, after) = text.text().split_once("# The message that it describes:\n#\n").unwrap();
    let lines = after.lines().take_while(|line| line.starts_with('#'));
    lines.map(|line| line.trim_start_matches('#').trim_start().to_owned() + "\r\n").collect()
}

#[test]
fn the_example_reads_the_message_that_it_describes() {
    let Recognition::Recognised(Notification { network, followers, .. }) =
        recognise(&profiles_with("example.toml"), &mail_of_the_example())
    else {
        panic!("not recognised");
    };
    let follower = followers.first().unwrap();
    assert_eq!(network.as_str(), "potters");
    assert_eq!(follower.name, Shown::Value("Ann Lima".to_owned()));
    assert_eq!(follower.handle, Shown::Value("annlima".to_owned()));
    assert_eq!(follower.url, Shown::Value("https://potters.example/~annlima".to_owned()));
    assert_eq!(follower.bio, Shown::Value("Works in clay, mostly bowls".to_owned()));
    assert_eq!((&follower.followers, &follower.following), (&Shown::Value(12), &Shown::Value(1_204)));
}

#[test]
fn the_example_leaves_other_messages_of_the_site_alone() {
    let other = mail_of_the_example().replace("new-follower", "new-comment");
    let found = recognise(&profiles_with("example.toml"), &other);
    assert!(matches!(found, Recognition::Incomplete { .. }), "{found:?}");
}

/// A message from a site that no network file describes.
fn unheard_of(subject: &str) -> String {
    format!(
        "Authentication-Results: mx.example; dkim=pass header.d=unheard.example\r\n\
         From: Unheard <noreply@unheard.example>\r\nSubject: {subject}\r\n\
         List-Unsubscribe: <https://unheard.example/off>\r\n\r\nHello Rob,\r\nAnn Lima is new among your followers.\r\n"
    )
}

#[test]
fn the_guess_is_off_until_it_is_asked_for() {
    let findings = Findings::default();
    let shipped = Profiles::compile(&Profiles::shipped_sources(), &findings);
    for subject in [
        "Ann Lima is now following you on Unheard",
        "New Follower Ann Lima",
        "Ann Lima folgt dir jetzt auf U",
    ] {
        let mail = unheard_of(subject);
        assert_eq!(recognise(&shipped, &mail), Recognition::Foreign, "{subject}");
        let found = recognise(&profiles_with("generic.toml"), &mail);
        let Recognition::Recognised(notification) = found else { panic!("{subject}: {found:?}") };
        assert_eq!(notification.network.as_str(), "generic");
        // Its own domain's signature proves nothing about an unknown network.
        assert_eq!(notification.authentic, Authenticity::Unknown);
        let names: Vec<_> = notification.followers.into_iter().map(|follower| follower.name).collect();
        assert_eq!(names, [Shown::Value("Ann Lima".to_owned())]);
    }
}

#[test]
fn the_guess_leaves_what_people_write_and_what_it_is_not_about() {
    let mail = unheard_of("Ann Lima is now following you");
    for subject in [
        "Re: Ann Lima is now following you",
        "Ann Lima accepted your request and is now following you",
        "Ann Lima, Bob Reyes and 3 others started following you",
        "Ann Lima no longer follows you",
    ] {
        let found = recognise(&profiles_with("generic.toml"), &unheard_of(subject));
        assert_eq!(found, Recognition::Foreign, "{subject}");
    }
    for (what, other) in [
        ("a person's", mail.replace("noreply@", "ann@")),
        ("nothing to switch off", mail.replace("List-Unsubscribe", "X-Other")),
        ("about something else", mail.replace("Ann Lima is new", "Somebody is new")),
        ("an answer", format!("In-Reply-To: <1@mail.example>\r\n{mail}")),
    ] {
        assert_eq!(recognise(&profiles_with("generic.toml"), &other), Recognition::Foreign, "{what}");
    }
}

#[test]
fn the_guess_never_takes_a_message_that_seems_to_be_a_known_networks() {
    let mail = unheard_of("Ann Lima is now following you on Twitch")
        .replace("noreply@unheard.example", "no-reply@twitch.tv");
    let found = recognise(&profiles_with("generic.toml"), &mail);
    assert!(
        matches!(&found, Recognition::Incomplete { network, .. } if network.as_str() == "twitch"),
        "{found:?}"
    );
}

#[test]
fn a_description_of_ones_own_is_printed_checked_and_tried() {
    let home = UserFolder::new();
    let run = |arguments: &[&str]| Run(home.command(&[], arguments).output().unwrap()).parts();
    let settings = "[accounts.home]\nhost = \"mail.example\"\nuser = \"rob\"\npassword-file = \"password\"\n";
    fs::write(home.path().join("followsift.toml"), settings).unwrap();
    fs::write(home.path().join("mail.eml"), mail_of_the_example()).unwrap();
    fs::create_dir(home.path().join("networks")).unwrap();
    let (code, example, _) = run(&["networks", "example", "--print"]);
    assert_eq!((code, example.as_str()), (0, offered("example.toml").text()));

    let file = home.path().join("networks/potters.toml");
    fs::write(&file, example.replace("kind = \"follow\"", "kind = \"folow\"")).unwrap();
    let (code, errors, _) = run(&["check", "--settings", "followsift.toml"]);
    assert_eq!(code, 78);
    assert!(errors.contains("unknown kind `folow`") && errors.contains("networks/potters.toml:"), "{errors}");

    fs::write(&file, example).unwrap();
    let (code, explained, errors) = run(&["explain", "--brief", "mail.eml", "--settings", "followsift.toml"]);
    assert_eq!(code, 0, "{errors}");
    assert!(explained.starts_with("Potters' Corner · follow"), "{explained}");
    let (_, listed, _) = run(&["networks", "potters", "--settings", "followsift.toml"]);
    assert!(listed.contains("sender mailer@potters.example"), "{listed}");
}

#[test]
fn a_newer_set_of_networks_takes_the_place_of_the_one_that_ships() {
    let home = UserFolder::new();
    let run = |arguments: &[&str]| Run(home.command(&[], arguments).output().unwrap()).parts();
    home.write("followsift.toml", "networks = \"newer\"\n[accounts]\n");
    let (code, shipped, _) = run(&["networks"]);
    assert_eq!(code, 0);
    fs::create_dir(home.path().join("newer")).unwrap();
    for source in Profiles::shipped_sources() {
        let name = source.name().rsplit('/').next().unwrap();
        let text = source.text().replace("title = \"Twitch\"", "title = \"Twitch, newer\"");
        fs::write(home.path().join("newer").join(name), text).unwrap();
    }
    let (code, listed, errors) = run(&["networks", "--settings", "followsift.toml"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(listed.lines().count(), shipped.lines().count());
    let (_, one, _) = run(&["networks", "twitch", "--settings", "followsift.toml"]);
    assert!(one.contains("Twitch, newer"), "{one}");
    // One that needs a newer followsift is refused, at its place.
    fs::write(home.path().join("newer/later.toml"), "network = \"later\"\ntitle = \"L\"\nunheard-of = 1\n")
        .unwrap();
    let (code, _, errors) = run(&["networks", "--settings", "followsift.toml"]);
    assert!(code == 78 && errors.contains("newer/later.toml:3:1"), "{errors}");
}

/// Now, in seconds since 1970.
fn now() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

#[test]
fn check_reports_a_network_whose_messages_could_not_be_read_this_week_and_no_older_one() {
    let home = UserFolder::new();
    let account = "host = \"mail.example\"\nuser = \"rob\"\npassword-file = \"password\"\n";
    let settings = format!("state = \"state\"\n[accounts.home]\n{account}");
    fs::write(home.path().join("followsift.toml"), settings).unwrap();
    let mut ledger = Ledger::open(&home.path().join("state")).unwrap();
    let incomplete = |uid: u8, network: &str, days: i64| IncompleteRecord {
        mail: MailRef {
            account: AccountName::new("home").unwrap(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(u32::from(uid)),
        },
        identity: MailIdentity { digest: MailDigest([uid; 32]), size: 4_000 },
        network: Network::new(network).unwrap(),
        missing: vec![Fact::Url],
        received: Timestamp(now() - days * 86_400),
        seen_at: Timestamp(now()),
    };
    let unread = [incomplete(1, "linkedin", 1), incomplete(2, "linkedin", 3), incomplete(3, "twitch", 9)];
    ledger.record_incomplete(&unread).unwrap();
    let said = home.run(&["check"]).out();
    assert!(said.contains("\nnote: home: linkedin: 2 messages that look like its notifications"), "{said}");
    assert!(said.contains("; missing: url (2). They stay") && !said.contains("twitch"), "{said}");
}

/// A notification of today's tests, as the ledger holds it.
fn judged(uid: u8, case: &str, days: i64) -> Judged {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(case);
    let mail = fs::read(folder.join("message.eml")).unwrap();
    let profiles = Profiles::compile(&Profiles::shipped_sources(), &Findings::default());
    let found = profiles.recognise(
        &Message::parse(&mail).unwrap(),
        &Trust::default(),
        Timestamp(now() - days * 86_400),
    );
    let Recognition::Recognised(notification) = found else { panic!("{found:?}") };
    let undecided = Verdict::default();
    Judged {
        mail: MailRef {
            account: AccountName::new("home").unwrap(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(u32::from(uid)),
        },
        identity: MailIdentity { digest: MailDigest([uid; 32]), size: 4_000 },
        verdicts: vec![undecided; notification.followers.len()],
        judged_at: notification.received,
        notification,
        verdict: None,
        action: Action::Leave,
        rules: "r".to_owned(),
    }
}

#[test]
fn check_warns_of_a_network_that_sends_messages_and_that_no_rule_can_judge() {
    let home = UserFolder::new();
    let account = "host = \"mail.example\"\nuser = \"rob\"\npassword-file = \"password\"\n";
    let settings = format!("state = \"state\"\nrules = \"rules.toml\"\n[accounts.home]\n{account}");
    fs::write(home.path().join("followsift.toml"), settings).unwrap();
    fs::write(home.path().join("password"), "x\n").unwrap();
    let rules = "[verdict.spam]\n[[rule]]\nname = \"many\"\nverdict = \"spam\"\nwhen.following = \">= 2000\"\n\
                 [[rule]]\nname = \"known\"\nverdict = \"real\"\nwhen.known = true\n";
    fs::write(home.path().join("rules.toml"), rules).unwrap();
    let mut ledger = Ledger::open(&home.path().join("state")).unwrap();
    let all = [
        judged(1, "venmo/request", 3),
        judged(2, "mastodon/card-en", 3),
        judged(3, "linkedin/italian", 100),
        judged(4, "twitter/forged-unsigned", 3),
    ];
    ledger.record(&all).unwrap();
    let said = home.run(&["check"]).out();
    let warning = "warning: no rule can judge the followers on Venmo, which sends you messages: they show name, and no rule \
                   for them uses that\n";
    assert!(said.contains(warning) && said.contains("`when.network = \"venmo\"` judges them all"), "{said}");
    assert_eq!(said.matches("no rule can judge").count(), 1, "{said}");
    assert!(home.run(&["check", "--json"]).out().contains("no rule can judge the followers on Venmo"));

    // A network that is switched off needs no rule.
    let off = "network = \"venmo\"\ntitle = \"Venmo\"\nlocale = {}\nlayout = []\n";
    home.write("networks/venmo.toml", off);
    let said = home.run(&["check"]).out();
    assert!(!said.contains("no rule can judge"), "{said}");
    fs::remove_file(home.path().join("networks/venmo.toml")).unwrap();

    let more = "[[rule]]\nname = \"venmo\"\nverdict = \"real\"\nwhen.network = \"venmo\"\n";
    fs::write(home.path().join("rules.toml"), format!("{rules}{more}")).unwrap();
    let said = home.run(&["check"]).out();
    assert!(!said.contains("no rule can judge"), "{said}");
}

#[test]
fn check_and_facts_know_what_is_looked_up() {
    let home = UserFolder::new();
    let account = "[accounts.home]\nhost = \"mail.example\"\nuser = \"rob\"\npassword-file = \"password\"\n\
                   instances = [\"toot.example\"]\nauthserv-id = \"mx.example\"\n";
    let write = |lookup: &str| {
        let settings = format!("state = \"state\"\nrules = \"rules.toml\"\n{lookup}{account}");
        fs::write(home.path().join("followsift.toml"), settings).unwrap();
    };
    write("");
    fs::write(home.path().join("password"), "x\n").unwrap();
    let rules = "[verdict.spam]\n[[rule]]\nname = \"bot\"\nverdict = \"spam\"\nwhen.bot = true\n";
    fs::write(home.path().join("rules.toml"), rules).unwrap();
    let mut ledger = Ledger::open(&home.path().join("state")).unwrap();
    ledger.record(&[judged(2, "mastodon/card-en", 3)]).unwrap();
    let said = home.run(&["check"]).out();
    assert!(said.contains("no rule can judge the followers on Mastodon"), "{said}");
    let remedy = "only a look-up can supply it: `[lookup]` in the settings (`followsift help operation`)";
    assert!(said.contains("no known message shows `bot`") && said.contains(remedy), "{said}");
    let bot = |facts: &str| {
        let from = facts.lines().skip_while(|line| !line.trim_start().starts_with("bot ")).take(4);
        from.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let facts = bot(&home.run(&["facts"]).out());
    assert!(facts.contains("shown by no known network"), "{facts}");
    assert!(facts.contains("a look-up can supply it (`[lookup]` in the settings)"), "{facts}");

    write("[lookup]\nmastodon = \"own-server\"\n");
    let said = home.run(&["check"]).out();
    assert!(!said.contains("warning"), "{said}");
    let facts = bot(&home.run(&["facts"]).out());
    assert!(facts.contains("own; looked up for mastodon"), "{facts}");
    assert!(!facts.contains("shown by 1 of"), "{facts}");
}

//! `followsift history`: what became of each notification, which of them are shown, and that nothing in the ledger reaches a
//! terminal as a command.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use followsift::clock::{self, Timestamp};
use followsift::diagnostic::Location;
use followsift::ledger::{Delay, Judged, Ledger, PutOff, Settlement, Stay};
use followsift::mail::{Authenticity, Follower, Kind, Network, Notification, Shown};
use followsift::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Marks, Uid, UidValidity};
use followsift::rules::{Action, Evidence, Reason, Verdict, VerdictName};

use crate::support::filing::filing;
use crate::support::user_folder::{Run, UserFolder};

/// Long before the tests run.
const AT: i64 = 1_700_000_000;

struct Home(UserFolder);

impl Home {
    fn new() -> Self {
        let home = UserFolder::new();
        home.write("rules.toml", "");
        let settings = "state = \"state\"\n[accounts.home]\nhost = \"mail.example\"\nuser = \"kim\"\npassword-file = \"password\"\n";
        home.write("followsift.toml", settings);
        home.write("password", "hunter2\n");
        Self(home)
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.0.state()).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.0.run(&[&["history"], arguments].concat())
    }

    fn shown(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        let (code, out, err) = run.parts();
        assert!(code == 0 && err.is_empty(), "{code}\n{out}\n{err}");
        out
    }

    /// The handles that are shown, in order.
    fn handles(&self, arguments: &[&str]) -> Vec<String> {
        let lines = self.shown(&[arguments, &["--json"]].concat());
        let handle = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["followers"][0]["handle"].as_str().unwrap().to_owned()
        };
        lines.lines().map(handle).collect()
    }
}

fn identity(number: u8) -> MailIdentity {
    MailIdentity { digest: MailDigest([number; 32]), size: 4000 }
}

fn place(number: u8) -> MailRef {
    let account = AccountName::new("home").unwrap();
    MailRef { account, folder: Folder::inbox(), validity: UidValidity(7), uid: Uid(number.into()) }
}

/// The message number `number`, which says that `handle` follows, and is to be filed.
fn judged(number: u8, handle: &str) -> Judged {
    let reason = Reason {
        rule: "Follows thousands".into(),
        at: Location { file: "rules.toml".into(), line: 12, column: 1 },
        evidence: Evidence { seen: vec!["following 2001 >= 2000".into()], by_name_alone: false },
        points: None,
    };
    let spam = VerdictName::new("spam");
    let follower = Follower {
        handle: Shown::Value(handle.to_owned()),
        name: Shown::Value(format!("Person {handle}")),
        following: Shown::Value(2001),
        bio: Shown::Empty,
        ..Follower::default()
    };
    Judged {
        mail: place(number),
        identity: identity(number),
        notification: Notification {
            network: Network::new("x").unwrap(),
            title: "X".into(),
            kind: Kind::Follow,
            layout: "2024".into(),
            authentic: Authenticity::Pass("mx.example: dkim=pass x.com".into()),
            instance: None,
            followers: vec![follower],
            complete: true,
            received: Timestamp(AT + i64::from(number) * 60),
        },
        verdicts: vec![Verdict { class: spam.clone(), reasons: vec![reason], ..Verdict::default() }],
        verdict: spam,
        action: Action::File { to: Folder::new("Followers/Spam").unwrap(), marks: Marks::default() },
        rules: "rules-1".into(),
        judged_at: Timestamp(AT + 3600 + i64::from(number) * 60),
    }
}

/// The same, undecided.
fn left(number: u8, handle: &str) -> Judged {
    Judged {
        verdicts: vec![Verdict::default()],
        verdict: None,
        action: Action::Leave,
        ..judged(number, handle)
    }
}

/// Moves a message, if that is how it ends.
fn file(ledger: &mut Ledger, number: u8, ending: Option<Settlement>) {
    let intent = filing(&judged(number, "someone"));
    let stated_at = intent.stated_at;
    let ids = ledger.intend(&[intent]).unwrap();
    if let Some(ending) = ending {
        ledger.settle(&[(ids[0], ending)], Timestamp(stated_at.0 + 1)).unwrap();
    }
}

#[test]
fn without_a_ledger_there_is_nothing_and_none_is_made() {
    let home = Home::new();
    assert_eq!(home.shown(&[]), "no notification that followsift remembers matches\n");
    assert_eq!(home.shown(&["--json"]), "");
    assert!(!home.0.state().exists());
    let run = home.run(&["--account", "wrk"]);
    assert!(
        run.parts().0 == 64 && run.err().contains("no account `wrk` (configured: home)"),
        "{}",
        run.err()
    );
}

#[test]
fn it_says_what_came_when_and_why_and_what_was_done_newest_first() {
    let home = Home::new();
    let mut ledger = home.ledger();
    let mut all = vec![judged(1, "ann"), left(2, "bo"), judged(3, "cy"), judged(4, "di"), judged(5, "eve")];
    all.push(left(6, "flo"));
    ledger.record(&all).unwrap();
    file(&mut ledger, 1, Some(Settlement::Moved { uid: Some(Uid(40)) }));
    ledger.note_correction(&place(1).account, &identity(1), Timestamp(AT + 90_000)).unwrap();
    file(&mut ledger, 3, Some(Settlement::Moved { uid: Some(Uid(41)) }));
    ledger.keep(&place(3).account, &identity(3), Stay::Twin, Timestamp(AT + 90_000)).unwrap();
    ledger
        .put_off(&[PutOff { mail: place(4), identity: identity(4), why: Delay::Fuse }], Timestamp(AT))
        .unwrap();
    let why = Delay::LookUp(Timestamp(AT + 7200));
    ledger.put_off(&[PutOff { mail: place(6), identity: identity(6), why }], Timestamp(AT)).unwrap();
    file(&mut ledger, 5, None);
    drop(ledger);
    let spam = "spam, by \"Follows thousands\" (rules.toml:12): following 2001 >= 2000";
    let head = |minute: u32, came: u32| {
        format!(
            "2023-11-14 23:{minute} UTC  X · follow · authentic (mx.example: dkim=pass x.com)\n  \
             home INBOX, received 2023-11-14 22:{came} UTC\n"
        )
    };
    let who = |handle: &str| format!("  Person {handle} (@{handle}) · following 2001 · no bio\n");
    let expected = [
        format!(
            "{}{}  undecided: no rule fired\n  stays for now: followsift waits until 2023-11-15 00:13 UTC for the look-up of a follower\n",
            head(19, 19),
            who("flo")
        ),
        format!(
            "{}{}  {spam}\n  a move to Followers/Spam began 2023-11-14 23:18 UTC; how it ended is not known yet\n",
            head(18, 18),
            who("eve")
        ),
        format!(
            "{}{}  {spam}\n  is to be moved to Followers/Spam: the fuse, a rate limit on moves, holds it back\n",
            head(17, 17),
            who("di")
        ),
        format!(
            "{}{}  {spam}\n  moved to Followers/Spam 2023-11-14 23:16 UTC\n  stays: the same message was filed before and is still in its folder\n",
            head(16, 16),
            who("cy")
        ),
        format!("{}{}  undecided: no rule fired\n  stays\n", head(15, 15), who("bo")),
        format!(
            "{}{}  {spam}\n  moved to Followers/Spam 2023-11-14 23:14 UTC\n  put back by hand, noticed 2023-11-15 23:13 UTC; it stays\n",
            head(14, 14),
            who("ann")
        ),
    ];
    assert_eq!(home.shown(&[]), expected.join("\n"));
    let last = home.shown(&["--json", "--follower", "ann"]);
    assert_eq!(
        last,
        "{\"judged-at\":\"2023-11-14T23:14:20Z\",\"received\":\"2023-11-14T22:14:20Z\",\"account\":\"home\",\"folder\":\"INBOX\",\
         \"network\":\"x\",\"kind\":\"follow\",\"authentic\":\"pass\",\"followers\":[{\"handle\":\"ann\",\"name\":\"Person ann\",\
         \"url\":null,\"bio\":\"\",\"location\":null,\"website\":null,\"address-host\":null,\"followers\":null,\"following\":2001,\
         \"posts\":null,\"verdict\":\"spam\",\"points\":0.0,\"reasons\":[{\"rule\":\"Follows thousands\",\"file\":\"rules.toml\",\
         \"line\":12,\"evidence\":\"following 2001 >= 2000\"}]}],\"verdict\":\"spam\",\"action\":{\"move-to\":\"Followers/Spam\",\
         \"flag\":false,\"mark-read\":false},\"moves\":[{\"to\":\"Followers/Spam\",\"returns\":false,\"by-hand\":false,\
         \"found\":false,\"stated-at\":\"2023-11-14T23:14:20Z\",\"outcome\":\"moved\",\"settled-at\":\"2023-11-14T23:14:21Z\"}],\
         \"put-back\":\"2023-11-15T23:13:20Z\",\"stays\":null,\"waits\":null}\n"
    );
}

#[test]
fn what_is_shown_is_chosen_by_time_account_network_verdict_rule_and_follower() {
    let home = Home::new();
    let mut ledger = home.ledger();
    let now = clock::now();
    let mut work = judged(2, "bo");
    work.mail.account = AccountName::new("work").unwrap();
    let mut mastodon = left(3, "cy@toot.example");
    mastodon.notification.network = Network::new("mastodon").unwrap();
    mastodon.notification.title = "Mastodon".into();
    mastodon.judged_at = Timestamp(now.0 - 3 * 86_400);
    let lately = Judged { judged_at: Timestamp(now.0 - 7200), ..left(4, "di") };
    ledger.record(&[judged(1, "ann"), work, mastodon, lately]).unwrap();
    drop(ledger);
    for (arguments, expected) in [
        (&[][..], &["di", "cy@toot.example", "bo", "ann"][..]),
        (&["--last", "2"], &["di", "cy@toot.example"]),
        (&["--since", "7d"], &["di", "cy@toot.example"]),
        (&["--until", "1d"], &["cy@toot.example", "bo", "ann"]),
        (&["--since", "7d", "--until", "1d"], &["cy@toot.example"]),
        (&["--account", "home"], &["di", "cy@toot.example", "ann"]),
        (&["--account", "work"], &["bo"]),
        (&["--network", "Mastodon"], &["cy@toot.example"]),
        (&["--network", "x"], &["di", "bo", "ann"]),
        (&["--verdict", "spam"], &["bo", "ann"]),
        (&["--verdict", "undecided", "--network", "x"], &["di"]),
        (&["--rule", "follows thousands"], &["bo", "ann"]),
        (&["--follower", "@cy"], &["cy@toot.example"]),
        (&["--follower", "Person ann"], &["ann"]),
        (&["--follower", "per"], &[]),
    ] {
        assert_eq!(home.handles(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_message_that_was_moved_since_is_shown_however_long_ago_it_was_judged() {
    let home = Home::new();
    let mut ledger = home.ledger();
    let long_before = Timestamp(AT - 30 * 86_400);
    let before = |judged| Judged { judged_at: long_before, ..judged };
    ledger.record(&[before(judged(1, "ann")), before(left(2, "bo"))]).unwrap();
    file(&mut ledger, 1, Some(Settlement::Moved { uid: Some(Uid(40)) }));
    drop(ledger);
    let since = |days: i64| format!("{}d", (clock::now().0 - AT) / 86_400 + days);
    assert_eq!(home.handles(&["--since", &since(5)]), ["ann"]);
    assert_eq!(home.handles(&["--since", &since(40)]).len(), 2);
    assert!(home.handles(&["--since", &since(-5)]).is_empty(), "it was moved before");
}

#[test]
fn a_message_judged_by_new_rules_is_shown_as_they_judge_it_and_as_it_was_moved() {
    let home = Home::new();
    let mut ledger = home.ledger();
    let again = |number, rules: &str| Judged {
        rules: rules.into(),
        judged_at: Timestamp(AT + 9000),
        ..left(number, "ann")
    };
    ledger.record(&[judged(1, "ann"), judged(2, "ann")]).unwrap();
    file(&mut ledger, 1, Some(Settlement::Moved { uid: None }));
    ledger.record(&[again(1, "rules-2"), again(2, "rules-2")]).unwrap();
    drop(ledger);
    let shown = home.shown(&[]);
    let verdicts: Vec<_> =
        shown.lines().filter(|line| line.contains("by \"") || line.contains("undecided")).collect();
    // The first judgement of message 2 led to nothing, and holds no more.
    assert_eq!(verdicts.len(), 3, "{shown}");
    assert!(
        verdicts[2].starts_with("  spam") && verdicts[..2].iter().all(|line| line.starts_with("  undecided"))
    );
}

#[test]
fn every_entry_is_shown_once_however_many_were_judged_in_one_second() {
    let home = Home::new();
    let mut ledger = home.ledger();
    let all: Vec<_> = (0..1203_u32)
        .map(|number| {
            let mut one = left(1, &format!("n{number}"));
            one.identity.size = number;
            one.judged_at = Timestamp(AT + i64::from(number / 700));
            one
        })
        .collect();
    ledger.record(&all).unwrap();
    drop(ledger);
    let expected: Vec<_> = (0..1203).rev().map(|number| format!("n{number}")).collect();
    assert_eq!(home.handles(&[]), expected);
}

#[test]
fn nothing_in_the_ledger_reaches_the_terminal_as_a_command_or_as_a_line_of_its_own() {
    const TRICK: &str = "\u{1b}[2J\u{202e}\u{9b}x\n  put back by hand";
    let home = Home::new();
    let mut evil = judged(1, &format!("evil{TRICK}"));
    let trick = |text: &str| format!("{text}{TRICK}");
    evil.notification.title = trick("X").into();
    evil.notification.authentic = Authenticity::Fail(trick("two From"));
    let follower = &mut evil.notification.followers[0];
    follower.bio = Shown::Value(trick("bio"));
    follower.name = Shown::Value(trick("name"));
    follower.location = Shown::Value(trick("place"));
    let reason = &mut evil.verdicts[0].reasons[0];
    reason.rule = trick("rule").into();
    reason.at.file = trick("file").into();
    reason.evidence.seen = vec![trick("seen")];
    evil.action =
        Action::File { to: Folder::new("Followers/\u{202e}Spam").unwrap(), marks: Marks::default() };
    home.ledger().record(&[evil]).unwrap();
    for arguments in [&[][..], &["--json"]] {
        let shown = home.shown(arguments);
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
        assert!(shown.lines().all(|line| !line.starts_with("  put back")), "{shown}");
    }
}

#[test]
fn a_name_that_nothing_has_is_said_to_be_one() {
    let home = Home::new();
    let rules = "[verdict.spam]\n[[rule]]\nname = \"Known\"\nverdict = \"real\"\nwhen.known = true\n";
    home.0.write("rules.toml", rules);
    home.ledger().record(&[judged(1, "ann")]).unwrap();
    let nothing = "no notification that followsift remembers matches";
    for (options, more) in [
        (["--network", "mastdon"], "; no network is called `mastdon`: did you mean `mastodon`?"),
        (["--network", "zzzzzz"], "; no network is called `zzzzzz`"),
        (["--verdict", "spma"], "; no verdict is called `spma`: did you mean `spam`?"),
        (
            ["--rule", "Follow thousands"],
            "; no rule is called `Follow thousands`: did you mean `Follows thousands`?",
        ),
        // What the settings or the ledger know.
        (["--network", "Mastodon"], ""),
        (["--verdict", "undecided"], ""),
        (["--rule", "known"], ""),
        (["--verdict", "real"], ""),
        (["--follower", "zoe"], ""),
    ] {
        assert_eq!(home.shown(&options), format!("{nothing}{more}\n"), "{options:?}");
    }
    assert_eq!(home.shown(&["--network", "mastdon", "--json"]), "");
    let rule_of_the_ledger = home.shown(&["--rule", "Follows thousands", "--network", "mastodon"]);
    assert_eq!(rule_of_the_ledger, format!("{nothing}\n"));
}

#[test]
fn a_follower_who_is_forgotten_is_in_no_history_and_the_command_says_what_it_did() {
    let home = Home::new();
    let forget = |handle: &str| home.0.run(&["forget", "x", handle]).parts();
    // Without a ledger there is nothing to forget, and none is made.
    let (code, out, err) = forget("ann");
    assert!(
        code == 64 && out.is_empty() && err.contains("the ledger does not name @ann on x"),
        "{code} {err}"
    );
    assert!(!home.0.state().exists());
    let mut ledger = home.ledger();
    ledger.record(&[judged(1, "ann"), judged(2, "ann"), judged(3, "bob")]).unwrap();
    file(&mut ledger, 1, None);
    let (code, _, err) = forget("@ann");
    assert!(code == 75 && err.contains("a message about @ann on x is being moved"), "{code} {err}");
    assert_eq!(home.handles(&[]), ["bob", "ann", "ann"]);
    file(&mut ledger, 1, Some(Settlement::Moved { uid: Some(Uid(40)) }));
    let open = ledger.unsettled(&AccountName::new("home").unwrap(), clock::now()).unwrap();
    let ends: Vec<_> = open.iter().map(|one| (one.id, Settlement::Left)).collect();
    ledger.settle(&ends, clock::now()).unwrap();
    drop(ledger);
    std::fs::write(home.0.state().join("ledger-v3.sqlite"), "of an earlier version").unwrap();
    let (code, out, err) = forget("Ann");
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (
            0,
            "the ledger no longer names @ann on x; 2 messages that named them are never moved again; the copy of an older \
             ledger is deleted\n",
            ""
        )
    );
    assert_eq!(home.handles(&[]), ["bob"]);
    assert_eq!(forget("ann").0, 64);
    let (code, _, err) = forget("ann lima");
    assert!(code == 64 && err.contains("is not a handle"), "{code} {err}");
}

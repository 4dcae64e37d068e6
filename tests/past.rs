//! What came before: only proven notifications count, in the ledger and in a replay alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use followsift::clock::Timestamp;
use followsift::ledger::{Judged, Ledger};
use followsift::mail::{Authenticity, Follower, FollowerKey, Kind, Network, Notification, Shown};
use followsift::place::{AccountName, Folder, MailDigest, MailIdentity, MailRef, Uid, UidValidity};
use followsift::rules::recall::{Asked, ONE_FOLLOW, Replay, WAVE};
use followsift::rules::{Action, Past, Recall, Verdict};

const NOON: i64 = 1_800_000_000;

fn home() -> AccountName {
    AccountName::new("home").unwrap()
}

fn pass() -> Authenticity {
    Authenticity::Pass("mx.example: dkim=pass brew.example".to_owned())
}

fn forged() -> Authenticity {
    Authenticity::Fail("mx.example: dmarc=fail brew.example".to_owned())
}

fn notification(handle: &str, authentic: Authenticity, received: i64) -> Notification {
    let handle = Shown::Value(handle.to_owned());
    Notification {
        network: Network::new("mastodon").unwrap(),
        title: "Mastodon".into(),
        kind: Kind::Follow,
        layout: "card".into(),
        authentic,
        instance: Some("brew.example".into()),
        followers: vec![Follower { handle, ..Follower::default() }],
        complete: true,
        received: Timestamp(received),
    }
}

fn judged(number: u8, notification: Notification) -> Judged {
    Judged {
        mail: MailRef {
            account: home(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(u32::from(number)),
        },
        identity: MailIdentity { digest: MailDigest([number; 32]), size: 4_000 },
        notification,
        verdicts: vec![Verdict::default()],
        verdict: None,
        action: Action::Leave,
        rules: "rules-1".into(),
        judged_at: Timestamp(NOON),
    }
}

fn key(handle: &str) -> FollowerKey {
    let notification = notification(handle, pass(), 0);
    notification.keys().next().unwrap()
}

fn past(ledger: &Ledger, handle: &str, before: i64, judged: Option<u8>) -> Past {
    let judged = judged.map(|number| MailIdentity { digest: MailDigest([number; 32]), size: 4_000 });
    let account = home();
    let recalled = ledger.recall(&account, judged.as_ref());
    let past = recalled.past(&key(handle), Timestamp(before), Asked::ALL);
    recalled.finish().unwrap();
    past
}

#[test]
fn an_unproven_message_gives_its_follower_no_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut replay = Replay::default();
    for (number, authentic) in [(1, Authenticity::Unknown), (2, Authenticity::Unknown), (3, forged())] {
        let notification = notification("carol@brew.example", authentic, NOON - 60);
        replay.note(&notification);
        ledger.record(&[judged(number, notification)]).unwrap();
    }
    assert_eq!(past(&ledger, "carol@brew.example", NOON, None), Past::default());
    assert_eq!(replay.past(&key("carol@brew.example"), Timestamp(NOON), Asked::ALL), Past::default());
    let proven = notification("carol@brew.example", pass(), NOON - 50);
    ledger.record(&[judged(4, proven)]).unwrap();
    assert_eq!(past(&ledger, "carol@brew.example", NOON, None).wave, 1);
    let past = past(&ledger, "carol@brew.example", NOON + ONE_FOLLOW, None);
    assert_eq!((past.times_followed, past.last_followed), (1, Some(Timestamp(NOON - 50))));
}

#[test]
fn a_message_that_passes_no_longer_counts_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let of = |authentic| notification("ann@brew.example", authentic, NOON - 60);
    ledger.record(&[judged(1, of(pass()))]).unwrap();
    assert_eq!(past(&ledger, "ann@brew.example", NOON, None).wave, 1);
    let other_rules = |authentic| Judged { rules: "rules-2".to_owned(), ..judged(1, of(authentic)) };
    ledger.record(&[other_rules(Authenticity::Unknown)]).unwrap();
    assert_eq!(past(&ledger, "ann@brew.example", NOON, None), Past::default());
    ledger.record(&[other_rules(pass()), other_rules(pass())]).unwrap();
    assert_eq!(past(&ledger, "ann@brew.example", NOON, None).wave, 1);
    assert_eq!(past(&ledger, "ann@brew.example", NOON + ONE_FOLLOW, None).times_followed, 1);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 40, ..Default::default() })]
    #[test]
    fn the_ledger_answers_as_a_replay_does(
        mails in proptest::collection::vec((0..3_usize, 0..3_usize, 0..96_i64), 1..30),
        before in 0..96_i64,
        itself in 0..30_u8,
    ) {
        let people = ["ann@brew.example", "bob@brew.example", "eve@kiln.example"];
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let mut replay = Replay::default();
        let mut all = Vec::new();
        for (number, (who, proof, at)) in (0_u8..).zip(&mails) {
            let authentic = [pass(), Authenticity::Unknown, forged()][*proof].clone();
            let notification = notification(people[*who], authentic, NOON + at * WAVE);
            // The one that is judged is in the ledger already, and does not count.
            if number != itself {
                replay.note(&notification);
            }
            all.push(judged(number, notification));
        }
        ledger.record(&all).unwrap();
        for who in people {
            let before = NOON + before * WAVE;
            let answered = past(&ledger, who, before, Some(itself));
            proptest::prop_assert_eq!(answered, replay.past(&key(who), Timestamp(before), Asked::ALL));
        }
    }
}

//! The ledger keeps what it was given, through crashes and beside other programs, or reports that it cannot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use followsift::clock::Timestamp;
use followsift::diagnostic::Location;
use followsift::host::HostName;
use followsift::ledger::{
    AccountLock, Allowance, Correspondent, Cursor, Delay, EarlierMove, HandFiled, IncompleteRecord, Intent,
    Judged, KnownBy, Ledger, LedgerFault, Limit, LockFault, LockFolders, Newest, Old, PutOff, Question,
    SentPeople, Settlement, Stay, Target, WaitingSums,
};
use followsift::mail::{Authenticity, Fact, Follower, Incomplete, Kind, Network, Notification, Shown};
use followsift::place::{
    AccountName, Folder, MailDigest, MailIdentity, MailRef, MailboxKey, Marks, Uid, UidValidity,
};
use followsift::rules::recall::Asked;
use followsift::rules::{Action, Evidence, Past, Reason, Recall, Verdict, VerdictName};

mod export;
mod files;
mod forgetting;
mod hand_filed;
mod history;
mod moves;
mod waiting;

fn home() -> AccountName {
    AccountName::new("home").unwrap()
}

fn spam_folder() -> Folder {
    Folder::new("Followers/Spam").unwrap()
}

fn identity(number: u8) -> MailIdentity {
    MailIdentity { digest: MailDigest([number; 32]), size: 4000 + u32::from(number) }
}

fn place(uid: u32) -> MailRef {
    MailRef { account: home(), folder: Folder::inbox(), validity: UidValidity(7), uid: Uid(uid) }
}

fn follower(handle: &str) -> Follower {
    Follower {
        handle: Shown::Value(handle.into()),
        bio: Shown::Empty,
        following: Shown::Value(2001),
        verified: Shown::Value(false),
        ..Follower::default()
    }
}

/// The message number `number`, which says that `handle` follows since `received`, and is to be filed.
fn judged(number: u8, handle: &str, received: i64) -> Judged {
    let reason = Reason {
        rule: "Follows thousands".into(),
        at: Location { file: "rules.toml".into(), line: 12, column: 1 },
        evidence: Evidence { seen: vec!["following 2001 >= 2000".into()], by_name_alone: false },
        points: None,
    };
    let spam = VerdictName::new("spam");
    Judged {
        mail: place(u32::from(number)),
        identity: identity(number),
        notification: Notification {
            network: Network::new("mastodon").unwrap(),
            title: "Mastodon".into(),
            kind: Kind::Follow,
            layout: "4.x".into(),
            authentic: Authenticity::Pass("mx.example.org: dkim=pass chaos.example".into()),
            instance: Some("chaos.example".into()),
            followers: vec![follower(handle)],
            complete: true,
            received: Timestamp(received),
        },
        verdicts: vec![Verdict {
            class: spam.clone(),
            points: 0.0,
            reasons: vec![reason],
            ..Verdict::default()
        }],
        verdict: spam,
        action: Action::File { to: spam_folder(), marks: Marks { flagged: false, seen: true } },
        rules: "rules-1".into(),
        judged_at: Timestamp(received + 60),
    }
}

fn intent(number: u8) -> Intent {
    Intent {
        mail: place(u32::from(number)),
        identity: identity(number),
        source_next: Uid(100),
        target: Target { folder: spam_folder(), validity: UidValidity(3), next: Uid(40) },
        marks: Marks { flagged: false, seen: true },
        stated_at: Timestamp(5000),
        by_hand: false,
        received: Some(Timestamp(900)),
        by_move: true,
        returns: false,
        header: None,
    }
}

/// The message number `number`, in its source folder again under this UID.
fn earlier(ledger: &Ledger, number: u8, uid: u32) -> &'static str {
    earlier_at(ledger, number, &place(uid))
}

fn earlier_at(ledger: &Ledger, number: u8, place: &MailRef) -> &'static str {
    match ledger.earlier_move(place, &identity(number), None).unwrap() {
        EarlierMove::None => "never moved",
        EarlierMove::Filed(_) => "filed once",
        EarlierMove::Doubled => "doubled",
        EarlierMove::Altered => "altered",
        EarlierMove::Unsettled => "unsettled",
        EarlierMove::Stays(Stay::PutBack) => "put back",
        EarlierMove::Stays(_) => "kept",
    }
}

fn past(ledger: &Ledger, handle: &str, before: i64, judged: Option<u8>) -> Past {
    let network = Network::new("mastodon").unwrap();
    let key = followsift::mail::FollowerKey::new(&network, Some("chaos.example"), &follower(handle));
    let (account, judged) = (home(), judged.map(identity));
    let recalled = ledger.recall(&account, judged.as_ref());
    let past = recalled.past(&key, Timestamp(before), Asked::ALL);
    recalled.finish().unwrap();
    past
}

/// The state folder as it would be if the machine stopped now: the files are copied while they are in use.
fn crash_image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), image.path().join(file.file_name())).unwrap();
    }
    image
}

#[test]
fn the_newest_messages_of_a_folder_are_remembered_newest_first_also_while_its_uids_are_void() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let one = |uid: u32| Newest {
        uid: Uid(uid),
        fields: MailDigest([uid as u8; 32]),
        received: Timestamp(i64::from(uid)),
    };
    let cursor = |newest: &[u32]| Cursor {
        validity: UidValidity(7),
        next: Uid(50),
        looked_at: Timestamp(7),
        old: None,
        newest: newest.iter().map(|uid| one(*uid)).collect(),
    };
    for newest in [&[9, 8, 7][..], &[12, 9, 8], &[]] {
        ledger.advance(&home(), &Folder::inbox(), cursor(newest)).unwrap();
        assert_eq!(ledger.cursor(&home(), &Folder::inbox()).unwrap(), Some(cursor(newest)));
    }
    ledger.advance(&home(), &Folder::inbox(), cursor(&[12])).unwrap();
    ledger.void(&home(), &Folder::inbox()).unwrap();
    let void = ledger.cursor(&home(), &Folder::inbox()).unwrap().unwrap();
    assert!(void.is_void() && void.newest == [one(12)]);
}

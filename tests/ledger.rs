//! The ledger keeps what it was told, through crashes and beside other programs, or says that it cannot.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use followsift::clock::Timestamp;
use followsift::diagnostic::Location;
use followsift::ledger::{
    AccountLock, Allowance, Correspondent, Cursor, Delay, EarlierMove, IncompleteRecord, Intent, Judged,
    Ledger, LedgerFault, Limit, LockFault, LockFolders, Newest, Old, PutOff, SentPeople, Settlement, Stay,
    Target,
};
use followsift::mail::{Authenticity, Fact, Follower, Incomplete, Kind, Network, Notification, Shown};
use followsift::place::{
    AccountName, Folder, MailDigest, MailIdentity, MailRef, MailboxKey, Marks, Uid, UidValidity,
};
use followsift::rules::recall::Asked;
use followsift::rules::{Action, Evidence, Past, Reason, Recall, Verdict, VerdictName};

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

/// The mail number `number`, which says that `handle` follows since `received`, and is to be filed.
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
        verdicts: vec![Verdict { class: spam.clone(), points: 0.0, reasons: vec![reason] }],
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

/// The mail number `number`, in its source folder again under this UID.
fn earlier(ledger: &Ledger, number: u8, uid: u32) -> &'static str {
    earlier_at(ledger, number, &place(uid))
}

fn earlier_at(ledger: &Ledger, number: u8, place: &MailRef) -> &'static str {
    match ledger.earlier_move(place, &identity(number), None).unwrap() {
        EarlierMove::None => "never moved",
        EarlierMove::Filed(_) => "filed once",
        EarlierMove::Doubled => "doubled",
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
fn a_judgement_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut batch = judged(2, "bob", 2000);
    batch.notification.kind = Kind::FollowBatch;
    batch.notification.followers.push(follower("eve"));
    batch.notification.authentic = Authenticity::Unknown;
    batch.verdicts.push(Verdict { class: None, points: -1.5, reasons: vec![] });
    batch.verdict = None;
    batch.action = Action::Leave;
    ledger.record(&[judged(1, "ann", 1000), batch.clone()]).unwrap();

    let recent = ledger.recent(10).unwrap();
    assert_eq!(recent.len(), 2);
    assert_eq!(recent[0].judged, batch);
    assert_eq!(recent[1].judged, judged(1, "ann", 1000));
    assert_eq!(ledger.judgements_of(&identity(1).digest).unwrap(), vec![recent[1].clone()]);
    assert_eq!(ledger.recent(1).unwrap().len(), 1);
}

#[test]
fn what_other_rules_said_before_is_kept_beside_what_is_said_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut again = judged(1, "ann", 1000);
    again.judged_at = Timestamp(9000);
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    ledger.record(&[again.clone()]).unwrap();
    assert_eq!(ledger.recent(10).unwrap().len(), 1, "the same rules judge a mail once");

    again.rules = "rules-2".into();
    again.verdict = None;
    again.judged_at = Timestamp(10_000);
    ledger.record(&[again]).unwrap();
    let verdicts: Vec<_> = ledger.recent(10).unwrap().into_iter().map(|entry| entry.judged.verdict).collect();
    assert_eq!(verdicts, [None, VerdictName::new("spam")]);
}

#[test]
fn an_intent_survives_a_crash_and_is_settled_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000), judged(2, "bob", 1001)]).unwrap();
    let stated = ledger.intend(&[intent(1), intent(2)]).unwrap();
    ledger.settle(&[(stated[1], Settlement::Moved { uid: Some(Uid(40)) })], Timestamp(5001)).unwrap();

    let image = crash_image(folder.path());
    let mut after = Ledger::open(image.path()).unwrap();
    let open = after.unsettled(&home(), Timestamp(9000)).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, &open[0].intent), (stated[0], &intent(1)));
    assert_eq!(earlier(&after, 1, 101), "never moved", "nobody knows that yet");
    assert_eq!(earlier(&after, 2, 101), "filed once");

    after.settle(&[(open[0].id, Settlement::Gone)], Timestamp(6000)).unwrap();
    assert!(after.unsettled(&home(), Timestamp(9000)).unwrap().is_empty());
    let filing = after.judgements_of(&identity(1).digest).unwrap()[0].filing.clone().unwrap();
    assert_eq!(filing.settled, Some((Settlement::Gone, Timestamp(6000))));
}

#[test]
fn a_mail_that_was_gone_when_one_looked_and_comes_back_was_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let stated = ledger.intend(&[intent(1)]).unwrap();
    ledger.settle(&[(stated[0], Settlement::Gone)], Timestamp(5001)).unwrap();
    assert_eq!(earlier(&ledger, 1, 101), "filed once");
    assert_eq!(earlier(&ledger, 1, intent(1).mail.uid.0), "never moved", "it was there all the time");
}

#[test]
fn intents_are_stated_and_settled_all_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    assert!(ledger.intend(&[intent(1), intent(9)]).is_err(), "mail 9 was never judged");
    assert!(ledger.unsettled(&home(), Timestamp(9000)).unwrap().is_empty());

    let stated = ledger.intend(&[intent(1), intent(1)]).unwrap();
    ledger.settle(&[(stated[0], Settlement::Left)], Timestamp(1)).unwrap();
    let both = [(stated[1], Settlement::Left), (stated[0], Settlement::Gone)];
    assert!(matches!(ledger.settle(&both, Timestamp(2)), Err(LedgerFault::NotOpen(id)) if id == stated[0]));
    assert_eq!(ledger.unsettled(&home(), Timestamp(9000)).unwrap().len(), 1);
}

#[test]
fn only_a_mail_in_doubt_may_be_settled_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let id = ledger.intend(&[intent(1)]).unwrap()[0];
    ledger.settle(&[(id, Settlement::InDoubt)], Timestamp(1)).unwrap();
    assert!(ledger.unsettled(&home(), Timestamp(9000)).unwrap().is_empty());
    assert_eq!(earlier(&ledger, 1, 101), "never moved");
    ledger.settle(&[(id, Settlement::Moved { uid: None })], Timestamp(2)).unwrap();
    assert_eq!(earlier(&ledger, 1, 101), "filed once");
}

#[test]
fn a_mail_put_back_is_corrected_for_ever_and_its_followers_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    assert_eq!(earlier(&ledger, 1, 1), "never moved");
    assert!(!past(&ledger, "ann", 9000, None).known);

    ledger.note_correction(&home(), &identity(1), Timestamp(6000)).unwrap();
    ledger.note_correction(&home(), &identity(1), Timestamp(7000)).unwrap();
    // Judged again, by rules that read another follower in it.
    let mut again = judged(1, "somebody-else", 1000);
    again.rules = "rules-2".into();
    ledger.record(&[again]).unwrap();
    drop(ledger);

    let ledger = Ledger::open(folder.path()).unwrap();
    assert_eq!(earlier(&ledger, 1, 1), "put back");
    assert_eq!(earlier(&ledger, 2, 1), "never moved");
    assert!(past(&ledger, "Ann", 500, None).known, "a person is known, whenever the mail came");
    assert!(!past(&ledger, "bob", 9000, None).known);
    assert!(ledger.recent(9).unwrap().iter().all(|entry| entry.corrected));
}

#[test]
fn only_what_arrived_strictly_before_is_recalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut request = judged(2, "ann", 2000);
    request.notification.kind = Kind::FollowRequest;
    request.action = Action::Leave;
    ledger.record(&[judged(1, "ann", 1000), request, judged(3, "bob", 2500)]).unwrap();

    let nothing = Past::default();
    assert_eq!(past(&ledger, "ann", 1000, None), nothing);
    let once = Past { times_followed: 1, last_followed: Some(Timestamp(1000)), wave: 1, known: false };
    assert_eq!(past(&ledger, "ann", 2000, None), once);
    let twice = Past { times_followed: 2, last_followed: Some(Timestamp(2000)), wave: 3, known: false };
    assert_eq!(past(&ledger, "ANN", 3000, None), twice);
    assert_eq!(past(&ledger, "ann", 4600, None).wave, 3, "the hour before, its beginning included");
    assert_eq!(past(&ledger, "ann", 4601, None).wave, 2);
    assert_eq!(past(&ledger, "carl", 9000, None), nothing);
}

#[test]
fn a_mail_judged_twice_counts_once_and_never_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut again = judged(1, "ann", 1000);
    again.rules = "rules-2".into();
    // Put back by a client that gave it a new date and, of course, a new UID.
    again.mail = place(99);
    again.notification.received = Timestamp(1500);
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    ledger.record(&[again]).unwrap();
    let once = Past { times_followed: 1, last_followed: Some(Timestamp(1000)), wave: 1, known: false };
    assert_eq!(past(&ledger, "ann", 1500, None), once);
    assert_eq!(past(&ledger, "ann", 1500, Some(1)), Past::default());
    assert_eq!(ledger.recent(1).unwrap()[0].judged.mail, place(99));
}

#[test]
fn a_batch_is_one_mail_of_a_wave_and_a_forged_mail_gives_nobody_a_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut batch = judged(1, "ann", 1000);
    batch.notification.followers = vec![follower("ann"), follower("bob"), follower("ann")];
    let mut forged = judged(2, "ann", 1001);
    forged.notification.authentic = Authenticity::Fail("two From addresses".into());
    ledger.record(&[batch, forged]).unwrap();
    let once = Past { times_followed: 1, last_followed: Some(Timestamp(1000)), wave: 1, known: false };
    assert_eq!(past(&ledger, "ann", 2000, None), once);
}

#[test]
fn another_accounts_mail_is_no_part_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut other = judged(1, "ann", 1000);
    other.mail.account = AccountName::new("work").unwrap();
    ledger.record(&[other]).unwrap();
    assert_eq!(past(&ledger, "ann", 2000, None), Past::default());
}

#[test]
fn a_memory_that_could_not_be_read_says_so_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let other = rusqlite::Connection::open(ledger.file()).unwrap();
    other.execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE known_follower").unwrap();
    let account = home();
    let recalled = ledger.recall(&account, None);
    let notification = judged(1, "ann", 1000).notification;
    let key = notification.key(&notification.followers[0]);
    assert_eq!(recalled.past(&key, Timestamp(2000), Asked::ALL), Past::default());
    assert!(recalled.finish().is_err());
}

#[test]
fn a_cursor_goes_forward_under_one_validity_and_starts_anew_under_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let inbox = Folder::inbox();
    let cursor = |validity, next| Cursor {
        validity: UidValidity(validity),
        next: Uid(next),
        looked_at: Timestamp(7),
        old: None,
        newest: Vec::new(),
    };
    assert_eq!(ledger.cursor(&home(), &inbox).unwrap(), None);
    for (told, kept) in [((7, 10), (7, 10)), ((7, 5), (7, 10)), ((7, 11), (7, 11)), ((8, 2), (8, 2))] {
        ledger.advance(&home(), &inbox, cursor(told.0, told.1)).unwrap();
        assert_eq!(ledger.cursor(&home(), &inbox).unwrap(), Some(cursor(kept.0, kept.1)));
    }
}

#[test]
fn a_cursor_remembers_what_a_look_by_time_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let old = Some(Old { below: Uid(50), since: Timestamp(3) });
    let middle =
        Cursor { validity: UidValidity(7), next: Uid(10), looked_at: Timestamp(7), old, newest: Vec::new() };
    for cursor in [middle.clone(), Cursor { next: Uid(50), old: None, ..middle }] {
        ledger.advance(&home(), &Folder::inbox(), cursor.clone()).unwrap();
        assert_eq!(ledger.cursor(&home(), &Folder::inbox()).unwrap(), Some(cursor));
    }
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

/// A ledger in which mail 1, of UID 1, was moved when the next UID was 100.
fn with_a_move(settlement: Settlement) -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let id = ledger.intend(&[intent(1)]).unwrap().remove(0);
    ledger.settle(&[(id, settlement)], Timestamp(5001)).unwrap();
    (folder, ledger)
}

#[test]
fn a_twin_that_lay_beside_a_moved_mail_was_not_put_back() {
    let (_folder, ledger) = with_a_move(Settlement::Moved { uid: Some(Uid(40)) });
    for (uid, meaning) in [
        (1, "filed once"), // its mark of deletion was taken away
        (2, "never moved"),
        (99, "never moved"),
        (100, "filed once"),
        (4711, "filed once"),
    ] {
        assert_eq!(earlier(&ledger, 1, uid), meaning, "uid {uid}");
    }
    let elsewhere = MailRef { folder: Folder::new("Social").unwrap(), ..place(2) };
    assert_eq!(earlier_at(&ledger, 1, &elsewhere), "filed once");
    let renumbered = MailRef { validity: UidValidity(8), ..place(2) };
    assert_eq!(earlier_at(&ledger, 1, &renumbered), "filed once");
    let renamed = MailRef { account: AccountName::new("private").unwrap(), ..place(2) };
    assert_eq!(earlier_at(&ledger, 1, &renamed), "filed once");
}

#[test]
fn an_original_that_could_not_be_removed_was_not_put_back() {
    let (_folder, ledger) = with_a_move(Settlement::Doubled { uid: Uid(40) });
    assert_eq!(earlier(&ledger, 1, 1), "doubled");
    assert_eq!(earlier(&ledger, 1, 100), "filed once");
}

#[test]
fn a_message_whose_move_is_open_is_not_moved_once_more_and_its_twin_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "@ann", 100)]).unwrap();
    let open = ledger.intend(&[intent(1)]).unwrap();
    assert_eq!(earlier(&ledger, 1, 1), "unsettled");
    assert_eq!(earlier(&ledger, 1, 2), "never moved");
    ledger.settle(&[(open[0], Settlement::Left)], Timestamp(200)).unwrap();
    assert_eq!(earlier(&ledger, 1, 1), "never moved");
}

#[test]
fn a_message_that_nobody_recorded_can_be_kept_without_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.keep(&home(), &identity(9), Stay::PutBack, Timestamp(200)).unwrap();
    assert!(ledger.unconfirmed().unwrap().is_empty());
}

#[test]
fn a_correction_under_an_accounts_former_name_counts() {
    let (_folder, mut ledger) = with_a_move(Settlement::Moved { uid: None });
    ledger.note_correction(&AccountName::new("private").unwrap(), &identity(1), Timestamp(6000)).unwrap();
    assert!(past(&ledger, "ann", 9000, None).known);
}

fn put_off(number: u8, why: Delay) -> PutOff {
    PutOff { mail: place(u32::from(number)), identity: identity(number), why }
}

/// The mails of the inbox that wait and are due.
fn due(ledger: &Ledger, now: i64) -> Vec<(u32, bool)> {
    let waiting = ledger.waiting(&home(), &Folder::inbox(), UidValidity(7), Timestamp(now)).unwrap();
    waiting.iter().filter(|one| one.due).map(|one| (one.uid.0, one.released)).collect()
}

#[test]
fn a_mail_that_waits_is_due_in_order_of_arrival_until_it_is_struck_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 3000), judged(2, "bob", 2000), judged(3, "eve", 1000)]).unwrap();
    assert!(!ledger.waits(&home()).unwrap());
    ledger
        .put_off(
            &[put_off(1, Delay::Fuse), put_off(2, Delay::Fuse), put_off(3, Delay::Interrupted)],
            Timestamp(100),
        )
        .unwrap();
    assert_eq!(due(&ledger, 100), [(3, false), (2, false), (1, false)]);
    assert_eq!(ledger.held_back(&home()).unwrap(), 2);
    assert!(ledger.waits(&home()).unwrap() && ledger.is_waiting(&home(), &identity(1)).unwrap());

    ledger.strike_off(&home(), &Folder::inbox(), UidValidity(7), &[Uid(2)]).unwrap();
    assert_eq!(ledger.resume(&home(), Timestamp(101)).unwrap(), 1, "nothing but the fuse is let through");
    assert_eq!(due(&ledger, 102), [(3, false), (1, true)]);
    assert_eq!(ledger.held_back(&home()).unwrap(), 0);
    ledger.strike_off_void(&home(), &Folder::inbox(), UidValidity(8)).unwrap();
    assert!(!ledger.waits(&home()).unwrap());
}

#[test]
fn what_a_server_refuses_waits_longer_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 3000)]).unwrap();
    let hour = 3600;
    let mut now = 1_000_000;
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        ledger.put_off(&[put_off(1, Delay::Refused)], Timestamp(now)).unwrap();
        assert!(due(&ledger, now + hours * hour - 1).is_empty(), "{hours}");
        assert_eq!(due(&ledger, now + hours * hour), [(1, false)], "{hours}");
        now += hours * hour;
    }
    ledger.put_off(&[put_off(1, Delay::Refused)], Timestamp(now)).unwrap();
    assert_eq!(due(&ledger, 0), [(1, false)], "a clock that was set back");
}

/// States so many moves at `at`.
fn move_mails(ledger: &mut Ledger, count: usize, at: i64, by_hand: bool) {
    let intent = Intent { stated_at: Timestamp(at), by_hand, ..intent(1) };
    ledger.intend(&vec![intent; count]).unwrap();
}

fn allowance(ledger: &Ledger, now: i64) -> (u32, Limit) {
    let Allowance { moves, by } = ledger.allowance(&home(), 10, 3, Timestamp(now)).unwrap();
    (moves, by)
}

#[test]
fn the_fuse_lets_as_many_through_an_hour_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    ledger.note_rules(&home(), "rules-1", Timestamp(5000)).unwrap();
    assert_eq!(allowance(&ledger, 5000), (10, Limit::Hour), "the first rules are no change");
    move_mails(&mut ledger, 7, 5000, false);
    move_mails(&mut ledger, 20, 5001, true);
    assert_eq!(allowance(&ledger, 5000), (3, Limit::Hour));
    move_mails(&mut ledger, 7, 5600, false);
    assert_eq!(allowance(&ledger, 5600), (0, Limit::Hour));
    assert_eq!(allowance(&ledger, 5000 + 3600), (3, Limit::Hour));
    assert_eq!(allowance(&ledger, 5600 + 3600), (10, Limit::Hour));
    assert_eq!(allowance(&ledger, 100), (10, Limit::Hour), "a clock that was set back");
}

#[test]
fn the_fuse_is_narrower_for_an_hour_after_the_rules_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    for (rules, at) in [("rules-1", 5000), ("rules-2", 6000), ("rules-2", 6001)] {
        ledger.note_rules(&home(), rules, Timestamp(at)).unwrap();
    }
    assert_eq!(allowance(&ledger, 6000), (3, Limit::Change));
    move_mails(&mut ledger, 1, 6000, false);
    let mut again = judged(1, "ann", 1000);
    again.rules = "rules-2".into();
    ledger.record(&[again]).unwrap();
    assert_eq!(allowance(&ledger, 6000), (3, Limit::Change), "what the old rules moved in that second");
    move_mails(&mut ledger, 2, 6000, false);
    assert_eq!(allowance(&ledger, 6001), (1, Limit::Change));
    assert_eq!(allowance(&ledger, 6000 + 3601), (10, Limit::Hour));
    ledger.resume(&home(), Timestamp(6100)).unwrap();
    assert_eq!(allowance(&ledger, 6100), (7, Limit::Hour), "the user has said that the new rules are meant");
    ledger.note_rules(&home(), "rules-3", Timestamp(6200)).unwrap();
    assert_eq!(allowance(&ledger, 6200), (3, Limit::Change));
}

/// Records mails as left where they are by these rules.
fn leave(ledger: &mut Ledger, numbers: std::ops::Range<u8>, rules: &str, at: i64) {
    let left: Vec<_> = numbers
        .map(|number| Judged {
            action: Action::Leave,
            verdict: None,
            rules: rules.into(),
            judged_at: Timestamp(at),
            ..judged(number, "ann", 1000)
        })
        .collect();
    ledger.record(&left).unwrap();
}

fn waiting_uids(ledger: &Ledger, now: i64) -> Vec<u32> {
    let waiting = ledger.waiting(&home(), &Folder::inbox(), UidValidity(7), Timestamp(now)).unwrap();
    waiting.iter().map(|one| one.uid.0).collect()
}

#[test]
fn what_rules_of_a_short_life_have_left_is_judged_again() {
    const DAY: i64 = 24 * 60 * 60;
    for (mended_after, again) in [(600, vec![3, 4]), (DAY, vec![3, 4]), (DAY + 1, vec![])] {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        ledger.note_rules(&home(), "good", Timestamp(5000)).unwrap();
        leave(&mut ledger, 1..3, "good", 5500);
        assert_eq!(
            ledger.judge_again(&home(), "wrong", Timestamp(6000)).unwrap(),
            0,
            "the rules were long in force"
        );
        ledger.note_rules(&home(), "wrong", Timestamp(6000)).unwrap();
        leave(&mut ledger, 3..6, "wrong", 6010);
        // One of them was put back by hand.
        ledger.note_correction(&home(), &identity(5), Timestamp(6020)).unwrap();
        assert_eq!(ledger.judge_again(&home(), "wrong", Timestamp(6020)).unwrap(), 0, "nothing has changed");
        let now = 6000 + mended_after;
        assert_eq!(ledger.judge_again(&home(), "good", Timestamp(now)).unwrap(), again.len());
        assert_eq!(waiting_uids(&ledger, now), again, "after {mended_after}");
    }
}

#[test]
fn that_the_fuse_holds_mails_back_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.note_rules(&home(), "rules-1", Timestamp(5000)).unwrap();
    for (holds, told) in
        [(false, false), (true, true), (true, false), (true, false), (false, false), (true, true)]
    {
        assert_eq!(ledger.tell_once(&home(), holds).unwrap(), told);
    }
}

#[test]
fn a_mail_that_could_not_be_read_is_counted_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let network = Network::new("mastodon").unwrap();
    let incomplete = IncompleteRecord {
        mail: place(1),
        identity: identity(1),
        network: network.clone(),
        missing: vec![Fact::Handle, Fact::Url],
        received: Timestamp(1000),
        seen_at: Timestamp(1060),
    };
    ledger.record_incomplete(&[incomplete.clone(), incomplete]).unwrap();
    let unread = |ledger: &Ledger, since| ledger.incomplete(&home(), Timestamp(since)).unwrap();
    let missing = vec![Fact::Handle, Fact::Url];
    assert_eq!(unread(&ledger, 1000), [Incomplete { network, missing, received: Timestamp(1000) }]);
    assert_eq!(unread(&ledger, 1001), []);
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    assert_eq!(unread(&ledger, 0), []);
}

#[test]
fn a_folder_never_read_is_not_a_folder_with_nobody_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let sent = Folder::new("Sent").unwrap();
    let person = |address: &str| Correspondent { address: address.into(), name: "Ana Lima".into() };
    let people = |at, people| SentPeople { refreshed_at: Timestamp(at), people };
    assert_eq!(ledger.sent_people(&home(), &sent).unwrap(), None);
    for copy in [people(1, vec![]), people(2, vec![person("a@example.org"), person("b@example.org")])] {
        ledger.replace_sent_people(&home(), &sent, &copy).unwrap();
        assert_eq!(ledger.sent_people(&home(), &sent).unwrap(), Some(copy));
    }
    ledger.replace_sent_people(&home(), &sent, &people(3, vec![person("a@example.org")])).unwrap();
    assert_eq!(ledger.sent_people(&home(), &sent).unwrap().unwrap().people.len(), 1);
    // They go with the last list that asks for them.
    ledger.forget_sent_people(&home(), std::slice::from_ref(&sent)).unwrap();
    assert!(ledger.sent_people(&home(), &sent).unwrap().is_some());
    ledger.forget_sent_people(&home(), &[]).unwrap();
    assert_eq!(ledger.sent_people(&home(), &sent).unwrap(), None);
}

#[test]
fn a_damaged_ledger_is_refused_by_who_looks_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let many: Vec<_> = (0..200).map(|number| judged(number, "ann", 1000)).collect();
    ledger.record(&many).unwrap();
    let file = ledger.file().to_owned();
    drop(ledger);
    let whole = fs::read(&file).unwrap();

    let middle = whole.len() / 2;
    let mut overwritten = whole.clone();
    overwritten[middle..middle + 8192].fill(0xff);
    let mut headless = whole.clone();
    headless[..100].fill(b'x');
    let half = whole[..middle].to_vec();
    for damaged in [overwritten, headless, half] {
        fs::write(&file, damaged).unwrap();
        let opened = Ledger::open(folder.path());
        let fault = opened.and_then(|ledger| ledger.require_whole()).unwrap_err();
        assert!(matches!(fault, LedgerFault::Damaged { .. }), "{fault:?}");
        assert!(fault.to_string().contains("it is damaged"), "{fault}");
    }
    fs::write(&file, whole).unwrap();
    Ledger::open(folder.path()).unwrap().require_whole().unwrap();
}

#[test]
fn a_daemon_and_a_command_write_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let write = |account: &'static str, numbers: std::ops::Range<u8>| {
        let folder = folder.path().to_owned();
        thread::spawn(move || {
            // Both also find a ledger that is not there yet.
            let mut ledger = Ledger::open(&folder).unwrap();
            for number in numbers {
                let mut judged = judged(number, "ann", i64::from(number));
                judged.mail.account = AccountName::new(account).unwrap();
                ledger.record(&[judged]).unwrap();
            }
        })
    };
    for writer in [write("home", 0..40), write("work", 40..80), write("bridge", 80..120)] {
        writer.join().unwrap();
    }
    assert_eq!(Ledger::open(folder.path()).unwrap().recent(999).unwrap().len(), 120);
}

#[test]
fn who_only_reads_changes_nothing_and_sees_what_a_writer_has_done() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Ledger::open_read_only(folder.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut writer = Ledger::open(folder.path()).unwrap();
    let mut reader = Ledger::open_read_only(folder.path()).unwrap().unwrap();
    writer.record(&[judged(1, "ann", 1000)]).unwrap();
    assert_eq!(reader.recent(9).unwrap().len(), 1);
    assert!(reader.record(&[judged(2, "bob", 1000)]).is_err());
    drop(writer);
    drop(reader);
    assert_eq!(Ledger::open_read_only(folder.path()).unwrap().unwrap().recent(9).unwrap().len(), 1);
}

#[test]
fn only_the_owner_can_read_the_ledger() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state/followsift");
    let mut ledger = Ledger::open(&folder).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let _lock = lock(&folder, None, "home", "kim").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "ledger, write-ahead log, its index and two locks: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn lock(state: &Path, shared: Option<&Path>, account: &str, user: &str) -> Result<AccountLock, LockFault> {
    let mailbox = MailboxKey::new("imap.example", 993, user);
    AccountLock::take(LockFolders { state, shared }, &AccountName::new(account).unwrap(), &mailbox)
}

#[test]
fn two_programs_never_work_on_one_account() {
    let folder = tempfile::tempdir().unwrap();
    let first = lock(folder.path(), None, "home", "kim").unwrap();
    let fault = lock(folder.path(), None, "home", "kim").unwrap_err();
    let us = std::process::id();
    assert!(matches!(fault, LockFault::Held { process: Some(process), .. } if process == us), "{fault}");
    assert!(lock(folder.path(), None, "work", "kim-at-work").is_ok());
    drop(first);
    assert!(lock(folder.path(), None, "home", "kim").is_ok());
}

#[test]
fn two_programs_of_one_user_never_work_on_one_mailbox_whatever_their_state_folders_and_account_names() {
    let folder = tempfile::tempdir().unwrap();
    let [shared, one, other] = ["shared", "one", "other"].map(|name| folder.path().join(name));
    let first = lock(&one, Some(&shared), "home", "kim").unwrap();
    let fault = lock(&other, Some(&shared), "work", "kim").unwrap_err();
    assert!(fault.to_string().contains("stop it, or wait until it is done"), "{fault}");
    assert!(lock(&other, Some(&shared), "work", "ann").is_ok());
    drop(first);
    assert!(lock(&other, Some(&shared), "work", "kim").is_ok());
    // Where the shared folder cannot be used, the state folder does.
    fs::write(folder.path().join("file"), "").unwrap();
    let unusable = folder.path().join("file/state");
    let _first = lock(&one, Some(&unusable), "home", "kim").unwrap();
    assert!(matches!(lock(&one, Some(&unusable), "work", "kim"), Err(LockFault::Held { .. })));
}

#[test]
fn one_mailbox_has_one_key() {
    let key = MailboxKey::new("imap.example", 993, "kim");
    assert_eq!(MailboxKey::new("IMAP.Example.", 993, "kim"), key);
    for other in
        [("imap.example", 143, "kim"), ("imap.example", 993, "Kim"), ("imap.other.example", 993, "kim")]
    {
        assert_ne!(MailboxKey::new(other.0, other.1, other.2), key);
    }
    assert!(!key.to_string().contains("kim"));
}

#[test]
fn files_that_others_could_read_are_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Ledger::open(folder.path()).unwrap();
    drop(lock(folder.path(), None, "home", "kim").unwrap());
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in &files {
        fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let _ledger = Ledger::open(folder.path()).unwrap();
    let _lock = lock(folder.path(), None, "home", "kim").unwrap();
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    drop(writer);
}

#[test]
fn a_state_folder_in_which_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Ledger::open(folder.path()).unwrap());
    for mode in [0o770, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        for fault in [
            Ledger::open(folder.path()).map(drop).unwrap_err(),
            Ledger::open_read_only(folder.path()).map(drop).unwrap_err(),
            Ledger::examine(folder.path()).unwrap_err(),
        ] {
            let cause = std::error::Error::source(&fault).unwrap().to_string();
            assert!(cause.contains("`chmod go-w "), "{cause}");
        }
        assert!(matches!(lock(folder.path(), None, "home", "kim"), Err(LockFault::Unusable { .. })));
    }
}

#[test]
fn a_symlink_in_the_place_of_the_ledger_or_a_lock_is_refused_and_what_it_leads_to_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let precious = parent.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    for name in ["ledger.sqlite", "home.lock"] {
        let folder = parent.path().join(name);
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&precious, folder.join(name)).unwrap();
        if name == "home.lock" {
            assert!(matches!(lock(&folder, None, "home", "kim"), Err(LockFault::Unusable { .. })));
        } else {
            assert!(Ledger::open(&folder).is_err());
            assert!(Ledger::open_read_only(&folder).is_err());
        }
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    // The folder itself may be reached by one.
    let (state, link) = (parent.path().join("state"), parent.path().join("link"));
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::symlink(&state, &link).unwrap();
    assert!(Ledger::open(&link).is_ok());
}

#[test]
fn a_header_has_one_digest_with_and_without_the_line_that_ends_it() {
    let header = b"From: a@example.org\r\nSubject: x\r\n";
    let ended = [&header[..], b"\r\n"].concat();
    assert_eq!(MailDigest::of(header), MailDigest::of(&ended));
    assert_ne!(MailDigest::of(header), MailDigest::of(&header[..20]));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(MailDigest::of(b"").to_string(), empty);
}

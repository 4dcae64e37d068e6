//! Moves: intents, outcomes, and messages that their user put back.

use super::*;

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
    assert_eq!(earlier(&after, 1, 101), "unsettled", "it may be the same message, put back");
    assert_eq!(earlier(&after, 2, 101), "filed once");

    after.settle(&[(open[0].id, Settlement::Gone)], Timestamp(6000)).unwrap();
    assert!(after.unsettled(&home(), Timestamp(9000)).unwrap().is_empty());
    let filing = after.judgements_of(&identity(1).digest).unwrap()[0].moves[0].clone();
    assert_eq!(filing.settled, Some((Settlement::Gone, Timestamp(6000))));
}

#[test]
fn a_message_that_was_gone_when_one_looked_and_comes_back_was_put_back() {
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
    assert!(ledger.intend(&[intent(1), intent(9)]).is_err(), "message 9 was never judged");
    assert!(ledger.unsettled(&home(), Timestamp(9000)).unwrap().is_empty());

    let stated = ledger.intend(&[intent(1), intent(1)]).unwrap();
    ledger.settle(&[(stated[0], Settlement::Left)], Timestamp(1)).unwrap();
    let both = [(stated[1], Settlement::Left), (stated[0], Settlement::Gone)];
    assert!(matches!(ledger.settle(&both, Timestamp(2)), Err(LedgerFault::NotOpen(id)) if id == stated[0]));
    assert_eq!(ledger.unsettled(&home(), Timestamp(9000)).unwrap().len(), 1);
}

#[test]
fn only_a_message_in_doubt_may_be_settled_again() {
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
fn a_message_put_back_is_corrected_for_ever_and_its_followers_are_known() {
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
    assert!(past(&ledger, "Ann", 500, None).known, "a person is known, whenever the message came");
    assert!(!past(&ledger, "bob", 9000, None).known);
    assert!(ledger.recent(9).unwrap().iter().all(|entry| entry.put_back == Some(Timestamp(6000))));
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
fn a_twin_that_lay_beside_a_moved_message_was_not_put_back() {
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
fn a_message_that_the_server_alters_was_not_put_back_and_is_not_moved_again() {
    let (_folder, ledger) = with_a_move(Settlement::Altered);
    for (uid, meaning) in [(1, "altered"), (2, "never moved"), (100, "altered")] {
        assert_eq!(earlier(&ledger, 1, uid), meaning, "uid {uid}");
    }
    assert_eq!(earlier_at(&ledger, 1, &MailRef { validity: UidValidity(8), ..place(2) }), "altered");
}

#[test]
fn while_a_move_is_open_neither_the_message_nor_its_twin_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "@ann", 100)]).unwrap();
    let open = ledger.intend(&[intent(1)]).unwrap();
    let renumbered = MailRef { validity: UidValidity(8), ..place(2) };
    let other_account = MailRef { account: AccountName::new("private").unwrap(), ..place(1) };
    for (place, meaning) in [
        (place(1), "unsettled"),
        (place(2), "unsettled"),
        (renumbered, "unsettled"),
        (other_account, "never moved"),
    ] {
        assert_eq!(earlier_at(&ledger, 1, &place), meaning, "{place}");
    }
    ledger.settle(&[(open[0], Settlement::Left)], Timestamp(200)).unwrap();
    assert_eq!(earlier(&ledger, 1, 1), "never moved");
}

#[test]
fn a_message_that_was_never_recorded_can_be_kept_without_a_fault() {
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

#[test]
fn an_open_move_knows_which_copies_other_moves_of_the_same_message_have_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000), judged(2, "bob", 1001)]).unwrap();
    let twin = Intent { mail: place(11), ..intent(1) };
    let target = Target { validity: UidValidity(4), ..intent(1).target };
    let renumbered = Intent { mail: place(12), target, ..intent(1) };
    let stated = ledger.intend(&[intent(1), twin, renumbered, intent(2)]).unwrap();
    let moved = |uid| Settlement::Moved { uid: Some(Uid(uid)) };
    ledger
        .settle(&[(stated[1], moved(40)), (stated[2], moved(41)), (stated[3], moved(42))], Timestamp(5001))
        .unwrap();
    let open = ledger.unsettled(&home(), Timestamp(5002)).unwrap();
    assert_eq!((open.len(), &open[0].claimed), (1, &vec![Uid(40)]));
}

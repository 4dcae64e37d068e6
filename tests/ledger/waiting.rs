//! What comes later: cursors, messages that wait, and the fuse.

use super::*;

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
    for (given, kept) in [((7, 10), (7, 10)), ((7, 5), (7, 10)), ((7, 11), (7, 11)), ((8, 2), (8, 2))] {
        ledger.advance(&home(), &inbox, cursor(given.0, given.1)).unwrap();
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

fn put_off(number: u8, why: Delay) -> PutOff {
    PutOff { mail: place(u32::from(number)), identity: identity(number), why }
}

/// The messages of the inbox that wait and are due.
fn due(ledger: &Ledger, now: i64) -> Vec<(u32, bool)> {
    let waiting = ledger.waiting(&home(), &Folder::inbox(), UidValidity(7), Timestamp(now)).unwrap();
    waiting.iter().filter(|one| one.due).map(|one| (one.uid.0, one.released)).collect()
}

#[test]
fn a_message_that_waits_is_due_in_order_of_arrival_until_it_is_struck_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 3000), judged(2, "bob", 2000), judged(3, "eve", 1000)]).unwrap();
    assert!(!ledger.waits(&home(), &[Folder::inbox()]).unwrap());
    ledger
        .put_off(
            &[put_off(1, Delay::Fuse), put_off(2, Delay::Fuse), put_off(3, Delay::Interrupted)],
            Timestamp(100),
        )
        .unwrap();
    assert_eq!(due(&ledger, 100), [(3, false), (2, false), (1, false)]);
    assert_eq!(ledger.held_back(&home()).unwrap(), 2);
    assert!(
        ledger.waits(&home(), &[Folder::inbox()]).unwrap()
            && ledger.is_waiting(&home(), &identity(1)).unwrap()
    );

    ledger.strike_off(&home(), &Folder::inbox(), UidValidity(7), &[Uid(2)]).unwrap();
    assert_eq!(ledger.resume(&home(), Timestamp(101)).unwrap(), 1, "nothing but the fuse is let through");
    assert_eq!(due(&ledger, 102), [(3, false), (1, true)]);
    assert_eq!(ledger.held_back(&home()).unwrap(), 0);
    ledger.strike_off_void(&home(), &Folder::inbox(), UidValidity(8)).unwrap();
    assert!(!ledger.waits(&home(), &[Folder::inbox()]).unwrap());
}

#[test]
fn no_question_outlives_the_last_message_that_waits_for_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let (inbox, old, new) = (Folder::inbox(), UidValidity(7), UidValidity(8));
    let (ann, other) = (judged(1, "ann", 1000), judged(2, "ann", 2000));
    let question = Question {
        follower: ann.notification.keys().next().unwrap(),
        server: HostName::parse("chaos.example").unwrap(),
        name: "ann".to_owned(),
        host: None,
    };
    let is_open = |ledger: &Ledger| ledger.next_question(&home(), Timestamp(110)).unwrap().is_some();
    for is_renumbered in [false, true] {
        ledger.record(&[ann.clone(), other.clone()]).unwrap();
        ledger.want(&home(), std::slice::from_ref(&question), Timestamp(100)).unwrap();
        let until = |seconds: i64| Delay::LookUp(Timestamp(100 + seconds));
        ledger.put_off(&[put_off(1, until(60)), put_off(2, until(90))], Timestamp(100)).unwrap();
        assert_eq!(ledger.next_due(&home(), Timestamp(100)).unwrap(), Some(Timestamp(160)));
        assert_eq!(ledger.next_due(&home(), Timestamp(160)).unwrap(), Some(Timestamp(190)));
        if is_renumbered {
            ledger.strike_off_void(&home(), &inbox, old).unwrap();
            assert!(is_open(&ledger));
            ledger.strike_off_void(&home(), &inbox, new).unwrap();
        } else {
            ledger.strike_off(&home(), &inbox, old, &[Uid(1)]).unwrap();
            assert!(is_open(&ledger), "the other one waits");
            ledger.strike_off(&home(), &inbox, old, &[Uid(2)]).unwrap();
        }
        assert!(!is_open(&ledger), "{is_renumbered}");
        assert_eq!(ledger.next_due(&home(), Timestamp(100)).unwrap(), None);
    }
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
    ledger.intend(vec![intent; count]).unwrap();
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

/// Records messages as left where they are by these rules.
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
fn that_the_fuse_holds_messages_back_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.note_rules(&home(), "rules-1", Timestamp(5000)).unwrap();
    for (holds, reports) in
        [(false, false), (true, true), (true, false), (true, false), (false, false), (true, true)]
    {
        assert_eq!(ledger.report_once(&home(), holds).unwrap(), reports);
    }
}

/// Notes, so many times, that the message of this UID was not shown.
fn hide(ledger: &mut Ledger, uid: u32, times: usize, now: i64) {
    for _ in 0..times {
        let inbox = Folder::inbox();
        ledger
            .note_unshown(&home(), &inbox, UidValidity(7), &[(Uid(uid), true)], None, Timestamp(now))
            .unwrap();
    }
}

#[test]
fn only_a_message_that_was_asked_for_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let (inbox, validity) = (Folder::inbox(), UidValidity(7));
    let mut note = |was_asked: bool, times: usize| {
        for _ in 0..times {
            let messages = [(Uid(1), was_asked)];
            ledger.note_unshown(&home(), &inbox, validity, &messages, None, Timestamp(5000)).unwrap();
        }
        ledger.unshown(&home(), &inbox, validity, Timestamp(5001)).unwrap().len()
    };
    assert_eq!(note(false, 9), 1);
    assert_eq!(note(true, 2), 1);
    assert_eq!(note(true, 1), 0, "from the third time on daily");
}

/// The messages of the inbox that were not shown and are due long after.
fn unshown(ledger: &Ledger) -> Vec<u32> {
    let later = Timestamp(1_000_000_000);
    let unshown = ledger.unshown(&home(), &Folder::inbox(), UidValidity(7), later).unwrap();
    unshown.iter().map(|(uid, _)| uid.0).collect()
}

#[test]
fn a_message_that_is_to_be_moved_was_shown_and_its_move_is_settled_in_the_next_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    hide(&mut ledger, 1, 4, 5000);
    let id = ledger.intend(&[intent(1)]).unwrap()[0];
    assert_eq!(ledger.unsettled(&home(), Timestamp(5001)).unwrap().len(), 1);
    // Its settlement is not shown it for some time.
    hide(&mut ledger, 1, 4, 5002);
    assert!(ledger.unsettled(&home(), Timestamp(5003)).unwrap().is_empty());
    ledger.settle(&[(id, Settlement::Left)], Timestamp(5004)).unwrap();
    assert_eq!(unshown(&ledger), Vec::<u32>::new());
}

#[test]
fn a_message_that_was_not_shown_is_looked_for_anew_where_its_folder_is_renumbered_or_restored() {
    for restored in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let inbox = Folder::inbox();
        hide(&mut ledger, 1, 1, 5000);
        let validity = if restored {
            ledger.void(&home(), &inbox).unwrap();
            assert_eq!(unshown(&ledger), Vec::<u32>::new(), "its UID means nothing any more");
            UidValidity(7)
        } else {
            UidValidity(8)
        };
        assert!(
            ledger.waits(&home(), &[Folder::inbox()]).unwrap(),
            "until the folder has been looked through"
        );
        ledger.strike_off_void(&home(), &inbox, validity).unwrap();
        assert!(!ledger.waits(&home(), &[Folder::inbox()]).unwrap());
    }
}

#[test]
fn what_is_not_in_the_ledger_does_not_wait_and_keeps_nothing_else_from_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    ledger
        .put_off(&[put_off(9, Delay::Interrupted), put_off(1, Delay::Interrupted)], Timestamp(100))
        .unwrap();
    assert_eq!(due(&ledger, 100), [(1, false)]);
}

#[test]
fn only_what_waits_in_a_watched_folder_counts_and_an_open_move_in_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000), judged(2, "bob", 1000)]).unwrap();
    hide(&mut ledger, 1, 1, 5000);
    ledger.put_off(&[put_off(2, Delay::Refused)], Timestamp(5000)).unwrap();
    let sums = |ledger: &Ledger, folder: &Folder| {
        ledger.waiting_sums(&home(), std::slice::from_ref(folder)).unwrap()
    };
    let social = Folder::new("Social").unwrap();
    let both = WaitingSums { refused: 1, unshown: 1, ..WaitingSums::default() };
    assert_eq!(sums(&ledger, &Folder::inbox()), both);
    assert_eq!(sums(&ledger, &social), WaitingSums::default());
    ledger.intend(&[intent(1)]).unwrap();
    assert_eq!(sums(&ledger, &social), WaitingSums { unsettled: 1, ..WaitingSums::default() });
    hide(&mut ledger, 1, 1, 5000);
    assert_eq!(sums(&ledger, &social), WaitingSums { unshown: 1, ..WaitingSums::default() });
    assert!(ledger.waits(&home(), &[social]).unwrap());
}

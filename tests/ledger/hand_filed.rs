//! What the ledger learns from messages that the user filed by hand.

use super::*;

fn left(number: u8, handle: &str) -> Judged {
    Judged { verdict: None, action: Action::Leave, ..judged(number, handle, 1000) }
}

fn filed(number: u8) -> HandFiled {
    let (target, validity, uid) = (spam_folder(), UidValidity(3), Uid(40 + u32::from(number)));
    HandFiled { mail: place(u32::from(number)), identity: identity(number), target, validity, uid }
}

fn unwelcome(ledger: &Ledger) -> Vec<String> {
    ledger.unwelcome().unwrap().into_iter().map(|(follower, _)| follower.as_str().to_owned()).collect()
}

#[test]
fn a_follower_whose_message_was_filed_by_hand_is_unwelcome_until_it_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[left(1, "ann"), left(2, "bo")]).unwrap();
    assert_eq!(ledger.left_in_place(&home(), &identity(1)).unwrap(), Some(place(1)));
    ledger.note_hand_filed(&[filed(1), filed(2)], Timestamp(9000)).unwrap();
    assert_eq!(unwelcome(&ledger), ["@ann@chaos.example", "@bo@chaos.example"]);
    assert!(past(&ledger, "ann", 500, None).unwelcome && !past(&ledger, "cy", 500, None).unwelcome);
    // It is a move of the user's: never learned from twice, and if the message comes back, it was put back.
    assert_eq!(ledger.left_in_place(&home(), &identity(1)).unwrap(), None);
    assert_eq!((earlier(&ledger, 1, 101), earlier(&ledger, 1, 1)), ("filed once", "filed once"));
    assert_eq!(
        ledger.allowance(&home(), 5, 5, Timestamp(9001)).unwrap().moves,
        5,
        "the fuse does not count it"
    );
    ledger.note_correction(&home(), &identity(1), Timestamp(9500)).unwrap();
    assert_eq!(unwelcome(&ledger), ["@bo@chaos.example"]);
    let ann = past(&ledger, "ann", 500, None);
    assert!(ann.known && !ann.unwelcome);
    // Who is known is never unwelcome, whatever comes later.
    ledger.record(&[left(3, "ann")]).unwrap();
    let known = ledger.note_hand_filed(&[filed(3)], Timestamp(9600)).unwrap();
    assert_eq!(known.iter().map(|one| one.as_str()).collect::<Vec<_>>(), ["@ann@chaos.example"]);
    assert!(!past(&ledger, "ann", 500, None).unwelcome);
    // The move is noted all the same, and nothing is left behind that would hold once they are forgotten.
    assert_eq!(earlier(&ledger, 3, 103), "filed once");
    assert!(ledger.forget_known(known.first().unwrap()).unwrap());
    assert_eq!(unwelcome(&ledger), ["@bo@chaos.example"]);
}

#[test]
fn whom_the_user_adds_is_not_unwelcome_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[left(1, "ann")]).unwrap();
    assert!(ledger.note_hand_filed(&[filed(1)], Timestamp(9000)).unwrap().is_empty());
    let (ann, _) = ledger.unwelcome().unwrap().remove(0);
    assert!(ledger.add_known(&ann, Timestamp(9100)).unwrap());
    assert!(ledger.unwelcome().unwrap().is_empty());
}

#[test]
fn an_unproven_message_that_was_put_back_protects_unproven_messages_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut unproven = judged(1, "ann", 100);
    unproven.notification.authentic = Authenticity::Unknown;
    let key = unproven.notification.keys().next().unwrap();
    ledger.record(&[left(2, "ann"), unproven, judged(3, "ann", 300)]).unwrap();
    let knows = |ledger: &Ledger| {
        let home = home();
        let known = |asked| ledger.recall(&home, None).past(&key, Timestamp(500), asked).known;
        (known(Asked::ALL), known(Asked { is_proven: false, ..Asked::ALL }))
    };
    ledger.note_hand_filed(&[filed(2)], Timestamp(9000)).unwrap();
    ledger.note_correction(&home(), &identity(1), Timestamp(9500)).unwrap();
    assert_eq!(knows(&ledger), (false, true));
    assert_eq!(ledger.known().unwrap().remove(0).origin, KnownBy::PutBackUnproven);
    assert!(
        past(&ledger, "ann", 500, None).unwelcome,
        "it does not make up for a proven one that was filed by hand"
    );
    ledger.note_correction(&home(), &identity(3), Timestamp(9600)).unwrap();
    assert_eq!(knows(&ledger), (true, true));
    assert!(!past(&ledger, "ann", 500, None).unwelcome);
    // An unproven one takes nothing back.
    ledger.note_correction(&home(), &identity(1), Timestamp(9700)).unwrap();
    assert_eq!(ledger.known().unwrap().remove(0).origin, KnownBy::PutBack);
    // The user's own word counts for both.
    assert!(ledger.forget_known(&key).unwrap());
    ledger.note_correction(&home(), &identity(1), Timestamp(9800)).unwrap();
    assert!(ledger.add_known(&key, Timestamp(9900)).unwrap());
    assert_eq!(knows(&ledger), (true, true));
}

#[test]
fn only_a_proven_message_about_one_follower_that_followsift_had_left_says_something() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut unproven = left(1, "ann");
    unproven.notification.authentic = Authenticity::Unknown;
    let mut two = left(2, "bo");
    two.notification.followers.push(follower("cy"));
    let mut by_name = left(3, "di");
    by_name.notification.followers =
        vec![Follower { name: Shown::Value("Di Vo".into()), ..Follower::default() }];
    let mut incomplete = left(4, "eve");
    incomplete.notification.complete = false;
    let to_be_moved = judged(5, "flo", 1000);
    ledger.record(&[unproven, two, by_name, incomplete, to_be_moved]).unwrap();
    // Put back, and uncertain.
    ledger.record(&[left(6, "gus"), left(7, "hal")]).unwrap();
    ledger.note_correction(&home(), &identity(6), Timestamp(9000)).unwrap();
    ledger.keep(&home(), &identity(7), Stay::Twin, Timestamp(9000)).unwrap();
    for number in 1..=8 {
        assert_eq!(ledger.left_in_place(&home(), &identity(number)).unwrap(), None, "{number}");
    }
    let work = AccountName::new("work").unwrap();
    ledger.record(&[left(9, "ian")]).unwrap();
    assert_eq!(ledger.left_in_place(&work, &identity(9)).unwrap(), None);
    let marked = Judged { action: Action::Mark(Marks::default()), ..left(10, "jo") };
    ledger.record(&[marked]).unwrap();
    assert_eq!(ledger.left_in_place(&home(), &identity(10)).unwrap(), Some(place(10)));
}

#[test]
fn a_message_that_shows_nothing_of_its_follower_teaches_nothing_filed_by_hand_or_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let by_id = |number, id: &str| {
        let mut message = left(number, "ann");
        message.notification.followers = vec![Follower { id: Some(id.into()), ..Follower::default() }];
        message
    };
    ledger.record(&[by_id(1, "blank 0 <a@b.example>"), by_id(2, "4711")]).unwrap();
    assert_eq!(ledger.left_in_place(&home(), &identity(1)).unwrap(), None);
    assert_eq!(ledger.left_in_place(&home(), &identity(2)).unwrap(), Some(place(2)));
    for number in [1, 2] {
        ledger.note_correction(&home(), &identity(number), Timestamp(9000)).unwrap();
        assert_eq!(earlier(&ledger, number, number.into()), "put back");
    }
    let known = ledger.known().unwrap();
    assert_eq!(known.iter().map(|one| one.follower.as_str()).collect::<Vec<_>>(), ["#4711"]);
}

#[test]
fn a_target_is_looked_at_once_an_hour_without_what_followsift_moved_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let due = |ledger: &mut Ledger, now| {
        let looks = ledger.targets_to_look_at(&home(), [spam_folder()], Timestamp(now)).unwrap();
        looks.into_iter().next().map(|look| (look.from, look.ours.into_iter().collect::<Vec<_>>()))
    };
    assert_eq!(due(&mut ledger, 1_000_000), None, "the first look is an hour later");
    assert_eq!(due(&mut ledger, 1_003_599), None);
    assert_eq!(due(&mut ledger, 1_003_600), Some((None, vec![])));
    let to = Some((UidValidity(3), Uid(40)));
    ledger.note_target(&home(), &spam_folder(), to, Timestamp(1_003_600)).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let id = ledger.intend(&[Intent { stated_at: Timestamp(1_003_700), ..intent(1) }]).unwrap()[0];
    ledger.settle(&[(id, Settlement::Moved { uid: Some(Uid(41)) })], Timestamp(1_003_701)).unwrap();
    assert_eq!(due(&mut ledger, 1_003_700), None);
    assert_eq!(due(&mut ledger, 1_008_000), Some((to, vec![Uid(41)])));
    // It could not be opened: the next look goes on from the same place.
    ledger.note_target(&home(), &spam_folder(), None, Timestamp(1_008_000)).unwrap();
    assert_eq!(due(&mut ledger, 1_008_001), None);
    assert_eq!(due(&mut ledger, 1_012_000).unwrap().0, to);
    assert_eq!(due(&mut ledger, 900_000).unwrap().0, to, "the clock was set back");
}

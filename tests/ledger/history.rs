//! What was judged, and what is recalled of a follower.

use super::*;

#[test]
fn a_judgement_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut batch = judged(2, "bob", 2000);
    batch.notification.kind = Kind::FollowBatch;
    batch.notification.followers.push(follower("eve"));
    batch.notification.authentic = Authenticity::Unknown;
    batch.verdicts.push(Verdict { points: -1.5, ..Verdict::default() });
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
    assert_eq!(ledger.recent(10).unwrap().len(), 1, "the same rules judge a message once");

    again.rules = "rules-2".into();
    again.verdict = None;
    again.judged_at = Timestamp(10_000);
    ledger.record(&[again]).unwrap();
    let verdicts: Vec<_> = ledger.recent(10).unwrap().into_iter().map(|entry| entry.judged.verdict).collect();
    assert_eq!(verdicts, [None, VerdictName::new("spam")]);
}

#[test]
fn a_judgement_that_moved_a_message_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    // The move is cut short: what the rules say the next time is what leads to it.
    let first = ledger.intend(&[intent(1)]).unwrap()[0];
    ledger.settle(&[(first, Settlement::Left)], Timestamp(5001)).unwrap();
    let mut second = judged(1, "ann", 1000);
    second.verdicts[0].reasons[0].rule = "Follows many".into();
    ledger.record(&[second.clone()]).unwrap();
    assert_eq!(ledger.recent(10).unwrap()[0].judged, second);
    let id = ledger.intend(&[intent(1)]).unwrap()[0];
    ledger.settle(&[(id, Settlement::Moved { uid: Some(Uid(40)) })], Timestamp(5002)).unwrap();
    // The user has put it back, so that the same rules say something else.
    let known = Judged { verdict: VerdictName::new("real"), action: Action::Leave, ..judged(1, "ann", 1000) };
    ledger.record(&[known]).unwrap();
    let entries = ledger.recent(10).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].judged, second);
}

#[test]
fn only_what_arrived_strictly_before_is_recalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut request = judged(2, "ann", 100_000);
    request.notification.kind = Kind::FollowRequest;
    request.action = Action::Leave;
    ledger.record(&[judged(1, "ann", 1000), request, judged(3, "bob", 100_500)]).unwrap();

    let nothing = Past::default();
    assert_eq!(past(&ledger, "ann", 1000, None), nothing);
    let once = Past { times_followed: 1, last_followed: Some(Timestamp(1000)), ..Past::default() };
    assert_eq!(past(&ledger, "ann", 100_000, None), once);
    let twice = Past { times_followed: 2, last_followed: Some(Timestamp(100_000)), ..Past::default() };
    assert_eq!(past(&ledger, "ANN", 200_000, None), twice);
    assert_eq!(past(&ledger, "ann", 103_600, None).wave, 2, "the hour before, its beginning included");
    assert_eq!(past(&ledger, "ann", 103_601, None).wave, 1);
    assert_eq!(past(&ledger, "carl", 200_000, None), nothing);
}

#[test]
fn what_comes_about_a_follower_within_a_day_is_one_follow() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let day = 86_400;
    // In the order in which they were judged, which is not that of their arrival.
    let arrivals = [2 * day, day - 1, 1, 0, 2 * day + 60, 3 * day - 1];
    let all: Vec<_> = (1_u8..).zip(arrivals).map(|(number, at)| judged(number, "ann", at)).collect();
    ledger.record(&all).unwrap();
    let follows = |before, judged| {
        let past = past(&ledger, "ann", before, judged);
        (past.times_followed, past.last_followed.map(|at| at.0))
    };
    assert_eq!(follows(day - 1, None), (0, None), "it is the follow that is judged");
    assert_eq!(follows(day, None), (1, Some(0)));
    assert_eq!(follows(3 * day - 1, None), (1, Some(0)));
    assert_eq!(follows(3 * day, None), (2, Some(2 * day)));
    // The message that is judged stands for no follow either, be it the first of one.
    assert_eq!(follows(9 * day, Some(1)), (2, Some(2 * day + 60)));
    assert_eq!(follows(9 * day, Some(4)), (2, Some(2 * day)));
}

#[test]
fn a_message_judged_twice_counts_once_and_never_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut again = judged(1, "ann", 1000);
    again.rules = "rules-2".into();
    // Put back by a client that gave it a new date and, of course, a new UID.
    again.mail = place(99);
    again.notification.received = Timestamp(1500);
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    ledger.record(&[again]).unwrap();
    assert_eq!(past(&ledger, "ann", 1500, None).wave, 1);
    assert_eq!(past(&ledger, "ann", 1500, Some(1)), Past::default());
    let once = Past { times_followed: 1, last_followed: Some(Timestamp(1000)), ..Past::default() };
    assert_eq!(past(&ledger, "ann", 100_000, None), once);
    assert_eq!(past(&ledger, "ann", 100_000, Some(1)), Past::default());
    assert_eq!(ledger.recent(1).unwrap()[0].judged.mail, place(99));
}

#[test]
fn a_batch_is_one_message_of_a_wave_and_a_forged_one_gives_its_follower_no_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut batch = judged(1, "ann", 1000);
    batch.notification.followers = vec![follower("ann"), follower("bob"), follower("ann")];
    let mut forged = judged(2, "ann", 1001);
    forged.notification.authentic = Authenticity::Fail("two From addresses".into());
    ledger.record(&[batch, forged]).unwrap();
    assert_eq!(past(&ledger, "ann", 2000, None).wave, 1);
    assert_eq!(past(&ledger, "ann", 100_000, None).times_followed, 1);
}

#[test]
fn another_accounts_message_is_no_part_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let mut other = judged(1, "ann", 1000);
    other.mail.account = AccountName::new("work").unwrap();
    ledger.record(&[other]).unwrap();
    assert_eq!(past(&ledger, "ann", 2000, None), Past::default());
    assert_eq!(past(&ledger, "ann", 100_000, None), Past::default());
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
    assert_eq!(recalled.past(&key, Timestamp(100_000), Asked::ALL), Past::default());
    assert!(recalled.finish().is_err());
}

#[test]
fn a_message_that_could_not_be_read_is_counted_until_it_can() {
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
fn all_that_is_remembered_comes_once_by_arrival_whatever_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let number = |number: u16| {
        // Several arrive in the same second.
        let mut judged = judged(0, "ann", 1000 + i64::from(number / 3));
        judged.identity.digest = MailDigest::of(format!("number {number}").as_bytes());
        judged.mail.account =
            if number.is_multiple_of(5) { AccountName::new("work").unwrap() } else { home() };
        judged
    };
    ledger.record((0..1500).map(number)).unwrap();
    let mut seen = Vec::new();
    let received = |judged: &Judged| judged.notification.received;
    ledger
        .remembered(Timestamp(1100), &mut |message| {
            seen.push((received(&message.entry.judged), message.entry.judged.identity.digest));
        })
        .unwrap();
    assert!(seen.is_sorted_by_key(|(received, _)| std::cmp::Reverse(*received)));
    seen.sort_unstable();
    let mut all: Vec<_> = (300..1500).map(|it| (received(&number(it)), number(it).identity.digest)).collect();
    all.sort_unstable();
    assert!(seen == all, "{} of {}", seen.len(), all.len());
}

#[test]
fn what_is_remembered_names_the_verdicts_that_led_to_the_move() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let first = judged(1, "ann", 1000);
    ledger.record(std::slice::from_ref(&first)).unwrap();
    let id = ledger.intend([intent(1)]).unwrap().pop().unwrap();
    ledger.settle(&[(id, Settlement::Moved { uid: Some(Uid(40)) })], Timestamp(5001)).unwrap();
    let others = Judged { rules: "rules-2".into(), verdicts: vec![Verdict::default()], ..first.clone() };
    ledger.record([Judged { judged_at: Timestamp(6000), action: Action::Leave, ..others }]).unwrap();
    let mut seen = Vec::new();
    ledger.remembered(Timestamp(0), &mut |message| seen.push(message)).unwrap();
    let [message] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((message.entry.moves.len(), message.verdicts()), (1, first.verdicts.as_slice()));
    assert_eq!(message.entry.judged.rules, "rules-2");
}

//! What the ledger forgets: what is too old, and whom the user had it forget.

use followsift::ledger::Forgotten;
use followsift::place::HeaderLines;

use super::*;

fn count(ledger: &Ledger) -> usize {
    ledger.recent(9_999).unwrap().len()
}

fn key(handle: &str) -> followsift::mail::FollowerKey {
    let network = Network::new("mastodon").unwrap();
    followsift::mail::FollowerKey::new(&network, Some("chaos.example"), &follower(handle))
}

#[test]
fn what_is_too_old_is_forgotten_but_never_a_move_a_correction_or_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    for number in 1..=5 {
        ledger.record(&[judged(number, "ann", 1000)]).unwrap();
    }
    ledger.record(&[judged(6, "ann", 9000)]).unwrap();
    // Judged again by other rules since then.
    ledger
        .record(&[Judged { rules: "rules-2".into(), judged_at: Timestamp(9000), ..judged(5, "ann", 1000) }])
        .unwrap();
    let moved = ledger.intend([intent(1)]).unwrap();
    ledger
        .settle(&[(*moved.first().unwrap(), Settlement::Moved { uid: Some(Uid(40)) })], Timestamp(5100))
        .unwrap();
    ledger.note_correction(&home(), &identity(2), Timestamp(2000)).unwrap();
    ledger
        .put_off(&[PutOff { mail: place(3), identity: identity(3), why: Delay::Fuse }], Timestamp(2000))
        .unwrap();
    assert!(!ledger.thin(Timestamp(500)).unwrap());
    assert!(!ledger.thin(Timestamp(8000)).unwrap());
    for (number, is_known) in [(1, true), (2, true), (3, true), (4, false), (5, true), (6, true)] {
        assert_eq!(ledger.knows(&home(), &identity(number)).unwrap(), is_known, "{number}");
    }
    assert_eq!((earlier(&ledger, 1, 101), earlier(&ledger, 2, 2)), ("filed once", "put back"));
    ledger.require_whole().unwrap();
}

#[test]
fn many_that_are_too_old_are_forgotten_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let many: Vec<_> = (0..1200_u32)
        .map(|number| {
            let mut one = judged(1, "ann", 1000);
            one.identity.size = number;
            one
        })
        .collect();
    ledger.record(&many).unwrap();
    assert!(ledger.thin(Timestamp(8000)).unwrap());
    assert_eq!(count(&ledger), 700);
    assert!(ledger.thin(Timestamp(8000)).unwrap());
    assert!(!ledger.thin(Timestamp(8000)).unwrap());
    assert_eq!(count(&ledger), 0);
}

#[test]
fn a_follower_who_is_forgotten_is_in_no_file_and_their_messages_are_never_moved_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger
        .record(&[judged(1, "unmistakable", 1000), judged(2, "bob", 1000), judged(3, "unmistakable", 1000)])
        .unwrap();
    let moved = ledger.intend([intent(1)]).unwrap();
    assert_eq!(ledger.forget(&key("unmistakable")).unwrap(), Forgotten::Unsettled);
    assert_eq!(count(&ledger), 3);
    ledger
        .settle(&[(*moved.first().unwrap(), Settlement::Moved { uid: Some(Uid(40)) })], Timestamp(5100))
        .unwrap();
    ledger.note_correction(&home(), &identity(1), Timestamp(6000)).unwrap();
    for copy in ["ledger-v3.sqlite", "ledger-backup.unfinished"] {
        fs::write(folder.path().join(copy), "unmistakable").unwrap();
    }
    let done = Forgotten::Done { messages: 2, otherwise: true, copies: 1 };
    assert_eq!(ledger.forget(&key("unmistakable")).unwrap(), done);
    assert_eq!((count(&ledger), ledger.known().unwrap().len()), (1, 0));
    for number in [1, 3] {
        let found = ledger.earlier_move(&place(200), &identity(number), None).unwrap();
        assert_eq!(found, EarlierMove::Stays(Stay::Forgotten), "{number}");
        assert!(!ledger.knows(&home(), &identity(number)).unwrap());
    }
    assert_eq!(earlier(&ledger, 2, 200), "never moved");
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|some| some == what);
        assert!(!holds(b"unmistakable"), "{}", file.display());
        assert!(!holds(&identity(1).digest.0), "{}", file.display());
    }
    ledger.require_whole().unwrap();
    let nothing = Forgotten::Done { messages: 0, otherwise: false, copies: 0 };
    assert_eq!(ledger.forget(&key("unmistakable")).unwrap(), nothing);
}

#[test]
fn what_was_deleted_before_is_gone_from_the_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let many: Vec<_> = (0..400_u32)
        .map(|number| {
            let mut one = judged(1, "remarkable-name", 1000);
            one.identity.size = number;
            one
        })
        .collect();
    ledger.record(&many).unwrap();
    while ledger.thin(Timestamp(8000)).unwrap() {}
    let copy = folder.path().join("ledger-v5.sqlite");
    std::fs::write(&copy, "remarkable-name").unwrap();
    let forgotten = ledger.forget(&key("remarkable-name")).unwrap();
    assert_eq!(forgotten, Forgotten::Done { messages: 0, otherwise: false, copies: 1 });
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let (file, name) = (entry.unwrap().path(), b"remarkable-name");
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(name.len()).any(|part| part == name), "{}", file.display());
    }
}

#[test]
fn a_reader_that_keeps_the_old_pages_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(&[judged(1, "ann", 1000)]).unwrap();
    let reader = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM mail").unwrap();
    let fault = ledger.forget(&key("ann")).unwrap_err();
    let cause = std::error::Error::source(&fault).unwrap().to_string();
    assert!(cause.contains("run the command again"), "{cause}");
    reader.execute_batch("COMMIT").unwrap();
    assert!(matches!(ledger.forget(&key("ann")), Ok(Forgotten::Done { messages: 0, .. })));
}

#[test]
fn a_message_that_was_moved_is_known_again_after_a_program_added_lines_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(folder.path()).unwrap();
    let header = |id: &str, more: &str| {
        HeaderLines::of(format!("{more}Received: from a by b id {id}\r\nFrom: c\r\n\r\n").as_bytes())
    };
    ledger.record(&[judged(1, "ann", 1000), judged(2, "bob", 1000)]).unwrap();
    let intents = [1, 2].map(|number| Intent { header: header(&number.to_string(), ""), ..intent(number) });
    let moved = ledger.intend(intents).unwrap();
    let settled = moved.iter().map(|id| (*id, Settlement::Moved { uid: None })).collect::<Vec<_>>();
    ledger.settle(&settled, Timestamp(5100)).unwrap();
    ledger.forget(&key("ann")).unwrap();
    let found = |id: &str, more: &str| {
        ledger.earlier_move(&place(200), &identity(99), header(id, more).as_ref()).unwrap()
    };
    assert_eq!(found("1", "X-Local: kept\r\n"), EarlierMove::Stays(Stay::Forgotten));
    assert!(matches!(found("2", "X-Local: kept\r\n"), EarlierMove::Filed(_)));
    assert_eq!(found("3", ""), EarlierMove::None);
    // Of what was kept of the header, nothing is left.
    let ledger = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    let kept: i64 = ledger.query_row("SELECT count(*) FROM filed_header", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

//! What a ledger knows of an account goes into another one: all of it, merged with what is there, or nothing.

#![expect(clippy::indexing_slicing, reason = "a test may fail")]

use proptest::prelude::*;

use followsift::ledger::{Export, ExportFault, ImportFault, Imported};
use followsift::mail::FollowerKey;

use super::*;
use happenings::{full, happen};

mod happenings;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn mailbox() -> MailboxKey {
    MailboxKey::new("mail.example", 993, "kim")
}

fn key(number: u8) -> FollowerKey {
    let network = Network::new("mastodon").unwrap();
    FollowerKey::new(&network, Some("chaos.example"), &follower(&format!("ann-{number}")))
}

fn one(number: u8) -> Judged {
    judged(number, &format!("ann-{number}"), 1_000 * i64::from(number))
}

/// The export of an account, line by line.
fn exported(ledger: &Ledger, account: &AccountName) -> String {
    let mut text = String::new();
    let add = &mut |line: &str| {
        text.push_str(line);
        text.push('\n');
        Ok(())
    };
    ledger.export(account, NOW, add).unwrap();
    text
}

fn import_for(ledger: &mut Ledger, text: &str, mailbox: &MailboxKey) -> Result<Imported, ImportFault> {
    ledger.import(&home(), mailbox, Export::open(text.as_bytes())?)
}

fn import(ledger: &mut Ledger, text: &str) -> Result<Imported, ImportFault> {
    import_for(ledger, text, &mailbox())
}

/// A ledger that knows the account, and nothing else.
fn new(folder: &Path) -> Ledger {
    let mut ledger = Ledger::open(folder).unwrap();
    ledger.begin_account(&home(), &mailbox(), None, None).unwrap();
    ledger
}

fn settle(ledger: &mut Ledger, intent: Intent, settlement: Settlement) {
    let at = Timestamp(intent.stated_at.0 + 100);
    let stated = ledger.intend([intent]).unwrap();
    ledger.settle(&[(*stated.first().unwrap(), settlement)], at).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Whatever happened to an account, an empty ledger that has taken its export in exports the same; and to take it in once more, in
    /// either ledger, changes nothing.
    #[test]
    fn what_is_exported_and_imported_is_exported_again(
        observes: bool,
        happenings in proptest::collection::vec((0..16_u8, 1..9_u8), 0..40),
    ) {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut ledger = Ledger::open(here.path()).unwrap();
        ledger.begin_account(&home(), &mailbox(), observes.then_some(Timestamp(5)), None).unwrap();
        for (what, number) in happenings {
            happen(&mut ledger, what, number);
        }
        let text = exported(&ledger, &home());
        let mut other = Ledger::open(there.path()).unwrap();
        for _ in 0..2 {
            import(&mut other, &text).unwrap();
            prop_assert_eq!(exported(&other, &home()), text.clone());
        }
        import(&mut ledger, &text).unwrap();
        prop_assert_eq!(exported(&ledger, &home()), text);
        other.require_whole().unwrap();
    }

    /// However an export was changed: it is taken in or refused, and if it is refused, nothing of it is.
    #[test]
    fn a_changed_export_never_panics_and_is_taken_in_as_a_whole_or_not(
        at in 0_usize..20_000, byte: u8, cut: bool,
    ) {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut bytes = exported(&full(here.path()), &home()).into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let mut ledger = Ledger::open(there.path()).unwrap();
        let done = Export::open(bytes.as_slice()).and_then(|export| ledger.import(&home(), &mailbox(), export));
        prop_assert!(done.is_err() || !cut);
        if done.is_err() {
            prop_assert!(ledger.accounts().unwrap().is_empty());
            prop_assert!(ledger.known().unwrap().is_empty() && ledger.recent(9).unwrap().is_empty());
        }
    }
}

#[test]
fn an_export_is_lines_of_json_and_says_first_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = exported(&full(folder.path()), &home());
    let first =
        "{\"followsift-export\":1,\"account\":\"home\",\"exported-at\":\"2027-01-15T08:00:00Z\",\"by\":\"";
    assert!(text.starts_with(first), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: std::collections::BTreeSet<_> =
        lines.iter().skip(1).flat_map(|line| line.as_object().unwrap().keys().cloned()).collect();
    let expected = [
        "digest",
        "end",
        "folder",
        "fuse",
        "known",
        "look-up",
        "message",
        "sent-folder",
        "target",
        "unwelcome",
        "wrote-to",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(text.contains("\"name\":\"Jo \\u202e\""), "nothing in it is a command to a terminal: {text}");
}

#[test]
fn what_is_wrong_in_an_export_is_named_with_its_line_and_nothing_is_imported() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = exported(&full(here.path()), &home());
    let mut ledger = Ledger::open(there.path()).unwrap();
    let line_of =
        |kind: &str| text.lines().position(|line| line.starts_with(&format!("{{\"{kind}\""))).unwrap() + 1;
    let message = line_of("message");
    let last = text.lines().count();
    for (from, to, line, words) in [
        (
            "\"uid\":",
            "\"uid\":0,\"other\":",
            message,
            "is not a whole number of at most 32 bits that is not 0",
        ),
        (
            "{\"message\":{",
            "{\"massage\":{",
            message,
            "`massage` is not a kind of line that this version knows",
        ),
        (
            "\"folder\":\"INBOX\"",
            "\"folder\":\"IN\\r\\nBOX\"",
            message,
            "the value of `folder` is not the name of a folder",
        ),
        (
            "\"authentic\":\"pass\"",
            "\"authentic\":\"sure\"",
            message,
            "the value of `authentic` is not one of pass, fail, unknown",
        ),
        (
            "\"size\":400",
            "\"size\":99999999400",
            message,
            "the value of `size` is not a whole number of at most 32 bits",
        ),
        ("\"followers\":[", "\"followers\":3,\"x\":[", message, "`followers` is not a list of objects"),
        ("\"latest\":true,", "", message, "one of `judgements` must be the `latest`"),
        ("\"received\":\"19", "\"received\":\"x19", message, "is not a time such as 2027-01-15T08:00:00Z"),
        (
            "\"facts\":{",
            "\"facts\":{\"folowers\":1,",
            message,
            "the value of `facts` is not a follower's facts",
        ),
        (
            "\"digest\":\"",
            "\"digest\":\"AB",
            message,
            "the value of `digest` is not 32 bytes in hexadecimal digits",
        ),
        (
            "\"message\":{\"digest\"",
            "\"message\":{\"secret\":1,\"digest\"",
            message,
            "is not a key that this version knows",
        ),
        (
            "\"message\":{\"digest\"",
            &format!("\"message\":{{\"{}\":1,\"digest\"", "k".repeat(400)),
            message,
            &format!("`{}` is not a key that this version knows", "k".repeat(60)),
        ),
        ("{\"fuse\":{", "{\"fuse\":", line_of("fuse"), "it is not a JSON object"),
        (
            "{\"fuse\":{",
            "{\"known\":{}, \"fuse\":{",
            line_of("fuse"),
            "it must have one key, such as `message`",
        ),
        ("\"period\":\"2027", "\"period\":\"zzzz", line_of("digest"), "is not a day such as 2027-01-15"),
        ("\"outcome\":\"sent\"", "\"outcome\":null", line_of("digest"), "its values contradict each other"),
        ("{\"end\":", "{\"end\":1", last, "lines before it are missing"),
        ("{\"end\":", "{\"known\":{},\"end\":", last, "it must have one key"),
    ] {
        assert!(text.contains(from), "{from}");
        let fault = import(&mut ledger, &text.replacen(from, to, 1)).unwrap_err();
        let said = fault.to_string();
        let is_expected = said.starts_with(&format!("line {line}: ")) && said.contains(words);
        assert!(is_expected && said.ends_with("; nothing was imported"), "{from} -> {to}: {said}");
        assert!(ledger.accounts().unwrap().is_empty(), "{from}");
    }
    // A move that no ledger has settled.
    let open = text.replacen("\"outcome\":\"doubled\"", "\"outcome\":null", 1);
    let said = import(&mut ledger, &open).unwrap_err().to_string();
    assert!(said.contains("`outcome` is missing"), "{said}");
    let whole = import(&mut ledger, &format!("{text}{{}}\n")).unwrap_err().to_string();
    assert!(whole.contains("lines follow the last one"), "{whole}");
    let long = text.replacen("\"title\":\"", &format!("\"title\":\"{}", "x".repeat(5 << 20)), 1);
    let said = import(&mut ledger, &long).unwrap_err().to_string();
    assert_eq!(said, format!("line {message}: it is too long; nothing was imported"));
    let newer = import(&mut ledger, &text.replacen("export\":1", "export\":2", 1)).unwrap_err();
    assert!(matches!(newer, ImportFault::Newer { found: 2 }), "{newer}");
    for foreign in ["", "\n", "{}", "[]", "{\"followsift-export\":\"1\"}", "From a@b.example\n\nHello"] {
        assert!(matches!(import(&mut ledger, foreign), Err(ImportFault::Foreign)), "{foreign}");
    }
    import(&mut ledger, &text).unwrap();
}

#[test]
fn a_correction_of_either_side_wins_and_none_is_lost() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut ledger, mut other) = (new(here.path()), new(there.path()));
    for one_of in [&mut ledger, &mut other] {
        for number in 1..=4 {
            one_of.record(&[one(number)]).unwrap();
            settle(one_of, intent(number), Settlement::Moved { uid: Some(Uid(40)) });
        }
    }
    ledger.note_correction(&home(), &identity(1), Timestamp(6000)).unwrap();
    other.keep(&home(), &identity(1), Stay::Late, Timestamp(6000)).unwrap();
    other.note_correction(&home(), &identity(2), Timestamp(6000)).unwrap();
    ledger.keep(&home(), &identity(2), Stay::Late, Timestamp(6000)).unwrap();
    ledger.keep(&home(), &identity(3), Stay::Twin, Timestamp(6000)).unwrap();
    // Unwelcome there, known here.
    happen(&mut other, 8, 5);
    ledger.add_known(&key(5), Timestamp(6000)).unwrap();
    let imported = import(&mut other, &exported(&ledger, &home())).unwrap();
    assert_eq!((imported.messages, imported.new, imported.put_back, imported.known), (4, 0, 1, 2));
    for (number, expected) in [(1, "put back"), (2, "put back"), (3, "kept"), (4, "filed once")] {
        assert_eq!(earlier(&other, number, 200), expected, "{number}");
    }
    assert_eq!(other.unconfirmed().unwrap().len(), 1);
    assert!(other.unwelcome().unwrap().is_empty());
    assert_eq!(other.known().unwrap().len(), 3);
}

#[test]
fn the_moves_of_both_sides_are_numbered_in_the_order_in_which_they_were_made() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut ledger, mut other) = (new(here.path()), new(there.path()));
    let at = |at: i64, returns: bool| Intent { stated_at: Timestamp(at), returns, ..intent(1) };
    for (one_of, moves) in
        [(&mut ledger, [(5000, false), (9000, false)]), (&mut other, [(5000, false), (7000, true)])]
    {
        one_of.record(&[one(1)]).unwrap();
        for (when, returns) in moves {
            settle(one_of, at(when, returns), Settlement::Moved { uid: None });
        }
    }
    for _ in 0..2 {
        import(&mut other, &exported(&ledger, &home())).unwrap();
        let entry = other.recent(1).unwrap().remove(0);
        let moves: Vec<_> = entry.moves.iter().map(|filing| (filing.stated_at.0, filing.returns)).collect();
        assert_eq!(moves, [(5000, false), (7000, true), (9000, false)]);
    }
    let last = other.recent(1).unwrap().remove(0).moves.last().unwrap().id;
    let next = other.intend([at(9500, false)]).unwrap();
    assert!(next.first().unwrap() > &last);
}

#[test]
fn the_uids_of_another_mailbox_are_void_and_those_of_the_same_one_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = new(folder.path());
    for number in 1..=2 {
        ledger.record(&[one(number)]).unwrap();
        settle(&mut ledger, intent(number), Settlement::Moved { uid: Some(Uid(40)) });
    }
    happen(&mut ledger, 9, 2);
    happen(&mut ledger, 0, 3);
    happen(&mut ledger, 5, 3);
    let text = exported(&ledger, &home());
    let elsewhere = MailboxKey::new("other.example", 993, "kim");
    for (mailbox, is_same) in [(mailbox(), true), (elsewhere, false)] {
        let there = tempfile::tempdir().unwrap();
        let mut other = Ledger::open(there.path()).unwrap();
        for _ in 0..2 {
            assert_eq!(import_for(&mut other, &text, &mailbox).unwrap().is_same_mailbox, is_same);
        }
        let cursor = other.cursor(&home(), &Folder::inbox()).unwrap().unwrap();
        assert_eq!(cursor.is_void(), !is_same);
        let EarlierMove::Filed(copies) = other.earlier_move(&place(200), &identity(1), None).unwrap() else {
            panic!("it was filed");
        };
        assert_eq!(copies[0].validity, if is_same { UidValidity(3) } else { UidValidity(0) });
        // The very UID from which it was moved: another message has it now.
        let there = earlier(&other, 1, 1);
        assert_eq!(there, "filed once");
        let waiting = other.waiting(&home(), &Folder::inbox(), UidValidity(7), NOW).unwrap();
        assert_eq!(waiting.len(), usize::from(is_same));
        assert!(other.is_waiting(&home(), &identity(3)).unwrap());
    }
}

#[test]
fn a_message_about_someone_forgotten_is_never_moved_in_either_ledger_and_does_not_come_back() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut ledger, mut other) = (new(here.path()), new(there.path()));
    for one_of in [&mut ledger, &mut other] {
        for number in 1..=3 {
            one_of.record(&[one(number)]).unwrap();
        }
    }
    ledger.forget(&key(1)).unwrap();
    other.forget(&key(2)).unwrap();
    other.forget(&key(3)).unwrap();
    // Whom a line of the export knows or was answered about, and who was forgotten there, does not come back, either.
    ledger.note_correction(&home(), &identity(2), NOW).unwrap();
    happen(&mut ledger, 13, 2);
    assert!(exported(&ledger, &home()).contains("look-up"));
    ledger.learn(&home(), NOW).unwrap();
    assert_eq!(ledger.known().unwrap().len(), 1);
    let imported = import(&mut other, &exported(&ledger, &home())).unwrap();
    assert_eq!((imported.messages, imported.new, imported.forgotten), (2, 0, 2));
    assert!(!other.knows(&home(), &identity(2)).unwrap());
    assert_eq!((imported.known, other.known().unwrap().len()), (0, 0));
    assert!(!exported(&other, &home()).contains("look-up"));
    for number in [1, 2, 3] {
        assert_eq!(earlier(&other, number, 200), "kept", "{number}");
    }
    // It goes on, with the keys of both.
    let last = tempfile::tempdir().unwrap();
    let mut last = Ledger::open(last.path()).unwrap();
    import(&mut last, &exported(&other, &home())).unwrap();
    for number in [1, 2, 3] {
        assert_eq!(earlier(&last, number, 200), "kept", "{number}");
    }
}

#[test]
fn an_account_with_a_move_that_is_not_settled_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = new(folder.path());
    ledger.record(&[one(1)]).unwrap();
    ledger.intend([intent(1)]).unwrap();
    let fault = ledger.export(&home(), NOW, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(fault, ExportFault::Unsettled(1)), "{fault}");
    let unknown = AccountName::new("work").unwrap();
    assert!(matches!(ledger.export(&unknown, NOW, &mut |_| Ok(())), Err(ExportFault::Unknown)));
}

#[test]
fn a_digest_that_either_side_has_sent_is_never_sent_again() {
    use followsift::ledger::DigestOutcome::{InDoubt, Nothing, Refused, Sent};
    let all = [Some(Sent), Some(Nothing), Some(InDoubt), Some(Refused), None];
    let at = Timestamp(5000);
    for before in all {
        for imported in all {
            let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let (mut ledger, mut other) = (new(here.path()), new(there.path()));
            ledger.state_digest(&home(), "2027-01-15", at, imported, at).unwrap();
            other.state_digest(&home(), "2027-01-15", at, before, at).unwrap();
            import(&mut other, &exported(&ledger, &home())).unwrap();
            let again = other.state_digest(&home(), "2027-01-15", at, None, at).unwrap();
            assert_eq!(
                again,
                (before, imported) == (Some(Refused), Some(Refused)),
                "{before:?} {imported:?}"
            );
        }
    }
}

#[test]
fn a_renamed_account_goes_on_with_its_ledger_unless_the_old_name_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = full(folder.path());
    let private = AccountName::new("private").unwrap();
    let before = exported(&ledger, &home());
    let elsewhere = MailboxKey::new("other.example", 993, "kim");
    for (mailbox, configured) in
        [(mailbox(), vec![home(), private.clone()]), (elsewhere.clone(), vec![private.clone()])]
    {
        assert_eq!(ledger.follow_name(&private, &mailbox, &configured).unwrap(), None);
        assert_eq!(exported(&ledger, &home()), before);
    }
    let configured = [private.clone()];
    assert_eq!(ledger.former_name(&private, &mailbox(), &configured).unwrap(), Some(home()));
    assert_eq!(ledger.follow_name(&private, &mailbox(), &configured).unwrap(), Some(home()));
    assert_eq!(ledger.follow_name(&private, &mailbox(), &configured).unwrap(), None);
    let after = exported(&ledger, &private);
    assert_eq!(after.replacen("\"account\":\"private\"", "\"account\":\"home\"", 1), before);
    assert!(ledger.account(&home()).unwrap().is_none());
    // Its server has another name now.
    assert_eq!(ledger.follow_name(&private, &elsewhere, &configured).unwrap(), None);
    let again = AccountName::new("again").unwrap();
    assert_eq!(ledger.former_name(&again, &mailbox(), std::slice::from_ref(&again)).unwrap(), None);
    assert_eq!(ledger.former_name(&again, &elsewhere, std::slice::from_ref(&again)).unwrap(), Some(private));
    ledger.require_whole().unwrap();
}

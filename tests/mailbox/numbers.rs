//! Impossible numbers: UIDs, counts, sizes and lengths out of range, and answers about messages that were not asked for. They
//! end the session or are ignored, and no command names a message that was not asked for.

use super::*;

const HELLO: &str = "* OK [CAPABILITY IMAP4rev1] hi\r\n";
const LOGIN: (&str, &str) = ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS] in\r\n");
const SELECT: (&str, &str) =
    ("SELECT", "* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK [READ-WRITE] x\r\n");

/// A session after a login, whose server then answers by `script`.
fn session(script: &[(&str, &str)]) -> (Session, Fake) {
    let script: Vec<_> = [LOGIN].iter().chain(script).copied().collect();
    let fake = Fake::start(HELLO, &script);
    (connect(&fake.account(), &login_with("x")).unwrap(), fake)
}

#[test]
fn a_number_out_of_range_is_never_taken_for_another() {
    // Where a line ends that may have been meant to announce a literal, nobody can know.
    let is_garbled = |cause: &Cause| matches!(cause, Cause::Garbled(_));
    let is_flood = |cause: &Cause| matches!(cause, Cause::Flood);
    // The line is passed over, so that something is missing.
    let lacks_data = |cause: &Cause| matches!(cause, Cause::NoData);
    let lacks_validity = |cause: &Cause| matches!(cause, Cause::NoValidity);
    type Is<'a> = &'a dyn Fn(&Cause) -> bool;
    let lines: [(&str, Is<'_>); 18] = [
        ("* 4294967296 EXISTS", &lacks_data),
        ("* -1 EXISTS", &lacks_data),
        ("* 99999999999999999999 EXPUNGE", &lacks_data),
        ("* 1 FETCH (UID 4294967296 FLAGS ())", &lacks_data),
        ("* 1 FETCH (UID -1 FLAGS ())", &lacks_data),
        ("* 4294967296 FETCH (UID 1 FLAGS ())", &lacks_data),
        ("* 1 FETCH (UID 1 RFC822.SIZE 4294967296)", &lacks_data),
        ("* SEARCH 1 4294967296", &lacks_data),
        ("* SEARCH -1", &lacks_data),
        ("* 2 EXISTS\r\n* OK [UIDNEXT 4294967296] x", &lacks_validity),
        ("* 2 EXISTS\r\n* OK [UIDVALIDITY -1] x", &lacks_validity),
        ("* 2 EXISTS\r\n* OK [UIDVALIDITY 18446744073709551616] x", &lacks_validity),
        ("* 1 FETCH (UID 1 BODY[] {4294967295}", &is_flood),
        ("* 1 FETCH (UID 1 BODY[] {4294967296}", &is_flood),
        ("* 1 FETCH (UID 1 BODY[] {1000000000000000000000000000000}", &is_flood),
        ("* LIST () \"/\" {1000000000000000000000000000000}", &is_flood),
        ("* 1 FETCH (UID 1 BODY[] {-1}", &is_garbled),
        ("* LIST () \"/\" {-1}", &is_garbled),
    ];
    for (line, is_right) in lines {
        let answer = format!("{line}\r\nTAG OK x\r\n");
        let (mut session, _fake) = session(&[("SELECT", &answer)]);
        let fault = session.select(&Folder::inbox()).unwrap_err();
        assert!(is_right(&fault.cause), "{line}: {fault:?}");
        let ends = is_flood(&fault.cause) || is_garbled(&fault.cause);
        assert_eq!(session.is_spent(), ends, "{line}: {fault:?}");
    }
}

#[test]
fn a_uidvalidity_of_64_bits_is_used() {
    let answer = "* 0 EXISTS\r\n* OK [UIDVALIDITY 1713632002544] x\r\nTAG OK x\r\n";
    let (mut session, _fake) = session(&[("SELECT", answer)]);
    assert_eq!(session.select(&Folder::inbox()).unwrap().validity, UidValidity(1_713_632_002_544));
}

#[test]
fn brackets_behind_a_fake_literal_do_not_exhaust_the_stack() {
    let deep = "(".repeat(100_000);
    for begin in [
        "* OK {9}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* NO [ALERT] {99999}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "zz9 OK {99999}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {3}\r\n)\r\n BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] \"{99999}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {99999} \r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {99999}x\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {-9}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {9+}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] ~{9}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {0}\r\n BODYSTRUCTURE ",
        "* 1 FETCH (UID 1 BODY[] {99999}\n* 1 FETCH (BODYSTRUCTURE ",
        "+ {99999}\r\n* 1 FETCH (BODYSTRUCTURE ",
        "* \"\r\n* 1 FETCH (BODYSTRUCTURE ",
    ] {
        let answer = format!("{begin}{deep}\r\nTAG OK x\r\n");
        let (mut session, _fake) = session(&[("SELECT", &answer)]);
        let fault = session.select(&Folder::inbox()).unwrap_err();
        assert!(matches!(fault.cause, Cause::Garbled(_) | Cause::NoData), "{begin}: {fault:?}");
    }
}

#[test]
fn an_answer_about_a_message_that_was_not_asked_for_is_ignored() {
    let heads = "* 1 FETCH (UID 0 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {2}\r\n\r\n)\r\n\
                 * 2 FETCH (UID 4294967295 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {2}\r\n\r\n)\r\n\
                 * 3 FETCH (UID 2 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {2}\r\n\r\n)\r\n\
                 * SEARCH 0 4294967295 77\r\nTAG OK x\r\n";
    let again = "* 3 FETCH (UID 2 FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n";
    let bodies = "* 1 FETCH (UID 0 RFC822.SIZE 9 BODY[]<0> {4}\r\nzero)\r\n\
                  * 2 FETCH (UID 4294967295 RFC822.SIZE 9 BODY[]<0> {4}\r\nlast)\r\n\
                  * 3 FETCH (UID 1 RFC822.SIZE 9 BODY[]<0> {3}\r\none)\r\n\
                  * 4 FETCH (UID 2 RFC822.SIZE 9 BODY[]<0> {3}\r\n\0\0\0)\r\nTAG OK x\r\n";
    let script = [
        SELECT,
        ("UID FETCH 1:2 (UID RFC822.SIZE INTERNALDATE", heads),
        ("UID SEARCH", "* SEARCH 0 4294967295 77\r\nTAG OK x\r\n"),
        // What nobody asked for makes the rest of its answer doubtful, so what came in it is asked for again.
        ("UID FETCH 2 (UID RFC822.SIZE INTERNALDATE", again),
        ("UID FETCH 2 (UID RFC822.SIZE BODY.PEEK[]", bodies),
    ];
    let (mut session, fake) = session(&script);
    session.select(&Folder::inbox()).unwrap();
    let mut seen = Vec::new();
    let unshown = session.heads(Range::From(Uid(1)), |heads| seen.extend(heads)).unwrap();
    assert_eq!((seen.iter().map(|head| head.uid).collect(), unshown), (vec![Uid(2)], vec![]));
    let mut read = Vec::new();
    let unshown = session
        .mails(&[(Uid(2), 9)], 262_144, |trace, bytes| read.push((trace.uid, bytes.to_vec())))
        .unwrap();
    assert_eq!((read, unshown), (vec![(Uid(2), vec![0; 3])], vec![]));
    drop(session);
    let commands = fake.commands();
    for wrong in [" 0 ", "0:", "4294967295", "77"] {
        assert!(!commands.iter().any(|command| command.contains(wrong)), "{wrong}: {commands:?}");
    }
}

#[test]
fn messages_whose_bodies_were_swapped_are_not_moved() {
    let bodies = "* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[]<0> {9}\r\nX: b\r\n\r\nb)\r\n\
                  * 2 FETCH (UID 2 RFC822.SIZE 9 BODY[]<0> {9}\r\nX: a\r\n\r\na)\r\nTAG OK x\r\n";
    let headers = "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9 BODY[HEADER]<0> {8}\r\nX: a\r\n\r\n)\r\n\
                   * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 9 BODY[HEADER]<0> {8}\r\nX: b\r\n\r\n)\r\nTAG OK x\r\n";
    for (swapped, moves) in [(true, false), (false, true)] {
        let true_bodies = bodies
            .replace("X: b\r\n\r\nb", "X: ?\r\n\r\n?")
            .replace("X: a\r\n\r\na", "X: b\r\n\r\nb")
            .replace('?', "a");
        let script = [
            SELECT,
            ("UID FETCH 1:2 (UID RFC822.SIZE BODY.PEEK[]", if swapped { bodies } else { &true_bodies }),
            ("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Spam\r\nTAG OK x\r\n"),
            ("STATUS", "* STATUS Spam (UIDVALIDITY 9 UIDNEXT 100)\r\nTAG OK x\r\n"),
            SELECT,
            ("UID FETCH 1:2 (UID FLAGS INTERNALDATE", headers),
            (
                "UID FETCH 1:2 (UID FLAGS)",
                "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n",
            ),
            (
                "UID FETCH 1:2 (UID FLAGS)",
                "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n",
            ),
            ("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 100] x\r\nTAG OK x\r\n"),
            SELECT,
        ];
        let (mut session, fake) = session(&script);
        session.select(&Folder::inbox()).unwrap();
        let mut mails = Vec::new();
        session.mails(&[(Uid(1), 9), (Uid(2), 9)], 262_144, |trace, _| mails.push(trace)).unwrap();
        let plans = session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap();
        // The folder is opened again, so that what was read before has to be proven.
        session.select(&Folder::inbox()).unwrap();
        session.act(plans, &mut |_, _| true).unwrap();
        drop(session);
        let commands = fake.commands();
        assert_eq!(commands.iter().any(|command| command.starts_with("UID MOVE")), moves, "{commands:?}");
    }
}

#[test]
fn a_folder_that_changes_its_validity_under_a_plan_is_left() {
    for (validity, moves) in [("5", true), ("6", false)] {
        let selected = SELECT.1.replace("UIDVALIDITY 5", &format!("UIDVALIDITY {validity}"));
        let headers = "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n";
        let script = [
            SELECT,
            ("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Spam\r\nTAG OK x\r\n"),
            ("STATUS", "* STATUS Spam (UIDVALIDITY 9 UIDNEXT 100)\r\nTAG OK x\r\n"),
            ("SELECT", selected.as_str()),
            ("UID FETCH 1 (UID FLAGS INTERNALDATE", headers),
            ("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\r\nTAG OK x\r\n"),
        ];
        let (mut session, fake) = session(&script);
        session.select(&Folder::inbox()).unwrap();
        let mails =
            vec![MailTrace { uid: Uid(1), identity: MailIdentity { size: 10, digest: MailDigest::of(b"") } }];
        let plans = session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap();
        session.select(&Folder::inbox()).unwrap();
        let outcome = session.act(plans, &mut |_, _| true);
        drop(session);
        let commands = fake.commands();
        let changes = |command: &String| {
            ["UID MOVE", "UID COPY", "UID STORE", "UID EXPUNGE"].iter().any(|verb| command.starts_with(verb))
        };
        assert_eq!(commands.iter().any(changes), moves, "{outcome:?} {commands:?}");
    }
}

#[test]
fn a_list_or_a_search_of_very_many_is_read() {
    let folders: String = (0..20_000).map(|number| format!("* LIST () \"/\" folder{number}\r\n")).collect();
    let (mut session, _fake) = session(&[("LIST", &format!("{folders}TAG OK x\r\n"))]);
    assert_eq!(session.folders().unwrap().len(), 20_000);
    let numbers: String = (1..=300_000).map(|number| format!(" {number}")).collect();
    let search = format!("* SEARCH{numbers}\r\nTAG OK x\r\n");
    // As if the folder had had every message that there can be.
    for next in ["", "* OK [UIDNEXT 4294967295] x\r\n"] {
        let selected = SELECT.1.replace("* OK [UIDNEXT 3] x\r\n", next);
        let (mut session, fake) = self::session(&[("SELECT", &selected), ("UID SEARCH", &search)]);
        session.select(&Folder::inbox()).unwrap();
        let batches = session.batches(Range::From(Uid(1))).unwrap();
        // Fetched a batch at a time, of which each is small.
        assert_eq!(batches.len(), 600);
        drop(session);
        assert_eq!(fake.commands().len(), 3);
    }
}

/// A session with an inbox of so many messages, of which the server answers the FETCH of the first ones by `first`.
fn with_messages(count: usize, first: &str) -> (Session, Fake) {
    let next = count + 1;
    let selected = format!(
        "* {count} EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT {next}] x\r\nTAG OK [READ-WRITE] x\r\n"
    );
    let (mut session, fake) = session(&[("SELECT", &selected), ("UID FETCH 1:", first)]);
    session.select(&Folder::inbox()).unwrap();
    (session, fake)
}

#[test]
fn no_more_heads_are_held_at_once_than_a_few_thousand() {
    let (mut session, fake) = with_messages(5_500, "TAG OK x\r\n");
    let mut portions = 0;
    session.heads(Range::From(Uid(1)), |_| portions += 1).unwrap();
    session.logout().unwrap();
    assert_eq!(portions, 2);
    // The commands of the second portion follow the answers to those of the first, of which nothing came.
    let commands = fake.commands();
    let place = |begin: &str| commands.iter().position(|command| command.starts_with(begin)).unwrap();
    assert!(place("UID FETCH 4501:5000") < place("UID SEARCH"), "{commands:?}");
    assert!(place("UID SEARCH") < place("UID FETCH 5001:5500"), "{commands:?}");
}

#[test]
fn one_answer_of_a_flight_cannot_use_the_bytes_of_the_others() {
    // More than the heads of 500 messages may have, less than those of 2,500.
    const LONG: usize = 12 << 20;
    let first =
        format!("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM SUBJECT)]<0> {{{LONG}}}\r\n{}", "x".repeat(LONG));
    let (mut session, _fake) = with_messages(2_500, &format!("{first})\r\nTAG OK x\r\n"));
    let batches = session.batches(Range::From(Uid(1))).unwrap();
    assert_eq!(batches.len(), 5);
    let fault = session.skim(&batches, &mut |_| true).unwrap_err();
    assert!(matches!(fault.cause, Cause::Flood), "{fault:?}");
}

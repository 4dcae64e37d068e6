use super::*;

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n";
const LOGIN: (&str, &str) = ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS] in\r\n");
const SELECT: (&str, &str) = (
    "SELECT",
    "* 2 EXISTS\r\n* NO [ALERT] the disk is nearly full\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK [READ-WRITE] x\r\n",
);
const FLAGS: (&str, &str) =
    ("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n");
/// The two messages, as their headers prove them to be the ones meant.
const PROOF: (&str, &str) = (
    "UID FETCH 1:2 (UID FLAGS INTERNALDATE",
    "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
     * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
);
const EMPTY: (&str, &str) =
    ("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 100] x\r\nTAG OK x\r\n");
const LIST: (&str, &str) = ("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Spam\r\nTAG OK x\r\n");
const STATUS: (&str, &str) = ("STATUS", "* STATUS Spam (UIDVALIDITY 9 UIDNEXT 100)\r\nTAG OK x\r\n");

fn two() -> Vec<MailTrace> {
    [1, 2]
        .map(|uid| MailTrace {
            uid: Uid(uid),
            identity: MailIdentity { size: 10, digest: MailDigest::of(b"") },
        })
        .to_vec()
}

/// Plans to move two messages to Spam, and moves them.
fn act(fake: &Fake) -> Result<BTreeMap<Uid, Outcome>, Fault> {
    let mut session = connect(&fake.account(), &login_with("x"))?;
    session.select(&Folder::inbox())?;
    let plans = session.prepare(vec![Errand { to: folder("Spam"), mails: two(), touched_too: false }])?;
    assert_eq!(plans[0].landing, Some(Landing { validity: UidValidity(9), next: Uid(100) }));
    Ok(session.act(plans, &mut |_, _| true)?.remove(0).outcomes)
}

#[test]
fn an_ok_to_a_move_proves_nothing() {
    let fake = Fake::start(GREETING, &[LOGIN, SELECT, LIST, STATUS, PROOF, FLAGS, FLAGS, EMPTY]);
    let outcomes = act(&fake).unwrap();
    assert_eq!(
        outcomes.values().collect::<Vec<_>>(),
        [&Outcome::Left(Obstacle::Unproven), &Outcome::Left(Obstacle::Unproven)]
    );
}

#[test]
fn a_copyuid_that_lies_is_looked_into() {
    let script = &[
        LOGIN,
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("UID MOVE", "* OK [COPYUID 9 1:2 50:51] there\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nTAG OK x\r\n"),
        ("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 100] x\r\nTAG OK x\r\n"),
        SELECT,
    ];
    let fake = Fake::start(GREETING, script);
    assert_eq!(act(&fake).unwrap().values().collect::<Vec<_>>(), [&Outcome::Gone, &Outcome::Gone]);
}

/// What the client does after a MOVE that was answered with `answer`; before it, `look` shows the two messages and their numbers.
fn after_a_move(look: &str, answer: &str) -> Vec<String> {
    let script =
        &[LOGIN, SELECT, LIST, STATUS, PROOF, ("UID FETCH 1:2 (UID FLAGS)", look), ("UID MOVE", answer)];
    let fake = Fake::start(GREETING, script);
    // What is asked then is answered with nothing, so nothing is known of the messages.
    drop(act(&fake));
    let commands = fake.commands();
    let at = commands.iter().position(|command| command.starts_with("UID MOVE")).unwrap();
    commands[at + 1..].to_vec()
}

#[test]
fn the_inbox_is_looked_at_after_a_move_unless_the_server_says_where_each_message_went() {
    const LOOK: &str = "* 4 FETCH (UID 1 FLAGS ())\r\n* 7 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n";
    const WENT: &str = "* OK [COPYUID 9 1:2 100:101] x\r\n";
    const IS_DONE: &str = "TAG OK x\r\n";
    let looks = |look: &str, answer: &str| {
        after_a_move(look, answer).first().is_some_and(|next| next.starts_with("UID FETCH 1:2 (UID FLAGS)"))
    };
    // In this order, in the other one, and while others leave.
    for expunged in [
        "* 4 EXPUNGE\r\n* 6 EXPUNGE\r\n",
        "* 7 EXPUNGE\r\n* 4 EXPUNGE\r\n",
        "* 1 EXPUNGE\r\n* 3 EXPUNGE\r\n* 9 EXPUNGE\r\n* 5 EXPUNGE\r\n",
    ] {
        assert!(!looks(LOOK, &format!("{WENT}{expunged}{IS_DONE}")), "{expunged}");
    }
    let both = "* 4 EXPUNGE\r\n* 6 EXPUNGE\r\n";
    for (what, look, answer) in [
        ("nothing left", LOOK, format!("{WENT}{IS_DONE}")),
        ("one left", LOOK, format!("{WENT}* 4 EXPUNGE\r\n{IS_DONE}")),
        ("another left", LOOK, format!("{WENT}* 4 EXPUNGE\r\n* 7 EXPUNGE\r\n{IS_DONE}")),
        ("one twice", LOOK, format!("{WENT}* 4 EXPUNGE\r\n* 4 EXPUNGE\r\n{IS_DONE}")),
        ("a number that no message has", LOOK, format!("{WENT}* 0 EXPUNGE\r\n{both}{IS_DONE}")),
        ("by UIDs, which was not asked for", LOOK, format!("{WENT}* VANISHED 3\r\n{both}{IS_DONE}")),
        ("it is not said where", LOOK, format!("{both}{IS_DONE}")),
        ("of one it is not said where", LOOK, format!("* OK [COPYUID 9 1 100] x\r\n{both}{IS_DONE}")),
        ("another came there meanwhile", LOOK, format!("* OK [COPYUID 9 1:2 100,102] x\r\n{both}{IS_DONE}")),
        ("refused", LOOK, format!("{WENT}{both}TAG NO x\r\n")),
        (
            "another left during the look",
            "* 4 FETCH (UID 1 FLAGS ())\r\n* 1 EXPUNGE\r\n* 7 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n",
            format!("{WENT}{both}{IS_DONE}"),
        ),
        (
            "two with one number",
            "* 4 FETCH (UID 1 FLAGS ())\r\n* 4 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n",
            format!("{WENT}{both}{IS_DONE}"),
        ),
    ] {
        assert!(looks(look, &answer), "{what}: {:?}", after_a_move(look, &answer));
    }
}

#[test]
fn a_no_in_the_middle_of_a_move_is_looked_into() {
    let script = &[
        LOGIN,
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("UID MOVE", "* OK [COPYUID 9 1 100] x\r\n* 1 EXPUNGE\r\nTAG NO [OVERQUOTA] full\r\n"),
        ("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n"),
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100 (UID FLAGS INTERNALDATE",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        SELECT,
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    assert_eq!(outcomes[&Uid(1)], Outcome::Moved { uid: Some(Uid(100)) });
    assert!(matches!(&outcomes[&Uid(2)], Outcome::Left(Obstacle::Refused(_))));
}

/// A MOVE that is made of COPY, STORE and EXPUNGE, and fails in the middle of them. `later` is how the first message is
/// seen at a second look at the inbox.
fn half_a_move(original: &str, later: &str) -> (Vec<Outcome>, Vec<String>) {
    let later = format!("{later}TAG OK x\r\n");
    let flags = format!("* 1 FETCH (UID 1 FLAGS ({original}))\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n");
    let script = &[
        LOGIN,
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("UID MOVE", "TAG NO [NOPERM] not yours\r\n"),
        ("UID FETCH 1:2 (UID FLAGS)", flags.as_str()),
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100 (UID FLAGS INTERNALDATE",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        ("SELECT \"Spam\"", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100 (UID FLAGS INTERNALDATE",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        (
            "UID FETCH 1 (UID FLAGS INTERNALDATE",
            "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        ("UID STORE 100", "* 1 FETCH (UID 100 FLAGS (\\Deleted))\r\nTAG OK x\r\n"),
        SELECT,
        ("UID FETCH 1 (UID FLAGS)", later.as_str()),
        SELECT,
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    (outcomes.into_values().collect(), fake.commands())
}

#[test]
fn a_move_that_fails_in_the_middle_leaves_each_message_in_one_place() {
    const HERE: &str = "* 1 FETCH (UID 1 FLAGS ())\r\n";
    let (outcomes, commands) = half_a_move("", HERE);
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::Left(Obstacle::Refused(_)))),
        "{outcomes:?}"
    );
    assert!(commands.contains(&"UID EXPUNGE 100".to_owned()), "the copy was taken back: {commands:?}");
    // Here the original may be gone, and the copy all there is; or another program's MOVE has made the copy, and
    // removes the original a moment later.
    for (original, later) in [("\\Deleted", HERE), ("", "")] {
        let (outcomes, commands) = half_a_move(original, later);
        assert_eq!(outcomes[0], Outcome::Moved { uid: Some(Uid(100)) });
        assert!(
            !commands.iter().any(|command| command.contains("100") && command.contains("EXPUNGE")),
            "{commands:?}"
        );
    }
}

#[test]
fn without_proof_nothing_is_flagged_or_expunged() {
    let script = &[
        ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"),
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        // Says that both were copied; shows one, of another size and with another header.
        ("UID COPY", "TAG OK [COPYUID 9 1:2 100:101] copied\r\n"),
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100:101",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 11 BODY[HEADER]<0> {8}\r\nX: y\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        SELECT,
        PROOF,
        FLAGS,
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Left(Obstacle::Unproven)), "{outcomes:?}");
    let commands = fake.commands();
    assert!(
        !commands.iter().any(|command| command.contains("STORE") || command.contains("EXPUNGE")),
        "{commands:?}"
    );
}

/// A MOVE that fails in the middle, on a server that counts another size for a copy, and whose copy has this text.
fn half_a_move_of_another_size(text: &str) -> (BTreeMap<Uid, Outcome>, Vec<String>) {
    let whole = |text: &str| format!("BODY[]<0> {{{}}}\r\n\r\n{text})\r\nTAG OK x\r\n", text.len() + 2);
    let copy = format!("* 1 FETCH (UID 100 RFC822.SIZE 13 {}", whole(text));
    let original = format!("* 1 FETCH (UID 1 RFC822.SIZE 10 {}", whole("original"));
    let header = "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 13 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n";
    let script = &[
        LOGIN,
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("UID MOVE", "TAG NO [NOPERM] not yours\r\n"),
        FLAGS,
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
        ("UID FETCH 100 (UID FLAGS INTERNALDATE", header),
        ("UID FETCH 100 (UID RFC822.SIZE BODY.PEEK[]", copy.as_str()),
        SELECT,
        ("UID FETCH 1 (UID RFC822.SIZE BODY.PEEK[]", original.as_str()),
        ("UID FETCH 1:2 (UID RFC822.SIZE BODY.PEEK[]", original.as_str()),
        (
            "UID FETCH 1 (UID FLAGS INTERNALDATE",
            "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        ("UID FETCH 1 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\r\nTAG OK x\r\n"),
        ("SELECT \"Spam\"", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
        ("UID FETCH 100 (UID FLAGS INTERNALDATE", header),
        ("UID STORE 100", "* 1 FETCH (UID 100 FLAGS (\\Deleted))\r\nTAG OK x\r\n"),
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    (outcomes, fake.commands())
}

#[test]
fn without_copyuid_a_moved_message_is_found_also_if_the_server_counts_another_size_for_it() {
    const COPY: &str = "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 13 BODY[HEADER]<0> {2}\r\n\r\n)\r\n";
    const TWIN: &str = "* 2 FETCH (UID 101 FLAGS () RFC822.SIZE 14 BODY[HEADER]<0> {2}\r\n\r\n)\r\n";
    const OTHER: &str = "* 2 FETCH (UID 101 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {6}\r\nX: y\r\n)\r\n";
    let moved = Outcome::Moved { uid: Some(Uid(100)) };
    // Of two that are alike, nothing shows which is the copy.
    for (second, wanted) in [("", moved.clone()), (OTHER, moved), (TWIN, Outcome::Gone)] {
        let shown = format!("{COPY}{second}TAG OK x\r\n");
        let script = &[
            ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 MOVE] in\r\n"),
            SELECT,
            LIST,
            STATUS,
            PROOF,
            FLAGS,
            ("UID MOVE", "* 1 EXPUNGE\r\nTAG OK x\r\n"),
            ("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n"),
            ("EXAMINE", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
            ("UID FETCH 100:101 (UID FLAGS INTERNALDATE", shown.as_str()),
            (
                "UID SEARCH UID 100:101",
                if second.is_empty() {
                    "* SEARCH 100\r\nTAG OK x\r\n"
                } else {
                    "* SEARCH 100 101\r\nTAG OK x\r\n"
                },
            ),
            SELECT,
        ];
        let fake = Fake::start(GREETING, script);
        let outcomes = act(&fake).unwrap();
        let commands = fake.commands();
        assert_eq!(outcomes[&Uid(1)], wanted, "{second:?} {commands:#?}");
        let stays = matches!(outcomes[&Uid(2)], Outcome::Left(_));
        assert!(stays || second == TWIN, "{outcomes:?}");
        assert!(!commands.iter().any(|it| it.contains("STORE") || it.contains("EXPUNGE")), "{commands:?}");
    }
}

#[test]
fn the_copy_of_a_failed_move_is_taken_back_also_if_it_differs() {
    for text in ["original", "changed"] {
        let (outcomes, commands) = half_a_move_of_another_size(text);
        assert!(
            outcomes.values().all(|it| matches!(it, Outcome::Left(Obstacle::Refused(_)))),
            "{outcomes:?}"
        );
        let changes: Vec<&String> =
            commands.iter().filter(|it| it.contains("STORE") || it.contains("EXPUNGE")).collect();
        assert_eq!(changes, ["UID STORE 100 +FLAGS (\\Deleted)", "UID EXPUNGE 100"], "{text}");
    }
}

#[test]
fn a_copy_of_another_size_that_is_not_shown_as_a_whole_is_taken_back() {
    const COPY: (&str, &str) = (
        "UID FETCH 100",
        "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 11 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
    );
    let script = &[
        ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"),
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("UID COPY", "TAG OK [COPYUID 9 1 100] copied\r\n"),
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
        COPY,
        (
            "UID FETCH 100 (UID RFC822.SIZE BODY",
            "* 1 FETCH (UID 100 RFC822.SIZE 11 BODY[]<0> NIL)\r\nTAG OK x\r\n",
        ),
        SELECT,
        PROOF,
        FLAGS,
        ("SELECT \"Spam\"", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
        COPY,
        ("UID STORE 100", "* 1 FETCH (UID 100 FLAGS (\\Deleted))\r\nTAG OK x\r\n"),
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    assert_eq!(outcomes[&Uid(1)], Outcome::Left(Obstacle::Altered));
    assert_eq!(outcomes[&Uid(2)], Outcome::Left(Obstacle::Unproven));
    let changes: Vec<String> =
        fake.commands().into_iter().filter(|it| it.contains("STORE") || it.contains("EXPUNGE")).collect();
    assert_eq!(changes, ["UID STORE 100 +FLAGS (\\Deleted)", "UID EXPUNGE 100"]);
}

#[test]
fn a_copy_is_taken_back_where_its_original_cannot_be_removed() {
    let script = &[
        ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"),
        SELECT,
        LIST,
        STATUS,
        PROOF,
        FLAGS,
        ("EXAMINE", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100:101",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
             * 2 FETCH (UID 101 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        SELECT,
        PROOF,
        FLAGS,
        ("UID STORE 1:2", "TAG NO [NOPERM] not yours\r\n"),
        FLAGS,
        ("SELECT \"Spam\"", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
        (
            "UID FETCH 100:101",
            "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
             * 2 FETCH (UID 101 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
        ),
        (
            "UID STORE 100:101",
            "* 1 FETCH (UID 100 FLAGS (\\Deleted))\r\n* 2 FETCH (UID 101 FLAGS (\\Deleted))\r\nTAG OK x\r\n",
        ),
        SELECT,
    ];
    let fake = Fake::start(GREETING, script);
    let outcomes = act(&fake).unwrap();
    assert!(
        outcomes.values().all(|outcome| matches!(outcome, Outcome::Left(Obstacle::Refused(_)))),
        "{outcomes:?}"
    );
    let commands = fake.commands();
    assert!(commands.contains(&"UID EXPUNGE 100:101".to_owned()), "{commands:?}");
    assert!(!commands.contains(&"UID EXPUNGE 1:2".to_owned()), "{commands:?}");
}

#[test]
fn garbage_ends_the_session_and_nothing_else() {
    for answer in [
        "\u{0}\r\n",
        "* 1 FETCH (\r\n",
        "zz9 OK for somebody else\r\n",
        "* 1 FETCH (BODY[] {4294967295}\r\n",
        "* BYE [UNAVAILABLE] restarting\r\n",
        "",
    ] {
        let fake = Fake::start(GREETING, &[LOGIN, ("SELECT", answer)]);
        let mut session = connect(&fake.account(), &login_with("x")).unwrap();
        let fault = session.select(&Folder::inbox()).unwrap_err();
        assert_eq!((fault.fate(), session.is_spent()), (Fate::Retry, true), "{answer:?}: {fault:?}");
    }
}

/// They are passed over, and then the answer lacks what it must have.
#[test]
fn brackets_without_end_do_not_exhaust_the_stack() {
    let nested = format!("* 1 FETCH (BODYSTRUCTURE {}\r\nTAG OK x\r\n", "(".repeat(100_000));
    let fake = Fake::start(GREETING, &[LOGIN, ("SELECT", &nested)]);
    let mut session = connect(&fake.account(), &login_with("x")).unwrap();
    assert!(matches!(session.select(&Folder::inbox()).unwrap_err().cause, Cause::NoData));
}

#[test]
fn a_session_says_only_what_it_may() {
    let fake = Fake::start(GREETING, &[LOGIN]);
    connect(&fake.account(), &login_with("x")).unwrap().logout().unwrap();
    assert_eq!(fake.commands(), ["LOGIN \"ann\" \"x\"", "LOGOUT"]);
}

use super::*;

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n";
/// How messages are moved, by what the server has.
const RUNGS: [&str; 3] = ["MOVE UIDPLUS", "UIDPLUS", ""];
/// Both before and after the backup: UIDs 1 and 2, the same UIDVALIDITY, the same UIDNEXT.
const SELECT: (&str, &str) =
    ("SELECT", "* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK [READ-WRITE] x\r\n");
const LIST: (&str, &str) = ("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Spam\r\nTAG OK x\r\n");
const STATUS: (&str, &str) = ("STATUS", "* STATUS Spam (UIDVALIDITY 9 UIDNEXT 100)\r\nTAG OK x\r\n");
/// The messages, as they are read.
const MEANT: (&str, &str) = (
    "UID FETCH 1:2 (UID RFC822.SIZE BODY.PEEK[]",
    "* 1 FETCH (UID 1 RFC822.SIZE 10 BODY[]<0> {10}\r\n\r\nspamspam)\r\n\
     * 2 FETCH (UID 2 RFC822.SIZE 10 BODY[]<0> {10}\r\n\r\nmorespam)\r\nTAG OK x\r\n",
);
/// The same, as they are looked at before a command.
const PROOF: (&str, &str) = (
    "UID FETCH 1:2 (UID FLAGS INTERNALDATE",
    "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
     * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
);
/// Other people's messages under their UIDs: one of another size, one with another header.
const OTHERS: (&str, &str) = (
    "UID FETCH 1:2 (UID FLAGS INTERNALDATE",
    "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 11 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
     * 2 FETCH (UID 2 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {8}\r\nX: y\r\n\r\n)\r\nTAG OK x\r\n",
);
const FLAGS: (&str, &str) =
    ("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n");

const EMPTY: (&str, &str) =
    ("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 100] x\r\nTAG OK x\r\n");

/// Plans to move the two messages, which have been read; `restored` opens the folder again before they are moved.
fn act(rung: &str, script: &[(&str, &str)], restored: bool) -> (Vec<Outcome>, Vec<String>) {
    let login = format!("TAG OK [CAPABILITY IMAP4rev1 {rung}] in\r\n");
    let script: Vec<(&str, &str)> =
        [("LOGIN", login.as_str()), SELECT, MEANT, LIST, STATUS].iter().chain(script).copied().collect();
    let fake = Fake::start(GREETING, &script);
    let mut session = connect(&fake.account(), &login_with("x")).unwrap();
    session.select(&Folder::inbox()).unwrap();
    let mut mails = Vec::new();
    session.mails(&[(Uid(1), 10), (Uid(2), 10)], 262_144, |trace, _| mails.push(trace)).unwrap();
    assert_eq!(mails.len(), 2);
    let plans = session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap();
    if restored {
        session.select(&Folder::inbox()).unwrap();
    }
    let outcomes = session.act(plans, &mut |_, _| true).unwrap().remove(0).outcomes.into_values().collect();
    drop(session);
    (outcomes, fake.commands())
}

/// The commands that change something.
fn changes(commands: &[String]) -> Vec<&String> {
    let changes = |command: &&String| {
        ["UID MOVE", "UID COPY", "UID STORE", "UID EXPUNGE", "EXPUNGE", "CLOSE"]
            .iter()
            .any(|word| command.starts_with(word))
    };
    commands.iter().filter(changes).collect()
}

#[test]
fn no_command_changes_a_uid_that_holds_another_message_since_its_folder_was_opened_again() {
    for rung in RUNGS {
        let (outcomes, commands) = act(rung, &[SELECT, OTHERS, FLAGS, FLAGS, EMPTY, SELECT], true);
        assert_eq!(changes(&commands), Vec::<&String>::new(), "{rung}: {outcomes:?}");
        assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Moved { .. })), "{outcomes:?}");
        // Without that, they are moved.
        let (_, commands) = act(rung, &[FLAGS, FLAGS, EMPTY, SELECT, PROOF, FLAGS], false);
        assert_ne!(changes(&commands), Vec::<&String>::new(), "{rung}");
    }
}

#[test]
fn no_original_is_removed_whose_uid_holds_another_message_once_the_copy_is_proven() {
    for rung in ["UIDPLUS", ""] {
        for (there, is_removed) in [(PROOF, true), (OTHERS, false)] {
            let script = [
                FLAGS,
                ("UID COPY", "TAG OK copied\r\n"),
                ("EXAMINE", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
                (
                    "UID FETCH 100:101",
                    "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
                     * 2 FETCH (UID 101 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
                ),
                SELECT,
                there,
                FLAGS,
            ];
            let (outcomes, commands) = act(rung, &script, false);
            let of_originals = changes(&commands).iter().any(|command| command.starts_with("UID STORE 1:2"));
            assert_eq!(of_originals, is_removed, "{rung}: {commands:?} {outcomes:?}");
            let removed = changes(&commands).iter().any(|command| command.contains("EXPUNGE 1"));
            assert!(is_removed || !removed, "{rung}: {commands:?}");
        }
    }
}

#[test]
fn a_folder_was_restored_if_another_message_has_the_uid_of_one_of_those_that_are_known() {
    let fields = |text: &str| format!("{text}\r\n\r\n");
    let one = |uid: u32, date: &str, text: &str| {
        let text = fields(text);
        format!(
            "* {uid} FETCH (UID {uid} INTERNALDATE \"{date} +0000\" \
             BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]<0> {{{}}}\r\n{text})\r\n",
            text.len()
        )
    };
    let (then, later) = (" 2-Jan-2026 03:04:05", " 2-Jan-2026 03:04:06");
    let known: Vec<_> = [(9, "Message-ID: <9@a.example>"), (8, "Message-ID: <8@a.example>")]
        .map(|(uid, text)| (Uid(uid), 1_767_323_045, MailDigest::of(fields(text).as_bytes())))
        .to_vec();
    let (nine, eight) =
        (one(9, then, "Message-ID: <9@a.example>"), one(8, then, "Message-ID: <8@a.example>"));
    for (shown, replaced) in [
        (format!("{eight}{nine}"), false),
        // The user has deleted the newest one, or both.
        (eight.clone(), false),
        (String::new(), false),
        // One that came in the same second, with the same From and Subject lines.
        (format!("{eight}{}", one(9, then, "Message-ID: <10@a.example>")), true),
        (format!("{}{nine}", one(8, then, "Message-ID: <10@a.example>")), true),
        (one(8, then, "Message-ID: <10@a.example>"), true),
        (format!("{eight}{}", one(9, later, "Message-ID: <9@a.example>")), true),
    ] {
        let answer = format!("{shown}TAG OK x\r\n");
        let login = "TAG OK [CAPABILITY IMAP4rev1] in\r\n";
        let script = [("LOGIN", login), SELECT, ("UID FETCH 8:9 (UID INTERNALDATE", answer.as_str())];
        let fake = Fake::start(GREETING, &script);
        let mut session = connect(&fake.account(), &login_with("x")).unwrap();
        session.select(&Folder::inbox()).unwrap();
        assert_eq!(session.is_replaced(&known).unwrap(), replaced, "{shown}");
        assert!(!session.is_replaced(&[]).unwrap());
        drop(session);
        let fetches = fake.commands().iter().filter(|command| command.starts_with("UID FETCH")).count();
        assert_eq!(fetches, 1);
    }
}

//! The mailbox against a real Dovecot, and against servers that lie.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use followsift::login::Login;
use followsift::mailbox::{
    Cause, Code, Connector, Errand, Fate, Fault, Landing, Outcome, Pending, Range, Reason, Relocation,
    Session, Settled, Step, Stop, Trace, Woken,
};
use followsift::place::{Folder, MailDigest, MailIdentity, Marks, Uid, UidValidity};
use followsift::settings::{Account, Tls};
use support::fake::Fake;
use support::{Dovecot, Options, folder, login, login_with, mail};

fn connect(account: &Account, login: &Login) -> Result<Session, Fault> {
    let connector = Connector::new(account.ca_file.as_deref())?;
    Session::connect(account, login, &connector, &Stop::new().unwrap())
}

/// The traces of mails, as the sweep has them from heads and bodies.
fn traces(session: &mut Session) -> Vec<Trace> {
    let mut sizes = Vec::new();
    session
        .heads(Range::From(Uid(1)), |heads| sizes.extend(heads.iter().map(|head| (head.uid, head.size))))
        .unwrap();
    let known: BTreeMap<Uid, u32> = sizes.iter().copied().collect();
    let mut traces = Vec::new();
    session
        .mails(&sizes, 262_144, |uid, bytes| {
            traces.push(Trace {
                uid,
                identity: MailIdentity { size: known[&uid], digest: MailDigest::of(bytes) },
            });
        })
        .unwrap();
    traces
}

fn deliver(server: &Dovecot, count: usize) {
    let mut client = server.client();
    for number in 1..=count {
        client.deliver("INBOX", &mail(number, 2_000));
    }
}

/// Moves all of the inbox to `to`, and says what became of each mail.
fn move_all(session: &mut Session, to: &str) -> BTreeMap<Uid, Outcome> {
    session.select(&Folder::inbox()).unwrap();
    let mails = traces(session);
    let plans = session.prepare(vec![Errand { to: folder(to), mails }]).unwrap();
    let mut outcomes: BTreeMap<Uid, Outcome> = plans[0].left.iter().cloned().collect();
    for relocated in session.act(plans).unwrap() {
        outcomes.extend(relocated.outcomes);
    }
    outcomes
}

mod connecting {
    use super::*;

    #[test]
    fn a_session_knows_what_the_server_can_and_how_mails_move() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let session = server.session();
        assert!(session.can("IDLE") && session.can("UIDPLUS"));
        assert_eq!(session.relocation(), Relocation::Move);
        // One for the login: Dovecot says unasked what it can.
        assert_eq!(session.turns(), 1);
        session.logout().unwrap();
    }

    #[test]
    fn a_wrong_password_parks_the_account_and_is_not_repeated() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let fault = connect(&server.account(), &login_with("hunter2")).unwrap_err();
        assert_eq!(fault.fate(), Fate::Park);
        assert_eq!(fault.doing, Step::LogIn);
        assert!(
            matches!(&fault.cause, Cause::Refused(no) if no.code == Some(Code::AuthenticationFailed)),
            "{fault:?}"
        );
        assert!(!format!("{fault} {fault:?} {}", fault.source().unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_certificate_of_another_name_parks_the_account() {
        let Some(server) = Dovecot::start(&Options { certified: "other.example", ..Options::default() })
        else {
            return;
        };
        let fault = connect(&server.account(), &login()).unwrap_err();
        assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park));
        assert!(matches!(fault.cause, Cause::Tls(_)), "{fault:?}");
    }

    #[test]
    fn a_port_that_speaks_no_tls_is_told_of_in_words() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let fault = connect(&Account { port: server.port, ..server.account() }, &login()).unwrap_err();
        assert!(fault.source().unwrap().to_string().contains("is it `tls = \"starttls\"`?"), "{fault:?}");
    }

    #[test]
    fn an_unknown_authority_parks_the_account() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let fault = connect(&Account { ca_file: None, ..server.account() }, &login()).unwrap_err();
        assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park));
        assert!(matches!(fault.cause, Cause::Tls(_)), "{fault:?}");
    }

    #[test]
    fn a_ca_file_that_holds_no_certificate_is_a_finding() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fault = Connector::new(Some(file.path())).unwrap_err();
        assert_eq!((fault.doing, fault.fate()), (Step::Trust, Fate::Park));
    }

    #[test]
    fn starttls_leads_to_the_same_session() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let account = Account { port: server.port, tls: Tls::StartTls, ..server.account() };
        let mut session = connect(&account, &login()).unwrap();
        session.select(&Folder::inbox()).unwrap();
    }

    #[test]
    fn without_starttls_nothing_is_said_in_clear() {
        let fake =
            Fake::start("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", &[("STARTTLS", "TAG BAD no\r\n")]);
        let account = Account { tls: Tls::StartTls, ..fake.account() };
        let fault = connect(&account, &login()).unwrap_err();
        assert!(matches!(fault.cause, Cause::NoStartTls), "{fault:?}");
        assert_eq!(fault.fate(), Fate::Park);
        assert_eq!(fake.commands(), ["STARTTLS"]);
    }

    #[test]
    fn what_is_injected_after_starttls_is_never_believed() {
        let injected = "TAG OK go\r\n* CAPABILITY IMAP4rev1\r\na1 OK [CAPABILITY IMAP4rev1] in\r\n";
        let fake = Fake::start("* OK hi\r\n", &[("STARTTLS", injected)]);
        let account = Account { tls: Tls::StartTls, ..fake.account() };
        assert!(matches!(
            connect(&account, &login()).unwrap_err().cause,
            Cause::Tls(_) | Cause::Lost | Cause::Io(_)
        ));
    }

    #[test]
    fn tls_off_is_for_loopback_only() {
        let account = support::account("192.0.2.1", 143, Tls::Off);
        let fault = connect(&account, &login()).unwrap_err();
        assert!(matches!(fault.cause, Cause::ClearText), "{fault:?}");
        assert_eq!(fault.fate(), Fate::Park);
    }

    #[test]
    fn a_server_that_is_gone_is_tried_again() {
        let Some(mut server) = Dovecot::start(&Options::default()) else { return };
        let mut session = server.session();
        server.kill();
        let fault = session.select(&Folder::inbox()).unwrap_err();
        assert_eq!(fault.fate(), Fate::Retry, "{fault:?}");
        assert!(session.is_spent());
        assert!(matches!(session.select(&Folder::inbox()).unwrap_err().cause, Cause::Spent));
        let fault = connect(&server.account(), &login()).unwrap_err();
        assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Retry), "{fault:?}");
    }

    #[test]
    fn a_stop_ends_a_connection_that_hangs() {
        // Accepts, and says nothing.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let account = support::account("127.0.0.1", listener.local_addr().unwrap().port(), Tls::Implicit);
        let stop = Stop::new().unwrap();
        let connector = Connector::new(None).unwrap();
        let begin = Instant::now();
        let bell = stop.clone();
        let ringer = std::thread::spawn(move || {
            support::pause(Duration::from_millis(100));
            bell.stop();
        });
        let fault = Session::connect(&account, &login(), &connector, &stop).unwrap_err();
        ringer.join().unwrap();
        assert!(fault.is_stop(), "{fault:?}");
        assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn greetings_that_are_none_have_their_fate() {
        for (greeting, fate) in [
            ("* PREAUTH welcome\r\n", Fate::Park),
            ("* BYE [UNAVAILABLE] later\r\n", Fate::Retry),
            ("HTTP/1.1 400 Bad Request\r\n", Fate::Park),
            ("", Fate::Retry),
        ] {
            let fake = Fake::start(greeting, &[]);
            let fault = if greeting.is_empty() {
                // Closed before a word.
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                let account = support::account("127.0.0.1", listener.local_addr().unwrap().port(), Tls::Off);
                let closer = std::thread::spawn(move || drop(listener.accept()));
                let fault = connect(&account, &login()).unwrap_err();
                closer.join().unwrap();
                fault
            } else {
                connect(&fake.account(), &login()).unwrap_err()
            };
            assert_eq!(fault.fate(), fate, "{greeting}: {fault:?}");
        }
    }

    #[test]
    fn a_refusal_that_repeats_the_password_is_withheld() {
        let fake = Fake::start(
            "* OK [CAPABILITY IMAP4rev1] hi\r\n",
            &[("LOGIN", "TAG NO [UNAVAILABLE] cannot check hunter2 f\u{fc}r Ann\r\n")],
        );
        let fault = connect(&fake.account(), &login_with("hunter2")).unwrap_err();
        assert_eq!(fault.fate(), Fate::Retry);
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    }
}

mod reading {
    use super::*;

    #[test]
    fn heads_come_in_batches_and_bodies_up_to_a_limit() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 1_100);
        let before = server.snapshot();
        let mut session = server.session();
        let opened = session.select(&Folder::inbox()).unwrap();
        assert_eq!((opened.exists, opened.next, opened.writable), (1_100, Some(Uid(1_101)), true));
        let mut batches = Vec::new();
        session.heads(Range::From(Uid(51)), |heads| batches.push(heads)).unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500, 50]);
        let head = &batches[0][0];
        assert_eq!(head.uid, Uid(51));
        let fields = String::from_utf8_lossy(&head.fields);
        assert!(
            fields.contains("Subject: Person 51 follows you now") && !fields.contains("Message-ID"),
            "{fields}"
        );
        assert!(head.received > 1_700_000_000 && !head.flags.seen);

        let mut lengths = Vec::new();
        session
            .mails(&[(Uid(1), 2_000), (Uid(9_999), 5), (Uid(2), 2_000)], 100, |uid, bytes| {
                lengths.push((uid, bytes.len()))
            })
            .unwrap();
        assert_eq!(lengths, [(Uid(1), 100), (Uid(2), 100)]);
        assert_eq!(server.snapshot(), before, "looking changed something");
    }

    #[test]
    fn mails_marked_as_deleted_are_not_seen() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 3);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID STORE 2 +FLAGS (\\Deleted)");
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mut seen = Vec::new();
        session.heads(Range::From(Uid(1)), |heads| seen.extend(heads.iter().map(|head| head.uid.0))).unwrap();
        assert_eq!(seen, [1, 3]);
    }

    #[test]
    fn mails_since_a_moment_are_those_that_arrived_then_or_later() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let mut client = server.client();
        for (number, date) in
            ["01-Jan-2024 10:00:00 +0000", "02-Jan-2024 10:00:00 +0000", "02-Jan-2024 23:59:59 -1100"]
                .iter()
                .enumerate()
        {
            client.append("INBOX", &format!("\"{date}\""), &mail(number, 100));
        }
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mut seen = Vec::new();
        // 2 January 2024, 10:00:00 UTC.
        session
            .heads(Range::Since(1_704_189_600), |heads| seen.extend(heads.iter().map(|head| head.uid.0)))
            .unwrap();
        assert_eq!(seen, [2, 3]);
    }

    #[test]
    fn sparse_uids_are_asked_for_first() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 2_100);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID STORE 3:2099 +FLAGS.SILENT (\\Deleted)");
        client.run("UID EXPUNGE 3:2099");
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let turns = session.turns();
        let mut seen = Vec::new();
        session.heads(Range::From(Uid(1)), |heads| seen.extend(heads.iter().map(|head| head.uid.0))).unwrap();
        assert_eq!((seen, session.turns() - turns), (vec![1, 2, 2_100], 2));
    }

    #[test]
    fn an_odd_mail_does_not_spoil_its_batch() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let mut client = server.client();
        let giant = format!("From: a@b.example\r\nSubject: {}\r\n\r\nx", "y".repeat(3_000_000));
        for odd in ["\r\nno header at all", "Subject: only\r\n", "x", &giant, "Subject: ok\r\n\r\nlast"] {
            client.deliver("INBOX", odd);
        }
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mut lengths = Vec::new();
        session
            .heads(Range::From(Uid(1)), |heads| lengths.extend(heads.iter().map(|head| head.fields.len())))
            .unwrap();
        assert_eq!(lengths.len(), 5);
        assert!(lengths.iter().all(|length| *length <= 16 << 10), "{lengths:?}");
        // A header alone tells the same as the beginning of the mail.
        let whole = traces(&mut session);
        let mut headers = Vec::new();
        let uids: Vec<Uid> = whole.iter().map(|mail| mail.uid).collect();
        session.headers(&uids, |trace, _| headers.push(trace)).unwrap();
        assert_eq!(headers, whole);
    }

    #[test]
    fn a_stop_ends_reading_after_the_batch_and_leaves_the_session_whole() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 600);
        let stop = Stop::new().unwrap();
        let mut session = server.session_with(&stop);
        session.select(&Folder::inbox()).unwrap();
        let mut batches = 0;
        let fault = session
            .heads(Range::From(Uid(1)), |_| {
                batches += 1;
                stop.stop()
            })
            .unwrap_err();
        assert!(fault.is_stop() && batches == 1 && !session.is_spent(), "{fault:?}");
        session.logout().unwrap();
    }
}

mod folders {
    use super::*;

    fn check(options: &Options, written: &str, wire: &str) {
        let Some(server) = Dovecot::start(options) else { return };
        let mut session = server.session();
        let wanted = folder(written);
        assert!(session.ensure_folder(&wanted).unwrap(), "{written} was there");
        assert!(!session.ensure_folder(&wanted).unwrap(), "{written} was made twice");
        assert!(session.folders().unwrap().contains(&wanted));
        assert!(
            server.client().subscribed().contains(&wire.to_owned()),
            "{:?}",
            server.client().subscribed()
        );
        assert!(session.landings(std::slice::from_ref(&wanted)).unwrap().contains_key(&wanted));
        // And so it is called in a session that finds it.
        let mut session = server.session();
        assert!(!session.ensure_folder(&wanted).unwrap());
        assert_eq!(session.select(&wanted).unwrap().exists, 0);
    }

    #[test]
    fn a_nested_folder_is_made_and_subscribed_to() {
        check(&Options::default(), "Followers/Numbers game", "Followers/Numbers game");
    }

    #[test]
    fn a_folder_goes_below_the_inbox_where_the_server_keeps_all_there() {
        check(
            &Options { prefix: "INBOX.", separator: '.', ..Options::default() },
            "Followers/Spam",
            "INBOX.Followers.Spam",
        );
    }

    #[test]
    fn a_name_may_have_any_letters_quotes_and_wildcards() {
        check(
            &Options { format: "sdbox", ..Options::default() },
            "Büro & \"Co\" 日本/50% *",
            "B&APw-ro &- \"Co\" &ZeVnLA-/50% *",
        );
    }

    #[test]
    fn a_name_that_the_server_cannot_have_is_left() {
        let Some(server) = Dovecot::start(&Options { separator: '.', ..Options::default() }) else { return };
        let mut session = server.session();
        let fault = session.ensure_folder(&folder("v1.0")).unwrap_err();
        assert!(matches!(fault.cause, Cause::Name(_)), "{fault:?}");
        assert_eq!((fault.fate(), session.is_spent()), (Fate::Leave, false));
    }

    #[test]
    fn a_folder_that_is_not_there_is_left() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let mut session = server.session();
        let fault = session.select(&folder("Nowhere")).unwrap_err();
        assert_eq!((fault.fate(), session.is_spent()), (Fate::Leave, false), "{fault:?}");
        assert_eq!(fault.to_string(), "could not open \"Nowhere\"");
        assert!(session.landings(&[folder("Nowhere")]).unwrap().is_empty());
    }
}

mod moving {
    use super::*;

    const RUNGS: [(&[&str], Relocation); 3] = [
        (&[], Relocation::Move),
        (&["MOVE"], Relocation::CopyThenExpunge),
        (&["MOVE", "UIDPLUS"], Relocation::CopyThenFlag),
    ];

    /// Runs `check` on a server of each rung.
    fn on_each_rung(check: impl Fn(&Dovecot, Relocation)) {
        for (without, relocation) in RUNGS {
            let Some(server) = Dovecot::start(&Options { without: without.to_vec(), ..Options::default() })
            else {
                return;
            };
            assert_eq!(server.session().relocation(), relocation);
            check(&server, relocation);
        }
    }

    /// The mails of a snapshot that are not marked \Deleted, whatever their UIDs.
    fn live(server: &Dovecot, folder: &str) -> Vec<(String, Vec<u8>)> {
        let mails = server.snapshot().remove(folder).unwrap_or_default();
        let alive = mails.into_iter().filter(|mail| !mail.flags.contains(&"\\Deleted".to_owned()));
        let mut kept: Vec<_> = alive.map(|mail| (mail.date, mail.bytes)).collect();
        kept.sort();
        kept
    }

    #[test]
    fn a_set_is_moved_unaltered_on_every_rung() {
        on_each_rung(|server, relocation| {
            deliver(server, 20);
            let before = live(server, "INBOX");
            let mut session = server.session();
            let outcomes = move_all(&mut session, "Followers/Spam");
            assert_eq!(outcomes.len(), 20);
            assert!(
                outcomes.values().all(|outcome| matches!(outcome, Outcome::Moved { uid: Some(_) })),
                "{outcomes:?}"
            );
            assert_eq!(live(server, "Followers/Spam"), before, "{relocation:?}");
            assert!(live(server, "INBOX").is_empty());
            let left = server.snapshot()["INBOX"].len();
            assert_eq!(left, if relocation == Relocation::CopyThenFlag { 20 } else { 0 });
            // And where they are said to be.
            let there: Vec<u32> = server.snapshot()["Followers/Spam"].iter().map(|mail| mail.uid).collect();
            let told: Vec<u32> = outcomes
                .values()
                .filter_map(|outcome| match outcome {
                    Outcome::Moved { uid: Some(uid) } => Some(uid.0),
                    _ => None,
                })
                .collect();
            assert_eq!(told, there);
        });
    }

    #[test]
    fn what_the_user_marked_is_never_expunged_and_what_he_touched_is_left() {
        on_each_rung(|server, _| {
            deliver(server, 6);
            let mut session = server.session();
            session.select(&Folder::inbox()).unwrap();
            let mails = traces(&mut session);
            // Meanwhile, in another client.
            let mut client = server.client();
            client.select("INBOX");
            client.run("UID STORE 1 +FLAGS (\\Deleted)");
            client.run("UID STORE 2 +FLAGS (\\Flagged)");
            client.run("UID STORE 3 +FLAGS (\\Answered)");
            client.run("UID STORE 4 +FLAGS (\\Deleted)");
            client.run("UID EXPUNGE 4");
            let plans = session.prepare(vec![Errand { to: folder("Spam"), mails }]).unwrap();
            let left: BTreeMap<Uid, Outcome> = plans[0].left.iter().cloned().collect();
            assert_eq!(left[&Uid(1)], Outcome::Left(Reason::Deleted));
            assert_eq!(left[&Uid(2)], Outcome::Left(Reason::Touched));
            assert_eq!(left[&Uid(3)], Outcome::Left(Reason::Touched));
            // Gone, or as the server told it last.
            assert!(matches!(left[&Uid(4)], Outcome::Gone | Outcome::Left(Reason::Deleted)));
            assert_eq!(plans[0].mails.iter().map(|mail| mail.uid.0).collect::<Vec<_>>(), [5, 6]);
            let _ = session.act(plans).unwrap();
            let inbox = server.snapshot().remove("INBOX").unwrap();
            let kept: Vec<u32> = inbox.iter().map(|mail| mail.uid).filter(|uid| *uid < 5).collect();
            assert_eq!(kept, [1, 2, 3]);
            assert_eq!(server.snapshot()["Spam"].len(), 2);
        });
    }

    #[test]
    fn a_mail_that_vanishes_after_the_plan_is_gone_and_not_moved() {
        on_each_rung(|server, _| {
            deliver(server, 2);
            let mut session = server.session();
            session.select(&Folder::inbox()).unwrap();
            let mails = traces(&mut session);
            let plans = session.prepare(vec![Errand { to: folder("Spam"), mails }]).unwrap();
            let mut client = server.client();
            client.select("INBOX");
            client.run("UID STORE 1 +FLAGS (\\Deleted)");
            client.run("UID EXPUNGE 1");
            let outcomes = session.act(plans).unwrap().remove(0).outcomes;
            assert_eq!(outcomes[&Uid(1)], Outcome::Gone);
            assert!(matches!(outcomes[&Uid(2)], Outcome::Moved { .. }), "{outcomes:?}");
            assert_eq!((live(server, "Spam").len(), live(server, "INBOX").len()), (1, 0));
            // The source is open again for whoever goes on.
            assert_eq!(session.opened().unwrap().folder, Folder::inbox());
        });
    }

    #[test]
    fn twins_are_moved_both() {
        on_each_rung(|server, _| {
            let mut client = server.client();
            for _ in 0..3 {
                client.deliver("INBOX", &mail(7, 500));
            }
            let outcomes = move_all(&mut server.session(), "Spam");
            assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Moved { .. })));
            assert_eq!((live(server, "INBOX").len(), live(server, "Spam").len()), (0, 3));
        });
    }

    #[test]
    fn a_full_target_leaves_every_mail_where_it_was() {
        let conf = "mail_plugins = quota\nplugin {\n  quota = count:User\n  quota_vsizes = yes\n  quota_rule = *:messages=5\n  \
                    quota_rule2 = Spam:messages=+0\n  quota_grace = 0%%\n}\n";
        let options = Options { without: vec!["MOVE"], conf: conf.to_owned(), ..Options::default() };
        let Some(server) = Dovecot::start(&options) else { return };
        deliver(&server, 5);
        let before = live(&server, "INBOX");
        let mut session = server.session();
        let outcomes = move_all(&mut session, "Spam");
        for outcome in outcomes.values() {
            assert!(
                matches!(outcome, Outcome::Left(Reason::Refused(words)) if words.contains("OVERQUOTA")),
                "{outcome:?}"
            );
        }
        assert_eq!(live(&server, "INBOX"), before);
        assert!(!session.is_spent());
    }

    #[test]
    fn a_target_that_cannot_be_made_leaves_the_mails_with_a_reason() {
        let Some(server) = Dovecot::start(&Options { separator: '.', ..Options::default() }) else { return };
        deliver(&server, 1);
        let outcomes = move_all(&mut server.session(), "v1.0");
        assert!(
            matches!(&outcomes[&Uid(1)], Outcome::Left(Reason::Refused(words)) if words.contains("separates levels"))
        );
    }

    #[test]
    fn a_target_that_was_deleted_meanwhile_is_made_again() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 1);
        let mut session = server.session();
        assert!(session.ensure_folder(&folder("Spam")).unwrap());
        server.client().run("DELETE Spam");
        assert!(matches!(move_all(&mut session, "Spam")[&Uid(1)], Outcome::Moved { .. }));
    }

    #[test]
    fn a_mail_can_go_back_to_the_inbox() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        server.client().run("CREATE Spam");
        server.client().deliver("Spam", &mail(1, 500));
        let mut session = server.session();
        session.select(&folder("Spam")).unwrap();
        let mails = traces(&mut session);
        let plans = session.prepare(vec![Errand { to: Folder::inbox(), mails }]).unwrap();
        let _ = session.act(plans).unwrap();
        assert_eq!((live(&server, "INBOX").len(), live(&server, "Spam").len()), (1, 0));
    }

    #[test]
    fn a_folder_that_cannot_be_changed_leaves_its_mails() {
        let conf = "mail_plugins = acl\nplugin {\n  acl = vfile:ACLS\n}\n";
        for without in [&[][..], &["MOVE"]] {
            let acls = tempfile::NamedTempFile::new().unwrap();
            std::fs::set_permissions(acls.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .unwrap();
            // May look, mark as seen, and add; not delete.
            std::fs::write(acls.path(), "INBOX owner lrswi\n").unwrap();
            let conf = conf.replace("ACLS", &acls.path().display().to_string());
            let Some(server) =
                Dovecot::start(&Options { without: without.to_vec(), conf, ..Options::default() })
            else {
                return;
            };
            deliver(&server, 2);
            let before = server.snapshot();
            let outcomes = move_all(&mut server.session(), "Spam");
            assert!(
                outcomes.values().all(|outcome| *outcome == Outcome::Left(Reason::ReadOnly)),
                "{outcomes:?}"
            );
            assert_eq!(server.snapshot(), before);
        }
    }

    #[test]
    fn marks_are_set_where_they_are_meant() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 3);
        let mut session = server.session();
        let here = session.select(&Folder::inbox()).unwrap();
        session
            .mark(&here.folder, here.validity, &[Uid(1), Uid(3)], Marks { seen: true, flagged: false })
            .unwrap();
        session.mark(&here.folder, here.validity, &[Uid(2)], Marks { seen: false, flagged: true }).unwrap();
        let flags: Vec<String> = server.snapshot()["INBOX"].iter().map(|mail| mail.flags.join(" ")).collect();
        assert_eq!(flags, ["\\Seen", "\\Flagged", "\\Seen"]);
        let other = UidValidity(here.validity.0 + 1);
        let fault =
            session.mark(&here.folder, other, &[Uid(1)], Marks { seen: false, flagged: true }).unwrap_err();
        assert!(matches!(fault.cause, Cause::Void));
    }

    #[test]
    fn a_sweep_of_a_thousand_mails_takes_sixteen_turns() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        deliver(&server, 1_000);
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mut mails = traces(&mut session);
        assert_eq!(mails.len(), 1_000);
        let spam: Vec<Trace> = mails.drain(..300).collect();
        let game: Vec<Trace> = mails.drain(..200).collect();
        let plans = session
            .prepare(vec![
                Errand { to: folder("Followers/Spam"), mails: spam },
                Errand { to: folder("Followers/Numbers game"), mails: game },
            ])
            .unwrap();
        let moved: usize = session.act(plans).unwrap().iter().map(|relocated| relocated.outcomes.len()).sum();
        assert_eq!(moved, 500);
        // Both folders had to be made. One turn is left for the LOGOUT.
        assert!(session.turns() < 16, "{} turns", session.turns());
        session.logout().unwrap();
        assert_eq!(live(&server, "INBOX").len(), 500);
    }
}

mod settling {
    use super::*;

    /// Three mails planned for Spam, and what the ledger would remember of them.
    fn planned(server: &Dovecot) -> Vec<Pending> {
        deliver(server, 3);
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mails = traces(&mut session);
        let plan = session.prepare(vec![Errand { to: folder("Spam"), mails }]).unwrap().remove(0);
        plan.mails
            .iter()
            .map(|mail| Pending {
                from: plan.from.clone(),
                validity: plan.validity,
                mail: *mail,
                to: plan.to.clone(),
                landing: plan.landing.unwrap(),
            })
            .collect()
    }

    #[test]
    fn each_state_of_an_interrupted_move_is_told_and_finished() {
        for without in [&[][..], &["MOVE"], &["MOVE", "UIDPLUS"]] {
            let Some(server) = Dovecot::start(&Options { without: without.to_vec(), ..Options::default() })
            else {
                return;
            };
            let pending = planned(&server);
            let mut client = server.client();
            // Noise: the same mail was in the target before; one alike, but not the same, comes after.
            client.select("INBOX");
            client.run("UID MOVE 1 \"Spam\"");
            client.run("UID COPY 2 \"Spam\"");
            client.deliver("Spam", &mail(3, 2_500));
            let mut session = server.session();
            let settled = session.settle(&pending).unwrap();
            let validity = pending[0].landing.validity;
            let spam = folder("Spam");
            assert_eq!(settled[0], Settled::InTarget { folder: spam.clone(), validity, uid: Uid(1) });
            assert_eq!(settled[1], Settled::InTarget { folder: spam, validity, uid: Uid(2) });
            assert_eq!(settled[2], Settled::InSource);
            let inbox = server.snapshot().remove("INBOX").unwrap();
            let live: Vec<u32> =
                inbox.iter().filter(|mail| mail.flags.is_empty()).map(|mail| mail.uid).collect();
            assert_eq!(live, [3], "{without:?}");
            // Asked again, it says the same.
            assert_eq!(session.settle(&pending).unwrap(), settled);
        }
    }

    #[test]
    fn a_copy_whose_original_the_user_starred_is_taken_back() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let pending = planned(&server);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID COPY 1 \"Spam\"");
        client.run("UID STORE 1 +FLAGS (\\Flagged)");
        client.run("UID STORE 2 +FLAGS (\\Deleted)");
        client.run("UID EXPUNGE 2");
        let settled = server.session().settle(&pending).unwrap();
        assert_eq!(settled[0], Settled::InSource);
        assert!(server.snapshot()["Spam"].is_empty());
        assert_eq!(settled[1], Settled::Nowhere);
        assert_eq!(server.snapshot()["INBOX"].len(), 2);
    }

    #[test]
    fn a_target_that_was_renamed_meanwhile_is_found_by_its_validity() {
        for without in [&[][..], &["MOVE"], &["MOVE", "UIDPLUS"]] {
            let options = Options { without: without.to_vec(), ..Options::default() };
            let Some(server) = Dovecot::start(&options) else { return };
            let pending = planned(&server);
            let mut client = server.client();
            client.select("INBOX");
            client.run("UID COPY 1 Spam");
            client.run("RENAME Spam Elsewhere");
            // A new folder of the old name is no longer the target.
            client.run("CREATE Spam");
            let settled = server.session().settle(&pending).unwrap();
            let validity = pending[0].landing.validity;
            assert_eq!(settled[0], Settled::InTarget { folder: folder("Elsewhere"), validity, uid: Uid(1) });
            assert_eq!(settled[1..], [Settled::InSource, Settled::InSource]);
            let live = |name: &str| {
                let mails = server.snapshot().remove(name).unwrap();
                mails.iter().filter(|mail| !mail.flags.contains(&"\\Deleted".to_owned())).count()
            };
            assert_eq!((live("INBOX"), live("Elsewhere"), live("Spam")), (2, 1, 0));
        }
    }

    #[test]
    fn a_copy_that_was_taken_back_proves_nothing() {
        let Some(server) =
            Dovecot::start(&Options { without: vec!["MOVE", "UIDPLUS"], ..Options::default() })
        else {
            return;
        };
        let pending = planned(&server);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID COPY 1 Spam");
        client.select("Spam");
        client.run("UID STORE 1 +FLAGS (\\Deleted)");
        assert_eq!(server.session().settle(&pending).unwrap(), vec![Settled::InSource; 3]);
    }

    #[test]
    fn a_mail_that_was_in_the_target_before_proves_nothing() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let mut client = server.client();
        client.run("CREATE Spam");
        client.deliver("Spam", &mail(1, 2_000));
        let pending = planned(&server);
        assert_eq!(server.session().settle(&pending).unwrap(), vec![Settled::InSource; 3]);
        assert_eq!(server.snapshot()["INBOX"].len(), 3);
    }

    #[test]
    fn folders_made_anew_are_told_apart() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let mut pending = planned(&server);
        for one in &mut pending {
            one.validity = UidValidity(one.validity.0 + 1);
        }
        assert_eq!(server.session().settle(&pending).unwrap(), vec![Settled::Unknown; 3]);
        let mut client = server.client();
        client.run("DELETE Spam");
        assert_eq!(server.session().settle(&pending).unwrap(), vec![Settled::Unknown; 3]);
        assert_eq!(server.snapshot()["INBOX"].len(), 3);
    }
}

mod waiting {
    use super::*;

    #[test]
    fn new_mail_a_deadline_and_a_stop_each_end_a_wait() {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let stop = Stop::new().unwrap();
        let mut session = server.session_with(&stop);
        session.select(&Folder::inbox()).unwrap();
        assert_eq!(session.wait(Instant::now() + Duration::from_millis(200)).unwrap(), Woken::Due);

        let far = Instant::now() + Duration::from_secs(60);
        let mut client = server.client();
        let courier = std::thread::spawn(move || {
            support::pause(Duration::from_millis(300));
            client.deliver("INBOX", &mail(1, 500));
        });
        assert_eq!(session.wait(far).unwrap(), Woken::Mail);
        courier.join().unwrap();
        assert_eq!(session.select(&Folder::inbox()).unwrap().exists, 1);

        let bell = stop.clone();
        let ringer = std::thread::spawn(move || {
            support::pause(Duration::from_millis(200));
            bell.stop();
        });
        let begin = Instant::now();
        assert_eq!(session.wait(far).unwrap(), Woken::Stop);
        assert!(begin.elapsed() < Duration::from_secs(2));
        ringer.join().unwrap();
        session.logout().unwrap();
    }

    #[test]
    fn a_server_that_dies_ends_a_wait() {
        let Some(mut server) = Dovecot::start(&Options::default()) else { return };
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let killer = std::thread::spawn(move || {
            support::pause(Duration::from_millis(300));
            server.kill();
        });
        let fault = session.wait(Instant::now() + Duration::from_secs(60)).unwrap_err();
        killer.join().unwrap();
        assert_eq!(
            (fault.doing, fault.fate(), session.is_spent()),
            (Step::Wait, Fate::Retry, true),
            "{fault:?}"
        );
    }
}

mod lying {
    use super::*;

    const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n";
    const LOGIN: (&str, &str) = ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS] in\r\n");
    const SELECT: (&str, &str) = (
        "SELECT",
        "* 2 EXISTS\r\n* NO [ALERT] the disk is nearly full\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK [READ-WRITE] x\r\n",
    );
    const FLAGS: (&str, &str) = (
        "UID FETCH 1:2 (UID FLAGS)",
        "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n",
    );
    const LIST: (&str, &str) = ("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Spam\r\nTAG OK x\r\n");
    const STATUS: (&str, &str) = ("STATUS", "* STATUS Spam (UIDVALIDITY 9 UIDNEXT 100)\r\nTAG OK x\r\n");

    fn two() -> Vec<Trace> {
        [1, 2]
            .map(|uid| Trace {
                uid: Uid(uid),
                identity: MailIdentity { size: 10, digest: MailDigest::of(b"") },
            })
            .to_vec()
    }

    /// Plans to move two mails to Spam, and moves them.
    fn act(fake: &Fake) -> Result<BTreeMap<Uid, Outcome>, Fault> {
        let mut session = connect(&fake.account(), &login_with("x"))?;
        session.select(&Folder::inbox())?;
        let plans = session.prepare(vec![Errand { to: folder("Spam"), mails: two() }])?;
        assert_eq!(plans[0].landing, Some(Landing { validity: UidValidity(9), next: Uid(100) }));
        Ok(session.act(plans)?.remove(0).outcomes)
    }

    #[test]
    fn an_ok_to_a_move_proves_nothing() {
        let fake = Fake::start(GREETING, &[LOGIN, SELECT, FLAGS, LIST, STATUS, FLAGS]);
        let outcomes = act(&fake).unwrap();
        assert_eq!(
            outcomes.values().collect::<Vec<_>>(),
            [&Outcome::Left(Reason::Unproven), &Outcome::Left(Reason::Unproven)]
        );
    }

    #[test]
    fn a_copyuid_that_lies_is_looked_into() {
        let script = &[
            LOGIN,
            SELECT,
            FLAGS,
            LIST,
            STATUS,
            ("UID MOVE", "* OK [COPYUID 9 1:2 50:51] there\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nTAG OK x\r\n"),
            ("EXAMINE", "* 0 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 100] x\r\nTAG OK x\r\n"),
            SELECT,
        ];
        let fake = Fake::start(GREETING, script);
        assert_eq!(act(&fake).unwrap().values().collect::<Vec<_>>(), [&Outcome::Gone, &Outcome::Gone]);
    }

    #[test]
    fn a_no_in_the_middle_of_a_move_is_looked_into() {
        let script = &[
            LOGIN,
            SELECT,
            FLAGS,
            LIST,
            STATUS,
            ("UID MOVE", "* OK [COPYUID 9 1 100] x\r\n* 1 EXPUNGE\r\nTAG NO [OVERQUOTA] full\r\n"),
            ("UID FETCH 1:2 (UID FLAGS)", "* 1 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n"),
            ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
            (
                "UID FETCH 100:100",
                "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
            ),
            SELECT,
        ];
        let fake = Fake::start(GREETING, script);
        let outcomes = act(&fake).unwrap();
        assert_eq!(outcomes[&Uid(1)], Outcome::Moved { uid: Some(Uid(100)) });
        assert!(matches!(&outcomes[&Uid(2)], Outcome::Left(Reason::Refused(_))));
    }

    /// A MOVE that is made of COPY, STORE and EXPUNGE, and fails in the middle of them. `later` is how the first mail is seen
    /// at a second look at the inbox.
    fn half_a_move(original: &str, later: &str) -> (Vec<Outcome>, Vec<String>) {
        let later = format!("{later}TAG OK x\r\n");
        let flags =
            format!("* 1 FETCH (UID 1 FLAGS ({original}))\r\n* 2 FETCH (UID 2 FLAGS ())\r\nTAG OK x\r\n");
        let script = &[
            LOGIN,
            SELECT,
            FLAGS,
            LIST,
            STATUS,
            ("UID MOVE", "TAG NO [NOPERM] not yours\r\n"),
            ("UID FETCH 1:2 (UID FLAGS)", flags.as_str()),
            ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 101] x\r\nTAG OK x\r\n"),
            (
                "UID FETCH 100:100",
                "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
            ),
            ("SELECT \"Spam\"", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
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
    fn a_move_that_fails_in_the_middle_leaves_each_mail_in_one_place() {
        const HERE: &str = "* 1 FETCH (UID 1 FLAGS ())\r\n";
        let (outcomes, commands) = half_a_move("", HERE);
        assert!(
            outcomes.iter().all(|outcome| matches!(outcome, Outcome::Left(Reason::Refused(_)))),
            "{outcomes:?}"
        );
        assert!(commands.contains(&"UID EXPUNGE 100".to_owned()), "the copy was taken back: {commands:?}");
        // Here the original is as good as gone, and the copy is all there is; or another program's MOVE has made the copy, and
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
            FLAGS,
            LIST,
            STATUS,
            // Says that both were copied; shows one, of another size.
            ("UID COPY", "TAG OK [COPYUID 9 1:2 100:101] copied\r\n"),
            ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
            (
                "UID FETCH 100:101",
                "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 11 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
            ),
            SELECT,
            FLAGS,
        ];
        let fake = Fake::start(GREETING, script);
        let outcomes = act(&fake).unwrap();
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Left(Reason::Unproven)), "{outcomes:?}");
        let commands = fake.commands();
        assert!(
            !commands.iter().any(|command| command.contains("STORE") || command.contains("EXPUNGE")),
            "{commands:?}"
        );
    }

    #[test]
    fn a_copy_is_taken_back_where_its_original_cannot_be_removed() {
        let script = &[
            ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"),
            SELECT,
            FLAGS,
            LIST,
            STATUS,
            ("EXAMINE", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT 102] x\r\nTAG OK x\r\n"),
            (
                "UID FETCH 100:101",
                "* 1 FETCH (UID 100 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\n\
                 * 2 FETCH (UID 101 FLAGS () RFC822.SIZE 10 BODY[HEADER]<0> {2}\r\n\r\n)\r\nTAG OK x\r\n",
            ),
            SELECT,
            FLAGS,
            ("UID STORE 1:2", "TAG NO [NOPERM] not yours\r\n"),
            FLAGS,
            ("SELECT \"Spam\"", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\nTAG OK x\r\n"),
            (
                "UID STORE 100:101",
                "* 1 FETCH (UID 100 FLAGS (\\Deleted))\r\n* 2 FETCH (UID 101 FLAGS (\\Deleted))\r\nTAG OK x\r\n",
            ),
            SELECT,
        ];
        let fake = Fake::start(GREETING, script);
        let outcomes = act(&fake).unwrap();
        assert!(
            outcomes.values().all(|outcome| matches!(outcome, Outcome::Left(Reason::Refused(_)))),
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
            if answer.starts_with("* BYE") {
                // A server that says goodbye goes.
                continue;
            }
            let fault = session.select(&Folder::inbox()).unwrap_err();
            assert_eq!((fault.fate(), session.is_spent()), (Fate::Retry, true), "{answer:?}: {fault:?}");
        }
    }

    #[test]
    fn brackets_without_end_do_not_exhaust_the_stack() {
        let nested = format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(100_000));
        let fake = Fake::start(GREETING, &[LOGIN, ("SELECT", &nested)]);
        let mut session = connect(&fake.account(), &login_with("x")).unwrap();
        assert!(matches!(session.select(&Folder::inbox()).unwrap_err().cause, Cause::Garbled(_)));
    }

    #[test]
    fn a_session_says_only_what_it_may() {
        let fake = Fake::start(GREETING, &[LOGIN]);
        connect(&fake.account(), &login_with("x")).unwrap().logout().unwrap();
        assert_eq!(fake.commands(), ["LOGIN \"ann\" \"x\"", "LOGOUT"]);
    }
}

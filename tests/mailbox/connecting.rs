//! Connecting and logging in, at the level of a session: which fault follows, and whether followsift retries. What a
//! person sees is tested in `sweep/connecting.rs` and `daemon/login.rs`.

use std::io::Read as _;

use super::*;

#[test]
fn a_session_knows_what_the_server_can_and_how_messages_move() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let session = server.session();
    assert!(session.capabilities().idle && session.capabilities().uidplus);
    assert_eq!(session.relocation(), Relocation::Move);
    // One for the login: Dovecot announces its capabilities unasked.
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
    let Some(server) = Dovecot::start(&Options { certified: "other.example", ..Options::default() }) else {
        return;
    };
    let fault = connect(&server.account(), &login()).unwrap_err();
    assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park));
    let said = fault.source().unwrap().to_string();
    assert!(
        said.starts_with("its certificate is not for localhost (for other.example, issued by "),
        "{said}"
    );
}

#[test]
fn starttls_on_a_port_that_speaks_tls_from_the_start_is_reported_within_seconds() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let begun = Instant::now();
    let account = Account { tls: Tls::StartTls, ..server.account() };
    let fault = connect(&account, &login()).unwrap_err();
    assert!(matches!(fault.cause, Cause::TlsAlready), "{fault:?}");
    assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let said = fault.source().unwrap().to_string();
    assert!(said.contains("is it `tls = \"implicit\"`?"), "{said}");
}

#[test]
fn a_port_that_speaks_no_tls_is_reported_in_words() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let fault = connect(&Account { port: server.port, ..server.account() }, &login()).unwrap_err();
    assert!(fault.source().unwrap().to_string().contains("is it `tls = \"starttls\"`?"), "{fault:?}");
}

#[test]
fn an_unknown_authority_parks_the_account() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let fault = connect(&Account { ca_file: None, ..server.account() }, &login()).unwrap_err();
    assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park));
    let said = fault.source().unwrap().to_string();
    let expected = "this machine does not trust the issuer of its certificate (for localhost, issued by ";
    assert!(said.starts_with(expected) && !said.contains(".c:"), "{said}");
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_a_finding() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(file.path(), text).unwrap();
        let fault = Connector::new(Some(file.path())).unwrap_err();
        assert_eq!((fault.doing, fault.fate()), (Step::Trust, Fate::Park));
        let said = fault.source().unwrap().to_string();
        assert!(!said.contains("error:0") && !said.contains(".c:"), "{said}");
    }
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
    let fake = Fake::start("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", &[("STARTTLS", "TAG BAD no\r\n")]);
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
    let fault = connect(&account, &login()).unwrap_err();
    assert!(matches!(fault.cause, Cause::Injected), "{fault:?}");
    assert_eq!(fault.fate(), Fate::Park);
    let said = fault.source().unwrap().to_string();
    assert!(!said.contains("tls ="), "advice to set what is set: {said}");
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
    let fault = Session::connect(&account, &login(), || Ok(connector), &stop).unwrap_err();
    ringer.join().unwrap();
    assert!(fault.is_stop(), "{fault:?}");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

/// To read the system's authorities takes as long as a round trip or two.
#[test]
fn a_server_is_reached_before_it_is_asked_whom_to_trust() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let account = support::account("127.0.0.1", listener.local_addr().unwrap().port(), Tls::Implicit);
    let mut has_come = None;
    let connector = || {
        has_come = listener.accept().ok();
        Connector::new(Some(std::path::Path::new("/no/such/file")))
    };
    let fault = Session::connect(&account, &login(), connector, &Stop::new().unwrap()).unwrap_err();
    assert_eq!((fault.doing, fault.fate()), (Step::Trust, Fate::Park), "{fault:?}");
    // And then nothing was sent.
    let (mut stream, _) = has_come.unwrap();
    stream.set_nonblocking(false).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
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
fn a_greeting_that_refuses_shows_its_words_and_is_met_again() {
    for greeting in [
        "* NO LOGOUT Intrusion prevention active for 192.0.2.1\r\n",
        "NO LOGOUT Intrusion prevention active for 192.0.2.1\r\n",
        "* NO [ALERT] Too many connections, Intrusion prevention active\r\n",
        "* BYE [CONTACTADMIN] Intrusion prevention active\r\n",
        "* BAD Intrusion prevention active\r\n",
    ] {
        for tls in [Tls::Off, Tls::StartTls] {
            let fake = Fake::start(greeting, &[]);
            let fault = connect(&Account { tls, ..fake.account() }, &login()).unwrap_err();
            assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Retry), "{greeting} {fault:?}");
            let said = fault.source().unwrap().to_string();
            assert!(said.contains("Intrusion prevention active"), "{greeting} {said}");
            assert!(fake.commands().is_empty(), "{greeting}");
        }
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

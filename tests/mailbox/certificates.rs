//! Which certificates, protocols and ciphers a connection trusts, tried against `openssl s_server`, which prints what it receives:
//! the login with the right certificate, and nothing otherwise.

use std::fs;
use std::io::Write as _;

use super::*;
use crate::support::certificate_authority::{Authority, CERTIFICATES, KEY, Server};

/// It must never reach a server that is not trusted.
const PASSWORD: &str = "hunter2";

/// Tries to log in, and says why that failed and what arrived. The server knows no answer to a login, so it is ended then.
fn meet(mut server: Server, account: &Account) -> (Fault, String) {
    let account = Account { host: "localhost".to_owned(), port: server.port, ..account.clone() };
    let connector = Connector::of(&account).unwrap();
    let fault = std::thread::scope(|scope| {
        let stop = Stop::new().unwrap();
        let connecting = scope.spawn(move || {
            Session::connect(&account, &login_with(PASSWORD), || Ok(connector), &stop).unwrap_err()
        });
        while !connecting.is_finished() {
            // More than once, since the first may go to the connection by which we saw that it listens.
            let _ = server.stdin.write_all(b"* OK [CAPABILITY IMAP4rev1] hi\r\n");
            if server.heard.lock().unwrap().contains(PASSWORD) {
                let _ = server.child.kill();
            }
            support::pause(Duration::from_millis(20));
        }
        connecting.join().unwrap()
    });
    (fault, server.stop())
}

fn account(authority: &Authority) -> Account {
    Account { ca_file: Some(authority.file("ca.pem")), ..support::account("localhost", 0, Tls::Implicit) }
}

#[test]
fn the_password_is_sent_to_the_right_certificate_alone() {
    let authority = Authority::new();
    let trusting = account(&authority);
    for (name, ..) in CERTIFICATES {
        let (fault, heard) = meet(authority.serve(name, ""), &trusting);
        if name == "good" {
            // Else the test shows nothing.
            assert!(heard.contains(PASSWORD), "{fault:?}");
            continue;
        }
        assert_eq!(heard, "", "{name}: {fault:?}");
        assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Park), "{name}: {fault:?}");
        let issuer = if name == "self-signed" { "localhost" } else { "followsift-test-authority" };
        let (reason, issuer, host) = match name {
            "cn-alone" => ("its certificate is not for localhost", issuer, "other.example"),
            "other-name" => ("its certificate is not for localhost", issuer, "other.example"),
            "wildcard" => ("its certificate is not for localhost", issuer, "*, *.localhost, local*"),
            "expired" => ("its certificate has expired", issuer, "localhost"),
            "self-signed" => ("its certificate is self-signed, and not trusted", issuer, "localhost"),
            "leaf" => ("its certificate is not for localhost", issuer, "leaf.example"),
            "for-clients" => {
                ("its certificate is not trusted: unsuitable certificate purpose", issuer, "localhost")
            }
            "signed-by-leaf" => {
                ("its certificate is not trusted: invalid CA certificate", "leaf.example", "localhost")
            }
            "between" => ("its certificate is not for localhost", issuer, "between.example"),
            "no-chain" => {
                let reason = "this machine does not trust the issuer of its certificate";
                (reason, "between.example", "localhost")
            }
            other => panic!("{other}"),
        };
        let day = |days: i64| followsift::clock::Timestamp(authority.1.0 + days * 86_400).date();
        let until = if name == "expired" { day(-1) } else { day(2) };
        assert_eq!(
            fault.source().unwrap().to_string(),
            format!("{reason} (for {host}, issued by {issuer}, valid {} to {until})", day(0)),
            "{name}"
        );
    }
    // A pin is one certificate, whatever authority signed another.
    let pinned =
        |name: &str| Account { pin: Some(authority.fingerprint(name)), ca_file: None, ..trusting.clone() };
    let (fault, heard) = meet(authority.serve("good", ""), &pinned("self-signed"));
    assert!(heard.is_empty() && matches!(fault.cause, Cause::OtherCertificate(_)), "{heard} {fault:?}");
    let (fault, heard) = meet(authority.serve("self-signed", ""), &pinned("self-signed"));
    assert!(heard.contains(PASSWORD), "{fault:?}");
}

#[test]
fn a_certificate_that_is_not_valid_yet_gets_no_password_and_is_met_again_soon() {
    let authority = Authority::new();
    authority.certify_for_tomorrow("tomorrow", "subjectAltName=DNS:localhost");
    // The server's own certificate is valid, and one between it and the authority is not yet.
    authority.certify_for_tomorrow("authority-of-tomorrow", "basicConstraints=critical,CA:TRUE");
    fs::write(authority.file("extensions"), "subjectAltName=DNS:localhost").unwrap();
    authority.openssl(&format!(
        "req {KEY} -keyout signed-tomorrow.key -out signed-tomorrow.csr -subj /CN=localhost"
    ));
    authority.openssl(
        "x509 -req -in signed-tomorrow.csr -CA authority-of-tomorrow.pem -CAkey authority-of-tomorrow.key \
         -CAcreateserial -days 2 -extfile extensions -out signed-tomorrow.pem",
    );
    for name in ["tomorrow", "signed-tomorrow"] {
        let (fault, heard) = meet(authority.serve(name, ""), &account(&authority));
        assert_eq!(heard, "", "{name}: {fault:?}");
        let said = fault.source().unwrap().to_string();
        let its =
            if name == "tomorrow" { "its certificate" } else { "a certificate that its own depends on" };
        assert!(
            said.starts_with(&format!("{its} is not valid yet (for localhost, issued by ")),
            "{name}: {said}"
        );
        assert_eq!((fault.doing, fault.fate()), (Step::Connect, Fate::Retry), "{name}: {fault:?}");
        // So that a set clock ends the pause before the next try.
        assert!(fault.is_of_network(), "{name}: {fault:?}");
    }
}

#[test]
fn no_password_is_sent_over_a_protocol_or_a_cipher_that_proves_nothing() {
    let authority = Authority::new();
    let folder = authority.0.path();
    let pinned = Account { pin: Some(authority.fingerprint("good")), ca_file: None, ..account(&authority) };
    for how in [
        "-tls1 -cipher ALL:@SECLEVEL=0",
        "-tls1_1 -cipher ALL:@SECLEVEL=0",
        "-tls1_2 -cipher eNULL:@SECLEVEL=0",
        "-tls1_2 -cipher aNULL:@SECLEVEL=0",
    ] {
        for account in [&account(&authority), &pinned] {
            let server = authority.serve("good", how);
            assert!(server.talks(folder, how), "openssl cannot do {how}");
            let (fault, heard) = meet(server, account);
            assert_eq!(heard, "", "{how}: {fault:?}");
            assert_eq!(fault.doing, Step::Connect, "{how}: {fault:?}");
        }
    }
}

#[test]
fn nothing_is_said_in_clear_whatever_comes_before_starttls() {
    const HELLO: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n";
    const BARE: &str = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n";
    const GO: &str = "TAG OK go\r\n";
    for (greeting, answer) in [
        // Refused, and stripped.
        (HELLO, "TAG NO not now\r\n"),
        (HELLO, "TAG BAD what\r\n"),
        (HELLO, ""),
        (BARE, "TAG BAD what\r\n"),
        (BARE, "TAG NO [CAPABILITY IMAP4rev1 AUTH=PLAIN] no\r\n"),
        ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR STARTTLS] hi\r\n* BYE\r\n", "TAG BAD what\r\n"),
        // Words in the place of the handshake.
        (HELLO, "TAG OK go\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n"),
        (HELLO, "TAG OK go\r\n* PREAUTH welcome\r\n"),
        (HELLO, "TAG OK go\r\n\r\n"),
        (HELLO, "* OK go\r\nzz9 OK go\r\nTAG NO\r\n"),
        (HELLO, "TAG PREAUTH go\r\n"),
        // Logged in already, so that STARTTLS may not be asked for (RFC 9051, section 7.1.4).
        ("* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n", GO),
        ("* PREAUTH\r\n* OK hi\r\n", GO),
        ("* OK\r\n* PREAUTH welcome\r\n", "TAG NO\r\n"),
        ("* BYE\r\n", GO),
        ("+ go ahead\r\n", GO),
        ("s OK go\r\n", GO),
    ] {
        let fake = Fake::start(greeting, &[("STARTTLS", answer)]);
        let account = Account { tls: Tls::StartTls, ..fake.account() };
        let fault = connect(&account, &login_with(PASSWORD)).unwrap_err();
        assert_eq!(fault.doing, Step::Connect, "{greeting}{answer}: {fault:?}");
        // After a yes the handshake follows, and not a command.
        let commands = fake.commands();
        assert!(
            commands.iter().take(1).all(|command| command == "STARTTLS"),
            "{greeting}{answer}: {commands:?}"
        );
        let clear = commands.concat();
        assert!(!["LOGIN", "AUTH", PASSWORD].iter().any(|word| clear.contains(word)), "{clear}");
    }
}

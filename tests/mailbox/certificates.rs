//! Which certificates, protocols and ciphers a connection trusts, tried against `openssl s_server`, which prints what it receives:
//! the login with the right certificate, and nothing otherwise.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::*;
use followsift::settings::Fingerprint;

/// It must never reach a server that is not trusted.
const PASSWORD: &str = "hunter2";

/// A folder with the certificates of an authority, and when they were made.
struct Authority(tempfile::TempDir, followsift::clock::Timestamp);

/// Each certificate: its name, its subject, its extensions, who signs it, and for how many days it is good.
const CERTIFICATES: [(&str, &str, &str, &str, &str); 9] = [
    ("good", "localhost", "subjectAltName=DNS:localhost", "ca", "2"),
    // OpenSSL takes the common name for the host where no other is there (RFC 6125, section 6.4.4), and native-tls leaves no choice.
    ("cn-alone", "other.example", "basicConstraints=CA:FALSE", "ca", "2"),
    ("other-name", "localhost", "subjectAltName=DNS:other.example", "ca", "2"),
    ("wildcard", "localhost", "subjectAltName=DNS:*,DNS:*.localhost,DNS:local*", "ca", "2"),
    ("expired", "localhost", "subjectAltName=DNS:localhost", "ca", "-1"),
    ("for-clients", "localhost", "subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth", "ca", "2"),
    ("self-signed", "localhost", "subjectAltName=DNS:localhost", "self-signed", "2"),
    ("leaf", "leaf.example", "subjectAltName=DNS:leaf.example\nbasicConstraints=CA:FALSE", "ca", "2"),
    ("signed-by-leaf", "localhost", "subjectAltName=DNS:localhost", "leaf", "2"),
];

impl Authority {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap(), followsift::clock::now());
        it.openssl(&format!(
            "req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=followsift-test-authority"
        ));
        for (name, subject, extensions, signer, days) in CERTIFICATES {
            fs::write(it.file("extensions"), extensions).unwrap();
            it.openssl(&format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={subject}"));
            let by = match signer == name {
                true => format!("-signkey {name}.key"),
                false => format!("-CA {signer}.pem -CAkey {signer}.key -CAcreateserial"),
            };
            it.openssl(&format!(
                "x509 -req -in {name}.csr {by} -days {days} -extfile extensions -out {name}.pem"
            ));
        }
        it
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let output = openssl(self.0.path(), arguments).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a certificate that is not valid before tomorrow. Of OpenSSL's commands only `ca` takes a date.
    fn certify_for_tomorrow(&self, name: &str, extensions: &str) {
        let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\n\
                      default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\n";
        fs::write(self.file("config"), format!("{config}{extensions}\n")).unwrap();
        fs::write(self.file("index"), "").unwrap();
        let tomorrow = followsift::clock::Timestamp(followsift::clock::now().0 + 86_400);
        let day = tomorrow.date().replace('-', "");
        self.openssl(&format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        self.openssl(&format!(
            "ca -batch -notext -config config -extensions x -cert ca.pem -keyfile ca.key -startdate {day}235959Z \
             -days 9 -in {name}.csr -out {name}.pem"
        ));
    }

    /// The digest by which a certificate is pinned.
    fn fingerprint(&self, name: &str) -> Fingerprint {
        self.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        Fingerprint::of(&fs::read(self.file(&format!("{name}.der"))).unwrap())
    }

    /// A server with a certificate.
    fn serve(&self, certificate: &str, more: &str) -> Server {
        let chain = match certificate {
            // It shows its signer too, as if that were an authority.
            "signed-by-leaf" => "-cert_chain leaf.pem",
            "signed-tomorrow" => "-cert_chain authority-of-tomorrow.pem",
            _ => "",
        };
        Server::start(
            self.0.path(),
            &format!("-cert {certificate}.pem -key {certificate}.key {chain} {more}"),
        )
    }
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

fn openssl(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    command
}

/// `openssl s_server`, which notes what it is sent, and sends the greeting of an IMAP server.
struct Server {
    child: Child,
    stdin: ChildStdin,
    port: u16,
    heard: Arc<Mutex<String>>,
    listener: std::thread::JoinHandle<()>,
}

impl Server {
    fn start(folder: &Path, more: &str) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut child = openssl(folder, &format!("s_server -quiet -accept 127.0.0.1:{port} {more}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let heard: Arc<Mutex<String>> = Arc::default();
        let (mut stdout, noted) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&heard));
        let listener = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut piece) {
                noted.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        let stdin = child.stdin.take().unwrap();
        let server = Self { child, stdin, port, heard, listener };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "openssl s_server {more} does not listen");
            support::pause(Duration::from_millis(20));
        }
        server
    }

    /// Does it talk to a client that takes anything?
    fn talks(&self, folder: &Path, more: &str) -> bool {
        let client =
            openssl(folder, &format!("s_client -connect 127.0.0.1:{} {more}", self.port)).output().unwrap();
        let said = String::from_utf8_lossy(&client.stdout).into_owned();
        said.contains("Cipher is ") && !said.contains("Cipher is (NONE)")
    }

    /// Tries to log in, and says why that failed and what arrived. The server knows no answer to a login, so it is ended then.
    fn meet(mut self, account: &Account) -> (Fault, String) {
        let account = Account { host: "localhost".to_owned(), port: self.port, ..account.clone() };
        let connector = Connector::of(&account).unwrap();
        let fault = std::thread::scope(|scope| {
            let stop = Stop::new().unwrap();
            let connecting = scope.spawn(move || {
                Session::connect(&account, &login_with(PASSWORD), &connector, &stop).unwrap_err()
            });
            while !connecting.is_finished() {
                // More than once, since the first may go to the connection by which we saw that it listens.
                let _ = self.stdin.write_all(b"* OK [CAPABILITY IMAP4rev1] hi\r\n");
                if self.heard.lock().unwrap().contains(PASSWORD) {
                    let _ = self.child.kill();
                }
                support::pause(Duration::from_millis(20));
            }
            connecting.join().unwrap()
        });
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
        let heard = self.heard.lock().unwrap().clone();
        (fault, heard)
    }
}

fn account(authority: &Authority) -> Account {
    Account { ca_file: Some(authority.file("ca.pem")), ..support::account("localhost", 0, Tls::Implicit) }
}

#[test]
fn the_password_is_sent_to_the_right_certificate_alone() {
    let authority = Authority::new();
    let trusting = account(&authority);
    for (name, ..) in CERTIFICATES {
        let (fault, heard) = authority.serve(name, "").meet(&trusting);
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
    let (fault, heard) = authority.serve("good", "").meet(&pinned("self-signed"));
    assert!(heard.is_empty() && matches!(fault.cause, Cause::OtherCertificate(_)), "{heard} {fault:?}");
    let (fault, heard) = authority.serve("self-signed", "").meet(&pinned("self-signed"));
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
        let (fault, heard) = authority.serve(name, "").meet(&account(&authority));
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
            let (fault, heard) = server.meet(account);
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

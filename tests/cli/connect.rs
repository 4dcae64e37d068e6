//! What `check --connect` says of a server to which it cannot connect or log in: the fault, and what to do. The outputs are in
//! `connect.txt`, case by case; ports, folders, days and fingerprints are replaced by words.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use followsift::clock;
use followsift::mailbox::{Cause, Fault, Step, Subject};
use followsift::report;
use followsift::settings::{Fingerprint, Provider, Tls};
use followsift::sweep::AccountFault;
use followsift::trust::{Certificate, Distrust, DistrustReason};
use regex::Regex;

use super::*;
use crate::support::certificate_authority::Authority;
use crate::support::fake::Fake;
use crate::support::golden;
use crate::support::{Dovecot, Options};

/// In no output, whatever goes wrong.
const SECRET: &str = "hunter2-is-secret";

/// The outputs so far.
struct Report {
    home: UserFolder,
    text: String,
}

impl Report {
    fn new() -> Self {
        let home = UserFolder::new();
        home.write("password", format!("{SECRET}\n"));
        Self { home, text: String::new() }
    }

    /// Runs the command with an account of these keys, and adds what it prints.
    #[track_caller]
    fn add(&mut self, case: &str, account: &str) {
        let secret = if ["password-", "token-"].iter().any(|key| account.contains(key)) {
            ""
        } else {
            "password-file = \"password\"\n"
        };
        let settings = format!("state = \"state\"\n[accounts.home]\nuser = \"ann\"\n{secret}{account}\n");
        self.home.write("followsift.toml", settings);
        let begun = Instant::now();
        let run = self.home.run(&["check", "--connect"]);
        run.exits(75);
        assert!(begun.elapsed() < Duration::from_secs(20), "{case}: {:?}", begun.elapsed());
        let said = run.out();
        assert_eq!(run.err(), "", "{case}");
        assert!(
            !said.contains(SECRET) && !said.contains(".c:") && !said.contains("error:0"),
            "{case}: {said}"
        );
        writeln!(self.text, "# {case}\n\n{}", self.plain(&said).trim_end()).unwrap();
        self.text.push('\n');
    }

    /// Without what differs from run to run.
    fn plain(&self, said: &str) -> String {
        let said = said.replace(&self.home.path().display().to_string(), "HOME");
        [
            (r"(localhost|127\.0\.0\.1|invalid):[0-9]+", "$1:PORT"),
            (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "NOW"),
            (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "DAY"),
            (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
            (r"[^ ]+/([a-z-]+\.pem)", "FOLDER/$1"),
            (r"could not be resolved: .*", "could not be resolved: REASON"),
        ]
        .into_iter()
        .fold(said, |said, (pattern, word)| {
            Regex::new(pattern).unwrap().replace_all(&said, word).into_owned()
        })
    }
}

fn at(port: u16, tls: &str, more: &str) -> String {
    format!("host = \"localhost\"\nport = {port}\ntls = \"{tls}\"\n{more}")
}

#[test]
fn every_fault_on_the_way_to_the_server_is_named_with_what_to_do() {
    let authority = Authority::new();
    authority.certify_for_tomorrow("tomorrow", "subjectAltName=DNS:localhost");
    let mut report = Report::new();
    report.add("The name is not found.", "host = \"no-such-host.invalid\"\n");
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    report.add("Nothing listens.", &at(closed, "implicit", ""));
    report.add(
        "Nothing listens, and a bridge should.",
        &format!("provider = \"proton-bridge\"\nport = {closed}\n"),
    );
    let fake = Fake::start("* OK hi\r\n", &[]);
    report.add("The server does not speak TLS.", &at(fake.account().port, "implicit", ""));
    let trusting = format!("ca-file = \"{}\"\n", authority.file("ca.pem").display());
    // This one takes two connections at once.
    let Some(dovecot) = Dovecot::start(&Options::default()) else { return };
    report.add("The server speaks TLS from the start.", &at(dovecot.tls_port, "starttls", &trusting));
    let fake = Fake::start("* OK hi\r\n", &[("STARTTLS", "TAG BAD what\r\n")]);
    report.add("The server has no STARTTLS.", &at(fake.account().port, "starttls", ""));
    for (case, certificate, more) in [
        ("The certificate has expired.", "expired", trusting.as_str()),
        ("The certificate is not valid yet.", "tomorrow", &trusting),
        ("The certificate is for another name.", "other-name", &trusting),
        ("The certificate is self-signed.", "self-signed", &trusting),
        ("The server does not present the whole chain.", "no-chain", &trusting),
        ("The authority is not known.", "good", ""),
        ("The authority is not known, and the certificate has expired.", "expired", ""),
        ("The authority is not known, and the certificate is for another name.", "other-name", ""),
        (
            "The authority is not the one that the settings name.",
            "good",
            &format!("ca-file = \"{}\"\n", authority.file("self-signed.pem").display()),
        ),
        ("The certificate is for something else.", "for-clients", &trusting),
        (
            "The certificate is not the pinned one.",
            "good",
            &format!("tls-fingerprint = \"sha256:{}\"\n", "0".repeat(64)),
        ),
    ] {
        let server = authority.serve(certificate, "");
        report.add(case, &at(server.port, "implicit", more));
    }
    golden::holds("tests/cli/connect-way.txt", &report.text);
}

#[test]
fn no_pin_is_offered_for_the_server_of_a_public_provider() {
    let shown = || Certificate {
        fingerprint: Fingerprint::of(b"a certificate"),
        names: vec!["imap.gmail.com".to_owned()],
        issuer: "Hotel".to_owned(),
        valid: None,
    };
    let distrust = |why| {
        Cause::Untrusted(Box::new(Distrust {
            why,
            further: vec![],
            host: String::new(),
            shown: Some(shown()),
        }))
    };
    let intercepted = "the server of Gmail, Google Workspace has a certificate of a public authority, so a firewall, a virus scanner or someone \
                       else is intercepting the connection, unless this machine lacks the public authorities (Debian's package \
                       `ca-certificates`)";
    for (cause, expected) in [
        (distrust(DistrustReason::UnknownIssuer), intercepted),
        (distrust(DistrustReason::SelfSigned), intercepted),
        (distrust(DistrustReason::OtherName), intercepted),
        (
            Cause::OtherCertificate(Box::new(shown())),
            "remove `tls-fingerprint`: the certificates of Gmail, Google Workspace are replaced often, and public authorities vouch for them",
        ),
    ] {
        let mut account = crate::support::account("imap.gmail.com", 993, Tls::Implicit);
        account.provider = Provider::named("gmail");
        let on = Subject::Server { host: account.host.clone(), port: account.port };
        let fault = AccountFault::Mailbox(Fault { doing: Step::Connect, on, cause });
        assert_eq!(report::check::pin(&account, &fault), None, "{fault}");
        assert_eq!(report::advice(&fault, &account, clock::now()).as_deref(), Some(expected));
        // Another server under that provider's name, as a program on this machine, may have a certificate of its own.
        account.host = "localhost".to_owned();
        let is_pinned = report::check::pin(&account, &fault).is_some();
        assert_eq!(is_pinned, !fault_is_of_name(&fault), "{fault}");
    }
    // A bridge's certificate seldom names the address at which it listens.
    for (host, expected) in [("127.0.0.1", true), ("mail.example", false)] {
        let account = crate::support::account(host, 1143, Tls::StartTls);
        let on = Subject::Server { host: account.host.clone(), port: account.port };
        let cause = Cause::Untrusted(Box::new(Distrust {
            why: DistrustReason::OtherName,
            further: vec![DistrustReason::UnknownIssuer],
            host: host.to_owned(),
            shown: Some(shown()),
        }));
        let fault = AccountFault::Mailbox(Fault { doing: Step::Connect, on, cause });
        assert_eq!(report::check::pin(&account, &fault).is_some(), expected, "{fault}");
    }
}

fn fault_is_of_name(fault: &AccountFault) -> bool {
    let AccountFault::Mailbox(Fault { cause: Cause::Untrusted(distrust), .. }) = fault else { return false };
    distrust.why == DistrustReason::OtherName
}

/// A server's answers: to the login, and to the first folder.
const REFUSALS: [(&str, &str, &str); 30] = [
    ("gmail", "TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n", ""),
    (
        "gmail",
        "TAG NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)\r\n",
        "",
    ),
    (
        "gmail",
        "* NO [WEBALERT https://accounts.google.com/ContinueSignIn?plt=x] Web login required.\r\nTAG NO [ALERT] Please log in \
         via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\r\n",
        "",
    ),
    ("gmail", "TAG NO [ALERT] Your account is not enabled for IMAP use. (Failure)\r\n", ""),
    ("gmail", "TAG NO [ALERT] Too many simultaneous connections. (Failure)\r\n", ""),
    ("outlook", "TAG NO LOGIN failed.\r\n", ""),
    ("outlook", "TAG NO Basic authentication is disabled.\r\n", ""),
    (
        "outlook",
        "TAG OK [CAPABILITY IMAP4rev1 IDLE] done\r\n",
        "TAG BAD User is authenticated but not connected.\r\n",
    ),
    ("yahoo", "TAG NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials\r\n", ""),
    ("yandex", "TAG NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=x1\r\n", ""),
    ("gmx", "TAG NO [AUTHENTICATIONFAILED] authentication failed\r\n", ""),
    (
        "163",
        "TAG OK [CAPABILITY IMAP4rev1 IDLE] done\r\n",
        "TAG NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n",
    ),
    (
        "qq",
        "TAG NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or \
         system is busy.\r\n",
        "",
    ),
    ("", "TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n", ""),
    ("", "TAG NO\r\n", ""),
    ("", "TAG NO [LIMIT] Maximum number of connections from user+IP exceeded\r\n", ""),
    ("", "TAG NO [UNAVAILABLE] Temporary authentication failure.\r\n", ""),
    ("", "TAG NO [CONTACTADMIN] The account is locked.\r\n", ""),
    ("", "TAG NO [EXPIRED] The password has expired.\r\n", ""),
    ("", "TAG NO Too many simultaneous connections\r\n", ""),
    ("", "TAG NO [ALERT] LOGIN DENIED -- TOO MANY FAILURES\r\n", ""),
    ("", "TAG NO Too many login failures\r\n", ""),
    ("", "TAG NO [OVERQUOTA] not now\r\n", ""),
    ("", "TAG NO [AUTHORIZATIONFAILED] no\r\n", ""),
    ("", "TAG NO [PRIVACYREQUIRED] no\r\n", ""),
    ("", "TAG BAD what\r\n", ""),
    ("", "* BYE not now\r\n", ""),
    (
        "gmail",
        "TAG OK [CAPABILITY IMAP4rev1 IDLE] done\r\n",
        "TAG NO [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n",
    ),
    ("163", "TAG NO LOGIN Login error or password error\r\n", ""),
    ("proton-bridge", "TAG NO no such user\r\n", ""),
];

#[test]
fn every_refusal_of_a_server_is_named_with_what_to_do() {
    let mut report = Report::new();
    for (provider, login, select) in REFUSALS {
        let script = [("LOGIN", login), ("SELECT", select), ("EXAMINE", select)];
        let used = if select.is_empty() { 1 } else { 3 };
        let fake = Fake::start("* OK [CAPABILITY IMAP4rev1] hi\r\n", script.get(..used).unwrap());
        let line = if provider.is_empty() { String::new() } else { format!("provider = \"{provider}\"\n") };
        let name = if provider.is_empty() { "any other" } else { provider };
        let account = format!("{line}host = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n", fake.account().port);
        report.add(name, &account);
    }
    for (case, greeting, more) in [
        ("A server that turns this machine away.", "* BYE Blocked for 192.0.2.1\r\n", ""),
        ("A server that is full.", "* BYE Too many connections, try again later\r\n", ""),
        (
            "A server without a login by password.",
            "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hi\r\n",
            "provider = \"outlook\"\n",
        ),
    ] {
        let fake = Fake::start(greeting, &[]);
        report.add(
            case,
            &format!("{more}host = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n", fake.account().port),
        );
    }
    // It answers the password by ending the connection.
    let fake = Fake::start("* OK [CAPABILITY IMAP4rev1] hi\r\n", &[("LOGIN", "")]);
    report.add(
        "A server that cuts the login.",
        &format!("host = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n", fake.account().port),
    );
    // The same words about a token.
    let fake = Fake::start(
        "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR] hi\r\n",
        &[("AUTHENTICATE", "TAG NO AUTHENTICATE failed.\r\n")],
    );
    let account = format!(
        "provider = \"outlook\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"off\"\ntoken-command = [\"cat\", \"password\"]\n",
        fake.account().port
    );
    report.add("outlook, with a token", &account);
    golden::holds("tests/cli/connect-login.txt", &report.text);
}

#[test]
fn every_fault_of_the_password_is_named_with_what_to_do() {
    let mut report = Report::new();
    let refuses = || Fake::start("* OK hi\r\n", &[("LOGIN", "TAG NO [AUTHENTICATIONFAILED] no\r\n")]);
    for (case, secret) in [
        (
            "The program fails.",
            "[\"sh\", \"-c\", \"echo 'gpg: decryption failed: No secret key' >&2; exit 2\"]",
        ),
        ("The program fails in silence.", "[\"false\"]"),
        (
            "The program prints the password where it should not.",
            "[\"sh\", \"-c\", \"tee /dev/stderr < password; exit 3\"]",
        ),
        (
            "The program prints nothing.",
            "[\"sh\", \"-c\", \"echo 'Error: mail is not in the password store.' >&2\"]",
        ),
        ("The program is not there.", "[\"no-such-program\"]"),
        ("The password that the program prints is wrong.", "[\"cat\", \"password\"]"),
    ] {
        let fake = refuses();
        let port = fake.account().port;
        report.add(
            case,
            &format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\npassword-command = {secret}\n"),
        );
    }
    golden::holds("tests/cli/connect-password.txt", &report.text);

    // A credential, as systemd gives it to its service.
    let fake = refuses();
    report.home.write("credentials/mail", SECRET);
    let account = format!("host = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n", fake.account().port);
    let settings = format!(
        "state = \"state\"\n[accounts.home]\nuser = \"ann\"\npassword-credential = \"mail\"\n{account}"
    );
    report.home.write("followsift.toml", settings);
    let mut command = report.home.command(&[], &["check", "--connect", "--settings", "followsift.toml"]);
    command.env("CREDENTIALS_DIRECTORY", report.home.path().join("credentials"));
    let run = Run(command.output().unwrap());
    let said = run.exits(75).out();
    let advice = "  check `user` and the credential `mail`; systemd reads it only when it starts the service: restart the service \
                  after a change\n";
    assert!(said.contains(advice) && !said.contains(SECRET), "{said}");
}

#[test]
fn accounts_are_tried_at_the_same_time_and_printed_in_their_order() {
    // The kernel accepts for these, and nobody answers.
    let silent = ["127.0.0.2", "127.0.0.2", "127.0.0.3"].map(|host| TcpListener::bind((host, 0)).unwrap());
    let fakes =
        [(); 2].map(|()| Fake::start("* OK hi\r\n", &[("LOGIN", "TAG NO [AUTHENTICATIONFAILED] no\r\n")]));
    let silent = silent.iter().map(|listener| listener.local_addr().unwrap());
    let refusing = fakes.map(|fake| ([127, 0, 0, 1], fake.account().port).into());
    let home = UserFolder::new();
    home.write("password", SECRET);
    let mut settings = "state = \"state\"\n".to_owned();
    for (name, server) in ["a", "b", "c", "d", "e"].into_iter().zip(silent.chain(refusing)) {
        let (host, port) = (server.ip(), server.port());
        writeln!(
            settings,
            "[accounts.{name}]\nhost = \"{host}\"\nport = {port}\ntls = \"off\"\nuser = \"ann\"\npassword-file = \"password\""
        )
        .unwrap();
    }
    home.write("followsift.toml", settings);
    let begun = Instant::now();
    let run = home.run(&["check", "--connect"]);
    let said = run.exits(75).out();
    // A server may be silent for 45 seconds.
    assert!((40..80).contains(&begun.elapsed().as_secs()), "{:?}: {said}", begun.elapsed());
    let titles: Vec<_> =
        said.lines().filter(|line| line.contains(" (127.0.0.")).filter_map(|line| line.get(..1)).collect();
    assert_eq!(titles, ["a", "b", "c", "d", "e"], "{said}");
    assert_eq!(said.matches("error: ").count(), 5, "{said}");
}

//! A throw-away Dovecot for tests: its own folder, certificate authority and ports, gone when dropped.
//!
//! It is the one that `tests/support/servers.sh` unpacks, so that every machine runs the same; else an installed one.
//! If there is neither, a test that asks for one says so and is skipped; with FOLLOWSIFT_REQUIRE_DOVECOT set it fails.
//! Works as root (everything but its master then runs as the user `nobody`) and as any other user. Nothing outside its
//! folder is touched.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "every test file uses another part of it, and a test may fail"
)]

pub mod authority;
pub mod browser;
pub mod certificate_authority;
pub mod client;
pub mod corpus;
pub mod costly;
pub mod daemon;
pub mod fake;
pub mod filing;
pub mod golden;
pub mod home;
pub mod inbox;
pub mod letters;
pub mod line;
pub mod postgresql;
pub mod prometheus;
pub mod proxy;
pub mod small_server;
pub mod trial;
pub mod user_folder;

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use followsift::host::AuthservIds;
use followsift::login::Login;
use followsift::mailbox::{Connector, Session, Stop};
use followsift::place::{AccountName, Folder};
use followsift::settings::{Account, Backlog, Lookup, SecretSource, Tls};

pub use client::{Client, Snapshot};

/// The user, and the password.
pub const USER: &str = "ann";
pub const PASSWORD: &str = "a \"good\" pässword";
/// The user who owns the messages when the tests run as root: `nobody`.
const NOBODY: u32 = 65_534;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Capabilities to hide. The commands still work.
    pub without: Vec<&'static str>,
    /// The namespace prefix.
    pub prefix: &'static str,
    /// The separator of levels.
    pub separator: char,
    /// The mailbox format: `maildir`, `sdbox`, `mdbox`.
    pub format: &'static str,
    /// The name in its certificate; the client always asks for `localhost`.
    pub certified: &'static str,
    /// Further lines of configuration.
    pub conf: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            without: Vec::new(),
            prefix: "",
            separator: '/',
            format: "maildir",
            certified: "localhost",
            conf: String::new(),
        }
    }
}

/// A running Dovecot.
pub struct Dovecot {
    folder: tempfile::TempDir,
    program: Vec<PathBuf>,
    master: Child,
    /// Clear text, and STARTTLS.
    pub port: u16,
    /// TLS from the first byte.
    pub tls_port: u16,
}

impl Dovecot {
    /// Starts one, or says that the test is skipped.
    pub fn start(options: &Options) -> Option<Self> {
        let Some(program) = dovecot() else {
            assert!(
                !is_required(),
                "there is no dovecot (`bash tests/run.sh --set-up` unpacks one), and FOLLOWSIFT_REQUIRE_DOVECOT is set"
            );
            // Past the test runner, which would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED, for want of dovecot: {}", current_test());
            return None;
        };
        // A port found free may be taken before Dovecot has it.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(&program, options) {
                return Some(server);
            }
        }
        panic!("dovecot does not start");
    }

    fn try_start(program: &[PathBuf], options: &Options) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        certify(folder.path(), options.certified);
        let mail = folder.path().join("mail");
        std::fs::create_dir(&mail).unwrap();
        if rustix::process::getuid().is_root() {
            chown(&mail, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let (port, tls_port) = free_ports();
        let conf = folder.path().join("dovecot.conf");
        std::fs::write(conf, configuration(folder.path(), options, port, tls_port)).unwrap();
        std::fs::write(folder.path().join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        let master = spawn(program, folder.path());
        let mut server = Self { folder, program: program.to_vec(), master, port, tls_port };
        server.is_up().then_some(server)
    }

    /// Waits until it answers.
    fn is_up(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.master.try_wait().unwrap().is_some() {
                let log = std::fs::read_to_string(self.path().join("dovecot.log")).unwrap_or_default();
                let _ = writeln!(std::io::stderr(), "dovecot ended: {log}");
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok() {
                return true;
            }
            pause(Duration::from_millis(20));
        }
        false
    }

    /// Starts it again after it was killed, with its messages and its ports.
    pub fn restart(&mut self) {
        self.master = spawn(&self.program, self.folder.path());
        assert!(self.is_up(), "dovecot does not start again");
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate of its authority.
    pub fn ca(&self) -> PathBuf {
        self.path().join("ca.pem")
    }

    /// Its log, for a test that fails.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("dovecot.log")).unwrap_or_default()
    }

    /// The account of its user, over TLS.
    pub fn account(&self) -> Account {
        Account { ca_file: Some(self.ca()), ..account("localhost", self.tls_port, Tls::Implicit) }
    }

    /// A session with it.
    pub fn session(&self) -> Session {
        self.session_with(&Stop::new().unwrap())
    }

    /// A session that listens to `stop`.
    pub fn session_with(&self, stop: &Stop) -> Session {
        let connector = || Connector::new(Some(&self.ca()));
        Session::connect(&self.account(), &login(), connector, stop).unwrap()
    }

    /// Another client of the same user.
    pub fn client(&self) -> Client {
        Client::log_in(self.port)
    }

    /// Everything that the user has.
    pub fn snapshot(&self) -> Snapshot {
        self.client().snapshot()
    }

    /// Kills it, as in a crash. Its messages stay.
    pub fn kill(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.master.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.master.wait();
    }
}

fn spawn(program: &[PathBuf], folder: &Path) -> Child {
    Command::new(&program[0])
        .args(&program[1..])
        .args(["-F", "-c"])
        .arg(folder.join("dovecot.conf"))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An account of our user on any server.
pub fn account(host: &str, port: u16, tls: Tls) -> Account {
    Account {
        name: AccountName::new("test").unwrap(),
        provider: None,
        host: host.to_owned(),
        port,
        tls,
        ca_file: None,
        pin: None,
        user: USER.to_owned(),
        secret: SecretSource::Credential("unused".to_owned()),
        folders: vec![Folder::inbox()],
        authserv_id: AuthservIds::default(),
        relays: Vec::new(),
        lookup: Lookup::default(),
        instances: Vec::new(),
        require_authentic: false,
        act: true,
        backlog: Backlog::All,
        poll: Duration::from_secs(60),
        moves_per_hour: 500,
        moves_after_change: 50,
        idle: Duration::from_secs(540),
        digest: None,
    }
}

/// The right login.
pub fn login() -> Login {
    login_with(PASSWORD)
}

/// A login with another password.
pub fn login_with(password: &str) -> Login {
    Login::Password { user: USER.to_owned(), password: password.to_owned().into() }
}

/// A folder of this name.
pub fn folder(name: &str) -> Folder {
    Folder::new(name).unwrap()
}

/// A plausible message of about `size` bytes.
pub fn mail(number: usize, size: usize) -> String {
    let head = format!(
        "Return-Path: <bounce@social.example>\r\nFrom: Social <notify@social.example>\r\nTo: Ann <ann@home.example>\r\n\
         Subject: Person {number} follows you now\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\n\
         Message-ID: <{number}@social.example>\r\n\r\n"
    );
    let line = "They follow 2001 people and 3 follow them.\r\n";
    let lines = size.saturating_sub(head.len()).div_ceil(line.len());
    head + &line.repeat(lines)
}

/// Waits for a fixed time, where there is nothing else to wait for.
pub fn pause(time: Duration) {
    let _ = Stop::new().unwrap().wait(Instant::now() + time);
}

fn current_test() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

#[expect(clippy::disallowed_methods, reason = "it is the test's environment, not the program's")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// What `tests/support/servers.sh` has unpacked under this name.
pub fn unpacked(name: &str) -> Option<PathBuf> {
    let cache = variable("FOLLOWSIFT_TEST_CACHE").or_else(|| {
        let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        Some(caches?.join("followsift-tests"))
    });
    cache.map(|cache| cache.join("servers").join(name)).filter(|folder| folder.is_dir())
}

/// The library that shows a program another time (faketime(1)); `None` where it is missing and may be.
pub fn clock() -> Option<PathBuf> {
    let found = unpacked("faketime").and_then(|root| {
        let machines = std::fs::read_dir(root.join("usr/lib")).ok()?.filter_map(Result::ok);
        machines.map(|machine| machine.path().join("faketime/libfaketimeMT.so.1")).find(|file| file.is_file())
    });
    assert!(
        found.is_some() || !is_required(),
        "libfaketime is missing: `bash tests/run.sh --set-up` unpacks it"
    );
    found
}

/// Whether a test has to fail rather than be skipped where what it needs is missing.
pub fn is_required() -> bool {
    variable("FOLLOWSIFT_REQUIRE_DOVECOT").is_some()
}

/// The command that runs Dovecot: the unpacked one, else the one where the shell would find it.
fn dovecot() -> Option<Vec<PathBuf>> {
    if let Some(launch) = unpacked("dovecot").map(|root| root.join("launch")) {
        return Some(vec![launch, PathBuf::from("dovecot")]);
    }
    let path = variable("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("dovecot"))
        .find(|file| file.is_file())
        .map(|file| vec![file])
}

/// Two ports that are free now. Held together, so that they are two.
fn free_ports() -> (u16, u16) {
    let listeners = [0, 0].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let [one, other] = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
    (one, other)
}

/// An authority and a certificate for `name`, by the openssl program.
fn certify(folder: &Path, name: &str) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(folder.join("san"), format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n"))
        .unwrap();
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=followsift-test-authority"
    ));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN={name}"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile san -out server.pem",
    );
}

/// The capabilities of Dovecot 2.3, as it announces them after a login.
const CAPABILITIES: &str = "IMAP4rev1 SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE ESEARCH LIST-STATUS \
                            MOVE LITERAL+ SPECIAL-USE";

fn configuration(folder: &Path, options: &Options, port: u16, tls_port: u16) -> String {
    let Options { without, prefix, separator, format, conf, .. } = options;
    let path = folder.display();
    let capability: Vec<&str> = CAPABILITIES.split(' ').filter(|word| !without.contains(word)).collect();
    let capability = if without.is_empty() {
        String::new()
    } else {
        format!("imap_capability = {}", capability.join(" "))
    };
    // The users that an installed package brings are not there. As root, everything but the master runs as the user
    // `nobody`; otherwise everything runs as the current user, and nothing can be chrooted.
    let (uid, gid, rootless) = if rustix::process::getuid().is_root() {
        (NOBODY, NOBODY, "")
    } else {
        let rootless = "service anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n";
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw(), rootless)
    };
    let name = |database: &str, id: u32| {
        let output = Command::new("getent").args([database, &id.to_string()]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).split(':').next().unwrap_or_default().to_owned()
    };
    let (user, group) = (name("passwd", uid), name("group", gid));
    format!(
        "base_dir = {path}/run\nstate_dir = {path}/state\nlog_path = {path}/dovecot.log\nprotocols = imap\n\
         listen = 127.0.0.1\nmail_location = {format}:~/mails\nmail_fsync = never\nfirst_valid_uid = 1\n\
         ssl = yes\nssl_cert = <{path}/server.pem\nssl_key = <{path}/server.key\nssl_min_protocol = TLSv1.2\n\
         disable_plaintext_auth = no\nauth_mechanisms = plain login\nauth_failure_delay = 0 secs\n{capability}\n\
         default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}\n{rootless}\
         import_environment = TZ UNPACKED_ROOT LD_LIBRARY_PATH LD_PRELOAD\n\
         service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
         service imap-login {{\n  inet_listener imap {{\n    port = {port}\n  }}\n  inet_listener imaps {{\n    \
         port = {tls_port}\n    ssl = yes\n  }}\n}}\n\
         protocol imap {{\n  mail_max_userip_connections = 50\n}}\n\
         passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN username_format=%u {path}/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid={uid} gid={gid} home={path}/mail/%u\n}}\n\
         namespace inbox {{\n  inbox = yes\n  prefix = {prefix}\n  separator = {separator}\n}}\n{conf}\n"
    )
}

//! A real PostgreSQL for the tests of what deliveries remember: unpacked by tests/support/servers.sh, with a folder and a Unix
//! socket of its own.
//!
//! It refuses to run as root, so root's tests run it in a user namespace, where they have another number. Where there is none, a
//! test says so and is skipped; with FOLLOWSIFT_REQUIRE_POSTGRESQL set it fails.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use followsift::delivery::memory::{PostgresqlAddress, PostgresqlMemory};
use rustix::process::{Pid, Signal, getuid, kill_process};

use super::{current_test, pause, unpacked, variable};

/// How much room there is for the tables that are put into the tablespace `narrow`.
const NARROW_KIB: u32 = 3000;

/// A running PostgreSQL, killed when dropped.
pub struct Postgresql {
    folder: tempfile::TempDir,
    root: PathBuf,
    master: Child,
    port: Option<u16>,
}

impl Postgresql {
    /// Starts one that listens on a socket in its folder, or says that the test is skipped.
    pub fn start() -> Option<Self> {
        Self::start_on(None)
    }

    /// Starts one that also listens on 127.0.0.1, and takes TLS and the password `hush` alone there.
    pub fn start_with_tls() -> Option<Self> {
        Self::start_on(Some(super::free_ports().0))
    }

    fn start_on(port: Option<u16>) -> Option<Self> {
        let Some(root) = unpacked("postgresql") else {
            assert!(
                variable("FOLLOWSIFT_REQUIRE_POSTGRESQL").is_none(),
                "there is no postgresql (`bash tests/further/postgresql.sh` unpacks one), and FOLLOWSIFT_REQUIRE_POSTGRESQL is set"
            );
            // Past the test runner, which would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED, for want of postgresql: {}", current_test());
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("narrow")).unwrap();
        let made = program(&root, folder.path(), "initdb")
            .args([
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
                "--username=followsift",
                "-D",
            ])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        if port.is_some() {
            super::certify(folder.path(), "localhost");
            std::fs::set_permissions(folder.path().join("server.key"), PermissionsExt::from_mode(0o600))
                .unwrap();
            let access = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
            std::fs::write(folder.path().join("data/pg_hba.conf"), access).unwrap();
        }
        let master = spawn(&root, folder.path(), port);
        let mut server = Self { folder, root, master, port };
        server.wait();
        Some(server)
    }

    /// Starts it again after it was killed.
    pub fn restart(&mut self) {
        self.master = spawn(&self.root, self.folder.path(), self.port);
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.psql("SELECT 1").status().unwrap().success() {
            let is_running = self.master.try_wait().unwrap().is_none();
            assert!(is_running && Instant::now() < deadline, "postgresql does not start: {}", self.log());
            pause(Duration::from_millis(50));
        }
    }

    /// The address of its database.
    pub fn address(&self) -> PostgresqlAddress {
        self.url().parse().unwrap()
    }

    /// The same as users write it.
    pub fn url(&self) -> String {
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgresql://followsift@{folder}/postgres")
    }

    /// A machine that asks it, over two connections.
    pub fn memory(&self) -> PostgresqlMemory {
        PostgresqlMemory::new(self.address(), None, 2).unwrap()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.unwrap()
    }

    /// The certificate of its authority.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Runs SQL as its owner; returns what it prints.
    pub fn run(&self, sql: &str) -> String {
        let done = self.psql(sql).stderr(Stdio::piped()).stdout(Stdio::piped()).output().unwrap();
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// The same for SQL that fails.
    pub fn run_to_fault(&self, sql: &str) -> String {
        let done = self.psql(sql).stderr(Stdio::piped()).output().unwrap();
        assert!(!done.status.success(), "{sql}");
        String::from_utf8_lossy(&done.stderr).into_owned()
    }

    fn psql(&self, sql: &str) -> Command {
        let mut command = Command::new(self.root.join("launch"));
        command.arg("psql").arg("-h").arg(self.folder.path());
        command.args(["-p", &self.port.unwrap_or(5432).to_string()]);
        command.args(["-U", "followsift", "-d", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The folder whose file system has little room.
    pub fn narrow(&self) -> PathBuf {
        self.folder.path().join("narrow")
    }

    /// Kills it and all its processes, as in a crash.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.master.wait();
    }

    /// Sends a signal to it and all its processes.
    pub fn signal(&self, signal: Signal) {
        let master = Pid::from_child(&self.master);
        // It starts no more while its others are looked for.
        let _ = kill_process(master, Signal::STOP);
        for child in children(master) {
            let _ = kill_process(child, signal);
        }
        let _ = kill_process(master, signal);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(root: &Path, folder: &Path, port: Option<u16>) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = program(root, folder, "postgres");
    match port {
        // The socket in the folder is named for the port, too.
        Some(port) => command.args(["-c", "listen_addresses=127.0.0.1", "-c", "ssl=on"]).args([
            "-c".to_owned(),
            format!("port={port}"),
            "-c".to_owned(),
            format!("ssl_cert_file={}", folder.join("server.pem").display()),
            "-c".to_owned(),
            format!("ssl_key_file={}", folder.join("server.key").display()),
        ]),
        None => command.args(["-c", "listen_addresses="]),
    };
    command
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
        .args(["-c", "max_connections=30", "-c", "autovacuum=off"])
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A program of it, as somebody else than root, beside a file system in which there is little room; both are only in namespaces of
/// its own. It ends with the test.
fn program(root: &Path, folder: &Path, name: &str) -> Command {
    let script = format!(
        "mount -t tmpfs -o size={NARROW_KIB}k,mode=700 tmpfs \"$1\" || exit\nshift\n\
         exec unshare --user --map-user={0} --map-group={0} setpriv --pdeathsig INT \"$@\"",
        if getuid().is_root() { 1000 } else { getuid().as_raw() }
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]).arg(folder.join("narrow"));
    command.arg(root.join("launch")).arg(binary(root, name));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Debian keeps the server's programs in a folder for each version.
fn binary(root: &Path, name: &str) -> PathBuf {
    let versions = std::fs::read_dir(root.join("usr/lib/postgresql")).unwrap().filter_map(Result::ok);
    versions.map(|version| version.path().join("bin").join(name)).find(|file| file.is_file()).unwrap()
}

fn children(parent: Pid) -> Vec<Pid> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name, which may hold anything: the state and the parent (proc(5)).
        let of: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent.as_raw_nonzero().get()).then(|| Pid::from_raw(pid))?
    })
    .collect()
}

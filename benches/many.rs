//! What an account costs that is watched beside many others, and what a bare TLS connection with a thread costs: memory, threads,
//! descriptors, work, and the time to start and to stop.
//!
//! `bash tests/further/many.sh` runs it with a thousand accounts. Fails if an account beyond the first takes more memory than
//! [`MOST_MEMORY`], or if the service takes longer than [`LONGEST_STOP`] to stop. Needs the Dovecot of the tests. Run as a test, it does
//! a short round.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use support::daemon::{Daemon, Home, RULES};
use support::home::PASSWORD;
use support::{Dovecot, Options, pause};

/// KiB of memory for an account beyond the first.
const MOST_MEMORY: f64 = 120.0;
const LONGEST_STOP: Duration = Duration::from_secs(5);
/// A process that has worked less than [`LITTLE`] for so long has settled.
const STILL: Duration = Duration::from_secs(3);
/// In seconds. Dovecot says every two minutes that a connection is still there, and a thousand of them wake the process often.
const LITTLE: f64 = 0.15;

/// A process as it waits.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Of its own, in KiB: without the pages of files, which all processes of a program share.
    memory: f64,
    threads: f64,
    descriptors: f64,
    /// Seconds.
    cpu: f64,
}

impl Use {
    fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
        };
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        // Its name, in parentheses, may hold anything; the fields after it are counted from the third.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
        Self {
            memory: field("RssAnon:"),
            threads: field("Threads:"),
            descriptors: std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as f64,
            cpu: (ticks(14) + ticks(15)) / 100.0,
        }
    }

    /// What each of `count` further ones adds to `self`.
    fn each(self, with: Self, count: usize) -> Self {
        let each = |one: f64, all: f64| (all - one) / count as f64;
        Self {
            memory: each(self.memory, with.memory),
            threads: each(self.threads, with.threads),
            descriptors: each(self.descriptors, with.descriptors),
            cpu: each(self.cpu, with.cpu),
        }
    }

    fn row(self, what: &str, start: &str, stop: &str) -> String {
        let Self { memory, threads, descriptors, cpu } = self;
        format!(
            "| {what} | {memory:.0} KiB | {threads:.0} | {descriptors:.0} | {cpu:.3} s | {start} | {stop} |"
        )
    }
}

/// A server that takes so many connections at once, every one of another user.
fn server(count: usize) -> Option<Dovecot> {
    let most = 4 * count + 200;
    let conf = format!(
        "passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n\
         default_vsz_limit = 0\ndefault_client_limit = {most}\ndefault_process_limit = {most}\n\
         service imap {{\n  process_limit = {most}\n}}\n\
         service imap-login {{\n  service_count = 0\n  client_limit = {most}\n  process_min_avail = 1\n}}\n"
    );
    Dovecot::start(&Options { conf, ..Options::default() })
}

/// The service with so many accounts, once all of them wait; and how long that took, and the stop.
fn watched(server: &Dovecot, count: usize) -> (Use, Duration, Duration) {
    let home = Home::new();
    home.write("password", PASSWORD);
    home.write("rules.toml", RULES);
    let mut settings = "state = \"state\"\n".to_owned();
    for number in 0..count {
        write!(
            settings,
            "[accounts.account{number}]\nhost = \"localhost\"\nport = {}\nuser = \"user{number}\"\n\
             password-file = \"password\"\nca-file = {:?}\n",
            server.tls_port,
            server.ca()
        )
        .unwrap();
    }
    home.write("followsift.toml", &settings);
    let daemon = home.run_as_in_the_unit();
    let bound = Duration::from_secs(120) + Duration::from_millis(500) * u32::try_from(count).unwrap();
    let connected = |daemon: &Daemon| daemon.log().matches(" connected server=").count() >= count;
    let start = daemon.until("connected", bound, |daemon| {
        pause(Duration::from_millis(100));
        connected(daemon)
    });
    settle(daemon.pid());
    let used = Use::of(daemon.pid());
    let log = daemon.log();
    assert_eq!(log.matches("connecting again in").count(), 0, "an account had trouble:\n{log}");
    let (status, stop) = daemon.stop();
    assert!(status.success(), "{status}");
    (used, start, stop)
}

/// Waits until a process does next to nothing.
fn settle(process: u32) {
    loop {
        let before = Use::of(process).cpu;
        pause(STILL);
        if Use::of(process).cpu - before < LITTLE {
            return;
        }
    }
}

/// As another process: opens so many connections by one connector, each on a thread of its own, and waits.
fn hold_connections(port: u16, ca: &Path, count: usize) {
    let mut builder = native_tls::TlsConnector::builder();
    for certificate in native_tls::Certificate::stack_from_pem(&std::fs::read(ca).unwrap()).unwrap() {
        builder.add_root_certificate(certificate);
    }
    let connector = builder.build().unwrap();
    let (sender, receiver) = mpsc::channel();
    for _ in 0..count {
        let (connector, sender) = (connector.clone(), sender.clone());
        std::thread::spawn(move || {
            let socket = TcpStream::connect(("localhost", port)).unwrap();
            let mut stream = BufReader::new(connector.connect("localhost", socket).unwrap());
            let mut greeting = String::new();
            stream.read_line(&mut greeting).unwrap();
            let _ = stream.get_mut().flush();
            sender.send(greeting).unwrap();
            // As long as the process lives.
            loop {
                std::thread::park();
            }
        });
        assert!(receiver.recv().unwrap().contains("OK"));
    }
    println!("open");
    let _ = std::io::stdin().lines().next();
}

/// The same from outside.
fn floor(server: &Dovecot, count: usize) -> Use {
    let arguments = [server.tls_port.to_string(), server.ca().display().to_string(), count.to_string()];
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("hold")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut words).unwrap();
    assert_eq!(words, "open\n");
    settle(child.id());
    let used = Use::of(child.id());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    used
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, port, ca, count] = &arguments[..]
        && word == "hold"
    {
        return hold_connections(port.parse().unwrap(), Path::new(ca), count.parse().unwrap());
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let given = arguments.iter().find_map(|argument| argument.parse().ok());
    let count = given.unwrap_or(if is_measured { 1_000 } else { 10 });
    let Some(server) = server(count) else { return };
    println!("| what | memory | threads | descriptors | CPU | start | stop |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let bare = floor(&server, 1).each(floor(&server, count), count - 1);
    println!("{}", bare.row("a bare connection with a thread", "–", "–"));
    let shown = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    let (one, start, stop) = watched(&server, 1);
    println!("{}", one.row("one account", &shown(start), &shown(stop)));
    let (all, start, stop) = watched(&server, count);
    println!("{}", all.row(&format!("{count} accounts"), &shown(start), &shown(stop)));
    let each = one.each(all, count - 1);
    println!("{}", each.row("each beyond the first", "–", "–"));
    if is_measured {
        assert!(each.memory <= MOST_MEMORY, "more than {MOST_MEMORY} KiB for each account");
        assert!(stop <= LONGEST_STOP, "the stop took more than {LONGEST_STOP:?}");
    }
}

//! The built program as a running service: its settings, its journal, what it reports to systemd.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::letters::{Person, twitter_2009};
use super::user_folder::UserFolder;
use super::{Client, Dovecot, PASSWORD, USER, pause};

/// Rules by which a follower who follows two thousand is spam.
pub const RULES: &str = "[verdict.spam]\nmove-to = \"Followers/Spam\"\n\n[[rule]]\nname = \"Follows thousands\"\n\
                         when.following = \">= 2000\"\nverdict = \"spam\"\n";
/// The folder to which they go.
pub const SPAM: &str = "Followers/Spam";

/// A folder with settings, rules and state.
pub struct Home(UserFolder);

impl Home {
    /// Makes one, with the password in a file and the rules above.
    pub fn new() -> Self {
        let home = Self(UserFolder::new());
        home.write("password", PASSWORD);
        home.write("rules.toml", RULES);
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn state(&self) -> PathBuf {
        self.0.state()
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, text: &str) {
        self.0.write(name, text);
    }

    /// Settings with one account, `home`, in clear text at this port.
    pub fn settings(&self, port: u16, more: &str) {
        self.write("followsift.toml", &format!("state = \"state\"\n{}", account("home", port, more)));
    }

    /// A command of the program with these settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(&[], arguments);
        command.arg("--settings").arg(self.path().join("followsift.toml"));
        command
    }

    /// Starts the service, with its state on a small disk, by way of a shell that fills the disk while a file `full` is there. `None`
    /// where no disk can be mounted.
    pub fn run_on_a_small_disk(&self) -> Option<Daemon> {
        let script = "mount -t tmpfs -o size=1m,mode=700 none state || exit 1
            while kill -0 $$; do
                if [ -e full ]; then cat /dev/zero >>state/filler; else rm -f state/filler; fi
                sleep 0.05
            done >/dev/null 2>&1 </dev/null &
            exec \"$@\"";
        let mounts = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"];
        if !self.0.command(&mounts, &[]).output().is_ok_and(|output| output.status.success()) {
            return None;
        }
        std::fs::create_dir(self.state()).unwrap();
        let mut command = self.0.command(&["unshare", "-rm", "sh", "-c", script, "sh"], &["run"]);
        command.arg("--settings").arg(self.path().join("followsift.toml"));
        Some(self.run_as(command))
    }

    /// Starts the service.
    pub fn run(&self) -> Daemon {
        self.run_as(self.command(&["run"]))
    }

    /// The same in the environment that the units set.
    pub fn run_as_in_the_unit(&self) -> Daemon {
        let mut command = self.command(&["run"]);
        command.envs(unit_environment());
        self.run_as(command)
    }

    /// Starts the service by this command.
    pub fn run_as(&self, mut command: Command) -> Daemon {
        let socket = self.path().join("notify");
        let _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).unwrap();
        let mut child = command
            .env("NOTIFY_SOCKET", &socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, log_too) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                log_too.lock().unwrap().push(line);
            }
        });
        let reported: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
        let reported_too = Arc::clone(&reported);
        std::thread::spawn(move || {
            let mut words = [0; 4096];
            while let Ok(count) = notify.recv(&mut words) {
                let words = String::from_utf8_lossy(&words[..count]).trim_end().to_owned();
                reported_too.lock().unwrap().push((Instant::now(), words));
            }
        });
        Daemon { child, log, reported }
    }
}

/// The table of an account in clear text at this port.
pub fn account(name: &str, port: u16, more: &str) -> String {
    let secret = if more.contains("password-") { "" } else { "password-file = \"password\"\n" };
    format!(
        "[accounts.{name}]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\nuser = \"{USER}\"\nbacklog = \
         \"all\"\n{secret}{more}\n"
    )
}

/// A running service, killed when dropped.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reported: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Daemon {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// What it has reported to systemd, and when.
    pub fn reported(&self) -> Vec<(Instant, String)> {
        self.reported.lock().unwrap().clone()
    }

    /// The last STATUS.
    pub fn status(&self) -> String {
        let reported = self.reported();
        let last =
            reported.iter().rev().find_map(|(_, words)| words.strip_prefix("STATUS=").map(str::to_owned));
        last.unwrap_or_default()
    }

    /// Waits until `found` is true.
    pub fn until(&self, what: &str, bound: Duration, found: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !found(self) {
            assert!(
                begun.elapsed() < bound,
                "not {what} within {bound:?}; {}\n{}",
                self.status(),
                self.log()
            );
            pause(Duration::from_millis(10));
        }
        begun.elapsed()
    }

    /// Waits until the log has this text.
    pub fn logs(&self, text: &str) {
        self.until(&format!("logged {text:?}"), Duration::from_secs(30), |it| it.log().contains(text));
    }

    /// Waits until STATUS has this text.
    pub fn says(&self, text: &str) {
        self.until(&format!("saying {text:?}"), Duration::from_secs(30), |it| it.status().contains(text));
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks it to stop, and waits until it has ended.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap();
        (status, begun.elapsed())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Message number `number`, about a follower who is spam.
pub fn spam(number: usize) -> String {
    let person = Person::new(&format!("Bulk {number}"), &format!("bulk_{number}"), [3, 2001, 1]);
    String::from_utf8(twitter_2009(&person).bytes(number)).unwrap()
}

/// Delivers spam of these numbers.
pub fn deliver(server: &Dovecot, numbers: impl IntoIterator<Item = usize>) {
    let mut client = server.client();
    for number in numbers {
        client.deliver("INBOX", &spam(number));
    }
}

/// Which folder each message is in: the numbers of the spam, sorted, of the inbox and of the folder for spam.
pub fn whereabouts(client: &mut Client) -> (Vec<usize>, Vec<usize>) {
    let snapshot = client.snapshot();
    let of = |folder: &str| {
        let mails = snapshot.get(folder).map(Vec::as_slice).unwrap_or_default();
        let number = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let rest = text.split_once("bulk_")?.1;
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
        };
        let mut numbers: Vec<usize> = mails.iter().filter_map(|mail| number(&mail.bytes)).collect();
        numbers.sort_unstable();
        numbers
    };
    (of("INBOX"), of(SPAM))
}

/// Waits until spam of the numbers 1 to `last` is in its folder, each once, and none is left in the inbox.
pub fn filed(server: &Dovecot, daemon: &Daemon, last: usize, bound: Duration) -> Duration {
    let all: Vec<usize> = (1..=last).collect();
    let mut client = server.client();
    let begun = Instant::now();
    loop {
        let (inbox, spam) = whereabouts(&mut client);
        if inbox.is_empty() && spam == all {
            return begun.elapsed();
        }
        let shown = format!("inbox {inbox:?}, spam {spam:?}; {}\n{}", daemon.status(), daemon.log());
        assert!(begun.elapsed() < bound, "not filed within {bound:?}: {shown}");
        pause(Duration::from_millis(50));
    }
}

/// The variables that the unit of the machine sets.
pub fn unit_environment() -> Vec<(String, String)> {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/followsift-system.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    let lines = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
    let set = lines.flat_map(str::split_whitespace).filter_map(|word| word.split_once('='));
    let set: Vec<_> = set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert!(!set.is_empty());
    set
}

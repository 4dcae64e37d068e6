//! What it costs to file the spam of an inbox, beside the floor and beside imapfilter: time, idle turns of the line, bytes,
//! work and memory, as one table of ratios.
//!
//! `bash tests/bench/run.sh` unpacks what it needs and runs it; tests/bench/README.md explains the table. After every run it
//! looks where each message is, and stops if one is in the wrong place. Run as a test, it does one short round.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark that cannot set itself up has to stop, and it prints"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod complete;
mod measure;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use measure::{Cost, measured};
use support::home::{Home, PASSWORD};
use support::inbox::{Inbox, user_folder};
use support::line::{Line, Passed};
use support::user_folder::UserFolder;
use support::{Client, Dovecot, unpacked};

/// So many runs of each program where they are short; the median of each column counts.
const RUNS: usize = 3;
/// So many messages arrive while the program watches.
const ARRIVALS: usize = 5;
/// The delays of the line, there and back.
const NEAR: Duration = Duration::ZERO;
const FAR: Duration = Duration::from_millis(50);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Complete,
    Followsift,
    Imapfilter,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Complete => "`complete`",
            Self::Followsift => "followsift",
            Self::Imapfilter => "imapfilter",
        }
    }
}

/// A user of the server, the line to it, and the program's own folder.
struct Scene<'s> {
    server: &'s Dovecot,
    user: String,
    line: Line,
    folder: UserFolder,
}

impl<'s> Scene<'s> {
    /// With an inbox as `template` has it.
    fn new(server: &'s Dovecot, template: &str, user: String, delay: Duration) -> Self {
        Inbox::copy(server, template, &user);
        let line = Line::before(server.port, server.path(), delay);
        let folder = user_folder(server, line.port, &user);
        Self { server, user, line, folder }
    }

    /// The program, about to file what is spam: once, or until it is stopped.
    fn command(&self, program: Program, watches: bool) -> Command {
        let (port, ca) = (self.line.port.to_string(), self.server.ca());
        let mut command = match program {
            Program::Followsift => {
                let mut command = self.folder.command(&[], &[if watches { "run" } else { "sweep" }]);
                command.args(["--settings", "followsift.toml"]);
                command
            }
            Program::Complete => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["complete", &port]).arg(ca).arg(&self.user).args(watches.then_some("watch"));
                command
            }
            Program::Imapfilter => {
                let root = unpacked("imapfilter").unwrap();
                self.folder.write("config.lua", script(self.line.port, &self.user, watches));
                let mut command = Command::new(root.join("usr/bin/imapfilter"));
                // As `launch` has it, which looks for libraries at every start.
                let environment = Command::new(root.join("launch")).arg("env").output().unwrap().stdout;
                let environment = String::from_utf8(environment).unwrap();
                command.envs(environment.lines().filter_map(|line| line.split_once('=')));
                command.arg("-c").arg(self.folder.path().join("config.lua")).arg("-t").arg(ca);
                command.env("HOME", self.folder.path());
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// What a run of the program costs, which leaves every message where it belongs.
    fn run(&self, program: Program, inbox: &Inbox) -> Cost {
        self.line.reset();
        let cost = measured(self.command(program, false));
        let passed = self.line.passed();
        inbox.check(self.server, &self.user, &[]);
        Cost { turns: passed.idle_turns.len() as f64, received: passed.received as f64, ..cost }
    }

    /// The time from the server's announcement of a message until it has been moved, and the turns; the median of some.
    fn watch(&self, program: Program, inbox: &Inbox) -> Cost {
        let home = support::daemon::Home::new();
        let watching = home.run_as(self.command(program, true));
        self.line.wait_until("waiting", Passed::is_idling);
        let mut client = Client::log_in_as(self.server.port, &self.user, PASSWORD);
        let late: Vec<usize> =
            inbox.spam().skip_while(|number| *number < inbox.size).take(ARRIVALS).collect();
        let costs = late.iter().map(|number| {
            support::pause(Duration::from_millis(500));
            self.line.reset();
            client.deliver("INBOX", &String::from_utf8(inbox.message(*number)).unwrap());
            let passed = self.line.wait_until("moved", |passed| passed.moved.is_some() && passed.is_idling());
            let ((announced, before), (moved, after)) = (passed.announced.unwrap(), passed.moved.unwrap());
            Cost {
                wall: (moved - announced).as_secs_f64(),
                turns: (after - before) as f64,
                ..Cost::default()
            }
        });
        let cost = Cost::median(costs.collect());
        drop(watching);
        inbox.check(self.server, &self.user, &late);
        cost
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.server.path().join("mail").join(&self.user));
    }
}

/// The same rule for imapfilter: followsift's subject, and a count of two thousand in either layout.
fn script(port: u16, user: &str, watches: bool) -> String {
    let again = if watches { "while account.INBOX:enter_idle() do file() end" } else { "" };
    format!(
        "options.info = false\noptions.limit = 500\n\
         account = IMAP {{ server = 'localhost', port = {port}, username = '{user}', password = '{PASSWORD}', \
         ssl = 'auto' }}\n\
         function file()\n  local found = account.INBOX:contain_subject('now following you')\n  \
         found = found:match_body('following [2-9][0-9]{{3}} people|>[2-9][0-9]{{3}}\\\\s+Following<')\n  \
         found:move_messages(account['Followers/Spam'])\nend\nfile()\n{again}\n"
    )
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, port, ca, user, watch @ ..] = &arguments[..]
        && word == "complete"
    {
        return complete::run(port.parse().unwrap(), Path::new(ca), user, !watch.is_empty());
    }
    let is_given = |option: &str| arguments.iter().any(|argument| argument == option);
    let (is_measured, is_short) = (is_given("--bench"), is_given("--without-imapfilter"));
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = if is_measured { vec![1_000, 10_000] } else { vec![200] };
    }
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut programs = vec![Program::Complete, Program::Followsift];
    match unpacked("imapfilter") {
        Some(_) if is_measured && !is_short => programs.push(Program::Imapfilter),
        Some(_) => {}
        None => eprintln!("without imapfilter: `bash tests/bench/run.sh` unpacks it"),
    }
    println!("{}", measure::HEAD);
    for size in sizes {
        let (inbox, template) = (Inbox { size, one_in: 20, seed: 1 }, format!("inbox{size}"));
        inbox.fill(&server, &template);
        for delay in if is_measured { vec![NEAR, FAR] } else { vec![NEAR] } {
            let runs = if is_measured && size <= 10_000 { RUNS } else { 1 };
            sweeps(&server, &inbox, &template, delay, &programs, runs);
        }
        if size == 1_000 {
            watches(&server, &inbox, &template, &programs);
        }
    }
}

/// The rows of first sweeps, and of a second one. The programs take turns, so that a busy moment meets all of them.
fn sweeps(
    server: &Dovecot,
    inbox: &Inbox,
    template: &str,
    delay: Duration,
    programs: &[Program],
    runs: usize,
) {
    let at = format!("{} messages, {} ms", inbox.size, delay.as_millis());
    let mut costs = vec![Vec::new(); programs.len()];
    let mut second = Vec::new();
    for run in 0..runs {
        for (program, costs) in programs.iter().zip(&mut costs) {
            // imapfilter asks for one message at a time, which takes minutes.
            if *program == Program::Imapfilter && run > 0 {
                continue;
            }
            let user = format!("{template}-{}-{run}-{program:?}", delay.as_millis()).to_lowercase();
            let scene = Scene::new(server, template, user, delay);
            costs.push(scene.run(*program, inbox));
            if *program == Program::Followsift {
                second.push(scene.run(*program, inbox));
            }
        }
    }
    let costs: Vec<Cost> = costs.into_iter().map(Cost::median).collect();
    for (program, cost) in programs.iter().zip(&costs) {
        println!("{}", cost.row(&format!("first sweep of {at}"), program.name(), costs.first()));
    }
    println!(
        "{}",
        Cost::median(second).row(&format!("nothing new in {at}"), Program::Followsift.name(), None)
    );
}

/// The rows of a message that arrives while the program watches.
fn watches(server: &Dovecot, inbox: &Inbox, template: &str, programs: &[Program]) {
    let mut floor = None;
    for program in programs {
        let scene = Scene::new(server, template, format!("watch-{program:?}").to_lowercase(), FAR);
        let cost = scene.watch(*program, inbox);
        println!("{}", cost.row("one new message, 50 ms", program.name(), Some(floor.get_or_insert(cost))));
    }
}

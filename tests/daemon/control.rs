//! Commands beside the running service: it does for them what its lock keeps them from doing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Output;

use super::*;

/// A service with a socket.
struct Beside {
    server: Dovecot,
    home: Home,
    daemon: Daemon,
    /// Between the service and its server.
    proxy: Proxy,
}

impl Beside {
    fn start() -> Option<Self> {
        Self::start_with(RULES)
    }

    fn start_with(rules: &str) -> Option<Self> {
        let server = Dovecot::start(&Options::default())?;
        let home = Home::new();
        home.write("rules.toml", rules);
        let proxy = Proxy::before(server.port);
        home.settings(proxy.port, "");
        let mut run = home.command(&["run"]);
        let daemon = home.run_as({
            run.env("XDG_RUNTIME_DIR", home.path());
            run
        });
        daemon.says("watching home");
        Some(Self { server, home, daemon, proxy })
    }

    /// Stops the service and starts another one.
    fn restart(&mut self) {
        self.daemon.signal(Signal::TERM);
        let begun = Instant::now();
        while !self.daemon.has_ended() && begun.elapsed() < SOON {
            pause(Duration::from_millis(20));
        }
        let mut run = self.home.command(&["run"]);
        run.env("XDG_RUNTIME_DIR", self.home.path());
        self.daemon = self.home.run_as(run);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.home.command(arguments).env("XDG_RUNTIME_DIR", self.home.path()).output().unwrap()
    }

    /// What a command prints, to both outputs, and its exit code.
    fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code().unwrap(), text.concat())
    }

    fn socket(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.home.path().join("followsift")).unwrap();
        files.next().unwrap().unwrap().path()
    }
}

#[test]
fn new_rules_reach_old_messages_and_filed_ones_come_back_while_the_service_runs() {
    // Rules under which what comes stays.
    let Some(beside) = Beside::start_with(&RULES.replace("2000", "3000")) else { return };
    let whereabouts = || whereabouts(&mut beside.server.client());
    deliver(&beside.server, 1..=3);
    beside.daemon.until("judged", SOON, |_| beside.says(&["history"]).1.contains("bulk_3"));
    beside.home.write("rules.toml", &RULES.replace("2000", "1000"));
    beside.daemon.logs("reloaded settings, rules and lists");
    assert_eq!(whereabouts(), (vec![1, 2, 3], vec![]));
    let (code, said) = beside.says(&["sweep", "--since", "30d"]);
    assert!(
        code == 0 && said.contains("moved to Followers/Spam") && said.contains("moved 3"),
        "{code} {said}"
    );
    assert_eq!(whereabouts(), (vec![], vec![1, 2, 3]));
    let (code, said) = beside.says(&["restore", "--follower", "bulk_2", "--no-learn", "--yes"]);
    assert!(
        code == 0 && said.ends_with("home: 1 message put back; they are never moved again\n"),
        "{code} {said}"
    );
    assert_eq!(whereabouts(), (vec![2], vec![1, 3]));
    let (_, ended) = beside.daemon.stop();
    assert!(ended < SOON);
    assert!(
        std::fs::read_dir(beside.home.path().join("followsift")).unwrap().next().is_none(),
        "the socket is gone"
    );
}

#[test]
fn without_a_socket_a_command_says_what_to_do() {
    let Some(beside) = Beside::start() else { return };
    let output = beside.home.command(&["sweep", "--since", "30d"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(
        said.contains("another followsift") && said.contains("see `RuntimeDirectory=` in its unit"),
        "{said}"
    );
}

#[test]
fn only_the_services_user_and_group_may_ask_and_nonsense_is_refused_in_time() {
    let Some(beside) = Beside::start() else { return };
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let socket = beside.socket();
    assert_eq!((mode(socket.parent().unwrap()), mode(&socket)), (0o750, 0o660));
    let ask = |line: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(line);
        let mut answer = String::new();
        let _ = BufReader::new(stream).read_line(&mut answer);
        answer
    };
    for nonsense in [&b"hello\n"[..], b"{\"verb\":\"stop\"}\n", b"\xff\n", &[b'x'; 70_000]] {
        let answer = ask(nonsense);
        assert!(answer.is_empty() || answer.contains("does not understand"), "{answer}");
    }
    let unknown = ask(b"{\"verb\":\"sweep\",\"account\":\"nobody\",\"since\":null}\n");
    assert!(unknown.contains("does not watch this account"), "{unknown}");
    // Silent clients are sent away, and keep nobody else from asking for longer.
    let mut silent: Vec<UnixStream> = (0..4).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = silent.first_mut().unwrap().read_to_end(&mut rest);
    assert!(begun.elapsed() < seconds(10));
    beside.daemon.until("free again", SOON, |_| ask(b"{\"verb\":\"status\"}\n").contains("\"watching\""));
}

#[test]
fn status_says_how_the_service_is_with_an_exit_code_and_what_the_ledger_knows_without_it() {
    let Some(beside) = Beside::start() else { return };
    deliver(&beside.server, 1..=2);
    filed(&beside.server, &beside.daemon, 2, SOON);
    let (code, said) = beside.says(&["status"]);
    assert!(
        code == 0 && said.contains("home: watching since") && said.contains("last 7 days: 2 spam"),
        "{code} {said}"
    );
    beside.home.write("rules.toml", "[[rule]]\nwen = true\n");
    beside.daemon.says("reload failed");
    let (code, said) = beside.says(&["status"]);
    assert!(
        code == 75 && said.contains("reload failed; the previous configuration stays in use"),
        "{code} {said}"
    );
    let (_, json) = beside.says(&["status", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pid = u64::from(beside.daemon.pid());
    assert_eq!(value.pointer("/process").and_then(serde_json::Value::as_u64), Some(pid), "{json}");
    assert_eq!(value.pointer("/accounts/0/week/spam").and_then(serde_json::Value::as_u64), Some(2), "{json}");
    beside.daemon.signal(Signal::KILL);
    beside.daemon.until("gone", SOON, |_| beside.says(&["status"]).0 == 69);
    let (_, said) = beside.says(&["status"]);
    assert!(said.starts_with("the service is not running") && said.contains("last 7 days: 2 spam"), "{said}");
    beside.home.write("rules.toml", RULES);
    // The socket of the one that was killed does not keep the next from listening.
    let again = beside.home.run_as({
        let mut run = beside.home.command(&["run"]);
        run.env("XDG_RUNTIME_DIR", beside.home.path());
        run
    });
    again.says("watching home");
    assert_eq!(beside.says(&["status"]).0, 0);
}

#[test]
fn what_a_command_wants_is_not_done_if_it_goes_before_its_turn_and_is_finished_if_it_goes_later() {
    let Some(beside) = Beside::start_with(&RULES.replace("2000", "3000")) else { return };
    deliver(&beside.server, 1..=2);
    beside.daemon.until("judged", SOON, |_| beside.says(&["history"]).1.contains("bulk_2"));
    beside.home.write("rules.toml", &RULES.replace("2000", "1000"));
    beside.daemon.logs("reloaded settings, rules and lists");
    let whereabouts = || whereabouts(&mut beside.server.client());
    let ask = || {
        let mut client = UnixStream::connect(beside.socket()).unwrap();
        let request = b"{\"verb\":\"sweep\",\"account\":\"home\",\"since\":2592000}\n";
        client.write_all(request).unwrap();
        client
    };
    let hold = || beside.proxy.arm([Fault::first("UID FETCH", When::Before, How::Hold)]);
    // While the account is busy with a new message, a command asks for the old ones, and goes.
    hold();
    deliver(&beside.server, [3]);
    assert!(beside.proxy.wait_until_struck(1, SOON), "{:#?}", beside.proxy.commands());
    drop(ask());
    beside.proxy.release();
    beside.daemon.logs("a command has gone before its turn came; what it asked for is not done");
    beside.daemon.until("filed", SOON, |_| whereabouts().1 == [3]);
    assert_eq!(whereabouts(), (vec![1, 2], vec![3]));
    // The next one goes while its sweep is at work.
    hold();
    let client = ask();
    assert!(beside.proxy.wait_until_struck(1, SOON), "{:#?}", beside.proxy.commands());
    drop(client);
    beside.proxy.release();
    beside.daemon.logs("what it asked for is finished without it");
    assert_eq!(whereabouts(), (vec![], vec![1, 2, 3]));
    assert_eq!(beside.says(&["status"]).0, 0);
}

#[test]
fn neither_a_hundred_clients_with_half_a_request_nor_a_megabyte_takes_more_than_a_few_seconds() {
    let Some(beside) = Beside::start() else { return };
    let socket = beside.socket();
    let begun = Instant::now();
    let clients: Vec<UnixStream> = (0..100)
        .map(|_| {
            let mut client = UnixStream::connect(&socket).unwrap();
            client.set_read_timeout(Some(seconds(20))).unwrap();
            // Those that are sent away may have been already.
            let _ = client.write_all(b"{\"verb\":");
            client
        })
        .collect();
    let threads = std::fs::read_dir(format!("/proc/{}/task", beside.daemon.pid())).unwrap();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    assert!(names.filter(|name| name.trim() == "client").count() <= 4);
    let mut refused = 0;
    for mut client in clients {
        let mut answer = Vec::new();
        let ended = client.read_to_end(&mut answer);
        assert!(ended.is_ok_and(|_| true) || begun.elapsed() < seconds(15), "it is still served");
        refused += usize::from(String::from_utf8_lossy(&answer).contains("too many commands"));
    }
    assert!(refused >= 90 && begun.elapsed() < seconds(15), "{refused} in {:?}", begun.elapsed());
    // A line without an end is refused when it is too long, not when it is over.
    let mut client = UnixStream::connect(&socket).unwrap();
    client.set_read_timeout(Some(seconds(20))).unwrap();
    let written = client.write_all(&[b'x'; 1 << 20]);
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(written.is_err() && (answer.is_empty() || answer.contains("does not understand")), "{answer}");
    assert_eq!(beside.says(&["status"]).0, 0);
}

#[test]
fn an_account_that_is_paused_is_in_the_exit_code() {
    let Some(beside) = Beside::start() else { return };
    assert_eq!(beside.says(&["status"]).0, 0);
    beside.home.write("password", "wrong");
    beside.home.settings(beside.proxy.port, "poll = \"3m\"");
    beside.daemon.says("home is paused until you act");
    let (code, said) = beside.says(&["status"]);
    assert!(code == 75 && said.contains("home: paused until you act since"), "{code} {said}");
}

#[test]
fn while_an_account_is_paused_nothing_is_moved_and_it_goes_on_by_itself_or_when_asked_to() {
    let Some(mut beside) = Beside::start() else { return };
    let whereabouts = |beside: &Beside| whereabouts(&mut beside.server.client());
    let (code, said) = beside.says(&["pause", "1h", "--account", "home"]);
    assert!(
        code == 0
            && said.starts_with("home: paused until ")
            && said.ends_with("`followsift unpause` ends that\n"),
        "{code} {said}"
    );
    beside.daemon.says("home is paused until ");
    deliver(&beside.server, [1]);
    let (code, said) = beside.says(&["status"]);
    assert!(code == 0 && said.contains("home: paused by `followsift pause` since"), "{code} {said}");
    assert!(said.contains("\n  paused until "), "{said}");
    let (code, said) = beside.says(&["sweep"]);
    assert!(code == 0 && said.contains("\npaused until "), "{code} {said}");
    let (code, said) = beside.says(&["sweep", "--dry-run"]);
    assert!(code == 0 && said.contains("@bulk_1"), "{code} {said}");
    // It outlasts the service.
    beside.restart();
    beside.daemon.says("home is paused until ");
    assert_eq!(whereabouts(&beside), (vec![1], vec![]));
    assert_eq!(beside.says(&["unpause"]), (0, "home: the pause is over\n".to_owned()));
    filed(&beside.server, &beside.daemon, 1, SOON);
    assert_eq!(beside.says(&["unpause"]), (0, "home: it was not paused\n".to_owned()));
    // It ends by itself.
    assert_eq!(beside.says(&["pause", "5s"]).0, 0);
    beside.daemon.says("home is paused until ");
    deliver(&beside.server, [2]);
    filed(&beside.server, &beside.daemon, 2, SOON);
    beside.daemon.logs("the pause is over");
    let log = beside.daemon.log();
    assert_eq!(log.matches("the pause is over").count(), 2, "{log}");
}

//! What the service reports to the journal and to systemd.

use std::path::Path;

use super::*;

#[test]
fn a_new_message_is_filed_at_once_and_the_service_ends_within_a_second() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    deliver(&scene.server, [1]);
    scene.filed(1, seconds(5));
    scene.daemon.logs("message moved");
    let log = scene.daemon.log();
    for shown in
        ["account=home", "network=\"twitter\"", "verdict=\"spam\"", "by \"Follows thousands\"", "uid=1"]
    {
        assert!(log.contains(shown), "no {shown} in {log}");
    }
    scene.proxy.wait_for("IDLE", 1);
    let (status, time) = scene.daemon.stop();
    assert!(status.success() && time < seconds(1), "{status} after {time:?}");
}

#[test]
fn a_service_with_nothing_to_tell_tells_nothing() {
    let Some(scene) = Scene::start(&Options::default(), "idle = \"1s\"") else { return };
    scene.proxy.wait_for("IDLE", 3);
    let log = scene.daemon.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("connected"), "{log}");
    assert_eq!(scene.daemon.reported().len(), 3, "{:?}", scene.daemon.reported());
}

#[test]
fn a_network_whose_messages_changed_is_reported_by_name_and_date() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let changed =
        Letter::new("Twitter <notify@twitter.com>", "Kim (@kim_s) is now following you on Twitter!")
            .text("They are laid out as never before.\n")
            .signed("twitter.com");
    server.client().deliver("INBOX", &String::from_utf8(changed.bytes(1)).unwrap());
    let home = Home::new();
    home.settings(server.port, "");
    let daemon = home.run();
    daemon.logs("twitter: 1 message that looks like its notifications could not be read, on 2");
    assert_eq!(server.client().messages("INBOX").len(), 1);
}

#[test]
fn a_misspelt_level_of_the_log_silences_nothing() {
    let Some(server) = support::Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let mut command = home.command(&["run"]);
    command.env("FOLLOWSIFT_LOG", "debg");
    home.run_as(command).logs("connected");
}

#[test]
fn without_a_journal_each_line_has_the_time_or_is_json_and_there_are_as_many_as_asked_for() {
    let Some(server) = support::Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let is_time = |text: &str| {
        text.len() == 20
            && text.ends_with('Z')
            && text.chars().all(|c| c.is_ascii_digit() || "-:TZ".contains(c))
    };
    let daemon = home.run();
    daemon.logs(" INFO [account=home] connected");
    assert!(daemon.log().lines().all(|line| line.get(..20).is_some_and(is_time)), "{}", daemon.log());
    assert!(!daemon.log().contains("DEBUG"), "{}", daemon.log());
    drop(daemon);
    let daemon = home.run_as(home.command(&["run", "--json", "--verbose"]));
    daemon.logs("\"message\":\"connected");
    let mut debug = 0;
    for line in daemon.log().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(is_time(event["time"].as_str().unwrap()), "{line}");
        debug += usize::from(event["level"] == "debug");
        let is_connected = event["message"].as_str().unwrap().starts_with("connected");
        assert!(!is_connected || event["account"] == "home" && event["level"] == "info", "{line}");
    }
    assert!(debug > 0, "{}", daemon.log());
    drop(daemon);
    let daemon = home.run_as(home.command(&["run", "--quiet"]));
    daemon.until("ready", std::time::Duration::from_secs(30), |it| {
        it.reported().iter().any(|(_, words)| words.contains("READY=1"))
    });
    pause(std::time::Duration::from_secs(1));
    assert_eq!(daemon.log(), "");
    home.run_as(home.command(&["run", "-q", "-v"])).until(
        "refused",
        std::time::Duration::from_secs(10),
        |it| it.log().contains("cannot be used with"),
    );
}

#[test]
fn systemd_hears_that_all_is_well_until_a_thread_hangs() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let mut command = home.command(&["run"]);
    command.env("WATCHDOG_USEC", "1000000");
    // The ledger is opened under a lock on its folder. If another process holds it, the thread hangs.
    std::fs::create_dir(home.state()).unwrap();
    let folder = std::fs::File::open(home.state()).unwrap();
    folder.lock().unwrap();
    let mut daemon = home.run_as(command);
    let fed = |it: &Daemon| it.reported().iter().filter(|(_, words)| words == "WATCHDOG=1").count();
    daemon.until("fed", SOON, |it| fed(it) > 3);
    daemon.until("starved", seconds(80), |it| it.log().contains("account thread hangs"));
    let starved = fed(&daemon);
    pause(seconds(3));
    assert_eq!(fed(&daemon), starved);
    assert!(daemon.log().contains("account=home"), "{}", daemon.log());
    // A thread that goes on is healthy again.
    folder.unlock().unwrap();
    daemon.until("fed again", SOON, |it| fed(it) > starved + 2);
    assert!(!daemon.has_ended());
}

#[test]
fn a_systemd_that_does_not_listen_holds_nothing_up() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let home = Home::new();
    home.settings(scene.proxy.port, "");
    let socket = home.path().join("deaf");
    let _deaf = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    let mut command = home.command(&["run"]);
    // Fed so often that nothing more fits into the socket after half a second.
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "5000");
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    scene.proxy.wait_for("IDLE", 1);
    pause(seconds(2));
    let asked = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(asked.elapsed() < seconds(2), "it does not end");
        pause(Duration::from_millis(10));
    }
}

#[test]
fn what_could_not_be_done_is_in_the_state_line_and_the_journal_until_it_is_done() {
    let options = Options { separator: '.', ..Options::default() };
    let Some(scene) = Scene::start(&options, "") else { return };
    scene.home.write("rules.toml", &RULES.replace(SPAM, "v1.0"));
    scene.daemon.logs("reloaded settings");
    deliver(&scene.server, [1]);
    let left = "1 message could not be moved or marked; followsift tries again later";
    scene.daemon.says(&format!("watching home; home: {left}"));
    // Another look at the folder may say less of it, and nothing twice.
    let log = scene.daemon.log();
    let undone: Vec<&str> = log.lines().filter(|line| line.contains("left undone: ")).collect();
    let once: std::collections::BTreeSet<&str> = undone.iter().copied().collect();
    assert!(!undone.is_empty() && once.len() == undone.len(), "{log}");
    deliver(&scene.server, [2]);
    scene.daemon.says("watching home; home: 2 messages could not be moved");
}

#[test]
fn a_fault_of_this_machine_is_no_lost_connection() {
    let home = Home::new();
    home.settings(1, "");
    std::fs::create_dir(home.state()).unwrap();
    home.write("state/ledger.sqlite", &"no database ".repeat(1000));
    let daemon = home.run();
    daemon.says("home cannot work: could not read the ledger ");
    assert!(daemon.status().contains("restore a copy, or move it away"), "{}", daemon.status());
    daemon.logs("ERROR [account=home] cannot work: ");
    assert!(!daemon.log().contains("connecting again"), "{}", daemon.log());
}

#[test]
fn a_full_disk_stops_moves_and_not_the_service_which_goes_on_by_itself() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let Some(mut daemon) = home.run_on_a_small_disk() else {
        aloud("SKIPPED, for want of a namespace: a full disk under the service");
        return;
    };
    daemon.says("watching home");
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);
    home.write("full", "");
    pause(seconds(1));
    deliver(&server, [2, 3]);
    daemon.says("home cannot work: could not ");
    // It retries after 5 to 10 s.
    pause(seconds(25));
    let (log, status) = (daemon.log(), daemon.status());
    assert!(status.contains("home cannot work: could not "), "{status}\n{log}");
    assert!(status.contains("disk is full"), "{status}\n{log}");
    assert_eq!((log.matches("ERROR").count(), log.matches("connected").count()), (1, 1), "{log}");
    assert_eq!(whereabouts(&mut server.client()), (vec![2, 3], vec![1]), "{log}");
    assert!(!daemon.has_ended());
    std::fs::remove_file(home.path().join("full")).unwrap();
    filed(&server, &daemon, 3, seconds(70));
    daemon.says("watching home");
    assert_eq!(daemon.log().matches("connected").count(), 2, "{}", daemon.log());
}

/// The service holds the lock of its account also while it waits. The lock itself is tested in `ledger/files.rs`.
#[test]
fn two_services_never_work_on_one_account() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let second = scene.home.command(&["sweep"]).output().unwrap();
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("another followsift (process ") && second.status.code() == Some(75), "{text}");
    scene.daemon.says("watching home");
}

#[test]
fn root_does_not_lock_the_service_out_of_its_ledger() {
    if !rustix::process::getuid().is_root() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED, for want of root: root's commands\n",
        );
        return;
    }
    let home = Home::new();
    home.settings(1, "");
    std::fs::create_dir(home.state()).unwrap();
    std::os::unix::fs::chown(home.state(), Some(65_534), Some(65_534)).unwrap();
    let root = home.command(&["sweep"]).output().unwrap();
    let text = String::from_utf8_lossy(&root.stderr).into_owned();
    assert!(text.contains("run the command as that user: `sudo -u nobody "), "{text}");
    assert_eq!(std::fs::read_dir(home.state()).unwrap().count(), 0);
}

#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let home = Home::new();
    home.settings(1, "");
    let service = home.command(&["run"]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -Sn 64; exec \"$0\" \"$@\""])
        .arg(service.get_program())
        .args(service.get_args());
    for (name, value) in service.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let daemon = home.run_as(command);
    daemon.logs("connecting again in");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<_> = limit.split_whitespace().collect();
    assert!(words[3] != "64" && words[3] == words[4], "{limit}");
}

#[test]
fn a_start_with_wrong_files_is_an_error_in_the_journal_and_in_the_status() {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;

    let home = Home::new();
    home.settings(1, "");
    home.write("rules.toml", "[[rule]]\nname = 1\n");
    let notify = std::os::unix::net::UnixDatagram::bind(home.path().join("systemd")).unwrap();
    notify.set_read_timeout(Some(SOON)).unwrap();
    let (mut log, stderr) = std::io::pipe().unwrap();
    let stream = std::fs::metadata(format!("/proc/self/fd/{}", stderr.as_raw_fd())).unwrap();
    let mut command = home.command(&["run"]);
    command
        .env("JOURNAL_STREAM", format!("{}:{}", stream.dev(), stream.ino()))
        .env("NOTIFY_SOCKET", home.path().join("systemd"))
        .stderr(stderr);
    let mut child = command.spawn().unwrap();
    drop(command);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(78));
    let mut words = [0; 4096];
    let count = notify.recv(&mut words).unwrap();
    let words = String::from_utf8_lossy(&words[..count]).into_owned();
    assert!(words.starts_with("STATUS=could not start: ") && words.contains("rules.toml:1: "), "{words}");
    // Where no journal runs, each line begins with its priority.
    let mut text = String::new();
    std::io::Read::read_to_string(&mut log, &mut text).unwrap();
    let has_journal = Path::new("/run/systemd/journal/socket").exists();
    assert!(has_journal || text.starts_with("<3>error: ") && text.contains("rules.toml:1: "), "{text}");
}

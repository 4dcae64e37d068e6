//! The service as a process, against a real Dovecot, through a proxy that breaks the line on purpose.
//!
//! Each claim is about what a person would see: where the mail is, how soon, what the journal and systemd are told. What
//! takes a minute by its nature (silence that has to last) runs side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use crate::support;
use crate::support::daemon::{Daemon, Home, RULES, SPAM, account, deliver, filed, spam, whereabouts};
use crate::support::letters::Letter;
use crate::support::proxy::{How, Proxy, When};
use crate::support::{Dovecot, Options, USER, pause};
use rustix::process::Signal;

/// As soon as anybody would notice.
const SOON: Duration = Duration::from_secs(15);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A server, a proxy before it, and the service on the other side, waiting for mail.
struct Scene {
    server: Dovecot,
    proxy: Proxy,
    home: Home,
    daemon: Daemon,
}

impl Scene {
    fn start(options: &Options, more: &str) -> Option<Self> {
        let server = Dovecot::start(options)?;
        let proxy = Proxy::start(server.port);
        let home = Home::new();
        home.settings(proxy.port, more);
        let daemon = home.run();
        daemon.says("watching home");
        if !options.without.contains(&"IDLE") {
            proxy.wait_for("IDLE", 0);
        }
        Some(Self { server, proxy, home, daemon })
    }

    fn filed(&self, last: usize, bound: Duration) -> Duration {
        filed(&self.server, &self.daemon, last, bound)
    }
}

#[test]
fn a_new_mail_is_filed_at_once_and_the_service_ends_within_a_second() {
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
    assert_eq!(scene.daemon.told().len(), 3, "{:?}", scene.daemon.told());
}

#[test]
fn a_network_whose_mails_changed_is_told_of_by_name_and_date() {
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
    assert_eq!(server.client().mails("INBOX").len(), 1);
}

/// How the line is broken in one case.
enum Break {
    /// While nothing passes.
    Idle(How),
    /// At this moment of the next command of the kind.
    At(When, How),
    /// The server is gone for some seconds.
    Refused,
}

#[test]
fn whatever_breaks_the_line_mail_is_filed_within_the_bound() {
    use Break::{At, Idle, Refused};
    use When::{After, Before};
    let quick = seconds(12);
    // Silence has to last for a while before it means anything: 30 s after the next renewal, 60 s in a command.
    let (renewed, silent) = (seconds(50), seconds(80));
    let bye = How::Say("* BYE [UNAVAILABLE] going down\r\n");
    let cases = [
        (Idle(How::Close), quick),
        (Idle(How::Reset), quick),
        (Idle(How::Stall), renewed),
        (Refused, seconds(20)),
        (At(Before("UID FETCH"), How::Close), quick),
        (At(After("UID FETCH"), How::Reset), quick),
        (At(After("UID FETCH"), How::Stall), silent),
        (At(Before("UID FETCH"), bye), quick),
        (At(Before("UID MOVE"), How::Close), quick),
        (At(After("UID MOVE"), How::Close), quick),
        (At(After("UID MOVE"), How::Reset), quick),
        (At(After("UID MOVE"), How::Stall), silent),
        (At(Before("SELECT"), How::Say("TAG NO [INUSE] locked\r\n")), quick),
        (At(Before("SELECT"), How::Say("TAG NO [SERVERBUG] oh\r\n")), quick),
        (At(Before("DONE"), How::Close), quick),
        (At(After("DONE"), How::Reset), quick),
        // The imap crate panics on it: the connection counts as lost, and the thread goes on.
        (At(Before("IDLE"), How::Say("TAG OK what\r\n")), quick),
    ];
    std::thread::scope(|threads| {
        for (broken, bound) in &cases {
            threads.spawn(move || survives(broken, *bound));
        }
    });
}

/// One mail comes, the line breaks, another comes at that moment: both are filed within the bound.
fn survives(broken: &Break, bound: Duration) {
    let Some(scene) = Scene::start(&Options::default(), "idle = \"4s\"") else { return };
    match broken {
        Break::Idle(how) => scene.proxy.break_all(*how),
        Break::At(when, how) => {
            scene.proxy.arm(*when, *how);
            deliver(&scene.server, [1]);
            scene.daemon.until("struck", seconds(10), |_| scene.proxy.is_spent());
        }
        Break::Refused => {
            scene.proxy.refuse(true);
            scene.proxy.break_all(How::Reset);
        }
    }
    let before = matches!(broken, Break::At(..));
    deliver(&scene.server, [usize::from(before) + 1]);
    if matches!(broken, Break::Refused) {
        pause(seconds(4));
        scene.proxy.refuse(false);
    }
    scene.filed(usize::from(before) + 1, bound);
    if matches!(broken, Break::At(When::Before("IDLE"), _)) {
        let log = scene.daemon.log();
        assert!(log.contains("thread=\"home\"") && log.contains("the imap crate panicked"), "{log}");
        assert!(!log.contains("account thread crashed"), "{log}");
    }
}

#[test]
fn a_server_that_is_restarted_is_found_again() {
    let Some(mut scene) = Scene::start(&Options::default(), "") else { return };
    scene.server.kill();
    scene.daemon.says("home is away");
    scene.server.restart();
    deliver(&scene.server, [1]);
    scene.filed(1, seconds(30));
}

#[test]
fn a_server_without_idle_and_one_that_announces_nothing_are_asked_now_and_then() {
    let without = Options { without: vec!["IDLE"], ..Options::default() };
    let Some(polled) = Scene::start(&without, "poll = \"1s\"") else { return };
    let Some(mute) = Scene::start(&Options::default(), "poll = \"2s\"") else { return };
    mute.proxy.mute();
    for number in 1..=2 {
        deliver(&polled.server, [number]);
        deliver(&mute.server, [number]);
        polled.filed(number, seconds(5));
        mute.filed(number, seconds(6));
    }
    assert_eq!(polled.proxy.count("IDLE"), 0);
}

#[test]
fn where_silent_lines_die_waiting_is_renewed_sooner() {
    let Some(scene) = Scene::start(&Options::default(), "idle = \"4s\"\npoll = \"4s\"") else { return };
    // Half of four seconds is silent for too long; a quarter is not.
    scene.proxy.forget_after(Duration::from_millis(1500));
    scene.daemon.until("learned", seconds(150), |it| it.log().matches("renews IDLE sooner").count() == 2);
    scene.daemon.until("back", SOON, |it| it.log().matches(" connected").count() == 3);
    let connections = scene.proxy.connections();
    let renewals = scene.proxy.count("IDLE");
    scene.proxy.wait_for("IDLE", renewals + 5);
    assert_eq!(scene.proxy.connections(), connections, "{}", scene.daemon.log());
    deliver(&scene.server, [1]);
    scene.filed(1, seconds(5));
}

#[test]
fn a_day_of_idle_in_a_few_seconds_needs_one_connection() {
    let Some(scene) = Scene::start(&Options::default(), "idle = \"1s\"\npoll = \"1s\"") else { return };
    for number in 1..=12 {
        // Around the end of a wait, where announcements get lost.
        scene.proxy.wait_for("DONE", scene.proxy.count("DONE"));
        deliver(&scene.server, [number]);
    }
    scene.filed(12, seconds(5));
    assert_eq!(scene.proxy.connections(), 1, "{}", scene.daemon.log());
}

#[test]
fn a_burst_of_two_hundred_mails_is_filed() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    deliver(&scene.server, 1..=200);
    scene.filed(200, seconds(30));
    assert_eq!(scene.proxy.connections(), 1);
}

#[test]
fn a_wrong_password_parks_its_account_and_no_other_and_a_reload_looks_again() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let (right, wrong) = (Proxy::start(server.port), Proxy::start(server.port));
    let home = Home::new();
    home.write("wrong", "not it");
    let tables = account("home", right.port, "folders = [\"Other\"]")
        + &account("work", wrong.port, "password-file = \"wrong\"");
    home.write("followsift.toml", &format!("state = \"state\"\n{tables}"));
    server.client().run("CREATE Other");
    let daemon = home.run();
    daemon.says("watching home; work is paused until you act: could not log in to 127.0.0.1");
    assert!(daemon.status().contains("[AUTHENTICATIONFAILED]"), "{}", daemon.status());
    server.client().deliver("Other", &spam(1));
    filed(&server, &daemon, 1, SOON);
    deliver(&server, [2]);
    pause(seconds(8));
    assert_eq!(wrong.connections(), 1, "a wrong password was tried again: {}", daemon.log());
    assert!(!daemon.log().contains("not it"));
    home.write("rules.toml", &format!("{}# saved\n", support::daemon::RULES));
    daemon.logs("reloaded settings");
    pause(seconds(3));
    assert_eq!(wrong.connections(), 1, "a wrong password was tried again since a file was saved");
    home.write("wrong", support::PASSWORD);
    daemon.signal(Signal::HUP);
    filed(&server, &daemon, 2, SOON);
    daemon.says("watching home, work; last trouble");
    assert_eq!(right.connections(), 1, "an account that did not change was started anew");
}

#[test]
fn a_folder_that_the_server_will_not_open_just_now_keeps_no_other_from_being_looked_through() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let proxy = Proxy::start(server.port);
    let home = Home::new();
    home.settings(proxy.port, "folders = [\"Other\", \"INBOX\"]");
    server.client().run("CREATE Other");
    deliver(&server, [1]);
    proxy.arm(When::Before("SELECT"), How::Say("TAG NO [SERVERBUG] internal error\r\n"));
    let swept = home.command(&["sweep"]).output().unwrap();
    assert_eq!(swept.status.code(), Some(75), "{}", String::from_utf8_lossy(&swept.stderr));
    assert_eq!(whereabouts(&mut server.client()), (vec![], vec![1]));
}

#[test]
fn a_login_that_is_refused_for_a_while_is_tried_again() {
    let server = Dovecot::start(&Options::default());
    let Some(server) = server else { return };
    for words in ["TAG NO [UNAVAILABLE] x\r\n", "TAG NO [LIMIT] x\r\n", "* BYE x\r\n"] {
        let proxy = Proxy::start(server.port);
        let home = Home::new();
        home.settings(proxy.port, "");
        proxy.arm(When::Before("AUTHENTICATE"), How::Say(words));
        let daemon = home.run();
        daemon.until("connected", SOON, |it| proxy.is_spent() && it.log().contains(" connected"));
        assert_eq!(proxy.connections(), 2, "{words}");
    }
}

#[test]
fn a_reload_takes_new_rules_and_a_wrong_file_keeps_the_old() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    let reload = |seen: &str| {
        let before = daemon.told().len();
        daemon.signal(Signal::HUP);
        daemon.until("reloaded", SOON, |it| {
            it.told().iter().skip(before).any(|(_, words)| words.contains("READY=1"))
        });
        let told: Vec<String> = daemon.told().into_iter().skip(before).map(|(_, words)| words).collect();
        assert!(told[0].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{told:?}");
        daemon.says(seen);
    };
    home.write("rules.toml", "[[rule]]\nname = \"x\"\nwhen.folowers = 3\nverdict = \"spam\"\n");
    reload("reload failed; the previous configuration stays in use: ");
    assert!(daemon.status().contains("rules.toml:3: "), "{}", daemon.status());
    assert!(daemon.log().contains("did you mean `followers`?"), "{}", daemon.log());
    deliver(server, [1]);
    scene.filed(1, SOON);

    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    reload("watching home");
    assert!(!daemon.status().contains("wrong"), "{}", daemon.status());
    let seen = proxy.count("IDLE");
    deliver(server, [2]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![2], vec![1]));

    // Settings that name no account are wrong too; an account that is gone is left alone.
    home.write("followsift.toml", "state = \"state\"\n");
    reload("the settings name no account");
    assert_eq!(proxy.connections(), 1, "{}", daemon.log());
    home.write("followsift.toml", &format!("state = \"state\"\n{}", account("other", proxy.port, "")));
    reload("watching other");
    assert_eq!(proxy.connections(), 2, "{}", daemon.log());
}

#[test]
fn a_rules_file_that_vanishes_leaves_the_rules_in_force_and_not_those_that_ship() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    home.write("rules.toml", "[verdict.spam]\nmove-to = \"Followers/Spam\"\n");
    daemon.logs("reloaded settings");
    std::fs::rename(home.path().join("rules.toml"), home.path().join("elsewhere")).unwrap();
    daemon.says("rules.toml is gone");
    let seen = proxy.count("IDLE");
    deliver(server, [1]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![]));
}

/// Rules that leave alone whom a list names.
fn rules_with_friends() -> String {
    format!(
        "[list.friends]\nfile = \"friends.txt\"\n\n[[rule]]\nname = \"Friends\"\nwhen.who = {{ in = \"friends\" }}\n\
         verdict = \"real\"\n\n{}",
        support::daemon::RULES
    )
}

#[test]
fn a_list_that_is_emptied_while_it_is_saved_keeps_its_people_and_its_full_text_is_read() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    home.write("friends.txt", "Somebody Else\nAna Lima\n");
    home.write("rules.toml", &rules_with_friends());
    daemon.logs("reloaded settings");
    home.write("friends.txt", "");
    daemon.logs(
        "names nobody any more, and named 2 people before; the list keeps the people of the last good copy",
    );
    home.write("friends.txt", "Somebody Else\nAna Lima\n@bulk_1\n");
    daemon.until("the names are back", SOON, |it| it.log().matches("reloaded settings").count() > 2);
    // A stranger is filed, and the one who was added is not.
    deliver(server, [1, 2]);
    daemon.logs("message moved");
    let seen = proxy.count("IDLE");
    proxy.wait_for("IDLE", seen.saturating_sub(1));
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![2]), "{}", daemon.log());
}

#[test]
fn an_emptied_rules_file_leaves_the_rules_in_force() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    scene.home.write("rules.toml", "");
    scene.daemon.says("rules.toml holds no rules");
    deliver(&scene.server, [1]);
    scene.filed(1, SOON);
}

#[test]
fn what_wrong_rules_left_is_judged_again_as_soon_as_they_are_mended() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, home, daemon, .. } = &scene;
    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    daemon.logs("reloaded settings");
    deliver(server, [1]);
    let ledger = || rusqlite::Connection::open(home.state().join("ledger.sqlite")).unwrap();
    let judged =
        || ledger().query_row("SELECT count(*) FROM judgement", [], |row| row.get::<_, i64>(0)).unwrap();
    daemon.until("judged", SOON, |_| judged() == 1);
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![]));
    home.write("rules.toml", support::daemon::RULES);
    scene.filed(1, SOON);
}

#[test]
fn a_state_folder_that_is_taken_away_is_noticed_and_made_anew() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, home, daemon, .. } = &scene;
    std::fs::rename(home.state(), home.path().join("elsewhere")).unwrap();
    deliver(server, [1]);
    daemon.logs("it was moved or deleted while in use");
    scene.filed(1, seconds(30));
    assert!(home.state().join("ledger.sqlite").exists());
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
fn a_file_that_is_saved_is_read_again_without_a_signal() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    let after = |before: usize, seen: &str| {
        daemon.until("reloaded", SOON, |it| {
            it.told().iter().skip(before).any(|(_, words)| words.contains("READY=1"))
        });
        daemon.says(seen);
    };
    // A test that fails refuses the file, and says which and why.
    let before = daemon.told().len();
    let test = "[[test]]\nfollower = { following = 9000, followers = 1 }\nexpect = \"real\"\n";
    home.write("rules.toml", &format!("{}{test}", support::daemon::RULES));
    after(before, "reload failed; the previous configuration stays in use: ");
    assert!(daemon.log().contains("test failed: expected real"), "{}", daemon.log());
    deliver(server, [1]);
    scene.filed(1, SOON);

    let before = daemon.told().len();
    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    after(before, "watching home");
    let seen = proxy.count("IDLE");
    deliver(server, [2]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![2], vec![1]));
}

#[test]
fn a_stop_is_prompt_while_backing_off_while_parked_and_while_a_program_is_asked() {
    let home = Home::new();
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    home.settings(refused, "");
    let daemon = home.run();
    daemon.says("home is away: could not connect");
    let (status, time) = daemon.stop();
    assert!(status.success() && time < seconds(1), "backing off: {status} after {time:?}");

    home.settings(refused, "password-command = [\"sleep\", \"100\"]");
    let daemon = home.run();
    daemon.says("connecting to home");
    pause(Duration::from_millis(300));
    let (status, time) = daemon.stop();
    assert!(status.success() && time < seconds(1), "asking: {status} after {time:?}");

    home.settings(refused, "password-command = [\"false\"]");
    let daemon = home.run();
    daemon.says("home is paused");
    let (status, time) = daemon.stop();
    assert!(status.success() && time < seconds(1), "parked: {status} after {time:?}");
}

#[test]
fn a_stop_lets_a_move_in_flight_end_and_gives_up_after_twenty_seconds() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    scene.proxy.arm(When::After("UID MOVE"), How::Stall);
    deliver(&scene.server, [1]);
    scene.daemon.until("struck", seconds(10), |_| scene.proxy.is_spent());
    pause(Duration::from_millis(200));
    let (status, time) = scene.daemon.stop();
    assert!(status.success() && time > seconds(15) && time < seconds(23), "{status} after {time:?}");
    let again = scene.home.run();
    filed(&scene.server, &again, 1, SOON);
}

#[test]
fn stopped_at_a_random_moment_a_hundred_times_every_mail_is_in_exactly_one_folder() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let seed = fastrand::u64(..);
    aloud(&format!("seed {seed}"));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut client = server.client();
    for round in 1..=100 {
        client.deliver("INBOX", &spam(round));
        let daemon = home.run();
        pause(Duration::from_millis(random.u64(0..700)));
        let begun = daemon.told().iter().any(|(_, words)| words.contains("READY=1"));
        let (status, _) = daemon.stop();
        // Before it listens to signals it ends by them, as any program does.
        assert!(status.success() || !begun, "round {round}, seed {seed}: {status}");
        let (inbox, spam) = whereabouts(&mut client);
        let mut all = [inbox, spam].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=round).collect::<Vec<_>>(), "round {round}, seed {seed}");
    }
    let daemon = home.run();
    filed(&server, &daemon, 100, SOON);
}

#[test]
fn systemd_hears_that_all_is_well_until_a_thread_hangs() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let mut command = home.command(&["run"]);
    command.env("WATCHDOG_USEC", "1000000");
    // The ledger is opened under a lock on its folder. Held by somebody else, it holds up the thread.
    std::fs::create_dir(home.state()).unwrap();
    let folder = std::fs::File::open(home.state()).unwrap();
    folder.lock().unwrap();
    let mut daemon = home.run_as(command);
    let fed = |it: &Daemon| it.told().iter().filter(|(_, words)| words == "WATCHDOG=1").count();
    daemon.until("fed", SOON, |it| fed(it) > 3);
    daemon.until("starved", seconds(80), |it| it.log().contains("account thread hangs"));
    let starved = fed(&daemon);
    pause(seconds(3));
    assert_eq!(fed(&daemon), starved);
    assert!(daemon.log().contains("account=home"), "{}", daemon.log());
    // A thread that goes on is well again.
    folder.unlock().unwrap();
    daemon.until("fed again", SOON, |it| fed(it) > starved + 2);
    assert!(!daemon.has_ended());
}

#[test]
fn a_systemd_that_does_not_listen_holds_nobody_up() {
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
    let told = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    while child.try_wait().unwrap().is_none() {
        assert!(told.elapsed() < seconds(2), "it does not end");
        pause(Duration::from_millis(10));
    }
}

#[test]
fn a_certificate_of_its_own_is_trusted_by_its_fingerprint_alone() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    let settings = |port: u16, tls: &str, more: &str| {
        let table = account("bridge", port, more).replace("\"off\"", tls);
        home.write("followsift.toml", &format!("state = \"state\"\n{table}"));
    };
    for (port, tls) in [(server.tls_port, "\"implicit\""), (server.port, "\"starttls\"")] {
        settings(port, tls, "");
        let shown = home.command(&["check", "--connect"]).output().unwrap();
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let line = text.lines().map(str::trim).find(|line| line.starts_with("tls-fingerprint = \"sha256:"));
        let line = line.unwrap_or_else(|| panic!("no line to add in {text}"));
        assert_eq!(shown.status.code(), Some(75));

        settings(port, tls, line);
        let shown = home.command(&["check", "--connect"]).output().unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));

        // The last digit is another: the certificate of somebody in between.
        let last = line.chars().nth_back(1).unwrap();
        let other = if last == '0' { "1\"" } else { "0\"" };
        settings(port, tls, &format!("{}{other}", line.strip_suffix(&format!("{last}\"")).unwrap()));
        let daemon = home.run();
        daemon.says("bridge is paused until you act: could not connect");
        assert!(daemon.status().contains("another than `tls-fingerprint` says"), "{}", daemon.status());
    }
    assert!(!server.log().contains("auth failed"), "something was sent to a server that is not trusted");
}

/// Rules that take seconds to read: each of many tests is judged by each of many rules.
fn slow_rules() -> String {
    const MANY: usize = 4000;
    let verdict = "[verdict.spam]\npoints-at = 9\nmove-to = \"Followers/Spam\"\n";
    let rules = (0..MANY).map(|number| {
        format!("[[rule]]\nname = \"{number}\"\nwhen.bio = {{ has = \"word {number}\" }}\npoints = 1\n")
    });
    let follower =
        "{ following = 3, bio = \"They write about word after word, and never about any number\" }";
    let test = format!("[[test]]\nfollower = {follower}\nexpect = \"undecided\"\n");
    verdict.to_owned() + &rules.collect::<String>() + &test.repeat(MANY)
}

#[test]
fn a_stop_does_not_wait_for_a_reload() {
    let home = Home::new();
    // Nobody listens there.
    home.settings(1, "");
    let mut daemon = home.run();
    daemon.says("home is away");
    home.write("rules.toml", &slow_rules());
    daemon.signal(Signal::HUP);
    daemon.until("reloading", seconds(30), |it| {
        it.told().iter().any(|(_, words)| words.contains("RELOADING=1"))
    });
    daemon.signal(Signal::TERM);
    daemon.logs("stopping");
    while !daemon.has_ended() {
        pause(Duration::from_millis(10));
    }
    let log = daemon.log();
    assert!(!log.contains("reloaded settings") && !log.contains("stays in use"), "it has waited:\n{log}");
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
    let undone = |log: &str| log.matches("left undone: ").count();
    assert_eq!(undone(&scene.daemon.log()), 1, "{}", scene.daemon.log());
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
fn packets_that_vanish_are_noticed_and_the_network_coming_back_too() {
    let Some(net) = Net::up() else { return };
    let options = Options { conf: "listen = *".to_owned(), ..Options::default() };
    let Some(server) = Dovecot::start(&options) else { return };
    let pem = std::fs::read(server.path().join("server.pem")).unwrap();
    let pin = followsift_fingerprint(&pem);
    let home = Home::new();
    let table = account("home", server.tls_port, &format!("tls-fingerprint = \"{pin}\""))
        .replace("\"off\"", "\"implicit\"")
        .replace("127.0.0.1", &net.host());
    home.write("followsift.toml", &format!("state = \"state\"\n{table}"));
    let inside = home.command(&["run"]);
    let mut command = std::process::Command::new("ip");
    command.args(["netns", "exec", &net.name]).arg(inside.get_program()).args(inside.get_args());
    command.env("HOME", home.path());
    let daemon = home.run_as(command);
    daemon.says("watching home");
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);

    // Nothing passes, and nobody is told.
    net.cut();
    deliver(&server, [2]);
    let noticed = daemon.until("noticed", seconds(90), |it| it.status().contains("home is away"));
    let why = daemon.status();
    // The network is away for a while, and comes back.
    net.lose();
    daemon.until("out of reach", seconds(60), |it| it.log().contains("unreachable"));
    net.heal();
    let back = filed(&server, &daemon, 2, seconds(20));
    aloud(&format!("a black hole was noticed after {noticed:?}, the network after {back:?}: {why}"));

    // Another network: the line is dead, and known to be at once.
    deliver(&server, [3]);
    filed(&server, &daemon, 3, SOON);
    net.cut();
    net.readdress();
    daemon.until("noticed", seconds(25), |it| it.log().matches("connecting again").count() > 1);
}

/// A network of its own for the service, joined to ours by a cable that can be cut. Gone when dropped.
struct Net {
    name: String,
    subnet: String,
}

impl Net {
    fn up() -> Option<Self> {
        let number = std::process::id() % 200 + 20;
        let net = Self { name: format!("fsift{number}"), subnet: format!("10.203.{number}") };
        let Self { name, subnet } = &net;
        let steps = [
            format!("netns add {name}"),
            format!("link add {name}h type veth peer name {name}n"),
            format!("link set {name}n netns {name}"),
            format!("addr add {subnet}.1/24 dev {name}h"),
            format!("link set {name}h up"),
            format!("-n {name} addr add {subnet}.2/24 dev {name}n"),
            format!("-n {name} link set lo up"),
            // Its own address of IPv6 would be announced some seconds later: a change that nobody made.
            format!("-n {name} link set {name}n addrgenmode none"),
            format!("-n {name} link set {name}n up"),
        ];
        if !rustix::process::getuid().is_root() || !steps.iter().all(|step| ip(step)) {
            aloud("SKIPPED, for want of root and of network namespaces: packets that vanish");
            return None;
        }
        Some(net)
    }

    fn host(&self) -> String {
        format!("{}.1", self.subnet)
    }

    /// Packets go to a neighbour that is not there. The cable stays, so the kernel tells nobody.
    fn cut(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("neigh replace {subnet}.2 lladdr 02:00:00:00:00:99 dev {name}h nud permanent")));
        assert!(ip(&format!(
            "-n {name} neigh replace {subnet}.1 lladdr 02:00:00:00:00:99 dev {name}n nud permanent"
        )));
    }

    /// The network is gone.
    fn lose(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("-n {name} addr del {subnet}.2/24 dev {name}n")));
    }

    /// All is as it was.
    fn heal(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("neigh del {subnet}.2 dev {name}h")));
        // Gone with the address already, as the case may be.
        ip(&format!("-n {name} neigh del {subnet}.1 dev {name}n"));
        assert!(ip(&format!("-n {name} addr add {subnet}.2/24 dev {name}n")));
    }

    /// We have another address now.
    fn readdress(&self) {
        let Self { name, subnet } = self;
        assert!(ip(&format!("-n {name} addr add {subnet}.3/24 dev {name}n")));
        assert!(ip(&format!("-n {name} addr del {subnet}.2/24 dev {name}n")));
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        ip(&format!("link del {}h", self.name));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = std::process::Command::new("ip");
    command.args(arguments.split(' ')).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The fingerprint of a certificate in PEM, by our own reading of it.
fn followsift_fingerprint(pem: &[u8]) -> followsift::settings::Fingerprint {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(pem);
    let body = text.split("-----").nth(2).unwrap().replace('\n', "");
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    followsift::settings::Fingerprint::of(&der)
}

/// Takes as many minutes as FOLLOWSIFT_SOAK_MINUTES says, else sixty; `tests/further/soak.sh` runs it.
#[test]
#[ignore = "it takes up to an hour: `tests/run.sh --all` runs it, for a quarter of one"]
fn memory_stays_flat_while_everything_fails_now_and_then() {
    #[expect(clippy::disallowed_methods, reason = "it is the test's setting, not the program's")]
    let minutes = std::env::var("FOLLOWSIFT_SOAK_MINUTES").map_or(60, |minutes| minutes.parse().unwrap());
    // More mails come than the fuse lets through in an hour.
    let more = "idle = \"20s\"\npoll = \"20s\"\nmoves-per-hour = 60000";
    let Some(scene) = Scene::start(&Options::default(), more) else { return };
    let seed = fastrand::u64(..);
    aloud(&format!("seed {seed}"));
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    let (mut delivered, mut settled, mut reported) = (0, 0, 0);
    while begun.elapsed() < seconds(60 * minutes) {
        let when = [When::Before, When::After][random.usize(0..2)];
        let command = ["UID FETCH", "UID MOVE", "SELECT", "DONE", "IDLE", "AUTHENTICATE"][random.usize(0..6)];
        let how = match random.u8(0..8) {
            0 => How::Stall,
            1..4 => How::Reset,
            4..7 => How::Close,
            _ => How::Say("* BYE [UNAVAILABLE] later\r\n"),
        };
        match random.u8(0..10) {
            0..6 => scene.proxy.arm(when(command), how),
            6 => scene.proxy.break_all(how),
            7 => scene.daemon.signal(Signal::HUP),
            8 => {
                scene.proxy.refuse(true);
                pause(seconds(random.u64(1..8)));
                scene.proxy.refuse(false);
            }
            _ => {}
        }
        let more = random.usize(1..4);
        deliver(&scene.server, delivered + 1..=delivered + more);
        delivered += more;
        pause(Duration::from_millis(random.u64(500..9_000)));
        let minute = begun.elapsed().as_secs() / 60;
        if minute > reported {
            reported = minute;
            let memory = resident(scene.daemon.pid());
            if minute == 2.min(minutes / 2) {
                settled = memory;
            }
            if minute.is_multiple_of(5) {
                aloud(&format!("minute {minute}: {memory} KiB, {} connections", scene.proxy.connections()));
            }
        }
    }
    scene.filed(delivered, seconds(180));
    let memory = resident(scene.daemon.pid());
    aloud(&format!("{delivered} mails, {settled} KiB after two minutes, {memory} KiB at the end"));
    assert!(memory < settled + 2_048, "{settled} KiB became {memory} KiB");
}

/// Resident memory in KiB, but for the pages of the program's own file, which come in as they are used.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Says something past the test runner, which would swallow it.
fn aloud(words: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{words}\n").as_bytes());
}

#[test]
fn logins_to_one_host_are_spread() {
    let Some(server) = Dovecot::start(&support::home::Home::server(&[])) else { return };
    let proxy = Proxy::start(server.port);
    let home = Home::new();
    home.write("password", support::home::PASSWORD);
    let tables: String = ["a0", "a1", "a2", "a3"]
        .map(|name| account(name, proxy.port, "").replace(&format!("\"{USER}\""), &format!("\"{name}\"")))
        .concat();
    home.write("followsift.toml", &format!("state = \"state\"\n{tables}"));
    let begun = Instant::now();
    let daemon = home.run();
    daemon.until("all watched", SOON, |it| it.status() == "watching a0, a1, a2, a3");
    assert!(begun.elapsed() > Duration::from_millis(1500), "all at once: {:?}", begun.elapsed());
}

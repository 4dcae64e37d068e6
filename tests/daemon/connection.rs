//! The connection to the server: whatever breaks it, messages are filed soon after.

use std::sync::{Mutex, PoisonError};

use super::*;

static BEGINS: Mutex<()> = Mutex::new(());

/// How the line is broken in one case.
enum Break {
    /// While nothing passes.
    Idle(How),
    /// At this moment of the next command of the kind.
    At(&'static str, When, How),
    /// The server is gone for some seconds.
    Refused,
}

#[test]
fn whatever_breaks_the_connection_messages_are_filed_within_the_bound() {
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
        (At("UID FETCH", Before, How::Close), quick),
        (At("UID FETCH", After, How::Reset), quick),
        (At("UID FETCH", After, How::Stall), silent),
        (At("UID FETCH", Before, bye), quick),
        (At("UID MOVE", Before, How::Close), quick),
        (At("UID MOVE", After, How::Close), quick),
        (At("UID MOVE", After, How::Reset), quick),
        (At("UID MOVE", After, How::Stall), silent),
        (At("SELECT", Before, How::Say("TAG NO [INUSE] locked\r\n")), quick),
        (At("SELECT", Before, How::Say("TAG NO [SERVERBUG] oh\r\n")), quick),
        (At("DONE", Before, How::Close), quick),
        (At("DONE", After, How::Reset), quick),
    ];
    std::thread::scope(|threads| {
        for (broken, bound) in &cases {
            threads.spawn(move || survives(broken, *bound));
        }
    });
}

/// One message comes, the line breaks, another comes at that moment: both are filed within the bound.
fn survives(broken: &Break, bound: Duration) {
    // One after the other: sixteen servers and services that start at once take each other's time.
    let begins = BEGINS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(scene) = Scene::start(&Options::default(), "idle = \"4s\"") else { return };
    drop(begins);
    match broken {
        Break::Idle(how) => scene.proxy.break_all(*how),
        Break::At(begin, when, how) => {
            scene.proxy.arm([Fault::first(begin, *when, *how)]);
            deliver(&scene.server, [1]);
            scene.daemon.until("struck", seconds(10), |_| scene.proxy.has_struck());
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
fn a_server_that_says_goodbye_has_not_died_of_silence() {
    for (how, is_shorter) in [
        (How::Say("* BYE Disconnected for inactivity.\r\n"), false),
        (How::Say("* BYE [UNAVAILABLE] shutting down\r\n"), false),
        // Else the test shows nothing.
        (How::Close, true),
    ] {
        let Some(scene) = Scene::start(&Options::default(), "idle = \"8s\"\npoll = \"8s\"") else { return };
        // Longer than the shortest wait that counts as silent, and in the middle of it.
        pause(seconds(3));
        scene.proxy.break_all(how);
        scene.daemon.until("back", SOON, |it| it.log().matches(" connected").count() == 2);
        let log = scene.daemon.log();
        assert_eq!(log.contains("renews IDLE sooner"), is_shorter, "{how:?}\n{log}");
    }
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
fn a_burst_of_two_hundred_messages_is_filed() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    deliver(&scene.server, 1..=200);
    scene.filed(200, seconds(30));
    assert_eq!(scene.proxy.connections(), 1);
}

#[test]
fn a_folder_that_the_server_will_not_open_just_now_keeps_no_other_from_being_looked_through() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let proxy = Proxy::before(server.port);
    let home = Home::new();
    home.settings(proxy.port, "folders = [\"Other\", \"INBOX\"]");
    server.client().run("CREATE Other");
    deliver(&server, [1]);
    let refused = How::Say("TAG NO [SERVERBUG] internal error\r\n");
    proxy.arm([Fault::first("SELECT", When::Before, refused)]);
    let swept = home.command(&["sweep"]).output().unwrap();
    assert_eq!(swept.status.code(), Some(75), "{}", String::from_utf8_lossy(&swept.stderr));
    assert_eq!(whereabouts(&mut server.client()), (vec![], vec![1]));
}

#[test]
fn a_folder_that_goes_on_refusing_ends_neither_the_session_nor_the_polling_of_the_others() {
    for folders in ["[\"Other\", \"INBOX\"]", "[\"INBOX\", \"Other\"]"] {
        let Some(server) = Dovecot::start(&Options::default()) else { return };
        let proxy = Proxy::before(server.port);
        let home = Home::new();
        home.settings(proxy.port, &format!("poll = \"2s\"\nfolders = {folders}"));
        server.client().run("CREATE Other");
        server.client().deliver("Other", &spam(4));
        let how = How::Say("TAG NO [SERVERBUG] internal error\r\n");
        proxy.arm([Fault { begin: "SELECT \"Other\"", at: 0, when: When::Before, how }]);
        let daemon = home.run();
        daemon.says("home: 1 folder could not be used");
        for last in 1..=3 {
            deliver(&server, [last]);
            filed(&server, &daemon, last, SOON);
        }
        let reported = daemon.log().matches("folder \"Other\": the server refused").count();
        assert_eq!(reported, 1, "{}", daemon.log());
        proxy.arm([]);
        filed(&server, &daemon, 4, SOON);
        daemon.until("well", SOON, |it| it.status() == "watching home");
        assert_eq!(proxy.connections(), 1, "{}", daemon.log());
    }
}

#[test]
fn a_line_that_stalls_is_noticed_soon_after_the_server_should_have_spoken() {
    // Says that it is still here every six seconds, and IDLE is renewed much later.
    let options = Options { conf: "imap_idle_notify_interval = 6 secs".to_owned(), ..Options::default() };
    let Some(scene) = Scene::start(&options, "idle = \"9m\"\npoll = \"9m\"") else { return };
    pause(seconds(40));
    scene.proxy.break_all(How::Stall);
    deliver(&scene.server, [1]);
    // And the pause before the next connection.
    let after = scene.filed(1, seconds(6 + 90 + 10));
    aloud(&format!("a line that stalled was replaced after {after:?}"));
    assert!(!scene.daemon.log().contains("renews IDLE sooner"), "{}", scene.daemon.log());
}

//! How the service stops: promptly, and never in the middle of a move.

use super::*;

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
    scene.proxy.arm([Fault::first("UID MOVE", When::After, How::Stall)]);
    deliver(&scene.server, [1]);
    scene.daemon.until("struck", seconds(10), |_| scene.proxy.has_struck());
    pause(Duration::from_millis(200));
    let (status, time) = scene.daemon.stop();
    assert!(status.success() && time > seconds(15) && time < seconds(23), "{status} after {time:?}");
    let again = scene.home.run();
    filed(&scene.server, &again, 1, SOON);
}

#[test]
fn stopped_at_a_random_moment_a_hundred_times_every_message_is_in_exactly_one_folder() {
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
        let begun = daemon.reported().iter().any(|(_, words)| words.contains("READY=1"));
        let (status, _) = daemon.stop();
        // Before it handles signals, it dies from them, as any program does.
        assert!(status.success() || !begun, "round {round}, seed {seed}: {status}");
        let (inbox, spam) = whereabouts(&mut client);
        let mut all = [inbox, spam].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=round).collect::<Vec<_>>(), "round {round}, seed {seed}");
    }
    let daemon = home.run();
    filed(&server, &daemon, 100, SOON);
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
    // Nothing listens there.
    home.settings(1, "");
    let mut daemon = home.run();
    daemon.says("home is away");
    home.write("rules.toml", &slow_rules());
    daemon.signal(Signal::HUP);
    daemon.until("reloading", seconds(30), |it| {
        it.reported().iter().any(|(_, words)| words.contains("RELOADING=1"))
    });
    daemon.signal(Signal::TERM);
    daemon.logs("stopping");
    while !daemon.has_ended() {
        pause(Duration::from_millis(10));
    }
    let log = daemon.log();
    assert!(!log.contains("reloaded settings") && !log.contains("stays in use"), "it has waited:\n{log}");
}

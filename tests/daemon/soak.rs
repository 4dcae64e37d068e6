//! A long run in which everything fails now and then.

use super::*;

/// Takes as many minutes as FOLLOWSIFT_SOAK_MINUTES says, else sixty; `tests/further/soak.sh` runs it. The service counts as settled after
/// an hour, or after half of a shorter time.
#[test]
#[ignore = "it takes up to an hour: `tests/run.sh --all` runs it, for a quarter of one"]
fn memory_stays_flat_while_everything_fails_now_and_then() {
    #[expect(clippy::disallowed_methods, reason = "it is the test's setting, not the program's")]
    let minutes = std::env::var("FOLLOWSIFT_SOAK_MINUTES").map_or(60, |minutes| minutes.parse().unwrap());
    // More messages come than the fuse lets through in an hour.
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
            0..6 => scene.proxy.arm([Fault::first(command, when, how)]),
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
            if minute == 60.min(minutes / 2) {
                settled = memory;
            }
            if minute.is_multiple_of(5) {
                aloud(&format!("minute {minute}: {memory} KiB, {} connections", scene.proxy.connections()));
            }
        }
    }
    scene.filed(delivered, seconds(180));
    let memory = resident(scene.daemon.pid());
    aloud(&format!("{delivered} messages, {settled} KiB when it had settled, {memory} KiB at the end"));
    assert!(memory < settled + 2_048, "{settled} KiB became {memory} KiB");
}

/// Resident memory in KiB, except for the pages of the program's own file, which come in as they are used.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

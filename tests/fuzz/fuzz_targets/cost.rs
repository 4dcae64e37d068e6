//! Any text, repeated where a notification has its header, its text or its HTML: reading it costs no more than it may, and
//! takes no longer than its size allows.
//!
//! FOLLOWSIFT_WORST=FILE keeps the input that took longest for its size.
#![no_main]

#[path = "../../support/costly.rs"]
mod costly;

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use costly::{Opening, Place};
use followsift::diagnostic::document::Findings;
use followsift::clock::Timestamp;
use followsift::mail::{Cost, Message, Profiles, Recognition, Trust};
use libfuzzer_sys::fuzz_target;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));
static OPENINGS: LazyLock<Vec<Opening>> = LazyLock::new(costly::openings);
/// What a KB may take. A target is instrumented and checks for overflow, which makes it slower by a factor that differs between
/// machines: so the measure is a message of 64 KB in the same build, of which a KB takes a quarter of a millisecond in a
/// release build.
static MOST_PER_KB: LazyLock<Duration> = LazyLock::new(|| {
    let opening = OPENINGS.iter().find(|opening| opening.name == "mastodon/plain-2.9").unwrap();
    let filling = costly::fillings().into_iter().find(|filling| filling.name == "one long handle").unwrap();
    let mail = costly::message(opening, &filling, 64 << 10);
    let message = Message::parse(&mail).unwrap();
    let least = (0..5).map(|_| cost_of(&message).0).min().unwrap();
    4 * least / 64
});
static WORST: Mutex<Duration> = Mutex::new(Duration::ZERO);

fuzz_target!(|input: (u8, u8, u16, &str)| {
    let (opening, place, times, piece) = input;
    let Some(opening) = OPENINGS.get(usize::from(opening) % OPENINGS.len()) else { return };
    let place = [Place::Header, Place::Text, Place::Html][usize::from(place) % 3];
    let most = (64 << 10) / piece.len().max(1);
    let fill = format!("{}\n", piece.repeat(usize::from(times).min(most)));
    let mail = costly::filled(opening, place, &fill);
    let Ok(message) = Message::parse(&mail) else { return };
    let kilobytes = u32::try_from(mail.len() / 1024 + 1).unwrap_or(u32::MAX);
    let most = *MOST_PER_KB * kilobytes;
    let mut took = Duration::MAX;
    // What else the machine does slows one round, not three.
    for _ in 0..3 {
        let (time, recognition, cost) = cost_of(&message);
        took = took.min(time);
        assert_eq!(recognition == Recognition::TooCostly, cost.spent > cost.allowed, "{cost:?}");
        // What is looked at last may be a whole part.
        assert!(cost.spent <= cost.allowed + 64 * mail.len() as u64, "{cost:?}");
        if took < most / 10 {
            break;
        }
    }
    let mut worst = WORST.lock().unwrap();
    if took / kilobytes > *worst {
        *worst = took / kilobytes;
        if let Some(file) = std::env::var_os("FOLLOWSIFT_WORST") {
            std::fs::write(file, &mail).unwrap();
        }
    }
    assert!(took <= most, "{took:?} for {kilobytes} KB, of at most {most:?}");
});

/// What recognising a message takes of this thread's time, not of the clock's.
fn cost_of(message: &Message) -> (Duration, Recognition, Cost) {
    let start = cpu();
    let (recognition, cost) = PROFILES.recognise_counting(message, &Trust::default(), Timestamp(0));
    (cpu() - start, recognition, cost)
}

fn cpu() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap()
}

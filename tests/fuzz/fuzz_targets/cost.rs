//! Any text, repeated where a notification has its header, its text or its HTML: reading it costs no more than it may, and
//! takes no longer than its size allows.
//!
//! FOLLOWSIFT_WORST=FILE keeps the input that took longest for its size.
#![no_main]

#[path = "../../support/costly.rs"]
mod costly;

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use costly::{Opening, Place};
use followsift::diagnostic::document::Findings;
use followsift::clock::Timestamp;
use followsift::mail::{Message, Profiles, Recognition, Trust};
use libfuzzer_sys::fuzz_target;

/// What a KB may take. A target is instrumented and checks for overflow: a release build takes a tenth of that.
const MOST_PER_KB: Duration = Duration::from_millis(10);

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));
static OPENINGS: LazyLock<Vec<Opening>> = LazyLock::new(costly::openings);
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
    let mut took = Duration::MAX;
    // A machine that is busy with something else slows one round, not three.
    for _ in 0..3 {
        let start = Instant::now();
        let (recognition, cost) = PROFILES.recognise_counting(&message, &Trust::default(), Timestamp(0));
        took = took.min(start.elapsed());
        assert_eq!(recognition == Recognition::TooCostly, cost.spent > cost.allowed, "{cost:?}");
        // What is looked at last may be a whole part.
        assert!(cost.spent <= cost.allowed + 64 * mail.len() as u64, "{cost:?}");
        if took < MOST_PER_KB * kilobytes / 10 {
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
    assert!(took <= MOST_PER_KB * kilobytes, "{took:?} for {kilobytes} KB");
});

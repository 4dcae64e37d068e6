//! Any bytes through recognition, which costs no more than it may. The fixtures under `tests/corpus/` are the seeds to start from.
#![no_main]

use std::sync::LazyLock;

use followsift::diagnostic::document::Findings;
use followsift::clock::Timestamp;
use followsift::mail::{Fact, Message, Profiles, Recognition, Trust, one_line};
use libfuzzer_sys::fuzz_target;

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

fuzz_target!(|bytes: &[u8]| {
    let plausible = PROFILES.plausible(bytes);
    let Ok(message) = Message::parse(bytes) else { return };
    let (recognition, cost) = PROFILES.recognise_counting(&message, &Trust::default(), Timestamp(0));
    // What is looked at last may be a whole part.
    assert!(cost.spent <= cost.allowed + 64 * bytes.len() as u64, "{cost:?} for {} bytes", bytes.len());
    if recognition == Recognition::TooCostly {
        assert!(plausible, "it would not be named");
    }
    let Recognition::Recognised(notification) = recognition else { return };
    assert!(plausible, "recognised, but not plausible");
    assert!(!notification.followers.is_empty());
    for follower in &notification.followers {
        for fact in Fact::ALL {
            if let Some(text) = follower.text(fact).value() {
                assert_eq!(*text, one_line(text, 2_000), "{fact}");
            }
        }
    }
});

//! Any bytes as a mail: reading them never panics, and what is shown is safe to print.
#![no_main]

use followsift::mail::{Message, correspondents, one_line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for (name, address) in correspondents(bytes) {
        assert_eq!(name, one_line(&name, usize::MAX));
        assert_eq!(address, one_line(&address, usize::MAX));
    }
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = (message.from(), message.reporter(), message.envelope());
    assert_eq!(message.subject(), one_line(message.subject(), usize::MAX));
    let length = message.text().map_or(0, str::len) + message.html().map_or(0, str::len);
    // A byte of an old charset may become three of UTF-8.
    assert!(length <= 8 << 20, "{length} bytes of text");
});

//! A panic is told of in the log: in which thread and at which line of ours, and no word more.
//!
//! What a panic says can quote the text that it stumbled over, and a mail is not to be quoted.

use std::panic;
use std::thread;

use tracing::error;

use super::log::kind;

/// From now on panics are logged.
pub(super) fn tell() {
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let at = at.unwrap_or_default();
        let current = thread::current();
        let thread = current.name().unwrap_or_default();
        error!(
            message_id = kind::PANICKED,
            thread, at, "panic: a fault of followsift; please report this line"
        );
    }));
}

//! Logs a panic's thread and location, never its message, which can quote the text of an email. Called once, by `service`.

use std::panic;
use std::thread;

use tracing::error;

use super::log::kind;
use crate::report::state;

/// From now on panics are logged.
pub(super) fn tell() {
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let at = at.unwrap_or_default();
        let current = thread::current();
        let thread = current.name().unwrap_or_default();
        error!(message_id = kind::PANICKED, thread, at, "{}", state::PANIC);
    }));
}

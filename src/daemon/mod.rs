//! The service: tokio owns signals, timers, reload and watchdog; one named thread per account owns its IMAP session.
//!
//! No message passes through the runtime. An account's thread sends its state over a channel; when it drops its sender, which a
//! panic does too, the thread is over, and a new one is started after a while. The ledger makes that safe. Called by the
//! command `run` alone.

mod backoff;
mod caller;
mod control;
mod descriptors;
mod events;
mod file_stamp;
mod file_watch;
mod fleet;
mod hooks;
mod idle_policy;
mod json_log;
pub mod log;
mod metrics;
mod network_watch;
mod orders;
mod panics;
mod proven;
mod reload;
mod rhythm;
mod service;
mod slot;
mod systemd;
mod thread_event;
mod turns;
mod watcher;
mod watcher_session;
mod watcher_state;

pub use service::{ServiceFault, could_not_start, run};

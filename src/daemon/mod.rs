//! The service: tokio owns signals, timers, reload and watchdog; one named thread per account owns its IMAP session.
//!
//! No mail passes through the runtime. A watcher thread tells how it is over a channel; when its end of it is dropped, the
//! thread is over, by a panic too, and a fresh one is started after a while. The ledger makes that safe.

mod backoff;
mod events;
mod file_watch;
mod fleet;
mod idle_policy;
pub mod log;
mod network_watch;
mod panics;
mod proven;
mod reload;
mod service;
mod systemd;
mod watcher;

pub use service::{ServiceFault, run};

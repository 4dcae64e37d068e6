//! The service: tokio owns signals and timers, one named thread per account owns its IMAP session.
//!
//! No mail passes through the runtime. A watcher thread tells its events over a channel; when its end of it is dropped,
//! the thread is over, by a panic too, and a fresh one is started after a while. The ledger makes that safe.

mod account;
mod backoff;
pub mod clock;
pub mod log;
pub mod rulebook;
mod service;
mod watcher;

pub use account::{AccountFault, connect};
pub use service::{ServiceFault, run};

//! Metrics for Prometheus: what the service counts while it runs, how each account is, and the address at which both are read.
//!
//! Accounts' threads count what they already report; nothing is measured for its own sake. How accounts are is taken from the
//! service's status when Prometheus asks. Labels are words of the settings, rules and networks, and words of ours: never text from a
//! message. Only `daemon` uses this room; followsift(8) has the table of metrics, and a test compares it with what is shown here.

mod counts;
mod listener;
mod shown;

pub use counts::{Cause, Counts};
pub use listener::{Listener, Scrape};

//! What came and what becomes of it, as text for people and as JSON for programs. Pure: values in, text out.
//!
//! Other rooms are imported for their values alone. Text from messages arrives here already made safe (one line, no control characters); see `mail`.

mod advice;
pub mod backtest;
mod causes;
pub mod check;
mod columns;
pub mod digest;
pub mod drift;
pub mod export;
pub mod facts;
pub mod history;
pub mod hook;
pub mod init;
pub mod json;
pub mod judged;
pub mod known;
pub mod link;
pub mod login;
pub mod lookup;
pub mod nearest;
pub mod networks;
pub mod overview;
pub mod paint;
pub mod providers;
mod refusals;
pub mod remains;
pub mod restore;
pub mod rule_trace;
pub mod shards;
pub mod state;
pub mod status;
pub mod suggestions;
pub mod sweep;
pub mod text;
pub mod totals;
pub mod usage;

pub use advice::advice;
pub use causes::Chain;
pub use paint::{Paint, Tone};

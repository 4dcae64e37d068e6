//! What the delivery of a mail host asks: one message comes in, and at once goes on with a header field that says what the rules say.
//!
//! `judgement` judges the message, `memory` keeps what rules ask about a follower's past, `field` writes the header field
//! `X-Followsift`, and `removal` takes out of a message every such field that its sender wrote. The command `filter` calls them for one
//! message, and `milter` for each that a mail server receives.
//! Whatever fails, the message goes on.

mod field;
mod judgement;
pub mod memory;
pub mod milter;
mod removal;

pub use field::{Field, NAME};
pub use judgement::{Panicked, Remembered, Store, judge, judge_with_memory};
pub use removal::Removal;

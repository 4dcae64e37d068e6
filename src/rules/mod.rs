//! The rules the user writes: TOML to a compiled set, and a set with a follower to a [`Verdict`].
//!
//! Pure. Imports `mail` for what a follower is and `diagnostic` for findings.

pub mod recall;
pub mod verdict;

pub use recall::{Past, Recall};
pub use verdict::{Evidence, Reason, Verdict, VerdictName};

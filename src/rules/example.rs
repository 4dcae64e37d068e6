//! One of the cases that a rules file carries to prove itself: `[[test]]`. `compile` reads it, `run_tests` runs it.

use std::ops::Range;

use super::recall::Past;
use super::verdict::VerdictName;
use crate::clock::Timestamp;
use crate::mail::{Follower, Kind, Network};

/// When the invented mail of a test arrives; what came before it is counted back from here.
pub(crate) const RECEIVED: Timestamp = Timestamp(4_000_000_000);

/// One `[[test]]`. What it leaves out is not shown.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) network: Option<Network>,
    pub(crate) kind: Option<Kind>,
    pub(crate) instance: Option<String>,
    pub(crate) follower: Follower,
    pub(crate) past: Past,
    /// `None` is undecided.
    pub(crate) expect: Option<VerdictName>,
    pub(crate) expect_at: Range<usize>,
    /// The rule that must have fired.
    pub(crate) by: Option<(String, Range<usize>)>,
}

//! A `[[test]]` of a rules file, as data. `compile` creates it; `run_tests` runs it.

use std::ops::Range;

use super::recall::Past;
use super::verdict::VerdictName;
use crate::clock::Timestamp;
use crate::mail::{Follower, Kind, Network};

/// When the invented message of a test arrives; its past counts back from here.
pub(crate) const RECEIVED: Timestamp = Timestamp(4_000_000_000);

/// One `[[test]]`. Facts that it omits are not shown.
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

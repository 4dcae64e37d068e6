//! Which messages' texts an answer may show: each that was asked for, once.
//!
//! A value. After a literal that was not as long as announced, the text of a message may pass for a response about another. Used by
//! `asking` and `answer`.

use std::collections::BTreeSet;

use super::response::Fetched;
use crate::place::Uid;

/// Why nothing in an answer proves anything that shows the text of a message twice, or of one that was not asked for: what seems to
/// be a response may be the text of another message, after a literal that was not as long as announced.
pub(super) const CONTRADICTION: &str = "it shows a message twice, or one that was not asked for";

/// The messages whose text an answer may still show.
#[derive(Debug)]
pub(super) struct Texts {
    headers: BTreeSet<Uid>,
    bodies: BTreeSet<Uid>,
}

impl Texts {
    pub(super) fn of(uids: impl Iterator<Item = Uid>) -> Self {
        let headers: BTreeSet<Uid> = uids.collect();
        Self { bodies: headers.clone(), headers }
    }

    /// Notes what a response shows of the text of a message; `false` if it was not asked for or has come already.
    pub(super) fn is_credible(&mut self, fetched: &Fetched<'_>) -> bool {
        let Some(uid) = fetched.uid else { return true };
        let header = fetched.section.is_none() || self.headers.remove(&uid);
        let body = fetched.body.is_none() || self.bodies.remove(&uid);
        header && body
    }
}

//! Where the next message lands in a folder. A value.

use crate::place::{Uid, UidValidity};

/// Where the next message that arrives in a folder lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The folder's UIDVALIDITY.
    pub validity: UidValidity,
    /// Its UIDNEXT: messages that arrive later have this UID or a higher one.
    pub next: Uid,
}

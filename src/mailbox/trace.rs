//! A mail in a folder, with what proves that another is the same.

use crate::place::{MailIdentity, Uid};

/// A mail in a folder, and what proves that another is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Its UID in the folder in question.
    pub uid: Uid,
    /// What its copies have in common with it.
    pub identity: MailIdentity,
}

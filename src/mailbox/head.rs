//! The head of a message: what shows whether it may be a notification, whether the user touched it, and when it came.
//!
//! Values. Made by `fetch` and `revisit`.

use super::flags::Flags;
use super::response::Fetched;
use crate::place::Uid;

/// The part of a message that shows whether it may be a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its UID.
    pub uid: Uid,
    /// Its RFC822.SIZE.
    pub size: u32,
    /// When it arrived: INTERNALDATE, in seconds since 1970 UTC; 0 if the server has none.
    pub received: i64,
    /// Its flags.
    pub flags: Flags,
    /// Its raw From, Subject and Message-ID lines.
    pub fields: Vec<u8>,
}

/// What has come of a head so far: a server may send it in pieces.
#[derive(Debug, Default)]
pub(super) struct PartOfHead {
    pub(super) size: Option<u32>,
    received: Option<i64>,
    flags: Option<Flags>,
    fields: Option<Vec<u8>>,
}

impl PartOfHead {
    pub(super) fn add(&mut self, message: &Fetched<'_>) {
        self.size = message.size.or(self.size);
        self.received = message.received.or(self.received);
        self.flags = message.flags.or(self.flags);
        self.fields = message.section.map(<[u8]>::to_vec).or(self.fields.take());
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.flags.is_some_and(|flags| flags.deleted)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.as_ref().is_some_and(Vec::is_empty)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.size.is_some() && self.flags.is_some() && self.fields.is_some()
    }

    /// The head of a message that is not marked \Deleted, once all of it has come.
    pub(super) fn head(self, uid: Uid) -> Option<Head> {
        Some(Head {
            uid,
            size: self.size?,
            received: self.received.unwrap_or(0),
            flags: self.flags.filter(|flags| !flags.deleted)?,
            fields: self.fields?,
        })
    }
}

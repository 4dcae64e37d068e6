//! Bytes to a message, and a message to a [`Notification`]: what a mail says, and whether it is one of those that tell
//! of a new follower.
//!
//! Pure, and the only user of mailparse. Imports `diagnostic` alone.

pub mod notification;

pub use notification::{
    Authenticity, Fact, Follower, FollowerKey, Kind, Network, Notification, Recognition, Shown, Timestamp,
};

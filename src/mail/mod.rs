//! Bytes to a message, and a message to a [`Notification`]: what a mail says, and whether it is one of those that tell
//! of a new follower.
//!
//! Pure, and the only user of mailparse. Imports `diagnostic` alone.

mod authentication;
mod authenticity;
mod line;
mod link;
mod markup;
mod message;
pub mod notification;
mod numeral;
mod people;
mod profile;
mod selector;
mod template;

pub use authenticity::Trust;
pub use line::one_line;
pub use message::{Message, Unreadable};
pub use notification::{
    Authenticity, Fact, Follower, FollowerKey, Kind, Network, Notification, Recognition, Shown, Timestamp,
};
pub use people::correspondents;
pub use profile::{NetworkSummary, Profiles};

//! Bytes to a message, and a message to a [`Notification`]: what a mail says, and whether it is one of those that tell
//! of a new follower.
//!
//! Pure, and the only user of mailparse. Imports `diagnostic` and `text` alone.
//!
//! `message` reads a mail, `part` decodes its text, `authentication` its Authentication-Results, which `authenticity` judges. `profile` holds
//! what is known of the networks; it looks at a mail by way of `markup` and `selector` (the HTML part), `link`, and
//! `template`, whose holes take facts into `bindings`: numbers by `numeral`, hosts by `host`, all text through `crate::text`. `work`
//! counts what all of that looks at, and ends it; `limits` says how much is read at all. What comes out are a `notification`,
//! its `network`, and followers with the facts that `fact` lists, each known by its `follower_key`.

mod authentication;
mod authenticity;
mod bindings;
mod fact;
mod follower_key;
mod host;
mod limits;
mod link;
mod markup;
mod message;
mod network;
mod notification;
mod numeral;
mod part;
mod people;
mod profile;
mod selector;
mod template;
mod work;

pub use authenticity::{Authenticity, Trust};
pub use fact::{Fact, FactMut, FactRef, FactType, Follower, Shown};
pub use follower_key::FollowerKey;
pub use message::{Envelope, Message, Unreadable};
pub use network::Network;
pub use notification::{Incomplete, Kind, Notification, Recognition};
pub use people::correspondents;
pub use profile::{LayoutSummary, MissingMark, Nearest, NetworkSummary, Profiles};
pub use work::Cost;

pub use crate::text::one_line;

//! Parses messages, and recognises those that announce a new follower: bytes to a [`Message`] to a [`Notification`].
//!
//! Pure: never touches a file, a socket or a clock. `assess` calls it.
//!
//! `message` parses a message and `head` its header; `encoded_word` decodes its header fields, `alias` a From that an alias service wrote, `subject_tag`
//! the tags of a subject, `part` its text and `authentication` its Authentication-Results, of which `trusted_results` chooses
//! those that count by `trust`, and `authenticity` judges. `profile` holds the descriptions of the networks. It searches a message with `markup` and `selector` (the HTML part), `link`, `wrapper` (what
//! gateways write around links) and `template`; the holes of templates fill `bindings`, with `numeral` reading numbers, `host`
//! comparing hosts and `crate::text` cleaning text. `blank_name` makes names of invisible characters readable for them. `work`
//! counts the bytes examined and stops at the allowance; `limits` caps how much is read. The result is a `notification` with
//! its `network` and its followers: their facts are listed in `fact`, `looked_up` says which of them
//! come from a public profile instead, and `follower_key` identifies each. `not_a_message` knows
//! the files that people take for a message, `sample` makes one that can be shown, and `reporters` what a server seems to call itself.

mod alias;
mod authentication;
mod authenticity;
mod bindings;
mod blank_name;
mod encoded_word;
mod fact;
mod field;
mod follower_key;
mod head;
mod host;
mod limits;
mod link;
mod looked_up;
mod markup;
mod message;
mod network;
mod not_a_message;
mod notification;
mod numeral;
mod part;
mod people;
mod profile;
mod reporters;
mod sample;
mod selector;
mod subject_tag;
mod template;
mod trust;
mod trusted_results;
mod work;
mod wrapper;

pub use authenticity::Authenticity;
pub use fact::{ACCOUNT_STATES, Fact, FactMut, FactRef, FactType, Follower, LookedUp, Shown};
pub use field::Unreadable;
pub use follower_key::FollowerKey;
pub use head::{DIGEST, Envelope};
pub use looked_up::text_of_html;
pub use message::{Message, with_plain_line_ends};
pub use network::Network;
pub use not_a_message::{NotAMessage, lead_in};
pub use notification::{Incomplete, Kind, Notification, Recognition};
pub use people::correspondents;
pub use profile::{LayoutSummary, MissingMark, Nearest, NetworkSummary, Profiles};
pub use reporters::agreed;
pub use sample::{Likeness, Sample};
pub use trust::{Trust, same_organisation};
pub use trusted_results::Reporter;
pub use work::Cost;

pub use crate::text::one_line;

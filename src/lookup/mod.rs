//! A follower's public profile, asked of the recipient's own server, of one that the user lists, or of X: facts that the message
//! lacks.
//!
//! `who` decides whether anything may be asked, and of whom (pure); `way` has the requests and readers of answers, one file for
//! each API (pure); `asker` sends them and keeps the manners: once a day for each follower, one request at a time for each server,
//! and its limits; `desk` does that in a thread of its own, and `inquiry` for a command that waits. Never asks a host that a
//! message or a follower names unless the user lists it, and never for a message that is not proven. What is wanted and what was
//! answered is in the ledger. Called by `sweep` and `cli`.

mod activitypub;
mod asker;
mod desk;
mod forem;
mod inquiry;
mod mastodon;
mod misskey;
mod nodebb;
mod pace;
mod peertube;
mod reading;
#[cfg(test)]
mod testing;
mod way;
mod who;
mod x;

pub use asker::{Asker, Heard, LookupFault, Step};
pub use desk::{Desk, News, Stuck};
pub use inquiry::Inquiry;
use way::Next;
pub use way::Way;
pub use who::{Unasked, Whose, about, complete, question, unasked, wanted};

use crate::ledger::Question;

/// What a question asks, as the user may read it: the method and the address, and what is sent.
pub fn request(question: &Question) -> String {
    match Way::of(question).map(|way| way.request(question)) {
        Some((address, None)) => format!("GET {address}"),
        Some((address, Some(body))) => format!("POST {address} {body}"),
        None => String::new(),
    }
}

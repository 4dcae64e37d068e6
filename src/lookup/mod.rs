//! A follower's public profile, asked of the recipient's own server: facts that the message lacks.
//!
//! `who` decides whether anything may be asked, and of whom (pure); `mastodon` and its like write a request and read the answer
//! (pure); `asker` sends it and keeps the manners: once a day for each follower, one request at a time for each server, and its
//! limits; `desk` does that in a thread of its own, and `inquiry` for a command
//! that waits. Never asks a host that a message or a follower names, and never for a message
//! that is not proven. What is wanted and what was answered is in the ledger. Called by `sweep` and `cli`.

mod asker;
mod desk;
mod inquiry;
mod mastodon;
mod pace;
mod who;

pub use asker::{Asker, Heard, LookupFault, Step};
pub use desk::{Desk, News, Stuck};
pub use inquiry::Inquiry;
pub use who::{Unasked, Whose, about, complete, question, wanted};

use crate::ledger::Question;
use crate::mail::Fact;
use crate::settings::Site;

/// The site whose servers know a follower; `None` if there is none for the follower's network.
pub fn site_of(question: &Question) -> Option<Site> {
    Site::of_network(question.follower.network().as_str())
}

/// The facts that a site can supply.
pub fn supplies(site: Site) -> &'static [Fact] {
    match site {
        Site::Mastodon => mastodon::SUPPLIES,
    }
}

/// The address that a question is asked at, as the user may read it.
pub fn address(question: &Question) -> String {
    match site_of(question) {
        Some(Site::Mastodon) => mastodon::address(question),
        None => String::new(),
    }
}

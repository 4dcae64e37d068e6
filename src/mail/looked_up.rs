//! The origin of facts that the message does not show: a public profile that followsift looked up.
//!
//! Values only. `lookup` completes followers with them, rules and reports name the origin, and the ledger keeps it.

use std::fmt;

use super::fact::{Fact, FactMut, FactRef, Follower, LookedUp, Shown};
use super::markup::Document;
use crate::clock::Timestamp;
use crate::text::one_line;

/// The longest link.
const LINK: usize = 500;

/// `looked up today at toot.example`.
impl fmt::Display for LookedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_today { write!(f, "looked up today at {}", self.host) } else { f.write_str(&self.dated()) }
    }
}

impl LookedUp {
    /// `looked up 2027-01-15 at toot.example`: the same in words that stay true, for what is kept.
    pub fn dated(&self) -> String {
        format!("looked up {} at {}", self.at.date(), self.host)
    }
}

impl Follower {
    /// Fills in the facts that the message does not show from the answer of `host`. A fact that the message shows, even as empty,
    /// stays as it is, and so does what identifies the account.
    pub fn complete(&mut self, answer: &Self, host: &str, at: Timestamp, now: Timestamp) {
        let mut facts = Vec::new();
        for fact in Fact::ALL {
            let identifies = matches!(fact, Fact::Handle | Fact::Url | Fact::AddressHost);
            if identifies || self.shows(fact) || !answer.shows(fact) {
                continue;
            }
            match (self.fact_mut(fact), answer.fact(fact)) {
                (FactMut::Text(place), FactRef::Text(text)) => *place = text.clone(),
                (FactMut::Count(place), FactRef::Count(count)) => *place = count.clone(),
                (FactMut::Answer(place), FactRef::Answer(answer)) => *place = answer.clone(),
                _ => continue,
            }
            facts.push(fact);
        }
        if !facts.is_empty() {
            let is_today = at.date() == now.date();
            self.looked_up = Some(Box::new(LookedUp { host: host.to_owned(), at, is_today, facts }));
        }
    }

    /// The message alone: without the facts that were looked up.
    #[must_use]
    pub fn as_shown(&self) -> Self {
        let mut shown = self.clone();
        for fact in shown.looked_up.take().map(|origin| origin.facts).unwrap_or_default() {
            match shown.fact_mut(fact) {
                FactMut::Text(place) => *place = Shown::NotShown,
                FactMut::Count(place) => *place = Shown::NotShown,
                FactMut::Answer(place) => *place = Shown::NotShown,
            }
        }
        shown
    }
}

/// A piece of HTML, as profiles write bios, as one line of so many characters at most, with its first link.
pub fn text_of_html(html: &str, longest: usize) -> (String, Option<String>) {
    let document = Document::parse(&format!("<body>{html}</body>"), false);
    let text = document.text_of(0).unwrap_or_default();
    let links = document.within(None).filter_map(|place| document.element(place));
    let link =
        links.filter(|element| element.tag == "a").map(|element| one_line(&element.target, LINK)).next();
    (one_line(&text, longest), link.filter(|link| !link.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn what_the_message_shows_is_never_overridden() {
        let shown = Follower {
            handle: Shown::Value("ann@far.example".to_owned()),
            bio: Shown::Empty,
            followers: Shown::Value(3),
            ..Follower::default()
        };
        let answer = Follower {
            handle: Shown::Value("eve@far.example".to_owned()),
            url: Shown::Value("https://far.example/@eve".to_owned()),
            bio: Shown::Value("buy now".to_owned()),
            followers: Shown::Value(9000),
            following: Shown::Value(2001),
            bot: Shown::Value(true),
            ..Follower::default()
        };
        let mut follower = shown.clone();
        follower.complete(&answer, "toot.example", NOON, NOON);
        let facts = vec![Fact::Following, Fact::Bot];
        let looked_up = LookedUp { host: "toot.example".to_owned(), at: NOON, is_today: true, facts };
        let (following, bot) = (Shown::Value(2001), Shown::Value(true));
        assert_eq!(
            follower,
            Follower { following, bot, looked_up: Some(Box::new(looked_up)), ..shown.clone() }
        );
        assert_eq!(follower.as_shown(), shown);
    }

    #[test]
    fn html_is_read_as_one_line_with_its_first_link() {
        let html = "<p>Puppets &amp; <b>wood</b></p><p><a href=\"https://ann.example/\">ann</a>\u{202e}</p>";
        let link = Some("https://ann.example/".to_owned());
        assert_eq!(text_of_html(html, 100), ("Puppets & wood ann".to_owned(), link));
        assert_eq!(text_of_html("", 100), (String::new(), None));
        assert_eq!(text_of_html(&"<p>".repeat(50_000), 100), (String::new(), None));
    }

    #[test]
    fn the_day_is_named_once_it_is_over() {
        let answer = Follower { posts: Shown::Value(1), ..Follower::default() };
        for (later, said) in
            [(0, "looked up today at a.example"), (86_400, "looked up 2027-01-15 at a.example")]
        {
            let mut follower = Follower::default();
            follower.complete(&answer, "a.example", NOON, Timestamp(NOON.0 + later));
            let origin = follower.looked_up.unwrap();
            assert_eq!(origin.to_string(), said);
            assert_eq!(origin.dated(), "looked up 2027-01-15 at a.example");
        }
        let mut follower = Follower::default();
        follower.complete(&Follower::default(), "a.example", NOON, NOON);
        assert_eq!(follower.looked_up, None);
    }
}

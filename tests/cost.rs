//! What reading a message costs is counted, not timed: it grows with the message and no faster, and a message that costs
//! more than it may is left.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::LazyLock;

use crate::support::costly::{Filling, Opening, fillings, message, openings, subjects};
use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Cost, Message, Profiles, Recognition, Trust};

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

fn read(mail: &[u8]) -> (Recognition, Cost) {
    let message = Message::parse(mail).unwrap();
    PROFILES.recognise_counting(&message, &Trust::default(), Timestamp(0))
}

fn opening<'o>(openings: &'o [Opening], name: &str) -> &'o Opening {
    openings.iter().find(|opening| opening.name.starts_with(name)).unwrap()
}

fn filling(name: &str) -> Filling {
    fillings().into_iter().find(|filling| filling.name == name).unwrap()
}

#[test]
fn a_genuine_message_needs_little_of_its_allowance() {
    for opening in openings() {
        let (recognition, cost) = read(&message(&opening, &filling("nothing"), 0));
        assert_ne!(recognition, Recognition::TooCostly, "{}", opening.name);
        // The costliest is one of which every link is tracked: more layouts are tried.
        assert!(cost.spent <= cost.allowed / 7, "{}: {cost:?}", opening.name);
    }
}

#[test]
fn no_message_costs_more_than_it_may_whatever_is_in_it() {
    let openings = openings();
    for filling in fillings() {
        for opening in openings.iter().step_by(7) {
            let mail = message(opening, &filling, 8 << 10);
            let (recognition, cost) = read(&mail);
            let name = format!("{} in {}", filling.name, opening.name);
            // What is looked at last may be a whole part.
            assert!(cost.spent <= cost.allowed + 64 * mail.len() as u64, "{name}: {cost:?}");
            assert_eq!(recognition == Recognition::TooCostly, cost.spent > cost.allowed, "{name}: {cost:?}");
        }
    }
}

#[test]
fn twice_the_message_costs_twice_the_work() {
    let openings = openings();
    for filling in fillings() {
        for opening in openings.iter().step_by(11) {
            let cost = |size: usize| read(&message(opening, &filling, size)).1;
            let (one, two) = (cost(32 << 10), cost(64 << 10));
            // Of nested elements fifty are laid out, which is why this begins with messages that have more. Of a message that was
            // given up the cost is what it may cost, which grows with it. A phrase that is not among the first 3,000 lines is
            // looked for in every language, once.
            let name = format!("{} in {}", filling.name, opening.name);
            assert!(two.spent <= 5 * one.spent / 2 + (192 << 10), "{name}: {one:?} then {two:?}");
        }
    }
}

#[test]
fn hosts_in_punycode_cost_no_more_than_others() {
    let openings = openings();
    let opening = opening(&openings, "mastodon");
    let (recognition, cost) = read(&message(opening, &filling("punycode"), 64 << 10));
    assert!(matches!(recognition, Recognition::Recognised(_)), "{recognition:?}");
    assert!(cost.spent < cost.allowed / 4, "{cost:?}");
}

#[test]
fn a_long_subject_costs_no_more_than_a_message_may() {
    for (name, mail) in subjects(&openings()).into_iter().step_by(5) {
        let (recognition, cost) = read(&mail);
        assert_eq!(recognition == Recognition::TooCostly, cost.spent > cost.allowed, "{name}: {cost:?}");
        // The first stage never denies what the second would have to name.
        assert!(recognition == Recognition::Foreign || PROFILES.plausible(&mail), "{name}");
    }
}

#[test]
fn a_message_that_costs_too_much_is_left_and_named() {
    let openings = openings();
    let costly = openings.iter().find_map(|opening| {
        let mails = fillings().into_iter().map(|filling| message(opening, &filling, 16 << 10));
        mails.into_iter().find(|mail| read(mail).0 == Recognition::TooCostly)
    });
    let costly = costly.expect("a message that costs too much");
    assert!(PROFILES.plausible(&costly), "it would not be named");
}

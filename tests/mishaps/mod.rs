//! Things that happen to a mailbox while messages are being filed: a backup is put back, a folder gets new numbers, the same
//! bytes come twice, the user stars a message, the server says OK and nothing. Each at any command of each rung, each with
//! and without a kill of the process. Afterwards comes a clean sweep and one that is dated later; then every message is
//! compared: none is lost, doubled, altered, misjudged or in the wrong folder, and no follower counts as known.
//!
//! The cases of a kind are rungs x commands x faults x kills; how many they are is printed. Of them a seeded choice is tried.
//! FOLLOWSIFT_FAULTS=all tries all, a number so many of each kind and rung; FOLLOWSIFT_SEED chooses others. A kind is tried
//! alone by the name of its test. A case whose fault did not strike has failed.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod case;
pub(crate) mod maildir;
mod stage;
mod tally;

use std::io::Write as _;

use crate::support::trial::{choose, outcome};
use case::Kind;
use stage::{RUNGS, Rung};

/// How many cases of each kind and rung are tried by default.
const USUAL: usize = 2;

fn on_each_rung(kind: Kind) {
    let mut wrong = Vec::new();
    for number in 0..RUNGS.len() {
        let Some(rung) = Rung::of(number) else { return };
        let (cases, count) = kind.cases(&rung);
        // Past the test runner, which would swallow it.
        let _ = writeln!(std::io::stderr(), "{kind:?}, {}: {count}", rung.name);
        let cases = choose(cases, USUAL);
        let name = format!("{kind:?}, {}", rung.name);
        wrong.extend(outcome(&name, &cases, |number, case| rung.check(number, case)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_line_is_cut_between_two_commands() {
    on_each_rung(Kind::Cut);
}

#[test]
fn the_inbox_is_restored() {
    on_each_rung(Kind::RestoredSource);
}

#[test]
fn the_targets_are_restored() {
    on_each_rung(Kind::RestoredTarget);
}

#[test]
fn everything_is_restored() {
    on_each_rung(Kind::RestoredBoth);
}

#[test]
fn the_inbox_is_restored_with_all_that_was_ever_filed() {
    on_each_rung(Kind::RestoredEarly);
}

#[test]
fn the_inbox_is_renumbered() {
    on_each_rung(Kind::RenumberedSource);
}

#[test]
fn the_targets_are_renumbered() {
    on_each_rung(Kind::RenumberedTarget);
}

#[test]
fn the_same_bytes_come_twice() {
    on_each_rung(Kind::Twins);
}

#[test]
fn the_user_stars_a_message_at_a_command() {
    on_each_rung(Kind::Star);
}

#[test]
fn a_fetch_is_answered_with_nothing() {
    on_each_rung(Kind::EmptyFetch);
}

#[test]
fn a_folder_is_opened_with_nothing() {
    on_each_rung(Kind::EmptySelect);
}

#[test]
fn a_folder_cannot_be_made() {
    on_each_rung(Kind::CreateRefused);
}

#[test]
fn the_line_is_cut_while_messages_are_put_back() {
    on_each_rung(Kind::PuttingBack);
}

#[test]
fn the_inbox_is_restored_while_messages_are_put_back() {
    on_each_rung(Kind::PuttingBackRestoredSource);
}

#[test]
fn the_targets_are_restored_while_messages_are_put_back() {
    on_each_rung(Kind::PuttingBackRestoredTarget);
}

#[test]
fn the_targets_are_renumbered_while_messages_are_put_back() {
    on_each_rung(Kind::PuttingBackRenumbered);
}

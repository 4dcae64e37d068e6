//! Thousands of odd answers of a server, each about one message or one line: every other message of the batch is judged and
//! filed, the odd one is never lost or doubled, and it is named where it could not be read. And answers that try to pass the text of a
//! message for answers of the server.
//!
//! FOLLOWSIFT_FAULTS=all tries all of them; FOLLOWSIFT_SEED chooses others.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod deaths;
mod folders;
mod forged;
mod leaving;
mod many;
mod mutations;
mod open;
mod scene;
mod since;

use crate::support::small_server::Answer;
use crate::support::trial::{choose, try_all};
use mutations::Mutation;
use scene::{ALL, RUNGS, SPAMS, Scene, distortion, message};

/// So many cases of each kind are tried by default.
const USUAL: usize = 700;

/// The answers that are distorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// To each FETCH from the inbox.
    Any,
    /// To those for heads.
    Heads,
    /// To those for messages.
    Bodies,
    /// To those for flags alone.
    Flags,
    /// To each FETCH, also from the folder into which messages are filed.
    AlsoInTheTarget,
}

impl Which {
    fn holds(self, answer: &Answer) -> bool {
        let asks = |what: &str| answer.command.contains(what);
        asks("UID FETCH")
            && match self {
                Self::Any => answer.folder == "INBOX",
                Self::Heads => asks("HEADER.FIELDS"),
                Self::Bodies => asks("BODY.PEEK[]"),
                Self::Flags => answer.folder == "INBOX" && asks("(UID FLAGS)"),
                Self::AlsoInTheTarget => true,
            }
    }
}

/// A distortion of the answers about one message.
#[derive(Clone, Debug)]
struct Case {
    rung: &'static str,
    which: Which,
    victim: usize,
    mutation: Mutation,
}

fn cases(mutations: &[Mutation]) -> Vec<Case> {
    let mut cases = Vec::new();
    for rung in RUNGS {
        for which in [Which::Any, Which::Heads, Which::Bodies, Which::Flags, Which::AlsoInTheTarget] {
            for victim in ALL {
                let case = |mutation: &Mutation| Case { rung, which, victim, mutation: mutation.clone() };
                cases.extend(mutations.iter().map(case));
            }
        }
    }
    cases
}

fn check(case: &Case) -> Result<(), String> {
    let scene = Scene::set(case.rung);
    let Case { which, victim, mutation, .. } = case.clone();
    let odd = || {
        let mutation = mutation.clone();
        distortion(move |answer| {
            if which.holds(answer) {
                mutation.apply(victim, answer);
            }
        })
    };
    let run = scene.sweep(odd());
    let commands = scene.server.take_commands();
    let shown = |what: String| format!("{what}\n{run:#?}\n{commands:#?}");
    let messages = ALL.map(message);
    scene.safe(&messages).map_err(shown)?;
    scene.healthy(Some(victim)).map_err(shown)?;
    let is_filed = scene.places_of(victim) != ["INBOX"];
    if SPAMS.contains(&victim)
        && !is_filed
        && (run.well || !run.said.contains(&format!("INBOX uid {victim}")))
    {
        return Err(shown(format!("message {victim} was left, and that was not said")));
    }
    if run.well && (is_filed || !SPAMS.contains(&victim)) {
        return Ok(());
    }
    let run = scene.sweep(odd());
    let shown =
        |what: String| format!("the second time: {what}\n{run:#?}\n{:#?}", scene.server.take_commands());
    scene.safe(&messages).map_err(shown)?;
    let run = scene.sweep(None);
    let shown = |what: String| format!("in the end: {what}\n{run:#?}\n{:#?}", scene.server.take_commands());
    scene.safe(&messages).map_err(shown)?;
    scene.healthy(None).map_err(shown)?;
    if run.well { Ok(()) } else { Err(shown("not all is well".to_owned())) }
}

#[test]
fn an_odd_item_of_one_message_costs_that_message_alone() {
    let cases = choose(cases(&mutations::of_a_message()), USUAL);
    try_all("odd items", &cases, |_, case| check(case));
}

#[test]
fn a_message_over_which_the_server_hangs_up_is_found_and_costs_itself_alone() {
    for which in [Which::Any, Which::Heads, Which::Bodies] {
        for victim in SPAMS {
            let scene = Scene::set(RUNGS[0]);
            let run = scene.sweep(distortion(move |answer| {
                if which.holds(answer) && answer.place_of(victim).is_some() {
                    answer.done.clear();
                }
            }));
            let named =
                format!("INBOX uid {victim} is there and does not show it: the connection broke down");
            assert!(!run.well && run.said.contains(&named), "{which:?} {victim} {run:#?}");
            scene.healthy(Some(victim)).unwrap();
            assert!(scene.sweep(None).well);
            scene.healthy(None).unwrap();
        }
    }
}

#[test]
fn an_odd_line_or_a_refusal_because_of_one_message_costs_that_message_alone() {
    let cases = choose(cases(&mutations::around_a_message()), USUAL);
    try_all("odd lines", &cases, |_, case| check(case));
}

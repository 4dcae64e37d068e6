//! Connections that end over a message: once or twice is no reason to leave it, and messages that end each are found.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scene::{ALL, RUNGS, SPAMS, Scene, distortion};
use super::{Which, message};
use crate::support::home::SPAM;
use crate::support::small_server::{Answer, Distortion};
use followsift::sweep::Scope;

/// The server hangs up over so many of the answers that `holds` chooses, and over no more.
fn hanging_up(times: usize, holds: impl Fn(&Answer) -> bool + Send + Sync + 'static) -> Option<Distortion> {
    let left = AtomicUsize::new(times);
    distortion(move |answer| {
        let take = |left: usize| left.checked_sub(1);
        if holds(answer) && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            answer.done.clear();
        }
    })
}

/// The server hangs up over every answer about these messages.
fn deadly(which: Which, victims: Vec<usize>) -> Option<Distortion> {
    hanging_up(usize::MAX, move |answer| {
        which.holds(answer) && victims.iter().any(|victim| answer.place_of(*victim).is_some())
    })
}

#[test]
fn a_message_over_which_one_or_two_connections_end_is_filed_by_the_next_sweep() {
    for rung in RUNGS {
        for which in [Which::Heads, Which::Bodies, Which::Flags] {
            for times in [1, 2] {
                let scene = Scene::with(rung, &[message(1)]);
                let lost = hanging_up(times, move |answer| which.holds(answer));
                let mut process = scene.process();
                for _ in 0..times {
                    let run = process.sweep(Scope::New, lost.clone());
                    assert!(!run.well && run.said.to_lowercase().contains("connection "), "{run:#?}");
                }
                let run = process.sweep(Scope::New, lost);
                let shown = format!("{rung} {which:?} {times} {run:#?}");
                assert!(run.well && scene.places_of(1) == [SPAM], "{shown}");
            }
        }
    }
}

#[test]
fn a_move_over_whose_copy_a_connection_ends_is_settled_by_the_next_session_also_of_another_process() {
    for rung in RUNGS {
        for is_same in [true, false] {
            let scene = Scene::set(rung);
            let lost = hanging_up(1, |answer| answer.command.contains("UID FETCH") && answer.folder == SPAM);
            let mut process = scene.process();
            let run = process.sweep(Scope::New, lost);
            assert!(!run.well && run.said.to_lowercase().contains("connection "), "{run:#?}");
            let run = if is_same {
                process.sweep(Scope::New, None)
            } else {
                drop(process);
                scene.sweep(None)
            };
            assert!(run.well && run.said.contains("settled"), "{rung} {is_same} {run:#?}");
            scene.safe(&ALL.map(message)).unwrap();
            scene.healthy(None).unwrap();
        }
    }
}

#[test]
fn a_deadly_message_is_not_asked_for_again_because_of_an_odd_line_about_another() {
    let scene = Scene::set(RUNGS[0]);
    let run = scene.sweep(distortion(|answer| {
        if Which::Heads.holds(answer) && answer.place_of(1).is_some() {
            answer.done.clear();
        } else if Which::Heads.holds(answer) && answer.place_of(5).is_some() {
            answer.line("? what");
        }
    }));
    let named = "INBOX uid 1 is there and does not show it: the connection broke down";
    assert!(!run.well && run.said.contains(named), "{run:#?}");
    for id in [3, 6] {
        assert_eq!(scene.places_of(id), [SPAM], "{run:#?}");
    }
    scene.safe(&ALL.map(message)).unwrap();
}

#[test]
fn two_messages_over_which_the_server_hangs_up_are_found_and_the_others_are_filed() {
    for which in [Which::Any, Which::Heads, Which::Bodies] {
        for victims in [[1, 3], [1, 6], [5, 6]] {
            let scene = Scene::set(RUNGS[0]);
            let run = scene.sweep(deadly(which, victims.to_vec()));
            let shown = format!("{which:?} {victims:?} {run:#?} {:?}", scene.live());
            for id in ALL {
                let is_victim = victims.contains(&id);
                let place = if SPAMS.contains(&id) && !is_victim { SPAM } else { "INBOX" };
                assert_eq!(scene.places_of(id), [place], "{shown}");
            }
            let [one, other] = victims;
            let named = format!(
                "INBOX uid {one}, {other} are there and does not show them: the connection broke down"
            );
            assert!(!run.well && run.said.contains(&named), "{shown}");
            // The first was not asked for in the sessions in which the second was looked for.
            let run = scene.sweep(None);
            scene.safe(&ALL.map(message)).unwrap();
            scene.healthy(None).unwrap();
            assert!(run.well, "{run:#?}");
        }
    }
}

#[test]
fn a_message_over_which_the_server_hangs_up_does_not_stand_for_that_of_the_same_uid_elsewhere() {
    for (victim, other) in [(1, 11), (11, 1)] {
        let mut scene = Scene::set(RUNGS[0]);
        // With the same UIDVALIDITY, as some servers have it.
        scene.watch("Lists", &[11, 12]);
        let run = scene.sweep(deadly(Which::AlsoInTheTarget, vec![victim]));
        let shown = format!("{victim} {run:#?} {:?}", scene.live());
        let folder = if victim == 1 { "INBOX" } else { "Lists" };
        assert!(!run.well && run.said.contains(&format!("{folder} uid 1 is there")), "{shown}");
        for id in [other, 12, 3, 5, 6] {
            assert_eq!(scene.places_of(id), [SPAM], "{shown}");
        }
        assert_eq!(scene.places_of(victim), [folder], "{shown}");
        assert!(scene.sweep(None).well);
        assert_eq!(scene.places_of(victim), [SPAM]);
    }
}

/// Takes the patience that followsift has with a server.
#[test]
fn a_server_that_stalls_on_several_commands_gets_them_one_at_a_time_from_then_on() {
    let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=70).map(message)));
    scene.server.look_ahead();
    let stalls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&stalls);
    let run = scene.sweep(distortion(move |answer| {
        if answer.is_followed {
            answer.tag.clear();
            counted.fetch_add(1, Ordering::Relaxed);
        }
    }));
    // Each command of that one flight but its last.
    let commands = scene.server.take_commands();
    assert!(run.well && stalls.load(Ordering::Relaxed) > 0, "{run:#?} {commands:#?}");
    assert_eq!(commands.iter().filter(|command| command.starts_with("LOGIN")).count(), 2, "{commands:#?}");
    for id in [1, 3, 70] {
        assert_eq!(scene.places_of(id), [SPAM], "{run:#?}");
    }
}

//! The command sends LOGOUT with the last look at what it has moved. Whatever comes of that look, everything ends as it would with a
//! session that stays.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::message;
use super::scene::{RUNGS, Scene, distortion};
use crate::support::home::{GAME, game};
use crate::support::small_server::Answer;

/// An inbox with two messages to file, and one to leave. None is to be starred or marked as read, for which the session would stay.
fn scene() -> Scene {
    Scene::with(RUNGS[0], &[game(1).bytes(1), message(4), game(3).bytes(3)])
}

/// Where these messages are.
fn places(scene: &Scene) -> [Vec<String>; 3] {
    [1, 2, 3].map(|number| scene.places_of(number))
}

/// The answer to the look at what arrived.
fn is_last_look(answer: &Answer) -> bool {
    answer.folder == GAME && answer.command.ends_with(" (UID FLAGS)")
}

/// How many sessions there were.
fn logins(commands: &[String]) -> usize {
    commands.iter().filter(|command| command.starts_with("LOGIN")).count()
}

#[test]
fn logout_is_sent_once_and_nothing_after_it() {
    let scene = scene();
    let run = scene.sweep(None);
    let commands = scene.server.take_commands();
    assert!(run.well && places(&scene) == [[GAME], ["INBOX"], [GAME]], "{run:#?}");
    let goodbyes: Vec<usize> = (0..commands.len()).filter(|at| commands[*at] == "LOGOUT").collect();
    assert_eq!((logins(&commands), goodbyes), (1, vec![commands.len() - 1]), "{commands:#?}");
}

#[test]
fn a_message_that_was_starred_while_it_was_moved_goes_back_in_a_new_session() {
    let scene = scene();
    let run = scene.sweep(distortion(|answer| {
        if answer.folder == GAME {
            for items in answer.items_of(1) {
                for item in items.iter_mut().filter(|item| item.name == "FLAGS") {
                    item.value = b"(\\Flagged)".to_vec();
                }
            }
        }
    }));
    assert!(run.well, "{run:#?}");
    assert_eq!(places(&scene), [["INBOX"], ["INBOX"], [GAME]], "{run:#?}");
    assert_eq!(logins(&scene.server.take_commands()), 2);
}

#[test]
fn a_server_that_hangs_up_or_answers_oddly_once_logout_has_come_costs_one_more_session() {
    type Change = fn(&mut Answer);
    let changes: [Change; 3] = [
        |answer| answer.done.clear(),
        |answer| answer.line("? what"),
        |answer| "NO not now".clone_into(&mut answer.done),
    ];
    for change in changes {
        let scene = scene();
        let run = scene.sweep(distortion(move |answer| {
            if is_last_look(answer) {
                change(answer);
            }
        }));
        assert!(run.well && places(&scene) == [[GAME], ["INBOX"], [GAME]], "{run:#?}");
        assert_eq!(logins(&scene.server.take_commands()), 2, "{run:#?}");
    }
}

#[test]
fn a_server_that_only_hangs_up_in_answer_to_logout_costs_nothing() {
    let scene = scene();
    let run = scene.sweep(distortion(|answer| {
        if answer.command == "LOGOUT" {
            answer.parts.clear();
            answer.done.clear();
        }
    }));
    assert!(run.well && places(&scene) == [[GAME], ["INBOX"], [GAME]], "{run:#?}");
    assert_eq!(logins(&scene.server.take_commands()), 1);
}

#[test]
fn wherever_the_server_hangs_up_the_next_sweep_leaves_each_message_in_its_place() {
    for last in 1.. {
        let (scene, count) = (scene(), AtomicUsize::new(0));
        let run = scene.sweep(distortion(move |answer| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == last {
                answer.done.clear();
            }
        }));
        let again = scene.sweep(None);
        assert!(again.well, "{last}: {run:#?} {again:#?}");
        assert_eq!(places(&scene), [[GAME], ["INBOX"], [GAME]], "{last}: {run:#?} {again:#?}");
        // It came to the end without that.
        if last > scene.server.take_commands().len() {
            return;
        }
    }
}

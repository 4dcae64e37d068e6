//! An inbox of so many messages that From and Subject are read of all of them first, and the plausible ones by several commands.

use std::sync::atomic::{AtomicBool, Ordering};

use super::message;
use super::scene::{RUNGS, Scene, distortion};
use crate::support::home::{SPAM, real};
use crate::support::small_server::{Answer, Item, literal};

/// So many messages are in the inbox.
const MANY: usize = 140;
/// So many of them are asked for by one command, if they are read as a whole.
const TOGETHER: usize = 64;

/// What a server may say between the answers: the end of the first is certain, that of the second is not.
const ODD: [&str; 2] = ["* 1 FETCH (", "? what"];

/// A server's answer to a command that asks for From and Subject alone.
fn is_skim(answer: &Answer) -> bool {
    answer.command.contains("(FROM SUBJECT)")
}

/// A server's answer to a command that asks for messages with their heads.
fn is_whole(answer: &Answer) -> bool {
    answer.command.contains("(FROM SUBJECT MESSAGE-ID)") && answer.command.contains("BODY.PEEK[]")
}

/// The first UID of a command's set.
fn first_of(command: &str) -> Option<usize> {
    let set = command.strip_prefix("UID FETCH ")?;
    set.split([':', ',', ' ']).next()?.parse().ok()
}

#[test]
fn what_an_unclear_answer_says_of_a_sender_leaves_no_message_for_good() {
    for odd in ODD {
        let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=MANY).map(message)));
        let is_first = AtomicBool::new(true);
        let run = scene.sweep(distortion(move |answer| {
            if is_skim(answer) && is_first.swap(false, Ordering::Relaxed) {
                let fields = b"From: Mum <mum@home.example>\r\nSubject: Sunday\r\n\r\n";
                for items in answer.items_of(3) {
                    for Item { value, .. } in items.iter_mut().filter(|item| item.name.starts_with("BODY")) {
                        *value = literal(fields);
                    }
                }
                answer.line(odd);
            }
        }));
        assert_eq!(scene.places_of(3), [SPAM], "{odd:?} {run:#?}");
        assert_eq!(scene.places_of(2), ["INBOX"]);
    }
}

/// The commands that asked for messages.
fn bodies(scene: &Scene) -> Vec<String> {
    let commands = scene.server.take_commands();
    commands.into_iter().filter(|command| command.contains("BODY.PEEK[]")).collect()
}

#[test]
fn an_unclear_answer_to_one_command_lets_only_its_messages_be_read_again() {
    for odd in ODD {
        let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=MANY).map(|_| real(2).bytes(2))));
        let run = scene.sweep(distortion(move |answer| {
            if is_whole(answer) && answer.place_of(TOGETHER * 2 + 1).is_some() {
                answer.line(odd);
            }
        }));
        let bodies = bodies(&scene);
        let firsts: Vec<usize> = bodies.iter().filter_map(|command| first_of(command)).collect();
        assert_eq!(firsts, [1, TOGETHER + 1, 2 * TOGETHER + 1, 2 * TOGETHER + 1], "{odd:?} {bodies:#?}");
        assert!(run.well, "{run:#?}");
    }
}

#[test]
fn a_message_that_the_server_refuses_to_show_lets_only_itself_be_read_again() {
    let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=MANY).map(|_| real(2).bytes(2))));
    let run = scene.sweep(distortion(|answer| {
        if let Some(at) = answer.place_of(3).filter(|_| answer.command.contains("BODY.PEEK[]")) {
            answer.parts.remove(at);
            "NO some messages could not be fetched".clone_into(&mut answer.done);
        }
    }));
    let bodies = bodies(&scene);
    let again: Vec<&String> = bodies.iter().filter(|command| !command.contains("UID FETCH 3 ")).collect();
    assert_eq!(again.len(), MANY.div_ceil(TOGETHER), "{bodies:#?}");
    assert!(run.said.contains("INBOX uid 3 is there and does not show it"), "{run:#?}");
}

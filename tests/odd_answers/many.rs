//! An inbox of so many messages that From and Subject are read of all of them first, and the plausible ones by several commands.
//! What is odd about one of those commands costs as little as it would about one alone.

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

/// How many messages a command's set has.
fn count(command: &str) -> usize {
    let set = command.strip_prefix("UID FETCH ").and_then(|rest| rest.split(' ').next()).unwrap();
    let ranges = set.split(',').map(|range| range.split_once(':').unwrap_or((range, range)));
    ranges.map(|(low, high)| high.parse::<usize>().unwrap() + 1 - low.parse::<usize>().unwrap()).sum()
}

#[test]
fn after_a_session_ended_over_many_messages_no_command_asks_for_more_than_usual_and_nothing_beside_them() {
    const MORE: usize = 1200;
    let message = |number: usize| if number == 600 { super::message(4) } else { real(2).bytes(2) };
    let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=MORE).map(message)));
    let is_first = AtomicBool::new(true);
    let run = scene.sweep(distortion(move |answer| {
        if is_whole(answer) && is_first.swap(false, Ordering::Relaxed) {
            answer.done.clear();
        }
    }));
    assert!(run.well, "{run:#?}");
    let commands = scene.server.take_commands();
    let second = commands.iter().rposition(|command| command.starts_with("LOGIN")).unwrap();
    let places = |asks: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (second..commands.len()).filter(|at| asks(&commands[*at])).collect()
    };
    let bodies = places(&|command| command.contains("BODY.PEEK[]"));
    let heads = places(&|command| command.contains("MESSAGE-ID") && !command.contains("BODY.PEEK[]"));
    // All of them, in parts of an eighth.
    assert!(bodies.len() >= MORE / TOGETHER && bodies.iter().all(|at| count(&commands[*at]) <= TOGETHER));
    assert!(!heads.is_empty() && heads.iter().all(|at| at > bodies.last().unwrap()), "{commands:#?}");
}

#[test]
fn a_star_that_is_told_by_number_alone_before_a_move_of_many_keeps_its_message() {
    const MORE: usize = 1000;
    let scene = Scene::with(RUNGS[0], &[]);
    scene.server.folders(|folders| {
        let inbox = folders.get_mut("INBOX").unwrap();
        inbox.next = 1_000_001;
        for number in 1..=MORE {
            inbox.add(number, &message(1), &[]);
            // So that one command does not hold all of their UIDs.
            inbox.next += 1;
        }
    });
    let is_first = AtomicBool::new(true);
    let run = scene.sweep(distortion(move |answer| {
        if !answer.command.contains("(UID FLAGS)") || answer.folder != "INBOX" || answer.place_of(5).is_none()
        {
            return;
        }
        if is_first.swap(false, Ordering::Relaxed) {
            answer.line("* 5 FETCH (FLAGS (\\Flagged))");
            return;
        }
        for items in answer.items_of(5) {
            items
                .iter_mut()
                .filter(|item| item.name == "FLAGS")
                .for_each(|item| item.value = b"(\\Flagged)".to_vec());
        }
    }));
    let commands = scene.server.take_commands();
    let moves = commands.iter().filter(|command| command.starts_with("UID MOVE")).count();
    assert!(moves > 1, "one command held all UIDs: {moves}");
    assert_eq!(scene.places_of(5), ["INBOX"], "{run:#?}");
    for id in [1, 4, 6, MORE] {
        assert_eq!(scene.places_of(id), [SPAM]);
    }
}

#[test]
fn messages_are_reported_in_the_order_of_their_arrival_whatever_the_order_of_the_answers() {
    let scene = Scene::with(RUNGS[0], &Vec::from_iter((1..=MANY).map(message)));
    let run = scene.sweep(distortion(|answer| {
        if answer.command.contains("BODY.PEEK[]") {
            answer.parts.reverse();
        }
    }));
    assert!(run.well, "{run:#?}");
    let places: Vec<usize> =
        [1, 3, 5, 63, 64, 65, 140].map(|uid| run.said.find(&format!("INBOX uid {uid}:")).unwrap()).to_vec();
    assert!(places.is_sorted(), "{places:?} {run:#?}");
}

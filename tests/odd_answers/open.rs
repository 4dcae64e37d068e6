//! What happens in a folder that stays open from one sweep to the next, where new messages are read in one flight.

use std::sync::atomic::{AtomicBool, Ordering};

use super::scene::{Process, RUNGS, Run, Scene, distortion, message};
use crate::support::home::{SPAM, spam};
use crate::support::letters::ordinary;
use crate::support::small_server::{Distortion, Item, Part};
use followsift::sweep::Scope;

/// Ends the data of a message, and begins that of one whose UID is far above.
const JUMP: &str = ")\r\n* 9 FETCH (UID 4000";

/// A process in which the inbox is open: a message of it was looked at, and stays.
fn opened(scene: &Scene) -> Process<'_> {
    let mut process = scene.process();
    assert!((0..2).all(|_| process.sweep(Scope::New, None).well));
    scene.server.take_commands();
    process
}

/// A sweep of new messages, which has to begin with that flight.
fn flight(scene: &Scene, process: &mut Process<'_>, distortion: Option<Distortion>) -> Run {
    let run = process.sweep(Scope::New, distortion);
    let commands = scene.server.take_commands();
    let is_flight = commands.get(..2).is_some_and(|two| two[0] == "NOOP" && two[1].contains("BODY.PEEK[]<"));
    assert!(is_flight, "{commands:#?}");
    run
}

fn person() -> Vec<u8> {
    ordinary("Mum <mum@home.example>", "Sunday", "Are you coming?\n").bytes(1)
}

fn with(mut bytes: Vec<u8>, more: &str) -> Vec<u8> {
    bytes.extend_from_slice(more.as_bytes());
    bytes
}

/// The body of this message is announced as if it ended where `text` begins.
fn cut_short(id: usize, text: String) -> Option<Distortion> {
    distortion(move |answer| {
        for items in answer.items_of(id) {
            for Item { value, .. } in items.iter_mut().filter(|item| item.name.starts_with("BODY[]")) {
                let end = value.iter().position(|byte| *byte == b'\n').unwrap() + 1;
                let rest = value.split_off(end);
                let at = rest.windows(text.len()).position(|some| some == text.as_bytes()).unwrap();
                *value = [format!("{{{at}}}\r\n").as_bytes(), &rest].concat();
            }
        }
    })
}

/// The data of a spam as if it were the message with UID 2, so that what follows in the true answer completes it.
fn forgery() -> String {
    let other = String::from_utf8(spam(7).bytes(7)).unwrap();
    let is_asked =
        |line: &&str| ["From:", "Subject:", "Message-ID:"].iter().any(|name| line.starts_with(name));
    let header = other.split_inclusive("\r\n").take_while(|line| *line != "\r\n");
    let fields = header.filter(is_asked).collect::<String>() + "\r\n";
    let literal = |text: &str| format!("{{{}}}\r\n{text}", text.len());
    format!(
        ")\r\n* 2 FETCH (UID 2 RFC822.SIZE {} FLAGS () INTERNALDATE \"17-Nov-2026 09:00:00 +0000\" \
         BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]<0> {} BODY[]<0> {})\r\n* OK x",
        other.len(),
        literal(&fields),
        literal(&other)
    )
}

#[test]
fn a_forged_response_about_another_new_message_moves_doubles_and_judges_none() {
    for rung in RUNGS {
        for forger_first in [false, true] {
            let scene = Scene::with(rung, &[person()]);
            let mut process = opened(&scene);
            let (victim, forger) = (2, 3);
            scene.add(victim, &person());
            scene.add(forger, &with(spam(forger).bytes(forger), &forgery()));
            let cut = cut_short(forger, forgery()).unwrap();
            let forged = distortion(move |answer| {
                cut(answer);
                if forger_first {
                    answer.parts.reverse();
                }
            });
            let run = flight(&scene, &mut process, forged);
            let shown = format!("{rung} {forger_first} {run:#?} {:?}", scene.live());
            assert!(!run.said.contains("INBOX uid 2") && !run.said.contains("win_7"), "{shown}");
            assert_eq!(scene.places_of(victim), ["INBOX"], "{shown}");
            assert!(scene.places_of(forger).len() == 1 && scene.known() == 0, "{shown}");
            let run = process.sweep(Scope::New, None);
            assert!(run.well && scene.places_of(forger) == [SPAM], "{shown} {run:#?}");
            assert_eq!(scene.places_of(victim), ["INBOX"]);
        }
    }
}

#[test]
fn a_new_message_that_the_server_leaves_out_is_asked_for_again_or_named() {
    for hidden in [2, 3, 4] {
        for (others, place) in [(person(), "INBOX"), (message(5), SPAM)] {
            for is_once in [true, false] {
                let scene = Scene::with(RUNGS[0], &[person()]);
                let mut process = opened(&scene);
                (2..=4).for_each(|id| scene.add(id, &if id == hidden { message(3) } else { others.clone() }));
                let seen = AtomicBool::new(false);
                let without = distortion(move |answer| {
                    let holds = answer.place_of(hidden).is_some();
                    if holds && !(seen.swap(true, Ordering::Relaxed) && is_once) {
                        answer.parts.retain(|part| !matches!(part, Part::Data { id, .. } if *id == hidden));
                    }
                });
                let run = flight(&scene, &mut process, without);
                let shown = format!("{hidden} {place} {is_once} {run:#?} {:?}", scene.live());
                let is_named = run.said.contains(&format!("INBOX uid {hidden} is there"));
                assert_eq!(run.well, !is_named, "{shown}");
                // The server has said nothing of the last one, so the next sweep asks for it.
                let is_filed = scene.places_of(hidden) == [SPAM];
                assert!(is_filed || is_named || hidden == 4, "{shown}");
                let run = process.sweep(Scope::New, None);
                let shown = format!("{shown} {run:#?} {:?}", scene.live());
                assert!(run.well && scene.places_of(hidden) == [SPAM], "{shown}");
                for other in (2..=4).filter(|id| *id != hidden) {
                    assert_eq!(scene.places_of(other), [place], "{shown}");
                }
            }
        }
    }
}

#[test]
fn a_forged_response_about_a_uid_far_above_hides_none_of_the_messages_that_come_later() {
    for forger in [person(), spam(2).bytes(2)] {
        let scene = Scene::with(RUNGS[0], &[person()]);
        let mut process = opened(&scene);
        scene.add(2, &with(forger, JUMP));
        let run = flight(&scene, &mut process, cut_short(2, JUMP.to_owned()));
        assert!(run.well, "{run:#?}");
        for id in 3..6 {
            scene.add(id, &spam(id).bytes(id));
            let run = process.sweep(Scope::New, None);
            assert!(run.well && scene.places_of(id) == [SPAM], "{id} {run:#?} {:?}", scene.live());
        }
    }
}

#[test]
fn a_server_that_looks_for_new_messages_only_when_asked_to_is_asked_to() {
    let scene = Scene::with(RUNGS[0], &[person()]);
    let mut process = opened(&scene);
    for new in 2..4 {
        scene.add(new, &spam(new).bytes(new));
        let looked = AtomicBool::new(false);
        let run = process.sweep(
            Scope::New,
            distortion(move |answer| {
                if ["SELECT", "EXAMINE", "NOOP"].iter().any(|word| answer.command.starts_with(word)) {
                    looked.store(true, Ordering::Relaxed);
                }
                if !looked.load(Ordering::Relaxed) {
                    answer.parts.retain(|part| !matches!(part, Part::Data { id, .. } if *id == new));
                }
            }),
        );
        let commands = scene.server.take_commands();
        assert!(run.well && scene.places_of(new) == [SPAM], "{run:#?} {commands:#?}");
        assert!(!commands.iter().any(|command| command.starts_with("LOGIN")), "{commands:#?}");
        assert!(process.sweep(Scope::New, None).well);
    }
}

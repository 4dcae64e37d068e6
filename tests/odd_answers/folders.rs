//! Odd lines about a folder, in answers to LIST and STATUS, and one odd message in a batch of hundreds.

use super::mutations::{Mutation, around_a_message};
use super::scene::{ALL, RUNGS, Scene, distortion, message};
use crate::support::home::SPAM;
use crate::support::letters::ordinary;
use crate::support::small_server::{Answer, Part};
use crate::support::trial::try_all;

/// Lines for one more folder, which no server may send so. That folder is hidden, or has another name; nothing else happens.
const LISTED: [&str; 30] = [
    "* LIST () \"/\" a\tb",
    "* LIST () \"/\" a b",
    "* LIST () \"/\" a\"b",
    "* LIST () \"/\" \"a\"b\"",
    "* LIST () \"/\" \"a\\b\"",
    "* LIST () \"/\" \"a\\\"",
    "* LIST () \"/\" \"a",
    "* LIST () \"/\" a{b c",
    "* LIST () \"/\" \"a{3}\"",
    "* LIST () \"/\" \"a {b\" c",
    "* LIST () \"/\" %",
    "* LIST () \"/\" *",
    "* LIST () \"/\" (a)",
    "* LIST () \"/\" gr\u{fc}n",
    "* LIST () \"/\" \"gr\u{fc}n\"",
    "* LIST () \"/\" &-",
    "* LIST () \"/\" &ABC",
    "* LIST () \"/\" \"\"",
    "* LIST () \".\" \"shared.mum\"",
    "* LIST () \"/\" ",
    "* LIST ()  \"/\"  a",
    "* LIST ( ) \"/\" a",
    "* LIST ( \\HasNoChildren ) \"/\" a",
    "* LIST (HasNoChildren) \"/\" a",
    "* LIST (\\HasNoChildren \"/\" a",
    "* LIST \"/\" a",
    "* LIST () \"\\\" \"Notes\\a\"",
    "* LIST () / a",
    "* LIST (\\Noselect \\NonExistent \\X-\u{fc}) NIL {1}\r\na",
    "* LIST () NIL {3}\r\na\r\n",
];

/// How the target's state may be said. Without it, followsift looks into the target.
const STATES: [&str; 22] = [
    "* STATUS Followers/Spam (UIDVALIDITY V UIDNEXT N)",
    "* STATUS \"Followers/Spam\" (UIDNEXT N UIDVALIDITY V)",
    "* STATUS \"Followers/Spam\"  ( UIDVALIDITY  V  UIDNEXT  N )",
    "* STATUS {14}\r\nFollowers/Spam (UIDVALIDITY V UIDNEXT N)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT N) ",
    "* STATUS \"Followers/Spam\" (MESSAGES 0 SIZE 0 UIDVALIDITY V UIDNEXT N HIGHESTMODSEQ 1)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT N MAILBOXID (F1))",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT 0)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT NIL)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT -1)",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY V UIDNEXT \"N\")",
    "* STATUS \"Followers/Spam\" (UIDVALIDITY 0 UIDNEXT N)",
    "* STATUS \"Followers/Spam\" (UIDNEXT N)",
    "* STATUS \"Followers/Spam\" ()",
    "* STATUS \"Followers/Spam\" (",
    "* STATUS \"Followers/Spam\"",
    "* STATUS \"Followers/Spam (UIDVALIDITY V UIDNEXT N)",
    "* STATUS (UIDVALIDITY V UIDNEXT N)",
    "* STATUS",
    "* STATUS \"Another\" (UIDVALIDITY V UIDNEXT N)",
    "* 1 EXISTS",
];

fn check(rung: &str, change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Result<(), String> {
    let scene = Scene::set(rung);
    let run = scene.sweep(distortion(change));
    let commands = scene.server.take_commands();
    let shown = |what: String| format!("{what}\n{run:#?}\n{commands:#?}");
    scene.safe(&ALL.map(message)).map_err(shown)?;
    scene.healthy(None).map_err(shown)?;
    let folders = scene.server.folders(|folders| folders.keys().cloned().collect::<Vec<_>>());
    if folders != [SPAM, "INBOX"] {
        return Err(shown(format!("there are {folders:?}")));
    }
    if run.well { Ok(()) } else { Err(shown("not all is well".to_owned())) }
}

#[test]
fn an_odd_name_of_a_folder_hides_that_folder_alone() {
    let mut cases = Vec::new();
    for line in LISTED {
        cases.extend([(line, true), (line, false)]);
    }
    try_all("odd folders", &cases, |number, (line, first)| {
        let (line, first) = (*line, *first);
        check(RUNGS[number % RUNGS.len()], move |answer| {
            if answer.command.starts_with("LIST \"\" \"*\"") {
                let at = if first { 0 } else { answer.parts.len() };
                answer.parts.insert(at, Part::Line(format!("{line}\r\n").into_bytes()));
            }
        })
    });
}

#[test]
fn an_odd_state_of_the_target_keeps_nothing_from_being_filed() {
    let mut cases = Vec::new();
    for state in STATES {
        cases.extend(RUNGS.map(|rung| (state, rung)));
    }
    try_all("odd states", &cases, |_, (state, rung)| {
        let state = *state;
        check(rung, move |answer| {
            if answer.command.starts_with("STATUS") {
                for part in &mut answer.parts {
                    let Part::Line(line) = part else { continue };
                    let text = String::from_utf8_lossy(line).into_owned();
                    let number = |key: &str| {
                        let after = text.split(key).nth(1).unwrap_or_default();
                        after.split([' ', ')']).nth(1).unwrap_or_default().to_owned()
                    };
                    let odd = state.replace(" V", &format!(" {}", number("UIDVALIDITY")));
                    let odd = odd.replace("N)", &format!("{})", number("UIDNEXT")));
                    let odd = odd.replace("N ", &format!("{} ", number("UIDNEXT")));
                    *line = format!("{odd}\r\n").into_bytes();
                }
            }
        })
    });
}

#[test]
fn one_odd_message_among_hundreds_is_found() {
    const MANY: usize = 520;
    let messages: Vec<Vec<u8>> = (1..=MANY)
        .map(|number| match number {
            1 | 260 | 261 | 519 | 520 => message(1),
            _ => ordinary("Mum <mum@home.example>", "Sunday", "Are you coming?\n").bytes(number),
        })
        .collect();
    let mutations: Vec<Mutation> =
        around_a_message().into_iter().filter(|one| one.name.contains("and nothing")).collect();
    let cases: Vec<(usize, Mutation)> = [1, 260, 520]
        .into_iter()
        .flat_map(|victim| mutations.iter().step_by(3).map(move |mutation| (victim, mutation.clone())))
        .collect();
    try_all("one among hundreds", &cases, |_, (victim, mutation)| {
        let (victim, mutation) = (*victim, mutation.clone());
        let scene = Scene::with(RUNGS[0], &messages);
        let run = scene.sweep(distortion(move |answer| {
            if answer.command.contains("UID FETCH") && answer.folder == "INBOX" {
                mutation.apply(victim, answer);
            }
        }));
        let shown = |what: String| format!("{what}\n{run:#?}\n{:#?}", scene.server.take_commands());
        scene.safe(&messages).map_err(shown)?;
        let filed = [1, 260, 261, 519, 520].map(|id| scene.places_of(id) == [SPAM] || id == victim);
        if filed.contains(&false) {
            return Err(shown(format!("{filed:?}")));
        }
        let is_named = run.said.contains(&format!("INBOX uid {victim} is there"));
        if is_named && !run.well { Ok(()) } else { Err(shown("it is not named".to_owned())) }
    });
}

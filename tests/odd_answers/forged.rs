//! Messages whose text looks like answers of the server, behind literals that are not as long as announced.

use super::scene::{RUNGS, Scene, distortion};
use crate::support::home::{SPAM, real, spam, text};
use crate::support::small_server::{Answer, Item, Mail, Part};
use crate::support::trial::{choose, try_all};

/// So many cases are tried by default.
const USUAL: usize = 300;

/// Answers that a sender may write into a message. Tags are easy to guess: `TAG` is a number of one.
const FORGERIES: [&str; 18] = [
    ")\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\n",
    " UID 2 FLAGS (\\Deleted))\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged) RFC822.SIZE 10)\r\n",
    ")\r\n* 2 FETCH (UID 2 RFC822.SIZE 50 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" FLAGS () BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]<0> {2}\r\n\r\n)\r\n",
    ")\r\n* 2 FETCH (UID 2 RFC822.SIZE 50 BODY[]<0> {8}\r\nFrom: x\n)\r\n",
    ")\r\n* 3 FETCH (UID 3 FLAGS () RFC822.SIZE 50 BODY[HEADER]<0> {2}\r\n\r\n)\r\n",
    ")\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n",
    ")\r\n* OK [COPYUID 91 1:5 1:5] moved\r\n",
    ")\r\n* OK [UIDVALIDITY 99] new\r\n* OK [UIDNEXT 1] new\r\n* 0 EXISTS\r\n",
    ")\r\n* SEARCH 1 2 3 4 5 6 7 8 9\r\n",
    ")\r\n* SEARCH\r\n",
    ")\r\n* LIST () \"/\" \"Elsewhere\"\r\n* STATUS \"Followers/Spam\" (UIDVALIDITY 91 UIDNEXT 1)\r\n",
    ")\r\n* BYE be gone\r\n",
    ")\r\n+ go on\r\n",
    ")\r\n* CAPABILITY IMAP4rev1\r\n",
    ")\r\nTAGS",
    ")\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\nTAGS",
    ")\r\n* OK [COPYUID 91 1:5 1:5] moved\r\nTAGS",
    "\r\n)\r\n* 2 FETCH (UID 2 BODY[]<0> {4000000}\r\n",
];

/// Forgeries that end so that what follows them in the true answer completes them: where the literal ends just before them, nothing
/// shows that they are none. Then a message may seem to be deleted or starred, and stays; more must not come of it.
const SEAMLESS: [&str; 7] = [
    ")\r\n* 2 FETCH (UID 2 RFC822.SIZE SIZE FLAGS () BODY[HEADER]<0> HEADER BODY[]<0> TEXT)\r\n* 9 FETCH (UID 9",
    ")\r\n* 2 FETCH (UID 2 FLAGS (\\Deleted))\r\n* 9 FETCH (UID 9",
    ")\r\n* 3 FETCH (UID 3 FLAGS (\\Deleted))\r\n* 9 FETCH (UID 9",
    ")\r\n* 3 FETCH (UID 3 FLAGS (\\Flagged \\Answered))\r\n* 9 FETCH (UID 9",
    ")\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* OK [COPYUID 91 1:5 1:5] moved\r\n* 9 FETCH (UID 9",
    ")\r\n* 3 FETCH (UID 3 RFC822.SIZE 9 FLAGS () BODY[HEADER]<0> {2}\r\n\r\n BODY[]<0> {9}\r\nFrom: x\r\n)\r\n* 9 FETCH (UID 9",
    ")\r\n* 2 FETCH (UID 2 RFC822.SIZE 9 FLAGS () BODY[HEADER]<0> {2}\r\n\r\n BODY[]<0> {9}\r\nFrom: x\r\n)\r\n* 9 FETCH (UID 9",
];

/// How far a literal's announced length is from the true one.
const ERRORS: [i64; 10] = [-100, -10, -2, -1, 1, 2, 10, 100, 0, i64::MIN];

#[derive(Clone, Copy, Debug)]
struct Case {
    rung: &'static str,
    forgery: &'static str,
    /// The message that has it.
    forger: usize,
    /// The forgery is in the header, not in the body.
    in_header: bool,
    /// By how many bytes; the least number stands for a literal that ends just where the forgery begins.
    error: i64,
    /// The answer to this FETCH alone, counted from 0; to each of them if there is none.
    at: Option<usize>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for rung in RUNGS {
        for forgery in FORGERIES.into_iter().chain(SEAMLESS) {
            for (forger, in_header) in [(1, false), (1, true), (5, false), (5, true)] {
                let errors = if SEAMLESS.contains(&forgery) { &ERRORS[ERRORS.len() - 1..] } else { &ERRORS };
                for error in errors {
                    let all = (0..9).map(Some).chain([None]);
                    cases.extend(all.map(|at| Case { rung, forgery, forger, in_header, error: *error, at }));
                }
            }
        }
    }
    cases
}

/// A follower's message with the forgery in it.
fn forged(case: &Case) -> Vec<u8> {
    let tags: String = (1..40).map(|number| format!("f{number} OK done\r\n")).collect();
    // A whole spam, as if it were the text of a person's message.
    let other = text(&spam(9), 9);
    let header = other.split_inclusive("\r\n\r\n").next().unwrap();
    let literal = |text: &str| format!("{{{}}}\r\n{text}", text.len());
    let forgery =
        case.forgery.replace("TAGS", &tags).replace("HEADER BODY", &format!("{} BODY", literal(header)));
    let size = format!("SIZE {}", other.len());
    let forgery = forgery.replace("SIZE SIZE", &size).replace("TEXT)", &format!("{})", literal(&other)));
    let mut bytes = spam(case.forger).bytes(case.forger);
    if case.in_header {
        // No header may have an empty line, so it ends where the forgery has one.
        let at = bytes.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
        let line = format!("X-Bio: {forgery}\r\n");
        bytes.splice(at..at, line.into_bytes());
    } else {
        bytes.extend_from_slice(forgery.as_bytes());
    }
    bytes
}

/// Announces another length for the literals of that message.
fn miscount(answer: &mut Answer, case: &Case) {
    for part in &mut answer.parts {
        let Part::Data { id, items, .. } = part else { continue };
        if *id != case.forger {
            continue;
        }
        for Item { value, .. } in items.iter_mut().filter(|item| item.value.starts_with(b"{")) {
            let end = value.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let length = i64::try_from(value.len() - end).unwrap();
            let start = &case.forgery.as_bytes()[..6.min(case.forgery.len())];
            let forgery = value[end..].windows(start.len()).position(|some| some == start);
            let announced = match case.error {
                i64::MIN => forgery.map_or(length, |at| i64::try_from(at).unwrap()),
                error => (length + error).max(0),
            };
            let rest = value.split_off(end);
            *value = [format!("{{{announced}}}\r\n").as_bytes(), &rest].concat();
        }
    }
}

fn check(case: &Case) -> Result<(), String> {
    let mut messages =
        [1, 2, 3, 4, 5].map(|number| if number % 2 == 0 { real(number) } else { spam(number) }.bytes(number));
    messages[case.forger - 1] = forged(case);
    let scene = Scene::with(case.rung, &messages);
    // Without waiting for what never comes: the connection ends where an answer is too short.
    scene.server.end_short_answers(true);
    let lie = *case;
    let seen = std::sync::atomic::AtomicUsize::new(0);
    let lies = distortion(move |answer| {
        if answer.command.contains("UID FETCH") {
            let number = seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if lie.at.is_none_or(|at| at == number) {
                miscount(answer, &lie);
            }
        }
    });
    let run = scene.sweep(lies);
    let commands = scene.server.take_commands();
    let shown = |what: String| format!("{what}\n{run:#?}\n{commands:#?}");
    // Where the connection ended in the middle of a copy, the next sweep settles it.
    scene.nothing_lost(&messages).map_err(shown)?;
    let folders = scene.server.folders(|folders| folders.keys().cloned().collect::<Vec<_>>());
    if folders.iter().any(|name| name != "INBOX" && name != SPAM) || scene.known() > 0 {
        return Err(shown(format!("{folders:?}, {} known", scene.known())));
    }
    scene.server.end_short_answers(false);
    let run = scene.sweep(None);
    let commands = scene.server.take_commands();
    let shown = |what: String| format!("in the end: {what}\n{run:#?}\n{commands:#?}");
    scene.safe(&messages).map_err(shown)?;
    for (id, place) in [(1, SPAM), (2, "INBOX"), (3, SPAM), (4, "INBOX"), (5, SPAM)] {
        let may_stay = id == case.forger || SEAMLESS.contains(&case.forgery);
        if !may_stay && scene.places_of(id) != [place] {
            return Err(shown(format!("message {id} is in {:?}", scene.places_of(id))));
        }
    }
    let flags = |mail: &Mail| mail.flags.iter().any(|flag| flag == "\\Deleted" || flag == "\\Answered");
    let marked = scene.server.folders(|folders| {
        folders
            .iter()
            .any(|(name, folder)| (name == SPAM || !case.rung.is_empty()) && folder.mails.iter().any(flags))
    });
    if marked || scene.known() > 0 {
        return Err(shown(format!("marked: {marked}, {} known", scene.known())));
    }
    if run.well { Ok(()) } else { Err(shown("not all is well".to_owned())) }
}

#[test]
fn no_message_passes_its_text_for_an_answer_of_the_server() {
    let (seamless, others): (Vec<Case>, Vec<Case>) =
        cases().into_iter().partition(|case| SEAMLESS.contains(&case.forgery));
    try_all("seamless forgeries", &choose(seamless, USUAL / 2), |_, case| check(case));
    try_all("forged answers", &choose(others, USUAL), |_, case| check(case));
}

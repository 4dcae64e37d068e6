//! An ordinary message is never taken for a notification: two thousand messages made up to look like one, and every
//! file below the folder that the environment variable `FOLLOWSIFT_ORDINARY` names.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test asks for its own environment")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use followsift::clock::Timestamp;
use followsift::diagnostic::document::Findings;
use followsift::mail::{Message, Profiles, Recognition, Trust};

pub(crate) mod everyday;
mod letter;
mod quoting;

/// How many messages are made up.
const MADE_UP: u64 = 2_000;
/// How much of a message the service fetches.
const MAIL_LIMIT: usize = followsift::sweep::MAIL_LIMIT as usize;
/// The longest that any message may take. Unoptimised builds on a busy machine are slow; what is not bounded would take
/// minutes.
const LONGEST: Duration = Duration::from_secs(20);

static PROFILES: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::compile(&Profiles::shipped_sources(), &Findings::default()));

/// What a message is to the service; an unreadable one is foreign.
fn recognise(name: &str, bytes: &[u8]) -> Recognition {
    let start = Instant::now();
    let bytes = bytes.get(..MAIL_LIMIT).unwrap_or(bytes);
    let is_plausible = PROFILES.plausible(bytes);
    let recognition = match Message::parse(bytes) {
        Ok(message) => PROFILES.recognise(&message, &Trust::default(), Timestamp(0)),
        Err(_) => Recognition::Foreign,
    };
    assert!(is_plausible || !matches!(recognition, Recognition::Recognised(_)), "{name}");
    assert!(start.elapsed() < LONGEST, "{name} took {:?}", start.elapsed());
    recognition
}

/// The fixtures that are notifications, with their names.
fn notifications() -> Vec<(String, Vec<u8>)> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mails = files(&corpus).into_iter().filter(|file| file.ends_with("message.eml"));
    let mails = mails.map(|file| (file.display().to_string(), fs::read(&file).unwrap()));
    let is_one =
        |(name, mail): &(String, Vec<u8>)| matches!(recognise(name, mail), Recognition::Recognised(_));
    mails.filter(is_one).collect()
}

/// Every file below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            // A link may lead in a circle.
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn none_of_two_thousand_made_up_messages_is_taken_for_a_notification() {
    let notifications = notifications();
    assert!(notifications.len() > 50, "{} notifications to make messages of", notifications.len());
    let mut wrong = Vec::new();
    for seed in 0..MADE_UP {
        let mut luck = fastrand::Rng::with_seed(seed);
        let (what, mail) = if luck.u8(..) < 150 {
            let (name, notification) = luck.choice(&notifications).unwrap();
            let (what, mail) = quoting::mail(notification, &mut luck);
            (format!("{what} of {name}"), mail)
        } else {
            everyday::mail(&mut luck)
        };
        let name = format!("message {seed}, {what}");
        let recognition = recognise(&name, &mail);
        // From a network's own address a phrase at the end of its subject makes a message seem to be one; it stays.
        let seems = what == everyday::OF_A_NETWORK && matches!(recognition, Recognition::Incomplete { .. });
        if recognition != Recognition::Foreign && !seems {
            wrong.push(format!("{name}: {recognition:?}\n{}", String::from_utf8_lossy(&mail)));
        }
    }
    assert!(wrong.is_empty(), "{} of {MADE_UP}\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn no_message_below_the_folder_named_by_the_environment_is_taken_for_a_notification() {
    let Some(folder) = std::env::var_os("FOLLOWSIFT_ORDINARY").map(PathBuf::from) else {
        println!("skipped: FOLLOWSIFT_ORDINARY names no folder of ordinary messages");
        return;
    };
    let files = files(&folder);
    let (mut unreadable, mut incomplete, mut wrong) = (0, 0, Vec::new());
    let mut longest = Duration::ZERO;
    for file in &files {
        let name = file.display().to_string();
        let Ok(bytes) = fs::read(file) else {
            unreadable += 1;
            println!("{name}: could not be read");
            continue;
        };
        let start = Instant::now();
        match recognise(&name, &bytes) {
            Recognition::Foreign => {}
            // From a network's own address, with the subject of a notification, and not one: it stays, as it should.
            Recognition::Incomplete { network, missing } => {
                incomplete += 1;
                println!("{name}: seems to be of {network}, without {missing:?}");
            }
            Recognition::TooCostly => wrong.push(format!("{name}: too costly to read")),
            Recognition::Recognised(it) => wrong.push(format!("{name}: a {} of {}", it.kind, it.network)),
        }
        longest = longest.max(start.elapsed());
    }
    println!(
        "{} messages: {incomplete} incomplete, {unreadable} could not be read, {} taken for notifications; the longest \
         took {longest:?}",
        files.len(),
        wrong.len()
    );
    assert!(!files.is_empty(), "no message below {}", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

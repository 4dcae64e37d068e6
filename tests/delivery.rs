//! A delivery answers as `explain` does: for every fixture, and for those of the folders that `FOLLOWSIFT_CORPUS` names.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::disallowed_methods, reason = "a test asks for its own environment")]

use std::fs;
use std::path::{Path, PathBuf};

use followsift::assess::{Arrival, Mail, assess};
use followsift::clock::Timestamp;
use followsift::delivery::{Field, Remembered, judge};
use followsift::host::{AuthservIds, HostName, Instance};
use followsift::mail::Trust;
use followsift::rulebook::{self, RuleFiles, Sent};
use followsift::rules::recall::{Blank, Replay};
use followsift::text;

use crate::support::letters::{AUTHSERV_ID, ENGLISH};

const NOW: Timestamp = Timestamp(1_800_000_000);

/// Every message, with its name.
fn messages() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")];
    let named = std::env::var_os("FOLLOWSIFT_CORPUS").unwrap_or_default();
    folders.extend(std::env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty()));
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "eml") {
                files.push(entry);
            }
        }
    }
    let read = |file: PathBuf| (file.display().to_string(), fs::read(&file).unwrap());
    files.into_iter().map(read).collect()
}

fn trust() -> Trust {
    Trust {
        authserv_id: AuthservIds::parse([AUTHSERV_ID]).unwrap(),
        instances: HostName::parse(ENGLISH.host).map(Instance::new).into_iter().collect(),
        relays: Vec::new(),
    }
}

fn value(files: Option<&RuleFiles>, message: &[u8]) -> Option<String> {
    let rulebook = files?.rulebook(trust(), false, &Sent::new());
    let remembered = Remembered { by_hand: Some(Replay::default()) };
    judge(message, NOW, &rulebook, &remembered).unwrap().map(|field| field.value("\n"))
}

#[test]
fn the_profiles_that_may_concern_a_message_give_the_answer_of_all() {
    let all = rulebook::read(None).0.unwrap();
    let rulebook = all.rulebook(trust(), false, &Sent::new());
    let messages = messages();
    let (mut notifications, mut compiled) = (0, 0);
    for (name, message) in &messages {
        let few = rulebook::read_for(None, None, message);
        compiled += few.as_ref().map_or(0, |(files, _)| files.as_ref().unwrap().networks().len());
        let few = few.and_then(|(files, findings)| {
            assert_eq!(findings.iter().filter(|finding| finding.is_error()).count(), 0, "{name}");
            value(files.as_ref(), message)
        });
        let assessment =
            assess(Mail { bytes: message, arrived: Arrival::Dated { otherwise: NOW } }, &rulebook, &Blank);
        assert_eq!(few, Field::of(&assessment).map(|field| field.value("\n")), "{}", text::line(name));
        notifications += usize::from(few.is_some());
    }
    assert!(
        messages.len() > 100 && notifications * 4 > messages.len(),
        "{notifications} of {}",
        messages.len()
    );
    // Not all of them each time, or they could as well not be chosen.
    assert!(compiled < 6 * messages.len(), "{compiled} profiles for {} messages", messages.len());
}

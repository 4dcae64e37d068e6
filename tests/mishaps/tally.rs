//! Every message that was ever delivered, and what may have become of it.

use std::collections::BTreeMap;

use crate::support::client::Snapshot;
use crate::support::home::{GAME, SPAM};
use crate::support::letters::Letter;

/// Filed, but not marked as the rules say.
pub(crate) const UNMARKED: &str = "not marked as read";

/// What the rules say about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It belongs in this folder.
    Filed(&'static str),
    /// It stays, and gets a star.
    Starred,
    /// It stays as it is.
    Stays,
}

/// A message that was delivered.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) role: Role,
    /// Where to.
    pub(crate) folder: &'static str,
    /// With these flags.
    pub(crate) flags: &'static str,
    pub(crate) text: String,
    /// How many copies of it the user has, at least and at most: more than one if it was delivered again or a backup
    /// was put back.
    pub(crate) copies: (usize, usize),
    /// Whether it may stay although it belongs elsewhere: because the user starred it, or because it is there twice.
    pub(crate) may_stay: bool,
    /// Has the user starred it in the middle? Then it has to be in the inbox, with its star.
    pub(crate) starred: bool,
}

impl Message {
    pub(crate) fn new(role: Role, letter: &Letter, number: usize) -> Self {
        let text = crate::support::home::text(letter, number);
        Self { role, folder: "INBOX", flags: "", text, copies: (1, 1), may_stay: false, starred: false }
    }
}

/// A place where a message is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    folder: String,
    flags: Vec<String>,
    date: String,
}

impl Found {
    fn is_live(&self) -> bool {
        !self.flags.iter().any(|flag| flag == "\\Deleted")
    }
}

/// By all of its bytes.
fn places(snapshot: &Snapshot) -> BTreeMap<&[u8], Vec<Found>> {
    let mut places: BTreeMap<&[u8], Vec<Found>> = BTreeMap::new();
    for (folder, messages) in snapshot {
        for message in messages {
            let found =
                Found { folder: folder.clone(), flags: message.flags.clone(), date: message.date.clone() };
            places.entry(&message.bytes).or_default().push(found);
        }
    }
    places
}

/// What is wrong with what became of the messages between two moments, one line for each. Where the server can expunge single
/// messages, none may be left that is only marked \Deleted.
pub(crate) fn compare(
    messages: &[Message],
    before: &Snapshot,
    after: &Snapshot,
    expunges: bool,
) -> Vec<String> {
    let (before, after) = (places(before), places(after));
    let mut wrong = Vec::new();
    for bytes in after.keys() {
        if !messages.iter().any(|message| message.text.as_bytes() == *bytes) {
            wrong.push(format!("altered: {}", subject(&String::from_utf8_lossy(bytes))));
        }
    }
    for message in messages {
        let there = before.get(message.text.as_bytes()).cloned().unwrap_or_default();
        let found = after.get(message.text.as_bytes()).cloned().unwrap_or_default();
        // One whose copy a backup has taken away may stay so: it is the only one.
        let left = expunges && there.iter().any(Found::is_live) && found.iter().any(|place| !place.is_live());
        let left = left.then_some("left there marked \\Deleted");
        for what in fates(message, &there, &found).into_iter().chain(left) {
            wrong.push(format!(
                "{what}: {} {:?}\n    was {there:?}\n    is  {found:?}",
                subject(&message.text),
                message.role
            ));
        }
    }
    wrong
}

fn fates(message: &Message, there: &[Found], found: &[Found]) -> Vec<&'static str> {
    let live: Vec<&Found> = found.iter().filter(|place| place.is_live()).collect();
    let was_live = there.iter().filter(|place| place.is_live()).count();
    let (least, most) = message.copies;
    let mut wrong = Vec::new();
    // What a restored backup has taken away is not followsift's fault.
    if live.len() < was_live.min(least) || (!there.is_empty() && found.is_empty()) {
        wrong.push("lost");
    }
    if live.len() > most {
        wrong.push("doubled");
    }
    for place in live {
        let flags: Vec<&str> = place.flags.iter().map(String::as_str).collect();
        let delivered: Vec<&str> = message.flags.split(' ').filter(|flag| !flag.is_empty()).collect();
        if !there.iter().any(|was| was.date == place.date) {
            wrong.push("altered in its date");
        }
        let right = match message.role {
            Role::Filed(_) if message.starred => place.folder == "INBOX" && flags == ["\\Flagged"],
            Role::Filed(target) if place.folder == target => {
                if target == SPAM && flags.is_empty() {
                    wrong.push(UNMARKED);
                }
                flags.is_empty() || (target == SPAM && flags == ["\\Seen"])
            }
            Role::Filed(_) if message.may_stay => place.folder == "INBOX" && flags == delivered,
            Role::Filed(_) if place.folder == "INBOX" => {
                wrong.push("passed over");
                true
            }
            Role::Filed(_) => {
                wrong.push("in the wrong folder");
                true
            }
            Role::Starred => place.folder == message.folder && (flags == ["\\Flagged"] || flags == delivered),
            Role::Stays => place.folder == message.folder && flags == delivered,
        };
        if !right {
            wrong.push("misjudged");
        }
    }
    wrong
}

fn subject(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("Subject: "));
    line.unwrap_or("(no subject)").chars().take(80).collect()
}

/// The folder that the rules name for a spam follower, and for one who plays the numbers game.
pub(crate) const TO_SPAM: Role = Role::Filed(SPAM);
pub(crate) const TO_GAME: Role = Role::Filed(GAME);

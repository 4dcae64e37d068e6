//! The move of a judged message into the folder for spam, for tests that write a ledger.

use followsift::ledger::{Intent, Judged, Target};
use followsift::place::{Folder, Marks, Uid, UidValidity};

/// The move, stated when the message was judged.
pub fn filing(judged: &Judged) -> Intent {
    Intent {
        mail: judged.mail.clone(),
        identity: judged.identity,
        received: None,
        source_next: Uid(judged.mail.uid.0 + 1),
        target: Target {
            folder: Folder::new(super::home::SPAM).unwrap(),
            validity: UidValidity(3),
            next: Uid(1),
        },
        marks: Marks::default(),
        stated_at: judged.judged_at,
        by_hand: false,
        by_move: true,
        returns: false,
        header: None,
    }
}

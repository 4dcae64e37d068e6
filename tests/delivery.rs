//! A delivery answers as `explain` does: for every fixture, and for those of the folders that `FOLLOWSIFT_CORPUS` names.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use followsift::assess::{Arrival, Mail, assess};
use followsift::clock::Timestamp;
use followsift::delivery::{Field, NAME, Remembered, Removal, judge};
use followsift::host::{AuthservIds, HostName, Instance};
use followsift::mail::Trust;
use followsift::rulebook::{self, RuleFiles, Sent};
use followsift::rules::recall::{Blank, Replay};
use followsift::text;

use crate::support::corpus::messages;
use crate::support::letters::{AUTHSERV_ID, ENGLISH};

const NOW: Timestamp = Timestamp(1_800_000_000);

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

fn removed(message: &[u8], pieces: usize) -> Vec<u8> {
    let (mut removal, mut out) = (Removal::default(), Vec::new());
    message.chunks(pieces.max(1)).for_each(|piece| removal.push(piece, &mut out));
    removal.finish(&mut out);
    out
}

proptest::proptest! {
    #[test]
    fn what_stays_has_no_such_field_whatever_comes_and_in_whatever_pieces(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "X-Followsift", "x-followsift", ":", " ", "\t", "\r\n", "\n", "\r", "a", "A: b", "\r\n\r\n", "X-", "\0",
            ]),
            0..30,
        ),
        pieces in 1..9_usize,
    ) {
        let message = parts.concat();
        let whole = removed(message.as_bytes(), message.len());
        proptest::prop_assert_eq!(&whole, &removed(message.as_bytes(), pieces));
        if let Ok((fields, _)) = mailparse::parse_headers(&whole) {
            // Without a value, a field says nothing.
            let says = |field: &mailparse::MailHeader<'_>| {
                field.get_key().trim().eq_ignore_ascii_case(NAME) && !field.get_value_raw().is_empty()
            };
            proptest::prop_assert!(!fields.iter().any(says), "{:?}", message);
        }
    }
}

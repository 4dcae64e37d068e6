//! What can happen to the messages of an account, so that a ledger to be exported knows something of each kind.

use super::*;

/// Lets something of one kind happen to message `number`.
pub(super) fn happen(ledger: &mut Ledger, what: u8, number: u8) {
    let at = Timestamp(20_000 + i64::from(number));
    let knows = ledger.knows(&home(), &identity(number)).unwrap();
    let uid = Uid(40 + u32::from(number));
    match what {
        0 => ledger.record(&[one(number)]).unwrap(),
        1 => {
            let mut other = Judged { rules: "rules-2".into(), judged_at: Timestamp(15_000), ..one(number) };
            other.notification.authentic = Authenticity::Unknown;
            other.verdicts[0].points = 0.1 + f64::from(number) / 3.0;
            ledger.record(&[other]).unwrap();
        }
        2 if knows => {
            let settlements = [
                Settlement::Moved { uid: Some(uid) },
                Settlement::Moved { uid: None },
                Settlement::Left,
                Settlement::Altered,
                Settlement::Doubled { uid },
                Settlement::Gone,
                Settlement::InDoubt,
            ];
            let header = followsift::place::HeaderLines::of(b"Received: from a by b\r\nFrom: c\r\n\r\n");
            let settlement = settlements[usize::from(number) % settlements.len()];
            settle(ledger, Intent { header, ..intent(number) }, settlement);
        }
        3 if knows => ledger.note_correction(&home(), &identity(number), at).unwrap(),
        4 if knows => {
            let why = [Stay::Twin, Stay::Late, Stay::PutBack, Stay::Asked][usize::from(number) % 4];
            ledger.keep(&home(), &identity(number), why, at).unwrap();
        }
        5 if knows => {
            let why =
                [Delay::Fuse, Delay::Refused, Delay::LookUp(at), Delay::Observed][usize::from(number) % 4];
            let mail = place(u32::from(number));
            ledger.put_off(&[PutOff { mail, identity: identity(number), why }], at).unwrap();
        }
        6 => ledger
            .record_incomplete(&[IncompleteRecord {
                mail: place(u32::from(number)),
                identity: identity(number),
                network: Network::new("x").unwrap(),
                missing: vec![Fact::Handle, Fact::Bio],
                received: at,
                seen_at: at,
            }])
            .unwrap(),
        7 => drop(ledger.add_known(&key(number), at).unwrap()),
        8 => {
            let left = Judged { verdict: None, action: Action::Leave, ..one(number) };
            ledger.record(&[left]).unwrap();
            let (target, validity) = (spam_folder(), UidValidity(3));
            let filed = HandFiled {
                mail: place(u32::from(number)),
                identity: identity(number),
                target,
                validity,
                uid,
            };
            ledger.note_hand_filed(&[filed], at).unwrap();
        }
        9 => {
            let newest = vec![Newest { uid, fields: MailDigest([number; 32]), received: at }];
            let old = (number.is_multiple_of(2)).then_some(Old { below: Uid(90), since: at });
            let cursor = Cursor { validity: UidValidity(7), next: uid, looked_at: at, old, newest };
            ledger.advance(&home(), &Folder::inbox(), cursor).unwrap();
            let unshown = [(Uid(u32::from(number)), true)];
            ledger.note_unshown(&home(), &Folder::inbox(), UidValidity(7), &unshown, None, at).unwrap();
            let to = (number.is_multiple_of(2)).then_some((UidValidity(3), uid));
            ledger.note_target(&home(), &spam_folder(), to, at).unwrap();
        }
        10 => {
            let outcomes = [None, Some(followsift::ledger::DigestOutcome::Sent)];
            let outcome = outcomes[usize::from(number) % 2];
            ledger.state_digest(&home(), &format!("2027-01-{number:02}"), at, outcome, at).unwrap();
        }
        11 => {
            ledger.note_rules(&home(), &format!("rules-{number}"), at).unwrap();
            ledger.resume(&home(), at).unwrap();
        }
        12 => {
            let person =
                Correspondent { address: format!("jo-{number}@bloom.example"), name: "Jo \u{202e}".into() };
            let sent = SentPeople { refreshed_at: at, people: vec![person] };
            ledger.replace_sent_people(&home(), &Folder::new("Sent").unwrap(), &sent).unwrap();
        }
        13 => {
            let direct = rusqlite::Connection::open(ledger.file()).unwrap();
            direct
                .execute(
                    "INSERT OR IGNORE INTO lookup (network, key, account, server, name, tried_at, answered_at, answered_by, facts)
                     VALUES ('mastodon', ?, 'home', 'toot.example', 'ann', 9000, 9000, 'toot.example', '{\"followers\":3}')",
                    [key(number).as_str()],
                )
                .unwrap();
        }
        15 => drop(ledger.pause(&home(), None, Some(NOW), at).unwrap()),
        14 => drop(ledger.forget(&key(number)).unwrap()),
        _ => {}
    }
}

/// A ledger to which something of each kind has happened.
pub(super) fn full(folder: &Path) -> Ledger {
    let mut ledger = new(folder);
    (1..=4).for_each(|number| happen(&mut ledger, 0, number));
    for what in 0..14 {
        happen(&mut ledger, what, what % 4 + 1);
    }
    ledger
}

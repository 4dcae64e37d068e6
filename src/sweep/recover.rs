//! Finds out what became of moves that an earlier session left open, before anything else is done. Called by the sweep and by `restore`.

use std::collections::BTreeMap;

use super::news::News;
use super::removals::Removals;
use super::returns::{Return, Why, bring_back};
use super::settlement::delay;
use super::{AccountFault, trouble};
use crate::clock::Timestamp;
use crate::ledger::{IntentId, Ledger, OpenIntent, PutOff, RemovalNote, Settlement, Stay};
use crate::mailbox::{Fate, Landing, Obstacle, Outcome, Pending, Removal, Session, Settled};
use crate::place::{Folder, MailTrace, Uid, UidValidity};
use crate::settings::Account;

/// Settles the moves that are open in the ledger for the account; returns how many. Messages that are where they were
/// wait until this sweep comes to them: the cursor may have passed them.
pub(super) fn settle(
    session: &mut Session,
    (account, now): (&Account, Timestamp),
    ledger: &mut Ledger,
    tell: &mut dyn FnMut(News),
) -> Result<usize, AccountFault> {
    let open = ledger.unsettled(&account.name, now)?;
    if open.is_empty() {
        return Ok(0);
    }
    let pending: Vec<Pending> = open.iter().map(pending).collect();
    let mut removals = Removals::default();
    let said = session.settle(&pending, &mut |deed, positions| {
        let ids: Vec<IntentId> =
            positions.iter().filter_map(|at| open.get(*at)).map(|open| open.id).collect();
        removals.note_ids(ledger, deed, &ids)
    });
    let settled = removals.finish(said)?;
    let mut settlements = Vec::new();
    let mut again = Vec::new();
    // By the UID: a return that was stated twice is one.
    let mut returns: BTreeMap<Way, BTreeMap<Uid, (MailTrace, Option<Timestamp>)>> = BTreeMap::new();
    let mut returning: Vec<(IntentId, Way, Uid)> = Vec::new();
    let mut unshown: BTreeMap<(&Folder, UidValidity), Vec<Uid>> = BTreeMap::new();
    for (OpenIntent { id, intent, asked, .. }, Settled { outcome, place, resized, touched }) in
        open.iter().zip(settled)
    {
        let (mail, identity) = (&intent.mail, intent.identity);
        match (&outcome, place) {
            (Outcome::Moved { uid: Some(uid) }, Some((folder, validity))) => {
                let copy = MailTrace { uid: *uid, identity };
                let there = MailTrace { identity: resized.unwrap_or(identity), ..copy };
                // A star that we were to set says nothing about the user.
                if touched && !intent.returns && !intent.marks.flagged {
                    let way = (folder, validity, mail.folder.clone(), Why::Touched);
                    returning.push((*id, way.clone(), *uid));
                    returns.entry(way).or_default().insert(*uid, (copy, intent.received));
                } else {
                    match session.mark(&folder, validity, &[there], intent.marks) {
                        Err(fault) if fault.fate() == Fate::Leave => {
                            tell(trouble(session, &folder, fault.cause.to_string())?);
                        }
                        marked => marked?,
                    }
                }
            }
            // On its way back, and still in the target: once more.
            (Outcome::Left(Obstacle::Interrupted), _) if intent.returns => {
                // What it teaches was noted when its way back was first stated.
                let why = if *asked { Why::Asked { learns: false } } else { Why::Touched };
                let way = (mail.folder.clone(), mail.validity, intent.target.folder.clone(), why);
                let trace = MailTrace { uid: mail.uid, identity };
                returning.push((*id, way.clone(), mail.uid));
                returns.entry(way).or_default().insert(mail.uid, (trace, intent.received));
            }
            (Outcome::Left(Obstacle::Uncertain { .. }), _) => tell(News::Uncertain { mail: mail.clone() }),
            (Outcome::Left(Obstacle::PutBack), _) => {
                ledger.keep(&mail.account, &identity, Stay::PutBack, now)?;
            }
            (Outcome::Left(Obstacle::LiveAgain), _) => {
                ledger.keep(&mail.account, &identity, Stay::Restored, now)?;
            }
            // Stays open, and is asked for again.
            (Outcome::Left(Obstacle::Unshown), _) => {
                unshown.entry((&mail.folder, mail.validity)).or_default().push(mail.uid);
            }
            (Outcome::Left(Obstacle::NotNow), _) => {
                tell(News::NotNow { mail: mail.clone(), to: intent.target.folder.clone() });
            }
            (Outcome::Moved { .. } | Outcome::Left(_) | Outcome::Gone | Outcome::Unknown, _) => {}
        }
        if outcome.is_open() {
            continue;
        }
        if let Some(why) = delay(&outcome).filter(|_| !intent.returns) {
            again.push(PutOff { mail: mail.clone(), identity, why });
        }
        settlements.push((*id, Settlement::from(&outcome)));
    }
    for ((folder, validity), uids) in unshown {
        let messages: Vec<(Uid, bool)> = uids.iter().map(|uid| (*uid, true)).collect();
        ledger.note_unshown(&account.name, folder, validity, &messages, None, now)?;
        tell(News::Unshown { folder: folder.clone(), uids, why: None });
    }
    // In this order: until the way back is stated, these moves must be found open; and a message that waits without
    // need is only looked at once more.
    for (way, messages) in returns {
        let (from, validity, to, why) = way.clone();
        let messages = messages.into_values().collect();
        let back = Return { from: (from.clone(), validity), to, messages, why };
        let brought = bring_back(session, (account, now), ledger, back)?;
        let unstated = |id: &IntentId| {
            returning.iter().any(|(one, on, uid)| one == id && *on == way && brought.unstated.contains(uid))
        };
        settlements.retain(|(id, _)| !unstated(id));
        let words = match why {
            Why::Touched => Vec::from_iter(brought.touched_in_words()),
            Why::Asked { .. } => brought.asked_in_words(true),
        };
        for words in words {
            tell(trouble(session, &from, words)?);
        }
    }
    ledger.put_off(&again, now)?;
    ledger.settle(&settlements, now)?;
    Ok(settlements.len())
}

/// From a folder, with its UIDVALIDITY, to another, and why.
type Way = (Folder, UidValidity, Folder, Why);

fn pending(OpenIntent { intent, removal, claimed, .. }: &OpenIntent) -> Pending {
    Pending {
        from: intent.mail.folder.clone(),
        validity: intent.mail.validity,
        mail: MailTrace { uid: intent.mail.uid, identity: intent.identity },
        received: intent.received.map(|at| at.0),
        to: intent.target.folder.clone(),
        landing: Landing { validity: intent.target.validity, next: intent.target.next },
        claimed: claimed.clone(),
        by_move: intent.by_move,
        removal: match removal {
            None => Removal::None,
            Some(RemovalNote::Sent) => Removal::Sent,
            Some(RemovalNote::Marked) => Removal::Marked,
        },
        touched_too: intent.returns,
    }
}

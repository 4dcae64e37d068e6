//! Decides whether a message that was filed, and is in its folder again, was put back by hand. Called by the sweep and
//! by `folder`.
//!
//! It was put back only if the filed copy has left its target. If the copy is still there, this one is a twin; if it
//! left long ago, or a folder was restored from a backup, it is uncertain whether the user brought the message back. In
//! any case the message stays; if there is a doubt, followsift learns nothing from it.

use std::collections::BTreeMap;

use super::judge::Considered;
use super::news::News;
use super::pass::{CurrentFolder, Pass};
use super::scope::Since;
use super::{AccountFault, Sweep};
use crate::ledger::{EarlierMove, FiledCopy, Learned, Ledger, Stay};
use crate::mailbox::{FiledAs, Presence, Session};
use crate::place::{Folder, MailTrace, Uid, UidValidity};

/// How long filed copies are looked for, so that it is known when they left, in seconds.
const LOOKED_FOR: u64 = 90 * 24 * 60 * 60;
/// How long after its copy has left a message may come back to count as put back, in seconds.
const SOON: u64 = 24 * 60 * 60;

/// Decides about each message that was filed and is here again; for that, it looks into the targets.
pub(super) fn decide(
    pass: &mut Pass<'_>,
    current: &CurrentFolder,
    considered: &mut [Considered],
) -> Result<(), AccountFault> {
    let mut by_folder: BTreeMap<Folder, Vec<FiledCopy>> = BTreeMap::new();
    for message in considered.iter() {
        if let EarlierMove::Filed(copies) = &message.earlier {
            for copy in copies {
                by_folder.entry(copy.folder.clone()).or_default().push(copy.clone());
            }
        }
    }
    let mut presences = BTreeMap::new();
    for (folder, copies) in by_folder {
        let filed: Vec<FiledAs> = copies.iter().map(filed_as).collect();
        let answers = match pass.session.presence(&folder, &filed) {
            // Not now: those messages stay, and are looked at again.
            Err(fault) if !pass.session.is_spent() && fault.is_for_now() => continue,
            answers => answers?,
        };
        presences.extend(copies.into_iter().map(|copy| copy.intent).zip(answers));
    }
    for message in considered {
        let EarlierMove::Filed(copies) = &message.earlier else { continue };
        let answers: Option<Vec<Presence>> =
            copies.iter().map(|copy| presences.get(&copy.intent).copied()).collect();
        let Some(answers) = answers else { continue };
        let stays =
            copies.iter().zip(answers).map(|(copy, presence)| stay(pass.sweep, current, copy, presence));
        // The strongest doubt counts.
        if let Some(stay) = stays.min_by_key(|stay| DOUBTS.iter().position(|doubt| doubt == stay)) {
            message.earlier = EarlierMove::Stays(stay);
        }
    }
    Ok(())
}

/// The doubts, the strongest first; the last is no doubt.
const DOUBTS: [Stay; 5] = [Stay::Twin, Stay::Restored, Stay::Elsewhere, Stay::Late, Stay::PutBack];

/// What one filed copy says about a message that is in its folder again.
fn stay(sweep: Sweep<'_>, current: &CurrentFolder, copy: &FiledCopy, presence: Presence) -> Stay {
    let late = match copy.left_at {
        Some(at) => sweep.now.since(at) > SOON,
        None => sweep.now.since(copy.stated_at) > LOOKED_FOR,
    };
    match (presence, current.since) {
        (Presence::There(_), _) => Stay::Twin,
        (_, Since::Restored { .. }) => Stay::Restored,
        // Both folders were renumbered, as when an account is moved or restored as a whole.
        (Presence::Doubtful, Since::Renumbered) => Stay::Restored,
        (Presence::Doubtful | Presence::Left, _) if copy.was_gone || copy.account != sweep.account.name => {
            Stay::Elsewhere
        }
        (Presence::Doubtful, Since::Same) => Stay::Restored,
        (Presence::Left, _) if late => Stay::Late,
        (Presence::Left, _) => Stay::PutBack,
    }
}

pub(super) fn filed_as(copy: &FiledCopy) -> FiledAs {
    FiledAs { validity: copy.validity, uid: copy.uid, identity: copy.identity }
}

/// Looks once a day for filed copies that have left their targets, so that it is known later when they did.
pub(super) fn note_left(
    session: &mut Session,
    sweep: Sweep<'_>,
    ledger: &mut Ledger,
) -> Result<(), AccountFault> {
    let name = &sweep.account.name;
    let copies = ledger.copies_to_look_for(name, sweep.now)?;
    if copies.is_empty() {
        return Ok(());
    }
    let mut by_target: BTreeMap<(Folder, UidValidity), Vec<FiledCopy>> = BTreeMap::new();
    for copy in copies {
        by_target.entry((copy.folder.clone(), copy.validity)).or_default().push(copy);
    }
    let mut left = Vec::new();
    for ((folder, validity), copies) in by_target {
        let uids: Vec<Uid> = copies.iter().filter_map(|copy| copy.uid).collect();
        // If the target is another folder by now, nothing is known.
        let there = match session.still_in(&folder, validity, &uids) {
            Err(fault) if !session.is_spent() && fault.is_for_now() => continue,
            there => there?,
        };
        let Some(there) = there else { continue };
        let is_there = |copy: &&FiledCopy| copy.uid.is_none_or(|uid| there.contains(&uid));
        left.extend(copies.iter().filter(|copy| !is_there(copy)).map(|copy| copy.intent));
    }
    ledger.note_left(name, &left, sweep.now)?;
    Ok(())
}

/// If originals are only marked as deleted, a missing mark means that the user wants the message where it was: then
/// followsift removes its copy.
pub(super) fn note_undeleted(
    session: &mut Session,
    sweep: Sweep<'_>,
    ledger: &mut Ledger,
    originals: &[(Uid, FiledCopy)],
) -> Result<(), AccountFault> {
    let trace = |(uid, copy): &(Uid, FiledCopy)| MailTrace { uid: *uid, identity: copy.identity };
    let live = session.live_among(&originals.iter().map(trace).collect::<Vec<_>>())?;
    for (_, copy) in originals.iter().filter(|(uid, _)| live.contains(uid)) {
        let presence = match session.presence(&copy.folder, &[filed_as(copy)]) {
            Err(fault) if !session.is_spent() && fault.is_for_now() => continue,
            presence => presence?,
        };
        if presence == [Presence::There(None)] {
            continue;
        }
        // If the copy is gone too, a backup may have brought back the earlier state.
        let there = presence.into_iter().find_map(|presence| match presence {
            Presence::There(place) => place,
            Presence::Left | Presence::Doubtful => None,
        });
        let stay = if there.is_some() { Stay::PutBack } else { Stay::Restored };
        ledger.keep(&sweep.account.name, &copy.identity, stay, sweep.now)?;
        if let Some((validity, uid)) = there {
            let copies = [MailTrace { uid, identity: copy.identity }];
            session.take_back(&copy.folder, validity, &copies)?;
        }
    }
    Ok(())
}

/// Learns from what was put back, once the sweep is over.
pub(super) fn learn(
    sweep: Sweep<'_>,
    ledger: &mut Ledger,
    tell: &mut dyn FnMut(News),
) -> Result<(), AccountFault> {
    if let Learned::TooMany(messages) = ledger.learn(&sweep.account.name, sweep.now)? {
        tell(News::TooMany { messages });
    }
    Ok(())
}

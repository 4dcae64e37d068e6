//! Finds messages that the user filed by hand: notifications that followsift had left, and that are now in the folder of a verdict
//! other than `real`. Called by the sweep, which learns from them that their followers are unwelcome. Moves nothing.
//!
//! Once an hour, each target is opened, and only messages that came since the last look are fetched. Junk filters move messages too,
//! so more than twenty at once teach nothing. With a ledger that was restored from a backup, moves of followsift's own look like the
//! user's; so what today's rules would file into the same folder teaches nothing, either.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{consider_rest, consider_whole};
use super::memory::Memory;
use super::news::News;
use super::{AccountFault, Sweep};
use crate::ledger::{BY_HAND, HandFiled, Ledger, TargetLook};
use crate::mailbox::{Fate, Session};
use crate::place::{Folder, Uid, UidValidity};
use crate::rules::Action;

/// So long after the last look, what cannot be decided is looked at again, in seconds.
const DAY: u64 = 24 * 60 * 60;
/// If more messages than these came into a target since the last look, it was no hand.
const MOST: usize = 200;

/// Looks into the targets that are due, and learns from what was filed there by hand.
pub(super) fn learn(
    session: &mut Session,
    sweep: Sweep<'_>,
    memory: &mut Memory,
    tell: &mut dyn FnMut(News),
) -> Result<(), AccountFault> {
    let Some(ledger) = memory.kept().filter(|_| sweep.account.act) else { return Ok(()) };
    let account = &sweep.account.name;
    let mut targets = sweep.rulebook.rules.unwanted_targets();
    targets.retain(|target| !sweep.account.folders.contains(target));
    let mut filed = Vec::new();
    let mut seen = Vec::new();
    for look in ledger.targets_to_look_at(account, targets, sweep.now)? {
        match newcomers(session, ledger, sweep, &look) {
            // Not there yet, or not now.
            Err(AccountFault::Mailbox(fault))
                if !session.is_spent() && (fault.fate() == Fate::Leave || fault.is_for_now()) =>
            {
                seen.push((look, None));
            }
            found => {
                let (to, found) = found?;
                seen.push((look, to));
                filed.extend(found);
            }
        }
    }
    // Those that cannot be decided now.
    let mut open = Vec::new();
    let mut filed = that_left(session, filed, &mut open)?;
    let messages = filed.len() + open.len();
    if messages > BY_HAND {
        tell(News::TooManyFiled { messages });
        filed.clear();
        open.clear();
    }
    let filed = by_the_user(session, sweep, filed, &mut open, memory)?;
    let Some(ledger) = memory.kept() else { return Ok(()) };
    match filed.len() {
        0 => {}
        messages => {
            let known = ledger.note_hand_filed(&filed, sweep.now)?;
            tell(News::HandFiled { messages: messages - known.len(), known });
        }
    }
    // Last, so that what is not noted yet is found again.
    for (look, to) in seen {
        let lowest =
            open.iter().filter(|one| one.target == look.folder).map(|one| (one.uid, one.validity)).min();
        match lowest.filter(|_| sweep.now.since(look.looked_at) < DAY) {
            // It is due again at once.
            Some((uid, validity)) => {
                ledger.note_target(account, &look.folder, Some((validity, uid)), look.looked_at)?;
            }
            None => ledger.note_target(account, &look.folder, to, sweep.now)?,
        }
    }
    Ok(())
}

type Found = (Option<(UidValidity, Uid)>, Vec<HandFiled>);

/// The messages that came into a target since it was last looked at, and that followsift had left elsewhere.
fn newcomers(
    session: &mut Session,
    ledger: &Ledger,
    sweep: Sweep<'_>,
    look: &TargetLook,
) -> Result<Found, AccountFault> {
    let opened = session.examine(&look.folder)?;
    let Some(next) = opened.next else { return Ok((None, Vec::new())) };
    let to = Some((opened.validity, next));
    // What is moved there by hand says nothing about why. How far the folder was seen is noted all the same: a ledger that is a copy
    // is trusted by that.
    if session.is_put_away(&look.folder)? {
        return Ok((to, Vec::new()));
    }
    // A folder that was renumbered, or looked at for the first time, says nothing about when its messages came.
    let Some((validity, first)) = look.from.filter(|(validity, _)| *validity == opened.validity) else {
        return Ok((to, Vec::new()));
    };
    let mut filed = Vec::new();
    for copy in session.newcomers(&opened, first, &look.ours, MOST)?.unwrap_or_default() {
        if let Some(mail) = ledger.left_in_place(&sweep.account.name, &copy.identity)? {
            let target = look.folder.clone();
            filed.push(HandFiled { mail, identity: copy.identity, target, validity, uid: copy.uid });
        }
    }
    Ok((to, filed))
}

/// Those of which the original has left its folder: any other is a copy.
fn that_left(
    session: &mut Session,
    filed: Vec<HandFiled>,
    open: &mut Vec<HandFiled>,
) -> Result<Vec<HandFiled>, AccountFault> {
    let mut by_source: BTreeMap<(Folder, UidValidity), Vec<HandFiled>> = BTreeMap::new();
    for one in filed {
        by_source.entry((one.mail.folder.clone(), one.mail.validity)).or_default().push(one);
    }
    let mut left = Vec::new();
    for ((folder, validity), filed) in by_source {
        let uids: Vec<Uid> = filed.iter().map(|one| one.mail.uid).collect();
        let there = match session.still_in(&folder, validity, &uids) {
            Err(fault) if !session.is_spent() && fault.is_for_now() => {
                open.extend(filed);
                continue;
            }
            there => there?,
        };
        // In a folder that was renumbered, nothing tells.
        let Some(there) = there else { continue };
        left.extend(filed.into_iter().filter(|one| !there.contains(&one.mail.uid)));
    }
    // Two copies of one message are not the work of a hand that files it.
    let mut once = BTreeSet::new();
    left.retain(|one| once.insert((one.identity.digest, one.identity.size)));
    Ok(left)
}

/// Those that today's rules would not file into the same folder. Others, and those that today's rules do not judge (starred ones, for
/// instance), may have been moved by followsift, as a ledger that was restored from a backup does not show.
fn by_the_user(
    session: &mut Session,
    sweep: Sweep<'_>,
    mut filed: Vec<HandFiled>,
    open: &mut Vec<HandFiled>,
    memory: &Memory,
) -> Result<Vec<HandFiled>, AccountFault> {
    let targets: BTreeSet<Folder> = filed.iter().map(|one| one.target.clone()).collect();
    for target in targets {
        let opened = match session.examine(&target) {
            Err(fault) if !session.is_spent() && (fault.fate() == Fate::Leave || fault.is_for_now()) => {
                open.extend(filed.extract_if(.., |one| one.target == target));
                continue;
            }
            opened => opened?,
        };
        let is_there = |one: &HandFiled| one.target == target && one.validity == opened.validity;
        let uids: Vec<Uid> = filed.iter().filter(|one| is_there(one)).map(|one| one.uid).collect();
        let (portion, _, unread) = consider_whole(session, sweep, &opened, &uids, &[], memory)?;
        let rest = consider_rest(session, sweep, &opened, &unread, memory)?;
        open.extend(filed.extract_if(.., |one| is_there(one) && rest.unshown.contains(&one.uid)));
        let goes_there = |action: &Action| matches!(action, Action::File { to, .. } if *to == target);
        let decided: BTreeSet<Uid> = portion
            .considered
            .iter()
            .chain(&rest.considered)
            .filter(|message| message.assessed.as_ref().is_ok_and(|it| !goes_there(&it.action)))
            .map(|message| message.uid)
            .collect();
        filed.retain(|one| one.target != target || (is_there(one) && decided.contains(&one.uid)));
    }
    Ok(filed)
}

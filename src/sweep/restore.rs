//! Puts filed messages back because the user wants them back, by the same intents and proofs as any other move. Called by
//! `sweeper`.

use std::collections::{BTreeMap, BTreeSet};

use super::news::News;
use super::put_back::filed_as;
use super::recover;
use super::returns::{Return, Why, bring_back};
use super::{AccountFault, trouble};
use crate::clock::Timestamp;
use crate::ledger::{IntentId, Ledger, Restorable};
use crate::mailbox::{FiledAs, Presence, Session};
use crate::place::{Folder, MailTrace, UidValidity};
use crate::settings::Account;

/// So many messages are put back at a time.
const AT_ONCE: usize = 100;

/// Which messages are to be put back, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The moves that filed them.
    pub moves: Vec<IntentId>,
    /// Their followers are known from then on.
    pub learns: bool,
}

/// What came of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restoration {
    /// So many messages are back.
    pub back: usize,
    /// So many are not in the folder any more to which they were filed, or had been put back before.
    pub gone: usize,
    /// So many could not be looked for or put back.
    pub left: usize,
    /// Of those that are back, so many had been filed before the ledger was lost, out of any of several folders; they are in the inbox.
    pub guessed: usize,
}

/// Puts messages back.
pub(super) fn restore(
    session: &mut Session,
    (account, now): (&Account, Timestamp),
    ledger: &mut Ledger,
    Restore { moves, learns }: &Restore,
    tell: &mut dyn FnMut(News),
) -> Result<Restoration, AccountFault> {
    session.begin_sweep();
    recover::settle(session, (account, now), ledger, tell)?;
    let mut by_folder: BTreeMap<Folder, Vec<Restorable>> = BTreeMap::new();
    let wanted = ledger.restorable(&account.name, moves)?;
    let mut done = Restoration { gone: moves.len().saturating_sub(wanted.len()), ..Restoration::default() };
    for one in wanted {
        by_folder.entry(one.copy.folder.clone()).or_default().push(one);
    }
    for (folder, filed) in by_folder {
        // Messages just like each other that were filed together may be one copy.
        let mut taken = BTreeSet::new();
        for some in filed.chunks(AT_ONCE) {
            let copies: Vec<FiledAs> = some.iter().map(|one| filed_as(&one.copy)).collect();
            let (folder, presences) = match session.locate(&folder, &copies) {
                Err(fault) if !session.is_spent() && fault.is_for_now() => {
                    tell(trouble(session, &folder, fault.cause.to_string())?);
                    done.left += some.len();
                    continue;
                }
                located => located?,
            };
            let mut unshown = 0;
            let mut ways: BTreeMap<Way, Vec<(MailTrace, Option<Timestamp>)>> = BTreeMap::new();
            let mut guessed = BTreeSet::new();
            for (one, presence) in some.iter().zip(presences) {
                match presence {
                    Presence::There(Some((validity, uid))) if taken.insert((validity, uid)) => {
                        let trace = MailTrace { uid, identity: one.copy.identity };
                        if one.found && account.folders.len() > 1 {
                            guessed.insert(uid);
                        }
                        let way = (validity, one.source.clone());
                        ways.entry(way).or_default().push((trace, one.received));
                    }
                    Presence::There(None) => unshown += 1,
                    Presence::There(Some(_)) | Presence::Left | Presence::Doubtful => done.gone += 1,
                }
            }
            if unshown > 0 {
                let noun = if unshown == 1 { "message" } else { "messages" };
                let words = format!(
                    "{unshown} {noun} could not be put back: the server does not show where; run the command again later"
                );
                tell(trouble(session, &folder, words)?);
                done.left += unshown;
            }
            for ((validity, to), messages) in ways {
                let asked = messages.len();
                let why = Why::Asked { learns: *learns };
                let back = Return { from: (folder.clone(), validity), to, messages, why };
                let brought = bring_back(session, (account, now), ledger, back)?;
                for words in brought.asked_in_words(false) {
                    tell(trouble(session, &folder, words)?);
                }
                done.back += brought.back.len();
                done.guessed += brought.back.intersection(&guessed).count();
                done.gone += brought.gone;
                done.left += asked - brought.back.len() - brought.gone;
            }
            tell(News::PutBack { done: done.back + done.gone + done.left, of: moves.len() });
        }
    }
    Ok(done)
}

/// From a folder of this UIDVALIDITY, to another.
type Way = (UidValidity, Folder);

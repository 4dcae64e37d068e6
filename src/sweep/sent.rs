//! The people to whom the user has written, for lists with `from-sent`: read from the folder of sent messages once a
//! day and kept in the ledger, so that friends stay known while the server cannot be reached.

use std::collections::BTreeSet;
use std::time::Duration;

use super::AccountFault;
use crate::clock::Timestamp;
use crate::ledger::{Correspondent, Ledger, LedgerFault, SentPeople};
use crate::mail::correspondents;
use crate::mailbox::{Fate, Session};
use crate::place::Folder;
use crate::rulebook::{RuleFiles, Sent};
use crate::rules::list::load::{self, Doubt};
use crate::rules::{ListSource, Person};
use crate::settings::Account;

/// How old the last copy may be.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon a folder is read again if its last copy stays in use.
const SOON: Duration = Duration::from_secs(60 * 60);

/// What the ledger holds of the folders that the rules ask for.
///
/// # Errors
/// If the ledger cannot be read.
pub fn sent_people(ledger: &Ledger, account: &Account, files: &RuleFiles) -> Result<Sent, LedgerFault> {
    let mut sent = Sent::new();
    for (source, folder) in folders(&files.sent_folders()) {
        if let Some(known) = ledger.sent_people(&account.name, &folder)? {
            sent.insert(source.clone(), named(&known.people));
        }
    }
    Ok(sent)
}

/// Reads the folders of which the ledger has no copy from the last day, and forgets those that no list asks for any
/// more. A folder that is missing, or that the server will not open, keeps its last copy; so does one that is suddenly
/// empty or names far fewer people, unless its list may be empty. Returns these folders, each with the doubt about what
/// was read.
pub(super) fn refresh(
    session: &mut Session,
    ledger: &mut Ledger,
    account: &Account,
    files: &RuleFiles,
    now: Timestamp,
) -> Result<Vec<(Folder, Option<Doubt>)>, AccountFault> {
    let sources = files.sent_folders();
    let mut stale = Vec::new();
    // Once no list asks for them, the people are forgotten.
    ledger.forget_sent_people(&account.name, &sent_folders(&sources))?;
    for (source, folder) in folders(&sources) {
        let known = ledger.sent_people(&account.name, &folder)?;
        // A copy from the future, from a clock that was ahead, is not fresh.
        if known
            .as_ref()
            .is_some_and(|known| known.refreshed_at <= now && now.since(known.refreshed_at) < FRESH.as_secs())
        {
            continue;
        }
        match read(session, &folder) {
            Ok(people) => {
                let before = known.map(|known| known.people).unwrap_or_default();
                let doubt = load::fewer(&named(&people), &named(&before));
                let sent = match doubt.filter(|_| !files.may_be_empty(source)) {
                    // It is read again before a day has gone by.
                    Some(_) => SentPeople { refreshed_at: now.before(FRESH - SOON), people: before },
                    None => SentPeople { refreshed_at: now, people },
                };
                ledger.replace_sent_people(&account.name, &folder, &sent)?;
                if sent.refreshed_at < now {
                    stale.push((folder, doubt));
                }
            }
            Err(AccountFault::Mailbox(fault))
                if fault.fate() == Fate::Leave || fault.is_refused_folder() && !session.is_spent() =>
            {
                stale.push((folder, None));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(stale)
}

/// The people as lists know them.
fn named(people: &[Correspondent]) -> Vec<Person> {
    load::correspondents(people.iter().map(|one| (one.name.as_str(), one.address.as_str())))
}

fn read(session: &mut Session, folder: &Folder) -> Result<Vec<Correspondent>, AccountFault> {
    session.select(folder)?;
    let mut people = BTreeSet::new();
    session.recipients(|header| {
        people.extend(
            correspondents(header).into_iter().map(|(name, address)| Correspondent { address, name }),
        );
    })?;
    Ok(people.into_iter().collect())
}

/// The folders of sent messages among the sources of lists.
pub fn sent_folders(sources: &BTreeSet<&ListSource>) -> Vec<Folder> {
    folders(sources).map(|(_, folder)| folder).collect()
}

/// The sources that are folders; a name that no folder can have is left out.
fn folders<'s>(sources: &BTreeSet<&'s ListSource>) -> impl Iterator<Item = (&'s ListSource, Folder)> {
    sources.iter().filter_map(|source| match source {
        ListSource::FromSent(name) => Some((*source, Folder::new(name)?)),
        ListSource::File(_) | ListSource::Vcard(_) => None,
    })
}

//! The people whom the user has written to, for lists with `from-sent`: read from the folder of sent mail now and then,
//! kept in the ledger, so that a server that is away does not make strangers of friends.

use std::collections::{BTreeMap, BTreeSet};

use super::SweepFault;
use crate::ledger::{Ledger, LedgerFault, Person as Correspondent, SentPeople};
use crate::mail::{Timestamp, correspondents};
use crate::mailbox::{Fate, Session};
use crate::place::Folder;
use crate::rules::{ListSource, Person, list};
use crate::settings::Account;

/// How old the last copy may be, in seconds.
const FRESH: u64 = 24 * 60 * 60;

/// The people written to, by the list source that asks for them. A folder that has never been read is not in it.
pub type Sent = BTreeMap<ListSource, Vec<Person>>;

/// What the ledger holds of the folders that the rules ask for.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn sent_people(
    ledger: &Ledger,
    account: &Account,
    sources: &BTreeSet<&ListSource>,
) -> Result<Sent, LedgerFault> {
    let mut sent = Sent::new();
    for (source, folder) in folders(sources) {
        if let Some(known) = ledger.sent_people(&account.name, &folder)? {
            let pairs = known.people.iter().map(|one| (one.name.as_str(), one.address.as_str()));
            sent.insert(source.clone(), list::load::correspondents(pairs));
        }
    }
    Ok(sent)
}

/// Reads the folders of which the ledger has no copy from the last day. A folder that is not there, or that the server
/// will not open, keeps its last copy; the names of those folders come back.
///
/// # Errors
/// Where the line or the ledger fails.
pub fn refresh_sent(
    session: &mut Session,
    ledger: &mut Ledger,
    account: &Account,
    sources: &BTreeSet<&ListSource>,
    now: Timestamp,
) -> Result<Vec<Folder>, SweepFault> {
    let mut unread = Vec::new();
    for (_, folder) in folders(sources) {
        let known = ledger.sent_people(&account.name, &folder)?;
        // Also where the clock was ahead once.
        if known.is_some_and(|known| known.refreshed_at <= now && now.since(known.refreshed_at) < FRESH) {
            continue;
        }
        match read(session, &folder) {
            Ok(people) => {
                let sent = SentPeople { refreshed_at: now, people };
                ledger.replace_sent_people(&account.name, &folder, &sent)?;
            }
            Err(SweepFault::Mailbox(fault)) if fault.fate() == Fate::Leave => unread.push(folder),
            Err(fault) => return Err(fault),
        }
    }
    Ok(unread)
}

fn read(session: &mut Session, folder: &Folder) -> Result<Vec<Correspondent>, SweepFault> {
    session.select(folder)?;
    let mut people = BTreeSet::new();
    session.recipients(|header| {
        people.extend(
            correspondents(header).into_iter().map(|(name, address)| Correspondent { address, name }),
        );
    })?;
    Ok(people.into_iter().collect())
}

/// The folders of sent mail among the sources of lists.
pub fn sent_folders(sources: &BTreeSet<&ListSource>) -> Vec<Folder> {
    folders(sources).map(|(_, folder)| folder).collect()
}

/// The sources that are folders; a name that no folder can have names none.
fn folders<'s>(sources: &BTreeSet<&'s ListSource>) -> impl Iterator<Item = (&'s ListSource, Folder)> {
    sources.iter().filter_map(|source| match source {
        ListSource::FromSent(name) => Some((*source, Folder::new(name)?)),
        ListSource::File(_) | ListSource::Vcard(_) => None,
    })
}

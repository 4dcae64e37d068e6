//! Looks at a folder that is open already, and reads what is new in it in one round trip.
//!
//! Owns [`Session::revisit`]: for a few new messages their heads, the beginning of their bodies, and where the next message lands in
//! the folders that they may go to. What came is used once, by the next calls of this session that ask for it, and dropped when a
//! folder is opened. Only from an answer of which everything could be read; else the folder is opened again. Called by `sweep`.

use std::collections::BTreeMap;

use super::asking::Asked;
use super::bounds::Limits;
use super::fault::{Fault, Step, Subject};
use super::fetch::{HEAD_FIELDS, Head, PartOfHead};
use super::folders::Landing;
use super::line::Piece;
use super::names::quoted;
use super::response::{Response, StatusOf};
use super::session::{Opened, Session, same};
use crate::place::{Folder, MailDigest, MailIdentity, Uid};

/// So many new messages are read at once.
const FEW: u32 = 8;
/// So many bytes of each.
const BYTES: u32 = 64 << 10;
/// Of so many folders it is asked where the next message lands.
const TARGETS: usize = 4;

/// What [`Session::revisit`] has read and nobody has asked for yet.
#[derive(Debug)]
pub(super) struct Fresh {
    first: Uid,
    next: Uid,
    heads: BTreeMap<Uid, PartOfHead>,
    bodies: BTreeMap<Uid, (u32, Vec<u8>)>,
    landings: BTreeMap<Folder, Landing>,
}

impl Session {
    /// Opens a folder as [`Session::select`] does, unless it is open already: then it reads what is new in it, and what is needed to
    /// deal with that. One round trip; none for the answer to the DONE that ended IDLE. `targets` are folders that messages may
    /// go to.
    ///
    /// # Errors
    /// As [`Session::select`].
    pub fn revisit(&mut self, folder: &Folder, targets: &[Folder]) -> Result<Opened, Fault> {
        self.fresh = None;
        let open = self.open.clone().filter(|open| same(&open.folder, folder) && open.writable);
        let Some((opened, first)) = open.and_then(|open| Some((open.clone(), open.next?))) else {
            return self.select(folder);
        };
        match self.read_new(opened, first, targets)? {
            Some(opened) => Ok(opened),
            None => self.select(folder),
        }
    }

    fn read_new(
        &mut self,
        mut opened: Opened,
        first: Uid,
        targets: &[Folder],
    ) -> Result<Option<Opened>, Fault> {
        let on = Subject::Folder(opened.folder.clone());
        let last = first.0.saturating_add(FEW - 1);
        let mut commands = vec![
            format!(
                "UID FETCH {first}:{last} (UID RFC822.SIZE INTERNALDATE FLAGS {HEAD_FIELDS}<0.16384> BODY.PEEK[]<0.{BYTES}>)"
            ),
            format!("UID FETCH {}:* (UID)", last.saturating_add(1)),
        ];
        let names = self.names_of(targets);
        let few = if names.len() <= TARGETS { names.len() } else { 0 };
        for name in names.keys().take(few).filter_map(|name| quoted(name).ok()) {
            commands.push(format!("STATUS {name} (UIDVALIDITY UIDNEXT)"));
        }
        self.line.forget_announced();
        let mut fresh = Fresh {
            first,
            next: first,
            heads: BTreeMap::new(),
            bodies: BTreeMap::new(),
            landings: BTreeMap::new(),
        };
        let mut bodies: BTreeMap<Uid, Vec<u8>> = BTreeMap::new();
        let mut clear = true;
        let limits = Limits::of_bytes(u64::from(FEW) * u64::from(2 * BYTES));
        let flown = self.line.flight(&commands, limits, &mut |piece| match piece {
            Piece::Response(Response::Fetch(fetched)) => {
                // "n:*" always includes the last message, even if its UID is lower (RFC 9051, section 9, seq-range).
                let Some(uid) = fetched.uid.filter(|uid| *uid >= first) else { return };
                fresh.next = fresh.next.max(Uid(uid.0.saturating_add(1)));
                fresh.heads.entry(uid).or_default().add(&fetched);
                bodies.extend(fetched.body.map(|body| (uid, body.to_vec())));
            }
            Piece::Response(Response::Status(StatusOf { name, validity, next })) => {
                if let (Some(folder), Some(validity), Some(next)) = (names.get(&name), validity, next) {
                    fresh.landings.insert(folder.clone(), Landing { validity, next });
                }
            }
            Piece::Response(_) => {}
            Piece::PassedOver(_) => clear = false,
        });
        let refusals = flown.map_err(|cause| Fault::of(Step::Fetch, &on, cause))?;
        // A refused STATUS says only that there is no such folder.
        clear &= refusals.len() == commands.len() && refusals.iter().take(2).all(Option::is_none);
        let whole = fresh.heads.iter().all(|(uid, head)| uid.0 > last || head.is_whole() && !head.is_empty());
        if !clear || !whole {
            return Ok(None);
        }
        let count = u32::try_from(fresh.heads.len()).unwrap_or(u32::MAX);
        opened.exists = opened.exists.saturating_add(count);
        opened.next = Some(fresh.next);
        self.open = Some(opened.clone());
        // What was read of earlier messages is not needed any more.
        self.seen.clear();
        for (uid, body) in bodies {
            if let Some(size) = fresh.heads.get(&uid).and_then(|head| head.size).filter(|_| !body.is_empty())
            {
                self.note_seen(uid, MailIdentity { digest: MailDigest::of(&body), size });
                fresh.bodies.insert(uid, (size, body));
            }
        }
        // With more than a few, what was read of them is not all that is new, and it is asked for as always.
        if fresh.heads.keys().next_back().is_some_and(|uid| uid.0 > last) {
            (fresh.heads, fresh.next) = (BTreeMap::new(), first);
        }
        self.fresh = Some(fresh);
        Ok(Some(opened))
    }

    /// The server's names of those folders that are known to exist; none as long as no folder was listed.
    fn names_of(&self, folders: &[Folder]) -> BTreeMap<String, Folder> {
        let Some(list) = &self.folders else { return BTreeMap::new() };
        let named = |folder: &Folder| Some((list.naming.wire(folder).ok()?, folder.clone()));
        folders.iter().filter_map(named).filter(|(name, _)| list.has(name)).collect()
    }

    /// The heads of these messages, if they were just read.
    pub(super) fn take_fresh_heads(&mut self, asked: &[Asked]) -> Option<Vec<Head>> {
        let fresh = self.fresh.as_mut()?;
        let uids: Vec<Uid> = asked.iter().flat_map(Asked::uids).collect();
        let covered = |uid: &Uid| (fresh.first..fresh.next).contains(uid);
        if uids.is_empty() || !uids.iter().all(covered) {
            return None;
        }
        Some(uids.iter().filter_map(|uid| fresh.heads.remove(uid)?.head(*uid)).collect())
    }

    /// The beginning of a message with its size, if it was just read and nothing is missing of its first `limit` bytes.
    pub(super) fn take_fresh_body(&mut self, uid: Uid, limit: u32) -> Option<(u32, Vec<u8>)> {
        let (size, body) = self.fresh.as_mut()?.bodies.remove(&uid)?;
        let is_all = body.len() < BYTES as usize || limit <= BYTES;
        is_all.then_some((size, body))
    }

    /// Where the next message lands in a folder, if that was just asked. Messages may have landed there since: as a lower bound it
    /// still holds.
    pub(super) fn take_fresh_landing(&mut self, folder: &Folder) -> Option<Landing> {
        self.fresh.as_mut()?.landings.remove(folder)
    }
}

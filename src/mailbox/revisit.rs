//! Looks at a folder that is open already, and reads what is new in it in one round trip.
//!
//! Owns [`Session::revisit`]: for a few new messages their heads, the beginning of their bodies, and where the next message lands in
//! the folders that they may go to. Only from an answer of which everything could be read; else the folder is opened again. Called
//! by `sweep`.

use std::collections::BTreeMap;

use super::ahead::{Ahead, BYTES};
use super::bounds::Limits;
use super::fault::{Fault, Step, Subject};
use super::heads::{HEAD_FIELDS, header_of};
use super::line::Piece;
use super::names::quoted;
use super::response::Response;
use super::session::{NAME, Opened, Session, same};
use super::texts::Texts;
use crate::place::{Folder, MailDigest, MailIdentity, Uid};

/// So many new messages are read at once.
const FEW: u32 = 8;

impl Session {
    /// Opens a folder as [`Session::select`] does, unless it is open already: then it reads what is new in it, and what is needed to
    /// deal with that. One round trip; none for the answer to the DONE that ended IDLE. `targets` are folders that messages may
    /// go to.
    ///
    /// # Errors
    /// As [`Session::select`].
    pub fn revisit(&mut self, folder: &Folder, targets: &[Folder]) -> Result<Opened, Fault> {
        let open = self.open.clone().filter(|open| same(&open.folder, folder) && open.writable);
        let opened = match open.and_then(|open| Some((open.next?, open))) {
            Some((first, opened)) => self.read_new(opened, first, targets)?,
            None => None,
        };
        match opened {
            Some(opened) => Ok(opened),
            None => {
                let opened = self.select(folder)?;
                self.ahead = Ahead::for_targets(targets);
                Ok(opened)
            }
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
        // A server need not notice new messages in a FETCH, but in a NOOP (RFC 9051, section 6.1.2) and in the IDLE that has just ended.
        let mut commands: Vec<String> =
            if self.line.is_ending_idle() { Vec::new() } else { vec!["NOOP".to_owned()] };
        commands.extend([
            format!(
                "UID FETCH {first}:{last} (UID RFC822.SIZE INTERNALDATE FLAGS {} BODY.PEEK[]<0.{BYTES}>)",
                header_of(HEAD_FIELDS, true)
            ),
            format!("UID FETCH {}:* (UID)", last.saturating_add(1)),
        ]);
        let needed = commands.len();
        self.ahead = Ahead::for_targets(targets);
        let (beside, names) = self.beside();
        commands.extend(beside);
        self.name_is_due = false;
        self.line.forget_announced();
        let mut ahead = Ahead::for_targets(targets);
        let mut texts = Texts::of((first.0..=last).map(Uid));
        let mut listed = Vec::new();
        let mut bodies: BTreeMap<Uid, Vec<u8>> = BTreeMap::new();
        let mut clear = true;
        let limits = Limits::of_bytes(u64::from(FEW) * u64::from(2 * BYTES));
        let flown = self.line.flight(&commands, limits, &mut |piece| match piece {
            Piece::Response(Response::Fetch(fetched)) => {
                // "n:*" always includes the last message, even if its UID is lower (RFC 9051, section 9, seq-range).
                let Some(uid) = fetched.uid.filter(|uid| *uid >= first) else { return };
                // More than a few are read as always. What was not asked for, or comes twice, may be the text of a message.
                clear &= uid.0 <= last && texts.is_credible(&fetched);
                ahead.heads.entry(uid).or_default().add(&fetched);
                bodies.extend(fetched.body.map(|body| (uid, body.to_vec())));
            }
            Piece::Response(Response::List(folder)) => listed.push(folder),
            Piece::Response(Response::Status(state)) => ahead.note_landing(&names, state),
            Piece::Response(_) => {}
            Piece::PassedOver(_) => clear = false,
        });
        let flown = flown.map_err(|cause| Fault::of(Step::Fetch, &on, cause))?;
        // What was asked beside the messages is asked again where it is needed.
        clear &= flown.len() == commands.len() && flown.iter().take(needed).all(|one| one.refusal.is_none());
        let whole = ahead.heads.values().all(|head| head.is_whole() && !head.is_empty());
        if !clear || !whole {
            return Ok(None);
        }
        if flown.iter().all(|one| one.refusal.is_none()) {
            self.note_listed(listed);
        }
        let count = u32::try_from(ahead.heads.len()).unwrap_or(u32::MAX);
        opened.exists = opened.exists.saturating_add(count);
        let next = ahead.heads.keys().next_back().map_or(first.0, |newest| newest.0.saturating_add(1));
        opened.next = Some(Uid(next));
        self.open = Some(opened.clone());
        // What was read of earlier messages is not needed any more.
        self.seen.clear();
        for (uid, body) in bodies {
            if let Some(size) = ahead.heads.get(&uid).and_then(|head| head.size).filter(|_| !body.is_empty())
            {
                self.note_seen(uid, MailIdentity { digest: MailDigest::of(&body), size });
                ahead.bodies.insert(uid, (size, body));
            }
        }
        // If there is a gap, the server may have left out a message: then it is asked for as always.
        if (first.0..next).all(|uid| ahead.heads.contains_key(&Uid(uid))) {
            ahead.known = first.0..next;
        }
        self.ahead = ahead;
        Ok(Some(opened))
    }

    /// Commands to send beside a FETCH: the program's name, once; and if there are folders that messages may go to, the list of
    /// folders, if it is not known, or where the next message lands in them. With the server's names for these.
    pub(super) fn beside(&self) -> (Vec<String>, BTreeMap<String, Folder>) {
        let mut commands: Vec<String> = self.name_is_due.then(|| NAME.to_owned()).into_iter().collect();
        let Some(list) = &self.folders else {
            let needed = !self.ahead.targets().is_empty();
            commands.extend(needed.then(|| self.listing_command()));
            return (commands, BTreeMap::new());
        };
        let named = |folder: &Folder| Some((list.naming.wire(folder).ok()?, folder.clone()));
        let names: BTreeMap<String, Folder> =
            self.ahead.unknown().filter_map(named).filter(|(name, _)| list.has(name)).collect();
        let status = |name: &String| Some(format!("STATUS {} (UIDVALIDITY UIDNEXT)", quoted(name).ok()?));
        commands.extend(names.keys().filter_map(status));
        (commands, names)
    }
}

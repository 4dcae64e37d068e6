//! Reads messages together with their heads, in one round trip.
//!
//! Owns [`Session::whole`], for messages that are known to be worth reading. Only from answers of which everything could be read;
//! what did not come in one piece is left to `heads` and `fetch`. Called by `sweep`.

use std::collections::BTreeSet;

use super::asking::Asked;
use super::bounds::Limits;
use super::fault::{Fault, Step};
use super::fetch::{AROUND, TOGETHER};
use super::head::{Head, PartOfHead};
use super::heads::{HEAD_FIELDS, header_of};
use super::session::Session;
use crate::place::{HEADER_LIMIT, MailDigest, MailIdentity, MailTrace, Uid};

/// What [`Session::whole`] has not given its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// The heads of messages of which no more was to be read.
    pub heads: Vec<Head>,
    /// The messages that did not come, or not in one piece; and those in whose command's answer something could not be read, of
    /// which nothing counts that was given.
    pub rest: BTreeSet<Uid>,
}

impl Session {
    /// Fetches heads and the first `limit` bytes of `uids`, and gives `each` what came of a message in one piece, unless it is
    /// marked \Deleted. Of the few messages in `beside`, fetches the heads. One round trip.
    ///
    /// # Errors
    /// As [`Session::heads_of`].
    pub fn whole(
        &mut self,
        uids: &[Uid],
        beside: &[Uid],
        limit: u32,
        each: &mut dyn FnMut(Head, MailTrace, &[u8]),
    ) -> Result<Whole, Fault> {
        let mut rest: BTreeSet<Uid> = uids.iter().chain(beside).copied().collect();
        if self.whole_headers || uids.is_empty() {
            return Ok(Whole { rest, ..Whole::default() });
        }
        let asked: Vec<Asked> = uids.chunks(TOGETHER).map(|part| Asked::These(part.to_vec())).collect();
        let limits = Limits::of_bytes(TOGETHER as u64 * (u64::from(limit) + AROUND));
        let head = format!("UID RFC822.SIZE INTERNALDATE FLAGS {}", header_of(HEAD_FIELDS, true));
        let items = format!("{head} BODY.PEEK[]<0.{limit}>");
        self.ahead.beside = Some((beside.to_vec(), head));
        let (mut heads, mut read) = (Vec::new(), Vec::new());
        let asked = self.ask(Step::Fetch, &asked, &items, limits, &mut |uid, message| {
            let mut part = PartOfHead::default();
            part.add(&message);
            if !part.is_whole() || part.is_empty() || !rest.contains(&uid) {
                return;
            }
            let is_beside = beside.contains(&uid);
            let body = message.body.filter(|body| !body.is_empty());
            if body.is_none() && !is_beside && !part.is_deleted() {
                return;
            }
            rest.remove(&uid);
            let Some(head) = part.head(uid) else { return };
            match body {
                Some(bytes) if !is_beside => {
                    let identity = MailIdentity { digest: MailDigest::of(bytes), size: head.size };
                    read.push((uid, identity));
                    each(head, MailTrace { uid, identity }, bytes);
                }
                _ => heads.push(head),
            }
        });
        self.ahead.beside = None;
        let doubtful = asked?;
        if limit as usize >= HEADER_LIMIT {
            self.note_clear(read, &doubtful);
        }
        heads.retain(|head| !doubtful.contains(&head.uid));
        rest.extend(doubtful);
        Ok(Whole { heads, rest })
    }
}

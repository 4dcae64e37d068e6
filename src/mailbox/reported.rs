//! A server's report about a MOVE or COPY, and how much of it followsift believes.
//!
//! Pure. Owns the reading of COPYUID (RFC 4315, section 3): followsift believes it if it is plausible, but never as a proof for
//! removing a message. Called by `moves` and `copies`.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::CopyUid;
use super::outcome::Obstacle;
use super::plan::Plan;
use crate::place::{Uid, UidValidity};

/// The server's report about a MOVE or COPY.
#[derive(Debug, Default)]
pub(super) struct Reported {
    pub(super) refused: Option<String>,
    /// The plausible copies, by the UIDs of the originals.
    pub(super) copies: BTreeMap<Uid, Uid>,
    /// All claims about copies, plausible or not.
    pub(super) claims: BTreeSet<Claim>,
    /// Copies that we removed again, since another program had made the same.
    pub(super) surplus: BTreeSet<Uid>,
    /// The originals that the server expunged in its answer.
    pub(super) expunged: BTreeSet<Uid>,
}

/// One pair of a COPYUID, as the server sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    original: Uid,
    pub(super) validity: UidValidity,
    pub(super) copy: Uid,
}

impl Reported {
    /// Was our own copy of this message removed, so that the other program completes the move?
    pub(super) fn yields(&self, message: Uid) -> bool {
        self.claims.iter().any(|claim| claim.original == message && self.surplus.contains(&claim.copy))
    }

    /// Adds the plausible pairs of a COPYUID: in the known target, of messages in the plan, each once, and each copy at or above
    /// the target's UIDNEXT.
    pub(super) fn believe(&mut self, plan: &Plan, copied: Vec<CopyUid>) {
        let Some(landing) = plan.landing else { return };
        let named: BTreeSet<Uid> = plan.uids().collect();
        for CopyUid { validity, pairs } in copied {
            self.claims.extend(pairs.iter().map(|(original, copy)| Claim {
                original: *original,
                validity,
                copy: *copy,
            }));
            let sources: BTreeSet<Uid> = pairs.iter().map(|(from, _)| *from).collect();
            let copies: BTreeSet<Uid> = pairs.iter().map(|(_, to)| *to).collect();
            let credible = validity == landing.validity
                && sources.len() == pairs.len()
                && copies.len() == pairs.len()
                && sources.iter().all(|uid| named.contains(uid) && !self.copies.contains_key(uid))
                && copies
                    .iter()
                    .all(|uid| *uid >= landing.next && !self.copies.values().any(|known| known == uid));
            if credible {
                self.copies.extend(pairs);
            }
        }
    }

    /// Did our copies land at the target's UIDNEXT without a gap, so that no other message arrived there meanwhile?
    pub(super) fn alone(&self, plan: &Plan) -> bool {
        let copies: BTreeSet<Uid> = self.copies.values().copied().collect();
        let count = u32::try_from(copies.len()).unwrap_or(u32::MAX);
        let expected = plan.landing.map(|landing| (landing.next, landing.next.0.saturating_add(count)));
        match (copies.first(), copies.last(), expected) {
            (Some(first), Some(last), Some((next, end))) => *first == next && last.0.saturating_add(1) == end,
            (None, ..) => true,
            _ => false,
        }
    }

    /// Did the server itself say of each message of the plan that it has left the folder (EXPUNGE), and credibly where it is now?
    /// After that it can show none of them in this session, so a FETCH of their flags here would say no more.
    pub(super) fn is_complete(&self, plan: &Plan) -> bool {
        let is_named = |uid: Uid| self.expunged.contains(&uid) && self.copies.contains_key(&uid);
        self.refused.is_none() && self.alone(plan) && plan.uids().all(is_named)
    }

    pub(super) fn reason(&self) -> Obstacle {
        self.refused.clone().map_or(Obstacle::Unproven, Obstacle::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Landing;
    use crate::place::{Folder, MailDigest, MailIdentity, MailTrace};

    fn plan(uids: &[u32]) -> Plan {
        let trace = |uid: &u32| MailTrace {
            uid: Uid(*uid),
            identity: MailIdentity { digest: MailDigest::of(b""), size: 1 },
        };
        Plan {
            from: Folder::inbox(),
            validity: UidValidity(1),
            to: Folder::new("Spam").unwrap(),
            landing: Some(Landing { validity: UidValidity(9), next: Uid(100) }),
            mails: uids.iter().map(trace).collect(),
            keywords: BTreeMap::new(),
            left: Vec::new(),
            trouble: None,
            touched_too: false,
        }
    }

    fn believed(validity: u64, pairs: &[(u32, u32)]) -> usize {
        let mut reported = Reported::default();
        let pairs = pairs.iter().map(|(from, to)| (Uid(*from), Uid(*to))).collect();
        reported.believe(&plan(&[1, 2, 3]), vec![CopyUid { validity: UidValidity(validity), pairs }]);
        reported.copies.len()
    }

    #[test]
    fn a_plausible_copyuid_is_believed() {
        assert_eq!(believed(9, &[(1, 100), (3, 101)]), 2);
    }

    #[test]
    fn a_lying_copyuid_is_not_believed() {
        for (validity, pairs) in [
            (8, &[(1, 100)][..]),       // another target
            (9, &[(4, 100)]),           // a message that is not in the plan
            (9, &[(1, 99)]),            // a UID that existed before
            (9, &[(1, 100), (1, 101)]), // one message twice
            (9, &[(1, 100), (2, 100)]), // two messages with one UID
        ] {
            assert_eq!(believed(validity, pairs), 0, "{validity} {pairs:?}");
        }
    }
}

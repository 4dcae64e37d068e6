//! Notifications that lie in the folder of a verdict and that the ledger does not know as filed, since it was lost or put back from a
//! backup: remembers them as filed, so that one that comes back to the inbox was put back. Called by `sweep`.

use rusqlite::params;

use super::intent::put_intent;
use super::judged::record;
use super::{Intent, Judged, Ledger, LedgerFault, Target};
use crate::clock::Timestamp;
use crate::place::{Folder, HeaderLines, MailRef, Marks, Uid, UidValidity};

/// No message has this UID, and no folder this UIDVALIDITY (RFC 9051, section 9, nz-number).
const NOWHERE: (UidValidity, Uid) = (UidValidity(0), Uid(0));

/// A notification that was found in the folder of a verdict.
#[derive(Clone, Debug)]
pub struct Refiled {
    /// How today's rules judge it, and where it is.
    pub judged: Judged,
    /// Its header, line by line.
    pub header: Option<HeaderLines>,
}

impl Ledger {
    /// Remembers messages as filed when they arrived, from `source` as far as is known; all of them, or none. The fuse does not count
    /// them.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be written.
    pub fn refile(
        &mut self,
        found: impl IntoIterator<Item = Refiled>,
        source: &Folder,
        now: Timestamp,
    ) -> Result<(), LedgerFault> {
        self.write("remember what was filed", |transaction| {
            for Refiled { judged, header } in found {
                record(transaction, &judged)?;
                let Judged { mail, identity, notification, judged_at, .. } = judged;
                let (validity, uid) = NOWHERE;
                let intent = Intent {
                    mail: MailRef { account: mail.account, folder: source.clone(), validity, uid },
                    identity,
                    received: Some(notification.received),
                    source_next: uid,
                    target: Target { folder: mail.folder, validity: mail.validity, next: mail.uid },
                    marks: Marks::default(),
                    stated_at: judged_at,
                    by_hand: true,
                    by_move: true,
                    returns: false,
                    header,
                };
                let id = put_intent(transaction, &intent)?;
                transaction
                    .prepare_cached(
                        "UPDATE intent SET outcome = 'moved', to_uid = ?, settled_at = ? WHERE id = ?",
                    )?
                    .execute(params![mail.uid, now, id.0])?;
            }
            Ok(())
        })
    }
}

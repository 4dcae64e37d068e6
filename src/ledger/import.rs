//! Takes in what another ledger knew of an account (`export`), in one transaction: all of it, or nothing. Called by `cli`, which holds the
//! account's lock.
//!
//! What is here already stays: an import adds to it, and a second one changes nothing. What either side has put back stays put back.
//! UIDs and UIDVALIDITY hold only for the mailbox that they are of; for any other they are void, as after a folder was restored from a
//! backup, and messages are known by what identifies them.

use std::collections::BTreeSet;
use std::io::BufRead;

use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, params, params_from_iter};
use serde_json::{Map, Value};

use super::export_encoding::{
    CURSOR, DIGEST, FORGOTTEN, FORGOTTEN_KEY, FUSE, IDENTITY, KNOWN, LOOKUP, NEWEST, PAUSE, SENT_FOLDER,
    SENT_PERSON, TARGET, Table, UNSHOWN, UNWELCOME,
};
use super::export_reader::{Export, ImportFault};
use super::forgetting::is_forgotten;
use super::import_parts::{Import, Imported, NOTHING, Values, Wrong, ended, list, shown};
use super::imported_message::Message;
use super::{Gap, Ledger};
use crate::place::{AccountName, MailDigest, MailIdentity, MailboxKey};

/// So many keys of ledgers that forgot a follower are taken in at most: each has to be tried for each message.
const KEYS: usize = 50;

impl Ledger {
    /// Takes an export into an account, whose mailbox is this one. The caller holds the account's lock.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, a line is wrong, or the ledger cannot be written: then nothing has changed.
    pub fn import(
        &mut self,
        account: &AccountName,
        mailbox: &MailboxKey,
        mut export: Export<impl BufRead>,
    ) -> Result<Imported, ImportFault> {
        let mut stopped = None;
        let done = self.write("import an account", |transaction| {
            let imported = Imported { is_same_mailbox: export.is_of(mailbox), ..Imported::default() };
            let mut import = Import { transaction, account, imported, left_out: BTreeSet::new() };
            import.begin(mailbox, &export)?;
            match export.each(|kind, value| import.line(kind, value)) {
                Ok(done) => done?,
                Err(fault) => {
                    stopped = Some(fault);
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
            }
            import.end()
        });
        match stopped {
            Some(fault) => Err(fault),
            None => {
                let imported = done.map_err(ImportFault::Ledger)?;
                // Else the whole ledger would look like a copy.
                self.write_note().map_err(ImportFault::Ledger)?;
                Ok(imported)
            }
        }
    }
}

impl Import<'_> {
    /// An account that is new here goes on as the one that it was. The mailbox may know more of it: the next sweep looks.
    fn begin(&self, mailbox: &MailboxKey, export: &Export<impl BufRead>) -> rusqlite::Result<()> {
        self.transaction
            .execute(
                "INSERT INTO account (name, id, mailbox, observed_before, gap) VALUES (?1, iif(
                     EXISTS (SELECT 1 FROM account WHERE id = ?2), lower(hex(randomblob(16))), ?2), ?3, ?4, ?5)
                 ON CONFLICT (name) DO UPDATE SET away = 0, gap = coalesce(gap, excluded.gap) WHERE away",
                params![
                    self.account,
                    export.id(),
                    mailbox.to_string(),
                    export.observed_before,
                    Gap::Copied.word()
                ],
            )
            .map(drop)
    }

    fn line(&mut self, kind: &str, value: Value) -> Result<(), Wrong> {
        let Value::Object(mut object) = value else {
            return Err(format!("`{kind}` is not an object").into());
        };
        match kind {
            "message" => {
                let message = Message::read(&mut object)?;
                ended(&object)?;
                self.message(message)
            }
            "known" => self.known(object),
            "unwelcome" => self.unwelcome(object),
            "folder" => self.folder(object),
            "forgotten-key" => self.forgotten_key(object),
            "look-up" if self.is_left_out(&object)? => Ok(()),
            "look-up" => self.of_account(
                &LOOKUP,
                object,
                "ON CONFLICT (network, key) DO UPDATE SET answered_at = excluded.answered_at,
                     answered_by = excluded.answered_by, facts = excluded.facts,
                     tried_at = nullif(max(coalesce(tried_at, 0), coalesce(excluded.tried_at, 0)), 0)
                 WHERE excluded.answered_at > coalesce(answered_at, 0)",
            ),
            "sent-folder" => self.of_account(&SENT_FOLDER, object, NOTHING),
            "wrote-to" => self.of_account(&SENT_PERSON, object, NOTHING),
            // One that was sent on either side is never sent again.
            "digest" => self.of_account(
                &DIGEST,
                object,
                "ON CONFLICT (account, period) DO UPDATE SET until = excluded.until, stated_at = excluded.stated_at,
                     outcome = excluded.outcome, settled_at = excluded.settled_at
                 WHERE outcome = 'refused' AND excluded.outcome IS NOT 'refused'",
            ),
            "fuse" => self.of_account(&FUSE, object, NOTHING),
            "pause" => self.of_account(
                &PAUSE,
                object,
                "ON CONFLICT (account) DO UPDATE SET until = max(until, excluded.until)",
            ),
            "target" => self.of_account(&TARGET, object, NOTHING),
            "forgotten" => {
                let values = FORGOTTEN.take(&mut object)?;
                ended(&object)?;
                self.insert(&FORGOTTEN, &values, &[], NOTHING)?;
                Ok(())
            }
            other => Err(format!("`{}` is not a kind of line that this version knows", shown(other)).into()),
        }
    }

    /// What both sides have put back counts; who is known by it is not unwelcome.
    fn end(self) -> rusqlite::Result<Imported> {
        self.transaction.execute(
            "DELETE FROM unwelcome_follower WHERE EXISTS (
                 SELECT 1 FROM known_follower WHERE known_follower.network = unwelcome_follower.network
                     AND known_follower.key = unwelcome_follower.key AND proven)",
            [],
        )?;
        let observed_before = self
            .transaction
            .prepare_cached("SELECT observed_before FROM account WHERE name = ?")?
            .query_row([self.account], |row| row.get(0))?;
        Ok(Imported { observed_before, ..self.imported })
    }

    fn of_account(&self, table: &Table, mut object: Map<String, Value>, conflict: &str) -> Result<(), Wrong> {
        let values = self.placed(table.take(&mut object)?);
        ended(&object)?;
        self.insert(table, &values, &[("account", self.account_value())], conflict)?;
        Ok(())
    }

    pub(super) fn account_value(&self) -> Sql {
        Sql::from(self.account.as_str().to_owned())
    }

    /// The values as they hold for this mailbox: of another one, every UIDVALIDITY is void.
    pub(super) fn placed(&self, mut values: Values) -> Values {
        if !self.imported.is_same_mailbox {
            for (name, value) in &mut values {
                if name.ends_with("validity") && *value != Sql::Null {
                    *value = Sql::from(0);
                }
            }
        }
        values
    }

    /// Inserts a row; returns whether it changed anything.
    pub(super) fn insert(
        &self,
        table: &Table,
        values: &[(&'static str, Sql)],
        more: &[(&'static str, Sql)],
        conflict: &str,
    ) -> rusqlite::Result<bool> {
        let all = || values.iter().chain(more);
        let names: Vec<_> = all().map(|(name, _)| *name).collect();
        let places = vec!["?"; names.len()].join(", ");
        let insert =
            ["INSERT", "INTO", table.name, "(", &names.join(", "), ") VALUES (", &places, ")", conflict]
                .join(" ");
        let changed = self
            .transaction
            .prepare_cached(&insert)?
            .execute(params_from_iter(all().map(|(_, value)| value)))?;
        Ok(changed > 0)
    }

    /// The row of a message that a line names, if it names one.
    fn named_message(&self, object: &mut Map<String, Value>) -> Result<Option<Sql>, Wrong> {
        let Some(message) = object.remove("message") else { return Ok(None) };
        let Value::Object(mut message) = message else {
            return Err("`message` is not an object".to_owned().into());
        };
        let values = IDENTITY.take(&mut message)?;
        ended(&message)?;
        let row = self
            .transaction
            .prepare_cached("SELECT id FROM mail WHERE account = ? AND digest = ? AND size = ?")?
            .query_row(
                params![self.account, values.first().map(|it| &it.1), values.last().map(|it| &it.1)],
                |row| row.get::<_, i64>(0),
            )
            .optional()?;
        Ok(row.map(Sql::from))
    }

    /// Does a line concern a follower whom no message names but those that were left out?
    fn is_left_out(&self, object: &Map<String, Value>) -> rusqlite::Result<bool> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (network, key) = (text("network"), text("key"));
        if !self.left_out.contains(&(network.clone(), key.clone())) {
            return Ok(false);
        }
        self.transaction
            .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM follower WHERE network = ? AND key = ?)")?
            .query_row([network, key], |row| row.get(0))
    }

    fn known(&mut self, mut object: Map<String, Value>) -> Result<(), Wrong> {
        // A follower who is known by a message that the user had this ledger forget is forgotten, too.
        if let Some(Value::Object(message)) = object.get("message")
            && self.is_forgotten(&IDENTITY.take(&mut message.clone())?)?
        {
            return Ok(());
        }
        let values = KNOWN.take(&mut object)?;
        let mail = self.named_message(&mut object)?.unwrap_or(Sql::Null);
        ended(&object)?;
        let is_new = self.insert(
            &KNOWN,
            &values,
            &[("mail", mail)],
            "ON CONFLICT DO UPDATE SET origin = excluded.origin, mail = excluded.mail, noted_at = excluded.noted_at, proven = 1
             WHERE excluded.proven AND NOT known_follower.proven",
        )?;
        self.imported.known += usize::from(is_new);
        Ok(())
    }

    fn unwelcome(&self, mut object: Map<String, Value>) -> Result<(), Wrong> {
        let values = UNWELCOME.take(&mut object)?;
        let mail = self.named_message(&mut object)?;
        ended(&object)?;
        // Nobody is unwelcome without a message: it was forgotten here.
        if let Some(mail) = mail {
            self.insert(&UNWELCOME, &values, &[("mail", mail)], NOTHING)?;
        }
        Ok(())
    }

    /// How far a folder was looked through, unless that is known here.
    fn folder(&self, mut object: Map<String, Value>) -> Result<(), Wrong> {
        let newest = list(&mut object, "newest", &NEWEST)?;
        let unshown = list(&mut object, "unshown", &UNSHOWN)?;
        let values = self.placed(CURSOR.take(&mut object)?);
        ended(&object)?;
        let folder = values.first().map_or(Sql::Null, |(_, value)| value.clone());
        let more = [("account", self.account_value()), ("folder", folder)];
        let [account, _] = &more;
        if self.insert(&CURSOR, &values, std::slice::from_ref(account), NOTHING)? {
            for one in newest {
                self.insert(&NEWEST, &one, &more, NOTHING)?;
            }
            for one in unshown {
                self.insert(&UNSHOWN, &self.placed(one), &more, NOTHING)?;
            }
        }
        Ok(())
    }

    fn forgotten_key(&self, mut object: Map<String, Value>) -> Result<(), Wrong> {
        let values = FORGOTTEN_KEY.take(&mut object)?;
        ended(&object)?;
        let key = values.first().map(|(_, key)| key);
        self.transaction
            .prepare_cached(
                "INSERT INTO forgotten_key (key) SELECT ?1
                 WHERE NOT EXISTS (SELECT 1 FROM forgotten_key WHERE key = ?1)",
            )?
            .execute([key])?;
        let keys: usize =
            self.transaction.query_row("SELECT count(*) FROM forgotten_key", [], |row| row.get(0))?;
        if keys > KEYS { Err(format!("there are more than {KEYS} keys").into()) } else { Ok(()) }
    }

    /// Did the user have this ledger forget a follower whom this message names?
    pub(super) fn is_forgotten(&self, message: &[(&'static str, Sql)]) -> rusqlite::Result<bool> {
        let identity = match message {
            [(_, Sql::Blob(digest)), (_, Sql::Integer(size)), ..] => {
                digest.as_slice().try_into().ok().zip(u32::try_from(*size).ok())
            }
            _ => None,
        };
        let Some((digest, size)) = identity else { return Ok(false) };
        is_forgotten(self.transaction, &MailIdentity { digest: MailDigest(digest), size })
    }
}

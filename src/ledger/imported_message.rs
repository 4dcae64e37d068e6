//! A message of an export: how it is read from its line, and how it is merged with what the ledger knows of it. Used by `import`.

use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, params};
use serde_json::{Map, Value};

use super::export_encoding::{
    CORRECTION, FOLLOWER, HEADER, INCOMPLETE, INTENT, JUDGEMENT, KEPT, MAIL, PAST, Table, WAITING,
};
use super::import_parts::{Import, NOTHING, Values, Wrong, ended, list, objects};
use super::recall;
use crate::mail::Network;

/// A message as its line says it.
pub(super) struct Message {
    mail: Values,
    put_back: Option<Values>,
    kept: Option<Values>,
    incomplete: Option<Values>,
    header: Option<Values>,
    past: Vec<Values>,
    judgements: Vec<Judgement>,
    moves: Vec<Move>,
    waiting: Vec<Values>,
}

struct Judgement {
    values: Values,
    followers: Vec<Values>,
    is_latest: bool,
}

struct Move {
    values: Values,
    /// Which judgement led to it.
    judgement: usize,
}

/// What makes two moves of a message the same one. Not UIDVALIDITY, which may be void.
const SAME: [&str; 6] = ["from_folder", "from_uid", "to_folder", "stated_at", "returns", "by_user"];

impl Message {
    /// Takes a message out of its object.
    pub(super) fn read(object: &mut Map<String, Value>) -> Result<Self, String> {
        let mut judgements = Vec::new();
        for mut one in objects(object, "judgements")? {
            let is_latest = match one.remove("latest") {
                None => false,
                Some(latest) => latest.as_bool().ok_or("the value of `latest` is not true or false")?,
            };
            let followers = list(&mut one, "followers", &FOLLOWER)?;
            judgements.push(Judgement { values: JUDGEMENT.take(&mut one)?, followers, is_latest });
            ended(&one)?;
        }
        let latest = judgements.iter().filter(|judgement| judgement.is_latest).count();
        if latest != usize::from(!judgements.is_empty()) {
            return Err("one of `judgements` must be the `latest`".to_owned());
        }
        let mut moves = Vec::new();
        for mut one in objects(object, "moves")? {
            let judgement = one.remove("judgement").and_then(|index| index.as_u64());
            let judgement = judgement.and_then(|index| usize::try_from(index).ok());
            let judgement = judgement.filter(|index| *index < judgements.len());
            let judgement = judgement.ok_or("the value of `judgement` is not one of `judgements`")?;
            moves.push(Move { values: INTENT.take(&mut one)?, judgement });
            ended(&one)?;
        }
        Ok(Self {
            mail: MAIL.take(object)?,
            put_back: one(object, "put-back", &CORRECTION)?,
            kept: one(object, "kept", &KEPT)?,
            incomplete: one(object, "incomplete", &INCOMPLETE)?,
            header: one(object, "header", &HEADER)?,
            past: list(object, "past", &PAST)?,
            judgements,
            moves,
            waiting: list(object, "waiting", &WAITING)?,
        })
    }
}

/// The row in an object, if there is one.
fn one(object: &mut Map<String, Value>, key: &str, table: &Table) -> Result<Option<Values>, String> {
    match object.remove(key) {
        None => Ok(None),
        Some(Value::Object(mut one)) => {
            let values = table.take(&mut one)?;
            ended(&one)?;
            Ok(Some(values))
        }
        Some(_) => Err(format!("`{key}` is not an object")),
    }
}

fn value<'v>(values: &'v Values, name: &str) -> &'v Sql {
    values.iter().find(|(one, _)| *one == name).map_or(&Sql::Null, |(_, value)| value)
}

impl Import<'_> {
    /// Merges a message with what is known of it here.
    pub(super) fn message(&mut self, message: Message) -> Result<(), Wrong> {
        self.imported.messages += 1;
        if self.is_forgotten(&message.mail)? {
            self.imported.forgotten += 1;
            let followers = message.judgements.iter().flat_map(|judgement| &judgement.followers);
            for follower in followers.chain(&message.past) {
                if let (Sql::Text(network), Sql::Text(key)) =
                    (value(follower, "network"), value(follower, "key"))
                {
                    self.left_out.insert((network.clone(), key.clone()));
                }
            }
            return Ok(());
        }
        let (digest, size) = (value(&message.mail, "digest"), value(&message.mail, "size"));
        let find = || {
            self.transaction
                .prepare_cached("SELECT id, latest FROM mail WHERE account = ? AND digest = ? AND size = ?")?
                .query_row(params![self.account, digest, size], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
                })
                .optional()
        };
        let before = find()?;
        let account = ("account", self.account_value());
        let (id, own) = match before {
            Some(found) => {
                self.transaction
                    .prepare_cached("UPDATE mail SET received = min(received, ?2) WHERE id = ?1")?
                    .execute(params![found.0, value(&message.mail, "received")])?;
                found
            }
            None => {
                let mail = self.placed(message.mail.clone());
                self.insert(&MAIL, &mail, std::slice::from_ref(&account), "")?;
                (self.transaction.last_insert_rowid(), None)
            }
        };
        let is_new = before.is_none();
        let mail = [("mail", Sql::from(id))];
        let judgements = self.judgements(id, own, &message.judgements)?;
        self.moves(id, &judgements, message.moves)?;
        if let Some(header) = &message.header {
            self.insert(&HEADER, header, &mail, NOTHING)?;
        }
        // What is known of it here is as good, and counted already.
        if own.is_none() {
            self.past(id, &message.past)?;
            if let Some(incomplete) = &message.incomplete {
                self.insert(&INCOMPLETE, incomplete, &mail, NOTHING)?;
            }
        }
        if let Some(put_back) = &message.put_back {
            self.imported.put_back += usize::from(self.insert(&CORRECTION, put_back, &mail, NOTHING)?);
            self.transaction.prepare_cached("DELETE FROM kept WHERE mail = ?")?.execute([id])?;
        }
        let is_put_back: bool = self
            .transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM correction WHERE mail = ?)")?
            .query_row([id], |row| row.get(0))?;
        if let Some(kept) = message.kept.as_ref().filter(|_| !is_put_back) {
            self.insert(&KEPT, kept, &[("mail", Sql::from(id)), account.clone()], NOTHING)?;
        }
        // A message that is known here has been dealt with here.
        for waiting in message.waiting.into_iter().filter(|_| is_new) {
            let more = [("mail", Sql::from(id)), account.clone()];
            self.insert(&WAITING, &self.placed(waiting), &more, NOTHING)?;
        }
        self.imported.new += usize::from(is_new);
        Ok(())
    }

    /// Adds the judgements of a message that are not here; returns the rows of all. The last one that was made counts.
    fn judgements(
        &self,
        mail: i64,
        own: Option<i64>,
        judgements: &[Judgement],
    ) -> rusqlite::Result<Vec<i64>> {
        let mut rows = Vec::new();
        for Judgement { values, followers, is_latest } in judgements {
            let is_new = self.insert(&JUDGEMENT, values, &[("mail", Sql::from(mail))], NOTHING)?;
            let row: i64 = self
                .transaction
                .prepare_cached("SELECT id FROM judgement WHERE mail = ? AND rules = ?")?
                .query_row(params![mail, value(values, "rules")], |row| row.get(0))?;
            for (position, follower) in (0_i64..).zip(followers).filter(|_| is_new) {
                let more = [("judgement", Sql::from(row)), ("position", Sql::from(position))];
                self.insert(&FOLLOWER, follower, &more, "")?;
            }
            if *is_latest {
                self.transaction
                    .prepare_cached(
                        "UPDATE mail SET latest = ?2 WHERE id = ?1 AND NOT EXISTS (
                             SELECT 1 FROM judgement WHERE id = ?3 AND judged_at >= ?4)",
                    )?
                    .execute(params![mail, row, own, value(values, "judged_at")])?;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Adds the moves of a message that are not here. All are numbered in their order, since the last one counts.
    fn moves(&self, mail: i64, judgements: &[i64], moves: Vec<Move>) -> Result<(), Wrong> {
        let is_here = self.placed_moves(mail)?;
        let mut own: Vec<Option<Vec<Sql>>> = is_here.into_iter().map(Some).collect();
        let had_some = !own.is_empty();
        let mut added = false;
        for Move { values, judgement } in moves {
            let same: Vec<Sql> = SAME.iter().map(|name| value(&values, name).clone()).collect();
            // Each of them is one of those in the export.
            if let Some(one) = own.iter_mut().find(|one| one.as_ref() == Some(&same)) {
                *one = None;
                continue;
            }
            let judgement = judgements.get(judgement).copied().ok_or("a move has no judgement".to_owned())?;
            let more = [("mail", Sql::from(mail)), ("judgement", Sql::from(judgement))];
            self.insert(&INTENT, &self.placed(values), &more, "")?;
            added = true;
        }
        if added && had_some {
            let mut last = self.transaction.last_insert_rowid();
            let numbers: Vec<i64> = self
                .transaction
                .prepare_cached("SELECT id FROM intent WHERE mail = ? ORDER BY stated_at, id")?
                .query_map([mail], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for number in numbers {
                last += 1;
                self.transaction
                    .prepare_cached("UPDATE intent SET id = ? WHERE id = ?")?
                    .execute([last, number])?;
            }
        }
        Ok(())
    }

    /// What makes the moves of a message that are here what they are.
    fn placed_moves(&self, mail: i64) -> rusqlite::Result<Vec<Vec<Sql>>> {
        let query = ["SELECT", &SAME.join(", "), "FROM intent WHERE mail = ?"].join(" ");
        self.transaction
            .prepare_cached(&query)?
            .query_map([mail], |row| (0..SAME.len()).map(|index| row.get(index)).collect())?
            .collect()
    }

    /// Adds what a message says about the past of followers.
    fn past(&self, mail: i64, past: &[Values]) -> Result<(), Wrong> {
        let mut counted = false;
        for one in past {
            let more = [("account", self.account_value()), ("mail", Sql::from(mail))];
            let is_new = self.insert(&PAST, one, &more, NOTHING)?;
            // A message counts once, however many followers it names.
            if is_new && !counted {
                counted = true;
                let (Sql::Text(network), Sql::Integer(received)) =
                    (value(one, "network"), value(one, "received"))
                else {
                    continue;
                };
                if let Some(network) = Network::new(network) {
                    recall::count(self.transaction, self.account, &network, *received, 1)?;
                }
            }
        }
        Ok(())
    }
}

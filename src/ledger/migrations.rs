//! The form of the ledger's tables, its version, and the way from each version to the next.
//!
//! A migration that has been released is never changed; a new one is added below it. `PRAGMA user_version`
//! says how many have been applied, `PRAGMA application_id` that the file is a ledger of ours.

use rusqlite::Connection;

use super::{Ledger, LedgerFault, backup};

/// "fols" in ASCII: marks the file as ours, so that no database of another program is written to.
const APPLICATION: i64 = 0x666f_6c73;

/// Each brings a ledger from its index to the next version.
const MIGRATIONS: [&str; 15] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
    include_str!("migrations/6.sql"),
    include_str!("migrations/7.sql"),
    include_str!("migrations/8.sql"),
    include_str!("migrations/9.sql"),
    include_str!("migrations/10.sql"),
    include_str!("migrations/11.sql"),
    include_str!("migrations/12.sql"),
    include_str!("migrations/13.sql"),
    include_str!("migrations/14.sql"),
    include_str!("migrations/15.sql"),
];

/// The newest version that this followsift understands.
const KNOWN: i64 = MIGRATIONS.len() as i64;

struct Stamp {
    application: i64,
    version: i64,
    tables: i64,
}

fn stamp(connection: &Connection) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        application: connection.query_row("PRAGMA application_id", [], |row| row.get(0))?,
        version: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        tables: connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

impl Stamp {
    /// How many migrations have been applied to the ledger; 0 for a new file.
    fn version(&self, ledger: &Ledger) -> Result<usize, LedgerFault> {
        let file = || ledger.file.clone();
        let new = self.version == 0 && self.tables == 0;
        if !new && self.application != APPLICATION {
            return Err(LedgerFault::Foreign { file: file() });
        }
        match usize::try_from(self.version) {
            Ok(version) if version <= MIGRATIONS.len() => Ok(version),
            _ => Err(LedgerFault::Newer { file: file(), found: self.version, known: KNOWN }),
        }
    }
}

/// Fails if the file is damaged. SQLite itself notices only when it reads the damaged page.
pub(super) fn refuse_damage(connection: &Connection) -> rusqlite::Result<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(verdict)))
}

/// Brings the ledger to the newest version: in one transaction, and once, even if another process opens it at the same time. A copy
/// of an older ledger is kept. Returns whether it was of the newest version before.
pub(super) fn migrate(ledger: &mut Ledger) -> Result<bool, LedgerFault> {
    let found = ledger.attempt("look up the version", stamp)?.version(ledger)?;
    if found == MIGRATIONS.len() {
        return Ok(true);
    }
    ledger.require_whole()?;
    if found > 0 {
        let copied = backup::keep(&ledger.connection, &ledger.file, found);
        copied.map_err(|cause| LedgerFault::NotCopied { file: ledger.file.clone(), cause })?;
    }
    let stamp = ledger.write("bring the tables up to date", |transaction| {
        // Another program may have been faster.
        let stamp = stamp(transaction)?;
        let ours = stamp.application == APPLICATION || stamp.tables == 0;
        let done = usize::try_from(stamp.version).unwrap_or(usize::MAX);
        for (migration, version) in MIGRATIONS.iter().zip(1_i64..).skip(done).filter(|_| ours) {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
        }
        Ok(stamp)
    });
    let stamp = stamp.map_err(|fault| match fault {
        LedgerFault::Failed { file, cause, .. } => {
            LedgerFault::NotUpdated { file, cause, found, known: KNOWN }
        }
        other => other,
    })?;
    stamp.version(ledger).map(|_| false)
}

/// Fails where the file is another program's, or a newer followsift's: the change to WAL would alter it.
pub(super) fn require_ours(ledger: &Ledger) -> Result<(), LedgerFault> {
    ledger.attempt("look up the version", stamp)?.version(ledger).map(drop)
}

/// Fails where the ledger is not of the newest version.
pub(super) fn require_current(ledger: &Ledger) -> Result<(), LedgerFault> {
    if ledger.attempt("look up the version", stamp)?.version(ledger)? == MIGRATIONS.len() {
        return Ok(());
    }
    Err(LedgerFault::Older { file: ledger.file.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ledger::{Cursor, KnownBy, Old};
    use crate::mail::{FollowerKey, Network};
    use crate::place::{Folder, Uid, UidValidity};
    use crate::rules::Recall as _;
    use crate::rules::recall::Asked;

    #[test]
    fn an_empty_file_becomes_a_ledger_of_the_newest_version() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ledger.sqlite"), "").unwrap();
        assert!(matches!(Ledger::open_read_only(folder.path()), Err(LedgerFault::Older { .. })));
        let ledger = Ledger::open(folder.path()).unwrap();
        let stamp = stamp(&ledger.connection).unwrap();
        assert_eq!((stamp.version, stamp.application), (KNOWN, APPLICATION));
        assert!(Ledger::open_read_only(folder.path()).unwrap().is_some());
    }

    #[test]
    fn an_old_ledger_keeps_only_the_past_that_a_networks_own_domain_proved() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        for (id, at, network, instance, authentic) in [
            (1, 1_001, "x", None, "pass"),
            (2, 100_002, "x", None, "pass"),
            (3, 200_003, "x", None, "unknown"),
            (4, 200_004, "mastodon", Some("brew.example"), "pass"),
        ] {
            old.execute_batch(&format!(
                "INSERT INTO mail (id, account, digest, size, folder, validity, uid, received)
                 VALUES ({id}, 'home', randomblob(32), 1, 'INBOX', 7, {id}, {at})"
            ))
            .unwrap();
            old.execute(
                "INSERT INTO judgement (id, mail, rules, judged_at, network, title, kind, layout, authentic, instance,
                     complete, action, flag, mark_read)
                 VALUES (?1, ?1, 'r', 0, ?2, '', 'follow', '', ?4, ?3, 1, 'leave', 0, 0)",
                rusqlite::params![id, network, instance, authentic],
            )
            .unwrap();
            old.execute_batch(&format!(
                "UPDATE mail SET latest = id WHERE id = {id};
                 INSERT INTO follower (judgement, position, network, key, facts, points, reasons)
                 VALUES ({id}, 0, '{network}', '@ann', '{{}}', 0, '[]')"
            ))
            .unwrap();
        }
        drop(old);
        let ledger = Ledger::open(folder.path()).unwrap();
        let account = crate::place::AccountName::new("home").unwrap();
        let recalled = ledger.recall(&account, None);
        let past = |network: &str| {
            let key = FollowerKey::stored(Network::new(network).unwrap(), "@ann".to_owned());
            let past = recalled.past(&key, Timestamp(300_000), Asked::ALL);
            let wave = recalled.past(&key, Timestamp(100_003), Asked::ALL).wave;
            (past.times_followed, past.last_followed, wave)
        };
        assert_eq!(past("x"), (2, Some(Timestamp(100_002)), 1));
        assert_eq!(past("mastodon"), (0, None, 0));
    }

    #[test]
    fn a_ledger_of_version_2_keeps_its_cursors_deaths_and_what_was_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        MIGRATIONS[..2].iter().for_each(|migration| old.execute_batch(migration).unwrap());
        old.execute_batch(
            "PRAGMA user_version = 2;
             INSERT INTO folder_cursor VALUES ('home', 'INBOX', 7, 10, 5000, 20, 4000, 9, 4500, x'00');
             INSERT INTO folder_cursor VALUES ('home', 'Social', 8, 3, 5000, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO deadly VALUES ('home', 'INBOX', 7, 3, 2);
             INSERT INTO assessing VALUES ('home', 'INBOX', 7, 4);
             INSERT INTO unshown VALUES ('home', 'INBOX', 7, 5, 1, 5000, 4000);
             INSERT INTO unshown VALUES ('home', 'Social', 8, 2, 1, 5000, NULL);",
        )
        .unwrap();
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        drop(old);
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let account = crate::place::AccountName::new("home").unwrap();
        let social = Folder::new("Social").unwrap();
        for (folder, validity, next, old) in [
            (Folder::inbox(), 7, 10, Some(Old { below: Uid(20), since: Timestamp(4000) })),
            (social.clone(), 8, 3, None),
        ] {
            let (validity, next, looked_at) = (UidValidity(validity), Uid(next), Timestamp(5000));
            let cursor = Cursor { validity, next, looked_at, old, newest: Vec::new() };
            assert_eq!(ledger.cursor(&account, &folder).unwrap(), Some(cursor));
        }
        // This version tries once more what another died over.
        ledger.count_deaths(&account).unwrap();
        let again = ledger.left_by_another_version(&account, &Folder::inbox(), UidValidity(7)).unwrap();
        assert_eq!(again, [Uid(3)]);
        let deaths = "SELECT uid, deaths, version FROM deadly ORDER BY uid";
        let deaths: Vec<(u32, u32, String)> = ledger
            .connection
            .prepare(deaths)
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(deaths, [(3, 2, String::new()), (4, 1, String::new())]);
        let unshown = |folder: &Folder, validity, now| {
            ledger.unshown(&account, folder, UidValidity(validity), Timestamp(now)).unwrap()
        };
        assert_eq!(unshown(&Folder::inbox(), 7, 5000), [(Uid(5), Some(Timestamp(4000)))]);
        assert_eq!(unshown(&social, 8, 5000), [(Uid(2), None)]);
        // Version 2 did not note when it looked before that.
        let earliest = |folder: &Folder| ledger.earliest_unshown(&account, folder, UidValidity(9)).unwrap();
        assert_eq!(earliest(&Folder::inbox()), Some(Timestamp(4000)));
        assert_eq!(earliest(&social), Some(Timestamp(0)));
    }

    #[test]
    fn a_ledger_of_version_10_tells_who_is_known_from_a_proven_message() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        MIGRATIONS[..10].iter().for_each(|migration| old.execute_batch(migration).unwrap());
        old.pragma_update(None, "user_version", 10).unwrap();
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        for (id, authentic) in [(1, "pass"), (2, "unknown"), (3, "unknown")] {
            old.execute_batch(&format!(
                "INSERT INTO mail (id, account, digest, size, folder, validity, uid, received)
                 VALUES ({id}, 'home', randomblob(32), 1, 'INBOX', 7, {id}, 1000);
                 INSERT INTO judgement (id, mail, rules, judged_at, network, title, kind, layout, authentic, complete, action,
                     flag, mark_read)
                 VALUES ({id}, {id}, 'r', 0, 'x', '', 'follow', '', '{authentic}', 1, 'leave', 0, 0);
                 UPDATE mail SET latest = {id} WHERE id = {id};"
            ))
            .unwrap();
        }
        old.execute_batch(
            "INSERT INTO known_follower (network, key, origin, mail, noted_at)
             VALUES ('x', '@proven', 'put-back', 1, 9), ('x', '@unproven', 'put-back', 2, 9),
                 ('x', '@added', 'added', 3, 9), ('x', '@by-hand', 'added', NULL, 9), ('x', '@lost', 'put-back', NULL, 9)",
        )
        .unwrap();
        drop(old);
        let ledger = Ledger::open(folder.path()).unwrap();
        let known = ledger.known().unwrap();
        let mut known: Vec<_> = known.iter().map(|one| (one.follower.as_str(), one.origin)).collect();
        known.sort_by_key(|(follower, _)| *follower);
        let expected = [
            ("@added", KnownBy::Added),
            ("@by-hand", KnownBy::Added),
            ("@lost", KnownBy::PutBackUnproven),
            ("@proven", KnownBy::PutBack),
            ("@unproven", KnownBy::PutBackUnproven),
        ];
        assert_eq!(known, expected);
    }

    #[test]
    fn what_is_written_for_every_message_is_checked_without_a_table_made_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let rows = [
            "past_wave (account, network, seconds, since, messages) VALUES ('home', 'x', {}, 0, 1)",
            "judgement (mail, rules, judged_at, network, title, kind, layout, authentic, complete, action, flag, mark_read)
                 VALUES (1, 'r', 0, 'x', '', 'follow', '', {}, 1, 'leave', 0, 0)",
            "judgement (mail, rules, judged_at, network, title, kind, layout, authentic, complete, action, flag, mark_read)
                 VALUES (1, 'r', 0, 'x', '', 'follow', '', 'pass', 1, {}, 0, 0)",
            "intent (mail, judgement, from_folder, from_validity, from_uid, from_next_uid, to_folder, to_validity, to_next_uid, flag,
                 mark_read, stated_at, by_hand, settled_at, outcome)
                 VALUES (1, 1, 'a', 1, 1, 2, 'b', 1, 1, 0, 0, 0, 0, 0, {})",
        ];
        for (row, good) in rows.iter().zip(["512", "'fail'", "'mark'", "'in-doubt'"]) {
            let insert = |value: &str| format!("INSERT INTO {}", row.replace("{}", value));
            let steps = |sql: &str| -> Vec<String> {
                let mut steps = ledger.connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
                steps.query_map([], |row| row.get(1)).unwrap().map(Result::unwrap).collect()
            };
            assert!(!steps(&insert(good)).contains(&"OpenEphemeral".to_owned()), "{row}");
            ledger.connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").unwrap();
            ledger.connection.execute(&insert(good), []).unwrap();
            let wrong = ledger.connection.execute(&insert("'7'"), []).unwrap_err();
            assert!(wrong.to_string().contains("CHECK constraint failed"), "{wrong}");
            ledger.connection.execute_batch("ROLLBACK").unwrap();
        }
        ledger.require_whole().unwrap();
    }

    #[test]
    fn a_ledger_of_a_newer_followsift_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.connection.pragma_update(None, "user_version", KNOWN + 1).unwrap();
        drop(ledger);
        for opened in [Ledger::open(folder.path()).map(Some), Ledger::open_read_only(folder.path())] {
            let fault = opened.unwrap_err();
            assert!(matches!(fault, LedgerFault::Newer { .. }), "{fault:?}");
            assert!(fault.to_string().contains("a newer followsift has written it"), "{fault}");
        }
    }

    #[test]
    fn the_database_of_another_program_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        other.execute_batch("CREATE TABLE shopping (what TEXT)").unwrap();
        assert!(matches!(Ledger::open(folder.path()), Err(LedgerFault::Foreign { .. })));
        assert_eq!(stamp(&other).unwrap().tables, 1);
        let mode: String = other.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "delete");
    }

    /// A ledger of the version before the newest, with one row.
    fn of_the_version_before(folder: &std::path::Path) -> Connection {
        let before = MIGRATIONS.len() - 1;
        let old = Connection::open(folder.join("ledger.sqlite")).unwrap();
        MIGRATIONS[..before].iter().for_each(|migration| old.execute_batch(migration).unwrap());
        old.pragma_update(None, "user_version", i64::try_from(before).unwrap()).unwrap();
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.execute("INSERT INTO fuse VALUES ('home', 'r', NULL, NULL, 0)", []).unwrap();
        old
    }

    fn files(folder: &std::path::Path) -> Vec<String> {
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn an_older_ledger_is_copied_before_it_is_brought_up_to_date_and_one_copy_is_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        drop(of_the_version_before(folder.path()));
        for name in ["ledger-v0.sqlite", "ledger-backup.unfinished"] {
            std::fs::write(folder.path().join(name), "of an earlier update").unwrap();
        }
        for name in ["ledger-v2.sqlite.mine", "ledger-v.sqlite"] {
            std::fs::write(folder.path().join(name), "the user's own").unwrap();
        }
        Ledger::open(folder.path()).unwrap();
        let before = MIGRATIONS.len() - 1;
        let copy = format!("ledger-v{before}.sqlite");
        let mut expected = ["ledger-v.sqlite", "ledger-v2.sqlite.mine", copy.as_str(), "ledger.sqlite"];
        expected.sort_unstable();
        assert_eq!(files(folder.path()), expected);
        let copy = folder.path().join(copy);
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Connection::open(copy).unwrap();
        let stamp = stamp(&copy).unwrap();
        assert_eq!((stamp.version, stamp.application), (KNOWN - 1, APPLICATION));
        let rows: i64 = copy.query_row("SELECT count(*) FROM fuse", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        // A ledger that is new, or up to date, is not copied.
        let other = tempfile::tempdir().unwrap();
        Ledger::open(other.path()).unwrap();
        Ledger::open(other.path()).unwrap();
        assert_eq!(files(other.path()), ["ledger.sqlite"]);
    }

    #[test]
    fn an_update_that_fails_leaves_the_old_ledger_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let old = of_the_version_before(folder.path());
        // What version 14 adds is there already.
        old.pragma_update(None, "user_version", 13).unwrap();
        let fault = Ledger::open(folder.path()).unwrap_err().to_string();
        let words = format!(
            "could not bring the ledger {} from version 13 to {KNOWN}: it is unchanged",
            folder.path().join("ledger.sqlite").display()
        );
        assert!(fault.starts_with(&words), "{fault}");
        assert_eq!(stamp(&old).unwrap().version, 13);
        let rows: i64 = old.query_row("SELECT count(*) FROM fuse", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_ledger_that_cannot_be_copied_is_not_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let old = of_the_version_before(folder.path());
        let copy = format!("ledger-v{}.sqlite", MIGRATIONS.len() - 1);
        std::fs::create_dir(folder.path().join(&copy)).unwrap();
        let fault = Ledger::open(folder.path()).unwrap_err();
        assert!(matches!(fault, LedgerFault::NotCopied { .. }), "{fault:?}");
        assert!(fault.to_string().ends_with("before bringing it up to date; it is unchanged"), "{fault}");
        assert_eq!(stamp(&old).unwrap().version, KNOWN - 1);
        assert_eq!(files(folder.path()), [copy.as_str(), "ledger.sqlite"]);
    }

    #[test]
    fn a_ledger_that_was_brought_up_to_date_does_not_look_like_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let old = of_the_version_before(folder.path());
        old.execute("INSERT INTO account (name, id) VALUES ('home', lower(hex(randomblob(16))))", [])
            .unwrap();
        drop(old);
        let home = crate::place::AccountName::new("home").unwrap();
        for _ in 0..2 {
            let ledger = Ledger::open(folder.path()).unwrap();
            assert_eq!(ledger.account(&home).unwrap().unwrap().gap, None);
        }
    }
}

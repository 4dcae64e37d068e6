//! A file of SQLite as the memory of one machine.

use std::os::unix::fs::{PermissionsExt, symlink};

use followsift::delivery::memory::SqliteMemory;
use rusqlite::Connection;

use super::*;

#[test]
fn sqlite_answers_what_rules_ask_at_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let machines = [(); 2].map(|()| SqliteMemory::open(folder.path()).unwrap());
    every_case(&machines[0], &machines[1]);
}

#[test]
fn a_sqlite_that_is_locked_or_damaged_answers_nothing_on_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(folder.path()).unwrap();
    let machine = Machine::of(&memory, "ann@x.example");
    machine.keep(1, "ann", NOON - 60);
    let file = folder.path().join("delivery.sqlite");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (kept, time) = timed(|| machine.try_keep(2, &notification("mastodon", &["ann"], pass(), NOON)));
    assert!(time < AT_MOST, "{time:?}");
    assert_eq!(fault_of(kept), MemoryCause::Late);
    // Who reads does not wait for who writes.
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);
    other.execute_batch("ROLLBACK").unwrap();
    machine.keep(2, "ann", NOON);
    assert_eq!(machine.past(3, "ann", NOON + 1).wave, 2);

    other.execute_batch("DROP TABLE past").unwrap();
    assert!(matches!(fault_of(machine.try_past(3, "ann", NOON)), MemoryCause::Failed(_)));
    let told = notification("mastodon", &["ann"], pass(), NOON);
    assert!(matches!(fault_of(machine.try_keep(3, &told)), MemoryCause::Failed(_)));
}

#[test]
fn the_file_of_another_program_or_of_a_newer_followsift_is_left_alone() {
    for (sql, expected) in [
        ("CREATE TABLE other (x)", MemoryCause::Foreign),
        ("PRAGMA application_id = 7", MemoryCause::Foreign),
        (
            "PRAGMA application_id = 1718578276; PRAGMA user_version = 9",
            MemoryCause::Newer { found: 9, known: 1 },
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("delivery.sqlite");
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&file).unwrap();
        assert_eq!(fault_of(SqliteMemory::open(folder.path())), expected, "{sql}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path().join("x"), folder.path().join("delivery.sqlite")).unwrap();
    assert!(matches!(fault_of(SqliteMemory::open(folder.path())), MemoryCause::Failed(_)));
    assert!(std::fs::read_dir(elsewhere.path()).unwrap().next().is_none());
}

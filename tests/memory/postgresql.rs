//! A real PostgreSQL as the memory of several machines, which is killed, hangs, is full, locked or read-only: no question takes
//! longer than its deadline, nothing is answered on doubt, and it is asked again when it is back.

use std::sync::Mutex;

use followsift::assess::{Arrival, Mail, Rulebook, assess};
use followsift::delivery::memory::{PostgresqlAddress, PostgresqlMemory};
use followsift::delivery::{Remembered, Store, judge_with_memory};
use followsift::mail::Recognition;
use rustix::process::Signal;

use super::*;
use crate::support::letters::{ENGLISH, Person, mastodon_card};
use crate::support::pause;
use crate::support::postgresql::Postgresql;

/// What needs no answer, on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(1_000);

/// Asks and writes until both work again.
#[track_caller]
fn wait_for_answers(machine: &Machine<'_>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let told = notification("mastodon", &["back"], pass(), NOON);
    loop {
        let answer = machine.try_past(900, "ann", NOON).and_then(|_| machine.try_keep(901, &told));
        match answer {
            Ok(()) => return,
            Err(fault) => assert!(Instant::now() < deadline, "{:?}", fault.cause),
        }
        pause(Duration::from_millis(100));
    }
}

/// Eight messages are delivered at once: none takes longer than it may, and none has an answer. Then one does not wait at all.
#[track_caller]
fn nobody_gets_an_answer_and_nobody_waits_longer_than_they_may(memory: &dyn Memory) {
    let took = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for message in 0..8 {
            let took = &took;
            scope.spawn(move || {
                let machine = Machine::of(memory, "ann@x.example");
                let (past, time) = timed(|| machine.try_past(message, "ann", NOON));
                took.lock().unwrap().push((past.is_err(), time));
            });
        }
    });
    let took = took.into_inner().unwrap();
    assert!(took.len() == 8 && took.iter().all(|(failed, time)| *failed && *time < AT_MOST), "{took:?}");
    let machine = Machine::of(memory, "ann@x.example");
    let (past, time) = timed(|| machine.try_past(99, "ann", NOON));
    assert!(time < AT_ONCE, "{time:?}");
    assert_eq!(fault_of(past), MemoryCause::Resting);
    let (kept, time) = timed(|| machine.try_keep(99, &notification("mastodon", &["ann"], pass(), NOON)));
    assert!(time < AT_ONCE, "{time:?}");
    assert_eq!(fault_of(kept), MemoryCause::Resting);
}

#[test]
fn postgresql_answers_what_rules_ask_at_delivery() {
    let Some(server) = Postgresql::start() else { return };
    every_case(&server.memory(), &server.memory());
    assert_eq!(server.run("SELECT version FROM followsift_version"), "1");
}

#[test]
fn a_postgresql_that_is_killed_or_hangs_answers_nothing_on_doubt_and_is_asked_again() {
    let Some(mut server) = Postgresql::start() else { return };
    let memory = server.memory();
    let machine = Machine::of(&memory, "ann@x.example");
    machine.keep(1, "ann", NOON - 60);
    Machine::of(&memory, "busy@x.example").keep(999, "ann", NOON);
    // A crash may cost the last deliveries.
    server.run("CHECKPOINT");

    // It hangs, with connections that are open, and with none.
    server.signal(Signal::STOP);
    nobody_gets_an_answer_and_nobody_waits_longer_than_they_may(&memory);
    let new = server.memory();
    nobody_gets_an_answer_and_nobody_waits_longer_than_they_may(&new);
    server.signal(Signal::CONT);
    wait_for_answers(&machine);
    wait_for_answers(&Machine::of(&new, "ann@x.example"));

    // It is killed between two messages, and is gone.
    server.kill();
    nobody_gets_an_answer_and_nobody_waits_longer_than_they_may(&memory);
    server.restart();
    wait_for_answers(&machine);
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);

    // It was killed and is back before anybody asked: nobody notices.
    server.kill();
    server.restart();
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);

    // It is killed while it is asked, again and again.
    let stop = Mutex::new(false);
    let (answers, faults) = thread::scope(|scope| {
        let (memory, stop) = (&memory, &stop);
        let asking = [1000, 2000].map(|first| {
            scope.spawn(move || {
                let machine = Machine::of(memory, "busy@x.example");
                let (mut answers, mut faults, mut message) = (0, 0, first);
                while !*stop.lock().unwrap() {
                    message += 1;
                    let told = notification("mastodon", &["ann"], pass(), NOON);
                    let (answer, time) = timed(|| {
                        machine.try_keep(message, &told)?;
                        machine.try_past(message + 10_000, "ann", NOON + 1)
                    });
                    assert!(time < 2 * AT_MOST, "{time:?}");
                    match answer {
                        // What was kept is found, whatever came between.
                        Ok(past) => {
                            assert!(past.wave > 0);
                            answers += 1;
                        }
                        Err(_) => faults += 1,
                    }
                    if faults > 0 {
                        pause(Duration::from_millis(5));
                    }
                }
                (answers, faults)
            })
        });
        for _ in 0..2 {
            pause(Duration::from_millis(300));
            server.kill();
            pause(Duration::from_millis(100));
            server.restart();
            wait_for_answers(&Machine::of(memory, "ann@x.example"));
        }
        *stop.lock().unwrap() = true;
        asking.map(|one| one.join().unwrap()).iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    });
    assert!(answers > 10 && faults > 0, "{answers} {faults}");
}

/// The first rule protects, the second one files.
const RULES: &str = r#"
[verdict.real]
flag = true

[verdict.spam]
move-to = "Spam"

[[rule]]
name = "Comes back"
when.times-followed = ">= 2"
verdict = "real"

[[rule]]
name = "Lopsided"
when.ratio = ">= 100"
verdict = "spam"
"#;

#[test]
fn a_rule_that_protects_is_never_skipped_because_the_database_is_gone() {
    let Some(mut server) = Postgresql::start() else { return };
    let rulebook = crate::assess::rulebook(RULES);
    let without = crate::assess::rulebook(&RULES.replace("times-followed", "followers"));
    let letter = mastodon_card(&ENGLISH, &Person::new("Ann", "ann@toot.example", [1, 2_000, 1])).bytes(1);
    let mail = Mail { bytes: &letter, arrived: Arrival::Dated { otherwise: Timestamp(NOON) } };
    let Recognition::Recognised(notification) = assess(mail, &rulebook, &Blank).recognition else {
        panic!("not recognised")
    };
    let store = Store { memory: Box::new(server.memory()), keeps: AGES };
    let machine = Machine::of(&*store.memory, "ann@x.example");
    let remembered = Remembered { by_hand: Some(Replay::default()) };
    let verdict = |message, rulebook: &Rulebook| {
        let here = (&store, machine.delivery(message));
        let (field, did) = judge_with_memory(&letter, Timestamp(NOON), rulebook, &remembered, here);
        let value = field.unwrap().unwrap().value("");
        let words = value.split(";").map(str::trim).skip(2).take(2).collect::<Vec<_>>().join("; ");
        (words, did.map_err(|fault| fault.cause))
    };
    let lopsided = "verdict=spam; rule=\"Lopsided\"";
    assert_eq!(verdict(3, &rulebook), (lopsided.to_owned(), Ok(())));
    // It was kept, and does not count for itself.
    let before = notification.received.0 + ONE_FOLLOW;
    let key = notification.keys().next().unwrap();
    let recalled = Recalled::new(&*store.memory, machine.delivery(4), Blank);
    assert_eq!(recalled.past(&key, Timestamp(before), Asked::ALL).times_followed, 1);
    recalled.finish().unwrap();
    for (message, days) in [(1, 10), (2, 5)] {
        let received = Timestamp(notification.received.0 - days * ONE_FOLLOW);
        machine.try_keep(message, &Notification { received, ..notification.clone() }).unwrap();
    }
    assert_eq!(verdict(3, &rulebook), ("verdict=real; rule=\"Comes back\"".to_owned(), Ok(())));
    server.kill();
    let (words, did) = verdict(3, &rulebook);
    assert_eq!(words, "verdict=undecided; withheld=past-unread");
    assert!(matches!(did, Err(MemoryCause::Unreachable(_))), "{did:?}");
    // Rules that ask it nothing judge as ever.
    let (words, did) = verdict(3, &without);
    assert_eq!((words.as_str(), did), (lopsided, Err(MemoryCause::Resting)));
}

#[test]
fn a_postgresql_that_is_full_or_only_reads_is_still_asked_and_says_what_was_not_kept() {
    let Some(server) = Postgresql::start() else { return };
    // Its tables get into a file system of some megabytes.
    server.run(&format!("CREATE TABLESPACE narrow LOCATION '{}'", server.narrow().display()));
    server.run("ALTER DATABASE postgres SET default_tablespace = narrow");
    let memory = server.memory();
    let machine = Machine::of(&memory, "ann@x.example");
    machine.keep(1, "ann", NOON - 60);

    server.run("CREATE TABLE filler (text text)");
    let said =
        server.run_to_fault("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 100000)");
    assert!(said.contains("No space left on device"), "{said}");
    // There may be some room in the pages that the tables have.
    let told = |message: u32| notification("mastodon", &[&format!("n{message}")], pass(), NOON);
    let fault = (10..10_000).find_map(|message| machine.try_keep(message, &told(message)).err()).unwrap();
    let cause = format!("{:?}", fault.cause);
    assert!(cause.contains("53100") && matches!(fault.cause, MemoryCause::Failed(_)), "{cause}");
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);
    server.run("DROP TABLE filler");
    server.run("CHECKPOINT");
    machine.keep(20_000, "bob", NOON);

    // It only reads, as after a failover; the connections that are open may be ended by that.
    server.run("ALTER DATABASE postgres SET default_transaction_read_only = on");
    server
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'followsift'");
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);
    let cause = format!("{:?}", machine.try_keep(20_001, &told(1)).unwrap_err().cause);
    assert!(cause.contains("25006"), "{cause}");
    assert_eq!(machine.past(2, "ann", NOON).wave, 1);
    server.run("BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT");
    machine.keep(20_001, "eve", NOON);

    // Somebody locks the table: the server itself gives up, and the message goes on.
    thread::scope(|scope| {
        let holding = scope.spawn(|| server.run("BEGIN; LOCK TABLE followsift_past; SELECT pg_sleep(4)"));
        while server.run("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND locktype = 'relation'")
            == "0"
        {
            pause(Duration::from_millis(20));
        }
        let (past, time) = timed(|| machine.try_past(2, "ann", NOON));
        assert!(time < AT_MOST, "{time:?}");
        assert_eq!(fault_of(past), MemoryCause::Late);
        holding.join().unwrap();
    });
    wait_for_answers(&machine);

    // A newer version has changed the tables.
    server.run("UPDATE followsift_version SET version = 2");
    let new = server.memory();
    let cause = fault_of(Machine::of(&new, "ann@x.example").try_past(2, "ann", NOON));
    assert_eq!(cause, MemoryCause::Newer { found: 2, known: 1 });
}

#[test]
fn over_tls_a_server_is_asked_only_if_its_certificate_is_trusted() {
    let Some(server) = Postgresql::start_with_tls() else { return };
    server.run("CREATE ROLE shared LOGIN PASSWORD 'hush'");
    server.run("CREATE DATABASE shared OWNER shared");
    let try_with = |host: &str, password: &str, mode: &str, is_trusted: bool| {
        let url = format!("postgresql://shared:{password}@{host}:{}/shared?sslmode={mode}", server.port());
        let address: PostgresqlAddress = url.parse().unwrap();
        let ca = server.ca();
        let memory = PostgresqlMemory::new(address, is_trusted.then_some(&*ca), 1).unwrap();
        let past = Machine::of(&memory, "ann@x.example").try_past(1, "ann", NOON);
        past.map_err(|fault| {
            let said = format!("{fault} {:?}", fault.cause);
            assert!(!said.contains("hush"), "{said}");
            said
        })
    };
    assert_eq!(try_with("localhost", "hush", "require", true), Ok(Past::default()));
    for (host, password, mode, ca, words) in [
        ("localhost", "hush", "require", false, "certificate verify failed"),
        ("127.0.0.1", "hush", "require", true, "certificate verify failed"),
        ("localhost", "hushed", "require", true, "28P01"),
        ("localhost", "hush", "disable", true, "28000"),
    ] {
        let said = try_with(host, password, mode, ca).unwrap_err();
        assert!(said.contains(words), "{host} {mode}: {said}");
    }
}

#[test]
fn machines_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgresql::start() else { return };
    let memories = [(); 4].map(|()| server.memory());
    thread::scope(|scope| {
        for (message, memory) in (1..).zip(&memories) {
            scope.spawn(move || Machine::of(memory, "ann@x.example").keep(message, "ann", NOON - 1));
        }
    });
    assert_eq!(Machine::of(&memories[0], "ann@x.example").past(9, "ann", NOON).wave, 4);
    assert_eq!(server.run("SELECT count(*) FROM followsift_version"), "1");

    // Nobody may create tables: it says so, and rests.
    server.run("CREATE ROLE guest LOGIN");
    server.run("CREATE DATABASE other");
    let folder = server.narrow().parent().unwrap().to_str().unwrap().replace('/', "%2F");
    let address = format!("postgresql://guest@{folder}/other").parse().unwrap();
    let guest = PostgresqlMemory::new(address, None, 1).unwrap();
    let machine = Machine::of(&guest, "ann@x.example");
    let cause = format!("{:?}", machine.try_past(1, "ann", NOON).unwrap_err().cause);
    assert!(cause.contains("permission denied") && cause.contains("42501"), "{cause}");
    assert_eq!(fault_of(machine.try_past(1, "ann", NOON)), MemoryCause::Resting);

    // What is dropped leaves no connection open.
    let open = || server.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'followsift'");
    assert_eq!(open(), "4");
    drop(memories);
    let deadline = Instant::now() + Duration::from_secs(20);
    while open() != "0" {
        assert!(Instant::now() < deadline);
        pause(Duration::from_millis(50));
    }
}

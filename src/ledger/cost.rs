//! Tests what the ledger's queries cost when much is remembered, by SQLite's own step counts and plans.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use regex::Regex;
use rusqlite::StatementStatus;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{Cursor, Delay, Export, Intent, Judged, Ledger, PutOff, RemovalNote, Settlement, Stay, Target};
use crate::clock::Timestamp;
use crate::mail::{Authenticity, Follower, Kind, Network, Notification, Shown};
use crate::place::{
    AccountName, Folder, HeaderLines, MailDigest, MailIdentity, MailRef, MailboxKey, Marks, Uid, UidValidity,
};
use crate::rules::recall::Asked;
use crate::rules::{Action, Recall, Verdict};

/// When the sweep takes place: long after everything that is remembered.
const NOW: i64 = 1_800_000_000;

fn home() -> AccountName {
    AccountName::new("home").unwrap()
}

/// The proven message number `number`, received at `received`.
fn judged(number: u32, received: i64) -> Judged {
    let mut digest = [0xff; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    let handle = Shown::Value(format!("new-{number}"));
    Judged {
        mail: MailRef {
            account: home(),
            folder: Folder::inbox(),
            validity: UidValidity(7),
            uid: Uid(1_000_000 + number),
        },
        identity: MailIdentity { digest: MailDigest(digest), size: 4_000 },
        notification: Notification {
            network: Network::new("x").unwrap(),
            title: "X".into(),
            kind: Kind::Follow,
            layout: "2024".into(),
            authentic: Authenticity::Pass("mx.example: dkim=pass x.com".into()),
            instance: None,
            followers: vec![Follower { handle, ..Follower::default() }],
            complete: true,
            received: Timestamp(received),
        },
        verdicts: vec![Verdict::default()],
        verdict: None,
        action: Action::Leave,
        rules: "rules-1".into(),
        judged_at: Timestamp(received),
    }
}

/// A ledger with so many remembered messages, all of this account and network: one in two proven, one in three moved.
fn filled(folder: &Path, messages: u32) -> Ledger {
    let ledger = Ledger::open(folder).unwrap();
    ledger.connection.set_prepared_statement_cache_capacity(200);
    let number = format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {messages})"
    );
    let received = "1700000000 + n * 7";
    ledger
        .connection
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -400000; BEGIN;
             {number} INSERT INTO mail (id, account, digest, size, folder, validity, uid, received)
                 SELECT n, 'home', randomblob(32), 4000 + n % 999, 'INBOX', 7, n, {received} FROM number;
             {number} INSERT INTO judgement (id, mail, rules, judged_at, network, title, kind, layout, authentic, complete,
                     action, flag, mark_read)
                 SELECT n, n, 'rules-1', {received}, 'x', 'X', 'follow', '2024', iif(n % 2, 'unknown', 'pass'), 1, 'leave',
                     0, 0 FROM number;
             UPDATE mail SET latest = id;
             {number} INSERT INTO follower (judgement, position, network, key, facts, points, reasons)
                 SELECT n, 0, 'x', '@old-' || (n % 500), '{{}}', 0, '[]' FROM number;
             {number} INSERT INTO past_follower (account, network, key, received, mail)
                 SELECT 'home', 'x', '@old-' || n, {received}, n FROM number WHERE n % 2 = 0;
             {number} INSERT INTO past_wave (account, network, seconds, since, messages)
                 SELECT 'home', 'x', 1, {received}, 1 FROM number WHERE n % 2 = 0;
             {number} INSERT INTO intent (mail, judgement, from_folder, from_validity, from_uid, from_next_uid, to_folder,
                     to_validity, to_next_uid, flag, mark_read, stated_at, by_hand, outcome, to_uid, settled_at)
                 SELECT n, n, 'INBOX', 7, n, n, 'Spam', 3, n, 0, 0, {received}, 0, 'moved', n, {received} FROM number
                 WHERE n % 3 = 0;
             {number} INSERT INTO incomplete (mail, network, missing, seen_at)
                 SELECT n, 'x', 'handle', {received} FROM number WHERE n % 5 = 0;
             COMMIT;"
        ))
        .unwrap();
    ledger
}

/// Counts the steps of SQLite's virtual machine from now on.
fn count(ledger: &mut Ledger) -> Arc<Mutex<i64>> {
    let steps = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&steps);
    // A statement adds up its steps while it is cached; none is dropped here.
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            let all = i64::from(statement.get_status(StatementStatus::VmStep));
            let before = seen.insert(statement.sql().into_owned(), all).filter(|before| *before <= all);
            *counted.lock().unwrap() += all - before.unwrap_or(0);
        }
    };
    ledger.connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note)).unwrap();
    steps
}

/// What a sweep asks and writes about new messages.
fn sweep(ledger: &mut Ledger, new: &[Judged], asked: Asked) {
    let (account, inbox) = (home(), Folder::inbox());
    let now = Timestamp(NOW);
    let since = Timestamp(NOW - 90 * 86_400);
    ledger.note_rules(&account, "rules-1", now).unwrap();
    let cursor = ledger.cursor(&account, &inbox).unwrap();
    assert!(ledger.unsettled(&account, now).unwrap().is_empty());
    ledger.waiting(&account, &inbox, UidValidity(7), now).unwrap();
    ledger.originals(&account, &inbox, UidValidity(7), since).unwrap();
    ledger.earliest_known(&account, &inbox, since).unwrap();
    ledger.count_deaths(&account).unwrap();
    ledger.unshown(&account, &inbox, UidValidity(7), now).unwrap();
    ledger.earliest_unshown(&account, &inbox, UidValidity(7)).unwrap();
    ledger.left_by_another_version(&account, &inbox, UidValidity(7)).unwrap();
    ledger.copies_to_look_for(&account, now).unwrap();
    let _ = ledger.learn(&account, now).unwrap();
    ledger.incomplete(&account, since).unwrap();
    ledger.allowance(&account, 500, 50, now).unwrap();
    judge(ledger, new, asked);
    let intents: Vec<_> = new.iter().map(intent).collect();
    ledger.count_deaths(&account).unwrap();
    ledger.unshown(&account, &inbox, UidValidity(7), now).unwrap();
    ledger.copies_to_look_for(&account, now).unwrap();
    let stated = ledger.intend(&intents).unwrap();
    ledger.note_removal(&stated, RemovalNote::Sent).unwrap();
    let settled: Vec<_> = stated.iter().map(|id| (*id, Settlement::Moved { uid: Some(Uid(9)) })).collect();
    ledger.settle(&settled, now).unwrap();
    let first = new.first().unwrap();
    let put_off = PutOff { mail: first.mail.clone(), identity: first.identity, why: Delay::Refused };
    ledger.put_off(&[put_off], now).unwrap();
    ledger.strike_off(&account, &inbox, UidValidity(7), &[first.mail.uid]).unwrap();
    ledger.strike_off_void(&account, &inbox, UidValidity(7)).unwrap();
    ledger.note_correction(&account, &first.identity, now).unwrap();
    for one in new.iter().skip(1) {
        ledger.keep(&account, &one.identity, Stay::PutBack, now).unwrap();
    }
    let _ = ledger.learn(&account, now).unwrap();
    ledger.note_left(&account, &stated, now).unwrap();
    ledger.note_unshown(&account, &inbox, UidValidity(7), &[(first.mail.uid, true)], None, now).unwrap();
    ledger.strike_off_unshown(&account, &inbox, UidValidity(7), &[first.mail.uid]).unwrap();
    ledger.held_back(&account).unwrap();
    ledger.waits(&account, std::slice::from_ref(&inbox)).unwrap();
    let next = cursor.map_or(Uid(1), |cursor| cursor.next);
    let cursor = Cursor { validity: UidValidity(7), next, looked_at: now, old: None, newest: Vec::new() };
    ledger.advance(&account, &inbox, cursor).unwrap();
}

/// The part of it that looks at each message.
fn judge(ledger: &mut Ledger, new: &[Judged], asked: Asked) {
    let account = home();
    for one in new {
        ledger.begin_assessing(&one.mail).unwrap();
        ledger.end_assessing(&account).unwrap();
        let _ = ledger.earlier_move(&one.mail, &one.identity, header().as_ref()).unwrap();
        ledger.is_waiting(&account, &one.identity).unwrap();
        ledger.knows(&account, &one.identity).unwrap();
        let recalled = ledger.recall(&account, Some(&one.identity));
        for key in one.notification.keys() {
            let _ = recalled.past(&key, one.notification.received, asked);
        }
        recalled.finish().unwrap();
    }
    ledger.record(new).unwrap();
}

fn intent(judged: &Judged) -> Intent {
    Intent {
        mail: judged.mail.clone(),
        identity: judged.identity,
        source_next: Uid(2_000_000),
        target: Target { folder: Folder::new("Spam").unwrap(), validity: UidValidity(3), next: Uid(40) },
        marks: Marks::default(),
        stated_at: Timestamp(NOW),
        by_hand: false,
        received: Some(judged.notification.received),
        by_move: true,
        returns: false,
        header: header(),
    }
}

fn header() -> Option<HeaderLines> {
    HeaderLines::of(b"Received: from a by b\r\nFrom: c\r\n\r\n")
}

#[test]
fn a_sweep_of_twenty_costs_the_same_with_a_thousand_messages_remembered_and_with_two_hundred_thousand() {
    let steps = |remembered| {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = filled(folder.path(), remembered);
        let steps = count(&mut ledger);
        let new: Vec<_> = (0..20).map(|number| judged(number, NOW - 20 + i64::from(number))).collect();
        sweep(&mut ledger, &new, Asked::ALL);
        let steps = *steps.lock().unwrap();
        assert!(steps > 1_000, "{steps}: nothing was counted");
        steps
    };
    let (few, many) = (steps(1_000), steps(200_000));
    assert!(many * 10 <= few * 11, "{few} steps with few, {many} with many");
}

#[test]
fn the_wave_costs_each_message_the_same_however_many_come_in_an_hour() {
    let steps = |messages: u32| {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = filled(folder.path(), 10);
        let steps = count(&mut ledger);
        let at = |number: u32| NOW - 3_000 + i64::from(number) * 3_000 / i64::from(messages);
        let all: Vec<_> = (0..messages).map(|number| judged(number, at(number))).collect();
        for some in all.chunks(50) {
            judge(&mut ledger, some, Asked::ALL);
        }
        let account = home();
        let recalled = ledger.recall(&account, None);
        let key = all[0].notification.keys().next().unwrap();
        let past = recalled.past(&key, Timestamp(NOW), Asked::ALL);
        assert_eq!(past.wave, u64::from(messages));
        *steps.lock().unwrap()
    };
    let (few, many) = (steps(400), steps(1_600));
    assert!(many <= few * 5, "{few} steps for 400 messages, {many} for four times as many");
}

#[test]
fn an_export_and_an_import_cost_each_message_the_same_however_many_there_are() {
    let mailbox = MailboxKey::new("mail.example", 993, "kim");
    let steps = |messages: u32| {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut ledger = filled(here.path(), messages);
        ledger.begin_account(&home(), &mailbox, None, None).unwrap();
        let exporting = count(&mut ledger);
        let mut text = String::new();
        let mut add = |line: &str| {
            text.push_str(line);
            text.push('\n');
            Ok(())
        };
        ledger.export(&home(), Timestamp(NOW), &mut add).unwrap();
        let mut other = Ledger::open(there.path()).unwrap();
        let importing = count(&mut other);
        let imported = other.import(&home(), &mailbox, Export::open(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(imported.new, usize::try_from(messages).unwrap());
        (*exporting.lock().unwrap(), *importing.lock().unwrap())
    };
    let (few, many) = (steps(400), steps(4_000));
    assert!(few.0 > 10_000 && few.1 > 10_000, "{few:?}: nothing was counted");
    assert!(many.0 <= few.0 * 11, "{} steps to export few, {} for ten times as many", few.0, many.0);
    assert!(many.1 <= few.1 * 11, "{} steps to import few, {} for ten times as many", few.1, many.1);
}

#[test]
fn what_no_rule_asks_for_is_not_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = filled(folder.path(), 1_000);
    let steps = count(&mut ledger);
    let account = home();
    let past = |asked| {
        let before = *steps.lock().unwrap();
        let recalled = ledger.recall(&account, None);
        let key = judged(1, NOW).notification.keys().next().unwrap();
        let _ = recalled.past(&key, Timestamp(1_700_003_600), asked);
        *steps.lock().unwrap() - before
    };
    let nothing = past(Asked::default());
    assert!(nothing * 3 < past(Asked { wave: true, ..Asked::default() }));
    assert!(nothing < past(Asked { follows: true, ..Asked::default() }));
}

/// The look-ups that are allowed in tables that grow: by values that few rows share, or within a bounded time. Any
/// other scans everything that is remembered. A query that needs another look-up is added here with a reason, or gets
/// an index.
const WAYS: &[(&str, &[&str])] = &[
    ("mail", &["rowid=?", "account=? AND digest=? AND size=?", "digest=? AND size=?", "digest=?"]),
    // From one account to the next.
    ("mail", &["account>?"]),
    // In the time that a digest or a report tells of.
    ("mail", &["account=? AND received>? AND received<?"]),
    ("judgement", &["rowid=?", "mail=?", "mail=? AND rules=?", "judged_at>? AND judged_at<?"]),
    // What may be too old to be remembered; once a day.
    ("judgement", &["judged_at<?"]),
    ("incomplete", &["seen_at<?"]),
    // Since a moment that the caller chooses; for `check` alone.
    ("judgement", &["judged_at>?"]),
    ("follower", &["judgement=?", "judgement=? AND position=?"]),
    // The messages about one follower; once for each answer of a look-up.
    ("follower", &["network=? AND key=?"]),
    // In the last hour, or since a moment that the caller chooses.
    ("intent", &["rowid=?", "mail=?", "judgement=?", "stated_at>?", "stated_at>? AND stated_at<?"]),
    ("incomplete", &["rowid=?", "seen_at>?"]),
    ("waiting", &["account=?", "account=? AND folder=?", "account=? AND folder=? AND validity=?", "mail=?"]),
    ("waiting", &["account=? AND folder=? AND validity=? AND uid=?", "mail=? AND account=?"]),
    ("correction", &["rowid=?"]),
    ("known_follower", &["network=? AND key=?"]),
    ("unwelcome_follower", &["network=? AND key=?"]),
    ("target_cursor", &["account=? AND folder=?"]),
    ("kept", &["rowid=?", "why=? AND account=?"]),
    ("filed_header", &["received=?", "rowid=?"]),
    ("unshown", &["account=?", "account=? AND folder=?", "account=? AND folder=? AND validity=?"]),
    ("unshown", &["account=? AND folder=? AND validity=? AND uid=?"]),
    ("deadly", &["account=? AND folder=?", "account=? AND folder=? AND validity=?"]),
    ("deadly", &["account=? AND folder=? AND validity=? AND uid=?"]),
    ("sent_person", &["account=? AND folder=?", "account=? AND folder=? AND address=? AND name=?"]),
    ("past_follower", &["account=? AND network=? AND key=? AND received>? AND received<?", "mail=?"]),
    ("past_follower", &["mail=? AND account=? AND network=?"]),
    ("past_wave", &["account=? AND network=? AND seconds=? AND since>? AND since<?"]),
];

/// Scans that are intended: of unsettled moves, of what is shown as a whole, up to a LIMIT, and of the files of lists,
/// of which there are as few as the rules name.
const WALKS: &[&str] = &[
    "intent USING INDEX intent_open",
    "correction",
    "kept",
    "known_follower",
    "unwelcome_follower",
    "list_file",
    // For `status` alone: a row for each server, and one for each follower who was looked up.
    "lookup_server",
    "lookup",
    "forgotten_key",
    // A row for each account.
    "account",
    "judgement USING INDEX judgement_by_time",
    // One row for each account, or for each table.
    "account USING INDEX sqlite_autoindex_account_2",
    "sqlite_sequence",
    "(subquery-",
];

/// Queries that may read a whole account, since they are rare: they void the UIDs of a folder that was restored from a backup, give
/// an account its new name, or ask a ledger that is a copy how far it knows a folder.
const OF_A_FOLDER: &[&str] = &[
    "SELECT max(coalesce(to_uid, to_next_uid) + 1) FILTER (WHERE to_validity = ?3), count(*) > 0",
    "UPDATE intent SET from_validity = ?3 WHERE from_folder = ?2",
    "UPDATE mail SET validity = ?3 WHERE account = ?1 AND folder = ?2",
    " SET account = ?2 WHERE account = ?1",
];

/// Every query that the ledger's source holds.
fn queries() -> Vec<String> {
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    let comment = Regex::new(r"(?m)^\s*//.*$").unwrap();
    let mut queries = super::history::queries();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let is_test = file.ends_with("cost.rs") || file.ends_with("migrations.rs");
        if is_test || file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        let source = comment.replace_all(&source, "");
        let literals = literal.captures_iter(&source).map(|found| found[1].to_owned());
        let is_query = |text: &String| {
            ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|verb| text.starts_with(verb))
        };
        queries.extend(literals.filter(is_query).filter(|text| !super::history::is_part(text)));
    }
    queries
}

#[test]
fn no_query_walks_through_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path(), 1_000);
    // The plan of a write names each table that refers to the row, whether or not it is read.
    ledger.connection.pragma_update(None, "foreign_keys", false).unwrap();
    let queries = queries();
    assert!(queries.len() > 40, "only {} queries were found", queries.len());
    let mut wrong = Vec::new();
    for query in &queries {
        let mut explain = ledger.connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let plan = explain.raw_query().mapped(|row| row.get::<_, String>("detail"));
        let plan: Vec<_> = plan.map(Result::unwrap).collect();
        let of_a_folder = OF_A_FOLDER.iter().any(|known| query.contains(known));
        if !of_a_folder && !plan.iter().all(|line| is_meant(line)) {
            wrong.push(format!("{query}\n    {}", plan.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_meant(line: &str) -> bool {
    if let Some(walk) = line.strip_prefix("SCAN ") {
        return walk == "CONSTANT ROW"
            || WALKS.iter().any(|meant| {
                walk.split(" USING COVERING").next() == Some(*meant)
                    || meant.contains([' ', '(']) && walk.starts_with(meant)
            });
    }
    let Some(search) = line.strip_prefix("SEARCH ") else { return true };
    let table = search.split(' ').next().unwrap_or_default();
    let by = search.rsplit_once('(').and_then(|(_, by)| by.split(')').next()).unwrap_or_default();
    let ways: Vec<_> = WAYS.iter().filter(|(known, _)| *known == table).flat_map(|(_, ways)| *ways).collect();
    // A table that is not named has a few rows for each account.
    ways.is_empty() && !table.is_empty() || ways.iter().any(|way| **way == by)
}

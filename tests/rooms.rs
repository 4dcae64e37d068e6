//! Which room may import which: reads the table in `src/lib.rs`, which stands nowhere else, and holds every `crate::` path of
//! `src/` to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has to fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The table of `lib.rs`: each room, and the rooms that it may import.
static ROOMS: LazyLock<Vec<(String, BTreeSet<String>)>> = LazyLock::new(|| {
    let map = fs::read_to_string(root().join("lib.rs")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | [`")).map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [room, _, imports] = *cells.as_slice() else { panic!("a row of three cells is expected: {row}") };
        (room.trim_end_matches("`]"), imports)
    });
    let mut rooms: Vec<(String, BTreeSet<String>)> = Vec::new();
    for (room, imports) in rows {
        let above = || rooms.iter().map(|(room, ..)| room.clone()).collect();
        let imports = match imports {
            "nothing" => BTreeSet::new(),
            "all of these" | "all" => above(),
            some => some.split(", ").map(str::to_owned).collect(),
        };
        rooms.push((room.to_owned(), imports));
    }
    assert!(rooms.len() > 10, "lib.rs has no table of rooms");
    rooms
});

/// Crates, and the rooms that alone may use them.
const OWNED: [(&str, &str); 18] = [
    ("mailparse", "mail"),
    ("html5gum", "mail"),
    ("imap", "mailbox"),
    ("imap_proto", "mailbox"),
    ("native_tls", "mailbox, trust, web"),
    ("oauth2", "login"),
    ("ureq", "web"),
    ("openssl", "trust"),
    ("rusqlite", "delivery, ledger"),
    ("config", "settings"),
    ("idna", "host"),
    ("jiff", "settings"),
    ("mail_builder", "report"),
    ("prometheus_client", "metrics"),
    ("hyper", "metrics"),
    ("hyper_util", "metrics"),
    ("postgres_native_tls", "delivery"),
    ("tokio_postgres", "delivery"),
];

/// What pure rooms never name: files, sockets, clocks, threads, the runtime.
const IMPURE: [&str; 7] =
    ["std::fs", "std::net", "std::thread", "std::process", "std::env", "tokio::", "Instant"];
const PURE: [&str; 8] = ["place", "host", "text", "diagnostic", "mail", "rules", "assess", "report"];

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (room, file, text) in sources() {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, ..)| *name == room) else {
            wrong.push(format!("{}: no such room in the table", file.display()));
            continue;
        };
        for other in named_rooms(&text) {
            if other != room && other != "text" && !allowed.contains(&other) {
                wrong.push(format!("{}: `{room}` may not import `{other}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_command_run_imports_the_service() {
    let imports = |room: &str| named_rooms(&sources().find(|(_, file, _)| file.ends_with(room)).unwrap().2);
    assert!(imports("cli/run.rs").contains("daemon"));
    for (_, file, text) in sources().filter(|(room, file, _)| room == "cli" && !file.ends_with("cli/run.rs"))
    {
        assert!(
            !named_rooms(&text).contains("daemon"),
            "{}: only `run.rs` may import `daemon`",
            file.display()
        );
    }
}

#[test]
fn a_crate_that_bites_is_known_to_one_room() {
    let mut wrong = Vec::new();
    for (room, file, text) in sources() {
        for (owned, owner) in OWNED {
            if !owner.split(", ").any(|owner| owner == room) && mentions(&text, &format!("{owned}::")) {
                wrong.push(format!("{}: `{owned}` belongs to `{owner}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_touch_no_file_no_socket_and_no_clock() {
    let mut wrong = Vec::new();
    for (room, file, text) in sources().filter(|(room, ..)| PURE.contains(&room.as_str())) {
        for impure in IMPURE {
            if mentions(&text, impure) {
                wrong.push(format!("{}: `{room}` is pure, yet names `{impure}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_lib_rs_names_every_room_and_only_rooms() {
    let map = fs::read_to_string(root().join("lib.rs")).unwrap();
    let declared: BTreeSet<&str> =
        map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let in_table: BTreeSet<&str> = ROOMS.iter().map(|(room, ..)| room.as_str()).collect();
    assert_eq!(in_table, declared);
    for (room, imports) in ROOMS.iter() {
        let unknown: Vec<_> = imports.iter().filter(|other| !in_table.contains(other.as_str())).collect();
        assert!(unknown.is_empty(), "`{room}` may import {unknown:?}, which are no rooms");
    }
}

#[test]
fn every_invariant_names_a_test_that_there_is() {
    let map = fs::read_to_string(root().join("lib.rs")).unwrap();
    let named: Vec<_> =
        map.split('`').filter(|code| code.starts_with("tests/") && code.contains("::")).collect();
    assert!(named.len() >= 10, "the invariants are gone: {named:?}");
    for name in named {
        let (file, test) = name.split_once("::").unwrap();
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert!(text.contains(&format!("fn {test}()")), "{name} is not there");
    }
}

/// With `autotests = false`, a file that nothing declares would never be compiled.
#[test]
fn every_file_of_tests_is_declared() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let declared = fs::read_to_string(tests.join("tests.rs")).unwrap();
    for entry in fs::read_dir(&tests).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_file = path.extension().is_some_and(|extension| extension == "rs");
        let is_test = is_file && name != "tests" && name != "demo" || path.join("mod.rs").exists();
        let is_declared = declared.contains(&format!("\nmod {name};"));
        assert!(!is_test || is_declared, "tests/tests.rs does not declare {name}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Room, file and code of every source file; `main.rs` is part of `cli`.
fn sources() -> impl Iterator<Item = (String, PathBuf, String)> {
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.into_iter().filter(|file| *file != root().join("lib.rs")).map(|file| {
        let inside = file.strip_prefix(root()).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = match first.trim_end_matches(".rs") {
            "main" => "cli",
            room => room,
        };
        let code = code_of(&fs::read_to_string(&file).unwrap());
        (room.to_owned(), file.clone(), code)
    })
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The lines that are neither comments nor unit tests (which stand last in a file).
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every `name` of `crate::name`, `use crate::{name, …}` and `followsift::name`.
fn named_rooms(code: &str) -> BTreeSet<String> {
    let rooms = |word: &str| ROOMS.iter().any(|(room, ..)| *room == word);
    let mut named = BTreeSet::new();
    for root in ["crate::", "followsift::"] {
        for (_, after) in code.match_indices(root).map(|(at, _)| code.split_at(at + root.len())) {
            let list = match after.strip_prefix('{') {
                Some(list) => list.split(';').next().unwrap_or(list),
                None => after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""),
            };
            let words = list.split(|c: char| !c.is_alphanumeric() && c != '_');
            named.extend(words.filter(|word| rooms(word)).map(str::to_owned));
        }
    }
    named
}

/// Does the code name it as a path of its own, not as the tail of another one (`serde_config::`)?
fn mentions(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

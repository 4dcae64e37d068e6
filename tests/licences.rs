//! The notices that a binary has to come with: `LICENSE-THIRD-PARTY.md` is what the crates in the lock file say, and is
//! rewritten under `UPDATE_EXPECT=1`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read the sources has to fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const HEAD: &str = "# Third-party notices

A binary of followsift for Linux contains the crates below. This file is made from what they ship
(`UPDATE_EXPECT=1 cargo test --test tests licences::`), and a test fails when it no longer fits the lock file. Where a crate offers
a choice, MIT is taken. It also contains SQLite, which is in the public domain. It is linked to OpenSSL and the C library of
the system, which are not part of it.
";

/// A crate that is part of the binary.
struct Crate {
    name: String,
    version: String,
    expression: String,
    authors: Vec<String>,
    texts: Vec<String>,
}

#[test]
fn the_notices_name_every_crate_in_the_binary() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("LICENSE-THIRD-PARTY.md");
    let expected = notices(&crates());
    if crate::support::golden::is_updating() {
        fs::write(&file, &expected).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (written, expected) = (lines(&written), lines(&expected));
    let differences: Vec<_> = written.symmetric_difference(&expected).take(10).collect();
    assert!(
        differences.is_empty(),
        "run UPDATE_EXPECT=1 cargo test --test tests licences:: {differences:#?}"
    );
}

/// All that the binary is made of: no dependencies of the tests, and none that only run while it is built.
fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let by_id = |values: &Value| -> BTreeMap<String, Value> {
        let values = values.as_array().unwrap().iter();
        values.map(|value| (value["id"].as_str().unwrap().to_owned(), value.clone())).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"]), by_id(&metadata["resolve"]["nodes"]));
    let root = metadata["resolve"]["root"].as_str().unwrap().to_owned();
    let mut found = BTreeSet::from([root.clone()]);
    let mut open = vec![root.clone()];
    while let Some(id) = open.pop() {
        for dependency in nodes[&id]["deps"].as_array().unwrap() {
            let is_linked =
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
            let id = dependency["pkg"].as_str().unwrap().to_owned();
            let targets = packages[&id]["targets"].as_array().unwrap();
            let is_macro = targets.iter().any(|target| target["kind"][0] == "proc-macro");
            if is_linked && !is_macro && found.insert(id.clone()) {
                open.push(id);
            }
        }
    }
    found.remove(&root);
    let mut crates: Vec<_> = found.iter().map(|id| read(&packages[id])).collect();
    crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    crates
}

fn read(package: &Value) -> Crate {
    let word = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
    let is_notice = |name: &str| {
        let name = name.to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|it| name.starts_with(it))
    };
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .filter(|entry| entry.path().is_file() && is_notice(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    Crate {
        name: word("name"),
        version: word("version"),
        expression: word("license").replace('/', " OR ").replace("  ", " "),
        authors: package["authors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect(),
        texts: files
            .iter()
            .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).replace('\r', ""))
            .collect(),
    }
}

fn is_mit(text: &str) -> bool {
    text.contains("Permission is hereby granted, free of charge") && text.contains("THE SOFTWARE IS PROVIDED")
}

fn is_apache(text: &str) -> bool {
    text.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION")
}

fn notices(crates: &[Crate]) -> String {
    let mut notices = HEAD.to_owned();
    let offers_mit = |it: &&Crate| it.expression.contains("MIT") && !it.expression.contains("MIT-0");
    notices.push_str("\n## Under the MIT licence\n\nIts text is in LICENSE-MIT; in place of the line on copyright there, these hold.\n\n");
    for it in crates.iter().filter(offers_mit) {
        let _ = writeln!(notices, "- {} {}: {}", it.name, it.version, copyright(it));
    }
    notices.push_str("\n## Under other licences, alone or as well\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for it in crates {
        // Of a choice, or of parts under another licence, what is neither MIT nor Apache has a text of its own.
        let has_more = !offers_mit(&it) || it.expression.contains("AND");
        let own = it.texts.iter().filter(|text| !(is_apache(text) || is_mit(text)));
        let mut own: Vec<_> = own.map(|text| text.trim().to_owned()).filter(|_| has_more).collect();
        if !offers_mit(&it) && it.expression.contains("Apache-2.0") {
            own.push("The text is in LICENSE-APACHE.".to_owned());
        }
        if own.is_empty() && !offers_mit(&it) {
            own.push(format!("Under {}; the crate ships no text. {}", it.expression, copyright(it)));
        }
        for text in own {
            texts.entry(text).or_default().push(format!("{} {} ({})", it.name, it.version, it.expression));
        }
    }
    for (text, names) in &texts {
        let text: String =
            text.lines().map(|line| format!("    {}", line.trim_end())).collect::<Vec<_>>().join("\n");
        let _ = write!(notices, "\n### {}\n\n{}\n", names.join(", "), text.replace("    \n", "\n"));
    }
    notices
}

/// The lines on copyright of a crate's MIT licence, else its authors.
fn copyright(it: &Crate) -> String {
    let lines = it.texts.iter().filter(|text| is_mit(text)).flat_map(|text| text.lines());
    let is_line = |line: &&str| {
        line.to_lowercase().starts_with("copyright") && line.contains(|c: char| c.is_ascii_digit())
            || line.starts_with("Copyright (c)")
    };
    let found: BTreeSet<_> = lines.map(str::trim).filter(is_line).map(str::to_owned).collect();
    match (found.is_empty(), it.authors.is_empty()) {
        (false, _) => found.into_iter().collect::<Vec<_>>().join("; "),
        (true, false) => it.authors.join(", "),
        (true, true) => format!("the authors of {}", it.name),
    }
}

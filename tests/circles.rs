//! No two files of `src/` import each other, by whatever way round. A folder's face (`mod.rs`, or `list.rs` beside `list/`) names
//! its files and is named by them, so it does not count.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module as its path has it: `mailbox::line`.
type Module = String;

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = sources();
    let imports: BTreeMap<&Module, BTreeSet<Module>> =
        sources.iter().map(|(module, code)| (module, imports(module, code, &sources))).collect();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 300, "the imports were not understood");
    // Takes away what imports nothing that is left, until nothing changes; what is left then is in a circle, or imports one.
    let mut left = imports;
    loop {
        let ground: BTreeSet<Module> = left
            .iter()
            .filter(|(_, imports)| imports.is_empty())
            .map(|(module, _)| (*module).clone())
            .collect();
        if ground.is_empty() {
            break;
        }
        left.retain(|module, _| !ground.contains(*module));
        left.values_mut().for_each(|imports| imports.retain(|module| !ground.contains(module)));
    }
    assert!(left.is_empty(), "a circle is among these: {left:#?}");
}

/// The code of every file that is no face, without comments and unit tests.
fn sources() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_face =
                path.ends_with("mod.rs") || path.ends_with("lib.rs") || path.with_extension("").is_dir();
            if path.extension().is_some_and(|extension| extension == "rs") && !is_face {
                let inside = path.strip_prefix(&root).unwrap().with_extension("");
                let module = inside.to_str().unwrap().replace('/', "::");
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                sources.insert(module, lines.collect::<Vec<_>>().join(" "));
            }
        }
    }
    sources
}

/// The files that the `use` lines of a module name.
fn imports(module: &str, code: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let lines = code.split(';').filter_map(|line| line.rsplit_once("use ").map(|(_, path)| path));
    let paths = lines.flat_map(|path| expanded(&path.split_whitespace().collect::<String>()));
    let named = paths.filter_map(|path| {
        let mut here: Vec<&str> = module.split("::").collect();
        let mut steps = path.split("::").peekable();
        match *steps.peek()? {
            "crate" => here.clear(),
            "super" => {}
            _ => return None,
        }
        for step in steps {
            match step {
                "crate" => {}
                "super" => drop(here.pop()),
                step => here.push(step),
            }
        }
        // The longest beginning that is a file; what follows is an item in it.
        (1..=here.len())
            .rev()
            .map(|length| here.get(..length).unwrap().join("::"))
            .find(|it| all.contains_key(it))
    });
    named.filter(|named| named != module).collect()
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, list)) = path.split_once('{') else { return vec![path.to_owned()] };
    let list = list.strip_suffix('}').unwrap_or(list);
    let mut depth = 0;
    let parts = list.split(|c: char| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    parts.flat_map(expanded).map(|part| format!("{before}{part}")).collect()
}

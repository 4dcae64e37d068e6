//! The messages of the corpus, and those of the folders that `FOLLOWSIFT_CORPUS` names.

use std::fs;
use std::path::{Path, PathBuf};

/// Every message, with its name.
#[expect(clippy::disallowed_methods, reason = "it is the test's environment, not the program's")]
pub fn messages() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")];
    let named = std::env::var_os("FOLLOWSIFT_CORPUS").unwrap_or_default();
    folders.extend(std::env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty()));
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "eml") {
                files.push(entry);
            }
        }
    }
    let read = |file: PathBuf| (file.display().to_string(), fs::read(&file).unwrap());
    files.into_iter().map(read).collect()
}

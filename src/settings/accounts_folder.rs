//! The files of `accounts.d` beside the settings file: each has the form of the settings, and holds accounts alone. Called by
//! the readers of this room, which merges them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::toml_folder::toml_files;
use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source};

/// The name of the folder.
pub(super) const FOLDER: &str = "accounts.d";

/// What a file of the folder holds.
const EXPECTED: &str = "expected `[accounts.NAME]`";

/// The texts of the files in `base`/accounts.d, ordered by name; none without that folder. A file that cannot be read is an error,
/// since its accounts would otherwise stop without a word.
pub(super) fn sources(base: &Path, findings: &Findings) -> Vec<Source> {
    let folder = base.join(FOLDER);
    // A dangling symlink is there too.
    if folder.symlink_metadata().is_err() {
        return Vec::new();
    }
    let files = match toml_files(&folder, "a file of accounts", findings) {
        Ok(files) => files,
        Err(cause) => {
            findings.add(Diagnostic::unplaced(format!("could not read {}: {cause}", folder.display())));
            return Vec::new();
        }
    };
    let read = |file: &Path| match text(file) {
        Ok(text) => Some(Source::new(file.display().to_string(), text)),
        Err(cause) => {
            findings.add(Diagnostic::unplaced(format!("could not read {}: {cause}", file.display())));
            None
        }
    };
    files.iter().filter_map(|file| read(file)).collect()
}

fn text(file: &Path) -> io::Result<String> {
    // To open a pipe waits for its other end (fifo(7)).
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::read_to_string(file)
}

/// The names of the accounts of all files: the settings file first, then those of the folder. `None` where a file of the folder
/// holds anything but accounts, or two files have the same account: to merge them would mix one account from both.
pub(super) fn names<'a>(
    files: impl ExactSizeIterator<Item = (&'a Source, &'a DeTable<'a>)>,
    findings: &Findings,
) -> Option<Vec<String>> {
    let is_alone = files.len() < 2;
    let mut names: BTreeMap<String, (&Source, Range<usize>)> = BTreeMap::new();
    let mut is_well = true;
    for (at, (source, root)) in files.enumerate() {
        let mut has_account = false;
        let mut wrong = Vec::new();
        for (key, value) in root {
            match value.get_ref() {
                DeValue::Table(accounts) if key.get_ref() == "accounts" => {
                    for name in accounts.keys() {
                        has_account = true;
                        let Some((first, place)) = names.get(name.get_ref().as_ref()) else {
                            names.insert(name.get_ref().to_string(), (source, name.span()));
                            continue;
                        };
                        let message = format!("account `{}` is in two files", name.get_ref());
                        wrong.push(
                            Diagnostic::error(source, name.span(), message)
                                .label("keep one of them")
                                .related(first, place.clone(), "it is also here"),
                        );
                    }
                }
                _ if key.get_ref() == "accounts" && !is_alone => {
                    wrong.push(
                        Diagnostic::error(source, value.span(), "`accounts` is not a table").label(EXPECTED),
                    );
                }
                _ if at > 0 => {
                    let message = format!("`{}` does not belong in a file of {FOLDER}", key.get_ref());
                    wrong.push(Diagnostic::error(source, key.span(), message).label(EXPECTED));
                }
                // The reader of the settings knows the keys of the settings file.
                _ => {}
            }
        }
        if at > 0 && !has_account && wrong.is_empty() {
            let message = format!("{} holds no account", source.name());
            findings.add(Diagnostic::warning(source, 0..0, message).label(EXPECTED));
        }
        is_well &= wrong.is_empty();
        wrong.into_iter().for_each(|finding| findings.add(finding));
    }
    is_well.then(|| names.into_keys().collect())
}

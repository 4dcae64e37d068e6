//! The TOML files of a folder that followsift reads file by file: accounts.d, and the networks of the user. Called by
//! `settings` and `rulebook`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Severity};

/// The files of the folder whose names end in `.toml`, ordered by name. Any other file is a warning, which calls such a file `kind`;
/// what editors leave behind is not.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn toml_files(folder: &Path, kind: &str, findings: &Findings) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let mut files = entries.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<PathBuf>, _>>()?;
    files.retain(|file| !is_editors_own(file));
    files.sort();
    let (files, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.extension().is_some_and(|extension| extension == "toml"));
    others.iter().for_each(|file| findings.add(unread(file, kind)));
    Ok(files)
}

/// Is it a file that editors leave beside the one that is edited, or hidden? Emacs makes a dangling symlink `.#NAME.toml` while a
/// change is not saved.
fn is_editors_own(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(['.', '#']) || [".bak", ".swp", "~", "#"].iter().any(|end| name.ends_with(end))
}

fn unread(file: &Path, kind: &str) -> Diagnostic {
    let message = format!("{} is not read: the name of {kind} ends in `.toml`", file.display());
    Diagnostic { severity: Severity::Warning, ..Diagnostic::unplaced(message) }
        .help("rename it, or move it out of this folder")
}

//! The copy of an older ledger that is kept before its tables are brought up to date: `ledger-v4.sqlite` beside the ledger.
//! Called by `migrations`. Keeps one copy and deletes the earlier ones; never touches the ledger itself.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The copy that is being written. It gets its name when it is whole.
const UNFINISHED: &str = "ledger-backup.unfinished";

/// Copies a ledger of this version into its folder, readable by the owner only. Returns the file. The copy is on the disk, and the
/// earlier ones are gone, when this returns.
pub(super) fn keep(connection: &Connection, ledger: &Path, version: usize) -> io::Result<PathBuf> {
    let folder = ledger.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (unfinished, copy) = (folder.join(UNFINISHED), folder.join(name(version)));
    remove(&unfinished)?;
    // SQLite takes an empty file for the copy, which so has these rights from the beginning.
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = copy_into(connection, &unfinished).and_then(|()| file.sync_all());
    if let Err(cause) = written.and_then(|()| fs::rename(&unfinished, &copy)) {
        // It says nothing about the ledger if that fails as well.
        let _ = fs::remove_file(&unfinished);
        return Err(cause);
    }
    for earlier in all(folder)?.iter().filter(|one| **one != copy) {
        remove(earlier)?;
    }
    fs::File::open(folder)?.sync_all()?;
    Ok(copy)
}

/// The copies that a folder holds.
pub(super) fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_copy) {
            copies.push(entry.path());
        }
    }
    copies.sort();
    Ok(copies)
}

/// Deletes the copies that a folder holds, and what is left of one that was cut off; returns how many copies there were.
pub(super) fn remove_all(folder: &Path) -> io::Result<usize> {
    let copies = all(folder)?;
    copies.iter().try_for_each(|copy| remove(copy))?;
    remove(&folder.join(UNFINISHED))?;
    Ok(copies.len())
}

/// Deletes a file; one that is missing is fine.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn name(version: usize) -> String {
    format!("ledger-v{version}.sqlite")
}

fn is_copy(file: &str) -> bool {
    let version = file.strip_prefix("ledger-v").and_then(|rest| rest.strip_suffix(".sqlite"));
    version.is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
}

fn copy_into(connection: &Connection, file: &Path) -> io::Result<()> {
    // A path need not be UTF-8, which SQLite does not mind.
    let path = ToSqlOutput::Borrowed(ValueRef::Text(file.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?", [path]).map(drop).map_err(io::Error::other)
}

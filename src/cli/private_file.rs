//! Writes a file that names people: whole or not at all, and for its owner's eyes. Called by `report` and `export`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes the whole file or nothing: beside it, then in its place. Returns what `fill` returns.
pub(super) fn write<T, E: From<io::Error>>(
    file: &Path,
    fill: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let mut name = file.file_name().ok_or(io::Error::from(io::ErrorKind::IsADirectory))?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new: PathBuf = file.with_file_name(name);
    let written = create(&new).map_err(E::from).and_then(|mut it| {
        let filled = fill(&mut it)?;
        it.sync_all()?;
        fs::rename(&new, file)?;
        Ok(filled)
    });
    if written.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&new);
    }
    written
}

fn create(new: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)
}

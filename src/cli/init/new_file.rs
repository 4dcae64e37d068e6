//! Files that `init` writes: new ones alone, and none of them is left if it ends early. Called by `init` alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file that was written, and is removed again unless it is kept.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    is_kept: bool,
}

impl NewFile {
    /// Writes a file of these parts that was not there, for its owner alone to read where `is_secret`, and has it on the disk.
    ///
    /// # Errors
    /// If there is such a file, or it cannot be written.
    pub(super) fn write(path: &Path, parts: &[&str], is_secret: bool) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mode = if is_secret { 0o600 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        let written = Self { path: path.to_owned(), is_kept: false };
        for part in parts {
            file.write_all(part.as_bytes())?;
        }
        file.sync_all()?;
        Ok(written)
    }

    /// Leaves the file where it is.
    pub(super) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.path.clone()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // If that fails, the user finds a file that the next `init` names.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_new_for_its_owner_alone_and_gone_unless_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("password");
        let file = NewFile::write(&path, &["secret", "\n"], true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(NewFile::write(&path, &["other\n"], true).is_err());
        drop(file);
        assert!(!path.exists());
        assert_eq!(NewFile::write(&path, &["secret", "\n"], true).unwrap().keep(), path);
        assert_eq!(fs::read(&path).unwrap(), b"secret\n");
    }
}

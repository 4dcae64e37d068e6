//! Checks that the state folder belongs to us, that only we can write in it, and that its files are still in place.
//! Called by `ledger` and `login`.
//!
//! The folder decides what happens to messages, so no other user may write in it, and only its owner may read its
//! files. A file that root creates in another user's folder is closed to that user: root's first command would lock the
//! service out of its own ledger. And root must not follow the symlinks that another user has put there.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::process::geteuid;

/// The bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The bits of a mode that give others any access.
const OPEN_TO_OTHERS: u32 = 0o077;

/// Creates the folder if it is missing, for us alone, and refuses it as [`require_ours`] does.
///
/// # Errors
/// With what to do instead.
pub(crate) fn claim(folder: &Path) -> io::Result<()> {
    require_ours(folder)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    require_ours(folder)
}

/// Refuses a folder that belongs to another user, or in which others can write. A missing folder is fine.
///
/// # Errors
/// With what to do instead.
pub(crate) fn require_ours(folder: &Path) -> io::Result<()> {
    let metadata = match folder.metadata() {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder"));
    }
    require_owner(&metadata)?;
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(refused(format!("other users can write in it; run `chmod go-w {}`", folder.display())));
    }
    Ok(())
}

fn require_owner(metadata: &Metadata) -> io::Result<()> {
    let (owner, us) = (metadata.uid(), geteuid());
    if owner == us.as_raw() {
        return Ok(());
    }
    let name = user_name(owner);
    let (who, argument) = match &name {
        Some(name) => (name.clone(), name.clone()),
        None => (format!("number {owner}"), format!("'#{owner}'")),
    };
    let why = if us.is_root() { ", whom root's files in it would lock out" } else { "" };
    Err(refused(format!(
        "it belongs to user {who}{why}; run the command as that user: `sudo -u {argument} followsift ...`"
    )))
}

fn refused(words: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, words)
}

/// What `/etc/passwd` calls a user; a user of a directory service has only a number here.
fn user_name(number: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

/// Removes the access of others to a file of our folder, if the file exists. Refuses a symlink. Not for a folder in
/// which others can write: they could swap the file in between.
///
/// By its name: opening and closing one of SQLite's files would release SQLite's locks on it (fcntl(2)).
///
/// # Errors
/// If the file is a symlink, belongs to another user, or cannot be changed.
pub(crate) fn close_to_others(path: &Path) -> io::Result<()> {
    let metadata = match path.symlink_metadata() {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(refused(
            "it is not a regular file, and followsift does not follow symlinks here".to_owned(),
        ));
    }
    require_owner(&metadata)?;
    if metadata.mode() & OPEN_TO_OTHERS != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// The same for a file that is open.
///
/// # Errors
/// As [`close_to_others`].
pub(crate) fn close_open_to_others(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    require_owner(&metadata)?;
    if metadata.mode() & OPEN_TO_OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Device and inode of a file.
pub(crate) type FileId = (u64, u64);

/// Which file it is, whatever its name.
pub(crate) fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Fails if the file's path no longer leads to the open file: whatever is written to it is lost.
///
/// # Errors
/// If it was moved or deleted.
pub(crate) fn require_in_place(opened: FileId, path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if id(&there) == opened => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "it was moved or deleted while in use")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_in_which_others_can_write_is_refused_with_the_command_that_fixes_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state");
        claim(&folder).unwrap();
        for bad in [0o770, 0o702, 0o1777] {
            mode(&folder, bad);
            let refused = claim(&folder).unwrap_err().to_string();
            assert!(refused.contains("`chmod go-w "), "{bad:o}: {refused}");
        }
        for good in [0o700, 0o755] {
            mode(&folder, good);
            claim(&folder).unwrap();
        }
    }

    #[test]
    fn a_folder_of_another_user_is_refused_by_their_name() {
        if !geteuid().is_root() {
            // Only root can give a folder away; other users run this with one of root's folders.
            let refused = require_ours(Path::new("/")).unwrap_err().to_string();
            assert!(refused.contains("belongs to user root"), "{refused}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        let refused = claim(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("`sudo -u nobody followsift"), "{refused}");
        std::os::unix::fs::chown(folder.path(), Some(4_000_000), None).unwrap();
        let refused = claim(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("user number 4000000, whom"), "{refused}");
    }

    #[test]
    fn a_file_is_closed_to_others_and_a_symlink_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        close_to_others(&file).unwrap();
        fs::write(&file, "x").unwrap();
        mode(&file, 0o644);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(close_to_others(&link).is_err());
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o644);
        close_to_others(&file).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    }
}

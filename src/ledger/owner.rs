//! Whose the state folder is, and whether its files are still in it.
//!
//! What root writes into the folder of another user that user cannot open: root's first command would lock the service out
//! of its own ledger. And root must not follow the names that another user has put there.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Refuses root in a folder that belongs to somebody else. A folder that is not there yet is anybody's.
///
/// # Errors
/// With what to do instead.
pub(super) fn refuse_foreign(folder: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    match folder.metadata() {
        Ok(metadata) if metadata.uid() != 0 => {
            let owner = metadata.uid();
            let advice = format!(
                "it belongs to user number {owner}, whom root's files in it would lock out; run the command as that \
                 user: `sudo -u '#{owner}' followsift ...`"
            );
            Err(io::Error::new(io::ErrorKind::PermissionDenied, advice))
        }
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(cause),
    }
}

/// Device and inode of a file.
pub(super) type FileId = (u64, u64);

/// What a file is known by.
pub(super) fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Refuses to go on with a file that its name does not stand for any more: what is written into it is lost.
///
/// # Errors
/// Where it was moved or deleted.
pub(super) fn require_in_place(opened: FileId, path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if id(&there) == opened => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "it was moved or deleted while in use")),
    }
}

//! Two locks for each account, so that two programs never work on one: one on its name in the state folder, which guards its
//! part of the ledger, and one on its mailbox in a folder that is the same for all of a user's followsifts, whatever their
//! state folders and account names are.
//!
//! They are the kernel's locks on files: they end with the process, however it ends. The files stay, since removing
//! them would let two programs lock two files of the same name.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::owner;
use crate::place::{AccountName, MailboxKey};

/// The right to work on an account; dropping it gives it up.
#[derive(Debug)]
#[must_use = "the lock is given up when this is dropped"]
pub struct AccountLock {
    account: LockFile,
    mailbox: LockFile,
}

/// A file that is locked.
#[derive(Debug)]
struct LockFile {
    file: File,
    path: PathBuf,
}

/// The folders that hold the locks.
#[derive(Clone, Copy, Debug)]
pub struct LockFolders<'f> {
    /// The state folder.
    pub state: &'f Path,
    /// The folder that is the same for all of the user's followsifts, if there is one. If it cannot be used, the state
    /// folder takes its place.
    pub shared: Option<&'f Path>,
}

/// Why an account could not be locked.
#[derive(Debug)]
pub enum LockFault {
    /// Another program is at work on it.
    Held {
        /// The account.
        account: AccountName,
        /// The number of its process, where it said so.
        process: Option<u32>,
    },
    /// The lock could not be taken.
    Unusable {
        /// The lock file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl AccountLock {
    /// Takes the locks of an account and of its mailbox, in folders that are made if they are missing. Never waits.
    ///
    /// # Errors
    ///
    /// [`LockFault::Held`] if another program, or another thread of this one, has one of them.
    pub fn take(
        folders: LockFolders<'_>,
        account: &AccountName,
        mailbox: &MailboxKey,
    ) -> Result<Self, LockFault> {
        let by_name = LockFile::take(folders.state, &format!("{account}.lock"), account)?;
        // No account's name has a dot in it.
        let name = format!("mailbox.{mailbox}.lock");
        let shared = folders.shared.filter(|folder| *folder != folders.state);
        let by_mailbox = match shared.map(|folder| LockFile::take(folder, &name, account)) {
            Some(Err(LockFault::Unusable { .. })) | None => LockFile::take(folders.state, &name, account)?,
            Some(taken) => taken?,
        };
        Ok(Self { account: by_name, mailbox: by_mailbox })
    }

    /// Confirms that the locks still hold. They do not if one of their files was moved or deleted: then another program
    /// can lock another file of that name.
    ///
    /// # Errors
    ///
    /// [`LockFault::Unusable`] if one of them no longer holds.
    pub fn confirm(&self) -> Result<(), LockFault> {
        self.account.confirm()?;
        self.mailbox.confirm()
    }
}

/// Checks that this folder can hold the locks of mailboxes. Creates nothing.
///
/// # Errors
/// Why not.
pub fn require_lock_folder(folder: &Path) -> io::Result<()> {
    owner::require_ours(folder)?;
    // The last ancestor of a relative path is empty: it stands for the current folder.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?;
    Ok(())
}

impl LockFile {
    fn take(folder: &Path, name: &str, account: &AccountName) -> Result<Self, LockFault> {
        let path = folder.join(name);
        let unusable = |cause: io::Error| LockFault::Unusable { file: path.clone(), cause };
        owner::claim(folder).map_err(unusable)?;
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // The name may already be that of a symlink to another of our files, or of a pipe, which would block us.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(&path)
            .map_err(unusable)?;
        owner::close_open_to_others(&file).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only a hint for people; the holder may be about to write it.
                let read = file.take(32).read_to_string(&mut holder);
                let process = read.ok().and_then(|_| holder.trim().parse().ok());
                return Err(LockFault::Held { account: account.clone(), process });
            }
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
        let lock = Self { file, path };
        lock.confirm()?;
        Ok(lock)
    }

    fn confirm(&self) -> Result<(), LockFault> {
        let opened = self.file.metadata().map(|metadata| owner::id(&metadata));
        opened
            .and_then(|opened| owner::require_in_place(opened, &self.path))
            .map_err(|cause| LockFault::Unusable { file: self.path.clone(), cause })
    }
}

impl fmt::Display for LockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { account, process } => {
                let process = process.map(|process| format!(" (process {process})")).unwrap_or_default();
                write!(
                    f,
                    "could not begin on account {account}: another followsift{process} is working on this mailbox; \
                     stop it, or wait until it is done"
                )
            }
            Self::Unusable { file, .. } => write!(f, "could not lock {}", file.display()),
        }
    }
}

impl Error for LockFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Unusable { cause, .. } => Some(cause),
        }
    }
}

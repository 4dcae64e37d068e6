//! One lock for each account, so that two programs never work on one.
//!
//! A lock of the kernel on a file of the state folder: it ends with the process, however that ends. The file
//! stays, since removing it would let two programs lock two files of the same name.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::owner;
use crate::place::AccountName;

/// The right to work on an account, until it is dropped.
#[derive(Debug)]
#[must_use = "the lock is given up when this is dropped"]
pub struct AccountLock {
    file: File,
    path: PathBuf,
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
    /// The lock itself could not be made.
    Unusable {
        /// The file that bears it.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl AccountLock {
    /// Takes the lock of an account in the state folder, which is made if it is missing. Never waits.
    ///
    /// # Errors
    ///
    /// [`LockFault::Held`] where another program, or another thread of this one, has it.
    pub fn take(folder: &Path, account: &AccountName) -> Result<Self, LockFault> {
        let path = folder.join(format!("{account}.lock"));
        let unusable = |cause: io::Error| LockFault::Unusable { file: path.clone(), cause };
        owner::refuse_foreign(folder)
            .and_then(|()| fs::DirBuilder::new().recursive(true).mode(0o700).create(folder))
            .map_err(unusable)?;
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // Only a hint for people; the holder may be about to write it.
                let read = file.take(32).read_to_string(&mut holder);
                let process = read.ok().and_then(|_| holder.trim().parse().ok());
                return Err(LockFault::Held { account: account.clone(), process });
            }
            Err(cause) => return Err(unusable(cause.into())),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
        let lock = Self { file, path };
        lock.confirm()?;
        Ok(lock)
    }

    /// Is it still a lock? Not if its file was moved or deleted: then another program can lock another file of that name.
    ///
    /// # Errors
    ///
    /// [`LockFault::Unusable`] where it is none any more.
    pub fn confirm(&self) -> Result<(), LockFault> {
        let opened = self.file.metadata().map(|metadata| owner::id(&metadata));
        opened
            .and_then(|opened| owner::require_in_place(opened, &self.path))
            .map_err(|cause| LockFault::Unusable { file: self.path.clone(), cause })
    }
}

impl fmt::Display for LockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { account, process: Some(process) } => write!(
                f,
                "could not begin on account {account}: another followsift (process {process}) is at work on it"
            ),
            Self::Held { account, process: None } => {
                write!(f, "could not begin on account {account}: another followsift is at work on it")
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

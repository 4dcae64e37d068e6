//! How the ledger fails. Whatever the fault, nothing may be moved.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::IntentId;

/// What was attempted on the ledger, and why it did not work.
#[derive(Debug)]
pub enum LedgerFault {
    /// The state folder could not be made or opened.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file could not be made or looked at.
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is the database of another program.
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// A newer followsift has written it; this one could misread it.
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is understood.
        known: i64,
    },
    /// An older followsift has written it, and a command that only reads cannot bring it up to date.
    Older {
        /// The file.
        file: PathBuf,
    },
    /// An older followsift has written it, and it could not be copied before it was to be brought up to date.
    NotCopied {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// An older followsift has written it, and it could not be brought up to date.
    NotUpdated {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: SqliteFault,
        /// Its version.
        found: usize,
        /// The newest version.
        known: i64,
    },
    /// The file is damaged.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What SQLite or the reading of a value says.
        cause: SqliteFault,
    },
    /// Reading or writing did not work: disk full, no permission, locked for too long.
    Failed {
        /// What was attempted, to be read after "could not".
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// Why.
        cause: SqliteFault,
    },
    /// The intent to be settled is not open.
    NotOpen(IntentId),
}

/// SQLite's message, without repetition: rusqlite's errors repeat themselves in their causes and name the file, which
/// the fault names too.
#[derive(Debug)]
pub struct SqliteFault(String);

impl SqliteFault {
    fn of(cause: &rusqlite::Error, file: &Path) -> Self {
        let text = match cause {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            rusqlite::Error::SqliteFailure(error, None) => {
                rusqlite::ffi::code_to_str(error.extended_code).to_owned()
            }
            other => other.to_string(),
        };
        // SQLite got the file's path with its symlinks resolved.
        let words = match (text.rsplit_once(": "), file.file_name()) {
            (Some((words, path)), name) if Path::new(path).file_name() == name => words.to_owned(),
            _ => text,
        };
        Self(words)
    }
}

impl fmt::Display for SqliteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for SqliteFault {}

impl LedgerFault {
    pub(super) fn of_sqlite(doing: &'static str, file: &Path, cause: rusqlite::Error) -> Self {
        let file = file.to_owned();
        let unreadable = matches!(
            cause,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..)
        );
        let code = cause.sqlite_error_code();
        let cause = SqliteFault::of(&cause, &file);
        match code {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged { file, cause },
            _ if unreadable => Self::Damaged { file, cause },
            _ => Self::Failed { doing, file, cause },
        }
    }
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { folder, .. } => write!(f, "could not use the state folder {}", folder.display()),
            Self::File { file, .. } => write!(f, "could not open the ledger {}", file.display()),
            Self::Foreign { file } => write!(
                f,
                "could not open the ledger {}: it is the database of another program, and nothing is moved; move it away",
                file.display()
            ),
            Self::Newer { file, found, known } => write!(
                f,
                "could not open the ledger {}: a newer followsift has written it (version {found}, this \
                 one knows {known}); use the newer one",
                file.display()
            ),
            Self::Older { file } => write!(
                f,
                "could not read the ledger {}: an older followsift has written it; `followsift run` or `sweep` \
                 brings it up to date",
                file.display()
            ),
            Self::NotCopied { file, .. } => write!(
                f,
                "could not copy the ledger {} before bringing it up to date; it is unchanged",
                file.display()
            ),
            Self::NotUpdated { file, found, known, .. } => write!(
                f,
                "could not bring the ledger {} from version {found} to {known}: it is unchanged, and so usable by the \
                 followsift that wrote it",
                file.display()
            ),
            Self::Damaged { file, .. } => write!(
                f,
                "could not read the ledger {}: it is damaged, and nothing is moved; restore a copy, or move it away, and \
                 followsift starts a new one from what lies in your folders",
                file.display()
            ),
            Self::Failed { doing: doing @ ("open" | "read"), file, .. } => {
                write!(f, "could not {doing} the ledger {}", file.display())
            }
            Self::Failed { doing, file, .. } => {
                write!(f, "could not {doing} in the ledger {}", file.display())
            }
            Self::NotOpen(intent) => write!(f, "could not settle intent {intent}: it is not open"),
        }
    }
}

impl Error for LedgerFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Folder { cause, .. } | Self::File { cause, .. } | Self::NotCopied { cause, .. } => {
                Some(cause)
            }
            Self::Damaged { cause, .. } | Self::Failed { cause, .. } | Self::NotUpdated { cause, .. } => {
                Some(cause)
            }
            Self::Foreign { .. } | Self::Newer { .. } | Self::Older { .. } | Self::NotOpen(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    #[test]
    fn what_sqlite_says_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("ledger.sqlite")).unwrap();
        let file = folder.path().join("ledger.sqlite");
        let fault = LedgerFault::of_sqlite("open", &file, rusqlite::Connection::open(&file).unwrap_err());
        assert_eq!(fault.to_string(), format!("could not open the ledger {}", file.display()));
        let cause = fault.source().unwrap();
        assert_eq!(cause.to_string(), "unable to open database file");
        assert!(cause.source().is_none());
        assert!(Ledger::open(folder.path()).is_err());
    }
}

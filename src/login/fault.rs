//! Why a password could not be had. No fault bears anything of what was read.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// What was attempted, on what, and what to do.
#[derive(Debug)]
pub enum LoginFault {
    /// A credential is wanted, and systemd has given none to this process.
    NoCredentials {
        /// The credential's name.
        name: String,
    },
    /// The file or credential could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file, or what it links to, can be read by others.
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The program could not be started or listened to.
    NotRun {
        /// The program, without its arguments.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// The program says that it failed.
    Failed {
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The program did not end in time, and was killed.
    TooSlow {
        /// The program, without its arguments.
        program: String,
        /// How long it was given.
        given: Duration,
    },
    /// A stop was asked for while the program ran; it was killed.
    Stopped {
        /// The program, without its arguments.
        program: String,
    },
    /// What was read is no password.
    Unfit {
        /// The file or the program.
        source: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Display for LoginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials { name } => write!(
                f,
                "could not read credential {name}: systemd has given this process none; add \
                 `LoadCredential={name}:/path/to/file` to the unit"
            ),
            Self::Unreadable { path, .. } => write!(f, "could not read the password in {}", path.display()),
            Self::Exposed { path } => write!(
                f,
                "could not use the password in {}: others can read it; run `chmod 600 {}`, and change the \
                 password if they may have",
                path.display(),
                path.display()
            ),
            Self::NotRun { program, .. } => write!(f, "could not run {program} for the password"),
            Self::Failed { program, status } => write!(
                f,
                "could not get the password from {program}: it ended with {status}; run it by hand to see why"
            ),
            Self::TooSlow { program, given } => write!(
                f,
                "could not get the password from {program}: it did not end within {}; it must not ask anything",
                humantime::format_duration(*given)
            ),
            Self::Stopped { program } => {
                write!(f, "could not wait for the password from {program}: told to stop")
            }
            Self::Unfit { source, why } => write!(f, "could not use the password from {source}: {why}"),
        }
    }
}

impl Error for LoginFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } | Self::NotRun { cause, .. } => Some(cause),
            Self::NoCredentials { .. }
            | Self::Exposed { .. }
            | Self::Failed { .. }
            | Self::TooSlow { .. }
            | Self::Stopped { .. }
            | Self::Unfit { .. } => None,
        }
    }
}

//! Why an account has nothing to log in with. No fault contains any of the bytes that were read.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::GrantFault;
use crate::trust::Distrust;
use crate::web::WebFault;

/// A failure to get a password or an access token. Its text says what failed and what to do.
#[derive(Debug)]
pub enum LoginFault {
    /// The account uses a credential, and systemd did not pass it to this process.
    NoCredential {
        /// The credential's name.
        name: String,
    },
    /// There is no such file.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file or credential could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Other users can read the file, or the file that it links to.
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The program could not be started, or its output could not be read.
    NotRun {
        /// The program, without its arguments.
        program: String,
        /// Why.
        cause: io::Error,
    },
    /// The program exited with a failure status.
    Failed {
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last line of its standard error, harmless and without a secret.
        said: Option<String>,
    },
    /// The program did not finish in time and was killed.
    TooSlow {
        /// The program, without its arguments.
        program: String,
        /// How long it was given.
        given: Duration,
        /// The last line of its standard error, harmless and without a secret.
        said: Option<String>,
    },
    /// followsift was stopped while the program ran; the program was killed.
    Stopped {
        /// The program, without its arguments.
        program: String,
    },
    /// The bytes that were read cannot be a password.
    Unfit {
        /// The file or the program.
        source: String,
        /// The reason.
        why: &'static str,
        /// The last line of a program's standard error, harmless and without a secret.
        said: Option<String>,
    },
    /// An access token that a program prints could not be read.
    Token(Box<LoginFault>),
    /// The secret of the client could not be read.
    ClientSecret(Box<LoginFault>),
    /// The address of the memory of deliveries could not be read.
    MemoryAddress(Box<LoginFault>),
    /// There is no access token of a grant of followsift's own.
    Grant(GrantFault),
    /// The mail server refused the token, and there is no other one.
    AfterRefusal {
        /// What the mail server said, made harmless.
        refusal: String,
        /// Why there is no other token.
        fault: Box<LoginFault>,
    },
}

impl LoginFault {
    /// Can it end without the user? A program that gets tokens asks a provider, which may be out of order.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Token(fault) | Self::ClientSecret(fault) | Self::MemoryAddress(fault) => {
                matches!(**fault, Self::Failed { .. } | Self::TooSlow { .. } | Self::Stopped { .. })
            }
            Self::Grant(fault) => fault.is_temporary(),
            Self::AfterRefusal { fault, .. } => fault.is_temporary(),
            Self::NoCredential { .. }
            | Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::Exposed { .. }
            | Self::NotRun { .. }
            | Self::Failed { .. }
            | Self::TooSlow { .. }
            | Self::Stopped { .. }
            | Self::Unfit { .. } => false,
        }
    }

    /// How long the provider wants to be left alone, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Grant(fault) => fault.retry_after(),
            Self::AfterRefusal { fault, .. } => fault.retry_after(),
            _ => None,
        }
    }

    /// Could another network, or a clock that is set, end it?
    pub fn is_of_network(&self) -> bool {
        match self {
            Self::Grant(GrantFault::Web(fault)) => fault.is_of_network(),
            Self::AfterRefusal { fault, .. } => fault.is_of_network(),
            _ => false,
        }
    }

    /// Why a provider's certificate is not trusted, if that is the fault.
    pub fn distrust(&self) -> Option<&Distrust> {
        match self {
            Self::Grant(GrantFault::Web(WebFault::Untrusted(distrust))) => Some(distrust),
            Self::AfterRefusal { fault, .. } => fault.distrust(),
            _ => None,
        }
    }

    /// Is it about the user's client at the provider, or its secret?
    pub fn is_of_client(&self) -> bool {
        match self {
            Self::ClientSecret(_) | Self::Grant(GrantFault::Refused { .. }) => true,
            Self::AfterRefusal { fault, .. } => fault.is_of_client(),
            _ => false,
        }
    }

    /// Is it about this machine, and not about the provider or the way to it?
    pub fn is_local(&self) -> bool {
        match self {
            Self::Grant(GrantFault::Store { .. }) => true,
            Self::AfterRefusal { fault, .. } => fault.is_local(),
            _ => false,
        }
    }

    /// Says it of this secret.
    fn say(&self, secret: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredential { name } => write!(
                f,
                "could not read the {secret} in credential {name}: systemd did not pass it to this process; for the service, add \
                 `LoadCredential={name}:/path/to/file` to the unit; in a terminal, run the command as `systemd-run --pty -p \
                 LoadCredential={name}:/path/to/file followsift ...`, or name the file with `{}-file`",
                secret.replace(' ', "-")
            ),
            Self::Missing { path } => write!(
                f,
                "could not read the {secret} in {}: there is no such file; make it with `install -m 600 /dev/null {}`, and write the \
                 {secret} on its first line",
                path.display(),
                path.display()
            ),
            Self::Unreadable { path, .. } => write!(f, "could not read the {secret} in {}", path.display()),
            Self::Exposed { path } => write!(
                f,
                "could not use the {secret} in {}: other users can read it; run `chmod 600 {}`, and change \
                 the {secret} if they may have read it",
                path.display(),
                path.display()
            ),
            Self::NotRun { program, .. } => write!(f, "could not run {program} to get the {secret}"),
            Self::Failed { program, status, said } => {
                write!(f, "could not get the {secret} from {program}: it ended with {status}")?;
                match said {
                    Some(said) => write!(f, " and said: {said}"),
                    None => f.write_str("; run it by hand to see why"),
                }
            }
            Self::TooSlow { program, given, said } => write!(
                f,
                "could not get the {secret} from {program}: it did not finish within {}; it must not prompt{}",
                humantime::format_duration(*given),
                also(said)
            ),
            Self::Stopped { program } => {
                write!(f, "could not get the {secret} from {program}: followsift is stopping")
            }
            Self::Unfit { source, why, said } => {
                write!(f, "could not use the {secret} from {source}: {why}{}", also(said))
            }
            Self::Token(fault) => fault.say("access token", f),
            Self::ClientSecret(fault) => fault.say("client secret", f),
            Self::MemoryAddress(fault) => fault.say("memory address", f),
            Self::Grant(fault) => fmt::Display::fmt(fault, f),
            Self::AfterRefusal { refusal, fault } => {
                // With its causes, which would otherwise follow the words of the mail server.
                fault.say(secret, f)?;
                let mut cause = fault.source();
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                write!(f, "; the mail server had refused the access token before ({refusal})")
            }
        }
    }
}

impl fmt::Display for LoginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say("password", f)
    }
}

fn also(said: &Option<String>) -> String {
    said.as_ref().map_or_else(String::new, |said| format!("; it said: {said}"))
}

impl Error for LoginFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } | Self::NotRun { cause, .. } => Some(cause),
            Self::Token(fault) | Self::ClientSecret(fault) | Self::MemoryAddress(fault) => fault.source(),
            Self::Grant(fault) => fault.source(),
            Self::NoCredential { .. }
            | Self::Missing { .. }
            | Self::Exposed { .. }
            | Self::Failed { .. }
            | Self::TooSlow { .. }
            | Self::Stopped { .. }
            | Self::AfterRefusal { .. }
            | Self::Unfit { .. } => None,
        }
    }
}

//! Why a request got no answer. No fault shows more of an address than its host.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

use super::public::NotPublic;
use crate::trust::{Distrust, TlsError};

/// Why a request got no answer that can be used.
#[derive(Debug)]
pub enum WebFault {
    /// The address may not be asked.
    NotAllowed {
        /// The server, if the address names one.
        host: String,
        /// Why.
        why: &'static str,
    },
    /// The server's name has no public address.
    NotPublic {
        /// The server.
        host: String,
    },
    /// The file of authorities cannot be used.
    Authorities {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The address of the proxy is not one.
    Proxy {
        /// Where it stands: an environment variable or a setting, so called.
        source: &'static str,
    },
    /// The server's certificate is not trusted.
    Untrusted(Box<Distrust>),
    /// The server could not be reached.
    Unreached {
        /// The server.
        host: String,
        /// Why.
        cause: ureq::Error,
    },
    /// The server did not answer in time.
    Late {
        /// The server.
        host: String,
    },
    /// The server answered more than is read.
    TooMuch {
        /// The server.
        host: String,
    },
    /// The server answered with a redirect, which is not followed.
    Redirected {
        /// The server.
        host: String,
    },
    /// A stop was requested.
    Stopped {
        /// The server.
        host: String,
    },
    /// This machine lacks threads, descriptors or certificates.
    Machine {
        /// Why.
        cause: io::Error,
    },
}

impl WebFault {
    pub(super) fn of(host: &str, cause: ureq::Error) -> Self {
        let host = host.to_owned();
        match cause {
            ureq::Error::Timeout(_) => Self::Late { host },
            ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => Self::TooMuch { host },
            ureq::Error::Io(cause) if cause.get_ref().is_some_and(|cause| cause.is::<NotPublic>()) => {
                Self::NotPublic { host }
            }
            ureq::Error::Io(cause) => {
                let error = cause.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>());
                match error.map(|error| (error, error.distrust())) {
                    Some((_, Some(why))) => Self::Untrusted(Box::new(Distrust::new(why, &host))),
                    Some((error, None)) => {
                        let cause = io::Error::other(format!("TLS failed: {error}"));
                        Self::Unreached { host, cause: ureq::Error::Io(cause) }
                    }
                    None => Self::Unreached { host, cause: ureq::Error::Io(cause) },
                }
            }
            cause => Self::Unreached { host, cause },
        }
    }

    /// Can the same request work later, without a change of the settings?
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NotAllowed { .. } | Self::Authorities { .. } | Self::Proxy { .. } => false,
            Self::Untrusted(_)
            | Self::Unreached { .. }
            | Self::NotPublic { .. }
            | Self::Late { .. }
            | Self::TooMuch { .. }
            | Self::Redirected { .. }
            | Self::Stopped { .. }
            | Self::Machine { .. } => true,
        }
    }

    /// Could another network, or a clock that is set, end it?
    pub fn is_of_network(&self) -> bool {
        // The captive portal of a network redirects, or has its own certificates.
        matches!(
            self,
            Self::Untrusted(_) | Self::Unreached { .. } | Self::Late { .. } | Self::Redirected { .. }
        )
    }
}

impl fmt::Display for WebFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed { host, why } if host.is_empty() => {
                write!(f, "could not use the address: {why}")
            }
            Self::NotAllowed { host, why } => write!(f, "could not use the address of {host}: {why}"),
            Self::NotPublic { host } => {
                write!(f, "could not reach {host}: its name has no address on the public internet")
            }
            Self::Authorities { file, .. } => {
                write!(f, "could not trust the certificates in {}", file.display())
            }
            Self::Proxy { source } => write!(
                f,
                "could not use the proxy: the value of {source} is not an address such as http://proxy.example:3128; correct it, or remove it"
            ),
            Self::Untrusted(distrust) => write!(f, "could not reach {}", distrust.host),
            Self::Unreached { host, .. } => write!(f, "could not reach {host}"),
            Self::Late { host } => write!(f, "could not reach {host}: it did not answer in time"),
            Self::TooMuch { host } => write!(f, "could not read the answer of {host}: it is far too large"),
            Self::Redirected { host } => write!(
                f,
                "could not use the answer of {host}: it redirects to another address; a network that asks you to sign in first \
                 does that too"
            ),
            Self::Stopped { host } => write!(f, "could not reach {host}: followsift is stopping"),
            Self::Machine { .. } => f.write_str("the system refused something that a request needs"),
        }
    }
}

impl Error for WebFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Authorities { cause, .. } | Self::Machine { cause } => Some(cause),
            Self::Untrusted(distrust) => Some(distrust),
            // Without ureq's `io: `.
            Self::Unreached { cause: ureq::Error::Io(cause), .. } => Some(cause),
            Self::Unreached { cause, .. } => Some(cause),
            Self::NotAllowed { .. }
            | Self::NotPublic { .. }
            | Self::Proxy { .. }
            | Self::Late { .. }
            | Self::TooMuch { .. }
            | Self::Redirected { .. }
            | Self::Stopped { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_system_is_shown_in_its_own_words() {
        let cause = io::Error::from(io::ErrorKind::ConnectionRefused);
        let words = cause.to_string();
        let fault = WebFault::of("login.example", ureq::Error::Io(cause));
        assert_eq!(fault.source().map(ToString::to_string), Some(words));
        let fault = WebFault::of("login.example", ureq::Error::HostNotFound);
        assert_eq!(fault.source().map(ToString::to_string), Some(ureq::Error::HostNotFound.to_string()));
    }
}

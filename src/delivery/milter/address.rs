//! Where a milter listens, as Postfix and Sendmail write it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A socket of this machine: no other machine may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `unix:/run/followsift/milter.sock`
    Unix(PathBuf),
    /// `inet:127.0.0.1:8895`
    Loopback(SocketAddr),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(path.into()));
        }
        match text.strip_prefix("inet:").and_then(|address| address.parse::<SocketAddr>().ok()) {
            Some(address) if address.ip().is_loopback() => Ok(Self::Loopback(address)),
            Some(_) => {
                Err("only an address of the loopback interface is allowed, such as `inet:127.0.0.1:8895`"
                    .to_owned())
            }
            None => Err("expected `unix:/PATH` or `inet:127.0.0.1:PORT`".to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Loopback(address) => write!(f, "inet:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_this_machine_are_addresses() {
        for good in
            ["unix:/run/followsift/milter.sock", "inet:127.0.0.1:8895", "inet:127.9.9.9:1", "inet:[::1]:8895"]
        {
            assert_eq!(Address::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "unix:",
            "unix:milter.sock",
            "inet:0.0.0.0:25",
            "inet:192.0.2.1:25",
            "inet:localhost:25",
            "/run/a",
            "inet:[::]:9",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}

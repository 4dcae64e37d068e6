//! The proxy that the environment or `[lookup]` names. Its address may contain a password, so that `Debug` shows nothing of it.

use std::fmt;

/// A proxy for requests over https.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    source: &'static str,
    address: String,
    exempt: Vec<String>,
}

impl Proxy {
    /// A proxy at `address`, the value of `source`, an environment variable or a setting; the hosts in `exempt`, separated by commas, are reached
    /// without it.
    pub fn new(source: &'static str, address: &str, exempt: &str) -> Self {
        let exempt = exempt.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned);
        Self { source, address: address.to_owned(), exempt: exempt.collect() }
    }

    /// The environment variable or the setting that names it.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The hosts that are reached without it.
    pub fn exempt(&self) -> impl Iterator<Item = &str> {
        self.exempt.iter().map(String::as_str)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(..)")
    }
}

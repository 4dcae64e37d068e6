//! Where the PostgreSQL is that several machines share: a URL, and whether its connection is encrypted.

use std::str::FromStr;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::PATIENCE;

/// Where the database is, and what opens it.
#[derive(Clone, Debug)]
pub struct PostgresqlAddress {
    pub(super) config: Config,
}

/// The text is not an address of a database. Says nothing of the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl NotAnAddress {
    /// What is wrong, and what would be right.
    pub const WHY: &str = "it is not the URL of a database; write it like `postgresql://user:password@db.example.org/followsift`";
}

impl std::fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(Self::WHY)
    }
}

impl std::error::Error for NotAnAddress {}

impl FromStr for PostgresqlAddress {
    type Err = NotAnAddress;

    /// Reads `postgresql://user:password@host:port/database`. Over a network the connection is always encrypted and the server's
    /// certificate checked; only `?sslmode=disable` switches that off.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        // The modes of libpq that check the certificate: here every encrypted connection does.
        let text = text
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut config = Config::from_str(&text).map_err(|_| NotAnAddress)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(NotAnAddress);
        }
        let is_near = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback())
            }
            Host::Unix(_) => true,
        };
        let all_near = config.get_hosts().iter().all(is_near)
            && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if all_near { SslMode::Disable } else { SslMode::Require });
        }
        if config.get_application_name().is_none() {
            config.application_name("followsift");
        }
        config.connect_timeout(PATIENCE);
        Ok(Self { config })
    }
}

impl PostgresqlAddress {
    /// As faults name it: without user and password.
    pub(super) fn name(&self) -> Arc<str> {
        let hosts: Vec<_> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(folder) => folder.display().to_string(),
            })
            .chain(self.config.get_hostaddrs().iter().map(ToString::to_string))
            .collect();
        format!("{} on {}", self.config.get_dbname().unwrap_or("followsift"), hosts.join(", ")).into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::{Memory as _, PostgresqlMemory};
    use super::*;
    use crate::clock::Timestamp;

    fn mode(url: &str) -> Option<SslMode> {
        url.parse().ok().map(|address: PostgresqlAddress| address.config.get_ssl_mode())
    }

    #[test]
    fn over_a_network_the_connection_is_encrypted_unless_the_user_says_otherwise() {
        for (url, expected) in [
            ("postgresql://a:b@db.example.org/x", Some(SslMode::Require)),
            ("postgresql://a:b@db.example.org/x?sslmode=prefer", Some(SslMode::Require)),
            ("postgresql://a:b@db.example.org/x?sslmode=verify-full\n", Some(SslMode::Require)),
            ("postgresql://a:b@db.example.org/x?sslmode=disable", Some(SslMode::Disable)),
            ("postgresql://a@127.0.0.1:5433/x", Some(SslMode::Disable)),
            ("postgresql://a@localhost,db.example.org/x", Some(SslMode::Require)),
            ("postgresql://a@%2Frun%2Fpostgresql/x", Some(SslMode::Disable)),
            ("host=localhost hostaddr=192.0.2.1 user=a", Some(SslMode::Require)),
            ("postgresql://a:b@db.example.org/x?sslmode=allow", None),
            ("postgresql:///x", None),
            ("", None),
        ] {
            assert_eq!(mode(url), expected, "{url}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        let address: PostgresqlAddress = "postgresql://ann:hush@127.0.0.1:1/x".parse().unwrap();
        let memory = PostgresqlMemory::new(address.clone(), None, 1).unwrap();
        let fault = memory.forget(Timestamp(0), Instant::now() + PATIENCE).unwrap_err();
        let wrong = "postgresql://ann:hush@127.0.0.1:port/x".parse::<PostgresqlAddress>().unwrap_err();
        let printed = format!("{address:?} {memory:?} {fault} {fault:?} {wrong} {wrong:?}");
        assert!(!printed.contains("hush"), "{printed}");
        assert!(printed.contains("x on 127.0.0.1"), "{printed}");
    }
}

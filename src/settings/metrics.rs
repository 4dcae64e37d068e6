//! Reads the table `metrics`: where Prometheus reads how the service is. Only this machine can reach it: metrics have no login, and
//! name the accounts.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::paths::Paths;
use super::section::{Section, Setting};

/// The longest path of a socket, in bytes (unix(7)).
const LONGEST_PATH: usize = 107;
/// What a right value looks like.
const EXAMPLES: &str =
    "write \"127.0.0.1:9188\", or the path of a socket such as \"/run/followsift/metrics.sock\"";

/// Where metrics are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A port of this machine's own loopback.
    Port(SocketAddr),
    /// A socket in the file system.
    Socket(PathBuf),
}

/// Reads the table. `None` where metrics are off, or the address is wrong.
pub(super) fn metrics(mut section: Section<'_>, paths: &Paths<'_>) -> Option<MetricsAddress> {
    let address = section.require("listen").and_then(|entry| address(&entry, paths));
    section.finish();
    address
}

fn address(entry: &Setting<'_>, paths: &Paths<'_>) -> Option<MetricsAddress> {
    let text = entry.string()?;
    if text.contains('/') {
        // The slash that makes a path of a mere name is not shown again.
        let path = paths.complete(text.strip_prefix("./").unwrap_or(&text), entry)?;
        let length = path.as_os_str().len();
        if length > LONGEST_PATH {
            entry.error(
                format!("the path of a socket has at most {LONGEST_PATH} bytes, and this one has {length}"),
                "choose a shorter one",
            );
            return None;
        }
        return Some(MetricsAddress::Socket(path));
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => {
            entry.error("port 0 is not a port that Prometheus can be told", EXAMPLES);
        }
        Ok(address) if address.ip().is_loopback() => return Some(MetricsAddress::Port(address)),
        Ok(address) => {
            let message = format!("other machines could read the metrics at {address}, without a login");
            let label =
                "listen at 127.0.0.1, and let a reverse proxy with TLS and a login serve other machines";
            entry.error(message, label);
        }
        Err(_) if text.parse::<IpAddr>().is_ok() => {
            entry.error(format!("`{text}` has no port"), EXAMPLES);
        }
        Err(_) if text.contains(':') => {
            entry.error(format!("`{text}` is not an IP address with a port"), EXAMPLES);
        }
        Err(_) => entry.error(format!("`{text}` is neither an address nor a path"), EXAMPLES),
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{Environment, of_text};

    /// Where the metrics are with this value, or the first finding.
    fn listen(value: &str) -> Result<Option<MetricsAddress>, String> {
        let text = format!("state = \"/srv/state\"\n[metrics]\nlisten = \"{value}\"\n");
        let (settings, findings) = of_text(
            Path::new("/etc/followsift/followsift.toml"),
            text,
            &Environment::of([("HOME", "/home/ann")]),
        );
        settings.map(|settings| settings.metrics).ok_or_else(|| findings.first().unwrap().message.clone())
    }

    #[test]
    fn only_this_machine_can_reach_the_metrics() {
        for port in ["127.0.0.1:9188", "127.8.8.8:1", "[::1]:9188"] {
            assert_eq!(listen(port), Ok(Some(MetricsAddress::Port(port.parse().unwrap()))), "{port}");
        }
        for (path, whole) in [
            ("/run/followsift/metrics.sock", "/run/followsift/metrics.sock"),
            ("./metrics.sock", "/etc/followsift/metrics.sock"),
            ("~/metrics.sock", "/home/ann/metrics.sock"),
        ] {
            assert_eq!(listen(path), Ok(Some(MetricsAddress::Socket(whole.into()))), "{path}");
        }
        for (value, finding) in [
            ("0.0.0.0:9188", "other machines could read the metrics at 0.0.0.0:9188, without a login"),
            ("[::]:9188", "other machines could read the metrics at [::]:9188, without a login"),
            (
                "192.168.1.2:9188",
                "other machines could read the metrics at 192.168.1.2:9188, without a login",
            ),
            (
                "[::ffff:10.0.0.1]:9188",
                "other machines could read the metrics at [::ffff:10.0.0.1]:9188, without a login",
            ),
            ("127.0.0.1:0", "port 0 is not a port that Prometheus can be told"),
            ("127.0.0.1", "`127.0.0.1` has no port"),
            ("localhost:9188", "`localhost:9188` is not an IP address with a port"),
            ("metrics.sock", "`metrics.sock` is neither an address nor a path"),
        ] {
            assert_eq!(listen(value), Err(finding.to_owned()), "{value}");
        }
        let long = format!("/run/{}", "m".repeat(103));
        assert!(listen(&long).unwrap_err().contains("has 108"), "{long}");
        assert!(listen(&format!("/run/{}", "m".repeat(102))).is_ok());
    }
}

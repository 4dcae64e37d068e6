//! The service as a process, against a real Dovecot, through a proxy that breaks the line on purpose.
//!
//! Each test is about what a person would see: where the messages are, how soon, and what the journal and systemd get.
//! What takes a minute by its nature (silence that has to last) runs side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use crate::support;
use crate::support::daemon::{Daemon, Home, RULES, SPAM, account, deliver, filed, spam, whereabouts};
use crate::support::letters::Letter;
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::{Dovecot, Options, USER, pause};
use rustix::process::Signal;

mod connection;
mod control;
mod digest;
mod hooks;
mod login;
mod metrics;
mod network;
mod reload;
mod soak;
mod state;
mod stop;

/// As soon as a person would notice.
const SOON: Duration = Duration::from_secs(15);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A server, a proxy before it, and the service on the other side, waiting for messages.
struct Scene {
    server: Dovecot,
    proxy: Proxy,
    home: Home,
    daemon: Daemon,
}

impl Scene {
    fn start(options: &Options, more: &str) -> Option<Self> {
        let server = Dovecot::start(options)?;
        let proxy = Proxy::before(server.port);
        let home = Home::new();
        home.settings(proxy.port, more);
        let daemon = home.run_as_in_the_unit();
        daemon.says("watching home");
        if !options.without.contains(&"IDLE") {
            proxy.wait_for("IDLE", 0);
        }
        Some(Self { server, proxy, home, daemon })
    }

    fn filed(&self, last: usize, bound: Duration) -> Duration {
        filed(&self.server, &self.daemon, last, bound)
    }
}

/// Prints something past the test runner, which would swallow it.
fn aloud(words: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{words}\n").as_bytes());
}

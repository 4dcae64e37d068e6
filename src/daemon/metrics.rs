//! Where Prometheus asks, as the settings say, also after a reload. Called by `service`, which answers.

use std::io;

use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

use crate::metrics::{Counts, Listener, Scrape};
use crate::report::state;
use crate::settings::MetricsAddress;

/// What is counted, and the address at which it is read, if there is one.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) counts: Counts,
    scrapers: UnboundedSender<Scrape>,
    address: Option<MetricsAddress>,
    listener: Option<Listener>,
}

impl Metrics {
    /// Listens at this address. Where that is impossible, the service works all the same.
    pub(super) fn open(address: Option<&MetricsAddress>, scrapers: UnboundedSender<Scrape>) -> Self {
        let mut metrics = Self { counts: Counts::new(), scrapers, address: None, listener: None };
        metrics.go_on(address);
        metrics
    }

    /// Goes on with this address: an open one stays open, and one that could not be opened is tried again.
    pub(super) fn go_on(&mut self, address: Option<&MetricsAddress>) {
        if self.address.as_ref() == address && (address.is_none() || self.listener.is_some()) {
            return;
        }
        self.listener = None;
        self.address = address.cloned();
        let Some(address) = address else { return };
        match Listener::open(address, self.scrapers.clone()) {
            Ok(listener) => {
                info!("{}", state::metrics_open(address));
                self.listener = Some(listener);
            }
            Err(cause) => {
                let is_forbidden = cause.kind() == io::ErrorKind::PermissionDenied;
                warn!(%cause, "{}", state::metrics_closed(address, &cause.to_string(), is_forbidden));
            }
        }
    }
}

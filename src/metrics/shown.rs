//! What is not counted: how the service and each account is, from its status, when Prometheus asks.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::control::ServiceStatus;
use crate::report::state::State;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    account: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    account: Arc<str>,
    state: &'static str,
}

/// How everything is. Times are in seconds since 1970 (UTC).
#[derive(Debug, Default)]
pub(super) struct Shown {
    states: Family<InState, Gauge>,
    last_sweeps: Family<Of, Gauge>,
    is_reloaded: Gauge,
    started: Gauge,
}

impl Shown {
    /// Names them.
    pub(super) fn register(&self, registry: &mut Registry) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of followsift; always 1", build);
        registry.register_with_unit(
            "start_time",
            "When the service started",
            Unit::Seconds,
            self.started.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last reload succeeded (1), or a file is wrong and the previous configuration is in use (0)",
            self.is_reloaded.clone(),
        );
        registry.register("account_state", "1 for the state of an account, else 0", self.states.clone());
        registry.register_with_unit(
            "last_sweep_timestamp",
            "When the last sweep of an account ended",
            Unit::Seconds,
            self.last_sweeps.clone(),
        );
    }

    /// Takes over how it is now.
    pub(super) fn take(&self, status: &ServiceStatus) {
        self.started.set(status.started);
        self.is_reloaded.set(i64::from(status.refused.is_none()));
        self.states.clear();
        self.last_sweeps.clear();
        for account in &status.accounts {
            let name: Arc<str> = account.name.as_str().into();
            for state in State::WORDS {
                let is_it = i64::from(account.state == state);
                self.states.get_or_create(&InState { account: Arc::clone(&name), state }).set(is_it);
            }
            // An account that was not swept yet has no such time.
            if let Some(at) = account.last_sweep {
                self.last_sweeps.get_or_create(&Of { account: name }).set(at);
            }
        }
    }
}

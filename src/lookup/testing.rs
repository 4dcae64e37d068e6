//! What the tests of the readers share.

use crate::clock::Timestamp;
use crate::host::HostName;
use crate::ledger::Question;
use crate::mail::{FollowerKey, Network};

/// 2027-01-15, at eight.
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000);

pub(super) fn question(network: &str, server: &str, name: &str, host: Option<&str>) -> Question {
    Question {
        follower: FollowerKey::stored(Network::new(network).unwrap(), format!("@{name}")),
        server: HostName::parse(server).unwrap(),
        name: name.to_owned(),
        host: host.and_then(HostName::parse),
    }
}

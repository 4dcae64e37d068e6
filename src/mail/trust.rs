//! Whom the account trusts to say that a message is authentic, and which domains belong together.
//!
//! Values and a pure comparison. Used by `authenticity` and `trusted_results`.

use crate::host::{AuthservIds, Instance, Relay};

/// Which server's results the account trusts, and which servers are its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The authserv-id (RFC 8601, section 2.5) that the account's own server writes. Without one the topmost
    /// Authentication-Results may demote a message, but nothing can promote it.
    pub authserv_id: AuthservIds,
    /// The user's own servers on networks that anyone can host. Messages from other servers are never proven.
    pub instances: Vec<Instance>,
    /// The alias services that the user forwards messages with.
    pub relays: Vec<Relay>,
}

/// Relaxed alignment (RFC 7489, section 3.1): one organisational domain.
pub fn same_organisation(one: &str, other: &str) -> bool {
    let organisation = |domain: &str| {
        let domain = domain.trim_end_matches('.').to_lowercase();
        psl::domain_str(&domain).map(str::to_owned).unwrap_or(domain)
    };
    organisation(one) == organisation(other)
}

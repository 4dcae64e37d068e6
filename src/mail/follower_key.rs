//! The key that identifies a follower across messages. The ledger and recall look followers up by it.

use super::fact::Follower;
use super::network::Network;
use crate::host::HostName;

/// Identifies a follower across messages: the network with the handle and its host, else with the profile link, else with the
/// network's own id, else with the name. Lower-cased. A follower of whom nothing of that can be seen has an id of their message's
/// own, so that two of them are never taken for one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FollowerKey {
    network: Network,
    key: String,
}

impl FollowerKey {
    /// The key of a follower in a message from `network`; handles without a host belong to `instance`.
    pub fn new(network: &Network, instance: Option<&str>, follower: &Follower) -> Self {
        let key = if let Some(handle) = follower.handle.value() {
            let handle = handle.trim_start_matches('@');
            let (local, host) =
                handle.split_once('@').map_or((handle, instance), |(local, host)| (local, Some(host)));
            // In Unicode, as most messages print it, so that both forms of a host give one key.
            let unicode = |host| HostName::parse(host).map(|host| host.to_unicode().into_owned());
            match host {
                Some(host) => format!("@{local}@{}", unicode(host).unwrap_or_else(|| host.to_owned())),
                None => format!("@{local}"),
            }
        } else if let Some(url) = follower.url.value() {
            url.trim_end_matches('/').to_owned()
        } else if let Some(id) = &follower.id {
            format!("#{id}")
        } else {
            format!("={}", follower.name.value().map_or("", String::as_str))
        };
        Self { network: network.clone(), key: key.to_lowercase() }
    }

    /// From the ledger, which stores [`FollowerKey::as_str`].
    pub fn stored(network: Network, key: String) -> Self {
        Self { network, key }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The rest of the key.
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Shown;

    fn network() -> Network {
        Network::new("mastodon").unwrap()
    }

    #[test]
    fn a_local_handle_belongs_to_the_recipients_instance() {
        let follower = Follower { handle: Shown::Value("Ann".into()), ..Follower::default() };
        let key = FollowerKey::new(&network(), Some("chaos.example"), &follower);
        assert_eq!(key.as_str(), "@ann@chaos.example");
    }

    #[test]
    fn both_forms_of_an_international_host_give_one_key() {
        let key = |handle: &str| {
            let follower = Follower { handle: Shown::Value(handle.into()), ..Follower::default() };
            FollowerKey::new(&network(), Some("toot.example"), &follower).as_str().to_owned()
        };
        assert_eq!(key("Ana@xn--strae-oqa.example"), "@ana@straße.example");
        assert_eq!(key("ana@STRAßE.example"), "@ana@straße.example");
        assert_ne!(key("ana@straße.example"), key("ana@strasse.example"));
        assert_ne!(key("ana@βόλος.example"), key("ana@βόλοσ.example"));
        assert_eq!(key("ana"), "@ana@toot.example");
        assert_eq!(key("ana@pod.example:3000"), "@ana@pod.example:3000");
    }

    #[test]
    fn without_a_handle_the_link_is_the_key_then_the_id_then_the_name() {
        let mut follower = Follower {
            url: Shown::Value("https://x.example/Ann/".into()),
            id: Some("7".into()),
            name: Shown::Value("Ann".into()),
            ..Follower::default()
        };
        let key = |follower: &Follower| FollowerKey::new(&network(), None, follower).as_str().to_owned();
        assert_eq!(key(&follower), "https://x.example/ann");
        follower.url = Shown::NotShown;
        assert_eq!(key(&follower), "#7");
        follower.id = None;
        assert_eq!(key(&follower), "=ann");
    }
}

//! Links to profiles: whether a follower's link may be shown as one. A message says what it likes, so only an https link to the
//! network's own host, or to one of the user's own servers, is shown. Pure. Called by the reports for people.

use std::collections::BTreeMap;

use crate::host::HostName;
use crate::mail::{Network, NetworkSummary, same_organisation};
use crate::place::AccountName;
use crate::settings::Account;

/// The hosts that links may lead to.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// The domains of each network; a self-hosted one has none.
    domains: BTreeMap<Network, Vec<String>>,
    /// The user's own servers, by account.
    own: BTreeMap<AccountName, Vec<HostName>>,
}

impl Hosts {
    /// Those of these networks and accounts.
    pub fn new(networks: &[NetworkSummary], accounts: &[Account]) -> Self {
        let domains = networks.iter().map(|it| (it.network.clone(), it.domains.clone()));
        let own = accounts.iter().map(|account| {
            let hosts = account.instances.iter().map(|instance| instance.host.clone()).collect();
            (account.name.clone(), hosts)
        });
        Self { domains: domains.collect(), own: own.collect() }
    }

    /// May this link, from a message of the network to the account, be shown as one?
    pub fn allow(&self, account: &AccountName, network: &Network, url: &str) -> bool {
        let Some(host) = host(url) else { return false };
        match self.domains.get(network).map(Vec::as_slice) {
            None => false,
            Some([]) => self.own.get(account).is_some_and(|own| own.contains(&host)),
            Some(domains) => domains.iter().any(|domain| is_site(host.as_str(), domain)),
        }
    }
}

/// The host of an https link that a browser reads as it looks: without a user, a port or anything to be escaped.
pub fn host(url: &str) -> Option<HostName> {
    let rest = url.strip_prefix("https://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let is_plain =
        |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '\\' | '"' | '<' | '>' | '`');
    rest.chars().all(is_plain).then(|| HostName::parse(rest.get(..end)?)).flatten()
}

/// Is it the domain that a network sends from, or the organisation's own name above it? Other names below may belong to users.
fn is_site(host: &str, domain: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    let is_above = || domain.strip_suffix(host).is_some_and(|below| below.ends_with('.'));
    host == domain || is_above() && same_organisation(host, domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_networks_own_host_or_to_ones_own_server() {
        let network = |word: &str| Network::new(word).unwrap();
        let account = AccountName::new("home").unwrap();
        let domains =
            [("instagram", "mail.instagram.com"), ("wordpress-com", "wordpress.com"), ("mastodon", "")];
        let domains = domains.map(|(word, domain)| {
            (network(word), Some(domain.to_owned()).filter(|it| !it.is_empty()).into_iter().collect())
        });
        let own = [(account.clone(), vec![HostName::parse("toot.example").unwrap()])];
        let hosts = Hosts { domains: domains.into(), own: own.into() };
        for (word, url, expected) in [
            ("instagram", "https://www.instagram.com/ann/", true),
            ("instagram", "https://instagram.com/ann", true),
            ("instagram", "https://mail.instagram.com/ann", true),
            ("instagram", "http://www.instagram.com/ann/", false),
            ("instagram", "https://instagram.com.evil.example/ann", false),
            ("instagram", "https://com/ann", false),
            ("wordpress-com", "https://wordpress.com/ann", true),
            ("wordpress-com", "https://evil.wordpress.com/", false),
            ("mastodon", "https://toot.example/@ann@brew.example", true),
            ("mastodon", "https://Toot.Example/@ann", true),
            ("mastodon", "https://brew.example/@ann", false),
            ("mastodon", "https://toot.example:8443/@ann", false),
            ("mastodon", "https://toot.example@evil.example/", false),
            ("mastodon", "https://evil.example\\@toot.example/", false),
            ("mastodon", "https://toot.example/ \"onclick=x", false),
            ("mastodon", "javascript:alert(1)//toot.example", false),
            ("mastodon", "https://", false),
            ("elsewhere", "https://toot.example/@ann", false),
        ] {
            assert_eq!(hosts.allow(&account, &network(word), url), expected, "{word} {url}");
        }
        let other = AccountName::new("work").unwrap();
        assert!(!hosts.allow(&other, &network("mastodon"), "https://toot.example/@ann"));
    }
}

//! Reads the table `lookup`: of which networks followsift may ask a server for a follower's public profile, and how. Everything
//! in it is off by default.

use std::collections::BTreeSet;
use std::time::Duration;

use super::proxy::Proxy;
use super::section::{Section, Setting};

/// How old a message may be at most, by default, for its follower to be looked up.
const NEWEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a message may wait for an answer, by default.
const WAIT: Duration = Duration::from_secs(60 * 60);
/// A message that waits for days would be forgotten, and an answer is asked for once a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A network whose servers can be asked for public profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// Mastodon, and what answers the same: Pleroma, Akkoma.
    Mastodon,
}

impl Site {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Mastodon];

    /// The key of the settings, which is the name of the network.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mastodon => "mastodon",
        }
    }

    /// The site of a network.
    pub fn of_network(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|site| site.key() == name)
    }
}

/// What may be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The networks of which the recipient's own server may be asked.
    pub own_server: BTreeSet<Site>,
    /// How old a message may be.
    pub newest: Duration,
    /// How long a message may stay undecided for an answer.
    pub wait: Duration,
    /// The proxy for look-ups.
    pub proxy: Option<Proxy>,
}

impl Lookup {
    /// May anything be asked?
    pub fn is_on(&self) -> bool {
        !self.own_server.is_empty()
    }
}

/// Nothing is looked up.
impl Default for Lookup {
    fn default() -> Self {
        Self { own_server: BTreeSet::new(), newest: NEWEST, wait: WAIT, proxy: None }
    }
}

/// Reads the table. `None` if a value is wrong, which is reported.
pub(super) fn lookup(mut section: Section<'_>) -> Option<Lookup> {
    let mut own_server = BTreeSet::new();
    for site in Site::ALL {
        let Some(entry) = section.take(site.key()) else { continue };
        match entry.string()?.as_str() {
            "own-server" => {
                own_server.insert(site);
            }
            "off" => {}
            other => {
                entry.error(
                    format!("`{}` cannot be `{other}`", site.key()),
                    "expected \"own-server\" or \"off\"",
                );
            }
        }
    }
    let time = |entry: Option<Setting<'_>>, usual| entry.map_or(Some(usual), |entry| duration(&entry));
    let newest = time(section.take("newest"), NEWEST);
    let wait_entry = section.take("wait");
    let is_too_long = wait_entry.as_ref().and_then(duration).is_some_and(|wait| wait > LONGEST_WAIT);
    if let Some(entry) = wait_entry.as_ref().filter(|_| is_too_long) {
        entry.error("`wait` is too long", "use \"24h\" or less");
    }
    let wait = time(wait_entry, WAIT);
    let proxy = section.take("proxy").map_or(Some(None), |entry| proxy(&entry).map(Some));
    section.finish();
    Some(Lookup { own_server, newest: newest?, wait: wait?, proxy: proxy? })
}

fn duration(entry: &Setting<'_>) -> Option<Duration> {
    let text = entry.string()?;
    let time = humantime::parse_duration(&text).ok();
    if time.is_none() {
        entry.error(format!("invalid duration `{text}`"), "write it like \"30d\", \"1h\" or \"0s\"");
    }
    time
}

fn proxy(entry: &Setting<'_>) -> Option<Proxy> {
    let address = entry.string()?;
    let known =
        ["http://", "https://", "socks5://", "socks4://"].iter().any(|scheme| address.starts_with(scheme));
    if address.contains('@') {
        entry.error("a password does not belong in the settings", "name a proxy that needs none");
    } else if !known {
        entry.error("this is not the address of a proxy", "write it like \"http://proxy.example:3128\"");
    } else {
        return Some(Proxy::new("lookup.proxy", &address, ""));
    }
    None
}

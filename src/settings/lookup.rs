//! Reads the table `lookup`: of which networks followsift may ask a server for a follower's public profile, and how. Everything
//! in it is off by default.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::paths::Paths;
use super::proxy::Proxy;
use super::section::{Section, Setting};
use crate::host::HostName;

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
    /// Misskey and its forks.
    Misskey,
    /// PeerTube.
    PeerTube,
    /// NodeBB.
    NodeBb,
    /// Forem.
    Forem,
}

impl Site {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mastodon, Self::Misskey, Self::PeerTube, Self::NodeBb, Self::Forem];

    /// The key of the settings, which is the name of the network.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mastodon => "mastodon",
            Self::Misskey => "misskey",
            Self::PeerTube => "peertube",
            Self::NodeBb => "nodebb",
            Self::Forem => "forem",
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
    /// Servers that may be asked about their own accounts, by ActivityPub.
    pub ask: BTreeSet<HostName>,
    /// The file with the token of the user's own for the API of X.
    pub x_token: Option<PathBuf>,
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
        !self.own_server.is_empty() || !self.ask.is_empty() || self.x_token.is_some()
    }
}

/// Nothing is looked up.
impl Default for Lookup {
    fn default() -> Self {
        Self {
            own_server: BTreeSet::new(),
            ask: BTreeSet::new(),
            x_token: None,
            newest: NEWEST,
            wait: WAIT,
            proxy: None,
        }
    }
}

/// Reads the table. `None` if a value is wrong, which is reported.
pub(super) fn lookup(mut section: Section<'_>, paths: &Paths<'_>) -> Option<Lookup> {
    let mut own_server = BTreeSet::new();
    for site in Site::ALL {
        let Some(entry) = section.take(site.key()) else { continue };
        const EXPECTED: &str = "\"own-server\" or \"off\"";
        let text = if entry.is_string() { entry.string() } else { entry.wrong_type(EXPECTED) };
        match text.as_deref() {
            Some("own-server") => {
                own_server.insert(site);
            }
            Some("off") | None => {}
            Some(other) => {
                let message = format!("`{}` cannot be `{other}`", site.key());
                entry.error(message, format!("expected {EXPECTED}"));
            }
        }
    }
    let ask = section.take("ask").map(|entry| hosts(&entry)).unwrap_or_default();
    let x_token = section.take("x").map_or(Some(None), |entry| x_token(&entry, paths).map(Some));
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
    Some(Lookup { own_server, ask, x_token: x_token?, newest: newest?, wait: wait?, proxy: proxy? })
}

/// Names of servers.
fn hosts(entry: &Setting<'_>) -> BTreeSet<HostName> {
    let host = |item: &Setting<'_>| {
        let text = item.string()?;
        let host = HostName::parse(&text).filter(|host| host.as_str().contains('.'));
        if host.is_none() {
            item.error(format!("invalid server name `{text}`"), "write it like \"pixelfed.example\"");
        }
        host
    };
    entry.items().unwrap_or_default().iter().filter_map(host).collect()
}

/// The table `x`. A token in the settings is refused, as a password is.
fn x_token(entry: &Setting<'_>, paths: &Paths<'_>) -> Option<PathBuf> {
    let mut section = entry.section()?;
    let literal = section.take_forbidden("token");
    if let Some(literal) = &literal {
        let label = "put it into a file that only you can read (chmod 600) and name the file: \
                     `token-file = \"/path/to/file\"`";
        literal.key_error("a token does not belong in the settings", label);
    }
    let file = match literal {
        Some(_) => section.take("token-file"),
        None => section.require("token-file"),
    };
    let file = file.and_then(|file| paths.read(&file));
    section.finish();
    file
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

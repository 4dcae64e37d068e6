//! Reads the key `instances`: the user's own servers on self-hosted networks.

use super::section::Setting;
use crate::host::{HostName, Instance};

/// Reads the list. Wrong items are reported and left out.
pub(super) fn instances(entry: &Setting<'_>) -> Vec<Instance> {
    let mut instances: Vec<Instance> = Vec::new();
    for item in entry.items().unwrap_or_default() {
        let Some(instance) = instance(&item) else { continue };
        if instances.iter().any(|other| other.host == instance.host) {
            item.error(format!("`{}` is listed twice", instance.host), "remove one of them");
        } else {
            instances.push(instance);
        }
    }
    instances
}

fn instance(item: &Setting<'_>) -> Option<Instance> {
    if !item.is_table() {
        return Some(Instance::new(host(item)?));
    }
    let mut section = item.section()?;
    let host_entry = section.require("host");
    let from_entry = section.take("from");
    section.finish();
    let instance = Instance::new(host(&host_entry?)?);
    match from_entry {
        Some(entry) => Some(Instance { from: host(&entry)?, ..instance }),
        None => Some(instance),
    }
}

/// A host name and nothing else.
pub(super) fn host(entry: &Setting<'_>) -> Option<HostName> {
    let written = entry.string()?;
    match HostName::parse(&written).filter(is_likely) {
        // Upper case makes no difference to DNS, but one host would have two spellings.
        Some(host) if written.contains(char::is_uppercase) => {
            entry.error(
                format!("`{written}` has upper-case letters"),
                format!("write `{}`", host.to_unicode()),
            );
            None
        }
        Some(host) => Some(host),
        None => {
            let label = match meant(&written) {
                Some(host) => format!("write `{}`", host.to_unicode()),
                None => "expected the name of a server, such as `toot.example`".to_owned(),
            };
            entry.error(format!("`{written}` is not a host name"), label);
            None
        }
    }
}

/// The host in a link, an address, a handle, or a name with a port.
fn meant(written: &str) -> Option<HostName> {
    let bare = written.trim();
    let bare = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or(bare);
    let bare = bare.rsplit('@').next().unwrap_or(bare);
    let bare = bare.split(':').next().unwrap_or(bare);
    HostName::parse(bare).filter(is_likely)
}

/// A network's server has a dot in its name.
fn is_likely(host: &HostName) -> bool {
    host.as_str().contains('.')
}

//! Reads the key `relays`: the alias services that the user forwards messages with.

use super::instances::host;
use super::section::Setting;
use crate::diagnostic::document::list;
use crate::diagnostic::nearest;
use crate::host::{Relay, RelayService};

/// Reads the list. Wrong items are reported and left out.
pub(super) fn relays(entry: &Setting<'_>) -> Vec<Relay> {
    let mut relays: Vec<Relay> = Vec::new();
    for item in entry.items().unwrap_or_default() {
        let Some(relay) = relay(&item) else { continue };
        if relays.contains(&relay) {
            item.error(format!("`{}` is listed twice", relay.service.word()), "remove one of them");
        } else {
            relays.push(relay);
        }
    }
    relays
}

fn relay(item: &Setting<'_>) -> Option<Relay> {
    if !item.is_table() {
        return Some(Relay { service: service(item)?, domain: None });
    }
    let mut section = item.section()?;
    let service_entry = section.require("service");
    let domain_entry = section.take("domain");
    section.finish();
    let service = service(&service_entry?)?;
    let domain = match domain_entry {
        Some(entry) => Some(host(&entry)?),
        None => None,
    };
    Some(Relay { service, domain })
}

fn service(entry: &Setting<'_>) -> Option<RelayService> {
    let written = entry.string()?;
    let service = RelayService::from_word(&written);
    if service.is_none() {
        let words = RelayService::ALL.map(RelayService::word);
        let label = match nearest(&written, words) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("expected one of {}", list(&words)),
        };
        entry.error(format!("unknown alias service `{written}`"), label);
    }
    service
}

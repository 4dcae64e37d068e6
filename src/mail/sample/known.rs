//! The words that say nothing about a person, since networks and mail servers write them. Called by `words` alone.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::letters::is_of_word;
use crate::mail::notification::Notification;
use crate::mail::profile::Profiles;

/// Words that mean the same in every header, and in every link.
const GRAMMAR: &str = "from by with for id via esmtp esmtps esmtpsa smtp smtps lmtp http https tls cipher bits tcp udp using verify no \
    yes dkim spf dmarc arc pass fail softfail neutral none temperror permerror bestguesspass hardfail header smtp mailfrom helo policy \
    action reason dis sp rsa ed25519 sha256 sha1 relaxed simple dns txt mailto www com org net mon tue wed thu fri sat sun jan \
    feb mar apr may jun jul aug sep oct nov dec gmt utc bulk list auto generated replied one click unsubscribe at mail text plain html \
    utf us ascii iso quoted printable base64 url redirect link user users profile settings preferences notifications email \
    high low junk images image img png jpg jpeg gif webp svg avatar avatars default normal original static assets media \
    ls upn u001 wf safelinks protection outlook privaterelay data sdata reserved urldefense proofpoint v2 v3 linkprotect clicktime";

/// The words that the network's messages are recognised by; of all networks, where it is not known which.
pub(super) fn known(genuine: Option<&Notification>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = GRAMMAR.split_whitespace().map(str::to_owned).collect();
    for source in Profiles::shipped_sources() {
        let name = source.name().rsplit('/').next().unwrap_or_default().trim_end_matches(".toml");
        if genuine.is_none_or(|genuine| genuine.network.as_str() == name)
            && let Ok(table) = source.text().parse::<toml::Table>()
        {
            table.values().for_each(|value| note(value, &mut known));
        }
    }
    known
}

fn note(value: &toml::Value, known: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(text) => {
            let text = percent_decode_str(text).decode_utf8_lossy();
            let words = text.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty());
            known.extend(words.map(str::to_lowercase));
        }
        toml::Value::Array(values) => values.iter().for_each(|value| note(value, known)),
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| {
            known.insert(key.to_lowercase());
            note(value, known);
        }),
        _ => {}
    }
}

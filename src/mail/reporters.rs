//! What several messages together show of how the receiving server names itself in Authentication-Results. Pure. `cli` asks it
//! for what to propose for the settings.
//!
//! A sender may write such a field, too, and a server that writes none may leave it. So a name is proposed only if several
//! messages have it where no sender can write, or if most messages have it, from several senders.

use std::collections::{BTreeMap, BTreeSet};

use super::trusted_results::Reporter;
use crate::host::{AuthservId, AuthservIds};

/// How many messages must have a name above all Received fields.
const FEWEST: usize = 2;
/// Elsewhere, from how many domains the messages must come.
const FEWEST_SENDERS: usize = 3;

/// What to trust, by the reporters in messages of which `looked_at` were looked at; `None` if they do not agree.
pub fn agreed(reporters: &[Reporter], looked_at: usize) -> Option<AuthservIds> {
    let (key, group) = largest(reporters.iter().filter(|reporter| reporter.is_above_received))
        .filter(|(_, group)| group.len() >= FEWEST)
        .or_else(|| {
            largest(reporters.iter()).filter(|(_, group)| {
                let senders: BTreeSet<_> =
                    group.iter().filter_map(|reporter| reporter.sender.as_deref()).collect();
                group.len() * 2 > looked_at && senders.len() >= FEWEST_SENDERS
            })
        })?;
    let first = group.first()?;
    match group.iter().all(|reporter| reporter.names == first.names) {
        true => first.ids(),
        false => AuthservIds::parse([key.as_str()]).ok(),
    }
}

/// The most reporters that are one server or the servers of one provider, with what includes them all.
fn largest<'r>(reporters: impl Iterator<Item = &'r Reporter>) -> Option<(String, Vec<&'r Reporter>)> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for reporter in reporters {
        let key = match reporter.names.as_slice() {
            [name] => name
                .split_once('.')
                .map(|(_, domain)| format!("*.{domain}"))
                .filter(|pattern| AuthservId::parse(pattern).is_ok())
                .unwrap_or_else(|| name.clone()),
            // One for each method; or none.
            names => names.join(" "),
        };
        groups.entry(key).or_default().push(reporter);
    }
    groups.into_iter().max_by_key(|(_, group)| group.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Message;

    /// What is proposed for messages with these header fields above From, of which each has a sender of its own.
    fn check(headers: &[&str], looked_at: usize, expected: &str) {
        let senders = (0..headers.len()).map(|number| format!("{number}.example"));
        check_from(headers.iter().copied().zip(senders), looked_at, expected);
    }

    fn check_from<'h>(headers: impl Iterator<Item = (&'h str, String)>, looked_at: usize, expected: &str) {
        let reporters: Vec<_> = headers
            .filter_map(|(header, sender)| {
                let mail =
                    format!("{header}From: a@{sender}\nAuthentication-Results: low.example; dkim=pass\n\n");
                Message::parse(mail.as_bytes()).unwrap().reporter()
            })
            .collect();
        let found = agreed(&reporters, looked_at).map(|ids| ids.to_string());
        assert_eq!(found.as_deref().unwrap_or("nothing"), expected);
    }

    const RECEIVED: &str = "Received: from a by b\n";

    #[test]
    fn a_name_above_all_received_fields_of_several_messages_is_proposed() {
        let own = &format!("Authentication-Results: mx.home.example; spf=pass; dkim=none\n{RECEIVED}");
        check(&[own, own], 20, "\"mx.home.example\"");
        check(&[own], 20, "nothing");
        let forged = &format!("{RECEIVED}Authentication-Results: evil.example; dkim=pass\n");
        check(&[own, own, forged, forged, forged], 5, "\"mx.home.example\"");
        let both = &format!("{own}{}", forged.replace(RECEIVED, ""));
        check(&[both, both, both], 3, "\"mx.home.example\"");
    }

    #[test]
    fn a_name_below_a_received_field_is_proposed_if_most_messages_of_several_senders_have_it() {
        let field = &format!("{RECEIVED}Authentication-Results: mx.home.example; dkim=none\n{RECEIVED}");
        check(&[field, field, field, ""], 5, "\"mx.home.example\"");
        check(&[field, field, field], 6, "nothing");
        check(&[field, field], 2, "nothing");
        // Of one sender, who can write it.
        check_from((0..9).map(|_| (field.as_str(), "evil.example".to_owned())), 9, "nothing");
    }

    #[test]
    fn servers_of_one_provider_are_proposed_together() {
        let field = |host: &str| format!("Authentication-Results: {host}; dmarc=none\n{RECEIVED}");
        let (one, other) = (field("phl-mx-01.in.mail.example"), field("phl-mx-02.in.mail.example"));
        check(&[&one, &other, &one], 3, "\"*.in.mail.example\"");
        check(&[&one, &one], 3, "\"phl-mx-01.in.mail.example\"");
        // Two owners.
        check(&[&field("a.example"), &field("b.example")], 2, "nothing");
        check(&[&field("a.co.uk"), &field("b.co.uk")], 2, "nothing");
    }

    #[test]
    fn a_server_with_a_name_for_each_method_is_proposed_by_those_that_prove() {
        let fields = "Authentication-Results: bimi.in.mail.example; bimi=skipped\nX-ARC-Info: x\n\
                      Authentication-Results: dmarc.in.mail.example; dmarc=none\n\
                      Authentication-Results: dkim.in.mail.example; dkim=none\n\
                      Authentication-Results: spf.in.mail.example; spf=pass\n\
                      Authentication-Results: evil.example; dkim=pass\n";
        check(&[fields, fields], 2, "[\"dkim.in.mail.example\", \"dmarc.in.mail.example\"]");
    }

    #[test]
    fn a_server_without_a_name_is_proposed_as_such() {
        let field =
            "Authentication-Results: spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example\n";
        check(&[field, field], 2, "\"\"");
        check(&[&format!("{RECEIVED}{field}"), &format!("{RECEIVED}{field}")], 2, "nothing");
    }

    #[test]
    fn what_is_not_the_name_of_a_host_with_a_method_is_never_proposed() {
        for value in [
            "spf; dkim=pass",
            "bimi; dkim=pass",
            "none; dkim=pass",
            "mail; dkim=pass",
            "co.uk; dkim=pass",
            "a b.example; bimi=pass",
            "mx.example",
            "mx.example; none",
            "mx.example; auth=pass",
            "(mx.example; dkim=pass)",
            "; dkim=pass",
            "mx..example; dkim=pass",
            "*.mx.example; dkim=pass",
            "\"mx.example evil\"; dkim=pass",
            "mx.example dkim=pass",
        ] {
            let header = format!("Authentication-Results: {value}\n{RECEIVED}");
            check(&[&header, &header, &header], 3, "nothing");
        }
    }
}

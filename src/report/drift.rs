//! Networks whose mails seem to have changed: what looks like their notifications, and cannot be read. Such mails stay.
//!
//! Pure: who calls asks the ledger for the last days ([`SPAN`]), at least once a day.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::mail::{Fact, Incomplete, Network};

/// How far one looks back, so that nobody hears of it later than within a week.
pub const SPAN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is to be said, a sentence or two for each network: how many mails, from when to when, and what was missing. Nothing
/// where all could be read.
pub fn sentences(incomplete: &[Incomplete]) -> Vec<String> {
    let mut networks: BTreeMap<&Network, Vec<&Incomplete>> = BTreeMap::new();
    for one in incomplete {
        networks.entry(&one.network).or_default().push(one);
    }
    networks.into_iter().map(|(network, mails)| sentence(network, &mails)).collect()
}

fn sentence(network: &Network, mails: &[&Incomplete]) -> String {
    let many = match mails.len() {
        1 => "1 message that looks like its notifications".to_owned(),
        many => format!("{many} messages that look like its notifications"),
    };
    let days = || mails.iter().map(|mail| mail.received.date());
    let when = match (days().min(), days().max()) {
        (Some(first), Some(last)) if first != last => format!("between {first} and {last}"),
        (first, _) => format!("on {}", first.unwrap_or_default()),
    };
    format!(
        "{network}: {many} could not be read, {when}; {}. They stay where they are; the network may have changed its messages",
        missing(mails)
    )
}

fn missing(mails: &[&Incomplete]) -> String {
    let mut facts: BTreeMap<Fact, usize> = BTreeMap::new();
    for fact in mails.iter().flat_map(|mail| &mail.missing) {
        *facts.entry(*fact).or_default() += 1;
    }
    let unlike = mails.iter().filter(|mail| mail.missing.is_empty()).count();
    let times = |count: usize| if mails.len() > 1 { format!(" ({count})") } else { String::new() };
    let facts = facts.into_iter().map(|(fact, count)| format!("{fact}{}", times(count)));
    let unlike = (unlike > 0).then(|| format!("what tells such messages apart{}", times(unlike)));
    format!("missing: {}", facts.chain(unlike).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn incomplete(network: &str, missing: &[Fact], day: i64) -> Incomplete {
        Incomplete {
            network: Network::new(network).unwrap(),
            missing: missing.to_vec(),
            received: Timestamp(1_764_000_000 + day * 86_400),
        }
    }

    #[test]
    fn each_network_says_how_many_when_and_what_was_missing() {
        let mails = [
            incomplete("linkedin", &[Fact::Name, Fact::Url], 0),
            incomplete("twitch", &[], 1),
            incomplete("linkedin", &[Fact::Url], 2),
            incomplete("linkedin", &[], 3),
        ];
        let expected = [
            "linkedin: 3 messages that look like its notifications could not be read, between 2025-11-24 and 2025-11-27; \
             missing: name (1), url (2), what tells such messages apart (1). They stay where they are; the network may \
             have changed its messages",
            "twitch: 1 message that looks like its notifications could not be read, on 2025-11-25; missing: what tells \
             such messages apart. They stay where they are; the network may have changed its messages",
        ];
        assert_eq!(sentences(&mails), expected);
    }

    #[test]
    fn where_all_was_read_nothing_is_said() {
        assert_eq!(sentences(&[]), Vec::<String>::new());
    }
}

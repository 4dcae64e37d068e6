//! The part of `check --connect` and `init` about authenticity: what the server calls itself in Authentication-Results, which of the
//! user's own servers the settings could name, and whether `require-authentic` lets anything be filed. Writes no settings.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::host::{AuthservIds, HostName, Instance};
use crate::mail::{
    Authenticity, Message, Notification, Profiles, Recognition, Trust, agreed, same_organisation,
};
use crate::mailbox::{Range, Session};
use crate::place::{Folder, Uid};
use crate::report;
use crate::rulebook::{RuleFiles, Sent};
use crate::settings::Account;
use crate::sweep::{AccountFault, MAIL_LIMIT};

/// How many of the last messages are looked through for notifications.
const LAST: u32 = 2_000;
/// How many of these notifications are read, the last ones.
const NOTIFICATIONS: usize = 200;
/// How many of the last messages, evenly spread, are asked for what the server calls itself.
const NAMED: usize = 20;
/// How much of each of those is read.
const HEADER_BYTES: u32 = 16 << 10;

/// Looks at the last messages of a folder of the account; the lines that say what they show.
pub(super) fn told(
    account: &Account,
    folder: &Folder,
    files: &RuleFiles,
    session: &mut Session,
) -> Result<Vec<String>, AccountFault> {
    let Shown { authserv_id, reported, sampled, exists, proof } = look(account, folder, files, session)?;
    let mut lines = vec![match &authserv_id {
        Some(shown) => report::check::authserv_id(account, shown),
        None if reported > 0 => report::check::no_agreement(folder),
        None => report::check::no_authserv_id(sampled, exists, folder),
    }];
    lines.extend(proof.proposals());
    lines.extend(proof.warning());
    Ok(lines)
}

/// What the last messages of a folder show.
pub(super) struct Shown<'a> {
    /// What the server calls itself, if they agree on it.
    pub(super) authserv_id: Option<AuthservIds>,
    /// How many of the sample have Authentication-Results.
    reported: usize,
    sampled: usize,
    exists: u32,
    proof: Proof<'a>,
}

impl Shown<'_> {
    /// The servers whose messages would be proven if the settings named them, and how many of them.
    pub(super) fn provable(&self) -> &BTreeMap<Instance, usize> {
        &self.proof.provable
    }
}

/// Looks at the last messages of a folder of the account.
pub(super) fn look<'a>(
    account: &'a Account,
    folder: &Folder,
    files: &RuleFiles,
    session: &mut Session,
) -> Result<Shown<'a>, AccountFault> {
    let opened = session.select(folder)?;
    let profiles = files.rulebook_of(account, &Sent::new()).profiles;
    let first = opened.next.map_or(1, |next| next.0.saturating_sub(LAST).max(1));
    let (mut all, mut plausible) = (Vec::new(), Vec::new());
    session.heads(Range::From(Uid(first)), |batch| {
        for head in batch {
            all.push((head.uid, head.size));
            if profiles.plausible(&head.fields) {
                plausible.push((head.uid, head.size));
            }
        }
    })?;
    let last = |from: &[(Uid, u32)], most: usize| {
        from.get(from.len().saturating_sub(most)..).unwrap_or_default().to_vec()
    };

    // Not the last ones alone, which one sender could fill.
    let sample: Vec<_> = all.iter().copied().step_by(all.len().div_ceil(NAMED).max(1)).collect();
    let (mut reporters, mut reported) = (Vec::new(), 0);
    session.mails(&sample, HEADER_BYTES, |_, bytes| {
        if let Some(message) = Message::parse(bytes).ok().filter(Message::has_results) {
            reported += 1;
            reporters.extend(message.reporter());
        }
    })?;
    let shown = agreed(&reporters, sample.len());
    let mut proof = Proof::new(account, shown.clone().unwrap_or_default());
    session.mails(&last(&plausible, NOTIFICATIONS), MAIL_LIMIT, |_, bytes| proof.look(bytes, &profiles))?;
    Ok(Shown { authserv_id: shown, reported, sampled: sample.len(), exists: opened.exists, proof })
}

/// What the notifications of a folder prove.
struct Proof<'a> {
    account: &'a Account,
    /// What the settings say.
    set: Trust,
    /// What the server calls itself, where the settings do not say.
    authserv_id: AuthservIds,
    notifications: usize,
    passing: usize,
    /// Servers whose messages would pass if the settings named them, and how many of them.
    provable: BTreeMap<Instance, usize>,
}

impl<'a> Proof<'a> {
    fn new(account: &'a Account, shown: AuthservIds) -> Self {
        let set = Trust {
            authserv_id: account.authserv_id.clone(),
            instances: account.instances.clone(),
            relays: account.relays.clone(),
        };
        let authserv_id = if account.authserv_id.is_set() { account.authserv_id.clone() } else { shown };
        Self { account, set, authserv_id, notifications: 0, passing: 0, provable: BTreeMap::new() }
    }

    fn look(&mut self, bytes: &[u8], profiles: &Profiles) {
        let Ok(message) = Message::parse(bytes) else { return };
        let Some(found) = recognise(&message, profiles, &self.set) else { return };
        self.notifications += 1;
        if passes(&found) {
            self.passing += 1;
            return;
        }
        let Some(own) = instance(&message, &found) else { return };
        if self.set.instances.iter().any(|set| set.host == own.host) {
            return;
        }
        let trial =
            Trust { authserv_id: self.authserv_id.clone(), instances: vec![own.clone()], ..Trust::default() };
        if recognise(&message, profiles, &trial).is_some_and(|found| passes(&found)) {
            *self.provable.entry(own).or_default() += 1;
        }
    }

    /// A server may be anybody's, so that each is proposed by itself, and none is written into the settings.
    fn proposals(&self) -> Vec<String> {
        report::check::proposals(self.account, &self.provable)
    }

    fn warning(&self) -> Option<String> {
        let nothing = self.account.require_authentic && self.passing == 0;
        nothing.then(|| report::check::nothing_proven(self.account, self.notifications)).flatten()
    }
}

/// The server that a message shows, with the domain it comes from. That belongs to the same owner: anybody can send from a domain of
/// their own and name any server.
fn instance(message: &Message<'_>, found: &Notification) -> Option<Instance> {
    let shown = found.instance.as_deref()?;
    let host = HostName::parse(shown.split_once(':').map_or(shown, |(name, _)| name))?;
    let sender = message.from()?;
    let from = HostName::parse(sender.rsplit_once('@')?.1)?;
    same_organisation(host.as_str(), from.as_str()).then_some(Instance { host, from })
}

fn recognise(message: &Message<'_>, profiles: &Profiles, trust: &Trust) -> Option<Notification> {
    match profiles.recognise(message, trust, Timestamp(0)) {
        Recognition::Recognised(notification) => Some(notification),
        Recognition::Incomplete { .. } | Recognition::TooCostly | Recognition::Foreign => None,
    }
}

fn passes(notification: &Notification) -> bool {
    matches!(notification.authentic, Authenticity::Pass(_))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::diagnostic::document::Findings;
    use crate::place::AccountName;
    use crate::settings::{Backlog, Lookup, SecretSource, Tls};

    const OWN: &[u8] = include_bytes!("../../tests/corpus/mastodon/own-server/message.eml");
    const TWO_DOMAINS: &str = include_str!("../../tests/corpus/mastodon/two-domains/message.eml");
    const PORT: &str = include_str!("../../tests/corpus/nodebb/port-and-path/message.eml");
    const CLAIMED: &[u8] = include_bytes!("../../tests/corpus/mastodon/claims-own-server/message.eml");

    fn account(authserv_id: Option<&str>, instances: &[&str], require_authentic: bool) -> Account {
        Account {
            provider: None,
            name: AccountName::new("home").unwrap(),
            host: "mail.example".to_owned(),
            port: 993,
            tls: Tls::Implicit,
            ca_file: None,
            pin: None,
            user: "ann".to_owned(),
            secret: SecretSource::File(PathBuf::new()),
            folders: vec![Folder::inbox()],
            authserv_id: AuthservIds::parse(authserv_id).unwrap(),
            instances: instances.iter().map(|host| Instance::new(HostName::parse(host).unwrap())).collect(),
            relays: Vec::new(),
            lookup: Lookup::default(),
            require_authentic,
            act: true,
            backlog: Backlog::None,
            poll: Duration::from_secs(60),
            moves_per_hour: 1,
            moves_after_change: 1,
            idle: Duration::from_secs(60),
            digest: None,
        }
    }

    /// The proposals and the warning, of these messages.
    fn look(account: &Account, messages: &[&[u8]]) -> (String, Option<String>) {
        let findings = Findings::default();
        let profiles = Profiles::compile(&Profiles::shipped_sources(), &findings);
        let mut proof = Proof::new(account, AuthservIds::parse(["mx.home.example"]).unwrap());
        messages.iter().for_each(|bytes| proof.look(bytes, &profiles));
        (proof.proposals().join("\n"), proof.warning())
    }

    #[test]
    fn only_a_server_whose_messages_pass_as_its_own_is_proposed_and_only_once() {
        let set = account(Some("mx.home.example"), &[], false);
        let (proposals, _) = look(&set, &[OWN, CLAIMED, OWN]);
        assert!(
            proposals.starts_with("  2 messages here are provably from fosstodon.example"),
            "{proposals}"
        );
        assert!(proposals.contains("\n    instances = [\"fosstodon.example\"]\n"), "{proposals}");
        assert_eq!(look(&set, &[CLAIMED]).0, "");
        // As the server calls itself, where the settings do not say yet.
        assert_ne!(look(&account(None, &[], false), &[OWN]).0, "");
        let (more, _) = look(&account(Some("mx.home.example"), &["pod.example"], false), &[OWN]);
        assert!(more.contains("[\"pod.example\", \"fosstodon.example\"]"), "{more}");
        assert_eq!(
            look(&account(Some("mx.home.example"), &["fosstodon.example"], false), &[OWN, CLAIMED]).0,
            ""
        );
    }

    #[test]
    fn a_server_with_a_port_or_with_two_domains_of_one_owner_is_proposed() {
        let set = account(Some("mx.home.example"), &[], false);
        let signed = |message: &str, domain: &str| {
            format!("Authentication-Results: mx.home.example; dkim=pass header.d={domain}\n{message}")
                .into_bytes()
        };
        let two = signed(TWO_DOMAINS, "fosstodon.example");
        let expected =
            "instances = [{ host = \"social.fosstodon.example\", from = \"fosstodon.example\" }]\n";
        assert!(look(&set, &[&two]).0.contains(expected));
        let port = signed(&PORT.replace("www.forum.example", "forum.example"), "forum.example");
        assert!(look(&set, &[&port]).0.contains("instances = [\"forum.example\"]\n"));
        // Of another owner.
        let evil = TWO_DOMAINS.replace("https://social.fosstodon.example/", "https://toot.example/");
        assert_eq!(look(&set, &[&signed(&evil, "fosstodon.example")]).0, "");
    }

    #[test]
    fn an_account_that_demands_proof_is_warned_where_nothing_would_be_filed() {
        let warning = |account: &Account, messages: &[&[u8]]| look(account, messages).1;
        let own = Some("mx.home.example");
        assert_eq!(warning(&account(own, &[], false), &[OWN]), None);
        assert!(warning(&account(own, &[], true), &[OWN]).unwrap().contains("none of the 1 notifications"));
        assert_eq!(warning(&account(own, &["fosstodon.example"], true), &[OWN, CLAIMED]), None);
        assert_eq!(warning(&account(own, &[], true), &[]), None);
        assert!(warning(&account(None, &[], true), &[]).unwrap().contains("`authserv-id` is not set"));
    }
}

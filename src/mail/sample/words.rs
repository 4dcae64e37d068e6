//! Which words of a message are a person's, and which hosts. `replace` puts others in their places.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

use super::forms::OPAQUE;
use super::known::known;
use super::letters::{is_joined, is_of_word};
use crate::mail::fact::{Fact, Follower};
use crate::mail::field::{fields, text_of};
use crate::mail::markup::Document;
use crate::mail::message::Message;
use crate::mail::notification::Notification;
use crate::mail::people::addresses;
use crate::mail::trust::same_organisation;

/// Which words are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rigour {
    /// All that are a person's.
    Full,
    /// All but those that the network's messages are recognised by.
    KeepsKnown,
}

/// The fields that name the recipient.
const RECIPIENT: [&str; 7] =
    ["To", "Cc", "Bcc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Forwarded-To"];
/// The most words that are looked for within others.
const JOINED: usize = 200;
/// The words of a message that are replaced.
pub(super) struct Words {
    /// In lower case.
    pub(super) personal: BTreeSet<String>,
    /// Personal ones in scripts that put no blanks between words, the longest first.
    pub(super) joined: Vec<String>,
    /// What networks write, in lower case.
    pub(super) known: BTreeSet<String>,
    /// Hosts that are a person's own, with what replaces them.
    pub(super) hosts: BTreeMap<String, String>,
    /// The sender's domain, the server that a notification shows, and the domains above them.
    pub(super) kept: BTreeSet<String>,
    pub(super) rigour: Rigour,
    pub(super) seed: u64,
}

impl Words {
    pub(super) fn of(
        header: &[u8],
        message: &Message<'_>,
        genuine: Option<&Notification>,
        hidden: &[String],
        rigour: Rigour,
        seed: u64,
    ) -> Self {
        let fields = fields(header).unwrap_or_default();
        let to_recipient = |name: &str| RECIPIENT.iter().any(|it| name.eq_ignore_ascii_case(it));
        let recipients: Vec<_> =
            fields.iter().filter(|field| to_recipient(&field.get_key_ref())).flat_map(addresses).collect();
        let sender = message.from().and_then(|from| Some(from.rsplit_once('@')?.1.to_owned()));
        let kept = sender.into_iter().chain(genuine.and_then(|genuine| genuine.instance.clone()));
        let kept: BTreeSet<_> = kept.map(|host| host.to_lowercase()).collect();
        let organisations = kept.iter().filter_map(|host| psl::domain_str(host).map(str::to_owned));
        // At an alias service, a host of the recipient's own sends to them.
        let (own, rest): (Vec<_>, Vec<_>) = kept.iter().cloned().partition(|host| {
            psl::domain_str(host).is_some_and(|it| it != host.as_str())
                && recipients.iter().any(|recipient| recipient.domain == *host)
        });
        let kept = rest.into_iter().chain(organisations).collect();
        let mut words = Self {
            personal: BTreeSet::new(),
            joined: Vec::new(),
            known: known(genuine),
            hosts: BTreeMap::new(),
            kept,
            rigour,
            seed,
        };
        for host in &own {
            let organisation = psl::domain_str(host).unwrap_or_default();
            let labels = host.strip_suffix(organisation).unwrap_or_default().split('.');
            let labels: Vec<_> = labels.filter(|label| !words.known.contains(*label)).collect();
            labels.into_iter().for_each(|label| words.hide(label));
        }
        for address in recipients {
            words.hide(&address.name);
            words.hide(&address.local);
            words.hide_host(&address.domain);
        }
        for field in fields.iter().filter(|field| is_own_field(&field.get_key_ref())) {
            words.hide_opaque(&text_of(field));
        }
        words.hide_greeted(message);
        for follower in genuine.into_iter().flat_map(|genuine| &genuine.followers) {
            words.hide_follower(follower);
        }
        hidden.iter().for_each(|text| words.hide(text));
        if genuine.is_none() {
            words.guess(message);
        }
        words.joined.sort_by_key(|word| Reverse(word.len()));
        words.joined.truncate(JOINED);
        words
    }

    /// The words that [`Self::opaque`] replaces, which may stand elsewhere too: some networks write the recipient's name into a field
    /// of their own.
    fn hide_opaque(&mut self, text: &str) {
        for found in OPAQUE.captures_iter(text) {
            if let Some(word) = found.name("word").map(|found| found.as_str())
                && word.chars().count() > 2
                && !self.known.contains(&folded(word))
            {
                self.hide(word);
            }
        }
    }

    /// The rest of the recipient's name, in a greeting: `Ann Lima,` to `ann@home.example`.
    fn hide_greeted(&mut self, message: &Message<'_>) {
        let mut rest = Vec::new();
        let parts = [message.text(), message.html()].into_iter().flatten();
        for line in parts.flat_map(str::lines) {
            let words: Vec<_> =
                line.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty()).collect();
            for pair in words.windows(2) {
                if let [first, next] = pair
                    && self.personal.contains(&folded(first))
                    && next.starts_with(char::is_uppercase)
                    && next.chars().all(is_of_word)
                    && !self.known.contains(&folded(next))
                {
                    rest.push((*next).to_owned());
                }
            }
        }
        rest.iter().for_each(|word| self.hide(word));
    }

    fn hide_follower(&mut self, follower: &Follower) {
        for fact in [Fact::Name, Fact::Bio, Fact::Location] {
            if let Some(text) = follower.text(fact).value() {
                self.hide(text);
            }
        }
        if let Some(handle) = follower.text(Fact::Handle).value() {
            self.hide_address(handle);
        }
        self.hide(follower.id.as_deref().unwrap_or_default());
        if let Some(site) = follower.text(Fact::Website).value() {
            let host = site.split_once("://").map_or(*site, |(_, rest)| rest);
            self.hide_host(host.split(['/', '?', '#', ':']).next().unwrap_or_default());
        }
    }

    /// `ann@home.example`, or a name alone.
    fn hide_address(&mut self, address: &str) {
        let (local, host) =
            address.rsplit_once('@').map_or((address, None), |(local, host)| (local, Some(host)));
        self.hide(local);
        if let Some(host) = host {
            self.hide_host(host);
        }
    }

    /// A host of a person's own, unless the network's messages come from there.
    fn hide_host(&mut self, host: &str) {
        let host = host.to_lowercase();
        let is_kept = self.kept.iter().any(|kept| same_organisation(kept, &host));
        if !host.contains('.') || is_kept {
            return;
        }
        let last = host.rfind('.').unwrap_or(host.len());
        let (labels, end) = host.split_at_checked(last).unwrap_or((&host, ""));
        let other = self.each_word(labels, |word| self.other(word)) + end;
        self.hosts.insert(host, other);
    }

    /// Each word of a text.
    fn hide(&mut self, text: &str) {
        for word in text.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty()) {
            let folded = folded(word);
            let is_number = folded.chars().all(|c| c.is_numeric());
            // One letter is in every text.
            if is_number || folded.chars().count() < 2 && folded.is_ascii() {
                continue;
            }
            if self.rigour == Rigour::KeepsKnown && self.known.contains(&folded) {
                continue;
            }
            if folded.unicode_words().count() > 1 || folded.chars().any(is_joined) {
                self.joined.push(folded.clone());
            }
            self.personal.insert(folded);
        }
    }

    /// Where nothing says which words are names: those of the sender's name, and of links whose paths nothing explains.
    fn guess(&mut self, message: &Message<'_>) {
        let mut texts: Vec<String> =
            message.head().from().map(|from| from.name.clone()).into_iter().collect();
        if let Some(html) = message.html() {
            let document = Document::parse(html, false);
            let links = document
                .within(None)
                .filter(|place| document.element(*place).is_some_and(|it| it.tag == "a"));
            for place in links {
                let target =
                    document.element(place).map(|element| element.target.clone()).unwrap_or_default();
                if self.link(&target, 0) != target {
                    texts.extend(document.text_of(place));
                }
            }
        }
        for text in texts {
            let unknown: Vec<_> = text
                .split(|c: char| !is_of_word(c))
                .filter(|word| !self.known.contains(&folded(word)))
                .map(str::to_owned)
                .collect();
            unknown.iter().for_each(|word| self.hide(word));
        }
    }
}

/// As words are compared.
pub(super) fn folded(word: &str) -> String {
    word.nfc().collect::<String>().to_lowercase()
}

/// Is it a field that no standard describes?
fn is_own_field(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"))
}

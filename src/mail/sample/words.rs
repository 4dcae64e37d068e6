//! What is replaced in a sample, and by what: each word of a person's by another of the same length, case and script, wherever it
//! stands; tokens likewise; and the hosts that are a person's own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::{Captures, Regex};
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

use super::known::known;
use super::letters::{self, is_joined, is_of_word};
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

/// What of a link's part is not written with a percent sign.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// The fields that name the recipient.
const RECIPIENT: [&str; 7] =
    ["To", "Cc", "Bcc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Forwarded-To"];
/// The most words that are looked for within others.
const JOINED: usize = 200;
/// How deep links in links are followed.
const DEPTH: usize = 4;
/// A run of letters and digits of this length is a token, if it has both.
const TOKEN: usize = 16;

/// `ann@home.example`, `@ann` or `@ann@home.example`.
fn address_form() -> String {
    format!("(?:{OF_ADDRESS}|[._%+=-])*@(?:{OF_ADDRESS}|[_.-])+(?:@(?:{OF_ADDRESS}|[.-])+)?")
}

#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static RUNNING: LazyLock<Regex> = LazyLock::new(|| {
    let address = address_form();
    Regex::new(&format!(
        r#"(?P<url>https?://[^\s<>"\]\[]+)|(?P<bare>(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|{LABEL}(?:\.{LABEL})*\.[A-Za-z]{{2,}}/)[^\s<>"\]\[]+)|(?P<address>{address})|(?P<token>[A-Za-z0-9_-]{{{TOKEN},}})|(?P<host>{LABEL}(?:\.{LABEL})+)|(?P<word>{WORD})"#
    ))
    .unwrap()
});
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static OPAQUE: LazyLock<Regex> = LazyLock::new(|| {
    let (address, label) = (address_form(), format!("{WORD}(?:[-_]+{WORD})*"));
    Regex::new(&format!(
        r#"(?P<url>https?://[^\s<>"\]\[,;]+)|(?P<address>{address})|(?P<host>{label}(?:\.{label})+)|(?P<word>{WORD})"#
    ))
    .unwrap()
});
const LABEL: &str = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*";
const WORD: &str = r"[\p{L}\p{N}\p{M}]+";
/// Scripts without blanks between words would make what follows an address a part of it.
const OF_ADDRESS: &str = r"[[\p{L}\p{N}\p{M}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]]";

/// The words of a message that are replaced.
pub(super) struct Words {
    /// In lower case.
    personal: BTreeSet<String>,
    /// Personal ones in scripts that put no blanks between words, the longest first.
    joined: Vec<String>,
    /// What networks write, in lower case.
    known: BTreeSet<String>,
    /// Hosts that are a person's own, with what replaces them.
    hosts: BTreeMap<String, String>,
    /// The sender's domain, the server that a notification shows, and the domains above them.
    kept: BTreeSet<String>,
    rigour: Rigour,
    seed: u64,
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

    /// Running text: words stay, except a person's; addresses, handles, tokens and links are replaced.
    pub(super) fn text(&self, text: &str) -> String {
        let replaced = RUNNING.replace_all(text, |found: &Captures<'_>| {
            let get = |name| found.name(name).map(|found| found.as_str());
            if let Some(link) = get("bare") {
                return self.bare_link(link);
            }
            match (get("url"), get("address"), get("host"), get("token").or(get("word"))) {
                (Some(url), ..) => self.link(url, 0),
                (_, Some(address), ..) => self.address(address),
                (_, _, Some(host), _) => self.owned(host).unwrap_or_else(|| self.words_in(host)),
                (.., Some(token)) if is_token(token) => self.each_word(token, |word| self.unless_known(word)),
                (.., Some(words)) => self.words_in(words),
                _ => String::new(),
            }
        });
        self.without_joined(&replaced)
    }

    /// Text of which only what networks write stays.
    pub(super) fn opaque(&self, text: &str) -> String {
        let replaced = OPAQUE.replace_all(text, |found: &Captures<'_>| {
            let get = |name| found.name(name).map(|found| found.as_str());
            match (get("url"), get("address"), get("host"), get("word")) {
                (Some(url), ..) => self.link(url, 0),
                (_, Some(address), ..) => self.address(address),
                (_, _, Some(host), _) => self.host_in(host),
                (.., Some(word)) => self.unless_known(word),
                _ => String::new(),
            }
        });
        self.without_joined(&replaced)
    }

    /// `<token@host>`.
    pub(super) fn id(&self, id: &str) -> String {
        let (token, host) = id.rsplit_once('@').unwrap_or((id, ""));
        let token = self.opaque_words(token);
        let (host, end) = host.strip_suffix('>').map_or((host, ""), |host| (host, ">"));
        if host.is_empty() { token + end } else { format!("{token}@{}{end}", self.host_in(host)) }
    }

    /// A link: its host stays, unless it is a person's own, and so does the shape of the rest.
    pub(super) fn link(&self, url: &str, depth: usize) -> String {
        let Some((scheme, rest)) = url.split_once("://").filter(|_| depth < DEPTH) else {
            return self.opaque_words(url);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) =
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let mut link = format!("{scheme}://{}", self.host(host));
        if let Some(port) = port {
            link.push(':');
            link.push_str(&self.opaque_words(port));
        }
        let nested = tail.find("https://").or_else(|| tail.find("http://")).unwrap_or(tail.len());
        let (tail, nested) = tail.split_at_checked(nested).unwrap_or((tail, ""));
        for piece in tail.split_inclusive(['/', '?', '&', '=', '#', ';', ':']) {
            let (value, separator) = match piece.char_indices().next_back() {
                Some((at, '/' | '?' | '&' | '=' | '#' | ';' | ':')) => {
                    piece.split_at_checked(at).unwrap_or((piece, ""))
                }
                _ => (piece, ""),
            };
            // A name of a parameter says what it is.
            let is_key = separator == "="
                && value.len() < TOKEN
                && value.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-');
            link.push_str(&if is_key { self.words_in(value) } else { self.value(value, depth) });
            link.push_str(separator);
        }
        if !nested.is_empty() {
            link.push_str(&self.link(nested, depth + 1));
        }
        link
    }

    /// A link of another scheme, or of none.
    fn bare_link(&self, link: &str) -> String {
        if link.contains("://") {
            return self.link(link, 0);
        }
        let (start, rest) = link.strip_prefix("//").map_or(("", link), |rest| ("//", rest));
        let replaced = self.link(&format!("http://{rest}"), 0);
        format!("{start}{}", replaced.strip_prefix("http://").unwrap_or_default())
    }

    /// A part of a link, which may be a link itself.
    fn value(&self, value: &str, depth: usize) -> String {
        let Ok(decoded) = percent_decode_str(value).decode_utf8() else { return self.opaque_words(value) };
        let replaced =
            if decoded.contains("://") { self.link(&decoded, depth + 1) } else { self.opaque_part(&decoded) };
        if decoded == value {
            return replaced;
        }
        utf8_percent_encode(&replaced, ENCODED).to_string()
    }

    fn opaque_part(&self, text: &str) -> String {
        if text.contains('@') || text.contains('.') { self.opaque(text) } else { self.opaque_words(text) }
    }

    fn opaque_words(&self, text: &str) -> String {
        self.without_joined(&self.each_word(text, |word| self.unless_known(word)))
    }

    fn words_in(&self, text: &str) -> String {
        self.each_word(text, |word| self.word(word))
    }

    /// `name@host`, `@name` or `@name@host`.
    fn address(&self, address: &str) -> String {
        let trimmed = address.trim_end_matches(['.', '-', '_']);
        let end = address.strip_prefix(trimmed).unwrap_or_default();
        let (local, host) = match trimmed.rsplit_once('@') {
            Some((local, host)) if !local.is_empty() => (local, host),
            _ => return self.each_word(trimmed, |word| self.other(word)) + end,
        };
        let is_senders = !local.starts_with('@') && self.is_senders(host);
        // `no-reply` says what it is; `follow-ann=home.example` tells the recipient.
        let says_what = is_senders && local.chars().all(|c| c.is_ascii_alphabetic() || "-_.".contains(c));
        let local = match (says_what, is_senders) {
            (true, _) => self.words_in(local),
            (false, true) => self.opaque_words(local),
            (false, false) => self.each_word(local, |word| self.other(word)),
        };
        let host = match (self.owned(host), host.contains('.') && local.starts_with('@') || is_senders) {
            (Some(other), _) => other,
            (None, true) => self.host(host),
            // The domain of somebody's address.
            (None, false) => self.host_in(host),
        };
        format!("{local}@{host}{end}")
    }

    /// Is it a host from which the network sends?
    fn is_senders(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        let is_known = || host.split('.').all(|label| self.known.contains(label)) && host.contains('.');
        self.owned(&host).is_none()
            && (self.kept.iter().any(|kept| same_organisation(kept, &host)) || is_known())
    }

    /// What replaces a host that is a person's own, or is below one.
    fn owned(&self, host: &str) -> Option<String> {
        let folded = host.to_lowercase();
        let starts = std::iter::once(0).chain(folded.match_indices('.').map(|(at, _)| at + 1));
        let (before, other) = starts
            .filter_map(|at| folded.split_at_checked(at))
            .find_map(|(before, own)| Some((before, self.hosts.get(own)?)))?;
        Some(self.each_word(before, |word| self.unless_known(word)) + other)
    }

    /// A host: as it is, but for labels that are a person's.
    fn host(&self, host: &str) -> String {
        if let Some(other) = self.owned(host) {
            return other;
        }
        if self.kept.iter().any(|kept| kept.eq_ignore_ascii_case(host)) {
            return host.to_owned();
        }
        self.words_in(host)
    }

    /// A host where no link is: only that of the sender stays.
    fn host_in(&self, host: &str) -> String {
        let folded = host.to_lowercase();
        if let Some(other) = self.owned(host) {
            return other;
        }
        let kept = self.kept.iter().filter(|kept| {
            folded
                .strip_suffix(kept.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        match kept
            .max_by_key(|kept| kept.len())
            .and_then(|kept| host.split_at_checked(host.len() - kept.len()))
        {
            Some((before, kept)) => self.each_word(before, |word| self.unless_known(word)) + kept,
            None => self.each_word(host, |word| self.unless_known(word)),
        }
    }

    /// A word of running text.
    fn word(&self, word: &str) -> String {
        let folded = folded(word);
        if self.personal.contains(&folded) || is_token(word) && !self.known.contains(&folded) {
            return self.other(word);
        }
        word.to_owned()
    }

    fn unless_known(&self, word: &str) -> String {
        let folded = folded(word);
        let stays =
            self.known.contains(&folded) && !self.personal.contains(&folded) || folded.chars().count() < 2;
        if stays { word.to_owned() } else { self.other(word) }
    }

    fn each_word(&self, text: &str, other: impl Fn(&str) -> String) -> String {
        let mut replaced = String::new();
        let mut word = String::new();
        for c in text.chars() {
            if is_of_word(c) {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                replaced.push_str(&other(&word));
                word.clear();
            }
            replaced.push(c);
        }
        if !word.is_empty() {
            replaced.push_str(&other(&word));
        }
        replaced
    }

    /// Names that no blank separates from what is around them.
    fn without_joined(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for word in &self.joined {
            if text.contains(word.as_str()) {
                text = text.replace(word.as_str(), &self.other(word));
            }
        }
        text
    }

    /// Another word of the same length, case and script, with no letter in its place; always the same one for a word. A letter alone
    /// says nothing.
    fn other(&self, word: &str) -> String {
        if word.len() < 2 {
            return word.to_owned();
        }
        letters::other(word, self.seed)
    }
}

/// As words are compared.
fn folded(word: &str) -> String {
    word.nfc().collect::<String>().to_lowercase()
}

/// Is it long, with letters and digits, as the numbers by which a network knows somebody are?
fn is_token(word: &str) -> bool {
    word.len() >= TOKEN
        && word.is_ascii()
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Is it a field that no standard describes?
fn is_own_field(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"))
}

//! What a person's words become in a sample: each another of the same length, case and script, wherever it stands; tokens likewise; and
//! the hosts that are a person's own.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Captures;

use super::forms::{OPAQUE, RUNNING, TOKEN, is_token};
use super::letters::{self, is_of_word};
use super::words::{Words, folded};
use crate::mail::trust::same_organisation;

/// What of a link's part is not written with a percent sign.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// How deep links in links are followed.
const DEPTH: usize = 4;

impl Words {
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
    pub(super) fn bare_link(&self, link: &str) -> String {
        if link.contains("://") {
            return self.link(link, 0);
        }
        let (start, rest) = link.strip_prefix("//").map_or(("", link), |rest| ("//", rest));
        let replaced = self.link(&format!("http://{rest}"), 0);
        format!("{start}{}", replaced.strip_prefix("http://").unwrap_or_default())
    }

    /// A part of a link, which may be a link itself.
    pub(super) fn value(&self, value: &str, depth: usize) -> String {
        let Ok(decoded) = percent_decode_str(value).decode_utf8() else { return self.opaque_words(value) };
        let replaced =
            if decoded.contains("://") { self.link(&decoded, depth + 1) } else { self.opaque_part(&decoded) };
        if decoded == value {
            return replaced;
        }
        utf8_percent_encode(&replaced, ENCODED).to_string()
    }

    pub(super) fn opaque_part(&self, text: &str) -> String {
        if text.contains('@') || text.contains('.') { self.opaque(text) } else { self.opaque_words(text) }
    }

    pub(super) fn opaque_words(&self, text: &str) -> String {
        self.without_joined(&self.each_word(text, |word| self.unless_known(word)))
    }

    pub(super) fn words_in(&self, text: &str) -> String {
        self.each_word(text, |word| self.word(word))
    }

    /// `name@host`, `@name` or `@name@host`.
    pub(super) fn address(&self, address: &str) -> String {
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
    pub(super) fn is_senders(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        let is_known = || host.split('.').all(|label| self.known.contains(label)) && host.contains('.');
        self.owned(&host).is_none()
            && (self.kept.iter().any(|kept| same_organisation(kept, &host)) || is_known())
    }

    /// What replaces a host that is a person's own, or is below one.
    pub(super) fn owned(&self, host: &str) -> Option<String> {
        let folded = host.to_lowercase();
        let starts = std::iter::once(0).chain(folded.match_indices('.').map(|(at, _)| at + 1));
        let (before, other) = starts
            .filter_map(|at| folded.split_at_checked(at))
            .find_map(|(before, own)| Some((before, self.hosts.get(own)?)))?;
        Some(self.each_word(before, |word| self.unless_known(word)) + other)
    }

    /// A host: as it is, but for labels that are a person's.
    pub(super) fn host(&self, host: &str) -> String {
        if let Some(other) = self.owned(host) {
            return other;
        }
        if self.kept.iter().any(|kept| kept.eq_ignore_ascii_case(host)) {
            return host.to_owned();
        }
        self.words_in(host)
    }

    /// A host where no link is: only that of the sender stays.
    pub(super) fn host_in(&self, host: &str) -> String {
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
    pub(super) fn word(&self, word: &str) -> String {
        let folded = folded(word);
        if self.personal.contains(&folded) || is_token(word) && !self.known.contains(&folded) {
            return self.other(word);
        }
        word.to_owned()
    }

    pub(super) fn unless_known(&self, word: &str) -> String {
        let folded = folded(word);
        let stays =
            self.known.contains(&folded) && !self.personal.contains(&folded) || folded.chars().count() < 2;
        if stays { word.to_owned() } else { self.other(word) }
    }

    pub(super) fn each_word(&self, text: &str, other: impl Fn(&str) -> String) -> String {
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
    pub(super) fn without_joined(&self, text: &str) -> String {
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
    pub(super) fn other(&self, word: &str) -> String {
        if word.len() < 2 {
            return word.to_owned();
        }
        letters::other(word, self.seed)
    }
}

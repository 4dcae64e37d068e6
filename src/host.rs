//! Host names in the one form in which followsift compares them, the user's own servers on self-hosted networks, the names of mail
//! servers in Authentication-Results, and the services that forward messages under an alias.
//!
//! Values only. Imports no other room, never resolves a name. The only user of idna.

use std::borrow::Cow;
use std::fmt;

mod authserv_id;
mod relay;

pub use authserv_id::{AuthservId, AuthservIds, WrongAuthservId, names_a_server};
pub use relay::{Relay, RelayService};

/// The maximum length of a name, and of a label in it, in characters (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host name as in DNS: lower-case ASCII without a final dot; IDNA2008 encodes international labels (UTS 46,
/// non-transitional). `straße.example` and `strasse.example` are two hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Parses a name as people or messages write it; `None` for any text that cannot be a host name, such as one with a port.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        // Before anything is decoded, since decoding punycode takes time quadratic in its length.
        let fits =
            |label: &str| !label.is_empty() && label.chars().take(LONGEST_LABEL + 1).count() <= LONGEST_LABEL;
        if text.chars().take(LONGEST + 1).count() > LONGEST || !text.split('.').all(fits) {
            return None;
        }
        let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL).ok()?;
        idna::uts46::verify_dns_length(&ascii, false).then(|| Self(ascii.into_owned()))
    }

    /// The name in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in Unicode, as people write it.
    pub fn to_unicode(&self) -> Cow<'_, str> {
        match self.0.contains("xn--") {
            true => Cow::Owned(idna::domain_to_unicode(&self.0).0),
            false => Cow::Borrowed(&self.0),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of the user's own servers on a self-hosted network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The server's name, as its messages write it.
    pub host: HostName,
    /// The domain that its messages are sent from; usually the same.
    pub from: HostName,
}

impl Instance {
    /// A server whose messages are sent from its own name.
    pub fn new(host: HostName) -> Self {
        Self { from: host.clone(), host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<String> {
        HostName::parse(text).map(|host| host.to_string())
    }

    #[test]
    fn one_host_has_one_form() {
        for (written, form) in [
            ("Toot.Example", "toot.example"),
            ("toot.example.", "toot.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("BÜCHER。example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(host(written).as_deref(), Some(form), "{written}");
        }
        assert_eq!(HostName::parse("xn--bcher-kva.example").unwrap().to_unicode(), "bücher.example");
    }

    #[test]
    fn hosts_that_can_be_registered_separately_are_different() {
        assert_ne!(host("straße.example"), host("strasse.example"));
        assert_eq!(host("straße.example").as_deref(), Some("xn--strae-oqa.example"));
        assert_ne!(host("βόλος.example"), host("βόλοσ.example"));
    }

    #[test]
    fn text_that_cannot_be_a_host_is_none() {
        let (label, name) = ("a".repeat(64), format!("{}b", "a.".repeat(127)));
        for text in [
            "",
            ".",
            "a..b",
            "a b",
            "toot.example:3000",
            "https://toot.example",
            "@toot.example",
            "xn--a.example",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
        assert_eq!((host(&label), host(&name)), (None, None));
        assert_eq!(host(&format!("xn--{}", "a".repeat(100_000))), None);
    }
}

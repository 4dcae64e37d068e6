//! Whose memory is asked: one recipient, written in one form.

use std::fmt;

use crate::host::HostName;

/// The longest address (RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.2), in octets.
const LONGEST: usize = 64 + 1 + 255;

/// A mail address, or the name of a user of this host, in one form. The part before the `@` is compared in any case and without what
/// follows a `+`, as most mail hosts do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient(String);

impl Recipient {
    /// `None` for text that cannot be a recipient: empty, too long, with blanks or control characters.
    pub fn new(address: &str) -> Option<Self> {
        let fits = |text: &str| {
            !text.is_empty()
                && text.len() <= LONGEST
                && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if !fits(address) {
            return None;
        }
        let mailbox = |local: &str| {
            let plain = local.split('+').next().filter(|plain| !plain.is_empty()).unwrap_or(local);
            caseless::default_case_fold_str(plain)
        };
        let folded = match address.rsplit_once('@') {
            Some((local, host)) => {
                let host = HostName::parse(host)
                    .map_or_else(|| host.to_lowercase(), |host| host.as_str().to_owned());
                format!("{}@{host}", mailbox(local))
            }
            None => mailbox(address),
        };
        fits(&folded).then_some(Self(folded))
    }

    /// The folded address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address belongs in no log.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(_)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_has_one_form() {
        for (address, expected) in [
            ("Ann@Example.ORG", Some("ann@example.org")),
            ("ann@example.org.", Some("ann@example.org")),
            ("ann@straße.example", Some("ann@xn--strae-oqa.example")),
            ("Ann", Some("ann")),
            ("Ann+Toots@example.org", Some("ann@example.org")),
            ("ann+", Some("ann")),
            ("+ann@example.org", Some("+ann@example.org")),
            ("ann@[192.0.2.1]", Some("ann@[192.0.2.1]")),
            ("\"a@b\"@example.org", Some("\"a@b\"@example.org")),
            ("", None),
            ("ann@example.org\0", None),
            ("ann\r\nbob", None),
            ("ann bob", None),
        ] {
            let recipient = Recipient::new(address);
            assert_eq!(recipient.as_ref().map(Recipient::as_str), expected, "{address:?}");
        }
        assert_eq!(Recipient::new(&"a".repeat(LONGEST + 1)), None);
        assert_eq!(format!("{:?}", Recipient::new("ann@example.org").unwrap()), "Recipient(_)");
    }
}

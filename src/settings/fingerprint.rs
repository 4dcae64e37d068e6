//! The fingerprint of a certificate, as the settings pin it and as `check --connect` prints it.

use std::fmt;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};

/// The text form: the name of the hash function, then 64 hexadecimal digits.
const PREFIX: &str = "sha256:";

/// SHA-256 of a certificate in DER. If the settings have one, followsift trusts only that certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of this certificate.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits, in either case, with or without colons between, as openssl prints them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?.replace(':', "");
        HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_printed_and_as_openssl_prints_it() {
        let pin = Fingerprint::of(b"a certificate");
        let printed = pin.to_string();
        assert_eq!(Fingerprint::parse(&printed), Some(pin));
        let digits: Vec<char> = printed.trim_start_matches(PREFIX).to_uppercase().chars().collect();
        let pairs: Vec<String> = digits.chunks(2).map(String::from_iter).collect();
        assert_eq!(Fingerprint::parse(&format!("sha256:{}", pairs.join(":"))), Some(pin));
    }

    #[test]
    fn any_other_text_is_none() {
        let printed = Fingerprint::of(b"").to_string();
        let bare = printed.trim_start_matches(PREFIX);
        let short = printed.trim_end_matches(|c: char| c.is_ascii_hexdigit());
        let long = format!("{printed}0");
        for text in ["", "sha256:", "sha1:00", bare, short, &long, &printed.replace('a', "g")] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}

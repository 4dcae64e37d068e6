//! The certificate that a server presented: whose it is, who issued it, when it is valid; and why it is not trusted.
//!
//! Owns the text about it; what it contains is a server's choice, so it is made harmless and capped. Never decides whether a
//! certificate is trusted. Made and shown by `mailbox` and `web`. The openssl crate reads it, which native-tls brings and connects with;
//! native-tls itself shows no more than its bytes.

use std::fmt;
use std::net::IpAddr;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509, X509NameRef};

use crate::clock::{self, Timestamp};
use crate::settings::Fingerprint;
use crate::text;

/// How many names are shown.
const NAMES: usize = 3;
/// The longest name, in characters.
const LONGEST: usize = 80;

/// A certificate that a server presented, trusted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its digest.
    pub fingerprint: Fingerprint,
    /// The names that it is for, harmless.
    pub names: Vec<String>,
    /// Who issued it, harmless.
    pub issuer: String,
    /// When it begins to be valid, and when it ends.
    pub valid: Option<(Timestamp, Timestamp)>,
}

impl Certificate {
    /// Reads the certificate in DER. What cannot be read is left out.
    pub(crate) fn read(der: &[u8]) -> Self {
        let fingerprint = Fingerprint::of(der);
        match X509::from_der(der) {
            Ok(x509) => Self {
                fingerprint,
                names: names(&x509),
                issuer: owner(x509.issuer_name()),
                valid: moment(x509.not_before()).zip(moment(x509.not_after())),
            },
            Err(_) => Self { fingerprint, names: Vec::new(), issuer: String::new(), valid: None },
        }
    }
}

impl Certificate {
    /// What it shows to be wrong with it, apart from its issuer.
    fn faults(&self, host: &str, now: Timestamp) -> Vec<DistrustReason> {
        // Bytes that could not be read show nothing.
        let Some((from, until)) = self.valid else { return Vec::new() };
        let name = (!self.is_for(host)).then_some(DistrustReason::OtherName);
        let time = match () {
            () if now < from => Some(DistrustReason::NotValidYet),
            () if until < now => Some(DistrustReason::Expired),
            () => None,
        };
        name.into_iter().chain(time).collect()
    }

    /// Is it for this host? For the advice alone: OpenSSL decides.
    fn is_for(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => host.split_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(rest)),
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

/// The names of hosts and addresses; without any, the common name, as OpenSSL takes it (RFC 6125, section 6.4.4).
fn names(x509: &X509) -> Vec<String> {
    let alternatives = x509.subject_alt_names();
    let names = alternatives.iter().flatten().filter_map(|name| {
        let address = || match name.ipaddress()? {
            [a, b, c, d] => Some(IpAddr::from([*a, *b, *c, *d]).to_string()),
            long => Some(IpAddr::from(<[u8; 16]>::try_from(long).ok()?).to_string()),
        };
        name.dnsname().map(harmless).or_else(address)
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { part(x509.subject_name(), Nid::COMMONNAME).into_iter().collect() } else { names }
}

/// The common name and the organisation.
fn owner(name: &X509NameRef) -> String {
    let parts = [Nid::COMMONNAME, Nid::ORGANIZATIONNAME].into_iter().filter_map(|nid| part(name, nid));
    parts.collect::<Vec<_>>().join(", ")
}

fn part(name: &X509NameRef, nid: Nid) -> Option<String> {
    let text = name.entries_by_nid(nid).next()?.data().to_string().ok()?;
    Some(harmless(&text)).filter(|text| !text.is_empty())
}

fn harmless(text: &str) -> String {
    text::one_line(text, LONGEST)
}

fn moment(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(Timestamp(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

impl fmt::Display for Certificate {
    /// `for mail.example, issued by R11, Let's Encrypt, valid 2026-11-01 to 2027-01-30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, issuer) = (&self.names, &self.issuer);
        let more = names.len().saturating_sub(NAMES);
        let shown = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
        match (shown.is_empty(), more) {
            (true, _) => f.write_str("for no name")?,
            (false, 0) => write!(f, "for {shown}")?,
            (false, more) => write!(f, "for {shown} and {more} more")?,
        }
        if !issuer.is_empty() {
            write!(f, ", issued by {issuer}")?;
        }
        match self.valid {
            Some((from, until)) => write!(f, ", valid {} to {}", from.date(), until.date()),
            None => Ok(()),
        }
    }
}

/// Why a server's certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distrust {
    /// The reason that matters most.
    pub why: DistrustReason,
    /// The others, if the certificate shows any.
    pub further: Vec<DistrustReason>,
    /// The name that it should be for.
    pub host: String,
    /// What the server presents, if it could be seen.
    pub shown: Option<Certificate>,
}

impl Distrust {
    /// OpenSSL's reason.
    pub(crate) fn new(why: DistrustReason, host: &str) -> Self {
        Self { why, further: Vec::new(), host: host.to_owned(), shown: None }
    }

    /// The same, once the certificate is seen. OpenSSL names one reason alone, and an unknown issuer before all others; yet an expired
    /// certificate or one for another name stays wrong when its issuer is known. Only a self-signed certificate has no issuer that
    /// could be known, so that comes first.
    pub(crate) fn shows(self, shown: Option<Certificate>, now: Timestamp) -> Self {
        let Self { why, host, .. } = self;
        let seen = shown.as_ref().map_or_else(Vec::new, |shown| shown.faults(&host, now));
        let mut reasons = match why {
            DistrustReason::SelfSigned => [vec![why], seen].concat(),
            _ => [seen, vec![why]].concat(),
        };
        reasons.dedup();
        let why = reasons.remove(0);
        reasons.retain(|reason| *reason != why);
        Self { why, further: reasons, host, shown }
    }
}

/// A reason not to trust a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistrustReason {
    /// It is for another name.
    OtherName,
    /// No authority that this machine trusts has issued it.
    UnknownIssuer,
    /// It is its own issuer.
    SelfSigned,
    /// It has expired, or one that it depends on has.
    Expired,
    /// It is not valid yet by this machine's clock, or one that it depends on is not.
    NotValidYet,
    /// Another reason, in the words of OpenSSL.
    Other(String),
}

impl std::error::Error for Distrust {}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = clock::now();
        let valid = self.shown.as_ref().and_then(|shown| shown.valid);
        let is_of_chain = valid.is_some_and(|(from, until)| from <= now && now <= until);
        let its = if is_of_chain { "a certificate that its own depends on" } else { "its certificate" };
        for (at, reason) in [&self.why].into_iter().chain(&self.further).enumerate() {
            let its = if at == 0 { its } else { "it" };
            f.write_str(if at == 0 { "" } else { "; " })?;
            match reason {
                DistrustReason::OtherName if at == 0 => {
                    write!(f, "its certificate is not for {}", self.host)?;
                }
                DistrustReason::OtherName => write!(f, "it is not for {}", self.host)?,
                DistrustReason::UnknownIssuer if at == 0 => {
                    f.write_str("this machine does not trust the issuer of its certificate")?;
                }
                DistrustReason::UnknownIssuer => f.write_str("this machine does not trust its issuer")?,
                DistrustReason::SelfSigned => {
                    f.write_str("its certificate is self-signed, and not trusted")?;
                }
                DistrustReason::Expired => write!(f, "{its} has expired")?,
                DistrustReason::NotValidYet => write!(f, "{its} is not valid yet")?,
                DistrustReason::Other(reason) if at == 0 => {
                    write!(f, "its certificate is not trusted: {reason}")?;
                }
                DistrustReason::Other(reason) => f.write_str(reason)?,
            }
        }
        self.shown.as_ref().map_or(Ok(()), |shown| write!(f, " ({shown})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str], issuer: &str) -> Certificate {
        Certificate {
            fingerprint: Fingerprint::of(b"a certificate"),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            issuer: issuer.to_owned(),
            valid: Some((Timestamp(1_800_000_000), Timestamp(1_808_000_000))),
        }
    }

    #[test]
    fn a_certificate_is_shown_with_its_names_its_issuer_and_its_dates() {
        for (names, issuer, shown) in [
            (&["mail.example"][..], "R11, Let's Encrypt", "for mail.example, issued by R11, Let's Encrypt"),
            (&["a", "b", "c", "d", "e"], "R11", "for a, b, c and 2 more, issued by R11"),
            (&[], "", "for no name"),
        ] {
            let shown = format!("{shown}, valid 2027-01-15 to 2027-04-17");
            assert_eq!(certificate(names, issuer).to_string(), shown);
        }
    }

    #[test]
    fn a_wrong_name_and_a_wrong_time_are_said_before_an_unknown_issuer() {
        use DistrustReason::{Expired, NotValidYet, OtherName, SelfSigned, UnknownIssuer};
        let (early, within, late) =
            (Timestamp(1_700_000_000), Timestamp(1_801_000_000), Timestamp(1_900_000_000));
        for (names, why, now, first, further) in [
            ("mail.example", UnknownIssuer, within, UnknownIssuer, vec![]),
            ("MAIL.example", UnknownIssuer, late, Expired, vec![UnknownIssuer]),
            ("*.example", UnknownIssuer, early, NotValidYet, vec![UnknownIssuer]),
            ("*.mail.example", UnknownIssuer, within, OtherName, vec![UnknownIssuer]),
            ("other.example", UnknownIssuer, late, OtherName, vec![Expired, UnknownIssuer]),
            ("other.example", OtherName, late, OtherName, vec![Expired]),
            ("mail.example", Expired, late, Expired, vec![]),
            // One that it depends on.
            ("mail.example", Expired, within, Expired, vec![]),
            ("other.example", SelfSigned, late, SelfSigned, vec![OtherName, Expired]),
        ] {
            let shown = Some(certificate(&[names], "R11"));
            let distrust = Distrust::new(why.clone(), "mail.example").shows(shown, now);
            assert_eq!((distrust.why, distrust.further), (first, further), "{names} {why:?}");
        }
        let unread = Some(Certificate::read(b"not DER"));
        let distrust = Distrust::new(UnknownIssuer, "mail.example").shows(unread, late);
        assert_eq!((distrust.why, distrust.further), (UnknownIssuer, vec![]));
    }

    #[test]
    fn bytes_that_are_no_certificate_have_a_fingerprint_and_nothing_else() {
        let read = Certificate::read(b"not DER");
        assert_eq!(read.fingerprint, Fingerprint::of(b"not DER"));
        assert_eq!(read.to_string(), "for no name");
    }
}

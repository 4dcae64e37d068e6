//! Host names as messages show them: whether a text can be one, and whether two are the same.

use std::borrow::Cow;

use crate::host::HostName;

/// The most bytes in a host name (RFC 1035, section 2.3.4, less what only the wire format needs).
const HOST_LIMIT: usize = 253;
/// The most bytes in one of its labels.
const LABEL_LIMIT: usize = 63;
/// The longest text that can be a host, perhaps with a port.
pub(super) const LONGEST: usize = HOST_LIMIT + ":65535".len();

/// A name with a dot in it, perhaps with a port.
pub(super) fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    is_short(text)
        && name.contains('.')
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name.chars().all(fits)
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// The host without its port.
pub(super) fn without_port(host: &str) -> &str {
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// What the hosts of one site have in common: some links and headers of its messages may have a port or `www.`, and others not.
pub(super) fn site(host: &str) -> &str {
    let name = without_port(host);
    match name.split_at_checked("www.".len()) {
        Some((www, rest)) if www.eq_ignore_ascii_case("www.") && rest.contains('.') => rest,
        _ => name,
    }
}

/// Is it short enough for DNS? Callers check this before they parse a host, since decoding a label takes time that grows with
/// the square of its length. A label that is not ASCII has fewer characters than bytes in DNS.
pub(super) fn is_short(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    name.len() <= HOST_LIMIT
        && port.len() <= LONGEST - HOST_LIMIT
        && name.split('.').all(|label| label.len() <= LABEL_LIMIT || label.chars().count() <= LABEL_LIMIT)
}

/// The form in which hosts are compared: in ASCII and lower case (UTS 46, non-transitional). Text that cannot be a host is
/// returned unchanged.
pub(super) fn canonical(host: &str) -> Cow<'_, str> {
    if is_plain(host) {
        return if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.to_ascii_lowercase().into()
        } else {
            host.into()
        };
    }
    match HostName::parse(host) {
        Some(parsed) => parsed.to_string().into(),
        None => host.into(),
    }
}

/// The form in which people write a host: in Unicode and lower case.
pub(super) fn readable(host: &str) -> String {
    HostName::parse(host).map_or_else(|| host.to_lowercase(), |parsed| parsed.to_unicode().into_owned())
}

/// Is it ASCII without punycode, so that nothing needs decoding?
pub(super) fn is_plain(host: &str) -> bool {
    let is_punycode = |label: &[u8]| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
    host.is_ascii() && !host.as_bytes().split(|byte| *byte == b'.').any(is_punycode)
}

/// Is `host` the host with the canonical form `known`?
pub(super) fn is_same(known: &str, host: &str) -> bool {
    if is_plain(host) { host.eq_ignore_ascii_case(known) } else { canonical(host) == known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_longer_than_dns_allows() {
        let label = "a".repeat(63);
        assert!(is_host(&format!("{label}.example")));
        assert!(is_host("bücher.example:3000"));
        assert!(!is_host(&format!("{label}a.example")));
        assert!(!is_host(&format!("{}example", format!("{label}.").repeat(4))));
        assert!(!is_host(&format!("xn--{}.example", "a".repeat(1_981))));
        assert!(!is_host("localhost"));
        for wrong in ["toot.example:", "toot.example:evil.test", "toot.example:1:2", "toot.example.:80"] {
            assert!(!is_host(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_port_and_www_belong_to_one_site() {
        for same in ["toot.example", "www.toot.example", "toot.example:4567", "www.toot.example:4567"] {
            assert_eq!(site(same), "toot.example");
        }
        assert_eq!(site("WWW.toot.example"), "toot.example");
        for other in ["www.example", "wwwtoot.example", "www2.toot.example", "a.www.toot.example"] {
            assert_eq!(site(other), other);
        }
    }

    #[test]
    fn two_forms_of_a_host_are_equal_and_two_hosts_are_not() {
        let same = |one: &str, other: &str| is_same(&canonical(one), other);
        assert!(same("Bücher.example", "xn--bcher-kva.example"));
        assert!(same("XN--bcher-kva.example", "bücher.EXAMPLE"));
        assert!(same("Toot.example:3000", "toot.example:3000"));
        assert!(!same("straße.example", "strasse.example"));
        assert!(!same("toot.example", "toot.example.evil.test"));
        let long = format!("xn--{}.example", "a".repeat(5_000));
        assert!(same(&long, &long) && !same(&long, "toot.example"));
    }
}

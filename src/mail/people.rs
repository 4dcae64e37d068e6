//! Parses the addresses in header fields (RFC 5322, section 3.4): a message's senders and recipients.

use mailparse::{MailAddr, MailHeader, addrparse_header, parse_headers};

use super::limits::{MESSAGE_LIMIT, is_decodable};
use crate::text::one_line;

/// The most characters kept of a display name.
const NAME_CAP: usize = 200;

/// One address of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The display name, one line; empty if there is none.
    pub(super) name: String,
    /// The part before the last `@`, as written.
    pub(super) local: String,
    /// The part after it, lower-cased.
    pub(super) domain: String,
}

/// The addresses of one header field, including those in groups; none if it cannot be parsed.
pub(super) fn addresses(header: &MailHeader<'_>) -> Vec<Address> {
    if !is_decodable(header.get_value_raw()) {
        return Vec::new();
    }
    let Ok(list) = addrparse_header(header) else { return Vec::new() };
    let singles = list.into_inner().into_iter().flat_map(|address| match address {
        MailAddr::Single(single) => vec![single],
        MailAddr::Group(group) => group.addrs,
    });
    singles
        .filter_map(|single| {
            let (local, domain) = single.addr.trim().rsplit_once('@')?;
            let name = one_line(single.display_name.as_deref().unwrap_or_default(), NAME_CAP);
            Some(Address { name, local: local.to_owned(), domain: domain.to_lowercase() })
        })
        .collect()
}

/// Names and addresses in the To, Cc and Bcc fields of a header block, in order: people whom the sender knows. The name is
/// empty if the field has none.
pub fn correspondents(header: &[u8]) -> Vec<(String, String)> {
    let header = header.get(..MESSAGE_LIMIT).unwrap_or(header);
    let Ok((headers, _)) = parse_headers(header) else { return Vec::new() };
    let fields = headers.iter().filter(|header| {
        ["to", "cc", "bcc"].iter().any(|name| header.get_key_ref().eq_ignore_ascii_case(name))
    });
    fields
        .flat_map(addresses)
        .map(|address| (address.name, one_line(&format!("{}@{}", address.local, address.domain), NAME_CAP)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[(&str, &str)]) {
        let found = correspondents(header.as_bytes());
        let found: Vec<_> = found.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_and_addresses_are_read_from_all_three_fields() {
        check(
            "To: \"Lima, Ann\" <ann@X.example>, bob@y.example\r\nCc: =?utf-8?Q?Zo=C3=AB?= <zoe@z.example>\r\n\
             Bcc: friends: c@c.example, d@d.example;\r\nFrom: me@home.example\r\n\r\n",
            &[
                ("Lima, Ann", "ann@x.example"),
                ("", "bob@y.example"),
                ("Zoë", "zoe@z.example"),
                ("", "c@c.example"),
                ("", "d@d.example"),
            ],
        );
    }

    #[test]
    fn a_field_that_cannot_be_parsed_has_no_addresses() {
        check("To: undisclosed-recipients:;\r\n\r\n", &[]);
        check("To: <<<\r\n\r\n", &[]);
        check("\rTo: a@b.example", &[]);
    }
}

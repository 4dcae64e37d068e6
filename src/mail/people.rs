//! Parses the addresses in header fields (RFC 5322, section 3.4): a message's senders and recipients.

use std::borrow::Cow;

use mailparse::{MailAddr, MailHeader, addrparse_header, parse_header};

use super::encoded_word;
use super::field::{fields, text_of};
use super::limits::is_decodable;
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
    let value = text_of(header);
    let list = match encoded_word::in_strict_form(&value) {
        Cow::Borrowed(_) => addrparse_header(header),
        Cow::Owned(strict) => {
            parse_header(format!("To: {strict}").as_bytes()).and_then(|(header, _)| addrparse_header(&header))
        }
    };
    let Ok(list) = list else { return lenient(&value).into_iter().collect() };
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

/// The address of a field that breaks the grammar because its display name has signs that belong in quotes: `Toot, the friendly
/// one <n@toot.example>`. Only where it is plain which address that is: the value ends with the only one in angle brackets, and
/// no other at sign is in it.
fn lenient(value: &str) -> Option<Address> {
    let (name, rest) = value.split_once('<')?;
    let (local, domain) = rest.trim_end().strip_suffix('>')?.rsplit_once('@')?;
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()\"@,:;\\".contains(c))
    };
    let is_clear = !name.contains(['@', '>']) && is_plain(local) && is_plain(domain);
    is_clear.then(|| Address {
        name: one_line(encoded_word::decoded(name).trim().trim_matches('"'), NAME_CAP),
        local: local.to_owned(),
        domain: domain.to_lowercase(),
    })
}

/// Names and addresses in the To, Cc and Bcc fields of a header block, in order: people whom the sender knows. The name is
/// empty if the field has none.
pub fn correspondents(header: &[u8]) -> Vec<(String, String)> {
    let Ok(headers) = fields(header) else { return Vec::new() };
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
    fn signs_that_belong_in_quotes_may_stand_in_a_name() {
        for name in [
            "Toot, the friendly one",
            "Toot: the friendly one",
            "Toot :)",
            ":-) Toot",
            "(: Toot",
            "Toot; home",
            "a, b, c",
            "\"Toot\", home",
            "Toot \"x",
            "=?utf-8?Q?J=C3=B6rg?=, home",
            "=?utf-8?B?SsM=?==?utf-8?B?tnJn?=: home",
        ] {
            let header = format!("To: {name} <n@Toot.example>\r\n\r\n");
            let found = correspondents(header.as_bytes());
            let addresses: Vec<_> = found.iter().map(|(_, address)| address.as_str()).collect();
            assert_eq!(addresses, ["n@toot.example"], "{name}");
        }
        check("To: Lima, Ann <ann@x.example>\r\n\r\n", &[("Lima, Ann", "ann@x.example")]);
        check("To: =?utf-8?Q?Zo=C3?==?utf-8?Q?=AB?=, x <z@x.example>\r\n\r\n", &[("Zoë, x", "z@x.example")]);
    }

    #[test]
    fn a_name_never_hides_or_makes_an_address() {
        for several in [
            "a@x.example, Ann <b@y.example>",
            "Ann <a@x.example>, Bob <b@y.example>",
            "a @ x.example, Ann <b@y.example>",
        ] {
            assert_eq!(correspondents(format!("To: {several}\r\n\r\n").as_bytes()).len(), 2, "{several}");
        }
        for none in [
            "Toot, <a@x.example> home",
            "Toot, <a@x.example> <b@y.example>",
            "Toot, <<a@x.example>>",
            "Toot, <a@x.example, b@y.example>",
            "Toot, <a@b@x.example>",
            "Toot, <@x.example>",
            "Toot, <a@>",
            "Toot, home",
            "bob@x.example: , <a@y.example",
        ] {
            let found = correspondents(format!("To: {none}\r\n\r\n").as_bytes());
            assert!(found.is_empty(), "{none}: {found:?}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_parsed_has_no_addresses() {
        check("To: undisclosed-recipients:;\r\n\r\n", &[]);
        check("To: <<<\r\n\r\n", &[]);
        check("\rTo: a@b.example", &[]);
    }
}

//! The names by which a server calls itself in Authentication-Results (authserv-id; RFC 8601, section 2.5), as an account trusts
//! them. Values only.

use std::fmt;

/// Never a server's name (RFC 8601, section 2.7, the methods registered since, and the words for none at all). A sender could
/// write fields in such a name, which no server would remove.
const NOT_A_SERVER: [&str; 17] = [
    "arc",
    "auth",
    "bimi",
    "compauth",
    "dkim",
    "dkim-adsp",
    "dkim-atps",
    "dmarc",
    "dnswl",
    "domainkeys",
    "iprev",
    "none",
    "rrvs",
    "sender-id",
    "smime",
    "spf",
    "vbr",
];

/// Can it be the name of a server, lower-cased?
pub fn names_a_server(name: &str) -> bool {
    !name.is_empty() && !NOT_A_SERVER.contains(&name)
}

/// Whose Authentication-Results an account trusts: one of these names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthservIds(Vec<AuthservId>);

/// One name, or several of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthservId {
    /// The server does not name itself, as Outlook and Microsoft 365 do not: `""`.
    Unnamed,
    /// This name, lower-cased.
    Name(String),
    /// The names below this domain: `*.mx.example`.
    Below(String),
}

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongAuthservId {
    /// A method of authentication, or `none`.
    NotAServer,
    /// A `*` that is not the whole first label.
    Star,
    /// The names below it belong to several owners, so that a sender could have one.
    AnybodysDomain,
    /// A blank, or a character that ends a name in the header.
    Sign,
}

impl AuthservId {
    /// Parses a name as the settings or the command line have it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, WrongAuthservId> {
        let name = text.to_lowercase();
        if name.is_empty() {
            return Ok(Self::Unnamed);
        }
        if name.contains(|c: char| c.is_whitespace() || c.is_control() || ";=()\"".contains(c)) {
            return Err(WrongAuthservId::Sign);
        }
        match name.strip_prefix("*.") {
            _ if name == "*" => Err(WrongAuthservId::AnybodysDomain),
            Some(domain) if !domain.contains('*') && is_owned(domain) => Ok(Self::Below(domain.to_owned())),
            Some(domain) if !domain.contains('*') => Err(WrongAuthservId::AnybodysDomain),
            _ if name.contains('*') => Err(WrongAuthservId::Star),
            _ if !names_a_server(&name) => Err(WrongAuthservId::NotAServer),
            _ => Ok(Self::Name(name)),
        }
    }

    /// Is it, or does it include, the name of this server? `None` is a server that does not name itself.
    pub fn includes(&self, server: Option<&str>) -> bool {
        match (self, server) {
            (Self::Unnamed, None) => true,
            (Self::Name(name), Some(server)) => name.eq_ignore_ascii_case(server),
            (Self::Below(domain), Some(server)) => {
                let above = server.to_lowercase();
                above
                    .strip_suffix(domain.as_str())
                    .is_some_and(|label| label.len() > 1 && label.ends_with('.'))
            }
            (Self::Unnamed, Some(_)) | (Self::Name(_) | Self::Below(_), None) => false,
        }
    }
}

/// Does one organisation own the domain and all names below it? Not a public suffix, such as `co.uk` or `example`.
fn is_owned(domain: &str) -> bool {
    !domain.split('.').any(str::is_empty) && psl::domain_str(domain).is_some()
}

impl AuthservIds {
    /// Parses some names.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that is wrong.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, WrongAuthservId> {
        texts.into_iter().map(AuthservId::parse).collect()
    }

    /// Is there any?
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Do they include all of `others`?
    pub fn include(&self, others: &Self) -> bool {
        others.0.iter().all(|other| match other {
            AuthservId::Unnamed => self.include_server(None),
            AuthservId::Name(name) => self.include_server(Some(name)),
            AuthservId::Below(_) => self.0.contains(other),
        })
    }

    /// Do they include the name of this server? `None` is a server that does not name itself.
    pub fn include_server(&self, server: Option<&str>) -> bool {
        self.0.iter().any(|id| id.includes(server))
    }
}

impl FromIterator<AuthservId> for AuthservIds {
    /// Each once.
    fn from_iter<I: IntoIterator<Item = AuthservId>>(ids: I) -> Self {
        let mut unique = Vec::new();
        for id in ids {
            if !unique.contains(&id) {
                unique.push(id);
            }
        }
        Self(unique)
    }
}

/// As the settings have it.
impl fmt::Display for AuthservId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("\"\""),
            Self::Name(name) => write!(f, "\"{name}\""),
            Self::Below(domain) => write!(f, "\"*.{domain}\""),
        }
    }
}

/// As the settings have them.
impl fmt::Display for AuthservIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            ids => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", ids.join(", "))
            }
        }
    }
}

impl WrongAuthservId {
    /// What is wrong, and what to write instead.
    pub fn in_words(self, text: &str) -> (String, &'static str) {
        match self {
            Self::NotAServer => (
                format!("`{text}` is a method of authentication, not the name of a server"),
                "write the name that your mail server writes before the first `;` of Authentication-Results",
            ),
            Self::Star => {
                (format!("`{text}` has a misplaced `*`"), "write `*.` and the domain of your provider")
            }
            Self::AnybodysDomain => (
                format!("`{text}` also includes servers of strangers"),
                "write `*.` and the domain of your provider, such as `*.mx.example`",
            ),
            Self::Sign => (
                format!("`{text}` is not the name of a server"),
                "write the name alone, such as `mx.example`, or `*.mx.example` for one host for each server",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn includes(id: &str, server: &str) -> bool {
        AuthservId::parse(id).unwrap().includes((!server.is_empty()).then_some(server))
    }

    #[test]
    fn a_name_is_compared_as_a_whole_and_a_star_stands_for_labels() {
        for (id, server) in [
            ("mx.example", "MX.example"),
            ("mail", "mail"),
            ("*.mx.example", "phl-mx-03.mx.example"),
            ("*.MX.example", "a.b.mx.example"),
            ("", ""),
        ] {
            assert!(includes(id, server), "{id} {server}");
        }
        for (id, server) in [
            ("mx.example", "a.mx.example"),
            ("mx.example", ""),
            ("*.mx.example", "mx.example"),
            ("*.mx.example", ".mx.example"),
            ("*.mx.example", "evilmx.example"),
            ("*.mx.example", "mx.example.evil.example"),
            ("*.mx.example", ""),
            ("", "mx.example"),
        ] {
            assert!(!includes(id, server), "{id} {server}");
        }
    }

    #[test]
    fn what_a_sender_could_write_is_refused() {
        for (text, expected) in [
            ("spf", WrongAuthservId::NotAServer),
            ("DKIM", WrongAuthservId::NotAServer),
            ("none", WrongAuthservId::NotAServer),
            ("*", WrongAuthservId::AnybodysDomain),
            ("*.example", WrongAuthservId::AnybodysDomain),
            ("*.co.uk", WrongAuthservId::AnybodysDomain),
            ("*.github.io", WrongAuthservId::AnybodysDomain),
            ("*.", WrongAuthservId::AnybodysDomain),
            ("*..example", WrongAuthservId::AnybodysDomain),
            ("*.*.mx.example", WrongAuthservId::Star),
            ("mx*.example", WrongAuthservId::Star),
            ("*mx.example", WrongAuthservId::Star),
            ("mx.*", WrongAuthservId::Star),
            ("mx.example; dkim=pass", WrongAuthservId::Sign),
            (" ", WrongAuthservId::Sign),
        ] {
            assert_eq!(AuthservId::parse(text), Err(expected), "{text}");
            assert!(expected.in_words(text).0.contains(text));
        }
    }

    #[test]
    fn several_are_shown_as_the_settings_have_them() {
        let ids = |texts: &[&str]| AuthservIds::parse(texts.iter().copied()).unwrap();
        assert_eq!(ids(&["*.mx.example", "*.mx.example"]).to_string(), "\"*.mx.example\"");
        assert_eq!(ids(&["", "MX.example"]).to_string(), "[\"\", \"mx.example\"]");
        assert!(!ids(&[]).is_set() && ids(&[""]).is_set());
        assert!(ids(&["a.example", "*.mx.example"]).include_server(Some("b.mx.example")));
    }
}

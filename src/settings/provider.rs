//! The known mail providers: what `provider = "NAME"` in the settings stands for.
//!
//! Owns the built-in file `config/providers.toml`. Never reads the settings and never connects. Called by `read`, by the advice
//! of `report`, and by the command `providers`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Tls;
use crate::diagnostic::nearest;
use crate::host::AuthservIds;

/// The file as it ships.
const FILE: &str = include_str!("../../config/providers.toml");

/// The providers of the file by their names. A test parses it, so that it is never empty.
static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| parse(FILE).unwrap_or_default());

/// A mail provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provider {
    /// What the settings call it.
    #[serde(default)]
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The domains of addresses that are certainly there.
    pub domains: Vec<String>,
    /// Its IMAP server.
    pub host: String,
    /// Other servers of it that the settings may name.
    #[serde(default)]
    pub other_hosts: Vec<String>,
    /// The server's port.
    #[serde(default = "usual_port")]
    pub port: u16,
    /// How the connection is protected.
    #[serde(default = "usual_tls")]
    pub tls: Tls,
    /// How to log in, the best way first.
    pub login: Vec<LoginKind>,
    /// What to write as `user`, where it is not the address.
    pub user: Option<String>,
    /// What the provider calls an app password, where it is not that.
    pub app_password_name: Option<String>,
    /// The page about app passwords.
    pub app_password_page: Option<String>,
    /// The page about switching IMAP on.
    pub imap_page: Option<String>,
    /// The name of its servers in Authentication-Results, where it is certain.
    pub authserv_id: Option<String>,
    /// What else to know.
    pub note: Option<String>,
    /// Where OAuth2 asks for tokens.
    pub oauth2: Option<OAuth2Endpoints>,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginKind {
    /// With the account's own password.
    Password,
    /// With a password that the provider makes for one program.
    AppPassword,
    /// With a token.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// With the password of a program on the user's machine.
    Bridge,
}

/// Where a provider's OAuth2 asks for tokens, in the keys of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OAuth2Endpoints {
    /// The page on which the user agrees.
    pub authorization_endpoint: String,
    /// Where tokens come from.
    pub token_endpoint: String,
    /// Where the device flow begins, if it may ask for access to mail.
    pub device_endpoint: Option<String>,
    /// What to ask for.
    pub scopes: Vec<String>,
}

/// Who offers no IMAP, with the domains of their addresses. (https://tuta.com/faq, https://www.hey.com/faqs)
const WITHOUT_IMAP: [(&str, &[&str]); 2] = [
    ("Tuta", &["tuta.com", "tutanota.com", "tutanota.de", "tutamail.com", "tuta.io", "keemail.me"]),
    ("HEY", &["hey.com"]),
];

fn usual_port() -> u16 {
    993
}

fn usual_tls() -> Tls {
    Tls::Implicit
}

fn parse(text: &str) -> Result<Vec<Provider>, toml::de::Error> {
    let providers: BTreeMap<String, Provider> = toml::from_str(text)?;
    Ok(providers.into_iter().map(|(name, provider)| Provider { name, ..provider }).collect())
}

impl Provider {
    /// All providers, ordered by name.
    pub fn all() -> &'static [Self] {
        &PROVIDERS
    }

    /// The provider of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// The provider of this name, with this server, or of this address.
    pub fn of(word: &str) -> Option<&'static Self> {
        Self::named(word).or_else(|| Self::of_host(word)).or_else(|| Self::of_address(word))
    }

    /// The provider of this server. Programs on the user's own machine are not told apart.
    pub fn of_host(host: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.has_host(host) && !provider.is_bridge())
    }

    /// The provider that certainly has this address.
    pub fn of_address(address: &str) -> Option<&'static Self> {
        let (_, domain) = address.rsplit_once('@')?;
        PROVIDERS.iter().find(|provider| provider.domains.iter().any(|own| own.eq_ignore_ascii_case(domain)))
    }

    /// What people call the provider of this domain, if it offers no IMAP.
    pub fn without_imap(domain: &str) -> Option<&'static str> {
        let is_there = |domains: &[&str]| domains.iter().any(|own| own.eq_ignore_ascii_case(domain));
        WITHOUT_IMAP.iter().find(|(_, domains)| is_there(domains)).map(|(title, _)| *title)
    }

    /// The provider that a word probably means: a name with a mistake in it, a domain, or a part of what people call it.
    pub fn meant_by(word: &str) -> Option<&'static Self> {
        let word = word.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != '.', "");
        let is_domain = |domain: &String| *domain == word || domain.split('.').next() == Some(&word);
        let by_domain = || PROVIDERS.iter().find(|provider| provider.domains.iter().any(is_domain));
        let is_title = |provider: &&Self| {
            word.len() > 3 && provider.title.to_lowercase().replace(' ', "").contains(&word)
        };
        nearest(&word, PROVIDERS.iter().map(|provider| provider.name.as_str()))
            .and_then(Self::named)
            .or_else(by_domain)
            .or_else(|| PROVIDERS.iter().find(is_title))
    }

    /// Is one of its endpoints of OAuth2 on this host?
    pub fn has_endpoint_at(&self, host: &str) -> bool {
        let endpoints = self.oauth2.iter().flat_map(|it| {
            [&it.authorization_endpoint, &it.token_endpoint].into_iter().chain(&it.device_endpoint)
        });
        let is_there = |url: &str| url.split('/').nth(2).is_some_and(|name| name.eq_ignore_ascii_case(host));
        endpoints.map(String::as_str).any(is_there)
    }

    /// Is this one of its servers?
    pub fn has_host(&self, host: &str) -> bool {
        [&self.host].into_iter().chain(&self.other_hosts).any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Is it a program on the user's own machine?
    pub fn is_bridge(&self) -> bool {
        self.login.contains(&LoginKind::Bridge)
    }

    /// Does it want a password that it makes for one program, and nothing else that followsift could send as a password?
    pub fn wants_app_password(&self) -> bool {
        self.login.contains(&LoginKind::AppPassword) && !self.login.contains(&LoginKind::Password)
    }

    /// Does it want a token, and nothing that followsift could send as a password?
    pub fn wants_token(&self) -> bool {
        self.login == [LoginKind::OAuth2]
    }

    /// What it calls a password that it makes for one program.
    pub fn app_password(&self) -> &str {
        self.app_password_name.as_deref().unwrap_or("app password")
    }

    /// The names of its servers in Authentication-Results, where they are certain.
    pub fn authserv_ids(&self) -> AuthservIds {
        AuthservIds::parse(self.authserv_id.as_deref()).unwrap_or_default()
    }

    /// Its section of the file, with the sources in the comments.
    pub fn section(&self) -> String {
        let headers = [format!("[{}]", self.name), format!("[\"{}\"]", self.name)];
        let parts = [format!("[{}.", self.name), format!("[\"{}\".", self.name)];
        let from = FILE.lines().skip_while(|line| !headers.iter().any(|header| header == line));
        let mut lines: Vec<&str> = from
            .enumerate()
            .take_while(|(at, line)| {
                *at == 0 || !line.starts_with('[') || parts.iter().any(|part| line.starts_with(part))
            })
            .map(|(_, line)| line)
            .collect();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_file_is_right() {
        let providers = parse(FILE).unwrap();
        assert!(providers.len() >= 18, "{}", providers.len());
        let mut domains = BTreeSet::new();
        for provider in &providers {
            for domain in &provider.domains {
                assert!(domains.insert(domain), "{domain} is listed twice");
            }
            let name = &provider.name;
            assert!(!provider.login.is_empty() && !provider.title.is_empty(), "{name}");
            if let Some(id) = &provider.authserv_id {
                assert!(AuthservIds::parse([id.as_str()]).is_ok(), "{name}");
            }
            let pages = [&provider.app_password_page, &provider.imap_page];
            for page in pages.into_iter().flatten() {
                assert!(page.starts_with("https://"), "{name}: {page}");
            }
            assert!(!provider.wants_app_password() || provider.app_password_page.is_some(), "{name}");
            assert_eq!(provider.login.contains(&LoginKind::OAuth2), provider.oauth2.is_some(), "{name}");
            let endpoints = provider.oauth2.iter().flat_map(|oauth2| {
                [&oauth2.authorization_endpoint, &oauth2.token_endpoint]
                    .into_iter()
                    .chain(&oauth2.device_endpoint)
            });
            endpoints.for_each(|url| assert!(url.starts_with("https://"), "{name}: {url}"));
        }
    }

    #[test]
    fn every_line_of_a_provider_has_a_source_above_it() {
        for provider in Provider::all() {
            let section = provider.section();
            let mut lines = section.lines();
            assert!(lines.next().is_some_and(|line| line.contains(&provider.name)), "{section}");
            assert!(lines.next().is_some_and(|line| line.starts_with("title = ")), "{section}");
            assert!(lines.next().is_some_and(|line| line.starts_with("# ")), "{section}");
            let read = parse(&section).unwrap();
            assert_eq!(read.as_slice(), std::slice::from_ref(provider), "{section}");
        }
    }

    #[test]
    fn a_provider_is_found_by_its_address_its_server_and_what_people_call_it() {
        let name = |provider: Option<&'static Provider>| provider.map(|it| it.name.as_str());
        for (address, expected) in [
            ("ann@Gmail.com", Some("gmail")),
            ("ann@web.de", Some("web.de")),
            ("ann@shop.example@hotmail.com", Some("outlook")),
            ("gmail.com", None),
            ("ann@notgmail.com", None),
            ("ann@mail.example", None),
        ] {
            assert_eq!(name(Provider::of_address(address)), expected, "{address}");
        }
        for (host, expected) in [
            ("IMAP.gmail.com", Some("gmail")),
            ("imappro.zoho.eu", Some("zoho-eu")),
            ("127.0.0.1", None),
            ("mail.example", None),
        ] {
            assert_eq!(name(Provider::of_host(host)), expected, "{host}");
        }
        for (word, expected) in [
            ("163", Some("163")),
            ("ann@qq.com", Some("qq")),
            ("IMAP.web.de", Some("web.de")),
            ("imap.mail.example", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(name(Provider::of(word)), expected, "{word}");
        }
        for (word, expected) in [
            ("gmial", Some("gmail")),
            ("gmail.com", Some("gmail")),
            ("Hotmail", Some("outlook")),
            ("microsoft365", Some("outlook")),
            ("google", Some("gmail")),
            ("proton", Some("proton-bridge")),
            ("me.com", Some("icloud")),
            ("webde", Some("web.de")),
            ("potters", None),
            ("", None),
        ] {
            assert_eq!(name(Provider::meant_by(word)), expected, "{word}");
        }
    }
}

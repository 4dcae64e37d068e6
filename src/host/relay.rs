//! Services that forward messages under an alias and rewrite From: their names, and the domains they send from.
//!
//! Values only. `settings` names them, `mail` reads what they write.

use super::HostName;

/// A service that forwards messages sent to an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelayService {
    /// SimpleLogin, and servers that run its software.
    SimpleLogin,
    /// The aliases of Proton Pass, which run on SimpleLogin's software.
    ProtonPass,
    /// addy.io, formerly AnonAddy.
    Addy,
    /// Firefox Relay.
    FirefoxRelay,
    /// DuckDuckGo Email Protection.
    DuckDuckGo,
    /// Apple's Hide My Email.
    HideMyEmail,
}

impl RelayService {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SimpleLogin,
        Self::ProtonPass,
        Self::Addy,
        Self::FirefoxRelay,
        Self::DuckDuckGo,
        Self::HideMyEmail,
    ];

    /// The word that the settings use.
    pub fn word(self) -> &'static str {
        match self {
            Self::SimpleLogin => "simplelogin",
            Self::ProtonPass => "proton-pass",
            Self::Addy => "addy",
            Self::FirefoxRelay => "firefox-relay",
            Self::DuckDuckGo => "duckduckgo",
            Self::HideMyEmail => "hide-my-email",
        }
    }

    /// The service of a word in the settings.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.word() == word)
    }

    /// Its name, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::SimpleLogin => "SimpleLogin",
            Self::ProtonPass => "Proton Pass",
            Self::Addy => "addy.io",
            Self::FirefoxRelay => "Firefox Relay",
            Self::DuckDuckGo => "DuckDuckGo",
            Self::HideMyEmail => "Hide My Email",
        }
    }

    /// The domains in which only the service creates the addresses that contain another sender. (Its users may choose aliases, but
    /// none of that form.) Missing are icloud.com, from which Hide My Email forwards too, since anybody can choose such an address
    /// there, and relay.firefox.com, whose messages had a name that their sender chose.
    fn domains(self) -> &'static [&'static str] {
        match self {
            Self::SimpleLogin => &[
                "simplelogin.co",
                "simplelogin.com",
                "simplelogin.fr",
                "simplelogin.io",
                "slmail.me",
                "slmails.com",
                "silomails.com",
                "aleeas.com",
                "8alias.com",
                "8shield.net",
                "dralias.com",
            ],
            Self::ProtonPass => &["passmail.com", "passmail.net", "passinbox.com", "passfwd.com"],
            Self::Addy => &["addy.io", "anonaddy.com", "anonaddy.me"],
            Self::FirefoxRelay => &["mozmail.com"],
            Self::DuckDuckGo => &["duck.com"],
            Self::HideMyEmail => &["privaterelay.appleid.com"],
        }
    }

    /// Do its users have subdomains of its domains?
    fn gives_subdomains(self) -> bool {
        matches!(self, Self::Addy | Self::FirefoxRelay)
    }

    /// Does it send from this domain, in lower case?
    fn sends_from(self, domain: &str) -> bool {
        let is_below = |own: &str| {
            self.gives_subdomains()
                && domain
                    .strip_suffix(own)
                    .and_then(|user| user.strip_suffix('.'))
                    .is_some_and(|user| !user.contains('.'))
        };
        self.domains().iter().any(|own| domain == *own || is_below(own))
    }

    /// The service that sends from this domain, in lower case.
    pub fn of_domain(domain: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.sends_from(domain))
    }
}

/// A service that the user forwards messages with, and trusts to name their sender.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relay {
    /// The service.
    pub service: RelayService,
    /// The user's own domain at the service; without one, the service's domains.
    pub domain: Option<HostName>,
}

impl Relay {
    /// Does it send from this domain, in lower case?
    pub fn sends_from(&self, domain: &str) -> bool {
        match &self.domain {
            Some(own) => HostName::parse(domain).as_ref() == Some(own),
            None => self.service.sends_from(domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_that_of_one_service_and_never_a_lookalike() {
        let check = |domain: &str, expected: Option<RelayService>| {
            assert_eq!(RelayService::of_domain(domain), expected, "{domain}");
        };
        check("simplelogin.co", Some(RelayService::SimpleLogin));
        check("mika.anonaddy.com", Some(RelayService::Addy));
        check("mika.mozmail.com", Some(RelayService::FirefoxRelay));
        check("passmail.net", Some(RelayService::ProtonPass));
        for other in [
            "simplelogin.co.example",
            "x.simplelogin.co",
            "xsimplelogin.co",
            "evilanonaddy.com",
            "a.b.anonaddy.com",
            ".anonaddy.com.example",
            "icloud.com",
            "relay.firefox.com",
            "appleid.com",
        ] {
            check(other, None);
        }
    }

    #[test]
    fn a_domain_of_ones_own_replaces_those_of_the_service() {
        let own = Relay { service: RelayService::Addy, domain: HostName::parse("alias.example") };
        assert!(own.sends_from("alias.example"));
        assert!(!own.sends_from("x.alias.example") && !own.sends_from("anonaddy.com"));
    }

    #[test]
    fn every_service_has_a_word_of_its_own() {
        for service in RelayService::ALL {
            assert_eq!(RelayService::from_word(service.word()), Some(service));
        }
    }
}

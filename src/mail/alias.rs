//! The original sender of a message that came through an alias service, which writes From anew and puts the original in it.
//!
//! Never proves anything: a sender can write each of these forms. `authenticity` asks whether the service really sent it.
//! `message` keeps what this file reads; `profile` compares it with the senders of a layout.
//!
//! The forms, and where they are documented:
//!
//! - SimpleLogin, and Proton Pass, which runs on it: `"Site - mail at site.example" <mail_at_site_example_qwertz@simplelogin.co>`, dots
//!   as underscores, a random word at the end; formerly `<reply+qwertz@...>` with the address in the name alone, as `mail at
//!   site.example` or `mail(a)site.example`. X-SimpleLogin-Original-From has the field as it was (simple-login/app#1784; the forms of
//!   names in mozilla/fx-private-relay#5716).
//! - addy.io: `"Site 'mail at site.example'" <alias+mail=site.example@mika.anonaddy.com>`, or the bare alias, as the user chooses
//!   (anonaddy/anonaddy#137, #479, #793; `ForwardEmail.php`). The address is that of Reply-To, if the message has one.
//!   X-AnonAddy-Original-Sender has the sender.
//! - Firefox Relay: `"mail@site.example [via Relay]" <mask@mozmail.com>`, the whole field before the words since 2023
//!   (mozilla/fx-private-relay#3219, #3576); before that from relay.firefox.com.
//! - DuckDuckGo: `<mail_at_site.example_mika@duck.com>`, dots kept. Duck-Original-From has the field as it was.
//! - Hide My Email: `<mail_at_site_example_k6myg754kg_192d3661@privaterelay.appleid.com>` or at icloud.com: the alias, then
//!   hexadecimal digits.
//!
//! Masked addresses of Fastmail lead into the user's own mailbox there and leave From as it is; so does Proton, which puts
//! X-SimpleLogin-Original-From back into From.

use super::people::Address;
use crate::host::RelayService;

/// The longest local part that is read (RFC 5321, section 4.5.3.1.1, is exceeded by these services).
const LOCAL_LIMIT: usize = 200;

/// What Firefox Relay writes after the sender.
const VIA_RELAY: &str = "[via Relay]";

/// An alias service, and the senders that From may stand for.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) service: RelayService,
    /// The domain from which the service sends.
    pub(super) domain: String,
    /// What the service encoded; more than one where the form is ambiguous.
    encoded: Vec<Address>,
    /// What stands in a name of which the sender may have chosen a part.
    named: Option<Address>,
}

impl Alias {
    /// Reads an address of From, which has one of the forms or a domain of a service.
    pub(super) fn of(from: &Address) -> Option<Self> {
        let known = RelayService::of_domain(&from.domain);
        let local = from.local.to_lowercase();
        let local = if local.len() <= LOCAL_LIMIT { local.as_str() } else { "" };
        // On a domain of the user's own, the form alone tells the service.
        let service = known.unwrap_or(match () {
            () if from.domain == "icloud.com" => RelayService::HideMyEmail,
            () if from.name.contains(VIA_RELAY) => RelayService::FirefoxRelay,
            () if local.contains('+') => RelayService::Addy,
            () => RelayService::SimpleLogin,
        });
        let encoded: Vec<Address> = match service {
            RelayService::SimpleLogin | RelayService::ProtonPass => match at_form(local) {
                Some((user, rest)) => {
                    random_word(rest).map_or_else(Vec::new, |domain| underscored(user, domain))
                }
                None => Vec::new(),
            },
            RelayService::HideMyEmail => {
                let form = at_form(local).and_then(|(user, rest)| Some((user, before_hash(rest)?)));
                form.map_or_else(Vec::new, |(user, domain)| underscored(user, domain))
            }
            RelayService::DuckDuckGo => {
                let form = at_form(local).and_then(|(user, rest)| Some((user, rest.split_once('_')?)));
                let form = form.filter(|(_, (_, duck))| !duck.is_empty() && !duck.contains('_'));
                form.and_then(|(user, (domain, _))| address(user, domain)).into_iter().collect()
            }
            RelayService::Addy => {
                let form = local.split_once('+').and_then(|(_, rest)| rest.rsplit_once('='));
                form.and_then(|(user, domain)| address(user, domain)).into_iter().collect()
            }
            RelayService::FirefoxRelay => via_relay(&from.name).into_iter().collect(),
        };
        let writes_names =
            matches!(known, Some(RelayService::SimpleLogin | RelayService::ProtonPass | RelayService::Addy));
        let named = in_name(&from.name).filter(|_| writes_names);
        let is_one = known.is_some() || !encoded.is_empty();
        is_one.then(|| Self { service, domain: from.domain.clone(), encoded, named })
    }

    /// The service in whose own field an address of From without any of the forms is explained; `has` says which fields there are.
    pub(super) fn by_field(from: &Address, has: impl Fn(&str) -> bool) -> Option<Self> {
        let writes = |service: &RelayService| own_field(*service).is_some_and(&has);
        let service = RelayService::ALL.into_iter().find(writes)?;
        Some(Self { service, domain: from.domain.clone(), encoded: Vec::new(), named: None })
    }

    /// Does From stand for a sender that `is` one of those expected? Where the service repeats the sender in a field of its own,
    /// `repeated` are the addresses there, and they count: From may be cut short, or have the address of Reply-To.
    pub(super) fn stands_for(&self, repeated: Option<&[Address]>, is: impl Fn(&Address) -> bool) -> bool {
        match repeated {
            // A sender may have written another one.
            Some([one]) => is(one),
            Some(_) => false,
            None => self.encoded.iter().chain(&self.named).any(is),
        }
    }

    /// Does the address of From itself contain a sender that `is` one of those expected? The service alone creates such addresses.
    pub(super) fn encodes(&self, is: impl Fn(&Address) -> bool) -> bool {
        self.encoded.iter().any(is)
    }

    /// Does more than the name in From show the service: the domain, a field of its own, or the form of the address? In a name, a
    /// follower may have written the form.
    pub(super) fn is_beyond_names(&self, has: impl Fn(&str) -> bool) -> bool {
        RelayService::of_domain(&self.domain).is_some()
            || self.own_field().is_some_and(has)
            || self.service != RelayService::FirefoxRelay && !self.encoded.is_empty()
    }

    /// The field in which the service repeats the sender. The form of From alone may be cut short, or chosen by others.
    pub(super) fn own_field(&self) -> Option<&'static str> {
        own_field(self.service)
    }

    /// From as the senders may have written it, without a name.
    pub(super) fn fields_of_from(&self) -> impl Iterator<Item = String> {
        self.encoded
            .iter()
            .chain(&self.named)
            .map(|original| format!("<{}@{}>", original.local, original.domain))
    }
}

fn own_field(service: RelayService) -> Option<&'static str> {
    match service {
        RelayService::SimpleLogin | RelayService::ProtonPass => Some("X-SimpleLogin-Original-From"),
        RelayService::Addy => Some("X-AnonAddy-Original-Sender"),
        RelayService::DuckDuckGo => Some("Duck-Original-From"),
        RelayService::FirefoxRelay | RelayService::HideMyEmail => None,
    }
}

/// `mail_at_rest`. The last `_at_` counts: whatever a sender's own address contains stands before it.
fn at_form(local: &str) -> Option<(&str, &str)> {
    local.rsplit_once("_at_").filter(|(user, _)| !user.is_empty())
}

/// `site_example` of `site_example_qwertz`.
fn random_word(rest: &str) -> Option<&str> {
    let (domain, word) = rest.rsplit_once('_')?;
    (word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(domain)
}

/// `site_example` of `site_example_k6myg754kg_192d3661`.
fn before_hash(rest: &str) -> Option<&str> {
    let (rest, hash) = rest.rsplit_once('_')?;
    let (domain, alias) = rest.rsplit_once('_')?;
    let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && !alias.is_empty()).then_some(domain)
}

/// The addresses that are written with underscores for dots. A host has no underscore, but a local part may have one, or had another
/// sign there.
fn underscored(user: &str, domain: &str) -> Vec<Address> {
    let domain = domain.replace('_', ".");
    let mut users = vec![user.to_owned(), user.replace('_', "."), user.replace('_', "-")];
    users.dedup();
    users.iter().filter_map(|user| address(user, &domain)).collect()
}

fn address(user: &str, domain: &str) -> Option<Address> {
    let is_domain = domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    let is_user =
        !user.is_empty() && !user.contains(|c: char| c.is_whitespace() || matches!(c, '@' | '<' | '>' | '"'));
    (is_domain && is_user).then(|| Address {
        name: String::new(),
        local: user.to_owned(),
        domain: domain.to_lowercase(),
    })
}

/// The address at the end of a name: `Site - mail at site.example`, `mail(a)site.example`, `Site 'mail at site.example'`. The last
/// one counts: a sender chooses what stands before it.
fn in_name(name: &str) -> Option<Address> {
    let name = name.trim_end_matches('\'');
    let last = |text: &str, before: &[&str]| {
        let starts = before.iter().filter_map(|mark| text.rfind(mark).map(|place| place + mark.len()));
        text.get(starts.max().unwrap_or(0)..).unwrap_or_default().to_owned()
    };
    [" at ", "(a)", "@"].into_iter().find_map(|at| {
        let (user, domain) = name.rsplit_once(at)?;
        address(&last(user, &[" - ", "'", " "]), domain)
    })
}

/// The address before ` [via Relay]`: bare, or at the end in angle brackets.
fn via_relay(name: &str) -> Option<Address> {
    let original = name.trim_matches('"').strip_suffix(VIA_RELAY)?.trim_end();
    let bare = match original.strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1,
        None => original,
    };
    let (user, domain) = bare.trim_matches('"').rsplit_once('@')?;
    address(user, domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::head::Head;

    /// `Service: addresses`, those that the service encoded first.
    fn read(from: &str) -> String {
        let header = format!("From: {from}\r\n\r\n");
        let head = Head::parse(header.as_bytes()).unwrap();
        let Some(alias) = head.alias() else { return "none".to_owned() };
        let shown = |address: &Address| format!("{}@{}", address.local, address.domain);
        let encoded: Vec<_> = alias.encoded.iter().map(shown).collect();
        let named = alias.named.iter().map(|address| format!(" named {}", shown(address)));
        format!("{}: {}{}", alias.service.title(), encoded.join(" "), named.collect::<String>())
    }

    #[test]
    fn each_service_is_read_in_its_own_form() {
        for (from, expected) in [
            (
                "\"Site - mail at site.example\" <mail_at_site_example_qwertz@simplelogin.co>",
                "SimpleLogin: mail@site.example named mail@site.example",
            ),
            ("no-reply_at_a-site_example_qwertz@slmail.me", "SimpleLogin: no-reply@a-site.example"),
            (
                "<no_reply_at_site_example_qwertz@x.example>",
                "SimpleLogin: no_reply@site.example no.reply@site.example no-reply@site.example",
            ),
            (
                "\"Site - mail(a)site.example\" <ra+qwertz@simplelogin.co>",
                "SimpleLogin:  named mail@site.example",
            ),
            (
                "\"mail at site.example\" <reply+qwertz@simplelogin.co>",
                "SimpleLogin:  named mail@site.example",
            ),
            ("Site <mail_at_site_example_q1w2e3@passmail.net>", "Proton Pass: mail@site.example"),
            (
                "\"Site 'mail at site.example'\" <tin+mail=site.example@mika.anonaddy.com>",
                "addy.io: mail@site.example named mail@site.example",
            ),
            ("\"Site 'mail at site.example'\" <tin@mika.addy.io>", "addy.io:  named mail@site.example"),
            ("tin+mail=site.example@alias.example", "addy.io: mail@site.example"),
            ("\"mail@site.example [via Relay]\" <qwertz@mozmail.com>", "Firefox Relay: mail@site.example"),
            (
                "=?utf-8?q?=22mail=40site=2Eexample=22_=5Bvia_Relay=5D?= <replies@relay.firefox.com>",
                "Firefox Relay: mail@site.example",
            ),
            (
                "\"Site <mail@site.example> [via Relay]\" <qwertz@mika.mozmail.com>",
                "Firefox Relay: mail@site.example",
            ),
            ("Site <mail_at_mail.site.example_mika@duck.com>", "DuckDuckGo: mail@mail.site.example"),
            (
                "Site <mail_at_mail_site_example_k6myg754kg_192d3661@privaterelay.appleid.com>",
                "Hide My Email: mail@mail.site.example",
            ),
            (
                "Site <mail_at_site_example_k6myg754kg_192d3661@icloud.com>",
                "Hide My Email: mail@site.example",
            ),
            ("Site <mail@site.example>", "none"),
            ("Ann <ann@icloud.com>", "none"),
            ("\"mail at site.example\" <ann@home.example>", "none"),
            ("mail_at_site@home.example", "none"),
        ] {
            assert_eq!(read(from), expected, "{from}");
        }
    }

    #[test]
    fn the_address_that_the_service_added_counts_and_not_what_the_sender_put_before_it() {
        for (from, expected) in [
            (
                "\"Site - mail at site.example - eve at evil.example\" <eve_at_evil_example_qwertz@simplelogin.co>",
                "SimpleLogin: eve@evil.example named eve@evil.example",
            ),
            (
                "mail_at_site_example_at_evil_example_qwertz@simplelogin.co",
                "SimpleLogin: mail_at_site_example@evil.example mail.at.site.example@evil.example mail-at-site-example@evil.example",
            ),
            ("mail_at_site_example_evil_qwertz@simplelogin.co", "SimpleLogin: mail@site.example.evil"),
            ("mail_at_site_example.word@aleeas.com", "SimpleLogin: "),
            (
                "tin+mail=site.example+eve=evil.example@mika.anonaddy.com",
                "addy.io: mail=site.example+eve@evil.example",
            ),
            (
                "\"Site <mail@site.example> <eve@evil.example> [via Relay]\" <q@mozmail.com>",
                "Firefox Relay: eve@evil.example",
            ),
            (
                "\"mail@site.example [via Relay] <eve@evil.example> [via Relay]\" <q@mozmail.com>",
                "Firefox Relay: eve@evil.example",
            ),
            ("\"mail@site.example... [via Relay]\" <q@mozmail.com>", "Firefox Relay: "),
            (
                "mail_at_site.example_x_at_evil.example_mika@duck.com",
                "DuckDuckGo: mail_at_site.example_x@evil.example",
            ),
            (
                "mail_at_site_example_evil_k6myg754kg_192d3661@privaterelay.appleid.com",
                "Hide My Email: mail@site.example.evil",
            ),
        ] {
            assert_eq!(read(from), expected, "{from}");
        }
    }

    proptest! {
        #[test]
        fn any_address_is_read_without_a_panic(name in any::<String>(), local in any::<String>(), domain in 0..8_usize) {
            let domains = ["simplelogin.co", "passmail.net", "a.addy.io", "mozmail.com", "duck.com", "privaterelay.appleid.com", "icloud.com", "x.example"];
            let domain = domains.get(domain).copied().unwrap_or_default().to_owned();
            let _ = Alias::of(&Address { name, local, domain });
        }

        /// Whatever a sender's own address and name are, what the service encodes is never read as another domain's.
        #[test]
        fn no_sender_is_encoded_as_one_of_another_domain(
            local in "(mail|mail_at_site_example|x_at_site.example|mail=site.example|a\\+mail=site\\.example)[a-z_.]{0,6}",
            domain in "(evil|site-example|x)(\\.[a-z]{2,5}){1,2}",
        ) {
            let underscored = format!("{local}_at_{domain}").replace('.', "_");
            for from in [
                format!("{underscored}_qwertz@simplelogin.co"),
                format!("{underscored}_k6myg754kg_192d3661@privaterelay.appleid.com"),
                format!("{local}_at_{domain}_mika@duck.com"),
                format!("tin+{local}={domain}@mika.anonaddy.com"),
                format!("\"{local}@{domain} [via Relay]\" <q@mozmail.com>"),
            ] {
                let header = format!("From: {from}\r\n\r\n");
                let head = Head::parse(header.as_bytes()).unwrap();
                let encoded = head.alias().into_iter().flat_map(|alias| &alias.encoded);
                for address in encoded {
                    prop_assert_eq!(&address.domain, &domain, "{}", from);
                }
            }
        }
    }
}

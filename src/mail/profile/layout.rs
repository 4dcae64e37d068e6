//! A layout: one form of a network's messages, compiled from its profile. `read` creates it; `recognise` reads messages by it.

use std::fmt;
use std::sync::Arc;

use super::probe::{Probe, View};
use crate::host::RelayService;
use crate::mail::alias::Alias;
use crate::mail::bindings::Bindings;
use crate::mail::fact::Fact;
use crate::mail::head::Head;
use crate::mail::notification::Kind;
use crate::mail::people::Address;
use crate::mail::selector::Selector;
use crate::mail::template::Template;

/// One form of a network's messages.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// The name of its subjects in the locales.
    pub(super) subjects: String,
    /// Sender and marks alone distinguish it: its subject may be anything, in any language.
    pub(super) any_subject: bool,
    /// The senders it may come from; any if empty.
    pub(super) from: Vec<Sender>,
    /// The domain whose DKIM signature is required.
    pub(super) signed_by: Option<String>,
    /// Facts without which the message is incomplete.
    pub(super) needs: Vec<Fact>,
    /// Facts that have a place: if missing, they are blank.
    pub(super) shows: Vec<Fact>,
    /// Whether the message names every follower that it is about.
    pub(super) names_all: bool,
    pub(super) marks: Vec<Mark>,
    pub(super) reads: Vec<Probe>,
    /// The element around each follower, if there may be several.
    pub(super) each: Option<Selector>,
    pub(super) picture: Option<Picture>,
}

/// How the sender of a message stands to the senders of a layout, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It is one of them, or any sender is.
    Own,
    /// An alias service wrote From, for one of them.
    Relayed(RelayService),
    /// It is of the network's domains, but none of them.
    OfDomain,
    /// It is somebody else, but another field says that one of them wrote the message.
    Rewritten,
    /// It is somebody else.
    Stranger,
}

/// Where the author is kept by those who write From anew: mailing lists (RFC 6377, section 5.2), groups of Google's, forwarding rules.
const AUTHORS: [&str; 5] =
    ["Reply-To", "Sender", "X-Original-From", "X-Original-Sender", "X-Google-Original-From"];

/// The field with the recipient's address, and their name.
const TO: &str = "To";

/// Something that the message must have, or must not have.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) probe: Probe,
    pub(super) is_absent: bool,
}

impl Mark {
    /// Is it in a field that somebody dropped on the way, or in a From that an alias service wrote anew?
    pub(super) fn is_dropped(&self, view: &View<'_>, known: &Bindings) -> bool {
        let head = view.content.message.head();
        match &self.probe {
            Probe::Header { name, is } if name.eq_ignore_ascii_case("From") => {
                head.alias().is_some_and(|alias| {
                    alias.fields_of_from().any(|from| view.read(is, &from, known).is_some())
                })
            }
            Probe::Header { name, .. } => !name.eq_ignore_ascii_case(TO) && !head.has(name),
            Probe::Link { .. } | Probe::Text(_) | Probe::Phrase(_) | Probe::Html { .. } => false,
        }
    }

    /// Is it in To, and has To no name, as where a service wrote the bare address anew?
    pub(super) fn is_readdressed(&self, view: &View<'_>) -> bool {
        let is_bare = || view.content.message.head().addresses(TO).iter().all(|to| to.name.is_empty());
        matches!(&self.probe, Probe::Header { name, .. } if name.eq_ignore_ascii_case(TO)) && is_bare()
    }
}

/// The follower's picture, and the file names of the network's default pictures.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) image: Selector,
    pub(super) defaults: Vec<Template>,
}

/// An allowed sender: `notify@twitter.com`, `twitter-follow-*@postmaster.twitter.com`, `snac-daemon@*`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sender {
    /// The local part: the whole of it, or what is before and after the `*`.
    local: (String, Option<String>),
    /// Lower-cased; `None` for any domain.
    domain: Option<String>,
}

impl Sender {
    /// Parses a sender.
    ///
    /// # Errors
    ///
    /// A message that says what is wrong.
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        let (local, domain) = text.rsplit_once('@').ok_or("expected an address, `name@domain`")?;
        let local = match local.split_once('*') {
            Some((start, end)) => (start.to_owned(), Some(end.to_owned())),
            None => (local.to_owned(), None),
        };
        if domain != "*" && (domain.contains('*') || !domain.contains('.')) {
            return Err("a domain is compared as a whole: `example.org`, or `*` for any");
        }
        Ok(Self { local, domain: (domain != "*").then(|| domain.to_lowercase()) })
    }

    /// Does it name a domain?
    pub(super) fn has_domain(&self) -> bool {
        self.domain.is_some()
    }

    /// Is it one address?
    fn is_whole(&self) -> bool {
        self.local.1.is_none() && self.domain.is_some()
    }

    /// The letters and digits of such an address, in lower case. Every form of it has them in this order, also that of an alias.
    pub(super) fn letters(&self) -> impl Iterator<Item = u8> + Clone {
        let (start, end) = &self.local;
        let pieces = [start, end.as_deref().unwrap_or_default(), self.domain.as_deref().unwrap_or_default()];
        let bytes = pieces.into_iter().flat_map(str::bytes).filter(u8::is_ascii_alphanumeric);
        bytes.map(|byte| byte.to_ascii_lowercase())
    }

    pub(super) fn is(&self, address: &Address) -> bool {
        let local = match &self.local {
            (whole, None) => address.local.eq_ignore_ascii_case(whole),
            (start, Some(end)) => {
                address.local.len() >= start.len() + end.len()
                    && address.local.starts_with(start.as_str())
                    && address.local.ends_with(end.as_str())
            }
        };
        local && self.domain.as_ref().is_none_or(|domain| address.domain == *domain)
    }
}

/// As profiles write it.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = &self.local;
        let star = if end.is_some() { "*" } else { "" };
        let domain = self.domain.as_deref().unwrap_or("*");
        write!(f, "{start}{star}{}@{domain}", end.as_deref().unwrap_or_default())
    }
}

impl Layout {
    /// Is it one of its senders?
    pub(super) fn allows(&self, address: &Address) -> bool {
        self.from.iter().any(|sender| sender.is(address))
    }

    /// How the sender in this header stands to the allowed ones; `domains` are the network's. `None` without a sender.
    pub(super) fn standing(&self, head: &Head<'_>, domains: &[String]) -> Option<Standing> {
        let from = head.from()?;
        if self.from.is_empty() || self.allows(from) {
            return Some(Standing::Own);
        }
        if let Some(alias) = head.relayed_for(|original| self.allows(original)) {
            return Some(Standing::Relayed(alias.service));
        }
        let is_below =
            |own: &String| from.domain.strip_suffix(own.as_str()).is_some_and(|rest| rest.ends_with('.'));
        if domains.iter().any(|own| from.domain == *own || is_below(own)) {
            return Some(Standing::OfDomain);
        }
        let is_author = |field: &&str| head.addresses(field).iter().any(|author| self.allows(author));
        Some(if AUTHORS.iter().any(is_author) { Standing::Rewritten } else { Standing::Stranger })
    }

    /// The alias service that wrote From, if one did, and whether the address there contains a sender of the layout. Where any
    /// sender is one, as on self-hosted networks, only what a follower cannot choose shows a service.
    pub(super) fn relay<'h>(&self, head: &'h Head<'_>, standing: Standing) -> Option<(&'h Alias, bool)> {
        let alias = head.alias()?;
        match standing {
            Standing::Relayed(_) => Some((alias, alias.encodes(|original| self.allows(original)))),
            // Where the field names From itself, the user's own server has put the sender back.
            _ if self.from.is_empty() => {
                let from = head.from()?;
                let is_from = |other: &Address| other.local == from.local && other.domain == from.domain;
                let differs = |field: &str| head.has(field) && !head.addresses(field).iter().any(is_from);
                alias.is_beyond_names(differs).then_some((alias, true))
            }
            _ => None,
        }
    }

    /// Do whole addresses and a header field distinguish it?
    pub(super) fn is_told_by_header(&self) -> bool {
        let by_header = |mark: &Mark| !mark.is_absent && matches!(mark.probe, Probe::Header { .. });
        !self.from.is_empty()
            && self.from.iter().all(|sender| sender.is_whole())
            && self.marks.iter().any(by_header)
    }

    /// How the sender stands to those whose messages are examined whatever their subject is; `None` if it is none of them, nor an
    /// alias for one.
    pub(super) fn takes_any_subject_of(&self, head: &Head<'_>) -> Option<Standing> {
        // Most messages end here, before their From is parsed.
        if !self.any_subject || !self.from.iter().any(|sender| head.may_name(sender.letters())) {
            return None;
        }
        if head.from().is_some_and(|from| self.allows(from)) {
            return Some(Standing::Own);
        }
        let alias = head.alias().filter(|alias| alias.stands_for(None, |original| self.allows(original)))?;
        Some(Standing::Relayed(alias.service))
    }

    /// Everything that it looks for in a message.
    pub(super) fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.marks.iter().filter(|mark| !mark.is_absent).map(|mark| &mark.probe).chain(&self.reads)
    }

    /// What distinguishes it besides its subject, one line each.
    pub(super) fn marks_in_words(&self) -> Vec<String> {
        let senders: Vec<_> = self.from.iter().map(ToString::to_string).collect();
        let sender = (!senders.is_empty()).then(|| format!("sender {}", senders.join(" or ")));
        let signed =
            self.signed_by.as_ref().map(|domain| format!("DKIM-Signature of {domain} (without it: forged)"));
        let marks = self.marks.iter().map(|mark| {
            let no = if mark.is_absent { "no " } else { "" };
            format!("{no}{}", mark.probe.in_words())
        });
        let each = self.each.as_ref().map(|each| format!("one element `{each}` per follower"));
        sender.into_iter().chain(signed).chain(marks).chain(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(sender: &str, address: &str, expected: bool) {
        let (local, domain) = address.rsplit_once('@').unwrap();
        let address = Address { name: String::new(), local: local.to_owned(), domain: domain.to_owned() };
        assert_eq!(Sender::compile(sender).unwrap().is(&address), expected, "{sender} {address:?}");
    }

    #[test]
    fn a_domain_is_compared_as_a_whole() {
        check("notify@twitter.com", "Notify@twitter.com", true);
        check("notify@twitter.com", "notify@twitter.com.evil.test", false);
        check("notify@twitter.com", "notify@mail.twitter.com", false);
        check("notify@twitter.com", "x-notify@twitter.com", false);
    }

    #[test]
    fn a_star_stands_for_the_variable_part() {
        check("twitter-follow-*@postmaster.twitter.com", "twitter-follow-a=b.c@postmaster.twitter.com", true);
        check("twitter-follow-*@postmaster.twitter.com", "twitter-dm-a=b.c@postmaster.twitter.com", false);
        check("snac-daemon@*", "snac-daemon@any.example", true);
    }

    #[test]
    fn wrong_senders_are_refused() {
        for wrong in ["twitter.com", "a@*.twitter.com", "a@b"] {
            assert!(Sender::compile(wrong).is_err(), "{wrong}");
        }
    }

    fn has_letters(from: &str) -> bool {
        let header = format!("From: {from}\r\n\r\n");
        Head::parse(header.as_bytes())
            .unwrap()
            .may_name(Sender::compile("mail@site.example").unwrap().letters())
    }

    #[test]
    fn every_form_of_a_sender_has_its_letters() {
        for from in [
            "mail@site.example",
            "Site <MAIL@Site.Example>",
            "=?utf-8?Q?S=C3=AFte?= <mail@site.example>",
            "ann@home.example, mail@site.example",
            "mail(a)@site.example",
            "mail_at_site_example_qwertz@simplelogin.co",
            "tin+mail=site.example@mika.anonaddy.com",
            "\"mail@site.example [via Relay]\" <qwertz@mozmail.com>",
            "=?utf-8?q?=22mail=40site=2Eexample=22_=5Bvia_Relay=5D?= <replies@relay.firefox.com>",
        ] {
            assert!(has_letters(from), "{from}");
        }
        for from in
            ["Ann <ann@home.example>", "Site <mail@site.test>", "=?utf-8?B?w6k=?= <ann@home.example>", ""]
        {
            assert!(!has_letters(from), "{from}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_for_a_sender_has_its_letters(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "mail", "MAIL", "ma", "il", "@", "site.example", "Site.Example", "site_example", "_at_", "_qwertz", "<", ">",
                    "\"", "(", ")", ",", " ", "\r\n ", "=", "+", "=?utf-8?Q?mail?=", "=?utf-8?Q?mail=40site.example?=",
                    " [via Relay]", "@simplelogin.co", "@mozmail.com", "@mika.anonaddy.com", "\u{e9}", "\u{212a}", "\\",
                ]),
                1..9,
            ),
        ) {
            let from = pieces.concat();
            let header = format!("From: {from}\r\n\r\n");
            let sender = Sender::compile("mail@site.example").unwrap();
            if let Ok(head) = Head::parse(header.as_bytes()) {
                let is_sender = head.from().is_some_and(|from| sender.is(from));
                let is_alias = head.alias().is_some_and(|alias| alias.stands_for(None, |address| sender.is(address)));
                prop_assert!(!is_sender && !is_alias || head.may_name(sender.letters()), "{:?}", from);
            }
        }
    }
}

//! Judges whether a message comes from the network it claims: by the account's own Authentication-Results, the alignment of
//! domains, and the signature that a layout requires. `profile` calls it.

use super::alias::Alias;
use super::authentication::{MethodResult, Report};
use super::head::Head;
use super::host;
use super::trust::{Trust, same_organisation};
use super::trusted_results::{Counted, PROVING, counted};
use crate::host::{HostName, Instance, RelayService};

/// Whether the message comes from its claimed sender (RFC 8601), with the evidence: `mx.example.org: dkim=pass
/// twitter.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// The account's own server confirms it for the network's domain.
    Pass(String),
    /// It failed authentication. followsift never acts on it.
    Fail(String),
    /// Not proven. It may be filed, but is never promoted.
    Unknown,
    /// Not proven: an alias service wrote From. It may be filed only if the user names the service, and the account's own server
    /// confirms that the service sent it.
    Relayed {
        /// The service whose form From has.
        by: RelayService,
        /// Does the user name it, and does the server confirm it?
        is_vouched: bool,
    },
}

impl Authenticity {
    /// The word that `--json` uses.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown | Self::Relayed { .. } => "unknown",
        }
    }

    /// What the word leaves out, as the ledger keeps it.
    pub fn evidence(&self) -> Option<String> {
        match self {
            Self::Pass(evidence) | Self::Fail(evidence) => Some(evidence.clone()),
            Self::Unknown => None,
            Self::Relayed { by, is_vouched: true } => Some(format!("{VOUCHED}{}", by.word())),
            Self::Relayed { by, is_vouched: false } => Some(by.word().to_owned()),
        }
    }

    /// From its word and its evidence; anything else is unknown.
    pub fn restore(word: &str, evidence: Option<String>) -> Self {
        let evidence = evidence.unwrap_or_default();
        let vouched = evidence.strip_prefix(VOUCHED);
        match (word, RelayService::from_word(vouched.unwrap_or(&evidence))) {
            ("pass", _) => Self::Pass(evidence),
            ("fail", _) => Self::Fail(evidence),
            (_, Some(by)) => Self::Relayed { by, is_vouched: vouched.is_some() },
            (_, None) => Self::Unknown,
        }
    }
}

/// What stands before the name of a service that is vouched for.
const VOUCHED: &str = "vouched: ";

/// The sender that a message claims.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// A network with its own domains.
    Domains(&'a [String]),
    /// A server on a network that anyone can host; the host that the message shows, if any.
    Server(Option<&'a str>),
}

/// Judges a message. `signed_by` is the domain whose DKIM-Signature it must have.
pub(super) fn judge(
    head: &Head<'_>,
    origin: Origin<'_>,
    signed_by: Option<&str>,
    trust: &Trust,
) -> Authenticity {
    if head.has_several_senders() {
        return Authenticity::Fail("more than one From address".to_owned());
    }
    if let Some(field) = head.repeated() {
        return Authenticity::Fail(format!("more than one {field} field"));
    }
    let sender = head.from().map(|from| from.domain.as_str());
    let aligned = |domain: &str| match origin {
        Origin::Server(_) => sender.is_some_and(|sender| same_organisation(domain, sender)),
        Origin::Domains(domains) => domains.iter().any(|own| same_organisation(domain, own)),
    };
    // Every sender's own domain passes, so on these networks only the user's own servers count as proof.
    let own_server = match origin {
        Origin::Server(shown) => own_server(shown, sender, trust),
        Origin::Domains(_) => None,
    };
    let proven = |domain: &str| match origin {
        Origin::Server(_) => {
            own_server.is_some_and(|own| HostName::parse(domain).as_ref() == Some(&own.from))
        }
        Origin::Domains(_) => aligned(domain),
    };
    if let Some(signed_by) = signed_by
        && !signatures(head).any(|domain| same_organisation(&domain, signed_by))
    {
        return Authenticity::Fail(format!("no DKIM-Signature of {signed_by}"));
    }
    let counted = counted(head, trust);
    let is_aligned = |result: &MethodResult| result.domain().is_some_and(aligned);
    let results = || counted.iter().flat_map(Counted::results);
    let proofs = || counted.iter().filter(|counted| counted.may_prove).flat_map(Counted::results);
    let evidence = |(report, result): (&Report, &MethodResult)| {
        let domain = result.domain().unwrap_or_default();
        let server = report.server().unwrap_or("Authentication-Results");
        let text = format!("{server}: {}={} {domain}", result.method, result.outcome);
        crate::text::one_line(&text, 200)
    };
    if let Some(found) = results().find(|(_, result)| result.method == "dmarc" && result.has_failed()) {
        return Authenticity::Fail(evidence(found));
    }
    let method = |result: &MethodResult, methods: &[&str]| methods.contains(&result.method.as_str());
    let passed = |result: &MethodResult, methods: &[&str]| {
        method(result, methods) && result.outcome == "pass" && is_aligned(result)
    };
    if !proofs().any(|(_, result)| passed(result, &["spf", "dkim", "dmarc"]))
        && let Some(found) =
            results().find(|(_, result)| method(result, &["spf", "dkim"]) && result.has_failed())
    {
        return Authenticity::Fail(evidence(found));
    }
    if trust.authserv_id.is_set()
        && let Some(found) =
            proofs().find(|(_, result)| passed(result, &PROVING) && result.domain().is_some_and(proven))
    {
        return Authenticity::Pass(evidence(found));
    }
    Authenticity::Unknown
}

/// Judges a message whose From an alias service wrote. It never passes: the service names a sender that it may not have checked.
/// Whatever the sender can write proves nothing either, so that only a service that the user names, and that the account's own
/// server confirms, excuses a signature that the service took away. `is_encoded` says whether the address of From contains the
/// sender.
pub(super) fn judge_relayed(
    head: &Head<'_>,
    (alias, is_encoded): (&Alias, bool),
    origin: Origin<'_>,
    signed_by: Option<&str>,
    trust: &Trust,
) -> Authenticity {
    let relayed = |is_vouched| Authenticity::Relayed { by: alias.service, is_vouched };
    let is_named =
        trust.relays.iter().any(|relay| relay.service == alias.service && relay.sends_from(&alias.domain));
    let is_confirmed = alias.own_field().is_none_or(|field| head.has(field));
    if is_named && is_encoded && is_confirmed {
        match judge(head, Origin::Domains(std::slice::from_ref(&alias.domain)), None, trust) {
            Authenticity::Pass(_) => return relayed(true),
            failed @ Authenticity::Fail(_) => return failed,
            Authenticity::Unknown | Authenticity::Relayed { .. } => {}
        }
    }
    match judge(head, origin, signed_by, trust) {
        Authenticity::Fail(evidence) => Authenticity::Fail(format!(
            "{evidence}; {} is not proven to have relayed it",
            alias.service.title()
        )),
        _ => relayed(false),
    }
}

/// The user's own server that the message shows, if From has exactly the domain from which that server sends.
fn own_server<'t>(shown: Option<&str>, sender: Option<&str>, trust: &'t Trust) -> Option<&'t Instance> {
    let (shown, sender) = (HostName::parse(host::without_port(shown?))?, HostName::parse(sender?)?);
    trust.instances.iter().find(|own| own.host == shown && own.from == sender)
}

/// The signing domains of all DKIM-Signature fields (RFC 6376, section 3.5).
fn signatures(head: &Head<'_>) -> impl Iterator<Item = String> {
    head.raw_values("dkim-signature").filter_map(|(_, value)| {
        value.split(';').find_map(|tag| {
            let (name, domain) = tag.split_once('=')?;
            (name.trim() == "d").then(|| domain.split_whitespace().collect::<String>().to_lowercase())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::AuthservIds;

    #[test]
    fn what_the_ledger_keeps_restores_the_same() {
        let by = RelayService::FirefoxRelay;
        for authentic in [
            Authenticity::Pass("mx.example: dkim=pass x.example".to_owned()),
            Authenticity::Fail("simplelogin".to_owned()),
            Authenticity::Unknown,
            Authenticity::Relayed { by, is_vouched: true },
            Authenticity::Relayed { by, is_vouched: false },
        ] {
            assert_eq!(Authenticity::restore(authentic.word(), authentic.evidence()), authentic);
        }
    }

    const SIGNED: &str = "DKIM-Signature: v=1; d=twit\r\n ter.com; s=x; b=y\r\n";
    const FROM: &str = "From: notify@twitter.com\r\n";

    fn check(trusted: Option<&str>, header: &str, expected: &str) {
        let header = format!("{header}\r\n");
        let head = Head::parse(header.as_bytes()).unwrap();
        let trust = Trust { authserv_id: AuthservIds::parse(trusted).unwrap(), ..Trust::default() };
        let domains = ["twitter.com".to_owned()];
        let found = match judge(&head, Origin::Domains(&domains), Some("twitter.com"), &trust) {
            Authenticity::Pass(evidence) => format!("pass: {evidence}"),
            Authenticity::Fail(evidence) => format!("fail: {evidence}"),
            Authenticity::Unknown | Authenticity::Relayed { .. } => "unknown".to_owned(),
        };
        assert_eq!(found, expected, "{header}");
    }

    fn results(results: &str) -> String {
        format!("Authentication-Results: mx.example; {results}\r\n{SIGNED}{FROM}")
    }

    #[test]
    fn only_the_configured_server_can_promote() {
        let header = results("dkim=pass header.i=@twitter.com");
        check(Some("MX.example"), &header, "pass: mx.example: dkim=pass twitter.com");
        check(Some("other.example"), &header, "unknown");
        check(None, &header, "unknown");
        check(
            Some("mx.example"),
            &results("dmarc=pass header.from=twitter.com"),
            "pass: mx.example: dmarc=pass twitter.com",
        );
        check(Some("mx.example"), &results("spf=pass smtp.mailfrom=b@bounce.twitter.com"), "unknown");
    }

    #[test]
    fn a_server_that_does_not_name_itself_may_demote_and_promotes_only_if_the_settings_say_so() {
        let unnamed = |results: &str| format!("Authentication-Results: {results}\r\n{SIGNED}{FROM}");
        let passed = unnamed("spf=pass smtp.mailfrom=twitter.com; dkim=pass header.d=twitter.com");
        for trusted in [None, Some("mx.example")] {
            check(trusted, &passed, "unknown");
        }
        let named = unnamed("spf; dkim=pass header.d=twitter.com");
        check(Some("spf.example"), &named, "unknown");
        let failed = unnamed("spf=fail smtp.mailfrom=twitter.com; dkim=none header.d=none");
        for trusted in [None, Some(""), Some("mx.example")] {
            check(trusted, &failed, "fail: Authentication-Results: spf=fail twitter.com");
        }
        check(Some(""), &passed, "pass: Authentication-Results: dkim=pass twitter.com");
        // Below another field, anybody can have written it.
        let below = format!("Authentication-Results: mx.example; spf=none\r\n{passed}");
        check(Some(""), &below, "unknown");
        check(None, &failed.replace("dkim=none header.d=none", "dkim=pass header.d=twitter.com"), "unknown");
    }

    #[test]
    fn a_pass_for_another_domain_does_not_count() {
        check(Some("mx.example"), &results("dkim=pass header.d=bulk.test"), "unknown");
        check(Some("mx.example"), &results("dkim=pass header.d=twitter.com.bulk.test"), "unknown");
    }

    #[test]
    fn a_server_of_a_self_hosted_network_passes_only_as_one_of_the_users_own() {
        let host = |name: &str| HostName::parse(name).unwrap();
        let own = [
            Instance::new(host("toot.example")),
            Instance { host: host("social.example"), from: host("mail.example") },
        ];
        let passes = |shown: Option<&str>, from: &str, results: &str| {
            let header =
                format!("Authentication-Results: mx.example; {results}\r\nFrom: Toot <n@{from}>\r\n\r\n");
            let head = Head::parse(header.as_bytes()).unwrap();
            let judge = |authserv_id: Option<&str>, instances: &[Instance]| {
                let trust = Trust {
                    authserv_id: AuthservIds::parse(authserv_id).unwrap(),
                    instances: instances.to_vec(),
                    ..Trust::default()
                };
                matches!(judge(&head, Origin::Server(shown), None, &trust), Authenticity::Pass(_))
            };
            assert!(!judge(Some("mx.example"), &[]) && !judge(None, &own), "{shown:?} {from} {results}");
            judge(Some("mx.example"), &own)
        };
        assert!(passes(Some("toot.example"), "toot.example", "dkim=pass header.d=toot.example"));
        assert!(passes(Some("Toot.Example"), "TOOT.example", "dmarc=pass header.from=toot.example"));
        assert!(passes(Some("social.example"), "mail.example", "dkim=pass header.i=@mail.example"));
        assert!(passes(Some("toot.example:4567"), "toot.example", "dkim=pass header.d=toot.example"));
        for (shown, from, results) in [
            (None, "toot.example", "dkim=pass header.d=toot.example"),
            // Another server or provider that claims to be ours.
            (Some("toot.example"), "evil.example", "dkim=pass header.d=evil.example"),
            (Some("evil.example"), "evil.example", "dkim=pass header.d=evil.example"),
            (Some("evil.example"), "toot.example", "dkim=pass header.d=toot.example"),
            // The same organisation, but another host.
            (Some("toot.example"), "users.toot.example", "dkim=pass header.d=users.toot.example"),
            (Some("toot.example"), "toot.example", "dkim=pass header.d=users.toot.example"),
            (Some("evil.example:443"), "toot.example", "dkim=pass header.d=toot.example"),
            (Some("www.toot.example"), "toot.example", "dkim=pass header.d=toot.example"),
            // One server's name and another's domain.
            (Some("toot.example"), "mail.example", "dkim=pass header.d=mail.example"),
            (Some("social.example"), "social.example", "dkim=pass header.d=social.example"),
            (Some("toot.example"), "toot.example", "spf=pass smtp.mailfrom=toot.example"),
        ] {
            assert!(!passes(shown, from, results), "{shown:?} {from} {results}");
        }
    }

    #[test]
    fn failures_demote_without_any_configuration() {
        check(
            None,
            &results("dmarc=fail header.from=twitter.com; dkim=pass header.d=twitter.com"),
            "fail: mx.example: dmarc=fail twitter.com",
        );
        check(
            None,
            &results("spf=hardfail smtp.mail=x@twitter.com"),
            "fail: mx.example: spf=hardfail twitter.com",
        );
        check(None, &results("dkim=fail header.d=twitter.com"), "fail: mx.example: dkim=fail twitter.com");
        check(None, &results("spf=fail smtp.mailfrom=list.test; dkim=pass header.d=twitter.com"), "unknown");
        check(None, &results("spf=softfail smtp.mailfrom=x@twitter.com"), "unknown");
    }

    #[test]
    fn what_the_sender_wrote_below_does_not_count() {
        let below = format!(
            "{}Authentication-Results: mx.example; dkim=pass header.d=twitter.com\r\n",
            results("none")
        );
        check(Some("mx.example"), &below, "unknown");
        check(None, &below, "unknown");
    }

    #[test]
    fn what_the_sender_wrote_above_from_does_not_override_the_server() {
        let forged = "Authentication-Results: mx.example; dkim=pass header.d=twitter.com; dmarc=pass header.from=twitter.com";
        let with =
            |own: &str| format!("Authentication-Results: mx.example; {own}\r\n{forged}\r\n{SIGNED}{FROM}");
        check(
            Some("mx.example"),
            &with("dkim=fail header.d=twitter.com; dmarc=none"),
            "fail: mx.example: dkim=fail twitter.com",
        );
        check(
            Some("mx.example"),
            &with("dkim=fail header.d=twitter.com"),
            "fail: mx.example: dkim=fail twitter.com",
        );
        check(Some("mx.example"), &with("dkim=none"), "unknown");
        check(Some("mx.example"), &with("spf=neutral smtp.mailfrom=bulk.test"), "unknown");
    }

    #[test]
    fn a_server_may_write_one_field_for_each_method() {
        let header = "Authentication-Results: mx.example; dmarc=pass header.from=twitter.com\r\n\
                      Authentication-Results: mx.example; dkim=pass header.d=twitter.com\r\n";
        check(
            Some("mx.example"),
            &format!("{header}{SIGNED}{FROM}"),
            "pass: mx.example: dmarc=pass twitter.com",
        );
    }

    #[test]
    fn a_field_that_was_put_on_top_of_another_fails() {
        let genuine = results("dkim=pass header.d=twitter.com");
        for (fields, expected) in [
            ("Subject: a\r\nSubject: b\r\n", "fail: more than one Subject field"),
            ("subject: a\r\nSUBJECT : b\r\n", "fail: more than one Subject field"),
            ("List-ID: <a.b>\r\nlist-id: <a.b>\r\n", "fail: more than one List-ID field"),
            ("Subject: a\r\nList-ID: <a.b>\r\nX: y\r\nX: y\r\n", "pass: mx.example: dkim=pass twitter.com"),
        ] {
            check(Some("mx.example"), &format!("{fields}{genuine}"), expected);
        }
    }

    #[test]
    fn two_senders_and_a_missing_signature_fail() {
        check(
            None,
            &format!("{SIGNED}From: notify@twitter.com, x@y.test\r\n"),
            "fail: more than one From address",
        );
        check(None, FROM, "fail: no DKIM-Signature of twitter.com");
        check(None, &format!("{SIGNED}{FROM}"), "unknown");
    }
}

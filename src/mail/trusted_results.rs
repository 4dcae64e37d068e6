//! Chooses which Authentication-Results fields of a message count, and tells how the receiving server names itself in them.
//!
//! The field is a trace field (RFC 8601, section 2.1): servers add it at the top, and should remove those that a sender wrote in
//! their name (section 5), but not all do. So what may promote a message depends on where a field stands. Never judges;
//! `authenticity` does, with what it gets here.

use std::collections::BTreeSet;

use super::authentication::{MethodResult, Report, USUAL};
use super::head::Head;
use super::limits::HEADER_LIMIT;
use super::message::Message;
use super::trust::{Trust, same_organisation};
use crate::host::AuthservIds;

/// The methods that can prove a message.
pub(super) const PROVING: [&str; 2] = ["dkim", "dmarc"];
/// The longest name of a server, in bytes (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;

/// A field that counts.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) report: Report,
    /// May it promote the message? Otherwise it may only demote it.
    pub(super) may_prove: bool,
}

impl Counted {
    /// Its results, each with the field.
    pub(super) fn results(&self) -> impl Iterator<Item = (&Report, &MethodResult)> {
        self.report.results.iter().map(|result| (&self.report, result))
    }
}

/// The fields that count: those of the trusted servers, else the topmost.
pub(super) fn counted(head: &Head<'_>, trust: &Trust) -> Vec<Counted> {
    if !trust.authserv_id.is_set() {
        let top = head.raw_values("authentication-results").next();
        let report = top.and_then(|(_, value)| Report::parse(&value));
        return report.map(|report| Counted { report, may_prove: true }).into_iter().collect();
    }
    let fields = above_from(head);
    let top = fields.first().map(|(place, _)| *place);
    // Only the topmost field without a name can be the server's. Trusted or not, its failures count.
    let unnamed =
        fields.first().filter(|(_, report)| report.server().is_none()).map(|(_, report)| report.failures());
    // What stands above all Received fields was added after the message arrived, since the server that received it added one.
    let arrival = head.place("received");
    let is_after_arrival = |place: usize| arrival.is_some_and(|received| place < received);
    // Elsewhere, the server's own fields stand above those that came with the message, and nothing shows where these begin: only
    // the topmost proves, whatever names are trusted, and none below the next Received field. A field about nothing that is usual
    // may have another of the same server below it.
    let (mut any_after_arrival, mut end, mut is_settled) = (false, None, false);
    let (mut counted, mut reported) = (Vec::new(), BTreeSet::new());
    for (place, mut report) in fields {
        if !trust.authserv_id.include_server(report.server()) {
            continue;
        }
        if report.server().is_none() && !(report.is_unnamed() && Some(place) == top) {
            continue;
        }
        let end = *end.get_or_insert_with(|| head.place_after("received", place));
        any_after_arrival |= is_after_arrival(place);
        let may_prove = match any_after_arrival {
            true => is_after_arrival(place),
            false => !report.is_beside() && !std::mem::replace(&mut is_settled, true) && place < end,
        };
        // A server may write a field for each method: a lower field counts only for methods that none above it reports.
        report.results.retain(|result| !reported.contains(&result.method));
        reported.extend(report.results.iter().map(|result| result.method.clone()));
        counted.push(Counted { report, may_prove });
    }
    counted.extend(unnamed.map(|report| Counted { report, may_prove: false }));
    // What such a field says is not known: it may be the server's, and say that the message failed.
    if head.has_longer_than("authentication-results", HEADER_LIMIT) {
        counted.iter_mut().for_each(|one| one.may_prove = false);
    }
    counted
}

/// The fields that can be the receiving server's, with their places: one below From came with the message.
fn above_from(head: &Head<'_>) -> Vec<(usize, Report)> {
    let from = head.place("from").unwrap_or(usize::MAX);
    let fields = head.raw_values("authentication-results").filter(|(place, _)| *place < from);
    fields.filter_map(|(place, value)| Some((place, Report::parse(&value)?))).collect()
}

/// How the receiving server names itself in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// The names in its fields that can prove a message; one, or several if it writes a field for each method. Empty if it does
    /// not name itself.
    pub names: Vec<String>,
    /// Does the field stand above all Received fields, where no sender can write one?
    pub is_above_received: bool,
    /// The domain of the message's From.
    pub sender: Option<String>,
}

impl Reporter {
    /// What to trust so that the reporter's fields count, as far as it is sound; `None` for a name that a sender could have.
    pub fn ids(&self) -> Option<AuthservIds> {
        match self.names.as_slice() {
            [] => AuthservIds::parse([""]).ok(),
            names => AuthservIds::parse(names.iter().map(String::as_str)).ok(),
        }
    }
}

impl Message<'_> {
    /// How the receiving server names itself in Authentication-Results, judging by the topmost field; `None` if that is not a
    /// field by which a message could be proven, in the name of a host.
    pub fn reporter(&self) -> Option<Reporter> {
        let head = self.head();
        let fields = above_from(head);
        let (top, report) = fields.first()?;
        let first_received = head.place("received");
        let is_above_received = first_received.is_none_or(|received| *top < received);
        let end = head.place_after("received", *top);
        let sender = head.from().map(|from| from.domain.clone());
        let own = fields.iter().take_while(|(place, _)| *place < end).map(|(_, report)| report);
        let names = match report.server() {
            None if report.is_unnamed() && report.reports(&USUAL) => Vec::new(),
            None => return None,
            Some(server) => {
                let own = || {
                    own.clone()
                        .filter(|report| report.server().is_some_and(|name| same_organisation(name, server)))
                };
                let of = |methods: &[&str]| -> Vec<String> {
                    let names = own().filter(|report| report.reports(methods)).filter_map(Report::server);
                    names
                        .filter(|name| is_host(name))
                        .map(str::to_owned)
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .collect()
                };
                let names = of(&PROVING);
                let names = if names.is_empty() { of(&USUAL) } else { names };
                if names.is_empty() {
                    return None;
                }
                names
            }
        };
        Some(Reporter { names, is_above_received, sender })
    }
}

/// Is it a name with a domain that somebody registered? Others are sound in the settings, but are never proposed.
fn is_host(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.len() <= LONGEST
        && name.chars().all(fits)
        && !name.split('.').any(str::is_empty)
        && psl::domain_str(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Authenticity;
    use crate::mail::authenticity::{Origin, judge};

    /// Judges a message with these header fields above From; lines that begin with a colon are Authentication-Results.
    fn judged(trusted: &[&str], fields: &[&str]) -> Authenticity {
        let field = |field: &&str| match field.strip_prefix(':') {
            Some(results) => format!("Authentication-Results: {results}\r\n"),
            None => format!("{field}\r\n"),
        };
        let header: String = fields.iter().map(field).collect();
        let header = format!("{header}From: notify@twitter.com\r\n\r\n");
        let head = Head::parse(header.as_bytes()).unwrap();
        let authserv_id = AuthservIds::parse(trusted.iter().copied()).unwrap();
        let trust = Trust { authserv_id, ..Trust::default() };
        judge(&head, Origin::Domains(&["twitter.com".to_owned()]), None, &trust)
    }

    fn check(trusted: &[&str], fields: &[&str], expected: &str) {
        assert_eq!(judged(trusted, fields).word(), expected, "{trusted:?} {fields:#?}");
    }

    const MX: &[&str] = &["mx.example"];
    const EACH: &[&str] = &["*.mx.example"];
    const RECEIVED: &str = "Received: from out.example by mx.example; Mon, 1 Jan 2024 00:00:00 +0000";
    const PASS: &str = ":mx.example; dkim=pass header.d=twitter.com";
    const FORGED: &str = ":mx.example; dkim=pass header.d=twitter.com; dmarc=pass header.from=twitter.com";

    #[test]
    fn all_fields_above_the_arrival_count() {
        check(MX, &[":mx.example; spf=none", PASS, RECEIVED], "pass");
        check(MX, &[":mx.example; x-ptr=pass", "X-Spam: no", PASS, RECEIVED, RECEIVED], "pass");
        // Another server of one's own, which is not trusted, takes nothing away.
        check(MX, &[":other.example; dkim=none", PASS, RECEIVED], "pass");
        check(MX, &[PASS, ":mx.example; dmarc=fail header.from=twitter.com", RECEIVED], "fail");
    }

    #[test]
    fn below_the_arrival_the_topmost_field_on_a_usual_method_counts() {
        check(MX, &[RECEIVED, PASS, RECEIVED], "pass");
        check(MX, &[RECEIVED, ":mx.example; arc=none", "X-A: b", PASS, RECEIVED], "pass");
        check(MX, &[":mx.example; x-ptr=pass", PASS], "pass");
        check(MX, &[RECEIVED, ":mx.example; spf=none", PASS], "unknown");
        // A server that found nothing to check has written its field all the same.
        for own in ["none", "auth=pass smtp.auth=a", "iprev=fail policy.iprev=192.0.2.1", "sender-id=none"] {
            check(MX, &[RECEIVED, &format!(":mx.example; {own}"), FORGED], "unknown");
        }
    }

    #[test]
    fn beside_a_field_that_is_too_long_to_be_read_nothing_proves_a_message() {
        let long =
            format!(":mx.example; dkim=pass header.d={}.example; dmarc=fail", "x".repeat(HEADER_LIMIT));
        check(MX, &[&long, RECEIVED, FORGED], "unknown");
        check(MX, &[RECEIVED, &long, FORGED], "unknown");
    }

    #[test]
    fn what_a_forged_field_says_excuses_no_failure() {
        check(MX, &[RECEIVED, ":mx.example; spf=fail smtp.mailfrom=twitter.com", FORGED], "fail");
    }

    #[test]
    fn a_field_that_came_with_the_message_proves_nothing() {
        for own in [":mx.example; dkim=none", ":mx.example; spf=neutral", ":mx.example; arc=none"] {
            check(MX, &[own, RECEIVED, FORGED], "unknown");
            check(MX, &[own, RECEIVED, FORGED, RECEIVED], "unknown");
            check(MX, &[own, ":other.example; dkim=pass", RECEIVED, FORGED], "unknown");
            check(MX, &[RECEIVED, own, RECEIVED, FORGED], "unknown");
        }
        check(MX, &[RECEIVED, ":mx.example; dkim=none", FORGED], "unknown");
        let failed = ":mx.example; dkim=fail header.d=twitter.com; dmarc=fail header.from=twitter.com";
        check(MX, &[failed, RECEIVED, FORGED], "fail");
        check(MX, &[RECEIVED, failed, FORGED], "fail");
        // It stands above From, but in another server's name.
        check(MX, &[":evil.example; dkim=pass header.d=twitter.com", RECEIVED], "unknown");
        check(MX, &[":evil.example (mx.example); dkim=pass header.d=twitter.com", RECEIVED], "unknown");
        check(MX, &[":(mx.example; dkim=pass header.d=twitter.com) evil.example", RECEIVED], "unknown");
        check(
            MX,
            &[":evil.example; dkim=none reason=\"mx.example; dkim=pass header.d=twitter.com\"", RECEIVED],
            "unknown",
        );
        check(MX, &[":mx.example.evil.example; dkim=pass header.d=twitter.com", RECEIVED], "unknown");
    }

    #[test]
    fn one_host_for_each_server_is_trusted_by_a_star() {
        let own = ":phl-mx-03.mx.example; dkim=pass header.d=twitter.com";
        check(EACH, &[own, RECEIVED], "pass");
        check(EACH, &[":phl-mx-03.mx.example; x-ptr=pass", own], "pass");
        check(&["a.example", "*.mx.example"], &[RECEIVED, own], "pass");
        for sender in ["evilmx.example", "mx.example", "mx.example.evil.example", "a.mx.example.evil.example"]
        {
            check(EACH, &[&format!(":{sender}; dkim=pass header.d=twitter.com"), RECEIVED], "unknown");
        }
        // Names below a star are one server, so that inventing another does not help.
        let own = ":phl-mx-03.mx.example; spf=none";
        check(EACH, &[RECEIVED, own, ":x.mx.example; dkim=pass header.d=twitter.com"], "unknown");
        check(EACH, &[own, RECEIVED, ":x.mx.example; dkim=pass header.d=twitter.com"], "unknown");
    }

    #[test]
    fn a_server_may_write_a_field_for_each_method_each_in_a_name_of_its_own() {
        let trusted = &["dmarc.in.example", "dkim.in.example"];
        let fields = &[
            ":bimi.in.example; bimi=skipped",
            ":dmarc.in.example; dmarc=none header.from=twitter.com",
            "X-DMARC-Info: x",
            ":dkim.in.example; dkim=pass header.d=twitter.com",
            ":spf.in.example; spf=pass smtp.mailfrom=twitter.com",
            RECEIVED,
        ];
        check(trusted, fields, "pass");
        let forged = fields.map(|field| field.replace("dkim=pass header.d=twitter.com", "dkim=none"));
        let mut forged: Vec<_> = forged.iter().map(String::as_str).collect();
        forged.push(":dkim.in.example; dkim=pass header.d=twitter.com");
        check(trusted, &forged, "unknown");
        // Below a Received field, the topmost may prove. Those below it may be the sender's.
        let relayed = [&[RECEIVED][..], fields].concat();
        check(trusted, &relayed, "unknown");
        let passed =
            relayed.iter().map(|field| field.replace("dmarc=none", "dmarc=pass")).collect::<Vec<_>>();
        check(trusted, &passed.iter().map(String::as_str).collect::<Vec<_>>(), "pass");
    }

    #[test]
    fn a_trusted_name_in_which_the_server_wrote_nothing_proves_nothing() {
        for trusted in [&["a.example", "b.example"][..], &["b.example", "a.example"]] {
            for own in ["dkim=none", "spf=none", "dmarc=none header.from=twitter.com"] {
                let (own, forged) = (format!(":a.example; {own}"), FORGED.replace("mx.", "b."));
                check(trusted, &[RECEIVED, &own, &forged, RECEIVED], "unknown");
                check(trusted, &[RECEIVED, &own, "X-A: b", &forged], "unknown");
                check(trusted, &[&own, &forged], "unknown");
            }
        }
        for trusted in [["mx.example", "*.mx.example"], ["*.mx.example", "mx.example"]] {
            let own = ":a.mx.example; dkim=none";
            check(&trusted, &[RECEIVED, own, FORGED, RECEIVED], "unknown");
            let below = FORGED.replace(":mx", ":x.mx");
            check(&trusted, &[RECEIVED, ":mx.example; dkim=none", &below, RECEIVED], "unknown");
        }
        check(&["", "mx.example"], &[RECEIVED, ":dkim=none", FORGED], "unknown");
    }

    #[test]
    fn what_an_unnamed_server_says_before_the_first_semicolon_is_read() {
        let field = ":spf=fail (sender IP is 192.0.2.7) smtp.mailfrom=twitter.com; dkim=none";
        for trusted in [&[""][..], MX, &[]] {
            check(trusted, &[field, RECEIVED], "fail");
            check(trusted, &[RECEIVED, field, RECEIVED], "fail");
        }
        // What passes there excuses nothing that the trusted server says.
        let passed = ":spf=pass smtp.mailfrom=twitter.com; dkim=pass header.d=twitter.com";
        check(MX, &[passed, ":mx.example; spf=fail smtp.mailfrom=twitter.com", RECEIVED], "fail");
        check(&[""], &[RECEIVED, passed, RECEIVED], "pass");
        check(&[""], &[":mx.example; dkim=none", passed], "unknown");
        check(&[""], &[":spf; dkim=pass header.d=twitter.com"], "unknown");
    }

    #[test]
    fn any_number_of_fields_takes_linear_time() {
        for field in [":a.mx.example; x=none", ":mx.example; dkim=none", ":x", RECEIVED, ":spf=none"] {
            let mut fields = vec![field; 30_000];
            fields.push(FORGED);
            for trusted in [MX, EACH, &[""]] {
                assert!(!matches!(judged(trusted, &fields), Authenticity::Fail(_)), "{field}");
            }
        }
        check(MX, &vec![FORGED; 1_000], "pass");
        check(MX, &[&[":mx.example; dkim=none", RECEIVED][..], &vec![FORGED; 1_000]].concat(), "unknown");
    }
}

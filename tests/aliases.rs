//! Messages that came through an alias service: what is filed, and that nobody gets a message filed, starred or proven by writing a
//! From that only looks like an alias.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use crate::assess::rulebook;
use crate::support::letters::AUTHSERV_ID;
use followsift::assess::{Arrival, Assessment, Mail, Restraint, Rulebook, assess};
use followsift::clock::Timestamp;
use followsift::host::{AuthservIds, HostName, Relay, RelayService};
use followsift::mail::{Authenticity, Recognition};
use followsift::rules::Action;
use followsift::rules::recall::Blank;

/// Files and stars every notification.
const RULES: &str = "[verdict.seen]\nmove-to = \"Seen\"\nflag = true\n\n[[rule]]\nname = \"All\"\nwhen.kind = \"follow\"\nverdict = \"seen\"\n";

const NOON: Timestamp = Timestamp(1_800_000_000);

const STRAVA: &str = "Subject: Ilka Brandt is now following you on Strava.\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative; boundary=part\r\n\r\n--part\r\nContent-Type: text/plain\r\n\r\n\
    Ilka Brandt is now following you on Strava.\r\n--part\r\nContent-Type: text/html\r\n\r\n\
    <p><a href=\"https://www.strava.com/athletes/7654321\">Ilka Brandt</a></p>\r\n--part--\r\n";

/// A network whose messages have to be signed.
const TWITCH: &str = "Subject: Ilka Brandt is now following you on Twitch\r\nContent-Type: text/html\r\n\r\n\
    <div class=\"follower-name\"><a href=\"https://www.twitch.tv/r/e/1\">Ilka Brandt</a></div>\
    <small class=\"alternate-link\"><a href=\"https://www.twitch.tv/r/e/2\">https://www.twitch.tv/ilka_b</a></small>\r\n";

const FROM: &str = "From: \"Strava - mail at strava.com\" <mail_at_strava_com_qwertz@simplelogin.co>\r\n\
    X-SimpleLogin-Original-From: Strava <mail@strava.com>\r\n";

/// A message of a network whose senders may have any address.
const MASTODON: &str = "Subject: ilka@skog.example is now following you\r\n\r\nMika,\r\n\r\n\
    ilka@skog.example is now following you!\r\n\r\nView: https://toot.example/web/accounts/275676\r\n\r\n---\r\n\r\n\
    Change email preferences: https://toot.example/settings/preferences\r\n";

fn passing(domain: &str) -> String {
    format!(
        "Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}\r\n"
    )
}

fn trusting(relays: &[(RelayService, Option<&str>)]) -> Rulebook {
    let mut rulebook = rulebook(RULES);
    let relay = |(service, domain): &(RelayService, Option<&str>)| Relay {
        service: *service,
        domain: domain.map(|domain| HostName::parse(domain).unwrap()),
    };
    rulebook.trust.relays = relays.iter().map(relay).collect();
    rulebook
}

fn all_services() -> Rulebook {
    trusting(&RelayService::ALL.map(|service| (service, None)))
}

fn judged(message: &str, rulebook: &Rulebook) -> Assessment {
    assess(Mail { bytes: message.as_bytes(), arrived: Arrival::At(NOON) }, rulebook, &Blank)
}

fn authentic(assessment: &Assessment) -> Option<&Authenticity> {
    match &assessment.recognition {
        Recognition::Recognised(notification) => Some(&notification.authentic),
        _ => None,
    }
}

/// The message stays, and is not proven.
fn check_stays(message: &str, rulebook: &Rulebook) {
    let assessment = judged(message, rulebook);
    assert_eq!(assessment.action, Action::Leave, "{message}");
    let is_proven = matches!(
        authentic(&assessment),
        Some(Authenticity::Pass(_) | Authenticity::Relayed { is_vouched: true, .. })
    );
    assert!(!is_proven, "{message}");
}

#[test]
fn what_a_named_service_provably_relayed_is_filed_and_never_starred() {
    let message = format!("{}{FROM}{STRAVA}", passing("simplelogin.co"));
    let assessment = judged(&message, &trusting(&[(RelayService::SimpleLogin, None)]));
    let Action::File { marks, .. } = &assessment.action else { panic!("{assessment:?}") };
    assert!(!marks.flagged);
    assert_eq!(assessment.restraint, Some(Restraint::Unproven));
    let mut demanding = trusting(&[(RelayService::SimpleLogin, None)]);
    demanding.require_authentic = true;
    assert_eq!(judged(&message, &demanding).restraint, Some(Restraint::Unproven));
    check_stays(&message.replace("mx.", "other."), &trusting(&[(RelayService::SimpleLogin, None)]));
}

#[test]
fn a_service_that_is_not_named_or_not_confirmed_gets_nothing_filed() {
    let signed = format!("{}{FROM}{STRAVA}", passing("simplelogin.co"));
    check_stays(&signed, &rulebook(RULES));
    check_stays(&signed, &trusting(&[(RelayService::Addy, None)]));
    check_stays(&signed, &trusting(&[(RelayService::SimpleLogin, Some("alias.example"))]));
    let expected = Some(Restraint::Relayed(RelayService::SimpleLogin));
    assert_eq!(judged(&signed, &rulebook(RULES)).restraint, expected);
    let named = trusting(&[(RelayService::SimpleLogin, None)]);
    let unsigned = format!("{FROM}{STRAVA}");
    check_stays(&unsigned, &named);
    assert_eq!(judged(&unsigned, &named).restraint, expected);
    // Only the field of the account's own server counts, and no server without `authserv-id`.
    check_stays(&signed.replace(AUTHSERV_ID, "mx.evil.example"), &named);
    check_stays(&format!("{FROM}{}{STRAVA}", passing("simplelogin.co")), &named);
    let mut unknown = named.clone();
    unknown.trust.authserv_id = AuthservIds::default();
    check_stays(&signed, &unknown);
}

#[test]
fn a_domain_of_the_users_own_counts_only_where_they_name_it() {
    let from = "From: tin+mail=strava.com@alias.example\r\nX-AnonAddy-Original-Sender: mail@strava.com\r\n";
    let message = format!("{}{from}{STRAVA}", passing("alias.example"));
    check_stays(&message, &all_services());
    check_stays(&message, &trusting(&[(RelayService::SimpleLogin, Some("alias.example"))]));
    let named = trusting(&[(RelayService::Addy, Some("alias.example"))]);
    assert!(matches!(judged(&message, &named).action, Action::File { .. }));
}

#[test]
fn a_from_that_only_looks_like_an_alias_gets_nothing_filed() {
    let services = all_services();
    for (from, domain) in [
        // Sent directly, from a domain of the sender's own.
        ("mail_at_strava_com_qwertz@evil.example", "evil.example"),
        ("tin+mail=strava.com@evil.example", "evil.example"),
        ("\"mail@strava.com [via Relay]\" <q@evil.example>", "evil.example"),
        // From domains that look like those of a service.
        ("mail_at_strava_com_qwertz@simplelogin.co.evil.example", "simplelogin.co.evil.example"),
        ("mail_at_strava_com_qwertz@simplelogin-co.example", "simplelogin-co.example"),
        ("mail_at_strava_com_qwertz@x.simplelogin.co", "x.simplelogin.co"),
        ("mail_at_strava.com_ilka@duck.com.evil.example", "duck.com.evil.example"),
        ("tin+mail=strava.com@evilanonaddy.com", "evilanonaddy.com"),
        // A signature of another domain.
        ("mail_at_strava_com_qwertz@simplelogin.co", "evil.example"),
        ("mail_at_strava_com_qwertz@simplelogin.co", "simplelogin.co.evil.example"),
        ("mail_at_strava_com_qwertz@simplelogin.co", "strava.com"),
        // Addresses that anybody can choose.
        ("mail_at_strava_com_k6myg754kg_192d3661@icloud.com", "icloud.com"),
        ("mail_at_strava_com.word123@aleeas.com", "aleeas.com"),
        ("\"Strava - mail at strava.com\" <eve.word123@aleeas.com>", "aleeas.com"),
        ("\"Strava 'mail at strava.com'\" <eve@eve.anonaddy.com>", "anonaddy.com"),
        // What the service encodes is another sender.
        ("mail_at_strava_com_at_evil_example_qwertz@simplelogin.co", "simplelogin.co"),
        ("mail_at_strava_com_evil_qwertz@simplelogin.co", "simplelogin.co"),
        ("\"Strava <mail@strava.com> <eve@evil.example> [via Relay]\" <q@mozmail.com>", "mozmail.com"),
        // Another network than the layout.
        ("no-reply_at_twitch_tv_qwertz@simplelogin.co", "simplelogin.co"),
    ] {
        for field in [
            "",
            "X-SimpleLogin-Original-From: Strava <mail@strava.com>\r\nX-AnonAddy-Original-Sender: mail@strava.com\r\n",
        ] {
            let message = format!("{}From: {from}\r\n{field}{STRAVA}", passing(domain));
            check_stays(&message, &services);
        }
    }
}

#[test]
fn a_field_of_the_service_that_is_missing_or_names_another_gets_nothing_filed() {
    let named = trusting(&[(RelayService::SimpleLogin, None)]);
    let (from, _) = FROM.split_once("\r\n").unwrap();
    for field in [
        "",
        "X-SimpleLogin-Original-From: Strava <mail@strava.com.evil.example>\r\n",
        "X-SimpleLogin-Original-From: mail@strava.com <eve@evil.example>\r\n",
        "X-SimpleLogin-Original-From: eve@evil.example, mail@strava.com\r\n",
        "X-SimpleLogin-Original-From: eve@evil.example\r\nX-SimpleLogin-Original-From: mail@strava.com\r\n",
        "X-SimpleLogin-Original-From:\r\n",
    ] {
        check_stays(&format!("{}{from}\r\n{field}{STRAVA}", passing("simplelogin.co")), &named);
    }
}

#[test]
fn a_missing_signature_is_excused_by_the_proof_of_a_named_service_and_by_nothing_else() {
    let from = "From: no-reply_at_twitch_tv_qwertz@simplelogin.co\r\nX-SimpleLogin-Original-From: no-reply@twitch.tv\r\n";
    let signed = format!("{}{from}{TWITCH}", passing("simplelogin.co"));
    let named = trusting(&[(RelayService::SimpleLogin, None)]);
    let vouched = Authenticity::Relayed { by: RelayService::SimpleLogin, is_vouched: true };
    assert_eq!(authentic(&judged(&signed, &named)), Some(&vouched));
    let expected = "no DKIM-Signature of twitch.tv; SimpleLogin is not proven to have relayed it";
    for (message, rulebook) in [
        (signed.clone(), rulebook(RULES)),
        (format!("{from}{TWITCH}"), named.clone()),
        (format!("{}{from}{TWITCH}", passing("evil.example")), named.clone()),
    ] {
        let assessment = judged(&message, &rulebook);
        assert_eq!(authentic(&assessment), Some(&Authenticity::Fail(expected.to_owned())), "{message}");
        assert_eq!(assessment.restraint, Some(Restraint::Forged));
    }
}

#[test]
fn on_a_network_with_any_senders_the_service_is_named_and_the_message_filed_as_any_unproven_one() {
    for (from, service, domain) in [
        (
            "\"Toot - mail at toot.example\" <mail_at_toot_example_qwertz@simplelogin.co>\r\n\
             X-SimpleLogin-Original-From: Toot <mail@toot.example>",
            RelayService::SimpleLogin,
            "simplelogin.co",
        ),
        (
            "\"Toot 'mail at toot.example'\" <tin@mika.addy.io>\r\nX-AnonAddy-Original-Sender: mail@toot.example",
            RelayService::Addy,
            "mika.addy.io",
        ),
        ("\"mail@toot.example [via Relay]\" <qwertz@mozmail.com>", RelayService::FirefoxRelay, "mozmail.com"),
    ] {
        let message = format!("{}From: {from}\r\n{MASTODON}", passing(domain));
        for (rulebook, is_vouched) in [(trusting(&[(service, None)]), true), (rulebook(RULES), false)] {
            let assessment = judged(&message, &rulebook);
            let relayed = Authenticity::Relayed { by: service, is_vouched };
            assert_eq!(authentic(&assessment), Some(&relayed), "{message}");
            let Action::File { marks, .. } = &assessment.action else { panic!("{assessment:?}") };
            assert!(!marks.flagged, "{message}");
        }
        let failed = message.replace("=pass", "=fail");
        check_stays(&failed, &trusting(&[(service, None)]));
    }
}

#[test]
fn where_the_user_names_services_nothing_else_with_an_alias_is_filed_on_a_network_with_any_senders() {
    let from = "From: \"Toot - mail at toot.example\" <mail_at_toot_example_qwertz@simplelogin.co>\r\n\
        X-SimpleLogin-Original-From: Toot <mail@toot.example>\r\n";
    let signed = format!("{}{from}{MASTODON}", passing("simplelogin.co"));
    let named = trusting(&[(RelayService::SimpleLogin, None)]);
    assert!(matches!(judged(&signed, &named).action, Action::File { .. }));
    check_stays(&signed, &trusting(&[(RelayService::Addy, None)]));
    let unsigned = format!("{from}{MASTODON}");
    check_stays(&unsigned, &named);
    assert_eq!(judged(&unsigned, &named).restraint, Some(Restraint::Relayed(RelayService::SimpleLogin)));
    assert!(matches!(judged(&unsigned, &rulebook(RULES)).action, Action::File { .. }));
    // What no service wrote needs none.
    let direct = format!("From: mail@toot.example\r\n{MASTODON}");
    assert!(matches!(judged(&direct, &named).action, Action::File { .. }));
}

#[test]
fn what_a_follower_may_have_written_makes_no_service_of_a_network_with_any_senders() {
    for from in [
        "\"ilka@skog.example [via Relay]\" <mail@toot.example>",
        "\"Ilka - ilka at skog.example\" <mail@toot.example>",
        // A server that puts the sender back keeps the service's field.
        "Toot <mail@toot.example>\r\nX-SimpleLogin-Original-From: Toot <mail@toot.example>",
    ] {
        let assessment = judged(&format!("From: {from}\r\n{MASTODON}"), &all_services());
        assert_eq!(authentic(&assessment), Some(&Authenticity::Unknown), "{from}");
        assert!(matches!(assessment.action, Action::File { .. }), "{from}");
    }
}

#[test]
fn what_fails_at_the_users_server_stays_failed() {
    let named = trusting(&[(RelayService::SimpleLogin, None)]);
    for results in [
        "dkim=pass header.d=simplelogin.co; dmarc=fail header.from=simplelogin.co",
        "dkim=fail header.d=simplelogin.co; spf=fail smtp.mailfrom=simplelogin.co",
        "spf=fail smtp.mailfrom=evil.example",
    ] {
        let message = format!("Authentication-Results: {AUTHSERV_ID}; {results}\r\n{FROM}{STRAVA}");
        for rulebook in [&named, &rulebook(RULES)] {
            let assessment = judged(&message, rulebook);
            assert!(matches!(authentic(&assessment), Some(Authenticity::Fail(_))), "{results}");
            assert_eq!(assessment.action, Action::Leave);
        }
    }
    let two = format!("{}{FROM}From: Strava <mail@strava.com>\r\n{STRAVA}", passing("simplelogin.co"));
    check_stays(&two, &named);
}

#[test]
fn what_a_person_forwards_or_quotes_stays_foreign_whatever_its_tags() {
    let services = all_services();
    for head in [
        "From: Ilka <ilka@home.example>\r\nSubject: Fwd: [EXT] Ilka Brandt is now following you on Strava.\r\n",
        "From: Ilka <ilka@home.example>\r\nSubject: [EXT] Re: Ilka Brandt is now following you on Strava.\r\n",
        "From: Ilka <ilka@home.example>\r\nSubject: Ilka Brandt is now following you on Strava.\r\n",
        "From: mail_at_strava_com_qwertz@simplelogin.co\r\nIn-Reply-To: <1@a.example>\r\n\
         Subject: Ilka Brandt is now following you on Strava.\r\n",
    ] {
        let (_, rest) = STRAVA.split_once("\r\n").unwrap();
        assert_eq!(judged(&format!("{head}{rest}"), &services).recognition, Recognition::Foreign, "{head}");
    }
    let quoted = STRAVA.replace(
        "Ilka Brandt is now following you on Strava.\r\n--part",
        "---------- Forwarded message ---------\r\nIlka Brandt is now following you on Strava.\r\n--part",
    );
    assert_eq!(judged(&format!("{FROM}{quoted}"), &services).recognition, Recognition::Foreign);
    let attached =
        "Subject: Ilka Brandt is now following you on Strava.\r\nContent-Type: message/rfc822\r\n\r\n";
    let recognition =
        judged(&format!("{FROM}{attached}From: mail@strava.com\r\n{STRAVA}"), &services).recognition;
    assert!(!matches!(recognition, Recognition::Recognised(_)), "{recognition:?}");
}

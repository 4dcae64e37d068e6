//! Messages that only look as if a network sent them: by tricks in From, by a new Subject and List-ID on top of another
//! signed message, or by authentication results that another server wrote. followsift acts on none of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::assess::rulebook;
use crate::support::letters::{AUTHSERV_ID, Person, x_2024};
use followsift::assess::{Arrival, Mail, Rulebook, assess};
use followsift::clock::Timestamp;
use followsift::mail::{Message, Recognition};
use followsift::rules::Action;
use followsift::rules::recall::Blank;

/// Files every notification.
const RULES: &str = "[verdict.spam]\nmove-to = \"Spam\"\n\n[[rule]]\nname = \"All\"\nwhen.kind = [\"follow\", \"follow-request\", \"follow-batch\"]\nverdict = \"spam\"\n";

const NOON: Timestamp = Timestamp(1_800_000_000);

/// What becomes of a message: `None` where it is left alone.
fn acted_on(message: &[u8], rulebook: &Rulebook) -> Option<String> {
    let assessment = assess(Mail { bytes: message, arrived: Arrival::At(NOON) }, rulebook, &Blank);
    (!matches!(assessment.action, Action::Leave)).then(|| format!("{:?}", assessment.action))
}

/// A message of X's that the rules file, without the fields of From and Authentication-Results: its header and its body.
fn headless() -> (String, String) {
    let person = Person::new("Some Body", "somebody", [3, 2001, 1]);
    let message = String::from_utf8(x_2024(&person).bytes(1)).unwrap();
    let (header, body) = message.split_once("\r\n\r\n").unwrap();
    let is_kept = |line: &&str| !line.starts_with("From:") && !line.starts_with("Authentication-Results:");
    (header.split("\r\n").filter(is_kept).map(|line| format!("{line}\r\n")).collect(), body.to_owned())
}

fn results(domain: &str) -> String {
    format!(
        "Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}\r\n"
    )
}

/// Fields of From that name an address of bulk.example's, or a domain that is not X's, or more than one sender.
const SENDERS: &[&str] = &[
    // Display names.
    "From: notify@x.com <eve@bulk.example>",
    "From: \"notify@x.com\" <eve@bulk.example>",
    "From: \"X <notify@x.com>\" <eve@bulk.example>",
    "From: \"X \\\"<notify@x.com>\\\"\" <eve@bulk.example>",
    "From: <notify@x.com> <eve@bulk.example>",
    "From: X\r\n <notify@x.com>\r\n <eve@bulk.example>",
    // Comments.
    "From: eve@bulk.example (notify@x.com)",
    "From: (notify@x.com) eve@bulk.example",
    "From: eve@bulk.example (<notify@x.com>)",
    "From: eve (<notify@x.com>, ) <eve@bulk.example>",
    "From: eve(\\)@x.com (x)@bulk.example",
    "From: notify@x.com(.bulk.example)(x).bulk.example",
    // Encoded words.
    "From: =?utf-8?Q?notify=40x=2Ecom?= <eve@bulk.example>",
    "From: =?utf-8?B?PG5vdGlmeUB4LmNvbT4=?= <eve@bulk.example>",
    "From: =?utf-8?Q?X_=3Cnotify=40x=2Ecom=3E=2C?= <eve@bulk.example>",
    "From: =?utf-8?Q?notify=40x=2Ecom=3E_=22?= <eve@bulk.example>",
    "From: =?utf-8?Q?notify=40x=2Ecom?=@bulk.example",
    // Groups and lists.
    "From: x.com: eve@bulk.example;",
    "From: X: notify@x.com, eve@bulk.example;",
    "From: X:;, eve@bulk.example",
    "From: notify@x.com, eve@bulk.example",
    "From: eve@bulk.example, notify@x.com",
    // Source routes, percent signs and bang paths.
    "From: <@x.com:eve@bulk.example>",
    "From: <@x.com,@x.com:eve@bulk.example>",
    "From: <notify@x.com@bulk.example>",
    "From: <\"notify@x.com\"@bulk.example>",
    "From: <\"<notify@x.com>\"@bulk.example>",
    "From: notify%x.com@bulk.example",
    "From: x.com!notify@bulk.example",
    // Look-alikes.
    "From: notify@x.com.bulk.example",
    "From: notify@bulk-x.com",
    "From: notify@x.com-bulk.example",
    "From: notify@x.co",
    "From: notify@xx.com",
    "From: notify@\u{445}.com",
    "From: notify@xn--u1a.com",
    "From: notify@x\u{3002}com",
    "From: notify@x.com\u{200b}.bulk.example",
    "From: notify@x.com\u{0}.bulk.example",
    "From: notify@x.com/.bulk.example",
    "From: notify@[x.com]",
    // Several fields, and none.
    "From: notify@x.com\r\nFrom: eve@bulk.example",
    "From: eve@bulk.example\r\nFrom: notify@x.com",
    "From: notify@x.com\r\nFrom : eve@bulk.example",
    "From : eve@bulk.example\r\nFrom: notify@x.com",
    "From:\r\nSender: notify@x.com",
    "Sender: notify@x.com\r\nReply-To: notify@x.com",
    "Resent-From: notify@x.com",
];

#[test]
fn no_sender_that_only_looks_like_a_network_is_acted_on() {
    let rulebook = rulebook(RULES);
    let (header, body) = headless();
    let genuine = format!("{}From: notify@x.com\r\n{header}\r\n{body}", results("x.com"));
    assert!(acted_on(genuine.as_bytes(), &rulebook).is_some(), "the genuine one stays");
    for sender in SENDERS {
        for proof in [results("bulk.example"), String::new()] {
            let message = format!("{proof}{sender}\r\n{header}\r\n{body}");
            assert_eq!(acted_on(message.as_bytes(), &rulebook), None, "{sender:?}");
        }
    }
}

/// The fixtures of a network, each with what is recognised in it.
fn fixtures(network: &Path, rulebook: &Rulebook) -> Vec<(PathBuf, Vec<u8>, bool)> {
    let cases = fs::read_dir(network).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = cases.filter(|case| case.is_dir()).collect();
    cases.sort();
    let fixture = |case: PathBuf| {
        let bytes = fs::read(case.join("message.eml")).unwrap();
        let recognised = Message::parse(&bytes).is_ok_and(|message| {
            let recognition = rulebook.profiles.recognise(&message, &rulebook.trust, NOON);
            matches!(recognition, Recognition::Recognised(_))
        });
        (case, bytes, recognised)
    };
    cases.into_iter().map(fixture).collect()
}

/// The fields of these names, folded lines and all.
fn fields(message: &[u8], names: &[&str]) -> String {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let header = text.split("\n\n").next().unwrap_or_default();
    let mut keeps = false;
    let lines = header.lines().filter(|line| {
        if !line.starts_with([' ', '\t']) {
            keeps = names.iter().any(|name| line.to_lowercase().starts_with(&format!("{name}:")));
        }
        keeps
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_message_of_another_kind_with_the_fields_of_a_notification_on_top_is_not_taken_for_one() {
    let rulebook = rulebook(RULES);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut tried = 0;
    let mut wrong = Vec::new();
    for network in fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()) {
        // These were never signed by a network.
        if !network.is_dir() || network.ends_with("none") || network.ends_with("private") {
            continue;
        }
        let fixtures = fixtures(&network, &rulebook);
        for (other, message, _) in fixtures.iter().filter(|fixture| !fixture.2) {
            for (follow, notification, _) in fixtures.iter().filter(|fixture| fixture.2) {
                for names in [&["subject"][..], &["list-id"], &["subject", "list-id"]] {
                    let replayed = [fields(notification, names).as_bytes(), message.as_slice()].concat();
                    tried += 1;
                    if let Some(action) = acted_on(&replayed, &rulebook) {
                        wrong.push(format!(
                            "{names:?} of {} on {}: {action}",
                            follow.display(),
                            other.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn results_that_the_own_server_did_not_write_above_all_prove_nothing() {
    let mut rulebook = rulebook(RULES);
    rulebook.require_authentic = true;
    let good = format!("{AUTHSERV_ID}; dkim=pass header.d=x.com; dmarc=pass header.from=x.com");
    let good_for_eve = results("bulk.example");
    let bad = format!(
        "Authentication-Results: {AUTHSERV_ID}; dkim=fail header.d=x.com; dmarc=fail header.from=x.com\r\n"
    );
    let from = "From: notify@x.com\r\n";
    let arc = "ARC-Seal: i=1; cv=none; d=x.com\r\nARC-Message-Signature: i=1; d=x.com\r\n";
    let (header, body) = headless();
    let genuine = format!("Authentication-Results: {good}\r\n{from}{header}\r\n{body}");
    assert!(acted_on(genuine.as_bytes(), &rulebook).is_some(), "the genuine one stays");
    for above in [
        // What a forwarder vouches for (RFC 8617).
        format!("{arc}ARC-Authentication-Results: i=1; {good}\r\n{from}"),
        format!("ARC-Authentication-Results: {good}\r\n{from}"),
        format!("X-Authentication-Results: {good}\r\n{from}"),
        format!("Authentication-Results-Original: {good}\r\n{from}"),
        format!("Authentication-Results : {good}\r\n{from}"),
        // Below From it came with the message.
        format!("{from}Authentication-Results: {good}\r\n"),
        // Below what the own server says.
        format!("{good_for_eve}Authentication-Results: {good}\r\n{from}"),
        format!("{bad}Authentication-Results: {good}\r\n{from}"),
        format!("{bad}{from}Authentication-Results: {good}\r\n"),
        // In the name of another server, or of one that only begins like it.
        format!("Authentication-Results: mx.bulk.example; dkim=pass header.d=x.com\r\n{from}"),
        format!("Authentication-Results: {AUTHSERV_ID}.bulk.example; dkim=pass header.d=x.com\r\n{from}"),
        format!("Authentication-Results: ({AUTHSERV_ID}) bulk.example; dkim=pass header.d=x.com\r\n{from}"),
    ] {
        let message = format!("{above}{header}\r\n{body}");
        assert_eq!(acted_on(message.as_bytes(), &rulebook), None, "{above}");
    }
}

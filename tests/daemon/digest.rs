//! The digest by the service, which wakes for it.

use super::*;
use crate::support::clock;
use crate::support::letters::{Person, twitter_2009};
use followsift::clock::Timestamp;
use followsift::ledger::{DigestOutcome, Ledger};
use followsift::place::AccountName;

#[test]
fn the_service_wakes_for_a_digest_and_sends_it_at_its_minute() {
    let (Some(server), Some(clock)) = (Dovecot::start(&Options::default()), clock()) else { return };
    let proxy = Proxy::before(server.port);
    let home = Home::new();
    let table = account("home", proxy.port, "digest = \"daily 07:00\"");
    home.write("followsift.toml", &format!("state = \"state\"\ntime-zone = \"Etc/UTC\"\n{table}"));
    let account = AccountName::new("home").unwrap();
    // On 2026-11-22 at 07:00.
    let (nothing, at) = (Some(DigestOutcome::Nothing), Timestamp(1_795_330_800));
    Ledger::open(&home.state()).unwrap().state_digest(&account, "2026-11-22", at, nothing, at).unwrap();
    let person = Person::new("Jo Bloom", "jo_bloom", [120, 180, 40]);
    let letter = String::from_utf8(twitter_2009(&person).bytes(1)).unwrap();
    server.client().append("INBOX", "\"22-Nov-2026 10:00:00 +0000\"", &letter);
    let mut command = home.command(&["run"]);
    command.env("LD_PRELOAD", clock).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("TZ", "UTC");
    command.env("FAKETIME", "@2026-11-23 06:59:50");
    let begun = Instant::now();
    let daemon = home.run_as(command);
    daemon.says("watching home");
    proxy.wait_for("IDLE", 0);
    assert_eq!(proxy.count("APPEND"), 0, "{}", daemon.log());
    let waited =
        daemon.until("sent", seconds(60), |it| it.log().contains("the digest of 2026-11-23 is in the inbox"));
    let late = begun.elapsed().saturating_sub(seconds(10));
    aloud(&format!("the digest came {late:?} after its minute, {waited:?} after the service waited"));
    assert!(late < SOON, "{late:?}");
    // It was announced, and the service looks at it and goes on waiting.
    let idles = proxy.count("IDLE");
    deliver(&server, [1]);
    filed(&server, &daemon, 1, SOON);
    proxy.wait_for("IDLE", idles);
    assert_eq!(proxy.count("APPEND"), 1, "{}", daemon.log());
    let inbox = server.client().messages("INBOX");
    let digest = inbox.iter().find(|message| message.bytes.starts_with(b"From: \"followsift\"")).unwrap();
    assert!(String::from_utf8_lossy(&digest.bytes).contains("Jo Bloom (@jo_bloom), Twitter"));
    assert_eq!(digest.flags, [""; 0]);
}

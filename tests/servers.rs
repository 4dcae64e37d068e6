//! The sweep against other servers than the one that the tests bring along: wherever an address is given.
//!
//! FOLLOWSIFT_TEST_SERVERS lists them, apart by spaces, as `imap://user:password@host:port`: a server on this machine
//! that takes a login in clear text, with an account whose messages may be deleted. Its inbox is
//! emptied, and its folders below `Followers` are deleted.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write as _;
use std::sync::Mutex;

use crate::support::Client;
use crate::support::home::{Home, Live, fill, live, printed, shown, spam, text};
use crate::support::proxy::{Fault, How, Proxy, When};
use crate::support::trial::choose;

/// One at a time: they share an account.
static ALONE: Mutex<()> = Mutex::new(());

/// An address of FOLLOWSIFT_TEST_SERVERS.
#[derive(Clone, Debug)]
struct Address {
    user: String,
    password: String,
    port: u16,
}

/// Those that are given; says aloud where there are none.
fn addresses() -> Vec<Address> {
    #[expect(clippy::disallowed_methods, reason = "it is the test's setting, not the program's")]
    let listed = std::env::var("FOLLOWSIFT_TEST_SERVERS").unwrap_or_default();
    if listed.trim().is_empty() {
        let _ = writeln!(std::io::stderr(), "SKIPPED, for want of FOLLOWSIFT_TEST_SERVERS: other servers");
    }
    listed
        .split_whitespace()
        .map(|address| {
            let url = url::Url::parse(address).unwrap();
            assert!(
                url.scheme() == "imap" && matches!(url.host_str(), Some("127.0.0.1" | "localhost")),
                "{address}"
            );
            let password = url.password().unwrap_or_default().to_owned();
            Address { user: url.username().to_owned(), password, port: url.port().unwrap_or(143) }
        })
        .collect()
}

impl Address {
    fn client(&self) -> Client {
        Client::log_in_as(self.port, &self.user, &self.password)
    }

    /// The user's side, with a freshly filled inbox and no other message of the test. The line goes through a proxy.
    fn home(&self) -> (Home, Proxy) {
        let mut client = self.client();
        // Those below others first. A folder that has been used would mean that the ledger was lost.
        for folder in client.snapshot().into_keys().rev().filter(|folder| folder.contains("Followers")) {
            client.run(&format!("DELETE \"{folder}\""));
        }
        client.run("SELECT INBOX");
        client.run("UID STORE 1:* +FLAGS (\\Deleted)");
        client.run("EXPUNGE");
        fill(&mut client);
        let proxy = Proxy::before(self.port);
        let home = Home::new(proxy.port, &self.user, "backlog = \"all\"");
        home.write("password", &self.password);
        (home, proxy)
    }
}

fn count(mails: &[Live], folder: &str) -> usize {
    mails.iter().filter(|mail| mail.0.replace('.', "/").ends_with(folder)).count()
}

#[test]
fn messages_are_filed_and_put_back_on_every_server_that_is_given() {
    let _alone = ALONE.lock();
    for address in addresses() {
        let (home, proxy) = address.home();
        proxy.arm(None);
        let before = live(&mut address.client());
        let said = home.well(&["sweep"]);
        let after = live(&mut address.client());
        let (spam_mails, games) = (count(&after, "Followers/Spam"), count(&after, "Followers/Numbers game"));
        // Some servers forget at delivery that a message was starred or answered; then the test does not expect it.
        let touched = |mail: &&Live| mail.2.iter().any(|flag| flag == "\\Flagged" || flag == "\\Answered");
        let touched = before.iter().filter(touched).count();
        let expected = (8 - touched, 2, 5 + touched);
        assert_eq!(
            (spam_mails, games, count(&after, "INBOX")),
            expected,
            "{address:?}\n{}\n{said}",
            shown(&after)
        );
        for mail in &before {
            assert!(
                after.iter().any(|other| other.3 == mail.3),
                "{address:?}: a message was altered\n{}",
                shown(&after)
            );
        }
        assert!(home.well(&["sweep"]).contains("moved 0"));

        // One is put back by the user's other client, who has no MOVE perhaps.
        let mut client = address.client();
        let folder = client.snapshot().into_keys().find(|name| name.ends_with("Spam")).unwrap();
        client.run(&format!("SELECT \"{folder}\""));
        client.run("COPY 1 INBOX");
        client.run("STORE 1 +FLAGS (\\Deleted)");
        client.run("EXPUNGE");
        client.run("SELECT INBOX");
        client.deliver("INBOX", &text(&spam(30), 30));
        let said = home.well(&["sweep"]);
        assert!(said.contains("put back by hand") && said.contains("moved 1"), "{address:?}\n{said}");
        assert_eq!(count(&live(&mut address.client()), "INBOX"), expected.2 + 1, "{address:?}");
    }
}

#[test]
fn a_line_that_fails_at_any_command_loses_nothing_on_every_server_that_is_given() {
    let _alone = ALONE.lock();
    for address in addresses() {
        let (home, proxy) = address.home();
        proxy.arm(None);
        home.well(&["sweep"]);
        let commands = proxy.commands();
        let expected = live(&mut address.client());
        let all = (1..=commands.len()).flat_map(|at| {
            [When::Before, When::Middle, When::After].map(|when| Fault::at(at, when, How::Reset))
        });
        let faults = choose(all.collect(), 20);
        for fault in &faults {
            let Fault { at, when, .. } = *fault;
            let (home, proxy) = address.home();
            proxy.arm(Some(*fault));
            let first = home.run(&["sweep"]);
            proxy.arm(None);
            let said = home.well(&["sweep"]);
            let found = live(&mut address.client());
            let command = commands.get(at - 1).unwrap();
            let what =
                || format!("{address:?} {when:?} {command}\n{}\n{said}\n{}", printed(&first), shown(&found));
            // Flags may come in another order; messages may not.
            let bodies = |mails: &[Live]| -> Vec<(String, Vec<u8>)> {
                let mut bodies: Vec<_> = mails.iter().map(|mail| (mail.0.clone(), mail.3.clone())).collect();
                bodies.sort();
                bodies
            };
            assert!(bodies(&found) == bodies(&expected), "{}", what());
        }
        let _ = writeln!(std::io::stderr(), "port {}: {} cases", address.port, faults.len());
    }
}

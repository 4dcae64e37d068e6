//! The service with a real mail server: a message waits for the answer about its follower, and no other message waits with it.

use std::process::Child;
use std::time::{Duration, Instant};

use super::namespace::{Does, Site, inside, profile};
use super::{ON, message};
use crate::support::home::{Home, PASSWORD, SPAM};
use crate::support::letters::{ENGLISH, GERMAN, Letter, Person, mastodon_4_2, mastodon_card};
use crate::support::user_folder::Run;
use crate::support::{Client, Dovecot, pause};

fn decided(number: usize) -> Letter {
    let handle = format!("decided{number}@far.example");
    mastodon_card(&ENGLISH, &Person::new("Moon", &handle, [3, 7500, 0]))
}

fn deliver(client: &mut Client, bytes: &[u8]) {
    client.deliver("INBOX", &String::from_utf8_lossy(bytes));
}

/// The subjects in a folder, and the flags of each message.
fn subjects(client: &mut Client, folder: &str) -> Vec<(String, Vec<String>)> {
    if !client.snapshot().contains_key(folder) {
        return Vec::new();
    }
    let subject = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().find(|line| line.starts_with("Subject: ")).unwrap_or_default().to_owned()
    };
    let messages = client.messages(folder).into_iter();
    let live = messages.filter(|message| !message.flags.contains(&"\\Deleted".to_owned()));
    live.map(|message| (subject(&message.bytes), message.flags)).collect()
}

/// Waits until a folder has so many messages; returns how long that took.
fn until(client: &mut Client, folder: &str, count: usize, bound: u64) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(bound) {
        if subjects(client, folder).len() == count {
            return Some(begun.elapsed());
        }
        pause(Duration::from_millis(100));
    }
    None
}

/// Settings of an account that looks its followers up, and of that.
fn looking(more: &str) -> String {
    format!("backlog = \"all\"\npoll = \"10m\"\nca-file = \"ca.pem\"\n[lookup]\n{ON}{more}")
}

#[test]
fn a_message_waits_for_its_answer_and_no_other_message_waits_with_it() {
    inside("lookup::service::a_message_waits_for_its_answer_and_no_other_message_waits_with_it", || {
        let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
        let home = Home::new(server.port, "kim", "");
        let site = Site::start(home.path());
        // Longer than the test takes: what is filed late is filed because of the answer.
        home.configure(server.port, &looking(""));
        site.does("moon@openreg.example", Does::Late(4, profile("moon@openreg.example", [3, 7500, 0])));
        site.does("broken@far.example", Does::Says(503, "Retry-After: 3000\r\n", String::new()));
        let mut client = home.client(server.port);
        let service = home.command(&[], &["run"]).spawn().unwrap();
        // Of two servers: one is slow, the other one fails.
        deliver(&mut client, &message("moon@openreg.example", 1));
        deliver(&mut client, &mastodon_4_2(&GERMAN, "broken@far.example").bytes(2));
        let asked = Instant::now();
        while site.requests().is_empty() && asked.elapsed() < Duration::from_secs(20) {
            pause(Duration::from_millis(20));
        }
        deliver(&mut client, &decided(3).bytes(3));
        let other = until(&mut client, SPAM, 1, 3);
        let before = (subjects(&mut client, "INBOX"), site.requests().len());
        let own = until(&mut client, SPAM, 2, 20);
        // The one that nobody answers for stays, and the next one is filed as before.
        deliver(&mut client, &decided(4).bytes(4));
        let next = until(&mut client, SPAM, 3, 10);
        let (inbox, spam) = (subjects(&mut client, "INBOX"), subjects(&mut client, SPAM));
        let log = log_of(service);
        let all = format!("{inbox:?}\n{spam:?}\n{:?}\n{log}", site.requests());
        assert!(
            other.is_some() && before.0.len() == 2 && own.is_some() && next.is_some(),
            "{before:?}\n{all}"
        );
        assert_eq!((inbox.len(), spam.len(), site.requests().len()), (1, 3, 2), "{all}");
        assert!(inbox[0].0.contains("broken") && inbox[0].1.iter().all(|flag| flag != "\\Seen"), "{all}");
        assert!(spam.iter().any(|(subject, _)| subject.contains("moon")), "{all}");
        assert!(
            log.contains(
                "could not look up a follower at troet.example: the server answered with status 503"
            ),
            "{all}"
        );
    });
}

/// Ends a service; returns what it logged.
fn log_of(service: Child) -> String {
    let _ = rustix::process::kill_process(
        rustix::process::Pid::from_child(&service),
        rustix::process::Signal::TERM,
    );
    Run(service.wait_with_output().unwrap()).err()
}

#[test]
fn many_answers_one_after_the_other_put_no_message_off() {
    inside("lookup::service::many_answers_one_after_the_other_put_no_message_off", || {
        let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
        let home = Home::new(server.port, "kim", "");
        let site = Site::start(home.path());
        home.configure(server.port, &looking(""));
        let mut client = home.client(server.port);
        // A server is asked once a second, so that each answer wakes the service, and brings no new message.
        let count = 10;
        for number in 1..=count {
            let handle = format!("moon{number}@openreg.example");
            site.has(&handle, [3, 7500, 0]);
            deliver(&mut client, &message(&handle, number));
        }
        let service = home.command(&[], &["run"]).spawn().unwrap();
        let begun = Instant::now();
        while site.requests().len() < count && begun.elapsed() < Duration::from_secs(60) {
            pause(Duration::from_millis(50));
        }
        deliver(&mut client, &decided(20).bytes(20));
        let filed = until(&mut client, SPAM, count + 1, 5);
        let spam = subjects(&mut client, SPAM);
        let log = log_of(service);
        assert!(filed.is_some() && site.requests().len() == count, "{spam:?}\n{log}");
    });
}

#[test]
fn an_answer_is_used_in_every_account_that_waits_for_it() {
    inside("lookup::service::an_answer_is_used_in_every_account_that_waits_for_it", || {
        let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
        let home = Home::new(server.port, "kim", "");
        let site = Site::start(home.path());
        let more = "backlog = \"all\"\npoll = \"10m\"\nca-file = \"ca.pem\"\n";
        home.configure(server.port, more);
        let settings = std::fs::read_to_string(home.path().join("followsift.toml")).unwrap();
        let (_, account) = settings.split_once("[accounts.home]").unwrap();
        let other = account.replace("user = \"kim\"", "user = \"lou\"");
        home.write("followsift.toml", &format!("{settings}\n[accounts.other]{other}\n[lookup]\n{ON}"));
        site.does("moon@openreg.example", Does::Late(5, profile("moon@openreg.example", [3, 7500, 0])));
        let mut client = home.client(server.port);
        let mut client_of_other = Client::log_in_as(server.port, "lou", PASSWORD);
        deliver(&mut client, &message("moon@openreg.example", 1));
        deliver(&mut client_of_other, &message("moon@openreg.example", 2));
        let service = home.command(&[], &["run"]).spawn().unwrap();
        // The accounts want the same answer, and only one of them asks.
        let filed = until(&mut client, SPAM, 1, 30);
        let filed_in_other = until(&mut client_of_other, SPAM, 1, 5);
        let log = log_of(service);
        assert!(filed.is_some() && filed_in_other.is_some() && site.requests().len() == 1, "{log}");
    });
}

#[test]
fn a_message_is_judged_without_the_answer_as_soon_as_it_has_waited_for_long_enough() {
    inside(
        "lookup::service::a_message_is_judged_without_the_answer_as_soon_as_it_has_waited_for_long_enough",
        || {
            let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
            let home = Home::new(server.port, "kim", "");
            let site = Site::start(home.path());
            home.configure(server.port, &looking("wait = \"4s\"\n"));
            site.does("moon@openreg.example", Does::Says(503, "Retry-After: 3000\r\n", String::new()));
            let mut client = home.client(server.port);
            deliver(&mut client, &message("moon@openreg.example", 1));
            let service = home.command(&[], &["run"]).env("FOLLOWSIFT_LOG", "debug").spawn().unwrap();
            let account = followsift::place::AccountName::new("home").unwrap();
            let inbox = [followsift::place::Folder::inbox()];
            let waits = || {
                let ledger = followsift::ledger::Ledger::open_read_only(&home.state()).ok().flatten()?;
                Some(ledger.waiting_sums(&account, &inbox).ok()?.look_up)
            };
            let is_soon = |expected: usize, bound: u64| {
                let begun = Instant::now();
                while waits() != Some(expected) && begun.elapsed() < Duration::from_secs(bound) {
                    pause(Duration::from_millis(50));
                }
                waits() == Some(expected)
            };
            let (waited, is_over) = (is_soon(1, 20), is_soon(0, 15));
            let log = log_of(service);
            assert!(waited && is_over && site.requests().len() == 1, "{log}");
            assert_eq!(subjects(&mut client, "INBOX").len(), 1, "{log}");
        },
    );
}

#[test]
fn followers_of_old_messages_are_looked_up_at_the_request_of_a_command() {
    inside("lookup::service::followers_of_old_messages_are_looked_up_at_the_request_of_a_command", || {
        let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
        let home = Home::new(server.port, "kim", "");
        let site = Site::start(home.path());
        let more = "backlog = \"all\"\npoll = \"10m\"\nca-file = \"ca.pem\"\n[lookup]\nmastodon = \"own-server\"\nnewest = \"1d\"\n";
        home.configure(server.port, more);
        site.has("moon@openreg.example", [3, 7500, 0]);
        let mut client = home.client(server.port);
        let old = String::from_utf8(message("moon@openreg.example", 1)).unwrap();
        client.append("INBOX", "\"05-Jan-2024 10:00:00 +0000\"", &old);
        let command = |arguments: &[&str]| {
            let mut command = home.command(&[], arguments);
            command.env("XDG_RUNTIME_DIR", home.path());
            command
        };
        let service = command(&["run"]).spawn().unwrap();
        let says = |arguments: &[&str]| Run(command(arguments).output().unwrap()).parts();
        let begun = Instant::now();
        while says(&["status"]).0 != 0 && begun.elapsed() < Duration::from_secs(20) {
            pause(Duration::from_millis(100));
        }
        let without = says(&["sweep", "--since", "9999d"]);
        let before = (site.requests().len(), subjects(&mut client, "INBOX").len());
        let with = says(&["sweep", "--lookup", "--since", "9999d"]);
        let filed = until(&mut client, SPAM, 1, 20);
        let log = log_of(service);
        assert_eq!(before, (0, 1), "{without:?}\n{log}");
        assert!(with.1.contains("waits for a look-up"), "{with:?}\n{log}");
        assert!(filed.is_some() && site.requests().len() == 1, "{with:?}\n{log}");
    });
}

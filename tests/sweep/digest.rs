//! The digest: one message for each period, whatever fails, which no rule ever judges.

use super::*;
use followsift::clock::{Timestamp, now};
use followsift::ledger::{Delay, DigestOutcome, PutOff, StatedDigest};
use followsift::mail::Message;
use followsift::place::AccountName;

const DIGESTS: &str = "backlog = \"all\"\ndigest = \"daily 00:00\"";
/// When the messages of these tests arrived.
const ARRIVED: &str = "\"05-Jan-2024 10:00:00 +0000\"";
const LONG_AGO: &str = "2020-01-01";

/// A user who gets digests, whose last one was due long ago.
struct Reader {
    home: Home,
    client: Client,
}

impl Reader {
    fn new(server: &Dovecot, name: &str, messages: &[String]) -> Self {
        let home = Home::new(server.port, name, DIGESTS);
        let client = home.client(server.port);
        let mut reader = Self { home, client };
        let (nothing, at) = (Some(DigestOutcome::Nothing), Timestamp(1_577_836_800));
        reader.ledger().state_digest(&home_account(), LONG_AGO, at, nothing, at).unwrap();
        for message in messages {
            reader.client.append("INBOX", ARRIVED, message);
        }
        reader
    }

    fn sweep(&self) -> String {
        self.home.well(&["sweep"])
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.home.state()).unwrap()
    }

    fn last(&self) -> StatedDigest {
        self.ledger().last_digest(&home_account(), now()).unwrap().unwrap()
    }

    /// What became of the last digest.
    fn outcome(&self) -> Option<DigestOutcome> {
        self.last().outcome.map(|(outcome, _)| outcome)
    }

    /// Lets the pause after a refusal pass.
    fn let_an_hour_pass(&self) {
        let Some((outcome, at)) = self.last().outcome else { return };
        let earlier = Timestamp(at.0 - 3600);
        self.ledger().settle_digest(&home_account(), &self.last().period, outcome, earlier).unwrap();
    }

    /// The digests in a folder, each with its flags.
    fn digests(&mut self, folder: &str) -> Vec<(Vec<String>, String)> {
        digests(&mut self.client, folder)
    }
}

/// The digests in a folder, each with its flags.
fn digests(client: &mut Client, folder: &str) -> Vec<(Vec<String>, String)> {
    let messages = client.messages(folder).into_iter();
    let messages = messages.map(|message| (message.flags, String::from_utf8(message.bytes).unwrap()));
    messages.filter(|(_, text)| text.contains("Followsift-Digest:")).collect()
}

fn home_account() -> AccountName {
    AccountName::new("home").unwrap()
}

fn messages() -> [String; 4] {
    [text(&spam(1), 1), text(&spam(2), 2), text(&game(3), 3), text(&real(4), 4)]
}

#[test]
fn a_digest_tells_once_who_came_and_what_was_filed_and_is_an_ordinary_unread_message() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut reader = Reader::new(&server, "kim", &messages());
    let said = reader.sweep();
    assert!(said.contains("is in the inbox"), "{said}");
    let digests = reader.digests("INBOX");
    let [(flags, text)] = digests.as_slice() else { panic!("{digests:?}") };
    assert!(flags.is_empty(), "{flags:?}");
    for part in [
        "From: \"followsift\" <digest@followsift.invalid>\r\n",
        "Subject: followsift: 1 worth meeting\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "@followsift.invalid>\r\n",
        "Content-Type: multipart/alternative;",
        "WORTH MEETING\r\n\r\n  Mira 4 (@mira_4), Twitter\r\n",
        "  2 messages in Followers/Spam, as spam\r\n",
        "  1 message in Followers/Numbers game, as numbers-game\r\n",
        "followsift restore --since ",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("Win Big"), "{text}");
    let html = Message::parse(text.as_bytes()).unwrap().html().unwrap().to_owned();
    assert!(html.contains("<bdi>Mira 4 (@mira_4), Twitter</bdi>") && !html.contains("Win Big"), "{html}");
    // It is seen by the next sweep, which takes it for nothing, and is not sent again.
    let said = reader.sweep();
    assert!(said.contains("looked at 1 message, read 0"), "{said}");
    let said = reader.home.well(&["sweep", "--since", "9999d"]);
    assert!(!said.contains("digest"), "{said}");
    assert_eq!(reader.digests("INBOX"), digests);
    // The user moves it away; that changes nothing.
    let uid = reader.client.messages("INBOX").last().unwrap().uid;
    reader.client.run("CREATE Read");
    reader.client.select("INBOX");
    reader.client.run(&format!("UID MOVE {uid} Read"));
    reader.sweep();
    assert_eq!((reader.digests("INBOX").len(), reader.digests("Read").len()), (0, 1));
}

#[test]
fn nothing_is_sent_where_there_is_nothing_to_say_or_to_an_account_that_only_observes() {
    let ordinary = text(&ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock? Jo\n"), 1);
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut reader = Reader::new(&server, "kim", &[ordinary]);
    reader.sweep();
    assert_eq!((reader.digests("INBOX").len(), reader.outcome()), (0, Some(DigestOutcome::Nothing)));
    // What comes later belongs to the next one.
    reader.client.deliver("INBOX", &text(&real(2), 2));
    reader.sweep();
    assert!(reader.digests("INBOX").is_empty());

    let mut reader = Reader::new(&server, "bea", &messages());
    reader.home.configure(server.port, &format!("{DIGESTS}\nact = false"));
    reader.sweep();
    assert!(reader.digests("INBOX").is_empty());
    let shown = reader.home.well(&["digest"]);
    assert!(shown.contains("no digest is sent, since `act = false`"), "{shown}");
    assert!(shown.contains("Mira 4") && shown.contains("3 messages that your rules file"), "{shown}");
}

#[test]
fn the_first_digest_is_due_at_the_next_of_its_moments() {
    let Some(mut scene) = Scene::usual(DIGESTS) else { return };
    scene.client.append("INBOX", ARRIVED, &text(&real(1), 1));
    scene.sweep();
    assert!(digests(&mut scene.client, "INBOX").is_empty());
    // It tells of all that has come since then, however long that was, and is one.
    scene.client.deliver("INBOX", &text(&real(2), 2));
    let Some(later) = scene.sweep_later(9) else { return };
    assert!(later.status.success(), "{}", printed(&later));
    let sent = digests(&mut scene.client, "INBOX");
    assert!(sent.len() == 1 && sent[0].1.contains("Mira 2") && !sent[0].1.contains("Mira 1"), "{sent:?}");
    // The clock was wrong then.
    scene.sweep();
    assert_eq!(digests(&mut scene.client, "INBOX").len(), 1);
}

#[test]
fn the_command_prints_what_the_next_digest_would_say_and_sends_nothing() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let shown = scene.home.well(&["digest"]);
    assert!(shown.contains("home: no digest is sent; set `digest = \"weekly\"`"), "{shown}");
    assert!(shown.contains("nothing to say yet"), "{shown}");
    scene.deliver(&messages());
    scene.sweep();
    let everything = scene.everything();
    let shown = scene.home.well(&["digest", "--account", "home"]);
    assert!(shown.contains("Mira 4 (@mira_4), Twitter") && shown.contains("as numbers-game"), "{shown}");
    assert_eq!(scene.home.run(&["digest", "--account", "work"]).status.code(), Some(64));
    assert_eq!(scene.everything(), everything);
}

#[test]
fn a_refused_digest_is_sent_an_hour_later() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut number = 0;
    for (begin, answer) in [
        ("APPEND", "TAG NO [OVERQUOTA] mailbox is full\r\n"),
        ("APPEND", "TAG NO [TRYCREATE] no such mailbox\r\n"),
        ("APPEND", "TAG BAD what\r\n"),
        // The server has read it by then.
        ("LITERAL", "TAG NO [OVERQUOTA] mailbox is full\r\n"),
    ] {
        number += 1;
        let mut reader = Reader::new(&server, &format!("user{number}"), &messages());
        let proxy = Proxy::before(server.port);
        reader.home.configure(proxy.port, DIGESTS);
        proxy.arm([Fault::first(begin, When::Before, How::Say(answer))]);
        let said = reader.sweep();
        assert!(said.contains("tries again in an hour"), "{answer}: {said}");
        assert_eq!((reader.digests("INBOX").len(), reader.outcome()), (0, Some(DigestOutcome::Refused)));
        assert_eq!(reader.client.messages(SPAM).len(), 2, "the rest of the sweep is done");
        reader.home.configure(server.port, DIGESTS);
        reader.sweep();
        assert_eq!(reader.digests("INBOX").len(), 0, "not at once");
        reader.let_an_hour_pass();
        reader.sweep();
        assert_eq!((reader.digests("INBOX").len(), reader.outcome()), (1, Some(DigestOutcome::Sent)));
        reader.let_an_hour_pass();
        reader.sweep();
        assert_eq!(reader.digests("INBOX").len(), 1);
    }
}

#[test]
fn whatever_fails_while_a_digest_is_sent_it_is_never_sent_twice() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let mut cases = Vec::new();
    for begin in ["UID SEARCH SINCE", "APPEND", "LITERAL"] {
        for when in [When::Before, When::Middle, When::After] {
            for how in [How::Close, How::Reset, How::Stall] {
                cases.push(Fault::first(begin, when, how));
            }
        }
    }
    let sent = std::sync::Mutex::new(BTreeMap::new());
    try_all("digests", &cases, |number, fault| {
        let mut reader = Reader::new(&server, &format!("user{number}"), &[text(&real(1), 1)]);
        let proxy = Proxy::before(server.port);
        reader.home.configure(proxy.port, DIGESTS);
        proxy.arm([*fault]);
        let mut child = reader.home.command(&[], &["sweep"]).spawn().unwrap();
        // Whoever waits for a line that says nothing is killed: the program dies in the middle.
        while child.try_wait().unwrap().is_none() {
            if proxy.has_struck() && proxy.is_stalling() {
                child.kill().unwrap();
            }
            pause(Duration::from_millis(2));
        }
        if !proxy.wait_until_struck(1, Duration::from_secs(1)) {
            return Err("the trouble did not strike".to_owned());
        }
        proxy.arm([]);
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            let output = reader.home.run(&["sweep"]);
            if !output.status.success() {
                return Err(printed(&output));
            }
            outcomes.push(reader.outcome());
            reader.let_an_hour_pass();
        }
        let count = reader.digests("INBOX").len();
        let last = *outcomes.last().unwrap();
        sent.lock().unwrap().insert(format!("{} {:?} {:?}", fault.begin, fault.when, fault.how), count);
        match (count, last) {
            (1, Some(DigestOutcome::Sent)) | (0, Some(DigestOutcome::InDoubt)) => Ok(()),
            other => Err(format!("{other:?} {outcomes:?}")),
        }
    });
    let sent = sent.into_inner().unwrap();
    let count =
        |begin: &str| sent.iter().filter(|(case, _)| case.starts_with(begin)).map(|(_, count)| count).sum();
    // Before the server could have it, it is certain that it has not, unless the program is killed; afterwards it is found.
    assert_eq!(
        (count("APPEND Before"), count("LITERAL Before"), count("LITERAL After")),
        (2, 0, 3),
        "{sent:#?}"
    );
}

#[test]
fn what_waits_for_a_look_up_comes_in_the_next_digest_and_once() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let Some(clock) = clock() else { return };
    let mut reader = Reader::new(&server, "kim", &[]);
    reader.home.configure(server.port, ALL);
    for (number, hour) in [(4, 10), (5, 11), (6, 12)] {
        let arrived = format!("\"05-Jan-2024 {hour}:00:00 +0000\"");
        reader.client.append("INBOX", &arrived, &text(&real(number), number));
    }
    reader.sweep();
    // The second of them waits, as if a look-up could still decide it.
    let mut second = None;
    let (past, present) = (Timestamp(0), now());
    let mut ledger = reader.ledger();
    let mut find = |entry: followsift::ledger::HistoryEntry| {
        let shown = format!("{:?}", entry.judged.notification.followers);
        second = second.take().or(shown.contains("mira_5").then_some(entry.judged));
        std::ops::ControlFlow::Continue(())
    };
    ledger.history(past, present, &mut find).unwrap();
    let second = second.unwrap();
    let why = Delay::LookUp(Timestamp(present.0 + 3600));
    ledger.put_off(&[PutOff { mail: second.mail, identity: second.identity, why }], present).unwrap();
    drop(ledger);
    reader.home.configure(server.port, DIGESTS);
    let people = |text: &str| [4, 5, 6].map(|number| text.contains(&format!("@mira_{number}")));
    let said = reader.sweep();
    let digests = reader.digests("INBOX");
    assert_eq!(digests.len(), 1, "{said}");
    assert_eq!(people(&digests[0].1), [true, false, false], "{}", digests[0].1);
    for (days, count) in [(1, 2), (2, 2), (3, 2)] {
        let mut command = reader.home.command(&[], &["sweep"]);
        command.env("LD_PRELOAD", &clock).env("FAKETIME", format!("+{days}d"));
        let output = command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        let digests = reader.digests("INBOX");
        assert_eq!(digests.len(), count, "{}", printed(&output));
        assert_eq!(people(&digests[1].1), [false, true, true], "{}", digests[1].1);
    }
}

//! Messages that the user files by hand: their followers are unwelcome, unless it was a copy, a junk filter or a mistake.

use super::*;
use crate::support::letters::{Person, twitter_2009};

/// A follower about whom no rule says anything.
fn plain(number: usize) -> String {
    text(&twitter_2009(&Person::new(&format!("Jo {number}"), &format!("jo_{number}"), [50, 60, 5])), number)
}

/// A scene with messages that followsift has left, and a look at the target that is over. `None` where the clock cannot be set.
fn left(messages: usize) -> Option<Scene> {
    left_with(messages, str::to_owned)
}

/// As [`left`], with other rules.
fn left_with(messages: usize, change: impl Fn(&str) -> String) -> Option<Scene> {
    let mut scene = Scene::usual(ALL)?;
    let rule = "[[rule]]\nname = \"Filed before\"\nwhen.unwelcome = true\nverdict = \"spam\"\n\n[[rule]]\nname = \"Nobody";
    scene.home.write("rules.toml", &change(&RULES.replacen("[[rule]]\nname = \"Nobody", rule, 1)));
    // So that the target is there.
    scene.deliver(&[text(&spam(1), 1)]);
    scene.deliver(&(0..messages).map(|number| plain(10 + number)).collect::<Vec<_>>());
    scene.sweep();
    assert!(scene.sweep_later(1)?.status.success());
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (messages, 1));
    Some(scene)
}

impl Scene {
    fn unwelcome(&self) -> Vec<String> {
        let ledger = Ledger::open_read_only(&self.home.state()).unwrap().unwrap();
        ledger.unwelcome().unwrap().into_iter().map(|(follower, _)| follower.as_str().to_owned()).collect()
    }

    /// A sweep two hours after the look that [`left`] made.
    fn soon(&self) {
        let mut command = self.home.command(&[], &["sweep"]);
        command.env("LD_PRELOAD", clock().unwrap()).env("FAKETIME", "+26h");
        let output = command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }

    fn later(&self, days: u32) -> String {
        let output = self.sweep_later(days).unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        printed(&output)
    }
}

#[test]
fn a_message_filed_by_hand_makes_its_follower_unwelcome_and_put_back_makes_them_known() {
    let Some(mut scene) = left(2) else { return };
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE {} {SPAM}", 2));
    let said = scene.later(2);
    assert!(said.contains("1 message was filed by hand; its follower is unwelcome from now on"), "{said}");
    assert_eq!(scene.unwelcome(), ["@jo_10"]);
    assert!(scene.home.well(&["known"]).contains("@jo_10  filed by hand since"));
    let history = scene.home.well(&["history", "--follower", "jo_10"]);
    assert!(history.contains("moved to Followers/Spam by hand, noticed"), "{history}");
    // The next message about them goes where the user put the first.
    scene.deliver(&[plain(10).replace("Message-ID: <", "Message-ID: <again")]);
    let said = scene.later(3);
    assert!(said.contains("by \"Filed before\"") && !said.contains("by hand;"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 3));
    // The user was wrong.
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 2 INBOX");
    let said = scene.later(4);
    assert!(scene.unwelcome().is_empty() && scene.known().0 == ["@jo_10"], "{said}");
    scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "it is never moved again");
}

#[test]
fn a_copy_a_message_in_the_trash_and_what_followsift_moved_teach_nothing() {
    let Some(mut scene) = left(3) else { return };
    scene.client.run("CREATE Trash");
    scene.client.select("INBOX");
    scene.client.run(&format!("UID COPY 2 {SPAM}"));
    scene.client.run("UID MOVE 3 Trash");
    scene.deliver(&[text(&spam(2), 2)]);
    scene.later(2);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 3));
    scene.later(3);
    assert!(scene.unwelcome().is_empty());
}

#[test]
fn the_folder_of_the_verdict_real_does_not_make_a_follower_unwelcome() {
    let Some(mut scene) = left_with(2, |rules| rules.replace("flag = true", "move-to = \"Followers/Real\""))
    else {
        return;
    };
    scene.client.run("CREATE Followers/Real");
    scene.later(2);
    scene.later(3);
    scene.client.select("INBOX");
    scene.client.run("UID MOVE 2 Followers/Real");
    scene.client.run(&format!("UID MOVE 3 {SPAM}"));
    scene.later(4);
    assert_eq!(scene.unwelcome(), ["@jo_11"]);
}

#[test]
fn a_folder_of_the_rules_that_is_also_the_trash_teaches_nothing() {
    let Some(mut scene) = left_with(2, |rules| rules.replace("Followers/Numbers game", "Trash")) else {
        return;
    };
    scene.client.run("CREATE Trash");
    scene.later(2);
    scene.later(3);
    scene.client.select("INBOX");
    scene.client.run("UID MOVE 2 Trash");
    scene.client.run(&format!("UID MOVE 3 {SPAM}"));
    scene.later(4);
    assert_eq!(scene.unwelcome(), ["@jo_11"]);
}

#[test]
fn a_known_follower_stays_known_when_a_message_about_them_is_filed_by_hand() {
    let Some(mut scene) = left(2) else { return };
    let said = scene.home.well(&["known", "add", "twitter", "@jo_10"]);
    assert!(said.contains("jo_10"), "{said}");
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2:3 {SPAM}"));
    let said = scene.later(2);
    assert!(said.contains("1 message was filed by hand; its follower is unwelcome"), "{said}");
    assert!(
        said.contains("a message about @jo_10 was filed by hand, but they are known (`followsift known forget` ends that)"),
        "{said}"
    );
    assert_eq!(scene.unwelcome(), ["@jo_11"]);
}

#[test]
fn what_todays_rules_would_file_there_may_have_been_moved_by_followsift() {
    let Some(mut scene) = left(2) else { return };
    // As if a sweep by these rules had moved the first, and the ledger had been restored to the state before.
    let rules = std::fs::read_to_string(scene.home.path().join("rules.toml")).unwrap();
    let rule = "\n[[rule]]\nname = \"Jo\"\nwhen.handle = \"jo_10\"\nverdict = \"spam\"\n";
    scene.home.write("rules.toml", &(rules + rule));
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2:3 {SPAM}"));
    let said = scene.later(2);
    assert!(said.contains("1 message was filed by hand"), "{said}");
    assert_eq!(scene.unwelcome(), ["@jo_11"]);
}

#[test]
fn a_starred_message_may_have_been_moved_by_followsift_too() {
    let Some(mut scene) = left(2) else { return };
    scene.client.select("INBOX");
    // As if followsift had moved the first, the user had starred it there, and the ledger had been restored.
    scene.client.run(r"UID STORE 2 +FLAGS (\Flagged)");
    scene.client.run(&format!("UID MOVE 2:3 {SPAM}"));
    scene.later(2);
    assert_eq!(scene.unwelcome(), ["@jo_11"]);
}

#[test]
fn a_message_that_is_not_read_whole_teaches_nothing_until_it_is() {
    let Some(mut scene) = left(1) else { return };
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2 {SPAM}"));
    let proxy = scene.proxy();
    let how = How::Lie("nothing came", |tag, _| format!("{tag} OK done\r\n").into_bytes());
    proxy.arm([Fault {
        at: 0,
        ..Fault::first("UID FETCH 2 (UID RFC822.SIZE INTERNALDATE FLAGS", When::Before, how)
    }]);
    scene.soon();
    assert!(scene.unwelcome().is_empty());
    assert!(
        proxy.commands().iter().any(|command| command.contains("BODY.PEEK[]<0.")),
        "{:#?}",
        proxy.commands()
    );
    proxy.arm([]);
    scene.soon();
    assert_eq!(scene.unwelcome(), ["@jo_10"]);
}

#[test]
fn what_cannot_be_decided_at_a_look_is_looked_at_again() {
    let Some(mut scene) = left(2) else { return };
    let proxy = scene.proxy();
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2 {SPAM}"));
    let how = How::Say("TAG NO [UNAVAILABLE] oops\r\n");
    proxy.arm([Fault::first("EXAMINE \"INBOX\"", When::Before, how)]);
    scene.soon();
    assert!(scene.unwelcome().is_empty());
    scene.soon();
    assert_eq!(scene.unwelcome(), ["@jo_10"]);
}

#[test]
fn more_than_twenty_at_once_were_moved_by_a_program() {
    let Some(mut scene) = left(21) else { return };
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2:22 {SPAM}"));
    let said = scene.later(2);
    assert!(said.contains("21 messages were moved to folders of the rules at once"), "{said}");
    assert!(scene.unwelcome().is_empty());
    assert!(!scene.later(3).contains("at once"), "it is said once");
}

/// A server that shows nothing of a header if it is asked for its beginning.
fn without_beginnings(answer: &[u8]) -> Vec<u8> {
    let (mut told, mut rest) = (Vec::new(), answer);
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let (line, after) = rest.split_at(end + 2);
        rest = after;
        let line = String::from_utf8_lossy(line).into_owned();
        let literal = line.trim_end().strip_suffix('}').and_then(|line| line.rsplit_once('{'));
        let Some((before, count)) = literal else {
            told.extend(line.as_bytes());
            continue;
        };
        let (bytes, after) = rest.split_at(count.parse().unwrap());
        rest = after;
        let section = before.rsplit("BODY[").next().unwrap();
        let is_beginning = section.starts_with("HEADER") && section.trim_end().ends_with("<0>");
        let bytes = if is_beginning { &[][..] } else { bytes };
        told.extend(format!("{before}{{{}}}\r\n", bytes.len()).as_bytes());
        told.extend(bytes);
    }
    told
}

#[test]
fn filing_by_hand_teaches_also_where_a_server_shows_headers_only_as_a_whole() {
    let Some(mut scene) = left(2) else { return };
    let proxy = scene.proxy();
    let how = How::Lie("no beginning of a header", |_, answer| without_beginnings(answer));
    proxy.arm([Fault { begin: "UID FETCH", at: 0, when: When::After, how }]);
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2 {SPAM}"));
    scene.soon();
    assert!(proxy.has_struck());
    assert_eq!(scene.unwelcome(), ["@jo_10"]);
}

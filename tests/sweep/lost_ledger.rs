//! The ledger is gone or was put back from a backup, and with it what the user put back.

use std::path::{Path, PathBuf};

use super::*;

/// Sixteen messages that were filed and put back, after which the ledger was lost.
fn lost() -> Option<Scene> {
    let mut scene = Scene::usual(ALL)?;
    for number in 1..=16 {
        let date = format!("\"{number:02}-Nov-2026 09:00:00 +0000\"");
        scene.client.append("INBOX", &date, &text(&spam(number), number));
    }
    scene.sweep();
    assert_eq!(scene.count(SPAM), 16);
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1:* INBOX");
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    Some(scene)
}

#[test]
fn after_a_lost_ledger_what_was_there_before_only_moves_once_the_user_says_so() {
    let Some(mut scene) = lost() else { return };
    let dry = scene.home.well(&["sweep", "--dry-run"]);
    assert_eq!(dry.matches("stays until you run `followsift resume`").count(), 16, "{dry}");
    let said = scene.sweep();
    assert!(said.contains("note: the ledger is new to account home"), "{said}");
    let left = "left undone: 16 messages from before this ledger stay until you run `followsift resume`";
    assert!(said.contains(left), "{said}");
    for arguments in [&["sweep"][..], &["sweep", "--since", "90d"]] {
        scene.home.well(arguments);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (16, 0));
    }
    let said = scene.home.well(&["check"]);
    assert!(
        said.contains("16 messages from before this ledger stay: it does not know what you put back before"),
        "{said}"
    );
    assert!(scene.home.well(&["history"]).contains("it was there before the ledger"));
    // What comes now is moved.
    pause(Duration::from_millis(1100));
    scene.deliver(&[text(&spam(17), 17)]);
    let said = scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (16, 1), "{said}");
    // One that the user stars, and one that they delete, are theirs.
    let uids = scene.uids("INBOX");
    scene.client.select("INBOX");
    scene.client.run(&format!("UID STORE {} +FLAGS (\\Flagged)", uids[0]));
    scene.client.run(&format!("UID STORE {} +FLAGS (\\Deleted)", uids[1]));
    let said = scene.home.well(&["resume"]);
    assert!(
        said.contains("home: 16 messages from before this ledger are judged again in the next sweep"),
        "{said}"
    );
    let said = scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 15), "{said}");
    assert!(said.ends_with("all is well\n"), "{said}");
    assert!(!scene.home.well(&["check"]).contains("from before this ledger"));
    assert!(!scene.home.well(&["resume"]).contains("from before this ledger"));
}

#[test]
fn a_service_says_in_its_state_that_old_messages_stay() {
    let Some(mut scene) = lost() else { return };
    let home = support::daemon::Home::new();
    home.write("password", PASSWORD);
    home.write("rules.toml", RULES);
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &settings);
    let daemon = home.run();
    daemon.says("home: 16 messages from before this ledger stay until you run `followsift resume`");
    assert!(daemon.log().contains("the ledger is new to account home"), "{}", daemon.log());
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (16, 0));
    let output = home.command(&["resume"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    pause(Duration::from_millis(1100));
    scene.deliver(&[text(&spam(17), 17)]);
    daemon.until("filed", Duration::from_secs(30), |_| {
        scene.home.client(scene.server.port).messages(SPAM).len() == 17
    });
}

#[test]
fn a_first_ledger_for_folders_that_were_never_used_moves_the_backlog() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.client.run(&format!("CREATE \"{SPAM}\""));
    scene.client.append("INBOX", "\"01-Nov-2026 09:00:00 +0000\"", &text(&spam(1), 1));
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

/// The folders' own files that are copied and put back.
fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

impl Scene {
    fn ledger(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.home.state().join("ledger.sqlite")).unwrap()
    }

    fn moves(&self) -> u32 {
        self.ledger().query_row("SELECT count(*) FROM intent", [], |row| row.get(0)).unwrap()
    }

    /// Copies the state folder beside it, as a backup.
    fn back_up(&self) -> PathBuf {
        let copy = self.home.path().join("backup");
        copy_files(&self.home.state(), &copy);
        copy
    }
}

#[test]
fn what_lies_in_the_folders_is_remembered_as_filed_after_a_lost_ledger() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        let twin = if without.is_empty() { text(&spam(2), 2) } else { text(&spam(3), 3) };
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), twin, text(&game(4), 4)]);
        scene.sweep();
        // What is no notification is not followsift's, and a star changes nothing; without MOVE, a starred message stays.
        scene.client.deliver(SPAM, "From: jo@bloom.example\r\nSubject: Lunch\r\n\r\nAt noon?\r\n");
        if without.is_empty() {
            scene.client.select(SPAM);
            scene.client.run("UID STORE 2 +FLAGS (\\Flagged)");
        }
        std::fs::remove_dir_all(scene.home.state()).unwrap();
        scene.deliver(&[text(&spam(5), 5)]);
        pause(Duration::from_millis(1100));

        let dry = scene.home.well(&["sweep", "--dry-run"]);
        assert!(dry.contains("the ledger is new to account home"), "{without:?} {dry}");
        let said = scene.sweep();
        assert!(
            said.contains("4 notifications that lie there are remembered as filed"),
            "{without:?} {said}"
        );
        assert!(said.contains("left undone: 1 message from before this ledger stays"), "{said}");
        assert_eq!(scene.moves(), 4);
        let history = scene.home.well(&["history", "--follower", "grow_4"]);
        assert!(history.contains("was in Followers/Numbers game already, noticed"), "{history}");
        assert!(scene.home.well(&["report"]).contains("filed"), "{without:?}");
        // A second look, as after one that was cut off, remembers nothing twice.
        scene.ledger().execute("UPDATE account SET gap = 'older'", []).unwrap();
        let said = scene.sweep();
        assert!(
            said.contains("an older ledger was put back") && !said.contains("remembered as filed"),
            "{said}"
        );
        assert_eq!(scene.moves(), 4);

        // The user puts one back.
        scene.client.select(SPAM);
        scene.client.run("UID COPY 1 INBOX");
        scene.client.run("UID STORE 1 +FLAGS (\\Deleted)");
        scene.client.run("EXPUNGE");
        scene.sweep();
        scene.home.well(&["resume"]);
        for arguments in [&["sweep"][..], &["sweep", "--since", "9d"]] {
            let said = scene.home.well(arguments);
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 4), "{without:?} {said}");
        }
        assert_eq!(scene.known(), (vec!["@win_1".to_owned()], Vec::new()), "{without:?}");
        // The others come back by `restore`.
        let none = scene.home.well(&["restore", "--sweep", "last", "--dry-run"]);
        assert!(none.contains("1 message can be put back") && none.contains("@win_5"), "{none}");
        let said = printed(&scene.home.run(&["restore", "--all", "--yes"]));
        assert!(said.contains("home: 4 messages put back; they are never moved again"), "{without:?} {said}");
        scene.home.well(&["sweep", "--since", "9d"]);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM), scene.count(GAME)), (5, 1, 0), "{without:?}");
    }
}

#[test]
fn of_several_folders_the_inbox_gets_back_what_was_filed_before_the_ledger_was_lost() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nfolders = [\"Work\", \"INBOX\"]") else { return };
    scene.client.run("CREATE Work");
    scene.client.deliver("Work", &text(&spam(1), 1));
    scene.sweep();
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    scene.sweep();
    let said = scene.home.well(&["restore", "--all", "--yes"]);
    let guessed = "1 is in the inbox, since followsift does not know from which folder it came";
    assert!(said.contains(guessed), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count("Work"), scene.count(SPAM)), (1, 0, 0));
}

#[test]
fn a_lost_ledger_shows_wherever_the_first_notification_is_and_after_a_cut() {
    let more = "backlog = \"all\"\nfolders = [\"Work\", \"INBOX\"]";
    let Some(mut scene) = Scene::usual(more) else { return };
    scene.client.run("CREATE Work");
    scene.client.deliver("Work", &text(&ordinary("Jo <jo@bloom.example>", "Lunch?", "One?"), 1));
    scene.client.deliver("INBOX", &text(&spam(2), 2));
    scene.sweep();
    assert_eq!(scene.count(SPAM), 1);
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1:* INBOX");
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    // Its line is cut at each command in turn, until it has been through.
    let proxy = Proxy::before(scene.server.port);
    scene.home.configure(proxy.port, more);
    for at in 1.. {
        proxy.arm([Fault::at(at, When::After, How::Reset)]);
        let ended = scene.home.run(&["sweep"]);
        assert_eq!((scene.count("INBOX"), scene.count("Work"), scene.count(SPAM)), (1, 1, 0));
        if !proxy.has_struck() {
            let said = printed(&ended);
            assert!(said.contains("1 message from before this ledger stays"), "{said}");
            break;
        }
    }
}

/// A ledger that was copied when one message had been filed; then another one was filed, which the user has put back, and a third,
/// which they have left.
fn of_an_earlier_state() -> Option<(Scene, PathBuf)> {
    let mut scene = Scene::usual(ALL)?;
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    let copy = scene.back_up();
    scene.deliver(&[text(&spam(2), 2), text(&spam(3), 3)]);
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 2 INBOX");
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2));
    pause(Duration::from_millis(1100));
    Some((scene, copy))
}

#[test]
fn a_ledger_that_is_older_than_one_that_was_used_here_moves_no_message_that_came_before() {
    // The copy is written into the ledger's file, or takes its place, or everything is put back.
    for way in ["written", "renamed", "everything", "without the note"] {
        let Some((mut scene, copy)) = of_an_earlier_state() else { return };
        let (state, name) = (scene.home.state(), "ledger.sqlite");
        match way {
            "written" => drop(std::fs::copy(copy.join(name), state.join(name)).unwrap()),
            "renamed" => std::fs::rename(copy.join(name), state.join(name)).unwrap(),
            _ => {
                std::fs::remove_dir_all(&state).unwrap();
                copy_files(&copy, &state);
            }
        }
        if way == "without the note" {
            std::fs::remove_file(state.join("last-move")).unwrap();
        }
        let dry = scene.home.well(&["sweep", "--dry-run"]);
        assert!(dry.contains("stays until you run `followsift resume`"), "{way}: {dry}");
        let said = scene.sweep();
        let why = match way {
            "written" | "renamed" => "an older ledger was put back, which lacks moves of account home",
            _ => {
                "the ledger is a copy, and messages of account home came to \"Followers/Spam\" of which it does not know"
            }
        };
        assert!(said.contains(why), "{way}: {said}");
        assert!(said.contains("1 notification that lies there is remembered as filed"), "{way}: {said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2), "{way}: {said}");
        // What comes now is moved, and the note is right again.
        scene.deliver(&[text(&spam(4), 4)]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 3), "{way}: {said}");
        assert!(!said.contains("note:"), "{way}: {said}");
        scene.home.well(&["resume"]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 4), "{way}");
    }
}

#[test]
fn a_ledger_that_lacks_nothing_is_trusted_wherever_its_file_came_from() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    // What the user moves there by hand is no sign.
    scene.deliver(&[text(&spam(2), 2)]);
    scene.client.select("INBOX");
    scene.client.run(&format!("UID MOVE 2 {SPAM}"));
    let mut messages = 2;
    let mut moves = |scene: &mut Scene, what: &str| {
        messages += 1;
        scene.deliver(&[text(&spam(messages), messages)]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, messages), "{what}: {said}");
        assert!(!said.contains("note:"), "{what}: {said}");
    };
    moves(&mut scene, "moved by hand");
    let copy = scene.back_up();
    let state = scene.home.state();
    std::fs::remove_dir_all(&state).unwrap();
    copy_files(&copy, &state);
    moves(&mut scene, "another machine");
    for note in ["", "12", "many 7\n", "9999999999999999999999 7\n"] {
        scene.home.write("state/last-move", note);
        moves(&mut scene, note);
    }
    std::fs::remove_file(state.join("last-move")).unwrap();
    moves(&mut scene, "without a note");
    assert!(state.join("last-move").exists());
}

#[test]
fn a_ledger_that_cannot_be_read_is_named_with_what_to_do_left_as_it_is_and_nothing_is_moved() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    let file = scene.home.state().join("ledger.sqlite");
    let whole = std::fs::read(&file).unwrap();
    scene.deliver(&[text(&spam(2), 2)]);
    let foreign = scene.home.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE shopping (what TEXT)").unwrap();
    let flipped: Vec<u8> = whole.iter().map(|byte| byte ^ 0x55).collect();
    let damaged = "it is damaged, and nothing is moved; restore a copy, or move it away, and followsift starts a new one";
    for (bytes, words) in [
        (flipped, damaged),
        (whole[..whole.len() / 2].to_vec(), damaged),
        (whole[..50].to_vec(), damaged),
        (b"Dear diary, today nobody followed me.\n".repeat(200), damaged),
        (
            std::fs::read(&foreign).unwrap(),
            "it is the database of another program, and nothing is moved; move it away",
        ),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        for arguments in [&["sweep"][..], &["check"], &["history"], &["restore", "--all", "--yes"]] {
            let output = scene.home.run(arguments);
            let said = printed(&output);
            assert!(!output.status.success() && said.contains(words), "{arguments:?} {said}");
        }
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{words}");
        assert!(std::fs::read(&file).unwrap() == bytes, "{words}");
    }
    // One that is empty, or was moved away, is a new one.
    for is_there in [true, false] {
        std::fs::remove_file(&file).unwrap();
        if is_there {
            std::fs::write(&file, "").unwrap();
        }
        let said = scene.sweep();
        assert!(
            said.contains("the ledger is new to account home") && said.contains("1 notification that"),
            "{said}"
        );
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
    }
}

/// The server refuses to say anything about the folders.
const REFUSED: &str = "TAG NO [SERVERBUG] not now\r\n";

#[test]
fn a_folder_about_which_the_server_says_nothing_counts_as_used_and_is_read_later() {
    for refused in [&["STATUS", "LIST \"\" ("][..], &["EXAMINE"], &["STATUS", "LIST \"\" (", "EXAMINE"]] {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&spam(3), 3)]);
        scene.sweep();
        scene.client.select(SPAM);
        scene.client.run("UID MOVE 1 INBOX");
        std::fs::remove_dir_all(scene.home.state()).unwrap();
        pause(Duration::from_millis(1100));
        let proxy = scene.proxy();
        let faults = refused.iter().map(|begin| {
            let how = How::Say(REFUSED);
            Fault { begin, at: 0, when: When::Before, how }
        });
        proxy.arm(faults.collect::<Vec<_>>());
        let said = printed(&scene.home.run(&["sweep"]));
        assert!(said.contains("note: the ledger is new to account home"), "{refused:?} {said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2), "{refused:?} {said}");
        let observed = |scene: &Scene| -> (i64, Option<String>) {
            let select = "SELECT observed_before, gap FROM account";
            scene.ledger().query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let (before, gap) = observed(&scene);
        assert_eq!(gap.is_some(), refused.contains(&"EXAMINE"), "{refused:?} {gap:?}");
        assert_eq!(scene.moves(), if gap.is_some() { 0 } else { 2 }, "{refused:?}");
        // As soon as everything can be read, it is, and that is all.
        proxy.arm([]);
        pause(Duration::from_millis(1100));
        let said = printed(&scene.home.run(&["sweep"]));
        assert!(!said.contains("note:"), "{refused:?} {said}");
        assert_eq!(observed(&scene), (before, None), "{refused:?} {said}");
        assert_eq!(scene.moves(), 2, "{refused:?} {said}");
        scene.client.select(SPAM);
        scene.client.run("UID MOVE 2 INBOX");
        scene.sweep();
        scene.home.well(&["resume"]);
        let said = scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2), "{refused:?} {said}");
        assert_eq!(scene.known(), (vec!["@win_2".to_owned()], Vec::new()), "{refused:?}");
    }
}

#[test]
fn a_message_that_the_server_does_not_show_when_the_ledger_was_lost_is_remembered_later() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&spam(3), 3)]);
    scene.sweep();
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    let proxy = scene.proxy();
    proxy.arm([super::unshown::HIDDEN]);
    let said = printed(&scene.home.run(&["sweep"]));
    assert!(said.contains("2 notifications that lie there are remembered as filed"), "{said}");
    assert!(said.contains("Followers/Spam uid 3 is there and does not show it"), "{said}");
    proxy.arm([]);
    scene.sweep();
    assert_eq!(scene.moves(), 3);
}

#[test]
fn an_old_notification_that_is_put_back_after_the_ledger_was_lost_makes_its_follower_known() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules_with_known());
    scene.client.append("INBOX", "\"02-Jan-2026 09:00:00 +0000\"", &text(&spam(1), 1));
    scene.sweep();
    assert_eq!(scene.count(SPAM), 1);
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1 INBOX");
    scene.sweep();
    assert_eq!(scene.known(), (vec!["@win_1".to_owned()], Vec::new()));
}

#[test]
fn a_copied_ledger_is_trusted_where_the_rules_file_into_the_junk_folder() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &RULES.replace("Followers/Spam", "Junk"));
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    assert_eq!(scene.count("Junk"), 1);
    // What a filter puts there is seen by the next look.
    scene.client.deliver("Junk", "From: jo@bloom.example\r\nSubject: Pills\r\n\r\nCheap!\r\n");
    let Some(output) = scene.sweep_later(1) else { return };
    assert!(output.status.success(), "{}", printed(&output));
    let (copy, state) = (scene.back_up(), scene.home.state());
    std::fs::remove_dir_all(&state).unwrap();
    copy_files(&copy, &state);
    let said = scene.sweep();
    assert!(!said.contains("note:"), "{said}");
}

#[test]
fn a_service_does_not_read_the_folders_in_each_sweep_for_a_message_that_is_not_shown() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&spam(3), 3)]);
    scene.sweep();
    std::fs::remove_dir_all(scene.home.state()).unwrap();
    let proxy = scene.proxy();
    proxy.arm([super::unshown::HIDDEN]);
    let home = support::daemon::Home::new();
    home.write("password", PASSWORD);
    home.write("rules.toml", RULES);
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    home.write("followsift.toml", &settings);
    let daemon = home.run();
    daemon.logs("Followers/Spam uid 3 is there and does not show it");
    pause(Duration::from_millis(1100));
    for number in [4, 5] {
        scene.deliver(&[text(&spam(number), number)]);
        daemon.until("filed", Duration::from_secs(30), |_| {
            scene.home.client(scene.server.port).messages(SPAM).len() == number
        });
    }
    let said = daemon.log();
    assert_eq!(said.matches("Followers/Spam uid 3 is there and does not show it").count(), 1, "{said}");
    let skims = |command: &&String| command.contains("(UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)]");
    let read = proxy.commands().iter().filter(skims).count();
    assert_eq!(read, 1, "{:?}", proxy.commands());
}

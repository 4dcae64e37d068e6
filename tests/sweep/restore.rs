//! `restore`: what was filed comes back, is shown first, and is never moved again.

use super::*;

impl Scene {
    fn restore(&self, arguments: &[&str]) -> String {
        self.home.well(&[&["restore"], arguments].concat())
    }

    /// How many messages are in the inbox and in the folder for spam.
    fn counts(&mut self) -> (usize, usize) {
        (self.count("INBOX"), self.count(SPAM))
    }
}

#[test]
fn what_is_put_back_is_shown_first_and_never_moved_again_and_its_follower_is_known() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&real(3), 3)]);
        scene.sweep();
        assert_eq!(scene.counts(), (1, 2));
        let before = scene.everything();
        let said = scene.restore(&["--follower", "win_1", "--dry-run"]);
        assert!(said.contains("@win_1") && !said.contains("@win_2"), "{said}");
        assert!(said.ends_with("\n1 message can be put back (home: 1)\n"), "{said}");
        let asked = scene.home.run(&["restore", "--follower", "win_1"]);
        assert_eq!(asked.status.code(), Some(64));
        assert!(printed(&asked).contains("add `--yes`"), "{}", printed(&asked));
        assert!(scene.everything() == before, "{without:?}");

        let said = scene.restore(&["--follower", "win_1", "--yes"]);
        assert!(
            said.ends_with("home: 1 message put back; they are never moved again, and their followers are known from now on\n"),
            "{without:?} {said}"
        );
        assert_eq!(scene.counts(), (2, 1), "{without:?}");
        assert_eq!(scene.known(), (vec!["@win_1".to_owned()], Vec::new()));
        // Other messages about them stay too, and those about others do not.
        scene.deliver(&[text(&spam(1), 11), text(&spam(2), 12)]);
        for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
            scene.home.well(arguments);
            assert_eq!(scene.counts(), (3, 2), "{without:?}");
        }
        let history = scene.home.well(&["history", "--follower", "win_1", "--since", "1h"]);
        assert!(history.contains("moved back at your request to INBOX"), "{history}");
        let again = scene.restore(&["--follower", "win_1", "--yes"]);
        assert_eq!(again, "no filed message that followsift remembers matches\n");
    }
}

#[test]
fn restored_without_learning_a_message_stays_and_its_follower_is_not_known() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules_with_known());
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
    scene.sweep();
    let said = scene.restore(&["--rule", "nobody follows them", "--no-learn", "--yes"]);
    assert!(said.ends_with("home: 2 messages put back; they are never moved again\n"), "{said}");
    scene.deliver(&[text(&spam(1), 11)]);
    scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!(scene.counts(), (2, 1));
    assert_eq!(scene.known(), (Vec::new(), vec![Stay::Asked; 2]));
    scene.home.well(&["known", "confirm", "--all"]);
    assert_eq!(scene.known().0, Vec::<String>::new(), "nothing was to be learned");
}

#[test]
fn only_what_one_sweep_moved_comes_back_starred_or_not_and_in_a_renamed_folder_too() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    assert!(scene.sweep_later(0).is_some_and(|output| output.status.success()));
    scene.deliver(&[text(&spam(2), 2), text(&spam(3), 3), text(&game(4), 4)]);
    let Some(later) = scene.sweep_later(1) else { return };
    assert!(later.status.success(), "{}", printed(&later));
    assert_eq!(scene.counts(), (0, 3));
    scene.client.select(SPAM);
    scene.client.run("UID STORE 2 +FLAGS (\\Flagged)");
    // The third has gone elsewhere.
    scene.client.run("CREATE Trash");
    scene.client.run("UID MOVE 3 Trash");
    scene.client.run(&format!("RENAME \"{SPAM}\" Junk"));
    let said = scene.restore(&["--sweep", "last", "--yes"]);
    assert!(
        said.contains("home: 2 messages put back") && said.ends_with("; 1 was not in the folder any more\n"),
        "{said}"
    );
    assert_eq!((scene.count("INBOX"), scene.count("Junk"), scene.count("Trash")), (2, 1, 1));
    assert_eq!(scene.count(GAME), 0);
}

#[test]
fn what_the_user_moved_by_hand_is_not_restored() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(1), 1), text(&spam(2), 2)]);
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 3 INBOX");
    scene.sweep();
    let said = scene.restore(&["--all", "--yes"]);
    assert!(said.contains("home: 2 messages put back") && !said.contains("any more"), "{said}");
    assert_eq!(scene.counts(), (3, 0), "both twins, and what was put back before");
    let nothing = scene.home.run(&["restore", "--yes"]);
    assert_eq!(nothing.status.code(), Some(64));
    assert!(printed(&nothing).contains("say which messages to put back"), "{}", printed(&nothing));
}

/// The folder cannot be changed.
const READ_ONLY: How = How::Lie("a read-only folder", |_, answer| {
    String::from_utf8_lossy(answer).replace("[READ-WRITE]", "[READ-ONLY]").into_bytes()
});

#[test]
fn a_retry_is_promised_only_for_what_followsift_will_try_again() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
    scene.sweep();
    let proxy = scene.proxy();
    let try_to = |scene: &Scene| {
        let output = scene.home.run(&["restore", "--all", "--yes"]);
        assert_eq!(output.status.code(), Some(75), "{}", printed(&output));
        printed(&output)
    };
    // Nothing can be stated, so nothing follows by itself.
    let read_only = Fault { begin: "SELECT \"Followers/Spam\"", at: 0, when: When::After, how: READ_ONLY };
    proxy.arm([read_only]);
    let said = try_to(&scene);
    let words = "2 messages could not be put back: its folder is read-only; nothing was changed; run the command again later";
    assert!(said.contains(words) && !said.contains("tries again"), "{said}");
    proxy.arm([]);
    scene.sweep();
    assert_eq!(scene.counts(), (0, 2));
    // What is stated is tried until it is done.
    let full = How::Say("TAG NO [OVERQUOTA] full\r\n");
    proxy.arm([Fault { begin: "UID MOVE", at: 0, when: When::Before, how: full }]);
    let said = try_to(&scene);
    assert!(said.contains("2 messages could not be put back: "), "{said}");
    assert!(said.contains("; followsift tries again later") && !said.contains("run the command"), "{said}");
    proxy.arm([]);
    scene.sweep();
    assert_eq!(scene.counts(), (2, 0));
}

#[test]
fn a_sweep_that_took_several_sessions_is_one_sweep() {
    let folders = "backlog = \"all\"\nfolders = [\"INBOX\", \"Social\"]";
    let Some(mut scene) = Scene::usual(folders) else { return };
    scene.client.run("CREATE Social");
    for _ in 0..8 {
        scene
            .client
            .deliver("Social", &text(&ordinary("Jo <jo@bloom.example>", "Lunch?", "One o'clock? Jo\n"), 1));
    }
    scene.client.select("Social");
    scene.client.run("UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
    scene.client.run("EXPUNGE");
    scene.deliver(&[text(&spam(1), 1)]);
    scene.client.deliver("Social", &text(&spam(2), 2));
    let proxy = Proxy::before(scene.server.port);
    scene.home.configure(proxy.port, folders);
    // The first session files what is in the inbox, and ends over the other folder; the next one comes seconds later.
    proxy.arm([
        Fault::first("UID FETCH 9", When::After, How::Close),
        Fault { begin: "AUTHENTICATE", at: 2, when: When::Before, how: How::Hold },
    ]);
    let said = std::thread::scope(|threads| {
        let swept = threads.spawn(|| scene.home.run(&["sweep"]));
        assert!(proxy.wait_until_struck(2, Duration::from_secs(20)), "{:#?}", proxy.commands());
        pause(Duration::from_millis(1_500));
        proxy.release();
        printed(&swept.join().unwrap())
    });
    assert_eq!(scene.counts(), (0, 2), "{said}");
    let said = scene.restore(&["--sweep", "last", "--dry-run"]);
    assert!(said.ends_with("\n2 messages can be put back (home: 2)\n"), "{said}");
}

use super::*;

#[test]
fn a_message_put_back_is_never_moved_again_and_its_follower_is_known() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
        scene.sweep();
        assert_eq!(scene.count(SPAM), 2);
        scene.client.select(SPAM);
        scene.client.run("UID MOVE 1 INBOX");
        // The same follower, in another message; and known people are kept.
        let known =
            "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
        scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
        scene.deliver(&[text(&spam(1), 77), text(&spam(2), 78)]);
        let said = scene.sweep();
        assert!(said.contains("put back by hand") || said.contains("stays"), "{said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "{without:?}\n{said}");
        for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
            scene.home.well(arguments);
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 2), "{without:?}");
        }
    }
}

#[test]
fn a_message_that_was_starred_and_put_back_makes_its_follower_known_too() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID STORE 1 +FLAGS (\\Flagged)");
    scene.client.run("UID MOVE 1 INBOX");
    let said = scene.sweep();
    assert!(said.contains("put back by hand") && scene.count("INBOX") == 1, "{said}");
    let known =
        "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
    scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
    scene.deliver(&[text(&spam(1), 2)]);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0));
}

#[test]
fn where_originals_are_only_marked_taking_the_mark_away_puts_back() {
    let Some(mut scene) = Scene::set(&Home::server(&["MOVE", "UIDPLUS"]), ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.client.select("INBOX");
    scene.client.run("UID STORE 1 -FLAGS (\\Deleted)");
    for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
        scene.home.well(arguments);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0), "the copy is taken back");
    }
    let known =
        "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
    scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
    scene.deliver(&[text(&spam(1), 2)]);
    scene.sweep();
    assert_eq!(scene.count("INBOX"), 2);
}

#[test]
fn twins_of_which_one_was_moved_do_not_count_as_put_back() {
    let more = "backlog = \"all\"\nmoves-per-hour = 1";
    let Some(mut scene) = Scene::usual(more) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(1), 1)]);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
    scene.home.well(&["resume"]);
    let said = scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2), "{said}");
}

#[test]
fn a_message_put_back_is_known_again_although_the_folder_was_numbered_anew() {
    let more = "backlog = \"all\"\nfolders = [\"Social\"]";
    let Some(mut scene) = Scene::usual(more) else { return };
    scene.client.run("CREATE Social");
    scene.client.append("Social", "\"20-Nov-2026 09:00:00 +0000\"", &text(&spam(1), 1));
    scene.client.append("Social", "\"20-Nov-2026 09:00:00 +0000\"", &text(&real(2), 2));
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1 INBOX");
    scene.client.run("DELETE Social");
    pause(Duration::from_millis(1100));
    scene.client.run("CREATE Social");
    scene.client.select("INBOX");
    scene.client.run("UID MOVE 1 Social");
    let known =
        "[[rule]]\nname = \"Known\"\nwhen.known = true\nverdict = \"real\"\n\n[[rule]]\nname = \"Nobody";
    scene.home.write("rules.toml", &RULES.replacen("[[rule]]\nname = \"Nobody", known, 1));
    scene.sweep();
    scene.client.deliver("Social", &text(&spam(1), 3));
    let said = scene.sweep();
    assert_eq!((scene.count("Social"), scene.count(SPAM)), (2, 0), "{said}");
}

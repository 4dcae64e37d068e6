//! When followsift learns that a follower is known, and when it does not.

use super::*;

/// A message as the user's own server hands it over.
fn received(number: usize) -> String {
    let hop = "from social.example by mx.post.example; Mon, 23 Nov 2026 09:00:01 +0000";
    text(&spam(number).on_top("Received", hop), number)
}

/// Lets a folder of the scene's user be empty.
fn empty(scene: &mut Scene, folder: &str) {
    scene.client.select(folder);
    scene.client.run("UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
    scene.client.run("EXPUNGE");
}

#[test]
fn a_second_delivery_beside_the_filed_copy_stays_and_teaches_nobody() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        scene.deliver(&[text(&spam(1), 1)]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1), "{without:?}");
        scene.deliver(&[text(&spam(1), 1)]);
        let said = scene.sweep();
        assert!(said.contains("the same message was filed before and is still in its folder"), "{said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{without:?}");
        assert_eq!(scene.known(), (vec![], vec![Stay::Twin]), "{without:?}");
        let listed = scene.home.well(&["known"]);
        assert!(listed.starts_with("nobody is known yet\n\n1 message is unconfirmed"), "{listed}");
        // A later message about them is filed as ever, and the second one stays.
        scene.deliver(&[text(&spam(1), 77)]);
        for arguments in [&["sweep"][..], &["sweep"], &["sweep", "--since", "1d"]] {
            scene.home.well(arguments);
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 2), "{without:?} {arguments:?}");
        }
        // The user did not put the second one back, so that it is not among "all".
        let _ = scene.home.run(&["known", "confirm", "--all"]);
        assert_eq!(scene.known(), (vec![], vec![Stay::Twin]));
    }
}

#[test]
fn a_message_put_back_by_way_of_a_program_that_adds_lines_stays_and_teaches() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        let original = received(1);
        scene.deliver(std::slice::from_ref(&original));
        scene.sweep();
        empty(&mut scene, SPAM);
        let added =
            format!("X-Mozilla-Status: 0001\r\n{}", original.replacen("To: ", "X-Local: kept\r\nTo: ", 1));
        scene.deliver(&[added, text(&spam(1), 77)]);
        let said = scene.sweep();
        assert!(said.contains("put back by hand"), "{said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0), "{without:?}\n{said}");
        assert_eq!(scene.known(), (vec!["@win_1".to_owned()], vec![]));
        scene.home.well(&["sweep", "--since", "1d"]);
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 0), "{without:?}");
    }
}

#[test]
fn a_message_that_was_delivered_once_more_is_a_new_one() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let original = received(1);
        scene.deliver(std::slice::from_ref(&original));
        scene.sweep();
        empty(&mut scene, SPAM);
        let hop = "Received: from a.example by mx.post.example; Tue, 24 Nov 2026 09:00:01 +0000\r\n";
        scene.deliver(&[format!("{hop}{original}")]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1), "{without:?}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn a_message_that_comes_back_long_after_its_copy_had_gone_teaches_only_when_that_is_confirmed() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules_with_known());
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    empty(&mut scene, SPAM);
    // Two days later the copy is seen to have left, and two more later the message is there again.
    let Some(output) = scene.sweep_later(2) else { return };
    assert!(output.status.success(), "{}", printed(&output));
    scene.deliver(&[text(&spam(1), 1)]);
    let output = scene.sweep_later(4).unwrap();
    let said = printed(&output);
    assert!(said.contains("came back long after the filed copy had gone"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0));
    assert_eq!(scene.known(), (vec![], vec![Stay::Late]));
    scene.deliver(&[text(&spam(1), 2)]);
    assert!(scene.sweep_later(4).unwrap().status.success());
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "nobody is known yet");
    scene.home.well(&["known", "confirm", "twitter", "@win_1"]);
    assert_eq!(scene.known(), (vec!["@win_1".to_owned()], vec![]));
    scene.deliver(&[text(&spam(1), 3)]);
    assert!(scene.sweep_later(4).unwrap().status.success());
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 1));
}

#[test]
fn a_message_that_comes_back_a_day_after_a_long_pause_was_put_back() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    // There was no sweep in between: it is not known when the copy left, and the message is back when that is first seen.
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1 INBOX");
    let Some(output) = scene.sweep_later(5) else { return };
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(scene.known(), (vec!["@win_1".to_owned()], vec![]));
}

#[test]
fn more_than_twenty_put_back_at_once_stay_and_teach_only_when_that_is_confirmed() {
    for (count, learned) in [(20, true), (21, false)] {
        let Some(mut scene) = Scene::usual(ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        scene.deliver(&(1..=count).map(|number| text(&spam(number), number)).collect::<Vec<_>>());
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, count));
        scene.client.select(SPAM);
        scene.client.run("UID MOVE 1:* INBOX");
        let said = scene.sweep();
        assert_eq!(said.contains("came back at once; they stay"), !learned, "{said}");
        let (known, unconfirmed) = scene.known();
        assert_eq!((known.len(), unconfirmed.len()), if learned { (count, 0) } else { (0, count) });
        scene.deliver(&[text(&spam(1), 500)]);
        for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
            scene.home.well(arguments);
            let stay = if learned { (count + 1, 0) } else { (count, 1) };
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), stay, "{arguments:?}");
        }
        if learned {
            continue;
        }
        let output = scene.home.run(&["known", "confirm"]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert_eq!(scene.known().0.len(), 0, "nothing was named");
        let said = scene.home.well(&["known", "confirm", "--all"]);
        assert_eq!(said, "confirmed 21 messages; their followers are known from now on\n");
        scene.deliver(&[text(&spam(2), 501)]);
        scene.sweep();
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (count + 1, 1));
    }
}

#[test]
fn a_follower_whom_the_user_forgets_is_filed_again_and_what_was_put_back_stays() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules_with_known());
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.client.select(SPAM);
    scene.client.run("UID MOVE 1 INBOX");
    scene.sweep();
    assert_eq!(scene.known().0, ["@win_1"]);
    scene.home.well(&["known", "forget", "twitter", "win_1"]);
    scene.deliver(&[text(&spam(1), 2)]);
    // Both in one look: the one that was put back adds nothing to what the ledger knows.
    let said = scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{said}");
    assert_eq!(scene.known(), (vec![], vec![]));
}

#[test]
fn a_follower_whom_the_user_adds_is_kept() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules_with_known());
    scene.home.well(&["known", "add", "Twitter", "@Win_1"]);
    scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2)]);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
}

#[test]
fn a_message_whose_follower_is_forgotten_stays_however_it_was_put_back() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let originals = [received(1), received(2).replace("09:00:01", "09:00:02")];
    scene.deliver(&originals);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2));
    let said = scene.home.well(&["forget", "twitter", "win_1"]);
    assert_eq!(
        said,
        "the ledger no longer names @win_1 on twitter; 1 message that named them is never moved again\n"
    );
    // By way of a program that adds lines; and a later message about the same follower.
    empty(&mut scene, SPAM);
    let added = format!("X-Mozilla-Status: 0001\r\n{}", originals[0]);
    scene.deliver(&[added, text(&spam(1), 77)]);
    let said = scene.sweep();
    assert!(said.contains("you had followsift forget a follower whom it names"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{said}");
}

#[test]
fn a_sweep_forgets_what_is_too_old_and_keeps_what_it_moved() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&real(3), 3)]);
    scene.sweep();
    let remembers = |scene: &Scene| {
        let history = scene.home.well(&["history"]);
        (history.contains("@win_1"), history.contains("@mira_3"))
    };
    // As long as two years are remembered, a hundred days change nothing.
    if scene.sweep_later(100).is_none() {
        return;
    }
    assert_eq!(remembers(&scene), (true, true));
    let settings = std::fs::read_to_string(scene.home.path().join("followsift.toml")).unwrap();
    scene.home.write("followsift.toml", &format!("remember = \"90d\"\n{settings}"));
    scene.sweep();
    assert_eq!(remembers(&scene), (true, true));
    let swept = scene.sweep_later(101).unwrap();
    assert!(swept.status.success(), "{}", printed(&swept));
    assert_eq!(remembers(&scene), (true, false));
}

use super::*;

fn many(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| text(&spam(number), number)).collect()
}

#[test]
fn beyond_the_fuse_messages_wait_and_are_let_through() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 5") else { return };
    scene.deliver(&many(0..8));
    let said = scene.sweep();
    assert!(said.contains("3 messages wait") && said.contains("followsift resume"), "{said}");
    assert_eq!((scene.count(SPAM), scene.uids("INBOX")), (5, vec![6, 7, 8]), "the earliest go first");
    scene.deliver(&many(8..9));
    let said = scene.sweep();
    assert!(!said.contains("followsift resume"), "reported twice: {said}");
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (5, 4));
    assert!(scene.home.well(&["resume"]).contains("4 messages go through"));
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (9, 0));
    assert!(scene.home.well(&["resume"]).contains("no message waits"));
    // What the user let through does not count; what the fuse counted does.
    scene.deliver(&many(9..10));
    assert!(scene.sweep().contains("1 message waits"));
}

#[test]
fn the_first_sweep_after_a_change_of_rules_moves_few() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-after-change = 2") else { return };
    scene.deliver(&many(0..4));
    scene.sweep();
    assert_eq!(scene.count(SPAM), 4, "the first rules are no change");
    scene.home.write("rules.toml", &format!("{RULES}\n# Thought over.\n"));
    scene.deliver(&many(4..8));
    let said = scene.sweep();
    assert!(said.contains("the rules have changed"), "{said}");
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (6, 2));
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (6, 2), "the next sweep moves no more");
    scene.home.well(&["resume"]);
    scene.deliver(&many(8..12));
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (12, 0));
}

#[test]
fn what_waits_is_judged_by_the_rules_of_the_day_it_goes() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 1") else { return };
    scene.deliver(&many(0..3));
    scene.sweep();
    scene.home.write("rules.toml", &RULES.replace("1000", "100000"));
    scene.home.well(&["resume"]);
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 2));
    assert!(scene.home.well(&["resume"]).contains("no message waits"));
}

#[test]
fn a_message_that_its_user_takes_in_hand_waits_no_longer() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-per-hour = 1") else { return };
    scene.deliver(&many(0..4));
    scene.sweep();
    scene.client.select("INBOX");
    scene.client.run("UID STORE 2 +FLAGS (\\Flagged)");
    scene.client.run("UID STORE 3 +FLAGS (\\Deleted)");
    scene.client.run("UID EXPUNGE 3");
    scene.home.well(&["resume"]);
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.uids("INBOX")), (2, vec![2]));
}

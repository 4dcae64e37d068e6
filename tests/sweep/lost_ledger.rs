//! The ledger is gone, and with it what the user put back.

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
    assert!(said.contains("16 messages from before this ledger stay: it is new since"), "{said}");
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

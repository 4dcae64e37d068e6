//! Lists that cannot be read or are empty, and rules that were wrong for a while: no friend's message is filed because
//! of that, and none is forgotten.

use super::*;

const FRIENDS: &str = "\n[list.friends]\nfile = \"friends.txt\"\n";
const RULE: &str = "[[rule]]\nname = \"Friends\"\nwhen.who = { in = \"friends\" }\nverdict = \"real\"\n\n";

/// The usual rules, with one on top that asks for the list.
fn rules(list: &str) -> String {
    let (verdicts, rest) = RULES.split_at(RULES.find("[[rule]]").unwrap());
    format!("{verdicts}{list}\n{RULE}{rest}")
}

/// Makes a file look as if it had not been written to for a while.
fn settle(scene: &Scene, name: &str) {
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let file = std::fs::File::options().append(true).open(scene.home.path().join(name)).unwrap();
    file.set_modified(long_ago).unwrap();
}

fn write(scene: &Scene, name: &str, text: &str) {
    scene.home.write(name, text);
    settle(scene, name);
}

/// A user with a list of friends whose messages would be filed without it.
fn with_friends(friends: &str) -> Option<Scene> {
    let scene = Scene::usual(ALL)?;
    write(&scene, "friends.txt", friends);
    scene.home.write("rules.toml", &rules(FRIENDS));
    Some(scene)
}

#[test]
fn a_list_that_is_suddenly_empty_or_half_gone_keeps_its_people_from_one_run_to_the_next() {
    let Some(mut scene) = with_friends("Win Big 1\nWin Big 2\n@win_3\n") else { return };
    scene.sweep();
    let emptied = ["", "# nobody\n", "Win Big 1\n", "{\n}\n;\nWin Big 1\n"];
    for (at, left) in emptied.into_iter().enumerate() {
        write(&scene, "friends.txt", left);
        scene.deliver(&[text(&spam(at % 3 + 1), 10 + at)]);
        let said = scene.sweep();
        assert!(said.contains("the list keeps the people of the last good copy"), "{left:?}: {said}");
        assert_eq!(scene.count(SPAM), 0, "{left:?}: {said}");
    }
    let said = scene.home.well(&["check"]);
    assert!(said.contains("name nobody; the list keeps"), "{said}");
    // Meanwhile a stranger is filed; and a list that may lose people loses them.
    scene.deliver(&[text(&spam(7), 7)]);
    scene.sweep();
    assert_eq!(scene.count(SPAM), 1);
    write(&scene, "friends.txt", "");
    scene.home.write("rules.toml", &rules(&format!("{FRIENDS}may-be-empty = true\n")));
    scene.deliver(&[text(&spam(3), 33)]);
    let said = scene.sweep();
    assert!(!said.contains("the list keeps"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (4, 2), "{said}");
}

#[test]
fn a_list_that_names_nobody_from_the_start_moves_nothing() {
    let Some(mut scene) = with_friends("<ul>\n<li></li>\n</ul>\nAna\n") else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert!(said.contains("3 of the 4 lines") && said.contains("so the list is not loaded"), "{said}");
    assert!(said.contains("friends.txt:1:1"), "{said}");
    assert_eq!((output.status.code(), scene.count("INBOX")), (Some(78), 1));
}

#[test]
fn people_that_another_program_exported_are_known() {
    let csv = "Account address,Show boosts,Notify on new posts,Languages\nwin_1,true,false,\nwin_2@far.example,true,false,\n";
    let Some(mut scene) = with_friends(csv) else { return };
    scene.deliver(&[text(&spam(1), 1), text(&spam(4), 4)]);
    let said = scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_list_that_is_still_being_written_is_waited_for() {
    let Some(mut scene) = with_friends("Win Big 9\n") else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.home.write("friends.txt", "Win");
    let mut sweep = scene.home.command(&[], &["sweep"]).spawn().unwrap();
    pause(Duration::from_millis(700));
    scene.home.write("friends.txt", "Win Big 1\n");
    assert!(sweep.wait().unwrap().success());
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0));
}

#[test]
fn a_pipe_instead_of_a_list_is_refused_at_once() {
    let Some(scene) = with_friends("Ana\n") else { return };
    let file = scene.home.path().join("friends.txt");
    std::fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let output = scene.home.run(&["check"]);
    let said = printed(&output);
    assert!(said.contains("friends.txt: it is not a regular file"), "{said}");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_folder_of_sent_messages_that_is_suddenly_empty_keeps_its_people() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &rules("[list.friends]\nfrom-sent = \"Posted\"\n"));
    scene.client.run("CREATE Posted");
    let sent = "From: kim@mail.example\r\nTo: Win Big 1 <win@mail.example>\r\nSubject: Hello\r\n\r\nHi.\r\n";
    scene.client.deliver("Posted", sent);
    scene.sweep();
    scene.client.run("DELETE Posted");
    scene.client.run("CREATE Posted");
    // As if it had been read two days ago.
    let ledger = rusqlite::Connection::open(scene.home.state().join("ledger.sqlite")).unwrap();
    ledger.execute("UPDATE sent_folder SET refreshed_at = refreshed_at - 172800", []).unwrap();
    scene.deliver(&[text(&spam(1), 1)]);
    let said = printed(&scene.home.run(&["sweep"]));
    assert!(said.contains("it no longer names anybody you wrote to"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0), "{said}");
}

#[test]
fn an_emptied_rules_file_is_refused_and_nothing_is_passed_over() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    for emptied in ["", "\n \n", "\u{feff}# All gone.\n"] {
        scene.home.write("rules.toml", emptied);
        for command in ["sweep", "check"] {
            let output = scene.home.run(&[command]);
            let said = printed(&output);
            assert!(said.contains("rules.toml holds no rules"), "{said}");
            assert_eq!(output.status.code(), Some(78), "{said}");
        }
    }
    scene.home.write("rules.toml", RULES);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

#[test]
fn what_wrong_rules_left_is_judged_again_once_they_are_corrected() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nmoves-after-change = 2") else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.home.write("rules.toml", &RULES.replace("1000", "100000"));
    let mails: Vec<_> = (2..6).map(|number| text(&spam(number), number)).collect();
    scene.deliver(&mails);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (4, 1));
    // The user has touched one by now; of the others, as many are moved as the limit after a change of rules allows.
    let starred = scene.uids("INBOX")[0];
    scene.client.select("INBOX");
    scene.client.run(&format!("UID STORE {starred} +FLAGS (\\Flagged)"));
    scene.home.write("rules.toml", &format!("{RULES}\n# Mended.\n"));
    for _ in 0..3 {
        scene.sweep();
    }
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (2, 3));
    scene.home.well(&["resume"]);
    scene.sweep();
    assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![starred], 4));
}

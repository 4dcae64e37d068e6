use super::*;

#[test]
fn each_message_goes_where_the_rules_say_unaltered_on_every_rung() {
    let mut ends: Vec<Vec<Live>> = Vec::new();
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        fill(&mut scene.client);
        let before = live(&mut scene.client);
        scene.sweep();
        let after = live(&mut scene.client);
        assert_eq!((scene.count(SPAM), scene.count(GAME), scene.count("INBOX")), (6, 2, 7), "{without:?}");
        // Each is what it was: body and date the same, no flag lost, no keyword lost.
        for (_, date, flags, bytes) in &before {
            let same = after.iter().find(|mail| mail.1 == *date && mail.3 == *bytes);
            let kept = same.is_some_and(|mail| flags.iter().all(|flag| mail.2.contains(flag)));
            assert!(kept, "{without:?} {date} {flags:?}\n{}", shown(&after));
        }
        assert!(after.iter().all(|message| message.0 != SPAM || message.2.contains(&"\\Seen".to_owned())));
        // Once more, and nothing happens.
        assert!(scene.sweep().contains("looked at 0 messages"), "{without:?}");
        assert!(live(&mut scene.client) == after, "{without:?}");
        ends.push(after);
    }
    assert!(ends.windows(2).all(|two| two[0] == two[1]), "the rungs differ");
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    fill(&mut scene.client);
    let before = scene.everything();
    let said = scene.home.well(&["sweep", "--dry-run"]);
    assert!(said.contains("Followers/Spam"), "{said}");
    assert!(scene.everything() == before, "the dry run changed something");
    scene.sweep();
    let before = scene.everything();
    scene.home.well(&["sweep", "--dry-run", "--since", "3650d"]);
    assert!(scene.everything() == before, "the dry run changed something");
}

#[test]
fn a_dry_run_ends_with_totals_and_a_first_look_says_where_it_begins() {
    let Some(mut scene) = Scene::usual("") else { return };
    fill(&mut scene.client);
    let said = scene.home.well(&["sweep", "--dry-run"]);
    assert!(
        said.contains("first look at INBOX: followsift begins with messages that arrive from now on"),
        "{said}"
    );
    assert!(said.contains("`--since 30d`") && !said.contains("all is well"), "{said}");
    let said = scene.home.well(&["sweep", "--dry-run", "--since", "3650d"]);
    let totals = "\
by verdict
       6  spam (6 would be moved)
       2  numbers-game (2 would be moved)
       2  real
by rule
       6  Nobody follows them
       2  Follows many
       2  Writes

looked at 15 messages, ";
    assert!(said.contains(totals) && !said.contains("first look"), "{said}");
    let said = scene.sweep();
    assert!(said.contains("first look at INBOX") && !said.contains("by verdict"), "{said}");
    let said = scene.sweep();
    assert!(!said.contains("first look") && said.trim_end().ends_with("; all is well"), "{said}");
}

#[test]
fn a_dry_run_remembers_what_it_saw_in_another_folder() {
    let Some(mut scene) = Scene::usual(&format!("{ALL}\nfolders = [\"INBOX\", \"Social\"]")) else { return };
    let again =
        "[[rule]]\nname = \"Comes again\"\nwhen.times-followed = \">= 1\"\nverdict = \"numbers-game\"\n";
    let rules = RULES.replace("[[rule]]\nname = \"Nobody", &format!("{again}\n[[rule]]\nname = \"Nobody"));
    scene.home.write("rules.toml", &rules);
    scene.client.run("CREATE Social");
    scene.client.append("INBOX", "\"01-Jan-2024 10:00:00 +0000\"", &text(&real(1), 1));
    scene.client.append("Social", "\"09-Jan-2024 10:00:00 +0000\"", &text(&real(1), 2));
    // A copy of the first message, which a server may give another date.
    scene.client.append("Social", "\"05-Jan-2024 10:00:00 +0000\"", &text(&real(1), 1));
    for arguments in [&["sweep", "--dry-run"][..], &["sweep"]] {
        let said = scene.home.well(arguments);
        assert_eq!(said.matches("numbers-game, by \"Comes again\"").count(), 1, "{said}");
    }
    assert_eq!((scene.count("INBOX"), scene.count("Social"), scene.count(GAME)), (1, 1, 1));
}

#[test]
fn an_account_that_only_looks_touches_no_message() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nact = false") else { return };
    fill(&mut scene.client);
    let before = scene.client.snapshot();
    assert!(scene.sweep().contains("act = false"));
    assert!(scene.client.snapshot() == before);
}

#[test]
fn the_first_start_begins_with_new_messages() {
    let Some(mut scene) = Scene::usual("") else { return };
    fill(&mut scene.client);
    scene.sweep();
    scene.deliver(&[text(&spam(20), 20)]);
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 15));
}

#[test]
fn a_backlog_of_some_days_leaves_what_is_older_for_ever() {
    let Some(mut scene) = Scene::usual("backlog = \"30d\"") else { return };
    scene.client.append("INBOX", "\"01-Jan-2020 09:00:00 +0000\"", &text(&spam(1), 1));
    scene.deliver(&[text(&spam(2), 2)]);
    scene.client.append("INBOX", "\"01-Jan-2020 09:00:00 +0000\"", &text(&spam(3), 3));
    scene.sweep();
    assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![1, 3], 1));
    scene.deliver(&[text(&spam(4), 4)]);
    scene.sweep();
    assert_eq!((scene.uids("INBOX"), scene.count(SPAM)), (vec![1, 3], 2));
}

#[test]
fn sweeping_since_a_time_judges_again_by_the_rules_of_today() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &RULES.replace("1000", "100000"));
    scene.deliver(&[text(&spam(1), 1), text(&game(2), 2)]);
    scene.sweep();
    assert_eq!(scene.count("INBOX"), 2);
    scene.home.write("rules.toml", RULES);
    scene.sweep();
    assert_eq!(scene.count("INBOX"), 2, "a change of rules is for new messages");
    scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM), scene.count(GAME)), (0, 1, 1));
}

#[test]
fn a_user_who_begins_with_a_look_back_misses_nothing_that_comes_after_it() {
    let Some(mut scene) = Scene::usual("") else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.home.well(&["sweep", "--dry-run", "--since", "30d"]);
    scene.home.well(&["sweep", "--since", "30d"]);
    scene.deliver(&[text(&spam(2), 2)]);
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 2));
}

#[test]
fn a_message_that_a_missing_list_holds_back_is_moved_once_the_list_is_there() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let list = "[list.friends]\nfrom-sent = \"Posted\"\n\n[[rule]]\nname = \"Friends\"\n\
                when.who = { in = \"friends\" }\nverdict = \"real\"\n";
    scene.home.write("rules.toml", &format!("{RULES}\n{list}"));
    scene.deliver(&[text(&spam(1), 1)]);
    for _ in 0..2 {
        let said = printed(&scene.home.run(&["sweep"]));
        assert!(
            said.contains("folder \"Posted\": followsift cannot read from it whom you wrote to"),
            "{said}"
        );
        assert!(said.contains("(folders: INBOX"), "{said}");
        assert_eq!(scene.count("INBOX"), 1, "{said}");
    }
    scene.client.run("CREATE Posted");
    scene.sweep();
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

#[test]
fn several_folders_are_looked_through_and_the_sent_one_is_not() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nfolders = [\"INBOX\", \"Social/X y\"]") else {
        return;
    };
    for folder in ["Social/X y", "Other"] {
        scene.client.run(&format!("CREATE \"{folder}\""));
        scene.client.deliver(folder, &text(&spam(1), 1));
    }
    scene.deliver(&[text(&spam(2), 2)]);
    scene.sweep();
    assert_eq!((scene.count(SPAM), scene.count("Social/X y"), scene.count("Other")), (2, 0, 1));
}

#[test]
fn a_thousand_new_messages_take_at_most_sixteen_turns_and_a_look_at_what_arrived() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    for number in 0..1000 {
        let letter = match number % 10 {
            0..4 => spam(number),
            4 => game(number),
            5..8 => ordinary("Jo <jo@bloom.example>", &format!("Lunch {number}"), "One o'clock?\n"),
            _ => support::letters::twitter_2009(&support::letters::Person::new("Ann", "ann", [50, 60, 70])),
        };
        scene.client.deliver("INBOX", &text(&letter, number));
    }
    // Marks cost one more round trip for each folder.
    scene.home.write("rules.toml", &RULES.replace("mark-read = true", ""));
    let said = scene.sweep();
    let turns: u32 =
        said.rsplit_once(" round trips)").unwrap().0.rsplit_once('(').unwrap().1.parse().unwrap();
    assert!(said.contains("looked at 1000 messages"), "{}", said.lines().last().unwrap());
    // The look at what arrived costs two round trips for each of the two folders.
    assert!(turns <= 16 + 4, "{turns} turns");
    assert_eq!((scene.count(SPAM), scene.count(GAME), scene.count("INBOX")), (400, 100, 500));
}

#[test]
fn an_old_message_that_was_imported_makes_no_old_message_new_when_the_folder_is_numbered_anew() {
    let Some(mut scene) = Scene::usual("folders = [\"Social\"]") else { return };
    let long_ago = "\"20-Nov-2019 09:00:00 +0000\"";
    scene.client.run("CREATE Social");
    scene.client.append("Social", long_ago, &text(&spam(1), 1));
    scene.sweep();
    // The newest message that is seen has arrived long before the account began.
    scene.client.append("Social", long_ago, &text(&real(2), 2));
    scene.sweep();
    scene.client.run("DELETE Social");
    pause(Duration::from_millis(1100));
    scene.client.run("CREATE Social");
    for number in [1, 3] {
        scene.client.append("Social", long_ago, &text(&spam(number), number));
    }
    scene.client.deliver("Social", &text(&spam(4), 4));
    let said = scene.sweep();
    assert_eq!((scene.count("Social"), scene.count(SPAM)), (2, 1), "{said}");
}

use super::*;

#[test]
fn a_missing_folder_is_reported_with_the_existing_ones() {
    let Some(mut scene) = Scene::usual("backlog = \"all\"\nfolders = [\"Socail\", \"INBOX\"]") else {
        return;
    };
    scene.client.run("CREATE Social");
    scene.deliver(&[text(&spam(1), 1)]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75));
    assert!(said.contains("folder \"Socail\": ") && said.contains("(folders: "), "{said}");
    assert!(said.contains("INBOX, Social"), "{said}");
    assert_eq!(scene.count(SPAM), 1, "the other folder is swept all the same");
}

#[test]
fn a_folder_that_the_server_refuses_keeps_no_other_from_being_swept_and_is_tried_again() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = Proxy::before(scene.server.port);
    scene.home.configure(proxy.port, "backlog = \"all\"\nfolders = [\"Social\", \"INBOX\"]");
    scene.client.run("CREATE Social");
    let mut filed = 0;
    for begin in ["SELECT \"Social\"", "UID FETCH"] {
        for answer in [
            "TAG NO [SERVERBUG] oops\r\n",
            "TAG NO [INUSE] oops\r\n",
            "TAG NO [LIMIT] oops\r\n",
            "TAG NO [UNAVAILABLE] oops\r\n",
        ] {
            // About a FETCH, a server says SERVERBUG because of one message.
            if begin == "UID FETCH" && answer.contains("SERVERBUG") {
                continue;
            }
            filed += 2;
            scene.client.deliver("Social", &text(&spam(filed), filed));
            scene.deliver(&[text(&spam(filed + 1), filed + 1)]);
            let connections = proxy.connections();
            proxy.arm([Fault::first(begin, When::Before, How::Say(answer))]);
            let output = scene.home.run(&["sweep"]);
            let said = printed(&output);
            assert_eq!(output.status.code(), Some(75), "{begin} {answer} {said}");
            assert!(
                said.contains("folder \"Social\": the server refused: [") && said.contains("oops\n"),
                "{said}"
            );
            let counts = (scene.count("Social"), scene.count("INBOX"), scene.count(SPAM));
            assert_eq!(counts, (1, 0, filed - 1), "{begin} {answer} {said}");
            assert_eq!(proxy.connections(), connections + 1, "{begin} {answer} {said}");
            let said = scene.sweep();
            assert_eq!((scene.count("Social"), scene.count(SPAM)), (0, filed), "{begin} {answer} {said}");
        }
    }
}

#[test]
fn a_target_that_the_server_refuses_to_inspect_keeps_its_messages_and_ends_no_session() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&spam(1), 1)]);
    let how = How::Say("TAG NO [SERVERBUG] oops\r\n");
    proxy.arm([Fault { begin: "STATUS", at: 0, when: When::Before, how }]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert!(output.status.code() == Some(75) && said.contains("; left undone: "), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 0), "{said}");
    proxy.arm([]);
    scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

#[test]
fn a_server_that_refuses_every_folder_is_left_alone_for_a_while() {
    let Some(scene) = Scene::usual(ALL) else { return };
    let proxy = Proxy::before(scene.server.port);
    scene.home.configure(proxy.port, "backlog = \"all\"\nfolders = [\"Socail\", \"INBOX\"]");
    let how = How::Say("TAG NO [SERVERBUG] oops\r\n");
    proxy.arm([Fault { begin: "SELECT \"INBOX\"", at: 0, when: When::Before, how }]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(75), "{said}");
    // Not the end of a sweep, but of the session.
    assert!(
        said.contains("error: home: could not open \"INBOX\"") && !said.contains("left undone"),
        "{said}"
    );
}

#[test]
fn a_target_that_cannot_be_made_leaves_the_message_and_is_tried_again() {
    let options = Options { separator: '.', ..Home::server(&[]) };
    let Some(mut scene) = Scene::set(&options, ALL) else { return };
    scene.home.write("rules.toml", &RULES.replace("Followers/Spam", "v1.0"));
    scene.deliver(&[text(&spam(1), 1), text(&game(2), 2)]);
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert!(said.contains("folder \"v1.0\"") && said.contains("level delimiter"), "{said}");
    assert_eq!((scene.count("INBOX"), scene.count("Followers.Numbers game")), (1, 1));
    scene.home.write("rules.toml", RULES);
    scene.home.run(&["sweep"]);
    assert_eq!(scene.count("INBOX"), 1, "it waits an hour first");
    scene.home.well(&["sweep", "--since", "1d"]);
    assert_eq!((scene.count("INBOX"), scene.count("Followers.Spam")), (0, 1));
}

#[test]
fn a_full_mailbox_leaves_every_message_and_says_so() {
    let conf = "mail_plugins = quota\nplugin {\n  quota = count:User\n  quota_vsizes = yes\n  quota_rule = *:messages=6\n  \
                quota_grace = 0%%\n}\n";
    for (without, moved) in [(&[][..], 3), (&["MOVE"][..], 0)] {
        let usual = Home::server(without);
        let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
        let Some(mut scene) = Scene::set(&options, ALL) else { return };
        scene.deliver(&[text(&spam(1), 1), text(&spam(2), 2), text(&game(3), 3)]);
        scene.deliver(&(4..7).map(|number| text(&real(number), number)).collect::<Vec<_>>());
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        // Dovecot lets a move pass where it refuses a copy.
        assert_eq!(scene.count("INBOX"), 6 - moved, "{without:?}\n{said}");
        assert_eq!(live(&mut scene.client).len(), 6);
        assert_eq!(said.contains("OVERQUOTA"), moved == 0, "{said}");
        // What is left is said at the end, and again by a sweep that finds nothing new.
        for output in [output, scene.home.run(&["sweep"])] {
            let said = printed(&output);
            let last = said.lines().last().unwrap();
            if moved == 0 {
                assert_eq!(output.status.code(), Some(75), "{said}");
                assert!(last.contains("; left undone: 3 messages could not be moved or marked"), "{said}");
            } else {
                assert_eq!(output.status.code(), Some(0), "{said}");
                assert!(last.ends_with("; all is well"), "{said}");
            }
        }
    }
}

#[test]
fn a_read_only_folder_and_one_that_refuses_leave_every_message() {
    for without in RUNGS {
        for rights in ["lrs", "lrswi", "lrswit"] {
            let acls = tempfile::NamedTempFile::new().unwrap();
            std::fs::set_permissions(acls.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
            std::fs::write(acls.path(), format!("Shared owner {rights}\n")).unwrap();
            let usual = Home::server(without);
            let conf =
                format!("mail_plugins = acl\nplugin {{\n  acl = vfile:{}\n}}\n", acls.path().display());
            let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
            let Some(mut scene) = Scene::set(&options, "backlog = \"all\"\nfolders = [\"Shared\"]") else {
                return;
            };
            // Delivered before the rights are narrow.
            std::fs::write(acls.path(), "").unwrap();
            scene.client.run("CREATE Shared");
            scene.client.deliver("Shared", &text(&spam(1), 1));
            scene.client.deliver("Shared", &text(&ordinary("Jo <jo@b.example>", "Lunch", "One?\n"), 2));
            std::fs::write(acls.path(), format!("Shared owner {rights}\n")).unwrap();
            pause(Duration::from_millis(1100));
            let said = printed(&scene.home.run(&["sweep"]));
            let mut fresh = scene.home.client(scene.server.port);
            let found = live(&mut fresh);
            assert_eq!(found.len(), 2, "{without:?} {rights}\n{}\n{said}", shown(&found));
        }
    }
}

#[test]
fn a_target_renamed_or_deleted_between_two_sweeps_is_made_anew() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    scene.client.run(&format!("RENAME \"{SPAM}\" Elsewhere"));
    scene.deliver(&[text(&spam(2), 2)]);
    scene.sweep();
    assert_eq!((scene.count("Elsewhere"), scene.count(SPAM), scene.count("INBOX")), (1, 1, 0));
    scene.client.run(&format!("DELETE \"{SPAM}\""));
    scene.deliver(&[text(&spam(3), 3)]);
    scene.sweep();
    assert_eq!((scene.count("Elsewhere"), scene.count(SPAM), scene.count("INBOX")), (1, 1, 0));
}

#[test]
fn a_folder_numbered_anew_is_looked_at_by_time_and_not_from_the_beginning() {
    let Some(mut scene) = Scene::usual("folders = [\"Social\"]") else { return };
    scene.client.run("CREATE Social");
    scene.client.append("Social", "\"01-Jan-2024 09:00:00 +0000\"", &text(&spam(1), 1));
    scene.sweep();
    assert_eq!(scene.count("Social"), 1, "it was there before");
    scene.client.run("DELETE Social");
    pause(Duration::from_millis(1100));
    scene.client.run("CREATE Social");
    scene.client.deliver("Social", &text(&spam(2), 2));
    scene.client.append("Social", "\"01-Jan-2024 09:00:00 +0000\"", &text(&spam(1), 1));
    for _ in 0..2 {
        let said = scene.sweep();
        assert_eq!((scene.count("Social"), scene.count(SPAM)), (1, 1), "{said}");
    }
}

#[test]
fn names_may_have_quotes_wildcards_and_other_letters() {
    let usual = Home::server(&[]);
    let Some(mut scene) = Scene::set(&Options { format: "sdbox", ..usual }, ALL) else { return };
    let rules = RULES.replace("\"Followers/Spam\"", "'Büro & \"Co\" 日本/50% * '");
    scene.home.write("rules.toml", &rules);
    scene.deliver(&[text(&spam(1), 1)]);
    scene.sweep();
    assert_eq!((scene.count("B&APw-ro &- \"Co\" &ZeVnLA-/50% * "), scene.count("INBOX")), (1, 0));
}

#[test]
fn a_name_with_a_control_character_is_a_finding() {
    let Some(scene) = Scene::usual(ALL) else { return };
    scene.home.write("rules.toml", &RULES.replace("Followers/Spam", "a\\r\\nb"));
    let output = scene.home.run(&["sweep"]);
    assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
    scene.home.write("rules.toml", RULES);
    scene.home.configure(scene.server.port, "folders = [\"IN\\u0000BOX\"]");
    let output = scene.home.run(&["sweep"]);
    assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
}

#[test]
fn a_folder_of_all_messages_is_refused_as_one_to_look_through() {
    let conf = "namespace inbox {\n  mailbox \"All Mail\" {\n    special_use = \\All\n    auto = subscribe\n  }\n}\n";
    let usual = Home::server(&[]);
    let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
    let Some(mut scene) = Scene::set(&options, "backlog = \"all\"\nfolders = [\"All Mail\"]") else {
        return;
    };
    scene.client.deliver("All Mail", &text(&spam(1), 1));
    let output = scene.home.run(&["sweep"]);
    let said = printed(&output);
    assert!(said.contains("holds all messages of the account"), "{said}");
    assert_eq!((output.status.code(), scene.count("All Mail")), (Some(75), 1));
}

#[test]
fn keywords_that_a_target_does_not_keep_are_named() {
    for without in RUNGS {
        let acls = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(acls.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        // Messages may be inserted, seen and deleted, but not flagged.
        std::fs::write(acls.path(), "Followers* owner lrsiptek\n").unwrap();
        let usual = Home::server(without);
        let conf = format!("mail_plugins = acl\nplugin {{\n  acl = vfile:{}\n}}\n", acls.path().display());
        let options = Options { conf: format!("{}{conf}", usual.conf), ..usual };
        let Some(mut scene) = Scene::set(&options, ALL) else { return };
        scene.client.append("INBOX", "($Label1)", &text(&spam(1), 1));
        let said = scene.sweep();
        assert!(said.contains("does not keep its keywords: $Label1"), "{without:?}\n{said}");
        assert_eq!((scene.count(SPAM), scene.count("INBOX")), (1, 0));
    }
}

#[test]
fn everything_below_the_inbox_works_the_same() {
    let options = Options { prefix: "INBOX.", separator: '.', ..Home::server(&["MOVE"]) };
    let Some(mut scene) = Scene::set(&options, ALL) else { return };
    fill(&mut scene.client);
    scene.sweep();
    assert_eq!(scene.count("INBOX.Followers.Spam"), 6);
    scene.client.select("INBOX.Followers.Spam");
    scene.client.run("UID MOVE 1 INBOX");
    assert!(scene.sweep().contains("put back by hand"));
    assert_eq!(scene.count("INBOX.Followers.Spam"), 5);
}

#[test]
fn check_reports_every_folder_that_is_missing_or_named_twice() {
    let options = Options { prefix: "INBOX.", separator: '.', ..Home::server(&[]) };
    let folders = "folders = [\"Socail\", \"INBOX\", \"Work\", \"Wrok\", \"INBOX/Work\"]";
    let Some(mut scene) = Scene::set(&options, folders) else { return };
    scene.client.run("CREATE INBOX.Work");
    scene.deliver(&[text(&spam(1), 1)]);
    let output = scene.home.run(&["check", "--connect"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(75), &b""[..]), "{said}");
    for expected in ["error: folder \"Socail\": ", "error: folder \"Wrok\": ", "(folders: INBOX, Work)"] {
        assert!(said.contains(expected), "no {expected:?} in {said}");
    }
    assert!(
        said.contains(
            "error: folder \"INBOX/Work\": the server has one folder for this name and for \"Work\""
        ),
        "{said}"
    );
    assert!(said.contains("  INBOX has 1 message\n") && !said.contains("all is well"), "{said}");

    scene.home.configure(scene.server.port, "folders = [\"INBOX\", \"Work\"]");
    let said = scene.home.well(&["check", "--connect"]);
    assert!(said.lines().last().unwrap().starts_with("all is well: account home; "), "{said}");
    assert_eq!(said.matches("all is well").count(), 1, "{said}");
}

#[test]
fn check_proposes_no_name_of_a_server_that_a_sender_can_write() {
    let Some(mut scene) = Scene::set(&Home::server(&[]), "") else { return };
    let file = scene.home.path().join("followsift.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let unset: String =
        settings.split_inclusive('\n').filter(|line| !line.starts_with("authserv-id")).collect();
    let with = |results: &[&str], number| {
        let fields = results.iter().map(|results| format!("Authentication-Results: {results}\r\n"));
        fields.collect::<String>() + &text(&spam(number), number)
    };
    let check = |scene: &Scene, settings: &str| {
        scene.home.write("followsift.toml", settings);
        scene.home.well(&["check", "--connect"])
    };
    // What a sender wrote comes below the Received field that the server added.
    let forged = "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\nAuthentication-Results: evil.example; dkim=pass\r\n";
    scene.deliver(&[1, 2, 3].map(|number| format!("{forged}{}", text(&spam(number), number))));
    let said = check(&scene, &unset);
    assert!(said.contains("too few messages in INBOX agree") && !said.contains("authserv-id ="), "{said}");

    // As Outlook and Microsoft 365 write it.
    let unnamed = "spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=twitter.com; dkim=pass (signature was \
                   verified)\r\n header.d=twitter.com;dmarc=pass action=none header.from=twitter.com;compauth=pass";
    scene.deliver(&[with(&[unnamed], 4), with(&[unnamed], 5)]);
    let said = check(&scene, &unset);
    assert!(
        said.contains("does not name itself in Authentication-Results (Outlook and Microsoft 365"),
        "{said}"
    );
    assert!(said.contains(" is your provider, add\n    authserv-id = \"\"\n"), "{said}");
    let said = check(&scene, &settings);
    assert!(
        said.contains(
            "nothing can be proven authentic; if that is your provider, set\n    authserv-id = \"\"\n"
        ),
        "{said}"
    );

    // As iCloud writes it.
    let named = ["bimi.mail.example; bimi=skipped", "dmarc.mail.example; dmarc=pass header.from=twitter.com"];
    scene.deliver(&[with(&named, 6), with(&named, 7), with(&named, 8)]);
    let said = check(&scene, &unset);
    assert!(said.contains("    authserv-id = \"dmarc.mail.example\"\n"), "{said}");
    let said = check(&scene, &format!("{unset}\nauthserv-id = [\"\", \"*.mail.example\"]\n"));
    assert!(
        said.contains(
            "the server calls itself \"dmarc.mail.example\" in Authentication-Results, as the settings say"
        ),
        "{said}"
    );
}

#[test]
fn a_move_that_cannot_be_settled_since_its_target_cannot_be_opened_is_work_left() {
    let Some(mut scene) = Scene::set(&Home::server(RUNGS[1]), ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&spam(1), 1)]);
    proxy.arm([Fault::first("UID COPY", When::After, How::Close)]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    let how = How::Say("TAG NO not now\r\n");
    for _ in 0..2 {
        proxy.arm([Fault { begin: "EXAMINE", at: 0, when: When::Before, how }]);
        let output = scene.home.run(&["sweep"]);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(said.contains("the interrupted move of INBOX uid 1 to \"Followers/Spam\""), "{said}");
        assert!(said.contains("; 1 interrupted move could not be settled yet"), "{said}");
        assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1), "{said}");
    }
    proxy.arm([]);
    assert!(scene.sweep().ends_with("; all is well\n"));
    assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (0, 1));
}

//! Files that change while the service runs.

use super::*;

#[test]
fn a_reload_takes_new_rules_and_a_wrong_file_keeps_the_old() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    let reload = |seen: &str| {
        let before = daemon.reported().len();
        daemon.signal(Signal::HUP);
        daemon.until("reloaded", SOON, |it| {
            it.reported().iter().skip(before).any(|(_, words)| words.contains("READY=1"))
        });
        let reported: Vec<String> =
            daemon.reported().into_iter().skip(before).map(|(_, words)| words).collect();
        assert!(reported[0].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reported:?}");
        daemon.says(seen);
    };
    home.write("rules.toml", "[[rule]]\nname = \"x\"\nwhen.folowers = 3\nverdict = \"spam\"\n");
    reload("reload failed; the previous configuration stays in use: ");
    assert!(daemon.status().contains("rules.toml:3: "), "{}", daemon.status());
    daemon.logs("did you mean `followers`?");
    deliver(server, [1]);
    scene.filed(1, SOON);

    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    reload("watching home");
    assert!(!daemon.status().contains("wrong"), "{}", daemon.status());
    let seen = proxy.count("IDLE");
    deliver(server, [2]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![2], vec![1]));

    // Settings that name no account are wrong too; an account that is gone is left alone.
    home.write("followsift.toml", "state = \"state\"\n");
    reload("the settings name no account");
    assert_eq!(proxy.connections(), 1, "{}", daemon.log());
    home.write("followsift.toml", &format!("state = \"state\"\n{}", account("other", proxy.port, "")));
    reload("watching other");
    assert_eq!(proxy.connections(), 2, "{}", daemon.log());
}

#[test]
fn a_rules_file_that_vanishes_leaves_the_rules_in_force_and_not_those_that_ship() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    home.write("rules.toml", "[verdict.spam]\nmove-to = \"Followers/Spam\"\n");
    daemon.logs("reloaded settings");
    std::fs::rename(home.path().join("rules.toml"), home.path().join("elsewhere")).unwrap();
    daemon.says("rules.toml is gone");
    let seen = proxy.count("IDLE");
    deliver(server, [1]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![]));
}

/// Rules that leave alone the people in a list.
fn rules_with_friends() -> String {
    format!(
        "[list.friends]\nfile = \"friends.txt\"\n\n[[rule]]\nname = \"Friends\"\nwhen.who = {{ in = \"friends\" }}\n\
         verdict = \"real\"\n\n{}",
        support::daemon::RULES
    )
}

#[test]
fn a_list_that_is_emptied_while_it_is_saved_keeps_its_people_and_its_full_text_is_read() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    home.write("friends.txt", "Somebody Else\nAna Lima\n");
    home.write("rules.toml", &rules_with_friends());
    daemon.logs("reloaded settings");
    home.write("friends.txt", "");
    let empty =
        "no longer names anybody, and named 2 people before; the list keeps the people of the last good copy";
    let reloads = |it: &Daemon| {
        it.log().rsplit_once(empty).map_or(0, |(_, later)| later.matches("reloaded settings").count())
    };
    daemon.until("the empty list is read", SOON, |it| reloads(it) > 0);
    home.write("friends.txt", "Somebody Else\nAna Lima\n@bulk_1\n");
    daemon.until("the names are back", SOON, |it| reloads(it) > 1);
    // A stranger is filed, and the one who was added is not.
    deliver(server, [1, 2]);
    daemon.logs("message moved");
    let seen = proxy.count("IDLE");
    proxy.wait_for("IDLE", seen.saturating_sub(1));
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![2]), "{}", daemon.log());
}

#[test]
fn an_emptied_rules_file_leaves_the_rules_in_force() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    scene.home.write("rules.toml", "");
    scene.daemon.says("rules.toml holds no rules");
    deliver(&scene.server, [1]);
    scene.filed(1, SOON);
}

#[test]
fn what_wrong_rules_left_is_judged_again_as_soon_as_they_are_mended() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, home, daemon, .. } = &scene;
    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    daemon.logs("reloaded settings");
    deliver(server, [1]);
    let ledger = || rusqlite::Connection::open(home.state().join("ledger.sqlite")).unwrap();
    let judged =
        || ledger().query_row("SELECT count(*) FROM judgement", [], |row| row.get::<_, i64>(0)).unwrap();
    daemon.until("judged", SOON, |_| judged() == 1);
    assert_eq!(whereabouts(&mut server.client()), (vec![1], vec![]));
    home.write("rules.toml", support::daemon::RULES);
    scene.filed(1, SOON);
}

#[test]
fn a_state_folder_that_is_taken_away_is_noticed_and_made_anew() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, home, daemon, .. } = &scene;
    std::fs::rename(home.state(), home.path().join("elsewhere")).unwrap();
    deliver(server, [1]);
    daemon.logs("it was moved or deleted while in use");
    scene.filed(1, seconds(30));
    assert!(home.state().join("ledger.sqlite").exists());
}

#[test]
fn a_file_that_is_saved_is_read_again_without_a_signal() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    let after = |before: usize, seen: &str| {
        daemon.until("reloaded", SOON, |it| {
            it.reported().iter().skip(before).any(|(_, words)| words.contains("READY=1"))
        });
        daemon.says(seen);
    };
    // A test that fails refuses the file, and says which and why.
    let before = daemon.reported().len();
    let test = "[[test]]\nfollower = { following = 9000, followers = 1 }\nexpect = \"real\"\n";
    home.write("rules.toml", &format!("{}{test}", support::daemon::RULES));
    after(before, "reload failed; the previous configuration stays in use: ");
    daemon.logs("test failed: expected real");
    deliver(server, [1]);
    scene.filed(1, SOON);

    let before = daemon.reported().len();
    home.write("rules.toml", &support::daemon::RULES.replace("2000", "9000"));
    after(before, "watching home");
    let seen = proxy.count("IDLE");
    deliver(server, [2]);
    proxy.wait_for("IDLE", seen);
    assert_eq!(whereabouts(&mut server.client()), (vec![2], vec![1]));
}

#[test]
fn an_account_with_a_file_of_its_own_comes_changes_and_goes_while_the_others_stay_connected() {
    let Some(scene) = Scene::start(&Options::default(), "") else { return };
    let Scene { server, proxy, home, daemon } = &scene;
    let kims = Proxy::before(server.port);
    // It is a symlink, as some programs that install files make them.
    let kim = |more: &str| {
        home.write("installed/kim.toml", &account("kim", kims.port, &format!("act = false\n{more}")));
    };
    std::fs::create_dir(home.path().join("accounts.d")).unwrap();
    let watching = |words: &str| {
        daemon.until(words, SOON, |it| it.status() == words);
    };
    kim("");
    std::os::unix::fs::symlink("../installed/kim.toml", home.path().join("accounts.d/kim.toml")).unwrap();
    watching("watching home, kim");
    kim("poll = \"90s\"\n");
    daemon.until("kim is connected again", SOON, |_| kims.connections() == 2);
    watching("watching home, kim");
    // A wrong file changes nothing, and is named.
    kim("pol = \"60s\"\n");
    daemon.says("reload failed; the previous configuration stays in use: ");
    assert!(daemon.status().contains("accounts.d/kim.toml:9: unknown key `pol`"), "{}", daemon.status());
    home.write("accounts.d/again.toml", &account("home", kims.port, ""));
    kim("poll = \"90s\"\n");
    daemon.says("account `home` is in two files");
    assert_eq!(kims.connections(), 2, "{}", daemon.log());
    std::fs::remove_file(home.path().join("accounts.d/again.toml")).unwrap();
    watching("watching home, kim");
    deliver(server, [1]);
    scene.filed(1, SOON);
    std::fs::remove_file(home.path().join("accounts.d/kim.toml")).unwrap();
    watching("watching home");
    assert_eq!((proxy.connections(), kims.connections()), (1, 2), "{}", daemon.log());
}

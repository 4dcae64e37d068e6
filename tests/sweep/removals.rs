//! Originals that were marked \Deleted when the line failed.

use super::*;

/// The line fails after the mark is set and seen, before anything else is done: at the command that follows the STORE.
fn cut_after_mark(scene: &Scene, proxy: &Proxy) {
    // What an undisturbed run does, for another user.
    let other = Home::new(proxy.port, "undisturbed", ALL);
    other.client(scene.server.port).deliver("INBOX", &text(&spam(1), 1));
    proxy.arm([]);
    other.well(&["sweep"]);
    let commands = proxy.commands();
    let store = commands.iter().position(|command| command.starts_with("UID STORE")).unwrap() + 1;
    proxy.arm([Fault::at(store + 1, When::Before, How::Close)]);
    let output = scene.home.run(&["sweep"]);
    assert_eq!(output.status.code(), Some(75), "{}", printed(&output));
    assert!(proxy.wait_until_struck(1, Duration::from_secs(1)));
    proxy.arm([]);
}

/// The messages of the inbox, with whether each is marked \Deleted.
fn inbox(scene: &mut Scene) -> Vec<bool> {
    let deleted = |message: &support::client::Kept| message.flags.contains(&"\\Deleted".to_owned());
    scene.client.messages("INBOX").iter().map(deleted).collect()
}

#[test]
fn an_original_that_was_marked_before_the_line_failed_is_removed_by_the_next_sweep() {
    for without in [RUNGS[1], RUNGS[2]] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1)]);
        cut_after_mark(&scene, &proxy);
        assert_eq!((inbox(&mut scene), scene.count(SPAM)), (vec![true], 1), "{without:?}");
        let said = scene.sweep();
        // Where the server cannot remove exactly this one, it stays, marked.
        let left = if without == RUNGS[1] { vec![] } else { vec![true] };
        assert_eq!((inbox(&mut scene), scene.count(SPAM)), (left, 1), "{without:?}\n{said}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn a_mark_that_the_users_set_themselves_is_never_finished() {
    let Some(mut scene) = Scene::set(&Home::server(RUNGS[1]), ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&spam(1), 1)]);
    // Copied, and the STORE never sent.
    proxy.arm([Fault::first("UID COPY", When::After, How::Close)]);
    assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
    scene.client.select("INBOX");
    scene.client.run("UID STORE 1 +FLAGS (\\Deleted)");
    proxy.arm([]);
    let said = scene.sweep();
    assert_eq!((inbox(&mut scene), scene.count(SPAM)), (vec![true], 1), "{said}");
}

#[test]
fn an_original_that_the_user_undeleted_meanwhile_was_put_back() {
    for without in [RUNGS[1], RUNGS[2]] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1)]);
        cut_after_mark(&scene, &proxy);
        scene.client.select("INBOX");
        scene.client.run("UID STORE 1 -FLAGS (\\Deleted)");
        for arguments in [&["sweep"][..], &["sweep"], &["sweep", "--since", "1d"]] {
            let said = scene.home.well(arguments);
            assert_eq!((inbox(&mut scene), scene.count(SPAM)), (vec![false], 0), "{without:?}\n{said}");
        }
        assert_eq!(scene.known().0, ["@win_1"], "{without:?}");
    }
}

#[test]
fn a_mark_that_was_taken_away_when_the_line_failed_is_not_taken_for_the_users_undelete() {
    for without in [RUNGS[1], RUNGS[2]] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1)]);
        cut_after_mark(&scene, &proxy);
        // The folder of spam is put back to a backup from before: the marked original is the only one.
        scene.client.select(SPAM);
        scene.client.run("UID STORE 1:* +FLAGS (\\Deleted)");
        scene.client.run("EXPUNGE");
        proxy.arm([Fault::first("UID STORE", When::After, How::Close)]);
        assert_eq!(scene.home.run(&["sweep"]).status.code(), Some(75));
        assert!(proxy.wait_until_struck(1, Duration::from_secs(1)));
        assert_eq!((inbox(&mut scene), scene.count(SPAM)), (vec![false], 0), "{without:?}");
        proxy.arm([]);
        let said = scene.sweep();
        let left = if without == RUNGS[1] { vec![] } else { vec![true] };
        assert_eq!((inbox(&mut scene), scene.count(SPAM)), (left, 1), "{without:?}\n{said}");
        assert_eq!(scene.known(), (vec![], vec![]));
    }
}

#[test]
fn whatever_fails_while_a_copy_is_taken_back_it_is_gone_in_the_end_and_its_follower_known() {
    let Some(server) = Dovecot::start(&Home::server(RUNGS[2])) else { return };
    // Filed, and undeleted by the user: the next sweep takes the copy back.
    let undeleted = |user: &str| {
        let proxy = Proxy::before(server.port);
        let home = Home::new(proxy.port, user, ALL);
        let mut client = home.client(server.port);
        client.deliver("INBOX", &text(&spam(1), 1));
        home.well(&["sweep"]);
        client.select("INBOX");
        client.run("UID STORE 1 -FLAGS (\\Deleted)");
        (proxy, home, client)
    };
    let (proxy, home, _) = undeleted("undisturbed");
    proxy.arm([]);
    home.well(&["sweep"]);
    let commands = proxy.commands();
    assert!(commands.iter().any(|command| command.starts_with("UID STORE")), "{commands:?}");
    let whens = [When::Before, When::After];
    let faults: Vec<Fault> =
        (1..=commands.len()).flat_map(|at| whens.map(|when| Fault::at(at, when, How::Close))).collect();
    try_all("a copy is taken back", &faults, |number, fault| {
        let (proxy, home, mut client) = undeleted(&format!("case{number}"));
        proxy.arm([*fault]);
        home.run(&["sweep"]);
        if !proxy.wait_until_struck(1, Duration::from_secs(1)) {
            return Err("the fault did not strike".to_owned());
        }
        proxy.arm([]);
        for _ in 0..2 {
            home.well(&["sweep"]);
            let found = live(&mut client);
            if found.len() != 1 || found[0].0 != "INBOX" {
                return Err(format!("{}:\n{}", commands[fault.at - 1], shown(&found)));
            }
        }
        let ledger = Ledger::open_read_only(&home.state()).unwrap().unwrap();
        let known = ledger.known().unwrap();
        if known.len() == 1 {
            return Ok(());
        }
        Err(format!("{}: {known:?} {:?}", commands[fault.at - 1], ledger.unconfirmed()))
    });
}

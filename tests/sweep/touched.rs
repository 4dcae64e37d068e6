//! Messages that the user stars at the very moment they are moved.

use std::process::Stdio;

use super::*;

/// How long the test waits for a command.
const LONG: Duration = Duration::from_secs(20);

/// A sweep in which the message is starred between the last look at its flags and the command that begins with `begin`;
/// the line fails as `fault` says. If it falls silent, the program is killed.
fn star_before(begin: &'static str, home: &Home, client: &mut Client, proxy: &Proxy, fault: Option<Fault>) {
    proxy.arm([Fault::first(begin, When::Before, How::Hold)].into_iter().chain(fault));
    let mut command = home.command(&[], &["sweep"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(proxy.wait_until_struck(1, LONG), "{:?}", proxy.commands());
    client.select("INBOX");
    client.run("UID STORE 1 +FLAGS (\\Flagged)");
    proxy.release();
    while child.try_wait().unwrap().is_none() {
        if proxy.is_stalling() {
            child.kill().unwrap();
        }
        pause(Duration::from_millis(2));
    }
}

/// Where the messages are, and whether they are starred.
fn whereabouts(client: &mut Client) -> Vec<(String, bool)> {
    let starred = |flags: &[String]| flags.contains(&"\\Flagged".to_owned());
    live(client).into_iter().map(|(folder, _, flags, _)| (folder, starred(&flags))).collect()
}

#[test]
fn a_star_set_between_the_last_look_and_the_move_keeps_the_message_in_its_place() {
    let [move_, expunge, copy] = RUNGS;
    for (without, begin) in [
        (move_, "UID MOVE"),
        (expunge, "UID COPY"),
        (expunge, "UID STORE"),
        (copy, "UID COPY"),
        (copy, "UID STORE"),
    ] {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.home.write("rules.toml", &rules_with_known());
        let proxy = scene.proxy();
        scene.deliver(&[text(&spam(1), 1)]);
        star_before(begin, &scene.home, &mut scene.client, &proxy, None);
        let home = vec![("INBOX".to_owned(), true)];
        assert_eq!(whereabouts(&mut scene.client), home, "{without:?} {begin}");
        for arguments in [&["sweep"][..], &["sweep", "--since", "1d"]] {
            proxy.arm([]);
            scene.home.well(arguments);
            assert_eq!(whereabouts(&mut scene.client), home, "{without:?} {begin}");
        }
        assert_eq!(scene.known().0, Vec::<String>::new(), "{without:?} {begin}");
        if begin == "UID MOVE" {
            // For ever, also without the star; and the next message about them is filed.
            assert_eq!(scene.known().1, [Stay::Touched]);
            scene.client.select("INBOX");
            scene.client.run("UID STORE 1:* -FLAGS (\\Flagged)");
            scene.deliver(&[text(&spam(1), 2)]);
            scene.home.well(&["sweep", "--since", "1d"]);
            assert_eq!((scene.count("INBOX"), scene.count(SPAM)), (1, 1));
        }
    }
}

#[test]
fn whatever_fails_after_the_move_the_starred_message_comes_back_and_teaches_nobody() {
    let Some(server) = Dovecot::start(&Home::server(&[])) else { return };
    let proxy = Proxy::before(server.port);
    let starred = |user: &str, fault: Option<Fault>| {
        let home = Home::new(proxy.port, user, ALL);
        let mut client = home.client(server.port);
        client.deliver("INBOX", &text(&spam(1), 1));
        star_before("UID MOVE", &home, &mut client, &proxy, fault);
        (home, client)
    };
    let back = [("INBOX".to_owned(), true)];
    // How many commands an undisturbed run takes.
    let (_, mut client) = starred("undisturbed", None);
    assert_eq!(whereabouts(&mut client), back);
    let commands = proxy.commands();
    let first = commands.iter().position(|command| command.starts_with("UID MOVE")).unwrap() + 1;
    let mut tried = 0;
    for at in first..=commands.len() {
        // If the line falls silent, the program is killed.
        for (when, how) in [(When::Before, How::Close), (When::After, How::Close), (When::After, How::Stall)]
        {
            // Before the move itself there is nothing to bring back.
            if at == first && when == When::Before {
                continue;
            }
            let fault = Fault::at(at, when, how);
            let (home, mut client) = starred(&format!("user{tried}"), Some(fault));
            assert_eq!(proxy.struck().len(), 2, "{fault:?} {}", commands[at - 1]);
            for _ in 0..2 {
                proxy.arm([]);
                let said = home.well(&["sweep"]);
                assert_eq!(whereabouts(&mut client), back, "{fault:?} {}\n{said}", commands[at - 1]);
            }
            let ledger = Ledger::open_read_only(&home.state()).unwrap().unwrap();
            assert!(ledger.known().unwrap().is_empty(), "{fault:?} {}", commands[at - 1]);
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} cases of {commands:?}");
}

#[test]
fn a_starred_message_that_the_server_will_not_give_back_is_named_and_tried_again() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&spam(1), 1)]);
    let refuse = How::Say("TAG NO [OVERQUOTA] it is full\r\n");
    let refused = |at| Fault { begin: "UID MOVE", at, when: When::Before, how: refuse };
    // The move itself is held, and the way back refused.
    let hold = Fault::first("UID MOVE", When::Before, How::Hold);
    proxy.arm([hold, refused(2)]);
    let mut command = scene.home.command(&[], &["sweep"]);
    let child = command.spawn().unwrap();
    assert!(proxy.wait_until_struck(1, LONG));
    scene.client.select("INBOX");
    scene.client.run("UID STORE 1 +FLAGS (\\Flagged)");
    proxy.release();
    let mut output = child.wait_with_output().unwrap();
    for _ in 0..2 {
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(said.contains("could not be brought back") && said.contains("it is full"), "{said}");
        assert_eq!(whereabouts(&mut scene.client), [(SPAM.to_owned(), true)]);
        proxy.arm([refused(1)]);
        output = scene.home.run(&["sweep"]);
    }
    proxy.arm([]);
    scene.sweep();
    assert_eq!(whereabouts(&mut scene.client), [("INBOX".to_owned(), true)]);
    assert_eq!(scene.known(), (vec![], vec![Stay::Touched]));
}

#[test]
fn the_flags_are_looked_at_before_the_move_to_each_target() {
    let Some(mut scene) = Scene::usual(ALL) else { return };
    let proxy = scene.proxy();
    scene.deliver(&[text(&spam(1), 1), text(&game(2), 2)]);
    proxy.arm([Fault::first("UID MOVE", When::Before, How::Hold)]);
    let child = scene.home.command(&[], &["sweep"]).spawn().unwrap();
    assert!(proxy.wait_until_struck(1, LONG), "{:?}", proxy.commands());
    let to_game = proxy.commands().iter().any(|command| command.ends_with(&format!("\"{GAME}\"")));
    let (second, first_target) = if to_game { (1, GAME) } else { (2, SPAM) };
    scene.client.select("INBOX");
    scene.client.run(&format!("UID STORE {second} +FLAGS (\\Flagged)"));
    proxy.release();
    let output = child.wait_with_output().unwrap();
    // What the user starred stays because they want it there.
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.ends_with("; all is well\n"), "{said}");
    // It was not even moved and brought back: it has its UID.
    assert_eq!((scene.uids("INBOX"), scene.count(first_target)), (vec![second], 1));
    let moves = proxy.commands().iter().filter(|command| command.starts_with("UID MOVE")).count();
    assert_eq!(moves, 1, "{:?}", proxy.commands());
}

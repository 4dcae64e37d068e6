use super::*;

/// Two programs that know nothing of each other, as on two machines.
#[test]
fn two_followsifts_by_mistake_lose_and_double_nothing() {
    for without in [&[][..], &["MOVE"]] {
        let Some(server) = Dovecot::start(&Home::server(without)) else { return };
        for round in 0..4 {
            let user = format!("kim{round}");
            let homes = [Home::new(server.port, &user, ALL), Home::new(server.port, &user, ALL)];
            let mut client = homes[0].client(server.port);
            fill(&mut client);
            let mut said = Vec::new();
            std::thread::scope(|scope| {
                let runs = homes.each_ref().map(|home| scope.spawn(move || printed(&home.run(&["sweep"]))));
                said.extend(runs.map(|run| run.join().unwrap()));
            });
            // The one that lost the race may still intend to try again.
            said.extend(homes.each_ref().map(|home| printed(&home.run(&["sweep"]))));
            let found = live(&mut client);
            let filed = found.iter().filter(|mail| mail.0 == SPAM).count();
            assert_eq!(
                (found.len(), filed),
                (15, 6),
                "{without:?}\n{}\n{}",
                shown(&found),
                said.join("\n----\n")
            );
        }
    }
}

/// Another client moves and deletes what followsift moves.
#[test]
fn another_client_that_moves_and_deletes_at_the_same_time_has_the_last_word() {
    for without in RUNGS {
        let Some(mut scene) = Scene::set(&Home::server(without), ALL) else { return };
        scene.client.run("CREATE Mine");
        for number in 0..60 {
            scene.client.deliver("INBOX", &text(&spam(number), number));
        }
        let mut other = scene.home.client(scene.server.port);
        std::thread::scope(|scope| {
            let sweep = scope.spawn(|| scene.home.run(&["sweep"]));
            other.select("INBOX");
            for uid in (1..=60).step_by(6) {
                other.run(&format!("UID MOVE {uid} Mine"));
                other.run(&format!("UID STORE {} +FLAGS (\\Flagged)", uid + 1));
                pause(Duration::from_millis(15));
            }
            sweep.join().unwrap();
        });
        scene.home.run(&["sweep"]);
        let found = live(&mut scene.client);
        let mut bodies: Vec<&Vec<u8>> = found.iter().map(|mail| &mail.3).collect();
        bodies.sort();
        bodies.dedup();
        assert_eq!((found.len(), bodies.len()), (60, 60), "{without:?}\n{}", shown(&found));
    }
}

use super::*;

/// Three messages planned for Spam, and what the ledger would remember of them.
fn planned(server: &Dovecot) -> Vec<Pending> {
    deliver(server, 3);
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let mails = traces(&mut session);
    let plan =
        session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap().remove(0);
    plan.mails
        .iter()
        .map(|mail| Pending {
            from: plan.from.clone(),
            validity: plan.validity,
            mail: *mail,
            to: plan.to.clone(),
            landing: plan.landing.unwrap(),
            claimed: Vec::new(),
            received: None,
            by_move: false,
            removal: Removal::None,
            touched_too: false,
        })
        .collect()
}

fn was(outcome: Outcome) -> Settled {
    Settled { outcome, place: None, resized: None, touched: false }
}

/// It is where it was, and not in the target.
fn left() -> Settled {
    was(Outcome::Left(Obstacle::Interrupted))
}

fn in_target(folder: Folder, validity: UidValidity, uid: Uid) -> Settled {
    Settled { place: Some((folder, validity)), ..was(Outcome::Moved { uid: Some(uid) }) }
}

#[test]
fn each_state_of_an_interrupted_move_is_recognised_and_finished() {
    for without in [&[][..], &["MOVE"], &["MOVE", "UIDPLUS"]] {
        let Some(server) = Dovecot::start(&Options { without: without.to_vec(), ..Options::default() })
        else {
            return;
        };
        let pending = planned(&server);
        let mut client = server.client();
        // Noise: the same message was in the target before; one alike, but not the same, comes after.
        client.select("INBOX");
        client.run("UID MOVE 1 \"Spam\"");
        client.run("UID COPY 2 \"Spam\"");
        client.deliver("Spam", &mail(3, 2_500));
        let mut session = server.session();
        let settled = session.settle(&pending, &mut |_, _| true).unwrap();
        let validity = pending[0].landing.validity;
        let spam = folder("Spam");
        assert_eq!(settled[0], in_target(spam.clone(), validity, Uid(1)));
        assert_eq!(settled[1], in_target(spam, validity, Uid(2)));
        assert_eq!(settled[2], left());
        let inbox = server.snapshot().remove("INBOX").unwrap();
        let live: Vec<u32> = inbox.iter().filter(|mail| mail.flags.is_empty()).map(|mail| mail.uid).collect();
        assert_eq!(live, [3], "{without:?}");
        // Asked again, it says the same.
        assert_eq!(session.settle(&pending, &mut |_, _| true).unwrap(), settled);
    }
}

#[test]
fn a_copy_whose_original_the_user_starred_is_taken_back() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let pending = planned(&server);
    let mut client = server.client();
    client.select("INBOX");
    client.run("UID COPY 1 \"Spam\"");
    client.run("UID STORE 1 +FLAGS (\\Flagged)");
    client.run("UID STORE 2 +FLAGS (\\Deleted)");
    client.run("UID EXPUNGE 2");
    let settled = server.session().settle(&pending, &mut |_, _| true).unwrap();
    assert_eq!(settled[0], left());
    assert!(server.snapshot()["Spam"].is_empty());
    assert_eq!(settled[1], was(Outcome::Gone));
    assert_eq!(server.snapshot()["INBOX"].len(), 2);
}

#[test]
fn a_target_that_was_renamed_meanwhile_is_found_by_its_validity() {
    for without in [&[][..], &["MOVE"], &["MOVE", "UIDPLUS"]] {
        let options = Options { without: without.to_vec(), ..Options::default() };
        let Some(server) = Dovecot::start(&options) else { return };
        let pending = planned(&server);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID COPY 1 Spam");
        client.run("RENAME Spam Elsewhere");
        // A new folder of the old name is no longer the target.
        client.run("CREATE Spam");
        let settled = server.session().settle(&pending, &mut |_, _| true).unwrap();
        let validity = pending[0].landing.validity;
        assert_eq!(settled[0], in_target(folder("Elsewhere"), validity, Uid(1)));
        assert_eq!(settled[1..], [left(), left()]);
        let live = |name: &str| {
            let mails = server.snapshot().remove(name).unwrap();
            mails.iter().filter(|mail| !mail.flags.contains(&"\\Deleted".to_owned())).count()
        };
        assert_eq!((live("INBOX"), live("Elsewhere"), live("Spam")), (2, 1, 0));
    }
}

#[test]
fn a_copy_that_was_taken_back_proves_nothing() {
    let Some(server) = Dovecot::start(&Options { without: vec!["MOVE", "UIDPLUS"], ..Options::default() })
    else {
        return;
    };
    let pending = planned(&server);
    let mut client = server.client();
    client.select("INBOX");
    client.run("UID COPY 1 Spam");
    client.select("Spam");
    client.run("UID STORE 1 +FLAGS (\\Deleted)");
    assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), vec![left(); 3]);
}

#[test]
fn a_message_that_was_in_the_target_before_proves_nothing() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let mut client = server.client();
    client.run("CREATE Spam");
    client.deliver("Spam", &mail(1, 2_000));
    let pending = planned(&server);
    assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), vec![left(); 3]);
    assert_eq!(server.snapshot()["INBOX"].len(), 3);
}

#[test]
fn recreated_folders_are_distinguished() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let mut pending = planned(&server);
    for one in &mut pending {
        one.validity = UidValidity(one.validity.0 + 1);
    }
    // Under another UIDVALIDITY they are found by what they are.
    assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), vec![left(); 3]);
    let mut client = server.client();
    client.run("DELETE Spam");
    assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), vec![left(); 3]);
    assert_eq!(server.snapshot()["INBOX"].len(), 3);
    for one in &mut pending {
        one.mail.identity.size += 1;
    }
    assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), vec![was(Outcome::Unknown); 3]);
}

#[test]
fn a_copy_that_another_move_has_made_proves_nothing() {
    for without in [&[][..], &["MOVE"], &["MOVE", "UIDPLUS"]] {
        let options = Options { without: without.to_vec(), ..Options::default() };
        let Some(server) = Dovecot::start(&options) else { return };
        let mut pending = planned(&server);
        pending.truncate(1);
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID COPY 1 \"Spam\"");
        pending[0].claimed = vec![Uid(1)];
        assert_eq!(server.session().settle(&pending, &mut |_, _| true).unwrap(), [left()]);
        let live = |folder| {
            server.snapshot().remove(folder).unwrap().iter().filter(|mail| mail.flags.is_empty()).count()
        };
        assert_eq!((live("INBOX"), live("Spam")), (3, 1), "{without:?}");
        // A copy of its own does.
        client.run("UID COPY 1 \"Spam\"");
        let settled = server.session().settle(&pending, &mut |_, _| true).unwrap();
        assert_eq!(settled[0].outcome, Outcome::Moved { uid: Some(Uid(2)) });
        assert_eq!((live("INBOX"), live("Spam")), (2, 2), "{without:?}");
    }
}

#[test]
fn a_moved_message_whose_copy_has_another_size_is_found_by_its_header_if_only_one_has_it() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let pending = planned(&server);
    let mut client = server.client();
    client.select("INBOX");
    client.run("UID STORE 1:2 +FLAGS (\\Deleted)");
    client.run("UID EXPUNGE 1:2");
    // What a MOVE leaves on a server that counts another size for a copy: of the first message one copy, of the second two that
    // cannot be told apart, and of the third one although it is still in the inbox.
    for (number, size) in [(1, 2_500), (2, 2_500), (2, 3_000), (3, 2_500)] {
        client.deliver("Spam", &mail(number, size));
    }
    let settled = server.session().settle(&pending, &mut |_, _| true).unwrap();
    assert_eq!(settled[0].outcome, Outcome::Moved { uid: Some(Uid(1)) });
    let resized = settled[0].resized.unwrap();
    assert_eq!(resized.digest, pending[0].mail.identity.digest);
    assert!(resized.size > pending[0].mail.identity.size);
    assert_eq!(settled[1], was(Outcome::Gone));
    assert!(matches!(settled[2].outcome, Outcome::Left(_)), "{settled:?}");
    assert_eq!(server.snapshot()["INBOX"].len(), 1, "the third message was not proven to be in the target");
}

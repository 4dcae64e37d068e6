use super::*;

const RUNGS: [(&[&str], Relocation); 3] = [
    (&[], Relocation::Move),
    (&["MOVE"], Relocation::CopyThenExpunge),
    (&["MOVE", "UIDPLUS"], Relocation::CopyThenFlag),
];

/// Runs `check` on a server of each rung.
fn on_each_rung(check: impl Fn(&Dovecot, Relocation)) {
    for (without, relocation) in RUNGS {
        let Some(server) = Dovecot::start(&Options { without: without.to_vec(), ..Options::default() })
        else {
            return;
        };
        assert_eq!(server.session().relocation(), relocation);
        check(&server, relocation);
    }
}

/// The messages of a snapshot that are not marked \Deleted, whatever their UIDs.
fn live(server: &Dovecot, folder: &str) -> Vec<(String, Vec<u8>)> {
    let mails = server.snapshot().remove(folder).unwrap_or_default();
    let alive = mails.into_iter().filter(|mail| !mail.flags.contains(&"\\Deleted".to_owned()));
    let mut kept: Vec<_> = alive.map(|mail| (mail.date, mail.bytes)).collect();
    kept.sort();
    kept
}

#[test]
fn a_set_is_moved_unaltered_on_every_rung() {
    on_each_rung(|server, relocation| {
        deliver(server, 20);
        let before = live(server, "INBOX");
        let mut session = server.session();
        let outcomes = move_all(&mut session, "Followers/Spam");
        assert_eq!(outcomes.len(), 20);
        assert!(
            outcomes.values().all(|outcome| matches!(outcome, Outcome::Moved { uid: Some(_) })),
            "{outcomes:?}"
        );
        assert_eq!(live(server, "Followers/Spam"), before, "{relocation:?}");
        assert!(live(server, "INBOX").is_empty());
        let left = server.snapshot()["INBOX"].len();
        assert_eq!(left, if relocation == Relocation::CopyThenFlag { 20 } else { 0 });
        // And where they are said to be.
        let there: Vec<u32> = server.snapshot()["Followers/Spam"].iter().map(|mail| mail.uid).collect();
        let said: Vec<u32> = outcomes
            .values()
            .filter_map(|outcome| match outcome {
                Outcome::Moved { uid: Some(uid) } => Some(uid.0),
                _ => None,
            })
            .collect();
        assert_eq!(said, there);
    });
}

#[test]
fn what_the_user_marked_is_never_expunged_and_what_they_touched_is_left() {
    on_each_rung(|server, _| {
        deliver(server, 6);
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mails = traces(&mut session);
        // Meanwhile, in another client.
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID STORE 1 +FLAGS (\\Deleted)");
        client.run("UID STORE 2 +FLAGS (\\Flagged)");
        client.run("UID STORE 3 +FLAGS (\\Answered)");
        client.run("UID STORE 4 +FLAGS (\\Deleted)");
        client.run("UID EXPUNGE 4");
        let plans = session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap();
        let left = session.act(plans, &mut |_, _| true).unwrap().remove(0).outcomes;
        assert_eq!(left[&Uid(1)], Outcome::Left(Obstacle::Deleted));
        assert_eq!(left[&Uid(2)], Outcome::Left(Obstacle::Touched));
        assert_eq!(left[&Uid(3)], Outcome::Left(Obstacle::Touched));
        // Gone, or as the server showed it last.
        assert!(matches!(left[&Uid(4)], Outcome::Gone | Outcome::Left(Obstacle::Deleted)));
        let inbox = server.snapshot().remove("INBOX").unwrap();
        let kept: Vec<u32> = inbox.iter().map(|mail| mail.uid).filter(|uid| *uid < 5).collect();
        assert_eq!(kept, [1, 2, 3]);
        assert_eq!(server.snapshot()["Spam"].len(), 2);
    });
}

#[test]
fn a_message_that_vanishes_after_the_plan_is_gone_and_not_moved() {
    on_each_rung(|server, _| {
        deliver(server, 2);
        let mut session = server.session();
        session.select(&Folder::inbox()).unwrap();
        let mails = traces(&mut session);
        let plans = session.prepare(vec![Errand { to: folder("Spam"), mails, touched_too: false }]).unwrap();
        let mut client = server.client();
        client.select("INBOX");
        client.run("UID STORE 1 +FLAGS (\\Deleted)");
        client.run("UID EXPUNGE 1");
        let outcomes = session.act(plans, &mut |_, _| true).unwrap().remove(0).outcomes;
        // Gone, or as the server showed it last.
        assert!(matches!(outcomes[&Uid(1)], Outcome::Gone | Outcome::Left(Obstacle::Deleted)));
        assert!(matches!(outcomes[&Uid(2)], Outcome::Moved { .. }), "{outcomes:?}");
        assert_eq!((live(server, "Spam").len(), live(server, "INBOX").len()), (1, 0));
    });
}

#[test]
fn twins_are_moved_both() {
    on_each_rung(|server, _| {
        let mut client = server.client();
        for _ in 0..3 {
            client.deliver("INBOX", &mail(7, 500));
        }
        let outcomes = move_all(&mut server.session(), "Spam");
        assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Moved { .. })));
        assert_eq!((live(server, "INBOX").len(), live(server, "Spam").len()), (0, 3));
    });
}

#[test]
fn a_full_target_leaves_every_message_where_it_was() {
    let conf = "mail_plugins = quota\nplugin {\n  quota = count:User\n  quota_vsizes = yes\n  quota_rule = *:messages=5\n  \
                quota_rule2 = Spam:messages=+0\n  quota_grace = 0%%\n}\n";
    let options = Options { without: vec!["MOVE"], conf: conf.to_owned(), ..Options::default() };
    let Some(server) = Dovecot::start(&options) else { return };
    deliver(&server, 5);
    let before = live(&server, "INBOX");
    let mut session = server.session();
    let outcomes = move_all(&mut session, "Spam");
    for outcome in outcomes.values() {
        assert!(
            matches!(outcome, Outcome::Left(Obstacle::Refused(words)) if words.contains("OVERQUOTA")),
            "{outcome:?}"
        );
    }
    assert_eq!(live(&server, "INBOX"), before);
    assert!(!session.is_spent());
}

#[test]
fn a_target_that_cannot_be_made_leaves_the_messages_with_a_reason() {
    let Some(server) = Dovecot::start(&Options { separator: '.', ..Options::default() }) else { return };
    deliver(&server, 1);
    let outcomes = move_all(&mut server.session(), "v1.0");
    assert!(
        matches!(&outcomes[&Uid(1)], Outcome::Left(Obstacle::Refused(words)) if words.contains("level delimiter"))
    );
}

#[test]
fn a_target_that_was_deleted_meanwhile_is_made_again() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 1);
    let mut session = server.session();
    assert!(session.ensure_folder(&folder("Spam")).unwrap());
    server.client().run("DELETE Spam");
    assert!(matches!(move_all(&mut session, "Spam")[&Uid(1)], Outcome::Moved { .. }));
}

#[test]
fn a_message_can_go_back_to_the_inbox() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    server.client().run("CREATE Spam");
    server.client().deliver("Spam", &mail(1, 500));
    let mut session = server.session();
    session.select(&folder("Spam")).unwrap();
    let mails = traces(&mut session);
    let plans = session.prepare(vec![Errand { to: Folder::inbox(), mails, touched_too: false }]).unwrap();
    let _ = session.act(plans, &mut |_, _| true).unwrap();
    assert_eq!((live(&server, "INBOX").len(), live(&server, "Spam").len()), (1, 0));
}

#[test]
fn a_folder_that_cannot_be_changed_leaves_its_messages() {
    let conf = "mail_plugins = acl\nplugin {\n  acl = vfile:ACLS\n}\n";
    for without in [&[][..], &["MOVE"]] {
        let acls = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(acls.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        // May look, mark as seen, and add; not delete.
        std::fs::write(acls.path(), "INBOX owner lrswi\n").unwrap();
        let conf = conf.replace("ACLS", &acls.path().display().to_string());
        let Some(server) = Dovecot::start(&Options { without: without.to_vec(), conf, ..Options::default() })
        else {
            return;
        };
        deliver(&server, 2);
        let before = server.snapshot();
        let outcomes = move_all(&mut server.session(), "Spam");
        assert!(
            outcomes.values().all(|outcome| *outcome == Outcome::Left(Obstacle::ReadOnly)),
            "{outcomes:?}"
        );
        assert_eq!(server.snapshot(), before);
    }
}

#[test]
fn marks_are_set_where_they_are_meant() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 3);
    let mut session = server.session();
    let here = session.select(&Folder::inbox()).unwrap();
    let mails = traces(&mut session);
    session
        .mark(&here.folder, here.validity, &[mails[0], mails[2]], Marks { seen: true, flagged: false })
        .unwrap();
    session.mark(&here.folder, here.validity, &[mails[1]], Marks { seen: false, flagged: true }).unwrap();
    let flags: Vec<String> = server.snapshot()["INBOX"].iter().map(|mail| mail.flags.join(" ")).collect();
    assert_eq!(flags, ["\\Seen", "\\Flagged", "\\Seen"]);
    let other = UidValidity(here.validity.0 + 1);
    let fault =
        session.mark(&here.folder, other, &[mails[0]], Marks { seen: false, flagged: true }).unwrap_err();
    assert!(matches!(fault.cause, Cause::Void));
}

#[test]
fn a_sweep_of_a_thousand_messages_takes_sixteen_turns_and_a_look_at_what_arrived() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 1_000);
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let mut mails = traces(&mut session);
    assert_eq!(mails.len(), 1_000);
    let spam: Vec<MailTrace> = mails.drain(..300).collect();
    let game: Vec<MailTrace> = mails.drain(..200).collect();
    let plans = session
        .prepare(vec![
            Errand { to: folder("Followers/Spam"), mails: spam, touched_too: false },
            Errand { to: folder("Followers/Numbers game"), mails: game, touched_too: false },
        ])
        .unwrap();
    let moved: usize =
        session.act(plans, &mut |_, _| true).unwrap().iter().map(|relocated| relocated.outcomes.len()).sum();
    assert_eq!(moved, 500);
    // Both folders had to be made, and one round trip asked where. One round trip is left for the LOGOUT, two look at
    // what arrived in each folder, and one looks at the flags once more before the second MOVE.
    assert!(session.turns() < 16 + 6, "{} turns", session.turns());
    session.logout().unwrap();
    assert_eq!(live(&server, "INBOX").len(), 500);
}

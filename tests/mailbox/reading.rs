use super::*;

#[test]
fn heads_come_in_ascending_order_and_bodies_up_to_a_limit() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 1_100);
    let before = server.snapshot();
    let mut session = server.session();
    let opened = session.select(&Folder::inbox()).unwrap();
    assert_eq!((opened.exists, opened.next, opened.writable), (1_100, Some(Uid(1_101)), true));
    let mut all = Vec::new();
    session.heads(Range::From(Uid(51)), |heads| all.extend(heads)).unwrap();
    assert!(all.iter().map(|head| head.uid.0).eq(51..=1_100));
    let head = &all[0];
    assert_eq!(head.uid, Uid(51));
    let fields = String::from_utf8_lossy(&head.fields);
    assert!(
        fields.contains("Subject: Person 51 follows you now")
            && fields.contains("Message-ID: <51@social.example>")
            && !fields.contains("Date:"),
        "{fields}"
    );
    assert!(head.received > 1_700_000_000 && !head.flags.seen);

    let mut lengths = Vec::new();
    session
        .mails(&[(Uid(1), 2_000), (Uid(9_999), 5), (Uid(2), 2_000)], 100, |MailTrace { uid, .. }, bytes| {
            lengths.push((uid, bytes.len()))
        })
        .unwrap();
    assert_eq!(lengths, [(Uid(1), 100), (Uid(2), 100)]);
    assert_eq!(server.snapshot(), before, "looking changed something");
}

#[test]
fn messages_marked_as_deleted_are_not_seen() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 3);
    let mut client = server.client();
    client.select("INBOX");
    client.run("UID STORE 2 +FLAGS (\\Deleted)");
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let mut seen = Vec::new();
    session.heads(Range::From(Uid(1)), |heads| seen.extend(heads.iter().map(|head| head.uid.0))).unwrap();
    assert_eq!(seen, [1, 3]);
}

#[test]
fn messages_since_a_moment_are_those_that_arrived_then_or_later() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let mut client = server.client();
    for (number, date) in
        ["01-Jan-2024 10:00:00 +0000", "02-Jan-2024 10:00:00 +0000", "02-Jan-2024 23:59:59 -1100"]
            .iter()
            .enumerate()
    {
        client.append("INBOX", &format!("\"{date}\""), &mail(number, 100));
    }
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let mut seen = Vec::new();
    // 2 January 2024, 10:00:00 UTC.
    session
        .heads(Range::Since(1_704_189_600), |heads| seen.extend(heads.iter().map(|head| head.uid.0)))
        .unwrap();
    assert_eq!(seen, [2, 3]);
}

#[test]
fn sparse_uids_are_asked_for_first() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 2_100);
    let mut client = server.client();
    client.select("INBOX");
    client.run("UID STORE 3:2099 +FLAGS.SILENT (\\Deleted)");
    client.run("UID EXPUNGE 3:2099");
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let turns = session.turns();
    let mut seen = Vec::new();
    session.heads(Range::From(Uid(1)), |heads| seen.extend(heads.iter().map(|head| head.uid.0))).unwrap();
    assert_eq!((seen, session.turns() - turns), (vec![1, 2, 2_100], 2));
}

#[test]
fn an_odd_message_does_not_spoil_its_batch() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let mut client = server.client();
    let giant = format!("From: a@b.example\r\nSubject: {}\r\n\r\nx", "y".repeat(3_000_000));
    for odd in ["\r\nno header at all", "Subject: only\r\n", "x", &giant, "Subject: ok\r\n\r\nlast"] {
        client.deliver("INBOX", odd);
    }
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let mut lengths = Vec::new();
    session
        .heads(Range::From(Uid(1)), |heads| lengths.extend(heads.iter().map(|head| head.fields.len())))
        .unwrap();
    assert_eq!(lengths.len(), 5);
    assert!(lengths.iter().all(|length| *length <= 16 << 10), "{lengths:?}");
    // A header alone shows the same as the beginning of the message.
    let whole = traces(&mut session);
    let mut headers = Vec::new();
    let uids: Vec<Uid> = whole.iter().map(|mail| mail.uid).collect();
    session.headers(&uids, |trace, _| headers.push(trace)).unwrap();
    assert_eq!(headers, whole);
}

#[test]
fn a_stop_ends_reading_after_the_commands_in_flight_and_leaves_the_session_whole() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    deliver(&server, 1400);
    let stop = Stop::new().unwrap();
    let mut session = server.session_with(&stop);
    session.select(&Folder::inbox()).unwrap();
    let all: Vec<(Uid, u32)> = (1..=1400).map(|uid| (Uid(uid), 100)).collect();
    let mut read = 0;
    let fault = session
        .mails(&all, 262_144, |_, _| {
            read += 1;
            stop.stop();
        })
        .unwrap_err();
    assert!(fault.is_stop() && read < 1400 && !session.is_spent(), "{read} {fault:?}");
    let fault = session.heads(Range::From(Uid(1)), |_| ()).unwrap_err();
    assert!(fault.is_stop() && !session.is_spent(), "{fault:?}");
    session.logout().unwrap();
}

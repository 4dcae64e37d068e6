use super::*;
use crate::support::proxy::{How, Proxy};

#[test]
fn a_new_message_a_deadline_and_a_stop_each_end_a_wait() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let stop = Stop::new().unwrap();
    let mut session = server.session_with(&stop);
    session.select(&Folder::inbox()).unwrap();
    assert_eq!(session.wait(Instant::now() + Duration::from_millis(200), &mut |_| None).unwrap(), Woken::Due);

    let far = Instant::now() + Duration::from_secs(60);
    let mut client = server.client();
    let courier = std::thread::spawn(move || {
        support::pause(Duration::from_millis(300));
        client.deliver("INBOX", &mail(1, 500));
    });
    assert_eq!(session.wait(far, &mut |_| None).unwrap(), Woken::Mail);
    courier.join().unwrap();
    assert_eq!(session.select(&Folder::inbox()).unwrap().exists, 1);

    let bell = stop.clone();
    let ringer = std::thread::spawn(move || {
        support::pause(Duration::from_millis(200));
        bell.stop();
    });
    let begin = Instant::now();
    assert_eq!(session.wait(far, &mut |_| None).unwrap(), Woken::Stop);
    assert!(begin.elapsed() < Duration::from_secs(2));
    ringer.join().unwrap();
    session.logout().unwrap();
}

#[test]
fn a_server_that_dies_ends_a_wait() {
    let Some(mut server) = Dovecot::start(&Options::default()) else { return };
    let mut session = server.session();
    session.select(&Folder::inbox()).unwrap();
    let killer = std::thread::spawn(move || {
        support::pause(Duration::from_millis(300));
        server.kill();
    });
    let fault = session.wait(Instant::now() + Duration::from_secs(60), &mut |_| None).unwrap_err();
    killer.join().unwrap();
    assert_eq!((fault.doing, fault.fate(), session.is_spent()), (Step::Wait, Fate::Retry, true), "{fault:?}");
}

#[test]
fn a_server_that_floods_a_wait_is_left_however_regular_its_lines_are() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let proxy = Proxy::before(server.port);
    let account = support::account("127.0.0.1", proxy.port, Tls::Off);
    let mut session = connect(&account, &login()).unwrap();
    session.select(&Folder::inbox()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            proxy.wait_for("IDLE", 0);
            support::pause(Duration::from_millis(300));
            proxy.break_all(How::Flood("* OK Still here\r\n"));
        });
        let far = Instant::now() + Duration::from_secs(60);
        let fault = session.wait(far, &mut |at| Some(at + Duration::from_secs(30))).unwrap_err();
        assert!(matches!(fault.cause, Cause::Flood), "{fault:?}");
    });
}

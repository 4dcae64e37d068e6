use super::*;
use crate::support::proxy::{Fault, How, Proxy, When};

fn check(options: &Options, written: &str, wire: &str) {
    let Some(server) = Dovecot::start(options) else { return };
    let mut session = server.session();
    let wanted = folder(written);
    assert!(session.ensure_folder(&wanted).unwrap(), "{written} was there");
    assert!(!session.ensure_folder(&wanted).unwrap(), "{written} was made twice");
    assert!(session.folders().unwrap().contains(&wanted));
    assert!(server.client().subscribed().contains(&wire.to_owned()), "{:?}", server.client().subscribed());
    assert!(session.landings(std::slice::from_ref(&wanted)).unwrap().contains_key(&wanted));
    // And so it is called in a session that finds it.
    let mut session = server.session();
    assert!(!session.ensure_folder(&wanted).unwrap());
    assert_eq!(session.select(&wanted).unwrap().exists, 0);
}

#[test]
fn a_nested_folder_is_made_and_subscribed_to() {
    check(&Options::default(), "Followers/Numbers game", "Followers/Numbers game");
}

#[test]
fn a_folder_goes_below_the_inbox_where_the_server_keeps_all_there() {
    check(
        &Options { prefix: "INBOX.", separator: '.', ..Options::default() },
        "Followers/Spam",
        "INBOX.Followers.Spam",
    );
}

/// Refuses the first CREATE, as a server does that has no space just then.
const REFUSED: Fault = Fault::first("CREATE", When::Before, How::Say("TAG NO later\r\n"));

#[test]
fn a_folder_that_is_refused_once_is_never_made_elsewhere() {
    for (options, wire) in [
        (Options::default(), "Followers/Spam"),
        (Options { without: vec!["NAMESPACE"], ..Options::default() }, "Followers/Spam"),
        (Options { prefix: "INBOX.", separator: '.', ..Options::default() }, "INBOX.Followers.Spam"),
    ] {
        let Some(server) = Dovecot::start(&options) else { return };
        let proxy = Proxy::before(server.port);
        let account = support::account("127.0.0.1", proxy.port, Tls::Off);
        proxy.arm([REFUSED]);
        let mut session = connect(&account, &login()).unwrap();
        let wanted = folder("Followers/Spam");
        let fault = session.ensure_folder(&wanted).unwrap_err();
        assert_eq!((fault.fate(), session.is_spent()), (Fate::Leave, false), "{fault:?}");
        assert!(proxy.wait_until_struck(1, Duration::from_secs(1)));
        let made = |commands: Vec<String>| {
            commands.into_iter().filter(|command| command.starts_with("CREATE")).collect::<Vec<_>>()
        };
        assert_eq!(made(proxy.commands()), [format!("CREATE \"{wire}\"")]);
        // The next try, in this session and in the next one.
        assert!(session.ensure_folder(&wanted).unwrap());
        assert!(!connect(&account, &login()).unwrap().ensure_folder(&wanted).unwrap());
        assert_eq!(made(proxy.commands()).len(), 2);
        assert!(server.client().subscribed().contains(&wire.to_owned()));
    }
}

#[test]
fn where_other_folders_tell_the_prefix_nothing_is_asked() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    server.client().run("CREATE Work");
    let proxy = Proxy::before(server.port);
    let account = support::account("127.0.0.1", proxy.port, Tls::Off);
    assert!(connect(&account, &login()).unwrap().ensure_folder(&folder("Spam")).unwrap());
    assert!(!proxy.commands().iter().any(|command| command == "NAMESPACE"), "{:?}", proxy.commands());
}

#[test]
fn a_name_may_have_any_letters_quotes_and_wildcards() {
    check(
        &Options { format: "sdbox", ..Options::default() },
        "Büro & \"Co\" 日本/50% *",
        "B&APw-ro &- \"Co\" &ZeVnLA-/50% *",
    );
}

#[test]
fn a_name_that_the_server_cannot_have_is_left() {
    let Some(server) = Dovecot::start(&Options { separator: '.', ..Options::default() }) else { return };
    let mut session = server.session();
    let fault = session.ensure_folder(&folder("v1.0")).unwrap_err();
    assert!(matches!(fault.cause, Cause::Name(_)), "{fault:?}");
    assert_eq!((fault.fate(), session.is_spent()), (Fate::Leave, false));
}

#[test]
fn a_folder_that_is_not_there_is_left() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let mut session = server.session();
    let fault = session.select(&folder("Nowhere")).unwrap_err();
    assert_eq!((fault.fate(), session.is_spent()), (Fate::Leave, false), "{fault:?}");
    assert_eq!(fault.to_string(), "could not open \"Nowhere\"");
    assert!(session.landings(&[folder("Nowhere")]).unwrap().is_empty());
}

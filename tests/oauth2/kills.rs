//! What a process that is killed, or an answer that is lost on the way, leaves of a grant.

use super::*;

/// Builds the library that kills followsift at one of its writes.
fn killer(folder: &std::path::Path) -> std::path::PathBuf {
    let library = folder.join("killer.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/killer.c");
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status()
        .unwrap();
    assert!(built.success());
    library
}

#[test]
fn killed_at_any_write_the_grant_is_kept_once_its_first_byte_to_its_last_is_written() {
    let desk = Desk::new(Setup { says: Some(None), ..long_lived() });
    let Some((server, _conf)) = dovecot(&desk.authority) else { return };
    let library = killer(desk.folder.path());
    for (how, may_be_lost) in [("before", 1), ("within", 1), ("after", 0)] {
        let (mut writes, mut lost) = (0, Vec::new());
        loop {
            desk.configure("");
            desk.grant();
            desk.folder.write("followsift.toml", account(&desk.authority, server.port, ""));
            desk.authority.expire();
            let mut command =
                desk.folder.command(&[], &["check", "--connect", "--settings", "followsift.toml"]);
            command.env("LD_PRELOAD", &library).env("KILL_AT", (writes + 1).to_string()).env("KILL_HOW", how);
            let killed = command.output().unwrap();
            if killed.status.success() {
                break;
            }
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed.status), Some(9), "{killed:?}");
            writes += 1;
            let next = desk.folder.run(&["check", "--connect"]);
            if next.0.status.code() != Some(0) {
                assert!(next.out().contains("run `followsift login home`"), "{how} {writes}: {}", next.out());
                lost.push(writes);
            }
        }
        // The space, the bytes, their end, the file, its name, the folder.
        assert!(writes >= 6, "{how}: {writes}");
        // Only the new token that was never written as a whole.
        assert_eq!(lost.len(), may_be_lost, "{how}: {lost:?} of {writes}");
    }
}

#[test]
fn an_answer_that_is_lost_on_the_way_changes_nothing_here() {
    for rotates in [false, true] {
        let desk = Desk::new(Setup { rotates, ..long_lived() });
        desk.grant();
        let (kept, token) = (desk.kept(), desk.token().unwrap());
        desk.authority.fails(Fault::Mute);
        let fault = desk.token_instead_of(&token).unwrap_err();
        assert!(fault.is_temporary(), "{fault:?}");
        assert_eq!(desk.kept(), kept);
        desk.authority.fails(None);
        match desk.token_instead_of(&token) {
            Ok(next) => assert!(!rotates && next != token),
            // The new refresh token was in the answer.
            Err(fault) => {
                assert!(rotates && fault.to_string().contains("run `followsift login home`"), "{fault}")
            }
        }
    }
    // The same at a login: nothing is kept, and it can be repeated.
    let desk = Desk::new(long_lived());
    desk.authority.fails(Fault::Mute);
    let stop = Stop::new().unwrap();
    let waker = stop.clone();
    let authority = desk.authority.clone();
    let waking = std::thread::spawn(move || {
        while authority.asked("/token") < 2 {
            pause(Duration::from_millis(20));
        }
        waker.stop();
    });
    let settings = desk.settings();
    let account = settings.accounts.first().unwrap();
    let SecretSource::OAuth2(oauth2) = &account.secret else { panic!("{account:?}") };
    let means = Means { paste: false, input: None, stop: stop.as_fd() };
    assert!(login::authorize(account, oauth2, &settings, means, &mut |_| {}).is_err());
    waking.join().unwrap();
    assert!(!desk.folder.state().join("tokens/home.json").exists());
    desk.authority.fails(None);
    desk.grant();
}

//! What the service leaves behind: a log without the password, even at `trace`, and files and folders that only their owner can
//! read, whatever the umask.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::daemon::{Daemon, Home, deliver, filed};
use crate::support::fake::Fake;
use crate::support::{Dovecot, Options, PASSWORD, USER};

/// Starts the service with the log at `trace`.
fn talkative(home: &Home) -> Daemon {
    let mut command = home.command(&["run"]);
    command.env("FOLLOWSIFT_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    home.run_as(command)
}

/// Fails where a log holds a password in any form in which it is kept or sent.
#[track_caller]
fn is_silent(log: &str, password: &str) {
    let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
    let plain = STANDARD.encode(format!("\0{USER}\0{password}"));
    let alone = STANDARD.encode(password);
    let doubly = format!("{quoted:?}");
    for form in
        [password, &quoted, &plain, &alone, doubly.trim_matches('"'), &password.escape_debug().to_string()]
    {
        assert!(!log.contains(form), "{form}: {log}");
    }
}

#[test]
fn the_log_at_its_most_talkative_holds_no_password() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    deliver(&server, [1]);
    let daemon = talkative(&home);
    filed(&server, &daemon, 1, Duration::from_secs(60));
    // Else the filter did not work, and the test shows nothing.
    daemon.logs("DEBUG");
    is_silent(&daemon.log(), PASSWORD);
    drop(daemon);

    const WRONG: &str = "another \"good\" pässword";
    home.write("password", WRONG);
    let daemon = talkative(&home);
    daemon.says("paused until you act");
    is_silent(&daemon.log(), WRONG);
    drop(daemon);

    // By LOGIN, and repeated by the server.
    const QUOTED: &str = "hun\"ter\\2";
    let refusal = "TAG NO LOGIN \"ann\" \"hun\\\"ter\\\\2\" is wrong, and so is hun\"ter\\2\r\n";
    let fake = Fake::start("* OK [CAPABILITY IMAP4rev1] hi\r\n", &[("LOGIN", refusal)]);
    let home = Home::new();
    home.settings(fake.account().port, "");
    home.write("password", QUOTED);
    let daemon = talkative(&home);
    daemon.says("paused until you act");
    is_silent(&daemon.log(), QUOTED);
    is_silent(&daemon.status(), QUOTED);
    drop(daemon);
    assert!(fake.commands().concat().contains("hun\\\"ter\\\\2"), "it was never sent");
}

#[test]
fn no_way_of_logging_in_shows_the_password_in_the_log() {
    let password = "hun\"ter\\2";
    let plain = STANDARD.encode(format!("\0{USER}\0{password}"));
    let (user, alone) = (STANDARD.encode(USER), STANDARD.encode(password));
    let quoted = format!("LOGIN \"{USER}\" \"hun\\\"ter\\\\2\"");
    let at_once = format!("AUTHENTICATE PLAIN {plain}");
    // The server repeats what it was sent.
    let refusal = |sent: &str| format!("TAG NO not {sent} nor {password}\r\n");
    let (first, second) = ("+ VXNlcm5hbWU6\r\n".to_owned(), "+ UGFzc3dvcmQ6\r\n".to_owned());
    for (capabilities, script) in [
        ("SASL-IR AUTH=PLAIN", vec![(at_once.as_str(), refusal(&at_once))]),
        ("AUTH=PLAIN", vec![(quoted.as_str(), refusal(&quoted))]),
        (
            "LOGINDISABLED AUTH=PLAIN",
            vec![("AUTHENTICATE PLAIN", "+ \r\n".to_owned()), (&plain, refusal(&plain))],
        ),
        (
            "LOGINDISABLED AUTH=LOGIN",
            vec![("AUTHENTICATE LOGIN", first), (&user, second), (&alone, refusal(&alone))],
        ),
    ] {
        let answers: Vec<_> = script.iter().map(|(begin, answer)| (*begin, answer.as_str())).collect();
        let fake = Fake::start(&format!("* OK [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n"), &answers);
        let home = Home::new();
        home.settings(fake.account().port, "");
        home.write("password", password);
        let daemon = talkative(&home);
        daemon.says("paused until you act");
        is_silent(&daemon.log(), password);
        is_silent(&daemon.status(), password);
        drop(daemon);
        let sent = script.last().unwrap().0;
        assert!(fake.commands().iter().any(|command| command == sent), "{capabilities}: it was never sent");
    }
}

/// A command as it is, started with a umask that takes nothing away.
fn under_umask_0(command: &Command) -> Command {
    let mut under = Command::new("sh");
    under
        .args(["-c", "umask 0; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    under.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    under
}

/// Every file and folder below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { [vec![path.clone()], below(&path)].concat() } else { vec![path] })
        .collect()
}

#[test]
fn what_the_service_makes_is_its_owners_alone_whatever_the_umask() {
    let Some(server) = Dovecot::start(&Options::default()) else { return };
    let home = Home::new();
    home.settings(server.port, "");
    let ours = below(home.path());
    deliver(&server, [1]);
    let daemon = home.run_as(under_umask_0(&home.command(&["run"])));
    filed(&server, &daemon, 1, Duration::from_secs(60));
    let made: Vec<_> = below(home.path())
        .into_iter()
        .filter(|path| !ours.contains(path) && *path != home.path().join("notify"))
        .collect();
    assert!(made.iter().filter(|path| path.is_file()).count() >= 4, "{made:?}");
    for path in made {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}: {mode:o}", path.display());
    }
}

//! No secret of a login by OAuth2 in anything that a whole run prints or leaves, except the file that it is kept in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::*;
use crate::support::daemon::{Home, deliver, filed};

/// The forms in which a secret could be printed: as it is, in base64 at each of the three offsets, quoted, and in the messages of SASL.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), STANDARD.encode(secret)];
    for before in ["x", "xx"] {
        // Whole groups of the secret, whatever stands before it.
        let encoded = STANDARD_NO_PAD.encode(format!("{before}{secret}"));
        forms.push(encoded.get(4..encoded.len() - 4).unwrap().to_owned());
    }
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    for payload in [
        format!("user={USER}\x01auth=Bearer {secret}\x01\x01"),
        format!("n,a={USER},\x01auth=Bearer {secret}\x01\x01"),
    ] {
        forms.push(STANDARD.encode(payload));
    }
    forms
}

#[test]
fn a_whole_run_at_its_most_talkative_prints_no_secret() {
    let authority = Authority::start(Setup { lives: Duration::from_secs(4), ..Setup::default() });
    let Some((server, _conf)) = dovecot(&authority) else { return };
    let home = Home::new();
    home.write("client", SECRET);
    let oauth2 = format!(
        "client-id = \"{CLIENT}\", client-secret-file = \"client\", issuer = \"{}\", scopes = [\"imap\"]",
        authority.url("")
    );
    home.write("followsift.toml", &account(&authority, server.port, &oauth2));
    let mut printed = String::new();
    let mut run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("FOLLOWSIFT_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        let output = command.output().unwrap();
        printed += &format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run(&["login", "home"]);
    run(&["check", "--connect"]);
    run(&["sweep"]);
    authority.fails(Fault::Says("/token", 500, "x"));
    run(&["sweep"]);
    authority.fails(None);
    deliver(&server, [1]);
    let mut command = home.command(&["run"]);
    command.env("FOLLOWSIFT_LOG", "trace");
    let daemon = home.run_as(command);
    filed(&server, &daemon, 1, Duration::from_secs(60));
    let asked = authority.asked("/token");
    daemon.until("renewed twice", Duration::from_secs(30), |_| authority.asked("/token") >= asked + 2);
    authority.revoke();
    daemon.says("paused until you act");
    // Neither its command line nor its environment.
    let process = std::path::PathBuf::from(format!("/proc/{}", daemon.pid()));
    for file in ["cmdline", "environ"] {
        printed += &String::from_utf8_lossy(&std::fs::read(process.join(file)).unwrap());
    }
    printed += &daemon.log();
    printed += &daemon.reported().into_iter().map(|(_, words)| words).collect::<String>();
    daemon.logs("DEBUG");
    drop(daemon);
    // And nothing but the grant's own file, which is its owner's alone.
    for entry in std::fs::read_dir(home.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            printed += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    let state = authority.state();
    // The device code, and two tokens of each grant: at the login and at the renewals.
    assert!(state.given.len() >= 7, "{:?}", state.given);
    for secret in state.given.iter().map(String::as_str).chain([SECRET]) {
        for form in forms(secret) {
            assert!(!printed.contains(&form), "{form} of {secret} in {printed}");
        }
    }
}

//! The service with an account that logs in by OAuth2.

use super::*;
use crate::support::daemon::{Daemon, Home, deliver, filed};

const SOON: Duration = Duration::from_secs(20);

struct Scene {
    authority: Authority,
    server: Dovecot,
    home: Home,
    _conf: tempfile::TempDir,
}

impl Scene {
    fn new(setup: Setup) -> Option<Self> {
        let authority = Authority::start(setup);
        let (server, conf) = dovecot(&authority)?;
        let home = Home::new();
        home.write("followsift.toml", &account(&authority, server.port, ""));
        Some(Self { authority, server, home, _conf: conf })
    }

    /// The user grants access.
    fn log_in(&self) {
        let output = self.home.command(&["login", "home"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn works(&self, daemon: &Daemon, last: usize) {
        deliver(&self.server, [last]);
        filed(&self.server, daemon, last, SOON);
    }
}

#[test]
fn a_token_is_renewed_while_the_service_waits_and_the_connection_stays() {
    // A margin of a quarter: renewed after three seconds.
    let Some(scene) = Scene::new(Setup { lives: Duration::from_secs(4), ..Setup::default() }) else { return };
    scene.log_in();
    let daemon = scene.home.run();
    daemon.says("watching home");
    let begun = scene.authority.asked("/token");
    daemon.until("renewed twice", SOON, |_| scene.authority.asked("/token") >= begun + 2);
    scene.works(&daemon, 1);
    assert_eq!(daemon.log().matches(" connected").count(), 1, "{}", daemon.log());
}

#[test]
fn a_revoked_grant_parks_the_account_and_names_the_command_that_mends_it() {
    let Some(scene) = Scene::new(Setup { lives: Duration::from_secs(4), ..Setup::default() }) else { return };
    let daemon = scene.home.run();
    daemon.says("home is paused until you act: could not log in: the provider has not granted access");
    assert!(daemon.status().contains("run `followsift login home`"), "{}", daemon.status());
    scene.log_in();
    daemon.says("watching home");
    scene.authority.revoke();
    daemon.says(
        "home is paused until you act: could not log in: the provider's grant has ended or was revoked",
    );
    assert!(daemon.status().contains("run `followsift login home`"), "{}", daemon.status());
    let asked = scene.authority.asked("/token");
    pause(Duration::from_secs(3));
    assert_eq!(scene.authority.asked("/token"), asked, "a grant that has ended was tried again");
    scene.log_in();
    scene.works(&daemon, 1);
    daemon.says("watching home");
}

#[test]
fn a_provider_that_is_down_never_parks_the_account() {
    let Some(scene) = Scene::new(Setup::default()) else { return };
    scene.log_in();
    scene.authority.expire();
    scene.authority.fails(Fault::Says("/token", 503, "down"));
    let daemon = scene.home.run();
    daemon.says("home is away: could not get an access token: 127.0.0.1 gave no usable answer");
    daemon.until("tried again", SOON, |_| scene.authority.asked("/token") >= 4);
    assert!(!daemon.log().contains("paused"), "{}", daemon.log());
    scene.authority.fails(None);
    scene.works(&daemon, 1);
}

#[test]
fn a_provider_that_asks_to_be_left_alone_is_left_alone_for_so_long() {
    // A token that is to be renewed as soon as it has come.
    let Some(scene) = Scene::new(Setup { says: Some(Some(0)), ..Setup::default() }) else { return };
    scene.log_in();
    // Longer than the pause after a first failure.
    const ASKED: u64 = 12;
    scene.authority.fails(Fault::Busy(503, ASKED));
    let before = scene.authority.asked("/token");
    let daemon = scene.home.run();
    daemon.says("home is away: could not get an access token: 127.0.0.1 gave no usable answer (status 503)");
    assert_eq!(scene.authority.asked("/token"), before + 1);
    let alone = daemon.until("asked again", SOON, |_| scene.authority.asked("/token") > before + 1);
    assert!(alone > Duration::from_secs(ASKED - 1), "{alone:?}\n{}", daemon.log());
    scene.authority.fails(None);
    scene.works(&daemon, 1);
}

#[test]
fn a_server_that_refuses_every_token_is_not_asked_again_and_again() {
    // Each try renews the token, and so changes the file of the grant.
    let Some(scene) = Scene::new(Setup { lives: Duration::ZERO, says: Some(Some(3600)), ..Setup::default() })
    else {
        return;
    };
    let output = scene.home.command(&["login", "home"]).output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let daemon = scene.home.run();
    daemon.says("home is paused until you act: could not log in to 127.0.0.1");
    assert!(daemon.status().contains("status invalid_token"), "{}", daemon.status());
    let asked = scene.authority.asked("/token");
    pause(Duration::from_secs(5));
    assert_eq!(scene.authority.asked("/token"), asked);
}

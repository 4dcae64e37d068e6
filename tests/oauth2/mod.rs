//! Logins by OAuth2: how access is granted, kept and renewed, against a small authorization server and a Dovecot that asks it
//! whether a token is good.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use followsift::clock;
use followsift::login::{self, GrantFault, Login, LoginFault, Means};
use followsift::mailbox::Stop;
use followsift::report;
use followsift::settings::{self, Account, Environment, SecretSource, Settings};
use followsift::sweep::AccountFault;
use secrecy::ExposeSecret as _;

use crate::support::authority::{Authority, CLIENT, Fault, SECRET, Setup};
use crate::support::user_folder::UserFolder;
use crate::support::{Dovecot, Options, USER, pause};

mod command;
mod further;
mod issuer;
mod kept_grant;
mod kills;
mod leaks;
mod renewal;
mod service;
mod ways;

/// Tokens that live for an hour, and a user who agrees at once.
fn long_lived() -> Setup {
    Setup { pending: 0, ..Setup::default() }
}

/// Settings with one account, `home`, at this port.
fn account(authority: &Authority, port: u16, oauth2: &str) -> String {
    let oauth2 = match oauth2 {
        "" => format!(
            "client-id = \"{CLIENT}\", token-endpoint = \"{}\", device-endpoint = \"{}\", authorization-endpoint = \"{}\", scopes = \
             [\"imap\", \"offline_access\"]",
            authority.url("/token"),
            authority.url("/device"),
            authority.url("/authorize")
        ),
        other => other.to_owned(),
    };
    format!(
        "state = \"state\"\n\n[accounts.home]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\nuser = \"{USER}\"\nbacklog = \
         \"all\"\noauth2 = {{ {oauth2} }}\n"
    )
}

/// A Dovecot that asks an authorization server whether a token is good.
fn dovecot(authority: &Authority) -> Option<(Dovecot, tempfile::TempDir)> {
    dovecot_asking(&authority.url("/introspect"), "username")
}

/// The same at this address, which gives the user's name as this attribute.
fn dovecot_asking(url: &str, attribute: &str) -> Option<(Dovecot, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("oauth2.conf");
    std::fs::write(
        &file,
        format!(
            "introspection_mode = post\nintrospection_url = {url}\nactive_attribute = active\nactive_value = \
             true\nusername_attribute = {attribute}\nuse_grant_password = no\ntimeout_msecs = 3000\n"
        ),
    )
    .unwrap();
    let conf = format!(
        "auth_mechanisms = plain login xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2 \
         oauthbearer\n  args = {}\n}}\n",
        file.display()
    );
    Some((Dovecot::start(&Options { conf, ..Options::default() })?, folder))
}

/// A user with an account, and nothing that answers as their mail server.
struct Desk {
    authority: Authority,
    folder: UserFolder,
}

impl Desk {
    fn new(setup: Setup) -> Self {
        let desk = Self { authority: Authority::start(setup), folder: UserFolder::new() };
        desk.configure("");
        desk
    }

    fn configure(&self, oauth2: &str) {
        self.folder.write("followsift.toml", account(&self.authority, 1, oauth2));
    }

    fn settings(&self) -> Settings {
        let home = self.folder.path().to_str().unwrap();
        let file = self.folder.path().join("followsift.toml");
        let (settings, findings) = settings::load(Some(&file), &Environment::of([("HOME", home)]));
        settings.unwrap_or_else(|| panic!("{findings:?}"))
    }

    fn with<T>(&self, work: impl FnOnce(&Account, &Settings, &Stop) -> T) -> T {
        let settings = self.settings();
        work(settings.accounts.first().unwrap(), &settings, &Stop::new().unwrap())
    }

    /// The user grants access, by the device flow.
    fn grant(&self) {
        self.try_grant().unwrap();
    }

    fn try_grant(&self) -> Result<(), LoginFault> {
        self.with(|account, settings, stop| {
            let SecretSource::OAuth2(oauth2) = &account.secret else { panic!("{account:?}") };
            let means = Means { paste: false, input: None, stop: stop.as_fd() };
            login::authorize(account, oauth2, settings, means, &mut |_| {}).map(drop)
        })
    }

    fn token(&self) -> Result<String, LoginFault> {
        self.with(|account, settings, stop| login::resolve(account, settings, stop.as_fd()))
            .map(|it| token_of(&it))
    }

    /// The token after the server refused this one.
    fn token_instead_of(&self, refused: &str) -> Result<String, LoginFault> {
        let refused = Login::Token { user: USER.to_owned(), token: refused.to_owned().into(), renewal: None };
        let renewed =
            self.with(|account, settings, stop| login::renew(account, settings, &refused, stop.as_fd()));
        renewed.map(|login| token_of(&login.unwrap()))
    }

    /// What is kept.
    fn kept(&self) -> BTreeMap<String, serde_json::Value> {
        let text = std::fs::read(self.folder.state().join("tokens/home.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

fn token_of(login: &Login) -> String {
    match login {
        Login::Token { token, .. } => token.expose_secret().to_owned(),
        Login::Password { .. } => panic!("{login:?}"),
    }
}

/// All that a person could see of a fault.
fn all_of(fault: &LoginFault) -> String {
    format!("{fault} {fault:?} {:?}", std::error::Error::source(fault).map(ToString::to_string))
}

//! How an account authenticates.
//!
//! Reads an account's password from where the settings say (a systemd credential, a file, or a program), or gets its access token:
//! from a program, or by OAuth2 with a grant of its own. Secrets live in `secrecy` types and in buffers that are wiped, except inside
//! the crates that speak OAuth2 and HTTP; no fault and no `Debug` shows one. Each account's thread calls it before it connects.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::settings::{Account, OAuth2, SecretSource, Settings};

mod answer;
mod authority;
mod authorization;
mod command;
mod complaint;
mod device;
mod digest;
mod dumps;
mod fault;
mod file;
mod flow;
mod grant;
mod grant_fault;
mod oddity;
pub(crate) mod offspring;
mod redirect;
mod renewal;
mod store;
mod visitors;
mod wait;

pub use authorization::authorize;
pub use command::PATIENCE;
pub use digest::SecretDigest;
pub use dumps::forbid_dumps;
pub use fault::LoginFault;
pub use flow::{Means, Request};
pub use grant_fault::GrantFault;
pub use oddity::{Oddity, OddityKind};

/// The credentials for a login. Their `Debug` shows no secret.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user name and a password: AUTHENTICATE PLAIN (RFC 4616), or LOGIN where the server lacks it.
    Password {
        /// The login name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A user name and an access token of OAuth2: AUTHENTICATE OAUTHBEARER (RFC 7628) or XOAUTH2.
    Token {
        /// The login name.
        user: String,
        /// The access token.
        token: SecretString,
        /// How long until the token is to be renewed, if followsift renews it and its end is known.
        renewal: Option<Duration>,
    },
}

impl Login {
    /// How long until its token is to be renewed.
    pub fn renewal(&self) -> Option<Duration> {
        match self {
            Self::Password { .. } => None,
            Self::Token { renewal, .. } => *renewal,
        }
    }

    /// A digest that recognises this login at the server of `account`.
    pub fn digest(&self, account: &Account) -> SecretDigest {
        let port = account.port.to_le_bytes();
        let server = [account.host.as_bytes(), &port];
        match self {
            Self::Password { user, password } => SecretDigest::of(&[
                server[0],
                server[1],
                user.as_bytes(),
                password.expose_secret().as_bytes(),
            ]),
            // A token is another one every hour.
            Self::Token { user, .. } => SecretDigest::of(&[server[0], server[1], user.as_bytes()]),
        }
    }
}

/// Gets what an account logs in with; a password never from a cache. A program may take up to [`PATIENCE`]; it is killed when
/// `stop` becomes readable, and every request to a provider ends then too.
///
/// # Errors
///
/// If the password cannot be read, is empty, or is in a file that other users can read; or if there is no access token.
pub fn resolve(account: &Account, settings: &Settings, stop: BorrowedFd<'_>) -> Result<Login, LoginFault> {
    let user = account.user.clone();
    match &account.secret {
        SecretSource::OAuth2(oauth2) => renewal::login(account, oauth2, settings, None, stop),
        SecretSource::TokenCommand(words) => match command::first_line(words, PATIENCE, stop) {
            Ok(token) => Ok(Login::Token { user, token, renewal: None }),
            Err(fault) => Err(LoginFault::Token(Box::new(fault))),
        },
        source => {
            let password = secret(source, settings.credentials.as_deref(), stop)?;
            Ok(Login::Password { user, password })
        }
    }
}

/// The token in a file that only its owner can read, for a server that is not a mail server.
///
/// # Errors
///
/// If the file cannot be read, other users can read it, or it contains no token.
pub fn token_in(file: &Path) -> Result<SecretString, LoginFault> {
    file::first_line(file, file::is_private).map_err(|fault| LoginFault::Token(Box::new(fault)))
}

/// The address of the memory of deliveries, in a file that only its owner can read or in a credential.
///
/// # Errors
///
/// If it cannot be read, other users can read the file, or it is empty.
pub fn memory_address(source: &SecretSource, settings: &Settings) -> Result<SecretString, LoginFault> {
    let read = match source {
        SecretSource::Credential(name) => of_credential(name, settings.credentials.as_deref()),
        SecretSource::File(path) => file::first_line(path, file::is_private),
        SecretSource::Command(_) | SecretSource::TokenCommand(_) | SecretSource::OAuth2(_) => {
            Err(no_source("memory-address"))
        }
    };
    read.map_err(|fault| LoginFault::MemoryAddress(Box::new(fault)))
}

/// The settings let no such source be named here.
fn no_source(key: &str) -> LoginFault {
    LoginFault::Unfit { source: key.to_owned(), why: "it is no source of a secret", said: None }
}

/// What identifies a file with a token as it is now; it says nothing about the token.
pub fn token_edition(file: &Path) -> String {
    file::edition(file)
}

/// How long [`resolve`] may take.
pub fn longest(account: &Account) -> Duration {
    match account.secret {
        SecretSource::OAuth2(_) => renewal::LONGEST,
        _ => PATIENCE,
    }
}

/// Gets another login in place of one that the server refused; `None` where there can be none, as for a password, or without a refresh
/// token.
///
/// # Errors
///
/// As [`resolve`].
pub fn renew(
    account: &Account,
    settings: &Settings,
    refused: &Login,
    stop: BorrowedFd<'_>,
) -> Result<Option<Login>, LoginFault> {
    match (&account.secret, refused) {
        (SecretSource::OAuth2(oauth2), Login::Token { token, .. }) => {
            match renewal::login(account, oauth2, settings, Some(token), stop) {
                // The server's own words say more.
                Err(LoginFault::Grant(GrantFault::NotRenewable { .. })) => Ok(None),
                login => login.map(Some),
            }
        }
        _ => Ok(None),
    }
}

/// The file with the account's grant, for one that `followsift login` obtains.
pub fn grant_file(account: &Account, settings: &Settings) -> Option<PathBuf> {
    matches!(account.secret, SecretSource::OAuth2(_)).then(|| renewal::store(account, settings).path())
}

/// The secret in a file, a credential, or printed by a program.
fn secret(
    source: &SecretSource,
    credentials: Option<&Path>,
    stop: BorrowedFd<'_>,
) -> Result<SecretString, LoginFault> {
    match source {
        SecretSource::Credential(name) => of_credential(name, credentials),
        SecretSource::File(path) => file::first_line(path, file::is_private),
        SecretSource::Command(words) | SecretSource::TokenCommand(words) => {
            command::first_line(words, PATIENCE, stop)
        }
        SecretSource::OAuth2(_) => Err(no_source("oauth2")),
    }
}

/// The secret of the user's client, if it has one.
fn client_secret(
    oauth2: &OAuth2,
    settings: &Settings,
    stop: BorrowedFd<'_>,
) -> Result<Option<SecretString>, LoginFault> {
    let source = oauth2.client_secret.as_deref();
    let read = source.map(|source| secret(source, settings.credentials.as_deref(), stop)).transpose();
    read.map_err(|fault| LoginFault::ClientSecret(Box::new(fault)))
}

/// Inspects what an account logs in with for `check`, without running a program or connecting: what is odd, and what is wrong, as for
/// [`resolve`]. It skips a secret that a program prints, and a credential outside the service, where systemd provides none.
pub fn inspect(account: &Account, settings: &Settings) -> (Vec<Oddity>, Vec<LoginFault>) {
    let credentials = settings.credentials.as_deref();
    match &account.secret {
        SecretSource::OAuth2(oauth2) => {
            let secret = oauth2.client_secret.as_deref();
            let secret = secret.map_or(Ok(Vec::new()), |it| inspect_secret(it, "client secret", credentials));
            let secret = secret.map_err(|fault| LoginFault::ClientSecret(Box::new(fault)));
            let grant = renewal::require_grant(account, oauth2, settings).err();
            match secret {
                Ok(oddities) => (oddities, grant.into_iter().collect()),
                // `followsift login`, which the other one asks for, needs it.
                Err(fault) => (Vec::new(), [fault].into_iter().chain(grant).collect()),
            }
        }
        source => match inspect_secret(source, "password", credentials) {
            Ok(oddities) => (oddities, Vec::new()),
            Err(fault) => (Vec::new(), vec![fault]),
        },
    }
}

fn inspect_secret(
    source: &SecretSource,
    name: &'static str,
    credentials: Option<&Path>,
) -> Result<Vec<Oddity>, LoginFault> {
    let (secret, source) = match source {
        SecretSource::Credential(credential) if credentials.is_some() => {
            (of_credential(credential, credentials)?, format!("credential {credential}"))
        }
        SecretSource::File(path) => (file::first_line(path, file::is_private)?, path.display().to_string()),
        SecretSource::Credential(_)
        | SecretSource::Command(_)
        | SecretSource::TokenCommand(_)
        | SecretSource::OAuth2(_) => return Ok(Vec::new()),
    };
    Ok(oddity::oddities(secret.expose_secret(), name, &source))
}

/// The files on which the account's login depends, as far as the settings show: if one of them changes, another login may work.
/// A credential cannot change while the service runs, and a grant that followsift renews by itself is no new one.
pub fn files(account: &Account, settings: &Settings) -> Vec<PathBuf> {
    let files_of = |source| files_of(source, &settings.programs);
    let mut files = files_of(&account.secret);
    if let SecretSource::OAuth2(oauth2) = &account.secret {
        files.push(renewal::store(account, settings).note_of_login());
        files.extend(oauth2.client_secret.as_deref().into_iter().flat_map(files_of));
    }
    files
}

fn files_of(source: &SecretSource, programs: &[PathBuf]) -> Vec<PathBuf> {
    match source {
        SecretSource::File(path) => vec![path.clone()],
        SecretSource::Command(words) | SecretSource::TokenCommand(words) => {
            let Some((program, arguments)) = words.split_first() else { return Vec::new() };
            // What it is told to read: a path, or the name of a file in this process's folder, where it runs too.
            let read =
                arguments.iter().map(PathBuf::from).filter(|path| path.is_absolute() || path.is_file());
            let program = match program.contains('/') {
                true => vec![PathBuf::from(program)],
                // It may be installed in any of them, before the one that has it now too.
                false => programs.iter().filter(|it| it.is_dir()).map(|it| it.join(program)).collect(),
            };
            program.into_iter().chain(read).collect()
        }
        SecretSource::Credential(_) | SecretSource::OAuth2(_) => Vec::new(),
    }
}

fn of_credential(name: &str, credentials: Option<&Path>) -> Result<SecretString, LoginFault> {
    let missing = || LoginFault::NoCredential { name: name.to_owned() };
    let folder = credentials.ok_or_else(missing)?;
    // systemd guards this folder; its files may be readable by a group (root's), by design.
    file::first_line(&folder.join(name), |_: &fs::Metadata| true).map_err(|fault| match fault {
        LoginFault::Missing { .. } => missing(),
        fault => fault,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, Environment};
    use rustix::event::{EventfdFlags, eventfd};
    use secrecy::ExposeSecret;
    use std::os::fd::{AsFd, OwnedFd};

    /// A stop that never comes.
    fn silence() -> OwnedFd {
        eventfd(0, EventfdFlags::CLOEXEC).unwrap()
    }

    /// Settings with an account with this one password setting.
    fn settings(key: &str, value: &str, credentials: Option<&Path>) -> Settings {
        let key = format!("FOLLOWSIFT__ACCOUNTS__HOME__{key}");
        let environment = Environment::of([
            ("HOME", "/home/ann"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__HOST", "imap.example.org"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__USER", "ann"),
            (key.as_str(), value),
        ]);
        let settings = settings::load(None, &environment).0.unwrap();
        Settings { credentials: credentials.map(Path::to_owned), ..settings }
    }

    fn read(settings: &Settings) -> Result<Login, LoginFault> {
        resolve(&settings.accounts[0], settings, silence().as_fd())
    }

    fn look(settings: &Settings) -> Result<Vec<Oddity>, LoginFault> {
        let (oddities, faults) = inspect(&settings.accounts[0], settings);
        faults.into_iter().next().map_or(Ok(oddities), Err)
    }

    #[test]
    fn a_password_comes_from_where_the_settings_say_and_is_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail");
        fs::write(&file, "hunter2\n").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let file = file.to_str().unwrap();
        for (key, value) in [
            ("PASSWORD_CREDENTIAL", "mail"),
            ("PASSWORD_FILE", file),
            ("PASSWORD_COMMAND", &format!("[\"cat\", \"{file}\"]")),
        ] {
            let login = read(&settings(key, value, Some(folder.path()))).unwrap();
            assert!(!format!("{login:?}").contains("hunter2"));
            let Login::Password { user, password } = login else { panic!("a password") };
            assert_eq!((user.as_str(), password.expose_secret()), ("ann", "hunter2"));
        }
    }

    #[test]
    fn without_systemd_there_is_no_credential_and_the_fault_says_what_to_do() {
        let fault = read(&settings("PASSWORD_CREDENTIAL", "mail", None)).unwrap_err();
        assert!(fault.to_string().contains("add `LoadCredential=mail:/path/to/file`"), "{fault}");
    }

    #[test]
    fn a_login_depends_on_the_files_that_its_program_is_told_to_read() {
        let of = |words: &str| {
            let settings = settings("PASSWORD_COMMAND", words, None);
            let programs = ["/", "src", "/no/such/folder"].map(PathBuf::from).to_vec();
            files(&settings.accounts[0], &Settings { programs, ..settings.clone() })
        };
        // Tests run in the folder of Cargo.toml.
        let words = r#"["/bin/pass", "show", "Cargo.toml", "src", "mail/work", "/no/such/file"]"#;
        assert_eq!(of(words), ["/bin/pass", "Cargo.toml", "/no/such/file"].map(PathBuf::from));
        // A program that is named without a path may be in any folder of PATH.
        assert_eq!(of(r#"["pass", "show"]"#), ["/pass", "src/pass"].map(PathBuf::from));
        assert_eq!(of(r#"["./pass", "show"]"#), ["./pass"].map(PathBuf::from));
    }

    #[test]
    fn a_password_is_inspected_without_a_program_or_a_connection() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail");
        let path = file.to_str().unwrap();
        let look_at = || look(&settings("PASSWORD_FILE", path, None));
        assert!(matches!(look_at(), Err(LoginFault::Missing { .. })));
        fs::write(&file, "\u{feff}hunter2 \n").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(look_at(), Err(LoginFault::Exposed { .. })));
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let kinds: Vec<_> = look_at().unwrap().iter().map(|oddity| oddity.kind).collect();
        assert_eq!(kinds, [OddityKind::ByteOrderMark, OddityKind::TrailingBlank]);
        let credential = |folder| look(&settings("PASSWORD_CREDENTIAL", "mail", folder)).unwrap();
        assert_eq!(credential(Some(folder.path())).len(), 2);
        assert_eq!(credential(None), []);
        let never_run = format!("[\"rm\", \"{path}\"]");
        assert_eq!(look(&settings("PASSWORD_COMMAND", &never_run, None)).unwrap(), []);
        assert!(file.exists());
    }
}

//! How an account authenticates.
//!
//! Reads an account's password from where the settings say: a systemd credential, a file, or a program. Secrets
//! live in `secrecy` types and in buffers that are wiped; no fault and no `Debug` shows one. Each account's
//! thread calls it before it connects.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::settings::{Account, SecretSource};

mod command;
mod complaint;
mod digest;
mod dumps;
mod fault;
mod file;
mod oddity;
mod offspring;

pub use command::PATIENCE;
pub use digest::SecretDigest;
pub use dumps::forbid_dumps;
pub use fault::LoginFault;
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
    },
}

impl Login {
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

/// Reads an account's password; never from a cache. A password program may take up to [`PATIENCE`]; it is killed when
/// `stop` becomes readable.
///
/// `credentials` is the folder of this service's systemd credentials, from the settings.
///
/// # Errors
///
/// If the password cannot be read, is empty, or is in a file that other users can read.
pub fn resolve(
    account: &Account,
    credentials: Option<&Path>,
    stop: BorrowedFd<'_>,
) -> Result<Login, LoginFault> {
    let password = match &account.secret {
        SecretSource::Credential(name) => of_credential(name, credentials),
        SecretSource::File(path) => file::first_line(path, file::is_private),
        SecretSource::Command(words) => command::first_line(words, PATIENCE, stop),
    }?;
    Ok(Login::Password { user: account.user.clone(), password })
}

/// Inspects an account's password for `check`, without running a program or connecting, and returns what is odd about it.
/// It skips a password that a program prints, and a credential outside the service, where systemd provides none.
///
/// # Errors
///
/// As [`resolve`]: the file is missing, other users can read it, or it contains no password.
pub fn inspect(account: &Account, credentials: Option<&Path>) -> Result<Vec<Oddity>, LoginFault> {
    let (password, source) = match (&account.secret, credentials) {
        (SecretSource::Credential(name), Some(_)) => {
            (of_credential(name, credentials)?, format!("credential {name}"))
        }
        (SecretSource::File(path), _) => {
            (file::first_line(path, file::is_private)?, path.display().to_string())
        }
        (SecretSource::Credential(_), None) | (SecretSource::Command(_), _) => return Ok(Vec::new()),
    };
    Ok(oddity::oddities(password.expose_secret(), &source))
}

/// The files on which the account's password depends, as far as the settings show: if one of them changes, another login may work.
/// A credential cannot change while the service runs.
pub fn files(account: &Account) -> Vec<PathBuf> {
    match &account.secret {
        SecretSource::File(path) => vec![path.clone()],
        // The program, and what it is told to read.
        SecretSource::Command(words) => {
            words.iter().map(PathBuf::from).filter(|path| path.is_absolute()).collect()
        }
        SecretSource::Credential(_) => Vec::new(),
    }
}

fn of_credential(name: &str, credentials: Option<&Path>) -> Result<SecretString, LoginFault> {
    let folder = credentials.ok_or_else(|| LoginFault::NoCredentials { name: name.to_owned() })?;
    // systemd guards this folder; its files may be readable by a group (root's), by design.
    file::first_line(&folder.join(name), |_: &fs::Metadata| true)
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

    /// An account with this one password setting.
    fn account(key: &str, value: &str) -> Account {
        let key = format!("FOLLOWSIFT__ACCOUNTS__HOME__{key}");
        let environment = Environment::of([
            ("HOME", "/home/ann"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__HOST", "imap.example.org"),
            ("FOLLOWSIFT__ACCOUNTS__HOME__USER", "ann"),
            (key.as_str(), value),
        ]);
        settings::load(None, &environment).0.unwrap().accounts.remove(0)
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
            let login = resolve(&account(key, value), Some(folder.path()), silence().as_fd()).unwrap();
            assert!(!format!("{login:?}").contains("hunter2"));
            let Login::Password { user, password } = login else { panic!("a password") };
            assert_eq!((user.as_str(), password.expose_secret()), ("ann", "hunter2"));
        }
    }

    #[test]
    fn without_systemd_there_is_no_credential_and_the_fault_says_what_to_do() {
        let fault = resolve(&account("PASSWORD_CREDENTIAL", "mail"), None, silence().as_fd()).unwrap_err();
        assert!(fault.to_string().contains("add `LoadCredential=mail:/path/to/file`"), "{fault}");
    }

    #[test]
    fn a_password_is_inspected_without_a_program_or_a_connection() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mail");
        let path = file.to_str().unwrap();
        let look = || inspect(&account("PASSWORD_FILE", path), None);
        assert!(matches!(look(), Err(LoginFault::Unreadable { .. })));
        fs::write(&file, "\u{feff}hunter2 \n").unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(look(), Err(LoginFault::Exposed { .. })));
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let kinds: Vec<_> = look().unwrap().iter().map(|oddity| oddity.kind).collect();
        assert_eq!(kinds, [OddityKind::ByteOrderMark, OddityKind::TrailingBlank]);
        let credential = account("PASSWORD_CREDENTIAL", "mail");
        assert_eq!(inspect(&credential, Some(folder.path())).unwrap().len(), 2);
        assert_eq!(inspect(&credential, None).unwrap(), []);
        let never_run = format!("[\"rm\", \"{path}\"]");
        assert_eq!(inspect(&account("PASSWORD_COMMAND", &never_run), None).unwrap(), []);
        assert!(file.exists());
    }
}

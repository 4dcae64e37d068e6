//! Layered settings, accounts, and where their secrets are.
//!
//! The settings file, and over it the environment (`FOLLOWSIFT__ACCOUNTS__HOME__HOST=imap.example.org`), are
//! read into [`Settings`], with every finding at once. Nobody else reads the environment. Passwords are never
//! read here, only where they are: `login` reads them. `config/followsift.toml` describes every key to the
//! user.

use std::fs;
use std::path::{Path, PathBuf};

pub mod account;
mod environment;
mod fingerprint;
mod instances;
mod layers;
pub mod log_filter;
mod read;
mod section;

pub use account::{Account, Backlog, SecretSource, Tls};
pub use environment::Environment;
pub use fingerprint::Fingerprint;

use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source, nearest};

/// The name of the settings file.
const FILE: &str = "followsift.toml";

/// Everything that the settings say. Paths can be opened as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file of rules; without one, the rules that ship are meant.
    pub rules: Option<PathBuf>,
    /// The folder of the user's own profiles, if there is one.
    pub networks: Option<PathBuf>,
    /// The folder of the ledger and its locks. May not be there yet.
    pub state: PathBuf,
    /// The folder for what all of the user's followsifts have in common, whatever their state folders are: the locks of
    /// mailboxes. None where the environment names no home.
    pub shared: Option<PathBuf>,
    /// Where systemd has put this service's credentials, for [`SecretSource::Credential`].
    pub credentials: Option<PathBuf>,
    /// The accounts, in the order of their names. May be empty: not every command needs one.
    pub accounts: Vec<Account>,
}

/// Where the settings file is, where none is named: the user's before the machine's.
pub fn locate(environment: &Environment) -> Option<PathBuf> {
    let user = environment.settings().map(|folder| folder.join("followsift").join(FILE));
    let machine = Path::new("/etc/followsift").join(FILE);
    user.into_iter().chain([machine]).find(|file| file.is_file())
}

/// The JSON Schema of the settings file, for editors. `tests/schema.rs` holds its keys against those that `read` knows.
pub fn schema() -> serde_json::Value {
    // It ships, and a test reads it.
    serde_json::from_str(include_str!("../../config/schema/settings.json")).unwrap_or_default()
}

/// Reads the settings file at `path`, where there is one, and lays `environment` over it. There are settings
/// unless one of the findings is an error.
pub fn load(path: Option<&Path>, environment: &Environment) -> (Option<Settings>, Vec<Diagnostic>) {
    let source = match path.map(|path| (path, fs::read_to_string(path))) {
        None => None,
        Some((path, Ok(text))) => Some(Source::new(path.display().to_string(), text)),
        Some((path, Err(cause))) => {
            let message = format!("could not read the settings {}: {cause}", path.display());
            return (None, vec![Diagnostic::unplaced(message)]);
        }
    };
    let findings = Findings::default();
    let base = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let settings = layers::Layers::lay(source.as_ref(), environment, &findings)
        .and_then(|layers| read::settings(&layers, base, environment));
    let settings = settings.filter(|_| !findings.any_error());
    (settings, findings.into_sorted().into_iter().map(without_secret).collect())
}

/// A finding shows the line it is about; one that may bear a password is only named.
fn without_secret(finding: Diagnostic) -> Diagnostic {
    let Some(place) = &finding.place else { return finding };
    let text = place.source.text();
    let start = text.get(..place.span.start).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let end = text.get(place.span.end..).and_then(|after| after.find('\n'));
    let end = end.map_or(text.len(), |length| place.span.end + length);
    // Misspelt, as a rejected key is, it is one all the same.
    let mut shown = text.get(start..end).unwrap_or(text).to_lowercase();
    for harmless in ["password-file", "password-command", "password-credential"] {
        shown = shown.replace(harmless, "");
    }
    let words = shown.split(|c: char| !c.is_alphanumeric());
    let may_bear_secret = |word: &str| {
        word.contains("pass") || nearest(word, ["password", "passwd", "secret", "token"]).is_some()
    };
    if !words.into_iter().any(may_bear_secret) {
        return finding;
    }
    let location = place.location();
    let named = format!("{location}:{}: {}", location.column, finding.message);
    let help = [finding.label.as_str(), finding.help.as_deref().unwrap_or_default()];
    let help = help.iter().find(|help| !help.is_empty()).map(|help| (*help).to_owned());
    Diagnostic { severity: finding.severity, help, ..Diagnostic::unplaced(named) }
}

//! Layered settings, accounts, and where their secrets are.
//!
//! Reads the settings file and the environment, which overrides it (`FOLLOWSIFT__ACCOUNTS__HOME__HOST=imap.example.org`),
//! into [`Settings`], and reports all findings at once. No other room reads the environment. This room never reads a
//! password, only where it is; `login` reads it. `config/followsift.toml` describes every key to the user.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod account;
mod accounts_folder;
mod delivery;
mod digest;
mod environment;
mod fingerprint;
mod hooks;
mod instances;
mod layers;
pub mod log_filter;
mod lookup;
mod metrics;
mod oauth2;
mod paths;
mod provider;
mod proxy;
mod read;
mod relays;
mod secret_source;
mod section;
mod server;
mod shard;
mod toml_folder;

pub use account::{Account, Backlog, OAuth2, SecretSource, Tls, TokenIssuer};
pub use delivery::DeliveryMemory;
pub use digest::{DigestSchedule, Due, Zone};
pub use environment::Environment;
pub use fingerprint::Fingerprint;
pub use hooks::Hooks;
pub use lookup::{Lookup, Site};
pub use metrics::MetricsAddress;
pub use provider::{LoginKind, OAuth2Endpoints, Provider};
pub use proxy::Proxy;
pub use shard::{NotAShard, Shard, ShardCount};
pub(crate) use toml_folder::toml_files;

use crate::diagnostic::document::Findings;
use crate::diagnostic::{Diagnostic, Source, nearest};
use crate::place::AccountName;

/// The name of the settings file.
const FILE: &str = "followsift.toml";

/// All the settings. Paths are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The rules file; without one, the built-in rules apply.
    pub rules: Option<PathBuf>,
    /// The folder of the user's own profiles, if there is one.
    pub networks: Option<PathBuf>,
    /// Which of the accounts this process has; `None` for all.
    pub shard: Option<Shard>,
    /// The folder of the ledger and its locks. May not exist yet. Each shard has its own.
    pub state: PathBuf,
    /// The folder that all of the user's followsift processes share, whatever their state folders: the locks of mailboxes.
    /// `None` if the environment names neither a home folder nor a state folder.
    pub shared: Option<PathBuf>,
    /// The folder of this service's systemd credentials, for [`SecretSource::Credential`].
    pub credentials: Option<PathBuf>,
    /// The folders in which the system looks for a program that is named without a path.
    pub programs: Vec<PathBuf>,
    /// The proxy that the environment names for logins by OAuth2.
    pub proxy: Option<Proxy>,
    /// How long the ledger remembers messages that were not moved.
    pub remember: Duration,
    /// What may be looked up; each account has it too.
    pub lookup: Lookup,
    /// The user's time zone, in which digests are due.
    pub zone: Zone,
    /// The user's programs that are told what happens.
    pub hooks: Hooks,
    /// Where Prometheus reads how the service is; `None` where it does not.
    pub metrics: Option<MetricsAddress>,
    /// Where deliveries are remembered; `None` where they are not.
    pub delivery_memory: Option<DeliveryMemory>,
    /// The accounts of this shard, ordered by name. May be empty: not every command needs one.
    pub accounts: Vec<Account>,
    /// The names of the accounts of the other shards.
    pub elsewhere: Vec<AccountName>,
}

impl Settings {
    /// The names of all accounts of this shard.
    pub fn names(&self) -> Vec<AccountName> {
        self.accounts.iter().map(|account| account.name.clone()).collect()
    }

    /// Is there no account, in any shard?
    pub fn has_no_account(&self) -> bool {
        self.accounts.is_empty() && self.elsewhere.is_empty()
    }
}

/// Finds the settings file if the user named none: the user's own before the machine's.
pub fn locate(environment: &Environment) -> Option<PathBuf> {
    let user = own_file(environment);
    let machine = Path::new("/etc/followsift").join(FILE);
    user.into_iter().chain([machine]).find(|file| file.is_file())
}

/// Where the user's own settings file is, or would be; `None` without a home folder.
pub fn own_file(environment: &Environment) -> Option<PathBuf> {
    environment.settings().map(|folder| folder.join("followsift").join(FILE))
}

/// The JSON Schema of the settings file, for editors. `tests/schema.rs` compares its keys with those that `read` knows.
pub fn schema() -> serde_json::Value {
    // The file is built in, and a test parses it.
    serde_json::from_str(include_str!("../../config/schema/settings.json")).unwrap_or_default()
}

/// Reads the settings file at `path`, if there is one, and the accounts of `accounts.d` beside it, and overrides their values
/// with those of `environment`. The settings are `None` exactly if one of the findings is an error.
pub fn load(path: Option<&Path>, environment: &Environment) -> (Option<Settings>, Vec<Diagnostic>) {
    let Some(path) = path else {
        return read_sources(&[], Path::new(""), environment, Findings::default());
    };
    match fs::read_to_string(path) {
        Ok(text) => of_text(path, text, environment),
        Err(cause) => {
            let message = format!("could not read the settings {}: {cause}", path.display());
            (None, vec![Diagnostic::unplaced(message)])
        }
    }
}

/// Reads settings that are not yet in a file, as if they were in the file at `path`.
pub fn of_text(path: &Path, text: String, environment: &Environment) -> (Option<Settings>, Vec<Diagnostic>) {
    let findings = Findings::default();
    let base = path.parent().unwrap_or(Path::new(""));
    let mut sources = vec![Source::new(path.display().to_string(), text)];
    sources.extend(accounts_folder::sources(base, &findings));
    read_sources(&sources, base, environment, findings)
}

/// The folder beside the settings file whose files hold accounts too, whether or not it is there.
pub fn accounts_folder(file: &Path) -> PathBuf {
    file.with_file_name(accounts_folder::FOLDER)
}

fn read_sources(
    sources: &[Source],
    base: &Path,
    environment: &Environment,
    findings: Findings,
) -> (Option<Settings>, Vec<Diagnostic>) {
    let settings = layers::Layers::lay(sources, environment, &findings)
        .and_then(|layers| read::settings(&layers, base, environment));
    let settings = settings.filter(|_| !findings.any_error());
    (settings, findings.into_sorted().into_iter().map(without_secret).collect())
}

/// A finding cites its line of the file; this removes the citation of a line that may contain a password.
fn without_secret(finding: Diagnostic) -> Diagnostic {
    let Some(place) = &finding.place else { return finding };
    let text = place.source.text();
    let start = text.get(..place.span.start).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let end = text.get(place.span.end..).and_then(|after| after.find('\n'));
    let end = end.map_or(text.len(), |length| place.span.end + length);
    // The key may be misspelt, which is why it was rejected.
    let mut shown = text.get(start..end).unwrap_or(text).to_lowercase();
    for harmless in [
        "password-file",
        "password-command",
        "password-credential",
        "memory-address-file",
        "memory-address-credential",
        "client-secret-file",
        "client-secret-command",
        "client-secret-credential",
        "token-command",
        "token-endpoint",
    ] {
        shown = shown.replace(harmless, "");
    }
    let words = shown.split(|c: char| !c.is_alphanumeric());
    let may_be_secret = |word: &str| {
        word.contains("pass") || nearest(word, ["password", "passwd", "secret", "token"]).is_some()
    };
    // https://ann:password@host
    let names_a_user = shown.split_once("://").is_some_and(|(_, address)| address.contains('@'));
    if !names_a_user && !words.into_iter().any(may_be_secret) {
        return finding;
    }
    let location = place.location();
    let named = format!("{location}:{}: {}", location.column, finding.message);
    let help = [finding.label.as_str(), finding.help.as_deref().unwrap_or_default()];
    let help = help.iter().find(|help| !help.is_empty()).map(|help| (*help).to_owned());
    Diagnostic { severity: finding.severity, help, ..Diagnostic::unplaced(named) }
}

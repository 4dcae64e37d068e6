//! The process's environment, read once. Nobody else reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The variables of an environment; of the process's own, or made up by a test.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment of this process, as it is now.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// One of these variables.
    pub fn of<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Where systemd has put the credentials of this service (`LoadCredential=`).
    pub fn credentials(&self) -> Option<PathBuf> {
        self.folder("CREDENTIALS_DIRECTORY")
    }

    /// What the service logs, in the language of the `tracing` crate: `info`, `debug`, `followsift=debug`.
    pub fn log_filter(&self) -> String {
        let filter =
            self.0.get(OsStr::new("FOLLOWSIFT_LOG")).map(|filter| filter.to_string_lossy().into_owned());
        filter.unwrap_or_else(|| "info".to_owned())
    }

    /// The device and inode of the stream that systemd has connected to the journal, if it says so. A program started
    /// from one of its services inherits the words, though not the stream: who uses them compares.
    pub fn journal_stream(&self) -> Option<(u64, u64)> {
        let (device, inode) = self.0.get(OsStr::new("JOURNAL_STREAM"))?.to_str()?.split_once(':')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    }

    /// Whether the user lets programs colour what they print: not where NO_COLOR says something (no-color.org), and not on
    /// a terminal that cannot.
    pub fn allows_colour(&self) -> bool {
        let says = |name: &str| self.0.get(OsStr::new(name)).filter(|value| !value.is_empty());
        says("NO_COLOR").is_none() && says("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    /// Does the environment say where the home of the user is?
    pub fn has_home(&self) -> bool {
        self.home().is_some()
    }

    /// The home of the user.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.folder("HOME")
    }

    /// Where the user's settings are.
    pub(super) fn settings(&self) -> Option<PathBuf> {
        self.folder("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// The user's own state folder, which does not depend on the settings or on the unit: two followsifts of one user meet
    /// here. Where there is no home, the folder that systemd gives to the service.
    pub(super) fn shared(&self) -> Option<PathBuf> {
        self.user_state().or_else(|| self.service_state())
    }

    /// Where followsift's state is: systemd says it to a service, else it is the user's.
    pub(super) fn state(&self) -> Option<PathBuf> {
        self.service_state().or_else(|| self.user_state())
    }

    fn service_state(&self) -> Option<PathBuf> {
        // Several names in `StateDirectory=` make several folders, of which the first is meant.
        let folders = self.0.get(OsStr::new("STATE_DIRECTORY"))?;
        std::env::split_paths(folders).next().filter(|folder| folder.is_absolute())
    }

    fn user_state(&self) -> Option<PathBuf> {
        let states = self.folder("XDG_STATE_HOME").or_else(|| Some(self.home()?.join(".local/state")))?;
        Some(states.join("followsift"))
    }

    /// The variables whose names begin with `prefix`, each with the rest of its name. What is not Unicode
    /// cannot be a setting and is shown with replacement characters.
    pub(super) fn beginning_with<'e>(
        &'e self,
        prefix: &'e str,
    ) -> impl Iterator<Item = (String, String)> + 'e {
        self.0.iter().filter_map(move |(name, value)| {
            let rest = name.to_str()?.strip_prefix(prefix)?;
            Some((rest.to_owned(), value.to_string_lossy().into_owned()))
        })
    }

    /// A folder. Relative ones do not count (XDG Base Directory Specification, "Environment variables").
    fn folder(&self, name: &str) -> Option<PathBuf> {
        self.0.get(OsStr::new(name)).map(PathBuf::from).filter(|folder| folder.is_absolute())
    }
}

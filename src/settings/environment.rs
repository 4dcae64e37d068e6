//! The process's environment, read once. No other file reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Proxy, Shard};

/// The prefix of all variables that are settings.
pub(super) const PREFIX: &str = "FOLLOWSIFT__";

/// The variables of an environment: the process's own, or a test's.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment of this process, as it is now.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// An environment of these variables.
    pub fn of<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The same environment with this setting, which overrides that of the file.
    #[must_use]
    pub fn with_shard(mut self, shard: Shard) -> Self {
        self.0.insert(format!("{PREFIX}SHARD").into(), shard.to_string().into());
        self
    }

    /// Does the process run in a pod of Kubernetes?
    pub fn is_pod(&self) -> bool {
        self.0.contains_key(OsStr::new("KUBERNETES_SERVICE_HOST"))
    }

    /// The folder of this service's systemd credentials (`LoadCredential=`).
    pub fn credentials(&self) -> Option<PathBuf> {
        self.folder("CREDENTIALS_DIRECTORY")
    }

    /// The proxy on the way to web servers, from the variables that curl(1) reads.
    pub fn proxy(&self) -> Option<Proxy> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = self.0.get(OsStr::new(name))?.to_str()?;
                (!value.is_empty()).then_some((*name, value))
            })
        };
        let (variable, address) = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
        let exempt = first(&["no_proxy", "NO_PROXY"]).map_or("", |(_, exempt)| exempt);
        Some(Proxy::new(variable, address, exempt))
    }

    /// The folders in which the system looks for a program that is named without a path (execvp(3)).
    pub(super) fn programs(&self) -> Vec<PathBuf> {
        let folders = self.0.get(OsStr::new("PATH")).map_or(OsStr::new("/bin:/usr/bin"), OsString::as_os_str);
        std::env::split_paths(folders).collect()
    }

    /// What a hook gets of the environment: where programs and the user's desktop are, and the language. No secret is among them.
    pub(super) fn for_hooks(&self) -> Vec<(OsString, OsString)> {
        const NAMES: [&str; 8] =
            ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
        let all = NAMES.iter().filter_map(|name| self.0.get_key_value(OsStr::new(name)));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The service's log filter, in the syntax of the `tracing` crate: `info`, `debug`, `followsift=debug`; empty if there is none.
    pub fn log_filter(&self) -> String {
        let filter =
            self.0.get(OsStr::new("FOLLOWSIFT_LOG")).map(|filter| filter.to_string_lossy().into_owned());
        filter.unwrap_or_default()
    }

    /// The device and inode of the stream that systemd connected to the journal (JOURNAL_STREAM). A program that one of its
    /// services starts inherits the variable, though not the stream, so the caller compares them with its own stream.
    pub fn journal_stream(&self) -> Option<(u64, u64)> {
        let (device, inode) = self.0.get(OsStr::new("JOURNAL_STREAM"))?.to_str()?.split_once(':')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    }

    /// Does the environment allow colours? Not if NO_COLOR is set and not empty (no-color.org), nor on a dumb terminal.
    pub fn allows_colour(&self) -> bool {
        let says = |name: &str| self.0.get(OsStr::new(name)).filter(|value| !value.is_empty());
        says("NO_COLOR").is_none() && says("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    /// Does the environment name the user's home folder?
    pub fn has_home(&self) -> bool {
        self.home().is_some()
    }

    /// The user's home folder.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.folder("HOME")
    }

    /// The user's folder for settings.
    pub(super) fn settings(&self) -> Option<PathBuf> {
        self.folder("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// The user's state folder, which depends neither on the settings nor on the unit, so that all followsift processes of
    /// one user share it. Without a home folder, the service's state folder.
    pub(super) fn shared(&self) -> Option<PathBuf> {
        self.user_state().or_else(|| self.service_state())
    }

    /// followsift's state folder: the one that systemd sets for a service, else the user's.
    pub(super) fn state(&self) -> Option<PathBuf> {
        self.service_state().or_else(|| self.user_state())
    }

    /// The folder for the socket of the service: the one that systemd makes for it, else one in the user's.
    pub fn service_runtime(&self) -> Option<PathBuf> {
        let folders = self.0.get(OsStr::new("RUNTIME_DIRECTORY"));
        let own = folders.and_then(|folders| std::env::split_paths(folders).next());
        own.filter(|folder| folder.is_absolute())
            .or_else(|| Some(self.folder("XDG_RUNTIME_DIR")?.join("followsift")))
    }

    /// The folders in which a command looks for the socket of the service that works with the ledger in `state`: the user's, then
    /// that of a service of the machine. The units that ship name both folders alike: /run/followsift-ann and
    /// /var/lib/followsift-ann.
    pub fn runtimes(&self, state: &Path) -> Vec<PathBuf> {
        let named_alike = state.file_name().map(|name| Path::new("/run").join(name));
        let machine = [PathBuf::from("/run/followsift")];
        let more = named_alike.filter(|folder| !machine.contains(folder));
        self.service_runtime().into_iter().chain(machine).chain(more).collect()
    }

    fn service_state(&self) -> Option<PathBuf> {
        // Several names in `StateDirectory=` make several folders; the first is used.
        let folders = self.0.get(OsStr::new("STATE_DIRECTORY"))?;
        std::env::split_paths(folders).next().filter(|folder| folder.is_absolute())
    }

    fn user_state(&self) -> Option<PathBuf> {
        let states = self.folder("XDG_STATE_HOME").or_else(|| Some(self.home()?.join(".local/state")))?;
        Some(states.join("followsift"))
    }

    /// The variables whose names begin with `prefix`, each with the rest of its name. A value that is not Unicode
    /// gets replacement characters.
    pub(super) fn beginning_with<'e>(
        &'e self,
        prefix: &'e str,
    ) -> impl Iterator<Item = (String, String)> + 'e {
        self.0.iter().filter_map(move |(name, value)| {
            let rest = name.to_str()?.strip_prefix(prefix)?;
            Some((rest.to_owned(), value.to_string_lossy().into_owned()))
        })
    }

    /// A folder. Relative paths are ignored (XDG Base Directory Specification, "Environment variables").
    fn folder(&self, name: &str) -> Option<PathBuf> {
        self.0.get(OsStr::new(name)).map(PathBuf::from).filter(|folder| folder.is_absolute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_finds_the_socket_of_each_unit_by_its_state_folder() {
        let environment = Environment::of([("XDG_RUNTIME_DIR", "/run/user/1000")]);
        let runtimes = |state: &str| environment.runtimes(Path::new(state));
        let usual = ["/run/user/1000/followsift", "/run/followsift"].map(PathBuf::from);
        assert_eq!(runtimes("/var/lib/followsift"), usual);
        let of_instance = [usual.as_slice(), &["/run/followsift-ann".into()]].concat();
        assert_eq!(runtimes("/var/lib/followsift-ann"), of_instance);
    }
}

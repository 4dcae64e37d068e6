//! Reads where a secret is: in a file, in a credential of systemd, or printed by a program. Called by `read` and `oauth2`.

use super::SecretSource;
use super::paths::Paths;
use super::section::Setting;

/// A secret by the end of its key: `-file`, `-command` or `-credential`.
pub(super) fn secret_of(entry: &Setting<'_>, paths: &Paths<'_>) -> Option<SecretSource> {
    match entry.key().rsplit('-').next() {
        Some("file") => paths.read(entry).map(SecretSource::File),
        Some("command") => command(entry, paths).map(SecretSource::Command),
        _ => credential(entry).map(SecretSource::Credential),
    }
}

pub(super) fn command(entry: &Setting<'_>, paths: &Paths<'_>) -> Option<Vec<String>> {
    if !entry.is_list() {
        let label = "expected a list: the program, then its arguments, as in [\"pass\", \"show\", \"mail\"]";
        entry.error(format!("`{}` is not passed through a shell", entry.key()), label);
        return None;
    }
    let mut words = entry.items()?.iter().map(Setting::string).collect::<Option<Vec<_>>>()?;
    let Some(program) = words.first_mut() else {
        entry.error(format!("`{}` names no program", entry.key()), "");
        return None;
    };
    // PATH is searched for a bare name; anything with a slash is a path like all others in the settings.
    if program.contains('/') {
        *program = paths.complete(program, entry)?.to_str()?.to_owned();
    }
    Some(words)
}

fn credential(entry: &Setting<'_>) -> Option<String> {
    let name = entry.string()?;
    let fits = !name.contains('/') && !name.chars().any(char::is_control) && name != "." && name != "..";
    if !fits {
        entry.error(
            format!("invalid credential name `{name}`"),
            "write the name that `LoadCredential=` gives it",
        );
    }
    fits.then_some(name)
}

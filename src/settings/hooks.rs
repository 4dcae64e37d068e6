//! Reads the table `hooks`: the user's programs that are told what happens. `hook` runs them.

use std::ffi::OsString;

use super::paths::Paths;
use super::secret_source::command;
use super::section::{Section, Setting};

/// The user's programs, and what of the environment they get. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// The program, with its arguments, that is run at a trouble that needs a person.
    pub on_trouble: Option<Vec<String>>,
    /// The one that is run at a real follower.
    pub on_real: Option<Vec<String>>,
    /// The variables that they get, and no other.
    pub environment: Vec<(OsString, OsString)>,
}

impl Hooks {
    /// Each hook that is set, by its key.
    pub fn programs(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let all = [("on-trouble", &self.on_trouble), ("on-real", &self.on_real)];
        all.into_iter().filter_map(|(key, words)| Some((key, words.as_deref()?)))
    }
}

/// Reads the table.
pub(super) fn hooks(
    mut section: Section<'_>,
    paths: &Paths<'_>,
    environment: Vec<(OsString, OsString)>,
) -> Hooks {
    let mut program = |key| section.take(key).and_then(|entry| words(&entry, paths));
    let hooks = Hooks { on_trouble: program("on-trouble"), on_real: program("on-real"), environment };
    section.finish();
    hooks
}

fn words(entry: &Setting<'_>, paths: &Paths<'_>) -> Option<Vec<String>> {
    if !entry.is_list() {
        let label =
            "expected a list: the program, then its arguments, as in [\"/usr/local/bin/tell\", \"--now\"]";
        entry.error(format!("`{}` is not passed through a shell", entry.key()), label);
        return None;
    }
    command(entry, paths)
}

//! Where settings and rules come from, to be read again at a reload.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::rulebook::{self, Reading};
use crate::diagnostic::Diagnostic;
use crate::settings::{self, Environment, Settings};

/// The settings file, if there is one, and the environment that counts over it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The settings file.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Environment,
}

impl Origin {
    /// Every file and folder that [`Origin::read`] looks at, as far as can be told: also where one is not there yet, or
    /// wrong.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let Some(file) = self.file.clone() else {
            return BTreeSet::new();
        };
        let (settings, _) = settings::load(Some(&file), &self.environment);
        // What is looked for beside the settings where they name nothing.
        let mut files = BTreeSet::from(["rules.toml", "networks"].map(|name| file.with_file_name(name)));
        if let Some(settings) = settings {
            files.extend(settings.rules.iter().flat_map(|rules| rulebook::list_files(rules)));
            files.extend(settings.rules.into_iter().chain(settings.networks));
        }
        files.insert(file);
        files
    }

    /// Reads everything anew, where `before` is in force. With an error among the findings, without an account, or where
    /// rules or networks of one's own have vanished, there is nothing to go by.
    pub fn read(&self, before: &Settings) -> (Option<(Settings, Reading)>, Vec<Diagnostic>) {
        let (settings, mut findings) = settings::load(self.file.as_deref(), &self.environment);
        let Some(settings) = settings else { return (None, findings) };
        let (reading, more) = rulebook::read(Some(&settings));
        findings.extend(more);
        if settings.accounts.is_empty() {
            findings.push(Diagnostic::unplaced("the settings name no account"));
            return (None, findings);
        }
        let places = [(&before.rules, &settings.rules), (&before.networks, &settings.networks)];
        for (before, now) in places {
            if let (Some(gone), None) = (before, now) {
                let message = format!("{} is gone", gone.display());
                findings.push(
                    Diagnostic::unplaced(message).help("to go on with what ships, start the service anew"),
                );
            }
        }
        if findings.iter().any(Diagnostic::is_error) {
            return (None, findings);
        }
        (reading.map(|reading| (settings, reading)), findings)
    }
}

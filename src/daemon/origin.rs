//! Where settings and rules come from, to be read again at a reload.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::rulebook::{self, Reading};
use crate::diagnostic::Diagnostic;
use crate::settings::{self, Environment, Settings};

/// The settings file that was named, if one was, and the environment that counts over it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file named on the command line.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Environment,
}

impl Origin {
    /// Every file and folder that [`Origin::read`] looks at, as far as can be told: also where one is not there yet, or
    /// wrong.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let Some(file) = self.file.clone().or_else(|| settings::locate(&self.environment)) else {
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

    /// Reads everything anew. With an error among the findings, or without an account, there is nothing to go by.
    pub fn read(&self) -> (Option<(Settings, Reading)>, Vec<Diagnostic>) {
        let file = self.file.clone().or_else(|| settings::locate(&self.environment));
        let (settings, mut findings) = settings::load(file.as_deref(), &self.environment);
        let Some(settings) = settings else { return (None, findings) };
        let (reading, more) = rulebook::read(Some(&settings));
        findings.extend(more);
        if settings.accounts.is_empty() {
            findings.push(Diagnostic::unplaced("the settings name no account"));
            return (None, findings);
        }
        (reading.map(|reading| (settings, reading)), findings)
    }
}

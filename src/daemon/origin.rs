//! Where settings and rules come from, to be read again at a reload.

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

//! Completes the paths in the settings: relative ones begin at the settings file, `~/` at the user's home.

use std::path::{Path, PathBuf};

use super::section::Setting;

/// Completes the paths in the settings.
pub(super) struct Paths<'a> {
    /// The folder of the settings file.
    pub(super) base: &'a Path,
    pub(super) home: Option<PathBuf>,
}

impl Paths<'_> {
    pub(super) fn read(&self, entry: &Setting<'_>) -> Option<PathBuf> {
        self.complete(&entry.string()?, entry)
    }

    pub(super) fn complete(&self, path: &str, entry: &Setting<'_>) -> Option<PathBuf> {
        match path.strip_prefix("~/") {
            None => Some(self.base.join(path)),
            Some(rest) => {
                if self.home.is_none() {
                    entry.error("cannot expand `~`: HOME is not set", "write the absolute path");
                }
                Some(self.home.as_ref()?.join(rest))
            }
        }
    }
}

//! Where settings and rules come from, to be read again at a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::list_files::{self, Earlier, SETTLED};
use super::{self as rulebook, RuleFiles};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::Findings;
use crate::settings::{self, Environment, Settings};

/// The settings file, if there is one, with the folder of accounts beside it, and the environment that counts over it.
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
    /// With each, for how long it must have been unchanged before it is read.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Duration> {
        let Some(file) = self.file.clone() else {
            return BTreeMap::new();
        };
        let (settings, _) = settings::load(Some(&file), &self.environment);
        // What is looked for beside the settings where they name nothing.
        let mut files = BTreeSet::from(["rules.toml", "networks"].map(|name| file.with_file_name(name)));
        let mut folders = vec![settings::accounts_folder(&file)];
        let mut lists = BTreeSet::new();
        if let Some(settings) = settings {
            lists.extend(settings.rules.iter().flat_map(|rules| rulebook::list_files(rules)));
            files.extend(settings.rules);
            folders.extend(settings.networks);
        }
        for folder in folders {
            // Each may be a symlink: what it leads to changes in another folder.
            files.extend(settings::toml_files(&folder, "", &Findings::default()).unwrap_or_default());
            files.insert(folder);
        }
        files.insert(file);
        let lists = lists.into_iter().map(|list| (list, SETTLED));
        lists.chain(files.into_iter().map(|file| (file, Duration::ZERO))).collect()
    }

    /// Reads everything again, where `before` and `in_force` are. With an error among the findings, without an account, or where
    /// rules or networks of one's own have vanished, there is nothing to go by.
    pub fn read(
        &self,
        before: &Settings,
        in_force: &RuleFiles,
    ) -> (Option<(Settings, RuleFiles)>, Vec<Diagnostic>) {
        let (settings, mut findings) = settings::load(self.file.as_deref(), &self.environment);
        let Some(settings) = settings else { return (None, findings) };
        // What was in the list files a moment ago is known better here than in the ledger.
        let mut copies = list_files::kept(&settings);
        copies.extend(in_force.lists().copies());
        let earlier = Earlier { copies, settled: SETTLED };
        let (files, more) = rulebook::read_beside(Some(&settings), settings.rules.as_deref(), &earlier);
        findings.extend(more);
        if settings.has_no_account() {
            findings.push(Diagnostic::unplaced("the settings name no account"));
            return (None, findings);
        }
        if settings.shard != before.shard {
            let finding = Diagnostic::unplaced("`shard` has changed, which counts from the next start on");
            findings.push(finding.help("restart the service"));
        }
        let places = [(&before.rules, &settings.rules), (&before.networks, &settings.networks)];
        for (before, now) in places {
            if let (Some(gone), None) = (before, now) {
                let message = format!("{} is gone", gone.display());
                findings.push(Diagnostic::unplaced(message).help("to use what ships, restart the service"));
            }
        }
        if findings.iter().any(Diagnostic::is_error) {
            return (None, findings);
        }
        (files.map(|files| (settings, files)), findings)
    }
}

//! Reads settings, rules and lists again on a thread of its own, so that signals and the watchdog never wait for files, for
//! the compiler of rules or for their tests. Called by `service`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc as blocking};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::diagnostic::Diagnostic;
use crate::rulebook::Origin;
use crate::rulebook::RuleFiles;
use crate::settings::Settings;

/// What was read: settings and rules, where nothing is wrong with them; and every finding.
pub(super) type ReadAgain = (Option<(Settings, RuleFiles)>, Vec<Diagnostic>);

/// A reload that goes on.
#[derive(Debug)]
pub(super) struct Reload {
    /// A signal asked for it; else a file was saved.
    pub(super) asked: bool,
    steps: mpsc::UnboundedReceiver<Progress>,
}

/// How far a reload is.
#[derive(Debug)]
pub(super) enum Progress {
    /// These files are about to be read; they are, once the [`Hold`] is dropped.
    Begins(BTreeMap<PathBuf, Duration>, Hold),
    /// Everything was read; `None` where the thread crashed, by a bug of ours.
    Ends(Option<Box<ReadAgain>>),
}

/// Holds the reload up until the files are watched, so that none of them changes unnoticed after it was read.
#[derive(Debug)]
pub(super) struct Hold {
    _dropped: blocking::Sender<()>,
}

impl Reload {
    /// Begins to read `origin`, where these settings and what was read by them are in force.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub(super) fn begin(
        origin: Origin,
        (settings, files): (Arc<Settings>, Arc<RuleFiles>),
        asked: bool,
    ) -> io::Result<Self> {
        let (step, steps) = mpsc::unbounded_channel();
        let read = move || {
            let (hold, held) = blocking::channel();
            if step.send(Progress::Begins(origin.files(), Hold { _dropped: hold })).is_err() {
                return;
            }
            let _ = held.recv();
            // Once the service has ended, there is no receiver any more.
            let _ = step.send(Progress::Ends(Some(Box::new(origin.read(&settings, &files)))));
        };
        thread::Builder::new().name("reload".to_owned()).spawn(read)?;
        Ok(Self { asked, steps })
    }

    /// The next step; never, where no reload goes on.
    pub(super) async fn step(reload: Option<&mut Self>) -> Progress {
        match reload {
            Some(reload) => reload.steps.recv().await.unwrap_or(Progress::Ends(None)),
            None => std::future::pending().await,
        }
    }
}

//! Files that `init` writes: new ones alone, and none of them is left if it ends early, be it by a signal. Called by `init` alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::Access;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::output::Output;
use crate::report::init::NOTHING_WRITTEN;

/// What has to be undone if `init` ends early.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Files that are not kept so far.
    files: Vec<PathBuf>,
    /// The terminal as it was, while it does not show what is typed.
    terminal: Option<Termios>,
    is_kept: bool,
}

impl Pending {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on SIGINT, SIGTERM and SIGHUP end the process as [`Self::end`] says.
    pub(super) fn end_at_signals(&self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate, mut hangup) = {
            let _context = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            )
        };
        let pending = self.clone();
        let wait = move || {
            let kind = runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hangup.recv() => SignalKind::hangup(),
                }
            });
            pending.end(kind)
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
    }

    /// Ends the process as a signal does, but leaves no file, and the terminal as it was.
    pub(super) fn end(&self, kind: SignalKind) -> ! {
        // Nobody else writes a file, or says how it ended, as long as the process lives.
        let mut state = self.state();
        if let Some(terminal) = state.terminal.take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &terminal);
        }
        state.files.drain(..).for_each(remove);
        if !state.is_kept {
            let mut output = Output::standard();
            output.line("");
            output.error(NOTHING_WRITTEN);
        }
        process::exit(128 + kind.as_raw_value())
    }

    /// Does what may stop the terminal from showing what is typed.
    pub(super) fn unseen<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.state().terminal = tcgetattr(io::stdin()).ok();
        let answer = ask();
        self.state().terminal = None;
        answer
    }

    /// Writes a file of these parts that was not there, for its owner alone to read where `is_secret`, and has it on the disk.
    ///
    /// # Errors
    /// If there is such a file, or it cannot be written.
    pub(super) fn write(&self, path: &Path, parts: &[&str], is_secret: bool) -> io::Result<NewFile> {
        let mut state = self.state();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mode = if is_secret { 0o600 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        state.files.push(path.to_owned());
        drop(state);
        let written = NewFile { path: path.to_owned(), pending: self.clone() };
        for part in parts {
            file.write_all(part.as_bytes())?;
        }
        file.sync_all()?;
        Ok(written)
    }

    /// Leaves all files where they are.
    pub(super) fn keep(&self) {
        let mut state = self.state();
        state.files.clear();
        state.is_kept = true;
    }
}

/// A file that was written, and is removed again unless it is kept.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    pending: Pending,
}

impl NewFile {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        self.pending.state().files.extract_if(.., |file| *file == self.path).for_each(remove);
    }
}

fn remove(file: PathBuf) {
    // If that fails, the user finds a file that the next `init` names.
    let _ = fs::remove_file(file);
}

/// Can a file be written into this folder, which may have to be made first?
///
/// # Errors
/// If it cannot.
pub(super) fn can_be_written(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_new_for_its_owner_alone_and_gone_unless_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("password");
        let pending = Pending::default();
        let file = pending.write(&path, &["secret", "\n"], true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(pending.write(&path, &["other\n"], true).is_err());
        drop(file);
        assert!(!path.exists());
        let file = pending.write(&path, &["secret", "\n"], true).unwrap();
        pending.keep();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"secret\n");
    }

    #[test]
    fn a_folder_can_be_written_to_if_the_nearest_one_that_exists_can() {
        let folder = tempfile::tempdir().unwrap();
        assert!(can_be_written(&folder.path().join("a").join("b")).is_ok());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(can_be_written(&folder.path().join("file").join("b")).is_err());
    }
}

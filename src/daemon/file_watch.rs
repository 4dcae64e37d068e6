//! Notices when settings, files of accounts, rules, networks, lists or passwords are saved, so that a reload or another login
//! needs no signal.
//!
//! Editors save in many ways: they write over the old text, or write a new file and rename it, or move the old file aside for a
//! moment; and the file may be behind symlinks. So this watches folders, not files (inotify(7)), and also every folder with a
//! symlink on the way. An event only starts a pause: once nothing has happened for a moment, every file is compared with what it
//! was, and only a different file counts. A list of people counts only after it has been unchanged for longer, since a half-saved
//! list would miss friends. Where the kernel reports nothing (a network file system, no watches left), SIGHUP still reloads.
//! Called by `service`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::file_stamp::FileStamp;
use crate::rulebook::regular_file;

/// Saving is over when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(250);
/// An editor that saves without a pause is waited for no longer than this.
const LONGEST: Duration = Duration::from_secs(3);
/// How long a missing file may take to come back: some editors move it aside first.
const RETURN: Duration = Duration::from_secs(1);
/// More than the difference between the clocks of files and of waiting.
const LITTLE: Duration = Duration::from_millis(50);
/// How many symlinks may lead to a file, as in path_resolution(7).
const MOST_LINKS: usize = 40;

/// The files, with what they looked like when they were last read.
#[derive(Debug)]
pub(super) struct FileWatch {
    /// None where the kernel offers no watch.
    watcher: Option<RecommendedWatcher>,
    waker: Arc<Notify>,
    stamps: BTreeMap<PathBuf, FileStamp>,
    /// For how long a file must have been unchanged.
    settled: BTreeMap<PathBuf, Duration>,
    folders: BTreeSet<PathBuf>,
    /// Set between the first event and the moment at which the files are looked at.
    pause: Option<Pause>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Instant,
    until: Instant,
    /// A file was gone, and has been waited for.
    waited: bool,
}

impl FileWatch {
    /// Begins to watch files, also those that do not exist yet.
    pub(super) fn watch(files: BTreeMap<PathBuf, Duration>) -> Self {
        let waker = Arc::new(Notify::new());
        let notifier = Arc::clone(&waker);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, matters) {
                notifier.notify_one();
            }
        });
        let watcher =
            watcher.inspect_err(|cause| warn!(%cause, "cannot watch files; reload with SIGHUP")).ok();
        let mut watch = Self {
            watcher,
            waker,
            stamps: BTreeMap::new(),
            settled: BTreeMap::new(),
            folders: BTreeSet::new(),
            pause: None,
        };
        watch.see(files);
        watch
    }

    /// Watches these files beside the others: all of them are about to be read as they are now. Those that are named no
    /// longer stay watched as long as the service runs; a file that is wrong names less than it should.
    ///
    /// One that has not been unchanged for long enough stays to be read once more. Returns those that were watched before and have
    /// changed.
    pub(super) fn see(&mut self, files: BTreeMap<PathBuf, Duration>) -> BTreeSet<PathBuf> {
        let mut new = BTreeSet::new();
        for (file, settled) in files {
            self.stamps.entry(file.clone()).or_insert_with(|| {
                new.insert(file.clone());
                FileStamp::Absent
            });
            self.settled.insert(file, settled);
        }
        &self.look() - &new
    }

    /// Returns the files that have changed, once there are any, and saving is over. May be dropped and called again at any time; it
    /// misses nothing.
    pub(super) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        loop {
            let Some(pause) = self.pause else {
                self.waker.notified().await;
                let now = Instant::now();
                self.pause = Some(Pause { since: now, until: now + QUIET, waited: false });
                continue;
            };
            if timeout_at(pause.until, self.waker.notified()).await.is_ok() {
                let until = (Instant::now() + QUIET).min(pause.since + LONGEST).max(pause.until);
                self.pause = Some(Pause { until, ..pause });
                if Instant::now() < pause.since + LONGEST {
                    continue;
                }
            }
            if !pause.waited && self.stamps.iter().any(|(file, stamp)| stamp.is_lost(file)) {
                self.pause = Some(Pause { until: Instant::now() + RETURN, waited: true, ..pause });
                continue;
            }
            self.pause = None;
            let changed = self.look();
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Compares every file with what it was; returns those that have changed.
    fn look(&mut self) -> BTreeSet<PathBuf> {
        // A symlink may lead elsewhere now, and another folder may have the name.
        self.follow();
        let mut changed = BTreeSet::new();
        let mut unsettled: Option<Duration> = None;
        for (file, stamp) in &mut self.stamps {
            let now = FileStamp::of(file);
            if now == *stamp {
                continue;
            }
            let settled = self.settled.get(file).copied().unwrap_or_default();
            let age = fs::metadata(file).ok().and_then(|found| regular_file::age(&found));
            match age.and_then(|age| settled.checked_sub(age)).filter(|rest| !rest.is_zero()) {
                Some(rest) => unsettled = unsettled.max(Some(rest)),
                None => {
                    changed.insert(file.clone());
                    *stamp = now;
                }
            }
        }
        if let Some(rest) = unsettled {
            let now = Instant::now();
            // A little longer, so that the file is old enough when it is read.
            self.pause = Some(Pause { since: now, until: now + rest + LITTLE, waited: true });
        }
        changed
    }

    /// Watches the folders in which the way to a file can change.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut folders = BTreeSet::new();
        for file in self.stamps.keys() {
            way_to(file, &mut folders);
        }
        for gone in self.folders.difference(&folders) {
            // The kernel has dropped the watch of a folder that was deleted.
            let _ = watcher.unwatch(gone);
        }
        for folder in &folders {
            // Anew each time: another folder may have taken the name.
            let _ = watcher.unwatch(folder);
            if let Err(cause) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                debug!(%cause, folder = %folder.display(), "cannot watch a folder");
            }
        }
        self.folders = folders;
    }
}

/// Reading changes nothing, and the service itself reads.
fn matters(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The folders in which the way to a file can change: its own, that of every link on the way, and itself if it is one. Where
/// it is not there yet, the nearest that is.
fn way_to(file: &Path, folders: &mut BTreeSet<PathBuf>) {
    let Ok(mut path) = std::path::absolute(file) else { return };
    for _ in 0..MOST_LINKS {
        match step(&path, folders) {
            Some(next) => path = next,
            None => return,
        }
    }
}

/// Goes along a path; where a link leads on, by which path.
fn step(path: &Path, folders: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
    let mut so_far = PathBuf::new();
    let mut rest = path.components();
    while let Some(component) = rest.next() {
        let parent = so_far.clone();
        so_far.push(component);
        let Ok(found) = so_far.symlink_metadata() else {
            folders.insert(parent);
            return None;
        };
        if found.is_symlink() {
            let target = fs::read_link(&so_far).ok()?;
            let next = parent.join(target).join(rest.as_path());
            folders.insert(parent);
            return Some(next);
        }
    }
    folders.extend(so_far.parent().map(Path::to_owned));
    if so_far.is_dir() {
        folders.insert(so_far);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// A folder with a rules file and a folder of profiles, watched.
    struct Desk {
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("rules.toml"), "old").unwrap();
            fs::create_dir(folder.path().join("networks")).unwrap();
            fs::write(folder.path().join("networks/a.toml"), "old").unwrap();
            Self { folder }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn saved(&self) -> FileWatch {
            let files = ["rules.toml", "networks", "friends.txt"].map(|name| (self.at(name), Duration::ZERO));
            FileWatch::watch(files.into())
        }
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[track_caller]
    fn check_noticed(desk: &Desk, mut saved: FileWatch, save: impl Fn(&Desk)) {
        run(async {
            save(desk);
            let noticed = tokio::time::timeout(Duration::from_secs(10), saved.changed()).await;
            assert!(noticed.is_ok(), "the change was not noticed");
            let again = tokio::time::timeout(Duration::from_millis(700), saved.changed()).await;
            assert!(again.is_err(), "one change was noticed twice");
            // It goes on, with whatever took the file's place.
            fs::write(desk.at("rules.toml"), "newest of all").unwrap();
            let noticed = tokio::time::timeout(Duration::from_secs(10), saved.changed()).await;
            assert!(noticed.is_ok(), "the next change was not noticed");
        });
    }

    #[track_caller]
    fn is_noticed(save: impl Fn(&Desk)) {
        let desk = Desk::new();
        check_noticed(&desk, desk.saved(), save);
    }

    #[track_caller]
    fn is_ignored(act: impl Fn(&Desk)) {
        let desk = Desk::new();
        let mut saved = desk.saved();
        run(async {
            act(&desk);
            let noticed = tokio::time::timeout(Duration::from_millis(900), saved.changed()).await;
            assert!(noticed.is_err(), "nothing was saved");
        });
    }

    #[test]
    fn a_text_written_over_the_old_one_is_heard_of() {
        is_noticed(|desk| fs::write(desk.at("rules.toml"), "new").unwrap());
    }

    #[test]
    fn a_new_file_that_takes_the_name_of_the_old_one_is_heard_of() {
        is_noticed(|desk| {
            fs::write(desk.at(".rules.toml.new"), "new").unwrap();
            fs::rename(desk.at(".rules.toml.new"), desk.at("rules.toml")).unwrap();
        });
    }

    #[test]
    fn a_new_file_after_the_old_one_was_moved_aside_is_heard_of() {
        is_noticed(|desk| {
            fs::rename(desk.at("rules.toml"), desk.at("rules.toml~")).unwrap();
            fs::write(desk.at("rules.toml"), "new").unwrap();
            fs::remove_file(desk.at("rules.toml~")).unwrap();
        });
    }

    #[test]
    fn a_file_deleted_and_written_anew_is_heard_of() {
        is_noticed(|desk| {
            fs::remove_file(desk.at("rules.toml")).unwrap();
            fs::write(desk.at("rules.toml"), "new").unwrap();
        });
    }

    #[test]
    fn a_text_changed_in_place_by_a_program_is_heard_of() {
        is_noticed(|desk| {
            let sed = Command::new("sed").args(["-i", "s/old/new/"]).arg(desk.at("rules.toml")).status();
            assert!(sed.unwrap().success());
        });
    }

    #[test]
    fn a_file_that_was_not_there_is_heard_of() {
        is_noticed(|desk| fs::write(desk.at("friends.txt"), "Ana Lima").unwrap());
    }

    #[test]
    fn a_file_that_has_gone_for_good_is_heard_of() {
        is_noticed(|desk| fs::remove_file(desk.at("rules.toml")).unwrap());
    }

    #[test]
    fn a_profile_added_changed_or_taken_away_is_heard_of() {
        is_noticed(|desk| fs::write(desk.at("networks/b.toml"), "new").unwrap());
        is_noticed(|desk| fs::write(desk.at("networks/a.toml"), "newer").unwrap());
        is_noticed(|desk| fs::remove_file(desk.at("networks/a.toml")).unwrap());
    }

    #[test]
    fn another_folder_of_the_same_name() {
        is_noticed(|desk| {
            fs::create_dir(desk.at("fresh")).unwrap();
            fs::write(desk.at("fresh/c.toml"), "new").unwrap();
            fs::rename(desk.at("networks"), desk.at("stale")).unwrap();
            fs::rename(desk.at("fresh"), desk.at("networks")).unwrap();
        });
    }

    /// A home with links into a folder of dotfiles, one of them by way of another.
    fn linked() -> Desk {
        let desk = Desk::new();
        fs::create_dir(desk.at("dotfiles")).unwrap();
        fs::rename(desk.at("rules.toml"), desk.at("dotfiles/rules.toml")).unwrap();
        symlink("dotfiles", desk.at("current")).unwrap();
        symlink("current/rules.toml", desk.at("rules.toml")).unwrap();
        desk
    }

    #[test]
    fn a_text_behind_links_is_heard_of() {
        let desk = linked();
        check_noticed(&desk, desk.saved(), |desk| {
            fs::write(desk.at("dotfiles/.new"), "new").unwrap();
            fs::rename(desk.at("dotfiles/.new"), desk.at("dotfiles/rules.toml")).unwrap();
        });
    }

    #[test]
    fn a_link_that_leads_elsewhere_now_is_heard_of() {
        let desk = linked();
        check_noticed(&desk, desk.saved(), |desk| {
            fs::create_dir(desk.at("newer")).unwrap();
            fs::write(desk.at("newer/rules.toml"), "new").unwrap();
            symlink("newer", desk.at("current.new")).unwrap();
            fs::rename(desk.at("current.new"), desk.at("current")).unwrap();
        });
    }

    #[test]
    fn many_writes_are_one_change() {
        is_noticed(|desk| {
            for round in 0..50 {
                fs::write(desk.at("rules.toml"), format!("new {round}")).unwrap();
            }
        });
    }

    #[test]
    fn reading_and_files_beside_it_are_no_change() {
        is_ignored(|desk| drop(fs::read(desk.at("rules.toml")).unwrap()));
        is_ignored(|desk| fs::write(desk.at(".rules.toml.swp"), "swap").unwrap());
        is_ignored(|desk| fs::write(desk.at("networks/notes.txt"), "x").unwrap());
    }

    #[test]
    fn the_files_that_have_changed_are_named() {
        let desk = Desk::new();
        let mut saved = desk.saved();
        run(async {
            fs::write(desk.at("friends.txt"), "Ana").unwrap();
            let changed = tokio::time::timeout(Duration::from_secs(10), saved.changed()).await.unwrap();
            assert_eq!(changed, [desk.at("friends.txt")].into());
            // Of those that are seen, the new ones have not changed.
            fs::write(desk.at("rules.toml"), "newer").unwrap();
            fs::write(desk.at("more.txt"), "new").unwrap();
            let files = ["rules.toml", "more.txt"].map(|name| (desk.at(name), Duration::ZERO));
            assert_eq!(saved.see(files.into()), [desk.at("rules.toml")].into());
        });
    }

    #[test]
    fn what_was_saved_while_nobody_listened_is_heard_later() {
        let desk = Desk::new();
        let mut saved = desk.saved();
        run(async {
            fs::write(desk.at("rules.toml"), "new").unwrap();
            // A select drops the futures that are not ready.
            for _ in 0..300 {
                if tokio::time::timeout(Duration::from_millis(30), saved.changed()).await.is_ok() {
                    return;
                }
            }
            panic!("the change was not noticed");
        });
    }

    #[test]
    fn what_was_read_meanwhile_is_no_change() {
        let desk = Desk::new();
        let mut saved = desk.saved();
        run(async {
            fs::write(desk.at("rules.toml"), "new").unwrap();
            saved.see([desk.at("rules.toml"), desk.at("more.txt")].map(|file| (file, Duration::ZERO)).into());
            assert!(tokio::time::timeout(Duration::from_millis(900), saved.changed()).await.is_err());
            fs::write(desk.at("more.txt"), "new").unwrap();
            assert!(tokio::time::timeout(Duration::from_secs(10), saved.changed()).await.is_ok());
        });
    }

    #[test]
    fn a_list_is_heard_of_once_it_has_been_unchanged_for_long_enough() {
        let desk = Desk::new();
        let mut saved = desk.saved();
        let settled = Duration::from_millis(800);
        fs::write(desk.at("friends.txt"), "Ana").unwrap();
        // It was there before, and is too young to be believed: the change is reported without another event.
        saved.see([(desk.at("friends.txt"), settled)].into());
        run(async {
            let begun = Instant::now();
            assert!(tokio::time::timeout(Duration::from_secs(10), saved.changed()).await.is_ok());
            assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
            let age = regular_file::age(&fs::metadata(desk.at("friends.txt")).unwrap()).unwrap();
            assert!(age >= settled, "{age:?}");
            assert!(tokio::time::timeout(Duration::from_millis(700), saved.changed()).await.is_err());
            // What else is saved meanwhile waits for no list.
            fs::write(desk.at("friends.txt"), "").unwrap();
            fs::write(desk.at("rules.toml"), "new").unwrap();
            assert!(tokio::time::timeout(Duration::from_secs(10), saved.changed()).await.is_ok());
            assert!(saved.pause.is_some(), "the list is still to be reported");
            assert!(tokio::time::timeout(Duration::from_secs(10), saved.changed()).await.is_ok());
        });
    }
}

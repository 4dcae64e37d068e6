//! What a watched file or folder looked like when it was last read, to tell a change from an event that changed nothing.
//! Called by `file_watch`.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What shows that a file is not the one it was; of a folder, its TOML files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileStamp {
    Absent,
    File(Traits),
    Folder(BTreeMap<PathBuf, Traits>),
}

/// Device, inode, size, and the times of the last change to its text and to itself, in nanoseconds.
type Traits = (u64, u64, u64, i128, i128);

impl FileStamp {
    /// As it is now.
    pub(super) fn of(file: &Path) -> Self {
        match fs::metadata(file) {
            Err(_) => Self::Absent,
            Ok(found) if !found.is_dir() => Self::File(traits(&found)),
            Ok(_) => {
                let entries = fs::read_dir(file).into_iter().flatten().flatten();
                let files = entries
                    .map(|entry| entry.path())
                    .filter(|path| path.extension().is_some_and(|it| it == "toml"));
                Self::Folder(
                    files
                        .filter_map(|path| fs::metadata(&path).ok().map(|found| (path, traits(&found))))
                        .collect(),
                )
            }
        }
    }

    /// Was it there, and is it not now?
    pub(super) fn is_lost(&self, file: &Path) -> bool {
        *self != Self::Absent && !file.exists()
    }
}

fn traits(found: &Metadata) -> Traits {
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    (
        found.dev(),
        found.ino(),
        found.len(),
        nanoseconds(found.mtime(), found.mtime_nsec()),
        nanoseconds(found.ctime(), found.ctime_nsec()),
    )
}

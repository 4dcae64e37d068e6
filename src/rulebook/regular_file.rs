//! The text of a file that a person keeps: read without ever waiting for a device, a pipe or another program, and no more of
//! it than makes sense.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::clock;

/// The most bytes of a rules file or of a network's file.
pub(super) const FEW: u64 = 4 << 20;
/// The most bytes of a list: an address book may hold photographs.
pub(super) const MANY: u64 = 64 << 20;

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    /// How long ago it was last written to; `None` where that is in the future.
    pub(super) age: Option<Duration>,
}

/// Reads the file, of which it is refused if it has more than `most` bytes.
pub(super) fn read(file: &Path, most: u64) -> io::Result<Text> {
    // To open a pipe waits for its other end (fifo(7)), and a terminal may become ours (open(2)).
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(file)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(other("it is not a regular file"));
    }
    let text = limited(&file, most)?;
    Ok(Text { text, age: age(&metadata) })
}

fn limited(file: &File, most: u64) -> io::Result<String> {
    let mut text = String::new();
    file.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(other(format!("it is larger than {} MB", most >> 20)));
    }
    Ok(text)
}

/// How long ago a file was written to; `None` where that is in the future.
pub(crate) fn age(metadata: &Metadata) -> Option<Duration> {
    clock::time_since(metadata.modified().ok()?)
}

fn other(words: impl Into<String>) -> io::Error {
    io::Error::other(words.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("friends.txt");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for file in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let refused = read(file, MANY).unwrap_err().to_string();
            assert!(refused.contains("not a regular file"), "{}: {refused}", file.display());
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_after_as_much_as_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("friends.txt");
        // Sparse: nothing of it is on the disk.
        File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(read(&file, 1 << 20).unwrap_err().to_string().contains("larger than 1 MB"));
        std::fs::write(&file, "Ana\n").unwrap();
        let read = read(&file, 4).unwrap();
        assert_eq!(read.text, "Ana\n");
        assert!(read.age.is_some());
    }
}

//! Reads messages from files: Maildir, mbox, and one message a file. Changes nothing, and parses nothing.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::mbox::{self, Piece};
use crate::assess::Arrival;
use crate::cli::message_file::{self, MAIL_LIMIT, Unusable};
use crate::clock::Timestamp;
use crate::mail::NotAMessage;

/// Hands over every message at a path, with when it arrived, as far as that can be told. Returns the files of a folder that
/// contain something else; they are passed over, but a file at `path` itself is an error.
pub(super) fn messages(
    path: &Path,
    now: Timestamp,
    each: &mut dyn FnMut(Piece),
) -> Result<Vec<(PathBuf, NotAMessage)>, Unusable> {
    let mut others = Vec::new();
    if !path.is_dir() {
        file(path, now, each)?;
        return Ok(others);
    }
    let is_maildir = ["cur", "new"].iter().all(|name| path.join(name).is_dir());
    if is_maildir {
        for mail in sorted(&path.join("cur"))?.into_iter().chain(sorted(&path.join("new"))?) {
            let bytes = match head(&mail) {
                Ok(bytes) => bytes,
                // A mail program may have renamed it meanwhile, to note that it was read.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(cause.into()),
            };
            let arrived = delivered(&mail).map_or(Arrival::Dated { otherwise: now }, Arrival::At);
            each(Piece::Message(bytes, arrived));
        }
        return Ok(others);
    }
    for one in sorted(path)? {
        match file(&one, now, each) {
            // An mbox without messages.
            Ok(()) | Err(Unusable::Other(NotAMessage::Empty)) => {}
            Err(Unusable::Other(what)) => others.push((one, what)),
            Err(cause) => return Err(cause),
        }
    }
    Ok(others)
}

/// The files of a folder by name, without hidden ones.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// An mbox, which begins with `From ` (RFC 4155), or one message.
fn file(path: &Path, now: Timestamp, each: &mut dyn FnMut(Piece)) -> Result<(), Unusable> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    message_file::pass_over_lead_in(&mut reader)?;
    if !reader.fill_buf()?.starts_with(b"From ") {
        each(Piece::Message(message_file::one(reader)?, Arrival::Dated { otherwise: now }));
        return Ok(());
    }
    Ok(mbox::cut(reader, now, each)?)
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAIL_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// When a message came into its Maildir: its name begins with that, and servers keep the time in the file's. A copy has a
/// later time, and a message moved in from elsewhere a later name; the earlier of the two is right.
fn delivered(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?.split('.').next()?;
    let named = name.parse::<i64>().ok().filter(|seconds| *seconds > 0);
    let modified = path.metadata().and_then(|file| file.modified()).ok();
    let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|at| i64::try_from(at.as_secs()).ok());
    named.into_iter().chain(modified).min().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: a@b.example\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSubject: x\n\nbody\n";

    const NOW: Timestamp = Timestamp(2_000_000_000);
    const DATED: Arrival = Arrival::Dated { otherwise: NOW };

    fn at(seconds: i64) -> Arrival {
        Arrival::At(Timestamp(seconds))
    }

    fn read(path: &Path) -> Vec<(String, Arrival)> {
        let mut found = Vec::new();
        messages(path, NOW, &mut |piece| {
            piece.messages(&mut |mail| {
                found.push((String::from_utf8(mail.bytes.to_vec()).unwrap(), mail.arrived));
            });
        })
        .unwrap();
        found
    }

    #[test]
    fn a_single_message_arrived_when_it_says_that_it_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.eml");
        fs::write(&file, MAIL).unwrap();
        assert_eq!(read(&file), [(MAIL.to_owned(), DATED)]);
        assert_eq!(read(folder.path()).len(), 1, "a folder of messages");
    }

    #[test]
    fn an_mbox_says_when_each_mail_arrived() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inbox");
        let quoted = "From: a@b.example\n\n>From here on\n";
        fs::write(
            &file,
            format!(
                "From a@b.example Tue Jan  2 00:00:00 2024\n{MAIL}\nFrom a@b.example  nonsense\n{quoted}"
            ),
        )
        .unwrap();
        let found = read(&file);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].1, at(1_704_153_600));
        assert!(found[0].0.starts_with("From: a@b") && found[1].0.contains("\nFrom here on"));
        assert_eq!(found[1].1, DATED, "a date that cannot be read");
    }

    #[test]
    fn what_precedes_a_message_or_an_mbox_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inbox");
        let mbox = format!("From a@b.example Tue Jan  2 00:00:00 2024\n{MAIL}\n").repeat(2);
        for lead in ["\u{feff}", "\r\n", "\n\u{feff}"] {
            fs::write(&file, format!("{lead}{mbox}")).unwrap();
            assert_eq!(read(&file).len(), 2, "{lead:?}");
            fs::write(&file, format!("{lead}{MAIL}")).unwrap();
            assert_eq!(read(&file), [(MAIL.to_owned(), DATED)]);
        }
        // More than the reader holds at once.
        fs::write(&file, format!("{}{mbox}", "\n".repeat(200_000))).unwrap();
        assert_eq!(read(&file).len(), 2);
    }

    #[test]
    fn what_is_not_a_message_is_an_error_where_it_was_named_and_passed_over_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.eml"), MAIL).unwrap();
        fs::write(at("b.html"), "<html>").unwrap();
        fs::write(at("c"), "").unwrap();
        let mut count = 0;
        let mut all = |path: &Path| messages(path, NOW, &mut |_| count += 1);
        assert_eq!(all(folder.path()).unwrap(), [(at("b.html"), NotAMessage::Html)]);
        assert!(matches!(all(&at("b.html")), Err(Unusable::Other(NotAMessage::Html))));
        assert!(matches!(all(&at("c")), Err(Unusable::Other(NotAMessage::Empty))));
        assert!(matches!(all(&at("d")), Err(Unusable::Unreadable(_))));
        assert_eq!(count, 1);
    }

    #[test]
    fn a_maildir_is_read_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cur", "new", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("cur/1600000000.M1.host:2,S"), MAIL).unwrap();
        fs::write(folder.path().join("new/1500000000.M1.host"), MAIL).unwrap();
        fs::write(folder.path().join("tmp/1.M1.host"), MAIL).unwrap();
        let found = read(folder.path());
        let arrivals: Vec<_> = found.iter().map(|(_, arrived)| *arrived).collect();
        assert_eq!(arrivals, [at(1_600_000_000), at(1_500_000_000)]);
        assert!(folder.path().join("new/1500000000.M1.host").exists());
    }
}

//! Reads a password from a file, and extracts it from the bytes of a file or of a program's output.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::LoginFault;

/// The longest password, in bytes; the longest tokens have a few thousand.
pub(super) const LONGEST: usize = 16 * 1024;

/// The first line of a file that `is_fit`.
pub(super) fn first_line(
    path: &Path,
    is_fit: impl FnOnce(&Metadata) -> bool,
) -> Result<SecretString, LoginFault> {
    let unreadable = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => LoginFault::Missing { path: path.to_owned() },
        _ => LoginFault::Unreadable { path: path.to_owned(), cause },
    };
    // A FIFO must not block the open.
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    // From the open file, so that it cannot be replaced between the check and the read; links are already followed.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    if !is_fit(&metadata) {
        return Err(LoginFault::Exposed { path: path.to_owned() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    password(&bytes).map_err(|why| LoginFault::Unfit { source: path.display().to_string(), why, said: None })
}

/// Is the file readable by its owner alone?
pub(super) fn is_private(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 == 0
}

/// What identifies a file as it is now: it changes if the file is written, replaced or gets other rights. Says nothing about what is
/// in it.
pub(super) fn edition(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(file) => format!("{} {}.{}", file.ino(), file.ctime(), file.ctime_nsec()),
        Err(_) => String::new(),
    }
}

/// The first line of what was read, without its line end; or why it cannot be a password.
pub(super) fn password(bytes: &[u8]) -> Result<SecretString, &'static str> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(_) if line.len() > LONGEST => Err("its first line is too long"),
        Ok("") => Err("its first line is empty"),
        // NUL separates the fields of AUTHENTICATE PLAIN (RFC 4616, section 2).
        Ok(text) if text.contains('\0') => Err("it contains a NUL byte"),
        // `to_owned` allocates exactly, so that boxing it does not copy the password a second time.
        Ok(text) => Ok(SecretString::from(text.to_owned())),
        Err(_) => Err("it is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn read(bytes: &[u8]) -> Result<String, &'static str> {
        password(bytes).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn the_first_line_without_its_end_is_the_password() {
        for bytes in ["pässword ", "pässword \n", "pässword \r\n", "pässword \nuser: ann\n"] {
            assert_eq!(read(bytes.as_bytes()).as_deref(), Ok("pässword "), "{bytes:?}");
        }
    }

    #[test]
    fn a_password_is_taken_as_it_is_whatever_a_terminal_or_a_server_makes_of_it() {
        for text in
            ["hun\rter", "\u{1b}[2Jhun\u{7}", "\"hun\\ter\"", "hun\u{202e}ter\u{9b}", "{10}", "%s $HOME `id`"]
        {
            assert_eq!(read(format!("{text}\n").as_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn text_that_cannot_be_a_password_is_refused_and_not_shown() {
        for bytes in [&b""[..], b"\n", b"\nhunter2", b"\xffhunter2", b"hunter2\0", &[b'h'; LONGEST + 1]] {
            assert!(!read(bytes).unwrap_err().contains("hunter2"));
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "hunter2\n").unwrap();
        symlink(&file, &link).unwrap();
        for (mode, fits) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            for path in [&file, &link] {
                match first_line(path, is_private) {
                    Ok(password) => assert!(fits && password.expose_secret() == "hunter2", "{mode:o}"),
                    Err(fault) => {
                        assert!(!fits, "{mode:o}: {fault}");
                        assert!(fault.to_string().contains("`chmod 600 "), "{fault}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        // Opening a FIFO must not wait for a writer.
        let fifo = std::process::Command::new("mkfifo").arg(inside("fifo")).status().unwrap();
        assert!(fifo.success());
        let _socket = std::os::unix::net::UnixListener::bind(inside("socket")).unwrap();
        symlink("/dev/zero", inside("link")).unwrap();
        symlink(inside("circle"), inside("circle")).unwrap();
        let devices = ["/dev/null", "/dev/zero", "/proc/self/fd"].map(Path::new);
        let ours = ["", "nothing", "fifo", "socket", "link", "circle"].map(inside);
        for path in ours.iter().map(|path| path.as_path()).chain(devices) {
            match first_line(path, |_| true) {
                Err(LoginFault::Unreadable { .. }) => assert!(!path.ends_with("nothing")),
                fault => {
                    assert!(matches!(fault, Err(LoginFault::Missing { .. })) && path.ends_with("nothing"))
                }
            }
        }
    }
}

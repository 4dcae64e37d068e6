//! What a password program says on its standard error: its last line may be cited, unless the program printed
//! anything else, which the line may repeat.
//!
//! Keeps no more than the end of it, in a buffer that is wiped. Called by `command`.

use std::io::{self, ErrorKind, Read};

use secrecy::zeroize::Zeroizing;

use crate::text;

/// How many bytes are kept.
const KEPT: usize = 4096;
/// The longest citation, in characters.
const LONGEST: usize = 200;

/// The end of a program's standard error.
pub(super) struct Complaint {
    end: Zeroizing<Vec<u8>>,
    /// Something before `end` was dropped.
    is_cut: bool,
}

impl Default for Complaint {
    fn default() -> Self {
        // So large that it never grows, which would leave copies behind.
        Self { end: Zeroizing::new(Vec::with_capacity(2 * KEPT)), is_cut: false }
    }
}

impl Complaint {
    /// Reads what is available; `false` at the end.
    pub(super) fn read(&mut self, mut from: impl Read) -> io::Result<bool> {
        let mut piece = Zeroizing::new([0; KEPT]);
        // No more than a few pieces at a time, so that the deadline is looked at.
        for _ in 0..16 {
            match from.read(piece.as_mut_slice()) {
                Ok(0) => return Ok(false),
                Ok(length) => self.push(piece.get(..length).unwrap_or_default()),
                Err(cause) if cause.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(true)
    }

    fn push(&mut self, piece: &[u8]) {
        self.end.extend_from_slice(piece);
        let excess = self.end.len().saturating_sub(KEPT);
        self.end.drain(..excess);
        self.is_cut |= excess > 0;
    }

    /// Its last line that is not empty, made harmless. `None` if there is none, or if the program printed anything as `output`: the
    /// line may repeat that, whole, in parts or in another encoding.
    pub(super) fn cited(&self, output: &[u8]) -> Option<String> {
        if !output.trim_ascii().is_empty() {
            return None;
        }
        let mut lines = self.end.rsplit(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.by_ref().find(|line| !line.is_empty())?;
        // A line whose beginning is missing says little, and may begin in the middle of a secret.
        let is_whole = !self.is_cut || lines.next().is_some();
        is_whole.then(|| text::one_line(&String::from_utf8_lossy(line), LONGEST))
    }
}

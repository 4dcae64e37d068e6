//! How a memory fails. Whatever the fault, the message is delivered, and has no verdict that the memory was asked for.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::text;

/// The most characters kept of what a database says.
const WORDS_CAP: usize = 300;

/// What was attempted on which memory, and why it did not work.
#[derive(Debug)]
pub struct MemoryFault {
    /// What was attempted, to be read after "could not".
    doing: &'static str,
    /// The memory, without the name and password that open it.
    at: Arc<str>,
    /// Why.
    pub cause: MemoryCause,
}

/// Why a memory did not answer.
#[derive(Debug, PartialEq, Eq)]
pub enum MemoryCause {
    /// The deadline passed.
    Late,
    /// It failed some seconds ago, and is not asked yet.
    Resting,
    /// It could not be connected to, or the connection broke.
    Unreachable(Words),
    /// It answered that it cannot: disk full, read-only, no permission, locked for too long.
    Failed(Words),
    /// A newer followsift has written it; this one could misread it.
    Newer {
        /// Its version.
        found: i64,
        /// The newest version that is understood.
        known: i64,
    },
    /// It is the database of another program.
    Foreign,
}

/// What a database says, as one harmless line.
#[derive(Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    pub(super) fn new(words: &str) -> Self {
        Self(text::one_line(words, WORDS_CAP))
    }
}

impl MemoryFault {
    pub(super) fn new(doing: &'static str, at: &Arc<str>, cause: MemoryCause) -> Self {
        Self { doing, at: Arc::clone(at), cause }
    }
}

impl fmt::Display for MemoryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {} the memory of deliveries {}", self.doing, self.at)
    }
}

impl Error for MemoryFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Display for MemoryCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("no answer in time"),
            Self::Resting => {
                f.write_str("it failed a moment ago; followsift asks it again after some seconds")
            }
            Self::Unreachable(words) | Self::Failed(words) => f.write_str(&words.0),
            Self::Newer { found, known } => write!(
                f,
                "a newer followsift has written it (version {found}, this one knows {known}); use the newer one"
            ),
            Self::Foreign => f.write_str("it is the database of another program; move it away"),
        }
    }
}

impl Error for MemoryCause {}

//! What commands and the running service say to each other: requests and answers, one JSON object on each line, over a socket in
//! the runtime folder.
//!
//! Who may open the socket is decided by the rights of its folder and its file alone: the service's user and group. Its name says
//! which ledger the service works with, so that services of different settings do not answer for each other. `daemon` answers;
//! `cli` asks through [`ask`].

mod client;
mod encoding;

use std::path::{Path, PathBuf, absolute};

use sha2::{Digest as _, Sha256};

pub use client::{AskFault, ask};
pub use encoding::{AccountStatus, Answer, Moment, Request, ServiceStatus};

/// No line is longer, in bytes.
pub const LONGEST_LINE: usize = 64 << 10;
/// So many moves fit into one request to restore.
pub const MOVES_AT_ONCE: usize = 2_000;

/// The socket of the service that works with the ledger in the folder `state`, in a runtime folder.
pub fn socket(runtime: &Path, state: &Path) -> PathBuf {
    // By its real name, as far as it is there: the command may name it by another way.
    let state = state.canonicalize().or_else(|_| absolute(state)).unwrap_or_else(|_| state.to_owned());
    let digest = Sha256::digest(state.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    runtime.join(format!("{name}.socket"))
}

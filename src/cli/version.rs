//! What `--version` prints: the release, the commit, the target, and the OpenSSL in use. `config/build.rs` finds out the commit and the target.

use std::sync::LazyLock;

use crate::trust;

/// The version with what it was built from, for reports of bugs.
pub(super) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\ncommit {}\ntarget {}\n{}",
            env!("CARGO_PKG_VERSION"),
            env!("FOLLOWSIFT_COMMIT"),
            env!("FOLLOWSIFT_TARGET"),
            trust::openssl()
        )
    });
    &LONG
}

//! The logins that have worked in this process: when one of them is refused later, the password is probably right.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::login::SecretDigest;

/// The logins that have worked. All accounts share it, and it outlives their threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Proven(Arc<Mutex<BTreeSet<SecretDigest>>>);

impl Proven {
    /// Notes that a login worked.
    pub(super) fn note(&self, login: SecretDigest) {
        self.logins().insert(login);
    }

    /// Has it worked?
    pub(super) fn has(&self, login: SecretDigest) -> bool {
        self.logins().contains(&login)
    }

    fn logins(&self) -> MutexGuard<'_, BTreeSet<SecretDigest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Which logins have worked since this process was started: one that is refused later is hardly a wrong password.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::login::SecretDigest;

/// The logins that have worked, shared by all accounts and kept when the thread of an account is started again.
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

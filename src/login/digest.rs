//! A digest of a secret: followsift compares it later instead of keeping the secret.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// Random for each process, so that a digest means nothing outside it.
static SALT: LazyLock<[[u8; 8]; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RandomState::new().hash_one(0).to_le_bytes()));

/// The salted digest of a secret. Two digests are equal if the secrets are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of several parts in this order. sha2 wipes the bytes that it hashed (its `zeroize` feature).
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        SALT.iter().for_each(|salt| hasher.update(salt));
        for part in parts {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_secrets_have_equal_digests_and_debug_shows_nothing() {
        let digest = SecretDigest::of(&[b"ann", b"hunter2"]);
        assert_eq!(digest, SecretDigest::of(&[b"ann", b"hunter2"]));
        for other in [&[&b"ann"[..], b"hunter3"][..], &[b"annh", b"unter2"], &[b"annhunter2"]] {
            assert_ne!(digest, SecretDigest::of(other));
        }
        assert_eq!(format!("{digest:?}"), "SecretDigest(..)");
    }
}

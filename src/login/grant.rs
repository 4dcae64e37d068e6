//! A grant: the access token that an account logs in with, the refresh token that gets the next one, and how long each is good.
//!
//! Owns the form in which a grant is kept. Never reads a file or a clock: `store` and `renewal` do.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::settings::{Account, OAuth2};

/// How long before its end a token is renewed: for the way to the server, and for clocks that run at different speeds.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// The longest that a token is taken to live: some providers say "never" by a number that no clock can add.
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How much space is reserved for a grant where it is kept; also the longest that is read. Tokens have a few thousand bytes.
pub(super) const RESERVED: usize = 64 << 10;

/// What a provider granted.
#[derive(Clone)]
pub(super) struct Grant {
    /// For which client and which user, and by which provider.
    pub(super) parties: Parties,
    /// Where the next one comes from, if the provider's own description says it.
    pub(super) found: Option<Found>,
    /// The access token.
    pub(super) access: SecretString,
    /// The refresh token; not every provider gives one.
    pub(super) refresh: Option<SecretString>,
    /// When it came.
    pub(super) received: Timestamp,
    /// How long the access token is good from then on, if the provider says it.
    pub(super) lives: Option<Duration>,
}

/// What of an issuer's description a renewal needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Found {
    /// Where tokens come from.
    pub(super) token_endpoint: String,
    /// Does the client's secret go into the body of a request?
    pub(super) secret_in_body: bool,
}

/// Who grants what to whom. A grant is of no use to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Parties {
    issuer: String,
    client_id: String,
    user: String,
}

impl Parties {
    /// Those that the settings name.
    pub(super) fn of(account: &Account, oauth2: &OAuth2) -> Self {
        Self {
            issuer: oauth2.issuer.name().to_owned(),
            client_id: oauth2.client_id.clone(),
            user: account.user.clone(),
        }
    }
}

/// A grant as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept<'a> {
    version: u32,
    parties: Parties,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    received: i64,
    expires_in: Option<u64>,
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow)]
    refresh_token: Option<Cow<'a, str>>,
}

/// The version of the form.
const VERSION: u32 = 1;

impl Grant {
    /// How long the access token can still be used, by a clock that says `now`; `None` if that is unknown. The clock may have been
    /// set back since.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        Some(self.left_of(self.lives?, now))
    }

    /// How long until it is to be renewed; `None` if its end is unknown. The lives of some tokens are shorter than the margin; a provider
    /// is not asked before `shortest` is over, however short the life that it says.
    pub(super) fn until_renewal(&self, now: Timestamp, shortest: Duration) -> Option<Duration> {
        let lives = self.lives?;
        let margin = MARGIN.min(lives / 4);
        Some(self.left_of(lives.saturating_sub(margin).max(shortest), now))
    }

    fn left_of(&self, time: Duration, now: Timestamp) -> Duration {
        match u64::try_from(now.0.saturating_sub(self.received.0)) {
            Ok(age) => time.saturating_sub(Duration::from_secs(age)),
            Err(_) => Duration::ZERO,
        }
    }

    /// Is there space for it where it is kept?
    pub(super) fn fits(&self) -> bool {
        self.to_bytes().len() <= RESERVED
    }

    /// The form in which it is kept, in a buffer that never grows and so leaves no copy behind.
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let refresh = self.refresh.as_ref().map(|token| token.expose_secret());
        let kept = Kept {
            version: VERSION,
            parties: self.parties.clone(),
            found: self.found.clone(),
            received: self.received.0,
            expires_in: self.lives.map(|lives| lives.as_secs()),
            access_token: self.access.expose_secret().into(),
            refresh_token: refresh.map(Into::into),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(RESERVED));
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut *bytes, &kept);
        bytes
    }

    /// The grant in these bytes, if all of it is there. Bytes after it that were only reserved are zero.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().rposition(|byte| *byte != 0)? + 1;
        let kept: Kept<'_> = serde_json::from_slice(bytes.get(..end)?).ok()?;
        (kept.version == VERSION && !kept.access_token.is_empty()).then(|| Self {
            parties: kept.parties,
            found: kept.found,
            access: SecretString::from(kept.access_token.into_owned()),
            refresh: kept.refresh_token.map(|token| SecretString::from(token.into_owned())),
            received: Timestamp(kept.received),
            lives: kept.expires_in.map(|seconds| Duration::from_secs(seconds).min(LONGEST_LIFE)),
        })
    }
}

impl fmt::Debug for Grant {
    /// Without the tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("received", &self.received)
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn grant(access: &str, refresh: Option<&str>) -> Grant {
        Grant {
            parties: Parties {
                issuer: "https://a.example/token".to_owned(),
                client_id: "c".to_owned(),
                user: "ann".to_owned(),
            },
            found: None,
            access: SecretString::from(access),
            refresh: refresh.map(SecretString::from),
            received: Timestamp(1_000),
            lives: Some(Duration::from_secs(3_600)),
        }
    }

    #[test]
    fn a_life_that_no_clock_can_add_is_cut() {
        let ever = Grant { lives: Some(Duration::from_secs(u64::MAX)), ..grant("x", None) };
        assert_eq!(Grant::of_bytes(&ever.to_bytes()).unwrap().lives, Some(LONGEST_LIFE));
    }

    #[test]
    fn a_grant_is_kept_as_it_is_and_debug_shows_no_token() {
        for (access, refresh) in [("ya29.a/b+c~\"\\", Some("1//0g")), ("x", None)] {
            let kept = grant(access, refresh);
            let mut bytes = kept.to_bytes().to_vec();
            bytes.extend([0; 40]);
            let read = Grant::of_bytes(&bytes).unwrap();
            assert_eq!(read.access.expose_secret(), access);
            assert_eq!(read.refresh.as_ref().map(|token| token.expose_secret()), refresh);
            assert_eq!(
                (&read.parties, read.received, read.lives),
                (&kept.parties, kept.received, kept.lives)
            );
            assert!(!format!("{read:?}").contains("ya29"), "{read:?}");
        }
    }

    #[test]
    fn a_grant_that_is_cut_anywhere_is_none() {
        let bytes = grant("ya29", Some("1//0g")).to_bytes();
        for length in 0..bytes.len() {
            let mut cut = bytes.get(..length).unwrap().to_vec();
            assert!(Grant::of_bytes(&cut).is_none(), "{length}");
            cut.resize(bytes.len() + 9, 0);
            assert!(Grant::of_bytes(&cut).is_none(), "{length}");
        }
        assert!(Grant::of_bytes(b"{\"version\": 2}").is_none());
    }

    #[test]
    fn a_token_is_renewed_before_its_end_by_a_clock_that_may_be_set() {
        let grant = grant("x", None);
        let none = Duration::ZERO;
        let until = |now: i64| grant.until_renewal(Timestamp(now), none).map(|time| time.as_secs());
        assert_eq!(until(1_000), Some(3_300));
        assert_eq!(until(4_299), Some(1));
        assert_eq!(until(4_300), Some(0));
        assert_eq!(until(i64::MAX), Some(0));
        // The clock was ahead when the token came.
        assert_eq!((until(999), grant.left(Timestamp(999))), (Some(0), Some(Duration::ZERO)));
        let short = Grant { lives: Some(Duration::from_secs(60)), ..grant.clone() };
        assert_eq!(short.until_renewal(Timestamp(1_000), none), Some(Duration::from_secs(45)));
        let unknown = Grant { lives: None, ..grant };
        assert_eq!((unknown.until_renewal(Timestamp(9), none), unknown.left(Timestamp(9))), (None, None));
        assert_eq!(
            Grant { lives: Some(Duration::MAX), ..unknown }.until_renewal(Timestamp(9), none).map(|_| ()),
            Some(())
        );
    }

    #[test]
    fn a_provider_is_not_asked_in_quick_succession_however_short_the_life_that_it_says() {
        for lives in [0, 1, 40] {
            let short = Grant { lives: Some(Duration::from_secs(lives)), ..grant("x", None) };
            let until = |now: i64| short.until_renewal(Timestamp(now), Duration::from_secs(60));
            assert_eq!(until(1_000), Some(Duration::from_secs(60)), "{lives}");
            assert_eq!(until(1_059), Some(Duration::from_secs(1)), "{lives}");
            assert_eq!((until(1_060), until(999)), (Some(Duration::ZERO), Some(Duration::ZERO)), "{lives}");
        }
        let until = grant("x", None).until_renewal(Timestamp(1_000), Duration::from_secs(60));
        assert_eq!(until, Some(Duration::from_secs(3_300)), "a longer life is not cut");
    }
}

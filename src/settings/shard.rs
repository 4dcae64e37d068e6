//! Which accounts a process watches, where several share the accounts of one settings file. Pure.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::place::AccountName;

/// More processes than this for one settings file are a mistake.
const MOST: u32 = 4096;

/// How many processes share the accounts. Each account is in exactly one of their shards, by rendezvous hashing (Thaler and
/// Ravishankar, 1998): with a shard more, accounts move to that one alone, and with the last one less, only its accounts move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardCount(u32);

impl ShardCount {
    /// The number of the shard that has this account, counted from 0.
    pub fn shard_of(self, account: &AccountName) -> u32 {
        // The greatest digest wins. Two are never equal.
        (0..self.0).max_by_key(|shard| weight(*shard, account)).unwrap_or_default()
    }

    /// How many there are.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Part of every digest, so that the order of shards and of accounts can never be mixed up. It must never change: each account would
/// move.
fn weight(shard: u32, account: &AccountName) -> [u8; 32] {
    Sha256::digest(format!("{shard}\0{account}")).into()
}

impl FromStr for ShardCount {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        match number(text) {
            Some(count) if (1..=MOST).contains(&count) => Ok(Self(count)),
            _ => Err(NotAShard),
        }
    }
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The share of one process: `3/8` is the one with the number 3 of eight, which are numbered from 0 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, counted from 0.
    pub number: u32,
    /// How many there are.
    pub of: ShardCount,
}

impl Shard {
    /// Does this process watch this account?
    pub fn has(self, account: &AccountName) -> bool {
        self.of.shard_of(account) == self.number
    }

    /// The name of the folder of its ledger, which is the same whatever the number of shards.
    pub(super) fn folder(self) -> String {
        format!("followsift-{}", self.number)
    }
}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let (shard, of) = text.split_once('/').ok_or(NotAShard)?;
        let (number, of) = (number(shard).ok_or(NotAShard)?, of.parse::<ShardCount>()?);
        if number < of.0 { Ok(Self { number, of }) } else { Err(NotAShard) }
    }
}

/// As it is written in the settings.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Decimal digits alone: no sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// What is written is no shard, or no number of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAShard;

impl fmt::Display for NotAShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a shard is a number and how many there are, such as `0/8` to `7/8`; there are at most {MOST}"
        )
    }
}

impl std::error::Error for NotAShard {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shard(text: &str) -> Result<Shard, NotAShard> {
        text.parse()
    }

    #[test]
    fn a_shard_is_written_as_a_number_of_a_number() {
        assert_eq!(shard("3/8").unwrap().to_string(), "3/8");
        for wrong in
            ["8/8", "3", "3/0", "-1/8", "+1/8", "a/8", "3/", "/8", "3/8/2", "0/4097", "99999999999/8", ""]
        {
            assert_eq!(shard(wrong), Err(NotAShard), "{wrong}");
        }
    }

    #[test]
    fn an_account_stays_in_its_shard_from_version_to_version() {
        let shards = |name| {
            let name = AccountName::new(name).unwrap();
            [1, 8, 12].map(|count| ShardCount(count).shard_of(&name))
        };
        assert_eq!(shards("home"), [0, 5, 5]);
        assert_eq!(shards("ann"), [0, 4, 11]);
        assert_eq!(shards("kim"), [0, 0, 0]);
    }

    #[test]
    fn shards_are_about_equally_large() {
        let mut sizes = [0_u32; 8];
        for account in 0..8000 {
            let account = AccountName::new(&format!("account-{account}")).unwrap();
            *sizes.get_mut(ShardCount(8).shard_of(&account) as usize).unwrap() += 1;
        }
        assert!(sizes.iter().all(|size| (900..1100).contains(size)), "{sizes:?}");
    }

    proptest! {
        #[test]
        fn each_account_is_in_exactly_one_shard(name in "[a-z0-9_-]{1,64}", count in 1..40_u32) {
            let account = AccountName::new(&name).unwrap();
            let of = ShardCount(count);
            let holders = (0..count).filter(|number| Shard { number: *number, of }.has(&account));
            prop_assert_eq!(holders.count(), 1);
        }

        #[test]
        fn a_further_shard_takes_accounts_and_moves_no_others(name in "[a-z0-9_-]{1,64}", count in 1..40_u32) {
            let account = AccountName::new(&name).unwrap();
            let (before, after) = (ShardCount(count).shard_of(&account), ShardCount(count + 1).shard_of(&account));
            prop_assert!(after == before || after == count);
        }
    }
}

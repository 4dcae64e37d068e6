//! What is said about accounts that several processes share. Pure.

use crate::diagnostic::Diagnostic;
use crate::place::AccountName;
use crate::settings::{Shard, ShardCount};
use crate::text;

/// A command is about an account that another shard has.
pub fn elsewhere(account: &AccountName, shard: Shard) -> String {
    format!(
        "account `{account}` is in shard {}/{}, and this is shard {shard}; ask there",
        shard.of.shard_of(account),
        shard.of
    )
}

/// The pod is not the one with the number of the shard.
pub fn wrong_pod(shard: Shard, pod: &str) -> Diagnostic {
    let message = format!(
        "shard {shard} runs only in the pod of a StatefulSet whose name ends in `-{}`, and this one is `{}`",
        shard.number,
        text::line(pod)
    );
    Diagnostic::unplaced(message).help(
        "use the StatefulSet that ships (config/kubernetes): a Deployment may run two pods at once, and both would move messages",
    )
}

/// No account is in this shard.
pub fn empty(shard: Shard) -> String {
    format!("no account of this shard ({shard})")
}

/// Which accounts move between shards, and the commands for it, in groups of one shard each: a script with comments. `options` are
/// those that every command gets, as a shell reads them.
pub fn rebalance(accounts: &[AccountName], from: ShardCount, to: ShardCount, options: &str) -> String {
    let mut moves: Vec<_> = accounts
        .iter()
        .map(|account| (from.shard_of(account), to.shard_of(account), account))
        .filter(|(old, new, _)| old != new)
        .collect();
    moves.sort_unstable();
    let shards = if from.get() == 1 { "1 shard".to_owned() } else { format!("{from} shards") };
    let all =
        if accounts.len() == 1 { "1 account".to_owned() } else { format!("{} accounts", accounts.len()) };
    let move_word = if moves.len() == 1 { "moves" } else { "move" };
    let mut said = format!("# From {shards} to {to}: {} of {all} {move_word}\n", moves.len());
    if moves.is_empty() {
        return said;
    }
    said.push_str(
        "# Stop all shards first. The files name people: keep them as you keep the ledger. An account with OAuth2 has to log in again.\n",
    );
    let command = |shard: u32, of: ShardCount, doing: &str, account: &AccountName| {
        format!(
            "FOLLOWSIFT__SHARD={shard}/{of} followsift{options} {doing} --account {account} {account}.jsonl\n"
        )
    };
    for of_one in moves.chunk_by(|one, other| one.0 == other.0) {
        said.extend(of_one.first().map(|(old, ..)| format!("\n# Where shard {old} ran:\n")));
        said.extend(of_one.iter().map(|(old, _, account)| command(*old, from, "export", account)));
    }
    moves.sort_unstable_by_key(|(_, new, account)| (*new, *account));
    for of_one in moves.chunk_by(|one, other| one.1 == other.1) {
        said.extend(
            of_one.first().map(|(_, new, _)| format!("\n# Where shard {new} is to run, before it starts:\n")),
        );
        said.extend(of_one.iter().map(|(_, new, account)| command(*new, to, "import", account)));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_that_move_are_exported_where_they_were_and_imported_where_they_go() {
        let accounts: Vec<_> =
            (0..40).map(|number| AccountName::new(&format!("a{number}")).unwrap()).collect();
        let [from, to] = ["8", "12"].map(|count| count.parse::<ShardCount>().unwrap());
        let said = rebalance(&accounts, from, to, "");
        let moving: Vec<_> =
            accounts.iter().filter(|account| from.shard_of(account) != to.shard_of(account)).collect();
        assert!(!moving.is_empty());
        assert!(
            said.starts_with(&format!("# From 8 shards to 12: {} of 40 accounts move\n", moving.len())),
            "{said}"
        );
        for account in &moving {
            for line in [
                format!(
                    "FOLLOWSIFT__SHARD={}/8 followsift export --account {account} {account}.jsonl\n",
                    from.shard_of(account)
                ),
                format!(
                    "FOLLOWSIFT__SHARD={}/12 followsift import --account {account} {account}.jsonl\n",
                    to.shard_of(account)
                ),
            ] {
                assert_eq!(said.matches(&line).count(), 1, "{line}{said}");
            }
        }
        assert_eq!(said.matches("followsift export").count(), moving.len());
        assert_eq!(said.matches("followsift import").count(), moving.len());
    }

    #[test]
    fn where_nothing_moves_there_are_no_commands() {
        let home = [AccountName::new("home").unwrap()];
        let one = "1".parse::<ShardCount>().unwrap();
        assert_eq!(rebalance(&home, one, one, ""), "# From 1 shard to 1: 0 of 1 account move\n");
    }
}

//! The part of the command line about people: `known` and what it takes, and a follower as the user names them.

use clap::Subcommand;

use super::Help;

/// The options of `known`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Known {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<KnownCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KnownCommand {
    /// Note that you know a follower
    Add(Person),
    /// Forget that you know a follower, or that one is unwelcome; messages that you put back stay where they are
    Forget(Person),
    /// Confirm that you put messages back by hand: their followers are known from then on
    Confirm(Confirm),
    /// Print the help of one of these commands
    Help(Help),
}

/// A follower, as the user names them.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Person {
    /// The network, such as `mastodon`
    pub(in crate::cli) network: String,
    /// Their handle: `ann`, `@ann`, `ann@toot.example` or `@ann@toot.example`; or what `followsift known` lists
    pub(in crate::cli) handle: String,
}

/// The options of `known confirm`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Confirm {
    /// The network of the follower, such as `mastodon`
    #[arg(requires = "handle", conflicts_with = "all")]
    pub(in crate::cli) network: Option<String>,
    /// The handle of the follower: confirm only messages about them
    pub(in crate::cli) handle: Option<String>,
    /// Confirm all, except second copies, messages that came back because you starred or answered them, and what was restored
    /// without learning
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

impl Confirm {
    pub(in crate::cli) fn person(&self) -> Option<Person> {
        let (network, handle) = (self.network.clone()?, self.handle.clone()?);
        Some(Person { network, handle })
    }
}

//! The command line, as clap reads it: every command with its options, and what their words mean. What is about people is in
//! `people`, and about the delivery of a mail host in `delivery`.
//! Called by `mod`, and by the commands for their options.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use self::delivery::{Filter, Milter};
use self::init::Init;
use self::people::{Known, Person};
use super::{completions, help, restore, schema, selection, version};
use crate::host::{AuthservId, HostName};
use crate::place::AccountName;
use crate::settings::{Shard, ShardCount};

pub(in crate::cli) mod delivery;
pub(in crate::cli) mod init;
pub(in crate::cli) mod people;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "followsift",
    version,
    long_version = version::long(),
    about = "Files the follower spam of your social accounts into folders, by your own rules",
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = help::AFTER
)]
pub(in crate::cli) struct Arguments {
    /// The settings file [default: followsift/followsift.toml in ~/.config, else in /etc]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(in crate::cli) settings: Option<PathBuf>,

    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Set up an account: ask for what it needs, try the login, show what the rules would do, and write settings and rules
    #[command(after_help = help::INIT)]
    Init(Init),
    /// Watch all accounts until stopped: the service
    Run(Run),
    /// Judge the new messages once, and move them as the rules say
    Sweep(Sweep),
    /// Let the next sweep move the messages that the fuse holds back, and those from before a new ledger
    Resume(Resume),
    /// Let the service judge and move nothing for a while, such as `2h`; it goes on by itself
    Pause(Pause),
    /// End a pause before its time
    Unpause(Unpause),
    /// List the followers you know, those you filed by hand, and the messages you have to confirm; add, forget or confirm one
    Known(Known),
    /// Say how the service and its accounts are, and what came in the last week; the exit code says whether all is well
    Status(Status),
    /// Put filed messages back where they were, after showing them; their followers are known from then on
    Restore(Restore),
    /// Forget a follower for good: delete from the ledger all that names them
    Forget(Person),
    /// Write what the ledger knows of an account into a file, for another machine, name or provider
    Export(Export),
    /// Take in what `export` wrote, into an account of this ledger
    Import(Import),
    /// Say which accounts move to another shard when there are more or fewer, and the commands that move their ledgers; change nothing
    Rebalance(Rebalance),
    /// Say what became of each notification that followsift remembers, when, why, and on which facts
    History(History),
    /// Show who came, the real ones first, and what was filed, by rule and over time
    Report(Report),
    /// Print what the next digest of your new followers would say; send nothing
    Digest(Digest),
    /// Suggest rules that would have decided as you did where you put messages back or filed them by hand; change nothing
    Suggest,
    /// Grant followsift access to an account by OAuth2, where its provider wants no password
    Login(Login),
    /// Report everything that is wrong with settings, rules, networks, lists, passwords and ledger
    Check(Check),
    /// Say what a message is, what the rules say about it, and why
    Explain(Explain),
    /// Pass one message from standard input on, with what the rules say in a header field: for mail hosts
    #[command(after_help = help::FILTER)]
    Filter(Filter),
    /// Judge each message that Postfix or Sendmail receives, and add a header field: a service for mail hosts
    Milter(Milter),
    /// Print a message with other names, addresses and tokens, to send in when a network changes its messages
    Sample(Sample),
    /// Try rules on messages that you already have, in the order in which they came; change nothing
    Backtest(Backtest),
    /// List every fact that rules can use, and the networks whose messages show it
    Facts,
    /// Ask your own server for the public profile of a follower, and show what is asked and the answer
    Lookup(Lookup),
    /// List the networks that followsift recognises, or describe one
    Networks(Networks),
    /// List the mail providers that the settings can name, or show one with the lines to write
    Providers(Providers),
    /// Try rules on a table of followers, such as an export of your own
    Judge(Judge),
    /// Print the JSON Schema of a file, so that editors complete and check it while you type
    Schema(Schema),
    /// Print the commented settings, or rules, to start your own from
    Settings(Settings),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Print the help of a command, or a page of the manual
    #[command(after_help = help::AFTER)]
    Help(Help),
}

/// The options of `run`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Run {
    /// Log more: every step, for finding a fault
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,
    /// Log warnings and errors only
    #[arg(short, long, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
    /// Log one JSON object for each event, on one line, where standard error does not lead to the journal
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Watch only the accounts of this shard, such as `3/8`: number 3 of eight, which are numbered from 0
    #[arg(long, value_name = "NUMBER/COUNT")]
    pub(in crate::cli) shard: Option<Shard>,
}

/// The options of `rebalance`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Rebalance {
    /// How many shards there are
    #[arg(long, value_name = "COUNT")]
    pub(in crate::cli) from: ShardCount,
    /// How many there are to be
    #[arg(long, value_name = "COUNT")]
    pub(in crate::cli) to: ShardCount,
}

/// The options of `sweep`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Sweep {
    /// Show what followsift would do; change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Judge again the messages that arrived within this time, such as `30d`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(in crate::cli) since: Option<Duration>,
    /// Look up followers of old messages too, as far as `[lookup]` allows; with --dry-run, look up at once
    #[arg(long)]
    pub(in crate::cli) lookup: bool,
    /// Work on this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `resume`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Resume {
    /// Work on this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `pause`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Pause {
    /// How long, such as `2h` or `3d`
    #[arg(value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(in crate::cli) time: Duration,
    /// Pause this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `unpause`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Unpause {
    /// Go on with this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `history`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct History {
    #[command(flatten)]
    pub(in crate::cli) selection: selection::Selection,
    /// Only so many entries, the newest
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) last: Option<usize>,
    /// Print one JSON object for each entry, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// The options of `report`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Report {
    /// Only what came within this time, such as `7d`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "90d")]
    pub(in crate::cli) since: Duration,
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
    /// Write one page of HTML that a browser shows without any other file or request; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Print one JSON object, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// The options of `digest`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Digest {
    /// Only this account
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `export`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// The account, as the ledger knows it [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
    /// The file to write, readable by you alone; `-` is standard output
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
}

/// The options of `import`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Import {
    /// The account that it is to go to [default: the one with its mailbox or its name, or the only one]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
    /// The file that `export` wrote
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
}

/// The options of `status`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Status {
    /// Print one JSON object, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// The options of `restore`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Restore {
    #[command(flatten)]
    pub(in crate::cli) selection: selection::Selection,
    /// Only what one sweep moved: `last`, or its minute as `history` shows it, such as `2026-11-27T08:15`
    #[arg(long, value_name = "WHICH", value_parser = restore::SweepChoice::parse)]
    pub(in crate::cli) sweep: Option<restore::SweepChoice>,
    /// Everything that followsift ever moved
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Learn nothing: the messages are never moved again, and their followers do not become known
    #[arg(long)]
    pub(in crate::cli) no_learn: bool,
    /// Show what would be put back; change nothing
    #[arg(long, conflicts_with = "yes")]
    pub(in crate::cli) dry_run: bool,
}

/// The options of `login`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Login {
    /// The account, as the settings name it
    #[arg(value_name = "ACCOUNT")]
    pub(in crate::cli) account: String,
    /// Take the address to which the provider sends the browser from standard input: for a browser on another machine
    #[arg(long)]
    pub(in crate::cli) paste: bool,
}

/// The options of `check`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Check {
    /// Also log in to each account, and show what its server can do
    #[arg(long)]
    pub(in crate::cli) connect: bool,
    /// Print one JSON object for each finding, on one line, and nothing else: for editors
    #[arg(long, conflicts_with = "connect")]
    pub(in crate::cli) json: bool,
}

/// The options of `explain`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Explain {
    /// Print one JSON object for each message, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Print the verdict alone, without what every rule says
    #[arg(long)]
    pub(in crate::cli) brief: bool,
    /// Look up what the messages lack, as far as `[lookup]` in the settings allows
    #[arg(long)]
    pub(in crate::cli) lookup: bool,
    /// How your mail server names itself in Authentication-Results: a name, `*.` and a domain, or an empty text if it does
    /// not; can be given more than once
    #[arg(long = "authserv-id", value_name = "ID", value_parser = authserv_id)]
    pub(in crate::cli) authserv_ids: Vec<AuthservId>,
    /// One of your own servers, whose messages can be proven; can be given more than once
    #[arg(long = "instance", value_name = "HOST", value_parser = host)]
    pub(in crate::cli) instances: Vec<HostName>,
    /// Files with one message each (`.eml`, the source of the message), explained one by one; rules about a follower's past
    /// count the files named before; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
}

/// The options of `sample`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Sample {
    /// Replace this word too; can be given more than once
    #[arg(long, value_name = "WORD")]
    pub(in crate::cli) hide: Vec<String>,
    /// The file with the message (`.eml`, the source of the message); `-` is standard input
    pub(in crate::cli) file: PathBuf,
}

/// The options of `backtest`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Backtest {
    /// Only messages that arrived within this time, such as `90d`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(in crate::cli) since: Option<Duration>,
    /// Try these rules, and list what the rules in use do differently
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) rules: Option<PathBuf>,
    /// Work on this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
    /// Files (Maildir, mbox, single messages) or folders of the account [default: the folders that the account watches, and
    /// those that the rules move messages to]
    #[arg(value_name = "PLACE")]
    pub(in crate::cli) places: Vec<String>,
}

/// The options of `judge`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Judge {
    /// Your own server: on networks that anybody can host, handles without a host belong to it; if given more than once, they
    /// belong to none
    #[arg(long = "instance", value_name = "HOST", value_parser = host)]
    pub(in crate::cli) instances: Vec<HostName>,
    /// Accepted as for `explain`, without effect: a table proves nothing
    #[arg(long = "authserv-id", value_name = "ID", value_parser = authserv_id)]
    pub(in crate::cli) authserv_ids: Vec<AuthservId>,
    /// The table: tab-separated, with a header; its column `source` begins with the network; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) facts: PathBuf,
    /// Print one JSON object for each row, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Try these rules instead of those in use
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) rules: Option<PathBuf>,
}

/// The options of `lookup`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Lookup {
    /// The handle: `ann`, or `ann@toot.example`
    pub(in crate::cli) handle: String,
    /// The network
    #[arg(long, value_name = "NAME", default_value = "mastodon")]
    pub(in crate::cli) network: String,
    /// Which of your own servers to ask [default: the first]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(in crate::cli) instance: Option<HostName>,
    /// Ask as this account only
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
}

/// The options of `networks`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Networks {
    /// The network to describe
    pub(in crate::cli) name: Option<String>,
    /// Print the network's file as it ships, to start your own from; `generic` (a guess at the messages of any site) and
    /// `example` (a worked example) can be printed too
    #[arg(long, requires = "name")]
    pub(in crate::cli) print: bool,
}

/// The options of `providers`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Providers {
    /// The provider to show: its name, an address there, or its server
    #[arg(value_name = "NAME|ADDRESS|HOST")]
    pub(in crate::cli) name: Option<String>,
    /// Print one JSON object for each provider, on one line
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// The options of `schema`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Schema {
    /// The file to describe
    pub(in crate::cli) file: schema::Which,
}

/// The options of `settings`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Settings {
    /// Print the file to standard output
    #[arg(long, required = true)]
    pub(in crate::cli) print: bool,
    /// The built-in rules instead
    #[arg(long)]
    pub(in crate::cli) rules: bool,
}

/// The options of `completions`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Completions {
    /// The shell
    pub(in crate::cli) shell: completions::Shell,
}

/// The options of `help`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Help {
    /// A command or a topic; without one, the commands
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(in crate::cli) words: Vec<String>,
}

/// A name in Authentication-Results.
fn authserv_id(text: &str) -> Result<AuthservId, String> {
    AuthservId::parse(text).map_err(|wrong| {
        let (message, label) = wrong.in_words(text);
        format!("{message}: {label}")
    })
}

/// The name of an account.
fn account_name(text: &str) -> Result<AccountName, String> {
    AccountName::new(text).ok_or_else(|| "expected lower-case letters, digits, `-` and `_`".to_owned())
}

/// A host name alone.
fn host(text: &str) -> Result<HostName, String> {
    HostName::parse(text).ok_or_else(|| "expected the name of a server, such as `toot.example`".to_owned())
}

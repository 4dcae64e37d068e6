//! The command line of what the delivery of a mail host asks. Called by `mod`, and by the commands for their options.

use std::path::PathBuf;

use super::{authserv_id, host};
use crate::delivery::milter::Address;
use crate::host::{AuthservId, HostName};

/// What messages are judged by at delivery.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct JudgedBy {
    /// Judge as for this account of the settings [default: the only one, or what all accounts have in common]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) account: Option<String>,
    /// Judge by these rules [default: those of the settings, or those that ship]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) rules: Option<PathBuf>,
    /// How your mail server names itself in Authentication-Results: a name, `*.` and a domain, or an empty text if it does
    /// not; can be given more than once
    #[arg(long = "authserv-id", value_name = "ID", value_parser = authserv_id)]
    pub(in crate::cli) authserv_ids: Vec<AuthservId>,
    /// One of your own servers, whose messages can be proven; can be given more than once
    #[arg(long = "instance", value_name = "HOST", value_parser = host)]
    pub(in crate::cli) instances: Vec<HostName>,
}

/// The options of `filter`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Filter {
    #[command(flatten)]
    pub(in crate::cli) judged_by: JudgedBy,
    /// The recipient, whose earlier notifications count if the settings name a memory of deliveries
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) recipient: Option<String>,
    /// Print nothing, and say the verdict by the exit code
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
}

/// The options of `milter`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Milter {
    /// Where to listen: `unix:/PATH` or `inet:127.0.0.1:PORT` [default: the sockets that systemd has opened]
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse)]
    pub(in crate::cli) listen: Option<Address>,
    #[command(flatten)]
    pub(in crate::cli) judged_by: JudgedBy,
    /// A folder with rules of recipients: NAME/rules.toml, where NAME is the address, or what stands before the `@`
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) users: Option<PathBuf>,
}

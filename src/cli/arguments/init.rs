//! The options of `init`. Called by the rest of the command line.

use std::path::PathBuf;

use super::{account_name, host};
use crate::host::HostName;
use crate::place::AccountName;
use crate::settings::Fingerprint;

/// The options of `init`. What is not given is asked for on a terminal.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Init {
    /// Your mail address
    pub(in crate::cli) address: Option<String>,
    /// The name of the account in the settings
    #[arg(long, value_name = "NAME", value_parser = account_name, default_value = "home")]
    pub(in crate::cli) name: AccountName,
    /// The IMAP server, with its port where that is not 993 [default: that of your provider]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(in crate::cli) host: Option<String>,
    /// Connect with STARTTLS [default: at port 143]
    #[arg(long, requires = "host")]
    pub(in crate::cli) starttls: bool,
    /// Trust the certificate with this fingerprint, and no other
    #[arg(long, value_name = "sha256:DIGITS", value_parser = fingerprint)]
    pub(in crate::cli) tls_fingerprint: Option<Fingerprint>,
    /// The name to log in with [default: the address, or what the provider takes]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user: Option<String>,
    /// Read the password from the first line of this file, now and later
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(in crate::cli) password_file: Option<PathBuf>,
    /// Run this program to get the password, now and later; without a shell
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub(in crate::cli) password_command: Option<String>,
    /// Take the password from standard input, and keep it in a file beside the settings that only you can read
    #[arg(long, group = "secret")]
    pub(in crate::cli) password_stdin: bool,
    /// Log in by OAuth2, as the client of this id
    #[arg(long, value_name = "ID", group = "secret")]
    pub(in crate::cli) client_id: Option<String>,
    /// With --client-id: take the address to which the provider sends the browser from standard input
    #[arg(long, requires = "client_id")]
    pub(in crate::cli) paste: bool,
    /// One of your own servers, on which you have an account; can be given more than once
    #[arg(long = "instance", value_name = "HOST", value_parser = host)]
    pub(in crate::cli) instances: Vec<HostName>,
    /// Look up what the messages of your own servers lack
    #[arg(long)]
    pub(in crate::cli) look_up: bool,
    /// Only observe: move nothing until you remove `act = false` from the settings
    #[arg(long)]
    pub(in crate::cli) observe: bool,
    /// Move messages from the first sweep on
    #[arg(long, conflicts_with = "observe")]
    pub(in crate::cli) act: bool,
    /// Ask nothing: take the default of every question
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
}

/// The fingerprint of a certificate.
fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    Fingerprint::parse(text).ok_or_else(|| "expected `sha256:` and 64 hexadecimal digits".to_owned())
}

//! What `init` asks and says, and the settings that it writes. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::written;
use super::remains::messages;
use super::totals::Totals;
use crate::host::{AuthservIds, Instance};
use crate::settings::{Fingerprint, LoginKind, Provider, Site, Tls};
use crate::text;

/// The mail server of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// A known provider's.
    Of(&'static Provider),
    /// Another one.
    Host {
        /// Its name.
        host: String,
        /// Its port, where it is not the usual one.
        port: Option<u16>,
        /// How the connection is protected.
        tls: Tls,
    },
}

/// Where the secret of an account is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In the first line of a file.
    File(String),
    /// A program prints it.
    Command(Vec<String>),
    /// followsift is granted access, as the client of this id.
    OAuth2(String),
}

/// What the user has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The account's name.
    pub name: String,
    /// Its server.
    pub server: Server,
    /// The name to log in with.
    pub user: String,
    /// Its secret.
    pub secret: Secret,
    /// The one certificate to trust, where the user wants that.
    pub pin: Option<Fingerprint>,
    /// How the server names itself, where the provider does not say.
    pub authserv_id: Option<AuthservIds>,
    /// The user's own servers.
    pub instances: Vec<Instance>,
    /// The networks whose profiles may be asked for.
    pub look_ups: Vec<Site>,
    /// Are messages moved?
    pub act: bool,
}

impl Setup {
    /// The settings, with a comment for each key.
    pub fn settings(&self) -> String {
        let mut lines = vec![
            "# The settings of followsift. `followsift help settings` describes every key, and `followsift check` reports every".to_owned(),
            "# mistake. Your rules are in rules.toml beside it. No password belongs into either file.".to_owned(),
        ];
        if !self.look_ups.is_empty() {
            lines.push(String::new());
            lines.push("# Where a message lacks a fact that a rule needs, your own server is asked for the follower's public profile.".to_owned());
            lines.push("[lookup]".to_owned());
            lines.extend(self.look_ups.iter().map(|site| format!("{} = \"own-server\"", site.key())));
        }
        lines.push(String::new());
        lines.push(format!("[accounts.{}]", self.name));
        match &self.server {
            Server::Of(provider) => lines.push(format!("provider = \"{}\"", provider.name)),
            Server::Host { host, port, tls } => {
                lines.push(format!("host = {}", quoted(host)));
                lines.extend(port.map(|port| format!("port = {port}")));
                match tls {
                    Tls::Implicit => {}
                    Tls::StartTls => lines.push("tls = \"starttls\"".to_owned()),
                    Tls::Off => lines.push("tls = \"off\"".to_owned()),
                }
            }
        }
        lines.push(format!("user = {}", quoted(&self.user)));
        match &self.secret {
            Secret::File(file) => {
                lines.push(
                    "# The password is the first line of this file, which only you may be able to read."
                        .to_owned(),
                );
                lines.push(format!("password-file = {}", quoted(file)));
            }
            Secret::Command(words) => {
                let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
                lines.push(
                    "# The password is the first line that this program prints; it is run without a shell."
                        .to_owned(),
                );
                lines.push(format!("password-command = [{}]", words.join(", ")));
            }
            Secret::OAuth2(client) => {
                lines.push(format!("# `followsift login {}` asks you again to grant access.", self.name));
                lines.push(format!("oauth2 = {{ client-id = {} }}", quoted(client)));
            }
        }
        if let Some(pin) = &self.pin {
            lines.push("# The one certificate that is trusted.".to_owned());
            lines.push(format!("tls-fingerprint = \"{pin}\""));
        }
        if let Some(id) = &self.authserv_id {
            lines.push("# How the mail server names itself in Authentication-Results, by which messages are proven authentic.".to_owned());
            lines.push(format!("authserv-id = {id}"));
        }
        if !self.instances.is_empty() {
            let servers: Vec<_> = self.instances.iter().map(written).collect();
            lines.push("# Servers on which you have an account: only their messages can be proven. Never add another.".to_owned());
            lines.push(format!("instances = [{}]", servers.join(", ")));
        }
        if !self.act {
            lines.push("# Only observe: nothing is moved. Remove this line when you like what `followsift history` shows.".to_owned());
            lines.push("act = false".to_owned());
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// As a string of TOML, which one of JSON is, but for DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// There are settings, which `init` does not change.
pub fn already(file: &Path) -> String {
    let file = text::line(&file.display().to_string()).into_owned();
    format!(
        "{file} exists, and `init` writes only new files; add an account there (`followsift help settings`), or name another file with `--settings`"
    )
}

/// The file for a new password is there already.
pub fn in_the_way(file: &Path) -> String {
    let file = text::line(&file.display().to_string()).into_owned();
    format!(
        "{file} exists, where `init` would keep the password: remove it, or give `--password-file` with it"
    )
}

/// There is no folder for the settings.
pub const NO_FOLDER: &str =
    "HOME is not set, so there is no folder for the settings; name a file with `--settings`";
/// The user has ended the questions.
pub const NOTHING_WRITTEN: &str = "nothing was written";
/// How a question is answered without being asked.
pub fn needs(option: &str) -> String {
    format!("there is no terminal to ask on: give {option} (`followsift help init` lists the options)")
}
/// The command of `--password-command` is not one.
pub const NOT_A_COMMAND: &str =
    "`--password-command` is not a command: a quotation mark is not closed, or it is empty";

/// The name of a file cannot be written into the settings.
pub const NOT_UTF_8: &str =
    "the name of the file of `--password-file` is not UTF-8, so the settings cannot name it";

/// The first question.
pub const ADDRESS: &str = "Your mail address";
/// An address lacks its `@`.
pub const NOT_AN_ADDRESS: &str = "That is not a mail address such as ann@example.org.";
/// Is it one, without a name or brackets around it?
pub fn is_address(text: &str) -> bool {
    let stands_out = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
    let parts = text.rsplit_once('@').filter(|_| !text.contains(stands_out));
    parts.is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty())
}

/// Asks for the server of an unknown provider.
pub const SERVER: &str = "Its IMAP server";
/// Asks for the name to log in with.
pub const USER: &str = "User name there";
/// Asks for the password, which a program may print instead.
pub const PASSWORD_COMMAND: &str = "A program that prints the password, such as `pass show mail/home` (empty: enter the password, which is kept in a file of its own)";
/// Asks for the id of an OAuth2 client.
pub const CLIENT: &str = "The id of your OAuth2 client (`followsift help oauth2` says how to get one)";
/// After a login that failed.
pub const AGAIN: &str = "Try again with other answers?";
/// Asks whether to trust a certificate alone.
pub const TRUST: &str = "Trust this certificate and no other?";
/// Asks whether messages stay at first.
pub const OBSERVE: &str =
    "Observe first? Nothing is moved then, and `followsift history` shows what would have been.";

/// Which provider was found, and what has to be done there.
pub fn provider(provider: &Provider) -> Vec<String> {
    let mut lines = vec![format!("{} ({}:{})", provider.title, provider.host, provider.port)];
    if provider.login.first() == Some(&LoginKind::AppPassword) {
        let page = provider.app_password_page.as_deref().map_or_else(String::new, |page| format!(": {page}"));
        lines.push(format!(
            "  it wants an {} for programs, not your own password{page}",
            provider.app_password()
        ));
    }
    lines.extend(
        provider.imap_page.as_deref().map(|page| format!("  IMAP may have to be switched on: {page}")),
    );
    lines.extend(provider.note.as_deref().map(|note| format!("  note: {note}")));
    lines
}

/// A provider has no IMAP.
pub fn no_imap(title: &str) -> String {
    format!("{title} offers no IMAP, so followsift cannot read messages there")
}

/// Asks for the password.
pub fn password(provider: Option<&Provider>) -> String {
    match provider.map(|provider| (provider.login.first(), provider.app_password())) {
        Some((Some(LoginKind::AppPassword), name)) => format!("The {name} (not shown while you type)"),
        Some((Some(LoginKind::Bridge), _)) => {
            "The password that the bridge shows (not shown while you type)".to_owned()
        }
        _ => "The password (not shown while you type)".to_owned(),
    }
}

/// Asks whether the server's name is right.
pub fn authserv_id(shown: &AuthservIds, host: &str) -> String {
    match shown.include_server(None) {
        true => format!(
            "The server does not name itself where it says that a message is authentic, as at Microsoft. Is {host} your provider?"
        ),
        false => format!(
            "The server calls itself {shown} where it says that a message is authentic. Is that your provider?"
        ),
    }
}

/// Asks whether a server is one of the user's own.
pub fn instance(own: &Instance, count: usize) -> String {
    let are = if count == 1 { "is" } else { "are" };
    format!("{} {are} provably from {}. Do you have an account on that server?", messages(count), own.host)
}

/// What the dry run found: by network, and by verdict and rule.
pub fn found(networks: &BTreeMap<String, usize>, totals: &Totals, by_own_rules: bool) -> String {
    let mut all: Vec<_> = networks.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let each: Vec<_> = all.iter().map(|(title, count)| format!("{title} {count}")).collect();
    let count: usize = networks.values().sum();
    let noun = if count == 1 { "notification of a new follower" } else { "notifications of new followers" };
    let rules = if by_own_rules { "your rules.toml" } else { "the built-in rules" };
    format!(
        "\n{count} {noun} in the inbox, of the last twelve months: {}\n\nBy {rules}:\n{}",
        each.join(", "),
        totals.in_words()
    )
}

/// The dry run found nothing.
pub const NOTHING_FOUND: &str =
    "\nNo notification of a new follower in the inbox is from the last twelve months.\n";

/// Asks whether profiles may be looked up.
pub fn look_up(count: usize, instances: &[Instance]) -> String {
    let servers: Vec<_> = instances.iter().map(|own| own.host.to_string()).collect();
    let show = if count == 1 { "shows" } else { "show" };
    format!(
        "{} of your own server {show} no counts, so rules about them cannot judge. followsift can ask {} for the follower's public \
         profile, and asks nobody else, so the follower does not learn of it. Look them up?",
        messages(count),
        servers.join(" and ")
    )
}

/// What was written, with what it is.
pub fn written_files(files: &[(String, &str)]) -> String {
    let width = super::columns::widest(files.iter().map(|(file, _)| file.as_str()));
    let line = |(file, what): &(String, &str)| format!("  {}  {what}\n", super::columns::padded(file, width));
    format!("\nwritten:\n{}", files.iter().map(line).collect::<String>())
}

/// What to do next. `settings` is the option that names the file, where it is not at its usual place.
pub fn next(settings: &str, act: bool) -> String {
    let sweep = format!("followsift{settings} sweep --dry-run --since 30d");
    let run = format!("followsift{settings} run");
    let width = sweep.len();
    let watches = if act { "watches the inbox" } else { "watches the inbox, and moves nothing yet" };
    format!(
        "\nnext:\n  {sweep}  shows what would happen to each message of the last month\n  {run:<width$}  {watches}; `followsift help \
         operation` makes it a service\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back_from_the_settings() {
        for text in ["ann", "a\"b\\c", "\u{7f}\u{1}\t\u{85}", "Zoë"] {
            let table = format!("user = {}", quoted(text)).parse::<toml::Table>().unwrap();
            assert_eq!(table["user"].as_str(), Some(text));
        }
    }

    #[test]
    fn an_address_is_one_without_a_name() {
        assert!(is_address("ann@home.example") && is_address("\"a@b\"@home.example"));
        for other in
            ["ann", "@home.example", "ann@", "Ann <ann@home.example>", "<ann@home.example>", "a@b\u{7f}"]
        {
            assert!(!is_address(other), "{other}");
        }
    }
}

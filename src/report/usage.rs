//! What is wrong with how a command was called: what was named and is not there, and what is. Pure. Called by `cli`.

use std::fmt::Display;

use crate::diagnostic::nearest;
use crate::mail::NotAMessage;
use crate::settings::Provider;
use crate::text;

/// No account has this name.
pub fn no_account(name: &str, configured: &[&str]) -> String {
    format!("no account `{}` (configured: {})", text::line(name), configured.join(", "))
}

/// No network has this name.
pub fn no_network<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let advice = match nearest(name, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => "`followsift networks` lists them".to_owned(),
    };
    format!("no network is called `{}`\n  {advice}", text::line(name))
}

/// Nothing of a kind has this name.
pub fn misnomer<'k>(what: &str, name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let meant = nearest(name, known).map(|word| format!(": did you mean `{}`?", text::line(word)));
    format!("no {what} is called `{}`{}", text::line(name), meant.unwrap_or_default())
}

/// No mail provider has this name.
pub fn no_provider(name: &str, meant: Option<&Provider>) -> String {
    let advice = match meant {
        Some(meant) => format!("did you mean `{}`?", meant.name),
        None => "`followsift providers` lists them; at any other, write `host` in the settings".to_owned(),
    };
    let name = text::line(name);
    match name.contains('@') {
        true => format!("the provider of `{name}` is not known\n  {advice}"),
        false => format!("no provider is called `{name}`\n  {advice}"),
    }
}

/// What `backtest` was given is neither a file nor the name of a folder.
pub fn no_place(name: impl Display) -> String {
    format!("no such file, or folder of an account: {name}")
}

/// `backtest` was given nothing, and there is no account to read.
pub const NOTHING_TO_READ: &str = "no account is configured whose folders could be read; name files";

/// The file of this name contains no message.
pub fn not_a_message(name: &str, what: NotAMessage) -> String {
    let what = match what {
        NotAMessage::Empty => "is empty",
        NotAMessage::Compressed => return format!("{name} is compressed: unpack it first"),
        NotAMessage::Outlook => "is an Outlook item (.msg), not the source of a message",
        NotAMessage::Utf16 => "is text in UTF-16, not the source of a message",
        NotAMessage::Html => "is a web page (HTML), not the source of a message",
        NotAMessage::Pdf => "is a PDF document, not the source of a message",
        NotAMessage::Rtf => "is formatted text (RTF), not the source of a message",
        NotAMessage::Text => "has no message header, so it is not the source of a message",
        NotAMessage::Binary => "is binary data, not the source of a message",
    };
    format!("{name} {what}: in your mail program, save the message as .eml")
}

/// Another followsift works on the account, and no service can be asked.
pub const NO_SOCKET: &str = "if that is the service, it has no socket that this command can reach: see `RuntimeDirectory=` in its unit";

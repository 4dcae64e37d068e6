//! What servers' words mean when they refuse: the built-in table `config/refusals.toml`. It leads to advice alone; followsift decides
//! by response codes. Called by `advice`. Pure.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::settings::Provider;

/// The table. A test parses it, so that it is never empty.
static REFUSALS: LazyLock<Vec<Entry>> = LazyLock::new(|| parse(FILE).unwrap_or_default());

const FILE: &str = include_str!("../../config/refusals.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    refusal: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    words: String,
    provider: Option<String>,
    means: Meaning,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Meaning {
    /// An app password is needed.
    AppPassword,
    /// IMAP is switched off.
    ImapOff,
    /// IMAP is switched off, or the password is wrong.
    ImapOrPassword,
    /// Too many connections.
    TooMany,
    /// Too many logins or commands within a while.
    Throttled,
    /// The user has to confirm this login.
    Blocked,
    /// Passwords are not accepted.
    Oauth2,
    /// The server rejects the program.
    NoId,
}

fn parse(text: &str) -> Result<Vec<Entry>, toml::de::Error> {
    toml::from_str::<Table>(text).map(|table| table.refusal)
}

/// What these words of a server mean, if they are known.
pub(super) fn meaning(words: &str, provider: Option<&Provider>) -> Option<Meaning> {
    let words = words.to_lowercase();
    let is_there = |entry: &&Entry| {
        let name = entry.provider.as_deref();
        name.is_none_or(|name| provider.is_some_and(|provider| provider.name == name))
            && words.contains(&entry.words)
    };
    REFUSALS.iter().find(is_there).map(|entry| entry.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_right() {
        let entries = parse(FILE).unwrap();
        assert!(entries.len() > 15);
        for (at, entry) in entries.iter().enumerate() {
            assert_eq!(entry.words, entry.words.to_lowercase());
            assert!(
                entry.provider.as_deref().is_none_or(|name| Provider::named(name).is_some()),
                "{}",
                entry.words
            );
            let hidden = entries.iter().take(at).find(|earlier| {
                entry.words.contains(&earlier.words)
                    && (earlier.provider.is_none() || earlier.provider == entry.provider)
            });
            assert!(hidden.is_none(), "`{}` is never reached", entry.words);
        }
    }

    #[test]
    fn the_words_of_providers_are_known() {
        for (words, provider, means) in [
            (
                "[ALERT] Application-specific password required: https://p.example (Failure)",
                None,
                Some(Meaning::AppPassword),
            ),
            (
                "[ALERT] Please log in via your web browser: https://p.example (Failure)",
                None,
                Some(Meaning::Blocked),
            ),
            ("[WEBALERT https://p.example] Web login required.", None, Some(Meaning::Blocked)),
            ("[ALERT] Your account is not enabled for IMAP use. (Failure)", None, Some(Meaning::ImapOff)),
            ("[ALERT] Too many simultaneous connections. (Failure)", None, Some(Meaning::TooMany)),
            ("Too many login failures", None, Some(Meaning::Throttled)),
            ("[ALERT] LOGIN DENIED -- TOO MANY FAILURES", None, Some(Meaning::Throttled)),
            ("[OVERQUOTA] Account exceeded command or bandwidth limits.", None, Some(Meaning::Throttled)),
            ("LOGIN failed.", Some("outlook"), Some(Meaning::Oauth2)),
            ("LOGIN failed.", None, None),
            ("LOGIN failed.", Some("gmail"), None),
            ("SELECT Unsafe Login. Please contact kefu@188.com for help", Some("163"), Some(Meaning::NoId)),
            ("[AUTHENTICATIONFAILED] LOGIN Invalid credentials", Some("yahoo"), None),
            (
                "[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=x",
                None,
                Some(Meaning::ImapOrPassword),
            ),
            ("", None, None),
        ] {
            assert_eq!(meaning(words, provider.and_then(Provider::named)), means, "{words}");
        }
    }
}

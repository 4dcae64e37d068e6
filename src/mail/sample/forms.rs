//! How addresses, links, hosts, tokens and words look in running text and in texts that are for programs.

use std::sync::LazyLock;

use regex::Regex;

/// A run of letters and digits of this length is a token, if it has both.
pub(super) const TOKEN: usize = 16;

/// `ann@home.example`, `@ann` or `@ann@home.example`.
fn address_form() -> String {
    format!("(?:{OF_ADDRESS}|[._%+=-])*@(?:{OF_ADDRESS}|[_.-])+(?:@(?:{OF_ADDRESS}|[.-])+)?")
}

#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
pub(super) static RUNNING: LazyLock<Regex> = LazyLock::new(|| {
    let address = address_form();
    Regex::new(&format!(
        r#"(?P<url>https?://[^\s<>"\]\[]+)|(?P<bare>(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|{LABEL}(?:\.{LABEL})*\.[A-Za-z]{{2,}}/)[^\s<>"\]\[]+)|(?P<address>{address})|(?P<token>[A-Za-z0-9_-]{{{TOKEN},}})|(?P<host>{LABEL}(?:\.{LABEL})+)|(?P<word>{WORD})"#
    ))
    .unwrap()
});
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
pub(super) static OPAQUE: LazyLock<Regex> = LazyLock::new(|| {
    let (address, label) = (address_form(), format!("{WORD}(?:[-_]+{WORD})*"));
    Regex::new(&format!(
        r#"(?P<url>https?://[^\s<>"\]\[,;]+)|(?P<address>{address})|(?P<host>{label}(?:\.{label})+)|(?P<word>{WORD})"#
    ))
    .unwrap()
});
const LABEL: &str = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*";
const WORD: &str = r"[\p{L}\p{N}\p{M}]+";
/// Scripts without blanks between words would make what follows an address a part of it.
const OF_ADDRESS: &str = r"[[\p{L}\p{N}\p{M}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]]";

/// Is it long, with letters and digits, as the numbers by which a network knows somebody are?
pub(super) fn is_token(word: &str) -> bool {
    word.len() >= TOKEN
        && word.is_ascii()
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

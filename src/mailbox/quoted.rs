//! Quoted strings (RFC 9051, section 9): written and read. Pure.

use secrecy::zeroize::Zeroizing;

/// The quoted string that `text` begins with, and what follows it.
pub(super) fn take_quoted(text: &[u8]) -> Option<(String, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut string = String::new();
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((string, rest)),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                rest = after;
                string.push(char::from(*escaped));
            }
            b' '..=b'~' => string.push(char::from(*byte)),
            _ => return None,
        }
    }
}

/// Can it be sent as a quoted string?
pub(super) fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The inside of a quoted string. The text may be a secret, hence the buffer, which never grows.
pub(super) fn escaped(text: &str) -> Zeroizing<String> {
    let mut escaped = Zeroizing::new(String::with_capacity(text.len() * 2));
    for c in text.chars() {
        if matches!(c, '\\' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Takes the backslashes of a quoted string away, which the parser leaves in. A name with a backslash that was sent as a
/// literal, and so has none, is recognised by its not being well quoted.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, c == '\\') {
            (_, true) => match characters.next() {
                Some(special @ ('"' | '\\')) => plain.push(special),
                _ => return text.to_owned(),
            },
            (c, false) => plain.push(c),
        }
    }
    plain
}

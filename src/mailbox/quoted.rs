//! Reads and writes quoted strings (RFC 9051, section 9). Pure. Called by `names`, `answer`, `line` and `redactor`.

use secrecy::zeroize::Zeroizing;

/// The quoted string at the start of `text`, and the rest.
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

/// Can the text be sent as a quoted string?
pub(super) fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The inside of a quoted string. The text may be a secret, so the buffer is wiped and never grows.
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

/// Removes the backslashes of a quoted string, which the parser leaves in. A name that was sent as a literal is not escaped; it
/// is recognised because its backslashes are not valid escapes.
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

//! The header fields of a sample: their names as they are, their values with other words.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::MailHeader;
use regex::{Captures, Regex};

use super::words::Words;
use crate::mail::encoded_word;
use crate::mail::field::text_of;

/// The longest piece of an encoded word, in bytes (RFC 2047, section 2).
const PIECE: usize = 42;
/// The width at which a field is folded.
const WIDTH: usize = 76;

#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static ENCODED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"=\?utf-8\?B\?([A-Za-z0-9+/=]*)\?=").unwrap());
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static CHARSET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)charset\s*=\s*("[^"]*"|[^\s;]+)"#).unwrap());
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static BOUNDARY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)boundary\s*=\s*("[^"]*"|[^\s;]+)"#).unwrap());
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)(name)\*?[0-9]?\*?\s*=\s*("[^"]*"|[^\s;]+)"#).unwrap());
#[expect(clippy::unwrap_used, reason = "constants, which the tests compile")]
static SIGNATURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(bh?)\s*=\s*[A-Za-z0-9+/=\s]*").unwrap());

/// Appends a field. `boundary` and `encoding` are those of the part.
pub(super) fn write(
    text: &mut String,
    field: &MailHeader<'_>,
    words: &Words,
    boundary: &str,
    encoding: &str,
) {
    let name = field.get_key_ref();
    let name = name.trim();
    let value = text_of(field).replace(['\r', '\n'], "");
    let value = encoded_word::in_strict_form(&value).into_owned();
    let value = match name.to_ascii_lowercase().as_str() {
        "content-type" => {
            let value = CHARSET.replace_all(&value, "charset=utf-8");
            let value = BOUNDARY.replace_all(&value, format!("boundary={boundary}").as_str());
            without_other_parameters(&NAME.replace_all(&value, "$1=file"))
        }
        "content-disposition" => without_other_parameters(&NAME.replace_all(&value, "$1=file")),
        "content-transfer-encoding" => encoding.to_owned(),
        "mime-version" | "date" => value,
        "content-language" => value.chars().take_while(char::is_ascii_alphabetic).take(2).collect(),
        "message-id" | "in-reply-to" | "references" | "content-id" => {
            value.split_whitespace().map(|id| words.id(id)).collect::<Vec<_>>().join(" ")
        }
        "subject" | "from" | "sender" => each_piece(&value, |piece| words.text(piece)),
        // ARC repeats what other fields have.
        name if name.starts_with("arc-") => return,
        "dkim-signature" | "domainkey-signature" => {
            let value = SIGNATURE.replace_all(&value, "$1=x");
            value.split(';').filter_map(|tag| signature_tag(tag, words)).collect::<Vec<_>>().join(";")
        }
        _ => each_piece(&value, |piece| words.opaque(piece)),
    };
    let mut width = name.len() + 1;
    let _ = write!(text, "{name}:");
    for word in value.split_whitespace() {
        if width + word.len() >= WIDTH && width > name.len() + 1 {
            text.push_str("\n ");
            width = 1;
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += word.len();
    }
    text.push('\n');
}

/// The type, and the parameters that a sample has values of its own for.
fn without_other_parameters(value: &str) -> String {
    let of_ours = |part: &&str| {
        let (name, value) = part.split_once('=').unwrap_or_default();
        let name = name.trim().to_ascii_lowercase();
        ["charset", "boundary", "name", "filename"].contains(&name.as_str())
            || name == "format" && value.trim().eq_ignore_ascii_case("flowed")
    };
    let mut parts = value.split(';');
    let kind = parts.next().unwrap_or_default();
    std::iter::once(kind).chain(parts.filter(of_ours)).collect::<Vec<_>>().join(";")
}

/// A tag of a signature: the sender's domain and the selector stay, and the names of the fields, but not what they were.
fn signature_tag(tag: &str, words: &Words) -> Option<String> {
    match tag.split_once('=').map(|(name, value)| (name.trim(), value)) {
        Some(("z", _)) => None,
        Some(("d", value)) => Some(format!(" d={}", words.opaque(value.trim()))),
        Some(("i", value)) => {
            let (local, host) = value.rsplit_once('@').unwrap_or(("", value));
            Some(format!(" i={}@{}", words.opaque(local), words.opaque(host.trim())))
        }
        _ => Some(tag.to_owned()),
    }
}

/// Replaces the decoded text of each encoded word, and what is between them; the result is ASCII.
fn each_piece(value: &str, replace: impl Fn(&str) -> String) -> String {
    let mut replaced = String::new();
    let mut end = 0;
    for found in ENCODED.captures_iter(value) {
        let Some(whole) = found.get(0) else { continue };
        push(&mut replaced, &replace(value.get(end..whole.start()).unwrap_or_default()));
        replaced.push_str(&encoded(&replace(&decoded(&found))));
        end = whole.end();
    }
    push(&mut replaced, &replace(value.get(end..).unwrap_or_default()));
    replaced
}

fn decoded(found: &Captures<'_>) -> String {
    let bytes = found.get(1).and_then(|digits| STANDARD.decode(digits.as_str()).ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text that is not encoded so far; words that are not ASCII are encoded, those that follow one another as one, since the blank
/// between two encoded ones does not count (RFC 2047, section 6.2).
fn push(value: &mut String, text: &str) {
    let words: Vec<_> = text.split(' ').collect();
    let mut is_first = true;
    for run in words.chunk_by(|one, next| one.is_ascii() == next.is_ascii()) {
        if !is_first {
            value.push(' ');
        }
        is_first = false;
        let run = run.join(" ");
        if run.is_ascii() { value.push_str(&run) } else { value.push_str(&encoded(&run)) }
    }
}

fn encoded(text: &str) -> String {
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > PIECE {
            words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&piece)));
            piece.clear();
        }
        piece.push(c);
    }
    words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(&piece)));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_ascii_keep_the_blanks_between_them() {
        for text in ["Олена Гайдай теперь на X y.", " \"Ø x\" Å <a@b.example>", "plain  text ", "é"]
        {
            let mut value = String::new();
            push(&mut value, text);
            assert!(value.is_ascii(), "{value}");
            assert_eq!(encoded_word::decoded(&value), text, "{value}");
        }
        let long = "Ж".repeat(100);
        assert_eq!(encoded_word::decoded(&encoded(&long)), long);
    }
}

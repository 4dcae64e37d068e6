//! Decodes the encoded words of header fields (RFC 2047), also as widespread programs write them against its grammar: cut
//! within a character or within an escape, and without a blank between two words or beside one.
//!
//! Never fails: what it cannot decode stays as it is. Never parses addresses; `people` does. Called by `message` and `people`.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use charset::Charset;

use super::part::{lenient_base64, quoted_printable};

/// An encoded word: `=?utf-8?B?w6k=?=`.
struct Word<'v> {
    place: Range<usize>,
    charset: Charset,
    encoding: Encoding,
    payload: &'v str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Base64,
    Quoted,
}

/// The value with its encoded words decoded. Line breaks stay.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    replaced(value, |text, word, _| text.push_str(word))
}

/// The value with each run of encoded words as a single one in the strict form, which mailparse decodes once it has separated
/// the addresses.
pub(super) fn in_strict_form(value: &str) -> Cow<'_, str> {
    replaced(value, |text, word, after| {
        let is_apart = |c: Option<char>| {
            c.is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '(' | ')' | '<' | '>' | ','))
        };
        if !is_apart(text.chars().next_back()) {
            text.push(' ');
        }
        text.push_str("=?utf-8?B?");
        base64::engine::general_purpose::STANDARD.encode_string(word, text);
        text.push_str("?=");
        if !is_apart(after.chars().next()) {
            text.push(' ');
        }
    })
}

/// The value, where `push` writes each run of encoded words, which it gets with the text after the run.
fn replaced(value: &str, push: impl Fn(&mut String, &str, &str)) -> Cow<'_, str> {
    // Most values end here.
    if !value.contains('=') {
        return Cow::Borrowed(value);
    }
    let words = words(value);
    let text = |range: Range<usize>| value.get(range).unwrap_or_default();
    let (mut result, mut end) = (String::new(), 0);
    // White space between two encoded words does not count (section 6.2).
    for run in words.chunk_by(|one, next| text(one.place.end..next.place.start).trim().is_empty()) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        result.push_str(text(end..first.place.start));
        end = last.place.end;
        push(&mut result, &run_decoded(run), text(end..value.len()));
    }
    if words.is_empty() {
        return Cow::Borrowed(value);
    }
    result.push_str(text(end..value.len()));
    Cow::Owned(result)
}

/// The text of adjacent words. Those of one charset and encoding are joined before they are decoded, since many programs cut
/// the encoded text anywhere.
fn run_decoded(run: &[Word<'_>]) -> String {
    let is_alike =
        |one: &Word<'_>, next: &Word<'_>| one.charset == next.charset && one.encoding == next.encoding;
    let mut text = String::new();
    for alike in run.chunk_by(is_alike) {
        let Some(first) = alike.first() else { continue };
        let payload: String = alike.iter().map(|word| word.payload).collect();
        let bytes = match first.encoding {
            Encoding::Base64 => lenient_base64(payload.as_bytes()),
            // A blank at the end of a line would not count.
            Encoding::Quoted => quoted_printable(payload.replace(['_', ' '], "=20").as_bytes()),
        };
        text.push_str(&first.charset.decode_without_bom_handling(&bytes).0);
    }
    text
}

/// All encoded words of a value, in order. Takes time linear in its length.
fn words(value: &str) -> Vec<Word<'_>> {
    let (mut words, mut at) = (Vec::new(), 0);
    // No quoted word ends before this place.
    let mut endless = 0;
    while let Some(start) = value.get(at..).and_then(|rest| rest.find("=?")).map(|found| at + found) {
        at = match word(value, start, &mut endless) {
            Some(word) => {
                let end = word.place.end;
                words.push(word);
                end
            }
            None => start + 2,
        };
    }
    words
}

fn word<'v>(value: &'v str, start: usize, endless: &mut usize) -> Option<Word<'v>> {
    let (label, rest) = value.get(start + 2..)?.split_once('?')?;
    // A language may follow the charset (RFC 2231, section 5).
    let label = label.split('*').next().unwrap_or_default();
    let charset = Charset::for_label_no_replacement(label.as_bytes())?;
    let (encoding, payload) = rest.split_once('?')?;
    let begin = value.len() - payload.len();
    let (encoding, length) = match encoding {
        "B" | "b" => {
            let (payload, after) = payload.split_once('?')?;
            let is_base64 =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b' ' | b'\t');
            (
                Encoding::Base64,
                (after.starts_with('=') && payload.bytes().all(is_base64)).then_some(payload.len())?,
            )
        }
        "Q" | "q" if begin >= *endless => match quoted_end(payload) {
            Ok(length) => (Encoding::Quoted, length),
            Err(length) => {
                *endless = begin + length;
                return None;
            }
        },
        _ => return None,
    };
    let payload = payload.get(..length)?;
    Some(Word { place: start..begin + length + 2, charset, encoding, payload })
}

/// Where the payload of a quoted word ends; an error with where its line ends if it does not. Some programs leave a question
/// mark in it, perhaps with an escape after it.
fn quoted_end(payload: &str) -> Result<usize, usize> {
    let bytes = payload.as_bytes();
    let is_escape = |digits: &[u8]| digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
    for (at, byte) in bytes.iter().enumerate() {
        let ends = || bytes.get(at + 1) == Some(&b'=') && !bytes.get(at + 2..at + 4).is_some_and(is_escape);
        match byte {
            b'\n' => return Err(at),
            b'?' if ends() => return Ok(at),
            _ => {}
        }
    }
    Err(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        assert_eq!(decoded(value), expected, "{value}");
    }

    #[test]
    fn words_in_the_strict_form_are_decoded() {
        check("plain =? text", "plain =? text");
        check("=?utf-8?B?SsO2cmc=?= follows", "Jörg follows");
        check("=?iso-8859-1?q?J=F6rg_L?= =?UTF-8?B?w6w=?=\r\n x", "Jörg Lì\r\n x");
        check("=?utf-8*de?Q?J=C3=B6rg?=", "Jörg");
        check("=?iso-2022-jp?B?GyRCOjRGIxsoQg==?=", "佐藤");
        check("=?utf-8?Q??=x", "x");
    }

    #[test]
    fn a_character_or_an_escape_may_be_cut() {
        // Each of base64 words decodes on its own, but the character in the middle does not.
        check("=?UTF-8?B?SsM=?=\r\n =?UTF-8?B?tnJn?=", "Jörg");
        check("=?utf-8?Q?J=C3?= =?UTF-8?Q?=B6rg?=", "Jörg");
        check("=?utf-8?Q?J=C?= =?utf-8?Q?3=B6rg?=", "Jörg");
        check("=?utf-8?B?SsO2c?= =?utf-8?B?mc=?=", "Jörg");
        check("=?gb2312?B?0g==?= =?gb2312?B?uw==?=", "一");
    }

    #[test]
    fn words_of_another_charset_or_encoding_are_decoded_apart() {
        check("=?utf-8?B?w7Y=?= =?utf-8?Q?=C3=B6?= =?iso-8859-1?Q?=F6?=", "ööö");
        check("=?utf-8?B?ww==?= =?iso-8859-1?Q?=B6?=", "\u{fffd}¶");
    }

    #[test]
    fn no_blank_is_needed_between_words_or_beside_one() {
        check("=?utf-8?B?SsO2?==?utf-8?B?cmc=?=", "Jörg");
        check("[=?utf-8?Q?J=C3=B6rg?=]:x", "[Jörg]:x");
        check("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab");
    }

    #[test]
    fn what_cannot_be_decoded_stays() {
        for value in [
            "=?nonsense?B?SsO2?=",
            "=?utf-8?X?SsO2?=",
            "=?utf-8?B?***?=",
            "=?utf-8?B?SsO2",
            "=?utf-8?Q?a\r\n b?=",
            "=?",
            "=?utf-8",
        ] {
            check(value, value);
        }
    }

    #[test]
    fn a_question_mark_may_stand_in_a_quoted_word() {
        check("=?utf-8?Q?Really?=3F_?=!", "Really?? !");
    }

    #[test]
    fn the_strict_form_reads_the_same_and_hides_what_separates_addresses() {
        let strict = in_strict_form("=?utf-8?Q?A=2C?==?utf-8?Q?_=3Cb@c=3E?=x <n@toot.example>");
        assert_eq!(strict, "=?utf-8?B?QSwgPGJAYz4=?= x <n@toot.example>");
        assert!(matches!(in_strict_form("Ann <n@toot.example>"), Cow::Borrowed(_)));
    }

    #[test]
    fn hostile_values_take_linear_time() {
        // Quadratic time would be hours.
        for piece in
            ["=?", "=?utf-8?Q?", "=?utf-8?Q?\n", "=?utf-8?Q?x?=41", "=?utf-8?B?x", "=?utf-8?Q?a?= ", "?="]
        {
            let value = piece.repeat(400_000);
            assert!(decoded(&value).len() <= value.len());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_decoded_without_a_panic(value in "(=\\?|\\?=|\\?|utf-8|Q|B|[a-zA-Zö=\r\n ]){0,40}") {
            let _ = (decoded(&value), in_strict_form(&value));
        }

        #[test]
        fn text_cut_into_words_anywhere_reads_as_a_whole(text in "\\PC{1,30}", size in 1..9_usize) {
            let base64 = base64::engine::general_purpose::STANDARD;
            let words: Vec<_> =
                text.as_bytes().chunks(size).map(|piece| format!("=?utf-8?B?{}?=", base64.encode(piece))).collect();
            for words in [words.join(" "), words.concat()] {
                proptest::prop_assert_eq!(decoded(&words), text.as_str());
            }
        }
    }
}

//! Makes text harmless: the one rule for which characters from a message, a server, a file or a file's name may reach a
//! terminal, a journal or a fact.
//!
//! All output goes through this room. The same characters are *unfit* everywhere: control characters (C0 and C1), which a
//! terminal obeys; characters that change the direction of writing or end a line; and invisible characters
//! (Default_Ignorable_Code_Point, Unicode, section 5.21), which hide one word in another. What happens to them differs:
//!
//! | strength | for | an unfit character |
//! | --- | --- | --- |
//! | [`one_line`] | facts and subjects, which rules compare | is dropped; white space is folded, the text composed and cut |
//! | [`line()`] | names, paths and causes in a sentence or an event | is shown as its escape, white space as a blank |
//! | [`screen`] | all that a command prints, as a second line of defence | is shown as its escape; line ends and colours stay |
//! | [`cited`] | lines of a file below a finding | is replaced by as many bytes, so that columns stay correct |
//! | [`json`] | JSON | becomes a JSON escape, so that the value stays the same |
//! | [`ascii`] | a server's words | becomes a blank, like all that is not printable ASCII |
//! | [`visible`] | text that rules compare | is dropped if it is invisible |
//!
//! Joiners and variation selectors stay where emoji and scripts need them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc, is_nfc_quick};

/// At most `cap` characters of `text` as one line in NFC, with white space folded to single spaces and no unfit character.
///
/// Joiners (U+200C, U+200D) and variation selectors stay where emoji, Persian and Indic scripts need them, never in a Latin
/// word.
pub fn one_line(text: &str, cap: usize) -> String {
    // Most lines are plain already; normalising them costs ten times as much as checking.
    let text = text.trim_ascii();
    if text.len() <= cap && is_plain(text) {
        return text.to_owned();
    }
    // So does composing what is composed.
    let is_composed = is_nfc_quick(text.chars()) == IsNormalized::Yes;
    let line = if is_composed { folded(text.chars(), cap) } else { folded(text.nfc(), cap) };
    // A dropped character may have stood between a letter and its accent; in a line as long as before, none was dropped.
    if is_composed && line.len() == text.len() || is_nfc(&line) { line } else { folded(line.nfc(), cap) }
}

fn folded(text: impl Iterator<Item = char>, cap: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut gap = false;
    let mut joiner = None;
    for c in text {
        if is_blank(c) {
            gap = true;
            continue;
        }
        if is_joiner(c) {
            joiner = Some(c);
            continue;
        }
        let selects = is_selector(c)
            && !gap
            && joiner.is_none()
            && line.chars().next_back().is_some_and(takes_selector);
        if is_unfit(c) && !selects {
            continue;
        }
        if count >= cap {
            break;
        }
        let joiner = joiner.take();
        if gap && !line.is_empty() {
            line.push(' ');
            count += 1;
        } else if let Some(joiner) = joiner
            && !c.is_ascii()
            && line.chars().next_back().is_some_and(|before| !before.is_ascii())
        {
            line.push(joiner);
            count += 1;
        }
        gap = false;
        if count >= cap {
            break;
        }
        line.push(c);
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// ASCII without control characters and without two spaces in a row.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Without a way out, the compiler takes many bytes at a time.
    let is_printable = bytes.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    is_printable && !pairs.fold(false, |any, (one, next)| any | (*one == b' ') & (*next == b' '))
}

/// The text on one line: white space of any kind becomes a blank, and an unfit character its escape, `\u{1b}`.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |c, _, shown| match c {
        c if c.is_whitespace() => shown.push(' '),
        c => push_escape(shown, c),
    })
}

/// Text of several lines as a command prints it: an unfit character becomes its escape. Line ends and tabs stay, and, if
/// `coloured`, the sequences that set a colour (ECMA-48, SGR).
pub fn screen(text: &str, coloured: bool) -> Cow<'_, str> {
    shown(text, |c, rest, shown| match c {
        '\n' | '\t' => shown.push(c),
        '\r' if rest.text.starts_with('\n') => {}
        '\u{1b}' if coloured => match colour(rest) {
            Some(colour) => {
                shown.push(c);
                shown.push_str(colour);
                rest.text = rest.text.get(colour.len()..).unwrap_or_default();
            }
            None => push_escape(shown, c),
        },
        c => push_escape(shown, c),
    })
}

/// The sequence after an escape, if it sets a colour or a weight; `None` if it hides text (8) or swaps its colours (7).
fn colour<'t>(rest: &Rest<'t>) -> Option<&'t str> {
    let end = rest.text.find('m')?;
    let sequence = rest.text.get(..=end)?;
    let words = sequence.strip_prefix('[')?.strip_suffix('m')?;
    let is_colour =
        |word: &str| matches!(word.as_bytes(), [b'0'..=b'4'] | [b'3' | b'9', b'0'..=b'7']) || word.is_empty();
    words.split(';').all(is_colour).then_some(sequence)
}

/// Text of a file, cited below a finding. Line ends stay, and each character keeps its length in bytes.
pub fn cited(text: &str) -> Cow<'_, str> {
    shown(text, |c, rest, shown| match (c, c.len_utf8()) {
        ('\n' | '\t', _) => shown.push(c),
        ('\r', _) if rest.text.starts_with('\n') => shown.push(c),
        (c, _) if !is_unfit(c) => shown.push(c),
        (_, 1) => shown.push('?'),
        (_, 2) => shown.push('·'),
        (_, 3) => shown.push('\u{fffd}'),
        _ => shown.push_str("\u{fffd}?"),
    })
}

/// JSON as a serialiser wrote it: unfit characters occur only in its strings, and are escaped there.
pub fn json(text: &str) -> Cow<'_, str> {
    shown(text, |c, _, shown| {
        if c == '\n' {
            shown.push(c);
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string never fails.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

/// At most `cap` characters of a server's words: printable ASCII, on one line.
pub fn ascii(text: &str, cap: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(cap).collect();
    clean.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without invisible characters, as in NFKC_Casefold (Unicode, section 3.13): `air<U+3164>drop` is `airdrop`. The
/// empty Braille pattern becomes a blank.
pub fn visible(text: &str) -> impl Iterator<Item = char> + '_ {
    let text = text.chars().filter(|c| !is_ignorable(*c));
    text.map(|c| if c == EMPTY_BRAILLE { ' ' } else { c })
}

/// The text, where `replace` writes each unfit character and each blank that is not a plain one.
fn shown<'t>(text: &'t str, mut replace: impl FnMut(char, &mut Rest<'t>, &mut String)) -> Cow<'t, str> {
    if !text.chars().any(|c| is_unfit(c) || is_blank(c) && c != ' ') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = Rest { text, before: None };
    while let Some(c) = rest.next() {
        let stays = if is_joiner(c) {
            let follows = rest.text.chars().next();
            rest.before.is_some_and(|before| !before.is_ascii() && !is_joiner(before))
                && follows.is_some_and(|c| !c.is_ascii() && !is_unfit(c))
        } else if is_selector(c) {
            rest.before.is_some_and(takes_selector)
        } else {
            !is_unfit(c) && (c == ' ' || !is_blank(c))
        };
        if stays {
            shown.push(c);
        } else {
            replace(c, &mut rest, &mut shown);
        }
        rest.before = stays.then_some(c);
    }
    Cow::Owned(shown)
}

/// The unread rest of a text, and the character before it, if it stayed.
struct Rest<'t> {
    text: &'t str,
    before: Option<char>,
}

impl Iterator for Rest<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut chars = self.text.chars();
        let c = chars.next();
        self.text = chars.as_str();
        c
    }
}

fn push_escape(shown: &mut String, c: char) {
    if is_blank(c) && !c.is_control() {
        shown.push(' ');
    } else {
        shown.extend(c.escape_unicode());
    }
}

/// The Braille pattern without dots: not white space to Unicode, but looks like a blank.
const EMPTY_BRAILLE: char = '\u{2800}';

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == EMPTY_BRAILLE
}

/// Is it invisible, or does a terminal or a browser obey it?
fn is_unfit(c: char) -> bool {
    // U+2028 and U+2029 end a line; as white space, they become blanks.
    !matches!(c, ' '..='~')
        && (c.is_control()
            || is_ignorable(c)
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}'))
}

/// Default_Ignorable_Code_Point: invisible characters, and those that change the direction of writing.
const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// Which blocks of 256 characters contain one of them. Most letters are in none of these blocks, which saves a search.
static BLOCKS: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let mut blocks = vec![false; 0x1100];
    for block in IGNORABLE.iter_ranges().flat_map(|range| range.start() >> 8..=range.end() >> 8) {
        if let Some(block) = blocks.get_mut(usize::try_from(block).unwrap_or(usize::MAX)) {
            *block = true;
        }
    }
    blocks
});

fn is_ignorable(c: char) -> bool {
    let block = usize::try_from(u32::from(c) >> 8).unwrap_or(usize::MAX);
    !c.is_ascii() && BLOCKS.get(block).is_some_and(|any| *any) && IGNORABLE.contains(c)
}

/// Does it show nothing, and is not white space? Such characters hide a name, or one word in another.
pub fn is_invisible(c: char) -> bool {
    c == EMPTY_BRAILLE || is_ignorable(c)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Does it select the text or the emoji form of the character before it?
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// Can an emoji begin with it? Digits can, in keycaps.
fn takes_selector(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*' | '\u{2139}' | '\u{24c2}' | '\u{1f100}'..='\u{1f1ff}')
        || (!c.is_ascii() && !c.is_alphabetic() && !is_unfit(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_leave_out_no_character() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), IGNORABLE.contains(c), "{c:?}");
        }
    }

    /// Characters that are invisible, that change the direction of writing, or that a terminal obeys.
    const UNFIT: &str = "\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180e}\
        \u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{206f}\u{3164}\
        \u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{1bca0}\u{1bca3}\u{1d173}\u{1d17a}\u{e0001}\u{e0041}\u{e0100}\u{e01ef}";

    #[test]
    fn white_space_is_folded_and_trimmed() {
        assert_eq!(one_line("  Ann\r\n\t Lima\u{a0}\u{3000}x ", 99), "Ann Lima x");
        assert_eq!(one_line("a\u{2800}b\u{2800}", 99), "a b");
    }

    #[test]
    fn nothing_is_left_that_a_terminal_or_a_browser_obeys() {
        assert_eq!(
            one_line("\u{1b}[31mred\u{7} \u{202e}gnp.exe\u{2069}\u{feff}\u{0}", 99),
            "[31mred gnp.exe"
        );
        assert_eq!(one_line("c\u{200b}r\u{200c}y\u{200d}p\u{2060}to", 99), "crypto");
    }

    #[test]
    fn invisible_characters_are_not_a_name_and_do_not_split_a_word() {
        for c in UNFIT.chars() {
            assert_eq!(one_line(&c.to_string(), 99), "", "{c:?}");
            let parted = one_line(&format!("air{c}drop"), 99);
            assert!(matches!(parted.as_str(), "airdrop" | "air drop"), "{parted:?}");
        }
        assert_eq!(visible("air\u{3164}dr\u{34f}op\u{fe0f}").collect::<String>(), "airdrop");
    }

    #[test]
    fn emoji_and_persian_keep_their_joiners_and_selectors() {
        for text in [
            "👩\u{200d}🚀",
            "می\u{200c}خواهم",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0f}\u{200d}🔥",
            "☺\u{fe0e}",
        ] {
            assert_eq!(one_line(text, 99), text);
            assert_eq!(line(text), text);
            assert_eq!(screen(text, false), text);
        }
        assert_eq!(one_line("a\u{fe0f}b", 9), "ab");
    }

    #[test]
    fn the_cap_counts_characters() {
        assert_eq!(one_line("äöü", 2), "äö");
        assert_eq!(one_line("a b", 2), "a");
        assert_eq!(one_line("", 0), "");
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(one_line("e\u{301}", 9), "é");
        // Found by fuzzing: two accents in the wrong order, with a dropped character between them.
        for between in ["", "\0", "\u{200B}"] {
            let text = format!("e\u{308}\u{35D}{between}\u{31A}");
            assert_eq!(one_line(&text, 9), "ë\u{31A}\u{35D}", "{between:?}");
        }
    }

    #[test]
    fn a_line_shows_an_unfit_character_as_its_escape() {
        assert_eq!(line("a\u{1b}[2Jb\nc\u{202e}d\u{9b}e"), "a\\u{1b}[2Jb c\\u{202e}d\\u{9b}e");
        assert_eq!(line("Ann's \"Spam\""), "Ann's \"Spam\"");
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_screen_keeps_only_lines_and_colours() {
        assert_eq!(screen("\u{1b}[1m\u{1b}[31ma\u{1b}[0m\n\tb", true), "\u{1b}[1m\u{1b}[31ma\u{1b}[0m\n\tb");
        assert_eq!(screen("\u{1b}[38;5;12m", true), "\\u{1b}[38;5;12m");
        for hostile in ["\u{1b}[2J", "\u{1b}[8m", "\u{1b}]0;x\u{7}", "\u{1b}", "\u{9b}2J", "\r", "\u{1b}[31"]
        {
            let shown = screen(hostile, true);
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        assert_eq!(screen("\u{1b}[31m", false), "\\u{1b}[31m");
    }

    #[test]
    fn no_strength_lets_an_unfit_character_through() {
        let words = |c: char| format!("a{c}b {c}{c} c{c}");
        for c in UNFIT.chars() {
            let text = words(c);
            for shown in
                [line(&text), screen(&text, true), cited(&text), json(&text), ascii(&text, 99).into()]
            {
                assert!(!shown.contains(c) && !shown.chars().any(is_unfit), "{c:?} {shown:?}");
            }
            assert_eq!(cited(&text).len(), text.len(), "{c:?}");
        }
    }

    #[test]
    fn a_cited_character_keeps_its_place() {
        let text = "é\u{1b}x\u{9b}y\u{202e}z\u{e0041}\n\ta";
        let cited = cited(text);
        for c in ['x', 'y', 'z', 'a'] {
            assert_eq!(cited.find(c), text.find(c));
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = format!("a{UNFIT}b");
        let written = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<String>(&json(&written)).unwrap(), value);
    }

    #[test]
    fn a_servers_words_are_ascii() {
        assert_eq!(ascii("\u{1b}[31mno\r\nwäy", 99), "[31mno w y");
        assert_eq!(ascii("abcdef", 3), "abc");
    }
}

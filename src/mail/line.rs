//! Text from mails made safe for every output: one line, nothing that a terminal or a browser would obey.
//!
//! Every text fact of a follower passes through here, and so do the subjects, lines and templates that are
//! compared with each other.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// At most `cap` characters of `text` as one line in NFC: white space folded to single spaces, without
/// control, bidirectional and invisible characters.
///
/// Joiners (U+200C, U+200D) stay between two characters that are not ASCII: emoji, Persian and Indic scripts
/// need them, a Latin word does not.
pub fn one_line(text: &str, cap: usize) -> String {
    // Most lines are plain already; normalising them costs ten times as much as looking.
    let text = text.trim_ascii();
    if text.len() <= cap && is_plain(text) {
        return text.to_owned();
    }
    let line = folded(text.nfc(), cap);
    // What was taken out may have stood between a letter and its accent.
    if is_nfc(&line) { line } else { folded(line.nfc(), cap) }
}

fn folded(text: impl Iterator<Item = char>, cap: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut gap = false;
    let mut joiner = None;
    for c in text {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if matches!(c, '\u{200C}' | '\u{200D}') {
            joiner = Some(c);
            continue;
        }
        if is_invisible(c) {
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

/// ASCII without controls, and without two spaces in a row.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) && !bytes.windows(2).any(|pair| pair == b"  ")
}

/// Controls (other than white space), bidirectional marks, and characters without a width of their own that
/// only serve to hide or to reorder (Unicode categories Cc and Cf, but for the joiners).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_and_trimmed() {
        assert_eq!(one_line("  Ann\r\n\t Lima\u{a0}\u{3000}x ", 99), "Ann Lima x");
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
    fn emoji_and_persian_keep_their_joiners() {
        assert_eq!(one_line("👩\u{200d}🚀", 99), "👩\u{200d}🚀");
        assert_eq!(one_line("می\u{200c}خواهم", 99), "می\u{200c}خواهم");
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
        // Found by fuzzing: two accents in the wrong order, with what is taken out between them.
        for between in ["", "\0", "\u{200B}"] {
            let text = format!("e\u{308}\u{35D}{between}\u{31A}");
            assert_eq!(one_line(&text, 9), "ë\u{31A}\u{35D}", "{between:?}");
        }
    }
}

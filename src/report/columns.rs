//! Text in columns, by the width that a terminal shows: a Chinese character takes two places, a combining accent none.
//! Called by the tables of `report`.

use unicode_width::UnicodeWidthStr as _;

/// The widest of these texts.
pub(super) fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(width).max().unwrap_or(0)
}

/// How many places a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text with the blanks behind it that bring it to `places`.
pub(super) fn padded(text: &str, places: usize) -> String {
    format!("{text}{:1$}", "", places.saturating_sub(width(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_equally_wide_is() {
        assert_eq!(padded("ann", 6), "ann   ");
        assert_eq!(padded("\u{5c71}\u{7530}", 6), "\u{5c71}\u{7530}  ");
        assert_eq!(padded("cafe\u{301}", 6), "cafe\u{301}  ");
        assert_eq!(padded("longer than that", 6), "longer than that");
        assert_eq!(widest(["a", "\u{5c71}\u{7530}", "abc"].into_iter()), 4);
    }
}

//! Parses numbers as networks print them: grouped, rounded, with the unit words of a language. We found no crate that does.

use super::fact::Shown;

/// The longest text parsed as a number, in bytes.
pub(super) const LONGEST: usize = 400;

/// How one language prints numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numerals {
    /// The decimal separator.
    pub(super) decimal: char,
    /// Unit words and their values.
    pub(super) units: Vec<(String, u64)>,
}

impl Default for Numerals {
    fn default() -> Self {
        Self { decimal: '.', units: Vec::new() }
    }
}

impl Numerals {
    /// The number in `text`, as printed: `8,46 Tsd.` is 8460, whatever it was before rounding. A dash stands for a hidden
    /// number.
    ///
    /// `None` if the text is not a number in this language.
    pub(super) fn read(&self, text: &str) -> Option<Shown<u64>> {
        let text = text.trim();
        if matches!(text, "-" | "–" | "—") {
            return Some(Shown::NotShown);
        }
        let is_numeric = |c: char| digit(c).is_some() || is_separator(c) || c == self.decimal;
        let end = text.find(|c: char| !is_numeric(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        // A unit word follows directly or after a space, which is then not a group separator.
        let (number, unit) = (number.trim_end_matches(is_space), unit.trim());
        if unit.is_empty() {
            return whole(number).map(Shown::Value);
        }
        // Albanian abbreviates thousand and million alike. The smaller value is nearly always right, and a large account
        // that is taken for a smaller one still does not look empty.
        let size = self.units.iter().filter(|(word, _)| word == unit).map(|(_, size)| *size).min()?;
        scaled(number, self.decimal, size).map(Shown::Value)
    }
}

fn digit(c: char) -> Option<u64> {
    // ASCII, Arabic-Indic and Persian digits.
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6F0}'..='\u{6F9}' => '\u{6F0}',
        _ => return None,
    };
    Some(u64::from(u32::from(c) - u32::from(zero)))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}')
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | '’' | '٬' | '٫') || is_space(c)
}

/// A number without a unit: plain, or in groups of three with one and the same separator.
fn whole(text: &str) -> Option<u64> {
    let mut separator = None;
    let mut value: u64 = 0;
    let mut in_group = 0;
    let mut groups = 0;
    for c in text.chars() {
        if let Some(digit) = digit(c) {
            value = value.checked_mul(10)?.checked_add(digit)?;
            in_group += 1;
        } else {
            let full = if groups == 0 { (1..=3).contains(&in_group) } else { in_group == 3 };
            if !full || *separator.get_or_insert(c) != c {
                return None;
            }
            groups += 1;
            in_group = 0;
        }
    }
    (in_group > 0 && (groups == 0 || in_group == 3)).then_some(value)
}

/// A number before a unit word, times that unit.
fn scaled(text: &str, decimal: char, size: u64) -> Option<u64> {
    let (before, after) = text.split_once(decimal).unwrap_or((text, ""));
    let mut value = whole(before)?.checked_mul(size)?;
    let mut part = size;
    for c in after.chars() {
        part /= 10;
        value = value.checked_add(digit(c)?.checked_mul(part)?)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numerals(decimal: char, units: &[(&str, u64)]) -> Numerals {
        Numerals { decimal, units: units.iter().map(|(word, size)| ((*word).to_owned(), *size)).collect() }
    }

    fn check(numerals: &Numerals, text: &str, expected: impl Into<Option<u64>>) {
        assert_eq!(numerals.read(text).map(|shown| shown.value().copied()), Some(expected.into()), "{text}");
    }

    #[test]
    fn units_are_those_of_the_language() {
        let german = numerals(',', &[("Tsd.", 1_000), ("Mio.", 1_000_000)]);
        check(&german, "8,46 Tsd.", 8_460);
        check(&german, "3,2\u{a0}Mio.", 3_200_000);
        check(&german, "999", 999);
        let russian = numerals(',', &[("тыс.", 1_000)]);
        check(&russian, "1,033 тыс.", 1_033);
        let spanish = numerals(',', &[("m", 1_000), ("M", 1_000_000)]);
        check(&spanish, "15,3 m", 15_300);
        check(&spanish, "2m", 2_000);
        check(&spanish, "1,5 M", 1_500_000);
        let persian = numerals('٫', &[("ه", 1_000)]);
        check(&persian, "2٫71ه", 2_710);
    }

    #[test]
    fn without_a_unit_separators_make_groups_of_three() {
        let english = numerals('.', &[("K", 1_000)]);
        for text in ["12,450", "12.450", "12 450", "12\u{202f}450", "12'450", "12450"] {
            check(&english, text, 12_450);
        }
        check(&english, "1.033K", 1_033);
        check(&english, "1,234.5K", 1_234_500);
        check(&english, "0", 0);
    }

    #[test]
    fn a_dash_shows_no_number() {
        check(&numerals('.', &[]), "-", None);
    }

    #[test]
    fn an_ambiguous_unit_word_means_the_smaller_size() {
        let albanian = numerals('.', &[("M", 1_000), ("M", 1_000_000)]);
        check(&albanian, "2.71M", 2_710);
    }

    #[test]
    fn nonsense_is_not_a_number() {
        let english = numerals('.', &[("K", 1_000), ("M", 1_000_000)]);
        for text in [
            "",
            "K",
            "1.2.3K",
            "12,45",
            "1,2,3",
            "1.5",
            "1..5K",
            ",1",
            "1,",
            "1K2",
            "99999999999999999999",
            "9e9",
        ] {
            assert_eq!(english.read(text), None, "{text}");
        }
        assert_eq!(english.read("18446744073709551615M"), None);
    }
}

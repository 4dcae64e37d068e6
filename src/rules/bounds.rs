//! Parses conditions on numbers and durations: `2001`, `">= 2000"`, `"2k"`, `"10..20"`, `"< 30 days"`; and formats numbers for
//! evidence.

use std::fmt;

use super::fact::Type;
use super::interval::Interval;

/// The seconds of a day.
pub(crate) const DAY: f64 = 86_400.0;

/// The numbers that a condition accepts. Durations are in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// What it accepts.
    pub(crate) interval: Interval,
    unit: Type,
    /// As evidence shows it: `>= 2000`, `10..20`; empty if only one number is accepted.
    shown: String,
}

/// The interval of the numbers in a relation to one number.
type Relation = fn(f64) -> Interval;

/// What is wrong with a number, and what to write instead.
#[derive(Debug, PartialEq)]
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) label: String,
}

fn unreadable<T>(message: impl Into<String>, label: impl Into<String>) -> Result<T, Unreadable> {
    Err(Unreadable { message: message.into(), label: label.into() })
}

impl Bounds {
    /// From a bare number.
    pub(crate) fn exactly(number: f64, unit: Type) -> Result<Self, Unreadable> {
        if unit == Type::Duration {
            let label = format!("add a unit: \"< {number} days\"");
            return unreadable(format!("invalid duration `{number}`"), label);
        }
        if number < 0.0 {
            return unreadable("this can never hold", "this is never below 0");
        }
        Self::checked(Interval::between(number, number), unit)
    }

    /// From a number with a relation, or a range.
    pub(crate) fn parse(text: &str, unit: Type) -> Result<Self, Unreadable> {
        let text = text.trim();
        if let Some((low, high)) = text.split_once("..") {
            return Self::range(text, low, high, unit);
        }
        for wrong in ["=>", "=<", "==", "!=", "<>", "≥", "≤"] {
            if let Some(rest) = text.strip_prefix(wrong) {
                let rest = rest.trim();
                let label = match wrong {
                    "=>" | "≥" => format!("write \">= {rest}\""),
                    "=<" | "≤" => format!("write \"<= {rest}\""),
                    "==" => format!("write \"{rest}\""),
                    _ => "put the condition into `not`".to_owned(),
                };
                return unreadable(format!("unknown comparison `{wrong}`"), label);
            }
        }
        let relations: [(&str, Relation); 5] = [
            (">=", |number| Interval::from(number, false)),
            ("<=", |number| Interval::up_to(number, false)),
            (">", |number| Interval::from(number, true)),
            ("<", |number| Interval::up_to(number, true)),
            ("=", |number| Interval::between(number, number)),
        ];
        for (relation, interval) in relations {
            if let Some(rest) = text.strip_prefix(relation) {
                return Self::checked(interval(amount(rest.trim(), unit)?), unit);
            }
        }
        let number = amount(text, unit)?;
        Self::checked(Interval::between(number, number), unit)
    }

    fn range(text: &str, low: &str, high: &str, unit: Type) -> Result<Self, Unreadable> {
        let (low, high) = (low.trim(), high.trim());
        if low.is_empty() && high.is_empty() {
            return unreadable(
                format!("`{text}` has no end"),
                "expected a range such as \"10..20\" or \"..10\"",
            );
        }
        let end = |text: &str, none: f64| if text.is_empty() { Ok(none) } else { amount(text, unit) };
        let interval = Interval::between(end(low, 0.0)?, end(high, f64::INFINITY)?);
        if interval.is_empty() {
            let label = format!("write \"{high}..{low}\"");
            return unreadable(format!("nothing is in this range: {low} is more than {high}"), label);
        }
        Self::checked(interval, unit)
    }

    fn checked(interval: Interval, unit: Type) -> Result<Self, Unreadable> {
        let shown = show_interval(&interval, unit);
        let interval = interval.and(&Interval::ALL);
        let interval = if unit == Type::Count { interval.whole() } else { interval };
        if interval.is_empty() {
            let label = match unit {
                Type::Count => "this is a whole number, from 0 up",
                _ => "this is never below 0",
            };
            return unreadable("this can never hold", label);
        }
        Ok(Self { interval, unit, shown })
    }

    /// `2001 >= 2000`: evidence shows the value and the condition.
    pub(crate) fn evidence(&self, seen: f64) -> String {
        let seen = self.amount(seen);
        if self.shown.is_empty() { seen } else { format!("{seen} {}", self.shown) }
    }

    /// A number as evidence shows it, with its unit: rounded, but never to an end of the interval that it does not equal.
    pub(crate) fn amount(&self, number: f64) -> String {
        let ends = [self.interval.low, self.interval.high].into_iter().filter(|end| *end != number);
        let ends: Vec<_> = ends.filter(|end| end.is_finite()).map(|end| show_end(end, self.unit)).collect();
        let shown = (0..MOST_DIGITS).map(|more| show_amount(number, self.unit, more));
        let mut shown = shown.skip_while(|shown| ends.contains(shown));
        shown.next().unwrap_or_else(|| show_amount(number, self.unit, MOST_DIGITS))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shown.is_empty() {
            f.write_str(&show_end(self.interval.low, self.unit))
        } else {
            f.write_str(&self.shown)
        }
    }
}

fn show_interval(interval: &Interval, unit: Type) -> String {
    let show = |number| show_end(number, unit);
    match (interval.low, interval.high) {
        (low, high) if low == high => String::new(),
        (low, high) if high.is_infinite() => {
            format!("{} {}", if interval.low_open { ">" } else { ">=" }, show(low))
        }
        (0.0, high) => format!("{} {}", if interval.high_open { "<" } else { "<=" }, show(high)),
        (low, high) => format!("in {}..{}", show(low), show(high)),
    }
}

/// The most extra digits tried to distinguish two numbers.
const MOST_DIGITS: usize = 12;

/// A number of the rules file: a duration in the largest unit that it fills, anything else unchanged.
fn show_end(number: f64, unit: Type) -> String {
    if unit == Type::Duration { show_amount(number, unit, 0) } else { number.to_string() }
}

/// A number with three decimals, or below 1 three significant ones, and `more` beyond these; a duration in the largest unit
/// that it fills.
fn show_amount(number: f64, unit: Type, more: usize) -> String {
    let plain = |number: f64, decimals: usize| {
        let shown = format!("{number:.decimals$}");
        shown.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if unit != Type::Duration {
        let zeros = (1..=15).take_while(|zeros| number > 0.0 && number < 0.1_f64.powi(*zeros)).count();
        return plain(number, 3 + zeros + more);
    }
    let units = [(DAY, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    let (length, word) = units.into_iter().find(|(length, _)| number >= *length).unwrap_or((1.0, "second"));
    let scale = 10_f64.powi(1 + i32::try_from(more).unwrap_or(0));
    let count = (number / length * scale).floor() / scale;
    format!("{} {word}{}", plain(count, 1 + more), if count == 1.0 { "" } else { "s" })
}

/// One number, such as `2k`, or one duration, in seconds.
fn amount(text: &str, unit: Type) -> Result<f64, Unreadable> {
    if unit == Type::Duration { duration(text) } else { number(text, unit) }
}

fn duration(text: &str) -> Result<f64, Unreadable> {
    match humantime::parse_duration(text) {
        Ok(length) => Ok(length.as_secs_f64()),
        Err(_) if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
            unreadable(format!("`{text}` has no unit"), format!("add a unit: \"{text} days\""))
        }
        Err(_) => {
            unreadable(format!("invalid duration `{text}`"), "write it like \"30 days\" or \"12 hours\"")
        }
    }
}

fn number(text: &str, unit: Type) -> Result<f64, Unreadable> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits.trim_end(), 1e3),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits.trim_end(), 1e6),
            None => (text, 1.0),
        },
    };
    let plain = digits.replace('_', "");
    let decimal = plain.chars().all(|c| c.is_ascii_digit() || c == '.') && plain.matches('.').count() <= 1;
    if let Some(number) = plain.parse::<f64>().ok().filter(|number| decimal && *number <= 1e15) {
        return Ok(number * factor);
    }
    let message =
        if text.is_empty() { "a number is missing".to_owned() } else { format!("`{text}` is not a number") };
    let parted: String = text.chars().filter(|c| !matches!(c, ',' | ' ' | '\'' | '.')).collect();
    if parted == text && decimal && !text.is_empty() {
        return unreadable(message, "expected at most 1000000000000000");
    }
    if !parted.is_empty() && parted.chars().all(|c| c.is_ascii_digit()) {
        return unreadable(message, format!("write {parted}, without the separator"));
    }
    if let Some((low, high)) = text.split_once('-')
        && [low, high].iter().all(|end| number(end.trim(), unit).is_ok())
    {
        return unreadable(message, format!("write \"{}..{}\"", low.trim(), high.trim()));
    }
    unreadable(message, format!("expected {}", unit.expects()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str, unit: Type, number: f64) -> bool {
        Bounds::parse(text, unit).unwrap().interval.contains(number)
    }

    #[test]
    fn a_number_is_written_in_many_ways() {
        for (text, yes, no) in [
            ("2001", 2001.0, 2000.0),
            (">= 2000", 2000.0, 1999.0),
            (">2k", 2001.0, 2000.0),
            ("< 1.5k", 1499.0, 1500.0),
            ("<=2M", 2e6, 2e6 + 1.0),
            ("10..20", 20.0, 21.0),
            ("10 .. 20", 10.0, 9.0),
            ("..10", 0.0, 11.0),
            ("10..", 1e9, 9.0),
            ("= 2_000", 2000.0, 1.0),
        ] {
            assert!(accepts(text, Type::Count, yes), "{text}");
            assert!(!accepts(text, Type::Count, no), "{text}");
        }
        assert!(accepts(">= 1.5", Type::Quantity, 1.5));
        assert!(!accepts("> 1.5", Type::Quantity, 1.5));
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert!(accepts("< 30 days", Type::Duration, 29.9 * DAY));
        assert!(accepts("1 week..2 weeks", Type::Duration, 8.0 * DAY));
        assert!(accepts(">= 12h", Type::Duration, DAY));
        assert_eq!(Bounds::parse("< 30", Type::Duration).unwrap_err().label, "add a unit: \"30 days\"");
        assert!(Bounds::exactly(30.0, Type::Duration).is_err());
    }

    #[test]
    fn an_invalid_number_says_what_to_write_instead() {
        for (text, label) in [
            ("=> 10", "write \">= 10\""),
            ("2,000", "write 2000, without the separator"),
            (">= 2'000", "write 2000, without the separator"),
            ("99999999999999999", "expected at most 1000000000000000"),
            ("10-20", "write \"10..20\""),
            ("20..10", "write \"10..20\""),
            ("== 5", "write \"5\""),
            ("!= 5", "put the condition into `not`"),
            ("< 0", "this is a whole number, from 0 up"),
            ("1.5", "this is a whole number, from 0 up"),
            ("..", "expected a range such as \"10..20\" or \"..10\""),
        ] {
            assert_eq!(Bounds::parse(text, Type::Count).unwrap_err().label, label, "{text}");
        }
        for text in ["", "many", "1e5", "inf", "-1", ">=", "k", "1.2.3"] {
            assert!(Bounds::parse(text, Type::Quantity).is_err(), "{text}");
        }
    }

    #[test]
    fn evidence_shows_the_value_and_the_condition() {
        for (text, unit, seen, expected) in [
            (">= 2k", Type::Count, 2001.0, "2001 >= 2000"),
            ("10..20", Type::Count, 15.0, "15 in 10..20"),
            ("0", Type::Count, 0.0, "0"),
            ("..10", Type::Count, 3.0, "3 <= 10"),
            (">= 1.5", Type::Quantity, 2.0 / 3.0 + 1.0, "1.667 >= 1.5"),
            (">= 10", Type::Quantity, 29_999.0 / 3000.0, "9.9997 >= 10"),
            (">= 0.0001", Type::Quantity, 0.000_031_26, "0.0000313 >= 0.0001"),
            (">= 0.0001", Type::Quantity, 0.000_099_999_96, "0.00009999996 >= 0.0001"),
            ("> 1.00001", Type::Quantity, 1.0, "1 > 1.00001"),
            (">= 0.5", Type::Quantity, 0.5, "0.5 >= 0.5"),
            ("> 0", Type::Quantity, 0.0, "0 > 0"),
            ("<= 30 days", Type::Duration, 30.04 * DAY, "30.04 days <= 30 days"),
            ("< 30 days", Type::Duration, 30.0 * DAY, "30 days < 30 days"),
            ("< 30 days", Type::Duration, 36.0 * 3600.0, "1.5 days < 30 days"),
        ] {
            assert_eq!(Bounds::parse(text, unit).unwrap().evidence(seen), expected);
        }
    }

    proptest! {
        #[test]
        fn a_relation_accepts_exactly_its_numbers(limit in 0_u32..40, number in 0_u32..40) {
            let accepts = |text: String| match Bounds::parse(&text, Type::Count) {
                Ok(bounds) => bounds.interval.contains(f64::from(number)),
                // No value is below 0.
                Err(_) => false,
            };
            prop_assert_eq!(accepts(format!(">= {limit}")), number >= limit);
            prop_assert_eq!(accepts(format!("> {limit}")), number > limit);
            prop_assert_eq!(accepts(format!("<= {limit}")), number <= limit);
            prop_assert_eq!(accepts(format!("<{limit}")), number < limit);
            prop_assert_eq!(accepts(format!("{limit}")), number == limit);
            prop_assert_eq!(accepts(format!("{limit}..")), number >= limit);
            prop_assert_eq!(accepts(format!("..{limit}")), number <= limit);
            prop_assert_eq!(accepts(format!("{limit}..{}", limit + 5)), (limit..=limit + 5).contains(&number));
        }

        #[test]
        fn any_text_gives_bounds_that_accept_a_number_or_says_what_to_write_instead(
            text in prop_oneof![any::<String>(), "[<>=]{0,2} ?[0-9._kKm]{0,6}(\\.\\.)?[0-9k]{0,4}( days)?"],
        ) {
            for unit in [Type::Count, Type::Quantity, Type::Duration] {
                match Bounds::parse(&text, unit) {
                    Ok(bounds) => prop_assert!(!bounds.interval.is_empty()),
                    Err(wrong) => prop_assert!(!wrong.message.is_empty() && !wrong.label.is_empty()),
                }
            }
        }

        #[test]
        fn evidence_never_rounds_a_number_to_an_end_of_the_interval(limit in 0.0001_f64..1e6, seen in 0.0_f64..1e6) {
            let bounds = Bounds::parse(&format!(">= {limit}"), Type::Quantity).unwrap();
            let shown: f64 = bounds.amount(seen).parse().unwrap();
            prop_assert!(seen == limit || shown != limit, "{} >= {}", seen, limit);
        }
    }
}

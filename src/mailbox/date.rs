//! Reads and writes IMAP dates (RFC 9051, section 9: date-time and date). Pure. Called by `answer` and `fetch`.

use chrono::DateTime;

/// The last second of the year 9999: IMAP's years have four digits.
const END: i64 = 253_402_300_799;

/// Seconds since 1970 UTC of an INTERNALDATE such as ` 7-Jul-1996 02:44:25 -0700`.
pub(super) fn seconds(text: &str) -> Option<i64> {
    // IMAP pads a one-digit day with a blank; some servers omit it.
    DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok().map(|moment| moment.timestamp())
}

/// The UTC day of a moment, as SEARCH expects it: `7-Jul-1996`. A moment before 1970 counts as 1970.
pub(super) fn day(seconds: i64) -> String {
    let moment = DateTime::from_timestamp(seconds.clamp(0, END), 0).unwrap_or_default();
    moment.format("%-d-%b-%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_date_is_parsed() {
        for (text, moment) in [
            ("01-Jan-1970 00:00:00 +0000", Some(0)),
            (" 1-Jan-1970 01:00:00 +0100", Some(0)),
            ("17-Jul-1996 02:44:25 -0700", Some(837_596_665)),
            ("29-Feb-2024 12:00:00 +0530", Some(1_709_188_200)),
            ("31-Dec-1969 23:59:59 +0000", Some(-1)),
            ("7-Jul-1996 02:44:25 -0700", Some(836_732_665)),
            ("17-jul-1996 02:44:25 -0700", Some(837_596_665)),
            ("30-Feb-2024 12:00:00 +0000", None),
            ("17-Foo-1996 02:44:25 -0700", None),
            ("99999999999999999999-Jul-1996 02:44:25 -0700", None),
            ("17-Jul-1996 02:44:25 é700", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), moment, "{text}");
        }
    }

    #[test]
    fn a_day_is_written() {
        for (moment, text) in [
            (0, "1-Jan-1970"),
            (837_596_665, "17-Jul-1996"),
            (1_709_188_200, "29-Feb-2024"),
            (-1, "1-Jan-1970"),
            (i64::MAX, "31-Dec-9999"),
        ] {
            assert_eq!(day(moment), text);
        }
    }
}

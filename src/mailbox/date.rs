//! Dates as IMAP writes them (RFC 9051, section 9: date-time and date). Pure.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

/// Seconds since 1970 UTC of an INTERNALDATE such as ` 7-Jul-1996 02:44:25 -0700`.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    let (date, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let mut date = date.split('-');
    let day: i64 = date.next()?.parse().ok()?;
    let name = date.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    let year: i64 = date.next()?.parse().ok()?;
    let mut clock = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("+", offset) => (1, offset.parse::<i64>().ok()?),
        ("-", offset) => (-1, offset.parse::<i64>().ok()?),
        _ => return None,
    };
    let sane = (1..=31).contains(&day)
        && (1..=9999).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && (0..10_000).contains(&offset);
    if !sane {
        return None;
    }
    let offset = sign * (offset / 100 * 3600 + offset % 100 * 60);
    let days = days(year, i64::try_from(month).ok()? + 1, day);
    Some(days * DAY + hour * 3600 + minute * 60 + second - offset)
}

/// The day of a moment in UTC, as SEARCH takes it: `7-Jul-1996`.
pub(super) fn day(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let month = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
    format!("{day}-{month}-{year:04}")
}

// Both ways by Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have 400 years.

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_date_is_a_moment() {
        for (text, moment) in [
            ("01-Jan-1970 00:00:00 +0000", Some(0)),
            (" 1-Jan-1970 01:00:00 +0100", Some(0)),
            ("17-Jul-1996 02:44:25 -0700", Some(837_596_665)),
            ("29-Feb-2024 12:00:00 +0530", Some(1_709_188_200)),
            ("31-Dec-1969 23:59:59 +0000", Some(-1)),
            ("17-Foo-1996 02:44:25 -0700", None),
            ("99999999999999999999-Jul-1996 02:44:25 -0700", None),
            ("17-Jul-1996 02:44:25 é700", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), moment, "{text}");
        }
    }

    #[test]
    fn a_day_comes_back() {
        for (moment, text) in [
            (0, "1-Jan-1970"),
            (837_596_665, "17-Jul-1996"),
            (1_709_188_200, "29-Feb-2024"),
            (-1, "31-Dec-1969"),
        ] {
            assert_eq!(day(moment), text);
        }
        for days_since in (-800_000..2_900_000).step_by(97) {
            let (year, month, day) = civil(days_since);
            assert_eq!(days(year, month, day), days_since);
        }
    }
}

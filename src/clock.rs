//! A moment in time. The only file that reads the machine's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDateTime, Utc};

/// The last second of the year 9999: dates are printed with four digits for the year.
const END: i64 = 253_402_300_799;

/// A moment, in whole seconds since 1970 (UTC). IMAP's INTERNALDATE is no finer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The day in UTC: `2027-01-15`.
    pub fn date(self) -> String {
        self.in_utc().format("%F").to_string()
    }

    /// Day and time in UTC: `2027-01-15T08:00:00Z`.
    pub fn rfc3339(self) -> String {
        self.in_utc().format("%FT%TZ").to_string()
    }

    /// What [`Timestamp::rfc3339`] wrote; `None` if it is not of that form, or outside the years 1970 to 9999.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let moment = NaiveDateTime::parse_from_str(text, "%FT%TZ").ok()?.and_utc().timestamp();
        let moment = Self((0..=END).contains(&moment).then_some(moment)?);
        (moment.rfc3339() == text).then_some(moment)
    }

    /// Day and minute in UTC: `2027-01-15 08:00`.
    pub fn minute(self) -> String {
        self.in_utc().format("%F %R").to_string()
    }

    fn in_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.clamp(0, END), 0).unwrap_or_default()
    }

    /// The moment that lies `time` before this one.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(time.as_secs()))
    }
}

/// The current time by the machine's clock; 1970 if the clock is earlier than that.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// How long ago a moment was, such as a file's modification time; `None` if it is in the future.
pub fn time_since(moment: SystemTime) -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    SystemTime::now().duration_since(moment).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_a_date() {
        for (moment, date, whole) in [
            (1_800_000_000, "2027-01-15", "2027-01-15T08:00:00Z"),
            (0, "1970-01-01", "1970-01-01T00:00:00Z"),
            (-1, "1970-01-01", "1970-01-01T00:00:00Z"),
            (i64::MIN, "1970-01-01", "1970-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!((Timestamp(moment).date(), Timestamp(moment).rfc3339()), (date.into(), whole.into()));
            assert_eq!(Timestamp::from_rfc3339(whole), Some(Timestamp(moment.clamp(0, END))));
        }
        for text in
            ["", "2027-01-15", "1969-12-31T23:59:59Z", "+10000-01-01T00:00:00Z", "2027-01-15T08:00:00+01:00"]
        {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
    }
}

//! Days, weeks, months or years, whichever suit the time that is looked at, and how many messages came in each. In UTC.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate};

use super::{Counts, Group};
use crate::clock::Timestamp;

/// How long periods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A day.
    Day,
    /// A week from Monday on.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

/// How many messages came in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub from: NaiveDate,
    /// How many of each kind.
    pub counts: Counts,
}

impl Unit {
    /// The word for one of them.
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// A period as a person writes it.
    pub fn name(self, from: NaiveDate) -> String {
        let form = match self {
            Self::Day | Self::Week => "%-d %b %Y",
            Self::Month => "%b %Y",
            Self::Year => "%Y",
        };
        from.format(form).to_string()
    }

    /// The unit of which at most three dozen fit into so many days; years are as many as they are.
    fn fitting(days: i64) -> Self {
        match days {
            ..=21 => Self::Day,
            22..=190 => Self::Week,
            191..=1_100 => Self::Month,
            _ => Self::Year,
        }
    }

    fn start(self, date: NaiveDate) -> NaiveDate {
        let start = match self {
            Self::Day => Some(date),
            Self::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            Self::Month => date.with_day(1),
            Self::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        start.unwrap_or(date)
    }

    fn next(self, from: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => from.checked_add_days(Days::new(1)),
            Self::Week => from.checked_add_days(Days::new(7)),
            Self::Month => from.checked_add_months(Months::new(1)),
            Self::Year => from.checked_add_months(Months::new(12)),
        }
    }
}

/// The day of a moment, as a person writes it.
pub(super) fn day(moment: Timestamp) -> String {
    Unit::Day.name(date(moment))
}

fn date(moment: Timestamp) -> NaiveDate {
    // 1970 to 9999, like every date that followsift prints.
    DateTime::from_timestamp(moment.0.clamp(0, 253_402_300_799), 0).unwrap_or_default().date_naive()
}

/// The periods from `since`, or the first message if that came later, to `until`; empty ones between them included.
pub(super) fn periods(
    since: Timestamp,
    until: Timestamp,
    moments: &[(Timestamp, Group)],
) -> (Unit, Vec<Period>) {
    let first = moments.iter().map(|(at, _)| *at).min().unwrap_or(until).min(until);
    let (first, last) = (date(first.max(since)), date(until));
    let unit = Unit::fitting((last - first).num_days());
    let mut periods = Vec::new();
    let mut from = Some(unit.start(first));
    while let Some(start) = from.filter(|start| *start <= last) {
        periods.push(Period { from: start, counts: Counts::default() });
        from = unit.next(start);
    }
    for (at, group) in moments {
        // A server's clock may be ahead of ours.
        let day = date(*at).min(last);
        let place = periods.partition_point(|period| period.from <= day);
        if let Some(period) = place.checked_sub(1).and_then(|place| periods.get_mut(place)) {
            period.counts.add(*group);
        }
    }
    (unit, periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the periods with how many came in each; `days` are those before the end on which a message came.
    fn counted(since: i64, days: &[i64]) -> (Unit, Vec<(String, u64)>) {
        // A Friday.
        let until = Timestamp(1_795_780_800);
        assert_eq!(date(until).to_string(), "2026-11-27");
        let before = |days: i64| Timestamp(until.0 - days * 86_400);
        let moments: Vec<_> = days.iter().map(|days| (before(*days), Group::Others)).collect();
        let (unit, periods) = periods(before(since), until, &moments);
        (unit, periods.iter().map(|it| (unit.name(it.from), it.counts.all())).collect())
    }

    fn named(named: &[(&str, u64)]) -> Vec<(String, u64)> {
        named.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn the_unit_suits_the_time_and_no_period_is_left_out() {
        let days = [("24 Nov 2026", 2), ("25 Nov 2026", 0), ("26 Nov 2026", 0), ("27 Nov 2026", 1)];
        assert_eq!(counted(7, &[3, 3, 0]), (Unit::Day, named(&days)));
        let weeks = [
            ("26 Oct 2026", 1),
            ("2 Nov 2026", 0),
            ("9 Nov 2026", 0),
            ("16 Nov 2026", 1),
            ("23 Nov 2026", 2),
        ];
        assert_eq!(counted(90, &[30, 5, 4, 0]), (Unit::Week, named(&weeks)));
        let (unit, months) = counted(400, &[365, 0]);
        assert_eq!((unit, months.len()), (Unit::Month, 13));
        assert_eq!(months.first(), Some(&("Nov 2025".to_owned(), 1)));
        let (unit, years) = counted(20_000, &[365 * 3 + 40, 0]);
        assert_eq!((unit, years), (Unit::Year, named(&[("2023", 1), ("2024", 0), ("2025", 0), ("2026", 1)])));
    }

    #[test]
    fn every_message_is_counted_whatever_the_clocks_say() {
        assert_eq!(counted(7, &[-400]), (Unit::Day, named(&[("27 Nov 2026", 1)])));
        assert_eq!(counted(7, &[]).1, named(&[("27 Nov 2026", 0)]));
        let ends = [Timestamp(i64::MIN), Timestamp(i64::MAX)].map(|at| (at, Group::Real));
        let (unit, all) = periods(Timestamp(i64::MIN), Timestamp(1_795_780_800), &ends);
        assert_eq!((unit, all.len(), all.iter().map(|it| it.counts.real).sum()), (Unit::Year, 57, 2));
    }
}

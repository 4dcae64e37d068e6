//! When an account's digest is due, in the user's time zone.
//!
//! Owns `digest` and `time-zone`, and the only calendar in local time: no other file uses jiff. A moment is computed from the day and
//! the hour, so that a change to or from summer time moves it by as much. Reads no clock. `sweep` asks when a digest is due, `daemon`
//! when the next one is, `report` how a day is written.

use std::iter::successors;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::section::Setting;
use crate::clock::Timestamp;

/// The hour of a digest whose setting names none.
const HOUR: Time = Time::constant(7, 0, 0, 0);
/// The day of a weekly one.
const DAY: Weekday = Weekday::Monday;
/// More days than lie between two moments at which a digest is due.
const LONGEST: usize = 9;

const DAYS: [(&str, Option<Weekday>); 9] = [
    ("daily", None),
    ("weekly", Some(DAY)),
    ("monday", Some(Weekday::Monday)),
    ("tuesday", Some(Weekday::Tuesday)),
    ("wednesday", Some(Weekday::Wednesday)),
    ("thursday", Some(Weekday::Thursday)),
    ("friday", Some(Weekday::Friday)),
    ("saturday", Some(Weekday::Saturday)),
    ("sunday", Some(Weekday::Sunday)),
];

/// A time zone: the one that the settings name, else the system's, whatever it is at that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// UTC if the system has none.
    fn now(&self) -> TimeZone {
        self.0.clone().unwrap_or_else(TimeZone::system)
    }

    /// The day of a moment, as people write it: `Monday 23 November 2026`.
    pub fn day(&self, moment: Timestamp) -> String {
        self.date(moment).strftime("%A %-d %B %Y").to_string()
    }

    fn date(&self, moment: Timestamp) -> Date {
        of(moment).to_zoned_datetime(self.now()).date()
    }
}

/// When digests are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestSchedule {
    /// `None` for every day.
    weekday: Option<Weekday>,
    at: Time,
    zone: Zone,
}

/// A digest that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which digest it is: the day in the user's time zone, `2026-11-23`. A later one sorts after it.
    pub period: String,
    /// When it is due, and the end of what it tells.
    pub at: Timestamp,
}

impl DigestSchedule {
    /// Every week, for an account that wants none.
    pub fn weekly(zone: Zone) -> Self {
        Self { weekday: Some(DAY), at: HOUR, zone }
    }

    /// `weekly`, `daily`, or a day of the week, with or without an hour; `None` for anything else.
    fn parse(text: &str, zone: Zone) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let day = words.next()?;
        let (_, weekday) = DAYS.into_iter().find(|(name, _)| *name == day)?;
        let at = words.next().map_or(Some(HOUR), hour)?;
        words.next().is_none().then_some(Self { weekday, at, zone })
    }

    /// The time zone in which it is.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The last digest that is due at `now`.
    pub fn last(&self, now: Timestamp) -> Due {
        let today = self.zone.date(now);
        let past = successors(Some(today), |day| day.yesterday().ok()).take(LONGEST);
        past.filter_map(|day| self.due_on(day)).find(|due| due.at <= now).unwrap_or_else(|| Due::first(now))
    }

    /// The one after it.
    pub fn next(&self, now: Timestamp) -> Due {
        let today = self.zone.date(now);
        let coming = successors(Some(today), |day| day.tomorrow().ok()).take(LONGEST);
        coming.filter_map(|day| self.due_on(day)).find(|due| due.at > now).unwrap_or_else(|| Due::first(now))
    }

    /// The one that is due on this day, if one is. An hour that the change to summer time leaves out is the one after it, and of one
    /// that comes twice the first counts.
    fn due_on(&self, day: Date) -> Option<Due> {
        let is_day = self.weekday.is_none_or(|weekday| weekday == day.weekday());
        let at = day.to_datetime(self.at).to_zoned_datetime(self.zone.now()).ok().filter(|_| is_day)?;
        Some(Due { period: day.to_string(), at: Timestamp(at.timestamp().as_second()) })
    }
}

impl Due {
    /// Before every other: for a moment at the end of the calendar.
    fn first(at: Timestamp) -> Self {
        Self { period: String::new(), at }
    }
}

/// 1970 for a moment outside the calendar.
fn of(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(moment.0).unwrap_or_default()
}

fn hour(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text).ok().filter(|time| text == time.strftime("%H:%M").to_string())
}

/// The value of `digest`.
pub(super) fn schedule(entry: &Setting<'_>, zone: &Zone) -> Option<DigestSchedule> {
    let text = entry.string()?;
    let schedule = DigestSchedule::parse(&text, zone.clone());
    if schedule.is_none() {
        entry.error(
            format!("`{text}` does not say when"),
            "write \"weekly\", \"daily\" or a day, with or without an hour: \"friday 18:00\"",
        );
    }
    schedule
}

/// The value of `time-zone`.
pub(super) fn zone(entry: &Setting<'_>) -> Option<Zone> {
    let name = entry.string()?;
    match TimeZone::get(&name) {
        Ok(zone) => Some(Zone(Some(zone))),
        Err(_) => {
            let label = "write one as `timedatectl list-timezones` lists them: \"Europe/Berlin\"";
            entry.error(format!("the system has no time zone `{name}`"), label);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone(Some(TimeZone::get(name).unwrap()))
    }

    fn schedule(text: &str, zone_name: &str) -> DigestSchedule {
        DigestSchedule::parse(text, zone(zone_name)).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    /// The last digest and the next one at a moment, each as its day and its moment.
    fn check(schedule: &DigestSchedule, now: &str, last: (&str, &str), next: (&str, &str)) {
        let due = |(period, moment): (&str, &str)| Due { period: period.to_owned(), at: at(moment) };
        assert_eq!((schedule.last(at(now)), schedule.next(at(now))), (due(last), due(next)), "{now}");
    }

    #[test]
    fn a_digest_is_due_on_its_day_at_its_hour() {
        for (text, weekday, hour) in [
            ("weekly", Some(Weekday::Monday), "07:00"),
            ("daily", None, "07:00"),
            ("daily 18:30", None, "18:30"),
            (" friday  00:00 ", Some(Weekday::Friday), "00:00"),
            ("sunday 23:59", Some(Weekday::Sunday), "23:59"),
        ] {
            let parsed = schedule(text, "UTC");
            assert_eq!((parsed.weekday, parsed.at.strftime("%H:%M").to_string()), (weekday, hour.to_owned()));
        }
        for text in [
            "",
            "monthly",
            "7:00",
            "daily 7:00",
            "daily 24:00",
            "daily 07:00:00",
            "daily at 07:00",
            "Friday",
            "friday 18.00",
        ] {
            assert_eq!(DigestSchedule::parse(text, Zone::default()), None, "{text}");
        }
    }

    #[test]
    fn the_hour_is_the_users_and_begins_with_the_minute() {
        let weekly = schedule("weekly", "Asia/Kolkata");
        let (before, after) =
            (("2026-11-16", "2026-11-16T01:30:00Z"), ("2026-11-23", "2026-11-23T01:30:00Z"));
        check(&weekly, "2026-11-23T01:29:59Z", before, after);
        check(&weekly, "2026-11-23T01:30:00Z", after, ("2026-11-30", "2026-11-30T01:30:00Z"));
        // In Auckland it is Monday already, in Honolulu still Sunday.
        let (auckland, honolulu) =
            (schedule("weekly", "Pacific/Auckland"), schedule("weekly", "Pacific/Honolulu"));
        assert_eq!(auckland.last(at("2026-11-22T20:00:00Z")).period, "2026-11-23");
        assert_eq!(honolulu.last(at("2026-11-22T20:00:00Z")).period, "2026-11-16");
    }

    #[test]
    fn summer_time_moves_the_moment_and_leaves_no_day_out() {
        let daily = schedule("daily", "Europe/Berlin");
        let day = ("2026-03-29", "2026-03-29T05:00:00Z");
        check(&daily, "2026-03-29T04:59:59Z", ("2026-03-28", "2026-03-28T06:00:00Z"), day);
        let day = ("2026-10-25", "2026-10-25T06:00:00Z");
        check(&daily, "2026-10-25T05:59:59Z", ("2026-10-24", "2026-10-24T05:00:00Z"), day);
        // The hour that summer time leaves out, and the one that comes twice.
        let night = schedule("daily 02:30", "Europe/Berlin");
        let day = ("2026-03-29", "2026-03-29T01:30:00Z");
        check(&night, "2026-03-29T00:59:59Z", ("2026-03-28", "2026-03-28T01:30:00Z"), day);
        let day = ("2026-10-25", "2026-10-25T00:30:00Z");
        check(&night, "2026-10-25T01:30:00Z", day, ("2026-10-26", "2026-10-26T01:30:00Z"));
    }

    #[test]
    fn every_moment_lies_between_two_digests() {
        for text in ["daily", "weekly 02:30", "sunday 23:59"] {
            let schedule = schedule(text, "America/St_Johns");
            for hours in 0..9_000 {
                let now = Timestamp(1_767_225_600 + hours * 3_600);
                let (last, next) = (schedule.last(now), schedule.next(now));
                assert!(last.at <= now && now < next.at && last.period < next.period, "{now:?}");
                assert_eq!((schedule.next(last.at), schedule.last(next.at)), (next.clone(), next), "{now:?}");
            }
        }
        let schedule = schedule("weekly", "UTC");
        for end in [i64::MIN, i64::MAX] {
            assert!(schedule.last(Timestamp(end)).at <= schedule.next(Timestamp(end)).at);
        }
    }

    #[test]
    fn a_day_is_written_in_the_users_time_zone() {
        let zone = zone("America/New_York");
        assert_eq!(zone.day(at("2026-11-23T03:00:00Z")), "Sunday 22 November 2026");
    }
}

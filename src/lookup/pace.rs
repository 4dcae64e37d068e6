//! How long a server is left alone after its answer, or after none. Pure.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::web::http::{HeaderMap, StatusCode};

/// After a failure; doubled with each account in a row for which the server failed.
const FIRST: Duration = Duration::from_secs(60);
/// The longest pause that a server can ask for, and the pause after a refusal.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// After failures for so many accounts in a row, the server is left alone for a day.
const MOST_FAILURES: u32 = 8;

/// When a server may be asked again that failed for so many other accounts in a row before, or whose answer has this status.
pub(super) fn pause(
    status: Option<StatusCode>,
    headers: &HeaderMap,
    failures: u32,
    now: Timestamp,
) -> Timestamp {
    // Without credit, X answers 402.
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::PAYMENT_REQUIRED, StatusCode::FORBIDDEN];
    if failures + 1 >= MOST_FAILURES || status.is_some_and(|status| refused.contains(&status)) {
        return after(now, LONGEST);
    }
    let backoff = after(now, FIRST * (1 << failures.min(MOST_FAILURES)));
    let asked = retry_after(headers, now).or_else(|| reset(headers, now));
    asked.map_or(backoff, |asked| asked.clamp(after(now, FIRST / 60), after(now, LONGEST)))
}

/// When a server may be asked again that has answered, if it says that this was the last request for now.
pub(super) fn exhausted(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let left = text(headers, "x-ratelimit-remaining").or_else(|| text(headers, "x-rate-limit-remaining"))?;
    let left: u64 = left.trim().parse().ok()?;
    if left > 0 {
        return None;
    }
    Some(reset(headers, now)?.min(after(now, LONGEST)))
}

/// Retry-After (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = text(headers, "retry-after")?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(Timestamp(now.0 + i64::from(seconds))),
        Err(_) => Some(Timestamp(chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp())),
    }
}

/// X-RateLimit-Reset: a moment (Mastodon), seconds since 1970, or seconds from now; X writes the name in another way.
fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let text = text(headers, "x-ratelimit-reset").or_else(|| text(headers, "x-rate-limit-reset"))?.trim();
    let moment = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp());
    let number = text.parse::<i64>().ok();
    let number =
        number.map(|number| if (0..1_000_000_000).contains(&number) { now.0 + number } else { number });
    number.or_else(moment).map(Timestamp)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add_unsigned(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds(status: u16, all: &[(&'static str, &str)], failures: u32) -> i64 {
        pause(StatusCode::from_u16(status).ok(), &headers(all), failures, NOW).0 - NOW.0
    }

    #[test]
    fn a_server_says_how_long_it_is_left_alone() {
        for (all, expected) in [
            (&[("retry-after", "120")][..], 120),
            (&[("retry-after", "Fri, 15 Jan 2027 08:05:00 GMT")], 300),
            (&[("x-ratelimit-reset", "2027-01-15T08:04:00.123456Z")], 240),
            (&[("x-ratelimit-reset", "1800000060")], 60),
            (&[("x-ratelimit-reset", "90")], 90),
            (&[("x-rate-limit-reset", "1800000120")], 120),
            (&[("retry-after", "0")], 1),
            (&[("retry-after", "99999999")], 86_400),
            (&[("retry-after", "99999999999999999999")], 60),
            (&[("x-ratelimit-reset", "-9223372036854775808")], 1),
            (&[("retry-after", "soon")], 60),
            (&[], 60),
        ] {
            assert_eq!(seconds(429, all, 0), expected, "{all:?}");
        }
    }

    #[test]
    fn each_failure_doubles_the_pause_and_too_many_open_the_circuit() {
        let pauses: Vec<_> = (0..9).map(|failures| seconds(503, &[], failures)).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 960, 1920, 3840, 86_400, 86_400]);
        assert_eq!(pause(None, &HeaderMap::new(), 0, NOW).0 - NOW.0, 60);
        // It wants a login: it will tomorrow too.
        assert_eq!((seconds(401, &[("retry-after", "1")], 0), seconds(403, &[], 0)), (86_400, 86_400));
    }

    #[test]
    fn the_last_request_that_is_allowed_is_the_last() {
        let reset = ("x-ratelimit-reset", "1800000100");
        assert_eq!(
            exhausted(&headers(&[("x-ratelimit-remaining", "0"), reset]), NOW),
            Some(Timestamp(1_800_000_100))
        );
        assert_eq!(exhausted(&headers(&[("x-ratelimit-remaining", "299"), reset]), NOW), None);
        assert_eq!(exhausted(&headers(&[reset]), NOW), None);
        let x = headers(&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1800000200")]);
        assert_eq!(exhausted(&x, NOW), Some(Timestamp(1_800_000_200)));
    }
}
